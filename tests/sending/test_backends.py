# SPDX-License-Identifier: Apache-2.0
"""Frames to FiftyOne's annotation backends, CVAT's server first, and back."""

import io
from pathlib import Path

import pandas as pd
import pytest
from cvat_server import cvat_server
from fiftyone_track_audit.plugin.corrections.applying import Applied, apply_adjustment
from fiftyone_track_audit.plugin.corrections.loading import load_adjustment
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
    server = {"url": cvat.url, "username": "me", "password": "secret"}
    return annotate_frames(
        outliers(dataset), key, backend="cvat", **(server | settings)
    )


def test_what_is_sent(dataset, cvat):
    send(dataset, cvat, context=1)
    (task,) = cvat.tasks.values()
    frames = [9, 10, 11, 19, 20, 21]
    names = [f"{frame:06d}" for frame in frames]
    assert [Path(name).stem[:6] for name, _ in task["images"]] == names * 2
    sizes = [Image.open(io.BytesIO(data)).size for _, data in task["images"]]
    assert sizes == [(200, 100)] * 6 + [(100, 50)] * 6
    assert {label["name"] for label in task["labels"]} == {"walker", "rider"}
    attributes = {a["name"] for label in task["labels"] for a in label["attributes"]}
    assert attributes == {"label_id", "color"}
    shapes = task["shapes"]
    assert [shape["frame"] for shape in shapes] == sorted([*range(12)] * 2)
    # Boxes are pixels of the images that were sent
    stored = table(dataset, "ground_truth")
    for sequence, frame, index, scale in (("a", SHORT, 1, 1), ("b", SHORT, 7, 0.5)):
        box = stored.loc[(sequence, frame, 1), ["left", "top", "width", "height"]]
        left, top, width, height = box * scale
        points = next(s["points"] for s in shapes if s["frame"] == index)
        edges = [left, top, left + width, top + height]
        assert points == pytest.approx(edges, abs=0.5)


def shape(task, frame, position=0):
    return [each for each in task["shapes"] if each["frame"] == frame][position]


def test_corrections_come_back(dataset, cvat):
    send(dataset, cvat)
    (task,) = cvat.tasks.values()
    short, shifted, double = shape(task, 0), shape(task, 1, 1), shape(task, 2, 1)
    short["points"][3] += 14
    shifted["points"][0] -= 16
    shifted["points"][2] -= 16
    task["shapes"].remove(double)
    new = dict(shape(task, 3), id=999, points=[1, 1, 9, 9], attributes=[])
    task["shapes"].append(new)
    before = table(dataset, "ground_truth", "id")
    review = load_adjustment(dataset, "fix")
    assert review.changes == {"moved": 1, "resized": 1, "added": 1, "deleted": 1}
    pd.testing.assert_frame_equal(table(dataset, "ground_truth", "id"), before)
    adjusted = table(dataset, "ground_truth_adjusted", "changes")
    assert adjusted.loc[("a", SHORT, 1), "changes"] == ["resized"]
    assert adjusted.loc[("a", SHIFTED, 2), "changes"] == ["moved"]
    assert adjusted.loc[("b", SHIFTED, 3), "changes"] == ["added"]
    # Images of "b" are half the size of its labels
    assert adjusted.loc[("b", SHIFTED, 3), "width"] == pytest.approx(16)
    assert not dataset.has_field("frames.track_audit_incoming")
    assert apply_adjustment(dataset, "fix") == Applied(2, 1, 1, 4)


def test_nothing_changed(dataset, cvat):
    send(dataset, cvat)
    for _ in range(2):
        review = load_adjustment(dataset, "fix")
        assert (review.changes, review.boxes) == ({}, 8)
    before = table(dataset, "ground_truth")
    after = table(dataset, "ground_truth_adjusted")
    same = before.loc[after.index]
    pd.testing.assert_frame_equal(after[same.columns], same)


def test_nothing_is_recorded_where_sending_fails(dataset, cvat):
    with pytest.raises(ValueError, match="Unsupported backend"):
        annotate_frames(outliers(dataset), "fix", backend="nobody's")
    with pytest.raises(ValueError, match=r"use view\.annotate\(\)"):
        annotate_frames(outliers(dataset), "fix", backend="groundtruth")
    assert recorded_sent(dataset) == {}
    send(dataset, cvat)
    with pytest.raises(ValueError, match="'fix' was already sent"):
        send(dataset, cvat)
    assert list(recorded_sent(dataset)) == dataset.list_annotation_runs() == ["fix"]
