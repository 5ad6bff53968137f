# SPDX-License-Identifier: Apache-2.0
"""Findings about one mistake become one issue, with the frames of its kind."""

import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.plugin.audit.findings import make_findings
from fiftyone_track_audit.plugin.audit.grouping import find_issues
from fiftyone_track_audit.plugin.audit.scene import make_scene
from made_tracks import make_tracks

#: The boxes of the only track.
BOXES = [(frame, 1, 100 + 4 * frame, 300, 60, 150) for frame in range(1, 41)]


def find(*findings):
    """The issues of findings: ``(kind, first, last, odds)`` by their boxes."""
    rows = [
        make_findings(
            kind, np.array([first]), np.ones(1), np.array([first]), np.array([last])
        ).assign(odds=odds, flagged=True)
        for kind, first, last, odds in findings
    ]
    signals = pd.DataFrame(index=range(len(BOXES)))
    issues = find_issues(make_scene(make_tracks(BOXES)), pd.concat(rows), signals)
    return issues[["kind", "first_frame", "last_frame"]].to_numpy().tolist()


@pytest.mark.parametrize("other", ["jitter", "shift", "drift"])
def test_an_issue_has_the_frames_of_its_own_kind(other):
    assert find(("ghost", 30, 39, 3.0), (other, 20, 31, 2.0)) == [["ghost", 31, 40]]
    assert find(("ghost", 30, 39, 0.0), ("ghost", 28, 29, 1.0)) == [["ghost", 29, 40]]


def test_wrong_boxes_next_to_each_other_are_one_mistake_whatever_shows_it():
    found = find(("shift", 10, 11, 3.0), ("size_change", 12, 12, 1.0))
    assert found == [["shift", 11, 13]]


def test_a_duplicate_explains_that_its_track_is_short():
    found = find(("truncated", 39, 39, 3.0), ("duplicate", 0, 39, 2.0))
    assert found == [["duplicate", 1, 40]]
