# SPDX-License-Identifier: Apache-2.0
"""Corrections applied to the labels that were sent, and taken back."""

import fiftyone as fo
import pandas as pd
import pytest
from fiftyone import ViewField as F
from fiftyone_track_audit.importers.store import locks
from fiftyone_track_audit.plugin.corrections import applying, old_labels
from fiftyone_track_audit.plugin.corrections.applying import (
    Applied,
    applied_reviews,
    apply_adjustment,
    describe_applied,
    drop_old_labels,
    undo_adjustment,
)
from fiftyone_track_audit.plugin.corrections.loading import store_corrections
from fiftyone_track_audit.plugin.corrections.reviews import recorded_reviews
from fiftyone_track_audit.plugin.review.audits import audit_dataset
from killed import is_killed, kill_at_each_write
from small_datasets import (
    SHIFTED,
    SHORT,
    copy_of,
    corrections,
    object_id,
    table,
)

pytestmark = pytest.mark.usefixtures("database")

#: A step has more writes to the database than that.
KILLS = 4
FRAMES = [SHORT, SHORT + 1, SHIFTED]


def at(labels, frame, track):
    return labels["frame"].eq(frame) & labels["track"].eq(track)


def correct(labels):
    """A box resized, one moved and blue, one deleted, one nudged, one added."""
    labels.loc[at(labels, SHORT, 1), "height"] = 36
    labels.loc[at(labels, SHIFTED, 2), "left"] -= 16
    labels.loc[at(labels, SHIFTED, 2), "color"] = "blue"
    labels.loc[at(labels, SHIFTED, 1), "left"] += 1
    new = labels[at(labels, SHORT, 2)].assign(left=1.0, top=1.0, width=9.0)
    new = new.assign(object_id="new", object_name="walker:3")
    return pd.concat([labels[~at(labels, SHORT + 1, 2)], new], ignore_index=True)


def swap(labels):
    """The two tracks change their identities in a frame."""
    rows = labels["frame"] == SHORT
    other = {object_id(1): object_id(2), object_id(2): object_id(1)}
    labels.loc[rows, "object_id"] = labels.loc[rows, "object_id"].map(other)
    return labels


@pytest.fixture
def dataset(one_walk):
    with copy_of(one_walk) as copy:
        sent = corrections(copy, FRAMES, correct)
        store_corrections(copy, "fix", "ground_truth", sent)
        yield copy


def labels(dataset, *names):
    return table(dataset, "ground_truth", "id", "color", "outlier_score", *names)


def test_corrections_replace_the_labels(dataset):
    before = labels(dataset)
    done = apply_adjustment(dataset, "fix")
    assert done == Applied(changed=2, added=1, deleted=1, frames=3)
    after = labels(dataset, "changes")
    columns = ["left", "top", "width", "height", "color", "id"]
    kept = before.index.difference([("a", SHORT + 1, 2)])
    changed = [("a", SHORT, 1), ("a", SHIFTED, 2)]
    same = kept.difference(changed)
    pd.testing.assert_frame_equal(after.loc[same, columns], before.loc[same, columns])
    assert after.index.difference(before.index).tolist() == [("a", SHORT, 3)]
    assert before.index.difference(after.index).tolist() == [("a", SHORT + 1, 2)]
    # The upper edge, which nobody moved, stays between two pixels
    assert after.loc[changed[0], "height"] == pytest.approx(36 - 0.25)
    assert after.loc[changed[1], "left"] == pytest.approx(110)
    assert after.loc[changed[1], "color"] == "blue"
    assert after.loc[changed, "id"].tolist() == before.loc[changed, "id"].tolist()
    assert after.loc[("a", SHORT, 3), "changes"] == ["added"]


def test_applying_again_changes_nothing(dataset):
    apply_adjustment(dataset, "fix")
    before = list(dataset._frame_collection.find())
    assert apply_adjustment(dataset, "fix") == Applied(0, 0, 0, 0)
    assert list(dataset._frame_collection.find()) == before


def test_undo_brings_back_every_label(dataset):
    before = labels(dataset, "changes")
    apply_adjustment(dataset, "fix", ["resized"])
    apply_adjustment(dataset, "fix")
    audit_dataset(dataset, "ground_truth")
    assert "fix" in applied_reviews(dataset)
    done = undo_adjustment(dataset, "fix")
    assert done == Applied(changed=2, added=1, deleted=1, frames=3)
    after = labels(dataset, "changes")
    columns = after.columns.drop("outlier_score")
    pd.testing.assert_frame_equal(after[columns], before[columns])
    assert "fix" not in applied_reviews(dataset)
    with pytest.raises(ValueError, match="no old labels of 'fix' are kept"):
        undo_adjustment(dataset, "fix")
    assert apply_adjustment(dataset, "fix") == done


def test_undo_leaves_later_work_alone(dataset):
    apply_adjustment(dataset, "fix")
    sample = dataset.first()
    frame = sample.frames[SHIFTED]
    frame.ground_truth.detections = [
        label for label in frame.ground_truth.detections if label.index == 1
    ]
    frame.ground_truth.detections[0]["note"] = "mine"
    sample.save()
    undo_adjustment(dataset, "fix")
    after = table(dataset, "ground_truth", "note")
    assert after.loc[("a", SHIFTED)].index.tolist() == [1]
    assert after.loc[("a", SHIFTED, 1), "note"] == "mine"
    assert ("a", SHORT + 1, 2) in after.index


def test_old_labels_can_be_dropped(dataset):
    apply_adjustment(dataset, "fix")
    drop_old_labels(dataset, "fix")
    assert "fix" not in applied_reviews(dataset)


def test_old_labels_survive_loading_again(dataset):
    before = labels(dataset)
    sent = corrections(dataset, FRAMES, correct)
    apply_adjustment(dataset, "fix")
    review = store_corrections(dataset, "fix", "ground_truth", sent)
    assert review.notes == []
    assert apply_adjustment(dataset, "fix") == Applied(0, 0, 0, 0)
    undo_adjustment(dataset, "fix")
    columns = ["left", "height", "id", "color"]
    pd.testing.assert_frame_equal(labels(dataset)[columns], before[columns])


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (["resized"], Applied(1, 0, 0, 1)),
        (["moved"], Applied(1, 0, 0, 1)),
        (["attributes"], Applied(1, 0, 0, 1)),
        (["added", "deleted"], Applied(0, 1, 1, 2)),
        (["nudged"], Applied(1, 0, 0, 1)),
        ([], Applied(0, 0, 0, 0)),
    ],
)
def test_chosen_kinds(dataset, kinds, expected):
    assert apply_adjustment(dataset, "fix", kinds) == expected


def videos(dataset):
    return dataset.match_frames(F("frame_number") == SHORT)


def clips(dataset):
    return dataset.to_clips([[(SHORT, SHORT)]])


def frames(dataset):
    return dataset.to_frames().match(F("frame_number") == SHORT)


def patches(dataset):
    boxes = dataset.filter_labels("frames.ground_truth_adjusted", F("index") == 1)
    return boxes.to_frames().to_patches("ground_truth_adjusted")


def originals(dataset):
    return dataset.select_fields("frames.ground_truth")


@pytest.mark.parametrize(
    ("make_view", "expected"),
    [
        (videos, Applied(1, 1, 0, 1)),
        (clips, Applied(1, 1, 0, 1)),
        (frames, Applied(1, 1, 0, 1)),
        (patches, Applied(1, 0, 0, 1)),
        (originals, Applied(0, 0, 1, 1)),
    ],
)
def test_chosen_labels(dataset, make_view, expected):
    assert apply_adjustment(dataset, "fix", view=make_view(dataset)) == expected


def test_identities_change_together(dataset):
    before = labels(dataset)
    store_corrections(
        dataset, "fix", "ground_truth", corrections(dataset, FRAMES, swap)
    )
    first = dataset.filter_labels("frames.ground_truth_adjusted", F("index") == 1)
    with pytest.raises(ValueError, match="would get two boxes in a frame"):
        apply_adjustment(dataset, "fix", view=first)
    pd.testing.assert_frame_equal(labels(dataset), before)
    assert apply_adjustment(dataset, "fix") == Applied(2, 0, 0, 1)
    places = [("a", SHORT, 1), ("a", SHORT, 2)]
    ids = labels(dataset).loc[places, "id"].tolist()
    assert ids == before.loc[places[::-1], "id"].tolist()


def test_a_failure_leaves_the_labels_alone(dataset, monkeypatch):
    before = list(dataset._frame_collection.find())
    write = applying.store.replace_detections

    def fail(*arguments):
        assert write(*arguments) == 0
        raise OSError("the disk is full")

    monkeypatch.setattr(applying.store, "replace_detections", fail)
    with pytest.raises(OSError, match="the disk is full"):
        apply_adjustment(dataset, "fix")
    assert list(dataset._frame_collection.find()) == before


def edit_label(dataset, frame, track, **values):
    """Edits a label, as somebody does in another process."""
    sample = dataset.first()
    (label,) = (
        label
        for label in sample.frames[frame].ground_truth.detections
        if label.index == track
    )
    for name, value in values.items():
        label[name] = value
    sample.save()


def test_an_edit_meanwhile_is_kept(dataset, monkeypatch):
    keep = applying.keep_old_labels

    def keep_late(*arguments):
        edit_label(dataset, SHORT, 2, label="runner")
        return keep(*arguments)

    monkeypatch.setattr(applying, "keep_old_labels", keep_late)
    before = labels(dataset)
    with pytest.raises(ValueError, match="were changed while corrections"):
        apply_adjustment(dataset, "fix")
    after = labels(dataset)
    assert after.loc[("a", SHORT, 2), "label"] == "runner"
    after.loc[("a", SHORT, 2), "label"] = "walker"
    pd.testing.assert_frame_equal(after, before)
    assert "fix" not in applied_reviews(dataset)


def test_undo_leaves_what_was_changed_since(dataset):
    before = labels(dataset)
    apply_adjustment(dataset, "fix")
    edit_label(dataset, SHORT, 1, label="runner")
    edit_label(dataset, SHORT, 3, label="runner")
    undone = undo_adjustment(dataset, "fix")
    assert undone == Applied(changed=2, added=1, deleted=1, frames=3, left=2)
    assert describe_applied(undone).endswith("in 3 frames; 2 left alone")
    after = labels(dataset)
    assert after.loc[("a", SHORT), "label"].tolist() == ["runner", "walker", "runner"]
    assert after.loc[("a", SHORT, 1), "height"] == before.loc[("a", SHORT, 1), "height"]


def test_what_cannot_be_added_is_counted(dataset):
    sample = dataset.first()
    own = fo.Detection(label="walker", index=3, bounding_box=[0.5, 0.5, 0.1, 0.1])
    sample.frames[SHORT].ground_truth.detections.append(own)
    sample.save()
    done = apply_adjustment(dataset, "fix")
    assert done == Applied(changed=2, added=0, deleted=1, frames=3, left=1)
    assert str(labels(dataset).loc[("a", SHORT, 3), "id"]) == own.id


def widen(labels):
    labels.loc[at(labels, SHORT, 1), "width"] += 7
    new = labels[at(labels, SHORT, 2)].assign(object_id="dog", object_name="dog:1")
    return pd.concat([labels, new.assign(left=90.0, width=9.0)], ignore_index=True)


@pytest.fixture
def loaded_twice(dataset):
    """Other corrections of one of the frames, in a field of their own."""
    second = corrections(dataset, [SHORT], widen)
    review = store_corrections(dataset, "second", "ground_truth", second, "others")
    assert review.notes == ["in some frames, these replace the corrections of 'fix'"]
    return dataset


def test_a_frame_has_the_corrections_that_were_loaded_last(loaded_twice):
    before = labels(loaded_twice)
    reviews = recorded_reviews(loaded_twice)
    assert reviews["fix"].frames == {"a": [SHORT + 1, SHIFTED]}
    assert reviews["second"].frames == {"a": [SHORT]}
    assert apply_adjustment(loaded_twice, "fix") == Applied(1, 0, 1, 2)
    after = labels(loaded_twice)
    pd.testing.assert_frame_equal(after.loc[("a", SHORT)], before.loc[("a", SHORT)])
    # New objects are numbered on over all fields
    assert apply_adjustment(loaded_twice, "second") == Applied(1, 1, 0, 1)
    assert labels(loaded_twice).loc[("a", SHORT)].index.tolist() == [1, 2, 4]


def test_corrections_that_were_replaced_are_not_applied(dataset):
    again = corrections(dataset, FRAMES, widen)
    store_corrections(dataset, "second", "ground_truth", again)
    fix = recorded_reviews(dataset)["fix"]
    assert fix.frames == {}
    assert fix.notes == ["some frames now hold the corrections of 'second'"]
    with pytest.raises(ValueError, match="load those of 'fix' again"):
        apply_adjustment(dataset, "fix")
    assert apply_adjustment(dataset, "second") == Applied(1, 1, 0, 1)


def test_what_was_applied_last_is_undone_first(dataset):
    before = labels(dataset)
    apply_adjustment(dataset, "fix")
    second = corrections(dataset, [SHORT], widen)
    store_corrections(dataset, "second", "ground_truth", second)
    apply_adjustment(dataset, "second")
    with pytest.raises(ValueError, match="'second' was applied to the same frames aft"):
        undo_adjustment(dataset, "fix")
    undo_adjustment(dataset, "second")
    undo_adjustment(dataset, "fix")
    pd.testing.assert_frame_equal(labels(dataset), before)


@pytest.mark.parametrize("work", [apply_adjustment, undo_adjustment])
def test_fields_that_were_renamed(dataset, work):
    apply_adjustment(dataset, "fix", ["resized"])
    dataset.rename_frame_field("ground_truth", "people")
    before = list(dataset._frame_collection.find())
    with pytest.raises(ValueError, match="no longer has the frame field"):
        work(dataset, "fix")
    assert list(dataset._frame_collection.find()) == before


def test_another_one_is_writing(dataset, monkeypatch):
    monkeypatch.setattr(locks, "_WAIT", 0.1)
    with (
        locks.exclusive(dataset, "writing to"),
        pytest.raises(ValueError, match="another process is writing to 'walkers'"),
    ):
        apply_adjustment(dataset, "fix")
    assert apply_adjustment(dataset, "fix").changed == 2


def test_what_was_not_loaded_cannot_be_applied(dataset):
    with pytest.raises(ValueError, match="no corrections of 'other' were loaded"):
        apply_adjustment(dataset, "other")
    assert isinstance(dataset, fo.Dataset)


# A process that is killed


def stored(dataset):
    """The labels as they stand, without the IDs of those that were added."""
    return labels(dataset, "changes").drop(columns="id").sort_index()


def test_applying_goes_on_after_a_kill_at_any_write(dataset):
    before = stored(dataset)
    done = apply_adjustment(dataset, "fix")
    after = stored(dataset)
    undo_adjustment(dataset, "fix")
    assert kill_at_each_write(dataset, apply_adjustment, "fix", every=4) > KILLS
    pd.testing.assert_frame_equal(stored(dataset), after)
    assert undo_adjustment(dataset, "fix") == done
    pd.testing.assert_frame_equal(stored(dataset), before)


def test_undoing_goes_on_after_a_kill_at_any_write(dataset):
    before = stored(dataset)
    apply_adjustment(dataset, "fix", ["resized"])
    apply_adjustment(dataset, "fix")
    write = 1
    while "fix" in applied_reviews(dataset):
        is_killed(write, dataset, undo_adjustment, "fix")
        dataset.reload()
        write += 1
    assert write > KILLS
    pd.testing.assert_frame_equal(stored(dataset), before)
    drop_old_labels(dataset, "fix")  # and what the last kill left of it
    assert dataset.list_runs(method=old_labels.METHOD) == []
