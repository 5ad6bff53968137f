# SPDX-License-Identifier: Apache-2.0
"""The score: how likely findings are mistakes, and what that means for each box.

Strengths cannot be compared across kinds and sequences: a tenth of a box is a jump in
a calm crowd, and nothing on a dance floor. So three features describe a finding: its
strength, how rare findings of its kind as strong as this are in the sequence, and how
far it exceeds the usual strength there. A logistic model of four numbers per kind
combines them. ``docs/scoring.md`` describes how the weights were fitted, and compares
the score with other methods.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

from .boxes import Floats, Rows

#: The features of a finding, in the order of the weights.
FEATURES = ("strength", "rarity", "prominence")
#: Number of findings at which the usual strength of a kind, this quantile, has half
#: of its weight.
_FEW = 20
_USUAL = 0.75
#: Log odds above which a finding is worth a look: one mistake in four looks.
FLAG_ODDS = -0.6
#: Log odds below which a finding does not change a score.
_LEAST_ODDS = -6.0
#: The highest score of doubtful circumstances alone, see ``doubt.py``. It ranks the
#: boxes without findings.
DOUBT = 0.1
#: An issue needs one look, so its other boxes rank behind the worst boxes of other
#: issues: their log odds are scaled by a third, minus one.
_REST, _BEHIND = 0.35, 1.0


def finding_features(findings: pd.DataFrame, detections: int) -> Floats:
    """Compute the features of the findings of one sequence.

    Args:
        findings: the findings of all kinds
        detections: number of detections of the sequence

    Returns:
        array ``(m, 3)``, in the order of :data:`FEATURES`: the natural logarithm of
        the strength; the negative logarithm of 1 plus the number of findings of its
        kind that are at least as strong, per thousand detections; and the logarithm
        of the strength over the upper quartile of its kind, which counts less if
        there are few
    """
    kinds = findings.groupby("kind")["strength"]
    strength = findings["strength"].to_numpy()
    rank = kinds.rank(ascending=False, method="max").to_numpy()
    usual = kinds.transform("quantile", _USUAL).to_numpy()
    count = kinds.transform("size").to_numpy()
    return np.stack(
        [
            np.log(strength),
            -np.log1p(rank / max(detections, 1) * 1000),
            count / (count + _FEW) * np.log(strength / usual),
        ],
        axis=1,
    )


def log_odds(
    findings: pd.DataFrame,
    detections: int,
    weights: dict[str, list[float]] | None = None,
) -> Floats:
    """Compute how likely the findings of one sequence are mistakes.

    Args:
        findings: the findings of all kinds
        detections: number of detections of the sequence
        weights (None): per kind the intercept and a weight for each of
            :data:`FEATURES`, by default those of the package

    Returns:
        array ``(m,)``, the natural logarithm of the odds; 0 means even odds
    """
    weights = weights or read_weights()
    kinds = findings["kind"].astype("category")
    of_kinds = np.array([weights[kind] for kind in kinds.cat.categories])
    chosen = of_kinds.reshape(-1, len(FEATURES) + 1)[kinds.cat.codes]
    features = finding_features(findings, detections)
    result: Floats = chosen[:, 0] + (features * chosen[:, 1:]).sum(axis=1)
    return result


@cache
def read_weights() -> dict[str, list[float]]:
    """Return the weights of each kind that come with the package."""
    weights: dict[str, list[float]] = json.loads(
        Path(__file__).with_name("weights.json").read_text()
    )
    return weights


def odds_to_score(odds: Floats, flagged: Floats) -> Floats:
    """Map log odds to scores that are above 0.5 exactly for flagged findings.

    Args:
        odds: array of log odds
        flagged: bool array of the same shape

    Returns:
        array of values in [0, 1]: half the probability, plus 0.5 if flagged
    """
    result: Floats = (expit(odds) + flagged) / 2
    return result


def score_rows(findings: pd.DataFrame, rows: int) -> Floats:
    """Score the boxes of a sequence by the findings about them.

    Args:
        findings: the findings, with the further columns ``odds`` and ``flagged``
        rows: number of boxes

    Returns:
        array ``(rows,)`` of scores in [0, 1]; 0 without findings
    """
    result = np.zeros(rows)
    likely = findings[(findings["odds"] > _LEAST_ODDS) | findings["flagged"]]
    odds, flagged = likely["odds"].to_numpy(), likely["flagged"].to_numpy(float)
    place, index = covered_rows(likely)
    rest = np.where(odds > 0, odds * _REST, odds / _REST) - _BEHIND
    np.maximum.at(result, place, odds_to_score(rest, flagged)[index])
    worst = odds_to_score(odds, flagged)
    np.maximum.at(result, likely["peak"].to_numpy(), worst)
    return result


def covered_rows(findings: pd.DataFrame) -> tuple[Rows, Rows]:
    """Return the boxes that findings are about.

    Args:
        findings: ``m`` findings

    Returns:
        a tuple of

        -   rows of the tracks table, int array ``(c,)``
        -   the index of each row's finding, int array ``(c,)`` in [0, m)
    """
    first, last = findings["first"].to_numpy(), findings["last"].to_numpy()
    count = last - first + 1
    index = np.repeat(np.arange(len(findings)), count)
    offset = np.arange(len(index)) - np.repeat(np.cumsum(count) - count, count)
    return first[index] + offset, index
