# SPDX-License-Identifier: Apache-2.0
"""What the App's own annotator may edit about the boxes of a label field."""

from __future__ import annotations

import fiftyone as fo

from .bulk import Document
from .fields import known_classes, listed_classes, suggest_classes
from .frame_documents import frame_path
from .own_fields import own_attributes

#: Attributes of FiftyOne that say nothing about a box of a track.
_LEFT_OUT = frozenset({"confidence", "mask_path", "tags"})
#: The attribute that tells tracks apart, which the annotator sets by itself.
_IDENTITY = "index"
#: The greatest number of classes that are shown side by side.
_MOST_RADIO = 5


def set_up_annotator(dataset: fo.Dataset, field: str) -> bool:
    """Let the App's annotator edit the boxes of a label field.

    The label schema that the annotator needs is added and activated. The numbers of
    tracks and the fields of the audit are read-only in it. Of a schema that somebody
    else made, only the fields of the audit are made read-only. FiftyOne 1.22 raises an
    error when a frame field with a label schema is deleted, so only a dataset that is
    edited in the App gets one.

    Args:
        dataset: the dataset
        field: the frame field of the detections

    Returns:
        whether the schema is new, so that a sample that is open does not know it yet
    """
    path = frame_path(dataset, field)
    before = dataset.label_schemas.get(path)
    own = set(own_attributes(dataset, field).values())
    schema = _make_schema(dataset, path) if before is None else dict(before)
    schema["attributes"] = [
        {**each, "read_only": True} if each["name"] in own | {_IDENTITY} else each
        for each in _add_missing(dataset, path, schema, own)
    ]
    if before is None:
        schema |= _list_classes(dataset, field)
    if schema != before:
        dataset.update_label_schema(path, schema)
    if path in dataset.active_label_schemas:
        return before is None
    dataset.activate_label_schemas(path)
    return True


def _make_schema(dataset: fo.Dataset, path: str) -> Document:
    """Return a schema with all attributes that a reviewer may care about."""
    schema = dict(dataset.generate_label_schemas(path, scan_samples=False))
    kept = [each for each in schema["attributes"] if each["name"] not in _LEFT_OUT]
    return {**schema, "attributes": kept}


def _add_missing(
    dataset: fo.Dataset, path: str, schema: Document, own: set[str]
) -> list[Document]:
    """Return the attributes of a schema, and those of the audit that it lacks."""
    listed: list[Document] = list(schema.get("attributes") or [])
    missing = own - {each["name"] for each in listed}
    if not missing:
        return listed
    made = _make_schema(dataset, path)["attributes"]
    return listed + [each for each in made if each["name"] in missing]


def _list_classes(dataset: fo.Dataset, field: str) -> Document:
    """Return the part of a schema that lists the classes that boxes can have."""
    classes = list(known_classes(dataset, field))
    if not classes:
        return {}
    if not listed_classes(dataset, field):
        suggest_classes(dataset, field, classes)
    component = "radio" if len(classes) <= _MOST_RADIO else "dropdown"
    return {"classes": classes, "component": component}
