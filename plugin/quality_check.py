# SPDX-License-Identifier: Apache-2.0
"""The quality check of one video's Ground Truth labels, as a JSON report."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from ..importers.groundtruth import read_seq_label
from ..importers.tracks import InputError
from .audit import Thresholds, audit_tracks

#: The report's only key that is no object's name.
PROBLEM_FRAMES = "problem_frames"

Report: TypeAlias = dict[str, Any]


def check_quality(
    path: Path | str,
    frames_dir: Path | str | None = None,
    thresholds: Thresholds | None = None,
) -> Report:
    """Checks how evenly the boxes of a ``SeqLabel.json`` change.

    Frames are 0-based positions in the labeled sequence, as ``frame-no``. Lists
    of values have one entry per frame of the sequence: entry ``i`` compares the
    object's box at frame ``i`` with its box at frame ``i - 1``, and is None
    where it has no such two boxes. Problem frames are those whose own box is
    wrong, not the frame before it.

    Args:
        path: a local path or S3 URI
        frames_dir (None): the folder of the labeled frames, which tells where
            the image border cuts boxes
        thresholds (None): the :class:`Thresholds`, by default the standard ones

    Returns:
        a JSON object: for each object's name, in the order of their numbers,

        -   ``size_diff``: the list of changes of area, in square pixels
        -   ``norm_size_diff``: the same relative to the previous area
        -   ``size_problem_frames``: the frames where the size is an outlier
        -   ``iou``: the list of IoUs, in [0, 1]
        -   ``iou_problem_frames``: the frames where the IoU is an outlier

        and ``problem_frames``: the problem frames of all objects

    Raises:
        InputError: if the file or the frames are missing or wrong, or the
            objects have no names of their own
    """
    tracks = read_seq_label(path, frames_dir)
    table = tracks.table
    names = _object_names(path, table)
    detections = audit_tracks(tracks, thresholds).detections
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
    outliers = detections["size_outlier"] | detections["iou_outlier"]
    problem_frames = table["frame"][outliers.fillna(False)].unique() - 1
    return {**report, PROBLEM_FRAMES: sorted(problem_frames.tolist())}


def _object_names(path: Path | str, table: pd.DataFrame) -> pd.Series[str]:
    """The name of each track's object, by which the report tells them apart."""
    if table["object_name"].isna().any():
        message = "boxes of a detection job, which have no objects"
        raise InputError(path, f"{message}; expected those of a tracking job")
    names = table.groupby("track")["object_name"].first()
    shared = names[names.duplicated() | (names == PROBLEM_FRAMES)]
    if len(shared):
        message = f"a second object or key is named {shared.iloc[0]!r:.80}"
        raise InputError(path, f"{message}; expected a name of its own for each")
    return names


def _check_object(rows: pd.DataFrame, frames: pd.RangeIndex) -> Report:
    """Reports on one object, whose rows are indexed by frame."""
    return {
        "size_diff": _per_frame(rows["size_diff"], frames),
        "norm_size_diff": _per_frame(rows["size_change"], frames),
        "size_problem_frames": _flagged(rows["size_outlier"]),
        "iou": _per_frame(rows["iou_prev"], frames),
        "iou_problem_frames": _flagged(rows["iou_outlier"]),
    }


def _per_frame(values: pd.Series[float], frames: pd.RangeIndex) -> list[float | None]:
    values = values.reindex(frames)
    return values.astype(object).where(values.notna(), None).tolist()


def _flagged(outliers: pd.Series[bool]) -> list[int]:
    return outliers.index[outliers.fillna(False)].tolist()
