# SPDX-License-Identifier: Apache-2.0
"""Audit a FiftyOne dataset: check it, then read, judge and store each sequence."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TypeAlias

import fiftyone as fo
import fiftyone.core.utils as fou
import pandas as pd

from ...importers import store
from ...importers.dataset import Progress
from ...importers.disk_cache import size_limit
from ...importers.engine import Engine
from ...importers.frames import check_frames
from ...importers.s3_frames import in_s3
from ...importers.store import runs
from ...importers.store.locks import Lease, LockedError, choose_engine, exclusive
from ...importers.tracks import InputError
from ..audit import (
    ALL_KINDS,
    APPEARANCE,
    IOU_KINDS,
    KINDS,
    SIZE_KINDS,
    Rules,
    Thresholds,
)
from ..audit.unjudged import NoTracks
from ..embedding.cache import default_cache_dir, trim_vectors
from ..plain import Json
from .audit_records import (
    AuditRecord,
    AuditSummary,
    begin_audit,
    finish_audit,
    list_audits,
    new_overview_key,
    read_overview,
    record_audit,
)
from .audit_states import (
    StateKeys,
    States,
    Unchanged,
    find_unchanged,
    states_to_dict,
    summarize,
)
from .audit_storage import StoredAudit
from .decisions import CONFIRMED, LOCATED, REPORTED, count_lost
from .issues import declare_issues, read_decided
from .judging import AuditSettings
from .saved_views import ISSUE_CLIPS, save_issue_views, view_name
from .sequence_audits import audit_here, audit_on_cluster

#: The default model for embedding crops.
MODEL = "resnet18"
#: Audits samples by a field and settings; calls the first function before anything is
#: stored, and the other with the number of frames done.
_Work: TypeAlias = Callable[
    [fo.DatasetView, str, AuditSettings, Callable[[], None], store.Step],
    Iterator[StoredAudit],
]
_THRESHOLDS = dict.fromkeys(SIZE_KINDS, "size") | dict.fromkeys(IOU_KINDS, "iou")


def audit_dataset(
    samples: fo.core.collections.SampleCollection,
    label_field: str | None = None,
    thresholds: Thresholds | None = None,
    kinds: tuple[str, ...] = KINDS,
    run_key: str = "audit_tracks",
    model: str | None = None,
    suspects: bool = False,
    progress: Progress = None,
    track_field: str | None = None,
    sequence_field: str | None = None,
    frame_field: str | None = None,
    predictions_field: str | None = None,
    rules: Rules | None = None,
    engine: Engine | str | None = None,
) -> AuditSummary:
    """Judge every detection of a collection's samples against its own track.

    The audit sets signals, flags, scores and reasons on the detections, replaces the
    issues of this label field, and records its settings as a run. Whole sequences are
    judged, unless they did not change since an audit with the same settings. Kinds of
    an earlier audit are judged with its thresholds.

    Args:
        samples: a dataset or view
        label_field (None): the frame field of the tracks; by default the only one
        thresholds (None): the :class:`Thresholds`
        kinds (KINDS): the kinds of mistakes to look for
        run_key ("audit_tracks"): the run's key is this and the label field
        model (None): the model that embeds crops, which ``appearance`` needs
        suspects (False): whether to embed only tracks that other kinds suspect
        progress (None): whether to show a progress bar, or a function that gets it
        track_field (None): the attribute that tells which boxes are one object,
            remembered; by default ``instance``, or ``index`` where there is none
        sequence_field (None): the sample field that names the sequence of an image
        frame_field (None): the sample field that orders the images of a sequence
        predictions_field (None): the field of a detector's predictions, "" for none
        rules (None): the :class:`Rules` of the project, by default the last audit's
        engine (None): ``"local"``, ``"ray"`` or an :class:`Engine`, see `engine_for()`

    Raises:
        ValueError: if tracks or frames are missing, or another process is writing

    Example:
        >>> fta.audit_dataset(dataset, thresholds=fta.Thresholds(size=0.3)).issues
        {'shift': 1, 'size_change': 1}
    """
    dataset = store.dataset_of(samples)
    field = store.find_label_field(dataset, label_field)
    seen = _find_witness(dataset, field, kinds, predictions_field)
    asked = AuditSettings(thresholds or Thresholds(), kinds, model, suspects, seen)
    chosen = None if engine is None else choose_engine(engine)
    with exclusive(dataset, "auditing") as lease:
        runs.mend_references(dataset)
        settings = with_earlier_kinds(asked, list_audits(dataset, field), rules)
        _choose_fields(samples, field, track_field, sequence_field, frame_field)
        ids, work = store.sample_ids(samples), partial(_audit_on, chosen, lease)
        found = _check_and_audit(dataset, field, ids, settings, progress, work)
        done = _record(run_key, field, replace(settings, kinds=kinds))
        return _finish(dataset, done, found, ids)


def _find_witness(
    dataset: fo.Dataset, field: str, kinds: tuple[str, ...], chosen: str | None
) -> str | None:
    """Return the field of predictions that the tracks are compared with."""
    if chosen is None and not set(KINDS) <= set(kinds):
        # Who asks for some kinds only does not expect those of a detector
        return None
    return store.find_predictions_field(dataset, field, chosen)


def _choose_fields(
    samples: fo.core.collections.SampleCollection,
    field: str,
    track_field: str | None,
    sequence_field: str | None,
    frame_field: str | None,
) -> None:
    """Remember the fields that tell tracks and sequences of images apart."""
    dataset = store.dataset_of(samples)
    if store.are_images(dataset):
        order = store.FrameOrder(sequence_field, frame_field)
        store.choose_order(samples, dataset, order)
    if track_field is not None:
        store.set_track_attribute(dataset, field, track_field)


def _check_and_audit(
    dataset: fo.Dataset,
    field: str,
    ids: Collection[str],
    settings: AuditSettings,
    progress: Progress,
    work: _Work,
) -> _Found:
    """Add what is missing, check everything, then judge what changed, and store."""
    store.add_metadata(dataset.select(ids), progress)
    unchanged = find_unchanged(dataset, field, ids, settings)
    due = [each for each in ids if each not in unchanged.samples]
    if due or not ids:
        _check(dataset, field, due, settings.model)
    declare_issues(dataset)
    frames = store.count_frames(dataset.select(due)) if due else 0
    with fou.ProgressBar(total=frames, progress=progress) as bar:
        return _audit(dataset, field, due, settings, unchanged, bar.update, work)


def with_earlier_kinds(
    asked: AuditSettings, audits: list[AuditRecord], rules: Rules | None = None
) -> AuditSettings:
    """Add the kinds that earlier audits looked for, with their settings.

    Args:
        asked: the settings of an audit
        audits: the earlier audits, the oldest first
        rules (None): the rules of the project, by default those of the last audit

    Returns:
        the settings with which everything agrees
    """
    if rules is None:
        rules = audits[-1].settings.rules if audits else Rules()
    settings = replace(asked, rules=rules)
    for audit in audits:
        earlier = audit.settings
        for kind in set(earlier.kinds).difference(asked.kinds):
            if kind in _THRESHOLDS:
                name = _THRESHOLDS[kind]
                value = {name: getattr(earlier.thresholds, name)}
                thresholds = replace(settings.thresholds, **value)
                settings = replace(settings, thresholds=thresholds)
            if kind in KINDS and settings.predictions is None:
                settings = replace(settings, predictions=earlier.predictions)
            if kind == APPEARANCE:
                settings = replace(
                    settings, model=earlier.model, suspects=earlier.suspects
                )
    judged = {*asked.kinds, *(kind for each in audits for kind in each.settings.kinds)}
    return replace(settings, kinds=tuple(kind for kind in ALL_KINDS if kind in judged))


def _check(
    dataset: fo.Dataset, field: str, ids: Collection[str], model: str | None
) -> None:
    """Check what an audit needs, so that it does not fail half way."""
    if not ids:
        raise ValueError("the view is empty; there are no tracks to audit")
    samples = dataset.select(ids)
    untracked = store.untracked_sequences(samples, field)
    if untracked:
        raise NoTracks(
            untracked[0],
            f"the boxes in '{field}' have no track ids (instance or index); expected "
            "tracks. Name the attribute that holds them as track_field, or link the "
            "boxes into tracks with link_detections()",
        )
    if model is None:
        return
    for sequence in store.read_labeled_sequences(samples, field):
        if sequence.frames_dir is None:
            message = "the folder of its frames is not known; expected frames"
            raise InputError(sequence.name, message)
        # Others come into the cache when their sequence is embedded
        if not (sequence.videos or in_s3(sequence)):
            check_frames(sequence)


@dataclass(frozen=True)
class _Found:
    """The summary of an audit, and the overview and the state of all sequences."""

    summary: AuditSummary
    overview: Json
    states: States


def _audit(
    dataset: fo.Dataset,
    field: str,
    due: Collection[str],
    settings: AuditSettings,
    unchanged: Unchanged,
    step: store.Step,
    work: _Work,
) -> _Found:
    """Read, judge and store the sequences, but for the unchanged ones."""
    samples, every = dataset.select(due), dataset.select([*unchanged.samples, *due])
    cache_limit = None if settings.model is None else size_limit()
    overview, known = read_overview(dataset, field), dict(unchanged.known)
    confirmed = read_decided(every, field, CONFIRMED)
    confirmed = confirmed[confirmed["compared_with"].isna()]
    again = [confirmed[confirmed["sample_id"].isin(unchanged.samples)]]
    spans, keys = store.read_spans(dataset), StateKeys(dataset, field, settings)
    judged, changed = dict(unchanged.states), 0
    begin = partial(begin_audit, dataset, field, due)
    for written in work(samples, field, settings, begin, step):
        name = written.sequence
        again.append(written.issues[written.issues["decision"] == CONFIRMED])
        overview |= written.overview
        known.pop(name, None)
        key = keys.make(spans[name], written.versions)
        judged[name] = replace(written.state, key=key)
        changed += written.changed
        if written.whole:
            known[name] = judged[name]
    if cache_limit is not None:
        trim_vectors(default_cache_dir(), cache_limit)
    # FiftyOne's own count may be wrong after a crash of the database
    whole = len(due) + len(unchanged.samples) == len(store.sample_ids(dataset))
    mark = store.read_identity(dataset, field).begun(whole)
    for state in judged.values():
        mark = mark.joined(state.numbered, state.per_class)
    store.set_identity(dataset, field, mark)
    confirmed = confirmed[confirmed["kind"] != REPORTED]
    lost = count_lost(confirmed, pd.concat([each[LOCATED] for each in again]))
    ordered = [judged[name] for name in spans if name in judged]
    summary = summarize(ordered, changed, lost)
    if store.are_images(dataset):
        notes = (store.describe_order(dataset), *summary.notes)
        summary = replace(summary, notes=notes)
    return _Found(summary, overview, known)


def _audit_on(
    engine: Engine | None,
    lease: Lease,
    samples: fo.core.collections.SampleCollection,
    field: str,
    settings: AuditSettings,
    begin: Callable[[], None],
    step: store.Step,
) -> Iterator[StoredAudit]:
    """Audit sequences by an engine."""
    if engine is None or engine.name == "local":
        return audit_here(samples, field, settings, begin, step, engine)
    return audit_on_cluster(samples, field, settings, begin, step, engine, lease)


def _record(run_key: str, field: str, settings: AuditSettings) -> AuditRecord:
    """Return the record of an audit that finishes now."""
    key, now = new_overview_key(field), datetime.now(UTC)
    return AuditRecord(run_key, field, settings, key, now)


def _finish(
    dataset: fo.Dataset, record: AuditRecord, found: _Found, ids: Collection[str]
) -> AuditSummary:
    """Record a complete audit, and save the views of issues again."""
    states = states_to_dict(found.states)
    finish_audit(dataset, record, found.summary, ids, found.overview, states)
    if _renew_views(dataset, record.label_field):
        return found.summary
    summary = replace(found.summary, outdated_views=True)
    record_audit(dataset, record, summary)
    return summary


def _renew_views(dataset: fo.Dataset, field: str) -> bool:
    """Save the views of issues again if there are any; return whether that worked."""
    if dataset.has_saved_view(view_name(dataset, ISSUE_CLIPS, field)):
        try:
            save_issue_views(dataset, field)
        except LockedError:
            return False
    return True
