# SPDX-License-Identifier: Apache-2.0
"""The session of AWS, and what errors of the credentials say."""

import botocore.credentials
import pytest
from botocore.exceptions import (
    ClientError,
    NoCredentialsError,
    UnauthorizedSSOTokenError,
)
from fiftyone_track_audit.importers import s3_objects
from fiftyone_track_audit.importers.credentials import (
    aws_session,
    credentials_advice,
    renew_credentials,
)
from fiftyone_track_audit.importers.s3_objects import s3_errors, split_s3
from fiftyone_track_audit.importers.tracks import InputError
from fiftyone_track_audit.plugin.groundtruth.aws import GroundTruthError, aws_errors


@pytest.fixture(autouse=True)
def role(monkeypatch, tmp_path):
    """A profile whose role is assumed; the list grows with each time it is."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    config = tmp_path / "config"
    config.write_text("[profile team]\nrole_arn = arn:aws:iam::1:role/a\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_PROFILE", "team")
    assumed = []

    def load(provider):
        assumed.append(provider)
        return botocore.credentials.Credentials("key", "secret")

    monkeypatch.setattr(botocore.credentials.AssumeRoleProvider, "load", load)
    renew_credentials()
    yield assumed
    renew_credentials()


def client():
    return aws_session().client("s3", region_name="eu-west-1")


def test_a_role_is_assumed_once_in_a_process(role):
    for _ in range(5):
        client()
    assert len(role) == 1


def test_changed_settings_are_seen(role, monkeypatch, tmp_path):
    client()
    (tmp_path / "none").write_text("[other]\n")
    client()
    assert len(role) == 2
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_PROFILE")
    assert client()._request_signer._credentials.access_key == "key"


def test_refused_credentials_are_looked_up_again(role):
    client()
    expired = ClientError({"Error": {"Code": "ExpiredToken", "Message": "x"}}, "Get")
    message = (
        r"rejected the credentials \(ExpiredToken\): .*aws sso login --profile team"
    )
    with pytest.raises(GroundTruthError, match=message), aws_errors("Reading"):
        raise expired
    client()
    assert len(role) == 2


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (
            UnauthorizedSSOTokenError(),
            "log in again with `aws sso login --profile team`",
        ),
        (NoCredentialsError(), "`aws configure`, log in with `aws sso login`, or set"),
        (ClientError({"Error": {"Code": "NoSuchKey"}}, "Get"), None),
    ],
)
def test_advice(error, advice):
    found = credentials_advice(error)
    assert found is advice or advice in found


def test_a_file_that_sso_keeps_says_how_to_log_in():
    with pytest.raises(InputError, match="aws sso login"), s3_errors("s3://a/b"):
        raise UnauthorizedSSOTokenError


class Payer:
    """A bucket whose requesters pay."""

    def get_object(self, **request):
        self._check(request)
        return {"Body": self}

    def _check(self, request):
        if request.get("RequestPayer") != "requester":
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")

    def read(self):
        return b"data"


def test_requesters_pay_if_they_have_to():
    assert s3_objects.ask(Payer().get_object, "bucket", "key")["Body"].read() == b"data"
    missing = ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")

    class Missing(Payer):
        def _check(self, request):
            raise missing

    with pytest.raises(ClientError) as caught:
        s3_objects.ask(Missing().get_object, "bucket", "key")
    assert caught.value is missing


POINT = "arn:aws:s3:eu-west-1:123456789012:accesspoint/team"


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (f"s3://{POINT}/folder/file.json", (POINT, "folder/file.json")),
        (f"s3://{POINT}", (POINT, "")),
        ("s3://team-a1b2-s3alias/file.json", ("team-a1b2-s3alias", "file.json")),
    ],
)
def test_access_points(uri, expected):
    assert split_s3(uri) == expected
