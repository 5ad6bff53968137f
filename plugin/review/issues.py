# SPDX-License-Identifier: Apache-2.0
"""The issues of a sample: temporal detections, one per mistake.

Issues come and go with every audit. What people decided of them is kept in a record
of its own, the sample field ``decisions``, in the order in which it was decided. Each
new issue takes over the last decision about the same mistake.

An issue's support reaches half a second beyond the mistake on both sides, so
that a clip of it can be played; ``first_frame`` and ``last_frame`` are the
frames of the mistake itself.
"""

from __future__ import annotations

import getpass
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timezone
from itertools import chain
from typing import Any

import fiftyone as fo
import numpy as np
import pandas as pd
from bson import ObjectId
from fiftyone import ViewField as F

from ...importers import store
from ...importers.store.sequences import SampleSpan, read_spans
from ...importers.store.shown_frames import frames_of_ranges, frames_of_view
from ..audit.ranges import are_at
from ..plain import count, to_records
from .decisions import CONFIRMED, DISMISSED, Record, find_decisions

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
_MISTAKE = ("label_field", "track", "other_track", "first_frame", "last_frame")
_DECIDED = ("decision", "decided_by", "decided_at")


def declare_issues(dataset: fo.Dataset) -> None:
    """Adds the fields of issues and decisions to a dataset, where it lacks them.

    Args:
        dataset: a video dataset

    Raises:
        ValueError: if the dataset has another field of such a name
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
    if field is None:
        dataset.add_sample_field(
            ISSUES, fo.EmbeddedDocumentField, embedded_doc_type=fo.TemporalDetections
        )
    if record is None:
        dataset.add_sample_field(DECISIONS, fo.ListField, subfield=fo.DictField)
    for attribute, ftype in _FIELDS.items():
        path = f"{ISSUES}.detections.{attribute}"
        if not dataset.has_field(path):
            dataset.add_sample_field(path, ftype)


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
    kept = dataset.select([span.sample_id for span in spans], ordered=True)
    known, decided = None, kept.values(DECISIONS)
    # What is decided meanwhile is not to be lost
    while decided != known:
        _replace_issues(dataset, label_field, spans, issues, decided)
        known, decided = decided, kept.values(DECISIONS)


def _replace_issues(
    dataset: fo.Dataset,
    label_field: str,
    spans: list[SampleSpan],
    issues: pd.DataFrame,
    decided: list[list[Record] | None],
) -> None:
    others = {
        "$filter": {
            "input": {"$ifNull": [f"${ISSUES}.detections", []]},
            "cond": {"$ne": ["$$this.label_field", label_field]},
        }
    }
    updates = {}
    for span, decisions in zip(spans, decided, strict=True):
        first = issues["first_frame"] - span.offset
        own = issues[first.between(1, span.length)]
        labels = _to_labels(own, span, label_field, decisions or ())
        updates[span.sample_id] = {
            ISSUES: {
                "_cls": "TemporalDetections",
                "detections": {"$concatArrays": [others, {"$literal": labels}]},
            }
        }
    store.update_samples(dataset, updates)


def read_issues(
    dataset: fo.Dataset, label_field: str, spans: Iterable[SampleSpan]
) -> pd.DataFrame:
    """Reads the issues of a label field.

    Args:
        dataset: the dataset
        label_field: the frame field of the tracks that the issues are about
        spans: the samples to read the issues of

    Returns:
        one row per issue: ``id``, ``sample_id``, ``kind``, ``score`` and the
        attributes of the issue, null where it has none; ``first_frame`` and
        ``last_frame``, and ``clip_first`` and ``clip_last`` of its clip, are
        positions in the sequence
    """
    offsets = {span.sample_id: span.offset for span in spans}
    table = _read_table(dataset.select(list(offsets)))
    table = table[table["label_field"] == label_field].reset_index(drop=True)
    offset = table["sample_id"].map(offsets).astype("int64")
    supports = np.array(table.pop("support").tolist(), np.int64).reshape(-1, 2)
    table["clip_first"], table["clip_last"] = supports.T
    for name in ("first_frame", "last_frame", "clip_first", "clip_last"):
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


def issues_of_view(
    view: fo.core.collections.SampleCollection, label_field: str
) -> list[str]:
    """Finds the issues that a view shows.

    Of clips of issues, those; of videos, the issues that are left in them and about
    any of the frames that are left; of other clips, of frames and of patches, the
    issues that are about any of their frames.

    Args:
        view: a dataset, or a view of its videos, clips, frames or patches
        label_field: the frame field of the tracks that the issues are about

    Returns:
        the IDs of the issues
    """
    dataset = store.dataset_of(view)
    if not dataset.has_field(ISSUES):
        return []
    are_videos = store.kind_of(view) == "videos"
    are_issues = store.kind_of(view) == "clips" and not view.has_field(
        f"{ISSUES}.detections"
    )
    key = "id" if are_videos else "sample_id"
    if view.has_field(ISSUES):
        path = f"{ISSUES}.id" if are_issues else f"{ISSUES}.detections.id"
        samples, found = view.values([key, path])
        shown = set(found if are_issues else chain.from_iterable(filter(None, found)))
    else:
        samples, shown, are_issues = view.values(key), None, False
    issues = _read_table(dataset.select(list(dict.fromkeys(samples))))
    issues = issues[issues["label_field"] == label_field]
    if shown is not None:
        issues = issues[issues["id"].isin(shown)]
    if not (are_issues or (are_videos and store.shows_all_labels(view))):
        frames = frames_of_view(view, label_field)
        frames = frames.rename(columns={"frame_number": "frame"})
        issues = issues[are_at(frames, issues, ["sample_id"])]
    ids: list[str] = issues["id"].tolist()
    return ids


def read_decided(dataset: fo.Dataset, label_field: str, decision: str) -> pd.DataFrame:
    """Reads the issues that were confirmed, or those that were dismissed.

    Args:
        dataset: the dataset
        label_field: the frame field of the tracks that the issues are about
        decision: ``confirmed`` or ``dismissed``

    Returns:
        their attributes, with the frames as they are in the samples
    """
    table = _read_table(dataset)
    chosen = (table["label_field"] == label_field) & (table["decision"] == decision)
    return table[chosen]


def count_decided(dataset: fo.Dataset, label_field: str, decision: str) -> int:
    """Counts the issues that were confirmed, or those that were dismissed.

    Args:
        dataset: the dataset
        label_field: the frame field of the tracks that the issues are about
        decision: ``confirmed`` or ``dismissed``

    Returns:
        their number
    """
    if not dataset.has_field(f"{ISSUES}.detections.decision"):
        return 0
    chosen = (F("label_field") == label_field) & (F("decision") == decision)
    decided = dataset.filter_labels(ISSUES, chosen)
    return int(decided.count(f"{ISSUES}.detections"))


def frames_of_issues(
    dataset: fo.Dataset, label_field: str, ids: Collection[str]
) -> pd.DataFrame:
    """Returns the frames that some issues are about.

    Args:
        dataset: the dataset
        label_field: the frame field of the tracks that the issues are about
        ids: the IDs of the issues

    Returns:
        ``sample_id`` and ``frame_number``, each pair once

    Raises:
        ValueError: if there are none, or an issue of the field does not exist
    """
    if len(ids) == 0:
        raise ValueError("no issues are chosen")
    issues = _read_table(dataset)
    issues = issues[issues["label_field"] == label_field]
    _check_known(dataset, ids, issues["id"])
    issues = issues[issues["id"].isin(ids)]
    ranges = zip(issues["first_frame"], issues["last_frame"], strict=True)
    return frames_of_ranges(issues["sample_id"].tolist(), list(ranges))


def decide_issues(
    dataset: fo.Dataset,
    ids: Collection[str],
    decision: str | None,
    author: str | None = None,
    time: datetime | None = None,
) -> int:
    """Confirms or dismisses issues, or takes that back.

    Args:
        dataset: the dataset
        ids: the IDs of the issues
        decision: ``confirmed``, ``dismissed``, or None to take back what was
            decided
        author (None): who decided it; by default the user of this machine
        time (None): when; by default now

    Returns:
        the number of issues

    Raises:
        ValueError: if there is no such decision, or an issue does not exist, or no
            more when it is decided
    """
    if decision not in (CONFIRMED, DISMISSED, None):
        expected = f"expected '{CONFIRMED}', '{DISMISSED}' or None"
        raise ValueError(f"{expected}, not '{decision}'")
    if len(ids) == 0:
        return 0
    declare_issues(dataset)
    places = _read_places(dataset)
    _check_known(dataset, ids, places["id"])
    places = places[places["id"].isin(ids)]
    made: dict[str, Any] = dict.fromkeys(_DECIDED)
    if decision:
        author = author or _user()
        time = time or datetime.now(timezone.utc)
        # As exact as the database keeps it
        time = time.replace(microsecond=time.microsecond // 1000 * 1000)
        made = dict(zip(_DECIDED, (decision, author, time), strict=True))
    updates = {
        str(sample): _decide(own.tolist(), {"$literal": made})
        for sample, own in places.groupby("sample_id")["id"]
    }
    store.update_samples(dataset, updates)
    records = dataset.select(list(updates)).values(DECISIONS)
    recorded = {
        each.get("issue")
        for each in chain.from_iterable(filter(None, records))
        if _is_made(each, made)
    }
    lost = len(places) - len(recorded.intersection(ids))
    if lost:
        raise ValueError(
            f"{len(places) - lost} of {count(len(places), 'issue')} were decided: an "
            "audit replaces the issues, so load them again"
        )
    return len(places)


def _is_made(record: Record, made: Mapping[str, Any]) -> bool:
    """Whether a record is of that decision, and not of an earlier one."""
    decided = {name: record.get(name) for name in _DECIDED}
    if decided["decided_at"] is not None:
        decided["decided_at"] = decided["decided_at"].replace(tzinfo=timezone.utc)
    return decided == made


def _user() -> str:
    """Returns the user of this machine, who has no name in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _check_known(
    dataset: fo.Dataset, ids: Collection[str], known: Iterable[str | None]
) -> None:
    unknown = set(ids).difference(known)
    if unknown:
        raise ValueError(
            f"'{dataset.name}' has no issue {min(unknown)}; an audit replaces the "
            "issues, so load them again"
        )


def _decide(ids: list[str], made: dict[str, Any]) -> dict[str, Any]:
    """Decides issues of one sample, and puts that at the end of its record."""
    labels = f"${ISSUES}.detections"
    chosen_ids = {"$literal": [ObjectId(each) for each in ids]}
    is_chosen = {"$in": ["$$this._id", chosen_ids]}
    chosen = {"$filter": {"input": labels, "cond": is_chosen}}
    issue, frames = {"$toString": "$$this._id"}, {n: f"$$this.{n}" for n in _MISTAKE}
    mistake = {"kind": "$$this.label", **frames}
    # Who changes their mind about a mistake replaces what they said of it, also of
    # the issue that it was in an earlier audit: the record would grow with each one
    is_about_others = {
        "$not": {
            "$or": [
                {"$in": ["$$this.issue", "$$issues"]},
                {"$in": [{"kind": "$$this.kind", **frames}, "$$mistakes"]},
            ]
        }
    }
    known = {"$ifNull": [f"${DECISIONS}", []]}
    earlier = {"$filter": {"input": known, "cond": is_about_others}}
    record = {"$mergeObjects": [{"issue": issue}, mistake, made]}
    new = {"$map": {"input": "$$chosen", "in": record}}
    # Named, they are not made again for each decision of the record
    names = {
        "issues": {"$map": {"input": "$$chosen", "in": issue}},
        "mistakes": {"$map": {"input": "$$chosen", "in": mistake}},
    }
    kept = {"$let": {"vars": names, "in": earlier}}
    together = {"$concatArrays": [kept, new]}
    decided = {"$mergeObjects": ["$$this", made]}
    return {
        DECISIONS: {"$let": {"vars": {"chosen": chosen}, "in": together}},
        f"{ISSUES}.detections": {
            "$map": {
                "input": labels,
                "in": {"$cond": [is_chosen, decided, "$$this"]},
            }
        },
    }


def _read_places(dataset: fo.Dataset) -> pd.DataFrame:
    """Reads ``id`` and ``sample_id`` of all issues."""
    samples, ids = dataset.values(["id", f"{ISSUES}.detections.id"])
    places = pd.DataFrame({"sample_id": samples, "id": ids}).explode("id")
    return places.dropna()


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
    counts = [len(issues or ()) for issues in values[0]] if values else [0] * len(ids)
    table = pd.DataFrame(columns, dtype=object).reindex(columns=list(_READ))
    table = table.assign(sample_id=np.repeat(np.array(ids, object), counts))
    # Others may have put labels of their own into the field
    return table.dropna(subset=["track", "first_frame", "last_frame", "support"])


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


def _to_labels(
    issues: pd.DataFrame,
    span: SampleSpan,
    label_field: str,
    decisions: Iterable[Record],
) -> list[dict[str, Any]]:
    """Makes the documents of the issues of a sample, as FiftyOne stores them."""
    first = issues["first_frame"] - span.offset
    last = (issues["last_frame"] - span.offset).clip(upper=span.length)
    around = max(1, round(span.frame_rate / 2))
    begin, end = (first - around).clip(lower=1), (last + around).clip(upper=span.length)
    attributes = ["track", "other_track", "reason", "suggestion"]
    limits = ["size_limit", "iou_limit"]
    records = to_records(
        issues[["kind", "score", *attributes, *limits]].assign(
            label_field=label_field, first_frame=first, last_frame=last
        )
    )
    decided = find_decisions(records, decisions)
    return [
        {
            "_id": ObjectId(),
            "_cls": "TemporalDetection",
            "tags": [],
            "label": record.pop("kind"),
            "support": list(support),
            "confidence": record.pop("score"),
            **record,
            **{name: (made or {}).get(name) for name in _DECIDED},
        }
        for record, made, *support in zip(
            records, decided, begin.tolist(), end.tolist(), strict=True
        )
    ]
