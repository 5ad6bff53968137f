# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from botocore.config import Config
from fiftyone_track_audit.importers.frames import check_frames
from fiftyone_track_audit.importers.groundtruth import read_manifest, read_seq_label
from fiftyone_track_audit.importers.s3_frames import with_frames_in_s3
from fiftyone_track_audit.importers.tracks import COLUMNS, InputError
from fiftyone_track_audit.importers.video_frames import default_frames_dir, list_decoded
from fiftyone_track_audit.plugin.cli.reading import Source
from hypothesis import given, settings
from hypothesis import strategies as st
from labeling_jobs import BUCKET
from PIL import Image

TRACKING = "groundtruth/video-object-tracking"
BOX = {"left": 1, "top": 2, "width": 30, "height": 40, "class-id": "0"}
CAR = BOX | {"object-id": "a", "object-name": "Car:1"}


def frame(number: object, name: object, *boxes: object, **more: Any) -> dict[str, Any]:
    return {"frame-no": number, "frame": name, "annotations": list(boxes), **more}


def write_labels(
    folder: Path, *frames: Any, kind: str = "tracking-annotations"
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "SeqLabel.json"
    path.write_text(json.dumps({kind: list(frames)}))
    return path


def save_frames(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", (64, 48)).save(folder / name)
    return folder


def test_reads_boxes_and_attributes(tmp_path):
    truck = BOX | {"object-id": "b", "object-name": "Truck:7", "left": 1.5}
    path = write_labels(
        tmp_path,
        frame("0", "1.jpg", CAR | {"label-category-attributes": {"Color": "red"}}),
        frame(1, "2.jpg", truck, CAR | {"label-category-attributes": {"label": 3}}),
    )
    tracks = read_seq_label(path)
    table = tracks.table
    assert {c: str(table[c].dtype) for c in COLUMNS} == dict(COLUMNS)
    assert table["frame"].tolist() == [1, 2, 2]
    assert table["frame_name"].tolist() == ["1.jpg", "2.jpg", "2.jpg"]
    assert table["track"].tolist() == [1, 1, 7]
    assert table["label"].tolist() == ["Car", "Car", "Truck"]
    assert table["left"].tolist() == [1, 1, 1.5]
    assert table["object_id"].tolist() == ["a", "a", "b"]
    assert table["object_name"].tolist() == ["Car:1", "Car:1", "Truck:7"]
    assert table["Color"].tolist() == ["red", None, None]
    assert table["label_attribute"].tolist() == [None, 3, None]
    sequence = tracks.sequences["SeqLabel"]
    assert (sequence.width, sequence.height, sequence.frame_rate) == (None, None, 25)
    assert sequence.frame_attributes is None


@pytest.mark.parametrize(
    "name",
    ["confidence", "visibility", "considered", "object_id", "object_name", "width"],
)
@pytest.mark.parametrize("value", ["high", 2**63 - 1, 0.5, True, None])
def test_attributes_are_not_taken_for_columns(tmp_path, name, value):
    box = CAR | {"label-category-attributes": {name: value, f"{name}_attribute": 1}}
    table = read_seq_label(write_labels(tmp_path, frame(0, "1.jpg", box))).table
    assert table[f"{name}_attribute"].tolist() == [value]
    assert table[f"{name}_attribute_attribute"].tolist() == [1]
    assert table["width"].tolist() == [30]
    assert not {"confidence", "visibility", "considered"} & set(table)


def test_reads_frame_attributes(tmp_path):
    path = write_labels(
        tmp_path,
        frame(0, "1.jpg"),
        frame(1, "2.jpg", **{"frame-attributes": {"weather": "rain"}}),
    )
    tracks = read_seq_label(path, name="video")
    attributes = tracks.sequences["video"].frame_attributes
    assert attributes is not None
    assert attributes["weather"].to_dict() == {1: None, 2: "rain"}
    assert tracks.table.empty


def test_detections_have_no_identity(tmp_path):
    frames = [frame(0, "1.jpg", BOX, BOX), frame(1, "2.jpg", BOX)]
    path = write_labels(tmp_path, *frames, kind="detection-annotations")
    table = read_seq_label(path, class_map={"0": "Bird"}).table
    assert table["track"].tolist() == [-1, -1, -1]
    assert table["object_id"].tolist() == [None, None, None]
    assert table["object_name"].tolist() == [None, None, None]
    assert table["label"].tolist() == ["Bird"] * 3
    assert read_seq_label(path).table["label"].tolist() == ["0"] * 3


@pytest.mark.parametrize(
    ("names", "tracks", "labels"),
    [
        (["Car:1", "Car:2"], [1, 2], ["Car", "Car"]),
        (["Car:1", "Bus:1", "Bus:2"], [1, 3, 2], ["Car", "Bus", "Bus"]),
        (["Bus:3", "Car:3", "Car:1"], [3, 2, 1], ["Bus", "Car", "Car"]),
        (["Car", "a:b:1"], [2, 1], ["5", "a:b"]),
        (["Car:99999999999", "Car:0"], [1, 0], ["Car", "Car"]),
    ],
)
def test_objects_keep_their_numbers_where_these_differ(tmp_path, names, tracks, labels):
    boxes = [
        BOX | {"object-id": f"id {name}", "object-name": name, "class-id": 5}
        for name in names
    ]
    table = read_seq_label(write_labels(tmp_path, frame(0, "1.jpg", *boxes))).table
    rows = table.set_index("object_name")
    assert [rows["track"][name] for name in names] == tracks
    assert [rows["label"][name] for name in names] == labels


def test_an_object_keeps_its_track_when_it_is_renamed(tmp_path):
    renamed = CAR | {"object-name": "Truck:5"}
    path = write_labels(tmp_path, frame(0, "1.jpg", CAR), frame(1, "2.jpg", renamed))
    table = read_seq_label(path).table
    assert table["track"].tolist() == [1, 1]
    assert table["label"].tolist() == ["Car", "Truck"]


def test_boxes_that_no_audit_can_use_are_set_aside(tmp_path):
    flat, huge = CAR | {"width": 0}, CAR | {"left": 10**400, "object-id": "c"}
    frames = [frame(0, "1.jpg", CAR, CAR), frame(1, "2.jpg", flat, huge)]
    path = write_labels(tmp_path, *frames)
    tracks = read_seq_label(path)
    assert tracks.table["frame"].tolist() == [1]
    assert tracks.invalid["frame"].tolist() == [1, 2, 2]
    assert tracks.invalid["track"].tolist() == [1, 1, 1]
    assert set(tracks.invalid["file"]) == {str(path)}
    assert tracks.invalid["width"].tolist()[1] == 0
    assert np.isnan(tracks.invalid["left"].tolist()[2])
    second, no_width, too_far = tracks.invalid["reason"]
    assert second.startswith("frame '1.jpg', object 'Car:1': a second box; expected")
    assert no_width.startswith("frame '2.jpg', object 'Car:1': 'width' is 0; expected")
    assert "'left' is 1000" in too_far
    assert "3 of 4 boxes cannot be used and are set aside" in tracks.notes[0]
    with pytest.raises(InputError, match="'left' has a number that is too large"):
        read_seq_label(path, strict=True)
    with pytest.raises(InputError, match="'width' is 0"):
        read_seq_label(write_labels(tmp_path, frame(0, "1.jpg", flat)))


def test_frames_are_put_in_order(tmp_path):
    frames = [frame("2", "a.jpg"), frame("0", "b.jpg", CAR), frame("1", "c.jpg")]
    tracks = read_seq_label(write_labels(tmp_path, *frames))
    assert tracks.sequences["SeqLabel"].frame_names == ("b.jpg", "c.jpg", "a.jpg")
    assert tracks.table["frame"].tolist() == [1]


def test_frames_tell_size_and_rate(tmp_path):
    folder = save_frames(tmp_path / "video", *(f"{i}.png" for i in range(9)))
    wide = CAR | {"left": 60}
    frames = [frame(i, f"{3 * i}.png", wide) for i in range(3)]
    path = write_labels(tmp_path, *frames)
    tracks = read_seq_label(path, folder, frame_rate=30)
    sequence = tracks.sequences["video"]
    assert (sequence.width, sequence.height, sequence.frame_rate) == (64, 48, 10)
    assert sequence.frames_dir == folder
    assert "3 of 3 boxes extend beyond the 64x48 image" in tracks.notes[0]


@pytest.mark.parametrize("place", [".", "img1"])
def test_mot_sequence_tells_size_rate_and_name(tmp_path, place):
    folder = save_frames(tmp_path / "mot" / "img1", "1.jpg", "2.jpg", "3.jpg").parent
    keys = "name=Seq\nframeRate=30\nseqLength=3\nimWidth=1920\nimHeight=1080\n"
    (folder / "seqinfo.ini").write_text(f"[Sequence]\n{keys}")
    path = write_labels(tmp_path, frame(0, "1.jpg", CAR), frame(1, "3.jpg"))
    sequence = read_seq_label(path, folder / place).sequences["Seq"]
    assert (sequence.width, sequence.height, sequence.frame_rate) == (1920, 1080, 15)
    assert sequence.frames_dir == folder / "img1"


WITHOUT = object()


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([], "expected a list of one frame or more"),
        (["x"], "entry 1: 'x'; expected an object"),
        (
            [{"frame": "1.jpg", "annotations": []}, frame(1, "2.jpg")],
            "'frame-no' is 'None'",
        ),
        ([frame(0, "a/1.jpg"), frame(1, "b/2.jpg")], "the same folder as the others"),
        ([frame("first", "1.jpg")], "'frame-no' is 'first'; expected a whole number"),
        ([frame(1.5, "1.jpg")], "'frame-no' is '1.5'"),
        ([frame(-1, "1.jpg")], "'frame-no' is '-1'"),
        ([frame(0, "1.jpg"), frame("0", "2.jpg")], "entry 2: frame-no 0 or"),
        ([frame(0, "1.jpg"), frame(1, "1.jpg")], "frame '1.jpg' occurs twice"),
        ([frame(0, "../x.jpg")], "'../x.jpg'; expected an image's file name, in"),
        ([frame(0, "/x.jpg")], "'/x.jpg'; expected"),
        ([frame(0, "a\\b.jpg")], "expected an image's file name"),
        ([frame(0, 7)], "'frame' is 7; expected"),
        ([{"frame-no": 0, "frame": "1.jpg"}], "frame '1.jpg': expected a list of"),
        ([frame(0, "1.jpg", "box")], "frame '1.jpg': expected a list of objects"),
        (
            [frame(0, "1.jpg", **{"frame-attributes": 1})],
            "object in 'frame-attributes'",
        ),
        (
            [frame(0, "1.jpg", **{"frame-attributes": {"weather": [1]}})],
            "frame '1.jpg': 'weather' is [1]; expected a string, a finite number",
        ),
        ([{"frame-no": 0, "frame": "1.jpg", "polylines": []}], "polylines are not"),
        ([{"frame-no": 0, "frame": "1.jpg", "polygons": []}], "polygons are not"),
        ([{"frame-no": 0, "frame": "1.jpg", "keypoints": []}], "keypoints are not"),
        ([{"frame-no": 0, "frame": "1.jpg", "cuboids": []}], "cuboids are not"),
        ([frame(0, "1.jpg", {"center-x": 1})], "cuboids are not supported"),
        ([frame(0, "1.jpg", {"vertices": []})], "polylines or polygons are not"),
        ([frame(0, "1.jpg", CAR, CAR)], "'1.jpg', object 'Car:1': a second box"),
    ],
)
def test_bad_frames_are_named(tmp_path, frames, words):
    path = write_labels(tmp_path, *frames)
    with pytest.raises(InputError) as caught:
        read_seq_label(path, strict=True)
    assert words in str(caught.value)
    assert caught.value.path == str(path)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("left", WITHOUT, "no 'left'; expected a number"),
        ("left", "5", "'left' is '5'; expected a number"),
        ("left", True, "'left' is True; expected a number"),
        ("top", None, "'top' is None; expected a number"),
        ("top", float("nan"), "'top' is nan; expected pixels"),
        ("left", 10**400, "'left' has a number that is too large"),
        ("left", -2e7, "'left' is -20000000.0; expected pixels from -10000000 to"),
        ("top", 10**30, "expected pixels from -10000000 to 10000000"),
        ("width", 0, "'width' is 0; expected pixels from 0.001 to 10000000"),
        ("width", 1e300, "'width' is 1e+300; expected pixels from 0.001"),
        ("width", 1e-320, "expected pixels from 0.001"),
        ("height", -3, "'height' is -3; expected pixels from 0.001"),
        ("height", float("inf"), "'height' is inf; expected pixels"),
        ("class-id", WITHOUT, "no 'class-id'; expected"),
        ("class-id", 1.5, "'class-id' is 1.5; expected"),
        ("object-id", WITHOUT, "no 'object-id'; expected"),
        ("object-name", 5, "'object-name' is 5; expected"),
        ("label-category-attributes", [], "expected an object"),
        ("label-category-attributes", {"Color": ["red"]}, "'Color' is ['red']; "),
        ("label-category-attributes", {"Color": {}}, "'Color' is {}; expected a "),
        ("label-category-attributes", {"Age": 2**63}, "'Age' is 9223372036854775808;"),
        ("label-category-attributes", {"Age": float("nan")}, "'Age' is nan; expected"),
    ],
)
def test_bad_boxes_are_named(tmp_path, key, value, words):
    bad = {k: v for k, v in (CAR | {key: value}).items() if v is not WITHOUT}
    good = BOX | {"object-id": "b", "object-name": "Car:2"}
    path = write_labels(tmp_path, frame(0, "1.jpg", CAR), frame(1, "2.jpg", good, bad))
    with pytest.raises(InputError) as caught:
        read_seq_label(path, strict=True)
    assert words in str(caught.value)
    assert caught.value.path == str(path)
    if value != 10**400:
        assert "frame '2.jpg', object " in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('{"tracking-annotations": [\n{"frame', 2, "not JSON"),
        ("{\n<<<<<<< HEAD\n", 2, "merge conflict"),
        ('{"annotations": []}', None, "not a Ground Truth video label file"),
        ("[]", None, "not a Ground Truth video label file"),
        ('{"tracking-annotations": {}}', None, "expected a list"),
    ],
)
def test_bad_files_are_named(tmp_path, text, line, words):
    path = tmp_path / "SeqLabel.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_seq_label(path)
    assert words in str(caught.value)
    assert (caught.value.path, caught.value.line) == (str(path), line)


def test_unknown_class_is_named(tmp_path):
    path = write_labels(tmp_path, frame(0, "1.jpg", CAR))
    with pytest.raises(InputError, match="class-id '0'; expected one of 1, 2"):
        read_seq_label(path, class_map={"1": "Car", "2": "Bus"})


def test_missing_frames_are_named(tmp_path):
    folder = save_frames(tmp_path / "video", "1.jpg")
    path = write_labels(tmp_path, *(frame(i, f"{i}.jpg") for i in range(6)))
    with pytest.raises(InputError, match=r"5 of 6 frames of video are missing: 0\.jpg"):
        read_seq_label(path, folder)


def manifest_line(folder: Path | str, attribute: str = "car-ref", **more: Any) -> Any:
    metadata = {
        "type": TRACKING,
        "class-map": {"0": "Automobile"},
        "creation-date": "2022-11-14T03:04:13.533000",
    }
    return {
        "source-ref": f"{folder}/seq.json",
        attribute: f"{folder}/SeqLabel.json",
        f"{attribute}-metadata": metadata | more,
    }


def write_sequence_file(folder: Path, prefix: str, *names: str, **more: Any) -> None:
    frames = [{"frame-no": i, "frame": name} for i, name in enumerate(names)]
    content = {"seq-no": 1, "prefix": prefix, "number-of-frames": len(names)}
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content | {"frames": frames} | more)
    (folder / "seq.json").write_text(text)


def write_manifest(folder: Path, *lines: Any) -> Path:
    path = folder / "output.manifest"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def job(tmp_path):
    """A finished job over two videos, with frames, all by relative paths."""
    for name, number in (("v1", 1), ("v2", 2)):
        folder = tmp_path / name
        save_frames(tmp_path / "frames" / name, "1.jpg", "2.jpg", "3.jpg")
        write_sequence_file(folder, f"frames/{name}/", "1.jpg", "2.jpg", "3.jpg")
        box = CAR | {"object-name": f"Car:{number}"}
        colored = box | {"label-category-attributes": {f"Color{number}": "red"}}
        frames = [frame(0, "1.jpg", box), frame(1, "2.jpg"), frame(2, "3.jpg", colored)]
        write_labels(folder, *frames)
    return tmp_path


def test_boxes_of_a_job_are_set_aside_in_their_frames(job):
    write_labels(job / "v1", frame(0, "3.jpg", CAR, CAR), frame(1, "1.jpg", CAR))
    manifest = write_manifest(job, manifest_line("v1"), manifest_line("v2"))
    tracks = read_manifest(manifest)
    assert tracks.invalid[["sequence", "frame"]].to_numpy().tolist() == [["v1", 3]]
    assert len(tracks.table) == 4
    with pytest.raises(InputError, match="second box"):
        read_manifest(manifest, strict=True)


def test_frames_can_be_below_the_sequence_s_prefix(job):
    names = ["cam/1.jpg", "cam/2.jpg", "cam/3.jpg"]
    write_sequence_file(job / "v1", "frames/", *(f"v1/{name[4:]}" for name in names))
    write_labels(job / "v1", *(frame(i, name, CAR) for i, name in enumerate(names)))
    tracks = read_manifest(write_manifest(job, manifest_line("v1")))
    sequence = tracks.sequences["v1"]
    assert sequence.frame_names == ("1.jpg", "2.jpg", "3.jpg")
    assert sequence.frames_dir == job / "frames/v1"
    save_frames(job / "own/cam", *sequence.frame_names)
    alone = read_seq_label(job / "v1/SeqLabel.json", job / "own").sequences["cam"]
    assert alone.frames_dir == job / "own/cam"


def test_frames_without_numbers_are_in_order(tmp_path):
    entries = [{"frame": f"{i}.jpg", "annotations": [CAR]} for i in (3, 1, 2)]
    tracks = read_seq_label(write_labels(tmp_path, *entries))
    assert tracks.table["frame_name"].tolist() == ["3.jpg", "1.jpg", "2.jpg"]


def test_results_of_a_detection_job_have_no_identities(tmp_path):
    box = frame(0, "1.jpg", BOX)
    path = write_labels(tmp_path, box, kind="detection-annotations")
    (note,) = read_seq_label(path).notes
    assert "no box has an identity" in note
    assert "video object tracking job" in note


def test_a_worker_s_response_is_not_taken_for_a_result(tmp_path):
    path = tmp_path / "response.json"
    path.write_text(json.dumps({"answers": [{"answerContent": {}}]}))
    with pytest.raises(InputError, match=r"one worker.*consolidated-annotation/output"):
        read_seq_label(path)


def test_reads_a_job_with_several_videos(job):
    lines = [manifest_line("v1"), manifest_line("v2", **{"class-map": {"0": "Car"}})]
    tracks = read_manifest(write_manifest(job, *lines))
    assert list(tracks.sequences) == ["v1", "v2"]
    table = tracks.table
    assert table["sequence"].tolist() == ["v1", "v1", "v2", "v2"]
    assert table["frame"].tolist() == [1, 3, 1, 3]
    assert table["label"].tolist() == ["Automobile", "Automobile", "Car", "Car"]
    assert table["Color1"].tolist() == [None, "red", None, None]
    assert table["Color2"].tolist() == [None, None, None, "red"]
    sequence = tracks.sequences["v2"]
    assert sequence.frames_dir == job / "frames" / "v2"
    assert (sequence.width, sequence.height, sequence.frame_rate) == (64, 48, 25)
    assert tracks.notes == ()


def test_a_job_tells_the_size_of_the_images_that_were_sent(job):
    sent = {"sequence": "before", "image-size": [64, 32]}
    line = manifest_line("v1") | {"track-audit": sent}
    (sequence,) = read_manifest(write_manifest(job, line)).sequences.values()
    assert (sequence.name, sequence.width, sequence.height) == ("before", 64, 32)


def write_answer(job: Path, line: int, name: str, *workers: str) -> None:
    """Write a worker's answer as Ground Truth keeps it, with the frames below it."""
    folder = job / f"annotations/worker-response/iteration-1/{line}"
    (folder / "0a1b").mkdir(parents=True, exist_ok=True)
    (folder / "0a1b/1.jpg.json").write_text("{}")
    answers = [
        {
            "acceptanceTime": "2022-11-14T03:00:00.000Z",
            "answerContent": {"trackingAnnotations": {"frameData": {"entries": []}}},
            "submissionTime": "2022-11-14T03:04:13.533Z",
            "timeSpentInSeconds": 40.5,
            "workerId": worker,
        }
        for worker in workers
    ]
    (folder / name).write_text(json.dumps({"answers": answers}))


def write_job_labels(job: Path, line: int) -> str:
    """Write labels to where a job has them; returns their path in the manifest."""
    path = f"annotations/consolidated-annotation/output/{line}"
    (job / path).mkdir(parents=True)
    write_labels(job / path, frame(0, "1.jpg", CAR), frame(1, "2.jpg", CAR))
    return f"{path}/SeqLabel.json"


def test_the_worker_of_each_video_is_read(job):
    lines = [
        manifest_line(f"v{line + 1}") | {"car-ref": write_job_labels(job, line)}
        for line in (0, 1)
    ]
    write_answer(job, 0, "2022-11-14_03:04:13.json", "private.eu.a")
    write_answer(job, 0, "2022-11-13_03:04:13.json", "private.eu.z")
    table = read_manifest(write_manifest(job, *lines)).table
    assert table["sequence"].tolist() == ["v1", "v1", "v2", "v2"]
    assert table["assignee"].fillna("").tolist() == ["private.eu.a"] * 2 + [""] * 2
    alone = read_seq_label(job / lines[0]["car-ref"])
    assert alone.table["assignee"].tolist() == ["private.eu.a"] * 2
    write_answer(job, 0, "2022-11-15_03:04:13.json")
    assert "assignee" not in read_seq_label(job / lines[0]["car-ref"]).table


def test_answers_that_cannot_be_read_are_noted(job):
    path = job / write_job_labels(job, 0)
    write_answer(job, 0, "2022-11-14.json", "w")
    (answer,) = job.rglob("2022-11-14.json")
    answer.write_text("{")
    tracks = read_seq_label(path)
    assert len(tracks.table) == 2
    assert "assignee" not in tracks.table
    (note,) = tracks.notes
    assert "not known who labeled it" in note
    assert str(answer) in note


def test_boxes_that_fit_into_scaled_frames_are_noted(tmp_path):
    save_frames(tmp_path / "img1", "000001.jpg")
    (tmp_path / "seqinfo.ini").write_text(
        "[Sequence]\nname=S\nframeRate=25\nseqLength=1\nimWidth=1920\nimHeight=1080\n"
    )
    box = CAR | {"left": 0, "top": 0, "width": 5, "height": 5}
    path = write_labels(tmp_path, frame(0, "000001.jpg", box))
    (note,) = read_seq_label(path, tmp_path).notes
    assert "pixels of 1920x1080 images" in note


def test_a_video_without_boxes_is_read(job):
    write_labels(job / "v1", *(frame(i, f"{i + 1}.jpg") for i in range(3)))
    path = write_manifest(job, manifest_line("v1"), manifest_line("v2"))
    tracks = read_manifest(path)
    assert list(tracks.sequences) == ["v1", "v2"]
    assert tracks.table["sequence"].tolist() == ["v2", "v2"]


def test_lines_without_labels_are_left_out_and_noted(job):
    failed = manifest_line("v1", **{"failure-reason": "no worker"})
    unfinished = {"source-ref": "v1/seq.json"}
    path = write_manifest(job, failed, unfinished, manifest_line("v2"))
    tracks = read_manifest(path)
    assert list(tracks.sequences) == ["v2"]
    assert [note.split(": ", 1) for note in tracks.notes] == [
        [f"{path}, line 1", "labeling 'car-ref' failed (no worker); skipped"],
        [f"{path}, line 2", "no 'car-ref' labels; skipped"],
    ]


@pytest.mark.parametrize(
    ("date", "attribute", "expected"),
    [
        ("2022-11-14T03:04:13+0000", None, "v1"),
        ("2022-11-14T03:04:14+0000", None, "v2"),
        ("2022-11-14T03:04:14+0000", "car-ref", "v1"),
        ("2020-01-01T00:00:00.000000", "car-audit-ref", "v2"),
    ],
)
def test_the_newest_or_the_named_labels_are_read(job, date, attribute, expected):
    audit = manifest_line("v2", "car-audit-ref", **{"creation-date": date})
    line = audit | manifest_line("v1")
    tracks = read_manifest(write_manifest(job, line), label_attribute=attribute)
    name = {"v1": "Car:1", "v2": "Car:2"}[expected]
    assert set(tracks.table["object_name"]) == {name}


def test_unfinished_adjustments_do_not_bring_old_labels_back(job):
    newer = {"creation-date": "2023-01-01T00:00:00.000000"}
    adjusted = manifest_line("v1") | manifest_line("v1", "car-audit-ref", **newer)
    tracks = read_manifest(write_manifest(job, adjusted, manifest_line("v2")))
    assert list(tracks.sequences) == ["v1"]
    assert "line 2: no 'car-audit-ref' labels" in tracks.notes[0]
    assert "'car-audit-ref' is newer than 'car-ref' and was read" in tracks.notes[1]


def test_the_sequence_file_decides_the_frames(job):
    write_sequence_file(job / "v1", "frames/v1/", "3.jpg", "1.jpg", "2.jpg")
    write_labels(job / "v1", frame(0, "1.jpg", CAR), frame(1, "3.jpg", CAR))
    tracks = read_manifest(write_manifest(job, manifest_line("v1")))
    assert tracks.sequences["v1"].frame_names == ("3.jpg", "1.jpg", "2.jpg")
    rows = tracks.table[["frame", "frame_name"]].to_numpy().tolist()
    assert rows == [[1, "3.jpg"], [2, "1.jpg"]]
    assert "1 of 3 frames are not in" in tracks.notes[0]


def test_sequences_of_one_name_are_told_apart(job):
    for name in ("v1", "v2"):
        (job / "frames" / name).rename(job / "frames" / f"{name}-moved")
        save_frames(job / "x" / name / "img1", "1.jpg", "2.jpg", "3.jpg")
        write_sequence_file(job / name, f"x/{name}/img1", "1.jpg", "2.jpg", "3.jpg")
    path = write_manifest(job, manifest_line("v1"), manifest_line("v2"))
    assert list(read_manifest(path).sequences) == ["img1", "img1-2"]


@pytest.mark.parametrize("place", ["frames", "frames/v1", "."])
def test_finds_frames_in_a_given_folder(job, place):
    write_sequence_file(job / "v1", "s3://bucket/v1/", "1.jpg", "2.jpg", "3.jpg")
    path = write_manifest(job, manifest_line("v1"))
    if place == ".":
        (job / "frames" / "v1").rename(job / "other")
    tracks = read_manifest(path, frames_dir=job / place)
    expected = job / "other" if place == "." else job / "frames" / "v1"
    assert tracks.sequences["v1"].frames_dir == expected


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("no", "no such folder"),
        ("empty", "3 of 3 frames of v3 are missing: 1.jpg, 2.jpg, 3.jpg"),
        ("frames", "the frames of v3 are in v1 and in v2; expected one folder"),
    ],
)
def test_frames_that_a_given_folder_lacks_are_named(job, place, words):
    (job / "empty").mkdir()
    write_sequence_file(job / "v1", "s3://bucket/v3/", "1.jpg", "2.jpg", "3.jpg")
    path = write_manifest(job, manifest_line("v1"))
    with pytest.raises(InputError, match=words) as caught:
        read_manifest(path, frames_dir=job / place)
    assert caught.value.path == str(job / place)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"source-ref": None}, "source-ref is None; expected a path or S3 URI"),
        ({"car-ref": 5}, "car-ref is 5; expected a path or S3 URI"),
        (
            {"track-audit": {"image-size": [0, 9]}},
            "image-size is [0, 9]; expected [width, height]",
        ),
        ({"car-ref-metadata": {"type": TRACKING, "class-map": []}}, "class-map: exp"),
        (
            {"car-ref-metadata": {"type": TRACKING, "class-map": {"0": 1}}},
            "class-map: expected an object of names",
        ),
    ],
)
def test_bad_manifest_lines_are_named(job, change, words):
    path = write_manifest(job, manifest_line("v2"), manifest_line("v1") | change)
    with pytest.raises(InputError) as caught:
        read_manifest(path)
    assert words in str(caught.value)
    assert (caught.value.path, caught.value.line) == (str(path), 2)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", None, "the file is empty"),
        ('{"a": 1}\n{"a', 2, "not JSON"),
        ('{"a": 1}\n\n[]\n', 3, "expected a JSON object"),
        ('{"a": 1}\n<<<<<<< HEAD\n', 2, "merge conflict"),
        ('{"source-ref": "a"}\n', None, "no line has labels"),
        ('{"x-metadata": {"type": "groundtruth/x"}}\n', None, "found groundtruth/x;"),
    ],
)
def test_bad_manifests_are_named(tmp_path, text, line, words):
    path = tmp_path / "output.manifest"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_manifest(path)
    assert words in str(caught.value)
    assert (caught.value.path, caught.value.line) == (str(path), line)


def test_unknown_attribute_is_named(job):
    path = write_manifest(job, manifest_line("v1"))
    with pytest.raises(InputError, match="no line has labels; expected some in 'bus'"):
        read_manifest(path, label_attribute="bus")


def test_undated_labels_must_be_chosen(job):
    line = manifest_line("v1") | manifest_line("v2", "b-ref", **{"creation-date": "?"})
    path = write_manifest(job, line)
    with pytest.raises(InputError, match="creation-date is '\\?'") as caught:
        read_manifest(path)
    assert caught.value.line == 1
    assert set(read_manifest(path, label_attribute="car-ref").table["track"]) == {1}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[]", "not a sequence file"),
        ('{"frames": []}', "prefix is None; expected"),
        ('{"prefix": "a/", "frames": []}', "expected a list of one frame or more"),
        (
            '{"prefix": "a/", "frames": [{"frame-no": 0, "frame": "../1.jpg"}]}',
            "expected an image's file name, in the same folder",
        ),
        (
            '{"prefix": "a/", "number-of-frames": 2, "frames": '
            '[{"frame-no": 0, "frame": "1.jpg"}]}',
            "number-of-frames is 2; expected 1",
        ),
    ],
)
def test_bad_sequence_files_are_named(job, content, words):
    (job / "v1" / "seq.json").write_text(content)
    with pytest.raises(InputError) as caught:
        read_manifest(write_manifest(job, manifest_line("v1")))
    assert words in str(caught.value)
    assert caught.value.path == str(job / "v1" / "seq.json")


def test_labels_of_unknown_frames_are_named(job):
    write_sequence_file(job / "v1", "frames/v1/", "1.jpg")
    with pytest.raises(InputError, match=r"'2\.jpg'; expected a frame of .*2 are not"):
        read_manifest(write_manifest(job, manifest_line("v1")))


def test_reads_a_job_in_s3_and_downloads_its_frames(job, s3, tmp_path):
    write_sequence_file(
        job / "v1", f"s3://{BUCKET}/video/v1/", "1.jpg", "2.jpg", "3.jpg"
    )
    manifest = write_manifest(job, manifest_line(f"s3://{BUCKET}/out"))
    uploads = {
        "out/output.manifest": manifest,
        "out/seq.json": job / "v1" / "seq.json",
        "out/SeqLabel.json": job / "v1" / "SeqLabel.json",
    } | {f"video/v1/{i}.jpg": job / "frames" / "v1" / f"{i}.jpg" for i in (1, 2, 3)}
    for key, file in uploads.items():
        s3.upload_file(str(file), BUCKET, key)
    uri = f"s3://{BUCKET}/out/output.manifest"
    labels_only = read_manifest(uri)
    assert labels_only.sequences["v1"].frames_dir is None
    assert labels_only.sequences["v1"].frames_uri == f"s3://{BUCKET}/video/v1/"
    assert len(labels_only.table) == 2
    cache = tmp_path / "cache"
    sequence = read_manifest(uri, cache_dir=cache, progress=False).sequences["v1"]
    assert sequence.frames_dir == cache / BUCKET / "video" / "v1"
    assert (sequence.width, sequence.height) == (64, 48)
    s3.delete_object(Bucket=BUCKET, Key="video/v1/2.jpg")
    with pytest.raises(InputError) as caught:
        read_manifest(uri, cache_dir=tmp_path / "other", progress=False)
    assert caught.value.path == f"s3://{BUCKET}/video/v1/2.jpg"


def test_the_worker_is_read_from_s3(job, s3):
    labels = write_job_labels(job, 0)
    write_answer(job, 0, "2022-11-14_03:04:13.json", "private.eu.a")
    uri = f"s3://{BUCKET}/job/{labels}"
    s3.upload_file(str(job / labels), BUCKET, f"job/{labels}")
    assert "assignee" not in read_seq_label(uri).table
    for path in job.glob("annotations/worker-response/**/*.json"):
        s3.upload_file(str(path), BUCKET, f"job/{path.relative_to(job).as_posix()}")
    assert set(read_seq_label(uri).table["assignee"]) == {"private.eu.a"}


def test_frames_in_s3_come_into_the_cache_when_they_are_needed(
    job, s3, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("v1", "v2"):
        prefix = f"s3://{BUCKET}/needed/{name}/"
        write_sequence_file(job / name, prefix, "1.jpg", "2.jpg", "3.jpg")
        for file in (job / "frames" / name).iterdir():
            s3.upload_file(str(file), BUCKET, f"needed/{name}/{file.name}")
    manifest = write_manifest(job, manifest_line("v1"), manifest_line("v2"))
    one, two = Source(s3_frames=True).read(str(manifest)).sequences.values()
    assert list_decoded(default_frames_dir()) == []
    check_frames(replace(one, frame_names=("2.jpg",)))
    assert [file.name for file in one.frames_dir.iterdir()] == ["2.jpg"]
    content = (job / "frames/v1/2.jpg").read_bytes()
    assert (one.frames_dir / "2.jpg").read_bytes() == content
    # Those of another sequence make room
    monkeypatch.setenv("TRACK_AUDIT_CACHE_SIZE", "1")
    check_frames(two)
    kept = {entry.path for entry in list_decoded(default_frames_dir())}
    assert kept == {two.frames_dir / name for name in two.frame_names}
    with pytest.raises(InputError, match="S3 answers"):
        check_frames(replace(one, frame_names=("4.jpg",)))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("access denied", "S3 answers AccessDenied"),
        ("half", "S3 fails with "),
        ("throttling", None),
        ("cut", None),
        ("slow", None),
        ("silent", None),
    ],
)
def test_s3_that_fails_midway_leaves_whole_frames(
    job, s3, aws, tmp_path, monkeypatch, fault, message
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    prefix = f"s3://{BUCKET}/midway/v1/"
    write_sequence_file(job / "v1", prefix, "1.jpg", "2.jpg", "3.jpg")
    files = {path.name: path.read_bytes() for path in (job / "frames/v1").iterdir()}
    for name, content in files.items():
        s3.put_object(Bucket=BUCKET, Key=f"midway/v1/{name}", Body=content)
    manifest = write_manifest(job, manifest_line("v1"))
    (sequence,) = Source(s3_frames=True).read(str(manifest)).sequences.values()
    if fault == "silent":
        # A minute by default
        monkeypatch.setitem(Config.OPTION_DEFAULTS, "read_timeout", 0.5)
    # Botocore tries again by itself; where access is denied, so does the package
    aws.fail("GetObject", fault, times=9 if message else 2, after=1)
    if message:
        with pytest.raises(InputError, match=f"^{prefix}.*{message}"):
            check_frames(sequence)
        aws.faults.orders.clear()
    check_frames(sequence)
    there = {path.name: path.read_bytes() for path in sequence.frames_dir.iterdir()}
    assert there == files


def test_labels_without_frames_in_s3_say_so(job):
    tracks = read_manifest(write_manifest(job, manifest_line("v1")))
    with pytest.raises(InputError, match="name none in S3"):
        with_frames_in_s3(tracks)


def test_frames_of_a_prefix_with_dots_are_not_downloaded(job, tmp_path):
    write_sequence_file(job / "v1", "s3://bucket/../x/", "1.jpg", "2.jpg", "3.jpg")
    path = write_manifest(job, manifest_line("v1"))
    with pytest.raises(InputError, match="expected plain folders"):
        read_manifest(path, cache_dir=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


NUMBERS = st.one_of(st.integers(-(10**4), 10**4), st.floats(-1e4, 1e4))
SIZES = st.one_of(st.integers(1, 10**4), st.floats(0.01, 1e4))
INTEGERS = st.integers(-(2**63), 2**63 - 1)
VALUES = st.one_of(st.text(max_size=5), INTEGERS, st.booleans())


@st.composite
def labeled_frames(draw) -> list[list[dict[str, Any]]]:
    """Boxes per frame, each object once in a frame and named alike."""
    objects = draw(st.lists(st.integers(0, 99), max_size=4, unique=True))
    box = st.fixed_dictionaries(
        {"left": NUMBERS, "top": NUMBERS, "width": SIZES, "height": SIZES},
        optional={
            "label-category-attributes": st.dictionaries(
                st.sampled_from(["Color", "Size", "track"]), VALUES
            )
        },
    )
    return [
        [
            {
                **draw(box),
                "class-id": "0",
                "object-id": f"id-{number}",
                "object-name": f"Car:{number}",
            }
            for number in objects
            if draw(st.booleans())
        ]
        for _ in range(draw(st.integers(1, 5)))
    ]


@settings(deadline=None, derandomize=True, max_examples=50)
@given(frames=labeled_frames())
def test_what_was_written_is_read(frames, tmp_path_factory):
    entries = [frame(i, f"{i}.jpg", *boxes) for i, boxes in enumerate(frames)]
    path = write_labels(tmp_path_factory.mktemp("labels"), *entries)
    table = read_seq_label(path).table
    key = "label-category-attributes"
    for name in ("Color", "Size", "track_attribute"):
        if name not in table:
            table[name] = None
    names = ["track", "frame", "left", "top", "width", "height", "label", "object_id"]
    names += ["Color", "Size", "track_attribute"]
    found = [tuple(row) for row in table[names].astype(object).to_numpy()]
    expected = sorted(
        (
            (
                int(box["object-name"].split(":")[1]),
                position + 1,
                *(box[k] for k in ("left", "top", "width", "height")),
                "Car",
                box["object-id"],
                *(box.get(key, {}).get(k) for k in ("Color", "Size", "track")),
            )
            for position, boxes in enumerate(frames)
            for box in boxes
        ),
        key=lambda row: row[:2],
    )
    assert found == expected


def test_real_labels(real_data):
    path = real_data / "groundtruth" / "MOT20-01-SeqLabel.json"
    tracks = read_seq_label(path, real_data / "MOT20/train/MOT20-01/img1")
    sequence = tracks.sequences["MOT20-01"]
    assert len(sequence.frame_names) == 32
    assert len(tracks.table) == 84
    assert sorted(set(tracks.table["track"])) == [1, 2, 3, 4]
    assert set(tracks.table["label"]) == {"Pedestrian"}
    assert sequence.frame_rate == 12.5
    assert (sequence.width, sequence.height) == (1920, 1080)
    assert sequence.frames_dir is not None
    with Image.open(sequence.frames_dir / sequence.frame_names[0]) as image:
        assert image.size == (960, 540)
    second = tracks.table[tracks.table["track"] == 2].set_index("frame")["height"]
    assert second[[24, 25, 26, 27]].tolist() == [226, 175, 175, 230]
