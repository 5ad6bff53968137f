# SPDX-License-Identifier: Apache-2.0
"""Connect to AWS with the credentials that boto3's own chain finds.

A process uses one session, so that a profile with MFA asks for one code, and a role is
assumed once. It is made anew once the settings change or AWS refuses the credentials,
so that a long-lived process sees renewed ones.
"""

from __future__ import annotations

import os
import threading
from functools import cache
from pathlib import Path
from typing import TypeAlias

import boto3
import botocore.session
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    SSOError,
    TokenRetrievalError,
)
from botocore.loaders import Loader, create_loader

#: AWS's messages for these can contain parts of the signed request, so they are never
#: shown.
_CREDENTIAL_ERRORS = frozenset(
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
#: Files of settings, and the variables that name others.
_FILES = {
    "AWS_CONFIG_FILE": "~/.aws/config",
    "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials",
}

_Settings: TypeAlias = tuple[object, ...]
_lock = threading.Lock()
_current: list[tuple[_Settings, boto3.session.Session]] = []


def aws_session() -> boto3.session.Session:
    """Return the session of this process.

    Returns:
        the same session as long as AWS's settings are the same, and
        :func:`renew_credentials` was not called
    """
    settings = _settings()
    with _lock:
        if not _current or _current[0][0] != settings:
            session = botocore.session.get_session()
            session.register_component("data_loader", _models())
            made = boto3.session.Session(botocore_session=session)
            _current[:] = [(settings, made)]
        return _current[0][1]


def renew_credentials() -> None:
    """Look up the credentials again when the next client is made."""
    with _lock:
        _current.clear()


def credentials_advice(error: BotoCoreError | ClientError) -> str | None:
    """Say what to do about an error of the credentials.

    The next client looks them up again.

    Args:
        error: the error of boto3

    Returns:
        the rest of a sentence, None if the credentials are not the cause
    """
    if isinstance(error, NoCredentialsError):
        advice = (
            "set up a profile with `aws configure`, log in with `aws sso login`, or "
            "set the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    elif isinstance(error, SSOError | TokenRetrievalError):
        advice = f"log in again with `aws sso login{_profile()}`"
    elif isinstance(error, ClientError) and error_code(error) in _CREDENTIAL_ERRORS:
        advice = f"renew them and try again, such as with `aws sso login{_profile()}`"
    else:
        return None
    renew_credentials()
    return advice


def error_code(error: ClientError) -> str:
    """Return the code of an error response of AWS.

    Returns:
        the code, such as ``NoSuchBucket`` or ``404``
    """
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def _profile() -> str:
    """Return the option that names the profile, if it is not the default."""
    name = botocore.session.get_session().get_config_variable("profile")
    return f" --profile {name}" if name else ""


def _settings() -> _Settings:
    """Return what the credentials depend on."""
    names = sorted(name for name in os.environ if name.startswith("AWS_"))
    values = tuple((name, os.environ[name]) for name in names)
    files = (Path(os.environ.get(name, usual)) for name, usual in _FILES.items())
    stamps = []
    for file in files:
        try:
            stamps.append(file.expanduser().stat().st_mtime_ns)
        except (OSError, RuntimeError):
            stamps.append(0)
    return (*values, *stamps)


@cache
def _models() -> Loader:
    return create_loader()
