# SPDX-License-Identifier: Apache-2.0
"""Recognize the objects, classes and frames of files that a tool numbered anew.

CVAT gives tracks, classes and frames numbers of its own when it exports them. What
stays is where the boxes are. Pure functions over tracks tables.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from ...importers.tracks import BOX
from ..audit.boxes import Floats, iou

#: IoU that two tracks reach in some frame if they are of the same object.
_LEAST_IOU = 0.1
#: What two tracks of the same number have ahead of others that fit as well.
_SAME_NUMBER = 1e-6


def recognize_tracks(corrected: pd.DataFrame, sent: pd.DataFrame) -> dict[int, int]:
    """Recognize tracks by their places over all frames.

    Tracks are assigned to each other so that the IoU of their boxes, summed over all
    frames, is greatest.

    Args:
        corrected: ``frame``, ``track`` and the box of what came back of one sequence;
            boxes of track -1 have none
        sent: the same of what was sent, in the same pixels; a track that is listed
            with several labels may come back as several tracks

    Returns:
        the number that each track was sent with, or a free one if it is new
    """
    corrected = corrected[corrected["track"] >= 0]
    back, names = pd.factorize(corrected["track"])
    # A track of CVAT has one label, so others come back in parts
    out, pairs = pd.factorize(pd.MultiIndex.from_frame(sent[["track", "label"]]))
    numbers = np.array([int(track) for track, _ in pairs], np.int64)
    sums, best = _overlaps((corrected, back, len(names)), (sent, out, len(numbers)))
    same = names.to_numpy()[:, None] == numbers[None, :]
    gain = np.where(best >= _LEAST_IOU, sums + _SAME_NUMBER * same, 0)
    known = {
        int(names[row]): int(numbers[column])
        for row, column in zip(*linear_sum_assignment(gain, maximize=True), strict=True)
        if gain[row, column] > 0
    }
    free = max([0, *numbers.tolist()]) + 1
    new = [int(track) for track in names if track not in known]
    return known | {track: free + place for place, track in enumerate(new)}


def are_renumbered(corrected: pd.DataFrame, sent: pd.DataFrame) -> bool:
    """Tell whether tracks have been numbered anew, in the order of their appearance.

    Args:
        corrected: ``frame`` and ``track`` of what came back
        sent: the same of what was sent

    Returns:
        True if the tracks count up from 0 or 1 in the order in which they appear, and
        this is not how they were sent
    """
    before, after = (_first_frames(table) for table in (sent, corrected))
    same = before.index.equals(after.index)
    return _counts_up(after) and not (same and _counts_up(before))


def _first_frames(table: pd.DataFrame) -> pd.Series[int]:
    frames = table[table["track"] >= 0].groupby("track")["frame"].min()
    return frames.sort_index()


def _counts_up(first: pd.Series[int]) -> bool:
    numbers = first.index.to_numpy()
    if not len(numbers) or numbers[0] not in {0, 1}:
        return False
    in_order = bool((np.diff(numbers) == 1).all())
    return in_order and bool(first.is_monotonic_increasing)


def _overlaps(
    left: tuple[pd.DataFrame, np.ndarray, int],
    right: tuple[pd.DataFrame, np.ndarray, int],
) -> tuple[Floats, Floats]:
    """Return the sum over frames, and the greatest, of the IoU of each two tracks."""
    (first, rows, height), (second, columns, width) = left, right
    sums, best = np.zeros((height, width)), np.zeros((height, width))
    boxes = first[BOX].to_numpy(np.float64), second[BOX].to_numpy(np.float64)
    others = second.reset_index(drop=True).groupby("frame").indices
    for frame, own in first.reset_index(drop=True).groupby("frame").indices.items():
        if frame not in others:
            continue
        met = others[frame]
        shared = np.nan_to_num(iou(boxes[0][own][:, None], boxes[1][met][None]))
        places = np.ix_(rows[own], columns[met])
        np.add.at(sums, places, shared)
        np.maximum.at(best, places, shared)
    return sums, best


def number_untracked(tracks: pd.Series[int], taken: Sequence[int]) -> pd.Series[int]:
    """Give each box that has no track a number of its own.

    Args:
        tracks: the track of each box, -1 for none
        taken: numbers that are taken

    Returns:
        the track of each box
    """
    alone = tracks < 0
    free = max([0, *taken, *tracks.tolist()]) + 1
    numbered = tracks.mask(alone, free + alone.cumsum() - 1)
    return numbered.astype(np.int32)


def recognize_classes(
    corrected: pd.DataFrame, sent: pd.DataFrame, listed: Sequence[str]
) -> dict[str, str | None]:
    """Recognize classes that came back as numbers, by the labels of the same boxes.

    Args:
        corrected: ``frame``, ``track`` as it was sent, and ``label`` (a number) of what
            came back
        sent: the same of what was sent, with its labels
        listed: the classes in the order in which they were sent

    Returns:
        the label that most boxes of each number were sent with. A number without such
        a box is a place in ``listed`` from 1; None if that has no such place
    """
    keys = ["frame", "track"]
    texts = corrected.astype({"label": str})[[*keys, "label"]]
    both = texts.merge(sent[[*keys, "label"]], on=keys, suffixes=("", "_sent"))
    votes = both.groupby("label")["label_sent"].agg(lambda labels: labels.mode()[0])
    places = {str(place): label for place, label in enumerate(listed, start=1)}
    return {
        number: str(votes[number]) if number in votes else places.get(number)
        for number in texts["label"].unique()
    }


def recognize_frames(
    numbers: pd.Series[int], frames: Sequence[int]
) -> pd.Series[int] | None:
    """Recognize frames by their numbers, among those that were sent or the dataset's.

    Args:
        numbers: the number of each box's frame
        frames: the frames of the dataset that were sent, in order

    Returns:
        the 1-based position of each box's frame among those that were sent; None if
        the numbers are neither
    """
    if numbers.between(1, len(frames)).all():
        return numbers
    positions = numbers.map(pd.Series(np.arange(1, len(frames) + 1), list(frames)))
    return None if positions.isna().any() else positions.astype(np.int32)
