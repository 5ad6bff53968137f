# SPDX-License-Identifier: Apache-2.0
"""Records of audits: their settings, their overviews, and whether they finished.

While an audit writes, a record lists the samples that it writes to. A process that is
killed leaves it behind, along with the record and the overview of the audit before.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import fiftyone as fo
from bson import ObjectId

from ...importers import store
from ...importers.store import runs
from ..audit import Rules, Thresholds, kind_name
from ..audit.rules import rules_from_dict, rules_to_dict
from ..plain import Json, count
from .judging import AuditSettings

#: The first part of the method of the runs that record audits.
METHOD = "track_audit/audit"
#: The methods of the runs with an overview, and with the samples of unfinished audits.
_OVERVIEW, _UNFINISHED = "track_audit/overview", "track_audit/unfinished_audit"


@dataclass(frozen=True)
class AuditSummary:
    """What an audit found.

    Attributes:
        sequences: number of sequences
        detections: number of detections that were judged
        outliers: number of detections that are outliers
        issues: number of issues, by kind
        changed_frames: number of frames that were left alone because their labels
            changed during the audit
        lost: number of confirmed issues that were not found again; each is confirmed
            as soon as an audit finds it again
        outdated_views: whether saved views still show the issues of an earlier audit,
            because another process was saving views
        notes: sentences about what was taken for the identity of objects
    """

    sequences: int
    detections: int
    outliers: int
    issues: dict[str, int]
    changed_frames: int
    lost: int = 0
    outdated_views: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class AuditRecord:
    """A complete audit, as it is recorded with its dataset.

    Attributes:
        name: the name of the audit, by default that of the operator
        label_field: the frame field of the tracks
        settings: the :class:`AuditSettings`
        overview: the key of the run that holds its overview
        finished_at: when it finished
    """

    name: str
    label_field: str
    settings: AuditSettings
    overview: str
    finished_at: datetime


def list_audits(dataset: fo.Dataset, field: str) -> list[AuditRecord]:
    """List the complete audits of a label field, the last one of each name.

    Args:
        dataset: the dataset
        field: the frame field of the tracks

    Returns:
        the records, the oldest first
    """
    stored = runs.read_records(dataset, METHOD, label_field=f"frames.{field}")
    audits = [_read_record(each, field) for each in stored]
    return sorted(audits, key=lambda audit: audit.finished_at)


def _read_record(stored: runs.StoredRecord, field: str) -> AuditRecord:
    """Read a record, including those that earlier versions stored."""
    content = stored.content
    settings = AuditSettings(
        Thresholds(**content["thresholds"]),
        tuple(content["kinds"]),
        content["model"],
        content["suspects"],
        content.get("predictions"),
        rules_from_dict(content.get("rules") or {}),
    )
    finished = stored.time.replace(tzinfo=UTC)
    if "finished_at" in content:
        finished = datetime.fromisoformat(content["finished_at"])
    name = content["method"].removeprefix(f"{METHOD}/")
    overview = content.get("overview", stored.key)
    return AuditRecord(name, field, settings, overview, finished)


def last_thresholds(dataset: fo.Dataset, field: str) -> Thresholds:
    """Return the thresholds of the last complete audit of a label field.

    Args:
        dataset: the dataset
        field: the frame field of the tracks

    Returns:
        the thresholds, the default ones if there was no audit
    """
    audits = list_audits(dataset, field)
    return audits[-1].settings.thresholds if audits else Thresholds()


def last_rules(dataset: fo.Dataset, field: str) -> Rules:
    """Return the rules of the last complete audit of a label field.

    Args:
        dataset: the dataset
        field: the frame field of the tracks

    Returns:
        the rules; if there was no audit, the classes that the dataset lists for the
        field are the allowed ones
    """
    audits = list_audits(dataset, field)
    return audits[-1].settings.rules if audits else default_rules(dataset, field)


def default_rules(dataset: fo.Dataset, label_field: str | None = None) -> Rules:
    """Return the rules of a first audit.

    Args:
        dataset: the dataset
        label_field (None): the frame field of the tracks; by default the only one

    Raises:
        ValueError: if there are several fields, and none is named
    """
    field = store.find_label_field(dataset, label_field)
    return Rules(classes=store.listed_classes(dataset, field))


def read_overview(dataset: fo.Dataset, field: str) -> Json:
    """Read the overview of the last complete audit, see ``make_overview()``.

    Args:
        dataset: the dataset
        field: the frame field of the tracks

    Returns:
        the overview of each sequence that the dataset still has, by its name; empty
        if there was no audit
    """
    sequences = store.read_spans(dataset)
    for audit in reversed(list_audits(dataset, field)):
        kept: Json | None = runs.read_results(dataset, audit.overview, "sequences")
        if kept is not None:
            return {name: kept[name] for name in kept if name in sequences}
    return {}


def new_overview_key(field: str) -> str:
    """Return a key for the run that will hold an overview.

    Args:
        field: the frame field of the tracks

    Returns:
        a key that no run has
    """
    return runs.run_key("audit_overview", f"{field}_{ObjectId()}")


def begin_audit(dataset: fo.Dataset, field: str, samples: Collection[str]) -> None:
    """Record that an audit is about to write.

    Args:
        dataset: the dataset
        field: the frame field of the tracks
        samples: the IDs of the samples that the audit writes to
    """
    _record_unfinished(dataset, field, unfinished_samples(dataset, field) | {*samples})


def finish_audit(
    dataset: fo.Dataset,
    audit: AuditRecord,
    summary: AuditSummary,
    samples: Collection[str],
    overview: Json,
    states: Json,
) -> None:
    """Record a complete audit.

    The overview is stored before the record names it, and those of earlier audits are
    deleted last, so that one of them can be read at any time.

    Args:
        dataset: the dataset
        audit: the record
        summary: what the audit found
        samples: the IDs of the samples that the audit wrote to
        overview: the overview of all sequences
        states: what is known of the sequences, see ``audit_states.py``
    """
    field = audit.label_field
    about = {"label_field": f"frames.{field}"}
    runs.save_record(dataset, audit.overview, _OVERVIEW, about)
    runs.save_results(dataset, audit.overview, sequences=overview, states=states)
    record_audit(dataset, audit, summary)
    _record_unfinished(dataset, field, unfinished_samples(dataset, field) - {*samples})
    for stored in runs.read_records(dataset, _OVERVIEW, **about):
        if stored.key != audit.overview:
            runs.delete_record(dataset, stored.key)


def record_audit(
    dataset: fo.Dataset, audit: AuditRecord, summary: AuditSummary
) -> None:
    """Record an audit in place of the last one of its name.

    Args:
        dataset: the dataset
        audit: the record, whose overview is stored
        summary: what the audit found
    """
    values = {
        "label_field": f"frames.{audit.label_field}",
        **asdict(audit.settings),
        "kinds": list(audit.settings.kinds),
        "rules": rules_to_dict(audit.settings.rules),
        "summary": asdict(summary),
        "overview": audit.overview,
        "finished_at": audit.finished_at.isoformat(),
    }
    key = runs.run_key(audit.name, audit.label_field)
    runs.save_record(dataset, key, f"{METHOD}/{audit.name}", values)


def describe_audit(summary: AuditSummary) -> str:
    """Describe what an audit found.

    Args:
        summary: the summary of the audit

    Returns:
        a text for users
    """
    text = (
        f"{count(summary.outliers, 'outlier')} among "
        f"{count(summary.detections, 'box')} of {count(summary.sequences, 'sequence')}"
    )
    if summary.issues:
        found = count(sum(summary.issues.values()), "issue")
        kinds = [f"{n:,} {kind_name(kind)}" for kind, n in summary.issues.items()]
        text += f"; they make {found}: {', '.join(kinds)}"
    if summary.changed_frames:
        text += (
            f". The labels of {count(summary.changed_frames, 'frame')} changed during "
            "the audit: run it again"
        )
    if summary.lost:
        text += (
            f". Not found again: {count(summary.lost, 'confirmed issue')}; decisions "
            "are kept in case a later audit finds the mistakes"
        )
    if summary.outdated_views:
        text += (
            ". Another process was saving views, so the saved views of issues show the "
            "audit before this one: run 'Save outlier views' to update them"
        )
    return text


def describe_unfinished(dataset: fo.Dataset, field: str) -> str:
    """Return whether an audit of a label field began but did not finish.

    Args:
        dataset: the dataset
        field: the frame field of the tracks

    Returns:
        a sentence for users, empty if all audits finished
    """
    samples = unfinished_samples(dataset, field)
    # Samples may have been deleted since
    if not samples or samples.isdisjoint(dataset.values("id")):
        return ""
    return (
        f"The last audit of '{field}' has not finished, so scores and issues may be "
        "incomplete. If it is no longer running, audit the tracks again."
    )


def unfinished_samples(dataset: fo.Dataset, field: str) -> set[str]:
    """Return the IDs of the samples that unfinished audits wrote to."""
    stored = runs.read_records(dataset, _UNFINISHED, label_field=f"frames.{field}")
    return {sample for each in stored for sample in each.content["samples"]}


def _record_unfinished(dataset: fo.Dataset, field: str, samples: set[str]) -> None:
    key = runs.run_key("unfinished_audit", field)
    if samples:
        values = {"label_field": f"frames.{field}", "samples": sorted(samples)}
        runs.save_record(dataset, key, _UNFINISHED, values)
    else:
        runs.delete_record(dataset, key)
