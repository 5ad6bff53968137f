# SPDX-License-Identifier: Apache-2.0
"""What is deleted to fix a mistake."""

import numpy as np
import pytest
from fix_cases import LENGTH, boxes_of, fix, issue, make_tracks, same, walk


def test_a_ghost_loses_its_tail_only():
    still = walk(1)
    still.loc[30:, "left"] = still.loc[29, "left"]
    _, fixed = fix(make_tracks(still), issue("ghost", 1, 31, 40, peak=31))
    assert fixed["frame"].max() == 30
    inside = walk(1)
    inside.loc[19:24, "left"] = inside.loc[18, "left"]
    plan, fixed = fix(make_tracks(inside), issue("ghost", 1, 20, 25, peak=20))
    assert plan.fixes.loc[0, "fix"] == "interpolate"
    same(boxes_of(fixed, 1), boxes_of(walk(1), 1))


def test_the_shorter_of_two_duplicates_goes_or_else_the_rougher():
    long, short = walk(1), walk(2, range(5, 16), left=102)
    record = issue("duplicate", 2, 5, 15, other=1, peak=5)
    _, fixed = fix(make_tracks(long, short), record)
    assert set(fixed["track"]) == {1}
    _, fixed = fix(make_tracks(long, short), record, chosen={0: "delete_other"})
    assert set(fixed["track"]) == {2}
    rough = walk(1)
    rough["left"] += np.random.default_rng(0).normal(0, 2, LENGTH)
    record = issue("duplicate", 2, 1, 40, other=1, peak=1)
    _, fixed = fix(make_tracks(rough, walk(2)), record)
    assert set(fixed["track"]) == {2}


def test_short_tracks_are_deleted():
    tracks = make_tracks(walk(1), walk(4, range(10, 12)))
    plan, fixed = fix(tracks, issue("short_track", 4, 10, 11, peak=10))
    assert set(fixed["track"]) == {1}
    assert plan.log["new_left"].isna().all()
    assert plan.log["change"].tolist() == ["deleted"] * 2


def test_a_short_track_that_is_wrong_from_end_to_end_is_deleted():
    tracks = make_tracks(walk(1), walk(4, range(10, 26), top=300))
    plan, fixed = fix(tracks, issue("truncated", 4, 10, 25, peak=10))
    assert plan.fixes.loc[0, "fix"] == "delete_track"
    assert set(fixed["track"]) == {1}
    # One that begins or ends too late or early is extended
    plan, _ = fix(tracks, issue("truncated", 4, 25, 25))
    assert plan.fixes.loc[0, "fix"] == "extend"


def stopped(frames):
    track = walk(1, frames)
    track.loc[24:, "left"] = track.loc[23, "left"]
    return track


def test_the_end_of_a_track_that_stops_dead_is_deleted():
    record = issue("truncated", 1, 36, 36)
    plan, fixed = fix(make_tracks(stopped(range(1, 37))), record)
    assert plan.fixes.loc[0, "fix"] == "delete_tail"
    assert fixed["frame"].max() == 24
    # Not if it hardly stops, nor if another track begins where it is
    plan, _ = fix(make_tracks(stopped(range(1, 28))), issue("truncated", 1, 27, 27))
    assert plan.counts.deleted == 0
    goes_on = walk(2, range(37, 41), left=walk(1).loc[23, "left"] - 2 * 37)
    record = issue("fragmentation", 1, 36, 37, other=2)
    plan, _ = fix(make_tracks(stopped(range(1, 37)), goes_on), record)
    assert plan.fixes.loc[0, "fix"] == "join_and_fill"
    elsewhere = make_tracks(stopped(range(1, 37)), walk(2, range(37, 41), top=150))
    plan, fixed = fix(elsewhere, record)
    assert plan.fixes.loc[0, "fix"] == "delete_tail"
    assert boxes_of(fixed, 1).index.max() == 24


@pytest.mark.parametrize("early", [True, False])
def test_a_short_track_beside_the_path_of_another_one_is_deleted(early):
    few, many = (range(1, 5), range(6, 41)) if early else (range(37, 41), range(1, 36))
    record = issue("fragmentation", 1, 35, 37, other=2)
    plan, fixed = fix(make_tracks(walk(1, many), walk(2, few, top=250)), record)
    assert plan.fixes.loc[0, "fix"] == "delete_stray"
    assert set(fixed["track"]) == {1}
    plan, _ = fix(make_tracks(walk(1, many), walk(2, few, top=130)), record)
    assert plan.fixes.loc[0, "fix"] == "join_and_fill"
