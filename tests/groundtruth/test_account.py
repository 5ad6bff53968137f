# SPDX-License-Identifier: Apache-2.0
"""The default bucket of the account, and the execution role of the machine."""

import pytest
from fiftyone_track_audit.plugin.groundtruth import account
from fiftyone_track_audit.plugin.groundtruth import aws as clients
from fiftyone_track_audit.plugin.groundtruth.account import (
    default_bucket,
    execution_role,
    machine_role,
    with_defaults,
)
from fiftyone_track_audit.plugin.groundtruth.aws import GroundTruthError
from fiftyone_track_audit.plugin.groundtruth.request import AdjustmentJob
from labeling_jobs import READY

DEFAULT_BUCKET = "sagemaker-eu-west-1-123456789012"
TEAM = {"workteam_arn": READY["workteam_arn"]}


@pytest.fixture(autouse=True)
def one_attempt(monkeypatch):
    monkeypatch.setattr(clients, "ATTEMPTS", 1)


@pytest.fixture
def bucket(aws):
    place = {"LocationConstraint": "eu-west-1"}
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=DEFAULT_BUCKET, CreateBucketConfiguration=place)
    yield DEFAULT_BUCKET
    s3.delete_bucket(Bucket=DEFAULT_BUCKET)


@pytest.fixture
def assume(aws, monkeypatch):
    """Takes the credentials of a role, as a notebook has them."""

    def take(role):
        answer = aws.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::123456789012:role/{role}",
            RoleSessionName="SageMaker",
        )["Credentials"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", answer["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", answer["SecretAccessKey"])
        monkeypatch.setenv("AWS_SESSION_TOKEN", answer["SessionToken"])

    return take


@pytest.mark.parametrize(
    "given", [TEAM, dict.fromkeys(("bucket", "role_arn"), "default")]
)
def test_a_work_team_is_enough(bucket, assume, given):
    assume("GroundTruth")
    job, notes = with_defaults(AdjustmentJob("fix", **given))
    assert (job.bucket, job.role_arn) == (bucket, READY["role_arn"])
    assert job.job_region == "eu-west-1"
    assert notes == [
        f"The default bucket {bucket} is used.",
        f"The default execution role {READY['role_arn']} is used.",
    ]


@pytest.mark.parametrize("settings", [{}, READY])
def test_nothing_is_asked_without_need(aws, settings):
    job = AdjustmentJob("fix", **settings)
    assert with_defaults(job) == (job, [])
    assert aws.faults.calls == []


def test_what_is_not_there_is_told(aws):
    job, notes = with_defaults(AdjustmentJob("fix", **TEAM))
    assert job.fill_in == ("bucket", "role_arn")
    assert notes[0] == (
        f"There is no default bucket {DEFAULT_BUCKET}: create it, or set the bucket."
    )
    assert notes[1].startswith("There is no execution role, since the credentials are")
    for setting in ("bucket", "role_arn"):
        with pytest.raises(GroundTruthError, match=r"There is no (default|exec)"):
            with_defaults(AdjustmentJob("fix", **{setting: "default"}))


def test_a_role_that_sagemaker_may_not_assume(assume):
    assume("Other")
    with pytest.raises(
        GroundTruthError, match="role/Other of this machine is none that"
    ):
        execution_role()


def test_a_role_that_may_not_be_looked_at(aws, assume):
    aws.client("iam").create_role(
        RoleName="AmazonSageMaker-Team", AssumeRolePolicyDocument="{}"
    )
    assume("AmazonSageMaker-Team")
    aws.fail("GetRole", "access denied")
    arn = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-Team"
    assert execution_role() == arn


def test_no_region(aws, monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(GroundTruthError, match="depends on the region"):
        default_bucket(None)


@pytest.mark.parametrize("methods", [(), ("env", "explicit")])
def test_forms_get_the_role_of_a_machine(assume, monkeypatch, methods):
    assume("GroundTruth")
    if methods:
        monkeypatch.setattr(account, "_OF_MACHINES", frozenset(methods))
    machine_role.cache_clear()
    assert machine_role() == (READY["role_arn"] if methods else None)
    machine_role.cache_clear()
