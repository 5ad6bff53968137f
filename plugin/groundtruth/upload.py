# SPDX-License-Identifier: Apache-2.0
"""Uploads a package to S3: frames first, then labels, the manifest last."""

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
from .bucket import OWNER, check_bucket
from .folder import FRAMES_FILE, label_files, read_frames, read_job
from .job_frames import is_file_name

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

#: What is in a file's place in the bucket: nothing, the file itself, another file of
#: the same owner, or somebody else's.
State = Literal["absent", "same", "own", "other"]


@dataclass(frozen=True)
class Upload:
    """What an upload did.

    Attributes:
        sent: the number of files that were sent
        kept: the number of files that were in the bucket already
    """

    sent: int
    kept: int


@dataclass(frozen=True)
class _File:
    key: str
    path: Path


@dataclass(frozen=True)
class _PackageFiles:
    """Files to be in S3: local frames, keys of other frames, label files in order."""

    frames: tuple[_File, ...]
    remote: tuple[str, ...]
    labels: tuple[_File, ...]


def upload_package(
    package: Path,
    client: S3Client | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Upload:
    """Uploads what is not in the bucket yet.

    An upload that was broken off, or whose process was killed, goes on where it
    stopped. What an earlier package of the same owner put there is replaced. Nothing
    is sent where a file is missing, or where the bucket holds somebody else's file in
    a file's place.

    Args:
        package: the package's folder
        client (None): an S3 client, by default one of boto3's default chain
        progress (None): is called with the numbers of files done and in all

    Returns:
        what was sent

    Raises:
        InputError: if the package is damaged or not filled in
        GroundTruthError: if the bucket cannot be used
    """
    job = read_job(package, needed=["bucket"])
    source = job["request"]["InputConfig"]["DataSource"]["S3DataSource"]
    bucket, key = split_s3(source["ManifestS3Uri"])
    root = key.rpartition("/")[0]
    files = _package_files(Path(package), root)
    client = client or s3_client(job["region"])
    check_bucket(client, bucket, job["region"])
    sizes = _sizes(client, bucket, f"{root}/")
    _check_remote(bucket, [key for key in files.remote if key not in sizes])
    local = [*files.frames, *files.labels]
    total = len(local) + len(files.remote)
    owner = job["owner"]
    with _threads() as executor:
        states = executor.map(
            lambda file: _state(client, bucket, file, sizes.get(file.key), owner), local
        )
        to_send = _to_send(bucket, dict(zip(local, states, strict=True)))
        kept = total - len(to_send)
        sent = chain(
            executor.map(
                lambda file: _send(client, bucket, file, owner),
                [file for file in files.frames if file in to_send],
            ),
            # One after the other, the manifest last: once it is there, all is.
            (
                _send(client, bucket, file, owner)
                for file in files.labels
                if file in to_send
            ),
        )
        bar = tqdm(sent, total=len(to_send), unit="file", disable=None)
        for done, _ in enumerate(bar, kept + 1):
            if progress:
                progress(done, total)
    return Upload(len(to_send), kept)


@contextmanager
def _threads() -> Iterator[ThreadPoolExecutor]:
    executor = ThreadPoolExecutor(THREADS)
    try:
        yield executor
    finally:
        # A failure or an interrupt ends the upload, not only the wait for it.
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
            path, f"{len(missing)} frames are not there any more, such as {missing[0]}"
        )
    labels = label_files(rows["sequence"].unique())
    for name in labels:
        if not (package / name).is_file():
            raise InputError(package / name, "not found, expected a whole package")
    return _PackageFiles(
        tuple(frames),
        tuple(remote),
        tuple(_File(f"{root}/{name}", package / name) for name in labels),
    )


def _sizes(client: S3Client, bucket: str, prefix: str) -> dict[str, int]:
    """Lists what is in the bucket: its size in bytes, by key."""
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
            "put them there, or give their folder",
        )


def _state(
    client: S3Client, bucket: str, file: _File, size: int | None, owner: str | None
) -> State:
    if size is None:
        return "absent"
    with aws_errors(f"Looking at s3://{bucket}/{file.key}"):
        found = client.head_object(Bucket=bucket, Key=file.key)
    if size == file.path.stat().st_size and _is_same(found, file.path.read_bytes()):
        return "same"
    return "own" if owner and found["Metadata"].get(OWNER) == owner else "other"


def _is_same(found: HeadObjectOutputTypeDef, body: bytes) -> bool:
    """Compares a file's bytes with an object of the same size."""
    digest = found["Metadata"].get("sha256")
    if digest:
        return digest == sha256(body).hexdigest()
    # Put there by other means: S3's own checksum of what came in one piece
    return found["ETag"].strip('"') == md5(body, usedforsecurity=False).hexdigest()


def _to_send(bucket: str, states: dict[_File, State]) -> set[_File]:
    others = [file.key for file, state in states.items() if state == "other"]
    if others:
        raise GroundTruthError(
            f"{len(others)} other files are in their place in the bucket, such as "
            f"s3://{bucket}/{others[0]}",
            "choose another prefix",
        )
    return {file for file, state in states.items() if state != "same"}


def _send(client: S3Client, bucket: str, file: _File, owner: str | None) -> str:
    body = file.path.read_bytes()
    kind = guess_type(file.key)[0] or "application/octet-stream"
    metadata = {"sha256": sha256(body).hexdigest()}
    if owner:
        metadata[OWNER] = owner
    with aws_errors(f"Uploading s3://{bucket}/{file.key}"):
        answer = client.put_object(
            Bucket=bucket,
            Key=file.key,
            Body=body,
            ContentType=kind,
            Metadata=metadata,
        )
    return answer["ETag"]
