# SPDX-License-Identifier: Apache-2.0
"""Read the issues that the panel lists."""

from __future__ import annotations

import fiftyone as fo
import pandas as pd
from fiftyone.operators.executor import ExecutionContext

from ...importers import store
from ..plain import Json
from ..review.issue_frames import issues_of_view
from ..review.issues import ISSUES, read_issues
from .answering import find_field


def in_view(ctx: ExecutionContext, issues: pd.DataFrame, filters: Json) -> pd.DataFrame:
    """Return the issues, only those in the App's view if the filters say so.

    Args:
        ctx: the context of the call
        issues: the issues, see :func:`read_listed`
        filters: the parameters that filter the list
    """
    if not filters.get("in_view"):
        return issues
    return issues[issues["id"].isin(issues_of_view(ctx.view, find_field(ctx)))]


def read_listed(
    dataset: fo.Dataset,
    field: str,
    sequences: dict[str, list[store.SampleSpan]],
    wanted: str | None = None,
) -> pd.DataFrame:
    """Read the issues, or the one that is wanted, with the names of their sequences.

    Args:
        dataset: the dataset
        field: the frame field of the tracks
        sequences: the samples of each sequence
        wanted (None): the ID of the only issue to read

    Returns:
        the issues, see ``read_issues()``, and the name of their ``sequence``
    """
    spans = {
        span.sample_id: (name, span)
        for name, parts in sequences.items()
        for span in parts
    }
    samples = list(spans)
    if wanted is not None:
        samples = dataset.match_labels(ids=[wanted], fields=ISSUES).values("id")
    issues = read_issues(dataset, field, [spans[sample][1] for sample in samples])
    if wanted is not None:
        issues = issues[issues["id"] == wanted]
    names = issues["sample_id"].map(lambda sample: spans[sample][0])
    return issues.assign(sequence=names)
