# SPDX-License-Identifier: Apache-2.0
"""What reviewers said otherwise about whole frames, in fields beside the frames' own.

The attribute ``weather`` of labels that were corrected into ``ground_truth_adjusted``
comes back as ``ground_truth_adjusted_weather``, null where it stayed as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import fiftyone as fo
import numpy as np
import pandas as pd
from bson import ObjectId

from ...importers import store
from ...importers.store.attributes import attribute_fields, cast_values, name_fields
from ...importers.tracks import Sequence, Tracks
from ..groundtruth.contents import attribute_value
from .corrected import Corrections


@dataclass(frozen=True)
class FrameAttributes:
    """Attributes of frames to store.

    Attributes:
        values: the value of each field, by the ID of the frame that came back
        kinds: the type of each field
        changed: the number of frames about which reviewers said something else
        conflicts: the number of frames' attributes that were changed here since they
            were sent, and are left out
    """

    values: dict[ObjectId, dict[str, Any]]
    kinds: dict[str, type[fo.Field]]
    changed: int
    conflicts: int


def adjusted_attributes(dataset: fo.Dataset, adjusted: str) -> dict[str, str]:
    """Returns the fields of corrected attributes.

    Args:
        dataset: the dataset
        adjusted: the frame field of the corrected tracks

    Returns:
        the frames' own field, by the field of its corrections
    """
    own = {f"{adjusted}_{path}": path for path in attribute_fields(dataset)[1]}
    return {
        field: path
        for field, path in own.items()
        if store.holds_corrections(dataset, field)
    }


def plan_frame_attributes(
    dataset: fo.Dataset,
    adjusted: str,
    documents: pd.DataFrame,
    corrections: Corrections,
) -> FrameAttributes:
    """Says what to store of the attributes that reviewers changed.

    Args:
        dataset: the dataset
        adjusted: the frame field of the corrected tracks
        documents: the frames that came back, rows of ``StoredTracks.documents``
        corrections: what came back

    Returns:
        the :class:`FrameAttributes`

    Raises:
        ValueError: if a field of the dataset is in the way
    """
    rows = corrections.frame_attributes.merge(
        documents[["sequence", "frame", "_id"]].astype({"sequence": object}),
        on=["sequence", "frame"],
    )
    rows["path"] = rows["attribute"].map(_name(dataset, adjusted, rows))
    rows["field"] = f"{adjusted}_" + rows["path"].astype(str)
    for field in rows["field"].unique():
        if dataset.has_frame_field(field) and not store.holds_corrections(
            dataset, field
        ):
            raise ValueError(
                f"the frame field '{field}' is in the way of a corrected attribute; "
                "rename it, or choose another name for the field of corrected labels"
            )
    paths = list(rows["path"].unique())
    now = store.read_frame_values(dataset, paths, list(documents["_id"]))
    columns = rows[["_id", "path", "sent", "corrected"]].to_numpy(object).tolist()
    same = [
        _as_sent(now[frame][path]) in (sent, value)
        for frame, path, sent, value in columns
    ]
    kept = rows[np.array(same, bool)]
    empty = dict.fromkeys(adjusted_attributes(dataset, adjusted))
    values = {frame: dict(empty) for frame in documents["_id"]}
    schema = dataset.get_frame_field_schema() or {}
    kinds = {}
    for field, part in kept.groupby("field"):
        own = schema.get(part["path"].iloc[0])
        cast = cast_values(part["corrected"], own)
        kinds[str(field)] = type(own) if own else store.field_type(cast)
        for each in values.values():
            each.setdefault(str(field), None)
        for frame, value in zip(part["_id"], cast, strict=True):
            values[frame][str(field)] = value
    return FrameAttributes(
        values, kinds, int(kept["_id"].nunique()), len(rows) - len(kept)
    )


def store_frame_attributes(
    dataset: fo.Dataset, attributes: FrameAttributes, stamp: datetime
) -> None:
    """Stores the attributes that reviewers changed.

    Args:
        dataset: the dataset
        attributes: what to store
        stamp: when the frames are modified, see ``store.all_or_nothing()``
    """
    for field, kind in attributes.kinds.items():
        store.declare_corrections(dataset, field, kind)
    store.set_frame_values(dataset, attributes.values, stamp)


def _name(dataset: fo.Dataset, adjusted: str, rows: pd.DataFrame) -> dict[str, str]:
    """The fields of attributes, by their names; new ones are named, and noted."""
    if rows.empty:
        return {}
    said = pd.DataFrame(columns=rows["attribute"].unique())
    sequence = Sequence("", None, None, 1.0, (), frame_attributes=said)
    name_fields(dataset, Tracks(pd.DataFrame(), {"": sequence}), [adjusted])
    return {name: path for path, name in attribute_fields(dataset)[1].items()}


def _as_sent(value: object) -> object:
    return None if value is None else attribute_value(value)
