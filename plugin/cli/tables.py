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
        null for no reasons. Frames have the numbers of the label file
    """
    reasons = audit.detections["outlier_reasons"].cat.remove_categories("")
    scores = audit.detections.assign(outlier_reasons=reasons)
    boxes = tracks.table[list(COLUMNS)]
    return pd.concat([_told(tracks, boxes, ["frame"]), scores], axis=1)


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
    plan = _told(tracks, plan, ["frame"])
    plan.insert(2, "frame_name", named)
    return plan


def _told(tracks: Tracks, table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Return a table whose frames have the numbers of the label file.

    Args:
        tracks: the tracks
        table: the table, with the ``sequence`` of each row
        columns: its columns of positions in the sequences
    """
    table = table.copy()
    for name, sequence in tracks.sequences.items():
        if sequence.told_numbers is None:
            continue
        own = (table["sequence"] == name).to_numpy()
        told = pd.Series(sequence.told_numbers, range(1, len(sequence.frame_names) + 1))
        for column in columns:
            values = table.loc[own, column]
            table.loc[own, column] = values.map(told).astype(values.dtype)
    return table


def make_issues_table(tracks: Tracks, issues: pd.DataFrame) -> pd.DataFrame:
    """Make the table of issues that is written to a file.

    Args:
        tracks: the tracks
        issues: the issues of an audit or a comparison of these tracks

    Returns:
        the issues, with the frame numbers of the label file; ``track`` is null if it is
        not known, and ``left`` to ``height`` are the suggested box at ``peak_frame``
    """
    frames = ["first_frame", "last_frame", "peak_frame"]
    issues = _told(tracks, issues, frames)
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
