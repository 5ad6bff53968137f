# SPDX-License-Identifier: Apache-2.0
"""The order of the list of issues."""

import pandas as pd
import pytest
from fiftyone_track_audit.plugin.panel.listing import rank_issues, sort_issues

# The panel's package imports FiftyOne
pytestmark = pytest.mark.usefixtures("database")


def make_issues(decisions):
    """Gaps of the highest score with these decisions, and one open shift."""
    kinds = ["gap"] * len(decisions) + ["shift"]
    return pd.DataFrame(
        {
            "id": [f"{number:02d}" for number in range(len(kinds))],
            "kind": kinds,
            "sequence": "street",
            "first_frame": range(1, len(kinds) + 1),
            "track": 1,
            "score": [0.9] * len(decisions) + [0.85],
            "decision": [*decisions, None],
        }
    )


def test_the_list_can_follow_the_sequences_and_their_frames():
    issues, _ = rank_issues(make_issues([None] * 3))
    issues["sequence"] = ["b", "a", "a", "b"]
    issues["first_frame"] = [5, 9, 3, 1]
    ordered = sort_issues(issues, "time")
    assert ordered["id"].tolist() == ["02", "01", "03", "00"]
    with pytest.raises(ValueError, match="expected one of score, time as 'order'"):
        sort_issues(issues, "color")


def test_without_decisions_the_scores_order_the_list():
    issues, message = rank_issues(make_issues([None] * 5))
    assert sort_issues(issues)["kind"].tolist() == ["gap"] * 5 + ["shift"]
    assert (issues["rank"] == issues["score"]).all()
    assert message == ""


def test_dismissed_gaps_let_open_gaps_sink():
    issues, message = rank_issues(make_issues(["dismissed"] * 6 + [None] * 3))
    kinds = sort_issues(issues)["kind"].tolist()
    assert kinds == ["gap"] * 6 + ["shift"] + ["gap"] * 3
    assert message == "6 gaps dismissed: gaps now rank lower"


def test_an_empty_list_has_no_order():
    issues, message = rank_issues(make_issues([])[:0])
    assert sort_issues(issues).empty
    assert message == ""
