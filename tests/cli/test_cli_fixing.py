# SPDX-License-Identifier: Apache-2.0
"""``track-audit fix`` on label files."""

import json
from xml.etree.ElementTree import parse

import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.importers.formats import read_labels
from fiftyone_track_audit.importers.mot import read_mot
from fiftyone_track_audit.importers.tracks import BOX
from fiftyone_track_audit.plugin.cli import main

LENGTH = 60
SEQINFO = (
    "[Sequence]\nname={}\nimDir=img1\nframeRate=25\nseqLength=60\n"
    "imWidth=1920\nimHeight=1080\nimExt=.jpg\n"
)


def rows(track, frames=range(1, LENGTH + 1), top=200, considered=1):
    return [
        [frame, track, 300 + 3 * frame, top, 50, 120, considered, 1, 0.5]
        for frame in frames
    ]


def save(folder, name="walk"):
    """Two people: one with a gap, one with a shifted box; an ignored one."""
    gt = [
        *rows(1, [frame for frame in range(1, LENGTH + 1) if frame not in (30, 31)]),
        *rows(2, top=600),
        *rows(9, [5, 6, 7], top=900, considered=0),
    ]
    shifted = next(row for row in gt if row[:2] == [20, 2])
    shifted[2] += 25
    (folder / name / "gt").mkdir(parents=True)
    text = "".join(",".join(map(str, row)) + "\n" for row in gt)
    (folder / name / "gt/gt.txt").write_text(text)
    (folder / name / "seqinfo.ini").write_text(SEQINFO.format(name))
    return folder / name


def boxes(path, track):
    table = read_mot(path, include_ignored=True).table
    return table[table["track"] == track].set_index("frame")[BOX]


def right(track, top):
    frames = np.arange(1, LENGTH + 1)
    box = {"left": 299.0 + 3 * frames, "top": top - 1.0, "width": 50.0, "height": 120.0}
    return pd.DataFrame(box, index=frames)


def fix(*arguments):
    assert main(["fix", *map(str, arguments)]) == 0


def test_writes_corrected_labels_and_a_log_and_leaves_the_input(tmp_path, capsys):
    source = save(tmp_path)
    before = (source / "gt/gt.txt").read_bytes()
    fix(source, "--min-score", 0.5, "--output", tmp_path / "fixed")
    assert "2 boxes" not in capsys.readouterr().err
    assert (source / "gt/gt.txt").read_bytes() == before
    fixed = tmp_path / "fixed/walk"
    for track, top in ((1, 200), (2, 600)):
        found = boxes(fixed, track)
        np.testing.assert_allclose(found, right(track, top), atol=0.02)
    assert boxes(fixed, 9).equals(boxes(source, 9))
    log = pd.read_csv(tmp_path / "fixed/fixes.csv")
    gap = log[log["kind"] == "gap"]
    assert gap[["frame", "change", "fix"]].to_numpy().tolist() == [
        [30, "added", "fill"],
        [31, "added", "fill"],
    ]
    assert gap["left"].isna().all()
    moved = log[log["change"] == "moved"]
    assert moved[["frame", "track"]].to_numpy().tolist() == [[20, 2]]
    assert moved["left"].tolist() == [299 + 60 + 25]
    np.testing.assert_allclose(moved["new_left"], [299 + 60], atol=0.02)


def test_fixes_the_kinds_and_scores_that_are_asked_for(tmp_path, capsys):
    source = save(tmp_path)
    fix(source, "--kinds", "gap,ghost", "--min-score", 0.5, "--output",
        tmp_path / "one", "--json")  # fmt: skip
    told = json.loads(capsys.readouterr().out)
    assert told["kinds"] == {"gap": 1}
    assert told["fixed"] == 1
    assert told["boxes"]["added"] == 2
    assert told["boxes"]["moved"] == 0
    fix(source, "--kinds", "gap", "ghost", "--min-score", 1, "--output",
        tmp_path / "none", "--json")  # fmt: skip
    assert json.loads(capsys.readouterr().out)["fixed"] == 0
    same = pd.testing.assert_frame_equal
    same(read_mot(tmp_path / "none").table, read_mot(source).table)


def test_fixes_a_folder_of_sequences(tmp_path):
    for name in ("one", "two"):
        save(tmp_path / "all", name)
    fix(tmp_path / "all", "--min-score", 0.5, "--output", tmp_path / "fixed")
    assert list(read_mot(tmp_path / "fixed").sequences) == ["one", "two"]
    assert len(boxes(tmp_path / "fixed/two", 1)) == LENGTH


def test_a_box_is_not_added_where_an_ignored_one_of_its_track_is(tmp_path):
    source = save(tmp_path)
    with (source / "gt/gt.txt").open("a") as file:
        file.write("30,1,390,200,50,120,0,1,0.1\n")
    fix(source, "--kinds", "gap", "--min-score", 0.5, "--output", tmp_path / "fixed")
    table = read_mot(tmp_path / "fixed", include_ignored=True).table
    added = table[(table["track"] == 1) & table["frame"].isin([30, 31])]
    assert added["considered"].tolist() == [False, True]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--kinds", "gaps"], ["gaps", "expected size_change, shift"]),
        (["--kinds", "appearance"], ["appearance", "not a kind that can be fixed"]),
        (["--min-score", "2"], ["2.0", "from 0 to 1"]),
        (["--output", "walk"], ["walk", "expected a new folder"]),
    ],
)
def test_bad_input_is_one_line(tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    save(tmp_path)
    if "--output" not in arguments:
        arguments = [*arguments, "--output", "fixed"]
    assert main(["fix", "walk", *arguments]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert [word for word in words if word not in told] == []
    assert not (tmp_path / "fixed").exists()


def save_cvat(path):
    """A task that begins with frame 100 and has every second frame of its video."""
    tracks = ""
    for track, top in ((0, 200), (1, 600)):
        boxes = ""
        for row in range(LENGTH):
            left = 300 + 3 * row + (25 if (track, row) == (0, 20) else 0)
            boxes += (
                f'<box frame="{100 + 2 * row}" outside="0" occluded="0" z_order="0" '
                f'keyframe="{row % 5 == 0:d}" xtl="{left}" ytl="{top}" '
                f'xbr="{left + 50}" ybr="{top + 120}">'
                '<attribute name="pose">upright</attribute></box>'
            )
        tracks += f'<track id="{track}" label="walker">{boxes}</track>'
    path.write_text(
        "<annotations><version>1.1</version><meta><task><id>7</id><name>walk</name>"
        f"<size>{LENGTH}</size><start_frame>100</start_frame>"
        "<stop_frame>218</stop_frame><frame_filter>step=2</frame_filter>"
        "<original_size><width>1920</width><height>1080</height></original_size>"
        f"</task></meta>{tracks}</annotations>"
    )
    return path


def test_labels_of_cvat_go_back_to_their_task(tmp_path, capsys):
    source = save_cvat(tmp_path / "annotations.xml")
    fix(source, "--min-score", 0.5, "--output", tmp_path / "fixed")
    told = capsys.readouterr()
    assert "CVAT for video 1.1: walk, 60 frames" in told.err
    assert "are not written" not in told.err
    path = tmp_path / "fixed/walk/annotations.xml"
    root = parse(path).getroot()
    numbers = [int(box.get("frame")) for box in root.findall("track[@id='0']/box")]
    assert numbers == list(range(100, 220, 2))
    flags = {
        track: [
            box.get("keyframe") for box in root.findall(f"track[@id='{track}']/box")
        ]
        for track in "01"
    }
    # Between keyframes CVAT would draw straight lines through the corrected box
    assert set(flags["0"]) == {"1"}
    assert flags["1"].count("1") == LENGTH / 5 + 1
    before, after = read_labels(source), read_labels(path)
    assert after.sequences["walk"].numbers == before.sequences["walk"].numbers
    assert set(after.table["pose"]) == {"upright"}
    assert len(after.table) == len(before.table)
    moved = after.table[BOX].to_numpy() != before.table[BOX].to_numpy()
    changed = before.table.loc[moved.any(axis=1), ["track", "frame"]]
    assert changed.to_numpy().tolist() == [[0, 21]]
    np.testing.assert_allclose(after.table.loc[20, "left"], 360, atol=0.02)


def test_formats_without_a_writer_become_mot(tmp_path, capsys):
    lines = [
        f"{frame} {track} Car 0 0 0 {3 * frame + 25 * (frame == 20 and not track)} "
        f"{top} {3 * frame + 50 + 25 * (frame == 20 and not track)} {top + 60} "
        "-1 -1 -1 -1000 -1000 -1000 -10"
        for track, top in ((0, 100), (1, 220))
        for frame in range(LENGTH)
    ]
    (tmp_path / "label_02").mkdir()
    (tmp_path / "label_02/0012.txt").write_text("\n".join(lines))
    fix(tmp_path / "label_02", "--size", "1242x375", "--min-score", 0.5,
        "--output", tmp_path / "fixed")  # fmt: skip
    told = capsys.readouterr().err
    assert (
        "note: KITTI tracking labels are not written; the corrected labels are in the "
        "format of MOT Challenge, with frames counted from 1\n"
    ) in told
    fixed = read_mot(tmp_path / "fixed")
    assert set(fixed.table["label"]) == {"Car"}
    assert fixed.sequences["0012"].width == 1242
    assert len(fixed.table) == len(lines)
    found = fixed.table[fixed.table["track"] == 0]["left"]
    np.testing.assert_allclose(found, 3 * np.arange(LENGTH), atol=0.02)
    assert len(pd.read_csv(tmp_path / "fixed/fixes.csv")) == 1


def test_labels_of_unknown_size_are_written(tmp_path):
    frames = [
        {
            "frame-no": number,
            "frame": f"{number}.jpg",
            "annotations": [
                {
                    "object-name": "Car:1",
                    "object-id": "a",
                    "class-id": "0",
                    **{"left": 3 * number, "top": 20, "width": 50, "height": 40},
                }
            ],
        }
        for number in range(LENGTH)
    ]
    source = tmp_path / "SeqLabel.json"
    source.write_text(json.dumps({"tracking-annotations": frames}))
    fix(source, "--output", tmp_path / "fixed")
    again = read_mot(tmp_path / "fixed")
    assert len(again.table) == LENGTH
    assert "None" not in next(tmp_path.glob("fixed/*/seqinfo.ini")).read_text()


def test_numbers_of_classes_stay_and_guesses_are_not_written(tmp_path, capsys):
    """As CVAT writes MOT: with labels.txt, and without size and rate."""
    folder = save(tmp_path)
    (folder / "seqinfo.ini").unlink()
    (folder / "gt/labels.txt").write_text("dog\nperson\ncar\n")
    fix(folder, "--min-score", 0.5, "--output", tmp_path / "fixed")
    fixed = tmp_path / "fixed/walk"
    assert (fixed / "gt/labels.txt").read_text() == "dog\nperson\ncar\n"
    rows = np.loadtxt(fixed / "gt/gt.txt", delimiter=",")
    assert set(rows[:, 7]) == {1}
    told = (fixed / "seqinfo.ini").read_text()
    assert [key for key in ("frameRate", "imWidth", "imHeight") if key in told] == []
    assert "(assumed)" in capsys.readouterr().err


def test_numbers_without_names_and_confidences_stay(tmp_path):
    folder = save(tmp_path)
    table = pd.read_csv(folder / "gt/gt.txt", header=None)
    table[6], table[7] = np.linspace(0.3, 0.9, len(table)).round(3), 20
    table.to_csv(folder / "gt/gt.txt", header=False, index=False)
    fix(folder, "--kinds", "gap", "--min-score", 0.5, "--output", tmp_path / "fixed")
    assert not (tmp_path / "fixed/walk/gt/labels.txt").exists()
    found = pd.read_csv(tmp_path / "fixed/walk/gt/gt.txt", header=None)
    assert set(found[7]) == {20}
    both = table.merge(found, on=[0, 1])
    np.testing.assert_allclose(both["6_x"], both["6_y"])
    assert found.loc[(found[1] == 1) & (found[0] == 30), 6].tolist() == [-1]


def test_it_says_why_nothing_was_fixed(tmp_path, capsys):
    fix(save(tmp_path), "--min-score", 1, "--output", tmp_path / "fixed")
    told = capsys.readouterr()
    assert "0 of " in told.out
    assert "score below 1, at most " in told.err


def test_boxes_are_taken_from_predictions(tmp_path):
    folder = save(tmp_path)
    predicted = [
        f"{frame},-1,{300 + 3 * frame},{top},50,120,0.9\n"
        for frame in range(1, LENGTH + 1)
        for top in (200, 400, 600)
    ]
    (tmp_path / "det.txt").write_text("".join(predicted))
    fix(folder, "--kinds", "overlooked", "--min-score", 0, "--output",
        tmp_path / "fixed", "--predictions", tmp_path / "det.txt")  # fmt: skip
    # Track 9 is that of an ignored person
    np.testing.assert_allclose(boxes(tmp_path / "fixed/walk", 10), right(10, 400))
