# SPDX-License-Identifier: Apache-2.0
"""Read the folder of a package, and replace it by another package."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ...importers.files import download, read_text_csv
from ...importers.frames import is_plain_name
from ...importers.problems import Finding, error
from ...importers.tracks import InputError
from ..plain import Json
from .request import package_tag

JOB_FILE = "job.json"
FRAMES_FILE = "frames.csv"


@dataclass(frozen=True)
class Package:
    """A package in its folder, and the labeling job that it is for.

    Attributes:
        folder: the package's folder
        request: the CreateLabelingJob request
        region: the AWS region, None if it is not known
        fill_in: the settings without which the job cannot be started
        owner: identifies whose package it is, None for nobody's
        in_s3: whether the package is to be in S3 alone, and complete there
    """

    folder: Path
    request: Json
    region: str | None
    fill_in: tuple[str, ...]
    owner: str | None = None
    in_s3: bool = False

    @property
    def tag(self) -> str | None:
        """The tag that the package shares with its labeling job."""
        return package_tag(self.request)

    @property
    def kms_key(self) -> str | None:
        """The KMS key that encrypts the files in the bucket, None for its default."""
        key: str | None = self.request["OutputConfig"].get("KmsKeyId")
        return key

    def require(self, *settings: str) -> None:
        """Check that settings were given when the package was written.

        Args:
            *settings: names of settings, some of ``PLACEHOLDERS``

        Raises:
            InputError: if one was not
        """
        missing = ", ".join(name for name in settings if name in self.fill_in)
        if missing:
            message = f"{missing} must be filled in: export again with these settings"
            raise InputError(self.folder / JOB_FILE, message)


def read_package(folder: Path) -> Package:
    """Read the ``job.json`` of a package.

    Raises:
        InputError: if the file does not exist or is damaged
    """
    path = Path(folder) / JOB_FILE
    try:
        job = json.loads(path.read_text(encoding="utf-8"))
        return Package(
            Path(folder),
            job["request"],
            job["region"],
            tuple(job["fill_in"]),
            job.get("owner"),
            job.get("in_s3", False),
        )
    except FileNotFoundError as failure:
        raise InputError(path, "not found, expected a package's folder") from failure
    except (ValueError, KeyError, TypeError) as failure:
        message = "expected the request, region and missing settings of a package"
        raise InputError(path, message) from failure


def download_package(uri: str, folder: Path) -> Package:
    """Read a package that is in S3 alone, without its frames.

    Args:
        uri: the S3 URI of the package, with a slash at its end
        folder: a new local folder for its files

    Raises:
        InputError: if it cannot be read, or is not complete
    """
    try:
        # It is uploaded after all files that it needs
        download(uri, [JOB_FILE], folder, progress=False)
    except InputError as failure:
        message = f"{failure.message}; if its upload was interrupted, export it again"
        raise InputError(failure.path, message) from failure
    download(uri, [FRAMES_FILE], folder, progress=False)
    sequences = read_frames(folder)["sequence"].unique()
    bad = [name for name in sequences if not is_plain_name(name)]
    if bad:
        raise InputError(f"{uri}{FRAMES_FILE}", f"{bad[0]!r} is no name of a folder")
    for sequence in sequences:
        (folder / sequence).mkdir()
    download(uri, label_files(sequences), folder, progress=False)
    return read_package(folder)


def write_job(package: Package) -> None:
    """Write the ``job.json`` of a package, see :func:`read_package`."""
    job = {
        "region": package.region,
        "fill_in": list(package.fill_in),
        "owner": package.owner,
        "request": package.request,
        **({"in_s3": True} if package.in_s3 else {}),
    }
    text = json.dumps(job, indent=2) + "\n"
    (package.folder / JOB_FILE).write_text(text, encoding="utf-8")


def read_frames(package: Path) -> pd.DataFrame:
    """Read the ``frames.csv`` of a package.

    Returns:
        the text of ``sequence``, ``frame_name``, ``path`` (empty if the frame is not
        on this machine), ``source`` (its S3 URI, if it is used from there) and ``uri``
        (the S3 URI from which the job reads it) of each frame

    Raises:
        InputError: if the file does not exist or is damaged
    """
    path = Path(package) / FRAMES_FILE
    try:
        found = read_text_csv(path)
        # Earlier packages lack the last two
        found = found.assign(source=found.get("source", ""), uri=found.get("uri", ""))
        return found[["sequence", "frame_name", "path", "source", "uri"]]
    except FileNotFoundError as failure:
        raise InputError(path, "not found, expected a package's folder") from failure
    except (KeyError, ValueError) as failure:
        message = "expected the columns sequence, frame_name and path"
        raise InputError(path, message) from failure


def label_files(sequences: Iterable[str]) -> list[str]:
    """List the files that are uploaded in addition to the frames.

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
    """Check whether packages may be written to a folder.

    They may if the folder is new or empty, or if it only holds packages of the same
    owner, which are then replaced.

    Args:
        folder: the folder
        owner: identifies whose packages they are, None for nobody's
    """
    todo = "choose a new folder"
    try:
        parent = next(path for path in folder.absolute().parents if path.exists())
        if not os.access(parent, os.W_OK | os.X_OK):
            return [error(f"{parent} is not writable", todo)]
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
    what = f"{folder} would be replaced, but {strange} is not a file of the package"
    return [error(what, f"move it elsewhere, or {todo}")]


def check_folder(folder: Path, owner: str | None) -> None:
    """Check that packages may be written to a folder, see :func:`folder_findings`.

    Args:
        folder: the folder
        owner: identifies whose packages they are, None for nobody's

    Raises:
        InputError: if they may not
    """
    for finding in folder_findings(folder, owner):
        raise InputError(folder, f"nothing was written:\n{finding}")


def _job_files(folder: Path) -> list[Path]:
    """List the job file of a package, or those of the packages in its subfolders."""
    own = folder / JOB_FILE
    return [own] if own.is_file() else sorted(folder.glob(f"*/{JOB_FILE}"))


def _owner(package: Path) -> str | None:
    try:
        return read_package(package).owner
    except InputError:
        return None  # damaged, so the owner is unknown


def _strange_file(folder: Path, packages: Iterable[Path]) -> Path | None:
    """Find a file in a folder that does not belong to its packages."""
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
