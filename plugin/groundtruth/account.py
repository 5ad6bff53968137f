# SPDX-License-Identifier: Apache-2.0
"""Find the bucket and the role that an account has for SageMaker."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache

from botocore.exceptions import ClientError

from ...importers.credentials import aws_session, error_code
from .aws import (
    DENIED,
    GroundTruthError,
    aws_errors,
    iam_client,
    is_absent,
    s3_client,
    sts_client,
)
from .preflight import may_assume
from .request import AdjustmentJob

#: The value of a setting for which the account's default is used.
DEFAULT = "default"

#: The caller, if a role was assumed, as in a notebook or on a machine of AWS.
_ASSUMED = re.compile(r"arn:(aws[\w-]*):sts::(\d{12}):assumed-role/([^/]+)/.+")

#: Where boto3 finds the credentials of machines and notebooks of AWS.
_OF_MACHINES = frozenset({"iam-role", "container-role"})


def with_defaults(job: AdjustmentJob) -> tuple[AdjustmentJob, list[str]]:
    """Fill in the bucket and the role of a job from the account.

    SageMaker's default bucket and the machine's execution role are looked up where the
    setting is :data:`DEFAULT`, and where it is missing although there is a work team,
    which only a job that is to be started needs.

    Args:
        job: the settings

    Returns:
        a tuple of the settings and a note about each that was filled in, or that was
        not given and could not be found

    Raises:
        GroundTruthError: if a default that was asked for does not exist
    """
    found: dict[str, str] = {}
    notes = []
    finders: dict[str, Callable[[], str]] = {
        "bucket": lambda: default_bucket(job.job_region),
        "role_arn": execution_role,
    }
    for setting, find in finders.items():
        value = getattr(job, setting)
        if value != DEFAULT and (value or not job.workteam_arn):
            continue
        try:
            found[setting] = find()
        except GroundTruthError as failure:
            if value == DEFAULT:
                raise
            notes.append(str(failure))
        else:
            kind = "bucket" if setting == "bucket" else "execution role"
            notes.append(f"The default {kind} {found[setting]} is used.")
    region = job.region
    if "bucket" in found and not job.job_region:
        region = aws_session().region_name
    bucket, role = found.get("bucket", job.bucket), found.get("role_arn", job.role_arn)
    return replace(job, bucket=bucket, role_arn=role, region=region), notes


def default_bucket(region: str | None) -> str:
    """Return the name of SageMaker's default bucket of the account.

    Args:
        region: the AWS region, None for that of boto3's chain

    Raises:
        GroundTruthError: if it does not exist, or the region is not known
    """
    region = region or aws_session().region_name
    if not region:
        raise GroundTruthError(
            "The default bucket depends on the region, which is not known",
            "set the region",
        )
    client = sts_client(region)
    with aws_errors("Looking for the default bucket"):
        account = client.get_caller_identity()["Account"]
    bucket = f"sagemaker-{region}-{account}"
    with aws_errors(f"Looking for the default bucket {bucket}"):
        try:
            s3_client(region).head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
        except ClientError as failure:
            if not is_absent(failure):
                raise
            what = f"There is no default bucket {bucket}"
            raise GroundTruthError(what, "create it, or set the bucket") from None
    return bucket


@cache
def machine_role() -> str | None:
    """Return the execution role of this machine, None if there is none.

    It is looked up once in a process, and only where the credentials are those of a
    machine or a notebook of AWS, so that forms do not wait for it elsewhere.
    """
    credentials = aws_session().get_credentials()
    if credentials is None or credentials.method not in _OF_MACHINES:
        return None
    try:
        return execution_role()
    except GroundTruthError:
        return None


def execution_role() -> str:
    """Return the ARN of the role of this machine, if SageMaker may assume it.

    Raises:
        GroundTruthError: if the credentials are not those of such a role
    """
    with aws_errors("Looking for the execution role"):
        caller = sts_client().get_caller_identity()["Arn"]
    assumed = _ASSUMED.fullmatch(caller)
    if not assumed:
        what = (
            f"There is no execution role, since the credentials are those of {caller}"
        )
        raise GroundTruthError(what, "set the role")
    partition, account, name = assumed.groups()
    with aws_errors(f"Looking for the execution role {name}"):
        try:
            role = iam_client().get_role(RoleName=name)["Role"]
        except ClientError as failure:
            # Studio names roles so, and puts them into a folder of their own
            if error_code(failure) in DENIED and name.startswith("AmazonSageMaker-"):
                return f"arn:{partition}:iam::{account}:role/service-role/{name}"
            raise
    if not may_assume(role["AssumeRolePolicyDocument"]):
        what = (
            f"The role {role['Arn']} of this machine is none that SageMaker may assume"
        )
        raise GroundTruthError(what, "set another role")
    return role["Arn"]
