# SPDX-License-Identifier: Apache-2.0
"""Learn from decisions how likely the open issues of each kind are mistakes.

The score knows what videos are like on average. A reviewer who dismisses twelve gaps
says that in this dataset gaps are natural, so the gaps that are left should wait. Pure
functions over issues and decisions; without a decision, nothing changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

from .boxes import Floats

CONFIRMED, DISMISSED = "confirmed", "dismissed"
#: Standard deviations of the prior, as natural logarithms of odds: how far the score
#: may be off for all kinds of a dataset, and for one kind of it.
_ALL, _KIND = 0.7, 1.5
#: Standard deviation of the slope of a kind, around 1.
_SLOPE = 0.5
#: Log odds beyond which a stronger finding of a kind tells nothing more.
_MOST = 4.0
#: Change of log odds, and number of decisions, from which on the reviewer is told.
_NOTICEABLE, _FEWEST = 0.5, 3


@dataclass(frozen=True)
class Learned:
    """What decisions say about the open issues.

    Attributes:
        before: array ``(n,)``, the log odds of each issue by its score
        odds: array ``(n,)``, its log odds after the decisions
        shifts: by kind, the mean change of the log odds of its issues
        message: a sentence per kind whose rank changed noticeably, such as
            "12 gaps dismissed: gaps now rank lower"; empty if there is none
    """

    before: Floats
    odds: Floats
    shifts: dict[str, float]
    message: str


def learn(issues: pd.DataFrame) -> Learned:
    """Update the odds of issues by the decisions about others of their kind.

    The log odds of an issue become ``a + b_kind + (1 + c_kind) * odds``, with normal
    priors around 0 for ``a``, ``b_kind`` and ``c_kind``. The decisions so far give
    their most probable values. So a few decisions change little, one kind tells a
    little about the others, and reopening an issue undoes what it taught.

    Args:
        issues: ``n`` issues: ``kind``, ``score`` in [0, 1] (null counts as 0.75) and
            ``decision`` (``confirmed``, ``dismissed`` or null)

    Returns:
        what was :class:`Learned`
    """
    before = score_to_odds(issues["score"])
    decided = issues["decision"].isin([CONFIRMED, DISMISSED]).to_numpy(bool)
    codes, kinds = pd.factorize(issues["kind"])
    if not decided.any():
        return Learned(before, before, {}, "")
    terms = _terms(before, codes, len(kinds))
    right = issues["decision"].eq(CONFIRMED).to_numpy(bool)[decided]
    change: Floats = terms @ _fit(terms[decided], before[decided], right)
    by_kind = pd.Series(change).groupby(codes).mean()
    shifts = {str(kind): float(by_kind[code]) for code, kind in enumerate(kinds)}
    return Learned(before, before + change, shifts, _tell(issues[decided], shifts))


def score_to_odds(score: pd.Series[float]) -> Floats:
    """Return the log odds that issues with these scores are mistakes.

    Args:
        score: ``n`` scores in [0, 1], half the probability plus 0.5

    Returns:
        array ``(n,)`` between -4 and 4
    """
    probability = 2 * score.astype(float).fillna(0.75).to_numpy() - 1
    odds: Floats = np.clip(logit(np.clip(probability, 1e-6, 1 - 1e-6)), -_MOST, _MOST)
    return odds


def _terms(odds: Floats, codes: NDArray[np.signedinteger], kinds: int) -> Floats:
    """Return the design matrix in units of the prior, ``(n, 1 + 2 k)``."""
    own = np.eye(kinds)[codes]
    everyone = np.full((len(odds), 1), _ALL)
    return np.concatenate([everyone, _KIND * own, _SLOPE * odds[:, None] * own], axis=1)


def _fit(terms: Floats, odds: Floats, right: NDArray[np.bool_]) -> Floats:
    """Return the most probable coefficients, under a standard normal prior."""

    def measure(found: Floats) -> tuple[float, Floats]:
        fitted = odds + terms @ found
        loss = np.logaddexp(0, np.where(right, -fitted, fitted)).sum()
        slope = terms.T @ (expit(fitted) - right) + found
        return float(loss + found @ found / 2), slope

    # Plain Newton steps overshoot when strong findings are dismissed
    start = np.zeros(terms.shape[1])
    best: Floats = minimize(measure, start, jac=True, method="L-BFGS-B").x
    return best


def _tell(decided: pd.DataFrame, shifts: dict[str, float]) -> str:
    sentences = []
    for kind, decisions in decided.groupby("kind")["decision"]:
        shift = shifts[str(kind)]
        agreeing = DISMISSED if shift < 0 else CONFIRMED
        number = int(decisions.eq(agreeing).sum())
        if abs(shift) >= _NOTICEABLE and number >= _FEWEST:
            rank = "lower" if shift < 0 else "higher"
            name = _plural(str(kind))
            sentences.append(f"{number} {name} {agreeing}: {name} now rank {rank}")
    return "; ".join(sentences)


def _plural(kind: str) -> str:
    """Return what several issues of a kind are called."""
    name = kind.replace("_", " ").replace("iou", "IoU")
    if name.endswith("switch"):
        return f"{name}es"
    return f"{name} issues" if name in _NO_PLURAL else f"{name}s"


#: Kinds that cannot be counted.
_NO_PLURAL = ("jitter", "low IoU", "truncated", "drift", "appearance", "fragmentation")
