# SPDX-License-Identifier: Apache-2.0
"""Frames out as MOT sequences, and corrected ones back in."""

import fiftyone as fo
import fiftyone_track_audit as fta
import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.importers import store
from fiftyone_track_audit.importers.dataset import create_dataset
from fiftyone_track_audit.importers.files import read_text_csv
from fiftyone_track_audit.importers.mot import read_mot
from fiftyone_track_audit.importers.mot_meaning import CLASSES
from fiftyone_track_audit.importers.mot_writer import take_frames, write_mot
from fiftyone_track_audit.importers.tracks import InputError
from fiftyone_track_audit.plugin.corrections.applying import Applied, apply_adjustment
from fiftyone_track_audit.plugin.corrections.loading import load_adjustment
from fiftyone_track_audit.plugin.groundtruth.request import AdjustmentJob
from fiftyone_track_audit.plugin.sending.groundtruth_plan import plan_adjustment
from fiftyone_track_audit.plugin.sending.mot import export_mot
from fiftyone_track_audit.plugin.sending.records import recorded_sent
from killed import is_killed
from PIL import Image
from small_datasets import SHIFTED, SHORT, copy_of, outliers, table, walkers

pytestmark = pytest.mark.usefixtures("database")

BOX = ["left", "top", "width", "height"]


@pytest.fixture
def dataset(two_walks):
    with copy_of(two_walks) as copy:
        yield copy


# The format


def comparable(tracks):
    columns = ["sequence", "frame", "track", "label", *BOX, "considered", "visibility"]
    rows = tracks.table[columns].astype({"sequence": str, "label": str})
    return rows.sort_values(["sequence", "track", "frame"], ignore_index=True)


def test_what_is_written_reads_the_same(write_mot, tmp_path):
    tracks = read_mot(write_mot(), include_ignored=True)
    write(tracks, tmp_path / "again")
    again = read_mot(tmp_path / "again", include_ignored=True)
    pd.testing.assert_frame_equal(comparable(again), comparable(tracks))
    assert (
        again.sequences["SEQ-01"].frame_names == tracks.sequences["SEQ-01"].frame_names
    )
    labels = (tmp_path / "again/SEQ-01/gt/labels.txt").read_text().splitlines()
    assert labels == list(CLASSES)
    assert "frameRate=10\n" in (tmp_path / "again/SEQ-01/seqinfo.ini").read_text()


def write(tracks, folder):
    folder.mkdir()
    write_mot(tracks, folder)


def test_real_sequences_read_the_same(real_data, tmp_path):
    tracks = read_mot(real_data / "MOT20/train/MOT20-01", include_ignored=True)
    few = take_frames(tracks, {"MOT20-01": range(100, 120)})
    write(few, tmp_path / "again")
    again = read_mot(tmp_path / "again", include_ignored=True)
    pd.testing.assert_frame_equal(comparable(again), comparable(few))
    assert len(again.table) > 500


def test_classes_of_their_own_are_named(tmp_path):
    tracks = walkers("a", tmp_path / "frames")
    write(tracks, tmp_path / "mot")
    assert (tmp_path / "mot/a/gt/labels.txt").read_text() == "walker\n"
    again = read_mot(tmp_path / "mot")
    assert set(again.table["label"]) == {"walker"}
    pd.testing.assert_frame_equal(again.table[BOX], tracks.table[BOX])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (b"a\n\nb\n", "an empty line or a duplicate class"),
        (b"a\na\n", "an empty line or a duplicate class"),
        (b"\xff\n", "not UTF-8 text"),
        (b"", "an empty line or a duplicate class"),
    ],
)
def test_wrong_class_names(tmp_path, labels, message):
    write(walkers("a", tmp_path / "frames"), tmp_path / "mot")
    (tmp_path / "mot/a/gt/labels.txt").write_bytes(labels)
    with pytest.raises(InputError) as caught:
        read_mot(tmp_path / "mot")
    assert message in str(caught.value)


def test_frames_that_cannot_be_written(tmp_path):
    tracks = walkers("a", tmp_path / "frames")
    (tmp_path / "frames/000003.png").unlink()
    with pytest.raises(InputError, match="000003"):
        write(tracks, tmp_path / "mot")
    tracks.table["track"] = -1
    Image.new("L", (8, 8)).save(tmp_path / "frames/000003.png")
    with pytest.raises(InputError, match="boxes have no track id"):
        write(tracks, tmp_path / "other")
    assert not list((tmp_path / "mot").iterdir())


# The exporter


def test_a_dataset_exports_and_imports_again(dataset, tmp_path):
    dataset.export(str(tmp_path / "mot"), dataset_type=fta.MOTChallengeDataset)
    again = fo.Dataset.from_dir(
        str(tmp_path / "mot"),
        dataset_type=fta.MOTChallengeDataset,
        video_dir=str(tmp_path / "videos"),
    )
    try:
        expected, found = (table(each, "ground_truth") for each in (dataset, again))
        # The images of "b" are half the size that its labels were drawn on
        expected.loc["b", BOX] = expected.loc["b", BOX].to_numpy() / 2
        columns = [*BOX, "label"]
        pd.testing.assert_frame_equal(found[columns], expected[columns])
    finally:
        again.delete()


def test_a_view_exports_the_frames_that_it_shows(dataset, tmp_path):
    folder = str(tmp_path / "mot")
    outliers(dataset).export(folder, dataset_type=fta.MOTChallengeDataset)
    tracks = read_mot(folder)
    assert {name: len(s.frame_names) for name, s in tracks.sequences.items()} == {
        "a": 2,
        "b": 2,
    }
    assert len(tracks.table) == 8
    shade = np.asarray(Image.open(tmp_path / "mot/a/img1/000002.png"))
    original = np.asarray(Image.open(dataset.first().frames[SHIFTED].filepath))
    assert (shade == original).all()


@pytest.mark.parametrize("field", ["other", "filepath"])
def test_nothing_is_written_where_there_are_no_tracks(dataset, tmp_path, field):
    with pytest.raises(ValueError, match="has no frame field"):
        dataset.export(
            str(tmp_path / "mot"), dataset_type=fta.MOTChallengeDataset, field=field
        )
    assert not (tmp_path / "mot").exists()


# There and back again


def edit_rows(folder, sequence, edit):
    path = folder / sequence / "gt/gt.txt"
    rows = pd.read_csv(path, header=None)
    edit(rows).to_csv(path, header=False, index=False)


def correct(rows):
    """Frames 1 to 6 are 9, 10, 11, 19, 20 and 21 of the dataset."""
    rows = rows.copy()
    rows.loc[(rows[0] == 2) & (rows[1] == 1), 5] = 36
    rows.loc[(rows[0] == 5) & (rows[1] == 2), 2] -= 16
    new = pd.DataFrame([[1, 7, 3, 3, 9, 9, 1, 1, 1]], columns=rows.columns)
    gone = (rows[0] == 3) & (rows[1] == 2)
    return pd.concat([rows[~gone], new])


def test_corrected_files_load_and_apply(dataset, tmp_path):
    record = export_mot(outliers(dataset), tmp_path / "out", context=1)
    assert record.frames["a"] == [9, 10, 11, 19, 20, 21]
    assert record.image_sizes == {"a": (200, 100), "b": (100, 50)}
    assert recorded_sent(dataset) == {"out": record}
    edit_rows(tmp_path / "out", "a", correct)
    review = load_adjustment(dataset, "out")
    assert review.changes == {"moved": 1, "resized": 1, "added": 1, "deleted": 1}
    assert review.notes == []
    adjusted = table(dataset, "ground_truth_adjusted", "changes")
    assert adjusted.loc[("a", SHORT, 1), "changes"] == ["resized"]
    # The upper edge stays where it was, between two pixels
    assert adjusted.loc[("a", SHORT, 1), "height"] == pytest.approx(36 - 0.25)
    assert adjusted.loc[("a", SHIFTED, 2), "changes"] == ["moved"]
    # The tool's 7 is no track of the dataset's: it gets the next number
    assert adjusted.loc[("a", 9, 3), "changes"] == ["added"]
    before = table(dataset, "ground_truth", "color")
    assert apply_adjustment(dataset, "out") == Applied(2, 1, 1, 4)
    after = table(dataset, "ground_truth", "color")
    same = before.loc["b"].index
    pd.testing.assert_frame_equal(after.loc["b"].loc[same], before.loc["b"])
    assert after.loc[("a", SHORT, 1), "color"] == "red"


def test_a_part_of_the_sequences_in_another_folder(dataset, tmp_path):
    export_mot(outliers(dataset), tmp_path / "out", name="fix")
    edit_rows(tmp_path / "out", "b", lambda rows: rows.add([0, 0, 8] + [0] * 6))
    (tmp_path / "back").mkdir()
    (tmp_path / "out/b").rename(tmp_path / "back/b")
    review = load_adjustment(dataset, "fix", tmp_path / "back")
    assert review.frames == {"b": [SHORT, SHIFTED]}
    assert review.notes == ["a did not come back"]
    assert review.changes == {"moved": 4}
    # Images are half the size of the labels
    moved = table(dataset, "ground_truth_adjusted").loc["b"]
    assert moved.loc[(SHORT, 1), "left"] == pytest.approx(2 * (15 + 8))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name=a", "name=c", "sequence c of 2 frames"),
        ("imWidth=200", "imWidth=400", "of 400x100; expected what was sent: a of 2"),
    ],
)
def test_files_of_something_else_change_nothing(dataset, tmp_path, old, new, message):
    export_mot(outliers(dataset), tmp_path / "out")
    info = tmp_path / "out/a/seqinfo.ini"
    info.write_text(info.read_text().replace(old, new))
    before = list(dataset._frame_collection.find())
    with pytest.raises(InputError, match=message):
        load_adjustment(dataset, "out")
    assert list(dataset._frame_collection.find()) == before


def test_damaged_rows_are_named(dataset, tmp_path):
    export_mot(outliers(dataset), tmp_path / "out")
    path = tmp_path / "out/a/gt/gt.txt"
    path.write_text(path.read_text()[:-30])
    with pytest.raises(InputError, match=r"gt\.txt, line 3"):
        load_adjustment(dataset, "out")


def test_a_folder_that_is_in_use_is_left_alone(dataset, tmp_path):
    export_mot(outliers(dataset), tmp_path / "out")
    with pytest.raises(ValueError, match="'out' was already sent"):
        export_mot(outliers(dataset), tmp_path / "out")
    with pytest.raises(InputError, match="exists and is not empty"):
        export_mot(outliers(dataset), tmp_path / "out", name="other")
    assert list(recorded_sent(dataset)) == ["out"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_sending_goes_on_after_a_kill_at_any_write(dataset, tmp_path):
    folder, write = tmp_path / "out", 1
    while not recorded_sent(dataset):
        is_killed(write, dataset, export_mot, folder)
        dataset.reload()
        write += 1
    assert write > 4
    assert load_adjustment(dataset, "out").changes == {}
    with pytest.raises(ValueError, match="'out' was already sent"):
        export_mot(dataset, tmp_path / "new", name="out")


@pytest.mark.parametrize("name", ["0001", "NA", "1e5", " a "])
def test_sequence_names_stay_text(database, tmp_path, name):
    tracks = walkers(name, tmp_path / "images")
    dataset = create_dataset(tracks, "numbered", video_dir=tmp_path / "videos")
    try:
        export_mot(dataset.to_clips([[(3, 4)]]), tmp_path / "out")
        listed = read_text_csv(tmp_path / "out" / "frames.csv")
        assert listed[["sequence", "frame", "image", "role"]].to_numpy().tolist() == [
            [name, "3", "1", "selected"],
            [name, "4", "2", "selected"],
        ]
        review = load_adjustment(dataset, "out")
        assert (review.frames, review.changes) == ({name: [3, 4]}, {})
    finally:
        dataset.delete()


def test_a_damaged_list_of_frames_is_named(dataset, tmp_path):
    export_mot(outliers(dataset), tmp_path / "out")
    (tmp_path / "out/frames.csv").write_text("sequence,frame\na,first\n")
    with pytest.raises(InputError, match=r"frames.csv: expected the columns"):
        load_adjustment(dataset, "out")


def test_names_that_share_a_run_are_the_same_name(dataset, tmp_path):
    export_mot(outliers(dataset), tmp_path / "a-b")
    with pytest.raises(ValueError, match="'a_b' was already sent"):
        export_mot(outliers(dataset), tmp_path / "a_b")
    assert not (tmp_path / "a_b").exists()
    job = AdjustmentJob("a-b")
    with pytest.raises(ValueError, match="'a-b' was already sent"):
        plan_adjustment(outliers(dataset), job)


def test_sequences_whose_boxes_are_all_deleted(dataset, tmp_path):
    export_mot(outliers(dataset), tmp_path / "fix")
    for name in ("a", "b"):
        (tmp_path / "fix" / name / "gt/gt.txt").write_text("")
    review = load_adjustment(dataset, "fix")
    assert review.boxes == 0
    assert set(review.changes) == {"deleted"}
    assert "a: gt.txt has no boxes; all boxes count as deleted" in review.notes


def test_frames_without_boxes_come_back(dataset, tmp_path):
    sample = dataset.first()
    sample.frames[5].ground_truth.detections = []
    sample.save()
    clips = dataset.limit(1).to_clips([[(5, 5)]])
    export_mot(clips, tmp_path / "fix")
    review = load_adjustment(dataset, "fix")
    assert (review.boxes, review.changes) == (0, {})


def test_frames_of_another_folder_are_not_loaded(dataset, tmp_path):
    for name, frames in (("one", (3, 5)), ("two", (23, 25))):
        clips = dataset.limit(1).to_clips([[frames]])
        export_mot(clips, tmp_path / name)
    before = list(dataset._frame_collection.find())
    message = r"frames.csv: frames other than those that were sent as 'two'"
    with pytest.raises(InputError, match=message):
        load_adjustment(dataset, "two", tmp_path / "one")
    assert list(dataset._frame_collection.find()) == before


def test_images_that_cannot_be_sent(dataset, tmp_path):
    frames_dir = store.read_tracks(dataset, "ground_truth").tracks.sequences["a"]
    image = frames_dir.frames_dir / frames_dir.frame_names[SHORT - 1]
    data = image.read_bytes()
    try:
        Image.new("RGB", (20, 10)).save(image)
        with pytest.raises(InputError, match="a: frames differ in size, such as"):
            export_mot(dataset.limit(1), tmp_path / "fix")
        image.write_bytes(b"no image")
        with pytest.raises(InputError, match="a: 1 frames cannot be read, such as"):
            export_mot(dataset.limit(1), tmp_path / "fix")
    finally:
        image.write_bytes(data)
    assert not (tmp_path / "fix").exists()


@pytest.mark.parametrize("label", ["", "two\nlines", "two\u2028lines"])
def test_labels_that_are_no_line(tmp_path, label):
    tracks = walkers("a", tmp_path / "a", label=label)
    with pytest.raises(InputError, match="expected one line of text"):
        write_mot(tracks, tmp_path)
