# SPDX-License-Identifier: Apache-2.0
"""The issues of a dataset by who drew its boxes."""

import json

import fiftyone.operators as foo
import pytest
from fiftyone_track_audit.plugin.review.annotator_statistics import annotator_statistics
from fiftyone_track_audit.plugin.review.deciding import decide_issues
from fiftyone_track_audit.plugin.review.issues import read_dataset_issues
from small_datasets import copy_of

pytestmark = pytest.mark.usefixtures("database")
FIELD = "ground_truth"


@pytest.fixture
def dataset(one_walk):
    """Walkers, of whom Anna drew the first one and Ben the second one."""
    with copy_of(one_walk) as copy:
        tracks, ids = copy.values(
            [f"frames[].{FIELD}.detections[].{name}" for name in ("index", "id")]
        )
        names = {
            each: "anna" if track == 1 else "ben"
            for track, each in zip(tracks, ids, strict=True)
        }
        copy.set_label_values(f"frames.{FIELD}.detections.worker_id", names)
        copy.add_dynamic_frame_fields()
        yield copy


def ask(dataset):
    params = {"__method__": "show_annotators", "panel_id": "1", "panel_state": {}}
    ctx = {"dataset": dataset, "params": params}
    answer = foo.execute_operator("@track-audit/video/track_audit", ctx).result
    json.dumps(answer, allow_nan=False)
    return answer["annotators"]


def test_issues_are_counted_by_annotator(dataset):
    issues = read_dataset_issues(dataset, FIELD)
    decide_issues(dataset, issues.loc[issues["track"] == 1, "id"].tolist(), "confirmed")
    counted = annotator_statistics(dataset).set_index("annotator")
    assert counted["boxes"].to_dict() == {"anna": 30, "ben": 30}
    assert counted["issues"].to_dict() == {"anna": 1, "ben": 1}
    assert counted["confirmed"].to_dict() == {"anna": 1, "ben": 0}
    assert counted.loc["anna", "mistakes_per_thousand"] == pytest.approx(1000 / 30)
    assert ask(dataset)[0]["annotator"] == "anna"


def test_labels_that_do_not_tell_have_no_statistics(one_walk):
    assert ask(one_walk) == []
    with pytest.raises(ValueError, match="no attribute 'annotator'"):
        annotator_statistics(one_walk)
    with pytest.raises(ValueError, match="no attribute 'drawn_by'"):
        annotator_statistics(one_walk, attribute="drawn_by")
