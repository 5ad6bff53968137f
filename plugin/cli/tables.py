# SPDX-License-Identifier: Apache-2.0
"""Reading labels of any format, and writing scores as CSV tables."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
from pyarrow import csv

from ...importers.files import is_s3
from ...importers.groundtruth import read_manifest, read_seq_label
from ...importers.mot import read_mot
from ...importers.tracks import COLUMNS, InputError, Tracks
from ..audit import Audit

#: Decimals, down to a millionth of a pixel, of an area or of a score
_DIGITS = 6


def read_labels(path: str, frames_dir: str | None = None) -> Tracks:
    """Read labels in any supported format.

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
        message = "the seqinfo.ini of a MOT sequence names its folder of frames"
        raise InputError(frames_dir, f"{message}; expected no other folder")
    return read_mot(path)


def make_detections_table(tracks: Tracks, audit: Audit) -> pd.DataFrame:
    """Join the scores of an audit to its detections.

    Args:
        tracks: the tracks
        audit: the audit of these tracks

    Returns:
        one row per detection, sorted by sequence, track and frame: the columns
        that every tracks table has, then those of :attr:`Audit.detections`, with
        null for no reasons
    """
    reasons = audit.detections["outlier_reasons"].cat.remove_categories("")
    scores = audit.detections.assign(outlier_reasons=reasons)
    return pd.concat([tracks.table[list(COLUMNS)], scores], axis=1)


def name_frames(tracks: Tracks, plan: pd.DataFrame) -> pd.DataFrame:
    """Add the names of frames to a review plan.

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
    """Encode a table as CSV with a header and empty cells for null.

    Text is quoted only if some text in the table needs it.

    Args:
        table: the table, whose floats are rounded to six decimals

    Returns:
        the file's content, UTF-8
    """
    rows = pa.Table.from_pandas(table.round(_DIGITS), preserve_index=False)
    try:
        return _write(rows, "none")
    except pa.ArrowInvalid:
        return _write(rows, "needed")


def _write(rows: pa.Table, quoting: str) -> bytes:
    # Arrow is much faster than pandas, but quotes all column names.
    options = csv.WriteOptions(include_header=False, quoting_style=quoting)
    sink = pa.BufferOutputStream()
    sink.write(f"{','.join(rows.column_names)}\n".encode())
    csv.write_csv(rows, sink, options)
    content: bytes = sink.getvalue().to_pybytes()
    return content
