# SPDX-License-Identifier: Apache-2.0
"""Boxes that slowly drift off their object, and return.

Tools move boxes along straight lines between keyframes, so a misplaced keyframe pulls
all boxes around it away. No single box stands out, but the whole run does: it bends
off at one frame and back at another, and has a shape in between that people's own
paths rarely have.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import median_filter

from ..boxes import Floats, Rows
from ..findings import find_peaks, make_findings
from ..motion import steady_centers
from ..scene import Scene

DRIFT = "drift"
#: Lengths of drifts, in labeled frames.
LENGTHS = (17, 22, 28, 36, 46)
#: Labeled frames before and after the drift that show the object's own path.
_MARGIN = 10
#: Height in box sizes that people would not notice.
_LEAST = 0.1
#: Boxes of a glitch, which is no drift.
_GLITCH = 3
#: Degree of the polynomials that model smooth paths.
_DEGREE = 3
#: Deviations from a smooth path that are noise: pixels, and box sizes.
_FLOOR_PIXELS, _FLOOR_SIZES = 0.3, 0.01
#: Number of windows at which the usual height of bumps in a track counts as much as
#: that in the sequence.
_FEW = 30
#: Labeled frames that show the velocity before and after a bend, and how far from its
#: best fit a drift may begin or end.
_SLOPE_OVER, _SEARCH = 6, 4
#: Change of velocity in box sizes per labeled frame that is a unit of bending.
_BEND = 0.01
#: Windows begin at every other box of a track; the lengths are further apart.
_STRIDE = 2
_CHUNK = 2_000


@dataclass(frozen=True)
class _Shapes:
    """The shapes of drifts of one length.

    Attributes:
        smooth: array ``(w, d)``, orthonormal smooth paths
        shapes: array ``(w, s)``, unit drifts, orthogonal to the smooth paths
        heights: array ``(s,)``, the norm of a drift with a height of 1
    """

    smooth: Floats
    shapes: Floats
    heights: Floats


@dataclass(frozen=True)
class _Bumps:
    """The bumps of one length that fit the ``m`` windows of a sequence.

    Attributes:
        heights: array ``(m, 2, s)``, horizontal and vertical height of each shape, in
            box sizes
        clearness: array ``(m, s)``, the square root of the F statistic
    """

    heights: Floats
    clearness: Floats


def find_drift(scene: Scene) -> pd.DataFrame:
    """Find runs that drift off the smooth path of their track, and return.

    A cubic polynomial is fitted to each window of a track's centers by least squares,
    alone and together with a bump (half a sine, a trapezoid, or a triangle) of 17 to
    46 labeled frames. The strength is the geometric mean of

    -   how unusual the bump's height is: its horizontal and its vertical part, each
        over the median of the track and the sequence, because people who dance make
        bumps all the time
    -   the square root of the variance that the bump explains, over the remaining
        variance per box (the F statistic)
    -   the change of velocity where the bump begins or ends, whichever is smaller,
        in hundredths of the box size per labeled frame: people turn gradually,
        misplaced keyframes abruptly

    The amount is the height in box sizes.

    Args:
        scene: the scene

    Returns:
        the findings
    """
    centers = _without_glitches(scene, scene.once(steady_centers))
    strength = np.zeros(len(centers))
    height = np.zeros(len(centers))
    length = np.zeros(len(centers), np.intp)
    for frames in LENGTHS:
        shapes = _make_shapes(frames)
        start = _windows(scene, len(shapes.smooth))
        if not len(start):
            continue
        found, high = _judge(scene, start, _fit(scene, centers, start, shapes))
        middle = start + len(shapes.smooth) // 2
        better = (found > strength[middle]) & (high > _LEAST)
        rows = middle[better]
        strength[rows], height[rows] = found[better], high[better]
        length[rows] = frames
    peaks = find_peaks(strength, scene.track, LENGTHS[0] + _MARGIN)
    half = length[peaks] // 2
    first, last = peaks - half, peaks + half
    bend = np.minimum(_bend(scene, centers, first), _bend(scene, centers, last))
    return make_findings(
        DRIFT,
        peaks,
        (strength[peaks] ** 2 * bend / _BEND) ** (1 / 3),
        first,
        last,
        amount=height[peaks],
    )


def _without_glitches(scene: Scene, centers: Floats) -> Floats:
    """Return the running median of centers, which glitches of three boxes leave."""
    smooth = median_filter(centers, (2 * _GLITCH + 1, 1), mode="nearest")
    rows = np.arange(len(centers))
    inside = rows - _GLITCH >= scene.neighbors.start
    inside &= rows + _GLITCH < scene.neighbors.end
    return np.where(inside[:, None], smooth, centers)


def _make_shapes(length: int) -> _Shapes:
    size = length + 2 * _MARGIN
    way = np.linspace(0, 1, length)
    bumps = [np.sin(np.pi * way), np.clip(3.3 * np.minimum(way, 1 - way), 0, 1)]
    bumps += [np.interp(way, [0, peak, 1], [0, 1, 0]) for peak in (0.35, 0.5, 0.65)]
    padded = np.pad(np.stack(bumps, axis=1), ((_MARGIN, _MARGIN), (0, 0)))
    smooth = np.linalg.qr(np.vander(np.linspace(-1, 1, size), _DEGREE + 1))[0]
    clear = padded - smooth @ (smooth.T @ padded)
    heights = np.linalg.norm(clear, axis=0)
    return _Shapes(smooth, clear / heights, heights)


def _windows(scene: Scene, size: int) -> Rows:
    """Return the first rows of windows within one track and without gaps."""
    start = np.arange(0, len(scene.boxes) - size + 1)
    start = start[(start - scene.neighbors.start[start]) % _STRIDE == 0]
    end = start + size - 1
    whole = np.abs(scene.time[end] - scene.time[start] - (size - 1)) < 0.01
    result: Rows = start[(scene.track[start] == scene.track[end]) & whole]
    return result


def _fit(scene: Scene, centers: Floats, start: Rows, shapes: _Shapes) -> _Bumps:
    """Fit the bumps of one length to all windows."""
    chunks = range(0, len(start), _CHUNK)
    parts = [
        _fit_chunk(scene, centers, start[first : first + _CHUNK], shapes)
        for first in chunks
    ]
    heights, clearness = zip(*parts, strict=True)
    return _Bumps(np.concatenate(heights), np.concatenate(clearness))


def _fit_chunk(
    scene: Scene, centers: Floats, start: Rows, shapes: _Shapes
) -> tuple[Floats, Floats]:
    size = len(shapes.smooth)
    scale = scene.scale[start + size // 2, None]
    left = np.zeros((len(start), 1))
    bumps = np.empty((len(start), 2, len(shapes.heights)))
    for axis in range(2):
        way = sliding_window_view(centers[:, axis], size)[start]
        way = (way - way[:, :1]) / scale
        smooth = way @ shapes.smooth
        bumps[:, axis] = way @ shapes.shapes
        left += ((way**2).sum(axis=1) - (smooth**2).sum(axis=1))[:, None]
    explained = (bumps**2).sum(axis=1)
    noise = 2 * (_FLOOR_PIXELS / scale) ** 2 + _FLOOR_SIZES**2
    unexplained = np.maximum(left - explained, 0) / size + noise
    return bumps / shapes.heights, np.sqrt(explained / unexplained)


def _judge(scene: Scene, start: Rows, bumps: _Bumps) -> tuple[Floats, Floats]:
    """Return how unusual and clear the best bump of each window is, and its height."""
    heights = np.nan_to_num(np.abs(bumps.heights))
    track = scene.track[start]
    # The first shape tells for all
    own = pd.DataFrame(heights[:, :, 0]).groupby(track)
    count = own[0].transform("size").to_numpy()[:, None]
    overall = np.median(heights[:, :, 0], axis=0)
    usual = (count * own.transform("median").to_numpy() + _FEW * overall) / (
        count + _FEW
    )
    floor = _FLOOR_SIZES + _FLOOR_PIXELS / scene.scale[start, None]
    unusual = np.sqrt(((heights / (usual + floor)[:, :, None]) ** 2).sum(axis=1))
    strength = np.sqrt(unusual * np.nan_to_num(bumps.clearness))
    best = strength.argmax(axis=1)
    rows = np.arange(len(start))
    return strength[rows, best], np.hypot(*heights.transpose(1, 0, 2))[rows, best]


def _bend(scene: Scene, centers: Floats, rows: Rows) -> Floats:
    """Return the largest change of velocity around rows, in box sizes, ``(m,)``."""
    near = rows[:, None] + np.arange(-_SEARCH, _SEARCH + 1)
    start, end = (
        ends[rows, None] for ends in (scene.neighbors.start, scene.neighbors.end)
    )
    near = np.clip(near, start, end - 1)
    change = _velocity(scene, centers, near, 1) - _velocity(scene, centers, near, -1)
    bend = np.hypot(change[..., 0], change[..., 1]) / scene.scale[near]
    result: Floats = bend.max(axis=1, initial=0)
    return result


def _velocity(scene: Scene, centers: Floats, rows: Rows, side: int) -> Floats:
    """Fit the velocity of a track on one side of rows, ``(..., 2)``."""
    index = rows[..., None] + side * np.arange(_SLOPE_OVER + 1)
    start, end = scene.neighbors.start[rows], scene.neighbors.end[rows]
    index = np.clip(index, start[..., None], end[..., None] - 1)
    time = scene.time[index]
    time = time - time.mean(axis=-1, keepdims=True)
    way = (time[..., None] * centers[index]).sum(axis=-2)
    velocity: Floats = way / np.maximum((time**2).sum(axis=-1), 1e-9)[..., None]
    return velocity
