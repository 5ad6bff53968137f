# SPDX-License-Identifier: Apache-2.0
"""Caches on disk: sizes, what goes first, and videos that are in use."""

import os
import subprocess
import sys
import time
from hashlib import md5
from pathlib import Path

import fiftyone as fo
import pytest
from fiftyone_track_audit.importers import dataset as importing
from fiftyone_track_audit.importers.disk_cache import (
    list_entries,
    mark_used,
    size_limit,
    trim,
)
from fiftyone_track_audit.importers.store.media import (
    list_videos,
    mark_folder,
    trim_videos,
)
from fiftyone_track_audit.importers.tracks import InputError
from small_datasets import walkers

DAY = 24 * 60 * 60


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("20GB", 20 * 10**9),
        ("500 MiB", 500 * 2**20),
        ("1.5tb", 15 * 10**11),
        ("12", 12),
        (7, 7),
        ("0", 0),
        ("", 20 * 10**9),
    ],
)
def test_sizes(monkeypatch, text, size):
    if text != "":
        assert size_limit(text) == size
    monkeypatch.setenv("TRACK_AUDIT_CACHE_SIZE", str(text))
    assert size_limit() == size


@pytest.mark.parametrize("text", ["many", "-1GB", "nan", "1e9", "20 GX", "GB"])
def test_no_sizes(monkeypatch, text):
    monkeypatch.setenv("TRACK_AUDIT_CACHE_SIZE", text)
    with pytest.raises(InputError, match=f"'{text}' is no size; expected .* 20GB"):
        size_limit()


def write_entries(folder, count, suffix=".npz", size=100, age=2 * DAY):
    """Writes files of a cache, each used a minute after the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{md5(bytes([i])).hexdigest()}{suffix}" for i in range(count)]
    for minute, path in enumerate(paths):
        path.write_bytes(b"x" * size)
        used = time.time() - age + 60 * minute
        os.utime(path, (used, used))
    return paths


def test_least_recently_used_go_first(tmp_path):
    paths = write_entries(tmp_path, 5)
    mark_used(paths[0])
    (tmp_path / "notes.npz").write_bytes(b"x" * 1000)
    entries = list_entries(tmp_path.iterdir())
    assert {entry.path for entry in entries} == set(paths)
    assert trim(entries, 150) == 200
    assert [path.exists() for path in paths] == [True, False, False, True, True]
    assert trim(entries, -1) == 0
    assert (tmp_path / "notes.npz").exists()


def test_what_is_being_written_stays(tmp_path):
    (path,) = write_entries(tmp_path, 1)
    parts = [path.with_name(f".{path.name}.{number:032x}.part") for number in range(2)]
    for part in parts:
        part.write_bytes(b"x")
    os.utime(parts[0], (0, 0))
    entries = list_entries(tmp_path.iterdir())
    assert {entry.path for entry in entries} == {path, parts[0]}


TRIM = """
import sys
from pathlib import Path
from fiftyone_track_audit.importers.disk_cache import list_entries, trim

entries = list_entries(Path(sys.argv[1]).iterdir())
print(flush=True)
sys.stdin.readline()
trim(entries, 20_000)
"""


def test_several_processes_trim_at_once(tmp_path):
    paths = write_entries(tmp_path, 250)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TRIM, tmp_path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        assert process.communicate()[1] == ""
    assert [path for path in paths if path.exists()] == paths[200:]


@pytest.fixture
def media(tmp_path, monkeypatch, database):
    monkeypatch.setattr(fo.config, "default_dataset_dir", str(tmp_path / "datasets"))
    return tmp_path / "datasets" / "track-audit"


def make_old(folder):
    """Makes videos look as if they were used two days ago, after the mark was left."""
    for path in folder.iterdir():
        made = time.time() - (3 * DAY if path.name.startswith(".database") else 2 * DAY)
        os.utime(path, (made, made))


def test_videos_in_use_stay(tmp_path, media, monkeypatch):
    kept = importing.create_dataset(walkers("a", tmp_path / "a"))
    gone = importing.create_dataset(walkers("b", tmp_path / "b"))
    (used,), (unused,) = kept.values("filepath"), gone.values("filepath")
    package = media / "jobs" / f"{'0' * 32}.mp4"
    write_entries(package.parent, 1)
    package.write_bytes(b"x")
    gone.delete()
    make_old(media)
    trim_videos(media, "20GB")
    assert Path(unused).exists()
    monkeypatch.setenv("TRACK_AUDIT_CACHE_SIZE", "1KB")
    added = importing.create_dataset(walkers("c", tmp_path / "c"))
    assert not Path(unused).exists()
    assert package.exists()
    assert {str(video.path) for video in list_videos(media)} == {
        used,
        *added.values("filepath"),
    }
    kept.delete()
    added.delete()


def test_videos_used_just_now_stay(tmp_path, media):
    dataset = importing.create_dataset(walkers("a", tmp_path / "a"))
    (video,) = dataset.values("filepath")
    dataset.delete()
    trim_videos(media, 0)
    assert Path(video).exists()
    make_old(media)
    # An import that is still running uses it again
    mark_used(list_videos(media)[0].path)
    trim_videos(media, 0)
    assert Path(video).exists()
    make_old(media)
    trim_videos(media, 0)
    assert not Path(video).exists()


def test_videos_of_other_databases_stay(media, monkeypatch):
    write_entries(media, 2, ".mp4")
    mark_folder(media)
    trim_videos(media, 0)
    assert len(list_videos(media)) == 2, "older than the mark"
    make_old(media)
    monkeypatch.setattr(fo.config, "database_name", "other")
    mark_folder(media)
    trim_videos(media, 0)
    assert len(list_videos(media)) == 2, "of one of two databases"


def test_a_folder_of_ones_own_is_left_alone(tmp_path, media, monkeypatch):
    monkeypatch.setenv("TRACK_AUDIT_CACHE_SIZE", "0")
    videos = tmp_path / "mine"
    paths = write_entries(videos, 2, ".mp4")
    tracks = walkers("a", tmp_path / "a")
    importing.create_dataset(tracks, video_dir=videos).delete()
    assert set(paths) < set(videos.iterdir())
    assert len(list(videos.iterdir())) == 3
    assert not media.exists()


def test_a_wrong_limit_is_told_before_the_import(tmp_path, media, monkeypatch):
    monkeypatch.setenv("TRACK_AUDIT_CACHE_SIZE", "much")
    with pytest.raises(InputError, match="TRACK_AUDIT_CACHE_SIZE"):
        importing.create_dataset(walkers("a", tmp_path / "a"))
    assert not media.exists()
