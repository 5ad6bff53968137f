# SPDX-License-Identifier: Apache-2.0
"""Boxes that slowly drift off their object, and return.

Tools move boxes along straight lines between keyframes, so a misplaced keyframe pulls
all boxes around it away. No single box stands out, but the whole run does: it bends
off at one frame and back at another, and has a shape in between that people's own
paths rarely have.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from ..boxes import Floats, Rows
from ..findings import find_peaks, make_findings
from ..medians import run_medians
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
#: Windows that are fitted together, as one row, and rows that are multiplied at once.
#: For more rows, BLAS wakes threads, which then wait busily for the next product.
_TOGETHER, _ROWS = 8, 32


@dataclass(frozen=True)
class _Shapes:
    """The shapes of drifts of one length.

    Attributes:
        paths: array ``(w, 4 + s)``, orthonormal smooth paths and, orthogonal to them,
            unit drifts
        heights: array ``(s,)``, the norm of a drift with a height of 1
    """

    paths: Floats
    heights: Floats


@dataclass(frozen=True)
class _Ways:
    """The centers of a sequence, laid out so that windows begin at even places.

    Attributes:
        centers: array ``(2, p)``, horizontal and vertical distance from the first
            center of the track in pixels, 0 where nothing is known
        known: bool array ``(p,)``, where it is
        place: int array ``(n,)``, the place of each row
        even: int array, the rows at even places
    """

    centers: Floats
    known: NDArray[np.bool_]
    place: Rows
    even: Rows


@dataclass(frozen=True)
class _Bumps:
    """The bumps of one length that fit ``m`` windows.

    Attributes:
        norms: array ``(2, s, m)``, horizontal and vertical norm of each shape, in box
            sizes
        left: array ``(m,)``, the sum of squares that smooth paths leave, in square
            pixels
        scale: array ``(m,)``, the box sizes in pixels
    """

    norms: Floats
    left: Floats
    scale: Floats


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
    ways = _lay_out(scene, centers)
    strength = np.zeros(len(centers))
    height = np.zeros(len(centers))
    length = np.zeros(len(centers), np.intp)
    for frames in LENGTHS:
        shapes = _make_shapes(frames)
        start = _windows(scene, ways.even, len(shapes.paths))
        if not len(start):
            continue
        bumps = _fit(scene, ways, start, shapes)
        tall, found, high = _judge(scene, start, bumps, shapes)
        middle = start[tall] + len(shapes.paths) // 2
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


@cache
def _make_shapes(length: int) -> _Shapes:
    """Return the shapes of drifts of a length, which nobody may change."""
    size = length + 2 * _MARGIN
    way = np.linspace(0, 1, length)
    bumps = [np.sin(np.pi * way), np.clip(3.3 * np.minimum(way, 1 - way), 0, 1)]
    bumps += [np.interp(way, [0, peak, 1], [0, 1, 0]) for peak in (0.35, 0.5, 0.65)]
    padded = np.pad(np.stack(bumps, axis=1), ((_MARGIN, _MARGIN), (0, 0)))
    smooth = np.linalg.qr(np.vander(np.linspace(-1, 1, size), _DEGREE + 1))[0]
    clear = padded - smooth @ (smooth.T @ padded)
    heights = np.linalg.norm(clear, axis=0)
    return _Shapes(np.hstack([smooth, clear / heights]), heights)


def _lay_out(scene: Scene, centers: Floats) -> _Ways:
    """Lay out the tracks one after the other, each from an even place on."""
    lengths = scene.last - scene.first + 1
    space = lengths + lengths % _STRIDE
    place = (
        np.arange(len(centers)) + (np.cumsum(space) - space - scene.first)[scene.track]
    )
    # What is relative to the track keeps the precision of the sums of squares
    way = (centers - np.nan_to_num(centers[scene.neighbors.start])).T
    unknown = np.isnan(way).any(axis=0)
    laid = np.zeros((2, int(space.sum())))
    known = np.zeros(laid.shape[1], bool)
    laid[:, place] = np.where(unknown, 0, way)
    known[place] = ~unknown
    return _Ways(laid, known, place, np.flatnonzero(place % _STRIDE == 0))


def _windows(scene: Scene, even: Rows, size: int) -> Rows:
    """Return the first rows of windows within one track and without gaps."""
    start = even[even + size <= scene.neighbors.end[even]]
    elapsed = scene.time[start + size - 1] - scene.time[start]
    return start[np.abs(elapsed - (size - 1)) < 0.01]


def _fit(scene: Scene, ways: _Ways, start: Rows, shapes: _Shapes) -> _Bumps:
    """Fit the bumps of one length to all windows.

    Both axes are fitted in pixels, and the fits are scaled.
    """
    size, count = shapes.paths.shape
    place = ways.place[start]
    window = place // _STRIDE
    every = np.ones((size, 1))
    scale = scene.scale[start + size // 2]
    left = np.zeros(len(start))
    bumps = np.empty((2, count - _DEGREE - 1, len(start)))
    for axis in range(2):
        way = ways.centers[axis]
        fits = _slide(way, shapes.paths).take(window, axis=1)
        smooth, bumps[axis] = fits[: _DEGREE + 1], fits[_DEGREE + 1 :]
        left += _slide(way**2, every)[0, window] - (smooth**2).sum(axis=0)
    total = np.concatenate([[0], np.cumsum(ways.known)])
    whole = total[place + size] - total[place] == size
    bumps *= np.where(whole, 1 / scale, 0)
    return _Bumps(bumps, left, scale)


def _slide(values: Floats, kernels: Floats) -> Floats:
    """Return the scalar products of kernels and the windows at even places.

    Several windows are multiplied at once, as one row by a matrix that has the kernels
    at the place of each window, so that hardly anything is copied.

    Args:
        values: array ``(p,)``
        kernels: array ``(w, q)``

    Returns:
        array ``(q, p / 2)`` and some more columns; windows that reach beyond the end
        are filled up with 0
    """
    size, count = kernels.shape
    step = _TOGETHER * _STRIDE
    wide = size + step - _STRIDE
    blocks = -(-len(values) // (step * _ROWS)) * _ROWS
    matrix = np.zeros((wide, count, _TOGETHER))
    for window in range(_TOGETHER):
        matrix[_STRIDE * window : _STRIDE * window + size, :, window] = kernels
    padded = np.concatenate([values, np.zeros(blocks * step + wide - len(values))])
    rows = np.ascontiguousarray(sliding_window_view(padded, wide)[::step][:blocks])
    products: Floats = rows.reshape(-1, _ROWS, wide) @ matrix.reshape(wide, -1)
    apart = products.reshape(blocks, count, _TOGETHER).transpose(1, 0, 2)
    return apart.reshape(count, -1)


def _judge(
    scene: Scene, start: Rows, bumps: _Bumps, shapes: _Shapes
) -> tuple[Rows, Floats, Floats]:
    """Judge the best bump of each window that has a tall one, as few have.

    Args:
        scene: the scene
        start: int array ``(m,)``, the first rows of the windows
        bumps: the bumps
        shapes: their shapes

    Returns:
        a tuple of the windows with tall bumps, how unusual and clear the best one is,
        and its height
    """
    unit = shapes.heights[:, None]
    explained = (bumps.norms**2).sum(axis=0)
    # A hair less, for rounding
    tall = np.flatnonzero((explained > 0.99 * (_LEAST * unit) ** 2).any(axis=0))
    scale, explained = bumps.scale[tall], explained[:, tall]
    heights = np.abs(bumps.norms[:, :, tall]) / unit
    floor = _FLOOR_SIZES + _FLOOR_PIXELS / scene.scale[start[tall]]
    unusual = np.zeros(explained.shape)
    for axis in range(2):
        # The first shape tells for all
        usual = _usual(np.abs(bumps.norms[axis, 0]) / unit[0], scene.track[start])[tall]
        unusual += (heights[axis] / (usual + floor)) ** 2
    noise = 2 * (_FLOOR_PIXELS / scale) ** 2 + _FLOOR_SIZES**2
    left = np.maximum(bumps.left[tall] / scale**2 - explained, 0) / len(shapes.paths)
    strength = unusual * (explained / (left + noise))
    best, place = strength.argmax(axis=0), np.arange(len(tall))
    height = np.hypot(*heights[:, best, place])
    return tall, strength[best, place] ** 0.25, height


def _usual(heights: Floats, track: Rows) -> Floats:
    """Return the usual height of bumps in the track of each window, ``(m,)``."""
    first = np.flatnonzero(np.diff(track, prepend=-1))
    counts = np.diff(first, append=len(track))
    own, overall = run_medians(heights, first), np.median(heights)
    usual = (counts * own + _FEW * overall) / (counts + _FEW)
    return np.repeat(usual, counts)


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
