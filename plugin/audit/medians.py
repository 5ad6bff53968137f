# SPDX-License-Identifier: Apache-2.0
"""Medians of many short lists at once: around each box, and of each track.

Sorting rows of a few numbers one by one costs more than everything else that an audit
computes, so the numbers are sorted by comparing whole columns with each other, and
tracks of similar lengths are sorted together.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from .boxes import Floats
from .neighbors import Neighbors


def middle_values(columns: Floats) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Return the two middle values of the ``w`` values of each of ``m`` lists.

    Args:
        columns: array ``(w, m)``; NaN is unknown and does not count

    Returns:
        a tuple of

        -   the lower and the higher middle value, arrays ``(m,)``. They are equal if
            the number of known values is odd, and NaN if it is 0
        -   the number of known values, int array ``(m,)``
    """
    width = len(columns)
    unknown = np.isnan(columns)
    counts = width - unknown.sum(axis=0, dtype=np.intp)
    rows = _sort_columns(np.where(unknown, np.inf, columns))
    low, high = rows[(width - 1) // 2].copy(), rows[width // 2].copy()
    few = np.flatnonzero(counts < width)
    if len(few):
        place, known = np.arange(len(few)), counts[few]
        ordered = np.stack([row[few] for row in rows])
        low[few] = ordered[np.maximum(known - 1, 0) // 2, place]
        high[few] = ordered[known // 2, place]
        nothing = few[known == 0]
        low[nothing] = high[nothing] = np.nan
    return low, high, counts


def nth_lowest(columns: Floats, place: int) -> Floats:
    """Return the value at a place among the ``w`` values of each list, in order.

    Args:
        columns: array ``(w, m)``
        place: 0 for the lowest value

    Returns:
        array ``(m,)``; NaN comes after all values
    """
    unknown = np.isnan(columns)
    found = _sort_columns(np.where(unknown, np.inf, columns))[place]
    found[len(columns) - unknown.sum(axis=0, dtype=np.intp) <= place] = np.nan
    return found


def _sort_columns(columns: Floats) -> list[Floats]:
    """Sort the values of each list; return the lowest of all, the next, and so on."""
    rows = list(columns)
    spare = np.empty_like(rows[0])
    for one, other in _network(len(rows)):
        lower = np.minimum(rows[one], rows[other], out=spare)
        np.maximum(rows[one], rows[other], out=rows[other])
        rows[one], spare = lower, rows[one]
    return rows


@cache
def _network(width: int) -> tuple[tuple[int, int], ...]:
    """Return the comparisons that sort so many values.

    The source is Knuth, The Art of Computer Programming, volume 3, Algorithm 5.2.2M
    (Batcher's merge exchange).
    """
    pairs = []
    top = 1 << max(width - 1, 0).bit_length() >> 1
    step = top
    while step:
        reach, offset, distance = top, 0, step
        while True:
            pairs += [
                (place, place + distance)
                for place in range(width - distance)
                if place & step == offset
            ]
            if reach == step:
                break
            distance, reach, offset = reach - step, reach >> 1, step
        step >>= 1
    return tuple(pairs)


def track_median(values: Floats, neighbors: Neighbors) -> Floats:
    """Return the median of each row's track, ignoring NaN, ``(n,)``."""
    return run_medians(values, neighbors.first)[neighbors.number]


def run_medians(values: Floats, first: NDArray[np.intp]) -> Floats:
    """Return the median of each run of values, ignoring NaN.

    Args:
        values: array ``(n,)``
        first: int array ``(k,)``, the rows at which the runs begin, ascending from 0

    Returns:
        array ``(k,)``, NaN for runs without a known value
    """
    length = np.diff(first, append=len(values))
    known = np.concatenate([[0], np.cumsum(~np.isnan(values))])
    count = known[first + length] - known[first]
    result = np.full(len(first), np.nan)
    # Runs of similar lengths are the rows of an array, filled up with NaN
    size = np.frexp(np.maximum(length - 1, 0))[1]
    padded = np.append(values, np.nan)
    for exponent in np.unique(size):
        own = np.flatnonzero((size == exponent) & (count > 0))
        place = np.arange(1 << int(exponent))
        inside = place < length[own, None]
        rows = np.sort(padded[np.where(inside, first[own, None] + place, -1)], axis=1)
        row, middle = np.arange(len(own)), count[own]
        low, high = rows[row, (middle - 1) // 2], rows[row, middle // 2]
        result[own] = (low + high) / 2
    return result
