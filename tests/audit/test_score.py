# SPDX-License-Identifier: Apache-2.0
"""How findings become odds: the trees, and the order of findings of one kind."""

import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.plugin.audit.evidence import EVIDENCE, compare_findings
from fiftyone_track_audit.plugin.audit.score import (
    FLAG_ODDS,
    Model,
    judge,
    log_odds,
    score_rows,
    select_judged,
)
from fiftyone_track_audit.plugin.audit.trees import Trees


def stump(base=0.0):
    """One tree: 1 where the strength is above 2, otherwise -1."""
    return Trees(
        base,
        roots=np.array([0]),
        feature=np.array([0, 0, 0]),
        threshold=np.array([2.0, 0, 0]),
        left=np.array([1, 1, 2]),
        right=np.array([2, 1, 2]),
        value=np.array([0.0, -1, 1]),
    )


def make_findings(**kinds):
    """Findings of one box each, a row apart, with these strengths."""
    rows = [(kind, strength) for kind in kinds for strength in kinds[kind]]
    table = pd.DataFrame(rows, columns=["kind", "strength"])
    peak = np.arange(len(table))
    return table.assign(
        peak=peak, first=peak, last=peak, amount=0.0, severity=np.nan, other=-1
    )


def test_trees_add_up():
    values = stump(0.5).add_up(np.array([[2.0], [2.1], [-3.0]]))
    np.testing.assert_array_equal(values, [-0.5, 1.5, -0.5])
    assert stump().add_up(np.zeros((0, 1))).shape == (0,)


def test_odds_are_lifted_and_given():
    findings = make_findings(gap=[3.0], drift=[3.0], appearance=[3.0])
    evidence = np.zeros((3, len(EVIDENCE)))
    evidence[:, EVIDENCE.index("strength")] = np.log(3)
    model = Model(
        {"gap": 0.0, "drift": 0.0},
        {"drift": 1.5},
        {"appearance": (-1.6, 2.0)},
        stump(),
    )
    odds = log_odds(findings, evidence, model)
    np.testing.assert_allclose(odds, [-1, 0.5, -1.6 + 2 * np.log(3)])


def test_a_second_kind_is_shown_before_the_tenth_of_the_first():
    findings = make_findings(gap=[3.0, *np.linspace(2.9, 2.1, 9)], drift=[2.5])
    rarity = compare_findings(findings, 2000)["rarity"]
    evidence = np.full((11, len(EVIDENCE)), 3.0)
    evidence[:, EVIDENCE.index("rarity")] = rarity
    model = Model({"gap": 1.0, "drift": 0.0}, {"gap": 0.5}, {}, stump(), (3.0, -0.9))
    odds = judge(findings, np.ones(11, bool), evidence, 2000, model)["odds"]
    assert odds[0] > odds[10] > odds[9]
    assert (np.diff(odds[:10]) < 0).all()


def test_rarity_counts_findings_of_the_same_kind_that_are_as_strong():
    found = compare_findings(make_findings(gap=[1, 2, 2, 4], drift=[1]), 2000)
    counts = 2 * np.expm1(-found["rarity"])
    np.testing.assert_allclose(counts, [4, 3, 3, 1, 1])
    assert found["prominence"][3] > found["prominence"][1] > found["prominence"][0]


def judge_all(findings, rows, model=None, evidence=0.0):
    every = np.ones(len(findings), bool)
    about = np.full((len(findings), len(EVIDENCE)), evidence)
    return judge(findings, every, about, rows, model)


def test_in_a_short_video_nothing_sinks_and_lively_motion_is_not_lifted():
    findings = make_findings(drift=[3.0], gap=[3.0, 3.0, 3.0])
    model = Model({"drift": 0.0, "gap": 0.0}, {"drift": 1.5}, {}, stump(), (3.0, 0.9))
    short, long = (judge_all(findings, n, model)["odds"] for n in (999, 1000))
    assert short[0] == -1
    assert (short[1:] == short[1]).all()
    assert short[1] > -1
    np.testing.assert_allclose(long + 3 * 0.9 + 1, [1.5, 0, 0, 0])


def test_the_strongest_findings_of_a_kind_are_judged_and_all_whose_odds_are_given():
    findings = make_findings(gap=range(1, 31), appearance=range(1, 31))
    model = Model({"gap": 0.0}, {}, {"appearance": (0.0, 1.0)}, stump())
    judged = select_judged(findings, 1000, model.given)
    assert judged.tolist() == [False] * 15 + [True] * 45
    odds = judge(findings, judged, np.zeros((45, len(EVIDENCE))), 1000, model)["odds"]
    assert odds[:15].max() < odds[15:30].min()


@pytest.mark.parametrize("severity", [1.5, np.nan])
def test_boxes_that_break_a_threshold_are_flagged(severity):
    findings = make_findings(shift=[0.01]).assign(severity=severity)
    judged = judge_all(findings, 100)
    flagged = judged["odds"][0] > FLAG_ODDS or severity > 1
    assert judged["flagged"][0] == flagged
    assert (score_rows(judged, 100)[0] > 0.5) == flagged


def test_where_most_boxes_break_a_threshold_only_the_worst_are_flagged():
    findings = make_findings(shift=np.linspace(1, 2, 500))
    findings["severity"] = findings["strength"]
    judged = judge_all(findings, 500, evidence=-5.0)
    unlikely = judged[judged["odds"] <= FLAG_ODDS]
    flagged = unlikely[unlikely["flagged"]]
    assert len(flagged) < 10
    assert judged["flagged"].iloc[-1]
