# SPDX-License-Identifier: Apache-2.0
"""Choose the issues that are fixed without a look."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ...importers.tracks import InputError
from ..plain import count
from .remedies import JOIN_CHAIN, TABLE

#: Kinds of whose fixes at least six bring the labels nearer to the truth for each that
#: does not, at the least score: see the table in ``docs/fixing.md``.
SAFE = ("shift", "jitter", "gap", "short_track", "ghost", "duplicate", "label_change")
#: The least score of an issue that is fixed without a look.
MIN_SCORE = 0.8


def choose_issues(
    issues: pd.DataFrame,
    kinds: Collection[str] = (),
    min_score: float = MIN_SCORE,
) -> pd.DataFrame:
    """Choose issues by their kinds and scores.

    Args:
        issues: the issues, see ``find_issues()``
        kinds (()): the kinds to fix, or the only one; by default :data:`SAFE`
        min_score (0.8): the least score, in [0, 1]

    Returns:
        the chosen issues

    Raises:
        InputError: if a kind is unknown or has no fixes, or the score is out of range
    """
    wanted = check_choice(kinds, min_score)
    return issues[issues["kind"].isin(wanted) & (issues["score"] >= min_score)]


def check_choice(kinds: Collection[str], min_score: float) -> tuple[str, ...]:
    """Check the kinds and the score of :func:`choose_issues`.

    Returns:
        the kinds to fix

    Raises:
        InputError: if a kind is unknown or has no fixes, or the score is out of range
    """
    chosen = (kinds,) if isinstance(kinds, str) else tuple(kinds)
    unknown = [kind for kind in chosen if not TABLE.get(kind)]
    if unknown:
        known = ", ".join(kind for kind, remedies in TABLE.items() if remedies)
        raise InputError(unknown[0], f"not a kind that can be fixed; expected {known}")
    if not 0 <= min_score <= 1:
        raise InputError(str(min_score), "expected a score from 0 to 1")
    return chosen or SAFE


def explain_none(
    issues: pd.DataFrame, kinds: Collection[str], min_score: float
) -> str | None:
    """Say why no issue was chosen.

    Args:
        issues: all issues
        kinds: as of :func:`choose_issues`
        min_score: as of :func:`choose_issues`

    Returns:
        a sentence, None if issues were chosen or there are none of these kinds
    """
    wanted = check_choice(kinds, min_score)
    scores = issues.loc[issues["kind"].isin(wanted), "score"]
    if scores.empty and len(issues) and not kinds:
        if len(issues) == 1:
            return "the only issue is of no kind that is fixed alone"
        return f"none of {count(len(issues), 'issue')} is of a kind that is fixed alone"
    if scores.empty or scores.max() >= min_score:
        return None
    more = "a lower minimum score fixes more"
    if len(scores) == 1:
        only = f"the only issue of these kinds scores {scores.max():.2f}"
        return f"{only}, below {min_score:g}; {more}"
    return (
        f"all {count(len(scores), 'issue')} of these kinds score below {min_score:g}, "
        f"at most {scores.max():.2f}; {more}"
    )


def add_chains(issues: pd.DataFrame, chosen: Mapping[object, str]) -> dict[object, str]:
    """Add the fragments that continue those whose whole chain is to be joined.

    Args:
        issues: all open issues, with their ``sequence``
        chosen: the name of the fix of some issues, by the issues' index

    Returns:
        the same, with each further issue of a chain
    """
    begun = [index for index, name in chosen.items() if name == JOIN_CHAIN.name]
    parts = issues[(issues["kind"] == "fragmentation") & issues["other_track"].notna()]
    if not begun or parts.empty:
        return dict(chosen)
    one, two = (
        pd.MultiIndex.from_arrays([parts["sequence"].astype(str), parts[name]])
        for name in ("track", "other_track")
    )
    codes = pd.factorize(one.append(two))[0]
    edges = codes[: len(parts)], codes[len(parts) :]
    size = int(codes.max()) + 1
    graph = coo_array((np.ones(len(parts)), edges), shape=(size, size))
    chain = pd.Series(connected_components(graph, False)[1][edges[0]], parts.index)
    linked = chain.index[chain.isin(chain[chain.index.isin(begun)])]
    return {**dict.fromkeys(linked, JOIN_CHAIN.name), **chosen}
