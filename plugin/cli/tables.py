# SPDX-License-Identifier: Apache-2.0
"""Scores label files of any format, and writes the scores as tables."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
from pyarrow import csv

from ...importers.files import is_s3
from ...importers.groundtruth import read_manifest, read_seq_label
from ...importers.mot import read_mot
from ...importers.tracks import COLUMNS, InputError, Tracks
from ..audit import Audit

#: Digits after the point: a millionth of a pixel, of an area or of a score.
_DIGITS = 6


def read_labels(path: str, frames_dir: str | None = None) -> Tracks:
    """Reads labels in whatever format they are.

    Args:
        path: the path to a MOT Challenge sequence, a folder of sequences or a
            ``gt.txt``; or the local path or S3 URI of a ``SeqLabel.json`` or an
            ``output.manifest`` of Ground Truth
        frames_dir (None): the folder of the frames of Ground Truth's labels

    Returns:
        the :class:`Tracks`

    Raises:
        InputError: if a file is missing or wrong
    """
    if path.endswith(".json"):
        return read_seq_label(path, frames_dir)
    if path.endswith(".manifest"):
        return read_manifest(path, frames_dir, progress=False)
    if is_s3(path):
        raise InputError(path, "expected a SeqLabel.json or an output.manifest in S3")
    if frames_dir is not None:
        message = "a MOT sequence's seqinfo.ini names its folder of frames"
        raise InputError(frames_dir, f"{message}; expected no other")
    return read_mot(path)


def make_detections_table(tracks: Tracks, audit: Audit) -> pd.DataFrame:
    """Puts the scores beside the detections that they are about.

    Args:
        tracks: the tracks
        audit: the audit of these tracks

    Returns:
        one row per detection, sorted by sequence, track, frame: the columns
        that every tracks table has, then those of :attr:`Audit.detections`,
        reasons null where there are none
    """
    reasons = audit.detections["outlier_reasons"].cat.remove_categories("")
    scores = audit.detections.assign(outlier_reasons=reasons)
    return pd.concat([tracks.table[list(COLUMNS)], scores], axis=1)


def name_frames(tracks: Tracks, plan: pd.DataFrame) -> pd.DataFrame:
    """Names the frames of a review plan.

    Args:
        tracks: the tracks
        plan: the plan, see ``plan_frames()``

    Returns:
        the plan with ``frame_name`` after ``frame``
    """
    named = [
        tracks.sequences[str(name)].frame_names[int(frame) - 1]
        for name, frame in zip(plan["sequence"], plan["frame"], strict=True)
    ]
    plan = plan.copy()
    plan.insert(2, "frame_name", named)
    return plan


def to_csv(table: pd.DataFrame) -> bytes:
    """Writes a table as CSV with a header; null is an empty cell.

    Text stands in quotes only in a table where some text needs them.

    Args:
        table: the table; its floats are rounded to six digits after the point

    Returns:
        the file's content, UTF-8
    """
    rows = pa.Table.from_pandas(table.round(_DIGITS), preserve_index=False)
    try:
        return _write(rows, "none")
    except pa.ArrowInvalid:
        return _write(rows, "needed")


def _write(rows: pa.Table, quoting: str) -> bytes:
    # Arrow is many times faster than pandas, but puts all names into quotes.
    options = csv.WriteOptions(include_header=False, quoting_style=quoting)
    sink = pa.BufferOutputStream()
    sink.write(f"{','.join(rows.column_names)}\n".encode())
    csv.write_csv(rows, sink, options)
    content: bytes = sink.getvalue().to_pybytes()
    return content
