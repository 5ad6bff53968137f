# SPDX-License-Identifier: Apache-2.0
"""What each fix does to tracks with one mistake, and to those of several at once."""

import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.importers.tracks import Tracks
from fiftyone_track_audit.plugin.audit.kinds import ALL_KINDS
from fiftyone_track_audit.plugin.fixing.box_edits import INTERPOLATED, PREDICTED
from fiftyone_track_audit.plugin.fixing.choosing import choose_issues
from fiftyone_track_audit.plugin.fixing.planning import (
    LOG_COLUMNS,
    list_fixes,
    plan_fixes,
)
from fiftyone_track_audit.plugin.fixing.remedies import TABLE
from fix_cases import (
    LENGTH,
    SIZE,
    boxes_of,
    fix,
    issue,
    issues,
    make_tracks,
    same,
    walk,
)


def test_every_kind_has_a_row():
    assert set(ALL_KINDS) <= set(TABLE)
    for remedies in TABLE.values():
        names = [each.name for each in remedies]
        assert len(set(names)) == len(names)
        assert all(each.needs.endswith(".") for each in remedies)


@pytest.mark.parametrize("kind", ["size_change", "shift", "low_iou"])
def test_wrong_boxes_are_redrawn_where_their_track_is(kind):
    right, wrong = walk(1), walk(1)
    wrong.loc[[19, 20], "left"] += 25
    wrong.loc[[19, 20], "height"] *= 0.5
    plan, fixed = fix(make_tracks(wrong, walk(2, top=300)), issue(kind, 1, 20, 21))
    same(boxes_of(fixed, 1), boxes_of(right, 1))
    assert plan.fixes.loc[0, "fix"] == "redraw"
    assert plan.counts.moved == 2
    assert (fixed["mark"] == "").all()


def test_boxes_that_fit_stay_in_a_stretch_that_is_too_long():
    wrong = walk(1)
    wrong.loc[[19, 20], "left"] += 25
    plan, fixed = fix(make_tracks(wrong), issue("shift", 1, 8, 33))
    same(boxes_of(fixed, 1), boxes_of(walk(1), 1))
    assert plan.counts.moved == 2


def test_the_first_boxes_of_a_track_are_redrawn_too():
    wrong = walk(1)
    wrong.loc[[0, 1], "left"] += 25
    _, fixed = fix(make_tracks(wrong), issue("shift", 1, 1, 2))
    same(boxes_of(fixed, 1), boxes_of(walk(1), 1))


def test_boxes_that_fit_are_not_redrawn():
    plan, _ = fix(make_tracks(walk(1)), issue("size_change", 1, 20, 21))
    assert plan.fixes["fix"].isna().all()
    assert plan.edits.empty
    assert list(plan.log) == LOG_COLUMNS


def test_jitter_is_smoothed():
    wrong = walk(1)
    noise = np.random.default_rng(0).normal(0, 4, (10, 2))
    wrong.loc[15:24, ["left", "top"]] += noise
    _, fixed = fix(make_tracks(wrong), issue("jitter", 1, 16, 25))
    off = (boxes_of(fixed, 1) - boxes_of(walk(1), 1)).abs().to_numpy()
    assert off.max() < np.abs(noise).max() / 3


def test_a_drift_is_interpolated():
    wrong = walk(1)
    wrong.loc[10:30, "top"] += 30 * np.sin(np.linspace(0, np.pi, 21))
    _, fixed = fix(make_tracks(wrong), issue("drift", 1, 11, 31, peak=21))
    same(boxes_of(fixed, 1), boxes_of(walk(1), 1))


def test_a_gap_is_filled_and_marked():
    wrong = walk(1).drop(index=[19, 20, 21])
    tracks = make_tracks(wrong, color="red")
    plan, fixed = fix(tracks, issue("gap", 1, 19, 23))
    same(boxes_of(fixed, 1), boxes_of(walk(1), 1))
    added = fixed[fixed["mark"] == INTERPOLATED]
    assert added["frame"].tolist() == [20, 21, 22]
    assert added["frame_name"].tolist() == ["000020.jpg", "000021.jpg", "000022.jpg"]
    assert (added["color"] == "red").all()
    assert plan.log["change"].tolist() == ["added"] * 3
    assert plan.log["left"].isna().all()


def test_only_labeled_frames_are_filled():
    frames = [frame for frame in range(1, LENGTH + 1, 3) if frame != 19]
    _, fixed = fix(make_tracks(walk(1, frames)), issue("gap", 1, 16, 22))
    assert fixed.loc[fixed["mark"] != "", "frame"].tolist() == [19]


def test_a_gap_can_be_left():
    tracks = make_tracks(walk(1).drop(index=[19]))
    plan, fixed = fix(tracks, issue("gap", 1, 19, 21), chosen={0: "leave"})
    assert plan.fixes.loc[0, "fix"] == "leave"
    assert len(fixed) == len(tracks.table)


def swapped():
    one, two = walk(1), walk(2, top=150)
    one["track"], two["track"] = one["track"].astype(int), two["track"].astype(int)
    one.loc[one["frame"] >= 20, "track"] = 2
    two.loc[two["frame"] >= 20, "track"] = 1
    return one, two


def test_ids_are_exchanged():
    record = issue("identity_switch", 1, 19, 20, other=2, peak=20)
    plan, fixed = fix(make_tracks(*swapped()), record)
    same(boxes_of(fixed, 1), boxes_of(walk(1), 1))
    same(boxes_of(fixed, 2), boxes_of(walk(2, top=150), 2))
    assert plan.counts.identities == 2 * 21


def test_a_track_is_cut_with_an_id_that_nobody_had():
    record = issue("identity_switch", 1, 19, 20, other=2, peak=20)
    plan, fixed = fix(make_tracks(*swapped()), record, chosen={0: "cut"}, taken=7)
    assert plan.fixes.loc[0, "fix"] == "cut"
    assert sorted(fixed["track"].unique()) == [1, 2, 8]
    assert boxes_of(fixed, 8).index.tolist() == list(range(20, LENGTH + 1))


def test_a_track_that_jumps_to_a_new_object_is_cut():
    record = issue("identity_switch", 1, 19, 20, peak=20)
    plan, fixed = fix(make_tracks(walk(1), walk(2)), record)
    assert plan.fixes.loc[0, "fix"] == "cut"
    assert boxes_of(fixed, 3).index.tolist() == list(range(20, LENGTH + 1))


def test_what_is_missing_for_long_is_not_interpolated():
    away = make_tracks(walk(1, [1, 2, 3, 4, *range(36, 41)]))
    assert fix(away, issue("gap", 1, 4, 36))[0].edits.empty
    pieces = make_tracks(walk(1, range(1, 5)), walk(2, range(36, 41)))
    plan, _ = fix(pieces, issue("fragmentation", 1, 4, 36, other=2))
    assert (plan.counts.added, plan.counts.identities) == (0, 5)


def test_exchanges_that_follow_each_other_restore_all_three():
    parts = [walk(track, top=100.0 * track) for track in (1, 2, 3)]
    right = pd.concat(parts, ignore_index=True)
    wrong = right.copy()
    for frame, ids in ((15, {1: 2, 2: 1}), (25, {2: 3, 3: 2})):
        later = wrong["frame"] >= frame
        wrong.loc[later, "track"] = wrong.loc[later, "track"].replace(ids)
    # The issues name the tracks as they are labeled at their own frames
    _, fixed = fix(
        make_tracks(wrong),
        issue("identity_switch", 1, 14, 15, other=2, peak=15),
        issue("identity_switch", 2, 24, 25, other=3, peak=25),
    )
    for track in (1, 2, 3):
        same(boxes_of(fixed, track), boxes_of(right, track))


def test_three_tracks_that_show_each_other_s_objects_get_their_ids_back():
    parts = [walk(track, top=100.0 * track) for track in (1, 2, 3, 4)]
    right = pd.concat(parts, ignore_index=True)
    wrong = right.copy()
    later = wrong["frame"] >= 20
    wrong.loc[later, "track"] = wrong.loc[later, "track"].replace({1: 2, 2: 3, 3: 1})
    record = issue("identity_switch", 1, 19, 20, other=2, peak=20)
    plan, fixed = fix(make_tracks(wrong), record)
    assert plan.fixes.loc[0, "fix"] == "exchange"
    assert plan.counts.identities == 3 * 21
    for track in (1, 2, 3, 4):
        same(boxes_of(fixed, track), boxes_of(right, track))


def test_a_track_that_takes_over_the_object_of_an_ended_one_gives_it_back():
    taken, own = walk(2, range(1, 20), top=300), walk(1, range(1, 20))
    over = walk(1, range(20, LENGTH + 1), top=300)
    record = issue("identity_switch", 1, 19, 20, other=2, peak=20)
    plan, fixed = fix(make_tracks(taken, own, over), record)
    assert plan.fixes.loc[0, "fix"] == "exchange"
    same(boxes_of(fixed, 2), boxes_of(walk(2, top=300), 2))
    same(boxes_of(fixed, 1), boxes_of(own, 1))


def test_fragments_are_joined_and_filled():
    pieces = [walk(1, range(1, 16)), walk(5, range(18, 30)), walk(6, range(30, 41))]
    tracks = make_tracks(*pieces, object_id="a")
    table = tracks.table.assign(object_id=tracks.table["track"].map(str))
    plan, fixed = fix(
        Tracks(table, tracks.sequences),
        issue("fragmentation", 1, 15, 15, other=5),
        issue("fragmentation", 5, 29, 29, other=6),
    )
    same(boxes_of(fixed, 1), boxes_of(walk(1), 1))
    assert (fixed["object_id"] == "1").all()
    assert plan.counts.added == 2


def test_fragments_can_be_joined_alone_and_not_if_they_overlap():
    tracks = make_tracks(walk(1, range(1, 16)), walk(5, range(18, 41)))
    record = issue("fragmentation", 1, 15, 15, other=5)
    plan, fixed = fix(tracks, record, chosen={0: "join"})
    assert len(fixed) == len(tracks.table)
    assert plan.counts.identities == 23
    both = make_tracks(walk(1, range(1, 20)), walk(5, range(18, 41)))
    assert fix(both, record)[0].edits.empty


def test_a_track_is_extended_until_it_leaves_the_image():
    fast = walk(1, range(1, 13), left=500, step=10.0)
    plan, fixed = fix(make_tracks(fast), issue("truncated", 1, 12, 12))
    assert plan.counts.added == 0 or fixed["left"].max() + 20 <= SIZE[0]
    slow = make_tracks(walk(1, range(5, 26)))
    for frame, frames in ((25, range(26, 36)), (5, range(1, 5))):
        _, fixed = fix(slow, issue("truncated", 1, frame, frame))
        added = fixed[fixed["mark"] == PREDICTED]
        assert added["frame"].tolist() == list(frames)
        expected = boxes_of(walk(1, frames), 1)
        same(boxes_of(added, 1), expected)


def test_a_track_is_extended_as_far_as_its_motion_is_predictable():
    turned = walk(1, range(1, 26))
    # From the sixth last box on, it is not where its earlier boxes point
    turned.loc[19:, "top"] += 30.0 * np.arange(1, 7)
    record = issue("truncated", 1, 25, 25)
    assert fix(make_tracks(turned), record)[0].counts.added == 4
    turned["top"] = 100 + 20 * (-1.0) ** np.arange(25)
    plan, _ = fix(make_tracks(turned), record)
    assert plan.edits.empty
    # What is not predictable can still be left on purpose
    found = issues(record).iloc[0]
    fixes = list_fixes(make_tracks(turned), found)
    assert [each.name for each, _ in fixes] == ["leave"]


def test_a_track_that_another_fix_continues_is_not_extended():
    pieces = walk(1, range(1, 21)), walk(5, range(21, 41))
    plan, fixed = fix(
        make_tracks(*pieces),
        issue("truncated", 1, 20, 20, score=0.95),
        issue("fragmentation", 1, 20, 20, other=5),
    )
    assert plan.fixes["fix"].tolist()[1:] == ["join_and_fill"]
    assert pd.isna(plan.fixes["fix"].iloc[0])
    same(boxes_of(fixed, 1), boxes_of(walk(1), 1))


def test_a_box_that_cannot_be_used_becomes_the_one_that_its_track_suggests():
    record = issue("invalid", 1, 20, 20)
    outside = walk(1)
    outside.loc[19, "left"] = SIZE[0] + 5.0
    for tracks in (make_tracks(outside), make_tracks(walk(1).drop(index=[19]))):
        plan, fixed = fix(tracks, record)
        assert plan.fixes.loc[0, "fix"] == "replace"
        same(boxes_of(fixed, 1), boxes_of(walk(1), 1))
    plan, fixed = fix(make_tracks(outside), record, chosen={0: "delete_boxes"})
    assert plan.counts.deleted == 1
    assert 20 not in fixed["frame"].tolist()


def test_of_boxes_that_cannot_be_used_those_outside_are_deleted():
    gone = walk(1)
    gone.loc[39, "left"] = -60.0
    plan, fixed = fix(make_tracks(gone), issue("invalid", 1, 40, 40))
    assert plan.fixes.loc[0, "fix"] == "delete_boxes"
    assert fixed["frame"].max() == 39
    # A box that is set aside beside a good one is not the good one
    plan, _ = fix(make_tracks(walk(1)), issue("invalid", 1, 20, 20))
    assert plan.edits.empty
    # Nor is there anything to fix of a label that is in no frame, or of no track
    nowhere = issues(issue("invalid", 1, 20, 20), issue("invalid", -1, 20, 20))
    nowhere[["first_frame", "last_frame", "peak_frame"]] = [[np.nan] * 3, [20] * 3]
    tracks = make_tracks(walk(1).drop(index=[19]))
    assert plan_fixes(tracks, nowhere).edits.empty
    assert [list_fixes(tracks, nowhere.iloc[at]) for at in range(2)] == [[], []]


def test_labels_become_the_usual_one():
    wrong = walk(1)
    wrong.loc[9:11, "label"] = "truck"
    plan, fixed = fix(make_tracks(wrong), issue("label_change", 1, 10, 12, peak=10))
    assert set(fixed["label"]) == {"car"}
    assert plan.log["label"].tolist() == ["truck"] * 3
    assert plan.log["new_label"].tolist() == ["car"] * 3


def test_what_has_no_fix_is_left_alone():
    plan, _ = fix(make_tracks(walk(1)), issue("appearance", 1, 10, 10))
    assert plan.fixes["fix"].isna().all()


def test_boxes_without_a_track_have_no_fix():
    tracks = make_tracks(walk(-1, [3]), walk(1))
    for kind in ("shift", "duplicate", "gap", "short_track"):
        plan, _ = fix(tracks, issue(kind, -1, 3, 3, other=1))
        assert plan.edits.empty, kind


def test_an_unknown_fix_is_named():
    with pytest.raises(ValueError, match=r"gap has no fix 'cut' \(it has: fill, leave"):
        fix(make_tracks(walk(1)), issue("gap", 1, 3, 5), chosen={0: "cut"})


def test_only_fixes_that_apply_are_listed():
    found = issues(issue("gap", 1, 19, 21), issue("gap", 1, 3, 5)).iloc
    tracks = make_tracks(walk(1).drop(index=[19]))
    assert [each.name for each, _ in list_fixes(tracks, found[0])] == ["fill", "leave"]
    assert [each.name for each, _ in list_fixes(tracks, found[1])] == ["leave"]


def test_issues_are_chosen_by_kind_and_score():
    found = issues(
        issue("gap", 1, 3, 5),
        issue("gap", 1, 9, 12, score=0.6),
        issue("shift", 1, 3, 5),
    )
    assert choose_issues(found, ["gap"], 0.8).index.tolist() == [0]
    assert choose_issues(found, ["gap", "shift"], 0.5).index.tolist() == [0, 1, 2]
    for kinds, score in ((["appearance"], 0.8), (["gaps"], 0.8), (["gap"], 1.2)):
        with pytest.raises(ValueError, match="expected"):
            choose_issues(found, kinds, score)


def test_the_input_is_never_changed():
    tracks = make_tracks(walk(1).drop(index=[19]), walk(2, range(3, 9)))
    before = tracks.table.copy()
    fix(tracks, issue("gap", 1, 19, 21), issue("short_track", 2, 3, 8))
    pd.testing.assert_frame_equal(tracks.table, before)


def test_tracks_of_one_box_before_the_switch_are_exchanged():
    one, two = walk(1, range(19, LENGTH + 1)), walk(2, range(19, LENGTH + 1), top=300)
    late = walk(3, [17, 19, 20, 21], top=400)
    wrong = pd.concat([one, two, late], ignore_index=True)
    later = wrong["frame"] >= 20
    wrong.loc[later, "track"] = wrong.loc[later, "track"].replace({1: 2, 2: 1})
    record = issue("identity_switch", 1, 19, 20, other=2, peak=20)
    _, fixed = fix(make_tracks(wrong), record)
    same(boxes_of(fixed, 1), boxes_of(one, 1))
    same(boxes_of(fixed, 2), boxes_of(two, 2))
    same(boxes_of(fixed, 3), boxes_of(late, 3))
