# SPDX-License-Identifier: Apache-2.0
"""The audit of a FiftyOne dataset: read, judge, store, and keep a record."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass

import fiftyone as fo
import fiftyone.core.utils as fou
import pandas as pd

from .. import __version__
from ..importers import store
from .audit import KINDS, Audit, Thresholds, audit_tracks
from .issues import SampleSpan, declare_issues, replace_issues

Progress = bool | Callable[[fou.ProgressBar], None] | None


@dataclass(frozen=True)
class AuditSummary:
    """What an audit found.

    Attributes:
        sequences: number of sequences
        detections: number of detections that were judged
        outliers: number of detections that are outliers
        issues: number of issues, by kind
        changed_frames: number of frames that were left alone, because somebody
            changed their labels meanwhile
    """

    sequences: int
    detections: int
    outliers: int
    issues: dict[str, int]
    changed_frames: int


def audit_dataset(
    samples: fo.core.collections.SampleCollection,
    label_field: str | None = None,
    thresholds: Thresholds | None = None,
    kinds: tuple[str, ...] = KINDS,
    run_key: str = "audit_tracks",
    progress: Progress = None,
) -> AuditSummary:
    """Judges every detection of a collection's samples against its own track.

    Sets the signals and flags of each kind on the detections, with all kinds
    also ``outlier_score`` and ``outlier_reasons``; replaces the samples' issues
    of these kinds; and registers a run with the parameters. Nothing else of the
    dataset changes. Tracks are judged whole, also where the collection shows
    only some of their labels.

    Args:
        samples: a dataset or view
        label_field (None): the frame field of the tracks; found where there is
            only one
        thresholds (None): the :class:`Thresholds`
        kinds (KINDS): the kinds of mistakes to look for
        run_key ("audit_tracks"): the first part of the run's key, which ends in
            the label field
        progress (None): whether to render a progress bar (True/False), use the
            default value ``fiftyone.config.show_progress_bars`` (None), or a
            progress callback function to invoke instead

    Returns:
        the :class:`AuditSummary`

    Raises:
        ValueError: if there is no such field of tracks
    """
    dataset = samples._root_dataset
    field = store.find_label_field(dataset, label_field)
    thresholds = thresholds or Thresholds()
    ids = set(store.sample_ids(samples))
    sequences = store.samples_by_sequence(samples)
    declare_issues(dataset)
    frames = dataset.select(list(ids)).count("frames")
    parts = []
    with fou.ProgressBar(total=frames, progress=progress, iters_str="frames") as bar:
        for whole in sequences.values():
            stored = store.read_tracks(dataset.select(whole), field)
            result = audit_tracks(stored.tracks, thresholds, kinds)
            parts.append(
                _store_audit(dataset, field, stored, result, ids, kinds, bar.update)
            )
    summary = _total(parts)
    config = dataset.init_run(
        method=f"track_audit/{run_key}",
        version=__version__,
        label_field=f"frames.{field}",
        thresholds=asdict(thresholds),
        kinds=list(kinds),
        summary=asdict(summary),
    )
    key = re.sub(r"\W", "_", f"{run_key}_{field}")
    dataset.register_run(key, config, overwrite=True)
    return summary


def _store_audit(
    dataset: fo.Dataset,
    field: str,
    stored: store.StoredTracks,
    result: Audit,
    ids: set[str],
    kinds: tuple[str, ...],
    step: store.Step,
) -> AuditSummary:
    """Stores the audit of one sequence on those of its samples that are chosen."""
    documents = stored.documents[stored.documents["sample_id"].isin(ids)]
    rows = stored.rows["document"].isin(documents.index)
    detections = result.detections[rows.to_numpy()]
    outliers = detections.filter(regex="_outlier$").any(axis=1).sum()
    if set(kinds) == set(KINDS):
        reasons = [_split_reasons(name) for name in detections["outlier_reasons"]]
        detections = detections.assign(
            outlier_reasons=pd.Series(reasons, rows.index[rows], dtype=object)
        )
    else:
        # One score of all signals needs all signals
        detections = detections.drop(columns=["outlier_score", "outlier_reasons"])
    step(int((documents["count"] == 0).sum()))
    changed = store.write_columns(dataset, field, stored, detections, step)
    (sequence,) = stored.tracks.sequences.values()
    spans = [
        SampleSpan(str(id), int(frames.min()), int(frames.max()), sequence.frame_rate)
        for id, frames in documents.groupby("sample_id", sort=False)["frame"]
    ]
    issues = result.issues[result.issues["first_frame"].isin(documents["frame"])]
    replace_issues(dataset, spans, issues, kinds)
    return AuditSummary(
        sequences=1,
        detections=len(detections),
        outliers=int(outliers),
        issues=dict(Counter(issues["kind"])),
        changed_frames=changed,
    )


def _split_reasons(reasons: str) -> list[str]:
    return reasons.split(";") if reasons else []


def _total(parts: list[AuditSummary]) -> AuditSummary:
    issues: Counter[str] = Counter()
    for part in parts:
        issues.update(part.issues)
    return AuditSummary(
        sequences=len(parts),
        detections=sum(part.detections for part in parts),
        outliers=sum(part.outliers for part in parts),
        issues=dict(issues.most_common()),
        changed_frames=sum(part.changed_frames for part in parts),
    )
