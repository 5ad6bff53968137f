# SPDX-License-Identifier: Apache-2.0
"""List and count issues.

Pure functions over the table of issues, see ``read_issues()``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from ..audit import kind_name
from ..audit.kinds import kind_color
from ..audit.learning import learn
from ..plain import Json, to_records
from ..review.decisions import CONFIRMED, DISMISSED, FIXED, OPEN, REPORTED, precision

#: What the list shows of an issue.
_LISTED = (
    "id",
    "kind",
    "name",
    "sequence",
    "track",
    "other_track",
    "first_frame",
    "last_frame",
    "peak_frame",
    "score",
    "reason",
    "suggestion",
    "decision",
    "decided_by",
    "decided_at",
    "corrected",
    "fix",
    "note",
)
#: The orders of the list.
ORDERS = (WORST, BY_TIME) = ("score", "time")
_DECISIONS = (OPEN, CONFIRMED, DISMISSED, FIXED)


@dataclass(frozen=True)
class Filters:
    """The filters of the list of issues; by default, all issues match.

    Attributes:
        kinds (()): the kinds, empty for all
        sequence (None): the name of the sequence
        track (None): the ID of one of the issue's tracks
        least_score (0): the minimum score, in [0, 1]
        decision (None): ``open``, ``confirmed`` or ``dismissed``
    """

    kinds: Collection[str] = ()
    sequence: str | None = None
    track: int | None = None
    least_score: float = 0.0
    decision: str | None = None

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: if the decision is unknown
        """
        if self.decision is not None and self.decision not in _DECISIONS:
            raise ValueError(
                f"expected one of {', '.join(_DECISIONS)}, not '{self.decision}'"
            )


def list_issues(
    issues: pd.DataFrame, filters: Filters, most: int, order: str = WORST
) -> Json:
    """List the worst or the earliest issues.

    Args:
        issues: the issues
        filters: the :class:`Filters`
        most: how many to list
        order ("score"): the order of the list, see :func:`sort_issues`

    Returns:
        ``issues``, a record each; ``total``, the number of issues that match; and
        ``counts`` per kind of the issues that match apart from their kind
    """
    fits = find_issues(issues, filters)
    chosen = issues[fits & _is_of(issues, filters.kinds)]
    return {
        "issues": describe_issues(sort_issues(chosen, order).head(most)),
        "total": len(chosen),
        "counts": issues.loc[fits, "kind"].value_counts().to_dict(),
    }


def find_issues(issues: pd.DataFrame, filters: Filters) -> NDArray[np.bool_]:
    """Find the issues that match, whatever their kind.

    Returns:
        bool array ``(n,)``
    """
    fits = (issues["score"].fillna(1) >= filters.least_score).to_numpy(bool)
    if filters.sequence is not None:
        fits = fits & (issues["sequence"] == filters.sequence).to_numpy(bool)
    if filters.track is not None:
        track = issues[["track", "other_track"]] == filters.track
        fits = fits & track.fillna(False).any(axis=1).to_numpy(bool)
    if filters.decision == OPEN:
        fits = fits & issues["decision"].isna().to_numpy(bool)
    elif filters.decision is not None:
        fits = fits & (issues["decision"] == filters.decision).fillna(False).to_numpy(
            bool
        )
    return fits


def choose_issues(issues: pd.DataFrame, filters: Filters) -> pd.DataFrame:
    """Return the issues that match, the worst first.

    Returns:
        these issues
    """
    fits = find_issues(issues, filters) & _is_of(issues, filters.kinds)
    return sort_issues(issues[fits])


def choose_to_send(issues: pd.DataFrame) -> pd.DataFrame:
    """Return the issues that may need a correction."""
    return issues[~issues["decision"].isin([DISMISSED, FIXED])]


def rank_issues(issues: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Rank issues by their scores and by the decisions about others of their kind.

    Decided issues keep their rank.

    Args:
        issues: all issues, so that all decisions count

    Returns:
        a tuple of the issues with the column ``rank``, which :func:`sort_issues`
        heeds, and what the decisions changed, in words
    """
    # What reviewers report tells nothing about what audits find
    others = issues["decision"].mask(issues["kind"] == REPORTED)
    learned = learn(issues.assign(decision=others))
    score = issues["score"].astype(float).fillna(1)
    changed = issues["decision"].isna() & (learned.odds != learned.before)
    rank = score.where(~changed, 0.5 + expit(learned.odds) / 2)
    return issues.assign(rank=rank), learned.message


def sort_issues(issues: pd.DataFrame, order: str = WORST) -> pd.DataFrame:
    """Sort issues.

    Args:
        issues: the issues; if they have a ``rank``, see :func:`rank_issues`, it counts
            instead of the score
        order ("score"): ``score`` for the worst first, or ``time`` for the order of
            the sequences and their frames

    Returns:
        the sorted issues

    Raises:
        ValueError: if the order is unknown
    """
    if order not in ORDERS:
        raise ValueError(f"expected one of {', '.join(ORDERS)} as 'order', not {order}")
    place = ["sequence", "first_frame", "track", "id"]
    if order == BY_TIME:
        return issues.sort_values(place)
    first = "rank" if "rank" in issues else "score"
    return issues.sort_values([first, *place], ascending=[False] + [True] * len(place))


def _is_of(issues: pd.DataFrame, kinds: Collection[str]) -> NDArray[np.bool_]:
    if not kinds:
        return np.ones(len(issues), bool)
    return issues["kind"].isin(list(kinds)).to_numpy(bool)


def describe_issues(issues: pd.DataFrame) -> list[Json]:
    """Describe each issue for the list."""
    decided = pd.to_datetime(issues["decided_at"], utc=True)
    times = decided.map(lambda time: time.isoformat(), na_action="ignore")
    names = issues["kind"].map(kind_name)
    described = issues.assign(name=names, decided_at=times.astype(object))
    return to_records(described[list(_LISTED)])


def describe_kinds(issues: pd.DataFrame) -> list[Json]:
    """Count the issues of each kind, the most frequent first.

    Returns:
        a record per kind: ``kind``, its ``name`` and ``color``; the numbers of
        ``issues``, of ``open``, ``confirmed``, ``dismissed`` and ``fixed`` ones, and
        of those that annotators ``checked`` and ``corrected``; and the ``precision``
        so far
    """
    counted = precision(issues).reset_index(names="kind")
    counted = counted.sort_values(["issues", "kind"], ascending=[False, True])
    counted["name"] = counted["kind"].map(kind_name)
    counted["color"] = counted["kind"].map(kind_color)
    return to_records(counted)


def count_decisions(issues: pd.DataFrame) -> dict[str, int]:
    """Count the issues by decision.

    Returns:
        the numbers of open, confirmed, dismissed and fixed issues
    """
    decided = issues["decision"].fillna(OPEN).value_counts()
    return {name: int(decided.get(name, 0)) for name in _DECISIONS}
