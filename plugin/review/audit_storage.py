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
from .audit_states import SequenceState
from .decisions import Record
from .issues import replace_issues


@dataclass(frozen=True)
class StoredAudit:
    """What was stored of a sequence.

    Attributes:
        issues: the issues, with their decisions
        columns: the values of the detections
        identities: the identities of the detections
        changed: number of frames that were left alone because they had changed
        whole: whether all of the sequence was stored
        versions: the versions of the frames of its samples
    """

    issues: pd.DataFrame
    columns: pd.DataFrame
    identities: Identities
    changed: int
    whole: bool
    versions: dict[str, FrameVersion]

    def state(self, key: str) -> SequenceState:
        """Return what is known of the sequence from now on."""
        return SequenceState(
            key,
            len(self.columns),
            int((self.columns["outlier_reasons"].str.len() > 0).sum()),
            dict(Counter(self.issues["kind"])),
            self.identities.numbered,
            self.identities.per_class,
            self.identities.notes,
        )


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
    return StoredAudit(issues, columns, stored.identities, changed, whole, versions)


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
