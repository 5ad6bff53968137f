# SPDX-License-Identifier: Apache-2.0
"""Simulate reviews: what is found look by look, with and without learning from them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from fiftyone_track_audit.plugin.audit.learning import CONFIRMED, DISMISSED, learn
from numpy.typing import NDArray

#: The share of the mistakes that issues point at which a reviewer wants to find.
SHARE = 0.8
#: Looks after which the order of the open issues is renewed.
_EVERY = 3
#: The looks at which curves are drawn, in multiples of the mistakes that issues point
#: at.
_LOOKS = np.linspace(0, 4, 41)
#: What the two ways to review are called.
_ORDERS = {"in the order of scores": False, "with learning": True}


def review(issues: pd.DataFrame, learning: bool) -> NDArray[np.intp]:
    """Review the issues of a sequence, and count what is found.

    The reviewer confirms issues that point at a mistake, and dismisses the others.

    Args:
        issues: ``n`` issues, worst first: ``kind``, ``score`` and ``event``, the
            number of the mistake that each points at, -1 for none
        learning: whether open issues are reordered by the decisions so far

    Returns:
        int array ``(n,)``, the number of mistakes found after each look
    """
    event = issues["event"].to_numpy()
    answers = np.where(event >= 0, CONFIRMED, DISMISSED)
    decided = pd.Series(None, issues.index, dtype=object)
    found: set[int] = set()
    counts = np.zeros(len(issues), np.intp)
    order = np.arange(len(issues))
    for look in range(len(issues)):
        looked_at, order = order[0], order[1:]
        decided.iloc[looked_at] = answers[looked_at]
        found.update({int(event[looked_at])} - {-1})
        counts[look] = len(found)
        if learning and (look + 1) % _EVERY == 0:
            odds = learn(issues.assign(decision=decided)).odds
            order = order[np.argsort(-odds[order], kind="stable")]
    return counts


def count_looks(found: NDArray[np.intp]) -> int:
    """Return the number of looks until most mistakes are found.

    Args:
        found: the number of mistakes found after each look, see :func:`review`

    Returns:
        the number of looks until :data:`SHARE` of them are found
    """
    wanted = int(np.ceil(SHARE * found[-1]))
    return int(np.argmax(found >= wanted)) + 1


def simulate_reviews(reviewed: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Review the issues of many sequences in both ways.

    Args:
        reviewed: the issues of each sequence, see :func:`review`, with their
            ``domain``; those that point at no mistake are left out

    Returns:
        one row per sequence and way: ``domain``, ``order``, the number of
        ``mistakes``, the ``looks`` until most of them are found, and ``curve``, the
        share that is found at each of the looks of the curves
    """
    rows = []
    for issues in reviewed:
        if not (issues["event"] >= 0).any():
            continue
        for order, learning in _ORDERS.items():
            found = review(issues, learning)
            mistakes = int(found[-1])
            looks = np.minimum((_LOOKS * mistakes).astype(int), len(found))
            curve = np.append(0, found)[looks] / mistakes
            rows.append(
                {
                    "domain": issues["domain"].iloc[0],
                    "order": order,
                    "mistakes": mistakes,
                    "looks": count_looks(found),
                    "curve": curve,
                }
            )
    return pd.DataFrame(rows)


def tabulate_reviews(reviews: pd.DataFrame) -> pd.DataFrame:
    """Tabulate the looks with and without learning, as means over the sequences.

    Args:
        reviews: the result of :func:`simulate_reviews`

    Returns:
        one row per domain with the mean numbers of looks, and their mean
    """
    by_domain = reviews.groupby("domain")
    looks = reviews.pivot_table("looks", "domain", "order")[list(_ORDERS)]
    looks.columns = [f"looks {order}" for order in _ORDERS]
    table = pd.concat([by_domain["mistakes"].mean(), looks], axis=1)
    table.loc["mean"] = table.mean()
    return table.rename_axis("left out").round(1).reset_index()


def draw_curves(reviews: pd.DataFrame) -> pd.DataFrame:
    """Average the shares of the mistakes that are found look by look.

    Args:
        reviews: the result of :func:`simulate_reviews`

    Returns:
        shares in [0, 1], the mean over the domains: one row per number of looks, in
        multiples of the mistakes, and one column per way to review
    """
    means = reviews.groupby(["order", "domain"])["curve"].apply(
        lambda curves: np.mean(np.stack(curves.to_list()), axis=0)
    )
    return pd.DataFrame(
        {order: np.mean(np.stack(means[order].to_list()), axis=0) for order in _ORDERS},
        index=pd.Index(_LOOKS, name="looks"),
    )
