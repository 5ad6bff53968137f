# SPDX-License-Identifier: Apache-2.0
"""Decide issues: confirm them, dismiss them, or reopen them.

A decision is stored twice: on the issue, for filters and views, and in the record of
its sample, which outlives the issue.
"""

from __future__ import annotations

import getpass
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

import fiftyone as fo
import pandas as pd
from fiftyone import ViewField as F

from ...importers.store.locks import exclusive
from ...importers.store.sample_labels import decide_labels
from .decisions import CONFIRMED, DISMISSED, EDITED, FIXED
from .issues import (
    DECIDED,
    DECISIONS,
    ISSUES,
    MISTAKE,
    NOTE,
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
    known: Mapping[str, str | None] | None = None,
) -> int:
    """Confirm, dismiss or reopen issues.

    Args:
        dataset: the dataset
        ids: the IDs of the issues
        decision: ``confirmed``, ``dismissed``, or None to reopen the issues
        author (None): who made the decision; by default the user of this machine
        time (None): when it was made; by default now
        known (None): the present decisions, by issue, as their author knows them; by
            default whatever they are

    Returns:
        the number of issues

    Raises:
        ValueError: if the decision is unknown, an issue does not exist, was fixed or
            was decided otherwise meanwhile, or another process does not finish
            writing to the dataset

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
        _check_unchanged(issues, known or {})
        return record_decision(dataset, ids, decision, author, time)


def note_issue(dataset: fo.Dataset, issue: str, note: str) -> None:
    """Write a note on an issue, in place of an earlier one.

    The note is kept with the decision about the issue, and outlives audits as that
    does.

    Args:
        dataset: the dataset
        issue: the ID of the issue
        note: the note, empty to delete it

    Raises:
        ValueError: if the issue does not exist, or another process does not finish
            writing to the dataset

    Example:
        >>> ids = dataset.values("issues.detections.id", unwind=True)
        >>> fta.note_issue(dataset, ids[0], "Ask the team about mirrored people")
    """
    with exclusive(dataset, "deciding issues of"):
        declare_issues(dataset)
        issues = read_table(dataset).set_index("id")
        check_known(dataset, [issue], issues.index)
        row = issues.loc[[issue]].to_dict("records")[0]
        made: dict[str, object] = {
            name: _known(row[name]) for name in (*DECIDED, "fix")
        }
        made[NOTE] = note.strip() or None
        places = {str(row["sample_id"]): [issue]}
        decide_labels(dataset, (ISSUES, DECISIONS), places, made, MISTAKE)


def _known(value: str | datetime | None) -> object:
    """Return a value as the database has it, None if it is missing."""
    return None if pd.isna(value) else value


def _check_unchanged(issues: pd.DataFrame, known: Mapping[str, str | None]) -> None:
    """Check that issues were not decided otherwise than their reviewer knows.

    Raises:
        ValueError: if one was
    """
    for issue, decision in known.items():
        now = issues.loc[[issue]].to_dict("records")[0]
        if _known(now["decision"]) != decision:
            by = f" by {now['decided_by']}" if now["decision"] else ""
            what = now["decision"] or "reopened"
            raise ValueError(
                f"this issue was {what}{by} meanwhile; look at it again before you "
                "decide"
            )


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
    fields = (ISSUES, DECISIONS)
    decide_labels(dataset, fields, chosen, made, MISTAKE, carried=[NOTE])
    return len(places)


def count_decided(dataset: fo.Dataset, label_field: str, decision: str) -> int:
    """Count the confirmed or the dismissed issues.

    Args:
        dataset: the dataset
        label_field: the frame field of the tracks that the issues are about
        decision: ``confirmed`` or ``dismissed``

    Returns:
        the number of issues
    """
    if not dataset.has_field(f"{ISSUES}.detections.decision"):
        return 0
    chosen = (F("label_field") == label_field) & (F("decision") == decision)
    decided = dataset.filter_labels(ISSUES, chosen)
    return int(decided.count(f"{ISSUES}.detections"))


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
