# SPDX-License-Identifier: Apache-2.0
"""Sequences that did not change since an audit are not judged again."""

import fiftyone as fo
import pytest
from fiftyone_track_audit.importers import store
from fiftyone_track_audit.plugin.audit import Thresholds
from fiftyone_track_audit.plugin.review import audits, judging
from fiftyone_track_audit.plugin.review.audits import audit_dataset
from fiftyone_track_audit.plugin.review.deciding import decide_issues
from small_datasets import copy_of

pytestmark = pytest.mark.usefixtures("database")
FIELD = "ground_truth"


@pytest.fixture
def dataset(two_walks):
    with copy_of(two_walks, "unchanged") as dataset:
        audit_dataset(dataset)
        yield dataset


@pytest.fixture
def judged(monkeypatch):
    """The names of the sequences that are judged."""
    names, judge = [], judging.audit_tracks

    def note(tracks, *arguments, **named):
        names.extend(tracks.sequences)
        return judge(tracks, *arguments, **named)

    monkeypatch.setattr(judging, "audit_tracks", note)
    return names


def contents(dataset):
    """All that an audit stores, without what differs from audit to audit."""
    table = store.read_tracks(dataset, FIELD, ["outlier_score", "size_change"])
    issues = dataset.values("issues.detections.reason")
    return table.tracks.table, issues


def test_nothing_is_judged_twice(dataset, judged):
    before = contents(dataset)
    first = audit_dataset(dataset)
    second = audit_dataset(dataset)
    assert judged == []
    assert first == second
    table, issues = contents(dataset)
    assert table.equals(before[0])
    assert issues == before[1]
    # Just as if all were judged
    with copy_of(dataset, "copy of unchanged") as copy:
        assert audit_dataset(copy) == first
    assert judged == ["a", "b"]


def add_label(dataset, sample):
    frame = sample.frames[3]
    box = fo.Detection(label="walker", bounding_box=[0.1, 0.1, 0.1, 0.1], index=9)
    frame[FIELD].detections.append(box)
    sample.save()


def remove_label(dataset, sample):
    sample.frames[3][FIELD].detections.pop()
    sample.save()


def reorder_labels(dataset, sample):
    sample.frames[3][FIELD].detections.reverse()
    sample.save()


def remove_frame(dataset, sample):
    dataset.delete_frames([sample.frames[3].id])


def clear_scores(dataset, sample):
    path = f"frames.{FIELD}.detections.outlier_score"
    dataset.select(sample.id).set_values(path, [[[None] * 2] * 30])


def remove_issues(dataset, sample):
    sample["issues"] = None
    sample.save()


CHANGES = [
    add_label,
    remove_label,
    reorder_labels,
    remove_frame,
    clear_scores,
    remove_issues,
]


def test_a_sequence_that_changed_is_judged_again(dataset, judged):
    for number, change in enumerate(CHANGES, start=1):
        change(dataset, dataset.match({"sequence": "b"}).first())
        summary = audit_dataset(dataset)
        assert judged == ["b"] * number, change.__name__
    with copy_of(dataset, "copy of unchanged") as copy:
        assert audit_dataset(copy) == summary


def test_other_settings_judge_all_again(dataset, judged):
    audit_dataset(dataset, thresholds=Thresholds(size=0.3))
    assert judged == ["a", "b"]
    # A view of one sequence leaves what is known of the other
    audit_dataset(dataset.match({"sequence": "b"}), thresholds=Thresholds(size=0.4))
    assert judged == ["a", "b", "b"]
    audit_dataset(dataset, thresholds=Thresholds(size=0.3))
    assert judged == ["a", "b", "b", "b"]


def test_a_decision_is_no_change(dataset, judged):
    (issue, *_) = dataset.first()["issues"].detections
    decide_issues(dataset, [issue.id], "confirmed")
    assert audit_dataset(dataset).lost == 0
    assert judged == []


def test_an_audit_that_was_killed_is_not_trusted(dataset, judged):
    ids = store.sample_ids(dataset)[:1]
    audits.begin_audit(dataset, FIELD, ids)
    audit_dataset(dataset)
    assert judged == ["a"]


def test_what_changes_during_an_audit_is_judged_again(dataset, judged, monkeypatch):
    write = store.write_own

    def write_late(*arguments):
        changed = write(*arguments)
        if judged == ["a"]:
            reorder_labels(dataset, dataset.first())
        return changed

    monkeypatch.setattr(store, "write_own", write_late)
    audit_dataset(dataset, thresholds=Thresholds(size=0.3))
    audit_dataset(dataset, thresholds=Thresholds(size=0.3))
    assert judged == ["a", "b", "a"]
