# SPDX-License-Identifier: Apache-2.0
"""The quality check of a video's Ground Truth labels, as a JSON report."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ...importers.tracks import InputError, Tracks
from ..plain import Json
from . import Thresholds, audit_tracks
from .boxes import Vectors
from .unjudged import NoTracks

#: The only key of the report that is not an object's name.
PROBLEM_FRAMES = "problem_frames"


def check_quality(
    path: Path | str,
    tracks: Tracks,
    thresholds: Thresholds | None = None,
    vectors: Vectors | None = None,
) -> Json:
    """Check how evenly the boxes of a ``SeqLabel.json`` change.

    Frames are 0-based positions in the labeled sequence, like ``frame-no``. Lists of
    values have one entry per frame of the sequence: entry ``i`` compares the object's
    box at frame ``i`` with its box at frame ``i - 1``, and is None if either is
    missing. Problem frames are those with the wrong box, not the frames before them.

    Args:
        path: the file's local path or S3 URI, for error messages
        tracks: its sequence, as returned by ``read_seq_label()``
        thresholds (None): the :class:`Thresholds`, by default the standard ones
        vectors (None): array ``(n, d)``, the embeddings of the crops

    Returns:
        a JSON object: for each object's name, in the order of their numbers,

        -   ``size_diff``: the list of changes of area, in square pixels
        -   ``norm_size_diff``: the same relative to the previous area
        -   ``size_problem_frames``: the frames where the size is an outlier
        -   ``iou``: the list of IoUs, in [0, 1]
        -   ``iou_problem_frames``: the frames where the IoU is an outlier
        -   with vectors, ``embedding_distance``: the list of cosine distances of the
            crops, and ``embedding_problem_frames``: the frames above the object's
            mean plus two standard deviations

        and ``problem_frames``: the problem frames of all objects

    Raises:
        InputError: if the objects have no unique names
    """
    table = tracks.table
    names = _object_names(path, table)
    detections = audit_tracks(tracks, thresholds, vectors=vectors).detections
    areas = table["width"] * table["height"]
    detections["size_diff"] = areas.diff().where(detections["size_change"].notna())
    (sequence,) = tracks.sequences.values()
    frames = pd.RangeIndex(len(sequence.frame_names))
    report = {
        names[track]: _check_object(
            rows.set_index(table["frame"][rows.index] - 1), frames
        )
        for track, rows in detections.groupby(table["track"])
    }
    flags = detections.filter(regex="^(size|iou|embedding)_outlier$").fillna(False)
    problem_frames = table["frame"][flags.any(axis=1)].unique() - 1
    return {**report, PROBLEM_FRAMES: sorted(problem_frames.tolist())}


def _object_names(path: Path | str, table: pd.DataFrame) -> pd.Series[str]:
    """Return the name of each track's object, which is its key in the report."""
    if table["object_name"].isna().any():
        message = "its boxes have no objects, as those of a detection job"
        raise NoTracks(path, f"{message}; expected the labels of a tracking job")
    names = table.groupby("track")["object_name"].first()
    shared = names[names.duplicated() | (names == PROBLEM_FRAMES)]
    if len(shared):
        message = f"the object name {shared.iloc[0]!r:.80} is used twice or reserved"
        raise InputError(path, f"{message}; expected unique names")
    return names


def _check_object(rows: pd.DataFrame, frames: pd.RangeIndex) -> Json:
    """Report on one object, whose rows are indexed by frame."""
    report = {
        "size_diff": _per_frame(rows["size_diff"], frames),
        "norm_size_diff": _per_frame(rows["size_change"], frames),
        "size_problem_frames": _flagged(rows["size_outlier"]),
        "iou": _per_frame(rows["iou_prev"], frames),
        "iou_problem_frames": _flagged(rows["iou_outlier"]),
    }
    if "embedding_distance" in rows:
        report["embedding_distance"] = _per_frame(rows["embedding_distance"], frames)
        report["embedding_problem_frames"] = _flagged(rows["embedding_outlier"])
    return report


def _per_frame(values: pd.Series[float], frames: pd.RangeIndex) -> list[float | None]:
    values = values.reindex(frames)
    return values.astype(object).where(values.notna(), None).tolist()


def _flagged(outliers: pd.Series[bool]) -> list[int]:
    return outliers.index[outliers.fillna(False)].tolist()
