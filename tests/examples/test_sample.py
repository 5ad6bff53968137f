# SPDX-License-Identifier: Apache-2.0
"""The sample sequence is what it says: a MOT folder, and labels that lie as told."""

import json
from pathlib import Path

import numpy as np
import pytest
from fiftyone_track_audit.importers.groundtruth import read_seq_label
from fiftyone_track_audit.importers.mot import read_mot
from fiftyone_track_audit.importers.tracks import BOX
from PIL import Image
from sample import LABEL_STEP, make_sample

SIZE = (320, 180)
SECONDS = 4
RECIPE = {"seconds": SECONDS, "size": SIZE, "walkers": 14, "progress": False}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    make_sample(folder, seed=3, **RECIPE)
    return folder


@pytest.fixture(scope="module")
def sequence(folder) -> Path:
    return folder / "WALKERS-01"


def mistakes_of(folder: Path) -> list[dict]:
    return json.loads((folder / "WALKERS-01-planted.json").read_text())["mistakes"]


def test_layout(sequence):
    frames = sorted(path.name for path in (sequence / "img1").iterdir())
    assert frames == [f"{number:06d}.jpg" for number in range(1, SECONDS * 25 + 1)]
    with Image.open(sequence / "img1" / frames[0]) as image:
        assert image.size == SIZE
    assert (
        (sequence / "seqinfo.ini")
        .read_text()
        .startswith(
            "[Sequence]\nname=WALKERS-01\nimDir=img1\nframeRate=25\nseqLength=100\n"
            "imWidth=320\nimHeight=180\nimExt=.jpg\n"
        )
    )
    columns = (sequence / "gt" / "gt.txt").read_text().splitlines()[0].split(",")
    assert len(columns) == 9


def test_boxes_lie_inside_the_image_and_are_seen(sequence):
    tracks = read_mot(sequence)
    table = tracks.table
    assert tracks.notes == ()
    assert table["track"].nunique() >= 10
    assert (table[["width", "height"]] > 0).all(axis=None)
    assert table["visibility"].between(0, 1).all()
    assert table["visibility"].mean() > 0.4


def test_walkers_are_drawn_where_their_boxes_are(sequence):
    table = read_mot(sequence).table
    images = [np.asarray(Image.open(path)) for path in sorted(sequence.glob("img1/*"))]
    still = np.median(images[::5], axis=0)
    seen = table[(table["visibility"] > 0.9) & (table["height"] > 20)]
    moving = seen.groupby("track")["left"].transform("std") > 15
    boxes = seen[moving].sample(20, random_state=0)
    for row in boxes.itertuples():
        left, top = int(row.left), int(row.top)
        place = np.s_[top : top + int(row.height), left : left + int(row.width)]
        difference = np.abs(images[row.frame - 1][place] - still[place]).max(axis=2)
        assert (difference > 25).mean() > 0.15


def test_labels_differ_from_the_truth_where_mistakes_are_planted(folder, sequence):
    truth = read_mot(sequence).table.set_index(["track", "frame"])
    labels = read_seq_label(folder / "WALKERS-01-SeqLabel.json", sequence)
    assert len(next(iter(labels.sequences.values())).frame_names) == 100 // LABEL_STEP
    labels = labels.table.assign(frame=lambda t: (t["frame"] - 1) * LABEL_STEP + 1)
    labels = labels.set_index(["track", "frame"])
    mistakes = mistakes_of(folder)
    assert {"size_change", "shift"} <= {mistake["kind"] for mistake in mistakes}
    planted = set()
    for mistake in mistakes:
        last = 50 if mistake["kind"] == "identity_switch" else mistake["last_frame"]
        positions = range(mistake["first_frame"], last + 1)
        keys = [(mistake["track"], (at - 1) * LABEL_STEP + 1) for at in positions]
        known = [key for key in keys if key in truth.index and key in labels.index]
        error = (labels.loc[known, BOX] - truth.loc[known, BOX]).abs()
        assert len(known) < len(keys) or error.max(axis=None) >= 2, mistake
        planted |= set(keys)
    others = labels.index.difference(list(planted))
    error = (labels.loc[others, BOX] - truth.loc[others, BOX]).abs()
    assert error.max(axis=None) <= 1


def test_same_seed_same_labels(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        make_sample(folder, seed=3, **(RECIPE | {"seconds": 0.4, "walkers": 4}))
    for name in ("WALKERS-01/gt/gt.txt", "WALKERS-01-SeqLabel.json"):
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_is_not_made_again(folder, sequence):
    frame = sequence / "img1" / "000001.jpg"
    before = frame.stat().st_mtime_ns
    make_sample(folder, seed=3, **RECIPE)
    assert frame.stat().st_mtime_ns == before


def test_an_interrupted_run_leaves_nothing(tmp_path, monkeypatch):
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sample._plant", stop)
    with pytest.raises(KeyboardInterrupt):
        make_sample(tmp_path, **(RECIPE | {"seconds": 0.2}))
    assert list(tmp_path.iterdir()) == []
