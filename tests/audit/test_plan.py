# SPDX-License-Identifier: Apache-2.0
"""The plan of which frames to look at first."""

import pandas as pd
import pytest
from fiftyone_track_audit.plugin.audit.plan import frames_in_minutes, plan_frames


def issues(*rows):
    return pd.DataFrame(
        rows, columns=["sequence", "first_frame", "last_frame", "score"]
    )


LENGTHS = {"a": 20, "b": 30}


def picked(plan, role="review"):
    rows = plan[plan["role"] == role]
    return list(zip(rows["sequence"], rows["frame"], strict=True))


def test_the_frame_that_shows_most_comes_first():
    found = issues(("a", 3, 8, 0.8), ("a", 7, 12, 0.8), ("b", 5, 5, 0.95))
    plan = plan_frames(found, LENGTHS, budget=1, context=0)
    assert picked(plan) in ([("a", 7)], [("a", 8)])
    assert plan["expected"].tolist() == [pytest.approx(1.2)]


def test_an_issue_is_looked_at_once():
    found = issues(("a", 3, 8, 0.8), ("b", 5, 9, 0.7))
    plan = plan_frames(found, LENGTHS, budget=40, context=0)
    assert picked(plan) == [("a", 3), ("b", 5)]
    assert plan["expected"].sum() == pytest.approx(0.6 + 0.4)


@pytest.mark.parametrize("budget", [3, 5, 8, 50])
def test_context_counts_and_stays_in_its_sequence(budget):
    found = issues(("a", 20, 20, 0.9), ("b", 1, 1, 0.9), ("b", 15, 15, 0.8))
    plan = plan_frames(found, LENGTHS, budget)
    assert len(plan) <= budget
    frames = set(zip(plan["sequence"], plan["frame"], strict=True))
    for name, frame in picked(plan):
        for beside in (frame - 1, frame + 1):
            assert (name, beside) in frames or not 1 <= beside <= LENGTHS[name]
    assert all(1 <= frame <= LENGTHS[name] for name, frame in frames)
    assert not plan.duplicated(["sequence", "frame"]).any()


def test_more_budget_never_shows_less():
    found = issues(*(("b", i, i + i % 3, 0.55 + 0.01 * i) for i in range(1, 28)))
    expected = [
        plan_frames(found, LENGTHS, budget)["expected"].sum()
        for budget in range(3, 30, 3)
    ]
    assert expected == sorted(expected)
    assert expected[0] > 0


def test_without_issues_nothing_is_picked():
    assert plan_frames(issues(), LENGTHS, 10).empty


@pytest.mark.parametrize(
    ("budget", "context", "text"),
    [
        (0, 0, "budget of 1 frame"),
        (2, 1, "budget of 3 frames"),
        (5, -1, "0 or more"),
        (float("nan"), 1, "budget of 3 frames"),
        (5, float("nan"), "0 or more"),
    ],
)
def test_budgets_out_of_range(budget, context, text):
    with pytest.raises(ValueError, match=text):
        plan_frames(issues(), LENGTHS, budget, context)


def test_minutes_are_frames():
    assert frames_in_minutes(1) == 12
    assert frames_in_minutes(0.5) == 6


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), float("inf")])
def test_minutes_out_of_range(minutes):
    with pytest.raises(ValueError, match="minutes above 0"):
        frames_in_minutes(minutes)
