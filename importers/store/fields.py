# SPDX-License-Identifier: Apache-2.0
"""Declare and find sample and frame fields."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import fiftyone as fo
import pandas as pd

from ..tracks import COLUMNS, Tracks
from .frame_documents import (
    add_frame_fields,
    are_images,
    are_videos,
    frame_documents,
    frame_path,
    frame_schema,
)

#: Sample fields that tie the samples of a long sequence together: the name of
#: the sequence, the number of its frames in earlier samples, and the size in
#: pixels of the images that the boxes were drawn on.
SEQUENCE = "sequence"
FRAME_OFFSET = "frame_offset"
IMAGE_WIDTH = "image_width"
IMAGE_HEIGHT = "image_height"
#: The sample field of the S3 folder that the frames of a sequence are in.
FRAMES_URI = "frames_uri"
FRAME_NAME = "frame_name"
#: The key of what Track Audit keeps in a dataset's info, and in the info of its fields.
INFO = "track_audit"
#: The info of a field of corrected labels, by which it is recognized once declared.
_CORRECTIONS = {INFO: "corrections"}
#: The key, in the info of a label field, of classes that are not a rule.
_SUGGESTED = "suggested_classes"
DETECTIONS = {
    "ftype": fo.EmbeddedDocumentField,
    "embedded_doc_type": fo.Detections,
}
#: Columns of the tracks table that are a detection's own fields or the frame's.
OWN_FIELDS = {*COLUMNS, "confidence"}


def declare_fields(dataset: fo.Dataset, tracks: Tracks, field: str) -> None:
    """Declare the frame fields and detection attributes that tracks need.

    Args:
        dataset: the dataset
        tracks: the tracks
        field: the frame field of the detections
    """
    wanted: dict[str, fo.Field] = {field: fo.EmbeddedDocumentField(fo.Detections)}
    if not are_images(dataset):
        wanted |= {name: fo.StringField() for name in (FRAME_NAME, "filepath")}
    for name, values in extra_columns(tracks.table).items():
        wanted[f"{field}.detections.{name}"] = _field_of(values)
    for sequence in tracks.sequences.values():
        if sequence.frame_attributes is not None:
            for attribute in sequence.frame_attributes:
                values = sequence.frame_attributes[attribute]
                wanted[str(attribute)] = field_type(values)()
    add_frame_fields(dataset, wanted)


def extra_columns(table: pd.DataFrame) -> dict[str, pd.Series[Any]]:
    """Return the columns of a tracks table that become detection attributes.

    Args:
        table: the tracks table

    Returns:
        the columns by name
    """
    return {str(name): table[name] for name in table.columns if name not in OWN_FIELDS}


def field_type(values: pd.Series[Any]) -> type[fo.Field]:
    """Return the type of field that can hold values.

    Args:
        values: the values; nulls are ignored

    Returns:
        a type of field
    """
    inferred = pd.api.types.infer_dtype(values.dropna())
    kinds: dict[str, type[fo.Field]] = {
        "boolean": fo.BooleanField,
        "integer": fo.IntField,
        "floating": fo.FloatField,
        "mixed-integer-float": fo.FloatField,
    }
    kind: type[fo.Field] = kinds.get(inferred, fo.StringField)
    return kind


def to_objects(values: pd.Series[Any]) -> list[Any]:
    """Convert a column to Python objects that BSON can store.

    Args:
        values: a column

    Returns:
        a list of Python objects, None if the column is null
    """
    result: list[Any] = values.astype(object).where(values.notna(), None).tolist()
    return result


def find_label_field(dataset: fo.Dataset, field: str | None = None) -> str:
    """Find the frame field that holds the detections.

    Args:
        dataset: a video dataset
        field (None): the field to check; by default ``ground_truth`` if the dataset
            has it, or its only field of detections that are not corrections

    Returns:
        the name of the field, without ``frames.``

    Raises:
        ValueError: if the dataset is not a video dataset, has no such field, or
            has several and ``field`` is None
    """
    fields = label_fields(dataset)
    if field is not None:
        field = field.removeprefix("frames.")
        if field not in fields and not holds_corrections(dataset, field):
            known = ", ".join(fields) or "none"
            raise ValueError(
                f"'{dataset.name}' has no frame field '{field}' of detections "
                f"(it has: {known})"
            )
        return field
    if "ground_truth" in fields:
        return "ground_truth"
    if len(fields) != 1:
        problem = "none" + _describe_unsupported(dataset)
        if fields:
            problem = f"several: {', '.join(fields)}; choose one"
        raise ValueError(
            f"expected one frame field of detections in '{dataset.name}', "
            f"found {problem}"
        )
    return fields[0]


def _describe_unsupported(dataset: fo.Dataset) -> str:
    """Name the labels of frames that an audit does not support."""
    kinds = {
        name: getattr(kind, "document_type", None)
        for name, kind in frame_schema(dataset).items()
    }
    found = [
        f"{kind.__name__} in '{name}'"
        for name, kind in kinds.items()
        if kind not in (None, fo.Detections) and issubclass(kind, fo.Label)
    ]
    if not found:
        return ""
    way = (
        "; box_polylines() stores the boxes around polylines"
        if fo.Polylines in kinds.values()
        else ""
    )
    return f" ({', '.join(found)} cannot be audited; only boxes can{way})"


def find_predictions_field(
    dataset: fo.Dataset, tracks: str, field: str | None = None
) -> str | None:
    """Find the frame field that holds the predictions of a detector.

    Args:
        dataset: a video dataset
        tracks: the frame field of the tracks
        field (None): the field to check, or an empty name for none; by default the
            only other field whose detections have confidences

    Returns:
        the name of the field, without ``frames.``; None if there is none or several

    Raises:
        ValueError: if the given field does not exist, or is that of the tracks
    """
    if field is not None:
        name = field.removeprefix("frames.")
        if not name:
            return None
        if name == tracks:
            raise ValueError(f"'{name}' holds the tracks; expected another field")
        return find_label_field(dataset, name)
    prefix = "frames." if are_videos(dataset) else ""
    others = [
        name
        for name in label_fields(dataset)
        if name != tracks
        and dataset.count(f"{prefix}{name}.detections.confidence", safe=True)
    ]
    return others[0] if len(others) == 1 else None


def label_fields(dataset: fo.Dataset) -> list[str]:
    """Return the frame fields that hold detections, except corrected ones.

    Args:
        dataset: a video dataset

    Returns:
        a list of names, without ``frames.``

    Raises:
        ValueError: if the dataset is not a video dataset
    """
    if not (are_videos(dataset) or are_images(dataset)):
        raise ValueError(
            f"'{dataset.name}' holds {dataset.media_type or 'no'} samples; "
            "expected videos, or images that are frames"
        )
    schema = frame_schema(dataset, **DETECTIONS)
    return [name for name in schema if not holds_corrections(dataset, name)]


def listed_classes(dataset: fo.Dataset, field: str) -> tuple[str, ...]:
    """Return the classes that a dataset lists for a frame field.

    Args:
        dataset: the dataset
        field: the name of the frame field, without ``frames.``

    Returns:
        those of its label schema, unless :func:`suggest_classes` named them, of
        ``dataset.classes`` or its default classes; empty if it lists none
    """
    path = f"frames.{field}"
    schema = dataset.label_schemas.get(path) or dataset.label_schemas.get(field) or {}
    chosen = tuple(map(str, schema.get("classes") or ()))
    if chosen == suggested_classes(dataset, field):
        chosen = ()
    listed = chosen or dataset.classes.get(path)
    return tuple(map(str, listed or dataset.get_classes(field) or ()))


def suggested_classes(dataset: fo.Dataset, field: str) -> tuple[str, ...]:
    """Return the classes that :func:`suggest_classes` named, empty if it did not."""
    found = frame_schema(dataset).get(field)
    return tuple(((found and found.info) or {}).get(_SUGGESTED, ()))


def suggest_classes(dataset: fo.Dataset, field: str, classes: Iterable[str]) -> None:
    """Note that a label schema names classes because boxes have them.

    Such a list does not say which classes are allowed.

    Args:
        dataset: the dataset
        field: the name of the frame field, without ``frames.``
        classes: the classes
    """
    kept = dataset.get_field(frame_path(dataset, field))
    kept.info = {**(kept.info or {}), _SUGGESTED: list(classes)}
    kept.save()


def list_classes(dataset: fo.Dataset, field: str, classes: tuple[str, ...]) -> None:
    """List classes for a frame field, in addition to those that are listed.

    Args:
        dataset: the dataset
        field: the name of the frame field, without ``frames.``
        classes: the classes; nothing changes if there are none
    """
    listed = dataset.classes.get(f"frames.{field}") or []
    if set(classes) - set(listed):
        united = list(dict.fromkeys([*listed, *classes]))
        # As a whole, since a key with a dot cannot be set alone
        dataset.classes = {**dataset.classes, f"frames.{field}": united}


def known_classes(dataset: fo.Dataset, field: str) -> tuple[str, ...]:
    """Return the classes that boxes of a frame field can have.

    Args:
        dataset: the dataset
        field: the name of the frame field, without ``frames.``

    Returns:
        those that its boxes have and those that the dataset lists, in order
    """
    used = frame_documents(dataset).distinct(f"{field}.detections.label")
    texts = {str(label) for label in used if label}
    return tuple(sorted({*texts, *listed_classes(dataset, field)}))


def holds_corrections(dataset: fo.Dataset, field: str) -> bool:
    """Return whether :func:`declare_corrections` added a frame field.

    Args:
        dataset: a video dataset
        field: the name of a frame field, without ``frames.``

    Returns:
        True/False
    """
    found = frame_schema(dataset).get(field)
    return found is not None and (found.info or {}).get(INFO) == _CORRECTIONS[INFO]


def declare_corrections(
    dataset: fo.Dataset, field: str, kind: type[fo.Field] | None = None
) -> None:
    """Add a frame field for corrections, unless it exists.

    Args:
        dataset: a video dataset
        field: the name of the frame field, without ``frames.``
        kind (None): the type of its values, by default detections
    """
    if field not in frame_schema(dataset):
        declared = kind() if kind else fo.EmbeddedDocumentField(fo.Detections)
        declared.description, declared.info = "Corrections by reviewers", _CORRECTIONS
        add_frame_fields(dataset, {field: declared})


def declare_columns(dataset: fo.Dataset, path: str, columns: pd.DataFrame) -> None:
    """Declare those attributes that a frame field lacks, if all of them fit.

    Args:
        dataset: the dataset
        path: the path of the detections, such as ``ground_truth.detections``
        columns: the values, one column per attribute; nulls fit any attribute

    Raises:
        ValueError: if an attribute holds values of another type
    """
    declared = frame_schema(dataset, flat=True)
    kinds = {f"{path}.{name}": _field_of(columns[name]) for name in columns}
    for (name, kind), column in zip(kinds.items(), columns, strict=True):
        known = declared.get(name)
        if known is None or columns[column].isna().all():
            continue
        if not isinstance(known, type(kind)):
            raise ValueError(
                f"the frame field '{name}' holds {type(known).__name__}, "
                f"expected {type(kind).__name__}; rename it first"
            )
    add_frame_fields(dataset, kinds)


def _field_of(values: pd.Series[Any]) -> fo.Field:
    if len(values) and any(isinstance(value, list) for value in values):
        return fo.ListField(fo.StringField())
    return field_type(values)()
