# SPDX-License-Identifier: Apache-2.0
"""Switches of identity are counted as MOTA does, and named by issues that are near."""

import pandas as pd
from fiftyone_track_audit.importers.tracks import Tracks, make_table
from identities import find_switches, name_switches, number_mistakes


def tracks(ids, left=0.0):
    columns = {"frame": range(1, len(ids) + 1), "track": ids, "left": left}
    rest = {"top": 0.0, "width": 10.0, "height": 20.0, "label": "person"}
    rows = pd.DataFrame({**columns, **rest}).query("track >= 0")
    return Tracks(make_table(rows.assign(sequence="a", frame_name="a.jpg")), {})


def test_a_switch_is_a_match_to_another_track_than_the_last():
    truth = tracks([1] * 6)
    switches = find_switches(tracks([7, 7, -1, 8, 8, 7]), truth)
    assert switches.to_numpy().tolist() == [[4, 7, 8, 1], [6, 8, 7, 1]]


def test_boxes_elsewhere_match_nothing():
    truth = tracks([1] * 4)
    assert find_switches(tracks([7, 7, 8, 8], left=8.0), truth).empty


def test_issues_name_switches_of_their_tracks_nearby():
    switches = pd.DataFrame({"frame": [20, 90], "before": [1, 1], "after": [2, 3]})
    issues = pd.DataFrame(
        {
            "track": [1, 5],
            "other_track": pd.array([2, pd.NA], "Int32"),
            "first_frame": [10, 90],
            "last_frame": [15, 90],
        }
    )
    assert name_switches(switches, issues).tolist() == [True, False]


def test_switches_of_one_object_in_a_row_are_one_mistake():
    switches = pd.DataFrame({"frame": [2, 3, 3, 8, 20], "object": [1, 1, 2, 1, 1]})
    assert number_mistakes(switches).tolist() == [1, 1, 3, 1, 2]
