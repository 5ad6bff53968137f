# SPDX-License-Identifier: Apache-2.0
"""Boxes that slowly drift off their object, and return.

Tools move boxes along straight lines between keyframes, so a misplaced keyframe pulls
all boxes around it away. No single box stands out, but the whole run does: it bends
off at one frame and back at another, and has a shape in between that people's own
paths rarely have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from ..boxes import Floats, Rows
from ..findings import find_peaks, make_findings
from ..motion import steady_centers
from ..scene import Scene

DRIFT = "drift"
#: Lengths of drifts, in labeled frames.
LENGTHS = (20, 25, 31, 38, 45)
#: Labeled frames before and after the drift that show the object's own path.
_MARGIN = 12
#: Degree of the polynomials that model smooth paths.
_DEGREE = 3
#: Deviations from a smooth path that are noise: pixels, and box sizes.
_FLOOR_PIXELS, _FLOOR_SIZES = 0.3, 0.01
#: Height of a drift in box sizes that is a unit of strength.
_DEPARTURE = 0.2
#: Labeled frames that show the velocity before and after a bend, and how far from its
#: best fit a drift may begin or end.
_SLOPE_OVER, _SEARCH = 6, 4
#: Change of velocity in box sizes per labeled frame that is a unit of bending.
_BEND = 0.01
#: Windows begin at every other box of a track; the lengths are further apart.
_STRIDE = 2
_CHUNK = 40_000


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


def find_drift(scene: Scene) -> pd.DataFrame:
    """Find runs that drift off the smooth path of their track, and return.

    A cubic polynomial is fitted to each window of a track's centers by least squares,
    alone and together with a bump (half a sine, or a triangle) of 20 to 45 labeled
    frames. The strength is the product of

    -   the square root of the variance that the bump explains, over the remaining
        variance per box (the F statistic)
    -   the bump's height in box sizes over 0.2, at most 1.5
    -   the change of velocity where the bump begins or ends, whichever is smaller,
        in hundredths of the box size per labeled frame: people turn gradually,
        misplaced keyframes abruptly

    The amount is the height in box sizes.

    Args:
        scene: the scene

    Returns:
        the findings
    """
    centers = steady_centers(scene)
    strength = np.zeros(len(centers))
    height = np.zeros(len(centers))
    length = np.zeros(len(centers), np.intp)
    for frames in LENGTHS:
        shapes = _make_shapes(frames)
        for start in _windows(scene, len(shapes.smooth)):
            found, high = _fit(scene, centers, start, shapes)
            middle = start + len(shapes.smooth) // 2
            better = found > strength[middle]
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
        strength[peaks] * bend / _BEND,
        first,
        last,
        amount=height[peaks],
    )


def _make_shapes(length: int) -> _Shapes:
    size = length + 2 * _MARGIN
    way = np.linspace(0, 1, length)
    bumps = [np.sin(np.pi * way)]
    bumps += [np.interp(way, [0, peak, 1], [0, 1, 0]) for peak in (0.35, 0.5, 0.65)]
    padded = np.pad(np.stack(bumps, axis=1), ((_MARGIN, _MARGIN), (0, 0)))
    smooth = np.linalg.qr(np.vander(np.linspace(-1, 1, size), _DEGREE + 1))[0]
    clear = padded - smooth @ (smooth.T @ padded)
    heights = np.linalg.norm(clear, axis=0)
    return _Shapes(smooth, clear / heights, heights)


def _windows(scene: Scene, size: int) -> Iterator[Rows]:
    """Yield the first rows of windows within one track and without gaps."""
    start = np.arange(0, len(scene.boxes) - size + 1)
    start = start[(start - scene.neighbors.start[start]) % _STRIDE == 0]
    end = start + size - 1
    start = start[
        (scene.track[start] == scene.track[end])
        & (np.abs(scene.time[end] - scene.time[start] - (size - 1)) < 0.01)
    ]
    for first in range(0, len(start), _CHUNK):
        yield start[first : first + _CHUNK]


def _fit(
    scene: Scene, centers: Floats, start: Rows, shapes: _Shapes
) -> tuple[Floats, Floats]:
    """Return the strength and height of the best bump of each window, ``(m,)``."""
    size = len(shapes.smooth)
    boxes = scene.boxes[start + size // 2, 2:]
    left = np.zeros((len(start), 1))
    explained = np.zeros((len(start), len(shapes.heights)))
    departure = np.zeros_like(explained)
    for axis in range(2):
        way = sliding_window_view(centers[:, axis], size)[start]
        way = (way - way[:, :1]) / boxes[:, axis, None]
        smooth = way @ shapes.smooth
        bump = way @ shapes.shapes
        left += ((way**2).sum(axis=1) - (smooth**2).sum(axis=1))[:, None]
        explained += bump**2
        departure += (bump / shapes.heights) ** 2
    noise = ((_FLOOR_PIXELS / boxes) ** 2).sum(axis=1) + _FLOOR_SIZES**2
    unexplained = np.maximum(left - explained, 0) / size + noise[:, None]
    height = np.sqrt(departure)
    strength = np.sqrt(explained / unexplained)
    strength *= np.minimum(height / _DEPARTURE, 1.5)
    best = np.nan_to_num(strength).argmax(axis=1)
    rows = np.arange(len(start))
    return np.nan_to_num(strength[rows, best]), height[rows, best]


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
