# SPDX-License-Identifier: Apache-2.0
"""Two label fields of a dataset are compared, and disagree in issues."""

import json

import fiftyone.operators as foo
import pytest
from fiftyone_track_audit.importers.store import runs
from fiftyone_track_audit.plugin.review import compared_labels
from fiftyone_track_audit.plugin.review.audits import audit_dataset
from fiftyone_track_audit.plugin.review.compared_labels import (
    compare_labels,
    describe_unfinished_comparison,
    list_comparisons,
)
from fiftyone_track_audit.plugin.review.deciding import decide_issues
from fiftyone_track_audit.plugin.review.issues import read_dataset_issues
from small_datasets import copy_of

pytest.importorskip("trackeval")
pytestmark = pytest.mark.usefixtures("database")
FIELD, OTHER = "ground_truth", "second"


@pytest.fixture
def dataset(one_walk):
    """Walkers with the labels of a second annotator, who forgot track 2 at the end."""
    with copy_of(one_walk) as copy:
        copy.clone_frame_field(FIELD, OTHER)
        for sample in copy:
            for number in range(26, 31):
                kept = [
                    d for d in sample.frames[number][OTHER].detections if d.index == 1
                ]
                sample.frames[number][OTHER].detections = kept
            sample.save()
        yield copy


def kinds(dataset):
    return sorted(read_dataset_issues(dataset, FIELD)["kind"])


def test_disagreements_are_issues_beside_those_of_audits(dataset):
    audited = kinds(dataset)
    compared = compare_labels(dataset, FIELD, OTHER)
    assert compared.issues == {"unsupported": 1}
    assert compared.sequences == 1
    total = compared.measures[-1]
    assert (total["boxes"], total["other_boxes"], total["IDSW"]) == (60, 55, 0)
    assert total["MOTA"] == pytest.approx(1 - 5 / 55)
    assert kinds(dataset) == sorted([*audited, "unsupported"])
    issues = read_dataset_issues(dataset, FIELD)
    (found,) = issues[issues["compared_with"] == OTHER].to_dict("records")
    assert (found["track"], found["first_frame"], found["last_frame"]) == (2, 26, 30)
    assert "the labels in 'second' have nothing at 5 boxes" in found["reason"]
    record = {**list_comparisons(dataset, FIELD)[0], "finished": None}
    assert record["measures"][-1] == total


def test_audits_and_comparisons_leave_each_others_issues_alone(dataset):
    audited = kinds(dataset)
    compare_labels(dataset, FIELD, OTHER)
    issues = read_dataset_issues(dataset, FIELD)
    ids = issues.loc[issues["compared_with"].notna(), "id"].tolist()
    decide_issues(dataset, ids, "confirmed")
    assert audit_dataset(dataset, FIELD, predictions_field="").lost == 0
    assert kinds(dataset) == sorted([*audited, "unsupported"])
    compare_labels(dataset, FIELD, OTHER)
    issues = read_dataset_issues(dataset, FIELD)
    compared = issues[issues["compared_with"].notna()]
    assert compared["decision"].tolist() == ["confirmed"]
    assert kinds(dataset) == sorted([*audited, "unsupported"])


def test_the_panel_lists_disagreements_of_labels_that_nobody_audited(dataset):
    compare_labels(dataset, OTHER, FIELD)

    def ask(method, **params):
        params |= {"__method__": method, "panel_id": "1", "panel_state": {}}
        params["label_field"] = OTHER
        ctx = {"dataset": dataset, "params": params}
        answer = foo.execute_operator("@track-audit/video/track_audit", ctx).result
        json.dumps(answer, allow_nan=False)
        return answer

    assert ask("load")["status"] == "ready"
    (issue,) = ask("list_issues")["issues"]
    assert (issue["kind"], issue["track"]) == ("overlooked", -1)
    assert "no box covers track 2 of the labels in 'ground_truth'" in issue["reason"]
    assert ask("show_issue", id=issue["id"])
    assert ask("show_timeline", sequence=issue["sequence"])
    assert ask("show_thresholds")


def test_an_interrupted_comparison_is_told_and_can_be_repeated(dataset, monkeypatch):
    def fail(*_):
        raise RuntimeError("stopped")

    monkeypatch.setattr(compared_labels, "replace_issues", fail)
    with pytest.raises(RuntimeError, match="stopped"):
        compare_labels(dataset, FIELD, OTHER)
    assert "with 'second' has not finished" in describe_unfinished_comparison(
        dataset, FIELD
    )
    monkeypatch.undo()
    compare_labels(dataset, FIELD, OTHER)
    assert not describe_unfinished_comparison(dataset, FIELD)
    assert len(runs.read_records(dataset, compared_labels._METHOD)) == 1


def test_only_two_different_fields_of_tracks_are_compared(dataset):
    with pytest.raises(ValueError, match="cannot be compared with itself"):
        compare_labels(dataset, FIELD, FIELD)
    with pytest.raises(ValueError, match="no frame field 'third'"):
        compare_labels(dataset, FIELD, "third")
    dataset.add_frame_field(f"{OTHER}.detections.track_id", *number())
    for sample in dataset:
        for frame in sample.frames.values():
            for detection in frame[OTHER].detections:
                detection.index, detection.instance = None, None
        sample.save()
    with pytest.raises(ValueError, match="'second' of sequence 'a' have no track ids"):
        compare_labels(dataset, FIELD, OTHER)


def number():
    import fiftyone as fo

    return (fo.IntField,)


def test_the_operator_compares(dataset):
    operator = foo.get_operator("@track-audit/video/compare_labels")
    assert operator(dataset, FIELD, OTHER)["issues"] == {"unsupported": 1}
    ctx = {"dataset": dataset, "params": {"label_field": FIELD, "other_field": OTHER}}
    result = foo.execute_operator("@track-audit/video/compare_labels", ctx).result
    assert result["message"].startswith("HOTA 0.9")
    assert "MOTA 0.909; 1 disagreement: 1 unsupported" in result["message"]
