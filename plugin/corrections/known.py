# SPDX-License-Identifier: Apache-2.0
"""Read what a dataset holds when corrections are loaded into it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import fiftyone as fo
import pandas as pd
from bson import ObjectId

from ...importers import store
from ...importers.dataset import check_fields
from ...importers.store.attributes import FieldNames, attribute_fields, choose_fields
from ..review.issues import read_sequence_issues
from .changed_view import is_view_free
from .corrected import Corrections
from .reviews import Review, recorded_reviews

#: Frame fields and their attributes, by path.
Schema: TypeAlias = Mapping[str, fo.Field]


@dataclass(frozen=True)
class Known:
    """What a dataset holds of the frames that came back, and around them.

    Attributes:
        label_field: the frame field of the labels that were sent
        adjusted_field: the frame field for the corrected labels
        stored: the labels of the sequences as they are now, with their ``id``, and
            ``object_id`` and ``object_name`` if they have any
        reasons: the attribute with the reasons why the audit flagged a label, None if
            the labels were not audited
        documents: the frames that came back, rows of ``stored.documents``
        corrected: the tracks table of each field of corrected labels, by field
        issues: the issues of the label field, with their ``sequence``
        reviews: the reviews that are recorded, by name
        schema: the frame fields, by path
        corrections: the frame fields that hold corrections
        names: the fields of the attributes that came back
        adjusted_attributes: see :func:`adjusted_attributes`
        frame_values: the frames' own values of the attributes that came back, by the
            ID of the frame's document
        view_is_free: whether the view of the changes can be saved
    """

    label_field: str
    adjusted_field: str
    stored: store.StoredTracks
    reasons: str | None
    documents: pd.DataFrame
    corrected: Mapping[str, pd.DataFrame]
    issues: pd.DataFrame
    reviews: Mapping[str, Review]
    schema: Schema
    corrections: frozenset[str]
    names: FieldNames
    adjusted_attributes: Mapping[str, str]
    frame_values: Mapping[ObjectId, Mapping[str, Any]]
    view_is_free: bool


def read_known(
    dataset: fo.Dataset,
    name: str,
    label_field: str,
    adjusted_field: str | None,
    corrections: Corrections,
) -> Known:
    """Read what a dataset holds of the frames that came back, and around them.

    Args:
        dataset: the dataset
        name: the adjustment's name
        label_field: the frame field of the labels that were sent
        adjusted_field: the frame field for the corrected labels, or None
        corrections: what came back

    Raises:
        ValueError: if the dataset lacks the sequences, or the field for the corrected
            labels holds other labels
    """
    field = store.find_label_field(dataset, label_field)
    adjusted = (adjusted_field or f"{field}_adjusted").removeprefix("frames.")
    schema = store.frame_schema(dataset, flat=True)
    paths = store.frame_schema(dataset)
    corrected = frozenset(p for p in paths if store.holds_corrections(dataset, p))
    _check_adjusted(dataset, adjusted, replaceable=corrected - {field})
    reviews = recorded_reviews(dataset)
    earlier = reviews[name].frames if name in reviews else ()
    samples = store.select_sequences(dataset, corrections.frames["sequence"], earlier)
    reasons = store.own_attributes(dataset, field).get("outlier_reasons")
    optional = ["object_id", "object_name", *([reasons] if reasons else [])]
    stored = _read_labels(samples, field, optional, schema)
    documents = find_documents(stored, corrections.frames)
    attributes = corrections.frame_attributes["attribute"].unique()
    names = choose_fields(dataset, corrections.attributes, attributes, [adjusted])
    return Known(
        label_field=field,
        adjusted_field=adjusted,
        stored=stored,
        reasons=reasons,
        documents=documents,
        corrected={
            each: _read_labels(samples, each, ["object_id"], schema).tracks.table
            for each in sorted(corrected)
            if f"{each}.detections.object_id" in schema
        },
        issues=read_sequence_issues(dataset, field, stored),
        reviews=reviews,
        schema=schema,
        corrections=corrected,
        names=names,
        adjusted_attributes=adjusted_attributes(dataset, adjusted),
        frame_values=store.read_frame_values(
            dataset, list(names.frames.values()), list(documents["_id"])
        ),
        view_is_free=is_view_free(dataset),
    )


def _check_adjusted(
    dataset: fo.Dataset, adjusted: str, replaceable: frozenset[str]
) -> None:
    """Check that a field is new, or holds corrections that can be replaced."""
    check_fields(dataset, [adjusted])
    if adjusted in store.frame_schema(dataset) and adjusted not in replaceable:
        raise ValueError(
            f"the frame field '{adjusted}' holds labels that are not corrections; "
            "choose another name for the field of the corrected labels"
        )


def _read_labels(
    samples: fo.DatasetView, field: str, optional: Collection[str], schema: Schema
) -> store.StoredTracks:
    """Read labels with their IDs, and those of the attributes that they have."""
    also = [name for name in optional if f"{field}.detections.{name}" in schema]
    return store.read_tracks(samples, field, ["id", *also])


def find_documents(stored: store.StoredTracks, frames: pd.DataFrame) -> pd.DataFrame:
    """Return the documents of frames.

    Args:
        stored: the labels of the sequences
        frames: ``sequence`` and ``frame`` of the frames

    Returns:
        rows of ``stored.documents``
    """
    documents = stored.documents
    keys = pd.MultiIndex.from_frame(documents[["sequence", "frame"]])
    return documents[keys.isin(pd.MultiIndex.from_frame(frames[["sequence", "frame"]]))]


def adjusted_attributes(dataset: fo.Dataset, adjusted: str) -> dict[str, str]:
    """Return the fields of corrected frame attributes.

    Returns:
        the frames' own field, by the field of its corrections
    """
    own = {f"{adjusted}_{path}": path for path in attribute_fields(dataset)[1]}
    return {
        field: path
        for field, path in own.items()
        if store.holds_corrections(dataset, field)
    }
