# SPDX-License-Identifier: Apache-2.0
"""Predict each box from the other boxes of its track.

A change between two frames does not tell which of the two boxes is wrong, but the
frames further away do: each box is compared with a prediction from the boxes before
it, and with one from the boxes after it. A wrong box disagrees with both. Its correct
neighbors still agree with the prediction from their other side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .boxes import Floats, iou
from .neighbors import Neighbors

#: Boxes of a track on either side that predict a box. Five boxes outvote two wrong
#: ones, so that glitches of up to three frames stand out.
REACH = 5
#: A side with fewer boxes is ignored if the other side has more.
QUORUM = 3
_CHUNK = 10_000


@dataclass(frozen=True)
class Expectation:
    """How ``n`` boxes compare with the predictions of their own tracks.

    Attributes:
        iou: array ``(n,)`` in [0, 1], IoU with the predicted box
        size: array ``(n,)``, natural logarithm of the area over the predicted
            area: symmetric for growing and shrinking
        velocity: array ``(n, 4)``, the track's steady change per labeled frame
            of center x, center y (pixels) and log width, log height

    Of the two predictions, from before and from after, the one that agrees better
    counts. A box alone in its track has NaN.
    """

    iou: Floats
    size: Floats
    velocity: Floats


def expect_boxes(
    boxes: Floats, neighbors: Neighbors, clipped: NDArray[np.bool_]
) -> Expectation:
    """Compare each box with the prediction of the rest of its track.

    Args:
        boxes: array ``(n, 4)``, ``[left, top, width, height]`` in pixels
        neighbors: the neighbors of the rows
        clipped: bool array ``(n, 2)``, whether the image border cuts the box
            horizontally and vertically
    """
    # A box that the border cuts does not tell where the whole object is
    states = np.where(np.tile(clipped, 2), np.nan, to_states(boxes))
    parts = [
        _expect_chunk(states, boxes, neighbors, clipped, first)
        for first in range(0, len(boxes), _CHUNK)
    ]
    if not parts:
        return Expectation(np.empty(0), np.empty(0), np.empty((0, 4)))
    columns = zip(*parts, strict=True)
    return Expectation(*(np.concatenate(column) for column in columns))


def to_states(boxes: Floats) -> Floats:
    """Convert boxes to states that change evenly: centers and log sizes.

    Args:
        boxes: array ``(n, 4)``, ``[left, top, width, height]``

    Returns:
        array ``(n, 4)``: center x, center y, log width, log height
    """
    size = boxes[:, 2:]
    return np.concatenate([boxes[:, :2] + size / 2, np.log(size)], axis=1)


def compare(
    boxes: Floats, states: Floats, clipped: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Compare boxes with predicted states, except for what the border explains.

    A box that the image border cuts rightly changes its size and center along that
    axis, so only the other axis counts.

    Args:
        boxes: array ``(n, 4)``
        states: array ``(n, 4)`` of predictions, as made by :func:`to_states`
        clipped: bool array ``(n, 2)``

    Returns:
        a tuple of

        -   IoU, array ``(n,)``
        -   log of the area over the predicted area, array ``(n,)``
    """
    size = np.exp(states[:, 2:])
    predicted = np.concatenate([states[:, :2] - size / 2, size], axis=1)
    predicted = np.where(np.tile(clipped, 2), boxes, predicted)
    # Otherwise a box alone in its track would agree if the border cuts it
    predicted[np.isnan(states).all(axis=1)] = np.nan
    change = np.log(boxes[:, 2:]) - np.log(predicted[:, 2:])
    return iou(boxes, predicted), change.sum(axis=1)


def _expect_chunk(
    states: Floats,
    boxes: Floats,
    neighbors: Neighbors,
    clipped: NDArray[np.bool_],
    first: int,
) -> tuple[Floats, Floats, Floats]:
    rows = np.arange(first, min(first + _CHUNK, len(boxes)))
    velocity = _steady_velocity(states, neighbors, rows)
    past, past_votes = _predict(states, neighbors, rows, velocity, -1)
    future, future_votes = _predict(states, neighbors, rows, velocity, 1)
    past[past_votes < np.minimum(QUORUM, future_votes)] = np.nan
    future[future_votes < np.minimum(QUORUM, past_votes)] = np.nan
    iou_past, size_past = compare(boxes[rows], past, clipped[rows])
    iou_future, size_future = compare(boxes[rows], future, clipped[rows])
    agreement = np.fmax(iou_past, iou_future)
    nearer = np.isnan(size_future) | (np.abs(size_past) <= np.abs(size_future))
    return agreement, np.where(nearer, size_past, size_future), velocity


def _window(
    neighbors: Neighbors, rows: NDArray[np.intp], offsets: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return rows at offsets, and whether they are of the same track."""
    index = rows[:, None] + offsets
    inside = (index >= neighbors.start[rows, None]) & (
        index < neighbors.end[rows, None]
    )
    return np.where(inside, index, rows[:, None]), inside


def _steady_velocity(
    states: Floats, neighbors: Neighbors, rows: NDArray[np.intp]
) -> Floats:
    """Return the median change per labeled frame around each row, ``(n, 4)``.

    A glitch of any length affects only two steps, so it does not change the median
    over a window of steps.
    """
    later, inside = _window(neighbors, rows, np.arange(1 - REACH, REACH + 1))
    inside &= later > neighbors.start[rows, None]
    earlier = np.where(inside, later - 1, later)
    elapsed = neighbors.time[later] - neighbors.time[earlier]
    inside &= elapsed > 0
    elapsed[~inside] = np.nan
    result = np.empty((len(rows), 4))
    for axis in range(4):
        steps = (states[later, axis] - states[earlier, axis]) / elapsed
        low, high, _ = _middle_values(steps)
        # The lesser motion of two middle values: a jump in a short track is a
        # jump and not a speed
        calm = np.where(np.abs(low) < np.abs(high), low, high)
        result[:, axis] = np.where(low * high <= 0, 0, calm)
    return np.nan_to_num(result)


def _predict(
    states: Floats,
    neighbors: Neighbors,
    rows: NDArray[np.intp],
    velocity: Floats,
    side: int,
) -> tuple[Floats, NDArray[np.intp]]:
    """Predict states from one side; return them and the votes, both ``(n, 4)``."""
    index, inside = _window(neighbors, rows, side * np.arange(1, REACH + 1))
    elapsed = neighbors.time[rows, None] - neighbors.time[index]
    # Boxes beyond a long gap say little about this one
    inside &= np.abs(elapsed) <= 2 * REACH
    votes = np.empty((len(rows), 4), np.intp)
    result = np.empty((len(rows), 4))
    for axis in range(4):
        says = states[index, axis] + velocity[:, axis, None] * elapsed
        says[~inside] = np.nan
        low, high, votes[:, axis] = _middle_values(says)
        result[:, axis] = (low + high) / 2
    return result, votes


def _middle_values(values: Floats) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Return the two middle values of each row, and its number of known values.

    The two are equal if that number is odd. ``np.nanmedian`` along short rows
    is two orders of magnitude slower than sorting NaN to the end.
    """
    ordered = np.sort(values, axis=1)
    counts = (~np.isnan(values)).sum(axis=1)
    rows = np.arange(len(values))
    low = ordered[rows, np.maximum(counts - 1, 0) // 2]
    high = ordered[rows, np.minimum(counts // 2, values.shape[1] - 1)]
    return low, high, counts
