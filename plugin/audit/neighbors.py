# SPDX-License-Identifier: Apache-2.0
"""Which rows of the tracks table follow each other in a track."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .boxes import Floats


@dataclass(frozen=True)
class Neighbors:
    """The neighborhood of each of ``n`` rows of a tracks table.

    Attributes:
        start: int array ``(n,)``, row of the first detection of the row's track
        end: int array ``(n,)``, one past the row of the last detection
        time: float array ``(n,)``, the frame's position in units of the
            sequence's labeling step, so that the next labeled frame is 1 away
            whether every frame was labeled or one per second
        step: int array ``(n,)``, the number of frames from one labeled frame of the
            row's sequence to the next
        adjacent: bool array ``(n,)``, whether the row before is the same track in
            the previous labeled frame
    """

    start: NDArray[np.intp]
    end: NDArray[np.intp]
    time: Floats
    step: NDArray[np.int64]
    adjacent: NDArray[np.bool_]

    @cached_property
    def first(self) -> NDArray[np.intp]:
        """The first row of each of ``k`` tracks, int array ``(k,)``."""
        return np.flatnonzero(self.start == np.arange(len(self.start)))

    @cached_property
    def number(self) -> NDArray[np.intp]:
        """The number of each row's track, int array ``(n,)`` in [0, k)."""
        length = np.diff(self.first, append=len(self.start))
        return np.repeat(np.arange(len(length)), length)


def find_neighbors(table: pd.DataFrame) -> Neighbors:
    """Find the neighbors of each detection in its own track.

    Detections without an ID (``track`` below 0) have no neighbors.

    Args:
        table: a tracks table, sorted by sequence, track, frame

    Returns:
        the :class:`Neighbors` of its rows
    """
    sequence = table["sequence"].cat.codes.to_numpy()
    track = table["track"].to_numpy()
    frame = table["frame"].to_numpy(np.int64)
    same_sequence = sequence[1:] == sequence[:-1]
    same_track = same_sequence & (track[1:] == track[:-1]) & (track[1:] >= 0)
    first = np.flatnonzero(np.r_[True, ~same_track]) if len(table) else np.empty(0, int)
    length = np.diff(np.r_[first, len(table)])
    start = np.repeat(first, length)

    elapsed = np.diff(frame)
    step = _labeling_steps(sequence, same_track, elapsed)
    time = (frame - frame[start]) / step if len(table) else np.empty(0)
    adjacent = np.zeros(len(table), bool)
    adjacent[1:] = same_track & (elapsed > 0) & (elapsed <= step[1:])
    end = start + np.repeat(length, length)
    return Neighbors(start, end, time, step, adjacent)


def _labeling_steps(
    sequence: NDArray[np.integer],
    same_track: NDArray[np.bool_],
    elapsed: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the labeling step of each row's sequence in frames, ``(n,)``."""
    step = np.ones(len(sequence), np.int64)
    for code in np.unique(sequence):
        rows = sequence == code
        gaps = elapsed[same_track & rows[1:]]
        if len(gaps):
            step[rows] = max(1, np.quantile(gaps, 0.5, method="lower"))
    return step


def before(values: Floats, adjacent: NDArray[np.bool_]) -> Floats:
    """Return the values of the previous labeled frame, NaN without one.

    Args:
        values: float array ``(n, ...)``
        adjacent: bool array ``(n,)``

    Returns:
        array of the shape of ``values``
    """
    result = np.full_like(values, np.nan)
    np.copyto(result[1:].T, values[:-1].T, where=adjacent[1:])
    return result


def after(values: Floats, adjacent: NDArray[np.bool_]) -> Floats:
    """Return the values of the next labeled frame, NaN without one.

    Args:
        values: float array ``(n, ...)``
        adjacent: bool array ``(n,)``

    Returns:
        array of the shape of ``values``
    """
    result = np.full_like(values, np.nan)
    np.copyto(result[:-1].T, values[1:].T, where=adjacent[1:])
    return result
