# SPDX-License-Identifier: Apache-2.0
"""Write scores and plans as CSV tables."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
from pyarrow import csv

from ...importers.tracks import BOX, COLUMNS, Tracks
from ..audit import Audit

#: Decimals, down to a millionth of a pixel, of an area or of a score
_DIGITS = 6


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


def make_issues_table(issues: pd.DataFrame) -> pd.DataFrame:
    """Make the table of issues that is written to a file.

    Args:
        issues: the issues of an audit or a comparison

    Returns:
        the issues; ``track`` is null if it is not known, and ``left`` to ``height`` are
        the suggested box at ``peak_frame``
    """
    suggested = {side: issues[f"expected_{side}"] for side in BOX}
    track = issues["track"].astype("Int64")
    return issues.assign(track=track.where(track >= 0), **suggested)


def to_csv(table: pd.DataFrame) -> bytes:
    """Encode a table as CSV with a header and empty cells for null.

    Text is quoted only if some text in the table needs it.

    Args:
        table: the table, whose floats are rounded to six decimals

    Returns:
        the file's content, UTF-8
    """
    rows = pa.Table.from_pandas(table.round(_DIGITS), preserve_index=False)
    # Arrow's writer puts stray memory in place of the empty chunks of a column
    rows = rows.combine_chunks()
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
