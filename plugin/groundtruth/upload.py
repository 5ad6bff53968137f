# SPDX-License-Identifier: Apache-2.0
"""Upload a package to S3: first the frames, then the labels, the manifest last."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from mimetypes import guess_type
from typing import TYPE_CHECKING, Literal

from tqdm import tqdm

from ...importers.s3_objects import split_s3
from .aws import THREADS, GroundTruthError, aws_errors, s3_client
from .bucket import OWNER, check_bucket, encryption
from .folder import Package
from .objects import DIGEST, PAYER, StoredObject, folder_uri, is_same, list_objects
from .package_files import PackageFile, package_files

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: What is in a file's place in the bucket: nothing, the same file, another file of the
#: same owner, or somebody else's.
State = Literal["absent", "same", "own", "other"]

#: The key of an object's metadata that holds the ETag of what it was copied from.
_SOURCE = "source-etag"


@dataclass(frozen=True)
class Upload:
    """The result of an upload.

    Attributes:
        sent: the number of files that were uploaded
        kept: the number of files that were already in the bucket
    """

    sent: int
    kept: int


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
    files = package_files(package, bucket, root)
    client = client or s3_client(package.region)
    check_bucket(client, bucket, package.region)
    there = list_objects(client, f"s3://{bucket}/{root}/")
    _check_remote(client, files.remote, there)
    local = [*files.frames, *files.labels]
    owner = package.owner
    with _threads() as executor:
        states = executor.map(
            lambda file: _state(
                client, bucket, file, there.get(f"s3://{bucket}/{file.key}"), owner
            ),
            local,
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


def _check_remote(client: S3Client, remote: Sequence[str], own: Container[str]) -> None:
    """Check that the frames that are not sent are in S3."""
    absent = [uri for uri in remote if uri not in own]
    folders = dict.fromkeys(map(folder_uri, absent))
    there = {uri for folder in folders for uri in list_objects(client, folder)}
    absent = [uri for uri in absent if uri not in there]
    if absent:
        raise GroundTruthError(
            f"{len(absent)} frames are neither on this machine nor in the bucket, "
            f"such as {absent[0]}",
            "upload them, or set the folder of the sequences' frames",
        )


def _state(
    client: S3Client,
    bucket: str,
    file: PackageFile,
    stored: StoredObject | None,
    owner: str | None,
) -> State:
    if stored is None:
        return "absent"
    with aws_errors(f"Checking {stored.uri}"):
        found = client.head_object(Bucket=bucket, Key=file.key)
    if file.source:
        same = found["Metadata"].get(_SOURCE) == _etag(client, file.source)
    else:
        body = file.read()
        same = stored.size == len(body) and is_same(found, body)
    if same:
        return "same"
    return "own" if owner and found["Metadata"].get(OWNER) == owner else "other"


def _etag(client: S3Client, uri: str) -> str:
    bucket, key = split_s3(uri)
    with aws_errors(f"Checking {uri}"):
        return client.head_object(Bucket=bucket, Key=key, **PAYER)["ETag"].strip('"')


def _to_send(bucket: str, states: dict[PackageFile, State]) -> set[PackageFile]:
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
    client: S3Client,
    bucket: str,
    file: PackageFile,
    owner: str | None,
    key: str | None,
) -> str:
    """Upload a file or copy it inside S3, and return its key."""
    owned = {OWNER: owner} if owner else {}
    kind = content_type(file.key)
    with aws_errors(f"Uploading s3://{bucket}/{file.key}"):
        if file.source:
            etag, (source, name) = _etag(client, file.source), split_s3(file.source)
            client.copy_object(
                Bucket=bucket,
                Key=file.key,
                CopySource={"Bucket": source, "Key": name},
                CopySourceIfMatch=etag,
                MetadataDirective="REPLACE",
                ContentType=kind,
                Metadata={_SOURCE: etag, **owned},
                **PAYER,
                **encryption(key),
            )
            return file.key
        body = file.read()
        client.put_object(
            Bucket=bucket,
            Key=file.key,
            Body=body,
            ContentType=kind,
            Metadata={DIGEST: sha256(body).hexdigest(), **owned},
            **encryption(key),
        )
    return file.key
