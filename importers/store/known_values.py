# SPDX-License-Identifier: Apache-2.0
"""The values that labels of a dataset have anywhere, and those that it lists."""

from __future__ import annotations

from collections.abc import Mapping

import fiftyone as fo
import pandas as pd

from .bulk import Document
from .fields import known_classes
from .frame_documents import frame_documents


def known_values(
    dataset: fo.Dataset, field: str, attributes: Mapping[str, str]
) -> pd.DataFrame:
    """Return the classes and the values of attributes that a dataset knows.

    Args:
        dataset: the dataset
        field: the name of the frame field, without ``frames.``
        attributes: the names of attributes by their fields

    Returns:
        ``label`` and a column per attribute, in any number of rows: a row says that
        boxes of the label can have the values that are not null. Of numbers, there
        are the least and the greatest
    """
    rows: list[Document] = [{"label": label} for label in known_classes(dataset, field)]
    if attributes:
        rows += _used_values(dataset, field, attributes)
    rows += _listed_values(dataset, field, [row["label"] for row in rows])
    columns = ["label", *attributes.values()]
    found = pd.DataFrame(rows, dtype=object)
    return found.reindex(columns=list(dict.fromkeys([*columns, *found.columns])))


def _used_values(
    dataset: fo.Dataset, field: str, attributes: Mapping[str, str]
) -> list[Document]:
    """Return the values of the boxes' attributes, by label."""
    path = f"{field}.detections"
    group: Document = {"_id": f"${path}.label"}
    for number, name in enumerate(attributes):
        value = f"${path}.{name}"
        is_number = {"$isNumber": value}
        text = {"$cond": [is_number, None, value]}
        amount = {"$cond": [is_number, value, None]}
        group[f"texts{number}"] = {"$addToSet": text}
        group[f"least{number}"] = {"$min": amount}
        group[f"most{number}"] = {"$max": amount}
    steps: list[Document] = [
        {"$project": {path: 1}},
        {"$unwind": f"${path}"},
        {"$group": group},
    ]
    found = frame_documents(dataset).aggregate(steps, allowDiskUse=True)
    return [
        {"label": str(each["_id"]), name: value}
        for each in found
        if each["_id"]
        for number, name in enumerate(attributes.values())
        for value in (
            *each[f"texts{number}"],
            each[f"least{number}"],
            each[f"most{number}"],
        )
        if value is not None
    ]


def _listed_values(
    dataset: fo.Dataset, field: str, labels: list[str]
) -> list[Document]:
    """Return the values that the label schema of a field lists for its attributes."""
    schemas = dataset.label_schemas
    schema = schemas.get(f"frames.{field}") or schemas.get(field) or {}
    listed = schema.get("attributes") or []
    if isinstance(listed, dict):
        listed = [{"name": name, **each} for name, each in listed.items()]
    return [
        {"label": label, str(attribute["name"]): value}
        for attribute in listed
        for value in attribute.get("values") or []
        for label in dict.fromkeys(labels)
    ]
