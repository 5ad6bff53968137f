# SPDX-License-Identifier: Apache-2.0
"""Frames to FiftyOne's annotation backends, CVAT's server first, and back."""

import io
from copy import deepcopy
from pathlib import Path

import pandas as pd
import pytest
from cvat_server import cvat_server
from fiftyone_track_audit.plugin.cli import main
from fiftyone_track_audit.plugin.corrections.applying import Applied, apply_adjustment
from fiftyone_track_audit.plugin.corrections.corrected import NotReviewed
from fiftyone_track_audit.plugin.corrections.loading import load_adjustment
from fiftyone_track_audit.plugin.review.deciding import decide_issues
from fiftyone_track_audit.plugin.review.issues import read_dataset_issues
from fiftyone_track_audit.plugin.sending.backends import annotate_frames
from fiftyone_track_audit.plugin.sending.records import recorded_sent
from PIL import Image
from small_datasets import SHIFTED, SHORT, copy_of, outliers, table

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def dataset(two_walks):
    with copy_of(two_walks) as copy:
        yield copy


@pytest.fixture
def cvat():
    with cvat_server() as running:
        yield running


def send(dataset, cvat, key="fix", **settings):
    """Send the outliers; return the tasks of "a" and of "b", opened by annotators."""
    server = {"url": cvat.url, "username": "me", "password": "secret"}
    annotate_frames(outliers(dataset), key, backend="cvat", **(server | settings))
    for task in cvat.tasks.values():
        task["state"] = "completed"
    return list(cvat.tasks.values())


def test_what_is_sent(dataset, cvat):
    tasks = send(dataset, cvat, context=1)
    assert [task["name"] for task in tasks] == ["fix a", "fix_2 b"]
    assert dataset.list_annotation_runs() == ["fix", "fix_2"]
    frames = [9, 10, 11, 19, 20, 21]
    for task, size in zip(tasks, [(200, 100), (100, 50)], strict=True):
        names = [Path(name).stem[:6] for name, _ in task["images"]]
        assert names == [f"{frame:06d}" for frame in frames]
        sizes = {Image.open(io.BytesIO(data)).size for _, data in task["images"]}
        assert sizes == {size}
        # The labels of the whole dataset, also those that no frame has
        assert {label["name"] for label in task["labels"]} == {"walker", "rider"}
        named = {a["name"] for label in task["labels"] for a in label["attributes"]}
        assert named == {"label_id", "color", "index"}
        assert [shape["frame"] for shape in task["shapes"]] == sorted([*range(6)] * 2)
    # Boxes are pixels of the images that were sent
    stored = table(dataset, "ground_truth")
    for sequence, task, scale in zip("ab", tasks, (1, 0.5), strict=True):
        box = stored.loc[(sequence, SHORT, 1), ["left", "top", "width", "height"]]
        left, top, width, height = box * scale
        edges = [left, top, left + width, top + height]
        assert shape(task, 1)["points"] == pytest.approx(edges, abs=0.5)


def test_annotators_see_tracks_reasons_and_instructions(dataset, cvat):
    first, _ = send(dataset, cvat, context=1)
    assert [value(first, each, "index") for each in first["shapes"][:2]] == ["1", "2"]
    assert "2 of 6 frames are flagged" in first["guide"]
    assert "*index* is the number of a box's track" in first["guide"]
    *_, short, shifted = first["guide"].splitlines()
    assert short.startswith(f"| 1 | {SHORT:06d}.png | walker:1 ")
    assert shifted.startswith(f"| 4 | {SHIFTED:06d}.png | walker:2 ")


def test_only_the_tracks_in_question_are_sent(dataset, cvat):
    issues = read_dataset_issues(dataset, "ground_truth")
    shifts = issues["id"][issues["kind"] == "shift"].tolist()
    decide_issues(dataset, shifts, "dismissed")
    first, _ = send(dataset, cvat, context=1, only_tracks=True)
    assert [Path(name).stem[:6] for name, _ in first["images"]] == [
        f"{frame:06d}" for frame in (9, 10, 11)
    ]
    assert [value(first, each, "index") for each in first["shapes"]] == ["1"] * 3
    shape(first, 1)["points"][3] += 14
    review = load_adjustment(dataset, "fix")
    assert review.changes == {"resized": 1}
    assert apply_adjustment(dataset, "fix").deleted == 0
    assert (table(dataset, "ground_truth").groupby("track").size() == 60).all()


def shape(task, frame, position=0):
    return [each for each in task["shapes"] if each["frame"] == frame][position]


def attribute(task, each, name):
    """The value of an attribute of a shape, as the server has it."""
    label = next(one for one in task["labels"] if one["id"] == each["label_id"])
    number = next(one["id"] for one in label["attributes"] if one["name"] == name)
    return next(one for one in each["attributes"] if one["spec_id"] == number)


def value(task, each, name):
    return attribute(task, each, name)["value"]


def test_corrections_come_back(dataset, cvat):
    first, second = send(dataset, cvat)
    short, shifted = shape(first, 0), shape(first, 1, 1)
    short["points"][3] += 14
    shifted["points"][0] -= 16
    shifted["points"][2] -= 16
    attribute(first, shape(first, 1), "color")["value"] = "blue"
    second["shapes"].remove(shape(second, 0, 1))
    new = dict(shape(second, 1), id=999, points=[1, 1, 9, 9], attributes=[])
    second["shapes"].append(new)
    before = table(dataset, "ground_truth", "id")
    review = load_adjustment(dataset, "fix")
    assert review.changes == {
        "moved": 1,
        "resized": 1,
        "added": 1,
        "deleted": 1,
        "attributes": 1,
    }
    assert review.notes == []
    pd.testing.assert_frame_equal(table(dataset, "ground_truth", "id"), before)
    adjusted = table(dataset, "ground_truth_adjusted", "changes", "color")
    assert adjusted.loc[("a", SHORT, 1), "changes"] == ["resized"]
    assert adjusted.loc[("a", SHIFTED, 2), "changes"] == ["moved"]
    assert adjusted.loc[("a", SHIFTED, 1), "color"] == "blue"
    assert adjusted.loc[("b", SHIFTED, 3), "changes"] == ["added"]
    # Images of "b" are half the size of its labels
    assert adjusted.loc[("b", SHIFTED, 3), "width"] == pytest.approx(16)
    # Edges that nobody touched are where they were
    place = ["left", "top", "width"]
    assert adjusted.loc[("a", SHORT, 1), place].tolist() == pytest.approx(
        before.loc[("a", SHORT, 1), place].tolist(), abs=1e-9
    )
    assert apply_adjustment(dataset, "fix") == Applied(3, 1, 1, 4)


def test_nothing_changed(dataset, cvat):
    send(dataset, cvat)
    for _ in range(2):
        review = load_adjustment(dataset, "fix")
        assert (review.changes, review.boxes, review.notes) == ({}, 8, [])
    before = table(dataset, "ground_truth")
    after = table(dataset, "ground_truth_adjusted")
    same = before.loc[after.index]
    pd.testing.assert_frame_equal(after[same.columns], same)


def drawn(task, *keyframes):
    """A track as an annotator draws it: points by frame, outside after the last."""
    shapes = [
        {"type": "rectangle", "frame": frame, "points": points, "outside": False}
        for frame, points in keyframes
    ]
    shapes = [{**each, "attributes": [], "occluded": False} for each in shapes]
    label = task["labels"][0]["id"]
    return {"id": 77, "label_id": label, "attributes": [], "shapes": shapes, "frame": 0}


def test_drawn_tracks_come_back_as_one_track(dataset, cvat):
    first, second = send(dataset, cvat, context=1)
    first["tracks"].append(drawn(first, (0, [0, 0, 8, 8]), (2, [4, 0, 12, 8])))
    gone = drawn(second, (0, [0, 0, 8, 8]), (2, [0, 0, 8, 8]))
    gone["shapes"][1]["outside"] = True
    second["tracks"].append(gone)
    review = load_adjustment(dataset, "fix")
    assert review.changes == {"added": 6 + 2}
    adjusted = table(dataset, "ground_truth_adjusted", "changes")
    new = adjusted[adjusted["changes"].map(bool)].reset_index()
    assert new["track"].unique().tolist() == [3]
    # Positions between keyframes are interpolated, and the last one stays
    assert new.loc[new["sequence"] == "a", "left"].tolist() == [0, 2, 4, 4, 4, 4]
    assert new.loc[new["sequence"] == "b", "frame"].tolist() == [9, 10]


def test_track_numbers_are_identities(dataset, cvat):
    first, second = send(dataset, cvat)
    # Two swap their numbers; a copy of one in its frame is a new object
    for position, number in ((0, "2"), (1, "1")):
        attribute(first, shape(first, 0, position), "index")["value"] = number
    copy = {**deepcopy(shape(first, 1)), "id": 998, "points": [150, 5, 170, 41]}
    first["shapes"].append(copy)
    # Two boxes with one number: the one that had it keeps it
    attribute(second, shape(second, 0), "index")["value"] = "2"
    # A new number in two frames is one new object
    for frame in (0, 1):
        new = {**deepcopy(shape(second, frame)), "id": 990 + frame}
        attribute(second, new, "label_id")["value"] = ""
        attribute(second, new, "index")["value"] = "9"
        second["shapes"].append(new | {"points": [80, 30, 90, 40]})
    review = load_adjustment(dataset, "fix")
    assert review.changes == {"identity": 2, "added": 3}
    (note,) = review.notes
    assert note.startswith("1 box with the track number of another box in the frame")
    adjusted = table(dataset, "ground_truth_adjusted", "changes")
    added = adjusted[adjusted["changes"].map(lambda each: each == ["added"])]
    assert added.index.tolist() == [("a", 20, 3), ("b", 10, 3), ("b", 20, 3)]


def test_tasks_that_nobody_opened_are_not_reviewed(dataset, cvat):
    first, second = send(dataset, cvat)
    first["state"] = second["state"] = "new"
    with pytest.raises(NotReviewed, match="nobody has opened its tasks yet"):
        load_adjustment(dataset, "fix")
    first["state"] = "in progress"
    review = load_adjustment(dataset, "fix")
    assert review.frames == {"a": [SHORT, SHIFTED]}
    assert review.notes == [
        "2 frames not reviewed: their tasks were not opened, or deleted"
    ]
    # What somebody changed counts, whatever the state
    shape(second, 0)["points"][3] += 7
    assert load_adjustment(dataset, "fix").frames.keys() == {"a", "b"}
    del cvat.tasks[second["id"]]
    assert load_adjustment(dataset, "fix").frames.keys() == {"a"}


def test_what_the_command_line_says(dataset, cvat, capsys):
    first, second = send(dataset, cvat)
    first["state"] = second["state"] = "new"
    load = ["load", dataset.name, "--job-name", "fix"]

    def said():
        return capsys.readouterr().err.splitlines()[-1]

    assert main(load) == 3
    assert said().endswith("fix: nobody has opened its tasks yet; wait for them")
    first["state"] = "completed"
    config = dataset.load_annotation_results("fix").config
    config.password = None
    assert main(load) == 2
    assert "cvat: no credentials; set FIFTYONE_CVAT_PASSWORD in the env" in said()
    config.password = cvat.password
    assert main(load) == 0


def test_nothing_is_recorded_where_sending_fails(dataset, cvat):
    with pytest.raises(ValueError, match="Unsupported backend"):
        annotate_frames(outliers(dataset), "fix", backend="nobody's")
    with pytest.raises(ValueError, match=r"use view\.annotate\(\)"):
        annotate_frames(outliers(dataset), "fix", backend="groundtruth")
    assert recorded_sent(dataset) == {}
    send(dataset, cvat)
    with pytest.raises(ValueError, match="'fix' was already sent"):
        send(dataset, cvat)
    assert list(recorded_sent(dataset)) == ["fix"]
    assert dataset.list_annotation_runs() == ["fix", "fix_2"]
