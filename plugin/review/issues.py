# SPDX-License-Identifier: Apache-2.0
"""Issues: temporal detections of a sample, one per mistake.

Every audit replaces the issues. Decisions about them are stored in a field of the
sample as well, ``decisions``, in the order in which they were made. A new issue takes
over the last decision about the same mistake.

The support of an issue extends half a second beyond the mistake on both sides, so that
its clip can be played; ``first_frame`` and ``last_frame`` are the frames of the mistake
itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain

import fiftyone as fo
import numpy as np
import pandas as pd
from bson import ObjectId

from ...importers.store.reading import StoredTracks
from ...importers.store.sample_labels import exchange_labels, replace_labels
from ...importers.store.sequences import SampleSpan, read_spans
from ..audit.grouping import EXPECTED
from ..plain import Json, to_records
from .decisions import FIXED, REPORTED, Record, find_decisions

#: The sample fields of the issues and of the decisions.
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
    "fix": fo.StringField,
    "peak_frame": fo.IntField,
    "compared_with": fo.StringField,
    "note": fo.StringField,
    **dict.fromkeys(EXPECTED, fo.FloatField),
}
#: The columns of a table of issues, and the attributes that they hold.
_READ = {"id": "id", "kind": "label", "score": "confidence", "support": "support"} | {
    name: name for name in _FIELDS
}
#: The columns of issues with positions in the sequence.
_FRAMES = ("first_frame", "last_frame", "peak_frame")
#: The attributes that tell which mistake an issue of some kind is, and those that hold
#: the decision about it.
MISTAKE = ("label_field", "track", "other_track", "first_frame", "last_frame")
DECIDED = ("decision", "decided_by", "decided_at")
NOTE = "note"


def declare_issues(dataset: fo.Dataset) -> None:
    """Add the fields of issues and decisions to a dataset if it lacks them.

    Args:
        dataset: a video dataset

    Raises:
        ValueError: if a field of that name holds something else
    """
    field, record = dataset.get_field(ISSUES), dataset.get_field(DECISIONS)
    kind = getattr(field, "document_type", None)
    entries = getattr(record, "field", None)
    for name, fits in (
        (ISSUES, field is None or kind == fo.TemporalDetections),
        (DECISIONS, record is None or isinstance(entries, fo.DictField)),
    ):
        if not fits:
            raise ValueError(
                f"the sample field '{name}' of '{dataset.name}' holds something else; "
                "rename it first"
            )
    wanted = {
        ISSUES: fo.EmbeddedDocumentField(fo.TemporalDetections),
        DECISIONS: fo.ListField(fo.DictField()),
    }
    for attribute, ftype in _FIELDS.items():
        wanted[f"{ISSUES}.detections.{attribute}"] = ftype()
    missing = {path: wanted[path] for path in wanted if not dataset.has_field(path)}
    if missing:
        dataset.add_dynamic_sample_fields(missing)


def replace_issues(
    dataset: fo.Dataset,
    label_field: str,
    spans: Sequence[SampleSpan],
    issues: pd.DataFrame,
    decisions: Mapping[str, Sequence[Record]],
    compared_with: str | None = None,
) -> pd.DataFrame:
    """Replace the issues of a label field, and leave those of other fields alone.

    Issues that are the same mistake as a decided one take over the decision. Fixed and
    reported issues are kept. Audits leave the issues of comparisons alone, and a
    comparison all but its own.

    Args:
        dataset: the dataset, whose issues are declared
        label_field: the frame field of the tracks that the issues are about
        spans: the samples of one sequence whose issues are replaced
        issues: the issues of the sequence, see ``find_issues()``; one that begins
            in none of the samples is left out
        decisions: the records of the samples, by ID, see :func:`read_decisions`
        compared_with (None): the label field that the tracks were compared with, if
            the issues are of a comparison

    Returns:
        the issues as they are stored, with their decisions; ``first_frame`` and
        ``last_frame`` are positions in the sample ``sample_id``
    """
    placed = _take_over(_place_issues(issues, spans, label_field), decisions)
    labels = _labels_of(placed.assign(compared_with=compared_with), spans)
    of = {"label_field": label_field, "compared_with": compared_with}
    replace_labels(dataset, ISSUES, labels, of, {"decision": FIXED, "label": REPORTED})
    return placed


def exchange_issues(
    dataset: fo.Dataset,
    label_field: str,
    spans: Sequence[SampleSpan],
    ids: Collection[str],
    issues: pd.DataFrame,
) -> None:
    """Exchange some issues of a sequence for others, which take over decisions.

    Args:
        dataset: the dataset, whose issues are declared
        label_field: the frame field of the tracks that the issues are about
        spans: the samples of the sequence
        ids: the IDs of the issues to remove
        issues: the new issues, see ``find_issues()``
    """
    decisions = read_decisions(dataset, [span.sample_id for span in spans])
    placed = _take_over(_place_issues(issues, spans, label_field), decisions)
    exchange_labels(dataset, ISSUES, ids, _labels_of(placed, spans))


def _labels_of(
    placed: pd.DataFrame, spans: Sequence[SampleSpan]
) -> dict[str, list[Json]]:
    """Return the documents of the issues of each sample, by its ID."""
    labels: dict[str, list[Json]] = {span.sample_id: [] for span in spans}
    for sample, label in zip(placed["sample_id"], _to_labels(placed), strict=True):
        labels[sample].append(label)
    return labels


def _place_issues(
    issues: pd.DataFrame, spans: Sequence[SampleSpan], label_field: str
) -> pd.DataFrame:
    """Return the issues that begin in samples, at their frames in the samples."""
    issues = issues.drop(columns="sample_id", errors="ignore")
    if issues["first_frame"].isna().any():
        # What is in no frame, such as a label of one that does not exist, comes first
        frames = {name: issues[name].fillna(1).astype("int64") for name in _FRAMES}
        issues = issues.assign(**frames)
    samples = pd.DataFrame(spans, columns=SampleSpan._fields).sort_values("offset")
    samples = samples[samples["length"] > 0]
    if samples.empty:
        issues = issues[:0]
    offset, length = (samples[name].to_numpy() for name in ("offset", "length"))
    begin = issues["first_frame"].to_numpy(np.int64) - 1
    of = np.searchsorted(offset, begin, "right") - 1
    within = (of >= 0) & (begin < (offset + length)[of])
    placed: pd.DataFrame = issues[within].reset_index(drop=True)
    of = of[within]
    offset, length = offset[of], length[of]
    first, last, peak = (placed[name].to_numpy(np.int64) - offset for name in _FRAMES)
    rate = samples["frame_rate"].to_numpy()[of]
    around = np.maximum((rate / 2).round(), 1).astype(np.int64)
    return placed.assign(
        sample_id=samples["sample_id"].to_numpy(object)[of],
        label_field=label_field,
        first_frame=first,
        last_frame=np.minimum(last, length),
        peak_frame=np.minimum(peak, length),
        clip_first=np.maximum(first - around, 1),
        clip_last=np.minimum(last + around, length),
    )


def _take_over(
    issues: pd.DataFrame, decisions: Mapping[str, Sequence[Record]]
) -> pd.DataFrame:
    """Return issues with the decisions about the same mistakes."""
    found: list[Record | None] = [None] * len(issues)
    for sample, made in decisions.items():
        if made:
            rows = np.flatnonzero(issues["sample_id"] == sample)
            mistakes = to_records(issues.iloc[rows][["kind", *MISTAKE]])
            for row, decision in zip(rows, find_decisions(mistakes, made), strict=True):
                found[row] = decision
    columns = {
        name: pd.Series(
            [decided and decided.get(name) for decided in found], issues.index, object
        )
        for name in (*DECIDED, NOTE)
    }
    return issues.assign(**columns)


def _to_labels(issues: pd.DataFrame) -> list[Json]:
    """Return the documents of issues, as FiftyOne stores them."""
    told = ("reason", "suggestion", "size_limit", "iou_limit", "peak_frame", *EXPECTED)
    names = [
        "kind",
        "score",
        "clip_first",
        "clip_last",
        *MISTAKE,
        *told,
        *DECIDED,
        NOTE,
    ]
    names += ["compared_with"] if "compared_with" in issues else []
    return [
        {
            "_id": ObjectId(),
            "_cls": "TemporalDetection",
            "tags": [],
            "label": record.pop("kind"),
            "support": [record.pop("clip_first"), record.pop("clip_last")],
            "confidence": record.pop("score"),
            **record,
        }
        for record in to_records(issues[names])
    ]


def read_decisions(
    dataset: fo.Dataset, ids: Collection[str]
) -> dict[str, Sequence[Record]]:
    """Read the decisions that are recorded with samples.

    Args:
        dataset: the dataset
        ids: the IDs of the samples

    Returns:
        the decisions of each of the samples, in the order in which they were made
    """
    found, records = dataset.select(list(ids)).values(["id", DECISIONS])
    return {sample: record or () for sample, record in zip(found, records, strict=True)}


def read_issues(
    dataset: fo.Dataset, label_field: str, spans: Iterable[SampleSpan]
) -> pd.DataFrame:
    """Read the issues of a label field.

    Args:
        dataset: the dataset
        label_field: the frame field of the tracks that the issues are about
        spans: the samples to read the issues of

    Returns:
        one row per issue: ``id``, ``sample_id``, ``kind``, ``score`` in [0, 1] and
        the attributes of the issue, null if it has none; ``first_frame``,
        ``last_frame`` and ``peak_frame`` (``first_frame`` if an earlier version stored
        none), and ``clip_first`` and ``clip_last`` of its clip, are 1-based positions
        in the sequence
    """
    offsets = {span.sample_id: span.offset for span in spans}
    table = read_table(dataset.select(list(offsets)))
    table = table[table["label_field"] == label_field].reset_index(drop=True)
    offset = table["sample_id"].map(offsets).astype("int64")
    supports = np.array(table.pop("support").tolist(), np.int64).reshape(-1, 2)
    table["clip_first"], table["clip_last"] = supports.T
    table["peak_frame"] = table["peak_frame"].fillna(table["first_frame"])
    for name in ("first_frame", "last_frame", "peak_frame", "clip_first", "clip_last"):
        table[name] = (table[name] + offset).astype("int64")
    return table.astype({"track": "int64", "other_track": "Int64"})


def read_sequence_issues(
    dataset: fo.Dataset, label_field: str, stored: StoredTracks
) -> pd.DataFrame:
    """Read the issues of the sequences that tracks were read of.

    Args:
        dataset: the dataset
        label_field: the frame field of the tracks that the issues are about
        stored: the tracks of the sequences

    Returns:
        the issues, see :func:`read_issues`, and the name of their ``sequence``
    """
    issues = read_issues(dataset, label_field, stored.spans)
    samples = stored.documents.drop_duplicates("sample_id").set_index("sample_id")
    return issues.assign(sequence=issues["sample_id"].map(samples["sequence"]))


def read_dataset_issues(dataset: fo.Dataset, label_field: str) -> pd.DataFrame:
    """Read all issues of a label field of a dataset.

    Args:
        dataset: the dataset
        label_field: the frame field of the tracks that the issues are about

    Returns:
        the issues, see :func:`read_issues`
    """
    spans = read_spans(dataset).values()
    return read_issues(dataset, label_field, chain.from_iterable(spans))


def read_decided(
    samples: fo.core.collections.SampleCollection, label_field: str, decision: str
) -> pd.DataFrame:
    """Read the confirmed or the dismissed issues.

    Args:
        samples: a dataset whose issues are declared, or a view of its videos
        label_field: the frame field of the tracks that the issues are about
        decision: ``confirmed`` or ``dismissed``

    Returns:
        their attributes; frames are positions in the samples
    """
    table = read_table(samples)
    chosen = (table["label_field"] == label_field) & (table["decision"] == decision)
    return table[chosen]


def check_known(
    dataset: fo.Dataset, ids: Collection[str], known: Iterable[str | None]
) -> None:
    """Check that issues exist.

    Args:
        dataset: the dataset
        ids: the IDs of the issues
        known: the IDs of the issues that exist

    Raises:
        ValueError: if an issue does not exist
    """
    unknown = set(ids).difference(known)
    if unknown:
        raise ValueError(
            f"'{dataset.name}' has no issue {min(unknown)}; an audit replaces the "
            "issues, so load them again"
        )


def read_table(samples: fo.core.collections.SampleCollection) -> pd.DataFrame:
    """Read the issues of samples, of all label fields.

    Args:
        samples: a dataset, or a view of its videos

    Returns:
        one row per issue, as of :func:`read_issues`; frames are positions in the
        sample ``sample_id``, and ``support`` is the range of its clip
    """
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
    counts = [len(issues or ()) for issues in values[0]] if values else [0] * len(ids)
    table = pd.DataFrame(columns, dtype=object).reindex(columns=list(_READ))
    table = table.assign(sample_id=np.repeat(np.array(ids, object), counts))
    # Users may have added labels of their own to the field
    return table.dropna(subset=["track", "first_frame", "last_frame", "support"])


def mark_issues(dataset: fo.Dataset, judged: pd.DataFrame) -> None:
    """Store on issues whether annotators corrected them.

    Args:
        dataset: the dataset
        judged: ``id`` and ``corrected`` of each issue
    """
    if judged.empty:
        return
    declare_issues(dataset)
    corrected = dict(zip(judged["id"], judged["corrected"].astype(bool), strict=True))
    dataset.set_label_values(f"{ISSUES}.detections.corrected", corrected)
