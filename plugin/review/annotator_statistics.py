# SPDX-License-Identifier: Apache-2.0
"""The issues of a dataset by who drew the boxes, where the labels tell."""

from __future__ import annotations

import fiftyone as fo
import pandas as pd

from ...importers import store
from ..audit.annotators import (
    NAMES,
    count_by_annotator,
    find_annotators,
    name_annotators,
)
from .issues import read_sequence_issues


def annotator_statistics(
    dataset: fo.Dataset, label_field: str | None = None, attribute: str | None = None
) -> pd.DataFrame:
    """Count issues, confirmed and fixed ones by who drew the boxes.

    Videos differ in difficulty, so annotators can be compared only where they labeled
    similar ones.

    Args:
        dataset: a dataset
        label_field (None): the frame field of the tracks; by default the only one
        attribute (None): the attribute of the boxes that holds who drew them; by
            default one with a usual name, such as ``annotator`` or ``assignee``

    Returns:
        one row per annotator, the highest rate of issues first: ``annotator``, the
        number of ``boxes``, of ``issues``, and of ``open``, ``confirmed``,
        ``dismissed`` and ``fixed`` ones; ``issues_per_thousand`` boxes with the 95 %
        interval from ``issues_low`` to ``issues_high``; and the same of the confirmed
        or fixed ones as ``mistakes_per_thousand``, null where nothing was decided. The
        last row, with a null name, is about boxes and issues without an annotator

    Raises:
        ValueError: if there is no such attribute

    Example:
        >>> drawn = fta.annotator_statistics(dataset, attribute="color")
        >>> drawn[["annotator", "boxes", "issues"]].values.tolist()
        [['red', 60, 2]]
    """
    field = store.find_label_field(dataset, label_field)
    column = attribute or find_attribute(dataset, field) or NAMES[0]
    boxes: list[pd.Series[int]] = []
    found = [pd.DataFrame(columns=["annotator", "decision"], dtype=object)]
    for stored in store.read_sequences(dataset, field, [column]):
        table = stored.tracks.table
        boxes.append(table[column].astype(object).value_counts(dropna=False))
        issues = read_sequence_issues(dataset, field, stored)
        named = name_annotators(table, issues, column)
        found.append(issues[["decision"]].assign(annotator=named))
    drawn = pd.concat(boxes) if boxes else pd.Series(dtype="int64")
    if drawn.index.isna().all():
        raise ValueError(
            f"the boxes in '{field}' have no attribute '{column}'; expected one that "
            "holds who drew them"
        )
    issues = pd.concat(found, ignore_index=True)
    return count_by_annotator(drawn, issues["annotator"], issues["decision"])


def find_attribute(dataset: fo.Dataset, field: str) -> str | None:
    """Find the attribute of the boxes of a field that holds who drew them.

    Args:
        dataset: a dataset
        field: the frame field of the tracks

    Returns:
        the name of the attribute, None without a usual one
    """
    prefix = f"{field}.detections."
    paths = store.frame_schema(dataset, flat=True)
    names = (path.removeprefix(prefix) for path in paths if path.startswith(prefix))
    return find_annotators(sorted(names))
