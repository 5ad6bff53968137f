# SPDX-License-Identifier: Apache-2.0
"""Attributes of detections that are Track Audit's own, apart from the labels' own.

Labels may bring along an attribute with the name of a field of the audit. It stays
theirs, and the audit's field gets another name on those labels. The info of a declared
attribute says which field of the audit it holds.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TypeAlias

import fiftyone as fo
import pandas as pd

from ..audit_fields import STORED_FIELDS, DetectionField, FieldType
from .bulk import Step
from .fields import INFO
from .frame_documents import (
    add_frame_fields,
    frame_documents,
    frame_path,
    frame_schema,
)
from .reading import StoredTracks
from .runs import read_records
from .writing import write_columns

_KINDS: dict[FieldType, type[fo.Field]] = {
    "float": fo.FloatField,
    "bool": fo.BooleanField,
    "str": fo.StringField,
    "list of str": fo.ListField,
}
_Attributes: TypeAlias = dict[str, fo.Field]


def own_attributes(dataset: fo.Dataset, field: str) -> dict[str, str]:
    """Return the attributes of detections that hold fields of the audit.

    Returns:
        the attribute's name by the name of the field, see ``STORED_FIELDS``; without
        the fields that these detections lack
    """
    declared = _declared(dataset, field)
    marks = {name: _mark(kind) for name, kind in declared.items()}
    own = {mark: name for name, mark in marks.items() if mark in STORED_FIELDS}
    # A copy of an attribute has the same mark
    own |= {mark: name for name, mark in marks.items() if mark == name}
    marked = {STORED_FIELDS[name].group for name in own}
    groups = {row.group for row in STORED_FIELDS.values()} - marked
    unmarked: dict[str, str] = {}
    for group in groups:
        rows = [row for row in STORED_FIELDS.values() if row.group == group]
        if _are_like_own(rows, declared):
            unmarked |= {row.name: row.name for row in rows if row.name in declared}
    return own | unmarked if unmarked and _has_records(dataset, field) else own


def _has_records(dataset: fo.Dataset, field: str) -> bool:
    """Return whether an audit or a review of a field is on record."""
    about = (
        ("track_audit/audit", {"label_field": f"frames.{field}"}),
        ("track_audit/review", {"label_field": field}),
        ("track_audit/review", {"adjusted_field": field}),
    )
    return any(read_records(dataset, method, **match) for method, match in about)


def _are_like_own(rows: list[DetectionField], declared: _Attributes) -> bool:
    """Return whether attributes look as a version that marked no fields wrote them.

    Fields of a group were always written together, but for ``original_id``, which
    only corrected labels have.
    """
    needed = [row for row in rows if row.name != "original_id"]
    return all(isinstance(declared.get(row.name), _KINDS[row.type]) for row in needed)


def write_own(
    dataset: fo.Dataset,
    field: str,
    stored: StoredTracks,
    columns: pd.DataFrame,
    step: Step | None = None,
    stamp: datetime | None = None,
) -> int:
    """Set fields of the audit on stored detections, and no attribute of the labels.

    Args:
        dataset: the dataset
        field: the frame field of the detections
        stored: the tracks as they were read
        columns: the values, one column per field, named as in ``STORED_FIELDS``; see
            :func:`.writing.write_columns`
        step (None): called with the number of frames done since the last call
        stamp (None): when the frames are modified

    Returns:
        the number of frames that were left alone because they changed

    Raises:
        KeyError: if a column is not in ``STORED_FIELDS``
    """
    if columns.empty:
        return 0
    names = declare_own(dataset, field, [str(name) for name in columns])
    renamed = columns.rename(columns=names)
    return write_columns(dataset, field, stored, renamed, step, stamp)


def declare_own(
    dataset: fo.Dataset, field: str, names: Collection[str]
) -> dict[str, str]:
    """Declare fields of the audit, and return the attribute of each.

    Args:
        dataset: the dataset
        field: the frame field of the detections
        names: the names of the fields in ``STORED_FIELDS``
    """
    rows = [STORED_FIELDS[name] for name in names]
    path = f"{field}.detections"
    declared = _declared(dataset, field)
    own = own_attributes(dataset, field)
    missing = {name for name in names if name not in own}
    wanted = {*missing, *(f"audit_{name}" for name in missing)} - set(declared)
    taken = {*declared, *_find_attributes(dataset, field, wanted)}
    added = {}
    for row in rows:
        if row.name not in own:
            attribute = row.name
            while attribute in taken:
                attribute = f"audit_{attribute}"
            own[row.name] = attribute
            details = {"description": row.meaning, "info": {INFO: row.name}}
            if row.type == "list of str":
                details["field"] = fo.StringField()
            added[f"{path}.{attribute}"] = _KINDS[row.type](**details)
        elif _mark(declared[own[row.name]]) is None:
            kept = dataset.get_field(frame_path(dataset, f"{path}.{own[row.name]}"))
            kept.info = {**(kept.info or {}), INFO: row.name}
            kept.save()
    add_frame_fields(dataset, added)
    return {row.name: own[row.name] for row in rows}


def _mark(field: fo.Field) -> str | None:
    mark: str | None = (field.info or {}).get(INFO)
    return mark


def _declared(dataset: fo.Dataset, field: str) -> _Attributes:
    """Return the declared attributes of detections."""
    start = f"{field}.detections."
    schema = frame_schema(dataset, flat=True)
    return {
        path.removeprefix(start): kind
        for path, kind in schema.items()
        if path.startswith(start)
    }


def _find_attributes(dataset: fo.Dataset, field: str, names: set[str]) -> set[str]:
    """Return those of some names that any detection has an attribute of.

    FiftyOne stores attributes of labels that are not declared.
    """
    path = f"{field}.detections"
    found: set[str] = set()
    while sought := names - found:
        there = [{f"{path}.{name}": {"$exists": True}} for name in sorted(sought)]
        frame = frame_documents(dataset).find_one({"$or": there}, [path])
        if frame is None:
            break
        found |= sought & set().union(*frame[field]["detections"])
    return found
