# SPDX-License-Identifier: Apache-2.0
"""Which boxes of two sets of labels are of the same object."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from ...importers.splitting import split_tracks
from ...importers.tracks import BOX, Sequence, Tracks
from ..audit.boxes import Floats, Rows, iou
from ..audit.neighbors import find_neighbors
from ..audit.overlaps import find_overlaps

#: IoU from which on two boxes can be of the same object.
SAME = 0.3
#: What the agreement of two tracks counts at least, so that the first box of a track is
#: matched, too.
_LEAST = 0.01


@dataclass(frozen=True)
class Pair:
    """Two sets of labels of one sequence, in the frames that both have labeled.

    Attributes:
        sequence: the record of the sequence, as the judged labels have it
        labels: the tracks table of the labels that are judged, ``n`` rows; boxes
            without an ID are tracks of their own, with numbers below 0
        others: that of the labels that they are compared with, ``m`` rows
        match: int array ``(n,)``, the row of ``others`` that shows the same object, -1
            without one
        overlap: array ``(n,)``, the IoU with it, 0 without one
        step: the number of frames from one compared frame to the next
    """

    sequence: Sequence
    labels: pd.DataFrame
    others: pd.DataFrame
    match: Rows
    overlap: Floats
    step: int


def pair_labels(labels: Tracks, others: Tracks) -> Iterator[Pair]:
    """Match the boxes of two sets of labels, sequence by sequence.

    Where one of them has a label every few frames only, just these frames are compared.

    Args:
        labels: the labels that are judged
        others: what they are compared with

    Yields:
        the :class:`Pair` of each sequence that has boxes

    Raises:
        ValueError: if the two have different sequences, or images of different sizes
    """
    names = _pair_names(labels, others)
    ours, theirs = _by_name(labels), _by_name(others)
    for name, other in names.items():
        record, their_record = labels.sequences[name], others.sequences[other]
        sizes = [(each.width, each.height) for each in (record, their_record)]
        if None not in (*sizes[0], *sizes[1]) and sizes[0] != sizes[1]:
            ours_size, their_size = (f"{width}x{height}" for width, height in sizes)
            raise ValueError(
                f"the images of '{name}' have {ours_size} pixels in one set of labels "
                f"and {their_size} in the other; expected boxes on the same images"
            )
        one = ours.get(name, labels.table[:0])
        two = theirs.get(other, others.table[:0])
        if len(one) or len(two):
            yield _pair(record, one, two)


def _pair_names(labels: Tracks, others: Tracks) -> dict[str, str]:
    """Return the name in the other labels of each sequence."""
    if len(labels.sequences) == len(others.sequences) == 1:
        # Whatever a file calls its only sequence
        return {next(iter(labels.sequences)): next(iter(others.sequences))}
    different = set(labels.sequences) ^ set(others.sequences)
    if different:
        raise ValueError(
            f"only one of the two has a sequence '{min(different)}'; expected the "
            "same sequences"
        )
    return {name: name for name in labels.sequences}


def _by_name(tracks: Tracks) -> dict[str, pd.DataFrame]:
    """Return the table of each sequence that has boxes."""
    parts = [part.table for part in split_tracks(tracks) if len(part.table)]
    return {str(part["sequence"].iloc[0]): part for part in parts}


def _pair(record: Sequence, labels: pd.DataFrame, others: pd.DataFrame) -> Pair:
    steps = [_step(each) for each in (labels, others)]
    if steps[0] != steps[1]:
        coarse = labels if steps[0] > steps[1] else others
        labels, others = (
            each[each["frame"].isin(coarse["frame"].unique())]
            for each in (labels, others)
        )
    labels, others = (_tell_apart(each) for each in (labels, others))
    match, overlap = match_boxes(labels, others)
    return Pair(record, labels, others, match, overlap, max(steps))


def _tell_apart(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose boxes without an ID are tracks of their own, below 0."""
    track = table["track"].to_numpy(np.int64, copy=True)
    unknown = track < 0
    track[unknown] = -np.arange(1, unknown.sum() + 1)
    return table.assign(track=track).reset_index(drop=True)


def _step(table: pd.DataFrame) -> int:
    return int(find_neighbors(table).step[0]) if len(table) else 1


def match_boxes(labels: pd.DataFrame, others: pd.DataFrame) -> tuple[Rows, Floats]:
    """Match the boxes of one sequence one to one in each frame.

    Of the boxes that overlap, those are matched whose IoU times the agreement of their
    tracks is largest in sum. The agreement is the sum of the IoUs of two tracks over
    the number of boxes of both, as in HOTA (Luiten et al. 2021), so that a box is not
    matched with a passer-by.

    Args:
        labels: a tracks table of ``n`` rows
        others: the other one

    Returns:
        a tuple of

        -   int array ``(n,)``, the row of ``others``, -1 without one
        -   array ``(n,)``, the IoU with it, 0 without one
    """
    one, two, overlap = _overlapping(labels, others)
    value = overlap * _agreement(labels, others, (one, two, overlap))
    frame = labels["frame"].to_numpy()[one]
    chosen = np.ones(len(one), bool)
    doubtful = _repeated(one) | _repeated(two)
    rows = np.flatnonzero(np.isin(frame, frame[doubtful]))
    rows = rows[np.argsort(frame[rows], kind="stable")]
    for group in np.split(rows, np.flatnonzero(np.diff(frame[rows])) + 1):
        chosen[group] = _assign(one[group], two[group], value[group])
    match = np.full(len(labels), -1, np.intp)
    match[one[chosen]] = two[chosen]
    result = np.zeros(len(labels))
    result[one[chosen]] = overlap[chosen]
    return match, result


def _overlapping(
    labels: pd.DataFrame, others: pd.DataFrame
) -> tuple[Rows, Rows, Floats]:
    """Return the rows of all pairs that can be of one object, and their IoU."""
    count = len(labels)
    boxes = np.concatenate([labels[BOX].to_numpy(), others[BOX].to_numpy()])
    frame = np.concatenate([labels["frame"].to_numpy(), others["frame"].to_numpy()])
    pairs = find_overlaps(boxes, frame)
    low = np.minimum(pairs.first, pairs.second)
    high = np.maximum(pairs.first, pairs.second)
    overlap = iou(boxes[low], boxes[high])
    kept = (low < count) & (high >= count) & (overlap >= SAME)
    return low[kept], high[kept] - count, overlap[kept]


def _agreement(
    labels: pd.DataFrame, others: pd.DataFrame, pairs: tuple[Rows, Rows, Floats]
) -> Floats:
    """Return how well the tracks of each pair of boxes agree, ``(p,)`` in (0, 1]."""
    one, two, overlap = pairs
    tracks, lengths = [], []
    for table, rows in ((labels, one), (others, two)):
        codes, _ = pd.factorize(table["track"])
        tracks.append(codes[rows])
        lengths.append(np.bincount(codes)[codes[rows]])
    shared = pd.Series(overlap).groupby(tracks).transform("sum").to_numpy()
    agreement: Floats = shared / (lengths[0] + lengths[1] - shared)
    return np.maximum(agreement, _LEAST)


def _repeated(rows: Rows) -> NDArray[np.bool_]:
    return pd.Series(rows).duplicated(keep=False).to_numpy()


def _assign(one: Rows, two: Rows, value: Floats) -> NDArray[np.bool_]:
    """Return which pairs of one frame have the largest sum, ``(p,)``."""
    ours, left = np.unique(one, return_inverse=True)
    theirs, right = np.unique(two, return_inverse=True)
    gain = np.zeros((len(ours), len(theirs)))
    gain[left, right] = value
    best = np.zeros_like(gain, bool)
    best[linear_sum_assignment(gain, maximize=True)] = True
    chosen: NDArray[np.bool_] = best[left, right]
    return chosen
