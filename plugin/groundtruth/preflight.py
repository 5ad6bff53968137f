# SPDX-License-Identifier: Apache-2.0
"""Check everything on the AWS side that would make a job fail, changing nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from ...importers.problems import Finding, error, warning
from .aws import (
    GroundTruthError,
    aws_errors,
    iam_client,
    is_absent,
    s3_client,
    sagemaker_client,
    sts_client,
)
from .bucket import check_bucket, cors_findings, is_own_place, place_findings
from .labeling_job import find_job, name_taken
from .request import FUNCTION_ACCOUNTS, AdjustmentJob

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

_Answer = TypeVar("_Answer")

#: The service that must be allowed to assume the role.
_SERVICE = "sagemaker.amazonaws.com"


def check_account(
    job: AdjustmentJob,
    parts: Sequence[AdjustmentJob],
    owner: str | None = None,
) -> list[Finding]:
    """Check everything on the AWS side that the jobs need.

    These are the credentials, the bucket with its region, access and CORS rules, the
    role, the work team, and whether the jobs' names and keys in the bucket are free.
    What the credentials do not allow to check becomes a warning.

    Args:
        job: the settings of the whole
        parts: the settings of the labeling jobs that it is divided into
        owner (None): the owner of the job, whose files in the bucket may be replaced
    """
    if job.job_region not in {None, *FUNCTION_ACCOUNTS}:
        return []  # the settings are reported as wrong, and there is nobody to ask
    try:
        account = _account(job)
    except GroundTruthError as failure:
        return [error(failure.what, failure.todo)]
    found = []
    s3 = s3_client(job.job_region)
    if job.bucket:
        found += _tried(lambda: _bucket_findings(s3, job, parts, owner), denied=error)
    if job.role_arn:
        found += _tried(lambda: _role_findings(str(job.role_arn), account))
    if job.job_region:
        sagemaker = sagemaker_client(job.job_region)
        if job.workteam_arn:
            team = job.workteam_arn
            found += _tried(lambda: _workteam_findings(sagemaker, team, account))
        if job.bucket:
            found += _tried(lambda: _name_findings(s3, sagemaker, job, parts, owner))
    return found


def _tried(
    check: Callable[[], list[Finding]],
    denied: Callable[[str, str], Finding] = warning,
) -> list[Finding]:
    try:
        return check()
    except GroundTruthError as failure:
        make = denied if failure.denied else error
        return [make(failure.what, failure.todo)]


def _account(job: AdjustmentJob) -> str:
    client = sts_client(job.job_region)
    with aws_errors("Checking the credentials"):
        return client.get_caller_identity()["Account"]


def _bucket_findings(
    client: S3Client,
    job: AdjustmentJob,
    parts: Sequence[AdjustmentJob],
    owner: str | None,
) -> list[Finding]:
    bucket = str(job.bucket)
    check_bucket(client, bucket, job.job_region)
    found = []
    for part in parts:
        found += place_findings(client, bucket, _manifest(part), owner, job.kms_key_id)
    return found + _tried(lambda: cors_findings(client, bucket, job.job_region))


def _role_findings(arn: str, account: str) -> list[Finding]:
    found = _account_findings("role_arn", arn, account)
    if found:
        return found
    role = _answer(
        f"Checking role {arn}",
        lambda: iam_client().get_role(RoleName=arn.rpartition("/")[2]),
    )
    if role is None:
        return [error(f"There is no role {arn}", "create it, or choose another")]
    if may_assume(role["Role"]["AssumeRolePolicyDocument"]):
        return []
    what = f"{_SERVICE} may not assume role {arn}"
    return [error(what, "allow sts:AssumeRole for it in the role's trust policy")]


def may_assume(policy: Any) -> bool:  # noqa: ANN401 - as AWS answers
    """Return whether a trust policy only has statements that allow the service."""
    statements = policy.get("Statement", [])
    if isinstance(statements, dict):
        statements = [statements]
    effects = {
        statement["Effect"]
        for statement in statements
        if _SERVICE in json.dumps(statement.get("Principal", {}))
    }
    return effects == {"Allow"}


def _workteam_findings(
    client: SageMakerClient, arn: str, account: str
) -> list[Finding]:
    if ":workteam/private-crowd/" not in arn:
        return []  # a vendor's team is in the vendor's account
    found = _account_findings("workteam_arn", arn, account)
    if found:
        return found
    team = _answer(
        f"Checking work team {arn}",
        lambda: client.describe_workteam(WorkteamName=arn.rpartition("/")[2]),
    )
    if team is not None:
        return []
    return [error(f"There is no work team {arn}", "create it, or choose another")]


def _name_findings(
    s3: S3Client,
    sagemaker: SageMakerClient,
    job: AdjustmentJob,
    parts: Sequence[AdjustmentJob],
    owner: str | None,
) -> list[Finding]:
    """Find names that other jobs have, of jobs to start or to replace."""
    bucket = str(job.bucket)
    asked = [
        part.name
        for part in parts
        if not job.fill_in or is_own_place(s3, bucket, _manifest(part), owner)
    ]
    taken = [name_taken(name) for name in asked if find_job(name, sagemaker)]
    return [error(failure.what, failure.todo) for failure in taken]


def _manifest(part: AdjustmentJob) -> str:
    return f"{part.folder}/manifest.jsonl"


def _account_findings(setting: str, arn: str, account: str) -> list[Finding]:
    owner = arn.split(":")[4:5]
    if owner == [account]:
        return []
    what = f"{setting} is {arn}, but the credentials are for account {account}"
    return [error(what, "use an ARN of that account, or other credentials")]


def _answer(doing: str, ask: Callable[[], _Answer]) -> _Answer | None:
    """Ask AWS for something, and return None if it does not exist."""
    with aws_errors(doing):
        try:
            return ask()
        except ClientError as failure:
            if not is_absent(failure):
                raise
            return None
