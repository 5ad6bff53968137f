# SPDX-License-Identifier: Apache-2.0
"""Clients of AWS, and its errors as one sentence each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

#: The service's own text for these can hold parts of the signed request, so it
#: is never shown.
CREDENTIAL_ERRORS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)


class GroundTruthError(RuntimeError):
    """AWS refused or could not be reached: the message says what to do."""


def s3_client(region: str | None = None) -> S3Client:
    """Makes an S3 client from boto3's default chain of settings.

    Args:
        region (None): the AWS region, by default the chain's

    Returns:
        the client

    Raises:
        GroundTruthError: if the settings do not suffice
    """
    with aws_errors("Connecting to S3"):
        return boto3.session.Session().client("s3", region_name=region)


def sagemaker_client(region: str | None = None) -> SageMakerClient:
    """Makes a SageMaker client from boto3's default chain of settings.

    Args:
        region (None): the AWS region, by default the chain's

    Returns:
        the client

    Raises:
        GroundTruthError: if the settings do not suffice
    """
    with aws_errors("Connecting to SageMaker"):
        return boto3.session.Session().client("sagemaker", region_name=region)


def error_code(error: ClientError) -> str:
    """Reads the code of an error that AWS answered with.

    Args:
        error: the error

    Returns:
        the code, such as ``NoSuchBucket`` or ``404``
    """
    return str(error.response.get("Error", {}).get("Code", "unknown"))


@contextmanager
def aws_errors(doing: str) -> Iterator[None]:
    """Turns the errors of boto3 into a :class:`GroundTruthError`.

    Args:
        doing: what is being done, the start of the sentence

    Raises:
        GroundTruthError: if AWS refused or could not be reached
    """
    try:
        yield
    except NoCredentialsError as error:
        raise GroundTruthError(
            f"{doing} failed: no AWS credentials were found; set up a profile with "
            "`aws configure` or the variables AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY."
        ) from error
    except ClientError as error:
        # The cause is dropped: its text can hold parts of the signed request.
        raise GroundTruthError(f"{doing} failed: {_answer(error)}") from None
    except BotoCoreError as error:
        raise GroundTruthError(f"{doing} failed: {_first_line(error)}") from error


def _answer(error: ClientError) -> str:
    code = error_code(error)
    if code in CREDENTIAL_ERRORS:
        return f"AWS rejected the credentials ({code}); renew them and try again."
    if code in {"403", "AccessDenied", "AccessDeniedException"}:
        return f"access was denied ({code}); ask for the permission in IAM."
    message = error.response.get("Error", {}).get("Message", "")
    return f"AWS answered {code}: {_first_line(message)}"


def _first_line(message: object) -> str:
    lines = str(message).splitlines() or ["no reason was given"]
    return lines[0][:500]
