# SPDX-License-Identifier: Apache-2.0
"""Make the contents of Ground Truth's input files, and check them against the quotas.

Sources: Ground Truth's guide on video frame input data, adjustment jobs and
label category configuration files, and AWS's published samples where the guide
contradicts itself (``document-version``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from ...importers.groundtruth_writer import labels_metadata
from ...importers.manifest import ORIGIN
from ...importers.problems import Finding, error, warning
from ..plain import Json
from .request import AdjustmentJob

LABELS = 30
LABEL_NAME = 256
LABEL_NAME_OF_QUOTAS = 16
ATTRIBUTES = 10
FREE_TEXT_ATTRIBUTES = 5
ATTRIBUTE_NAME = 16
ENUM_VALUES = 10
ENUM_VALUE = 16
MANIFEST_LINE = 100_000
MANIFEST_ATTRIBUTE = 20_000
URI = 1_024


def sequence_folder(job: AdjustmentJob, sequence: str) -> str:
    """Return the S3 URI of a sequence's folder.

    Returns:
        the URI with a slash at its end; the frames are in its folder ``frames/``
    """
    return f"{job.root}{sequence}/"


def label_categories(
    job: AdjustmentJob,
    labels: Iterable[str],
    table: pd.DataFrame,
    attributes: Sequence[str],
    frame_attributes: Sequence[pd.DataFrame],
    instructions: dict[str, str],
) -> Json:
    """Make the label category configuration.

    Args:
        job: the job's settings
        labels: all labels that workers can choose
        table: the tracks table, from which the attributes' values are taken
        attributes: its columns that are label category attributes
        frame_attributes: the frame attributes of each sequence
        instructions: ``shortInstruction`` and ``fullInstruction``
    """
    entries = []
    by_label = dict(iter(table.groupby("label", observed=True)[list(attributes)]))
    for label in labels:
        rows = by_label.get(label)
        columns = [] if rows is None else [rows[name].dropna() for name in attributes]
        found = [_attribute(column) for column in columns if len(column)]
        entries.append({"label": label, "categoryAttributes": found})
    statements = pd.concat(frame_attributes) if frame_attributes else pd.DataFrame()
    return {
        "document-version": "2020-08-15",
        "auditLabelAttributeName": job.audited_attribute,
        "annotationType": "BoundingBox",
        "labels": entries,
        "frameAttributes": [
            {**_attribute(column), "description": f"{name} of the whole frame"}
            for name in statements.columns
            if len(column := statements[name].dropna())
        ],
        "categoryGlobalAttributes": [],
        "instructions": instructions,
    }


def _attribute(values: pd.Series[Any]) -> Json:
    values = pd.Series(values.tolist(), name=values.name)
    entry: Json = {"name": str(values.name), "type": "string"}
    if is_numeric_dtype(values) and not is_bool_dtype(values):
        limits = {"minimum": np.floor(values.min()), "maximum": np.ceil(values.max())}
        whole = {name: int(limit) for name, limit in limits.items()}
        return {**entry, "type": "number", **whole}
    texts = sorted(values.astype(str).unique())
    if len(texts) <= ENUM_VALUES and all(1 <= len(t) <= ENUM_VALUE for t in texts):
        entry["enum"] = texts
    return entry


def label_category_findings(configuration: Json) -> list[Finding]:
    """Check a label category configuration against Ground Truth's quotas.

    Returns:
        the errors, and a warning for each label that exceeds the lower of two quotas
    """
    labels = [entry["label"] for entry in configuration["labels"]]
    errors = []
    if not 1 <= len(labels) <= LABELS:
        errors.append(
            error(
                f"There are {len(labels)} labels, but a job takes 1 to {LABELS}",
                "choose other tracks, or set the labels of the job",
            )
        )
    errors += [
        error(
            f"The label {label!r} has {len(label)} characters",
            f"use 1 to {LABEL_NAME}",
        )
        for label in labels
        if not 1 <= len(label) <= LABEL_NAME
    ]
    for entry in configuration["labels"]:
        where = f"The label {entry['label']!r}"
        errors += _attribute_errors(where, entry["categoryAttributes"])
    errors += _attribute_errors("A frame", configuration["frameAttributes"])
    return errors + _long_label_warnings(labels)


def _long_label_warnings(labels: list[str]) -> list[Finding]:
    return [
        warning(
            f"The label {label!r} has {len(label)} characters",
            f"Ground Truth's quotas may allow only {LABEL_NAME_OF_QUOTAS}",
        )
        for label in labels
        if LABEL_NAME_OF_QUOTAS < len(label) <= LABEL_NAME
    ]


def _attribute_errors(where: str, attributes: list[Json]) -> list[Finding]:
    errors = []
    if len(attributes) > ATTRIBUTES:
        errors.append(
            error(f"{where} has {len(attributes)} attributes", f"keep {ATTRIBUTES}")
        )
    free = [a["name"] for a in attributes if a["type"] == "string" and "enum" not in a]
    if len(free) > FREE_TEXT_ATTRIBUTES:
        errors.append(
            error(
                f"{where} has {len(free)} free text attributes",
                f"keep {FREE_TEXT_ATTRIBUTES}",
            )
        )
    errors += [
        error(
            f"{where} has the attribute {a['name']!r}",
            f"rename it to 1 to {ATTRIBUTE_NAME} characters",
        )
        for a in attributes
        if not 1 <= len(a["name"]) <= ATTRIBUTE_NAME
    ]
    return errors


def manifest_line(
    job: AdjustmentJob,
    sequence: str,
    classes: dict[str, str],
    created: datetime,
    origin: Json,
) -> Json:
    """Make a line of the input manifest.

    Args:
        job: the job's settings
        sequence: the sequence's name
        classes: the class IDs by label
        created: when the labels were written, in UTC
        origin: values that are passed through to the job's output
    """
    folder = sequence_folder(job, sequence)
    return {
        "source-ref": f"{folder}{sequence}-seq.json",
        job.audited_attribute: f"{folder}SeqLabel.json",
        f"{job.audited_attribute}-metadata": labels_metadata(
            classes, job.audited_attribute.removesuffix("-ref"), created
        ),
        ORIGIN: origin,
    }


def manifest_errors(line: Json) -> list[Finding]:
    """Check a line of the input manifest against Ground Truth's quotas."""
    sequence = line[ORIGIN]["sequence"]
    sizes = {name: len(compact(value)) for name, value in line.items()}
    errors = [
        error(
            f"{sequence}: {name} has {size} characters in the manifest, but at most "
            f"{MANIFEST_ATTRIBUTE} are allowed",
            "choose fewer frames or shorter names",
        )
        for name, size in sizes.items()
        if size > MANIFEST_ATTRIBUTE
    ]
    if len(compact(line)) > MANIFEST_LINE:
        errors.append(
            error(
                f"{sequence}: the manifest line has {len(compact(line))} characters, "
                f"but at most {MANIFEST_LINE} are allowed",
                "choose fewer frames",
            )
        )
    return errors


def compact(value: object) -> str:
    """Write JSON on one line without spaces.

    Returns:
        ASCII text
    """
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
