# SPDX-License-Identifier: Apache-2.0
"""Estimate how many of the open issues are mistakes, with an interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

#: How many decisions the scores of a kind are worth.
_WORTH = 4.0
#: What a score of one kind is clipped to, so that no kind is certain.
_LEAST = 0.02
#: The share of draws within the interval, and their number.
LEVEL, _DRAWS = 0.9, 4000


@dataclass(frozen=True)
class Estimate:
    """How many mistakes are left among issues.

    Attributes:
        mean: the expected number
        low: the lower end of the 90 % interval
        high: the upper end
    """

    mean: float
    low: int
    high: int


def estimate_left(issues: pd.DataFrame) -> Estimate:
    """Estimate how many issues without a decision are mistakes.

    The share of mistakes in each kind has a beta prior around the mean probability of
    its open issues (twice the score minus 1), worth four decisions, and is updated by
    what was decided about the kind. The number of mistakes is beta-binomial; the
    interval is that of the sum over kinds, by simulation. It assumes that the decided
    issues are like the open ones, so random ones should be among them. Mistakes that
    no issue points at are not part of it.

    Args:
        issues: ``kind``, ``score`` in [0, 1] (null counts as 0.75), and ``right``:
            whether it is a mistake, null if nobody decided

    Returns:
        the :class:`Estimate`
    """
    rng = np.random.default_rng(0)
    total = np.zeros(_DRAWS)
    expected = 0.0
    for _, own in issues.groupby("kind"):
        right = own["right"].astype("boolean")
        score = own["score"].astype(float).fillna(0.75)[right.isna().to_numpy()]
        if not len(score):
            continue
        prior = np.clip((2 * score - 1).mean(), _LEAST, 1 - _LEAST) * _WORTH
        yes, no = int(right.sum()), int((~right).sum())
        share = rng.beta(prior + yes, _WORTH - prior + no, _DRAWS)
        total += rng.binomial(len(score), share)
        expected += len(score) * (prior + yes) / (_WORTH + yes + no)
    outside = (1 - LEVEL) / 2
    low, high = np.quantile(total, [outside, 1 - outside])
    return Estimate(float(expected), int(np.floor(low)), int(np.ceil(high)))
