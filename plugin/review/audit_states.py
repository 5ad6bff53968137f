# SPDX-License-Identifier: Apache-2.0
"""What is known of each sequence since its last audit, so that it is not judged again.

An audit with the same settings gives the same result as long as no frame of the
sequence was changed.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TypeAlias

import fiftyone as fo

from ...importers import store
from ...importers.store import runs
from ...importers.store.frame_versions import FrameVersion, frame_versions
from ...importers.store.sequences import SampleSpan, read_spans
from ...importers.version import __version__
from ..plain import Json
from .audit_records import (
    AuditSummary,
    list_audits,
    unfinished_samples,
)
from .decisions import FIXED
from .issues import read_table
from .judging import AuditSettings

States: TypeAlias = dict[str, "SequenceState"]


@dataclass(frozen=True)
class SequenceState:
    """What an audit found in a sequence.

    Attributes:
        key: changes with everything that the audit depends on, see
            :class:`StateKeys`
        detections: number of detections that were judged
        outliers: number of detections that are outliers
        issues: number of issues, by kind
        numbered: whether a track may have another number than its index
        per_class: whether an index may count within its class
        notes: sentences about what was taken for the identity of objects
    """

    key: str
    detections: int
    outliers: int
    issues: dict[str, int]
    numbered: bool
    per_class: bool
    notes: tuple[str, ...]


class StateKeys:
    """Makes the keys of states from everything that an audit depends on."""

    def __init__(
        self, dataset: fo.Dataset, field: str, settings: AuditSettings
    ) -> None:
        """Read what is the same for all sequences.

        Args:
            dataset: a video dataset
            field: the frame field of the tracks
            settings: the settings of the audit
        """
        there = settings.predictions in store.label_fields(dataset)
        self._common = [
            __version__,
            store.id_of(dataset),
            field,
            asdict(settings),
            store.read_identity(dataset, field).attribute,
            there,
        ]

    def make(
        self, spans: Sequence[SampleSpan], versions: Mapping[str, FrameVersion]
    ) -> str:
        """Return the key of a sequence.

        Args:
            spans: the samples of the sequence
            versions: the versions of their frames
        """
        samples = [[*span, versions.get(span.sample_id)] for span in spans]
        content = json.dumps([self._common, samples], default=str, sort_keys=True)
        return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()


@dataclass
class Unchanged:
    """The sequences that need not be judged again.

    Attributes:
        known: the states of all sequences that were judged, by name
        states: the state of each that did not change since
        samples: the IDs of their samples
    """

    known: States
    states: States = field(default_factory=dict)
    samples: set[str] = field(default_factory=set)


def find_unchanged(
    dataset: fo.Dataset, label_field: str, ids: Collection[str], settings: AuditSettings
) -> Unchanged:
    """Find the sequences of which an audit would find what the last one found.

    Args:
        dataset: the dataset
        label_field: the frame field of the tracks
        ids: the IDs of the samples to audit
        settings: the settings of the audit

    Returns:
        the sequences; none of an image dataset, and none if crops are embedded, since
        files may have changed
    """
    known = read_states(dataset, label_field)
    fields = store.own_attributes(dataset, label_field)
    if not known or settings.model or store.are_images(dataset) or not fields:
        return Unchanged(known)
    keys = StateKeys(dataset, label_field, settings)
    versions = frame_versions(dataset, ids)
    table = read_table(dataset)
    of_audit = (table["label_field"] == label_field) & table["compared_with"].isna()
    listed = of_audit & (table["decision"] != FIXED)
    issues = Counter(table.loc[listed, "sample_id"])
    unfinished, wanted = unfinished_samples(dataset, label_field), {*ids}
    found = Unchanged(known)
    for name, spans in read_spans(dataset).items():
        samples, state = {span.sample_id for span in spans}, known.get(name)
        if state is None or not samples <= wanted or samples & unfinished:
            continue
        complete = sum(issues[each] for each in samples) == sum(state.issues.values())
        if complete and state.key == keys.make(spans, versions):
            found.states[name] = state
            found.samples |= samples
    return found


def read_states(dataset: fo.Dataset, field: str) -> States:
    """Read the states that the last complete audit of a label field stored.

    Args:
        dataset: the dataset
        field: the frame field of the tracks

    Returns:
        the states by the name of the sequence; empty if there are none
    """
    audits = list_audits(dataset, field)
    stored = audits and runs.read_results(dataset, audits[-1].overview, "states")
    return {
        name: SequenceState(**{**values, "notes": tuple(values["notes"])})
        for name, values in (stored or {}).items()
    }


def summarize(
    states: Collection[SequenceState], changed: int, lost: int
) -> AuditSummary:
    """Return the summary of an audit.

    Args:
        states: the states of all sequences that the audit is about
        changed: the number of frames that were left alone
        lost: the number of confirmed issues that were not found again
    """
    issues = sum((Counter(state.issues) for state in states), Counter[str]())
    return AuditSummary(
        len(states),
        sum(state.detections for state in states),
        sum(state.outliers for state in states),
        dict(issues.most_common()),
        changed,
        lost,
        notes=tuple(dict.fromkeys(note for state in states for note in state.notes)),
    )


def states_to_dict(states: States) -> Json:
    """Return states as JSON types."""
    return {name: asdict(state) for name, state in states.items()}
