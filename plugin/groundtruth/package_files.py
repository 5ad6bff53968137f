# SPDX-License-Identifier: Apache-2.0
"""List the files that a package needs in S3, and where each of them comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...importers.files import read_text_csv
from ...importers.tracks import InputError
from .folder import FRAMES_FILE, JOB_FILE, Package, label_files, read_frames
from .job_frames import is_file_name


@dataclass(frozen=True)
class PackageFile:
    """A file that belongs into a package in S3.

    Attributes:
        key: its key in the bucket
        path: the local file
        source: the S3 URI to copy it from instead, None to upload the local file
        body: what to upload instead of the local file, or None
    """

    key: str
    path: Path
    source: str | None = None
    body: bytes | None = None

    def read(self) -> bytes:
        """Return the content to upload."""
        return self.path.read_bytes() if self.body is None else self.body


@dataclass(frozen=True)
class PackageFiles:
    """The files of a package.

    Attributes:
        frames: the frames to upload or to copy
        remote: the S3 URIs of the frames that must be there already
        labels: the label files to upload, the manifest last
    """

    frames: tuple[PackageFile, ...]
    remote: tuple[str, ...]
    labels: tuple[PackageFile, ...]


def package_files(whole: Package, bucket: str, root: str) -> PackageFiles:
    """List the files of a package.

    Args:
        whole: the package
        bucket: its bucket
        root: its folder in the bucket, without a slash at its end

    Raises:
        InputError: if the package is damaged, or a local file is missing
    """
    package = whole.folder
    table = package / FRAMES_FILE
    rows = read_frames(package)
    frames, remote = [], []
    for line, row in enumerate(rows.to_dict("records"), 2):
        sequence, name, source = row["sequence"], row["frame_name"], row["source"]
        if not (is_file_name(sequence) and is_file_name(name)):
            raise InputError(table, "expected plain file names", line)
        key = f"{root}/{sequence}/frames/{name}"
        if source:
            if not source.startswith("s3://"):
                raise InputError(table, f"source is {source!r}; expected s3://", line)
            if source == row["uri"]:
                remote.append(source)
            else:
                frames.append(PackageFile(key, Path(), source))
        elif row["path"]:
            frames.append(PackageFile(key, package / row["path"]))
        else:
            remote.append(f"s3://{bucket}/{key}")
    local = [file.path for file in frames if not file.source]
    missing = [path for path in local if not path.is_file()]
    if missing:
        raise InputError(
            table, f"{len(missing)} frames no longer exist, such as {missing[0]}"
        )
    labels = label_files(rows["sequence"].unique())
    for name in labels:
        if not (package / name).is_file():
            raise InputError(package / name, "not found, expected a complete package")
    files = [PackageFile(f"{root}/{name}", package / name) for name in labels]
    if whole.in_s3:
        # On another machine, the local files of the frames mean nothing
        kept = read_text_csv(table).assign(path="").to_csv(index=False).encode()
        files[-1:-1] = [
            PackageFile(f"{root}/{FRAMES_FILE}", table, body=kept),
            PackageFile(f"{root}/{JOB_FILE}", package / JOB_FILE),
        ]
    return PackageFiles(tuple(frames), tuple(remote), tuple(files))
