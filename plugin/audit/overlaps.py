# SPDX-License-Identifier: Apache-2.0
"""Which boxes of a frame overlap, and which occlude others."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .boxes import Floats, area

#: Candidate pairs that are compared at once, to bound the memory.
_CHUNK = 4_000_000


@dataclass(frozen=True)
class Overlaps:
    """Pairs of boxes of one frame that share pixels.

    Attributes:
        first: int array ``(p,)``, rows
        second: int array ``(p,)``, rows
        shared: float array ``(p,)``, shared area in square pixels, above 0
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    shared: Floats


def find_overlaps(boxes: Floats, frame: NDArray[np.integer]) -> Overlaps:
    """Find the overlapping boxes of each frame of a sequence.

    Boxes are sorted from left to right, so that only boxes that overlap horizontally
    are compared.

    Args:
        boxes: array ``(n, 4)``, ``[left, top, width, height]``; boxes with NaN do not
            overlap
        frame: int array ``(n,)``

    Returns:
        the :class:`Overlaps`, each pair once
    """
    known = np.flatnonzero(~np.isnan(boxes).any(axis=1))
    order = known[np.lexsort((boxes[known, 0], frame[known]))]
    # One number per box that sorts by frame, then by position
    left = boxes[order, 0] - boxes[order, 0].min(initial=0)
    width = boxes[order, 2]
    apart = float((left + width).max(initial=0)) + 1
    place = frame[order] * apart + left
    count = np.searchsorted(place, place + width) - np.arange(len(order)) - 1
    chunk = np.cumsum(count) // _CHUNK
    cuts = [0, *np.flatnonzero(np.diff(chunk)) + 1, len(count)]
    parts = [
        _compare(boxes, order, start, count[start:end]) for start, end in pairwise(cuts)
    ]
    columns = zip(*parts, strict=True)
    first, second, shared = (np.concatenate(column) for column in columns)
    return Overlaps(first, second, shared)


def _compare(
    boxes: Floats, order: NDArray[np.intp], start: int, count: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    earlier = np.repeat(np.arange(len(count)), count)
    offset = np.arange(len(earlier)) - np.repeat(np.cumsum(count) - count, count)
    first = order[start + earlier]
    second = order[start + earlier + offset + 1]
    high = _shared_length(boxes[:, 1], boxes[:, 3], first, second)
    # All of them overlap horizontally, but few of them vertically
    touching = np.flatnonzero(high > 0)
    first, second = first[touching], second[touching]
    wide = _shared_length(boxes[:, 0], boxes[:, 2], first, second)
    shared = wide * high[touching]
    real = shared > 0
    return first[real], second[real], shared[real]


def _shared_length(
    begin: Floats, size: Floats, first: NDArray[np.intp], second: NDArray[np.intp]
) -> Floats:
    """Return how far pairs overlap in one direction, ``(p,)``."""
    end = begin + size
    low = np.maximum(begin[first], begin[second])
    overlap: Floats = np.maximum(np.minimum(end[first], end[second]) - low, 0)
    return overlap


def occlusion(boxes: Floats, overlaps: Overlaps) -> Floats:
    """Estimate how much of each box is occluded by another object.

    Of two people on the ground, the one whose box ends lower in the image is closer to
    the camera and occludes the other.

    Args:
        boxes: array ``(n, 4)`` of one sequence
        overlaps: the overlapping boxes

    Returns:
        array ``(n,)`` in [0, 1]: the largest share of the box that a single closer box
        covers
    """
    bottom = boxes[:, 1] + boxes[:, 3]
    nearer = bottom[overlaps.first] > bottom[overlaps.second]
    hidden = np.where(nearer, overlaps.second, overlaps.first)
    result = np.zeros(len(boxes))
    np.maximum.at(result, hidden, overlaps.shared / area(boxes)[hidden])
    return np.minimum(result, 1)
