# SPDX-License-Identifier: Apache-2.0
"""The folder of videos: which are in use, and which may be removed."""

import os
import time
from pathlib import Path

import fiftyone as fo
import pytest
from cache_files import DAY, write_entries
from fiftyone_track_audit.importers import dataset as importing
from fiftyone_track_audit.importers.disk_cache import mark_used
from fiftyone_track_audit.importers.store.media import (
    list_videos,
    mark_folder,
    trim_videos,
)
from fiftyone_track_audit.importers.tracks import InputError
from small_datasets import walkers

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def media(tmp_path, monkeypatch):
    monkeypatch.setattr(fo.config, "default_dataset_dir", str(tmp_path / "datasets"))
    return tmp_path / "datasets" / "track-audit"


def make_old(folder):
    """Make videos look as if they were used two days ago, after the mark was left."""
    for path in folder.iterdir():
        made = time.time() - (3 * DAY if path.name.startswith(".database") else 2 * DAY)
        os.utime(path, (made, made))


def test_videos_in_use_stay(tmp_path, media, monkeypatch):
    kept = importing.create_dataset(walkers("d", tmp_path / "d"))
    gone = importing.create_dataset(walkers("e", tmp_path / "e"))
    (used,), (unused,) = kept.values("filepath"), gone.values("filepath")
    package = media / "jobs" / f"{'0' * 32}.mp4"
    write_entries(package.parent, 1)
    package.write_bytes(b"x")
    gone.delete()
    make_old(media)
    trim_videos(media, "20GB")
    assert Path(unused).exists()
    monkeypatch.setenv("TRACK_AUDIT_CACHE_SIZE", "1KB")
    added = importing.create_dataset(walkers("f", tmp_path / "f"))
    assert not Path(unused).exists()
    assert package.exists()
    assert {str(video.path) for video in list_videos(media)} == {
        used,
        *added.values("filepath"),
    }
    kept.delete()
    added.delete()


def test_videos_used_just_now_stay(tmp_path, media):
    dataset = importing.create_dataset(walkers("d", tmp_path / "d"))
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
    tracks = walkers("d", tmp_path / "d")
    importing.create_dataset(tracks, video_dir=videos).delete()
    assert set(paths) < set(videos.iterdir())
    assert len(list(videos.iterdir())) == 3
    assert not media.exists()


def test_a_wrong_limit_is_told_before_the_import(tmp_path, media, monkeypatch):
    monkeypatch.setenv("TRACK_AUDIT_CACHE_SIZE", "much")
    with pytest.raises(InputError, match="TRACK_AUDIT_CACHE_SIZE"):
        importing.create_dataset(walkers("d", tmp_path / "d"))
    assert not media.exists()
