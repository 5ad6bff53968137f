# SPDX-License-Identifier: Apache-2.0
"""Frames to CVAT and back: what nobody edited does not change."""

from zipfile import ZipFile

import fiftyone as fo
import fiftyone_track_audit as fta
import numpy as np
import pandas as pd
import pytest
from cvat_files import through_cvat, through_datumaro
from fiftyone_track_audit.importers import store
from fiftyone_track_audit.importers.dataset import create_dataset
from fiftyone_track_audit.importers.mot import read_mot
from fiftyone_track_audit.importers.tracks import InputError
from fiftyone_track_audit.plugin.corrections.applying import Applied
from fiftyone_track_audit.plugin.corrections.renumbered import (
    are_renumbered,
    recognize_tracks,
)
from small_datasets import SHIFTED, SHORT, copy_of, outliers, table, walkers

pytestmark = pytest.mark.usefixtures("database")

# Recognizing tracks


def rows(*boxes):
    columns = ["frame", "track", "left", "label"]
    made = pd.DataFrame(boxes, columns=columns)
    return made.assign(top=0.0, width=20.0, height=40.0)


SENT = rows(
    *[(frame, 3, 2.0 * frame, "person") for frame in range(1, 6)],
    *[(frame, 9, 100 - 2.0 * frame, "person") for frame in range(1, 6)],
)


def test_tracks_are_recognized_over_all_frames():
    back = SENT.assign(track=SENT["track"].map({3: 2, 9: 1}))
    # One box of each is far away, and one nearer to the other track
    back.loc[back["frame"] == 2, "left"] += 30
    assert recognize_tracks(back, SENT) == {2: 3, 1: 9}


def test_new_tracks_get_free_numbers():
    new = rows((1, 7, 300, "person"), (2, 3, 500, "person"))
    back = pd.concat([new, SENT[SENT["track"] == 9]], ignore_index=True)
    assert recognize_tracks(back, SENT) == {9: 9, 7: 10, 3: 11}
    assert recognize_tracks(back[:0], SENT) == {}
    assert recognize_tracks(new, SENT[:0]) == {7: 1, 3: 2}


def test_a_track_of_two_labels_may_come_back_as_two():
    sent = SENT.assign(label=np.where(SENT["frame"] > 3, "rider", "person"))
    parts = {(3, "person"): 0, (9, "person"): 1, (3, "rider"): 2, (9, "rider"): 3}
    keys = zip(sent["track"], sent["label"], strict=True)
    back = sent.assign(track=[parts[key] for key in keys])
    assert recognize_tracks(back, sent) == {0: 3, 1: 9, 2: 3, 3: 9}


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ({3: 1, 9: 2}, True),
        ({3: 0, 9: 1}, True),
        ({3: 2, 9: 1}, True),
        ({3: 3, 9: 9}, False),
        # Two tracks that swap their numbers are a correction
        ({3: 9, 9: 3}, False),
        ({3: 1, 9: 3}, False),
    ],
)
def test_numbers_that_count_up_are_the_tool_s(numbers, expected):
    assert are_renumbered(SENT.assign(track=SENT["track"].map(numbers)), SENT) is (
        expected
    )


def test_numbers_that_were_sent_counting_up_are_kept():
    sent = SENT.assign(track=SENT["track"].map({3: 1, 9: 2}))
    swapped = sent.assign(track=3 - sent["track"])
    assert not are_renumbered(swapped, sent)
    assert not are_renumbered(sent[:0], sent)


# Round trips of a dataset


@pytest.fixture
def dataset(two_walks):
    with copy_of(two_walks) as copy:
        yield copy


@pytest.fixture
def mixed(database, tmp_path):
    """A dataset of two classes, whose tracks are numbered 0 and 9."""
    tracks = walkers("a", tmp_path / "frames")
    tracks.table["track"] = tracks.table["track"].map({1: 9, 2: 0}).astype(np.int32)
    tracks.table["label"] = np.where(tracks.table["track"] == 9, "walker", "dog")
    made = create_dataset(tracks, "mixed", video_dir=tmp_path / "videos")
    made.default_classes = ["cat"]
    made.save()
    yield made
    made.delete()


@pytest.mark.parametrize("labels", [None, ["walker", "dog", "cat"], False])
def test_untouched_mot_files_of_cvat_change_nothing(mixed, tmp_path, labels):
    fta.export_mot(mixed, tmp_path / "out")
    listed = (tmp_path / "out/a/gt/labels.txt").read_text().split()
    assert listed == ["cat", "dog", "walker"]
    through_cvat(tmp_path / "out/a", tmp_path / "task.zip", labels)
    review = fta.load_adjustment(mixed, "out", tmp_path / "task.zip")
    assert review.changes == {}
    adjusted = table(mixed, "ground_truth_adjusted")
    pd.testing.assert_frame_equal(adjusted, table(mixed, "ground_truth"))


@pytest.mark.parametrize("place", ["a.zip", "a/task.zip", "gt", "gt.txt"])
def test_an_export_may_lie_beside_what_was_sent(mixed, tmp_path, place):
    """Whatever lies there is what came back, not what was sent."""
    fta.export_mot(mixed, tmp_path / "out")
    task = tmp_path / "task.zip"
    through_cvat(tmp_path / "out/a", task, edit=lambda rows: rows[rows["id"] == 0])
    folder = tmp_path / "out"
    if place.startswith("gt"):
        folder = tmp_path / "back"
        with ZipFile(task) as archive:
            archive.extractall(folder)
        if place == "gt.txt":
            folder = folder / "gt/gt.txt"
    else:
        task.rename(folder / place)
    assert fta.load_adjustment(mixed, "out", folder).changes == {"deleted": 30}


def correct(rows):
    """Correct the two flaws, delete a box and add an object; frames count from 1."""
    rows = rows.copy()
    rows.loc[(rows["frame"] == 2) & (rows["id"] == 0), "height"] = 36
    rows.loc[(rows["frame"] == 5) & (rows["id"] == 1), "left"] -= 16
    new = rows.iloc[:1].assign(id=7, left=3.0, top=3.0, width=9.0, height=9.0)
    return pd.concat([rows[~((rows["frame"] == 3) & (rows["id"] == 1))], new])


def test_edited_files_of_cvat_give_exactly_the_edits(dataset, tmp_path):
    fta.export_mot(outliers(dataset), tmp_path / "out", context=1)
    for name, edit in (("a", correct), ("b", lambda rows: rows)):
        file = tmp_path / f"out/{name}.zip"
        through_cvat(tmp_path / "out" / name, file, edit=edit)
    review = fta.load_adjustment(dataset, "out")
    assert review.changes == {"moved": 1, "resized": 1, "added": 1, "deleted": 1}
    assert review.notes == []
    before = table(dataset, "ground_truth")
    assert fta.apply_adjustment(dataset, "out") == Applied(2, 1, 1, 4)
    after = table(dataset, "ground_truth")
    # Of the box whose lower edge was moved, the other edges are as exact as before
    key = ("a", SHORT, 1)
    assert after.loc[key, ["left", "top", "width"]].tolist() == pytest.approx(
        before.loc[key, ["left", "top", "width"]].tolist(), abs=1e-9
    )
    assert after.loc[key, "top"] % 1 == pytest.approx(0.25)
    bottom = after.loc[key, "top"] + after.loc[key, "height"]
    assert bottom == pytest.approx(10 + 36)
    assert ("a", SHIFTED, 2) in after.index


def test_boxes_without_a_track_are_new_objects(mixed, tmp_path):
    fta.export_mot(mixed, tmp_path / "out")

    def draw(rows):
        new = rows.iloc[:2].assign(id=-1, left=[3.0, 90.0], top=3.0, width=9.0)
        return pd.concat([rows, new])

    through_cvat(tmp_path / "out/a", tmp_path / "out/a.zip", edit=draw)
    review = fta.load_adjustment(mixed, "out")
    assert review.changes == {"added": 2}
    assert "a: 2 boxes without a track: each is a new object" in review.notes
    added = table(mixed, "ground_truth_adjusted").index.get_level_values("track")
    assert sorted(set(added)) == [0, 9, 10, 11]


def test_a_class_that_nothing_names_is_refused(mixed, tmp_path):
    fta.export_mot(mixed, tmp_path / "out")

    def draw(rows):
        return pd.concat(
            [rows, rows.iloc[:1].assign(id=7, left=90.0, **{"class": "x"})]
        )

    labels = ["dog", "walker", "a", "b", "x"]
    through_cvat(tmp_path / "out/a", tmp_path / "out/a.zip", labels, edit=draw)
    with ZipFile(tmp_path / "out/a.zip") as archive:
        text = archive.read("gt/gt.txt").decode()
    with ZipFile(tmp_path / "out/a.zip", "w") as archive:
        archive.writestr("gt/gt.txt", text)
    with pytest.raises(InputError, match=r"a.zip: class 5, which no gt/labels.txt"):
        fta.load_adjustment(mixed, "out")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"gt/gt.txt": "31,1,1,1,1,1,1,1,1\n"}, "a box in frame 31; expected frames 1"),
        ({"other.txt": ""}, "0 files named gt.txt in it; expected one"),
        ({"x/gt.txt": "", "y/gt.txt": ""}, "2 files named gt.txt in it; expected one"),
        (None, "expected a zip file of labels"),
    ],
)
def test_zip_files_of_something_else_are_refused(mixed, tmp_path, files, message):
    fta.export_mot(mixed, tmp_path / "out")
    path = tmp_path / "out/a.zip"
    path.write_bytes(b"no zip file")
    if files is not None:
        with ZipFile(path, "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
    with pytest.raises(InputError, match=message):
        fta.load_adjustment(mixed, "out")
    assert not fo.Dataset.has_frame_field(mixed, "ground_truth_adjusted")


def test_frames_may_keep_the_dataset_s_numbers(dataset, tmp_path):
    fta.export_mot(outliers(dataset), tmp_path / "out")
    for name in "ab":
        path = tmp_path / "out" / name / "gt/gt.txt"
        rows = pd.read_csv(path, header=None)
        rows[0] = rows[0].map({1: SHORT, 2: SHIFTED})
        rows.to_csv(path, header=False, index=False)
        (tmp_path / "out" / name / "seqinfo.ini").unlink()
    assert fta.load_adjustment(dataset, "out").changes == {}


def test_one_file_of_several_sequences_is_refused(dataset, tmp_path):
    fta.export_mot(outliers(dataset), tmp_path / "out")
    through_cvat(tmp_path / "out/a", tmp_path / "task.zip")
    with pytest.raises(InputError, match="several sequences were sent: a, b"):
        fta.load_adjustment(dataset, "out", tmp_path / "task.zip")


def test_a_busy_sequence_comes_back_as_it_was(real_data, database, tmp_path):
    tracks = read_mot(real_data / "MOT20/train/MOT20-01")
    table = tracks.table[tracks.table["frame"] <= 30].reset_index(drop=True)
    few = fta.read_mot(real_data / "MOT20/train/MOT20-01")
    names = few.sequences["MOT20-01"].frame_names[:30]
    record = few.sequences["MOT20-01"].__class__(
        **{**vars(few.sequences["MOT20-01"]), "frame_names": names}
    )
    few = type(few)(table, {"MOT20-01": record})
    dataset = create_dataset(few, "busy", video_dir=tmp_path / "videos")
    try:
        fta.export_mot(dataset, tmp_path / "out")
        through_cvat(tmp_path / "out/MOT20-01", tmp_path / "task.zip", ["pedestrian"])
        review = fta.load_adjustment(dataset, "out", tmp_path / "task.zip")
        assert (review.boxes, review.changes) == (len(table), {})
    finally:
        dataset.delete()


# What Datumaro says


def test_datumaro_reads_and_writes_mot_files_without_a_change(mixed, tmp_path):
    fta.export_mot(mixed, tmp_path / "out")
    through_datumaro(tmp_path / "out/a", tmp_path / "back/a", "mot")
    review = fta.load_adjustment(mixed, "out", tmp_path / "back")
    assert review.changes == {}


def test_datumaro_reads_cvat_files_as_they_are(mixed, tmp_path):
    fta.export_cvat(mixed, tmp_path / "out")
    through_datumaro(tmp_path / "out/a", tmp_path / "back", "cvat")
    found = pd.DataFrame(datumaro_boxes(tmp_path / "back"))
    expected = store.read_tracks(mixed, "ground_truth").tracks.table
    assert sorted(found["label"]) == sorted(expected["label"])
    assert len(found) == 60


def datumaro_boxes(folder):
    """The boxes of Datumaro's export, which has no tracks."""
    files = list(folder.rglob("*.xml"))
    assert files
    for file in files:
        for line in file.read_text().split("<box ")[1:]:
            pairs = [part.split('="') for part in line.split('" ') if '="' in part]
            yield dict(pair[:2] for pair in pairs)
