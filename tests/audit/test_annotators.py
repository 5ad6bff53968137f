# SPDX-License-Identifier: Apache-2.0
"""Issues are counted by who drew the boxes, with intervals."""

import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.plugin.audit.annotators import (
    count_by_annotator,
    find_annotators,
    name_annotators,
)


def test_the_usual_names_are_found_in_any_case():
    assert find_annotators(["color", "Assignee", "worker_id"]) == "Assignee"
    assert find_annotators(["color"]) is None


def test_an_issue_is_of_who_drew_the_nearest_box_of_its_track():
    table = pd.DataFrame(
        {
            "sequence": pd.Categorical(["a"] * 5 + ["b"]),
            "track": [1, 1, 1, 2, -1, 1],
            "frame": [1, 2, 9, 5, 5, 5],
            "by": ["anna", "anna", "ben", None, "cleo", "dora"],
        }
    )
    issues = pd.DataFrame(
        {
            "sequence": ["a", "a", "b", "a", "a"],
            "track": [1, 1, 1, 2, -1],
            "peak_frame": [2, 8, 1, 5, 5],
        },
        index=[7, 3, 5, 1, 0],
    )
    named = name_annotators(table, issues, "by")
    assert named.index.tolist() == [7, 3, 5, 1, 0]
    assert named.tolist() == ["anna", "ben", "dora", None, None]


def test_rates_have_exact_poisson_intervals():
    boxes = pd.Series({"anna": 2000, "ben": 500, None: 10})
    by = pd.Series(["anna"] * 4 + ["ben"] * 5 + [None])
    decisions = pd.Series(["confirmed", "fixed", "dismissed", None, *[None] * 6])
    counted = count_by_annotator(boxes, by, decisions)
    assert counted["annotator"].tolist() == ["ben", "anna", None]
    ben, anna, others = counted.to_dict("records")
    assert (anna["issues"], anna["confirmed"], anna["fixed"], anna["open"]) == (
        4,
        1,
        1,
        1,
    )
    assert anna["issues_per_thousand"] == 2
    # 4 events: from 1.090 to 10.242 (Garwood)
    assert anna["issues_low"] == pytest.approx(1.0899 / 2, abs=1e-3)
    assert anna["issues_high"] == pytest.approx(10.2416 / 2, abs=1e-3)
    assert anna["mistakes_per_thousand"] == 1
    assert np.isnan(ben["mistakes_per_thousand"])
    assert (others["boxes"], others["issues"]) == (10, 1)


def test_annotators_without_issues_or_boxes_are_counted():
    counted = count_by_annotator(
        pd.Series({"anna": 1000}), pd.Series(["ben"]), pd.Series([None], dtype=object)
    )
    ben, anna = counted.sort_values("boxes").to_dict("records")
    assert np.isnan(ben["issues_per_thousand"])
    assert (anna["issues_low"], anna["issues_high"]) == (
        0,
        pytest.approx(3.6889, abs=1e-3),
    )
