# SPDX-License-Identifier: Apache-2.0
"""Read objects of S3, whole or by ranges.

boto3's own chain finds the credentials, region and endpoint of S3.
"""

from __future__ import annotations

import io
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from .credentials import aws_session, credentials_advice, error_code
from .tracks import InputError

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_s3 import S3Client

_Answer = TypeVar("_Answer")
#: The codes of a request that is denied; that of a bucket whose requesters pay is, too.
_DENIED = frozenset({"403", "AccessDenied"})
#: An access point that is named by its ARN, which may have a slash in it.
_ACCESS_POINT = re.compile(
    r"s3://(arn:aws[\w-]*:s3[\w-]*:[\w-]*:\d*:accesspoint[/:][\w.-]+)(?:/(.*))?$",
    re.DOTALL,
)
_lock = threading.Lock()


def is_s3(uri: Path | str) -> bool:
    """Return whether a path is an S3 URI."""
    return str(uri).startswith("s3://")


def split_s3(uri: str) -> tuple[str, str]:
    """Split an S3 URI.

    Args:
        uri: a URI such as ``s3://bucket/folder/file.json``; the ARN of an access point
            may stand in place of the bucket

    Returns:
        ``(bucket, key)``; the key may be empty

    Raises:
        InputError: if it names no bucket
    """
    point = _ACCESS_POINT.match(uri)
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if point:
        bucket, key = point[1], point[2] or ""
    if not is_s3(uri) or not bucket:
        raise InputError(uri, "no bucket; expected s3://bucket/key")
    return bucket, key


def read_object(uri: str) -> bytes:
    """Read a whole object.

    Args:
        uri: its S3 URI

    Raises:
        InputError: if it cannot be read
    """
    bucket, key = split_s3(uri)
    with s3_errors(uri):
        return ask(s3_client().get_object, bucket, key)["Body"].read()


def object_version(uri: str) -> tuple[int, str]:
    """Return what changes with the content of an object.

    Args:
        uri: its S3 URI

    Returns:
        its size in bytes, and its tag

    Raises:
        InputError: if there is no such object, or it cannot be read
    """
    bucket, key = split_s3(uri)
    with s3_errors(uri):
        found = ask(s3_client().head_object, bucket, key)
        return found["ContentLength"], found["ETag"]


class RangedObject(io.RawIOBase):
    """An object as a file, of which only the ranges that are read are asked for.

    Native code reads it, which would crash on an exception. So the file seems to end at
    what goes wrong, and :meth:`check` raises it.
    """

    def __init__(self, uri: str) -> None:
        """Ask for the size of the object at a URI.

        Raises:
            InputError: if there is no such object, or it cannot be read
        """
        self._uri = uri
        self._size, self._tag = object_version(uri)
        self._at = 0
        self._failure: BaseException | None = None

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that it can be read anywhere."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to another place."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}
        self._at = max(start[whence] + offset, 0)
        return self._at

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - any memory
        """Read what comes next, as much as there is space for."""
        try:
            return self._readinto(memoryview(buffer))
        except BaseException as error:
            self._failure = error
            return 0

    def _readinto(self, view: memoryview) -> int:
        end = min(self._at + len(view), self._size)
        if end <= self._at or self._failure:
            return 0
        bucket, key = split_s3(self._uri)
        asked = {"Range": f"bytes={self._at}-{end - 1}", "IfMatch": self._tag}
        with s3_errors(self._uri):
            data = ask(s3_client().get_object, bucket, key, **asked)["Body"].read()
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def check(self) -> None:
        """Raise what went wrong while it was read.

        Raises:
            InputError: if S3 refused a range, or the object was changed meanwhile
        """
        if self._failure:
            raise self._failure


def ask(
    request: Callable[..., _Answer], bucket: str, key: str, **further: str
) -> _Answer:
    """Ask for an object, at the reader's expense if its owner asks for that."""
    try:
        return request(Bucket=bucket, Key=key, **further)
    except ClientError as error:
        if error_code(error) not in _DENIED:
            raise
    return request(Bucket=bucket, Key=key, **further, RequestPayer="requester")


def s3_client() -> S3Client:
    """Return the client of this process's session, which its threads share."""
    with _lock:
        return _client_of(aws_session())


@lru_cache(maxsize=1)
def _client_of(session: boto3.session.Session) -> S3Client:
    return session.client("s3")


@contextmanager
def s3_errors(uri: str, todo: str = "expected to read it") -> Iterator[None]:
    """Convert errors of S3 to errors that say what to do, and hold no credentials."""
    try:
        yield
    except ClientError as error:
        todo = credentials_advice(error) or todo
        # The cause is dropped: its text can hold parts of the signed request
        raise InputError(uri, f"S3 answers {error_code(error)}; {todo}") from None
    except BotoCoreError as error:
        todo = credentials_advice(error) or todo
        raise InputError(
            uri, f"S3 fails with {type(error).__name__}; {todo}"
        ) from error
