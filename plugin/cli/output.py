# SPDX-License-Identifier: Apache-2.0
"""Writing results, on this machine or to S3: a whole file or nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ...importers import files
from ...importers.s3_objects import is_s3, split_s3
from ...importers.tracks import InputError
from ..groundtruth.aws import aws_errors, s3_client
from ..groundtruth.bucket import encryption
from ..groundtruth.upload import content_type
from .commands import STDOUT


def check_output(output: str, suffix: str, *taken: str | None) -> None:
    """Check early that a result can be written, and replaces no labels.

    Args:
        output: a local path or S3 URI, or :data:`STDOUT`
        suffix: the suffix of a local file that may be replaced
        *taken: the paths and URIs of the command's other files, None for none

    Raises:
        InputError: if the folder or the bucket is missing, or something else is there
    """
    if _place(output) in [_place(other) for other in taken if other is not None]:
        raise InputError(output, "named twice; expected a file of its own")
    if output == STDOUT:
        return
    if is_s3(output):
        if not split_s3(output)[1]:
            raise InputError(output, "no key; expected s3://bucket/key")
        return
    path = Path(output)
    if not path.parent.is_dir():
        raise InputError(path, "no such folder; expected an existing folder")
    if path.exists() and not (path.is_file() and path.suffix == suffix):
        message = f"in the way; expected a new name, or a {suffix} file to replace"
        raise InputError(path, message)


def check_outputs(suffix: str, *outputs: str | None, taken: Sequence[str]) -> None:
    """Check several results, None for those that nobody wants; see check_output()."""
    for position, output in enumerate(outputs):
        if output:
            check_output(output, suffix, *taken, *outputs[:position])


def save(output: str, data: bytes, kms_key: str | None = None) -> None:
    """Write a result.

    Args:
        output: a local path or S3 URI, or :data:`STDOUT`
        data: the content
        kms_key (None): the KMS key that encrypts it in S3

    Raises:
        InputError: if the URI names no bucket
        GroundTruthError: if S3 refuses it
    """
    if output == STDOUT:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    if not is_s3(output):
        files.write_bytes(Path(output), data)
        return
    bucket, key = split_s3(output)
    client = s3_client()
    with aws_errors(f"Saving {output}"):
        client.put_object(
            Bucket=bucket,
            Key=key,
            Body=data,
            ContentType=content_type(key),
            **encryption(kms_key),
        )


def _place(output: str) -> str | Path:
    return output if is_s3(output) else files.resolve_path(output)
