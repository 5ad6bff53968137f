# SPDX-License-Identifier: Apache-2.0
"""Boxes that leave their object slowly, and come back.

Between keyframes tools move boxes along straight lines, and a misplaced keyframe
pulls all boxes around it away. No single box stands out; the stretch does: it
bends off at one place, back at another, and in between follows a shape that
people's own ways rarely have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from ..boxes import Floats, Rows
from ..findings import find_peaks, make_findings
from ..motion import steady_centres
from ..scene import Scene

DRIFT = "drift"
#: Lengths of stretches, in labelled frames.
LENGTHS = (20, 25, 31, 38, 45)
#: Labelled frames before and after the stretch that show the object's own way.
_MARGIN = 12
#: Smooth ways are explained by polynomials of this degree.
_DEGREE = 3
#: What is no departure from a smooth way: pixels, and box sizes.
_FLOOR_PIXELS, _FLOOR_SIZES = 0.3, 0.01
#: Box sizes of departure that are worth the most.
_DEPARTURE = 0.2
#: Labelled frames that show the velocity before and after a bend, and how far a
#: stretch may begin or end from where it fits best.
_SLOPE_OVER, _SEARCH = 6, 4
#: Change of velocity in box sizes per labelled frame that is a unit of bending.
_BEND = 0.01
#: Windows begin at every other box of a track; the lengths leave more room than that.
_STRIDE = 2
_CHUNK = 40_000


@dataclass(frozen=True)
class _Shapes:
    """The ways to leave and come back over one length.

    Attributes:
        smooth: array ``(w, d)``, orthonormal smooth ways
        shapes: array ``(w, s)``, unit departures, clear of the smooth ways
        heights: array ``(s,)``, the norm that a departure of 1 has
    """

    smooth: Floats
    shapes: Floats
    heights: Floats


def find_drift(scene: Scene) -> pd.DataFrame:
    """Finds stretches that leave their track's smooth way and come back.

    To each window of a track's centres, a cubic polynomial is fitted by least
    squares, alone and together with a bump (half a sine, or a triangle) of
    20 to 45 labelled frames. The strength is the product of

    -   the square root of how much the bump explains over what is left
        unexplained, per box (the F statistic)
    -   the bump's height in box sizes over 0.2, at most 1.5
    -   the change of velocity where the bump begins or ends, the lesser of the
        two, in hundredths of the box size per labelled frame: people bend off
        gently, misplaced keyframes at once

    The amount is the height in box sizes.

    Args:
        scene: the scene

    Returns:
        the findings
    """
    centres = steady_centres(scene)
    strength = np.zeros(len(centres))
    height = np.zeros(len(centres))
    length = np.zeros(len(centres), np.intp)
    for frames in LENGTHS:
        shapes = _make_shapes(frames)
        for start in _windows(scene, len(shapes.smooth)):
            found, high = _fit(scene, centres, start, shapes)
            middle = start + len(shapes.smooth) // 2
            better = found > strength[middle]
            rows = middle[better]
            strength[rows], height[rows] = found[better], high[better]
            length[rows] = frames
    peaks = find_peaks(strength, scene.track, LENGTHS[0] + _MARGIN)
    half = length[peaks] // 2
    first, last = peaks - half, peaks + half
    bend = np.minimum(_bend(scene, centres, first), _bend(scene, centres, last))
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
    """Yields the first rows of windows that lie in one track without gaps."""
    start = np.arange(0, len(scene.boxes) - size + 1)
    start = start[(start - scene.neighbours.start[start]) % _STRIDE == 0]
    end = start + size - 1
    start = start[
        (scene.track[start] == scene.track[end])
        & (np.abs(scene.time[end] - scene.time[start] - (size - 1)) < 0.01)
    ]
    for first in range(0, len(start), _CHUNK):
        yield start[first : first + _CHUNK]


def _fit(
    scene: Scene, centres: Floats, start: Rows, shapes: _Shapes
) -> tuple[Floats, Floats]:
    """Returns strength and height of the best bump of each window, both (m,)."""
    size = len(shapes.smooth)
    boxes = scene.boxes[start + size // 2, 2:]
    left = np.zeros((len(start), 1))
    explained = np.zeros((len(start), len(shapes.heights)))
    departure = np.zeros_like(explained)
    for axis in range(2):
        way = sliding_window_view(centres[:, axis], size)[start]
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


def _bend(scene: Scene, centres: Floats, rows: Rows) -> Floats:
    """Returns the largest change of velocity around rows, in box sizes, ``(m,)``."""
    near = rows[:, None] + np.arange(-_SEARCH, _SEARCH + 1)
    start, end = (
        ends[rows, None] for ends in (scene.neighbours.start, scene.neighbours.end)
    )
    near = np.clip(near, start, end - 1)
    change = _velocity(scene, centres, near, 1) - _velocity(scene, centres, near, -1)
    bend = np.hypot(change[..., 0], change[..., 1]) / scene.scale[near]
    result: Floats = bend.max(axis=1, initial=0)
    return result


def _velocity(scene: Scene, centres: Floats, rows: Rows, side: int) -> Floats:
    """Fits the velocity of a track on one side of rows, ``(..., 2)``."""
    index = rows[..., None] + side * np.arange(_SLOPE_OVER + 1)
    start, end = scene.neighbours.start[rows], scene.neighbours.end[rows]
    index = np.clip(index, start[..., None], end[..., None] - 1)
    time = scene.time[index]
    time = time - time.mean(axis=-1, keepdims=True)
    way = (time[..., None] * centres[index]).sum(axis=-2)
    velocity: Floats = way / np.maximum((time**2).sum(axis=-1), 1e-9)[..., None]
    return velocity
