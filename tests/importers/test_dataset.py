# SPDX-License-Identifier: Apache-2.0
"""Files into FiftyOne datasets: whole ones, or nothing."""

import gc
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import fiftyone as fo
import fiftyone_track_audit as fta
import imageio_ffmpeg
import numpy as np
import pytest
from fiftyone import ViewField as F
from fiftyone_track_audit.importers import dataset as importing
from fiftyone_track_audit.importers import store, video_samples
from fiftyone_track_audit.importers.dataset import create_dataset
from fiftyone_track_audit.importers.dataset_types import (
    GroundTruthImporter,
    MOTChallengeImporter,
)
from fiftyone_track_audit.importers.frames import check_frames
from fiftyone_track_audit.importers.images import image_size
from fiftyone_track_audit.importers.mot import read_mot
from fiftyone_track_audit.importers.store.attributes import attribute_fields
from fiftyone_track_audit.importers.tracks import InputError, Sequence, Tracks
from fiftyone_track_audit.importers.video import encode_video
from fiftyone_track_audit.importers.video_samples import split_frames
from fiftyone_track_audit.plugin.audit import SIZE_KINDS, Thresholds
from fiftyone_track_audit.plugin.panel.track import show_issue
from fiftyone_track_audit.plugin.review.audits import audit_dataset
from fiftyone_track_audit.plugin.review.issues import read_dataset_issues
from killed import is_killed, kill_at_each_write
from labeling_jobs import small_video
from PIL import Image

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def no_leftovers(database):
    """Deletes the datasets of a test."""
    yield
    # FiftyOne copies every frame of the samples that it still finds in memory
    gc.collect()
    for name in fo.list_datasets():
        fo.delete_dataset(name)


@pytest.fixture
def videos(tmp_path):
    return tmp_path / "videos"


def import_mot(folder, videos, **kwargs):
    return fo.Dataset.from_dir(
        dataset_dir=str(folder),
        dataset_type=fta.MOTChallengeDataset,
        video_dir=str(videos),
        **kwargs,
    )


def import_labels(folder, videos, **kwargs):
    return fo.Dataset.from_dir(
        dataset_dir=str(folder),
        dataset_type=fta.GroundTruthDataset,
        video_dir=str(videos),
        **kwargs,
    )


def write_labels(folder, frames=4, size=(64, 48), **attributes):
    """Writes a SeqLabel.json of one walker, and its frames beside it."""
    folder.mkdir(parents=True)
    entries = []
    for number in range(frames):
        name = f"{2 * number + 1:04d}.png"
        Image.new("L", size, 10 * number).save(folder / name)
        box = {
            "left": 5 + number,
            "top": 10,
            "width": 10,
            "height": 20,
            "class-id": "0",
            "object-id": "x",
            "object-name": "Walker:1",
        }
        if attributes:
            box["label-category-attributes"] = attributes
        entries.append({"frame-no": str(number), "frame": name, "annotations": [box]})
    write_json(folder, entries)
    return folder


def write_json(folder, entries):
    text = json.dumps({"tracking-annotations": entries}, indent=1)
    (folder / "SeqLabel.json").write_text(text)


def count_frames(path):
    """Returns the size of a video and the number of its frames."""
    reader = imageio_ffmpeg.read_frames(path)
    size = next(reader)["size"]
    reader.close()
    return size, imageio_ffmpeg.count_frames_and_secs(path)[0]


def test_other_formats_become_video_datasets(tmp_path, videos):
    text = "".join(f"{i} 5 Car 0 0 0 {i} 8 20 30 {'0 ' * 7}\n" for i in range(3))
    (tmp_path / "label_02").mkdir()
    (tmp_path / "label_02/0001.txt").write_text(text)
    folder = tmp_path / "image_02/0001"
    folder.mkdir(parents=True)
    for i in range(3):
        Image.new("RGB", (64, 48)).save(folder / f"{i:06d}.png")
    dataset = fo.Dataset.from_dir(
        dataset_dir=str(tmp_path / "label_02"),
        dataset_type=fta.TrackLabelsDataset,
        video_dir=str(videos),
        frame_rate=5,
    )
    assert dataset.values("sequence") == ["0001"]
    assert (
        dataset.values("frames.ground_truth.detections.label", unwind=True)
        == ["Car"] * 3
    )
    box = dataset.first().frames[2].ground_truth.detections[0]
    assert (box.index, box.bounding_box) == (5, [1 / 64, 8 / 48, 19 / 64, 22 / 48])
    assert count_frames(dataset.first().filepath) == ((64, 48), 3)
    assert dataset.first().metadata.frame_rate == 5
    other = fo.Dataset.from_dir(
        dataset_dir=str(folder),
        labels_path=str(tmp_path / "label_02/0001.txt"),
        dataset_type=fta.TrackLabelsDataset,
        video_dir=str(videos),
        format="kitti",
    )
    assert other.count("frames.ground_truth.detections") == 3
    with pytest.raises(InputError, match="expected CVAT"):
        fo.Dataset.from_dir(
            dataset_dir=str(tmp_path / "label_02/0001.txt"),
            dataset_type=fta.TrackLabelsDataset,
            format="cvat",
        )


def test_mot_becomes_a_video_dataset(write_mot, videos):
    folder = write_mot()
    dataset = import_mot(folder, videos, name="mot", tags=["test"])
    assert dataset.media_type == "video"
    sample = dataset.first()
    assert len(dataset) == 1
    assert sample.tags == ["test"]
    assert (sample.sequence, sample.frame_offset) == ("SEQ-01", 0)
    assert (sample.image_width, sample.image_height) == (64, 48)
    assert count_frames(sample.filepath) == ((64, 48), 6)
    metadata = sample.metadata
    assert (metadata.frame_width, metadata.frame_height) == (64, 48)
    assert (metadata.total_frame_count, metadata.frame_rate) == (6, 10)
    assert metadata.duration == pytest.approx(0.6)
    assert metadata.size_bytes == Path(sample.filepath).stat().st_size
    frame = sample.frames[3]
    assert frame.filepath == str(folder / "img1" / "000003.jpg")
    (walker,) = frame.ground_truth.detections
    assert (walker.label, walker.index, walker.visibility) == ("pedestrian", 1, 0.5)
    np.testing.assert_allclose(walker.bounding_box, [7 / 64, 10 / 48, 10 / 64, 20 / 48])
    assert len(dataset.to_frames()) == 6


def test_ignored_boxes_on_demand(write_mot, videos):
    dataset = import_mot(write_mot(), videos, include_ignored=True)
    counts = dataset.count_values("frames.ground_truth.detections.label")
    assert counts == {"pedestrian": 6, "car": 6}
    considered = dataset.count_values("frames.ground_truth.detections.considered")
    assert considered == {True: 6, False: 6}


def test_detections_in_a_second_field(write_mot, videos):
    dataset = import_mot(write_mot(), videos, field="tracks", det_field="found")
    assert dataset.count("frames.tracks.detections") == 6
    path = "frames.found.detections"
    assert dataset.count(path) == 6
    assert dataset.distinct(f"{path}.index") == []
    assert dataset.bounds(f"{path}.confidence") == (0.1, 0.6)


def test_detections_need_a_field_of_their_own(write_mot, videos):
    with pytest.raises(ValueError, match="a field other than 'ground_truth'"):
        import_mot(write_mot(), videos, det_field="ground_truth")
    assert fo.list_datasets() == []


def test_two_sequences(write_mot, videos):
    write_mot("A")
    folder = write_mot("B", frames=4, frameRate=5).parent
    dataset = import_mot(folder, videos)
    assert dataset.values("sequence") == ["A", "B"]
    assert dataset.values("metadata.total_frame_count") == [6, 4]
    assert dataset.values("metadata.frame_rate") == [10, 5]
    assert len(set(dataset.values("filepath"))) == 2


@pytest.mark.parametrize("size", [(101, 75), (33, 40)])
def test_odd_sizes_play(write_mot, videos, size):
    sample = import_mot(write_mot(size=size), videos).first()
    padded = (size[0] + size[0] % 2, size[1] + size[1] % 2)
    assert count_frames(sample.filepath) == (padded, 6)
    metadata = sample.metadata
    assert (metadata.frame_width, metadata.frame_height) == padded
    assert (sample.image_width, sample.image_height) == size


def test_second_import_does_not_encode_again(write_mot, videos):
    folder = write_mot()
    first = import_mot(folder, videos).first().filepath
    written = Path(first).stat().st_mtime_ns
    assert import_mot(folder, videos).first().filepath == first
    assert Path(first).stat().st_mtime_ns == written
    assert len(list(videos.iterdir())) == 1


def test_videos_lie_below_the_default_folder(write_mot):
    dataset = fo.Dataset.from_dir(
        dataset_dir=str(write_mot()), dataset_type=fta.MOTChallengeDataset
    )
    folder = Path(fo.config.default_dataset_dir, "track-audit")
    assert Path(dataset.first().filepath).parent == folder


def test_labels_become_a_video_dataset(tmp_path, videos):
    folder = write_labels(tmp_path / "walk", Bag="yes", Age=30)
    dataset = import_labels(folder, videos)
    sample = dataset.first()
    assert sample.sequence == "walk"
    assert count_frames(sample.filepath) == ((64, 48), 4)
    frame = sample.frames[2]
    assert frame.frame_name == "0003.png"
    (walker,) = frame.ground_truth.detections
    assert (walker.label, walker.index, walker.object_id) == ("Walker", 1, "x")
    assert (walker.Bag, walker.Age) == ("yes", 30)
    np.testing.assert_allclose(walker.bounding_box, [6 / 64, 10 / 48, 10 / 64, 20 / 48])


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("visibility", "visibility_attribute"),
        ("confidence", "confidence_attribute"),
        ("outlier_score", "outlier_score_attribute"),
        ("to_dict", "to_dict_attribute"),
        ("_id", "id_attribute"),
        ("price in $", "price in "),
    ],
)
def test_attributes_get_fields_of_their_own(tmp_path, videos, name, field):
    folder = write_labels(tmp_path / "walk", **{name: "high"})
    content = json.loads((folder / "SeqLabel.json").read_text())
    entries = content["tracking-annotations"]
    said = {"sample_id": "rain", "save": 1, "ground_truth": "wet"}
    write_json(folder, [entry | {"frame-attributes": said} for entry in entries])
    dataset = import_labels(folder, videos)
    assert dataset.distinct(f"frames.ground_truth.detections.{field}") == ["high"]
    frame = dataset.first().frames[1]
    assert [frame[f"{key}_attribute"] for key in said] == list(said.values())
    assert audit_dataset(dataset).detections == 4
    labels, frames = attribute_fields(dataset)
    assert list(labels) == [field]
    assert list(frames.values()) == list(said)


@pytest.mark.parametrize("kind", [Path, str])
def test_paths_of_any_kind(tmp_path, videos, write_mot, monkeypatch, kind):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_labels(tmp_path / "walk")
    write_mot()
    for importer in (
        GroundTruthImporter(kind("~/walk")),
        GroundTruthImporter(
            labels_path=kind("~/walk/SeqLabel.json"), data_path=kind("~/walk")
        ),
        MOTChallengeImporter(kind("~/mot/SEQ-01")),
    ):
        tracks, _ = importer.read()
        assert len(tracks.table) == len(
            next(iter(tracks.sequences.values())).frame_names
        )
    dataset = fo.Dataset.from_dir(
        dataset_type=fta.GroundTruthDataset,
        labels_path=tmp_path / "walk" / "SeqLabel.json",
        data_path=tmp_path / "walk",
        video_dir=videos,
    )
    assert dataset.count("frames.ground_truth.detections") == 4


def test_labels_without_boxes(tmp_path, videos):
    folder = write_labels(tmp_path / "walk")
    content = json.loads((folder / "SeqLabel.json").read_text())
    entries = content["tracking-annotations"]
    write_json(folder, [entry | {"annotations": []} for entry in entries])
    dataset = import_labels(folder, videos)
    assert dataset.count("frames") == 4
    assert dataset.count("frames.ground_truth.detections") == 0
    assert audit_dataset(dataset).detections == 0


def test_add_dir_adds_to_a_dataset(write_mot, videos):
    dataset = fo.Dataset("mine")
    for name in ("A", "B"):
        dataset.add_dir(
            dataset_dir=str(write_mot(name)),
            dataset_type=fta.MOTChallengeDataset,
            video_dir=str(videos),
        )
    assert dataset.values("sequence") == ["A", "B"]
    assert dataset.count("frames.ground_truth.detections") == 12


def rows(change):
    """Changes the rows of gt.txt."""

    def spoil(folder):
        path = folder / "gt" / "gt.txt"
        lines = path.read_text().splitlines()
        change(lines)
        path.write_text("\n".join(lines))

    return spoil


def replace_row(text):
    return rows(lambda lines: lines.__setitem__(2, text))


def info(old, new):
    def spoil(folder):
        path = folder / "seqinfo.ini"
        path.write_text(re.sub(old, new, path.read_text()))

    return spoil


def truncate(path):
    path.write_bytes(path.read_bytes()[:300])


def image(change):
    return lambda folder: change(folder / "img1" / "000004.jpg")


BAD_MOT = {
    "no gt": (lambda f: (f / "gt" / "gt.txt").unlink(), r"gt\.txt: No such file"),
    "empty gt": (lambda f: (f / "gt" / "gt.txt").write_text(""), r"gt\.txt: .*empty"),
    "no frame": (image(lambda path: path.unlink()), "1 of 6 frames .*000004.jpg"),
    "no frames": (lambda f: shutil.rmtree(f / "img1"), "the frames were not found"),
    "rate": (info("frameRate=.*", "frameRate=fast"), "line 4: frameRate is 'fast'"),
    "length": (info("seqLength=6", "seqLength=0"), "line 5: seqLength is '0'"),
    "path": (info("name=.*", "name=../x"), "line 2: name is '../x'"),
    "broken image": (image(truncate), r"000004\.jpg: the image cannot be read"),
    "no image": (image(lambda path: path.write_text("?")), r"000004\.jpg: "),
    "other size": (
        image(lambda path: Image.new("L", (32, 48)).save(path)),
        r"000004\.jpg: the image is 32x48; expected 64x48",
    ),
}


def files_in(folder):
    return sorted(path.name for path in folder.glob("**/*"))


@pytest.mark.parametrize(("spoil", "text"), BAD_MOT.values(), ids=BAD_MOT)
def test_bad_mot_leaves_nothing(write_mot, videos, spoil, text):
    folder = write_mot()
    spoil(folder)
    before = files_in(folder)
    with pytest.raises(InputError, match=text):
        import_mot(folder, videos, name="bad")
    assert fo.list_datasets() == []
    assert files_in(videos) == []
    assert files_in(folder) == before


@pytest.mark.parametrize(
    ("name", "codec", "as_it_is"),
    [("SEQ-01.mp4", "libx264", True), ("SEQ-01.avi", "mpeg4", False)],
)
def test_a_video_takes_the_place_of_images(write_mot, videos, name, codec, as_it_is):
    folder = write_mot()
    frames = [folder / "img1" / f"{n:06d}.jpg" for n in range(1, 7)]
    video = encode_video(frames, 10.0, folder.parent / "encoded")
    exe = imageio_ffmpeg.get_ffmpeg_exe()
    convert = ["-c:v", codec, "-pix_fmt", "yuv420p", str(folder / name)]
    subprocess.run([exe, "-v", "error", "-i", str(video), *convert], check=True)
    shutil.rmtree(folder / "img1")
    dataset = import_mot(folder, videos, name="mine")
    sample = dataset.first()
    assert (sample.filepath == str(folder / name)) == as_it_is
    assert count_frames(sample.filepath) == ((64, 48), 6)
    assert sample.metadata.total_frame_count == 6
    assert sample.frames[1].filepath is None
    assert dataset.count("frames.ground_truth.detections") == 6
    (stored,) = store.read_sequences(dataset, "ground_truth")
    sequence = stored.tracks.sequences["SEQ-01"]
    check_frames(sequence)
    assert image_size(sequence.frames_dir / sequence.frame_names[-1]) == (64, 48)


BROKEN = {
    "columns": ("2,1,8,11,10", "5 columns; expected 9"),
    "text": ("2,1,x,11,10,20,1,1,1", "column 3 is 'x'"),
    "size": ("2,1,8,11,0,20,1,1,1", "width is 0"),
    "twice": ("2,1,8,11,10,20,1,1,1", "a second box of id 1 in frame 2"),
    "beyond": ("7,1,8,11,10,20,1,1,1", "frame (column 1) is 7"),
    "alone": ("2,77,8,11,0,20,1,1,1", "width is 0"),
}


@pytest.mark.parametrize(("row", "reason"), BROKEN.values(), ids=BROKEN)
def test_broken_rows_are_issues_of_every_audit(write_mot, videos, row, reason):
    folder = write_mot()
    replace_row(row)(folder)
    dataset = import_mot(folder, videos, name="mine")
    assert dataset.count("frames.ground_truth.detections") == 5
    for _ in range(2):
        assert audit_dataset(dataset).issues["invalid"] == 1
    issues = dataset.values("issues.detections[]", unwind=True)
    (issue,) = (issue for issue in issues if issue.label == "invalid")
    assert issue.reason.startswith(f"gt.txt, line 3: {reason}")
    assert issue.confidence == 1
    # What is beyond the video is listed at its beginning
    assert issue.first_frame == (2 if row[0] == "2" else 1)
    shown = read_dataset_issues(dataset, "ground_truth").assign(sequence="SEQ-01")
    for _, issue in shown[shown["kind"] == "invalid"].iterrows():
        panel = show_issue(dataset, "ground_truth", issue, Thresholds())
        assert (panel["strip"] == []) == (issue["track"] == 77)


def entries(change):
    def spoil(folder):
        content = json.loads((folder / "SeqLabel.json").read_text())
        change(content["tracking-annotations"])
        write_json(folder, content["tracking-annotations"])

    return spoil


def text(change):
    def spoil(folder):
        path = folder / "SeqLabel.json"
        path.write_text(change(path.read_text()))

    return spoil


BAD_LABELS = {
    "none": (lambda f: (f / "SeqLabel.json").unlink(), "expected an output.manifest"),
    "cut off": (text(lambda t: t[: len(t) // 2]), "line .*not JSON"),
    "empty": (text(lambda t: ""), "not JSON"),
    "conflict": (text(lambda t: "<<<<<<< HEAD\n" + t), "line 1: .*merge conflict"),
    "list": (text(lambda t: "[]"), "SeqLabel.json: "),
    "type": (
        text(lambda t: t.replace("tracking-annotations", "annotations")),
        "SeqLabel.json: ",
    ),
    "path": (
        entries(lambda frames: frames[1].update(frame="../x.jpg")),
        r"\.\./x\.jpg",
    ),
    "frame": (
        entries(lambda frames: frames[1].update(frame="0099.png")),
        r"0099\.png",
    ),
    "number": (
        entries(lambda frames: frames[1]["annotations"][0].update(left="x")),
        "SeqLabel.json",
    ),
    "broken image": (
        lambda folder: (folder / "0003.png").write_bytes(b"\x89PNG"),
        r"0003\.png",
    ),
    "other size": (
        lambda folder: Image.new("L", (32, 48)).save(folder / "0003.png"),
        r"0003\.png: the image is 32x48; expected 64x48",
    ),
}


@pytest.mark.parametrize(("spoil", "text"), BAD_LABELS.values(), ids=BAD_LABELS)
def test_bad_labels_leave_nothing(tmp_path, videos, spoil, text):
    folder = write_labels(tmp_path / "walk")
    spoil(folder)
    with pytest.raises(InputError, match=text):
        import_labels(folder, videos, name="bad")
    assert fo.list_datasets() == []
    assert files_in(videos) == []


def test_name_that_is_taken(write_mot, videos):
    folder = write_mot()
    import_mot(folder, videos, name="mine")
    with pytest.raises(ValueError, match="mine"):
        import_mot(folder, videos, name="mine")
    with pytest.raises(ValueError, match="there is already a dataset 'mine'"):
        create_dataset(read_mot(folder), "mine", video_dir=videos)
    assert fo.list_datasets() == ["mine"]
    assert fo.load_dataset("mine").count("frames.ground_truth.detections") == 6


@pytest.mark.parametrize(
    "spoil", [image(truncate), info("frameRate=.*", "frameRate=x")]
)
@pytest.mark.parametrize("filled", [False, True])
def test_failed_add_dir_leaves_the_dataset_as_it_was(write_mot, videos, spoil, filled):
    dataset = fo.Dataset("mine")
    if filled:
        dataset.add_dir(
            dataset_dir=str(write_mot("A")),
            dataset_type=fta.MOTChallengeDataset,
            video_dir=str(videos),
        )
    folder = write_mot("B")
    spoil(folder)
    with pytest.raises(InputError):
        dataset.add_dir(
            dataset_dir=str(folder),
            dataset_type=fta.MOTChallengeDataset,
            video_dir=str(videos),
        )
    assert fo.list_datasets() == ["mine"]
    assert len(dataset) == filled
    assert not filled or dataset.count("frames") == 6


def test_same_sequence_twice(write_mot, videos):
    folder = write_mot()
    dataset = import_mot(folder, videos, name="mine")
    with pytest.raises(ValueError, match="'mine' already has the sequence SEQ-01"):
        dataset.add_dir(dataset_dir=str(folder), dataset_type=fta.MOTChallengeDataset)
    assert len(dataset) == 1


def test_image_dataset_takes_no_sequences(write_mot, videos):
    dataset = fo.Dataset("images")
    dataset.add_sample(fo.Sample(filepath="/images/1.jpg"))
    with pytest.raises(ValueError, match="holds image samples"):
        importing.add_tracks(dataset, read_mot(write_mot()), video_dir=videos)
    assert not videos.exists()


def test_labels_alone_make_no_dataset(videos):
    with pytest.raises(InputError, match="frames were not found"):
        create_dataset(small_video("a"), "bad", video_dir=videos)
    assert fo.list_datasets() == []
    assert not videos.exists()


def test_failure_while_storing_leaves_nothing(tmp_path, videos, monkeypatch):
    def fail(*_):
        raise RuntimeError("the database is full")

    monkeypatch.setattr(store, "insert_labels", fail)
    with pytest.raises(RuntimeError, match="full"):
        create_dataset(small_video("a", tmp_path / "a"), "bad", video_dir=videos)
    assert fo.list_datasets() == []


@pytest.mark.parametrize("function", ["insert_labels", "Segment"])
def test_failure_while_storing_leaves_a_dataset_as_it_was(
    tmp_path, videos, monkeypatch, function
):
    def fail(*_):
        raise RuntimeError("the database is full")

    dataset = fo.Dataset("mine")
    dataset.info["mine"] = 1
    dataset.save()
    tracks = small_video("a", tmp_path / "a")
    with monkeypatch.context() as patch:
        patch.setattr(store, function, fail)
        with pytest.raises(RuntimeError, match="full"):
            importing.add_tracks(dataset, tracks, video_dir=videos)
    assert (len(dataset), dataset.media_type) == (0, None)
    dataset.reload()
    assert dataset.info == {"mine": 1}
    importing.add_tracks(dataset, tracks, video_dir=videos)
    assert dataset.media_type == "video"
    assert dataset.count("frames.ground_truth.detections") == len(tracks.table)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("", "'' cannot name a field"),
        ("a.b", "'a.b' cannot name a field"),
        ("_a", "'_a' cannot name a field"),
        ("$a", "cannot name a field"),
        ("a$", "cannot name a field"),
        ("id", "every frame has a 'id'"),
        ("frame_number", "every frame has a 'frame_number'"),
        ("tags", "every frame has a 'tags'"),
        ("save", "every frame has a 'save'"),
        ("weather", "the frame field 'weather' of 'mine' holds no detections"),
    ],
)
@pytest.mark.parametrize("as_further", [False, True])
def test_fields_that_cannot_hold_detections(tmp_path, videos, field, words, as_further):
    dataset = fo.Dataset("mine")
    dataset.media_type = "video"
    dataset.add_frame_field("weather", fo.StringField)
    tracks = small_video("a", tmp_path / "a")
    fields = {"further": {field: tracks}} if as_further else {"field": field}
    with pytest.raises(ValueError, match=re.escape(words)):
        importing.add_tracks(dataset, tracks, video_dir=videos, **fields)
    assert not videos.exists()
    assert len(dataset) == 0


def each_sample(dataset):
    return [dataset.select(id) for id in dataset.values("id")]


@pytest.fixture
def small_samples(monkeypatch):
    monkeypatch.setattr(video_samples, "MAX_FRAMES_PER_SAMPLE", 25)
    monkeypatch.setattr(video_samples, "MAX_DETECTIONS_PER_SAMPLE", 1_000)


def test_long_sequences_are_split(tmp_path, videos, small_samples):
    tracks = small_video("a", tmp_path / "a", frames=60)
    (_, end), (start, _), (third, _) = split_frames(tracks, tracks.sequences["a"])
    # Outliers at the end of one sample and the beginning of the next
    table = tracks.table
    wrong = (table["track"] == 1) & table["frame"].isin([end, start, third + 9])
    table["left"] = 10.0
    table.loc[wrong, "height"] *= 2
    dataset = create_dataset(tracks, "long", video_dir=videos)
    assert dataset.values("sequence") == ["a"] * 3
    assert dataset.values("frame_offset") == [0, end, third - 1]
    counts = dataset.values("metadata.total_frame_count")
    assert counts == [end, third - start, 61 - third]
    names = dataset.values("frames.frame_name", unwind=True)
    assert tuple(names) == tracks.sequences["a"].frame_names
    path = "frames.ground_truth.detections.index"
    assert [set(part.distinct(path)) for part in each_sample(dataset)] == [{1, 2}] * 3
    stored = store.read_tracks(dataset.limit(1), "ground_truth").tracks
    assert stored.table["frame"].tolist() == table["frame"].tolist()
    assert stored.table["track"].tolist() == table["track"].tolist()

    summary = audit_dataset(dataset, kinds=SIZE_KINDS)
    assert (summary.sequences, summary.detections) == (1, len(table))
    table = store.read_tracks(dataset, "ground_truth", ["size_change"]).tracks.table
    # Only the track's first box is null, not the first of each sample
    null = table[(table["track"] == 1) & table["size_change"].isna()]
    assert null["frame"].tolist() == [1]
    flagged = dataset.filter_labels("frames.ground_truth", F("size_outlier") == True)  # noqa: E712
    found = flagged.match_frames(F("ground_truth.detections").length() > 0)
    assert found.values("frames.frame_number") == [[end], [1], [10]]
    issues = dataset.values("issues.detections")
    assert [
        [(i.first_frame, i.last_frame) for i in sample or []] for sample in issues
    ] == [[(end, end)], [], [(10, 10)]]


@pytest.mark.parametrize(
    ("frames", "per_frame", "expected"),
    [
        (1, 0, [(1, 1)]),
        (25, 0, [(1, 25)]),
        (26, 0, [(1, 13), (14, 26)]),
        (75, 1, [(1, 25), (26, 50), (51, 75)]),
        (10, 100, [(1, 10)]),
        (20, 100, [(1, 10), (11, 20)]),
        (3, 5_000, [(1, 1), (2, 2), (3, 3)]),
    ],
)
def test_runs_fit_into_samples(small_samples, frames, per_frame, expected):
    names = tuple(map(str, range(frames)))
    sequence = Sequence("a", 64, 48, 5.0, names)
    table = small_video("a", frames=frames).table.iloc[:frames]
    table = table.loc[table.index.repeat(per_frame)]
    runs = split_frames(Tracks(table, {"a": sequence}), sequence)
    assert runs == expected


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from fiftyone_track_audit.importers import dataset
from fiftyone_track_audit.importers.store import bulk
from killed import is_killed, kill_at_each_write
from labeling_jobs import small_video

folder = Path({folder!r})
bulk.Writer.send = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
tracks = small_video("a", folder / "frames")
dataset.create_dataset(tracks, "killed", video_dir=folder / "videos")
"""


def test_killed_import_leaves_no_named_dataset(tmp_path, videos):
    support = Path(__file__).parents[1] / "support"
    code = KILLED.format(tests=str(support), folder=str(tmp_path))
    path = os.pathsep.join(sys.path)
    killed = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}
    )
    assert killed.returncode == -signal.SIGKILL
    assert "killed" not in fo.list_datasets()
    tracks = small_video("a", tmp_path / "again")
    dataset = create_dataset(tracks, "killed", video_dir=videos)
    assert count_frames(dataset.first().filepath)[1] == 6
    assert dataset.count("frames") == 6


def test_killed_from_dir_leaves_nothing_that_passes_for_a_dataset(write_mot, videos):
    folder, write, left = write_mot(), 1, []
    arguments = {
        "dataset_dir": str(folder),
        "dataset_type": fta.MOTChallengeDataset,
        "video_dir": str(videos),
        "name": "station",
        "persistent": True,
        "progress": False,
    }
    while is_killed(write, None, fo.Dataset.from_dir, **arguments):
        if "station" in fo.list_datasets():
            left.append(write)
            tracks = read_mot(folder)
            create_dataset(tracks, "station", video_dir=videos)
            assert fo.load_dataset("station").count("frames") == 6
            fo.delete_dataset("station")
        assert not any(fo.load_dataset(name).persistent for name in fo.list_datasets())
        write += 1 if write < 6 else 4
    # FiftyOne itself creates the dataset, before an importer knows of it
    assert max(left) < 5
    assert write > 10
    dataset = fo.load_dataset("station")
    assert dataset.persistent
    assert dataset.count("frames") == 6


def test_killed_add_dir_is_replaced_by_the_next_try(write_mot, tmp_path, videos):
    dataset = create_dataset(small_video("a", tmp_path / "a"), "mine", video_dir=videos)
    tracks = small_video("b", tmp_path / "b")
    before = dataset.count("frames.ground_truth.detections")
    places = {"video_dir": videos, "progress": False}
    killed = kill_at_each_write(dataset, importing.add_tracks, tracks, **places)
    assert killed > 5
    assert dataset.distinct("sequence") == ["a", "b"]
    assert dataset.count() == 2
    added = dataset.count("frames.ground_truth.detections") - before
    assert added == len(tracks.table)
    assert "importing" not in dataset.info["track_audit"]
    assert dataset._frame_collection.count_documents({}) == dataset.count("frames")


def test_mot20(real_data, videos):
    folder = real_data / "MOT20" / "train" / "MOT20-01"
    dataset = import_mot(folder, videos)
    assert dataset.count("frames.ground_truth.detections") == 19_870
    assert len(dataset.distinct("frames.ground_truth.detections.index")) == 74
    assert dataset.values(["image_width", "image_height"]) == ([1920], [1080])
    (metadata,) = dataset.values("metadata")
    assert (metadata.frame_width, metadata.frame_height) == (960, 540)
    assert (metadata.total_frame_count, metadata.frame_rate) == (429, 25)
    (video,) = dataset.values("filepath")
    assert count_frames(video) == ((960, 540), 429)
    first = (folder / "gt" / "gt.txt").read_text().splitlines()[0].split(",")
    left, top, width, height = map(float, first[2:6])
    of_first = F("index") == int(first[1])
    track = dataset.filter_labels("frames.ground_truth", of_first)
    boxes = track.values("frames.ground_truth.detections.bounding_box")[0]
    np.testing.assert_allclose(
        boxes[0],
        [[(left - 1) / 1920, (top - 1) / 1080, width / 1920, height / 1080]],
    )


def test_real_labels(real_data, videos):
    dataset = fo.Dataset.from_dir(
        dataset_dir=str(real_data / "MOT20" / "train" / "MOT20-01"),
        dataset_type=fta.GroundTruthDataset,
        labels_path=str(real_data / "groundtruth" / "MOT20-01-SeqLabel.json"),
        video_dir=str(videos),
    )
    sample = dataset.first()
    assert sample.metadata.frame_rate == 12.5
    assert count_frames(sample.filepath) == ((960, 540), 32)
    names = dataset.values("frames.frame_name")[0]
    assert names == [f"{number:06d}.jpg" for number in range(1, 64, 2)]
    assert dataset.count("frames.ground_truth.detections") == 84
    box = store.read_tracks(dataset, "ground_truth").tracks
    assert (box.sequences[sample.sequence].width, sample.image_width) == (1920, 1920)
