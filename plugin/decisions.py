# SPDX-License-Identifier: Apache-2.0
"""What people decided of issues: confirmed, or dismissed as no mistakes.

Pure functions over issues and decisions.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .audit import IOU_KINDS, SIZE_KINDS, Thresholds
from .audit.boxes import Floats

#: What can be decided of an issue.
CONFIRMED, DISMISSED = "confirmed", "dismissed"
#: Frames that may lie between two findings of the same mistake.
_SLACK = 2
#: Decisions of either sort that it takes to learn from them.
_FEWEST = 3

#: An issue or a decision: ``label_field``, ``kind``, ``track``, ``other_track``,
#: ``first_frame``, ``last_frame``; a decision has what was decided, too.
Record: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Suggestion:
    """Thresholds that decisions speak for.

    Attributes:
        size: the size threshold, None where nothing can be learned
        iou: the IoU threshold, None where nothing can be learned
        message: what they would gain, or why there are none
    """

    size: float | None
    iou: float | None
    message: str


def find_decision(issue: Record, decisions: Collection[Record]) -> Record | None:
    """Finds what was decided of the same mistake.

    Args:
        issue: the attributes of an issue of a sample
        decisions: the record of the sample

    Returns:
        of those with the same tracks and kind, whose frames meet the issue's, the
        one that has most frames in common with it; None where there is none
    """
    same = [each for each in decisions if _key(each) == _key(issue)]
    best = max(same, key=lambda each: _common_frames(each, issue), default=None)
    return best if best and _common_frames(best, issue) + _SLACK > 0 else None


def _common_frames(one: Record, two: Record) -> int:
    """Counts the frames of both; below 1, how far they lie apart."""
    first = max(one["first_frame"], two["first_frame"])
    last = min(one["last_frame"], two["last_frame"])
    return int(last - first + 1)


def _key(issue: Record) -> tuple[Any, ...]:
    tracks = frozenset((issue["track"], issue["other_track"]))
    return issue["label_field"], issue["kind"], tracks


def precision(issues: pd.DataFrame) -> pd.DataFrame:
    """Computes how often the audit was right, as far as that is known.

    Args:
        issues: the issues, see ``read_issues()``

    Returns:
        one row per kind: ``issues``, those ``open``, ``confirmed`` and
        ``dismissed``; ``precision``, the share of those decided that were
        confirmed, null where none was; ``checked``, those that annotators looked
        at, and ``corrected``, those of them that they corrected
    """
    told = pd.DataFrame(
        {
            "issues": 1,
            "open": issues["decision"].isna(),
            "confirmed": issues["decision"].eq(CONFIRMED),
            "dismissed": issues["decision"].eq(DISMISSED),
            "checked": issues["corrected"].notna(),
            "corrected": issues["corrected"].eq(True),
        }
    )
    counts = told.fillna(0).astype("int64").groupby(issues["kind"].to_numpy()).sum()
    decided = counts["confirmed"] + counts["dismissed"]
    counts["precision"] = counts["confirmed"] / decided.where(decided > 0)
    return counts


def suggest_thresholds(issues: pd.DataFrame, present: Thresholds) -> Suggestion:
    """Suggests the thresholds that part confirmed from dismissed issues best.

    Of the thresholds between the limits of decided issues of the threshold's
    kinds, it is the one with the fewest issues on the wrong side: dismissed ones
    that break it, and confirmed ones that do not; of several, the one nearest to
    the present threshold. It takes three issues of either sort.

    Args:
        issues: the issues, see ``read_issues()``
        present: the present thresholds

    Returns:
        the :class:`Suggestion`
    """
    found: dict[str, float | None] = {}
    messages = []
    for name, kinds, sign in (("size", SIZE_KINDS, 1), ("iou", IOU_KINDS, -1)):
        chosen = issues[issues["kind"].isin(kinds) & issues["decision"].notna()]
        chosen = chosen[chosen[f"{name}_limit"].notna()]
        confirmed = chosen["decision"].eq(CONFIRMED).to_numpy(bool)
        title = "size" if name == "size" else "IoU"
        fewest = min(confirmed.sum(), (~confirmed).sum())
        if fewest < _FEWEST:
            found[name] = None
            messages.append(
                f"{title}: decide at least {_FEWEST} issues of either sort "
                f"({confirmed.sum()} confirmed and {(~confirmed).sum()} dismissed yet)"
            )
            continue
        limits = sign * chosen[f"{name}_limit"].to_numpy(float)
        now = sign * getattr(present, name)
        best = _part(limits, confirmed, now)
        before, after = _wrong(limits, confirmed, now), _wrong(limits, confirmed, best)
        found[name] = round(abs(best), 2)
        messages.append(
            f"{title}: {found[name]:g} is wrong about {after} of {len(chosen)} decided "
            f"issues, {getattr(present, name):g} about {before}"
        )
    return Suggestion(found["size"], found["iou"], "; ".join(messages))


def _part(limits: Floats, confirmed: NDArray[np.bool_], now: float) -> float:
    """Finds the threshold with the fewest issues on the wrong side, nearest to now."""
    known = np.unique(limits)
    candidates = np.concatenate([[now], (known[1:] + known[:-1]) / 2])
    wrong = np.array([_wrong(limits, confirmed, each) for each in candidates])
    order = np.lexsort((np.abs(candidates - now), wrong))
    return float(candidates[order[0]])


def _wrong(limits: Floats, confirmed: NDArray[np.bool_], threshold: float) -> int:
    return int(((limits > threshold) != confirmed).sum())
