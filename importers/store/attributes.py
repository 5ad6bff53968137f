# SPDX-License-Identifier: Apache-2.0
"""Attributes that annotators gave: their names, and the fields that hold them.

Attributes in Ground Truth can have any name. FiftyOne has its own fields and rules
for names, so some attributes are stored in a field of another name, which is recorded
in the dataset's ``info``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import fiftyone as fo
import pandas as pd

from ..audit_fields import STORED_FIELDS
from ..tracks import COLUMNS, FORMAT_COLUMNS, Tracks
from .fields import INFO
from .frame_documents import frame_schema
from .identity_marks import read_identity
from .own_fields import own_attributes

#: The fields whose values annotation tools have, too.
_VALUES = (fo.StringField, fo.BooleanField, fo.IntField, fo.FloatField)
_LABELS = "label_attributes"
_FRAMES = "frame_attributes"

#: The names that no attribute of a detection can have.
RESERVED = frozenset(
    {
        *(name for name in dir(fo.Detection) if not name.startswith("_")),
        *STORED_FIELDS,
    }
)

#: The names that neither labels nor an attribute of a frame can have.
RESERVED_FRAME_FIELDS = frozenset(
    {
        *(name for name in dir(fo.Frame) if not name.startswith("_")),
        "id",
        "sample_id",
        "frame_id",
        "frame_number",
        "frame_name",
        "filepath",
        "support",
        "tags",
        "metadata",
        "created_at",
        "last_modified_at",
    }
)


@dataclass(frozen=True)
class FieldNames:
    """The fields that hold attributes, by the attributes' own names.

    Attributes:
        labels: the fields of the detections' attributes
        frames: the fields of the frames' attributes
    """

    labels: dict[str, str]
    frames: dict[str, str]


def name_fields(
    dataset: fo.Dataset, tracks: Tracks, label_fields: Collection[str]
) -> Tracks:
    """Rename attributes to the fields that store them, and record the names.

    Returns:
        the tracks, whose columns of attributes are named after their fields
    """
    labels = map(str, tracks.table)
    frames = (
        str(name)
        for sequence in tracks.sequences.values()
        if sequence.frame_attributes is not None
        for name in sequence.frame_attributes
    )
    names = choose_fields(dataset, labels, frames, label_fields)
    note_fields(dataset, names, label_fields)
    return rename_attributes(tracks, names.labels, names.frames)


def choose_fields(
    dataset: fo.Dataset,
    labels: Iterable[str],
    frames: Iterable[str],
    label_fields: Collection[str],
) -> FieldNames:
    """Choose the fields of attributes; a known attribute keeps its field.

    Args:
        dataset: the dataset
        labels: the detections' attributes; other columns of a tracks table are skipped
        frames: the frames' attributes
        label_fields: the frame fields of the detections
    """
    known_labels, known_frames = attribute_fields(dataset, label_fields)
    own = {*COLUMNS, *FORMAT_COLUMNS}
    named = (name for name in labels if name not in own)
    taken = {*RESERVED_FRAME_FIELDS, *label_fields}
    return FieldNames(
        _field_names(named, RESERVED, known_labels),
        _field_names(frames, taken, known_frames),
    )


def note_fields(
    dataset: fo.Dataset, names: FieldNames, label_fields: Collection[str]
) -> None:
    """Record with a dataset which fields hold attributes."""
    labels, frames = attribute_fields(dataset, label_fields)
    dataset.info[INFO] = {
        **dataset.info.get(INFO, {}),
        _LABELS: labels | {path: name for name, path in names.labels.items()},
        _FRAMES: frames | {path: name for name, path in names.frames.items()},
    }
    dataset.save()


def rename_attributes(
    tracks: Tracks, labels: Mapping[str, str], frames: Mapping[str, str]
) -> Tracks:
    """Rename the attributes of boxes and of frames.

    Args:
        tracks: the tracks
        labels: the new names of the detections' attributes, by the old ones
        frames: the new names of the frames' attributes, by the old ones
    """
    sequences = {
        name: replace(
            sequence,
            frame_attributes=None
            if sequence.frame_attributes is None
            else sequence.frame_attributes.rename(columns=dict(frames)),
        )
        for name, sequence in tracks.sequences.items()
    }
    table = tracks.table.rename(columns=dict(labels))
    return replace(tracks, table=table, sequences=sequences)


def attribute_fields(
    dataset: fo.Dataset, label_fields: Iterable[str] = ()
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the fields that hold annotators' attributes.

    Earlier versions let an audit overwrite some attributes: what it wrote into them
    is not the annotators'.

    Args:
        dataset: a dataset
        label_fields (()): frame fields of detections; attributes of theirs that hold
            fields of the audit are left out

    Returns:
        a tuple of the detections' attributes and the frames', each the
        attribute's own name by the name of its field
    """
    info = dataset.info.get(INFO, {})
    audited = {
        name
        for field in label_fields
        for name in own_attributes(dataset, field).values()
    }
    labels = {
        path: name
        for path, name in info.get(_LABELS, {}).items()
        if path not in audited
    }
    return labels, dict(info.get(_FRAMES, {}))


def unrecorded_attributes(dataset: fo.Dataset, label_field: str) -> dict[str, str]:
    """Return the attributes of detections in a dataset that was made by other means.

    Args:
        dataset: a dataset
        label_field: the frame field of the detections

    Returns:
        the names of attributes that are texts, numbers or truths, by the names of their
        fields, which are the same; none if the dataset's attributes are recorded
    """
    if _LABELS in dataset.info.get(INFO, {}):
        return {}
    other = {
        *RESERVED,
        *COLUMNS,
        *FORMAT_COLUMNS,
        *own_attributes(dataset, label_field).values(),
        read_identity(dataset, label_field).attribute,
    }
    prefix = f"{label_field}.detections."
    declared = {
        path.removeprefix(prefix): field
        for path, field in frame_schema(dataset, flat=True).items()
        if path.startswith(prefix)
    }
    return {
        name: name
        for name, field in declared.items()
        if isinstance(field, _VALUES) and name not in other
    }


def fields_of(
    dataset: fo.Dataset, label_field: str, names: Collection[str]
) -> dict[str, str]:
    """Return the fields that hold some of the attributes of detections.

    Args:
        dataset: a dataset
        label_field: the frame field of the detections
        names: the attributes' own names

    Returns:
        the attributes' own names by the names of their fields
    """
    labels, _ = attribute_fields(dataset, [label_field])
    return {path: name for path, name in labels.items() if name in names}


def cast_values(values: pd.Series[Any], field: fo.Field | None) -> pd.Series[Any]:
    """Cast attributes that came back as text to the type of their field.

    Ground Truth only has numbers and text.

    Args:
        values: the values
        field: the field of the values, None if it is new

    Returns:
        the values, as booleans if the field is boolean and all values are
    """
    truths = {"True": True, "False": False}
    known = values.isna() | values.isin([*truths, True, False])
    if not isinstance(field, fo.BooleanField) or not known.all():
        return values
    return values.map(lambda value: truths.get(value, value), na_action="ignore")


def _field_names(
    names: Iterable[str], taken: Collection[str], known: Mapping[str, str]
) -> dict[str, str]:
    """Choose a valid and free field name for each attribute.

    An attribute that the dataset already has keeps its field.
    """
    asked = list(dict.fromkeys(names))
    fields = {name: path for path, name in known.items() if name in asked}
    for name in asked:
        if name in fields:
            continue
        path = re.sub(r"[$\0]", "", name.replace(".", "_")).lstrip("_") or "attribute"
        while path in taken or path in known or path in fields.values():
            path += "_attribute"
        fields[name] = path
    return fields
