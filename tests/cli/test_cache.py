# SPDX-License-Identifier: Apache-2.0
"""The command that shows and clears the cache."""

import json
import os

import fiftyone as fo
import pytest
from fiftyone_track_audit.importers.dataset import create_dataset
from fiftyone_track_audit.plugin.cli import main
from small_datasets import walkers

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def caches(tmp_path, monkeypatch):
    """The folders of both caches: two files of vectors, two videos, one in use."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(fo.config, "default_dataset_dir", str(tmp_path / "datasets"))
    vectors = tmp_path / "cache" / "track-audit" / "embeddings"
    (vectors / "model").mkdir(parents=True)
    for number in range(2):
        (vectors / "model" / f"{number:032x}.npz").write_bytes(b"x" * 1_500_000)
    dataset = create_dataset(walkers("a", tmp_path / "a"))
    videos = tmp_path / "datasets" / "track-audit"
    unused = videos / f"{1:032x}.mp4"
    unused.write_bytes(b"x" * 2_000_000)
    for path in videos.iterdir():
        os.utime(path, (0, 0))
    yield vectors, videos
    dataset.delete()


def test_shows_what_is_there(caches, capsys, monkeypatch):
    monkeypatch.setenv("TRACK_AUDIT_CACHE_SIZE", "5MB")
    frames = caches[0].parent / "frames" / f"{1:032x}"
    frames.mkdir(parents=True)
    (frames / "000001.jpg").write_bytes(b"x" * 1_000_000)
    assert main(["cache", "--json"]) == 0
    vectors, videos, decoded = json.loads(capsys.readouterr().out)["caches"]
    assert vectors == {
        "content": "embeddings",
        "folder": str(caches[0]),
        "entries": 2,
        "size": 3_000_000,
        "removable": 3_000_000,
        "limit": 5_000_000,
    }
    assert (videos["content"], videos["folder"]) == ("videos", str(caches[1]))
    assert (videos["entries"], videos["removable"]) == (2, 2_000_000)
    assert videos["size"] > 2_000_000
    assert (decoded["content"], decoded["folder"]) == ("frames", str(frames.parent))
    assert (decoded["entries"], decoded["removable"]) == (1, 1_000_000)
    assert main(["cache"]) == 0
    out = capsys.readouterr().out
    assert "embeddings: 2 files, 3.0 MB" in out
    assert "removable: 2.0 MB" in out
    assert "limit:     5.0 MB" in out


def test_clears_all_but_videos_in_use(caches, capsys):
    assert main(["cache", "--clear", "--json"]) == 0
    vectors, videos, _ = json.loads(capsys.readouterr().out)["caches"]
    assert (vectors["entries"], vectors["size"], vectors["removable"]) == (0, 0, 0)
    assert (videos["entries"], videos["removable"]) == (1, 0)
    assert list(caches[0].rglob("*.npz")) == []
    (dataset,) = map(fo.load_dataset, fo.list_datasets())
    assert [str(path) for path in caches[1].glob("*.mp4")] == dataset.values("filepath")


def test_clears_no_videos_that_another_database_may_use(caches, capsys):
    (caches[1] / ".database-0123456789abcdef").touch()
    assert main(["cache", "--clear"]) == 0
    assert "videos: 2 files" in capsys.readouterr().out


def test_a_wrong_limit_is_one_line(caches, capsys, monkeypatch):
    monkeypatch.setenv("TRACK_AUDIT_CACHE_SIZE", "much")
    assert main(["cache", "--clear"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("track-audit: error: TRACK_AUDIT_CACHE_SIZE: 'much'")
    assert captured.err.count("\n") == 1
    assert len(list(caches[0].rglob("*.npz"))) == 2
