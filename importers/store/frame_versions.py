# SPDX-License-Identifier: Apache-2.0
"""Tell whether the frames of samples are as they were."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

import fiftyone as fo
import pandas as pd
from bson import ObjectId

from .bulk import Document
from .frame_documents import frame_documents
from .reading import StoredTracks

#: The number of frames of a sample, and the sum of when they were last modified, in
#: milliseconds. Whoever changes, adds or removes a frame changes one of them.
FrameVersion = tuple[int, int]

_EPOCH = datetime(1970, 1, 1)


def frame_versions(
    dataset: fo.Dataset, sample_ids: Collection[str]
) -> dict[str, FrameVersion]:
    """Read the versions of the frames of videos, without reading their labels.

    Args:
        dataset: a video dataset
        sample_ids: the IDs of the samples

    Returns:
        the version of the frames of each sample that has frames
    """
    modified = {"$toLong": {"$ifNull": ["$last_modified_at", _EPOCH]}}
    pipeline: list[Document] = [
        {"$match": {"_sample_id": {"$in": list(map(ObjectId, sample_ids))}}},
        {
            "$group": {
                "_id": "$_sample_id",
                "count": {"$sum": 1},
                "modified": {"$sum": modified},
            }
        },
    ]
    found = frame_documents(dataset).aggregate(pipeline)
    return {str(one["_id"]): (one["count"], one["modified"]) for one in found}


def written_versions(
    stored: StoredTracks, rows: pd.Index, stamp: datetime
) -> dict[str, FrameVersion]:
    """Compute the versions that frames have once some of their labels are written.

    What somebody else writes at the same time is not part of them, so that a later
    :func:`frame_versions` differs.

    Args:
        stored: the tracks as they were read
        rows: the rows of the tracks whose frames are written
        stamp: when the frames are modified

    Returns:
        the version of the frames of each sample
    """
    documents = stored.documents
    modified = pd.Series(
        [_milliseconds(each) for each in documents["last_modified_at"]],
        documents.index,
        dtype="int64",
    )
    modified[stored.rows.loc[rows, "document"].unique()] = _milliseconds(stamp)
    of_samples = modified.groupby(documents["sample_id"]).agg(["size", "sum"])
    return {
        str(sample): (int(count), int(total))
        for sample, count, total in of_samples.itertuples()
    }


def _milliseconds(time: datetime | None) -> int:
    """Return a time as MongoDB counts it, 0 if there is none."""
    if time is None or pd.isna(time):
        return 0
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)
