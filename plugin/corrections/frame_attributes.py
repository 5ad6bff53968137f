# SPDX-License-Identifier: Apache-2.0
"""Store corrected attributes of whole frames in fields beside the frames' own.

The attribute ``weather`` of labels whose corrections are in ``ground_truth_adjusted``
comes back as ``ground_truth_adjusted_weather``, null where it was not changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import fiftyone as fo
import numpy as np
from bson import ObjectId

from ...importers import store
from ...importers.groundtruth_writer import attribute_value
from ...importers.store.attributes import cast_values
from .corrected import Corrections
from .known import Known


@dataclass(frozen=True)
class FrameAttributes:
    """The corrected attributes of frames to store.

    Attributes:
        values: the value of each field, by the ID of the frame's document
        kinds: the type of each field
        changed: the number of frames whose attributes were changed
        conflicts: the number of attributes that were changed in the dataset since
            they were sent; they are left out
    """

    values: Mapping[ObjectId, Mapping[str, object]]
    kinds: Mapping[str, type[fo.Field]]
    changed: int
    conflicts: int


def plan_frame_attributes(known: Known, corrections: Corrections) -> FrameAttributes:
    """Plan what to store of the frame attributes that reviewers changed.

    Raises:
        ValueError: if another field has the name of a corrected attribute's
    """
    documents = known.documents[["sequence", "frame", "_id"]]
    rows = corrections.frame_attributes.merge(
        documents.astype({"sequence": object}), on=["sequence", "frame"]
    )
    rows["path"] = rows["attribute"].map(known.names.frames)
    rows["field"] = f"{known.adjusted_field}_" + rows["path"].astype(str)
    for field in rows["field"].unique():
        if field in known.schema and field not in known.corrections:
            raise ValueError(
                f"the frame field '{field}' is in the way of a corrected attribute; "
                "rename it, or choose another name for the field of corrected labels"
            )
    columns = rows[["_id", "path", "sent", "corrected"]].to_numpy(object).tolist()
    same = [
        _as_sent(known.frame_values[frame][path]) in (sent, value)
        for frame, path, sent, value in columns
    ]
    kept = rows[np.array(same, bool)]
    kinds: dict[str, type[fo.Field]] = {}
    casts = []
    for field, part in kept.groupby("field"):
        own = known.schema.get(part["path"].iloc[0])
        cast = cast_values(part["corrected"], own)
        kinds[str(field)] = type(own) if own else store.field_type(cast)
        casts.append((str(field), part["_id"], cast))
    empty = dict.fromkeys([*known.adjusted_attributes, *kinds])
    values: dict[ObjectId, dict[str, object]] = {
        frame: dict(empty) for frame in documents["_id"]
    }
    for field, frames, cast in casts:
        for frame, value in zip(frames, cast, strict=True):
            values[frame][field] = value
    return FrameAttributes(
        values, kinds, int(kept["_id"].nunique()), len(rows) - len(kept)
    )


def store_frame_attributes(
    dataset: fo.Dataset, attributes: FrameAttributes, stamp: datetime
) -> None:
    """Store the attributes that reviewers changed.

    Args:
        dataset: the dataset
        attributes: what to store
        stamp: the time of the change, see ``store.all_or_nothing()``
    """
    for field, kind in attributes.kinds.items():
        store.declare_corrections(dataset, field, kind)
    store.set_frame_values(dataset, attributes.values, stamp)


def _as_sent(value: object) -> object:
    return None if value is None else attribute_value(value)
