# SPDX-License-Identifier: Apache-2.0
"""Extend a track along its own motion, as far as that is predictable."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers.tracks import BOX
from ..audit.boxes import Floats, iou
from .box_edits import PREDICTED, add
from .cases import Case, path_of
from .paths import ENDS, HIT, MARGIN
from .predicted import EXTENT


def extend(case: Case) -> pd.DataFrame | None:
    """Add boxes before the first or after the last box of the track."""
    if len(case.own) < MARGIN:
        return None
    first, last = int(case.own["frame"].iloc[0]), int(case.own["frame"].iloc[-1])
    if case.peak not in (first, last):
        return None
    at_end = case.peak == last
    near = case.own.iloc[-2 * MARGIN :] if at_end else case.own.iloc[: 2 * MARGIN]
    count = min(_count_predictable(near, case.step, at_end), EXTENT)
    side, end = (1, last) if at_end else (-1, first)
    frames = end + side * case.step * np.arange(1, count + 1, dtype=np.int64)
    frames = frames[(frames >= 1) & (frames <= case.frames)]
    if not len(frames):
        return None
    near = near.iloc[-MARGIN:] if at_end else near.iloc[:MARGIN]
    places = path_of(near, np.ones(len(near)), frames, case.step, ENDS)
    inside = np.cumprod(are_inside(case, places)).astype(bool)
    if not inside.any():
        return None
    template = case.own.iloc[-1 if at_end else 0]
    return add(template, frames[inside], places[inside], PREDICTED)


def _count_predictable(boxes: pd.DataFrame, step: int, at_end: bool) -> int:
    """Return how many boxes at an end of a track follow from those before.

    Args:
        boxes: the boxes there, by frame
        step: the number of frames from one labeled frame to the next
        at_end: whether it is the end of the track, and not the beginning

    Returns:
        the number of boxes in a row, of one half of them, that extrapolating the
        other half hits
    """
    half = len(boxes) // 2
    one, other = boxes.iloc[:half], boxes.iloc[half:]
    known, wanted = (one, other) if at_end else (other, one)
    frames = wanted["frame"].to_numpy(np.int64)
    places = path_of(known, np.ones(len(known)), frames, step, ENDS)
    fits = iou(wanted[BOX].to_numpy(), places) >= HIT
    return int(np.cumprod(fits if at_end else fits[::-1]).sum())


def are_inside(case: Case, places: Floats) -> NDArray[np.bool_]:
    """Return whether the centers of boxes are in the image.

    Args:
        case: the case
        places: the boxes, array ``(n, 4)``

    Returns:
        bool array ``(n,)``
    """
    center = places[:, :2] + places[:, 2:] / 2
    limits = np.inf if case.size is None else np.array(case.size)
    inside = (center >= 0) & (center <= limits)
    return np.logical_and(inside[:, 0], inside[:, 1])
