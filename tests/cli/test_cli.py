# SPDX-License-Identifier: Apache-2.0
import csv
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fiftyone_track_audit import __version__
from fiftyone_track_audit.plugin.audit import summary
from fiftyone_track_audit.plugin.cli import main
from fiftyone_track_audit.plugin.cli.commands import app, check_values, give_back
from fiftyone_track_audit.plugin.cli.tables import to_csv
from labeling_jobs import BUCKET
from PIL import Image

COMMAND = [sys.executable, "-m", "fiftyone_track_audit.plugin.cli"]

DETECTIONS_HEADER = (
    "sequence,frame,frame_name,track,label,left,top,width,height,"
    "size_change,size_outlier,size_limit,iou_prev,iou_next,iou_outlier,iou_limit,"
    "aspect_change,motion_residual,jitter,occlusion,perspective,"
    "left_deviation,top_deviation,width_deviation,height_deviation,"
    "outlier_score,outlier_reasons"
)
ISSUES_HEADER = (
    "sequence,kind,track,other_track,first_frame,last_frame,score,reason,suggestion,"
    "size_limit,iou_limit,peak_frame,"
    "expected_left,expected_top,expected_width,expected_height,left,top,width,height"
)

SEQINFO = """[Sequence]
name={name}
imDir=img1
frameRate=25
seqLength={length}
imWidth=1920
imHeight=1080
imExt=.jpg
"""

Box = tuple[int, int, int, int]
Boxes = dict[tuple[str, int], Box]

#: Boxes by object and 0-based frame: Person:1 is too short at 6, Person:2 is
#: away at 5, Car:3 comes for one frame.
LENGTH = 12
BOXES: Boxes = {
    **{("Person:1", i): (100 + 3 * i, 200, 50, 120) for i in range(LENGTH)},
    ("Person:1", 6): (118, 200, 50, 70),
    **{("Person:2", i): (700, 300, 40, 100) for i in range(LENGTH) if i != 5},
    ("Car:3", 4): (900, 500, 80, 60),
}


def size_change(boxes: Boxes, name: str, frame: int) -> tuple[float, float] | None:
    """The change in square pixels and relative, None where there is none."""
    if (name, frame) not in boxes or (name, frame - 1) not in boxes:
        return None
    (_, _, w, h), (_, _, v, g) = boxes[name, frame], boxes[name, frame - 1]
    return w * h - v * g, (w * h - v * g) / (v * g)


def iou(boxes: Boxes, name: str, frame: int, other: int) -> float | None:
    if (name, frame) not in boxes or (name, other) not in boxes:
        return None
    (a, b, w, h), (c, d, v, g) = boxes[name, frame], boxes[name, other]
    across = max(0, min(a + w, c + v) - max(a, c))
    down = max(0, min(b + h, d + g) - max(b, d))
    return across * down / (w * h + v * g - across * down)


def save_mot(folder: Path, boxes: Boxes = BOXES, name: str = "walk") -> Path:
    rows = [
        f"{frame + 1},{object_name.rpartition(':')[2]},"
        f"{left + 1},{top + 1},{width},{height},1,1,1\n"
        for (object_name, frame), (left, top, width, height) in boxes.items()
    ]
    (folder / "gt").mkdir(parents=True)
    (folder / "gt/gt.txt").write_text("".join(sorted(rows)))
    (folder / "seqinfo.ini").write_text(SEQINFO.format(name=name, length=LENGTH))
    return folder


def seq_label(boxes: Boxes = BOXES, length: int = LENGTH) -> dict:
    def annotation(name: str, box: Box) -> dict:
        left, top, width, height = box
        return {
            "left": left,
            "top": top,
            "width": width,
            "height": height,
            "class-id": "0",
            "object-id": f"id of {name}",
            "object-name": name,
        }

    frames = [
        {
            "frame-no": str(frame),
            "frame": f"{2 * frame + 1:06d}.jpg",
            "annotations": [
                annotation(name, box) for (name, i), box in boxes.items() if i == frame
            ],
        }
        for frame in range(length)
    ]
    return {"tracking-annotations": frames}


def save_json(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def run_command(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_scores_every_detection(tmp_path):
    output = tmp_path / "detections.csv"
    assert main(["score", str(save_mot(tmp_path / "x")), "--output", str(output)]) == 0
    assert output.read_text().splitlines()[0] == DETECTIONS_HEADER
    rows = read_rows(output)
    order = sorted(BOXES, key=lambda key: (key[0].rpartition(":")[2], key[1]))
    assert len(rows) == len(order)
    for row, (name, frame) in zip(rows, order, strict=True):
        assert row["sequence"] == "walk"
        assert row["frame"] == str(frame + 1)
        assert row["frame_name"] == f"{frame + 1:06d}.jpg"
        assert row["track"] == name.rpartition(":")[2]
        assert row["label"] == "pedestrian"
        box = tuple(float(row[key]) for key in ("left", "top", "width", "height"))
        assert box == BOXES[name, frame]
        change = size_change(BOXES, name, frame)
        expected = {
            "size_change": change and change[1],
            "iou_prev": iou(BOXES, name, frame, frame - 1),
            "iou_next": iou(BOXES, name, frame, frame + 1),
        }
        for column, value in expected.items():
            cell = float(row[column]) if row[column] else None
            assert cell == (None if value is None else pytest.approx(value, abs=1e-6))
        wrong = (name, frame) == ("Person:1", 6)
        assert ("size_change" in row["outlier_reasons"]) is wrong
        alone = name == "Car:3"
        assert row["size_outlier"] == ("" if alone else str(wrong).lower())
        assert (row["outlier_score"] == "") is alone


def test_lists_issues_and_prints_a_summary(tmp_path, capsys):
    issues = tmp_path / "issues.csv"
    assert main(["score", str(save_mot(tmp_path / "x")), "--issues", str(issues)]) == 0
    lines = issues.read_text().splitlines()
    assert lines[0] == ISSUES_HEADER
    gap, row = sorted(read_rows(issues), key=lambda row: row["kind"])
    assert (gap["kind"], gap["track"]) == ("gap", "2")
    assert (gap["first_frame"], gap["last_frame"]) == ("5", "7")
    assert gap["suggestion"] == "Add 1 box between 000005.jpg and 000007.jpg"
    assert row["sequence"] == "walk"
    assert row["kind"] == "size_change"
    assert (row["track"], row["other_track"]) == ("1", "")
    assert (row["first_frame"], row["last_frame"]) == ("7", "7")
    assert 0.5 < float(row["score"]) < 1
    assert "000007.jpg" in row["reason"]
    header, values = capsys.readouterr().out.splitlines()
    counts = dict(zip(header.split(), values.split(), strict=True))
    assert counts == {
        "sequence": "walk",
        "frames": "12",
        "tracks": "3",
        "detections": "24",
        "outliers": "3",
        "issues": "2",
    }


def save_detections(path: Path, *others: Box, confidence: str = "0.9") -> Path:
    """The labeled boxes as a detector sees them, and others in every frame."""
    boxes = [(frame, box) for (_, frame), box in BOXES.items()]
    boxes += [(frame, box) for box in others for frame in range(LENGTH)]
    lines = [
        f"{frame + 1},-1,{left + 1},{top + 1},{width},{height},{confidence}"
        for frame, (left, top, width, height) in boxes
    ]
    path.write_text("\n".join(lines))
    return path


def test_predictions_show_what_nobody_labeled(tmp_path):
    issues = tmp_path / "issues.csv"
    found = save_detections(tmp_path / "found.txt", (1200, 400, 45, 110))
    labels = save_mot(tmp_path / "x")
    command = ["score", labels, "--predictions", found, "--issues", issues]
    assert main(list(map(str, command))) == 0
    (row,) = (row for row in read_rows(issues) if row["kind"] == "overlooked")
    assert (row["track"], row["first_frame"], row["last_frame"]) == ("", "1", "12")
    box = [float(row[side]) for side in ("left", "top", "width", "height")]
    assert box == [1200, 400, 45, 110]


def test_predictions_need_confidences(tmp_path, capsys):
    found = save_detections(tmp_path / "found.txt", confidence="1")
    labels = save_mot(tmp_path / "x")
    assert main(["score", str(labels), "--predictions", str(found)]) == 2
    assert "expected those of a detector" in capsys.readouterr().err


def test_plans_what_to_review(tmp_path, capsys):
    folder, output = save_mot(tmp_path / "x"), tmp_path / "plan.csv"
    arguments = ["plan-review", str(folder), "--output", str(output)]
    assert main([*arguments, "--budget", "6"]) == 0
    # One frame shows both issues: the short box, and the end of the gap
    assert capsys.readouterr().out.startswith("3 frames, ")
    rows = read_rows(output)
    assert list(rows[0]) == ["sequence", "frame", "frame_name", "role", "expected"]
    assert [(row["frame"], row["role"]) for row in rows] == [
        ("6", "context"),
        ("7", "review"),
        ("8", "context"),
    ]
    assert main([*arguments, "--minutes", "0.5", "--context", "0"]) == 0
    assert 1 <= len(read_rows(output)) <= 6


@pytest.mark.parametrize(
    ("budget", "text"),
    [
        (["--budget", "2"], "budget of 3 frames"),
        (["--budget", "5", "--context", "-1"], "0 or more"),
        (["--budget", "many"], "integer for --budget, not 'many'"),
        (["--budget", "5.0"], "integer for --budget, not '5.0'"),
        (["--budget", ""], "value for --budget"),
        (["--minutes", "nan"], "minutes above 0, not nan"),
        (["--minutes", "inf"], "minutes above 0, not inf"),
        (["--minutes", "-1"], "minutes above 0, not -1"),
        (
            ["--minutes", "1", "--budget", "9"],
            "--budget, --minutes: expected one of them",
        ),
        ([], "--budget, --minutes: expected one of them"),
    ],
)
def test_plans_nothing_for_a_wrong_budget(tmp_path, capsys, budget, text):
    folder, output = save_mot(tmp_path / "x"), tmp_path / "plan.csv"
    plan = ["plan-review", str(folder), "--output", str(output)]
    assert main([*plan, *budget]) == 2
    *_, line = capsys.readouterr().err.splitlines(keepends=True)
    check_error_line(line, [text])
    assert not output.exists()


def test_thresholds_decide(tmp_path):
    folder, output = save_mot(tmp_path / "x"), tmp_path / "detections.csv"

    def outliers(*options: str) -> list[int]:
        assert main(["score", str(folder), "--output", str(output), *options]) == 0
        found = pd.read_csv(output)[["size_outlier", "iou_outlier"]]
        return found.eq(True).sum().tolist()

    # At 6 the area falls to 7/12, and so does the IoU with either side.
    assert outliers() == [1, 0]
    assert outliers("--size-thresh", "0.9", "--iou-thresh", "0.2") == [0, 0]
    assert outliers("--iou-thresh", "0.6") == [1, 1]


def test_writes_no_file_unasked(tmp_path, monkeypatch):
    folder = save_mot(tmp_path / "x")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    assert main(["score", str(folder)]) == 0
    assert list(Path.cwd().iterdir()) == []


def test_replaces_earlier_results(tmp_path):
    folder, output = save_mot(tmp_path / "x"), tmp_path / "detections.csv"
    output.write_text("old")
    assert main(["score", str(folder), "--output", str(output)]) == 0
    assert output.read_text().startswith(DETECTIONS_HEADER)
    assert {path.name for path in tmp_path.iterdir()} == {"x", "detections.csv"}


@pytest.fixture
def label_files(tmp_path) -> dict[str, Path]:
    """The same boxes in each format."""
    save_json(tmp_path / "SeqLabel.json", seq_label())
    frames = [
        {"frame-no": i, "frame": frame["frame"]}
        for i, frame in enumerate(seq_label()["tracking-annotations"])
    ]
    sequence_file = {"prefix": "s3://b/walk/", "frames": frames}
    save_json(tmp_path / "seq.json", sequence_file)
    line = {
        "source-ref": "seq.json",
        "walk-ref": "SeqLabel.json",
        "walk-ref-metadata": {
            "class-map": {"0": "Person"},
            "type": "groundtruth/video-object-tracking",
            "creation-date": "2022-11-14T03:04:13.533000",
        },
    }
    (tmp_path / "output.manifest").write_text(json.dumps(line) + "\n")
    sequence = save_mot(tmp_path / "mot/walk")
    return {
        "sequence": sequence,
        "folder": tmp_path / "mot",
        "gt": sequence / "gt/gt.txt",
        "label": tmp_path / "SeqLabel.json",
        "manifest": tmp_path / "output.manifest",
    }


@pytest.mark.parametrize("kind", ["sequence", "folder", "gt", "label", "manifest"])
def test_all_formats_give_the_same_scores(label_files, tmp_path, kind):
    output = tmp_path / "detections.csv"
    assert main(["score", str(label_files[kind]), "--output", str(output)]) == 0
    rows = read_rows(output)
    assert len(rows) == len(BOXES)
    flagged = [(r["track"], r["frame"]) for r in rows if r["outlier_reasons"]]
    # Beside the short box, those before and after the missing one
    assert flagged == [("1", "7"), ("2", "5"), ("2", "7")]


def test_the_labels_of_a_manifest_are_chosen_by_their_attribute(
    label_files, tmp_path, capsys
):
    path = label_files["manifest"]
    line = json.loads(path.read_text())
    box = {("Person:8", frame): (10, 10, 20, 20) for frame in range(LENGTH)}
    save_json(tmp_path / "Newer.json", seq_label(box))
    later = line["walk-ref-metadata"] | {"creation-date": "2023-01-01T00:00:00.000000"}
    newer = {"audit-ref": "Newer.json", "audit-ref-metadata": later}
    path.write_text(json.dumps(line | newer) + "\n")
    output = tmp_path / "detections.csv"
    found = {}
    for name in ("walk-ref", "audit-ref"):
        chosen = ["--label-attribute", name, "--output", str(output)]
        assert main(["score", str(path), *chosen]) == 0
        assert "is newer than" not in capsys.readouterr().err
        found[name] = {row["track"] for row in read_rows(output)}
    assert found == {"walk-ref": {"1", "2", "3"}, "audit-ref": {"8"}}
    for file, words in (
        (path, "expected some in 'b-ref'"),
        (label_files["gt"], "MOT Challenge has no label attributes"),
    ):
        assert main(["score", str(file), "--label-attribute", "b-ref"]) == 2
        assert words in capsys.readouterr().err


def test_a_folder_of_sequences_has_a_row_for_each(tmp_path, capsys):
    for name in ("run", "walk"):
        save_mot(tmp_path / "x" / name, name=name)
    output = tmp_path / "detections.csv"
    assert main(["score", str(tmp_path / "x"), "--output", str(output)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["sequence", "run", "walk"]
    sequences = [row["sequence"] for row in read_rows(output)]
    assert sequences == ["run"] * len(BOXES) + ["walk"] * len(BOXES)


@pytest.mark.parametrize("name", ['Person, "old":1', "Person\nold:1"])
def test_text_that_needs_quotes_has_them(tmp_path, name):
    boxes = {(name, frame): (10, 10, 20, 20) for frame in range(LENGTH)}
    labels = save_json(tmp_path / "a.json", seq_label(boxes))
    output = tmp_path / "detections.csv"
    assert main(["score", str(labels), "--output", str(output)]) == 0
    rows = read_rows(output)
    assert {row["label"] for row in rows} == {name.removesuffix(":1")}
    assert {row["outlier_reasons"] for row in rows} == {""}


def test_columns_with_empty_chunks_are_written_as_they_are():
    chunks = pa.chunked_array([[], [], ["gap"]], pa.large_string())
    table = pd.DataFrame({"kind": pd.arrays.ArrowExtensionArray(chunks)})
    assert to_csv(table) == b"kind\ngap\n"


def test_labels_without_boxes_pass(tmp_path, capsys):
    labels = save_json(tmp_path / "a.json", seq_label({}))
    output, report = tmp_path / "detections.csv", tmp_path / "report.json"
    assert main(["score", str(labels), "--output", str(output)]) == 0
    assert output.read_text() == f"{DETECTIONS_HEADER}\n"
    assert capsys.readouterr().out.split()[6:] == ["a", "12", "0", "0", "0", "0"]
    paths = ["--lab-path", str(labels), "--save-path", str(report)]
    assert main(["run-quality-check", *paths]) == 0
    assert json.loads(report.read_text()) == {"problem_frames": []}


def test_notes_go_to_stderr(tmp_path, capsys):
    boxes = {("Person:1", frame): (-5, 10, 20, 20) for frame in range(LENGTH)}
    assert main(["score", str(save_mot(tmp_path / "x", boxes))]) == 0
    captured = capsys.readouterr()
    understood, note = captured.err.splitlines()
    assert understood == (
        "track-audit: MOT Challenge: walk, 12 frames, 12 boxes of 1 track "
        "(pedestrian 12), 1920x1080 (seqinfo.ini), 25 fps (seqinfo.ini)"
    )
    assert note.startswith("track-audit: note: walk: 12 of 12 boxes")
    assert "note" not in captured.out


def test_broken_rows_are_listed_as_issues(tmp_path, capsys):
    folder, issues = save_mot(tmp_path / "x"), tmp_path / "issues.csv"
    rows = (folder / "gt/gt.txt").read_text().splitlines()
    (folder / "gt/gt.txt").write_text("\n".join([*rows, rows[0], "3,77,no number"]))
    assert main(["score", str(folder), "--issues", str(issues)]) == 0
    assert "rows cannot be used and are set aside" in capsys.readouterr().err
    listed = list(csv.DictReader(issues.open()))
    found = [issue for issue in listed if issue["kind"] == "invalid"]
    places = [(issue["track"], issue["first_frame"]) for issue in found]
    again, no_row = rows[0].split(","), len(rows) + 2
    assert places == [(again[1], again[0]), ("77", "3")]
    assert found[1]["reason"].startswith(f"gt.txt, line {no_row}: 3 columns; expected")
    assert main(["score", str(folder), "--strict"]) == 2
    check_error_line(capsys.readouterr().err, [f"line {no_row - 1}"])


@pytest.mark.parametrize(
    ("size", "iou_thresh"),
    [("--size-thresh", "--iou-thresh"), ("--size_thresh", "--iou_thresh")],
)
def test_quality_report_holds_the_signals(tmp_path, size, iou_thresh):
    labels = save_json(tmp_path / "SeqLabel.json", seq_label())
    report_path = tmp_path / "quality.json"
    places = ["--lab_path", str(labels), "--save_path", str(report_path)]
    limits = [size, "0.25", iou_thresh, "0.4"]
    assert main(["run-quality-check", *places, *limits]) == 0
    report = json.loads(report_path.read_text())
    assert list(report) == ["Person:1", "Person:2", "Car:3", "problem_frames"]
    assert report.pop("problem_frames") == [6]
    assert report["Person:1"]["size_problem_frames"] == [6]
    for name, found in report.items():
        changes = [size_change(BOXES, name, frame) for frame in range(LENGTH)]
        ious = [iou(BOXES, name, frame, frame - 1) for frame in range(LENGTH)]
        assert found["size_diff"] == [change and change[0] for change in changes]
        expected = [change and pytest.approx(change[1]) for change in changes]
        assert found["norm_size_diff"] == expected
        expected = [value and pytest.approx(value) for value in ious]
        assert found["iou"] == expected
        assert found["iou_problem_frames"] == []


def test_quality_check_at_the_image_border(tmp_path):
    # The person leaves the image of 640 pixels: only its visible part is drawn.
    widths = [50] * 6 + [40, 25, 10]
    boxes = {("P:1", i): (640 - w, 10, w, 90) for i, w in enumerate(widths)}
    labels = save_json(tmp_path / "SeqLabel.json", seq_label(boxes, len(widths)))
    frames = tmp_path / "frames"
    frames.mkdir()
    for frame in seq_label(boxes, len(widths))["tracking-annotations"]:
        Image.new("RGB", (640, 480)).save(frames / frame["frame"])
    found = []
    for imgs in ([], ["--imgs", str(frames)]):
        paths = ["--lab-path", str(labels), "--save-path", str(tmp_path / "q.json")]
        assert main(["run-quality-check", *paths, *imgs]) == 0
        found.append(json.loads((tmp_path / "q.json").read_text())["problem_frames"])
    assert found[0]
    assert found[1] == []


def test_quality_check_in_s3(s3, capsys):
    s3.put_object(Bucket=BUCKET, Key="in/SeqLabel.json", Body=json.dumps(seq_label()))
    paths = ["--lab-path", "in/SeqLabel.json", "--save-path", "out/quality.json"]
    assert main(["run-quality-check", "--bucket", BUCKET, *paths]) == 0
    body = s3.get_object(Bucket=BUCKET, Key="out/quality.json")["Body"].read()
    assert json.loads(body)["problem_frames"] == [6]
    assert capsys.readouterr().out == (
        "problem frames: 6\nsaved to s3://sagemaker-tracks/out/quality.json\n"
    )


def test_scores_labels_in_s3(s3, capsys):
    s3.put_object(Bucket=BUCKET, Key="a/SeqLabel.json", Body=json.dumps(seq_label()))
    assert main(["score", f"s3://{BUCKET}/a/SeqLabel.json"]) == 0
    assert "SeqLabel      12       3          24         3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("bucket", "key", "words"),
    [
        (BUCKET, "no.json", [f"s3://{BUCKET}/no.json", "NoSuchKey"]),
        ("no-such-bucket", "a.json", ["s3://no-such-bucket/a.json", "NoSuchBucket"]),
        ("Bad_Bucket!", "a.json", ["s3://Bad_Bucket!/a.json", "ParamValidation"]),
    ],
)
def test_what_s3_lacks_is_named(s3, capsys, bucket, key, words):
    paths = ["--lab-path", key, "--save-path", "never.json"]
    assert main(["run-quality-check", "--bucket", bucket, *paths]) == 2
    check_error_line(capsys.readouterr().err, words)
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix="never")


def test_refused_upload_is_named(s3, tmp_path, capsys):
    labels = save_json(tmp_path / "SeqLabel.json", seq_label())
    paths = ["--lab-path", str(labels), "--save-path", "s3://no-such-bucket/q.json"]
    assert main(["run-quality-check", *paths]) == 2
    words = ["s3://no-such-bucket/q.json", "NoSuchBucket"]
    check_error_line(capsys.readouterr().err, words)


def read_all(folder: Path) -> dict[Path, bytes | None]:
    paths = sorted(folder.rglob("*"))
    return {path: path.read_bytes() if path.is_file() else None for path in paths}


def check_error_line(text: str, words: list[str]) -> None:
    assert text.startswith("track-audit: error: ")
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert [word for word in words if word not in text] == []


CHECK = ["run-quality-check", "--save-path", "out.json", "--lab-path"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["score", "no/such"], ["no/such", "expected labels"]),
        (["score", "folder"], ["folder", "no labels", "KITTI tracking"]),
        (["score", "lone.txt"], ["lone.txt", "relative to the image"]),
        (["score", "broken", "--strict"], ["broken/gt/gt.txt, line 2", "expected 9"]),
        (["score", "no.json"], ["no.json", "no such file"]),
        (["score", "list.json"], ["list.json", "an unknown format", "SeqLabel.json"]),
        (["score", "detection.json"], ["detection.json", "no box belongs to a track"]),
        (["score", "mot", "--format", "kiti"], ["format 'kiti'", "kitti"]),
        (["score", "mot", "--fps", "0"], ["--fps", "frames per second"]),
        (["score", "bad.json"], ["bad.json, line 1", "not JSON"]),
        (["score", "bad.manifest"], ["bad.manifest, line 1", "not JSON"]),
        (["score", "s3://b/gt.txt"], ["s3://b/gt.txt", "SeqLabel.json"]),
        (["score", "good.json", "--frames", "no"], ["no", "expected a folder"]),
        (["score", "good.json", "--frames", "folder"], ["12 of 12 frames"]),
        (["score", "mot", "--frames", "folder"], ["folder", "no images"]),
        (["score", "mot", "--size-thresh", "0"], ["--size-thresh", "above 0"]),
        (["score", "mot", "--size-thresh", "nan"], ["--size-thresh", "above 0"]),
        (["score", "mot", "--iou-thresh", "1"], ["--iou-thresh", "between 0 and 1"]),
        (["score", "mot", "--output", "no/a.csv"], ["no/a.csv", "no such folder"]),
        (["score", "mot", "--issues", "no/a.csv"], ["no/a.csv", "no such folder"]),
        (["score", "mot", "--output", "folder"], ["folder", "in the way"]),
        (
            ["score", "mot", "--output", "~no-such-user/a.csv"],
            ["home folder of ~no-such-user"],
        ),
        (["score", "mot", "--output", "s3://"], ["s3://", "no bucket"]),
        (["score", "mot", "--issues", "s3://b"], ["s3://b", "no key"]),
        (["score", "mot", "--issues", "loop/a.csv"], ["loop"]),
        (["score", "~no-such-user/x"], ["~no-such-user/x", "home folder"]),
        (["report", "mot", "--output", "folder"], ["folder", "in the way"]),
        (
            ["report", "mot", "--output", "a.html", "--reviews", "list.json"],
            ["list.json", "load --json"],
        ),
        (["report", "mot", "--output", "a.html", "--reviews", "folder"], ["folder"]),
        (["score", "mot", "--output", "mot/gt/gt.txt"], ["gt.txt", "in the way"]),
        (["score", "mot", "--output", "x" * 300], ["File name too long"]),
        (["score", "a.json", "--output", "./a.json"], ["a.json", "named twice"]),
        (
            ["score", "mot", "--output", "a.csv", "--issues", "folder/../a.csv"],
            ["a.csv", "named twice"],
        ),
        ([*CHECK, "no.json"], ["no.json", "No such file"]),
        ([*CHECK, "mot/gt/gt.txt"], ["gt.txt", "not JSON"]),
        ([*CHECK, "out.json"], ["out.json", "named twice"]),
        ([*CHECK, "detection.json"], ["detection.json", "a tracking job"]),
        ([*CHECK, "twins.json"], ["twins.json", "'Person:1'", "unique"]),
        ([*CHECK, "reserved.json"], ["reserved.json", "'problem_frames'"]),
        ([*CHECK, "good.json", "--imgs", "no"], ["no", "expected a folder"]),
        ([*CHECK, "good.json", "--imgs", "loop"], ["loop"]),
        ([*CHECK, "good.json", "--iou_thresh", "-1"], ["between 0 and 1"]),
        (
            [*CHECK, "good.json", "--save-path", "no/out.json"],
            ["no/out.json", "no such folder"],
        ),
    ],
    ids=lambda value: " ".join(value) if value[0] in ("score", CHECK[0]) else "",
)
def test_bad_input_is_one_line_and_writes_nothing(
    tmp_path, monkeypatch, capsys, arguments, words
):
    monkeypatch.chdir(tmp_path)
    save_mot(tmp_path / "mot")
    rows = (save_mot(tmp_path / "broken") / "gt/gt.txt").read_text().split("\n")
    (tmp_path / "broken/gt/gt.txt").write_text(f"{rows[0]}\n1,2\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    save_json(tmp_path / "list.json", [])
    (tmp_path / "lone.txt").write_text("1,1,1,1,1,1,1,1,1\n")
    for name in ("bad.json", "bad.manifest"):
        (tmp_path / name).write_text("{")
    save_json(tmp_path / "good.json", seq_label())
    frames = seq_label()["tracking-annotations"]
    save_json(tmp_path / "detection.json", {"detection-annotations": frames})
    for name, first, second in [
        ("twins.json", "Person:1", "Person:1"),
        ("reserved.json", "Person:1", "problem_frames"),
    ]:
        labels = seq_label({("a", 0): (1, 1, 9, 9), ("b", 0): (5, 5, 9, 9)})
        for box, object_name in zip(
            labels["tracking-annotations"][0]["annotations"],
            (first, second),
            strict=True,
        ):
            box["object-name"] = object_name
        save_json(tmp_path / name, labels)
    before = read_all(tmp_path)
    assert main(arguments) == (4 if "detection.json" in arguments else 2)
    captured = capsys.readouterr()
    check_error_line(captured.err, words)
    assert captured.out == ""
    assert read_all(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["Expected a command", "--help"]),
        (["scored"], ['"scored"', "score"]),
        (["score"], ["LABELS requires an argument"]),
        (["score", "a", "b"], ["Unused", "'b'"]),
        (["score", "a", "--size-thresh", "x"], ["--size-thresh", '"x"']),
        (["score", "a", "--size-thresh", ""], ["--size-thresh", "''"]),
        (["score", ""], ["LABELS", "''"]),
        (["score", "a", "--output="], ["--output", "''"]),
        (["score", "a", "--embeddings=x"], ["--embeddings", '"x"']),
        (["score", "a", "--no-embeddings"], ["--no-embeddings"]),
        (["score", "a", "--suspects"], ["--suspects: expected --embeddings too"]),
        (["report", "a", "--output", "b.html", "--model", "x"], ["--embeddings too"]),
        (
            [
                "run-quality-check",
                "--lab-path",
                "a",
                "--save-path",
                "b",
                "--model",
                "x",
            ],
            ["expected --embed too"],
        ),
        (["report", "a", "--output", "a.html", "--reviews"], ["--reviews"]),
        (["fix", "a", "--output", "-"], ["--output", "'-'"]),
        (["score", "-"], ["LABELS", "'-'"]),
        (["export-mot", "a", "--folder", "-"], ["--folder", "'-'"]),
        (["export", "a", "--context", "1.5"], ["--context", "'1.5'"]),
        (["export", "a", "--task-time-limit", "nan"], ["--task-time-limit", "'nan'"]),
        (["score", "a", "--out", "x"], ["--out"]),
        (["run-quality-check", "--lab-path", "a"], ["--save-path"]),
    ],
)
def test_wrong_usage_is_one_line(capsys, arguments, words):
    assert main(arguments) == 2
    check_error_line(capsys.readouterr().err, words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--version"], [f"track-audit {__version__}\n"]),
        (["--help"], ["score", "run-quality-check", "For example:"]),
        (["score", "--help"], ["--issues", "counted from 0", "For example:"]),
        (["run-quality-check", "--help"], ["--lab_path", "0.5", "frame-no"]),
    ],
)
def test_help_and_version(capsys, arguments, words):
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert [word for word in words if word not in out] == []


COMMANDS = [name for name in app if not name.startswith("-")]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_a_terminal_and_explains_every_option(capsys, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 80
    assert text.startswith(f"Usage: track-audit {command} ")
    names = re.findall(r"(?m)^  (--[a-z-]+)(.*(?:\n {24}.*)*)", text)
    assert names
    for name, rest in names:
        assert re.search(r"(?m)(^|  )[a-zA-Z0-9].* [a-z]", rest), f"{name} has no help"


LISTS = [
    (command, argument.name)
    for command in COMMANDS
    for argument in app[command].assemble_argument_collection()
    if argument.name.startswith("--") and "..." in str(argument.hint)
]


@pytest.mark.parametrize(("command", "option"), LISTS)
def test_a_list_does_not_take_what_follows_it(monkeypatch, command, option):
    monkeypatch.setattr(app, "config", (give_back, check_values))
    arguments = app[command].assemble_argument_collection()
    required = [argument.name for argument in arguments if argument.required]
    names = ["cars", "confirmed"][: sum(name[0] != "-" for name in required)]
    needed = [word for name in required if name[0] == "-" for word in (name, "needed")]
    value = "7" if option == "--tracks" else "one"
    words = [command, *needed, option, value, value, *names]
    _, bound, _ = app.parse_args(words, exit_on_error=False, print_error=False)
    assert [*bound.args] == names


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[audti]\nsize-thresh = 0.3\n", ["track-audit.toml", "'audti'"]),
        ("[all]\nlabel-feild = 'a'\n", ["track-audit.toml", "--label-feild"]),
        ("[all\n", ["track-audit.toml", "TOML"]),
    ],
)
def test_wrong_settings_name_their_file(tmp_path, monkeypatch, capsys, text, words):
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    (tmp_path / "track-audit.toml").write_text(text)
    assert main(["score", "labels.txt"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert [word for word in words if word not in line] == []


def test_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "fiftyone_track_audit", "--version"],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, f"track-audit {__version__}\n")


def test_completion(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["--install-completion", "--shell", "bash"]) == 0
    (script,) = tmp_path.rglob("completions/track-audit")
    assert str(script) in capsys.readouterr().out
    for words, found in [("sc", "score"), ("score --size-t", "--size-thresh")]:
        typed = ["track-audit", *words.split()]
        complete = (
            f"source {script}; COMP_WORDS=({' '.join(typed)}); "
            f"COMP_CWORD={len(typed) - 1}; _track_audit; echo ${{COMPREPLY[@]}}"
        )
        done = subprocess.run(
            ["bash", "-c", complete], capture_output=True, text=True, check=True
        )
        assert found in done.stdout.split()
    asked = f"source {script}; complete -p track-audit"
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True)
    assert done.stdout.split()[:3] == ["complete", "-o", "default"]


def test_bugs_are_not_hidden(tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(summary, "make_summary", fail)
    with pytest.raises(ValueError, match="a bug"):
        main(["score", str(save_mot(tmp_path / "x"))])


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["score", "{labels}"], ["fiftyone", "torch"]),
        (["score", "--help"], ["fiftyone", "torch", "pandas", "boto3"]),
    ],
)
def test_imports_no_more_than_it_needs(tmp_path, arguments, absent):
    labels = save_mot(tmp_path / "x")
    code = (
        "import sys\n"
        "from fiftyone_track_audit.plugin.cli import main\n"
        "main(sys.argv[1:])\n"
        "print('imported:', *sys.modules)\n"
    )
    arguments = [text.format(labels=labels) for text in arguments]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = done.stdout.splitlines()[-1].split()
    assert imported[0] == "imported:"
    assert set(absent) & set(imported) == set()


def test_the_exit_code_is_the_process_own(tmp_path):
    process = run_command("score", tmp_path / "nothing")
    out, err = process.communicate()
    assert process.returncode == 2
    assert out == ""
    check_error_line(err, ["nothing"])


@pytest.mark.parametrize("command", ["score", "--help", "--version"])
def test_a_closed_pipe_is_quiet(tmp_path, command):
    labels, output = save_mot(tmp_path / "x"), tmp_path / "detections.csv"
    arguments = [command, labels, "--output", output] if command == "score" else []
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*COMMAND, *map(str, arguments or [command])],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env={k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"},
    )
    os.close(writer)
    understood = ["track-audit: MOT Challenge"] if arguments else []
    assert [line[:26] for line in done.stderr.splitlines()] == understood
    assert done.returncode == 141
    assert output.exists() is bool(arguments)


def test_ctrl_c_is_one_line(tmp_path):
    labels = tmp_path / "SeqLabel.json"
    os.mkfifo(labels)
    # Whoever runs the tests in the background may have it ignored
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        process = run_command("score", labels)
    finally:
        signal.signal(signal.SIGINT, before)
    # Opens as soon as the command begins to read, which then waits for data.
    with labels.open("w"):
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    assert err == "track-audit: interrupted; run it again to finish\n"


@pytest.mark.parametrize(
    ("limits", "problem_frames"),
    [([], [24, 25, 27]), (["--iou_thresh", "0.4"], [24, 25])],
)
@pytest.mark.parametrize("with_frames", [False, True])
def test_real_labels_are_flagged_where_they_are_wrong(
    real_data, tmp_path, limits, problem_frames, with_frames
):
    labels = real_data / "groundtruth/MOT20-01-SeqLabel.json"
    output = tmp_path / "quality.json"
    imgs = ["--imgs", str(real_data / "MOT20/train/MOT20-01/img1")]
    paths = ["--lab_path", str(labels), "--save_path", str(output)]
    options = limits + (imgs if with_frames else [])
    assert main(["run-quality-check", *paths, *options]) == 0
    report = json.loads(output.read_text())
    assert report["problem_frames"] == problem_frames
    assert report["Pedestrian:2"]["size_problem_frames"] == [24, 25]
    assert report["Pedestrian:1"]["iou_problem_frames"] == problem_frames[2:]
    assert report["Pedestrian:1"]["iou"][27:29] == pytest.approx([0.75, 0.44], abs=0.01)
    assert report["Pedestrian:2"]["norm_size_diff"][24] == pytest.approx(
        -0.226, abs=1e-3
    )


def test_real_labels_are_scored(real_data, tmp_path):
    labels = real_data / "groundtruth/MOT20-01-SeqLabel.json"
    output = tmp_path / "detections.csv"
    assert main(["score", str(labels), "--output", str(output)]) == 0
    rows = read_rows(output)
    assert len(rows) == 84
    flagged = [(r["track"], r["frame"]) for r in rows if r["outlier_reasons"]]
    assert flagged == [("1", "28"), ("2", "25"), ("2", "26")]


def test_real_sequence_joins_its_file(real_data, tmp_path):
    folder = real_data / "MOT20/train/MOT20-01"
    output = tmp_path / "detections.csv"
    assert main(["score", str(folder), "--output", str(output)]) == 0
    scored = pd.read_csv(output)
    names = ["frame", "track", "x", "y", "w", "h", "flag", "class", "visibility"]
    rows = pd.read_csv(folder / "gt/gt.txt", names=names).query("flag == 1")
    joined = scored.merge(rows, on=["frame", "track"], validate="one_to_one")
    assert len(joined) == len(scored) == len(rows) == 19_870
    np.testing.assert_allclose(joined[["left", "top"]] + 1, joined[["x", "y"]])
    np.testing.assert_allclose(joined[["width", "height"]], joined[["w", "h"]])
    assert scored["outlier_score"].dropna().between(0, 1).all()
