# SPDX-License-Identifier: Apache-2.0
"""Upload a package to S3: first the frames, then the labels, the manifest last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import md5, sha256
from itertools import chain
from mimetypes import guess_type
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tqdm import tqdm

from ...importers.files import split_s3
from ...importers.tracks import InputError
from .aws import THREADS, GroundTruthError, aws_errors, s3_client
from .bucket import OWNER, check_bucket, encryption
from .folder import FRAMES_FILE, Package, label_files, read_frames
from .job_frames import is_file_name

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

#: What is in a file's place in the bucket: nothing, the same file, another file of the
#: same owner, or somebody else's.
State = Literal["absent", "same", "own", "other"]


@dataclass(frozen=True)
class Upload:
    """The result of an upload.

    Attributes:
        sent: the number of files that were uploaded
        kept: the number of files that were already in the bucket
    """

    sent: int
    kept: int


@dataclass(frozen=True)
class _File:
    key: str
    path: Path


@dataclass(frozen=True)
class _PackageFiles:
    """A package: its local frames, the keys of other frames, and its label files."""

    frames: tuple[_File, ...]
    remote: tuple[str, ...]
    labels: tuple[_File, ...]


def upload_package(
    package: Package,
    client: S3Client | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Upload:
    """Upload the files of a package that are not in the bucket yet.

    An upload that was interrupted, or whose process was killed, resumes where it
    stopped. Files of an earlier package of the same owner are replaced. Nothing is
    uploaded if a file is missing, or if somebody else's file is in its place in the
    bucket.

    Args:
        package: the package
        client (None): an S3 client, by default from boto3's default chain
        progress (None): is called with the number of files that are done and the
            total

    Raises:
        InputError: if the package is damaged, or has no bucket
        GroundTruthError: if the bucket cannot be used
    """
    package.require("bucket")
    source = package.request["InputConfig"]["DataSource"]["S3DataSource"]
    bucket, key = split_s3(source["ManifestS3Uri"])
    root = key.rpartition("/")[0]
    files = _package_files(package.folder, root)
    client = client or s3_client(package.region)
    check_bucket(client, bucket, package.region)
    sizes = _sizes(client, bucket, f"{root}/")
    _check_remote(bucket, [key for key in files.remote if key not in sizes])
    local = [*files.frames, *files.labels]
    owner = package.owner
    with _threads() as executor:
        states = executor.map(
            lambda file: _state(client, bucket, file, sizes.get(file.key), owner), local
        )
        to_send = _to_send(bucket, dict(zip(local, states, strict=True)))
        kept = len(local) + len(files.remote) - len(to_send)
        sent = chain(
            executor.map(
                lambda file: _send(client, bucket, file, owner, package.kms_key),
                [file for file in files.frames if file in to_send],
            ),
            # One after the other, the manifest last: once it exists, all files do.
            (
                _send(client, bucket, file, owner, package.kms_key)
                for file in files.labels
                if file in to_send
            ),
        )
        bar = tqdm(sent, total=len(to_send), unit="file", disable=None)
        for done, _ in enumerate(bar, kept + 1):
            if progress:
                progress(done, kept + len(to_send))
    return Upload(len(to_send), kept)


@contextmanager
def _threads() -> Iterator[ThreadPoolExecutor]:
    executor = ThreadPoolExecutor(THREADS)
    try:
        yield executor
    finally:
        # A failure or an interrupt stops the upload, not only the wait for it.
        executor.shutdown(cancel_futures=True)


def _package_files(package: Path, root: str) -> _PackageFiles:
    path = package / FRAMES_FILE
    rows = read_frames(package)
    frames, remote = [], []
    for line, (sequence, name, local) in enumerate(rows.itertuples(index=False), 2):
        if not (is_file_name(sequence) and is_file_name(name)):
            raise InputError(path, "expected plain file names", line)
        key = f"{root}/{sequence}/frames/{name}"
        if local:
            frames.append(_File(key, package / local))
        else:
            remote.append(key)
    missing = [file.path for file in frames if not file.path.is_file()]
    if missing:
        raise InputError(
            path, f"{len(missing)} frames no longer exist, such as {missing[0]}"
        )
    labels = label_files(rows["sequence"].unique())
    for name in labels:
        if not (package / name).is_file():
            raise InputError(package / name, "not found, expected a complete package")
    return _PackageFiles(
        tuple(frames),
        tuple(remote),
        tuple(_File(f"{root}/{name}", package / name) for name in labels),
    )


def _sizes(client: S3Client, bucket: str, prefix: str) -> dict[str, int]:
    """Return the size in bytes of each object in the bucket, by key."""
    with aws_errors(f"Listing s3://{bucket}/{prefix}"):
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=prefix
        )
        found = [item for page in pages for item in page.get("Contents", [])]
    return {item["Key"]: item["Size"] for item in found}


def _check_remote(bucket: str, absent: list[str]) -> None:
    if absent:
        raise GroundTruthError(
            f"{len(absent)} frames are neither on this machine nor in the bucket, "
            f"such as s3://{bucket}/{absent[0]}",
            "upload them, or set the folder of the sequences' frames",
        )


def _state(
    client: S3Client, bucket: str, file: _File, size: int | None, owner: str | None
) -> State:
    if size is None:
        return "absent"
    with aws_errors(f"Checking s3://{bucket}/{file.key}"):
        found = client.head_object(Bucket=bucket, Key=file.key)
    if size == file.path.stat().st_size and _is_same(found, file.path.read_bytes()):
        return "same"
    return "own" if owner and found["Metadata"].get(OWNER) == owner else "other"


def _is_same(found: HeadObjectOutputTypeDef, body: bytes) -> bool:
    """Compare a file with an object of the same size."""
    digest = found["Metadata"].get("sha256")
    if digest:
        return digest == sha256(body).hexdigest()
    # Not uploaded by Track Audit: S3's own checksum of an upload in one part
    return found["ETag"].strip('"') == md5(body, usedforsecurity=False).hexdigest()


def _to_send(bucket: str, states: dict[_File, State]) -> set[_File]:
    others = [file.key for file, state in states.items() if state == "other"]
    if others:
        raise GroundTruthError(
            f"{len(others)} files of somebody else are in their place in the bucket, "
            f"such as s3://{bucket}/{others[0]}",
            "choose another prefix",
        )
    return {file for file, state in states.items() if state != "same"}


def content_type(key: str) -> str:
    """Return the content type of a file by its name."""
    kinds = {"manifest": "application/jsonlines", "jsonl": "application/jsonlines"}
    own = kinds.get(key.rpartition(".")[2])
    return own or guess_type(key)[0] or "application/octet-stream"


def _send(
    client: S3Client, bucket: str, file: _File, owner: str | None, key: str | None
) -> str:
    body = file.path.read_bytes()
    metadata = {"sha256": sha256(body).hexdigest()}
    if owner:
        metadata[OWNER] = owner
    with aws_errors(f"Uploading s3://{bucket}/{file.key}"):
        answer = client.put_object(
            Bucket=bucket,
            Key=file.key,
            Body=body,
            ContentType=content_type(file.key),
            Metadata=metadata,
            **encryption(key),
        )
    return answer["ETag"]
