# SPDX-License-Identifier: Apache-2.0
"""Caches on disk: their sizes, and what goes first."""

import os
import subprocess
import sys

import pytest
from cache_files import write_entries
from fiftyone_track_audit.importers.disk_cache import (
    list_entries,
    mark_used,
    size_limit,
    trim,
)
from fiftyone_track_audit.importers.tracks import InputError


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
    with pytest.raises(InputError, match=f"'{text}' is not a size; expected, .* 20GB"):
        size_limit()


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
