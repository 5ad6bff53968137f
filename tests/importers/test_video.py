# SPDX-License-Identifier: Apache-2.0
"""Frames into videos: whole ones that play, or none."""

import os
import signal
import subprocess
import sys
import time

import imageio_ffmpeg
import numpy as np
import pytest
from fiftyone_track_audit.importers.tracks import InputError
from fiftyone_track_audit.importers.video import encode_video
from PIL import Image


def write_frames(folder, count=5, size=(64, 48), mode="RGB", suffix=".png"):
    """Writes frames that get lighter from one to the next."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:06d}{suffix}" for number in range(count)]
    for number, path in enumerate(paths):
        shade = 20 + 40 * number
        color = {"RGB": (shade,) * 3, "L": shade, "RGBA": (*(shade,) * 3, 255)}[mode]
        Image.new(mode, size, color).save(path)
    return paths


def decode(path):
    """Returns the video's record and its frames, (n, height, width, 3)."""
    frames = imageio_ffmpeg.read_frames(path)
    record = next(frames)
    shape = (-1, *record["size"][::-1], 3)
    return record, np.frombuffer(b"".join(frames), np.uint8).reshape(shape)


@pytest.mark.parametrize("size", [(64, 48), (101, 75), (100, 75), (33, 32)])
def test_video_plays_in_a_browser(tmp_path, size):
    paths = write_frames(tmp_path / "frames", size=size)
    record, frames = decode(encode_video(paths, 12.5, tmp_path / "videos"))
    assert record["codec"] == "h264"
    assert record["pix_fmt"].startswith("yuv420p")
    assert record["fps"] == 12.5
    assert record["size"] == (size[0] + size[0] % 2, size[1] + size[1] % 2)
    shades = frames[:, 10:20, 10:20].mean(axis=(1, 2, 3))
    np.testing.assert_allclose(shades, 20 + 40 * np.arange(5), atol=3)


@pytest.mark.parametrize(
    ("mode", "suffix"), [("L", ".jpg"), ("RGBA", ".png"), ("RGB", ".bmp")]
)
def test_any_kind_of_image(tmp_path, mode, suffix):
    paths = write_frames(tmp_path / "frames", mode=mode, suffix=suffix)
    _, frames = decode(encode_video(paths, 25, tmp_path / "videos"))
    assert len(frames) == 5


def test_index_stands_at_the_beginning(tmp_path):
    video = encode_video(write_frames(tmp_path / "frames"), 25, tmp_path / "videos")
    data = video.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_same_frames_are_encoded_once(tmp_path):
    first = write_frames(tmp_path / "a")
    again = write_frames(tmp_path / "b")
    video = encode_video(first, 25, tmp_path / "videos")
    written = video.stat().st_mtime_ns
    steps = []
    assert encode_video(again, 25, tmp_path / "videos", steps.append) == video
    assert video.stat().st_mtime_ns == written
    assert steps == [5]


@pytest.mark.parametrize(
    "change",
    [
        lambda paths: (paths[::-1], 25),
        lambda paths: (paths[:-1], 25),
        lambda paths: (paths, 30),
    ],
    ids=["order", "count", "rate"],
)
def test_other_frames_are_another_video(tmp_path, change):
    paths = write_frames(tmp_path / "frames")
    changed, rate = change(paths)
    assert encode_video(paths, 25, tmp_path) != encode_video(changed, rate, tmp_path)


def test_changed_image_is_another_video(tmp_path):
    paths = write_frames(tmp_path / "frames")
    before = encode_video(paths, 25, tmp_path)
    Image.new("RGB", (64, 48), "red").save(paths[2])
    assert encode_video(paths, 25, tmp_path) != before


def test_steps_count_frames(tmp_path):
    steps = []
    encode_video(write_frames(tmp_path / "frames"), 25, tmp_path, steps.append)
    assert sum(steps) == 5


def truncate(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize("number", [0, 3])
@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (truncate, "image"),
        (lambda path: path.write_text("no image"), "image"),
        (lambda path: path.write_bytes(b""), "image"),
        (lambda path: path.unlink(), "expected an image"),
        (lambda path: Image.new("RGB", (32, 32)).save(path), "like"),
    ],
    ids=["truncated", "text", "empty", "missing", "size"],
)
def test_bad_image_is_named_and_leaves_no_video(tmp_path, number, spoil, text):
    paths = write_frames(tmp_path / "frames", suffix=".jpg", size=(96, 64))
    spoil(paths[number])
    with pytest.raises(InputError, match=text) as error:
        encode_video(paths, 25, tmp_path / "videos")
    named = 1 if (text, number) == ("like", 0) else number
    assert error.value.path == str(paths[named])
    assert list((tmp_path / "videos").glob("*")) == []


KILLED = """
import os, signal
from pathlib import Path
from fiftyone_track_audit.importers.video import encode_video

def kill(_):
    os.kill(os.getpid(), signal.SIGKILL)

frames = sorted(Path({folder!r}, "frames").iterdir())
encode_video(frames, 25, Path({folder!r}, "videos"), kill)
"""


def test_kill_half_way_leaves_no_finished_video(tmp_path):
    paths = write_frames(tmp_path / "frames")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED.format(folder=str(tmp_path))],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert killed.returncode == -signal.SIGKILL
    before = set((tmp_path / "videos").iterdir())
    video = encode_video(paths, 25, tmp_path / "videos")
    assert video not in before
    assert len(decode(video)[1]) == 5


def test_what_killed_runs_left_is_removed_after_a_day(tmp_path):
    paths = write_frames(tmp_path / "frames")
    names = [".unfinished-old.mp4", ".unfinished-new.mp4", "old.mp4"]
    for name in names:
        (tmp_path / name).touch()
        if "old" in name:
            os.utime(tmp_path / name, (time.time() - 25 * 60 * 60,) * 2)
    video = encode_video(paths, 25, tmp_path)
    left = {path.name for path in tmp_path.glob("*.mp4")}
    assert left == {*names[1:], video.name}


def test_video_has_the_mode_of_ordinary_files(tmp_path):
    video = encode_video(write_frames(tmp_path / "frames"), 25, tmp_path / "videos")
    (tmp_path / "ordinary").touch()
    assert video.stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_stop_half_way_leaves_no_video(tmp_path):
    def stop(_):
        raise KeyboardInterrupt

    paths = write_frames(tmp_path / "frames")
    with pytest.raises(KeyboardInterrupt):
        encode_video(paths, 25, tmp_path / "videos", stop)
    assert list((tmp_path / "videos").iterdir()) == []
