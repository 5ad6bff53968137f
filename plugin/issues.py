# SPDX-License-Identifier: Apache-2.0
"""The issues of a sample: temporal detections, one per mistake.

An issue's support reaches half a second beyond the mistake on both sides, so
that a clip of it can be played; ``first_frame`` and ``last_frame`` are the
frames of the mistake itself.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import fiftyone as fo
import pandas as pd

#: The sample field of the issues.
ISSUES = "issues"
_FIELDS = {
    "track": fo.IntField,
    "other_track": fo.IntField,
    "first_frame": fo.IntField,
    "last_frame": fo.IntField,
    "reason": fo.StringField,
}


class SampleSpan(NamedTuple):
    """The part of a sequence that a sample holds.

    Attributes:
        sample_id: the ID of the sample
        first: the position in the sequence of its first frame
        last: the position of its last frame
        frame_rate: the frames per second
    """

    sample_id: str
    first: int
    last: int
    frame_rate: float


def declare_issues(dataset: fo.Dataset) -> None:
    """Adds the field of the issues to a dataset, where it lacks it.

    Args:
        dataset: a video dataset
    """
    if not dataset.has_field(ISSUES):
        dataset.add_sample_field(
            ISSUES, fo.EmbeddedDocumentField, embedded_doc_type=fo.TemporalDetections
        )
    for name, kind in _FIELDS.items():
        path = f"{ISSUES}.detections.{name}"
        if not dataset.has_field(path):
            dataset.add_sample_field(path, kind)


def replace_issues(
    dataset: fo.Dataset,
    spans: list[SampleSpan],
    issues: pd.DataFrame,
    kinds: tuple[str, ...],
) -> None:
    """Replaces issues of some kinds, and leaves those of other kinds alone.

    Args:
        dataset: the dataset, whose issues are declared
        spans: the samples of one sequence whose issues are replaced
        issues: the issues of the sequence, see ``find_issues()``; one that begins
            in none of the samples is left out
        kinds: the kinds that the issues are of
    """
    view = dataset.select([span.sample_id for span in spans], ordered=True)
    replaced = {}
    for span, before in zip(spans, view.values(ISSUES), strict=True):
        others = before.detections if before else []
        own = issues[issues["first_frame"].between(span.first, span.last)]
        replaced[span.sample_id] = fo.TemporalDetections(
            detections=[
                *(issue for issue in others if issue.label not in kinds),
                *(_to_label(issue, span) for issue in own.itertuples()),
            ]
        )
    view.set_values(ISSUES, replaced, key_field="id")


def _to_label(
    issue: Any,  # noqa: ANN401 - a row's named tuple
    span: SampleSpan,
) -> fo.TemporalDetection:
    offset = span.first - 1
    length = span.last - offset
    first = issue.first_frame - offset
    last = min(issue.last_frame - offset, length)
    around = max(1, round(span.frame_rate / 2))
    return fo.TemporalDetection(
        label=issue.kind,
        support=[max(1, first - around), min(length, last + around)],
        confidence=issue.score,
        track=issue.track,
        other_track=None if pd.isna(issue.other_track) else issue.other_track,
        first_frame=first,
        last_frame=last,
        reason=issue.reason,
    )
