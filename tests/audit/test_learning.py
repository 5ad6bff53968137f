# SPDX-License-Identifier: Apache-2.0
"""What decisions teach about the open issues."""

import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.plugin.audit.learning import learn, score_to_odds


def make_issues(**kinds):
    """Issues of each kind: pairs of a score and a decision, None for open ones."""
    rows = [(kind, *each) for kind, issues in kinds.items() for each in issues]
    return pd.DataFrame(rows, columns=["kind", "score", "decision"])


def test_without_decisions_nothing_changes():
    issues = make_issues(gap=[(0.9, None), (0.7, None)], drift=[(0.6, None)])
    learned = learn(issues)
    np.testing.assert_array_equal(learned.odds, learned.before)
    assert learned.message == ""


def test_dismissed_kinds_sink_below_others():
    gaps = [(0.9, "dismissed")] * 12 + [(0.9, None)]
    issues = make_issues(gap=gaps, shift=[(0.8, None)])
    learned = learn(issues)
    assert learned.odds[12] < learned.odds[13]
    assert learned.message == "12 gaps dismissed: gaps now rank lower"


def test_the_strongest_issues_sink_when_they_are_dismissed():
    fragments = [(0.999, "dismissed")] * 4 + [(0.999, None)]
    learned = learn(make_issues(fragmentation=fragments))
    assert learned.odds[4] < 0 < learned.before[4]


def test_confirmed_kinds_rise():
    drifts = [(0.55, "confirmed")] * 5 + [(0.55, None)]
    learned = learn(make_issues(drift=drifts, size_change=[(0.6, None)]))
    assert learned.odds[5] > learned.odds[6]
    assert learned.message == "5 drift issues confirmed: drift issues now rank higher"


def test_the_reviewer_is_told_of_what_the_decisions_agree_on():
    mixed = [(0.75, "confirmed"), (0.75, "dismissed")] * 6
    assert learn(make_issues(ghost=mixed)).message == ""


def test_stronger_issues_of_a_kind_can_stay_when_weak_ones_sink():
    strong, weak = [(0.97, "confirmed")] * 8, [(0.6, "dismissed")] * 8
    issues = make_issues(jitter=[*strong, *weak, (0.97, None), (0.6, None)])
    learned = learn(issues)
    change = learned.odds - learned.before
    assert change[16] > 0 > change[17]


def test_reopening_undoes_what_a_decision_taught():
    before = make_issues(gap=[(0.9, None), (0.8, None)])
    decided = before.assign(decision=["dismissed", None])
    assert learn(decided).odds[1] < learn(before).odds[1]
    again = decided.assign(decision=None)
    np.testing.assert_array_equal(learn(again).odds, learn(before).odds)


@pytest.mark.parametrize("number", [1, 2])
def test_few_decisions_are_not_worth_telling(number):
    gaps = [(0.9, "dismissed")] * number + [(0.9, None)]
    assert learn(make_issues(gap=gaps)).message == ""


def test_scores_become_odds_within_limits():
    odds = score_to_odds(pd.Series([1.0, 0.75, 0.5, 0.2, None]))
    np.testing.assert_allclose(odds, [4, 0, -4, -4, 0], atol=1e-9)
