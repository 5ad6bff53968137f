# SPDX-License-Identifier: Apache-2.0
"""Signals: how each detection compares with the neighboring frames.

A signal is NaN if it is undefined, such as at a track's first box or after a gap.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pandas as pd

from ...importers.tracks import BOX
from .boxes import Floats, area, iou
from .neighbors import Neighbors, after, before

#: The values of a signal or a flag, ``(n,)``.
Signal: TypeAlias = Floats | pd.arrays.BooleanArray


def box_array(table: pd.DataFrame) -> Floats:
    """Return the boxes of a tracks table.

    Args:
        table: a tracks table of ``n`` rows

    Returns:
        float array ``(n, 4)``, ``[left, top, width, height]`` in pixels; NaN for
        boxes without width or height. Each column is contiguous
    """
    boxes = np.empty((len(table), 4), order="F")
    for place, side in enumerate(BOX):
        boxes[:, place] = table[side]
    boxes[~((boxes[:, 2] > 0) & (boxes[:, 3] > 0))] = np.nan
    return boxes


def size_signals(table: pd.DataFrame, neighbors: Neighbors) -> dict[str, Floats]:
    """Compute the change of a box's area since the previous frame.

    Args:
        table: a tracks table of ``n`` rows
        neighbors: the neighbors of its rows

    Returns:
        ``size_change``, array ``(n,)``: (area - previous area) / previous area,
        in (-1, inf)
    """
    areas = area(box_array(table))
    previous = before(areas, neighbors.adjacent)
    return {"size_change": (areas - previous) / previous}


def iou_signals(table: pd.DataFrame, neighbors: Neighbors) -> dict[str, Floats]:
    """Compute the IoU of a box with its track's boxes in the neighboring frames.

    Args:
        table: a tracks table of ``n`` rows
        neighbors: the neighbors of its rows

    Returns:
        ``iou_prev`` and ``iou_next``, arrays ``(n,)`` in [0, 1]
    """
    boxes = box_array(table)
    iou_prev = iou(boxes, before(boxes, neighbors.adjacent))
    return {"iou_prev": iou_prev, "iou_next": after(iou_prev, neighbors.adjacent)}


def aspect_signals(table: pd.DataFrame, neighbors: Neighbors) -> dict[str, Floats]:
    """Compute the change of a box's aspect ratio since the previous frame.

    Args:
        table: a tracks table of ``n`` rows
        neighbors: the neighbors of its rows

    Returns:
        ``aspect_change``, array ``(n,)``: width / height over that of the previous
        frame, minus 1, in (-1, inf)
    """
    boxes = box_array(table)
    aspect = boxes[:, 2] / boxes[:, 3]
    return {"aspect_change": aspect / before(aspect, neighbors.adjacent) - 1}
