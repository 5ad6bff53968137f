# SPDX-License-Identifier: Apache-2.0
"""Where a track's other boxes say that a box should be.

A change between two frames does not tell which of the two is wrong. The frames
further away do: a box is judged against what the boxes before it predict, and
against what the boxes after it predict. A wrong box disagrees with both; the
good boxes beside it still agree with their own far side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .boxes import Floats, iou
from .neighbours import Neighbours

#: Boxes of a track on either side that predict a box. Five outvote two wrong
#: ones, so that glitches of up to three frames stand out.
REACH = 5
#: A side with fewer boxes has no say where the other side has more.
QUORUM = 3
_CHUNK = 200_000


@dataclass(frozen=True)
class Expectation:
    """How ``n`` boxes compare with what their own tracks predict.

    Attributes:
        iou: array ``(n,)`` in [0, 1], IoU with the predicted box
        size: array ``(n,)``, natural logarithm of the area over the predicted
            area: symmetric for growing and shrinking
        velocity: array ``(n, 4)``, the track's steady change per labelled frame
            of centre x, centre y (pixels) and log width, log height

    Of the two predictions, from before and from after, the one that agrees
    better counts. NaN for a box that is alone in its track.
    """

    iou: Floats
    size: Floats
    velocity: Floats


def expect_boxes(
    boxes: Floats, neighbours: Neighbours, clipped: NDArray[np.bool_]
) -> Expectation:
    """Compares each box with what the rest of its track predicts.

    Args:
        boxes: array ``(n, 4)``, ``[left, top, width, height]`` in pixels
        neighbours: the neighbours of the rows
        clipped: bool array ``(n, 2)``, whether the image border cuts the box
            horizontally and vertically

    Returns:
        the :class:`Expectation`
    """
    # Where the border cut a box says nothing of where the whole object is
    states = np.where(np.tile(clipped, 2), np.nan, to_states(boxes))
    parts = [
        _expect_chunk(states, boxes, neighbours, clipped, first)
        for first in range(0, len(boxes), _CHUNK)
    ]
    if not parts:
        return Expectation(np.empty(0), np.empty(0), np.empty((0, 4)))
    columns = zip(*parts, strict=True)
    return Expectation(*(np.concatenate(column) for column in columns))


def to_states(boxes: Floats) -> Floats:
    """Turns boxes into what moves evenly: centres, and logarithms of the size.

    Args:
        boxes: array ``(n, 4)``, ``[left, top, width, height]``

    Returns:
        array ``(n, 4)``: centre x, centre y, log width, log height
    """
    size = boxes[:, 2:]
    return np.concatenate([boxes[:, :2] + size / 2, np.log(size)], axis=1)


def compare(
    boxes: Floats, states: Floats, clipped: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Compares boxes with predicted states, leaving out what the border explains.

    A box that the image border cuts changes its size and centre along that axis
    without anybody's mistake, so only the other axis counts.

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
    # Without this, a box alone in its track would agree where the border cuts it
    predicted[np.isnan(states).all(axis=1)] = np.nan
    change = np.log(boxes[:, 2:]) - np.log(predicted[:, 2:])
    return iou(boxes, predicted), change.sum(axis=1)


def _expect_chunk(
    states: Floats,
    boxes: Floats,
    neighbours: Neighbours,
    clipped: NDArray[np.bool_],
    first: int,
) -> tuple[Floats, Floats, Floats]:
    rows = np.arange(first, min(first + _CHUNK, len(boxes)))
    velocity = _steady_velocity(states, neighbours, rows)
    past, past_votes = _predict(states, neighbours, rows, velocity, -1)
    future, future_votes = _predict(states, neighbours, rows, velocity, 1)
    past[past_votes < np.minimum(QUORUM, future_votes)] = np.nan
    future[future_votes < np.minimum(QUORUM, past_votes)] = np.nan
    iou_past, size_past = compare(boxes[rows], past, clipped[rows])
    iou_future, size_future = compare(boxes[rows], future, clipped[rows])
    agreement = np.fmax(iou_past, iou_future)
    nearer = np.isnan(size_future) | (np.abs(size_past) <= np.abs(size_future))
    return agreement, np.where(nearer, size_past, size_future), velocity


def _window(
    neighbours: Neighbours, rows: NDArray[np.intp], offsets: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Returns rows at offsets, and whether they are of the same track."""
    index = rows[:, None] + offsets
    inside = (index >= neighbours.start[rows, None]) & (
        index < neighbours.end[rows, None]
    )
    return np.where(inside, index, rows[:, None]), inside


def _steady_velocity(
    states: Floats, neighbours: Neighbours, rows: NDArray[np.intp]
) -> Floats:
    """Returns the median change per labelled frame around each row, ``(n, 4)``.

    A glitch of any length spoils two steps only, so the median over a window
    of steps is blind to it.
    """
    later, inside = _window(neighbours, rows, np.arange(1 - REACH, REACH + 1))
    inside &= later > neighbours.start[rows, None]
    earlier = np.where(inside, later - 1, later)
    elapsed = neighbours.time[later] - neighbours.time[earlier]
    inside &= elapsed > 0
    elapsed[~inside] = np.nan
    result = np.empty((len(rows), 4))
    for axis in range(4):
        steps = (states[later, axis] - states[earlier, axis]) / elapsed
        low, high, _ = _middle_values(steps)
        # Of two middle values the lesser motion: one jump in a short track
        # should read as a jump, not as a speed
        calm = np.where(np.abs(low) < np.abs(high), low, high)
        result[:, axis] = np.where(low * high <= 0, 0, calm)
    return np.nan_to_num(result)


def _predict(
    states: Floats,
    neighbours: Neighbours,
    rows: NDArray[np.intp],
    velocity: Floats,
    side: int,
) -> tuple[Floats, NDArray[np.intp]]:
    """Predicts states from one side, with how many boxes had a say, both (n, 4)."""
    index, inside = _window(neighbours, rows, side * np.arange(1, REACH + 1))
    elapsed = neighbours.time[rows, None] - neighbours.time[index]
    # What lies behind a long gap says little about now
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
    """Returns the two middle values of each row, and how many values are no NaN.

    The two are equal where that number is odd. ``np.nanmedian`` along short rows
    is two orders of magnitude slower than sorting NaN to the end.
    """
    ordered = np.sort(values, axis=1)
    counts = (~np.isnan(values)).sum(axis=1)
    rows = np.arange(len(values))
    low = ordered[rows, np.maximum(counts - 1, 0) // 2]
    high = ordered[rows, np.minimum(counts // 2, values.shape[1] - 1)]
    return low, high, counts
