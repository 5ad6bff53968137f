# SPDX-License-Identifier: Apache-2.0
"""Small datasets whose labels get corrected."""

from contextlib import contextmanager
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import pandas as pd
import pytest
from fiftyone import ViewField as F
from fiftyone_track_audit.importers import store
from fiftyone_track_audit.importers.dataset import create_dataset
from fiftyone_track_audit.importers.tracks import (
    Sequence,
    Tracks,
    concatenate,
    make_table,
)
from fiftyone_track_audit.plugin.corrections.corrected import Corrections
from fiftyone_track_audit.plugin.review.audits import audit_dataset
from PIL import Image

WIDTH, HEIGHT = 200, 100
#: Track 1 is too short in frame 10, track 2 at the wrong place in frame 20 of "a".
SHORT, SHIFTED = 10, 20


def walkers(sequence, folder, label="walker", image_size=(WIDTH, HEIGHT)):
    """Two tracks over 30 frames; boxes at fractions of pixels."""
    frames = np.arange(1, 31)
    folder.mkdir()
    names = tuple(f"{frame:06d}.png" for frame in frames)
    for shade, name in enumerate(names):
        Image.new("L", image_size, 5 * shade + ord(sequence[0]) % 7).save(folder / name)
    table = pd.DataFrame(
        {
            "sequence": sequence,
            "frame": np.tile(frames, 2),
            "frame_name": names * 2,
            "track": np.repeat([1, 2], 30),
            "label": label,
            "left": np.r_[10.3 + 2.0 * frames, 150.4 - 2.0 * frames],
            "top": np.repeat([10.25, 50.0], 30),
            "width": 20.0,
            "height": 36.0,
            "color": "red",
        }
    )
    first = table["track"] == 1
    table.loc[first & (table["frame"] == SHORT), "height"] *= 0.6
    table.loc[~first & (table["frame"] == SHIFTED), "left"] += 16
    record = Sequence(sequence, WIDTH, HEIGHT, 10.0, names, folder)
    return Tracks(make_table(table), {sequence: record})


@contextmanager
def audited_walkers(name, folder, *parts):
    """Make an audited dataset of walkers, which lasts as long as the context."""
    dataset = create_dataset(concatenate(parts), name, video_dir=folder / "videos")
    try:
        audit_dataset(dataset)
        yield dataset
    finally:
        dataset.delete()


@contextmanager
def copy_of(dataset, name="walkers"):
    """Copy a dataset for as long as the context lasts."""
    copy = dataset.clone(name)
    try:
        yield copy
    finally:
        copy.delete()


def enlarge(labels):
    """What a reviewer makes of the box of track 1 that is too short."""
    for entry in labels["tracking-annotations"]:
        for box in entry["annotations"]:
            if box["height"] == 22:
                box["height"] = 36
    return labels


def table(dataset, field, *names):
    """The labels of a field, by sequence, frame and track."""
    tracks = store.read_tracks(dataset, field, names).tracks.table
    tracks = tracks.astype({"sequence": object, "label": object})
    return tracks.set_index(["sequence", "frame", "track"]).sort_index()


def corrections(dataset, frames, edit):
    """What comes back of frames of "a" whose labels were edited.

    Args:
        dataset: a dataset of walkers
        frames: the numbers of the frames that were sent
        edit: gets the tracks table as it was sent, and gives it back corrected
    """
    sent = store.read_tracks(dataset, "ground_truth", ["color"]).tracks.table
    chosen = sent["sequence"].eq("a") & sent["frame"].isin(frames)
    sent = sent[chosen].reset_index(drop=True)
    sent = sent.astype({"sequence": object, "label": object, "frame_name": object})
    # Whole pixels, and the objects of those that were sent without any
    box = ["left", "top", "width", "height"]
    right, bottom = (sent["left"] + sent["width"]), (sent["top"] + sent["height"])
    edges = np.rint([sent["left"], sent["top"], right, bottom])
    sent[box] = np.c_[edges[0], edges[1], edges[2] - edges[0], edges[3] - edges[1]]
    sent["object_id"] = [object_id(track) for track in sent["track"]]
    sent["object_name"] = "walker:" + sent["track"].astype(str)
    came = pd.DataFrame({"sequence": "a", "frame": frames})
    return Corrections(sent, edit(sent.copy()), came, {})


def object_id(track):
    return str(uuid5(NAMESPACE_URL, f"track-audit:a:{track}"))


def small_model(folder):
    """The name of a small model with weights of its own; skips without torch."""
    torch, torchvision = map(pytest.importorskip, ("torch", "torchvision"))
    small = torchvision.models.shufflenet_v2_x0_5(weights=None)
    torch.save(small.state_dict(), folder / "weights.pth")
    return f"shufflenet_v2_x0_5:{folder / 'weights.pth'}"


def outliers(dataset):
    """Return the view of the frames and boxes that are outliers."""
    boxes = F("ground_truth.detections")
    return dataset.filter_labels(
        "frames.ground_truth", F("outlier_score") > 0.5
    ).match_frames(boxes.length() > 0)
