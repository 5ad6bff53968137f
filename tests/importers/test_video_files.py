# SPDX-License-Identifier: Apache-2.0
"""Videos in place of images of the frames."""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from fiftyone_track_audit.importers.frames import check_frames
from fiftyone_track_audit.importers.mot import read_mot
from fiftyone_track_audit.importers.tracks import InputError
from fiftyone_track_audit.importers.video_files import encode_part, is_video, read_video
from PIL import Image

SIZE, FRAMES, RATE = (64, 48), 12, 10.0


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def write_video(path: Path, *options: str, frames: int = FRAMES) -> Path:
    """Write a video whose frames are ever brighter."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = "x".join(map(str, SIZE))
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", shape, "-r", str(RATE)]
    pixels = np.concatenate(
        [np.full((SIZE[1], SIZE[0], 3), shade(n), np.uint8) for n in range(frames)]
    )
    # Matroska keeps uneven times as they are in every version of FFmpeg
    made = path.with_suffix(".mkv") if "-vf" in options else path
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error"]
    subprocess.run(
        [*command, *source, "-i", "-", "-pix_fmt", "yuv420p", *options, made],
        input=pixels.tobytes(),
        check=True,
    )
    if made != path:
        subprocess.run([*command, "-i", made, "-c", "copy", path], check=True)
        made.unlink()
    return path


def shade(frame: int) -> int:
    return 20 + 15 * frame


def shades(video: Path) -> list[int]:
    reader = imageio_ffmpeg.read_frames(str(video))
    next(reader)
    return [int(np.frombuffer(frame, np.uint8).mean()) for frame in reader]


UNEVEN = ["-vf", "setpts='if(lt(N,6),N,2*N-6)/10/TB'"]


@pytest.mark.parametrize(
    ("name", "options", "rate", "plays"),
    [
        ("a.mp4", ["-c:v", "libx264"], RATE, True),
        ("a.m4v", ["-c:v", "libx264"], RATE, True),
        ("a.mov", ["-c:v", "libx264"], RATE, False),
        ("a.mkv", ["-c:v", "libx264"], RATE, False),
        ("a.avi", ["-c:v", "mpeg4"], RATE, False),
        ("a.mp4", ["-c:v", "mpeg4"], RATE, False),
        ("a.mp4", ["-c:v", "libx264", *UNEVEN], 11 / 1.6, False),
    ],
)
def test_videos_tell_size_rate_and_frames(tmp_path, name, options, rate, plays):
    video = read_video(write_video(tmp_path / name, *options))
    assert video.size == SIZE
    assert video.frames == FRAMES
    assert video.frame_rate == pytest.approx(rate, rel=0.01)
    assert video.plays is plays


@pytest.mark.parametrize("options", [["-c:v", "libx264"], ["-c:v", "libx264", *UNEVEN]])
def test_parts_hold_each_frame_once(tmp_path, options):
    source = write_video(tmp_path / "a.mkv", *options)
    video = encode_part(source, 3, 8, RATE, tmp_path / "videos")
    assert shades(video) == pytest.approx([shade(n) for n in range(2, 8)], abs=4)
    found = read_video(video)
    assert (found.frames, found.frame_rate, found.plays) == (6, RATE, True)
    before = video.stat().st_mtime_ns
    assert encode_part(source, 3, 8, RATE, tmp_path / "videos") == video
    assert [video] == list((tmp_path / "videos").iterdir())
    assert video.stat().st_mtime_ns >= before


def test_what_is_no_video_is_refused(tmp_path):
    path = tmp_path / "a.mp4"
    with pytest.raises(InputError, match="expected a video"):
        read_video(path)
    path.write_text("no video")
    assert is_video(path)
    with pytest.raises(InputError, match="cannot be read; expected a video"):
        read_video(path)
    short = write_video(tmp_path / "b.mp4", "-c:v", "libx264")
    with pytest.raises(InputError, match="2 of 5 frames can be decoded"):
        encode_part(short, 11, 15, RATE, tmp_path / "videos")
    assert list((tmp_path / "videos").iterdir()) == []


def write_rows(file: Path, last: int = 5) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = [f"{n},1,{5 + n},6,10,20,1,1,1\n" for n in range(1, last + 1)]
    file.write_text("".join(rows))
    return file


@pytest.mark.parametrize(
    ("labels", "video"),
    [
        ("walk/gt/gt.txt", "walk/walk.mp4"),
        ("walk/gt/gt.txt", "walk/recording.avi"),
        ("walk/gt/gt.txt", "walk.mov"),
        ("walk.txt", "walk.mkv"),
    ],
)
def test_a_video_beside_the_labels_is_found(tmp_path, labels, video):
    path = write_video(tmp_path / video)
    write_video(tmp_path / "other.mp4")
    tracks = read_mot(write_rows(tmp_path / labels))
    sequence = tracks.sequences["walk"]
    assert [part.path for part in sequence.videos] == [path]
    assert (sequence.width, sequence.height, sequence.frame_rate) == (*SIZE, RATE)
    assert (sequence.size_from, sequence.rate_from) == ("the video", "the video")
    assert len(sequence.frame_names) == FRAMES
    assert tracks.notes == ()


def test_frames_of_a_video_that_is_given_are_decoded(tmp_path):
    video = write_video(tmp_path / "videos" / "walk.mp4")
    labels = write_rows(tmp_path / "walk.txt", FRAMES + 1)
    for given in (video, video.parent):
        tracks = read_mot(labels, frames=given)
        sequence = tracks.sequences["walk"]
        assert [part.path for part in sequence.videos] == [video]
        assert tracks.invalid["line"].tolist() == [FRAMES + 1]
    check_frames(sequence)
    for position, name in enumerate(sequence.frame_names):
        with Image.open(sequence.frames_dir / name) as image:
            assert image.size == SIZE
            assert np.asarray(image).mean() == pytest.approx(shade(position), abs=4)
