# SPDX-License-Identifier: Apache-2.0
"""Ground Truth as an annotation backend of FiftyOne's."""

import json
import subprocess
import sys

import fiftyone as fo
import pandas as pd
import pytest
from fiftyone import ViewField as F
from fiftyone_track_audit.plugin.corrections.reviews import recorded_reviews
from fiftyone_track_audit.plugin.groundtruth.aws import GroundTruthError
from fiftyone_track_audit.plugin.sending.records import recorded_adjustments
from labeling_jobs import READY
from small_datasets import (
    SHIFTED,
    SHORT,
    audited_walkers,
    copy_of,
    enlarge,
    table,
    walkers,
)

pytestmark = pytest.mark.usefixtures("database")

FIELD = "frames.ground_truth"


@pytest.fixture(scope="module")
def source(database, tmp_path_factory):
    folder = tmp_path_factory.mktemp("walkers")
    parts = (walkers(name, folder / name) for name in ("a", "b"))
    with audited_walkers("source", folder, *parts) as dataset:
        yield dataset


@pytest.fixture
def dataset(source):
    with copy_of(source) as copy:
        yield copy


def outliers(dataset):
    boxes = F("ground_truth.detections")
    return dataset.filter_labels(FIELD, F("outlier_score") > 0.5).match_frames(
        boxes.length() > 0
    )


def annotate(view, tmp_path, key="fix", field=FIELD, **settings):
    place = {
        "prefix": f"{tmp_path.name}/{key}",
        "folder": str(tmp_path / key),
        "context": 0,
    }
    return view.annotate(
        key, backend="groundtruth", label_field=field, **(READY | place | settings)
    )


def test_there_and_back(dataset, aws, tmp_path):
    before = table(dataset, "ground_truth")
    results = annotate(outliers(dataset), tmp_path)
    assert dataset.list_annotation_runs() == ["fix"]
    assert list(recorded_adjustments(dataset)) == ["fix"]
    (job,) = results.check_status()
    assert (job["name"], job["status"]) == ("fix", "Initializing")
    with pytest.raises(GroundTruthError, match="Nothing came back from fix"):
        dataset.load_annotations("fix")

    aws.complete("fix", enlarge)
    assert dataset.load_annotations("fix") is None
    pd.testing.assert_frame_equal(table(dataset, "ground_truth"), before)
    adjusted = table(dataset, "ground_truth_adjusted", "changes")
    assert adjusted.loc[("a", SHORT, 1), "changes"] == ["resized"]
    assert len(adjusted) == 8
    assert recorded_reviews(dataset)["fix"].changes == {"resized": 2}
    dataset.load_annotations("fix", cleanup=True)
    pd.testing.assert_frame_equal(
        table(dataset, "ground_truth_adjusted", "changes"), adjusted
    )


def test_the_field_can_be_chosen(dataset, aws, tmp_path):
    annotate(outliers(dataset), tmp_path, adjusted_field="second", classes=["bus"])
    aws.complete("fix")
    dataset.load_annotations("fix")
    assert dataset.count("frames.second.detections") == 8
    categories = json.loads((tmp_path / "fix/label-categories.json").read_text())
    assert [entry["label"] for entry in categories["labels"]] == ["bus", "walker"]


LOAD = """
import sys, fiftyone as fo
dataset = fo.load_dataset(sys.argv[1])
dataset.load_annotations("fix")
print(dataset.count("frames.ground_truth_adjusted.detections"))
"""


def test_another_process_loads(dataset, aws, tmp_path):
    annotate(outliers(dataset), tmp_path)
    aws.complete("fix", enlarge)
    command = [sys.executable, "-c", LOAD, dataset.name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "8"


def clips(dataset):
    return dataset.to_clips([[(SHORT, SHORT)], [(SHIFTED, SHIFTED)]])


def frames(dataset):
    return dataset.to_frames().match(F("frame_number") == SHORT)


@pytest.mark.parametrize(
    ("make_view", "field", "expected"),
    [
        (clips, FIELD, {"a": [SHORT], "b": [SHIFTED]}),
        (frames, "ground_truth", {"a": [SHORT], "b": [SHORT]}),
    ],
)
def test_views_that_can_be_sent(dataset, tmp_path, make_view, field, expected):
    local = dict.fromkeys(READY) | {"prefix": None}
    annotate(make_view(dataset), tmp_path, field=field, **local)
    assert recorded_adjustments(dataset)["fix"].frames == expected


@pytest.mark.parametrize(
    ("field", "settings", "message"),
    [
        (FIELD, {"title": "x" * 200}, "TaskTitle"),
        (FIELD, {"context": -1}, "expected 0 or more context frames"),
        ("frames.other", {"label_type": "detections", "classes": ["x"]}, "no labels"),
        (FIELD, {"nonsense": 1}, "a job has no setting nonsense"),
        (FIELD, {"task_time_limit": "3600"}, "task_time_limit is '3600'"),
        (
            FIELD,
            {"classes": ["bus", {"classes": ["car"], "attributes": {}}]},
            "the classes of 'frames.ground_truth' are .* expected a list of names",
        ),
    ],
)
def test_what_cannot_be_sent_leaves_no_run(dataset, tmp_path, field, settings, message):
    local = dict.fromkeys(READY)
    with pytest.raises(ValueError, match=message):
        annotate(outliers(dataset), tmp_path, field=field, **(local | settings))
    assert dataset.list_annotation_runs() == []
    assert recorded_adjustments(dataset) == {}
    assert not (tmp_path / "fix").exists()


def test_stop(dataset, aws, tmp_path):
    results = annotate(outliers(dataset), tmp_path)
    aws.advance("fix", "InProgress")
    (job,) = results.stop()
    assert job["status"] == "Stopping"
    loaded = dataset.load_annotation_results("fix")
    assert loaded.job_name == "fix"
    assert isinstance(dataset, fo.Dataset)
