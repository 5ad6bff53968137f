# SPDX-License-Identifier: Apache-2.0
"""Create AWS clients, and turn AWS's errors into one sentence each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from ...importers.credentials import aws_session, credentials_advice, error_code

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sts import STSClient

#: The maximum number of attempts per request. With botocore's exponential backoff,
#: they outlast half a minute of throttling or some seconds without a connection.
ATTEMPTS = 8

#: The number of concurrent requests.
THREADS = 10

#: The error codes for a missing permission.
DENIED = frozenset({"403", "AccessDenied", "AccessDeniedException"})

#: The error codes for something that does not exist, which differ between services.
_ABSENT = frozenset({"404", "NoSuchEntity", "NoSuchKey", "ResourceNotFound"})
#: SageMaker uses one code for this and for bad requests; the message tells which.
_ABSENT_SAID = re.compile(r"(?i)not found|could not find|does not exist")

#: Signatures and credentials that AWS quotes in a message.
_SECRET = re.compile(r"(?i)(credential|signature|secret|token)[\w-]*\s*[=:]\s*[^\s,]+")

_ACTION = re.compile(r"not authorized to perform:? (\w+:\w+)")


class GroundTruthError(RuntimeError):
    """AWS refused a request or could not be reached; the message says what to do."""

    def __init__(self, what: str, todo: str, denied: bool = False) -> None:
        """Create the error.

        Args:
            what: what went wrong, the start of a sentence
            todo: what to do about it, the rest of the sentence
            denied (False): whether a permission is missing
        """
        super().__init__(f"{what}: {todo}.")
        self.what = what
        self.todo = todo
        self.denied = denied


class NotFinished(GroundTruthError):
    """A labeling job is not finished yet; trying again later will do."""


def s3_client(region: str | None = None) -> S3Client:
    """Create a client of S3, see :func:`_client`."""
    client: S3Client = _client("s3", region)
    return client


def sagemaker_client(region: str | None = None) -> SageMakerClient:
    """Create a client of SageMaker, see :func:`_client`."""
    client: SageMakerClient = _client("sagemaker", region)
    return client


def sts_client(region: str | None = None) -> STSClient:
    """Create a client of STS, by default in ``us-east-1``, see :func:`_client`."""
    client: STSClient = _client("sts", region or "us-east-1")
    return client


def iam_client() -> IAMClient:
    """Create a client of IAM, see :func:`_client`."""
    client: IAMClient = _client("iam", "aws-global")
    return client


def _client(service: Any, region: str | None) -> Any:  # noqa: ANN401 - one of many
    """Create a client from boto3's default chain of settings.

    Args:
        service: the name of the service
        region: the AWS region, None for that of the chain

    Raises:
        GroundTruthError: if settings are missing or not valid
    """
    config = Config(
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=THREADS,
    )
    with aws_errors(f"Connecting to {service}"):
        return aws_session().client(service, region_name=region, config=config)


def is_absent(error: ClientError) -> bool:
    """Return whether AWS responded that something does not exist."""
    code = error_code(error)
    if code != "ValidationException":
        return code in _ABSENT
    message = error.response.get("Error", {}).get("Message", "")
    return _ABSENT_SAID.search(message) is not None


@contextmanager
def aws_errors(doing: str) -> Iterator[None]:
    """Turn errors of boto3 into a :class:`GroundTruthError`.

    Args:
        doing: what is being done, the start of a sentence

    Raises:
        GroundTruthError: if AWS refused or could not be reached
    """
    try:
        yield
    except NoCredentialsError as error:
        what = f"{doing} failed: no AWS credentials were found"
        raise GroundTruthError(what, str(credentials_advice(error))) from error
    except ClientError as error:
        # Without the cause, whose text can contain parts of the signed request
        raise _refusal(doing, error) from None
    except BotoCoreError as error:
        what = f"{doing} failed: {_first_line(error)}"
        todo = credentials_advice(error) or "check the AWS settings and the connection"
        raise GroundTruthError(what, todo) from error


def _refusal(doing: str, error: ClientError) -> GroundTruthError:
    code = error_code(error)
    message = error.response.get("Error", {}).get("Message", "")
    advice = credentials_advice(error)
    if advice:
        what = f"{doing} failed: AWS rejected the credentials ({code})"
        return GroundTruthError(what, advice)
    if code in DENIED:
        what = f"{doing} failed: access was denied ({code})"
        action = _ACTION.search(message)
        permission = action[1] if action else "the permission"
        return GroundTruthError(what, f"ask for {permission} in IAM", denied=True)
    what = f"{doing} failed with {code}: {_first_line(message)}"
    return GroundTruthError(what, "fix the cause, or try again later")


def _first_line(message: object) -> str:
    lines = str(message).splitlines() or ["no reason was given"]
    return _SECRET.sub(r"\1=[hidden]", lines[0])[:500].rstrip(".")
