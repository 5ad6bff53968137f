# SPDX-License-Identifier: Apache-2.0
"""Match decisions with issues, and learn from them.

Pure functions over issues and decisions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..audit import IOU_KINDS, SIZE_KINDS, Thresholds
from ..audit.grouping import MERGE_WITHIN
from ..audit.ranges import count_ranges
from ..plain import count

#: The decisions about an issue, and what an issue without one is called. A fixed issue
#: is a mistake whose boxes were corrected here.
CONFIRMED, DISMISSED, FIXED, OPEN = "confirmed", "dismissed", "fixed", "open"
#: The fix of a fixed issue whose boxes were edited by hand.
EDITED = "edited"
#: The kind of issues that reviewers report themselves.
REPORTED = "reported"
#: The number of confirmed and of dismissed issues that it takes to learn from them.
_FEWEST = 3
#: The title of each threshold, the kinds of mistakes that it finds, whether values
#: above (1) or below (-1) it are outliers, and its maximum.
_THRESHOLDS = {
    "size": ("Size", SIZE_KINDS, 1, np.inf),
    "iou": ("IoU", IOU_KINDS, -1, 0.99),
}

#: The columns by which :func:`count_lost` recognizes issues.
LOCATED = ["sample_id", "kind", "track", "other_track", "first_frame", "last_frame"]
#: An issue or a decision: ``label_field``, ``kind``, ``track``, ``other_track``,
#: ``first_frame``, ``last_frame``; a decision has what was decided, too.
Record: TypeAlias = dict[str, Any]
#: The label field, the kind and the tracks, in either order.
Mistake: TypeAlias = tuple[str, str, frozenset[int | None]]


@dataclass(frozen=True)
class Suggestion:
    """Thresholds that agree with the decisions.

    Attributes:
        size: the size threshold, None if there are too few decisions
        iou: the IoU threshold, None if there are too few decisions
        message: what they would improve, or why there are none
    """

    size: float | None
    iou: float | None
    message: str


def find_decisions(
    issues: Iterable[Record], decisions: Iterable[Record]
) -> list[Record | None]:
    """Find the decision about the same mistake for each issue.

    Two mistakes are the same if they have the same kind, tracks and frames. The frames
    count as the same if the ranges share at least half of their union, or if they
    overlap and both ends differ by at most the two frames that an issue may leave out.
    If there is no such decision, a confirmed mistake covers each part of it, which is
    what stricter thresholds find. A mistake that is found although it was fixed is
    open again.

    Args:
        issues: the attributes of issues of a sample
        decisions: the decisions of the sample, in the order in which they were made

    Returns:
        the last decision about the same mistake for each issue, None if there is none
    """
    latest_first: dict[Mistake, list[Record]] = {}
    for decision in reversed(list(decisions)):
        if decision.get("decision") == FIXED:
            continue
        latest_first.setdefault(_mistake(decision), []).append(decision)
    return [_find(issue, latest_first.get(_mistake(issue), ())) for issue in issues]


def _find(issue: Record, decisions: Sequence[Record]) -> Record | None:
    same = (each for each in decisions if _are_same_frames(issue, each))
    whole = (each for each in decisions if _is_part_of_confirmed(issue, each))
    return next(chain(same, whole), None)


def _is_part_of_confirmed(issue: Record, decision: Record) -> bool:
    return (
        decision.get("decision") == CONFIRMED
        and decision["first_frame"] <= issue["first_frame"]
        and issue["last_frame"] <= decision["last_frame"]
    )


def _mistake(issue: Record) -> Mistake:
    tracks = frozenset((issue["track"], issue.get("other_track")))
    return issue["label_field"], issue["kind"], tracks


def _are_same_frames(one: Record, two: Record) -> bool:
    first, last = (
        [record[name] for record in (one, two)]
        for name in ("first_frame", "last_frame")
    )
    common = min(last) - max(first) + 1
    ends = max(np.ptp(first), np.ptp(last))
    either = max(last) - min(first) + 1
    return bool(common > 0 and (ends <= MERGE_WITHIN or 2 * common >= either))


def count_lost(before: pd.DataFrame, after: pd.DataFrame) -> int:
    """Count the mistakes that are not found again.

    Args:
        before: one row per issue: ``sample_id``, ``kind``, ``track``,
            ``other_track``, ``first_frame``, ``last_frame``
        after: later issues, as ``before``

    Returns:
        the number of issues for which no later one has the same kind and tracks, and
        a frame in common
    """
    earlier, later = map(_with_tracks, (before, after))
    pairs = earlier.reset_index().merge(later, on=["sample_id", "kind", "tracks"])
    meet = (pairs["first_frame_x"] <= pairs["last_frame_y"]) & (
        pairs["first_frame_y"] <= pairs["last_frame_x"]
    )
    return len(earlier) - int(pairs.loc[meet, "index"].nunique())


def _with_tracks(issues: pd.DataFrame) -> pd.DataFrame:
    pairs = zip(issues["track"], issues["other_track"], strict=True)
    tracks = pd.Series([frozenset(pair) for pair in pairs], dtype=object)
    return issues.reset_index(drop=True).assign(tracks=tracks)


def only_dismissed(
    places: pd.DataFrame, issues: pd.DataFrame, by: list[str]
) -> NDArray[np.bool_]:
    """Find the places that only dismissed issues are about.

    Args:
        places: ``frame`` of each place, and the columns ``by``
        issues: ``first_frame``, ``last_frame`` and ``decision`` of each issue, and
            the columns ``by``
        by: the columns in which a place and an issue must agree, such as ``sequence``

    Returns:
        bool array ``(n,)``
    """
    dismissed = issues["decision"].eq(DISMISSED).to_numpy(bool)
    of_dismissed = count_ranges(places, issues[dismissed], by)
    of_others = count_ranges(places, issues[~dismissed], by)
    found: NDArray[np.bool_] = (of_dismissed > 0) & (of_others == 0)
    return found


def precision(issues: pd.DataFrame) -> pd.DataFrame:
    """Compute the precision of the audit for each kind, as far as it is known.

    Args:
        issues: the issues, see ``read_issues()``

    Returns:
        one row per kind: the numbers of ``issues``, and of ``open``, ``confirmed``,
        ``dismissed`` and ``fixed`` ones; ``precision``, the share of decided issues
        that were confirmed or fixed, in [0, 1], null if none was decided;
        ``checked``, the number of issues that annotators looked at, and
        ``corrected``, of those that they corrected
    """
    told = pd.DataFrame(
        {
            "issues": 1,
            "open": issues["decision"].isna(),
            "confirmed": issues["decision"].eq(CONFIRMED),
            "dismissed": issues["decision"].eq(DISMISSED),
            "fixed": issues["decision"].eq(FIXED),
            "checked": issues["corrected"].notna(),
            "corrected": issues["corrected"].eq(True),
        }
    )
    counts = told.fillna(0).astype("int64").groupby(issues["kind"].to_numpy()).sum()
    right = counts["confirmed"] + counts["fixed"]
    decided = right + counts["dismissed"]
    counts["precision"] = right / decided.where(decided > 0)
    return counts


def suggest_thresholds(issues: pd.DataFrame, present: Thresholds) -> Suggestion:
    """Suggest the thresholds that separate confirmed from dismissed issues best.

    The candidates are the thresholds between the limits of the decided issues of a
    threshold's kinds, in hundredths. The best one has the fewest dismissed issues that
    it flags and confirmed issues that it does not; of several, the one nearest to the
    present threshold is taken. Three issues of either decision are needed.

    Args:
        issues: the issues, see ``read_issues()``
        present: the present thresholds

    Returns:
        the :class:`Suggestion`
    """
    size, of_size = _suggest(issues, "size", present.size)
    iou, of_iou = _suggest(issues, "iou", present.iou)
    return Suggestion(size, iou, f"{of_size}. {of_iou}.")


def _suggest(
    issues: pd.DataFrame, name: str, present: float
) -> tuple[float | None, str]:
    title, kinds, sign, most = _THRESHOLDS[name]
    known = issues["decision"].notna() & issues[f"{name}_limit"].notna()
    decided = issues[issues["kind"].isin(kinds) & known]
    limits = decided[f"{name}_limit"].to_numpy(float)
    confirmed = decided["decision"].ne(DISMISSED).to_numpy(bool)
    right = int(confirmed.sum())
    if min(right, len(decided) - right) < _FEWEST:
        return None, (
            f"{title}: too few decisions; it takes {_FEWEST} confirmed and {_FEWEST} "
            f"dismissed issues, there are {right} and {len(decided) - right}"
        )
    values = np.unique(limits)
    between = np.round((values[1:] + values[:-1]) / 2, 2)
    candidates = np.append(np.clip(between, 0.01, most), present)
    breaks = sign * limits > sign * candidates[:, None]
    wrong = breaks != confirmed
    best = np.lexsort((np.abs(candidates - present), wrong.sum(axis=1)))[0]
    found = float(candidates[best])
    missed, flagged = wrong[:, confirmed].sum(axis=1), wrong[:, ~confirmed].sum(axis=1)
    told = (
        f"{found:g} misses {missed[best]} of {count(right, 'confirmed issue')} and "
        f"flags {flagged[best]} of {len(decided) - right} dismissed"
    )
    if found == present:
        return found, f"{title}: keep {told}"
    return found, f"{title}: {told}; {present:g} {missed[-1]} and {flagged[-1]}"
