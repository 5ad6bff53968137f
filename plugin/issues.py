# SPDX-License-Identifier: Apache-2.0
"""The issues of a sample: temporal detections, one per mistake.

An issue's support reaches half a second beyond the mistake on both sides, so
that a clip of it can be played; ``first_frame`` and ``last_frame`` are the
frames of the mistake itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import fiftyone as fo
import pandas as pd

from ..importers.store import SampleSpan

#: The sample field of the issues.
ISSUES = "issues"
_FIELDS = {
    "track": fo.IntField,
    "other_track": fo.IntField,
    "first_frame": fo.IntField,
    "last_frame": fo.IntField,
    "reason": fo.StringField,
    "suggestion": fo.StringField,
    "label_field": fo.StringField,
    "corrected": fo.BooleanField,
}
_READ = ("id", "label", "track", "other_track", "first_frame", "last_frame")


def declare_issues(dataset: fo.Dataset) -> None:
    """Adds the field of the issues to a dataset, where it lacks it.

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

    Args:
        dataset: the dataset, whose issues are declared
        label_field: the frame field of the tracks that the issues are about
        spans: the samples of one sequence whose issues are replaced
        issues: the issues of the sequence, see ``find_issues()``; one that begins
            in none of the samples is left out
    """
    view = dataset.select([span.sample_id for span in spans], ordered=True)
    replaced = {}
    for span, before in zip(spans, view.values(ISSUES), strict=True):
        others = before.detections if before else []
        first = issues["first_frame"] - span.offset
        own = issues[first.between(1, span.length)]
        replaced[span.sample_id] = fo.TemporalDetections(
            detections=[
                *(issue for issue in others if not _is_about(issue, label_field)),
                *(_to_label(issue, span, label_field) for issue in own.itertuples()),
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
        one row per issue: ``id``, ``sample_id``, ``kind``, ``track``,
        ``other_track``, ``first_frame`` and ``last_frame`` (positions in the
        sequence)
    """
    offsets = {span.sample_id: span.offset for span in spans}
    view = dataset.select(list(offsets))
    known = dataset.has_field(ISSUES)
    found = zip(*view.values(["id", ISSUES]), strict=True) if known else ()
    rows = [
        (sample_id, *(issue[name] for name in _READ))
        for sample_id, issues in found
        for issue in (issues.detections if issues else ())
        if _is_about(issue, label_field)
    ]
    table = pd.DataFrame(rows, columns=["sample_id", *_READ])
    offset = table["sample_id"].map(offsets)
    table["first_frame"] += offset
    table["last_frame"] += offset
    return table.rename(columns={"label": "kind"})


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
) -> fo.TemporalDetection:
    first = issue.first_frame - span.offset
    last = min(issue.last_frame - span.offset, span.length)
    around = max(1, round(span.frame_rate / 2))
    return fo.TemporalDetection(
        label=issue.kind,
        support=[max(1, first - around), min(span.length, last + around)],
        confidence=issue.score,
        track=issue.track,
        other_track=None if pd.isna(issue.other_track) else issue.other_track,
        first_frame=first,
        last_frame=last,
        reason=issue.reason,
        suggestion=issue.suggestion,
        label_field=label_field,
    )
