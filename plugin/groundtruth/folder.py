# SPDX-License-Identifier: Apache-2.0
"""A package's folder: what is in it, whose it is, and how another replaces it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from ...importers.files import whole_folder
from ...importers.problems import Finding, error
from ...importers.tracks import InputError
from .request import PLACEHOLDERS

JOB_FILE = "job.json"
FRAMES_FILE = "frames.csv"


def read_job(
    package: Path, needed: Collection[str] = tuple(PLACEHOLDERS)
) -> dict[str, Any]:
    """Reads the ``job.json`` of a package.

    Args:
        package: the package's folder
        needed (...): the settings that must be filled in, by default all

    Returns:
        ``request`` (the CreateLabelingJob request), ``region``, ``fill_in`` and
        ``owner``, None where nobody is named

    Raises:
        InputError: if the file is not there, is damaged, or settings are missing
    """
    path = Path(package) / JOB_FILE
    try:
        job = json.loads(path.read_text(encoding="utf-8"))
        request, region = json.dumps(job["request"]), job["region"]
    except FileNotFoundError as failure:
        raise InputError(path, "not found, expected a package's folder") from failure
    except (ValueError, KeyError, TypeError) as failure:
        raise InputError(path, "expected a package's request and region") from failure
    missing = [name for name in needed if PLACEHOLDERS[name] in request]
    if missing or ("region" in needed and not region):
        raise InputError(
            path,
            f"{', '.join(missing) or 'region'} must be filled in: write the package "
            "again with these settings",
        )
    return {"owner": None, **job}


def read_frames(package: Path) -> pd.DataFrame:
    """Reads the ``frames.csv`` of a package.

    Args:
        package: the package's folder

    Returns:
        ``sequence``, ``frame_name`` and ``path`` of each frame, the latter empty
        where it is not on this machine

    Raises:
        InputError: if the file is not there, or is damaged
    """
    path = Path(package) / FRAMES_FILE
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        return table[["sequence", "frame_name", "path"]]
    except FileNotFoundError as failure:
        raise InputError(path, "not found, expected a package's folder") from failure
    except (KeyError, ValueError) as failure:
        raise InputError(path, "expected the columns of a package") from failure


def label_files(sequences: Iterable[str]) -> list[str]:
    """Names the files that go into the bucket beside the frames.

    Args:
        sequences: the sequences' names

    Returns:
        their paths in the package, the manifest last
    """
    return [
        *(
            name
            for sequence in sequences
            for name in (f"{sequence}/{sequence}-seq.json", f"{sequence}/SeqLabel.json")
        ),
        "label-categories.json",
        "manifest.jsonl",
    ]


def folder_findings(folder: Path, owner: str | None) -> list[Finding]:
    """Finds out whether packages may be written to a folder.

    They may where it is new or empty, or holds packages of the same owner and
    nothing else: these are replaced.

    Args:
        folder: the folder
        owner: whose packages they are, None for nobody's

    Returns:
        an error where they may not
    """
    todo = "choose a new folder"
    try:
        parent = next(path for path in folder.absolute().parents if path.exists())
        if not os.access(parent, os.W_OK | os.X_OK):
            return [error(f"{parent} may not be written to", todo)]
        if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
            return []
        packages = [path.parent for path in _job_files(folder)]
        if not owner or not packages or any(_owner(p) != owner for p in packages):
            return [error(f"{folder} exists and is not empty", todo)]
        strange = _strange_file(folder, packages)
    except OSError as failure:
        return [error(f"{folder} cannot be used ({failure.strerror})", todo)]
    except InputError as failure:
        return [error(f"{folder} holds a damaged package ({failure})", todo)]
    if strange is None:
        return []
    what = f"{folder} would be replaced, and {strange} is no file of the package"
    return [error(what, f"move that elsewhere, or {todo}")]


@contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """Gives a folder to write to, which takes the place of what is there.

    Whenever this is killed, either folder is whole, and it can be done again.

    Args:
        folder: the folder, see :func:`folder_findings`

    Yields:
        the folder to write to; where that fails, all is as before
    """
    new, old = (folder.with_name(f".{folder.name}.{name}") for name in ("new", "old"))
    for left in (new, old):  # by a process that was killed
        if left.exists():
            shutil.rmtree(left)
    with whole_folder(new) as partial:
        yield partial
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    if old.exists():
        shutil.rmtree(old)


def _job_files(folder: Path) -> list[Path]:
    """The job files of a package, or else of the packages below it."""
    own = folder / JOB_FILE
    return [own] if own.is_file() else sorted(folder.glob(f"*/{JOB_FILE}"))


def _owner(package: Path) -> str | None:
    try:
        owner: str | None = read_job(package, needed=[])["owner"]
    except InputError:
        return None  # damaged: not known to be anybody's
    return owner


def _strange_file(folder: Path, packages: Iterable[Path]) -> Path | None:
    """A file that is not of the packages in a folder, if there is one."""
    own = {path for package in packages for path in _own_files(package)}
    files = (path for path in sorted(folder.rglob("*")) if not path.is_dir())
    return next((path for path in files if path not in own), None)


def _own_files(package: Path) -> Iterator[Path]:
    frames = read_frames(package)
    yield package / JOB_FILE
    yield package / FRAMES_FILE
    for name in label_files(frames["sequence"].unique()):
        yield package / name
    for name in frames["sequence"] + "/frames/" + frames["frame_name"]:
        yield package / name
