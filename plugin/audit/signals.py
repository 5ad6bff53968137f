# SPDX-License-Identifier: Apache-2.0
"""What each detection says against the frames beside it, without judgement.

A signal is NaN where it is not defined: at a track's first box, after a gap.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...importers.tracks import BOX
from .boxes import Floats, area, iou
from .neighbours import Neighbours, after, before


def box_array(table: pd.DataFrame) -> Floats:
    """Returns the boxes of a tracks table.

    Args:
        table: a tracks table of ``n`` rows

    Returns:
        float array ``(n, 4)``, ``[left, top, width, height]`` in pixels; NaN for
        a box without width or height, about which nothing can be said
    """
    boxes = table[BOX].to_numpy(np.float64, copy=True)
    boxes[~(boxes[:, 2:] > 0).all(axis=1)] = np.nan
    return boxes


def size_signals(table: pd.DataFrame, neighbours: Neighbours) -> dict[str, Floats]:
    """Computes the change of a box's area since the previous frame.

    Args:
        table: a tracks table of ``n`` rows
        neighbours: the neighbours of its rows

    Returns:
        ``size_change``, array ``(n,)``: (area - previous area) / previous area,
        in (-1, inf)
    """
    areas = area(box_array(table))
    previous = before(areas, neighbours.adjacent)
    return {"size_change": (areas - previous) / previous}


def iou_signals(table: pd.DataFrame, neighbours: Neighbours) -> dict[str, Floats]:
    """Computes the IoU of a box with the same track's boxes in the frames beside it.

    Args:
        table: a tracks table of ``n`` rows
        neighbours: the neighbours of its rows

    Returns:
        ``iou_prev`` and ``iou_next``, arrays ``(n,)`` in [0, 1]
    """
    boxes = box_array(table)
    iou_prev = iou(boxes, before(boxes, neighbours.adjacent))
    return {"iou_prev": iou_prev, "iou_next": after(iou_prev, neighbours.adjacent)}


def aspect_signals(table: pd.DataFrame, neighbours: Neighbours) -> dict[str, Floats]:
    """Computes the change of a box's shape since the previous frame.

    Args:
        table: a tracks table of ``n`` rows
        neighbours: the neighbours of its rows

    Returns:
        ``aspect_change``, array ``(n,)``: (width / height) over that of the
        previous frame, minus 1, in (-1, inf)
    """
    boxes = box_array(table)
    aspect = boxes[:, 2] / boxes[:, 3]
    return {"aspect_change": aspect / before(aspect, neighbours.adjacent) - 1}
