# SPDX-License-Identifier: Apache-2.0
"""Read, judge and store the sequences of a dataset, here or on a Ray cluster."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, repeat

import fiftyone as fo
import numpy as np
import pandas as pd

from ...importers import store
from ...importers.audit_fields import STORED_FIELDS
from ...importers.disk_cache import size_limit
from ...importers.engine import (
    HERE,
    WORTH_PROCESSES,
    Engine,
    engine_for,
    run_by_sequence,
)
from ...importers.store.locks import Lease, on_behalf
from ...importers.store.set_aside import read_set_aside
from ...importers.tracks import Tracks, make_table
from ..audit import audit_tracks
from ..embedding.cache import default_cache_dir, trim_vectors
from .audit_storage import StoredAudit, store_audit
from .issues import read_decisions
from .judging import AuditSettings, Judge


def audit_here(
    samples: fo.core.collections.SampleCollection,
    field: str,
    settings: AuditSettings,
    begin: Callable[[], None],
    step: store.Step,
    engine: Engine | None,
) -> Iterator[StoredAudit]:
    """Audit sequences whose tracks this process reads and stores.

    Args:
        samples: the samples to store on, of which a lock is held
        field: the frame field of the tracks
        settings: the settings of the audit
        begin: called once the first sequence was judged, before anything is stored:
            what fails up to here, such as loading the model, changes nothing
        step: called with the number of frames done since the last call
        engine: what judges the tracks, by default all cores if there are many boxes

    Yields:
        what was stored of each sequence, in order
    """
    dataset = store.dataset_of(samples)
    decisions = read_decisions(dataset, store.sample_ids(samples))
    read: deque[store.StoredTracks] = deque()
    witnesses = _read_predictions(samples, settings.predictions)
    labeled = store.read_sequences(samples, field, settings.rules.columns())

    def sequences() -> Iterator[tuple[Tracks, Tracks | None]]:
        for stored, witness in zip(labeled, witnesses, strict=False):
            read.append(stored)
            yield _with_set_aside(dataset, field, stored), witness

    items = sequences()
    # A model uses all cores by itself
    first = _take_many(items) if engine is None and settings.model is None else []
    chosen = engine_for(engine, sum(len(tracks.table) for tracks, _ in first))
    done = run_by_sequence(Judge(settings), chain(first, items), chosen)
    for number, result in enumerate(done):
        if not number:
            begin()
        yield store_audit(dataset, field, read.popleft(), result, decisions, step)


def _take_many(
    sequences: Iterator[tuple[Tracks, Tracks | None]],
) -> list[tuple[Tracks, Tracks | None]]:
    """Take sequences until there are enough boxes that processes are worth it."""
    taken, boxes = [], 0
    for tracks, witness in sequences:
        taken.append((tracks, witness))
        boxes += len(tracks.table)
        if boxes >= WORTH_PROCESSES:
            break
    return taken


def audit_on_cluster(
    samples: fo.core.collections.SampleCollection,
    field: str,
    settings: AuditSettings,
    begin: Callable[[], None],
    step: store.Step,
    engine: Engine,
    lease: Lease,
) -> Iterator[StoredAudit]:
    """Audit sequences in the processes of a cluster, which read and store the tracks.

    Args:
        samples: the samples to store on
        field: the frame field of the tracks
        settings: the settings of the audit
        begin: called before anything is stored
        step: called with the number of frames done since the last call
        engine: the cluster
        lease: the lock on the dataset, which this process holds

    Yields:
        what was stored of each sequence, in order

    Raises:
        InputError: if there is no such cluster
    """
    dataset, ids = store.dataset_of(samples), {*store.sample_ids(samples)}
    # FiftyOne writes all fields of a dataset at once, so only one process may
    store.declare_own(dataset, field, _audited_fields(settings))
    spans = [
        [span for span in each if span.sample_id in ids]
        for each in store.read_spans(dataset).values()
    ]
    units = [[span.sample_id for span in each] for each in spans if each]
    if not units:
        return
    work = _Unit(dataset.name, field, settings, lease)

    def sequences() -> Iterator[list[str]]:
        # Asked for once the cluster is reached: what fails before changes nothing
        begin()
        yield from units

    done = run_by_sequence(work, sequences(), engine, gpu=settings.model is not None)
    for unit, stored in zip(filter(None, spans), done, strict=True):
        step(sum(span.length for span in unit))
        yield stored


@dataclass(frozen=True)
class _Unit:
    """Audits one sequence in a process of a cluster.

    Attributes:
        dataset: the name of the dataset
        field: the frame field of the tracks
        settings: the settings of the audit
        lease: the lock on the dataset
    """

    dataset: str
    field: str
    settings: AuditSettings
    lease: Lease

    def __call__(self, samples: list[str]) -> StoredAudit:
        """Audit the samples of a sequence."""
        dataset = fo.load_dataset(self.dataset)
        with on_behalf(self.lease, samples[0]):
            dataset.reload()
            chosen = dataset.select(samples)
            (stored,) = audit_here(
                chosen, self.field, self.settings, lambda: None, lambda _: None, HERE
            )
        if self.settings.model is not None:
            trim_vectors(default_cache_dir(), size_limit())
        return stored


def _audited_fields(settings: AuditSettings) -> list[str]:
    """Return the fields that an audit stores, in their order."""
    box = dict.fromkeys(("left", "top", "width", "height"), 8.0)
    row = {"sequence": "", "frame": 1, "frame_name": "", "track": 1, "label": ""}
    one = {name: [value] for name, value in (row | box).items()}
    tracks = Tracks(make_table(one), {})
    vectors = None if settings.model is None else np.ones((1, 2), np.float32)
    found = audit_tracks(
        tracks, settings.thresholds, settings.kinds, vectors=vectors
    ).detections
    return [name for name in found if name in STORED_FIELDS]


def _with_set_aside(
    dataset: fo.Dataset, field: str, stored: store.StoredTracks
) -> Tracks:
    """Return tracks of a sequence with the labels that were set aside on import."""
    (name,) = stored.tracks.sequences
    found = read_set_aside(dataset, field, name, stored.spans)
    both = [part for part in (stored.tracks.invalid, found) if len(part)]
    invalid = pd.concat(both, ignore_index=True) if both else found
    return replace(stored.tracks, invalid=invalid)


def _read_predictions(
    samples: fo.core.collections.SampleCollection, field: str | None
) -> Iterator[Tracks | None]:
    """Yield a detector's predictions in each sequence, or None without any."""
    dataset = store.dataset_of(samples)
    if field is None or field not in store.label_fields(dataset):
        # That of an earlier audit may be gone
        yield from repeat(None)
        return
    for stored in store.read_sequences(samples, field, ["confidence"]):
        table = stored.tracks.table
        known = table["confidence"].notna()
        yield replace(stored.tracks, table=table[known].reset_index(drop=True))
