# SPDX-License-Identifier: Apache-2.0
"""Store what an audit found in a sequence on its detections and samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import fiftyone as fo
import pandas as pd

from ...importers import store
from ...importers.audit_fields import STORED_FIELDS
from ...importers.store.bulk import database_time
from ...importers.store.frame_versions import FrameVersion, written_versions
from ...importers.store.track_numbers import Identities
from ..audit import Audit
from ..audit.overview import make_overview
from ..plain import Json
from .audit_states import SequenceState
from .decisions import Record
from .issues import replace_issues


@dataclass(frozen=True)
class StoredAudit:
    """What was stored of a sequence.

    Attributes:
        sequence: the name of the sequence
        state: what is known of the sequence, but for the key
        issues: the issues, with their decisions
        overview: the overview of the sequence
        changed: number of frames that were left alone because they had changed
        whole: whether all of the sequence was stored
        versions: the versions of the frames of its samples
    """

    sequence: str
    state: SequenceState
    issues: pd.DataFrame
    overview: Json
    changed: int
    whole: bool
    versions: dict[str, FrameVersion]


def store_audit(
    dataset: fo.Dataset,
    field: str,
    stored: store.StoredTracks,
    result: Audit,
    decisions: Mapping[str, Sequence[Record]],
    step: store.Step,
) -> StoredAudit:
    """Store what was found in a sequence, on the samples that were asked for.

    Args:
        dataset: the dataset
        field: the frame field of the tracks
        stored: the tracks as they were read
        result: the audit of the tracks
        decisions: the records of the samples to store on, by ID
        step: called with the number of frames done since the last call
    """
    spans = [span for span in stored.spans if span.sample_id in decisions]
    chosen = stored.documents["sample_id"].isin([span.sample_id for span in spans])
    columns = columns_to_store(result, stored, chosen)
    step(int((stored.documents.loc[chosen, "count"] == 0).sum()))
    stamp = database_time()
    changed = store.write_own(dataset, field, stored, columns, step, stamp)
    issues = replace_issues(dataset, field, spans, result.issues, decisions)
    whole = len(spans) == len(stored.spans) and not changed
    versions = written_versions(stored, columns.index, stamp)
    (name,) = stored.tracks.sequences
    overview = make_overview(stored.tracks, result)
    state = _describe(columns, issues, stored.identities)
    return StoredAudit(name, state, issues, overview, changed, whole, versions)


def _describe(
    columns: pd.DataFrame, issues: pd.DataFrame, identities: Identities
) -> SequenceState:
    """Return what is known of a sequence from now on, but for the key."""
    outliers = columns["outlier_reasons"].str.len() > 0
    return SequenceState(
        "",
        len(columns),
        int(outliers.sum()),
        dict(Counter(issues["kind"])),
        identities.numbered,
        identities.per_class,
        identities.notes,
    )


def columns_to_store(
    result: Audit, stored: store.StoredTracks, chosen: pd.Series[bool]
) -> pd.DataFrame:
    """Return what is stored on the detections of some frames.

    Args:
        result: the audit of the tracks
        stored: the tracks as they were read
        chosen: whether to store on the detections of each frame's document

    Returns:
        one row per detection, one column per field
    """
    rows = stored.rows["document"].isin(chosen.index[chosen]).to_numpy()
    names = [name for name in result.detections if name in STORED_FIELDS]
    columns = result.detections.loc[rows, names]
    reasons = [
        kinds.split(";") if kinds else [] for kinds in columns["outlier_reasons"]
    ]
    listed = pd.Series(reasons, columns.index, dtype=object)
    return columns.assign(outlier_reasons=listed)
