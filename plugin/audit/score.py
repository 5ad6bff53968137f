# SPDX-License-Identifier: Apache-2.0
"""The score: how likely findings are mistakes, and what that means for each box.

Boosted trees weigh the evidence about a finding (see ``evidence.py``); they are the
same for all kinds, and know of a kind only how often its findings are right. So what
one kind teaches holds for the others. ``docs/scoring.md`` describes how the trees were
fitted, and compares the score with other methods on videos that they never saw.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from .boxes import Floats, Rows
from .evidence import EVIDENCE
from .trees import Trees

#: Log odds above which a box is an outlier.
FLAG_ODDS = -1.3
#: Log odds below which a finding does not change a score.
_LEAST_ODDS = -9.0
#: Findings of a kind that are judged, per thousand boxes, and the least number of
#: them. No reviewer gets to those that are more common.
_JUDGED, _FEWEST = 15, 10
#: Number of boxes below which a video is short: hardly any other findings tell what is
#: usual there, and nothing waits for long in a short list. So rarity does not count on
#: top, and the head start of lively motion goes to kinds that are there or not, however
#: objects move.
_ENOUGH = 1000
_SHORT_LIFTS = dict.fromkeys(("gap", "truncated", "label_change"), 1.1)
#: Share of the boxes that are flagged for breaking a threshold alone, per kind, and the
#: least number of them: the worst. Where more boxes break a threshold, it is not made
#: for the video.
_BREAKING, _FEW_BREAKS = 0.002, 5
#: The highest score of doubtful circumstances alone, see ``doubt.py``. It ranks the
#: boxes without findings.
DOUBT = 0.05
#: An issue needs one look, so its other boxes rank behind the worst boxes of other
#: issues: their log odds are scaled by a third, minus two.
_REST, _BEHIND = 0.35, 2.0
#: Findings of up to so many boxes flag them all, even if they are mere guesses.
_SHORT = 2


@dataclass(frozen=True)
class Model:
    """What turns evidence into log odds.

    Attributes:
        priors: by kind, the log odds of its findings before any evidence
        lifts: by kind, what is added in the end. Mistakes that look like lively
            motion are never likely, and would always be looked at last
        given: by kind, for those that planted mistakes cannot teach: the log odds at a
            strength of 1, and what is added for each e-fold of the strength
        trees: what the evidence about all others adds up to; they see the columns of
            :data:`EVIDENCE`, and then the prior
        rarity: how much the rarity of a finding counts on top of that, and from which
            rarity on it counts for the finding. How unusual a finding is in its own
            video holds on footage unlike any that the trees know, and a review list
            is for finding different mistakes early: the tenth finding of a kind sinks
    """

    priors: dict[str, float]
    lifts: dict[str, float]
    given: dict[str, tuple[float, float]]
    trees: Trees
    rarity: tuple[float, float] = (0.0, 0.0)


def log_odds(
    findings: pd.DataFrame, evidence: Floats, model: Model | None = None
) -> Floats:
    """Compute how likely the findings of one sequence are mistakes.

    Args:
        findings: ``m`` findings of all kinds
        evidence: array ``(m, e)``, see :func:`gather_evidence`
        model (None): the :class:`Model`, by default that of the package

    Returns:
        array ``(m,)``, the natural logarithm of the odds; 0 means even odds
    """
    model = model or read_model()
    codes, kinds = pd.factorize(findings["kind"])
    priors = np.array([model.priors.get(kind, 0.0) for kind in kinds])[codes]
    result = model.trees.add_up(np.column_stack([evidence, priors]))
    result += np.array([model.lifts.get(kind, 0.0) for kind in kinds])[codes]
    weight, least = model.rarity
    result += weight * (evidence[:, EVIDENCE.index("rarity")] - least)
    strength = evidence[:, EVIDENCE.index("strength")]
    for code, kind in enumerate(kinds):
        if kind in model.given:
            base, slope = model.given[kind]
            own = codes == code
            result[own] = base + slope * strength[own]
    return result


@cache
def read_model() -> Model:
    """Return the model that comes with the package."""
    stored = json.loads(Path(__file__).with_name("weights.json").read_text())
    trees = Trees(
        stored["base"],
        roots=np.array(stored["roots"], np.intp),
        feature=np.array(stored["feature"], np.intp),
        threshold=np.array(stored["threshold"], float),
        left=np.array(stored["left"], np.intp),
        right=np.array(stored["right"], np.intp),
        value=np.array(stored["value"], float),
    )
    given = {kind: tuple(values) for kind, values in stored["given"].items()}
    rarity = tuple(stored["rarity"])
    return Model(stored["priors"], stored["lifts"], given, trees, rarity)


def judge(
    findings: pd.DataFrame,
    judged: NDArray[np.bool_],
    evidence: Floats,
    rows: int,
    model: Model | None = None,
) -> pd.DataFrame:
    """Judge the findings of one sequence.

    Args:
        findings: ``m`` findings of all kinds
        judged: bool array ``(m,)``, which of them are judged, see
            :func:`select_judged`; the others are the least likely
        evidence: array ``(j, e)`` about those, see :func:`gather_evidence`
        rows: number of boxes of the sequence
        model (None): the :class:`Model`, by default that of the package

    Returns:
        the findings with the further columns ``odds``, natural logarithms, which
        rank them; ``flagged``, whether their worst box is an outlier; and ``whole``,
        whether all of their boxes are then
    """
    model = model or read_model()
    if rows < _ENOUGH:
        model = replace(model, lifts=_SHORT_LIFTS, rarity=(0.0, 0.0))
    odds = np.full(len(findings), _LEAST_ODDS)
    odds[judged] = log_odds(findings[judged], evidence, model)
    breaks = _breaks(findings, rows)
    short = findings["last"] - findings["first"] < _SHORT
    return findings.assign(
        odds=odds,
        flagged=(odds > FLAG_ODDS) | breaks,
        whole=(rest_odds(odds) > FLAG_ODDS) | breaks | short,
    )


def select_judged(
    findings: pd.DataFrame, rows: int, given: Collection[str]
) -> NDArray[np.bool_]:
    """Select the findings that are judged: the strongest ones of each kind.

    Args:
        findings: ``m`` findings of one sequence
        rows: number of boxes of the sequence
        given: the kinds that are judged in any number

    Returns:
        bool array ``(m,)``
    """
    codes, kinds = pd.factorize(findings["kind"])
    strengths = findings["strength"].groupby(codes)
    common = strengths.rank(ascending=False, method="max").to_numpy()
    judged: NDArray[np.bool_] = common <= max(_FEWEST, _JUDGED * rows / 1000)
    judged |= np.array([kind in given for kind in kinds], bool)[codes]
    return judged


def _breaks(findings: pd.DataFrame, rows: int) -> NDArray[np.bool_]:
    """Return which findings are flagged because they break a threshold, ``(m,)``."""
    severity = findings["severity"]
    if not (severity > 1).any():
        return np.zeros(len(findings), bool)
    place = severity.groupby(findings["kind"]).rank(ascending=False)
    result: NDArray[np.bool_] = (
        (severity > 1) & (place <= max(_FEW_BREAKS, _BREAKING * rows))
    ).to_numpy(bool)
    return result


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
        findings: the findings, with the columns that :func:`judge` adds
        rows: number of boxes

    Returns:
        array ``(rows,)`` of scores in [0, 1]; 0 without findings
    """
    result = np.zeros(rows)
    likely = findings[(findings["odds"] > _LEAST_ODDS) | findings["flagged"]]
    odds, flagged = likely["odds"].to_numpy(), likely["flagged"].to_numpy(float)
    place, index = covered_rows(likely)
    whole = flagged * likely["whole"].to_numpy(float)
    scores = odds_to_score(rest_odds(odds), whole)
    np.maximum.at(result, place, scores[index])
    worst = odds_to_score(odds, flagged)
    np.maximum.at(result, likely["peak"].to_numpy(), worst)
    return result


def rest_odds(odds: Floats) -> Floats:
    """Return the log odds by which all but the worst box of findings are ranked.

    Args:
        odds: array ``(m,)``, the log odds of the findings

    Returns:
        array ``(m,)``
    """
    result: Floats = np.where(odds > 0, odds * _REST, odds / _REST) - _BEHIND
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
