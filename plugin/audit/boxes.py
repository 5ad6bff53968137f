# SPDX-License-Identifier: Apache-2.0
"""Vectorized geometry of boxes in ``[left, top, width, height]``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: Row numbers of a table.
Rows = NDArray[np.intp]
#: The embeddings of crops, ``(n, d)``; NaN where there is none.
Vectors = NDArray[np.float32]


def area(boxes: Floats) -> Floats:
    """Return the areas of boxes.

    Args:
        boxes: array of shape ``(..., 4)``, ``[left, top, width, height]``

    Returns:
        array of shape ``(...)``, in the square of the boxes' unit
    """
    result: Floats = boxes[..., 2] * boxes[..., 3]
    return result


def intersection(first: Floats, second: Floats) -> Floats:
    """Return the area that boxes share, pair by pair.

    Args:
        first: array of shape ``(..., 4)``, ``[left, top, width, height]``
        second: array of the same shape

    Returns:
        array of shape ``(...)``, in the square of the boxes' unit; NaN where either box
        has a NaN
    """
    result: Floats = _overlap(first, second, 0) * _overlap(first, second, 1)
    return result


def _overlap(first: Floats, second: Floats, axis: int) -> Floats:
    begin, other = first[..., axis], second[..., axis]
    end = np.minimum(begin + first[..., 2 + axis], other + second[..., 2 + axis])
    result: Floats = np.maximum(end - np.maximum(begin, other), 0)
    return result


def iou(first: Floats, second: Floats) -> Floats:
    """Return the intersection over union of boxes, pair by pair.

    Args:
        first: array of shape ``(..., 4)``, ``[left, top, width, height]``
        second: array of the same shape

    Returns:
        array of shape ``(...)`` in [0, 1]; NaN where either box has a NaN
    """
    shared = intersection(first, second)
    union = area(first) + area(second) - shared
    # Rounding can leave the union of two equal boxes a hair below their overlap
    result: Floats = np.minimum(shared / union, 1)
    return result
