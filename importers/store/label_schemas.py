# SPDX-License-Identifier: Apache-2.0
"""What the App's own annotator may edit about the boxes of a label field."""

from __future__ import annotations

from collections.abc import Iterable

import fiftyone as fo

from .bulk import Document
from .fields import known_classes, suggest_classes, suggested_classes
from .frame_documents import frame_path
from .own_fields import own_attributes

#: Attributes of FiftyOne that say nothing about a box of a track.
_LEFT_OUT = frozenset({"confidence", "mask_path", "tags"})
#: The attribute that tells tracks apart, which the annotator sets by itself.
_IDENTITY = "index"
#: The greatest number of classes that are shown side by side.
_MOST_RADIO = 5


def set_up_annotator(
    dataset: fo.Dataset, field: str, classes: Iterable[str] | None = None
) -> bool:
    """Let the App's annotator edit the boxes of a label field.

    The label schema that the annotator needs is added and activated. The numbers of
    tracks and the fields of the audit are read-only in it. Of a schema that somebody
    else made, only the fields of the audit are made read-only.

    Args:
        dataset: the dataset
        field: the frame field of the detections
        classes (None): the classes of the boxes; by default those that a dataset
            without a schema has or lists

    Returns:
        whether the schema is new, so that an App that is open does not know it yet
    """
    path = frame_path(dataset, field)
    before = dataset.label_schemas.get(path)
    own = set(own_attributes(dataset, field).values())
    schema = _make_schema(dataset, path) if before is None else dict(before)
    schema["attributes"] = [
        {**each, "read_only": True} if each["name"] in own | {_IDENTITY} else each
        for each in _add_missing(dataset, path, schema, own)
    ]
    if before is None and classes is None:
        classes = known_classes(dataset, field)
    schema |= _classes(dataset, field, schema, classes or ())
    if schema != before:
        dataset.update_label_schema(path, schema)
    if path not in dataset.active_label_schemas:
        dataset.activate_label_schemas(path)
        return True
    return before is None


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


def _classes(
    dataset: fo.Dataset, field: str, schema: Document, classes: Iterable[str]
) -> Document:
    """Return the classes of a schema with further ones, unless somebody chose them."""
    listed = schema.get("classes") or []
    if listed and tuple(listed) != suggested_classes(dataset, field):
        return {}
    united = sorted({*listed, *classes})
    if not united or united == listed:
        return {}
    suggest_classes(dataset, field, united)
    component = "radio" if len(united) <= _MOST_RADIO else "dropdown"
    return {"classes": united, "component": component}
