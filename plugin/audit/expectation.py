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
from .medians import middle_values
from .neighbors import Neighbors

#: Boxes of a track on either side that predict a box. Five boxes outvote two wrong
#: ones, so that glitches of up to three frames stand out.
REACH = 5
#: A side with fewer boxes is ignored if the other side has more.
QUORUM = 3
#: Boxes that are compared at once, so that they stay in the cache of a core.
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
    states = to_states(boxes)
    for axis in range(4):
        states[clipped[:, axis % 2], axis] = np.nan
    track = _Track.of(states, neighbors)
    parts = [
        _expect_chunk(
            track, boxes, clipped, slice(first, min(first + _CHUNK, len(boxes)))
        )
        for first in range(0, len(boxes), _CHUNK)
    ]
    if not parts:
        return Expectation(np.empty(0), np.empty(0), np.empty((0, 4)))
    agreement, size, velocity = zip(*parts, strict=True)
    return Expectation(
        np.concatenate(agreement),
        np.concatenate(size),
        np.asfortranarray(np.concatenate(velocity)),
    )


@dataclass(frozen=True)
class _Track:
    """What surrounds each of ``n`` rows; arrays are padded with NaN.

    Attributes:
        states: array ``(n + 2 * REACH, 4)``
        steps: of the same shape, the change of states per labeled frame since the row
            before, NaN for the first row of a track
        time: array ``(n + 2 * REACH,)``, see :class:`Neighbors`
        before: int array ``(n,)``, the number of boxes of the track before the row
        after: int array ``(n,)``, that of the boxes after it
    """

    states: Floats
    steps: Floats
    time: Floats
    before: NDArray[np.intp]
    after: NDArray[np.intp]

    @classmethod
    def of(cls, states: Floats, neighbors: Neighbors) -> _Track:
        """Prepare the rows of a table."""
        rows = np.arange(len(states))
        elapsed = np.diff(neighbors.time, prepend=np.nan)
        elapsed[(neighbors.start == rows) | ~(elapsed > 0)] = np.nan
        steps = np.diff(states, axis=0, prepend=np.nan) / elapsed[:, None]
        return cls(
            _pad(states),
            _pad(steps),
            _pad(neighbors.time),
            rows - neighbors.start,
            neighbors.end - 1 - rows,
        )

    def holds(self, rows: slice, offset: int) -> NDArray[np.bool_]:
        """Return whether the track has a box so many rows further on."""
        if offset < 0:
            return self.before[rows] >= -offset
        return self.after[rows] >= offset


def to_states(boxes: Floats) -> Floats:
    """Convert boxes to states that change evenly: centers and log sizes.

    Args:
        boxes: array ``(n, 4)``, ``[left, top, width, height]``

    Returns:
        array ``(n, 4)``: center x, center y, log width, log height; each column is
        contiguous, which makes computing with columns several times as fast
    """
    states = np.empty(boxes.shape, order="F")
    states[:, :2] = boxes[:, :2] + boxes[:, 2:] / 2
    np.log(boxes[:, 2:], out=states[:, 2:])
    return states


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
    predicted = np.empty(boxes.shape, order="F")
    change = np.zeros(len(boxes))
    # Otherwise a box alone in its track would agree if the border cuts it
    unknown = np.isnan(states).all(axis=1)
    for axis in range(2):
        cut, own = clipped[:, axis], boxes[:, 2 + axis]
        size = np.exp(states[:, 2 + axis])
        begin = states[:, axis] - size / 2
        predicted[:, axis] = np.where(cut, boxes[:, axis], begin)
        predicted[:, 2 + axis] = np.where(cut, own, size)
        change += np.log(own) - np.log(predicted[:, 2 + axis])
    predicted[unknown] = np.nan
    change[unknown] = np.nan
    return iou(boxes, predicted), change


def _expect_chunk(
    track: _Track, boxes: Floats, clipped: NDArray[np.bool_], rows: slice
) -> tuple[Floats, Floats, Floats]:
    velocity = _steady_velocity(track, rows)
    past, past_votes = _predict(track, velocity, rows, -1)
    future, future_votes = _predict(track, velocity, rows, 1)
    past[past_votes < np.minimum(QUORUM, future_votes)] = np.nan
    future[future_votes < np.minimum(QUORUM, past_votes)] = np.nan
    iou_past, size_past = compare(boxes[rows], past, clipped[rows])
    iou_future, size_future = compare(boxes[rows], future, clipped[rows])
    agreement = np.fmax(iou_past, iou_future)
    nearer = np.isnan(size_future) | (np.abs(size_past) <= np.abs(size_future))
    return agreement, np.where(nearer, size_past, size_future), velocity


def _steady_velocity(track: _Track, rows: slice) -> Floats:
    """Return the median change per labeled frame around each row, ``(m, 4)``.

    A glitch of any length affects only two steps, so it does not change the median
    over a window of steps.
    """
    offsets = range(1 - REACH, REACH + 1)
    outside = ~np.stack([track.holds(rows, offset) for offset in offsets])
    result = np.empty((rows.stop - rows.start, 4), order="F")
    for axis in range(4):
        steps = np.stack([_shift(track.steps[:, axis], rows, by) for by in offsets])
        steps[outside] = np.nan
        low, high, _ = middle_values(steps)
        # The lesser motion of two middle values: a jump in a short track is a
        # jump and not a speed
        calm = np.where(np.abs(low) < np.abs(high), low, high)
        result[:, axis] = np.where(low * high <= 0, 0, calm)
    return np.nan_to_num(result, copy=False)


def _predict(
    track: _Track, velocity: Floats, rows: slice, side: int
) -> tuple[Floats, NDArray[np.intp]]:
    """Predict states from one side; return them and the votes, both ``(m, 4)``."""
    offsets = range(side, side * (REACH + 1), side)
    elapsed = np.stack(
        [_shift(track.time, rows, 0) - _shift(track.time, rows, by) for by in offsets]
    )
    # Boxes beyond a long gap say little about this one
    outside = ~(np.abs(elapsed) <= 2 * REACH)
    outside |= ~np.stack([track.holds(rows, offset) for offset in offsets])
    votes = np.empty(velocity.shape, np.intp, order="F")
    result = np.empty_like(velocity)
    for axis in range(4):
        says = velocity[:, axis] * elapsed
        says += np.stack([_shift(track.states[:, axis], rows, by) for by in offsets])
        says[outside] = np.nan
        low, high, votes[:, axis] = middle_values(says)
        result[:, axis] = (low + high) / 2
    return result, votes


def _shift(padded: Floats, rows: slice, by: int) -> Floats:
    """Return the values of the rows so many further on."""
    return padded[rows.start + REACH + by : rows.stop + REACH + by]


def _pad(values: Floats) -> Floats:
    """Add rows of NaN before and after the values."""
    padded = np.full((len(values) + 2 * REACH, *values.shape[1:]), np.nan, order="F")
    padded[REACH : len(values) + REACH] = values
    return padded
