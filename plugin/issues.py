# SPDX-License-Identifier: Apache-2.0
"""The issues of a sample: temporal detections, one per mistake.

Issues come and go with every audit. What people decided of them is kept in a record
of its own, the sample field ``decisions``, from which each new issue takes over what
was decided of the same mistake.

An issue's support reaches half a second beyond the mistake on both sides, so
that a clip of it can be played; ``first_frame`` and ``last_frame`` are the
frames of the mistake itself.
"""

from __future__ import annotations

import getpass
from collections.abc import Collection, Iterable
from datetime import datetime, timezone
from itertools import chain
from typing import Any

import fiftyone as fo
import numpy as np
import pandas as pd

from ..importers.store import SampleSpan, read_spans
from .decisions import CONFIRMED, DISMISSED, Record, find_decision
from .records import to_records

#: The sample field of the issues, and that of the record of decisions.
ISSUES, DECISIONS = "issues", "decisions"
_FIELDS = {
    "track": fo.IntField,
    "other_track": fo.IntField,
    "first_frame": fo.IntField,
    "last_frame": fo.IntField,
    "reason": fo.StringField,
    "suggestion": fo.StringField,
    "label_field": fo.StringField,
    "size_limit": fo.FloatField,
    "iou_limit": fo.FloatField,
    "corrected": fo.BooleanField,
    "decision": fo.StringField,
    "decided_by": fo.StringField,
    "decided_at": fo.DateTimeField,
}
#: What is read of issues: the columns, and the attributes that they hold.
_READ = {"id": "id", "kind": "label", "score": "confidence", "support": "support"} | {
    name: name for name in _FIELDS
}


#: What is kept of a decision: which mistake it is about, and what it is.
_MISTAKE = ("label_field", "kind", "track", "other_track", "first_frame", "last_frame")
_DECIDED = ("decision", "decided_by", "decided_at")


def declare_issues(dataset: fo.Dataset) -> None:
    """Adds the fields of issues and decisions to a dataset, where it lacks them.

    Args:
        dataset: a video dataset

    Raises:
        ValueError: if the dataset has another field of that name
    """
    field = dataset.get_field(ISSUES)
    if field is not None and getattr(field, "document_type", None) != (
        fo.TemporalDetections
    ):
        raise ValueError(
            f"the sample field '{ISSUES}' of '{dataset.name}' holds something else; "
            "rename it first"
        )
    if field is None:
        dataset.add_sample_field(
            ISSUES, fo.EmbeddedDocumentField, embedded_doc_type=fo.TemporalDetections
        )
    if not dataset.has_field(DECISIONS):
        dataset.add_sample_field(DECISIONS, fo.ListField, subfield=fo.DictField)
    for name, kind in _FIELDS.items():
        path = f"{ISSUES}.detections.{name}"
        if not dataset.has_field(path):
            dataset.add_sample_field(path, kind)


def replace_issues(
    dataset: fo.Dataset,
    label_field: str,
    spans: list[SampleSpan],
    issues: pd.DataFrame,
) -> None:
    """Replaces the issues of a label field, and leaves all others alone.

    Issues that are the same mistake as one that was decided are decided alike.

    Args:
        dataset: the dataset, whose issues are declared
        label_field: the frame field of the tracks that the issues are about
        spans: the samples of one sequence whose issues are replaced
        issues: the issues of the sequence, see ``find_issues()``; one that begins
            in none of the samples is left out
    """
    view = dataset.select([span.sample_id for span in spans], ordered=True)
    replaced = {}
    stored = view.values([ISSUES, DECISIONS])
    for span, before, decisions in zip(spans, *stored, strict=True):
        others = before.detections if before else []
        first = issues["first_frame"] - span.offset
        own = issues[first.between(1, span.length)]
        replaced[span.sample_id] = fo.TemporalDetections(
            detections=[
                *(issue for issue in others if not _is_about(issue, label_field)),
                *(
                    _to_label(issue, span, label_field, decisions or ())
                    for issue in own.itertuples()
                ),
            ]
        )
    view.set_values(ISSUES, replaced, key_field="id")


def read_issues(
    dataset: fo.Dataset, label_field: str, spans: Iterable[SampleSpan]
) -> pd.DataFrame:
    """Reads the issues of a label field.

    Args:
        dataset: the dataset
        label_field: the frame field of the tracks that the issues are about
        spans: the samples to read the issues of

    Returns:
        one row per issue: ``id``, ``sample_id``, ``kind``, ``score``, ``support``
        (the first and last frame of its clip in the sample) and the attributes of
        the issue, null where it has none; ``first_frame`` and ``last_frame`` are
        positions in the sequence
    """
    offsets = {span.sample_id: span.offset for span in spans}
    table = _read_table(dataset.select(list(offsets)))
    table = table[table["label_field"] == label_field].reset_index(drop=True)
    offset = table["sample_id"].map(offsets)
    for name in ("first_frame", "last_frame"):
        table[name] = (table[name] + offset).astype("int64")
    return table.astype({"track": "int64", "other_track": "Int64"})


def read_dataset_issues(dataset: fo.Dataset, label_field: str) -> pd.DataFrame:
    """Reads the issues of a label field in all of a dataset.

    Args:
        dataset: the dataset
        label_field: the frame field of the tracks that the issues are about

    Returns:
        the issues, see :func:`read_issues`
    """
    spans = read_spans(dataset).values()
    return read_issues(dataset, label_field, chain.from_iterable(spans))


def decide_issues(
    dataset: fo.Dataset,
    ids: Collection[str],
    decision: str | None,
    author: str | None = None,
) -> int:
    """Confirms or dismisses issues, or takes that back.

    Args:
        dataset: the dataset
        ids: the IDs of the issues
        decision: ``confirmed``, ``dismissed``, or None to take back what was
            decided
        author (None): who decided it; by default the user of this machine

    Returns:
        the number of issues

    Raises:
        ValueError: if there is no such decision, or an issue does not exist
    """
    if decision not in (CONFIRMED, DISMISSED, None):
        expected = f"expected '{CONFIRMED}', '{DISMISSED}' or None"
        raise ValueError(f"{expected}, not '{decision}'")
    if not ids:
        return 0
    declare_issues(dataset)
    issues = _read_table(dataset)
    chosen = issues[issues["id"].isin(ids)]
    unknown = set(ids) - set(chosen["id"])
    if unknown:
        raise ValueError(
            f"'{dataset.name}' has no issue {min(unknown)}; an audit replaces the "
            "issues, so load them again"
        )
    made = dict.fromkeys(_DECIDED)
    if decision:
        author = author or getpass.getuser()
        now = datetime.now(timezone.utc)
        made = dict(zip(_DECIDED, (decision, author, now), strict=True))
    view = dataset.select(chosen["sample_id"].unique().tolist())
    kept = dict(zip(*view.values(["id", DECISIONS]), strict=True))
    for sample_id, own in chosen.groupby("sample_id"):
        records = list(kept[sample_id] or ())
        for mistake in to_records(own[list(_MISTAKE)]):
            while (earlier := find_decision(mistake, records)) is not None:
                records.remove(earlier)
            if decision:
                records.append(mistake | made)
        kept[sample_id] = records
    dataset.set_values(DECISIONS, kept, key_field="id")
    for name, value in made.items():
        values = dict.fromkeys(chosen["id"], value)
        dataset.set_label_values(f"{ISSUES}.detections.{name}", values)
    return len(chosen)


def _read_table(samples: fo.core.collections.SampleCollection) -> pd.DataFrame:
    """Reads all issues of samples, with the frames as they are in the samples."""
    declared = samples.get_field_schema(flat=True)
    paths = {
        column: f"{ISSUES}.detections.{name}"
        for column, name in _READ.items()
        if f"{ISSUES}.detections.{name}" in declared
    }
    ids, *values = samples.values(["id", *paths.values()])
    columns = {
        column: [each for issues in lists for each in issues or ()]
        for column, lists in zip(paths, values, strict=True)
    }
    counts = [len(issues or ()) for issues in values[0]] if values else []
    table = pd.DataFrame(columns, dtype=object).reindex(columns=list(_READ))
    return table.assign(sample_id=np.repeat(np.array(ids, object), counts))


def mark_issues(dataset: fo.Dataset, judged: pd.DataFrame) -> None:
    """Notes on issues whether reviewers corrected them.

    Args:
        dataset: the dataset
        judged: ``id`` and ``corrected`` of each issue
    """
    if judged.empty:
        return
    declare_issues(dataset)
    corrected = dict(zip(judged["id"], judged["corrected"].astype(bool), strict=True))
    dataset.set_label_values(f"{ISSUES}.detections.corrected", corrected)


def _is_about(issue: fo.TemporalDetection, label_field: str) -> bool:
    return bool(issue.has_field("label_field") and issue.label_field == label_field)


def _to_label(
    issue: Any,  # noqa: ANN401 - a row's named tuple
    span: SampleSpan,
    label_field: str,
    decisions: Collection[Record],
) -> fo.TemporalDetection:
    first = issue.first_frame - span.offset
    last = min(issue.last_frame - span.offset, span.length)
    around = max(1, round(span.frame_rate / 2))
    mistake = {
        "label_field": label_field,
        "track": issue.track,
        "other_track": None if pd.isna(issue.other_track) else issue.other_track,
        "first_frame": first,
        "last_frame": last,
    }
    decided = find_decision(mistake | {"kind": issue.kind}, decisions) or {}
    return fo.TemporalDetection(
        label=issue.kind,
        support=[max(1, first - around), min(span.length, last + around)],
        confidence=issue.score,
        reason=issue.reason,
        suggestion=issue.suggestion,
        size_limit=_known(issue.size_limit),
        iou_limit=_known(issue.iou_limit),
        **mistake,
        **{name: decided[name] for name in _DECIDED if name in decided},
    )


def _known(value: float) -> float | None:
    return None if pd.isna(value) else float(value)
