# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.importers.mot import CLASSES, read_mot, read_mot_detections
from fiftyone_track_audit.importers.tracks import COLUMNS, InputError, make_table
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

SEQINFO = {
    "name": "Seq-01",
    "imDir": "img1",
    "frameRate": "25",
    "seqLength": "10",
    "imWidth": "1920",
    "imHeight": "1080",
    "imExt": ".jpg",
}
ROWS = "1,1,10,20,30,40,1,1,0.5\n2,1,11,20,30,40,0,3,1\n1,2,5,6,7,8,1,1,0\n"


def write_sequence(folder: Path, rows: str | bytes = ROWS, **seqinfo: str) -> Path:
    text = "".join(f"{k}={v}\n" for k, v in (SEQINFO | seqinfo).items())
    (folder / "gt").mkdir(parents=True)
    (folder / "seqinfo.ini").write_text(f"[Sequence]\n{text}")
    data = rows.encode() if isinstance(rows, str) else rows
    (folder / "gt" / "gt.txt").write_bytes(data)
    return folder


def test_reads_rows_in_the_table_s_units(tmp_path):
    tracks = read_mot(write_sequence(tmp_path / "a"), include_ignored=True)
    table = tracks.table
    assert {c: str(table[c].dtype) for c in COLUMNS} == dict(COLUMNS)
    assert table[["frame", "track"]].to_numpy().tolist() == [[1, 1], [2, 1], [1, 2]]
    assert table["frame_name"].tolist() == ["000001.jpg", "000002.jpg", "000001.jpg"]
    assert table["label"].tolist() == ["pedestrian", "car", "pedestrian"]
    box = table[["left", "top", "width", "height"]]
    assert box.to_numpy()[0].tolist() == [9, 19, 30, 40]
    assert table["considered"].tolist() == [True, False, True]
    assert table["visibility"].tolist() == [0.5, 1, 0]
    sequence = tracks.sequences["Seq-01"]
    assert (sequence.width, sequence.height, sequence.frame_rate) == (1920, 1080, 25)
    assert sequence.frame_names[-1] == "000010.jpg"
    assert len(sequence.frame_names) == 10
    assert sequence.frames_dir is None
    assert tracks.notes == ()


def test_leaves_ignored_rows_out_by_default(tmp_path):
    table = read_mot(write_sequence(tmp_path / "a")).table
    assert table["track"].tolist() == [1, 2]
    assert table["considered"].all()


def test_names_the_folder_of_frames_where_it_exists(tmp_path):
    folder = write_sequence(tmp_path / "a", imDir="frames")
    (folder / "frames").mkdir()
    Image.new("RGB", (4, 4)).save(folder / "frames" / "000001.jpg")
    sequence = read_mot(folder).sequences["Seq-01"]
    assert sequence.frames_dir == folder / "frames"
    assert (len(sequence.frame_names), sequence.width) == (10, 1920)


def test_mot15_has_no_class_and_no_visibility(tmp_path):
    rows = "1,1,10,20,30.5,40,1,-1,-1,-1\n"
    table = read_mot(write_sequence(tmp_path / "a", rows)).table
    assert table["label"].tolist() == ["pedestrian"]
    assert table["visibility"].isna().all()
    assert table["width"].tolist() == [30.5]


@pytest.mark.parametrize(
    "rows",
    [
        ROWS.encode() + b"\n\n  \n",
        ROWS.rstrip().encode(),
        ROWS.replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + ROWS.encode(),
        ROWS.replace(",", ", ").encode(),
        b"\n" + ROWS.replace("\n", "\n\n").encode(),
        ROWS.replace("1,1,10", "1.0,1e0,10").encode(),
        "".join(sorted(ROWS.splitlines(keepends=True), reverse=True)).encode(),
    ],
    ids=["blank end", "no end", "crlf", "bom", "spaces", "blanks", "floats", "order"],
)
def test_spellings_of_the_same_rows(tmp_path, rows):
    expected = read_mot(write_sequence(tmp_path / "a"), True).table
    found = read_mot(write_sequence(tmp_path / "b", rows), True).table
    pd.testing.assert_frame_equal(found, expected)


def test_notes_boxes_outside_the_image_and_keeps_them(tmp_path):
    rows = "1,1,-5,20,30,40,1,1,1\n2,1,5,20,30,40,1,1,1\n"
    tracks = read_mot(write_sequence(tmp_path / "a", rows))
    assert len(tracks.table) == 2
    assert len(tracks.notes) == 1
    assert "1 of 2 boxes extend beyond the 1920x1080 image" in tracks.notes[0]


def test_reads_a_folder_of_sequences_in_order(tmp_path):
    for name in ("c", "a", "b"):
        write_sequence(tmp_path / name, name=f"Seq-{name}", imExt=f".{name}")
    (tmp_path / "readme.txt").write_text("not a sequence")
    tracks = read_mot(tmp_path)
    assert list(tracks.sequences) == ["Seq-a", "Seq-b", "Seq-c"]
    assert tracks.table["sequence"].tolist() == [f"Seq-{n}" for n in "aabbcc"]
    assert tracks.table["frame_name"].tolist()[-1] == "000001.c"


@pytest.mark.parametrize("place", ["gt/gt.txt", "gt.txt"])
def test_reads_a_file_beside_or_below_its_seqinfo(tmp_path, place):
    folder = write_sequence(tmp_path / "a")
    (folder / place).write_bytes((folder / "gt/gt.txt").read_bytes())
    assert len(read_mot(folder / place).table) == 2


GOOD = "1,1,10,20,30,40,1,1,0.5\n"


@pytest.mark.parametrize(
    ("rows", "line", "words"),
    [
        ("", None, "empty; expected 6 to 10 columns"),
        ("\n \n", None, "empty; expected 6 to 10 columns"),
        ("frame,id,left\n", None, "empty; expected 6 to 10 columns"),
        ("1,1,10,20,30\n", 1, "5 columns; expected 6 to 10 columns"),
        ("\n1;1;1\n", 2, "1 columns; expected 6 to 10 columns"),
        ("1,1,10,20,30,0\n", 1, "height is 0; expected pixels"),
    ],
)
def test_files_that_cannot_be_read_are_refused(tmp_path, rows, line, words):
    folder = write_sequence(tmp_path / "a", rows)
    with pytest.raises(InputError, match=words) as caught:
        read_mot(folder)
    assert caught.value.path == str(folder / "gt" / "gt.txt")
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("rows", "line", "words"),
    [
        (GOOD + "2,1,10,20,30,40,1,1\n", 2, "8 columns; expected 9 as in most lines"),
        (GOOD + "\n2,1,10,20,30,40,1,1,1,1\n", 3, "10 columns; expected 9"),
        (GOOD + "<<<<<<< HEAD\n", 2, "1 columns; expected 9"),
        (GOOD + "2,1,x,20,30,40,1,1,1\n", 2, "column 3 is 'x'; expected a number"),
        (GOOD + "2,1,,20,30,40,1,1,1\n", 2, "column 3 is ''; expected a number"),
        (GOOD + "2,1,nan,20,30,40,1,1,1\n", 2, "column 3) is nan; expected a finite"),
        (GOOD + "2,1,10,20,inf,40,1,1,1\n", 2, "column 5) is inf; expected a finite"),
        (GOOD + "2,1,10,20,1e999,40,1,1,1\n", 2, "expected a finite number"),
        (GOOD + "2,1,-2e7,20,30,40,1,1,1\n", 2, "left is -20000001; "),
        (GOOD + "2,1,10,1e300,30,40,1,1,1\n", 2, "top is 1e+300; expected"),
        (GOOD + "2,1,10,20,0,40,1,1,1\n", 2, "width is 0; expected pixels"),
        (GOOD + "2,1,10,20,1e-320,40,1,1,1\n", 2, "expected pixels from 0.001 to"),
        (GOOD + "2,1,10,20,30,1e8,1,1,1\n", 2, "height is 100000000; "),
        (GOOD + "2,1,10,20,30,-4,1,1,1\n", 2, "height is -4"),
        (GOOD + "\n" + GOOD, 3, "second box of id 1 in frame 1; expected one box per"),
        (GOOD + "2,1,1,1,1,1,1,1,1\n" + GOOD, 3, "expected one box per frame and id"),
        (GOOD + "-1,1,10,20,30,40,1,1,1\n", 2, "frame (column 1) is -1; expected a"),
        (GOOD + "1.5,1,10,20,30,40,1,1,1\n", 2, "frame (column 1) is 1.5"),
        (GOOD + "9999999,1,10,20,30,40,1,1,1\n", 2, "frame (column 1) is 9999999"),
        (GOOD + "2,1.5,10,20,30,40,1,1,1\n", 2, "id (column 2) is 1.5; expected a"),
        (GOOD + "2,-2,10,20,30,40,1,1,1\n", 2, "id (column 2) is -2; expected a"),
        (GOOD + "2,3e9,10,20,30,40,1,1,1\n", 2, "id (column 2) is 3000000000"),
        (GOOD + "2,1,10,20,30,40,1,1.5,1\n", 2, "class (column 8) is 1.5; expected a"),
        (GOOD.encode() + b"2,1,\xff,20,30,40,1,1,1\n", 2, "expected a number"),
    ],
)
def test_broken_rows_are_set_aside_or_refused(tmp_path, rows, line, words):
    folder = write_sequence(tmp_path / "a", rows)
    file = folder / "gt" / "gt.txt"
    tracks = read_mot(folder)
    (broken,) = tracks.invalid.itertuples()
    assert (broken.sequence, broken.file, broken.line) == ("Seq-01", str(file), line)
    assert words in broken.reason
    assert any("cannot be used" in note and words in note for note in tracks.notes)
    assert tracks.table.iloc[0]["left"] == 9
    with pytest.raises(InputError) as caught:
        read_mot(folder, strict=True)
    assert (caught.value.path, caught.value.line) == (str(file), line)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("0,1,10,20,30,40,1,1,1", "frame (column 1) is 0; expected one of the 10"),
        ("11,1,10,20,30,40,1,1,1", "frame (column 1) is 11; expected one of the 10"),
        ("2,-1,10,20,30,40,1,1,1", "id (column 2) is -1; expected a whole number fr"),
        ("2,1,10,20,30,40,1,0,1", "class (column 8) is 0; expected a class from 1 to"),
        ("2,1,10,20,30,40,1,14,1", "class (column 8) is 14; expected a class from 1"),
    ],
)
def test_strict_reading_takes_mot_challenge_alone(tmp_path, row, words):
    folder = write_sequence(tmp_path / "a", f"{GOOD}{row}\n")
    assert len(read_mot(folder).table) == 2
    with pytest.raises(InputError) as caught:
        read_mot(folder, strict=True)
    assert caught.value.line == 2
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("name", "a/b", 2),
        ("imDir", "../img1", 3),
        ("frameRate", "fast", 4),
        ("frameRate", "0", 4),
        ("frameRate", "nan", 4),
        ("seqLength", "0", 5),
        ("seqLength", "10.5", 5),
        ("seqLength", "9999999999", 5),
        ("imWidth", "-1", 6),
        ("imHeight", "0", 7),
        ("frameRate", "30/0", 4),
        ("imExt", "jpg", 8),
        ("imExt", "./../x.jpg", 8),
    ],
)
def test_wrong_seqinfo_keys_are_named(tmp_path, key, value, line):
    folder = write_sequence(tmp_path / "a", **{key: value})
    with pytest.raises(InputError, match=f"{key} is .*; expected") as caught:
        read_mot(folder)
    assert caught.value.path == str(folder / "seqinfo.ini")
    assert caught.value.line == line


def test_seqinfo_defaults(tmp_path):
    folder = write_sequence(tmp_path / "a")
    text = "[Sequence]\nname=b\nframeRate=12.5\nseqLength=3\nimWidth=4\nimHeight=5\n"
    (folder / "seqinfo.ini").write_bytes(b"\xef\xbb\xbf" + text.encode())
    sequence = read_mot(folder).sequences["b"]
    assert sequence.frame_names == ("000001.jpg", "000002.jpg", "000003.jpg")
    assert sequence.frames_dir is None


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (b"name=a\nname\n", 2, "expected an INI file"),
        (b"[Sequence]\nname\n", 2, "expected an INI file"),
        (b"[Sequence]\nname=a\nname=b\n", 3, "expected an INI file"),
        (b"[Other]\nname=a\n", None, "no section [Sequence]"),
        (b"\xff\xfe", None, "not UTF-8"),
    ],
)
def test_broken_seqinfo_is_named(tmp_path, text, line, words):
    folder = write_sequence(tmp_path / "a")
    (folder / "seqinfo.ini").write_bytes(text)
    with pytest.raises(InputError) as caught:
        read_mot(folder)
    assert words in str(caught.value)
    assert caught.value.path == str(folder / "seqinfo.ini")
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("remove", "read", "at"),
    [
        ("a/gt/gt.txt", "a", "a/gt/gt.txt"),
        ("a/gt/gt.txt", ".", "a/gt/gt.txt"),
        ("a/seqinfo.ini", "b", "b"),
    ],
)
def test_missing_files_are_named(tmp_path, remove, read, at):
    write_sequence(tmp_path / "a")
    (tmp_path / remove).unlink()
    with pytest.raises(InputError) as caught:
        read_mot(tmp_path / read)
    assert caught.value.path == str(tmp_path / at)


def test_two_sequences_of_one_name_are_named(tmp_path):
    write_sequence(tmp_path / "a")
    write_sequence(tmp_path / "b")
    with pytest.raises(
        InputError, match="another sequence is also named Seq-01"
    ) as caught:
        read_mot(tmp_path)
    assert caught.value.path == str(tmp_path / "b" / "seqinfo.ini")


def write_detections(folder: Path, rows: str) -> Path:
    write_sequence(folder)
    (folder / "det").mkdir()
    (folder / "det" / "det.txt").write_text(rows)
    return folder


@pytest.mark.parametrize("rest", ["", ",-1,-1,-1"])
def test_reads_detections(tmp_path, rest):
    rows = f"2,-1,10,20,30,40,0.9{rest}\n1,-1,1,2,3,4,-0.5{rest}\n" * 2
    table = read_mot_detections(write_detections(tmp_path / "a", rows)).table
    assert table["frame"].tolist() == [1, 1, 2, 2]
    assert set(table["track"]) == {-1}
    assert set(table["label"]) == {"pedestrian"}
    assert table["confidence"].tolist() == [-0.5, -0.5, 0.9, 0.9]
    assert table["left"].tolist() == [0, 0, 9, 9]


@pytest.mark.parametrize(
    ("rows", "line", "words"),
    [
        ("1,-1,10,20,30,40\n", 1, "6 columns; expected 7 columns or more"),
        ("1,2,10,20,30,40,1\n1,3,10,20,30,40,1\n", 1, "id (column 2) is 2"),
    ],
)
def test_files_of_other_labels_are_no_detections(tmp_path, rows, line, words):
    folder = write_detections(tmp_path / "a", rows)
    with pytest.raises(InputError) as caught:
        read_mot_detections(folder)
    assert words in str(caught.value)
    assert (caught.value.path, caught.value.line) == (
        str(folder / "det" / "det.txt"),
        line,
    )


def test_broken_detections_are_set_aside(tmp_path):
    rows = "1,-1,10,20,30,40,1\n1,3,10,20,30,40,1\n1,-1,10,20,30,40,nan\n"
    tracks = read_mot_detections(write_detections(tmp_path / "a", rows))
    assert len(tracks.table) == 1
    assert tracks.invalid["line"].tolist() == [2, 3]


PIXELS = st.floats(-1e4, 1e4).map(lambda value: round(value, 3))
SIZES = st.floats(0.001, 1e4).map(lambda value: round(value, 3))


@st.composite
def mot_rows(draw) -> list[tuple[float, ...]]:
    """Rows of 9 columns in any order, each frame and id once."""
    keys = st.tuples(st.integers(1, 10), st.integers(0, 2**31 - 1))
    return [
        (
            *key,
            draw(PIXELS),
            draw(PIXELS),
            draw(SIZES),
            draw(SIZES),
            draw(st.integers(0, 1)),
            draw(st.integers(1, 13)),
            draw(st.floats(0, 1)),
        )
        for key in draw(st.lists(keys, min_size=1, max_size=20, unique=True))
    ]


@settings(deadline=None, derandomize=True, max_examples=50)
@given(rows=mot_rows())
def test_what_was_written_is_read(rows, tmp_path_factory):
    text = "".join(",".join(map(str, row)) + "\n" for row in rows)
    folder = write_sequence(tmp_path_factory.mktemp("seq") / "a", text)
    array = np.array(rows)
    expected = make_table(
        {
            "sequence": "Seq-01",
            "frame": array[:, 0],
            "frame_name": [f"{int(frame):06d}.jpg" for frame in array[:, 0]],
            "track": array[:, 1],
            "label": [CLASSES[int(number) - 1] for number in array[:, 7]],
            "left": array[:, 2] - 1,
            "top": array[:, 3] - 1,
            "width": array[:, 4],
            "height": array[:, 5],
            "considered": array[:, 6] != 0,
            "visibility": array[:, 8],
        }
    )
    found = read_mot(folder, include_ignored=True, strict=True).table
    pd.testing.assert_frame_equal(found, expected, check_categorical=False)


@pytest.mark.parametrize(
    ("path", "ignored", "rows", "tracks"),
    [
        ("MOT20/train/MOT20-01", False, 19_870, 74),
        ("MOT20/train/MOT20-01", True, 26_647, 90),
        ("MOT20/train", False, 19_870, 74),
        ("MOT15/train/TUD-Stadtmitte", False, 1_156, 10),
        ("MOT16/train", True, 45_694, None),
        ("MOT17/train", True, 48_427, None),
    ],
)
def test_real_sequences(real_data, path, ignored, rows, tracks):
    read = read_mot(real_data / path, ignored)
    assert len(read.table) == rows
    if tracks:
        assert read.table["track"].nunique() == tracks
    raw = [
        pd.read_csv(file, header=None)
        for file in sorted((real_data / path).glob("**/gt.txt"))
    ]
    boxes = pd.concat(raw)
    if not ignored:
        boxes = boxes[boxes[6] != 0]
    assert read.table["width"].sum() == pytest.approx(boxes[4].sum())
    assert read.table["left"].sum() == pytest.approx((boxes[2] - 1).sum())


def test_real_sequence_record(real_data):
    sequence = read_mot(real_data / "MOT20/train/MOT20-01").sequences["MOT20-01"]
    assert (sequence.width, sequence.height) == (1920, 1080)
    assert len(sequence.frame_names) == 429
    assert sequence.frames_dir == real_data / "MOT20/train/MOT20-01/img1"


def test_notes_that_all_rows_are_ignored(tmp_path):
    folder = write_sequence(tmp_path, "1,1,5,5,10,10,0,1,1\n")
    tracks = read_mot(folder)
    assert tracks.table.empty
    (note,) = tracks.notes
    assert "all 1 rows have flag 0; include_ignored reads them" in note
