# SPDX-License-Identifier: Apache-2.0
"""Fixes that delete boxes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...importers.tracks import BOX
from ..audit.boxes import iou
from .box_edits import delete
from .cases import Case, path_of
from .paths import ENDS, HIT, MARGIN, roughness

#: The most boxes of a short track, or of a tail.
SHORT = 30
#: The fewest boxes of a tail that stands still.
STILL = 5
#: A track of less than this share of the other one's boxes is the duplicate.
_SHORTER = 0.8


def delete_track(case: Case) -> pd.DataFrame | None:
    """Delete all boxes of the track."""
    return delete(case.own) if len(case.own) else None


def delete_short(case: Case) -> pd.DataFrame | None:
    """Delete all boxes of the track if it is short, and wrong from end to end."""
    whole = len(case.stretch) == len(case.own)
    return delete(case.own) if whole and 0 < len(case.own) <= SHORT else None


def delete_stray(case: Case) -> pd.DataFrame | None:
    """Delete a short track that begins or ends beside another one and is off its path.

    It is the shorter one of the two, and none of its boxes meets the path of the other.
    """
    short, long = sorted((case.own, case.other), key=len)
    if not 0 < len(short) <= MARGIN <= len(long) or len(short) == len(long):
        return None
    frames = short["frame"].to_numpy(np.int64)
    ends = long["frame"].iloc[0], long["frame"].iloc[-1]
    before, after = frames[-1] < ends[0], frames[0] > ends[1]
    away = ends[0] - frames[0] if before else frames[-1] - ends[1]
    if not (before or after) or away > SHORT * case.step:
        return None
    near = long.iloc[:MARGIN] if before else long.iloc[-MARGIN:]
    places = path_of(near, np.ones(MARGIN), frames, case.step, ENDS)
    meets = iou(short[BOX].to_numpy(float), places) > 0
    return None if meets.any() else delete(short)


def delete_boxes(case: Case) -> pd.DataFrame | None:
    """Delete the boxes of the stretch."""
    return delete(case.stretch) if len(case.stretch) else None


def delete_outside(case: Case) -> pd.DataFrame | None:
    """Delete the boxes of the stretch that are outside the image."""
    bad = outside(case)
    return delete(bad) if len(bad) else None


def outside(case: Case) -> pd.DataFrame:
    """Return the boxes of the stretch of which nothing is in the image."""
    left, top, width, height = case.stretch[BOX].to_numpy(float).T
    across, down = case.size or (np.inf, np.inf)
    gone = (left + width <= 0) | (top + height <= 0) | (left >= across) | (top >= down)
    found: pd.DataFrame = case.stretch[gone]
    return found


def delete_tail(case: Case) -> pd.DataFrame | None:
    """Delete the boxes of the stretch, with which the track ends."""
    boxes = case.stretch
    if boxes.empty or len(boxes) == len(case.own):
        return None
    return delete(boxes) if boxes.index[-1] == case.own.index[-1] else None


def delete_still(case: Case) -> pd.DataFrame | None:
    """Delete equal boxes at the end of a track that was moving and should move on.

    If the issue links two tracks, these are of the earlier one, and the later one does
    not begin where they are.
    """
    own, other = sorted((case.own, case.other), key=_begin)
    if len(own) <= MARGIN or (other.empty and case.peak != own["frame"].iloc[-1]):
        return None
    boxes, frames = own[BOX].to_numpy(float), own["frame"].to_numpy(np.int64)
    same = (boxes[1:] == boxes[:-1]).all(axis=1)
    count = int(np.cumprod(same[::-1]).sum())
    if not STILL <= count + 1 <= min(SHORT, len(own) - MARGIN):
        return None
    near = own.iloc[-count - MARGIN : -count]
    suggested = path_of(near, np.ones(MARGIN), frames[-1:], case.step, ENDS)
    begun = other[BOX].to_numpy(float)[:1]
    where = np.concatenate([suggested, begun])
    met = iou(np.repeat(boxes[-1:], len(where), axis=0), where) > HIT
    return None if met.any() else delete(own.iloc[-count:])


def _begin(boxes: pd.DataFrame) -> float:
    return float(boxes["frame"].iloc[0]) if len(boxes) else np.inf


def delete_worse(case: Case) -> pd.DataFrame | None:
    """Delete the track of the two that covers less, or else moves less evenly."""
    return delete(_worse(case)[0]) if len(case.own) else None


def delete_other(case: Case) -> pd.DataFrame | None:
    """Delete the track of the two that :func:`delete_worse` keeps."""
    return delete(_worse(case)[1]) if len(case.own) and len(case.other) else None


def _worse(case: Case) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the worse of the two tracks, and the better one."""
    own, other = case.own, case.other
    least = _SHORTER * max(len(own), len(other))
    if len(other) and min(len(own), len(other)) < least:
        return (own, other) if len(own) < len(other) else (other, own)
    evenly = [
        roughness(boxes["frame"].to_numpy(np.int64), boxes[BOX].to_numpy())
        for boxes in (own, other)
    ]
    return (own, other) if other.empty or evenly[0] >= evenly[1] else (other, own)
