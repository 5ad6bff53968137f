# SPDX-License-Identifier: Apache-2.0
"""Simulate reviews: how many looks it takes with and without learning from them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from fiftyone_track_audit.plugin.audit.learning import CONFIRMED, DISMISSED, learn

#: The share of the mistakes that issues point at which a reviewer wants to find.
SHARE = 0.8
#: Looks after which the order of the open issues is renewed.
_EVERY = 3


def count_looks(issues: pd.DataFrame, learning: bool) -> int:
    """Count the looks that it takes to find most mistakes.

    The reviewer confirms issues that point at a mistake, and dismisses the others.

    Args:
        issues: the issues of a sequence, worst first: ``kind``, ``score`` and
            ``event``, the number of the mistake that each points at, -1 for none
        learning: whether open issues are reordered by the decisions so far

    Returns:
        the number of issues looked at until 80 % of the mistakes are found
    """
    event = issues["event"].to_numpy()
    wanted = int(np.ceil(SHARE * len(np.unique(event[event >= 0]))))
    answers = np.where(event >= 0, CONFIRMED, DISMISSED)
    decided = pd.Series(None, issues.index, dtype=object)
    found: set[int] = set()
    order = np.arange(len(issues))
    for looks in range(1, len(issues) + 1):
        looked_at, order = order[0], order[1:]
        decided.iloc[looked_at] = answers[looked_at]
        found.update({int(event[looked_at])} - {-1})
        if len(found) >= wanted:
            return looks
        if learning and looks % _EVERY == 0:
            odds = learn(issues.assign(decision=decided)).odds
            order = order[np.argsort(-odds[order], kind="stable")]
    return len(issues)


def tabulate_reviews(reviewed: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Tabulate the looks with and without learning, as means over the sequences.

    Args:
        reviewed: the issues of each sequence, see :func:`count_looks`, with their
            ``domain``

    Returns:
        one row per domain with the mean numbers of looks, and their mean
    """
    rows = [
        {
            "left out": issues["domain"].iloc[0],
            "mistakes": issues.loc[issues["event"] >= 0, "event"].nunique(),
            "looks in the order of scores": count_looks(issues, learning=False),
            "looks with learning": count_looks(issues, learning=True),
        }
        for issues in reviewed
        if (issues["event"] >= 0).any()
    ]
    means = pd.DataFrame(rows).groupby("left out").mean()
    means.loc["mean"] = means.mean()
    return means.round(1).reset_index()
