# SPDX-License-Identifier: Apache-2.0
"""Issues that reviewers report themselves."""

from __future__ import annotations

import fiftyone as fo
import numpy as np
import pandas as pd

from ...importers import store
from ...importers.store.locks import exclusive
from ..audit.grouping import EXPECTED
from .deciding import record_decision
from .decisions import CONFIRMED, REPORTED
from .issues import declare_issues, exchange_issues, read_issues


def report_issue(
    dataset: fo.Dataset,
    track: int,
    frames: tuple[int, int],
    note: str,
    sequence: str | None = None,
    label_field: str | None = None,
    author: str | None = None,
) -> str:
    """Report a mistake that no audit found.

    It becomes an issue of the kind ``reported``, which counts as confirmed: it is
    listed, sent and judged like others, and audits keep it.

    Args:
        dataset: the dataset
        track: the ID of the track
        frames: the first and the last frame of the mistake, as 1-based positions in
            the sequence
        note: what is wrong
        sequence (None): the name of the sequence; may be omitted if there is only one
        label_field (None): the frame field of the tracks; may be omitted if there is
            only one
        author (None): who reports it; by default the user of this machine

    Returns:
        the ID of the issue

    Raises:
        ValueError: if there is no such sequence, or the track has no box in these
            frames, or nothing says what is wrong

    Example:
        >>> issue = fta.report_issue(dataset, 1, (5, 8), "this is a mirror", "a")
        >>> dataset.count_values("issues.detections.label")["reported"]
        1
    """
    field = store.find_label_field(dataset, label_field)
    sequences = store.read_spans(dataset)
    name = sequence or (next(iter(sequences)) if len(sequences) == 1 else "")
    if name not in sequences:
        raise ValueError(f"expected a sequence of '{dataset.name}', not '{name}'")
    if not note.strip():
        raise ValueError("say what is wrong")
    if not 1 <= frames[0] <= frames[1]:
        raise ValueError(f"expected the first and the last frame, not {frames}")
    found, _ = store.read_part(dataset, field, name, [track], frames)
    if found.table.empty:
        where = f"frames {frames[0]} to {frames[1]} of {name}"
        raise ValueError(f"track {track} has no box in {where}")
    spans = sequences[name]
    with exclusive(dataset, "deciding issues of"):
        declare_issues(dataset)
        before = set(read_issues(dataset, field, spans)["id"])
        new = _make_issue(track, frames, note.strip())
        exchange_issues(dataset, field, spans, [], new)
        (added,) = set(read_issues(dataset, field, spans)["id"]) - before
        record_decision(dataset, [added], CONFIRMED, author)
    return str(added)


def _make_issue(track: int, frames: tuple[int, int], reason: str) -> pd.DataFrame:
    """Return a table of one issue, as ``find_issues()`` makes them."""
    columns = {
        "kind": REPORTED,
        "score": 1.0,
        "track": track,
        "first_frame": frames[0],
        "last_frame": frames[1],
        "peak_frame": frames[0],
        "reason": reason,
        "suggestion": None,
        "size_limit": np.nan,
        "iou_limit": np.nan,
        **dict.fromkeys(EXPECTED, np.nan),
    }
    other = pd.array([None], dtype="Int64")
    return pd.DataFrame({name: [value] for name, value in columns.items()}).assign(
        other_track=other
    )
