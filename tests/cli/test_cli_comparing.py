# SPDX-License-Identifier: Apache-2.0
"""Two files of labels are compared on the command line."""

import csv
import json

import pytest
from fiftyone_track_audit.plugin.cli import main

pytest.importorskip("trackeval")


def save(folder, frames):
    """Write a sequence with two tracks, of which one ends early."""
    rows = [
        f"{frame},{track},{100 * track + 2 * frame},50,40,80,1,1,1\n"
        for track, last in ((1, 20), (2, frames))
        for frame in range(1, last + 1)
    ]
    (folder / "gt").mkdir(parents=True)
    (folder / "gt/gt.txt").write_text("".join(rows))
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname={folder.name}\nimDir=img1\nframeRate=10\nseqLength=20\n"
        "imWidth=640\nimHeight=480\nimExt=.jpg\n"
    )
    return str(folder)


@pytest.fixture
def both(tmp_path):
    return save(tmp_path / "anna", 20), save(tmp_path / "ben", 15)


def test_compares_two_files(both, tmp_path, capsys):
    output, issues = tmp_path / "measures.csv", tmp_path / "issues.csv"
    files = ["--output", str(output), "--issues", str(issues)]
    assert main(["compare", *both, *files]) == 0
    printed = capsys.readouterr().out
    assert "HOTA" in printed
    assert "1 unsupported" in printed
    with output.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == ["pedestrian", "", "pedestrian", ""]
    assert float(rows[-1]["MOTA"]) == pytest.approx(1 - 5 / 35, abs=1e-6)
    with issues.open(newline="") as file:
        (issue,) = csv.DictReader(file)
    assert (issue["kind"], issue["track"], issue["first_frame"]) == (
        "unsupported",
        "2",
        "16",
    )


def test_prints_json(both, capsys):
    assert main(["compare", *both[::-1], "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["measures"][-1]["boxes"] == 35
    (issue,) = content["issues"]
    assert (issue["kind"], issue["track"], issue["width"]) == ("overlooked", None, 40)


def test_equal_labels_have_no_disagreements(both, capsys):
    assert main(["compare", both[0], both[0]]) == 0
    assert "no disagreements" in capsys.readouterr().out


def test_other_images_are_refused(both, tmp_path, capsys):
    other = tmp_path / "ben/seqinfo.ini"
    other.write_text(other.read_text().replace("640", "320"))
    assert main(["compare", *both]) == 2
    assert "640x480 pixels in one set" in capsys.readouterr().err
