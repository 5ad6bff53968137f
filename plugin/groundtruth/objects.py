# SPDX-License-Identifier: Apache-2.0
"""List the objects in S3, and compare them with local files."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import md5, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

from ...importers.s3_objects import split_s3
from .aws import aws_errors

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

#: The key of an object's metadata that holds the SHA-256 of its content.
DIGEST = "sha256"


class Payer(TypedDict, total=False):
    """The arguments of a request that say who pays for it."""

    RequestPayer: Literal["requester"]


#: What those who read an object agree to, in buckets whose requesters pay.
PAYER: Payer = {"RequestPayer": "requester"}


@dataclass(frozen=True)
class StoredObject:
    """An object in S3.

    Attributes:
        uri: its S3 URI
        size: its size in bytes
        etag: its ETag, without quotation marks
    """

    uri: str
    size: int
    etag: str


def folder_uri(uri: str) -> str:
    """Return the S3 URI of the folder that an object is in, with a slash at its end."""
    return f"{uri.rpartition('/')[0]}/"


def list_objects(
    client: S3Client, prefix: str, *, pay: bool = False
) -> dict[str, StoredObject]:
    """List the objects below an S3 URI.

    Args:
        client: an S3 client
        prefix: the S3 URI of a folder, with a slash at its end
        pay (False): whether to pay for it if the owner of the bucket asks for that

    Returns:
        the objects by S3 URI

    Raises:
        GroundTruthError: if they cannot be listed
    """
    bucket, key = split_s3(prefix)
    with aws_errors(f"Listing {prefix}"):
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=key, **(PAYER if pay else {})
        )
        found = [item for page in pages for item in page.get("Contents", [])]
    objects = (
        StoredObject(
            f"s3://{bucket}/{item['Key']}", item["Size"], item["ETag"].strip('"')
        )
        for item in found
    )
    return {each.uri: each for each in objects}


def has_content(client: S3Client, stored: StoredObject, path: Path) -> bool:
    """Return whether an object has the content of a local file.

    Of an object without a checksum of its content, only the size is compared. S3 has
    none of objects that KMS encrypts or that were uploaded in parts.

    Raises:
        GroundTruthError: if S3 cannot be asked
    """
    if stored.size != path.stat().st_size:
        return False
    body = path.read_bytes()
    digest = md5(body, usedforsecurity=False).hexdigest()
    if stored.etag == digest:
        return True
    bucket, key = split_s3(stored.uri)
    with aws_errors(f"Checking {stored.uri}"):
        found = client.head_object(Bucket=bucket, Key=key, **PAYER)
    if DIGEST in found["Metadata"]:
        return is_same(found, body)
    plain = found.get("ServerSideEncryption", "AES256") == "AES256"
    return not (plain and "-" not in stored.etag)


def is_same(found: HeadObjectOutputTypeDef, body: bytes) -> bool:
    """Return whether an object of the same size surely has a content."""
    digest = found["Metadata"].get(DIGEST)
    if digest:
        return digest == sha256(body).hexdigest()
    # Not uploaded by Track Audit: S3's own checksum of an upload in one part
    return found["ETag"].strip('"') == md5(body, usedforsecurity=False).hexdigest()
