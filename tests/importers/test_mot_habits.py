# SPDX-License-Identifier: Apache-2.0
"""MOT files as other people's tools write them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.importers.mot import CLASSES, read_mot, read_mot_detections
from fiftyone_track_audit.importers.tracks import BOX, InputError, Tracks
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

#: Frame, id, left, top, width, height, flag, class and visibility of two tracks.
ROWS = [
    [frame, track, 100 * track + frame, 50.5, 40, 80 + frame, 1, track, 1]
    for track in (1, 2)
    for frame in (1, 2, 3, 4)
]
SIZE = {"size": (640, 480), "frame_rate": 25}


def write(file: Path, rows=ROWS, separator=",", end="\n") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [separator.join(map(str, row)) + end for row in rows]
    file.write_bytes("".join(lines).encode())
    return file


def read(file: Path) -> Tracks:
    return read_mot(file, **SIZE)


def cut(count: int) -> list[list]:
    return [row[:count] for row in ROWS]


@pytest.mark.parametrize(
    ("count", "labels", "visibility"),
    [
        (6, {"pedestrian"}, False),
        (7, {"pedestrian"}, False),
        (8, {"pedestrian", "person_on_vehicle"}, False),
        (9, {"pedestrian", "person_on_vehicle"}, True),
    ],
)
def test_six_to_ten_columns(tmp_path, count, labels, visibility):
    table = read(write(tmp_path / "a.txt", cut(count))).table
    assert len(table) == 8
    assert table["track"].nunique() == 2
    assert set(table["label"]) == labels
    assert table["visibility"].notna().all() == visibility
    assert table["considered"].all()
    assert table.loc[0, BOX].tolist() == [100, 49.5, 40, 81]
    world = [[*row, -1, -1, -1] for row in cut(7)]
    assert len(read(write(tmp_path / "b.txt", world)).table) == 8


@st.composite
def habits(draw) -> bytes:
    """The same rows, as any tool may write them."""
    separator = draw(st.sampled_from([",", ", ", ";", "\t", " ", "   "]))
    floats = draw(st.booleans())
    trailing = draw(st.booleans()) and separator.strip() in {",", ";"}
    lines = []
    for row in draw(st.permutations(ROWS)):
        values = [f"{float(v)}" if floats else f"{v}" for v in row]
        if draw(st.booleans()):
            values[0] = values[0].zfill(6)
        lines.append(separator.join(values) + separator.strip() * trailing)
    for _ in range(draw(st.integers(0, 2))):
        comment = draw(st.sampled_from(["", "  ", "# made by a tool", "% 1,2,3"]))
        lines.insert(draw(st.integers(0, len(lines))), comment)
    if draw(st.booleans()):
        lines.insert(0, separator.join(["frame", "id", *BOX, "conf", "class", "vis"]))
    text = draw(st.sampled_from(["\n", "\r\n"])).join(lines)
    mark = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    return mark + text.encode() + draw(st.sampled_from([b"", b"\n", b"\n \n\n"]))


@settings(deadline=None, derandomize=True, max_examples=100)
@given(data=habits())
def test_any_spelling_gives_the_same_table(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("habits")
    expected = read(write(folder / "a" / "gt.txt"))
    file = folder / "b" / "a" / "gt.txt"
    file.parent.mkdir(parents=True)
    file.write_bytes(data)
    found = read(file)
    pd.testing.assert_frame_equal(found.table, expected.table)
    assert found.sequences == expected.sequences
    assert found.notes == ()
    assert found.invalid.empty


def test_decimal_commas_and_quotes(tmp_path):
    text = "1;1;10,5;20;30;40;1\n2;1;11,5;20;30;40;1\n"
    file = tmp_path / "a.txt"
    file.write_text(text)
    assert read(file).table["left"].tolist() == [9.5, 10.5]
    file.write_text('"1","1","10.5","20","30","40","1"\n')
    assert read(file).table["left"].tolist() == [9.5]


def change(column: int, values) -> list[list]:
    """Replace a column of the rows."""
    rows = [list(row) for row in ROWS]
    for row, value in zip(rows, values, strict=True):
        row[column] = value
    return rows


def test_ids_from_0_and_frames_from_0(tmp_path):
    rows = [[row[0] - 1, row[1] - 1, *row[2:]] for row in ROWS]
    tracks = read(write(tmp_path / "a.txt", rows))
    assert set(tracks.table["track"]) == {0, 1}
    assert set(tracks.table["frame"]) == {1, 2, 3, 4}
    assert tracks.sequences["a"].frame_names[0] == "000000.jpg"


def test_boxes_without_identity_are_said_to_be_detections(tmp_path):
    tracks = read(write(tmp_path / "a.txt", change(1, [-1] * 8)))
    assert set(tracks.table["track"]) == {-1}
    assert "a: no box has an identity (id -1): these are detections" in tracks.notes[0]
    mixed = read(write(tmp_path / "b.txt", change(1, [-1, -1, 1, 1, 2, 2, 2, 2])[:4]))
    assert mixed.notes == ("b: 2 of 4 boxes have no identity (id -1)",)


@pytest.mark.parametrize(
    ("classes", "labels", "notes"),
    [
        ([-1] * 8, {"pedestrian"}, 0),
        ([0] * 8, {"0"}, 1),
        ([3, 14] * 4, {"3", "14"}, 1),
        (["car", "truck"] * 4, {"car", "truck"}, 0),
    ],
)
def test_classes_that_are_not_the_benchmarks(tmp_path, classes, labels, notes):
    tracks = read(write(tmp_path / "a.txt", change(7, classes)))
    assert set(tracks.table["label"]) == labels
    assert len(tracks.notes) == notes
    assert all("named by their numbers" in note for note in tracks.notes)


def test_classes_by_name_with_a_comment(tmp_path):
    file = write(tmp_path / "a.txt", change(7, ["car", "truck"] * 4))
    file.write_text("# of a tool\n" + file.read_text() + "9,9,1,1,x,9,1,car,1\n")
    tracks = read(file)
    assert set(tracks.table["label"]) == {"car", "truck"}
    (broken,) = tracks.invalid.itertuples()
    assert broken.reason == "column 5 is 'x'; expected a number"
    assert (broken.track, broken.left, broken.height) == (9, 0, 9)
    assert np.isnan(broken.width)


@pytest.mark.parametrize(
    ("names", "labels", "broken"),
    [
        ("car\nbus", {"car", "bus"}, 0),
        ("\ufeffcar\nbus\ndog\n\n", {"car", "bus"}, 0),
        ("car", {"car"}, 4),
    ],
)
def test_labels_txt_names_the_classes(tmp_path, names, labels, broken):
    file = write(tmp_path / "gt" / "gt.txt")
    (tmp_path / "gt" / "labels.txt").write_text(names)
    tracks = read(file)
    assert set(tracks.table["label"]) == labels
    assert len(tracks.invalid) == broken
    if broken:
        reason = "class (column 8) is 2; expected a class from 1 to 1"
        assert set(tracks.invalid["reason"]) == {reason}


def test_labels_txt_from_0(tmp_path):
    file = write(tmp_path / "gt" / "gt.txt", change(7, [0, 1] * 4))
    (tmp_path / "gt" / "labels.txt").write_text("car\nbus\n")
    tracks = read(file)
    assert set(tracks.table["label"]) == {"car", "bus"}
    assert "class 0 is car" in tracks.notes[0]


def test_confidences_in_place_of_flags(tmp_path):
    confidence = [0.9, 0.0, 1.0, 0.3, -0.5, 0.7, 2.0, 0.1]
    tracks = read(write(tmp_path / "a.txt", change(6, confidence)))
    assert tracks.table["confidence"].tolist() == confidence
    assert tracks.table["considered"].all()
    assert "column 7 holds confidences rather than flags" in tracks.notes[0]
    unknown = read(write(tmp_path / "b.txt", change(6, [-1] * 8)))
    assert len(unknown.table) == 8
    assert "confidence" not in unknown.table


def test_flags_out_of_range_are_set_aside(tmp_path):
    tracks = read(write(tmp_path / "a.txt", change(6, [1, 0, 1, 7, 1, 1, 1, 1])))
    assert tracks.invalid["reason"].tolist() == [
        "flag (column 7) is 7; expected 0 or 1"
    ]
    assert len(tracks.table) == 6


@pytest.mark.parametrize("place", ["gt.txt", "gt/gt.txt", "det/det.txt"])
def test_a_sequence_without_seqinfo(tmp_path, place):
    rows = change(1, [-1] * 8) if place.startswith("det") else ROWS
    write(tmp_path / "street" / place, rows)
    read_any = read_mot_detections if place.startswith("det") else read_mot
    for path in (tmp_path / "street", tmp_path / "street" / place, tmp_path):
        tracks = read_any(path)
        (sequence,) = tracks.sequences.values()
        assert sequence.name == "street"
        assert (sequence.width, sequence.height) == (243, 134)
        assert sequence.frame_rate == 30
        assert len(sequence.frame_names) == 4
        assert tracks.notes[0].endswith("size is not known; 243x134 holds all boxes")
        assert tracks.notes[1].endswith("rate is not known; 30 is assumed")


def test_the_results_of_a_tracker_are_sequences(tmp_path):
    for name in ("MOT17-02", "MOT17-04"):
        write(tmp_path / f"{name}.txt", cut(7))
    (tmp_path / "readme.txt").write_text("how these were made\n\n1. track\n")
    tracks = read(tmp_path)
    assert list(tracks.sequences) == ["MOT17-02", "MOT17-04"]
    assert len(tracks.table) == 16
    with pytest.raises(InputError, match="file of MOT rows in it"):
        read(write(tmp_path / "b" / "a.csv").parent)


def make_images(folder: Path, pattern: str, numbers, size=(320, 240)) -> Path:
    folder.mkdir(parents=True)
    for number in numbers:
        Image.new("RGB", size).save(folder / pattern.format(number))
    return folder


@pytest.mark.parametrize(
    ("place", "pattern", "numbers", "note"),
    [
        ("img1", "{:08d}.jpg", range(1, 6), None),
        ("images", "frame_{:06d}.PNG", range(5), "frame 1 of the labels is image 0"),
        (".", "img{:06d}.webp", range(1, 6), None),
        ("frames", "{}.bmp", range(1, 12), None),
    ],
)
def test_images_tell_size_and_names(tmp_path, place, pattern, numbers, note):
    folder = tmp_path / "street"
    images = make_images(folder / place, pattern, numbers)
    tracks = read_mot(write(folder / "gt" / "gt.txt"))
    sequence = tracks.sequences["street"]
    assert (sequence.width, sequence.height) == (320, 240)
    assert sequence.frames_dir.samefile(images)
    assert sequence.frame_names == tuple(map(pattern.format, numbers))
    assert tracks.table["frame"].tolist() == [1, 2, 3, 4] * 2
    assert (note is not None) == any(note and note in each for each in tracks.notes)


def test_frames_that_are_given_win(tmp_path):
    images = make_images(tmp_path / "all" / "street" / "img1", "{}.png", range(1, 5))
    file = write(tmp_path / "street" / "gt" / "gt.txt")
    make_images(tmp_path / "street" / "img1", "{}.jpg", range(1, 5), (10, 10))
    tracks = read_mot(file, frames=tmp_path / "all", frame_rate=12)
    sequence = tracks.sequences["street"]
    assert sequence.frames_dir == images
    assert (sequence.width, sequence.height, sequence.frame_rate) == (320, 240, 12)


def test_a_row_beyond_the_images_is_set_aside(tmp_path):
    folder = tmp_path / "street"
    make_images(folder / "img1", "{:06d}.jpg", range(1, 4))
    tracks = read_mot(write(folder / "gt" / "gt.txt"))
    assert len(tracks.table) == 6
    assert tracks.invalid["line"].tolist() == [4, 8]
    assert tracks.invalid["frame"].isna().all()
    assert tracks.invalid["track"].tolist() == [1, 2]
    reason = "frame (column 1) is 4; expected one of the 3 frames of street"
    assert set(tracks.invalid["reason"]) == {reason}


@pytest.mark.parametrize(
    ("text", "rate", "size", "length"),
    [
        ("[Sequence]\nframerate=30000/1001\n", 30000 / 1001, (243, 134), 4),
        ("[sequence]\nIMWIDTH = 640\nimheight=480\n", 30, (640, 480), 4),
        ("[Sequence]\nimWidth=640\n", 30, (243, 134), 4),
        ("seqLength: 9\n", 30, (243, 134), 9),
        ("[Sequence]\nframeRate=\nseqLength=2\n", 30, (243, 134), 4),
    ],
)
def test_parts_of_seqinfo(tmp_path, text, rate, size, length):
    folder = tmp_path / "street"
    write(folder / "gt" / "gt.txt")
    (folder / "seqinfo.ini").write_text(text)
    tracks = read_mot(folder)
    sequence = tracks.sequences["street"]
    assert sequence.frame_rate == pytest.approx(rate)
    assert (sequence.width, sequence.height) == size
    assert len(sequence.frame_names) == length
    assert len(tracks.table) == 8
    short = "street: seqLength is 2, but labels go to frame 4; there are as many frames"
    assert (short in tracks.notes) == ("seqLength=2" in text)


def test_a_stray_frame_does_not_lengthen_a_sequence(tmp_path):
    rows = [[frame, 1, *ROWS[0][2:]] for frame in [*range(1, 201), 900]]
    folder = tmp_path / "street"
    write(folder / "gt.txt", rows)
    (folder / "seqinfo.ini").write_text("[Sequence]\nseqLength=200\n")
    tracks = read_mot(folder)
    assert len(tracks.sequences["street"].frame_names) == 200
    assert tracks.invalid["line"].tolist() == [201]


def test_labels_one_frame_late(tmp_path):
    rows = [[row[0] + 1, *row[1:]] for row in ROWS]
    folder = tmp_path / "street"
    write(folder / "gt.txt", rows)
    (folder / "seqinfo.ini").write_text("[Sequence]\nseqLength=4\n")
    tracks = read(folder)
    assert tracks.table["frame"].tolist() == [1, 2, 3, 4] * 2
    assert tracks.notes == ("street: frame 1 of the labels is frame 0",)


def test_a_header_in_another_order_is_refused(tmp_path):
    file = tmp_path / "gt.txt"
    file.write_text("# made by hand\nid,frame,x,y,w,h\n1,1,5,5,10,20\n")
    with pytest.raises(InputError, match=r"line 2: the header names column 1 'id'"):
        read_mot(file)


def test_corners_in_place_of_sizes(tmp_path):
    rows = [[*row[:4], row[2] + row[4], row[3] + row[5], *row[6:]] for row in ROWS]
    expected = read(write(tmp_path / "a.txt")).table
    for known in (SIZE, {}):
        tracks = read_mot(write(tmp_path / "b.txt", rows), **known)
        pd.testing.assert_frame_equal(tracks.table[BOX], expected[BOX])
        assert any("hold x2 and y2 in place of width" in note for note in tracks.notes)


def test_boxes_relative_to_the_image(tmp_path):
    rows = [
        [*row[:2], row[2] / 640, row[3] / 480, row[4] / 640, row[5] / 480, *row[6:]]
        for row in ROWS
    ]
    file = write(tmp_path / "a.txt", rows)
    tracks = read(file)
    array = np.array([row[2:6] for row in ROWS], float)
    assert tracks.table[BOX].to_numpy() == pytest.approx(array)
    assert "relative to the image, and were scaled to 640x480" in tracks.notes[0]
    with pytest.raises(InputError, match="relative to the image; expected its size"):
        read_mot(file)


@pytest.mark.parametrize(
    ("path", "boxes", "tracks", "labels", "note"),
    [
        ("formats/cvat-mot-1.1", 1793, 2, {"car"}, "holds all boxes"),
        ("formats/mot-odd-ids", 1, 1, {"label_2"}, "these are detections"),
        ("formats/mot-junk-lines", 4788, 1, {CLASSES[0]}, "these are detections"),
        ("formats/mot-x2y2", 20, 19, {CLASSES[0]}, "columns 5 and 6 hold x2 and y2"),
        ("trackers/MPNTrack", 20_067, 180, {CLASSES[0]}, "rate is not known"),
        ("trackers/Trackformer", 8984, 153, {CLASSES[0]}, "rate is not known"),
    ],
)
def test_files_of_other_people(real_data, path, boxes, tracks, labels, note):
    read = read_mot(real_data / path)
    assert len(read.table) == boxes
    per_sequence = read.table.groupby("sequence", observed=True)["track"].nunique()
    assert per_sequence.sum() == tracks
    assert set(read.table["label"]) == labels
    assert any(note in each for each in read.notes)
    assert read.invalid.empty
