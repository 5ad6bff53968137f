# SPDX-License-Identifier: Apache-2.0
"""Check a bucket's region, access and CORS rules for a job."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal, TypedDict

from botocore.exceptions import ClientError

from ...importers.credentials import error_code
from ...importers.problems import Finding, error, warning
from .aws import DENIED, GroundTruthError, aws_errors, is_absent

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import (
        CORSConfigurationTypeDef,
        CORSRuleOutputTypeDef,
        CORSRuleTypeDef,
    )


class Encryption(TypedDict, total=False):
    """The arguments of an upload that say how S3 encrypts it."""

    ServerSideEncryption: Literal["aws:kms"]
    SSEKMSKeyId: str


#: The rule that the worker's page needs to load frames from a bucket.
CORS_RULE: CORSRuleTypeDef = {
    "AllowedHeaders": ["*"],
    "AllowedMethods": ["GET", "HEAD", "PUT"],
    "AllowedOrigins": ["*"],
    "ExposeHeaders": ["Access-Control-Allow-Origin"],
    "MaxAgeSeconds": 3000,
}

#: The key of an object's metadata that identifies its owner.
OWNER = "track-audit"

#: A typical origin of the worker's page, for rules that name origins.
_WORKERS_PAGE = "https://w.labeling.{region}.sagemaker.aws"

#: An ETag that no object has, so that a write with this condition never succeeds.
_NO_ETAG = "0" * 32
#: The error code of such a write if the object exists.
_UNMET = "PreconditionFailed"


def check_bucket(client: S3Client, bucket: str, region: str | None) -> None:
    """Check that a bucket exists, in the job's region.

    Args:
        client: an S3 client
        bucket: the bucket
        region: the job's region, None if it is not known

    Raises:
        GroundTruthError: if the bucket cannot be used
    """
    with aws_errors(f"Checking bucket {bucket!r}"):
        try:
            answer = client.head_bucket(Bucket=bucket)
        except ClientError as failure:
            if not is_absent(failure):
                raise
            raise GroundTruthError(
                f"There is no bucket {bucket!r}",
                "create it in the job's region, or choose another",
            ) from None
    found = answer.get("BucketRegion")
    if found and region and found != region:
        raise GroundTruthError(
            f"Bucket {bucket!r} is in region {found}, but the job is in {region}",
            "choose a bucket in the job's region",
        )


def encryption(key: str | None) -> Encryption:
    """Return the arguments of an upload that encrypt it with a KMS key.

    Args:
        key: the ID or ARN of the key, None to leave the encryption to the bucket
    """
    if key is None:
        return {}
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}


def place_findings(
    client: S3Client,
    bucket: str,
    key: str,
    owner: str | None = None,
    kms_key: str | None = None,
) -> list[Finding]:
    """Check whether a file can be uploaded, without uploading it.

    Args:
        client: an S3 client
        bucket: the bucket
        key: the file's key
        owner (None): the file's owner, whose earlier file may be replaced
        kms_key (None): the KMS key that encrypts the file

    Returns:
        an error for each missing permission, and if the key is taken

    Raises:
        GroundTruthError: if S3 cannot be asked
    """
    found = []
    with aws_errors(f"Checking s3://{bucket}/{key}"):
        try:
            there = client.head_object(Bucket=bucket, Key=key)["Metadata"].get(OWNER)
            if owner is None or there != owner:
                what = f"s3://{bucket}/{key} already exists"
                found.append(error(what, "choose another name or prefix"))
        except ClientError as failure:
            if error_code(failure) in DENIED:
                what = f"You may not read s3://{bucket}/{key}"
                found.append(error(what, "ask for s3:GetObject and s3:ListBucket"))
            elif not is_absent(failure):
                raise
    with aws_errors(f"Checking s3://{bucket}/{key}"):
        try:
            client.put_object(
                Bucket=bucket,
                Key=key,
                Body=b"",
                IfMatch=_NO_ETAG,
                **encryption(kms_key),
            )
        except ClientError as failure:
            if error_code(failure) in DENIED:
                what = f"You may not write s3://{bucket}/{key}"
                todo = "ask for s3:PutObject"
                if kms_key is None and _requires_kms(client, bucket):
                    todo = (
                        "set kms_key_id, since the bucket only takes what KMS encrypts"
                    )
                elif kms_key is not None:
                    todo += f" and for kms:GenerateDataKey of {kms_key}"
                found.append(error(what, todo))
            elif not is_absent(failure) and error_code(failure) != _UNMET:
                raise
    return found


def _requires_kms(client: S3Client, bucket: str) -> bool:
    """Return whether a bucket's policy asks for SSE-KMS, if it tells."""
    try:
        policy = client.get_bucket_policy(Bucket=bucket)["Policy"]
    except ClientError:
        return False  # those who may not look at it get the general advice
    return "aws:kms" in policy or "aws-kms-key-id" in policy


def is_own_place(client: S3Client, bucket: str, key: str, owner: str | None) -> bool:
    """Return whether an owner has a file at a key.

    Args:
        client: an S3 client
        bucket: the bucket
        key: the file's key
        owner: the owner, None for nobody

    Raises:
        GroundTruthError: if S3 cannot be asked
    """
    with aws_errors(f"Checking s3://{bucket}/{key}"):
        try:
            found = client.head_object(Bucket=bucket, Key=key)["Metadata"]
        except ClientError as failure:
            if not is_absent(failure):
                raise
            return False
    return owner is not None and found.get(OWNER) == owner


def cors_findings(client: S3Client, bucket: str, region: str | None) -> list[Finding]:
    """Check whether the worker's page may load frames from a bucket.

    Args:
        client: an S3 client
        bucket: the bucket
        region: the job's region, None if it is not known

    Returns:
        a warning with the rule to add, if it may not

    Raises:
        GroundTruthError: if the rules cannot be read
    """
    if lets_workers_read(_rules(client, bucket), region):
        return []
    return [cors_warning(bucket)]


def cors_warning(bucket: str) -> Finding:
    """Return the warning about a bucket from which workers cannot load frames.

    Returns:
        the warning, with the rule to add
    """
    return warning(
        f"Bucket {bucket!r} has no CORS rule that lets the worker's page load frames",
        f"set add_cors, or add this rule to it: {json.dumps(CORS_RULE)}",
    )


def add_cors_rule(client: S3Client, bucket: str, region: str | None) -> bool:
    """Add the rule that the worker's page needs to the existing rules.

    Args:
        client: an S3 client
        bucket: the bucket
        region: the job's region, None if it is not known

    Returns:
        whether it was added, which is not necessary if the rules already suffice

    Raises:
        GroundTruthError: if the rules cannot be read or written
    """
    rules = _rules(client, bucket)
    if lets_workers_read(rules, region):
        return False
    merged: CORSConfigurationTypeDef = {"CORSRules": [*rules, CORS_RULE]}
    with aws_errors(f"Adding a CORS rule to bucket {bucket!r}"):
        client.put_bucket_cors(Bucket=bucket, CORSConfiguration=merged)
    return True


def lets_workers_read(
    rules: Sequence[CORSRuleOutputTypeDef], region: str | None
) -> bool:
    """Return whether CORS rules let the worker's page load frames.

    Args:
        rules: the rules of a bucket
        region: the job's region, None if it is not known

    Returns:
        whether one of them allows GET from the worker's page
    """
    page = _WORKERS_PAGE.format(region=region or "us-east-1")
    return any(
        "GET" in rule["AllowedMethods"]
        and any(fnmatchcase(page, origin) for origin in rule["AllowedOrigins"])
        for rule in rules
    )


def _rules(client: S3Client, bucket: str) -> Sequence[CORSRuleOutputTypeDef]:
    with aws_errors(f"Reading the CORS rules of bucket {bucket!r}"):
        try:
            return client.get_bucket_cors(Bucket=bucket)["CORSRules"]
        except ClientError as failure:
            if error_code(failure) != "NoSuchCORSConfiguration":
                raise
            return []
