# SPDX-License-Identifier: Apache-2.0
"""Choose the issues that are fixed without a look."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from ...importers.tracks import InputError
from .remedies import TABLE

#: Kinds whose fixes stay close to the labels: they move, add or relabel a few boxes, or
#: delete a second box on an object. The others deserve a look.
SAFE = ("size_change", "shift", "low_iou", "gap", "duplicate", "label_change")
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
        kinds (()): the kinds to fix, by default :data:`SAFE`
        min_score (0.8): the least score, in [0, 1]

    Returns:
        the chosen issues

    Raises:
        InputError: if a kind is unknown or has no fixes, or the score is out of range
    """
    check_choice(kinds, min_score)
    wanted = issues["kind"].isin(kinds or SAFE) & (issues["score"] >= min_score)
    return issues[wanted]


def check_choice(kinds: Collection[str], min_score: float) -> None:
    """Check the kinds and the score of :func:`choose_issues`.

    Raises:
        InputError: if a kind is unknown or has no fixes, or the score is out of range
    """
    unknown = [kind for kind in kinds if not TABLE.get(kind)]
    if unknown:
        known = ", ".join(kind for kind, remedies in TABLE.items() if remedies)
        raise InputError(unknown[0], f"not a kind that can be fixed; expected {known}")
    if not 0 <= min_score <= 1:
        raise InputError(str(min_score), "expected a score from 0 to 1")
