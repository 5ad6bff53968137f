# SPDX-License-Identifier: Apache-2.0
"""What somebody edits in the App: what it may edit, and how edits are judged."""

import fiftyone as fo
import pytest
from fiftyone_track_audit.importers import store
from fiftyone_track_audit.plugin.review.deciding import decide_issues
from fiftyone_track_audit.plugin.review.issues import read_dataset_issues
from fiftyone_track_audit.plugin.review.rejudging import count_changed, judge_edits
from small_datasets import SHIFTED, SHORT, copy_of

pytestmark = pytest.mark.usefixtures("database")

FIELD = "ground_truth"
RIGHT, WRONG = 0.36, 0.216


@pytest.fixture
def dataset(one_walk):
    with copy_of(one_walk) as copy:
        yield copy


def edit(dataset, frame, index, **values):
    """Edits a box as the App's annotator saves it."""
    sample = dataset.first()
    boxes = sample.frames[frame][FIELD].detections
    (box,) = (each for each in boxes if each.index == index)
    for name, value in values.items():
        box[name] = value
    sample.save()


def resize(dataset, height):
    left, top, width, _ = 0.1515, 0.1025, 0.1, None
    edit(dataset, SHORT, 1, bounding_box=[left, top, width, height])


def issues(dataset):
    return read_dataset_issues(dataset, FIELD).set_index("kind")


def test_an_edit_that_mends_an_issue_fixes_it(dataset):
    before = issues(dataset)
    resize(dataset, RIGHT)
    assert count_changed(dataset, FIELD) == 1
    assert judge_edits(dataset, FIELD, "ann") == 1
    assert count_changed(dataset, FIELD) == 0
    after = issues(dataset)
    mended = after.loc["size_change"]
    assert mended["id"] == before.loc["size_change", "id"]
    assert mended[["decision", "fix", "decided_by"]].tolist() == [
        "fixed",
        "edited",
        "ann",
    ]
    # Nothing else is about the track that was edited
    assert after.drop("size_change").equals(before.drop("size_change"))
    boxes = store.read_tracks(dataset, FIELD, ["size_outlier"]).tracks.table
    assert not boxes.loc[boxes["frame"] == SHORT, "size_outlier"].any()


def test_an_edit_that_is_taken_back_opens_the_issue_again(dataset):
    before = issues(dataset).loc["size_change"]
    for height in (RIGHT, WRONG):
        resize(dataset, height)
        judge_edits(dataset, FIELD)
    again = issues(dataset).loc["size_change"]
    assert again["decision"] is None
    assert again["first_frame"] == before["first_frame"]


def test_a_mended_issue_can_be_opened_again(dataset):
    resize(dataset, RIGHT)
    judge_edits(dataset, FIELD)
    decide_issues(dataset, [issues(dataset).loc["size_change", "id"]], None)
    assert issues(dataset).loc["size_change", ["decision", "fix"]].isna().all()


def test_an_edit_that_makes_a_mistake_is_an_issue(dataset):
    edit(dataset, 15, 1, bounding_box=[0.5, 0.1025, 0.1, RIGHT])
    assert judge_edits(dataset, FIELD) == 1
    found = issues(dataset).reset_index()
    about = found[(found["track"] == 1) & (found["last_frame"] >= 15)]
    assert (about["first_frame"] <= 15).sum() == 1


def test_dismissed_issues_and_far_ones_stay(dataset):
    before = issues(dataset)
    decide_issues(dataset, [before.loc["size_change", "id"]], "dismissed")
    edit(dataset, SHIFTED, 2, label="runner")
    judge_edits(dataset, FIELD)
    after = issues(dataset)
    assert after.loc["size_change", "decision"] == "dismissed"
    assert "label_change" in after.index


def test_without_edits_nothing_is_judged(dataset):
    before = issues(dataset)
    assert judge_edits(dataset, FIELD) == 0
    assert issues(dataset).equals(before)


def test_tracks_are_told_apart_by_instances_from_then_on(dataset):
    store.set_identity(dataset, FIELD, store.IdentityMark(plain=True))
    edit(dataset, SHORT, 1, instance=fo.Instance())
    judge_edits(dataset, FIELD)
    assert not store.read_identity(dataset, FIELD).plain


def test_the_annotator_edits_all_but_the_fields_of_the_audit(dataset):
    assert store.set_up_annotator(dataset, FIELD)
    assert not store.set_up_annotator(dataset, FIELD)
    path = f"frames.{FIELD}"
    assert dataset.active_label_schemas == [path]
    schema = dataset.label_schemas[path]
    assert schema["classes"] == ["walker"]
    fixed = {
        each["name"] for each in schema["attributes"] if each.get("read_only", False)
    }
    own = set(store.own_attributes(dataset, FIELD).values())
    assert fixed == own | {"id", "index"}
    assert "color" in {each["name"] for each in schema["attributes"]}
    # That boxes have a class does not make the others wrong
    assert store.listed_classes(dataset, FIELD) == ()


def test_a_schema_of_the_user_stays(dataset):
    path = f"frames.{FIELD}"
    schema = dataset.generate_label_schemas(path, scan_samples=False)
    schema |= {"classes": ["walker", "rider"], "component": "radio"}
    dataset.update_label_schema(path, schema)
    assert store.set_up_annotator(dataset, FIELD)
    kept = dataset.label_schemas[path]
    assert kept["classes"] == ["walker", "rider"]
    (flag,) = (each for each in kept["attributes"] if each["name"] == "size_outlier")
    assert flag["read_only"]
    assert store.listed_classes(dataset, FIELD) == ("walker", "rider")
