# SPDX-License-Identifier: Apache-2.0
"""Frames to Label Studio and back, by FiftyOne's client and SDK."""

import re
from pathlib import Path

import pandas as pd
import pytest
from fiftyone_track_audit.plugin.cli import main
from fiftyone_track_audit.plugin.corrections.applying import apply_adjustment
from fiftyone_track_audit.plugin.corrections.corrected import NotReviewed
from fiftyone_track_audit.plugin.corrections.label_studio_tasks import _number
from fiftyone_track_audit.plugin.corrections.loading import load_adjustment
from fiftyone_track_audit.plugin.sending.backends import annotate_frames
from label_studio_stand_in import TOKEN, label_studio
from small_datasets import SHIFTED, SHORT, copy_of, outliers, table

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def dataset(two_walks):
    with copy_of(two_walks) as copy:
        yield copy


@pytest.fixture
def server():
    with label_studio() as running:
        yield running


def send(dataset, server, **settings):
    """Send the outliers; return the tasks of "a" and of "b"."""
    where = {"url": server.url, "api_key": TOKEN}
    annotate_frames(
        outliers(dataset), "fix", backend="labelstudio", **(where | settings)
    )
    return [server.of(number) for number in server.projects]


def text(box):
    return box["meta"]["text"][0]


def test_what_is_sent(dataset, server):
    first, second = send(dataset, server, context=1)
    projects = list(server.projects.values())
    assert [each["title"] for each in projects] == ["fix a", "fix_2 b"]
    for tasks, size in ((first, (200, 100)), (second, (100, 50))):
        assert [Path(each["name"]).stem[-6:] for each in tasks] == [
            f"{frame:06d}" for frame in (9, 10, 11, 19, 20, 21)
        ]
        assert {each["size"] for each in tasks} == {size}
    # The labels of the whole dataset, also those that no frame has
    labels = re.findall(r'Label value="(\w+)"', projects[0]["label_config"])
    assert set(labels) == {"walker", "rider"}


def test_annotators_see_tracks_reasons_and_instructions(dataset, server):
    first, _ = send(dataset, server, context=1)
    assert [text(box) for box in first[0]["predictions"][0]["result"]] == [
        "track 1",
        "track 2",
    ]
    project = next(iter(server.projects.values()))
    assert project["show_instruction"]
    told = project["expert_instruction"]
    assert "2 of 6 frames are flagged" in told
    assert "such as <i>track 3</i>" in told
    assert f"<li>{SHORT:06d}.png: walker:1 size change" in told
    assert f"<li>{SHIFTED:06d}.png: walker:2 shift" in told


def test_a_server_without_instructions_is_no_reason_to_take_back(
    dataset, server, caplog
):
    server.refused.add("predictions")
    assert len(send(dataset, server)) == 2
    assert "The annotators get no instructions" in caplog.text
    assert dataset.list_annotation_runs() == ["fix", "fix_2"]


def submit_all(server, tasks):
    for task in tasks:
        server.submit(task)


def test_nothing_changed(dataset, server):
    for tasks in send(dataset, server):
        submit_all(server, tasks)
    for _ in range(2):
        review = load_adjustment(dataset, "fix")
        assert (review.changes, review.boxes, review.notes) == ({}, 8, [])
    before = table(dataset, "ground_truth")
    after = table(dataset, "ground_truth_adjusted")
    same = before.loc[after.index]
    pd.testing.assert_frame_equal(after[same.columns], same)


def test_corrections_come_back(dataset, server):
    (short, shifted), (first, second) = send(dataset, server)

    def resize(boxes):
        boxes[0]["value"]["height"] += 14
        boxes[1]["value"]["rectanglelabels"] = ["rider"]
        return boxes

    def redraw(boxes):
        new = {"x": 1, "y": 2, "width": 8, "height": 16}
        named = new | {"rectanglelabels": ["walker"], "rotation": 30}
        drawn = {"id": "x7Kq2", "type": "rectanglelabels", "value": named}
        unnamed = {"id": "x7Kq3", "type": "rectangle", "value": new}
        return [boxes[0], drawn, unnamed]

    server.submit(short, resize)
    server.submit(first, redraw)
    submit_all(server, (shifted, second))
    review = load_adjustment(dataset, "fix")
    assert review.changes == {"resized": 1, "label": 1, "added": 1, "deleted": 1}
    assert review.notes == [
        "1 region in Label Studio left out: only rectangles with a label are boxes",
        "1 rotated box in Label Studio read without the rotation",
    ]
    adjusted = table(dataset, "ground_truth_adjusted", "changes", "label")
    assert adjusted.loc[("a", SHORT, 1), "changes"] == ["resized"]
    assert adjusted.loc[("a", SHORT, 2), "label"] == "rider"
    before = table(dataset, "ground_truth", "color")
    # Images of "b" are half the size of its labels: 16% of 200
    assert adjusted.loc[("b", SHORT, 3), "width"] == pytest.approx(16)
    # Edges that nobody touched are where they were
    place = ["left", "top", "width"]
    assert adjusted.loc[("a", SHORT, 1), place].tolist() == pytest.approx(
        before.loc[("a", SHORT, 1), place].tolist(), abs=1e-9
    )
    # Attributes, which FiftyOne does not send, stay
    apply_adjustment(dataset, "fix")
    after = table(dataset, "ground_truth", "color")
    assert after.loc[("a", SHORT, 1), "height"] > before.loc[("a", SHORT, 1), "height"]
    assert after.loc[("a", SHORT, 1), "color"] == "red"


def test_texts_are_identities(dataset, server):
    (short, shifted), others = send(dataset, server)

    def swap(boxes):
        boxes[0]["meta"]["text"], boxes[1]["meta"]["text"] = ["track 2"], ["1"]
        return boxes

    def draw(boxes):
        # A copy of a box has its text, and another one a new number
        copy = {**boxes[0], "id": "copy"}
        new = {**boxes[0], "id": "new", "meta": {"text": ["Track 9"]}}
        return [*boxes, copy, new]

    server.submit(short, swap)
    server.submit(shifted, draw)
    for task in others:
        server.submit(task, lambda boxes: [*boxes, {**boxes[0], **new_object(9)}])
    review = load_adjustment(dataset, "fix")
    assert review.changes == {"identity": 2, "added": 4}
    adjusted = table(dataset, "ground_truth_adjusted", "changes").reset_index()
    added = adjusted[adjusted["changes"].map(lambda each: each == ["added"])]
    assert len(set(added.loc[added["sequence"] == "b", "track"])) == 1


def new_object(number):
    return {"id": f"new {number}", "meta": {"text": [f"track {number}"]}}


@pytest.mark.parametrize(
    ("written", "number"),
    [("track 3", 3), ("Track  3", 3), ("3", 3), ("3 or 4", None), ("", None)],
)
def test_numbers_that_annotators_write(written, number):
    found = _number([written])
    assert found == number if number else found != found
    assert _number(None) != _number(None)


def test_tasks_that_nobody_submitted_are_not_reviewed(dataset, server):
    (short, shifted), (first, second) = send(dataset, server)
    with pytest.raises(NotReviewed, match="nobody has opened its tasks yet"):
        load_adjustment(dataset, "fix")
    server.submit(short)
    # One annotator skips the task, and another one corrects it before or after that
    server.submit(shifted, skip=True)
    server.submit(first, lambda boxes: boxes[:1])
    server.submit(first, skip=True)
    server.submit(second)
    # A task that was deleted is not one whose boxes were deleted
    del server.tasks[second["id"]]
    review = load_adjustment(dataset, "fix")
    assert review.frames == {"a": [SHORT], "b": [SHORT]}
    assert review.changes == {"deleted": 1}
    assert review.notes == [
        "2 frames not reviewed: their tasks were not opened, or deleted"
    ]
    # The annotation that was submitted last counts
    server.submit(first)
    assert load_adjustment(dataset, "fix").changes == {}


def test_what_the_command_line_says(dataset, server, capsys):
    (short, *_), _ = send(dataset, server)
    load = ["load", dataset.name, "--job-name", "fix"]

    def said():
        lines = capsys.readouterr().err.splitlines()
        return lines[-1]

    assert main(load) == 3
    assert said().endswith("fix: nobody has opened its tasks yet; wait for them")
    server.submit(short)
    config = dataset.load_annotation_results("fix").config
    config.api_key = None
    assert main(load) == 2
    assert "labelstudio: no credentials; set FIFTYONE_LABELSTUDIO_API_KEY" in said()
    config.api_key = "wrong"
    assert main(load) == 2
    assert "401" in said()
    config.api_key = TOKEN
    assert main(load) == 0
