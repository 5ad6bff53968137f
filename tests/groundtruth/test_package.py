# SPDX-License-Identifier: Apache-2.0
"""The package of an adjustment job: its contents, its limits and its refusals."""

import json
import os
import signal
import sys
from dataclasses import replace
from itertools import count
from uuid import uuid4

import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.importers.files import whole_folder
from fiftyone_track_audit.importers.problems import sentences
from fiftyone_track_audit.importers.tracks import InputError, Tracks, concatenate
from fiftyone_track_audit.plugin.groundtruth import instructions
from fiftyone_track_audit.plugin.groundtruth.checks import model_errors
from fiftyone_track_audit.plugin.groundtruth.folder import read_package
from fiftyone_track_audit.plugin.groundtruth.labeling_job import launch_job
from fiftyone_track_audit.plugin.groundtruth.package import (
    package_findings,
    write_packages,
)
from fiftyone_track_audit.plugin.groundtruth.package_plan import Source, plan_package
from fiftyone_track_audit.plugin.groundtruth.request import (
    FUNCTION_ACCOUNTS,
    TASK_UI_ACCOUNT,
    AdjustmentJob,
    labeling_job_request,
)
from fiftyone_track_audit.plugin.groundtruth.upload import upload_package
from hypothesis import example, given, settings
from hypothesis import strategies as st
from labeling_jobs import (
    ACCOUNTS,
    BUCKET,
    READY,
    choose,
    request_schema,
    small_video,
)
from labeling_jobs import Validator as StrictValidator

CHOSEN = choose(("a", 3, "size change"), ("a", 2, ""), ("a", 5, "shift"))


def read_json(path):
    return json.loads(path.read_text())


def with_columns(tracks, **columns):
    return replace(tracks, table=tracks.table.assign(**columns))


def test_files_of_a_package(tmp_path):
    tracks = small_video("a", tmp_path / "frames")
    job = AdjustmentJob("fix-1", **READY)
    plan = plan_package(
        tracks, CHOSEN, job, source=Source("cars", {"a": "0123456789ab"})
    )
    package = write_packages([plan], tmp_path / "package")[0].folder

    assert plan.errors == plan.warnings == plan.notes == ()
    assert (len(plan.frames), len(plan.boxes), list(plan.classes)) == (
        3,
        5,
        ["Bus", "Car"],
    )
    root = f"s3://{BUCKET}/track-audit/fix-1"
    assert read_json(package / "a" / "a-seq.json") == {
        "version": "2020-07-01",
        "seq-no": 1,
        "prefix": f"{root}/a/frames/",
        "number-of-frames": 3,
        "frames": [
            {"frame-no": 0, "frame": "000003.png"},
            {"frame-no": 1, "frame": "000005.png"},
            {"frame-no": 2, "frame": "000009.png"},
        ],
    }
    entries = read_json(package / "a" / "SeqLabel.json")["tracking-annotations"]
    assert [(e["frame-no"], e["frame"], len(e["annotations"])) for e in entries] == [
        ("0", "000003.png", 1),
        ("1", "000005.png", 2),
        ("2", "000009.png", 2),
    ]
    car, bus = entries[1]["annotations"]
    assert car["object-id"] != bus.pop("object-id")
    assert bus == {
        "height": 8,
        "width": 20,
        "top": 4,
        "left": 6,
        "class-id": "0",
        "object-name": "Bus:2",
        "label-category-attributes": {},
    }
    line = json.loads((package / "manifest.jsonl").read_text())
    metadata = line.pop("tracks-ref-metadata")
    assert line == {
        "source-ref": f"{root}/a/a-seq.json",
        "tracks-ref": f"{root}/a/SeqLabel.json",
        "track-audit": {
            "dataset": "cars",
            "sample": "0123456789ab",
            "sequence": "a",
            "frames": [2, 3, 5],
            "image-size": [64, 48],
        },
    }
    assert metadata["class-map"] == {"0": "Bus", "1": "Car"}
    frames = pd.read_csv(package / "frames.csv", keep_default_na=False)
    assert frames.drop(columns="path").to_dict("list") == {
        "sequence": ["a", "a", "a"],
        "position": [0, 1, 2],
        "frame": [2, 3, 5],
        "frame_name": ["000003.png", "000005.png", "000009.png"],
        "reason": ["", "size change", "shift"],
        "source": ["", "", ""],
        "uri": [f"{root}/a/frames/{name:06d}.png" for name in (3, 5, 9)],
    }
    started = read_json(package / "job.json")
    assert started["fill_in"] == []
    assert started["request"] == plan.request
    assert model_errors("CreateLabelingJob", plan.request) == []


def test_frame_without_a_box_is_sent_with_no_annotations(tmp_path):
    tracks = small_video("a")
    tracks = replace(tracks, table=tracks.table[tracks.table["frame"] != 3])
    plan = plan_package(tracks, CHOSEN, AdjustmentJob("fix"))
    package = write_packages([plan], tmp_path / "package")[0].folder
    entries = read_json(package / "a" / "SeqLabel.json")["tracking-annotations"]
    assert [len(entry["annotations"]) for entry in entries] == [1, 0, 2]


@pytest.mark.parametrize(
    ("image_size", "factor", "notes"), [((64, 48), 1, 0), ((32, 24), 0.5, 1)]
)
def test_boxes_are_pixels_of_the_images_sent(tmp_path, image_size, factor, notes):
    tracks = small_video("a", tmp_path / "frames", image_size=image_size)
    plan = plan_package(tracks, CHOSEN, AdjustmentJob("fix"))
    car = plan.boxes[plan.boxes["track"] == 1]
    assert (car["width"] == 10 * factor).all()
    assert (car["height"] == 8 * factor).all()
    assert (car["left"] == np.array([4, 6, 10]) * factor).all()
    assert len(plan.notes) == notes
    assert plan.manifest[0]["track-audit"]["image-size"] == list(image_size)


def test_rounding_keeps_edges_within_half_a_pixel():
    tracks = small_video("a")
    table = tracks.table
    tracks = with_columns(tracks, left=table["left"] + 0.4, width=table["width"] + 0.4)
    plan = plan_package(tracks, CHOSEN, AdjustmentJob("fix"))
    car = plan.boxes[plan.boxes["track"] == 1]
    assert (car["left"] + car["width"]).tolist() == [15, 17, 21]


def test_boxes_outside_the_image_are_kept_and_told():
    tracks = with_columns(small_video("a"), left=60.0)
    plan = plan_package(tracks, CHOSEN, AdjustmentJob("fix"))
    assert (plan.boxes["left"] == 60).all()
    assert any("5 boxes extend beyond" in warning for warning in plan.warnings)


def test_object_ids_and_names_are_kept_and_completed():
    tracks = small_video("a")
    table = tracks.table
    known = table["track"] == 2
    tracks = with_columns(
        tracks,
        object_id=np.where(known, "bus-id", None),
        object_name=np.where(known & (table["frame"] == 3), "Bus:77", None),
    )
    boxes = plan_package(tracks, CHOSEN, AdjustmentJob("fix")).boxes
    bus = boxes[boxes["track"] == 2]
    assert set(bus["object_id"]) == {"bus-id"}
    assert set(bus["object_name"]) == {"Bus:77"}
    assert set(boxes.loc[boxes["track"] == 1, "object_name"]) == {"Car:1"}


def test_made_object_ids_do_not_depend_on_the_frames_chosen():
    tracks = concatenate([small_video("a"), small_video("b")])
    jobs = [choose(("a", 1, ""), ("b", 3, "")), choose(("b", 5, ""), ("a", 6, ""))]
    ids = [
        plan_package(tracks, chosen, AdjustmentJob("fix"))
        .boxes.query("track == 1")
        .set_index("sequence")["object_id"]
        .to_dict()
        for chosen in jobs
    ]
    assert ids[0] == ids[1]
    assert ids[0]["a"] != ids[0]["b"]


def test_attributes_and_labels_of_the_configuration(tmp_path):
    tracks = small_video("a")
    table = tracks.table
    bus = table["track"] == 2
    weather = pd.DataFrame({"Weather": ["sun", "rain"]}, index=[1, 3])
    tracks = Tracks(
        table.assign(
            Occluded=np.where(bus, table["frame"] > 3, None),
            Note=[f"box number {number} of many" for number in range(len(table))],
            Seats=np.where(bus, 40.0 + table["frame"], np.nan),
        ),
        {"a": replace(tracks.sequences["a"], frame_attributes=weather)},
    )
    job = AdjustmentJob("fix", labels=("Tram", "Car"))
    plan = plan_package(tracks, CHOSEN, job, attributes=["Occluded", "Note", "Seats"])
    package = write_packages([plan], tmp_path / "package")[0].folder

    configuration = read_json(package / "label-categories.json")
    assert configuration["auditLabelAttributeName"] == "tracks-ref"
    note = {"name": "Note", "type": "string"}
    occluded = {"name": "Occluded", "type": "string", "enum": ["False", "True"]}
    seats = {"name": "Seats", "type": "number", "minimum": 43, "maximum": 45}
    assert configuration["labels"] == [
        {"label": "Bus", "categoryAttributes": [occluded, note, seats]},
        {"label": "Car", "categoryAttributes": [note]},
        {"label": "Tram", "categoryAttributes": []},
    ]
    assert configuration["frameAttributes"] == [
        {
            "name": "Weather",
            "type": "string",
            "enum": ["rain", "sun"],
            "description": "Weather of the whole frame",
        }
    ]
    entries = read_json(package / "a" / "SeqLabel.json")["tracking-annotations"]
    assert [entry["frame-attributes"] for entry in entries] == [
        {},
        {"Weather": "rain"},
        {},
    ]
    car, bus = entries[1]["annotations"]
    assert list(car["label-category-attributes"]) == ["Note"]
    assert bus["label-category-attributes"]["Occluded"] == "False"
    assert bus["label-category-attributes"]["Seats"] == 43


def test_sequence_without_boxes(tmp_path):
    tracks = small_video("a")
    tracks = replace(tracks, table=tracks.table[:0])
    plan = plan_package(tracks, CHOSEN, AdjustmentJob("fix"))
    assert plan.errors == (
        "There are 0 labels, but a job takes 1 to 30: choose other tracks, or set the "
        "labels of the job.",
    )
    plan = plan_package(tracks, CHOSEN, AdjustmentJob("fix", labels=("Car",)))
    package = write_packages([plan], tmp_path / "package")[0].folder
    entries = read_json(package / "a" / "SeqLabel.json")["tracking-annotations"]
    assert [entry["annotations"] for entry in entries] == [[], [], []]


def test_settings_not_known_yet_are_named(tmp_path):
    plan = plan_package(small_video("a"), CHOSEN, AdjustmentJob("fix"))
    package = write_packages([plan], tmp_path / "package")[0].folder
    started = read_json(package / "job.json")
    assert started["fill_in"] == ["bucket", "region", "role_arn", "workteam_arn"]
    assert "s3://fill-in-bucket/" in (package / "manifest.jsonl").read_text()


def test_accounts_are_those_of_the_guide():
    assert dict(FUNCTION_ACCOUNTS) == ACCOUNTS["functions"].to_dict()
    assert {TASK_UI_ACCOUNT} == set(ACCOUNTS["task_ui"])


def test_region_is_the_work_teams():
    job = AdjustmentJob("fix", workteam_arn=READY["workteam_arn"])
    assert job.fill_in == ("bucket", "role_arn")
    request = labeling_job_request(job, "Correct", "0")
    function = "arn:aws:lambda:eu-west-1:568282634449:function:"
    task = request["HumanTaskConfig"]
    assert task["PreHumanTaskLambdaArn"].startswith(function)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "under_score"}, "LabelingJobName is 'under_score'"),
        ({"name": "a" * 64}, "LabelingJobName has 64 characters"),
        ({"name": "ends-in-newline\n"}, "LabelingJobName is"),
        ({"label_attribute": "tracks"}, "ends in -ref"),
        ({"label_attribute": "tracks-ref-metadata"}, "ends in -ref"),
        ({"audited_attribute": "Person"}, "ends in -ref"),
        ({"audited_attribute": "source-ref"}, "not source-ref"),
        ({"audited_attribute": "a_b-ref"}, "audited_attribute is 'a_b-ref'"),
        ({"audited_attribute": "tracks-audit-ref"}, "a different name"),
        ({"region": "eu-north-1"}, "not support video object tracking in 'eu-north-1'"),
        ({"region": "us-east-1"}, "a work team in the job's region"),
        ({"bucket": "Upper"}, "bucket is 'Upper'"),
        ({"bucket": "bu"}, "bucket is 'bu'"),
        ({"prefix": "a//b"}, "prefix is 'a//b'"),
        ({"prefix": "../b"}, "prefix is '../b'"),
        ({"prefix": "p" * 1020}, "shorten the prefix"),
        ({"role_arn": "arn:aws:iam::12:role/x"}, "RoleArn is"),
        (
            {
                "workteam_arn": "arn:aws:sagemaker:eu-west-1:394669845002:"
                "workteam/public-crowd/default"
            },
            "needs a private or vendor work team",
        ),
        ({"title": "t" * 129}, "TaskTitle has 129 characters"),
        ({"description": "d" * 256}, "TaskDescription has 256 characters"),
        ({"description": "two\nlines"}, "TaskDescription is"),
        ({"description": "two\rlines"}, "TaskDescription is"),
        ({"keywords": tuple("abcdef")}, "TaskKeywords has 6 entries"),
        ({"keywords": ("under_score",)}, "TaskKeywords[0] is 'under_score'"),
        ({"keywords": ("k" * 31,)}, "TaskKeywords[0] has 31 characters"),
        ({"task_time_limit": 29}, "TaskTimeLimitInSeconds has 29"),
        ({"task_time_limit": 2_592_001}, "task_time_limit is 2592001 seconds"),
        ({"task_availability_lifetime": 59}, "LifetimeInSeconds has 59"),
        ({"task_availability_lifetime": 2_592_001}, "at most 2592000"),
        ({"max_concurrent_tasks": 5001}, "MaxConcurrentTaskCount has 5001"),
        ({"max_concurrent_tasks": 0}, "MaxConcurrentTaskCount has 0"),
        ({"kms_key_id": "a key"}, "KmsKeyId is 'a key'"),
        ({"tags": {"bad*": "x"}}, "Tags[0].Key is 'bad*'"),
        ({"tags": {str(n): "" for n in range(50)}}, "Tags has 51 entries"),
        ({"labels": tuple(f"label {n}" for n in range(29))}, "There are 31 labels"),
        ({"labels": ("x" * 257,)}, "has 257 characters"),
    ],
)
def test_bad_settings_are_errors(tmp_path, changed, said):
    job = AdjustmentJob(**{"name": "fix", **READY, **changed})
    plan = plan_package(small_video("a"), CHOSEN, job)
    assert [error for error in plan.errors if said in error]
    assert all(error.endswith(".") for error in plan.errors)
    found = package_findings([plan], tmp_path / "package")
    assert sentences(found, "error") == plan.errors


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"task_time_limit": 604_801}, "guide allows at most 604800"),
        ({"bucket": "tracks"}, "does not cover bucket 'tracks'"),
        ({"labels": ("x" * 17,)}, "has 17 characters"),
    ],
)
def test_doubtful_settings_are_told(changed, said):
    job = AdjustmentJob(**{"name": "fix", **READY, **changed})
    plan = plan_package(small_video("a"), CHOSEN, job)
    assert plan.errors == ()
    assert [warning for warning in plan.warnings if said in warning]


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        (choose(), "No frames are chosen"),
        (choose(("z", 1, "")), "no tracks of sequence 'z'"),
        (choose(("a", 7, "")), "there is no frame 7: choose frames from 1 to 6"),
        (choose(("a", 0, "")), "there is no frame 0"),
        (choose(("a", 1.5, "")), "there is no frame 1.5"),
        (choose(("a", None, "")), "there is no frame"),
        (choose(("a", 1, ""), ("a", 1, "x")), "frame 1 is listed twice"),
    ],
)
def test_bad_frames_are_refused(frames, said):
    plan = plan_package(small_video("a"), frames, AdjustmentJob("fix"))
    assert [error for error in plan.errors if said in error]


@pytest.mark.parametrize("missing", ["sequence", "frame", "reason"])
def test_missing_columns_are_named(missing):
    with pytest.raises(ValueError, match=f"no column \\['{missing}'\\]"):
        plan_package(
            small_video("a"), CHOSEN.drop(columns=missing), AdjustmentJob("fix")
        )


@pytest.mark.parametrize(
    ("frame_name", "said"),
    [
        ("../1.png", "not a valid file name"),
        ("sub/.1.png", "not a valid file name"),
        ("sub\\1.png", "not a valid file name"),
        ("1..png", "not a valid file name"),
        ("line\n.png", "not a valid file name"),
        ("1.gif", "does not support the format of frame"),
        ("000005.png", "two frames are named '000005.png'"),
    ],
)
def test_bad_frame_names_are_refused(frame_name, said):
    tracks = small_video("a")
    names = list(tracks.sequences["a"].frame_names)
    names[1] = frame_name
    sequence = replace(tracks.sequences["a"], frame_names=tuple(names))
    plan = plan_package(
        replace(tracks, sequences={"a": sequence}), CHOSEN, AdjustmentJob("fix")
    )
    assert [error for error in plan.errors if said in error]


def test_too_many_frames_and_sequences_are_refused():
    long = small_video("a", frames=2001)
    frames = pd.DataFrame({"sequence": "a", "frame": range(1, 2002), "reason": "x"})
    plan = plan_package(long, frames, AdjustmentJob("fix"))
    assert [error for error in plan.errors if "at most 2000" in error]
    many = concatenate([small_video(f"v{number}") for number in range(11)])
    frames = choose(*((f"v{number}", 1, "") for number in range(11)))
    plan = plan_package(many, frames, AdjustmentJob("fix"))
    assert [error for error in plan.errors if "at most 10" in error]


def test_frames_missing_on_disk_and_broken_images_are_refused(tmp_path):
    tracks = small_video("a", tmp_path / "frames")
    (tmp_path / "frames" / "000005.png").unlink()
    (tmp_path / "frames" / "000003.png").write_text("no image")
    plan = plan_package(tracks, CHOSEN, AdjustmentJob("fix"))
    assert "1 of 3 frames are missing" in plan.errors[0]
    assert "the image cannot be read" in plan.errors[1]


def test_names_out_of_order_are_told():
    tracks = small_video("a")
    names = tuple(f"{number}.png" for number in (8, 9, 10, 11, 12, 13))
    sequence = replace(tracks.sequences["a"], frame_names=names)
    plan = plan_package(
        replace(tracks, sequences={"a": sequence}), CHOSEN, AdjustmentJob("fix")
    )
    assert any("leading zeros" in warning for warning in plan.warnings)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"left": np.nan}, "has no finite position"),
        ({"height": np.inf}, "has no finite position"),
        ({"width": 0.0}, "covers no pixel"),
        ({"label": pd.Categorical([None] * 8)}, "has no label"),
        ({"object_id": "same"}, "keep one box per object"),
        ({"track": np.int32(1)}, "keep one box per object"),
    ],
)
def test_bad_boxes_are_refused(columns, said):
    plan = plan_package(
        with_columns(small_video("a"), **columns), CHOSEN, AdjustmentJob("fix")
    )
    assert [error for error in plan.errors if said in error]


def test_shared_object_names_are_told():
    tracks = with_columns(small_video("a"), object_name="Car:1")
    plan = plan_package(tracks, CHOSEN, AdjustmentJob("fix"))
    assert any("cannot tell them apart" in warning for warning in plan.warnings)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({f"a{n}": "x" for n in range(11)}, "has 11 attributes"),
        ({"n" * 17: "x"}, "rename it to 1 to 16"),
        ({f"a{n}": "x" * 17 for n in range(6)}, "has 6 free text attributes"),
    ],
)
def test_attributes_beyond_the_quotas_are_refused(columns, said):
    tracks = with_columns(small_video("a"), **columns)
    plan = plan_package(tracks, CHOSEN, AdjustmentJob("fix"), attributes=list(columns))
    assert [error for error in plan.errors if said in error]


def test_manifest_beyond_its_limit_is_refused():
    plan = plan_package(
        small_video("a"), CHOSEN, AdjustmentJob("fix"), source=Source("d" * 20_000)
    )
    assert [error for error in plan.errors if "at most 20000" in error]


@pytest.mark.parametrize("sequences", [1, 2])
@pytest.mark.parametrize("flagged", [0, 1, 12, 40, 2000])
@pytest.mark.parametrize("reason", ["shift", "<b>&\n" * 100, "{{ x }}{% y %}"])
def test_instructions_keep_their_limits(sequences, flagged, reason):
    frames = pd.DataFrame(
        {
            "sequence": [f"v{number}" for number in range(sequences)] * 1000,
            "frame_name": [f"{number:06d}.jpg" for number in range(sequences * 1000)],
        }
    )
    frames["reason"] = np.where(frames.index < flagged, reason, "")
    texts = {
        255: instructions.task_description(frames),
        254: instructions.short_instruction(frames),
        2047: instructions.full_instruction(frames),
    }
    assert all(len(text) <= limit for limit, text in texts.items())
    assert "\n" not in texts[255]
    assert "<b>" not in texts[2047]
    # Liquid, which Ground Truth's templates are written in, would run these
    assert "{" not in texts[2047]
    listed = texts[2047].count("<li>") - ("more, see" in texts[2047])
    hidden = min(flagged, len(frames)) - listed
    assert (f"and {hidden} more, see frames.csv" in texts[2047]) == (hidden > 0)
    assert (flagged > 0) == ("000000.jpg" in texts[255])


def change(request, path, value):
    *parents, last = path
    for key in parents:
        request = request[key]
    if value is None:
        del request[last]
    else:
        request[last] = value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["LabelingJobName"], None),
        (["Unknown"], "x"),
        (["RoleArn"], "arn:aws:iam::12345678901٣:role/x"),
        (["InputConfig"], "s3://x/y"),
        (["InputConfig", "DataAttributes"], {"ContentClassifiers": ["Anything"]}),
        (["OutputConfig", "S3OutputPath"], "ftp://x/y"),
        (["OutputConfig", "KmsKeyId"], "k" * 2049),
        (["HumanTaskConfig", "NumberOfHumanWorkersPerDataObject"], 10),
        (["HumanTaskConfig", "TaskTitle"], "bell\a"),
        (["HumanTaskConfig", "TaskKeywords"], []),
        (["StoppingConditions"], {"MaxPercentageOfInputDatasetLabeled": 101}),
        (["Tags"], [{"Key": "k"}]),
        (["Tags"], [{"Key": "k", "Value": "v" * 257}]),
        (["Tags"], [{"Key": "Größe 1", "Value": "漢字"}]),
        (["OutputConfig", "KmsKeyId"], ""),
    ],
)
def test_model_errors_agree_with_the_model_as_a_json_schema(path, value):
    request = labeling_job_request(AdjustmentJob("fix", **READY), "Correct", "0")
    change(request, path, value)
    schema = request_schema("CreateLabelingJob")
    expected = len(list(StrictValidator(schema).iter_errors(request)))
    assert len(model_errors("CreateLabelingJob", request)) == expected


def test_package_is_written_whole_or_not_at_all(tmp_path):
    tracks = small_video("a", tmp_path / "frames")
    plan = plan_package(tracks, CHOSEN, AdjustmentJob("fix"))
    (tmp_path / "frames" / "000009.png").unlink()
    with pytest.raises(InputError, match=r"000009\.png: No such file .* was written"):
        write_packages([plan], tmp_path / "package", copy_frames=True)
    assert [path.name for path in tmp_path.iterdir()] == ["frames"]


def test_existing_folder_is_kept(tmp_path):
    plan = plan_package(small_video("a"), CHOSEN, AdjustmentJob("fix"))
    (tmp_path / "package").mkdir()
    package = write_packages([plan], tmp_path / "package")[0].folder
    before = {path: path.stat().st_mtime_ns for path in package.rglob("*")}
    with pytest.raises(InputError, match="not empty"):
        write_packages([plan], package)
    assert {path: path.stat().st_mtime_ns for path in package.rglob("*")} == before


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("task_time_limit", "3600", "a whole number"),
        ("max_concurrent_tasks", 1.5, "a whole number"),
        ("max_concurrent_tasks", True, "a whole number"),
        ("tags", ["x"], "a mapping of strings to strings"),
        ("tags", {"x": 1}, "a mapping of strings to strings"),
        ("keywords", "dog", "a list of strings"),
        ("labels", ["bus", {"classes": []}], "a list of strings"),
        ("title", None, "text"),
        ("bucket", 3, "text"),
    ],
)
def test_a_setting_of_another_kind(setting, value, expected):
    with pytest.raises(ValueError, match=f"^{setting} is .*; expected {expected}$"):
        AdjustmentJob("fix", **{setting: value})


def plans_of(tmp_path, sequences, owner="ann"):
    """Plan packages of one sequence each."""
    return [
        plan_package(
            small_video(name, tmp_path / f"{uuid4().hex}"),
            choose((name, 3, "gap")),
            AdjustmentJob("fix"),
            source=Source(owner=owner),
        )
        for name in sequences
    ]


def folder_of(tmp_path, sequences, owner="ann", copy_frames=False):
    """Write packages of one sequence each into the same folder."""
    plans = plans_of(tmp_path, sequences, owner)
    packages = write_packages(plans, tmp_path / "package", copy_frames=copy_frames)
    return [package.folder for package in packages]


def files_in(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*.json")}


@pytest.mark.parametrize("copied", [False, True])
@pytest.mark.parametrize(("before", "after"), [("ab", "b"), ("a", "ab"), ("a", "b")])
def test_a_folder_of_the_same_owner_is_replaced(tmp_path, before, after, copied):
    folder_of(tmp_path, before, copy_frames=copied)
    packages = folder_of(tmp_path, after)
    assert [(package / "job.json").is_file() for package in packages] == [True] * len(
        after
    )
    assert sum(
        name.endswith("-seq.json") for name in files_in(tmp_path / "package")
    ) == len(after)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("owner", ["bob", None])
def test_a_folder_of_another_owner_is_left_alone(tmp_path, owner):
    folder_of(tmp_path, "a")
    with pytest.raises(InputError, match="exists and is not empty"):
        folder_of(tmp_path, "b", owner)
    assert "a/SeqLabel.json" in files_in(tmp_path / "package")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("output/notes.txt", r"output/notes\.txt is not a file of the package"),
        ("1/a/frames/mine.png", r"1/a/frames/mine\.png is not a file"),
        ("2/job.json", "exists and is not empty"),
        ("2/frames.csv", "holds a damaged package"),
    ],
)
def test_a_folder_with_other_files_is_left_alone(tmp_path, name, said):
    folder_of(tmp_path, "ab", copy_frames=True)
    mine = tmp_path / "package" / name
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    with pytest.raises(InputError, match=said):
        folder_of(tmp_path, "b")
    assert mine.read_text() == "mine"


def contents(folder):
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def is_killed(step, work):
    """Does work in a fork that is killed before its n-th change of a folder."""
    child = os.fork()
    if child == 0:
        left = count(step - 1, -1)

        def note(event, _):
            changes = {"os.mkdir", "os.rename", "os.remove", "os.rmdir"}
            if event in changes and not next(left):
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(note)
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status in {0, signal.SIGKILL}
    return status != 0


def test_replacing_can_be_killed_at_any_step(tmp_path):
    package = tmp_path / "here" / "package"
    both, one = (plans_of(tmp_path, names) for names in ("ab", "b"))
    expected = {}
    for name, plans in (("both", both), ("one", one)):
        write_packages(plans, tmp_path / name)
        expected[name] = contents(tmp_path / name)
    seen = []
    for step in count(1):
        write_packages(both, package)
        killed = is_killed(step, lambda: write_packages(one, package))
        # The next export beside it clears what is left, even if it fails itself
        with (
            pytest.raises(OSError, match="disk is full"),
            whole_folder(tmp_path / "here" / "other"),
        ):
            raise OSError("disk is full")
        found = contents(package)
        (kept,) = (name for name, files in expected.items() if files == found)
        seen.append(kept)
        assert list(package.parent.iterdir()) == [package]
        if not killed:
            break
    assert step > 10
    assert seen == sorted(seen)
    assert seen[-3:] == ["one"] * 3


def test_frames_are_copied_on_demand(tmp_path):
    tracks = small_video("a", tmp_path / "frames")
    plan = plan_package(tracks, CHOSEN, AdjustmentJob("fix"))
    package = write_packages([plan], tmp_path / "package", copy_frames=True)[0].folder
    copied = sorted(path.name for path in (package / "a" / "frames").iterdir())
    assert copied == ["000003.png", "000005.png", "000009.png"]
    paths = pd.read_csv(package / "frames.csv")["path"]
    assert all((package / path).is_file() for path in paths)
    plan = plan_package(small_video("a"), CHOSEN, AdjustmentJob("fix"))
    found = package_findings([plan], tmp_path / "other", copy_frames=True)
    assert "not on this machine" in found[-1].what


@example(lengths=[2], picks={(0, 1), (0, 2)}, reason='cr\r, nul\0\n"', seed=0)
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    picks=st.sets(st.tuples(st.integers(0, 2), st.integers(1, 9)), min_size=1),
    reason=st.text(max_size=30),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_every_package_starts_a_job(
    service, tmp_path_factory, lengths, picks, reason, seed
):
    folder = tmp_path_factory.mktemp("drawn")
    random = np.random.default_rng(seed)
    tracks = concatenate(
        small_video(f"v{number}", folder / f"v{number}", frames=length)
        for number, length in enumerate(lengths)
    )
    left = random.uniform(-20, 80, len(tracks.table))
    width = random.uniform(1, 90, len(tracks.table))
    tracks = with_columns(tracks, left=left, width=width)
    chosen = [
        (f"v{number}", frame, reason if frame % 2 else "")
        for number, frame in sorted(picks)
        if number < len(lengths) and frame <= lengths[number]
    ]
    name = f"drawn-{folder.name.replace('_', '-')}"
    plan = plan_package(tracks, choose(*chosen), AdjustmentJob(name, **READY))
    if not chosen:
        assert plan.errors == ("No frames are chosen: choose at least one.",)
        return
    package = write_packages([plan], folder / "package")[0].folder
    upload_package(read_package(package), service.client("s3"))
    arn = launch_job(read_package(package), service.client("sagemaker"))
    assert arn.endswith(f":labeling-job/{name}")


def test_real_labels_start_a_job(service, tmp_path, real_data):
    reader = pytest.importorskip("fiftyone_track_audit.importers.groundtruth")
    labels = real_data / "groundtruth" / "MOT20-01-SeqLabel.json"
    frames_dir = real_data / "MOT20" / "train" / "MOT20-01" / "img1"
    tracks = reader.read_seq_label(labels, frames_dir=frames_dir)
    name = next(iter(tracks.sequences))
    sequence = replace(tracks.sequences[name], width=1920, height=1080)
    tracks = replace(tracks, sequences={name: sequence})
    flagged = {25: "size change", 26: "size change", 28: "shift"}
    frames = choose(*((name, frame, flagged.get(frame, "")) for frame in range(23, 31)))
    plan = plan_package(tracks, frames, AdjustmentJob("real", **READY))
    assert plan.errors == ()
    assert "scaled to the 960x540 images" in plan.notes[0]

    package = write_packages([plan], tmp_path / "package")[0].folder
    sent = upload_package(read_package(package), service.client("s3"))
    assert sent.sent == 8 + 4
    launch_job(read_package(package), service.client("sagemaker"))

    given_labels = read_json(labels)["tracking-annotations"][22:30]
    written = read_json(package / name / "SeqLabel.json")["tracking-annotations"]
    for before, after in zip(given_labels, written, strict=True):
        assert before["frame"] == after["frame"]
        old = {box["object-id"]: box for box in before["annotations"]}
        new = {box["object-id"]: box for box in after["annotations"]}
        assert old.keys() == new.keys()
        for key, box in new.items():
            assert box["object-name"] == old[key]["object-name"]
            for side in ("left", "top", "width", "height"):
                assert abs(2 * box[side] - old[key][side]) <= 2
