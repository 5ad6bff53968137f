# SPDX-License-Identifier: Apache-2.0
"""Link boxes without any identity into tracks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from ...importers.tracks import BOX, Tracks, make_table
from .boxes import Floats, Rows, Vectors, area, iou

#: The least IoU of a box with the prediction of its track, and for how many frames a
#: track may be missing, by default.
LEAST_IOU, PATIENCE = 0.3, 10
#: The least cosine similarity of crops that show one object, and how far the box may be
#: from the prediction, in sizes of the last box.
_ALIKE, _REACH = 0.85, 3.0


@dataclass
class _Open:
    """The tracks that may go on, one entry each.

    Attributes:
        boxes: their last boxes, ``(k, 4)``
        speed: how far they moved per frame, ``(k, 2)``
        frame: the frames of their last boxes
        label: the codes of their labels
        track: their numbers
        look: the embeddings of their last crops, ``(k, d)``, 0 where there is none
    """

    boxes: Floats
    speed: Floats
    frame: NDArray[np.int64]
    label: NDArray[np.int64]
    track: NDArray[np.int64]
    look: Vectors


def link_boxes(
    table: pd.DataFrame,
    least_iou: float = LEAST_IOU,
    patience: int = PATIENCE,
    vectors: Vectors | None = None,
) -> NDArray[np.int64]:
    """Link boxes into tracks by their overlap from frame to frame, and by their looks.

    Each track predicts its next box from its last speed. In each frame, predictions and
    boxes of the same label are assigned to each other so that the sum of their IoU is
    greatest. What is left is assigned by the similarity of crops, if there are any.

    Args:
        table: the tracks table, whose tracks are ignored
        least_iou (0.3): the least IoU of a box with the prediction of its track
        patience (10): for how many frames a track may be missing
        vectors (None): array ``(n, d)``, the embeddings of the crops, NaN where unknown

    Returns:
        int64 array ``(n,)``, the track of each box; numbers begin with 1 in each
        sequence

    Raises:
        ValueError: if the least IoU or the patience is out of range
    """
    if not 0 < least_iou <= 1 or patience < 1:
        raise ValueError(
            "expected a least IoU above 0, 1 at most, and a patience of 1 or more, not "
            f"{least_iou} and {patience}"
        )
    looks = np.zeros((len(table), 0), np.float32)
    if vectors is not None:
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        looks = np.nan_to_num(vectors / np.maximum(lengths, 1e-9)).astype(np.float32)
    tracks = np.zeros(len(table), np.int64)
    for rows in table.groupby("sequence", observed=True).indices.values():
        part = table.iloc[rows]
        tracks[rows] = _link_sequence(part, looks[rows], least_iou, patience)
    return tracks


def link_tracks(tracks: Tracks) -> Tracks:
    """Link the boxes of sequences that have no track IDs, see :func:`link_boxes`.

    Args:
        tracks: labels of sequences, in some of which no box belongs to a track

    Returns:
        the labels with tracks in every sequence, and a note of each that was linked

    Example:
        >>> tracks = fta.link_tracks(fta.read_labels("street"))
        >>> bool((tracks.table["track"] > 0).all())
        True
    """
    table = tracks.table
    tracked = (table["track"] >= 0).groupby(table["sequence"], observed=True)
    alone = ~tracked.transform("any").to_numpy(bool)
    if not alone.any():
        return tracks
    numbers = table["track"].to_numpy(np.int64, copy=True)
    numbers[alone] = link_boxes(table[alone])
    linked = table.assign(track=numbers)
    counts = linked[alone].groupby("sequence", observed=True)["track"].max()
    notes = (
        f"{name}: boxes without track IDs were linked by overlap (tracks: {many:,})"
        for name, many in counts.items()
    )
    return replace(
        tracks,
        table=make_table({str(name): linked[name] for name in linked}),
        notes=(*tracks.notes, *notes),
    )


def _link_sequence(
    table: pd.DataFrame, looks: Vectors, least_iou: float, patience: int
) -> NDArray[np.int64]:
    boxes = table[BOX].to_numpy(np.float64)
    labels = np.asarray(table["label"].cat.codes, np.int64)
    tracks = np.zeros(len(table), np.int64)
    nothing = np.empty(0, np.int64)
    known = _Open(
        np.empty((0, 4)), np.empty((0, 2)), nothing, nothing, nothing, looks[:0]
    )
    last = 0
    frames = table["frame"].to_numpy(np.int64)
    order: Rows = np.lexsort([frames])
    numbers_of_frames, starts = np.unique(frames[order], return_index=True)
    parts = np.split(order, starts[1:])
    for frame, rows in zip(numbers_of_frames.tolist(), parts, strict=True):
        keep = frame - known.frame <= patience
        known = _choose(known, keep)
        seen = _Seen(boxes[rows], labels[rows], looks[rows], frame)
        own, found = _assign(known, seen, least_iou)
        numbers = np.zeros(len(rows), np.int64)
        numbers[found] = known.track[own]
        new = np.flatnonzero(numbers == 0)
        numbers[new] = last + 1 + np.arange(len(new))
        last += len(new)
        tracks[rows] = numbers
        speed = np.zeros((len(rows), 2))
        moved = _centers(boxes[rows][found]) - _centers(known.boxes[own])
        speed[found] = moved / (frame - known.frame[own])[:, None]
        rest = _choose(known, ~np.isin(np.arange(len(known.track)), own))
        known = _Open(
            np.concatenate([rest.boxes, boxes[rows]]),
            np.concatenate([rest.speed, speed]),
            np.append(rest.frame, np.full(len(rows), frame)),
            np.append(rest.label, labels[rows]),
            np.append(rest.track, numbers),
            np.concatenate([rest.look, looks[rows]]),
        )
    return tracks


class _Seen(NamedTuple):
    """The boxes of a frame, with their labels and the embeddings of their crops."""

    boxes: Floats
    label: NDArray[np.int64]
    look: Vectors
    frame: int


def _choose(known: _Open, keep: NDArray[np.bool_]) -> _Open:
    return _Open(*(values[keep] for values in vars(known).values()))


def _assign(known: _Open, seen: _Seen, least_iou: float) -> tuple[Rows, Rows]:
    """Return which open tracks go on, and with which boxes."""
    predicted = known.boxes.copy()
    predicted[:, :2] += known.speed * (seen.frame - known.frame)[:, None]
    same = known.label[:, None] == seen.label[None]
    overlap = np.nan_to_num(iou(predicted[:, None], seen.boxes[None]))
    own, found = _pair(np.where(same, overlap, 0), least_iou)
    if not seen.look.shape[1]:
        return own, found
    apart = _centers(predicted)[:, None] - _centers(seen.boxes)[None]
    near = np.linalg.norm(apart, axis=2) <= _REACH * np.sqrt(area(known.boxes))[:, None]
    alike = np.where(same & near, known.look @ seen.look.T, 0)
    alike[own], alike[:, found] = 0, 0
    more, further = _pair(alike, _ALIKE)
    return np.concatenate([own, more]), np.concatenate([found, further])


def _pair(score: Floats, least: float) -> tuple[Rows, Rows]:
    """Return the rows and columns that are assigned, with the least score or more."""
    own, found = linear_sum_assignment(score, maximize=True)
    enough = score[own, found] >= least
    return own[enough], found[enough]


def _centers(boxes: Floats) -> Floats:
    centers: Floats = boxes[:, :2] + boxes[:, 2:] / 2
    return centers
