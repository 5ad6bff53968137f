"""Datasets as FiftyOne users have them, which Track Audit did not make."""

import gc
from contextlib import contextmanager

import cv2
import fiftyone as fo
import numpy as np

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
