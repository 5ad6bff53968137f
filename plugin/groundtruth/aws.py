# SPDX-License-Identifier: Apache-2.0
"""Clients of AWS, and its errors as one sentence each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from ...importers.files import aws_session

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sts import STSClient

#: How often a request is made at most. With botocore's growing pauses, that rides
#: out half a minute of throttling, and some seconds of a broken connection.
ATTEMPTS = 8

#: As many requests as are made at the same time.
THREADS = 10

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


#: What AWS answers to those who lack a permission.
DENIED = frozenset({"403", "AccessDenied", "AccessDeniedException"})

#: What AWS answers where there is no such thing, each of its services in its way.
_ABSENT = frozenset({"404", "NoSuchEntity", "NoSuchKey", "ResourceNotFound"})
#: SageMaker has the same answer for bad requests: then its message tells.
_ABSENT_SAID = re.compile(r"(?i)not found|could not find|does not exist")

#: What is signed, and by whom, where AWS quotes it.
_SECRET = re.compile(r"(?i)(credential|signature|secret|token)[\w-]*\s*[=:]\s*[^\s,]+")

_ACTION = re.compile(r"not authorized to perform:? (\w+:\w+)")


class GroundTruthError(RuntimeError):
    """AWS refused or could not be reached: the message says what to do."""

    def __init__(self, what: str, todo: str, denied: bool = False) -> None:
        """Creates the error.

        Args:
            what: what went wrong, the start of a sentence
            todo: what to do about it, the rest of the sentence
            denied (False): whether a permission is missing
        """
        super().__init__(f"{what}: {todo}.")
        self.what = what
        self.todo = todo
        self.denied = denied


def s3_client(region: str | None = None) -> S3Client:
    """Makes an S3 client from boto3's default chain of settings.

    Args:
        region (None): the AWS region, by default the chain's

    Returns:
        the client

    Raises:
        GroundTruthError: if the settings do not suffice
    """
    client: S3Client = _client("s3", region)
    return client


def sagemaker_client(region: str | None = None) -> SageMakerClient:
    """Makes a SageMaker client from boto3's default chain of settings.

    Args:
        region (None): the AWS region, by default the chain's

    Returns:
        the client

    Raises:
        GroundTruthError: if the settings do not suffice
    """
    client: SageMakerClient = _client("sagemaker", region)
    return client


def sts_client(region: str | None = None) -> STSClient:
    """Makes an STS client from boto3's default chain of settings.

    Args:
        region (None): the AWS region, by default one that answers for all

    Returns:
        the client

    Raises:
        GroundTruthError: if the settings do not suffice
    """
    client: STSClient = _client("sts", region or "us-east-1")
    return client


def iam_client() -> IAMClient:
    """Makes an IAM client from boto3's default chain of settings.

    Returns:
        the client

    Raises:
        GroundTruthError: if the settings do not suffice
    """
    client: IAMClient = _client("iam", "aws-global")
    return client


def _client(service: Any, region: str | None) -> Any:  # noqa: ANN401 - one of many
    config = Config(
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=THREADS,
    )
    with aws_errors(f"Connecting to {service}"):
        return aws_session().client(service, region_name=region, config=config)


def error_code(error: ClientError) -> str:
    """Reads the code of an error that AWS answered with.

    Args:
        error: the error

    Returns:
        the code, such as ``NoSuchBucket`` or ``404``
    """
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def is_absent(error: ClientError) -> bool:
    """Tells whether AWS answered that there is no such thing.

    Args:
        error: the error

    Returns:
        True/False
    """
    code = error_code(error)
    if code != "ValidationException":
        return code in _ABSENT
    message = error.response.get("Error", {}).get("Message", "")
    return _ABSENT_SAID.search(message) is not None


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
            f"{doing} failed: no AWS credentials were found",
            "set up a profile with `aws configure` or the variables AWS_ACCESS_KEY_ID "
            "and AWS_SECRET_ACCESS_KEY",
        ) from error
    except ClientError as error:
        # The cause is dropped: its text can hold parts of the signed request.
        raise _refusal(doing, error) from None
    except BotoCoreError as error:
        what = f"{doing} failed: {_first_line(error)}"
        raise GroundTruthError(
            what, "check AWS's settings and the connection"
        ) from error


def _refusal(doing: str, error: ClientError) -> GroundTruthError:
    code = error_code(error)
    message = error.response.get("Error", {}).get("Message", "")
    if code in CREDENTIAL_ERRORS:
        what = f"{doing} failed: AWS rejected the credentials ({code})"
        return GroundTruthError(what, "renew them and try again")
    if code in DENIED:
        what = f"{doing} failed: access was denied ({code})"
        action = _ACTION.search(message)
        permission = action[1] if action else "the permission"
        return GroundTruthError(what, f"ask for {permission} in IAM", denied=True)
    what = f"{doing} failed: AWS answered {code}: {_first_line(message)}"
    return GroundTruthError(what, "correct that, or try again later")


def _first_line(message: object) -> str:
    lines = str(message).splitlines() or ["no reason was given"]
    return _SECRET.sub(r"\1=[hidden]", lines[0])[:500].rstrip(".")
