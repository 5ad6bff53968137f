# SPDX-License-Identifier: Apache-2.0
"""Datasets as FiftyOne users have them, which Track Audit did not make."""

import gc
from contextlib import contextmanager
from types import SimpleNamespace

import cv2
import fiftyone as fo
import numpy as np
import pandas as pd
from fiftyone_track_audit.plugin.panel.panel import TrackAuditPanel

WIDTH, HEIGHT, FRAMES, RATE = 160, 96, 40, 10.0
#: The box of the first track is at the wrong place in this frame.
SHIFTED = 20


def make_video(path, frames=FRAMES):
    """A video whose frames tell their number by their brightness."""
    codec = cv2.VideoWriter_fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(path), codec, RATE, (WIDTH, HEIGHT))
    for number in range(1, frames + 1):
        writer.write(shade(number))
    writer.release()


def shade(number):
    return np.full((HEIGHT, WIDTH, 3), 6 * number, np.uint8)


def boxes():
    """The boxes of two objects: ``(object, frame, box)``, one box misplaced."""
    for number in range(1, FRAMES + 1):
        move = 0.3 if number == SHIFTED else 0
        yield "first", number, [0.1 + 0.01 * number, 0.1 + move, 0.15, 0.3]
        yield "second", number, [0.8 - 0.01 * number, 0.55, 0.15, 0.3]


def detection(box, label="person", **identity):
    return fo.Detection(label=label, bounding_box=box, **identity)


def by_index(name, frame, box):
    return detection(box, index={"first": 1, "second": 2}[name])


@contextmanager
def video_dataset(folder, spell=by_index, name="own-videos"):
    """A dataset like quickstart-video: videos, labels, and no images of frames.

    Args:
        folder: a folder for the video
        spell: returns the detection of an object, a frame and a box, or None
    """
    dataset = fo.Dataset(name)
    try:
        dataset.add_sample(_sample(folder, spell))
        # FiftyOne checks the types of what is in memory
        gc.collect()
        yield dataset
    finally:
        dataset.delete()


@contextmanager
def grouped_dataset(folder, slices, spell=by_index, name="own-groups"):
    """A grouped dataset with a video in each slice."""
    dataset = fo.Dataset(name)
    try:
        dataset.add_group_field("group", default=slices[0])
        dataset.add_samples(_group(folder, slices, spell))
        gc.collect()
        yield dataset
    finally:
        dataset.delete()


def _group(folder, slices, spell):
    group, samples = fo.Group(), []
    for name in slices:
        (folder / name).mkdir()
        samples.append(_sample(folder / name, spell))
        samples[-1]["group"] = group.element(name)
    return samples


def _sample(folder, spell):
    make_video(folder / "street.mp4")
    sample = fo.Sample(filepath=str(folder / "street.mp4"))
    for name, number, box in boxes():
        made = spell(name, number, box)
        if "detections" not in sample.frames[number]:
            sample.frames[number]["detections"] = fo.Detections()
        if made is not None:
            sample.frames[number]["detections"].detections.append(made)
    return sample


@contextmanager
def image_dataset(folder, spell=by_index, name="own-images", **fields):
    """An image dataset whose samples are the frames of a sequence, in any order.

    Args:
        folder: a folder for the images
        spell: returns the detection of an object, a frame and a box
        **fields: functions from the number of a frame to the value of a sample field
    """
    dataset = fo.Dataset(name)
    try:
        dataset.add_samples(_images(folder, spell, fields))
        gc.collect()
        yield dataset
    finally:
        dataset.delete()


def _images(folder, spell, fields):
    folder.mkdir(exist_ok=True)
    samples = {}
    for number in range(1, FRAMES + 1):
        path = folder / f"{number}.png"
        cv2.imwrite(str(path), shade(number))
        values = {field: value(number) for field, value in fields.items()}
        samples[number] = fo.Sample(str(path), detections=fo.Detections(), **values)
    for name, number, box in boxes():
        samples[number]["detections"].detections.append(spell(name, number, box))
    # Not in the order of the frames
    return [samples[number] for number in sorted(samples, key=lambda n: (n * 7) % 41)]


def spell_instances(index=None):
    """Detections with an instance for each object, and maybe an index."""
    instances = {"first": fo.Instance(), "second": fo.Instance()}

    def spell(name, frame, box):
        number = index(name, frame) if index else None
        return detection(box, instance=instances[name], index=number)

    return spell


def call(dataset, method, **params):
    """What a method of the panel answers."""
    ctx = SimpleNamespace(
        dataset=dataset, params=params, view=dataset.view(), user=None
    )
    return getattr(TrackAuditPanel(), method)(ctx)


def first_issue(dataset):
    listed = call(dataset, "list_issues")["issues"]
    return next(each for each in listed if each["first_frame"] == SHIFTED)


def put_back(folder, frame=2):
    """Correct the box that is misplaced, as a reviewer would, in the MOT file."""
    path = folder / "street" / "gt" / "gt.txt"
    rows = pd.read_csv(path, header=None)
    wrong = (rows[0] == frame) & (rows[3] > 30) & (rows[3] < 50)
    assert wrong.sum() == 1
    rows.loc[wrong, 3] -= round(0.3 * HEIGHT)
    rows.to_csv(path, header=False, index=False)
