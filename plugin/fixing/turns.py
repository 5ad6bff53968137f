# SPDX-License-Identifier: Apache-2.0
"""Find the tracks that show each other's objects in turn."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from ...importers.tracks import BOX
from ..audit.boxes import Floats
from .box_edits import Frames
from .cases import path_of
from .paths import BEYOND

#: The fewest boxes that show a motion.
_FEWEST = 2
#: A distance, in sizes of the box, beyond which all are the same.
_FAR = 1e6


def find_turn(near: pd.DataFrame, peak: int, step: int, track: int) -> dict[int, int]:
    """Find the tracks whose IDs must move on together.

    The boxes before the peak predict where each object is at the first box after it,
    and objects are assigned to tracks at the least sum of distances.

    Args:
        near: the boxes of all tracks around the peak, by track and frame
        peak: the frame from which on tracks show other objects
        step: the number of frames from one labeled frame to the next
        track: one of these tracks

    Returns:
        the ID of the object that each of them shows, by the track's own ID; empty if
        the track goes on as its boxes predict
    """
    first = near[near["frame"] >= peak].drop_duplicates("track").set_index("track")
    past = near[near["frame"] < peak]
    ids = [each for each in past["track"].unique() if each in first.index]
    if track not in ids:
        return {}
    later = first.loc[ids]
    frames = later["frame"].to_numpy(np.int64)
    costs = [
        _distance(_predict(boxes, frames, step), later[BOX].to_numpy(float))
        for boxes in (past[past["track"] == each] for each in ids)
    ]
    limited = np.nan_to_num(np.array(costs), nan=_FAR).clip(max=_FAR)
    objects, shown = linear_sum_assignment(limited)
    right = {
        int(ids[column]): int(ids[row])
        for row, column in zip(objects, shown, strict=True)
    }
    turn = {track: right[track]}
    while (following := right[list(turn)[-1]]) != track:
        turn[following] = right[following]
    return turn if len(turn) > 1 else {}


def _predict(boxes: pd.DataFrame, frames: Frames, step: int) -> Floats:
    """Return where the boxes of a track suggest it at later frames, ``(n, 4)``."""
    if len(boxes) < _FEWEST:
        return np.repeat(boxes[BOX].to_numpy(float), len(frames), axis=0)
    return path_of(boxes, np.ones(len(boxes)), frames, step, BEYOND)


def _distance(one: Floats, other: Floats) -> Floats:
    """Return the distances of centers, in sizes of the first boxes, ``(n,)``."""
    centers = [boxes[:, :2] + boxes[:, 2:] / 2 for boxes in (one, other)]
    size = np.sqrt(np.maximum(one[:, 2] * one[:, 3], 1))
    distance: Floats = np.hypot(*(centers[0] - centers[1]).T) / size
    return distance
