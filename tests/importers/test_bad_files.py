# SPDX-License-Identifier: Apache-2.0
"""Files that are not what they seem: every one gets the package's own error."""

import os
import socket
import struct
import zipfile
import zlib

import numpy as np
import pytest
from fiftyone_track_audit.importers import archives, local_files
from fiftyone_track_audit.importers.content import is_number
from fiftyone_track_audit.importers.files import read_json
from fiftyone_track_audit.importers.formats import BY_NAME, read_labels
from fiftyone_track_audit.importers.frames import is_plain_name
from fiftyone_track_audit.importers.images import image_size, read_image
from fiftyone_track_audit.importers.mot import read_mot
from fiftyone_track_audit.importers.mot_lines import parse_rows
from fiftyone_track_audit.importers.numbered_frames import Frames
from fiftyone_track_audit.importers.tracks import InputError
from PIL import Image

ROW = "1,1,10,20,30,40,1,1,1\n"


def make_pipe(path):
    os.mkfifo(path)


def make_device(path):
    path.symlink_to("/dev/zero")


def make_loop(path):
    path.symlink_to(path)


def make_socket(path):
    socket.socket(socket.AF_UNIX).bind(os.path.relpath(path))


ODD = [
    (os.mkfifo, "a pipe"),
    (make_device, "a device"),
    (os.mkdir, "a folder"),
    (make_loop, "Too many levels of symbolic links"),
    (make_socket, "a socket"),
]


@pytest.fixture(autouse=True)
def waits_for_no_pipe(monkeypatch):
    monkeypatch.setattr(local_files, "_PIPE_WAIT", 0)


@pytest.mark.parametrize(("make", "words"), ODD)
@pytest.mark.parametrize("name", sorted(set(BY_NAME) - {"groundtruth", "manifest"}))
def test_what_is_no_file_is_refused(tmp_path, make, words, name):
    path = tmp_path / "1.txt"
    make(path)
    place = tmp_path if BY_NAME[name].whole_folder and name != "mot" else path
    with pytest.raises(InputError):
        BY_NAME[name].read(place, Frames(), False)


@pytest.mark.parametrize(("make", "words"), ODD)
def test_what_is_no_file_is_named(tmp_path, make, words):
    path = tmp_path / "frame.jpg"
    make(path)
    readers = [image_size, read_image, lambda path: parse_rows(path, range(6, 11), "")]
    for read in readers:
        with pytest.raises(InputError, match=words):
            read(path)


def test_pipes_in_a_folder_are_not_waited_for(tmp_path):
    for name in ("a.txt", "b.json", "c.xml", "seqinfo.ini"):
        os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match="a pipe"):
        read_labels(tmp_path)


def test_a_pipe_is_read_once_somebody_writes(tmp_path):
    os.mkfifo(tmp_path / "labels.json")
    with pytest.raises(InputError, match="a pipe that nobody writes to; expected"):
        read_labels(tmp_path / "labels.json")
    reader, writer = os.pipe()
    os.write(writer, b"[1, 2]")
    os.close(writer)
    try:
        assert read_json(f"/dev/fd/{reader}") == [1, 2]
    finally:
        os.close(reader)


def test_a_line_without_an_end_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "gt.txt"
    with path.open("wb") as file:
        file.write(ROW.encode())
        file.truncate(10 << 30)  # a hole, which takes no space
    for name in ("mot", "kitti", "vatic", "cvat"):
        with pytest.raises(InputError, match="a line of 1 MiB or more; expected"):
            BY_NAME[name].read(path, Frames(), False)
    with pytest.raises(InputError, match=r"10\.0 GiB; expected"):
        read_json(path)


def test_numbers_are_recognized_in_linear_time():
    # Quadratic time would be minutes
    assert not is_number("1" * 200_000 + "x")


def test_a_number_of_many_digits_is_refused_in_linear_time(tmp_path):
    path = tmp_path / "gt.txt"
    path.write_text(ROW + f"2,1,{'1' * 200_000}x,20,30,40,1,1,1\n")
    (reason,) = read_mot(path).invalid["reason"]
    assert len(reason) < 200


@pytest.mark.parametrize(
    "row",
    [
        "1000000000,1,10,20,30,40,1,1,1",
        "1,1,inf,20,30,40,1,1,1",
        "1,1,10,20,1e308,40,1,1,1",
        "1,1,-1e308,20,1e308,40,1,1,1",
        "1,1,10,20,1e-320,40,1,1,1",
        f"{'9' * 5000},1,10,20,30,40,1,1,1",
        "2,\0,10,20,30,40,1,1,1",
        "2,1,10.5.5,20,30,40,1,1,1",
    ],
)
def test_what_a_row_cannot_be_is_set_aside(tmp_path, row):
    path = tmp_path / "gt.txt"
    path.write_text(f"{ROW}{row}\n")
    tracks = read_mot(path)
    assert len(tracks.invalid) == 1
    assert len(tracks.table) == 1
    (sequence,) = tracks.sequences.values()
    assert len(sequence.frame_names) < 10


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-be", "utf-32"])
def test_other_encodings_are_refused(tmp_path, codec):
    path = tmp_path / "gt.txt"
    path.write_bytes(ROW.encode(codec))
    for name in set(BY_NAME) - {"yolo"}:
        with pytest.raises(InputError):
            BY_NAME[name].read(path, Frames(), False)


def test_a_byte_order_mark_and_decimal_commas_are_read(tmp_path):
    path = tmp_path / "gt.txt"
    path.write_bytes(b"\xef\xbb\xbf1;1;10,5;20;30;40;1;1;1\n")
    assert read_mot(path).table.loc[0, "left"] == 9.5


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        f"[{'9' * 10_000}]",
        "\0",
        "",
        '"\ud800"',
        "1e999",
    ],
    ids=range(7),
)
def test_wrong_json_is_refused(tmp_path, text):
    path = tmp_path / "SeqLabel.json"
    path.write_bytes(text.encode(errors="surrogatepass"))
    for name in ("groundtruth", "manifest", "coco-vid", "label-studio"):
        with pytest.raises(InputError):
            BY_NAME[name].read(path, Frames(), False)
    with pytest.raises(InputError):
        read_labels(path)


def test_messages_quote_little():
    found = "x" * 5000
    for message in (
        f"it's {found!r}; expected",
        f"{found}; expected",
        f'"{found}"; expected',
    ):
        text = str(InputError("gt.txt", message))
        assert len(text) < 200
        assert text.endswith("expected")
    plain = "the sequence's frames " + "and so on " * 30 + "the worker's page"
    assert str(InputError("a", plain)) == f"a: {plain}"
    path = "/".join(["folder"] * 50)
    assert str(InputError(path, path)) == f"{path}: {path}"


@pytest.mark.parametrize("name", ["x" * 256, "\u00e9" * 128, "a\0b", "../a", "..", ""])
def test_names_that_no_file_can_have(name):
    assert not is_plain_name(name)


@pytest.mark.parametrize("path", ["x" * 5000, "/tmp/" + "x" * 256 + "/a.json", "a\0b"])
def test_paths_that_no_file_can_have(path):
    with pytest.raises(InputError):
        read_labels(path)
    with pytest.raises(InputError):
        read_mot(path)


def png(width, height, data=b""):
    """A PNG file of one byte per pixel."""

    def chunk(kind, content):
        checked = kind + content
        return (
            struct.pack(">I", len(content))
            + checked
            + struct.pack(">I", zlib.crc32(checked))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [
        chunk(b"IHDR", header),
        chunk(b"IDAT", zlib.compress(data)),
        chunk(b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


EPS = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"
)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (EPS, "cannot be read"),
        (b"GIF89a" + bytes(20), "cannot be read"),
        (b"P6 1 1 255 abc", "cannot be read"),
        (png(60_000, 60_000), "an image of more than 178,956,970 pixels"),
        (png(2**31 - 1, 2**31 - 1), "pixels|cannot be read"),
        (b"", "cannot be read"),
    ],
)
def test_only_images_that_frames_can_be_are_opened(tmp_path, content, words):
    path = tmp_path / "x.jpg"
    path.write_bytes(content)
    for read in (image_size, read_image):
        with pytest.raises(InputError, match=words):
            read(path)


def test_a_truncated_image_is_refused(tmp_path):
    path = tmp_path / "x.png"
    path.write_bytes(png(8, 8, bytes(20)))
    assert image_size(path) == (8, 8)
    with pytest.raises(InputError, match="cannot be read"):
        read_image(path)


def test_images_of_16_bits_keep_their_contrast(tmp_path):
    values = np.linspace(0, 2**16 - 1, 64).reshape(8, 8).astype(np.uint16)
    for suffix in ("png", "tif"):
        Image.fromarray(values).save(tmp_path / f"x.{suffix}")
        read = np.asarray(read_image(tmp_path / f"x.{suffix}"))
        assert (read == (values >> 8)[..., None]).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_images_are_turned_as_exif_says(tmp_path, orientation, suffix):
    image = Image.new("RGB", (16, 8), "white")
    image.paste("black", (0, 0, 8, 4))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95} if suffix == "jpg" else {}
    image.save(tmp_path / f"x.{suffix}", exif=exif, **options)
    turned = read_image(tmp_path / f"x.{suffix}")
    assert image_size(tmp_path / f"x.{suffix}") == turned.size
    assert turned.size == ((16, 8) if orientation < 5 else (8, 16))
    corner = {
        1: (0, 0),
        2: (1, 0),
        3: (1, 1),
        4: (0, 1),
        5: (0, 0),
        6: (1, 0),
        7: (1, 1),
        8: (0, 1),
    }
    dark = np.asarray(turned.convert("L")) < 128
    x, y = corner[orientation]
    assert dark[y * (dark.shape[0] - 1), x * (dark.shape[1] - 1)]
    assert not dark[(1 - y) * (dark.shape[0] - 1), (1 - x) * (dark.shape[1] - 1)]


def test_cmyk_is_shown_in_its_colors(tmp_path):
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "x.jpg", quality=95)
    red, green, blue = read_image(tmp_path / "x.jpg").getpixel((4, 4))
    assert red > 200
    assert green < 60
    assert blue < 60


def test_a_zip_file_never_writes_elsewhere_or_without_end(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../outside.txt", ROW)
        archive.writestr("gt.txt", ROW)
    read_labels(tmp_path / "x.zip", "mot")
    assert not (tmp_path.parent / "outside.txt").exists()
    monkeypatch.setattr(archives, "LARGEST_FILE", len(ROW))
    with pytest.raises(InputError, match="unpacks to more than 4 GiB"):
        read_labels(tmp_path / "x.zip", "mot")
