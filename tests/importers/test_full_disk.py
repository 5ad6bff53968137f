# SPDX-License-Identifier: Apache-2.0
"""Disks that are full or read-only: one error, and nothing half-written."""

import os
import resource
import subprocess
from contextlib import contextmanager

import numpy as np
import pytest
from fiftyone_track_audit.importers.files import whole_folder, write_bytes
from fiftyone_track_audit.importers.frames import check_frames
from fiftyone_track_audit.importers.tracks import InputError, Sequence, VideoPart
from fiftyone_track_audit.importers.video import encode_video
from PIL import Image

FRAMES = 12
#: The space of the small disk, in bytes: for a few of the frames.
SPACE = 1 << 16


@contextmanager
def small_disk(folder, *options):
    """Mount a disk of a few kilobytes at a folder."""
    folder.mkdir(exist_ok=True)
    option = ",".join((f"size={SPACE}", *options))
    command = ["mount", "-t", "tmpfs", "-o", option, "tmpfs", folder]
    if os.getuid() or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("only root may mount a disk, and not everywhere")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@contextmanager
def small_files(folder):
    """Let this process, and those that it starts, write small files only."""
    folder.mkdir(exist_ok=True)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SPACE // 8, hard))
    try:
        yield folder
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(params=[small_disk, small_files])
def limited(request, tmp_path):
    """A function that makes a folder without much space for as long as it lasts."""
    return lambda: request.param(tmp_path / "limited")


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """The files of frames that no encoder makes small."""
    folder, random = tmp_path_factory.mktemp("frames"), np.random.default_rng(0)
    files = [folder / f"{number:06d}.png" for number in range(1, FRAMES + 1)]
    for file in files:
        Image.fromarray(random.integers(0, 255, (120, 160, 3), np.uint8)).save(file)
    return files


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_video_is_not_encoded(limited, frames):
    with limited() as folder:
        expected = rf"^{folder}: the video cannot be written; is the disk full\?$"
        with pytest.raises(InputError, match=expected):
            encode_video(frames, 25, folder)
        assert files_in(folder) == []
    assert encode_video(frames, 25, folder).stat().st_size > SPACE


def test_decoded_frames_that_are_there_are_whole(
    limited, frames, tmp_path, monkeypatch
):
    video = encode_video(frames, 25, tmp_path / "videos")
    with limited() as folder:
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
        cache = folder / "track-audit" / "frames" / "a"
        names = tuple(f"{number:06d}.jpg" for number in range(1, FRAMES + 1))
        parts = (VideoPart(video, 1, FRAMES),)
        sequence = Sequence("a", 160, 120, 25, names, cache, videos=parts)
        with pytest.raises(OSError, match=rf"'{cache}/0000\d\d\.jpg'$"):
            check_frames(sequence)
        for name in files_in(folder):
            Image.open(cache / name).load()
    check_frames(sequence)
    assert files_in(folder)[-FRAMES:] == [*names]


def test_a_file_that_was_there_stays(limited):
    with limited() as folder:
        path = folder / "report.html"
        write_bytes(path, b"before")
        with pytest.raises(OSError, match=rf"'{path}'$"):
            write_bytes(path, bytes(2 * SPACE))
        assert files_in(folder) == ["report.html"]
        assert path.read_bytes() == b"before"


def test_an_export_that_was_there_stays(limited):
    def replace(size):
        with whole_folder(folder / "export", lambda _: None) as new:
            (new / "gt.txt").write_bytes(bytes(size))

    with limited() as folder:
        replace(1)
        with pytest.raises(OSError, match=rf"'{folder}/export'$"):
            replace(2 * SPACE)
        assert files_in(folder) == ["gt.txt"]
        assert (folder / "export" / "gt.txt").stat().st_size == 1


@pytest.mark.parametrize(
    "write",
    [
        lambda folder, frames: encode_video(frames, 25, folder / "videos"),
        lambda folder, _: write_bytes(folder / "a", b""),
        lambda folder, _: whole_folder(folder / "a").__enter__(),
    ],
    ids=["video", "file", "export"],
)
def test_a_read_only_folder_is_named(frames, tmp_path, write):
    with small_disk(tmp_path / "disk", "ro") as folder:
        with pytest.raises(OSError, match="Read-only file system") as caught:
            write(folder, frames)
        assert caught.value.filename.startswith(str(folder))
