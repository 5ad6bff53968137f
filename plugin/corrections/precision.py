# SPDX-License-Identifier: Apache-2.0
"""Measure how often the audit was right, by what reviewers corrected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..audit import kind_name
from ..audit.ranges import are_at
from .comparing import is_corrected


def judge_issues(
    issues: pd.DataFrame, changes: pd.DataFrame, reviewed: pd.DataFrame
) -> pd.Series[bool]:
    """Tell which issues reviewers confirmed by correcting a box.

    Args:
        issues: ``sequence``, ``track``, ``other_track`` (or null), ``first_frame``
            and ``last_frame`` of each issue
        changes: the changes of :func:`compare_tracks`
        reviewed: ``sequence`` and ``frame`` of the frames that came back

    Returns:
        a nullable boolean per issue: whether a box of its tracks was corrected in
        its frames, null if none of its frames came back
    """
    seen = _touched(issues, reviewed, ["sequence"])
    fixed = changes[is_corrected(changes)]
    boxes = pd.concat(
        [
            fixed[["sequence", "frame", name]].rename(columns={name: "track"})
            for name in ("track", "new_track")
        ]
    )
    corrected = _touched(issues, boxes, ["sequence", "track"])
    others = issues.drop(columns="track").rename(columns={"other_track": "track"})
    corrected |= _touched(others.dropna(subset="track"), boxes, ["sequence", "track"])
    judged = pd.arrays.BooleanArray(
        issues.index.isin(corrected), ~issues.index.isin(seen)
    )
    return pd.Series(judged, issues.index)


def _touched(issues: pd.DataFrame, rows: pd.DataFrame, keys: list[str]) -> set[int]:
    """Return the issues that have a row with their keys within their frames."""
    return set(issues.index[are_at(rows, issues, keys)])


@dataclass(frozen=True)
class Precision:
    """How often the audit was right about a kind of mistake.

    Attributes:
        of: ``issue`` or ``box``
        kind: the name of the kind
        found: the number of issues or flagged boxes
        reviewed: how many of them came back
        corrected: how many of these were corrected
        precision: ``corrected`` of ``reviewed``, None if none came back
    """

    of: str
    kind: str
    found: int
    reviewed: int
    corrected: int
    precision: float | None = None


def measure_precision(
    of: str, kinds: pd.Series[str], corrected: pd.Series[bool]
) -> list[Precision]:
    """Measure how often the audit was right about each kind of mistake.

    Args:
        of: what was found, ``issue`` or ``box``
        kinds: the kind of each
        corrected: whether each was corrected, null if it did not come back

    Returns:
        the precision of each kind, sorted by kind
    """
    groups = corrected.astype("boolean").groupby(kinds)
    counts = {"found": groups.size(), "seen": groups.count(), "right": groups.sum()}
    numbers = pd.DataFrame(counts).astype(np.int64)
    return [
        Precision(
            of, kind_name(kind), found, seen, right, right / seen if seen else None
        )
        for kind, found, seen, right in numbers.reset_index().to_numpy(object).tolist()
    ]


def join_precision(found: Iterable[Precision]) -> pd.DataFrame:
    """Add up how often the audit was right over several reviews.

    Returns:
        ``of`` (``issue`` or ``box``), ``kind``, ``reviewed`` and ``corrected`` (added
        up) and ``precision`` (corrected of reviewed), the most reviewed first; kinds
        of which nothing was reviewed are left out
    """
    keys, counts = ["of", "kind"], ["reviewed", "corrected"]
    rows = [(each.of, each.kind, each.reviewed, each.corrected) for each in found]
    table = pd.DataFrame(rows, columns=[*keys, *counts])
    total = table.groupby(keys, as_index=False)[counts].sum()
    total = total[total["reviewed"] > 0]
    total = total.assign(precision=total["corrected"] / total["reviewed"])
    return total.sort_values(
        ["of", "reviewed", "kind"], ascending=[False, False, True], ignore_index=True
    )
