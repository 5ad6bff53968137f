# SPDX-License-Identifier: Apache-2.0
"""Decide issues: confirm them, dismiss them, or reopen them.

A decision is stored twice: on the issue, for filters and views, and in the record of
its sample, which outlives the issue.
"""

from __future__ import annotations

import getpass
from collections.abc import Collection
from datetime import UTC, datetime

import fiftyone as fo
import pandas as pd

from ...importers.store.locks import exclusive
from ...importers.store.sample_labels import decide_labels
from .decisions import CONFIRMED, DISMISSED, EDITED, FIXED
from .issues import (
    DECIDED,
    DECISIONS,
    ISSUES,
    MISTAKE,
    check_known,
    declare_issues,
    read_table,
)


def decide_issues(
    dataset: fo.Dataset,
    ids: Collection[str],
    decision: str | None,
    author: str | None = None,
    time: datetime | None = None,
) -> int:
    """Confirm, dismiss or reopen issues.

    Args:
        dataset: the dataset
        ids: the IDs of the issues
        decision: ``confirmed``, ``dismissed``, or None to reopen the issues
        author (None): who made the decision; by default the user of this machine
        time (None): when it was made; by default now

    Returns:
        the number of issues

    Raises:
        ValueError: if the decision is unknown, an issue does not exist or was fixed,
            or another process does not finish writing to the dataset

    Example:
        >>> ids = dataset.values("issues.detections.id", unwind=True)
        >>> fta.decide_issues(dataset, ids[:1], "confirmed")
        1
    """
    if decision not in (CONFIRMED, DISMISSED, None):
        expected = f"expected '{CONFIRMED}', '{DISMISSED}' or None"
        raise ValueError(f"{expected}, not '{decision}'")
    if len(ids) == 0:
        return 0
    # An audit replaces the issues
    with exclusive(dataset, "deciding issues of"):
        declare_issues(dataset)
        issues = read_table(dataset).set_index("id")
        check_known(dataset, ids, issues.index)
        chosen = issues.loc[list(ids)]
        if (chosen["decision"].eq(FIXED) & chosen["fix"].ne(EDITED)).any():
            raise ValueError(
                "the labels of some of these issues were fixed; undo the fixes first"
            )
        return record_decision(dataset, ids, decision, author, time)


def record_decision(
    dataset: fo.Dataset,
    ids: Collection[str],
    decision: str | None,
    author: str | None = None,
    time: datetime | None = None,
    fix: str | None = None,
) -> int:
    """Store a decision about the issues that exist.

    Args:
        dataset: the dataset, whose lock is held and whose issues are declared
        ids: the IDs of the issues
        decision: the decision, None to reopen the issues
        author (None): who made it; by default the user of this machine
        time (None): when it was made; by default now
        fix (None): the name of the fix, if they were fixed

    Returns:
        the number of issues
    """
    made: dict[str, object] = dict.fromkeys(DECIDED)
    if decision:
        time = time or datetime.now(UTC)
        made = dict(zip(DECIDED, (decision, author or user(), time), strict=True))
    places = _read_places(dataset)
    places = places[places["id"].isin(ids)]
    groups = places.groupby("sample_id")["id"]
    chosen = {str(sample): own.tolist() for sample, own in groups}
    made["fix"] = fix
    decide_labels(dataset, (ISSUES, DECISIONS), chosen, made, MISTAKE)
    return len(places)


def user() -> str:
    """Return the user of this machine, who has no name in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _read_places(dataset: fo.Dataset) -> pd.DataFrame:
    """Read ``id`` and ``sample_id`` of all issues."""
    samples, ids = dataset.values(["id", f"{ISSUES}.detections.id"])
    places = pd.DataFrame({"sample_id": samples, "id": ids}).explode("id")
    return places.dropna()
