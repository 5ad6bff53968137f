# SPDX-License-Identifier: Apache-2.0
"""What workers can choose: the original job's labels and those of the dataset."""

import json

import pandas as pd
import pytest
from fiftyone_track_audit.importers.tracks import InputError
from fiftyone_track_audit.plugin.groundtruth.label_categories import (
    LabelCategories,
    merge_label_categories,
    read_label_categories,
)
from fiftyone_track_audit.plugin.groundtruth.package_plan import Source, plan_package
from fiftyone_track_audit.plugin.groundtruth.request import AdjustmentJob
from fiftyone_track_audit.plugin.sending.groundtruth_plan import plan_adjustment
from labeling_jobs import BUCKET, choose, small_video
from small_datasets import copy_of, outliers

pytestmark = pytest.mark.usefixtures("database")

COLOR = {"name": "color", "type": "string", "enum": ["red", "green"]}
SPEED = {"name": "speed", "type": "number", "minimum": 2, "maximum": 5}


def write(folder, content):
    path = folder / "categories.json"
    path.write_text(json.dumps(content))
    return str(path)


@pytest.mark.parametrize("version", ["document-version", "documentVersion"])
@pytest.mark.parametrize("attributes", ["categoryAttributes", "attributes"])
def test_all_spellings_are_read(s3, tmp_path, version, attributes):
    content = {
        version: "2020-08-15",
        "labels": [{"label": "parcel", attributes: [COLOR]}, {"label": "van"}],
        "categoryGlobalAttributes": [SPEED],
    }
    s3.put_object(Bucket=BUCKET, Key="categories.json", Body=json.dumps(content))
    for path in (write(tmp_path, content), f"s3://{BUCKET}/categories.json"):
        assert read_label_categories(path) == LabelCategories(
            {"parcel": [COLOR], "van": []}, shared=[SPEED], frame=[]
        )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "no labels; expected a label category configuration"),
        ({"labels": []}, "no labels"),
        ({"labels": [{"label": 3}]}, "an entry of labels is {'label': 3}"),
        ({"labels": [{"label": "a"}] * 2}, "expected each label once"),
        ({"labels": [{"label": "a", "attributes": [1]}]}, "expected attributes with"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        read_label_categories(write(tmp_path, content))


def test_both_are_offered():
    own = {
        "labels": [
            {"label": "dog", "categoryAttributes": [{**SPEED, "maximum": 9}]},
            {
                "label": "parcel",
                "categoryAttributes": [{**COLOR, "enum": ["red", "blue"]}],
            },
        ],
        "frameAttributes": [],
        "categoryGlobalAttributes": [],
        "instructions": {"shortInstruction": "…"},
    }
    given = LabelCategories(
        {"van": [], "parcel": [COLOR]}, shared=[SPEED], frame=[{"name": "fog"}]
    )
    assert merge_label_categories(own, given) == {
        **own,
        "labels": [
            {"label": "van", "categoryAttributes": []},
            {
                "label": "parcel",
                "categoryAttributes": [{**COLOR, "enum": ["red", "green", "blue"]}],
            },
            {"label": "dog", "categoryAttributes": []},
        ],
        "frameAttributes": [{"name": "fog"}],
        "categoryGlobalAttributes": [{**SPEED, "maximum": 9}],
    }


def test_a_job_offers_the_labels_that_are_given(tmp_path):
    tracks = small_video("a", tmp_path / "frames")
    given = LabelCategories({"parcel": [COLOR]})
    chosen = choose(("a", 1, ""))
    plan = plan_package(tracks, chosen, AdjustmentJob("fix"), given=given)
    offered = [entry["label"] for entry in plan.label_categories["labels"]]
    assert offered[0] == "parcel"
    assert set(offered) == set(plan.classes) > {"parcel"}


@pytest.mark.parametrize(("listed", "count"), [(2, 4), (30, 2), (0, 2)])
def test_labels_of_the_original_job_come_before_others(listed, count):
    known = pd.DataFrame({"label": [f"known {number}" for number in range(31)]})
    source = Source(known=known, listed=known["label"][:listed].tolist())
    tracks, chosen = small_video("a"), choose(("a", 1, ""))
    plan = plan_package(tracks, chosen, AdjustmentJob("fix"), source=source)
    assert len(plan.label_categories["labels"]) == count
    assert "the dataset has 33 labels, but a job takes 30" in plan.notes[0]
    assert plan.notes[0].endswith("lists as classes") == (listed == 2)


def test_further_settings_are_in_the_request(tmp_path):
    tracks = small_video("a", tmp_path / "frames")
    job = AdjustmentJob(
        "fix",
        content_classifiers=("FreeOfAdultContent",),
        max_labeled_objects=5,
        max_labeled_percentage=50,
    )
    plan = plan_package(tracks, choose(("a", 1, "")), job)
    assert plan.errors == ()
    assert plan.request["StoppingConditions"] == {
        "MaxHumanLabeledObjectCount": 5,
        "MaxPercentageOfInputDatasetLabeled": 50,
    }
    classifiers = plan.request["InputConfig"]["DataAttributes"]["ContentClassifiers"]
    assert classifiers == ["FreeOfAdultContent"]


@pytest.mark.usefixtures("database")
def test_a_job_offers_what_the_whole_dataset_has(two_walks, tmp_path):
    with copy_of(two_walks) as dataset:
        dataset.default_classes = ["cyclist"]
        dataset.save()
        last = dataset.last()
        for box, color in zip(
            last.frames[30].ground_truth.detections, ["green", "blue"], strict=True
        ):
            box.color = color
        last.save()
        path = write(tmp_path, {"labels": [{"label": "parcel", "attributes": [COLOR]}]})
        job = AdjustmentJob("fix", label_categories=path)
        view = outliers(dataset).limit(1)
        plan = plan_adjustment(view, job)
        entries = {
            each["label"]: each["categoryAttributes"]
            for each in plan.plans[0].label_categories["labels"]
        }
        assert list(entries) == ["parcel", "cyclist", "rider", "walker"]
        (color,) = entries["rider"]
        assert (color["name"], color["enum"]) == ("color", ["blue", "green", "red"])
