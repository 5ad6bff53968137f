# SPDX-License-Identifier: Apache-2.0
"""Fixing issues in a dataset, and undoing that."""

import fiftyone_track_audit as fta
import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.importers.tracks import BOX, Tracks, make_table
from fiftyone_track_audit.plugin.corrections.fixes import list_fixed, preview_fixes
from fiftyone_track_audit.plugin.review.decisions import FIXED
from fiftyone_track_audit.plugin.review.issues import read_dataset_issues
from fiftyone_track_audit.plugin.review.rejudging import count_changed
from killed import is_killed, kill_at_each_write
from small_datasets import SHIFTED, SHORT, audited_walkers, copy_of, table, walkers

pytestmark = pytest.mark.usefixtures("database")

FIELD = "ground_truth"
#: The fewest writes at which a process is killed.
KILLS = 6
#: The frames in which track 1 of "a" has no box.
GAP = (16, 17)


def with_gap(tracks):
    gone = (tracks.table["track"] == 1) & tracks.table["frame"].isin(GAP)
    kept = tracks.table[~gone].reset_index(drop=True)
    return Tracks(make_table({name: kept[name] for name in kept}), tracks.sequences)


@pytest.fixture(scope="module")
def original(database, tmp_path_factory):
    folder = tmp_path_factory.mktemp("walkers")
    parts = [with_gap(walkers("a", folder / "a")), walkers("b", folder / "b")]
    with audited_walkers("fixable", folder, *parts) as dataset:
        yield dataset


@pytest.fixture
def dataset(original):
    with copy_of(original, "fixed") as copy:
        yield copy


def issues(dataset):
    found = read_dataset_issues(dataset, FIELD)
    names = dict(zip(*dataset.values(["id", "sequence"]), strict=True))
    return found.assign(sequence=found["sample_id"].map(names))


def of(dataset, kind, sequence="a"):
    found = issues(dataset)
    return found[(found["kind"] == kind) & (found["sequence"] == sequence)]


def labels(dataset):
    return table(dataset, FIELD, "id", "color")


def signals(dataset):
    own = ["outlier_score", "size_change", "iou_prev"]
    return table(dataset, FIELD, *own)


def test_a_box_is_redrawn_and_its_track_judged_again(dataset):
    before = labels(dataset)
    assert set(issues(dataset)["kind"]) == {"shift", "size_change", "gap"}
    fixed = fta.fix_issues(dataset, ["shift"], min_score=0.5)
    assert (fixed.issues, fixed.skipped, fixed.boxes.moved) == (2, 0, 2)
    after = labels(dataset)
    moved = (after[BOX] != before[BOX]).any(axis=1)
    assert after.index[moved].tolist() == [("a", SHIFTED, 2), ("b", SHIFTED, 2)]
    expected = 150.4 - 2 * SHIFTED
    np.testing.assert_allclose(after.loc[moved, "left"], expected, atol=0.02)
    assert after["id"].equals(before["id"])
    # The issues stay as fixed ones, and the others are as they were
    found = issues(dataset)
    assert found["kind"].value_counts().to_dict() == {
        "shift": 2,
        "size_change": 2,
        "gap": 1,
    }
    shifts = found[found["kind"] == "shift"]
    assert (shifts["decision"] == FIXED).all()
    assert (shifts["fix"] == "redraw").all()
    with pytest.raises(ValueError, match="undo the fixes first"):
        fta.decide_issues(dataset, shifts["id"].tolist(), None)
    assert shifts["decided_by"].notna().all()
    scores = signals(dataset)["outlier_score"]
    assert scores[("a", SHIFTED, 2)] < 0.5
    assert scores[("a", SHORT, 1)] > 0.5


def test_what_was_judged_again_is_what_an_audit_says(dataset):
    fta.fix_issues(dataset, ["shift", "size_change", "gap"], min_score=0.5)
    again, found = signals(dataset), issues(dataset)
    assert (found["decision"] == FIXED).sum() == 5
    assert count_changed(dataset, FIELD) == 0
    fta.audit_dataset(dataset)
    now = signals(dataset)
    pd.testing.assert_frame_equal(
        again[["size_change", "iou_prev"]], now[["size_change", "iou_prev"]]
    )
    assert sorted(issues(dataset)["kind"]) == sorted(found["kind"])
    assert (issues(dataset)["decision"] == FIXED).sum() == 5


def test_boxes_are_added_with_a_mark_and_their_identity(dataset):
    fixed = fta.fix_issues(dataset, ["gap"], min_score=0.5)
    assert fixed.boxes.added == 2
    after = table(dataset, FIELD, "id", "color", "interpolated")
    added = after.loc["a"].loc[list(GAP)].xs(1, level="track")
    assert added["interpolated"].tolist() == [True, True]
    assert added["color"].tolist() == ["red", "red"]
    np.testing.assert_allclose(added["left"], [42.3, 44.3], atol=0.02)
    assert added["id"].is_unique


def test_a_label_that_cannot_be_used_gives_way_to_the_box_of_its_track(dataset):
    before = labels(dataset)
    sample = dataset.match({"sequence": "b"}).first()
    (broken,) = (box for box in sample.frames[15][FIELD].detections if box.index == 2)
    broken.bounding_box[2] = 0.0
    sample.save()
    fta.audit_dataset(dataset)

    def stored():
        frame = dataset.select(sample.id).match_frames({"frame_number": 15})
        names = ("id", "index", "bounding_box")
        paths = [f"frames.{FIELD}.detections.{name}" for name in names]
        columns = (values[0][0] for values in frame.values(paths))
        return sorted(zip(*columns, strict=True))

    unusable = stored()
    (issue,) = of(dataset, "invalid", "b")["id"]
    fixed = fta.fix_issues(dataset, ids=[issue])
    assert (fixed.issues, fixed.boxes.added) == (1, 1)
    assert sorted(index for _, index, _ in stored()) == [1, 2]
    expected, found = (
        each.loc["b", 15, 2][BOX].astype(float) for each in (before, labels(dataset))
    )
    np.testing.assert_allclose(found, expected, atol=0.5)
    assert of(dataset, "invalid", "b")["decision"].tolist() == [FIXED]
    fta.undo_fixes(dataset)
    assert stored() == unusable


def test_undoing_restores_the_labels_and_reopens_the_issues(dataset):
    before, found = labels(dataset), issues(dataset)
    fta.fix_issues(dataset, ["shift", "gap", "size_change"], min_score=0.5)
    assert not labels(dataset).index.equals(before.index)
    undone = fta.undo_fixes(dataset)
    assert (undone.issues, undone.boxes.moved, undone.boxes.added) == (5, 4, 2)
    pd.testing.assert_frame_equal(labels(dataset), before)
    again = issues(dataset)
    assert again["decision"].isna().all()
    columns = ["sequence", "kind", "track", "first_frame", "last_frame"]
    same = (each[columns].sort_values(columns).to_numpy().tolist()
            for each in (found, again))  # fmt: skip
    assert next(same) == next(same)
    assert list_fixed(dataset) == {}
    with pytest.raises(ValueError, match="no fixes of 'fixed'"):
        fta.undo_fixes(dataset)


def test_fixes_are_undone_in_any_order_unless_the_same_boxes_changed_later(dataset):
    before = labels(dataset)
    first = fta.fix_issues(dataset, ids=of(dataset, "shift")["id"].tolist())
    second = fta.fix_issues(dataset, ids=of(dataset, "size_change")["id"].tolist())
    assert list(list_fixed(dataset)) == [first.name, second.name]
    fta.undo_fixes(dataset, first.name)
    assert list(list_fixed(dataset)) == [second.name]
    again = fta.fix_issues(dataset, ids=of(dataset, "shift")["id"].tolist())
    fta.undo_fixes(dataset, second.name)
    fta.undo_fixes(dataset, again.name)
    pd.testing.assert_frame_equal(labels(dataset), before)


def test_a_later_change_of_the_same_boxes_is_named(dataset):
    gap, short = of(dataset, "gap"), of(dataset, "size_change")["id"]
    first = fta.fix_issues(dataset, ids=gap["id"].tolist())
    # Deleting the track changes the boxes that were added, too
    dataset.set_label_values(
        "issues.detections.label", dict.fromkeys(short, "short_track")
    )
    second = fta.fix_issues(dataset, ids=short.tolist())
    assert second.boxes.deleted == 30
    with pytest.raises(ValueError, match=f"'{second.name}' changed the same labels"):
        fta.undo_fixes(dataset, first.name)
    fta.undo_fixes(dataset)
    fta.undo_fixes(dataset)


def test_values_that_somebody_changed_since_stay(dataset):
    fta.fix_issues(dataset, ["shift"], min_score=0.5)
    frame = dataset.match({"sequence": "a"}).first().frames[SHIFTED]
    label = next(label for label in frame[FIELD].detections if label.index == 2)
    label.bounding_box = [0.1, 0.1, 0.2, 0.2]
    frame.save()
    assert count_changed(dataset, FIELD) == 1
    fta.undo_fixes(dataset)
    kept = labels(dataset).loc[("a", SHIFTED, 2), BOX].to_numpy(float)
    np.testing.assert_allclose(kept, [20, 10, 40, 20])


def test_a_gap_that_is_left_is_dismissed(dataset):
    before = labels(dataset)
    (issue,) = of(dataset, "gap")["id"]
    fixed = fta.fix_issues(dataset, ids=[issue], fixes={issue: "leave"})
    assert fixed.issues == 1
    pd.testing.assert_frame_equal(labels(dataset), before)
    assert of(dataset, "gap")["decision"].tolist() == ["dismissed"]
    fta.undo_fixes(dataset, fixed.name)
    assert of(dataset, "gap")["decision"].isna().all()


def test_decided_issues_are_not_fixed_again(dataset):
    ids = of(dataset, "shift")["id"].tolist()
    fta.decide_issues(dataset, ids, "dismissed")
    assert fta.fix_issues(dataset, ids=ids).issues == 0
    fta.decide_issues(dataset, ids, "confirmed")
    assert fta.fix_issues(dataset, ids=ids).issues == 1


def test_a_preview_counts_and_changes_nothing(dataset):
    before, found = labels(dataset), issues(dataset)
    told = preview_fixes(dataset, ["gap", "shift"], min_score=0.5)
    assert (told.issues, told.boxes.moved, told.boxes.added) == (3, 2, 2)
    assert str(told) == "3 issues fixed, boxes: 2 moved, 2 added"
    pd.testing.assert_frame_equal(labels(dataset), before)
    assert issues(dataset)["id"].equals(found["id"])


def test_ids_and_instances_follow_the_track(dataset):
    """A cut gives an ID that nobody had, also none of a deleted track."""
    (gap,) = of(dataset, "gap")["id"]
    path = "issues.detections"
    dataset.set_label_values(f"{path}.label", {gap: "identity_switch"})
    dataset.set_label_values(f"{path}.other_track", {gap: 2})
    dataset.set_label_values(f"{path}.peak_frame", {gap: 18})
    fixed = fta.fix_issues(dataset, ids=[gap], fixes={gap: "cut"})
    assert fixed.boxes.identities == 13
    tracks = labels(dataset).loc["a"].index.get_level_values("track")
    assert sorted(set(tracks)) == [1, 2, 3]
    fta.undo_fixes(dataset)
    dataset.set_label_values(f"{path}.label", {of(dataset, "gap")["id"].iloc[0]: "gap"})
    with pytest.raises(ValueError, match="gap has no fix 'cut'"):
        fta.fix_issues(dataset, ids=of(dataset, "gap")["id"].tolist(),
                       fixes={of(dataset, "gap")["id"].iloc[0]: "cut"})  # fmt: skip


def test_views_of_one_video_fix_only_its_issues(dataset):
    view = dataset.match({"sequence": "b"})
    assert fta.fix_issues(view, ["shift"], min_score=0.5).issues == 1
    assert of(dataset, "shift")["decision"].isna().all()


# A process that is killed


def fix_some(dataset):
    fta.fix_issues(dataset, ["shift", "gap"], min_score=0.5)


def places(dataset):
    return labels(dataset)[BOX]


def test_fixing_goes_on_after_a_kill_at_any_write(dataset):
    before = labels(dataset)
    fix_some(dataset)
    after, found = places(dataset), issues(dataset)["decision"].value_counts()
    fta.undo_fixes(dataset)
    assert kill_at_each_write(dataset, fix_some, every=4) > KILLS
    pd.testing.assert_frame_equal(places(dataset), after)
    assert issues(dataset)["decision"].value_counts().equals(found)
    assert len(list_fixed(dataset)) == 1
    fta.undo_fixes(dataset)
    pd.testing.assert_frame_equal(labels(dataset), before)


def test_undoing_goes_on_after_a_kill_at_any_write(dataset):
    before = labels(dataset)
    fix_some(dataset)
    write = 1
    while list_fixed(dataset):
        is_killed(write, dataset, fta.undo_fixes)
        dataset.reload()
        write += 3
    assert write > KILLS
    pd.testing.assert_frame_equal(labels(dataset), before)
    assert issues(dataset)["decision"].isna().all()
