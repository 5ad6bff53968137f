# SPDX-License-Identifier: Apache-2.0
"""The audit of a FiftyOne dataset: read, judge, store, and keep a record."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Any

import fiftyone as fo
import fiftyone.core.utils as fou
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers import store
from ...importers.dataset import Progress
from ...importers.store.locks import LockedError
from ...importers.tracks import Tracks
from ...importers.version import __version__
from ..audit import (
    ALL_KINDS,
    APPEARANCE,
    IOU_KINDS,
    KINDS,
    SIZE_KINDS,
    Audit,
    Thresholds,
    audit_tracks,
    suspected_rows,
)
from ..audit.overview import make_overview
from ..plain import Json
from .decisions import CONFIRMED, count_lost
from .issues import declare_issues, read_decided, replace_issues
from .saved_views import ISSUE_CLIPS, save_issue_views, view_name

#: The first part of the method of the runs that record audits.
METHOD = "track_audit/audit"
#: The model that tells what boxes look like.
MODEL = "resnet18"
_THRESHOLDS = dict.fromkeys(SIZE_KINDS, "size") | dict.fromkeys(IOU_KINDS, "iou")
#: What the audit computes and only files tell: each field on a detection costs
#: time and room, and these follow from the boxes at once.
_NOT_STORED = (
    "aspect_change",
    "size_limit",
    "iou_limit",
    "left_deviation",
    "top_deviation",
    "width_deviation",
    "height_deviation",
)


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
        lost: number of confirmed issues that were not found again; each is confirmed
            as soon as an audit finds it again
        outdated_views: whether saved views still show the issues of an earlier audit,
            because somebody else was saving views
    """

    sequences: int
    detections: int
    outliers: int
    issues: dict[str, int]
    changed_frames: int
    lost: int = 0
    outdated_views: bool = False


def audit_dataset(
    samples: fo.core.collections.SampleCollection,
    label_field: str | None = None,
    thresholds: Thresholds | None = None,
    kinds: tuple[str, ...] = KINDS,
    run_key: str = "audit_tracks",
    model: str | None = None,
    suspects: bool = False,
    progress: Progress = None,
) -> AuditSummary:
    """Judges every detection of a collection's samples against its own track.

    Sets the signals and flags of each kind on the detections, and
    ``outlier_score`` and ``outlier_reasons``; replaces the samples' issues of
    this label field; and registers a run with the parameters. Kinds that an
    earlier audit looked for are judged again with its thresholds, so that score,
    reasons and issues agree with all flags. Nothing else of the dataset changes.
    Tracks are judged whole, also where the collection shows
    only some of their labels.

    Args:
        samples: a dataset or view
        label_field (None): the frame field of the tracks; found where there is
            only one
        thresholds (None): the :class:`Thresholds`
        kinds (KINDS): the kinds of mistakes to look for
        run_key ("audit_tracks"): the first part of the run's key, which ends in
            the label field
        model (None): the model whose embeddings tell what boxes look like, see
            ``embed_tracks()``, where the kinds have ``appearance`` among them
        suspects (False): whether to embed only the tracks with boxes that the
            other kinds suspect
        progress (None): whether to render a progress bar (True/False), use the
            default value ``fiftyone.config.show_progress_bars`` (None), or a
            progress callback function to invoke instead

    Returns:
        the :class:`AuditSummary`

    Raises:
        ValueError: if there is no such field of tracks
    """
    dataset = store.dataset_of(samples)
    field = store.find_label_field(dataset, label_field)
    thresholds = thresholds or Thresholds()
    ids = set(store.sample_ids(samples))
    sequences = store.samples_by_sequence(samples)
    declare_issues(dataset)
    audits = list(list_audits(dataset, field).values())
    thresholds, judged = _with_earlier_kinds(audits, thresholds, kinds)
    if APPEARANCE in judged and APPEARANCE not in kinds:
        model, suspects = _earlier_model(audits)
    frames = dataset.select(list(ids)).count("frames")
    confirmed = read_decided(dataset, field, CONFIRMED)
    parts = []
    overview = read_overview(dataset, field)
    with fou.ProgressBar(total=frames, progress=progress, iters_str="frames") as bar:
        for whole in sequences.values():
            stored = store.read_tracks(dataset.select(whole), field)
            _check_identities(stored.tracks.table, field)
            vectors = None
            if model is not None:
                rows = suspected_rows(stored.tracks, thresholds) if suspects else None
                vectors = _embed(stored.tracks, rows, model)
            result = audit_tracks(stored.tracks, thresholds, judged, vectors=vectors)
            overview |= make_overview(stored.tracks, result)
            parts.append(_store_audit(dataset, field, stored, result, ids, bar.update))
    summary = replace(
        _total(parts),
        lost=count_lost(confirmed, read_decided(dataset, field, CONFIRMED)),
        outdated_views=not _renew_views(dataset, field),
    )
    config = dataset.init_run(
        method=f"{METHOD}/{run_key}",
        version=__version__,
        label_field=f"frames.{field}",
        thresholds=asdict(thresholds),
        kinds=list(kinds),
        model=model,
        suspects=suspects,
        summary=asdict(summary),
    )
    key = re.sub(r"\W", "_", f"{run_key}_{field}")
    dataset.register_run(key, config, overwrite=True)
    results = dataset.init_run_results(key, sequences=overview)
    dataset.save_run_results(key, results, overwrite=True)
    return summary


def _renew_views(dataset: fo.Dataset, field: str) -> bool:
    """Saves the views of issues anew where there are any; tells whether it could."""
    if dataset.has_saved_view(view_name(dataset, ISSUE_CLIPS, field)):
        try:
            save_issue_views(dataset, field)
        except LockedError:
            return False
    return True


def _check_identities(table: pd.DataFrame, field: str) -> None:
    if len(table) and (table["track"] < 0).all():
        raise ValueError(
            f"the boxes in '{field}' have no track ids (index); expected tracks"
        )


def _embed(
    tracks: Tracks, rows: NDArray[np.bool_] | None, model: str
) -> NDArray[np.float32]:
    # torch takes seconds to load, and most audits do without
    from ..embedding import embed_tracks

    return embed_tracks(tracks, rows, model)


def list_audits(dataset: fo.Dataset, field: str) -> dict[str, Any]:
    """Lists the audits of a field.

    Args:
        dataset: the dataset
        field: the frame field of the tracks

    Returns:
        the configuration of each audit by the key of its run, the oldest first
    """
    runs = {key: dataset.get_run_info(key) for key in dataset.list_runs()}
    return {
        key: run.config
        for key, run in sorted(runs.items(), key=lambda item: item[1].timestamp)
        if str(run.config.method).startswith(f"{METHOD}/")
        and getattr(run.config, "label_field", None) == f"frames.{field}"
    }


def last_thresholds(dataset: fo.Dataset, field: str) -> Thresholds:
    """Returns the thresholds of the last audit of a field.

    Args:
        dataset: the dataset
        field: the frame field of the tracks

    Returns:
        the thresholds, the standard ones before any audit
    """
    audits = list(list_audits(dataset, field).values())
    return Thresholds(**audits[-1].thresholds) if audits else Thresholds()


def read_overview(dataset: fo.Dataset, field: str) -> Json:
    """Reads what the last audit of a field kept, see ``make_overview()``.

    Args:
        dataset: the dataset
        field: the frame field of the tracks

    Returns:
        the overview of each sequence that there still is, by its name; empty before
        any audit
    """
    sequences = store.read_spans(dataset)
    for key in reversed(list_audits(dataset, field)):
        # Another process may have audited meanwhile
        results = dataset.load_run_results(key, cache=False)
        if results is not None:
            kept: Json = results.sequences
            return {name: kept[name] for name in kept if name in sequences}
    return {}


def _earlier_model(audits: list[Any]) -> tuple[str, bool]:
    """Returns the model of the last audit that looked at crops, and at whose."""
    last = [audit for audit in audits if APPEARANCE in audit.kinds][-1]
    return last.model, last.suspects


def _with_earlier_kinds(
    audits: list[Any], thresholds: Thresholds, kinds: tuple[str, ...]
) -> tuple[Thresholds, tuple[str, ...]]:
    """Adds the kinds that earlier audits looked for, with their thresholds."""
    judged = list(kinds)
    for kind in ALL_KINDS:
        earlier = [audit for audit in audits if kind in audit.kinds]
        if kind not in kinds and earlier:
            judged.append(kind)
        if kind not in kinds and earlier and kind in _THRESHOLDS:
            name = _THRESHOLDS[kind]
            thresholds = replace(thresholds, **{name: earlier[-1].thresholds[name]})
    return thresholds, tuple(kind for kind in ALL_KINDS if kind in judged)


def _store_audit(
    dataset: fo.Dataset,
    field: str,
    stored: store.StoredTracks,
    result: Audit,
    ids: set[str],
    step: store.Step,
) -> AuditSummary:
    """Stores the audit of one sequence on those of its samples that are chosen."""
    documents = stored.documents[stored.documents["sample_id"].isin(ids)]
    rows = stored.rows["document"].isin(documents.index)
    detections = result.detections[rows.to_numpy()]
    outliers = (detections["outlier_reasons"] != "").sum()
    reasons = [_split_reasons(name) for name in detections["outlier_reasons"]]
    detections = detections.drop(columns=list(_NOT_STORED), errors="ignore").assign(
        outlier_reasons=pd.Series(reasons, rows.index[rows], dtype=object)
    )
    step(int((documents["count"] == 0).sum()))
    changed = store.write_columns(dataset, field, stored, detections, step)
    spans = [span for span in stored.spans if span.sample_id in ids]
    issues = result.issues
    begins_within = [
        (issues["first_frame"] - span.offset).between(1, span.length) for span in spans
    ]
    issues = issues[np.logical_or.reduce(begins_within)]
    replace_issues(dataset, field, spans, issues)
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
