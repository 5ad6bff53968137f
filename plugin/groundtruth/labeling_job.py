# SPDX-License-Identifier: Apache-2.0
"""Start and stop labeling jobs, and read their status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from ...importers.credentials import error_code
from ...importers.tracks import InputError
from .aws import GroundTruthError, aws_errors, is_absent, sagemaker_client
from .checks import model_errors
from .folder import JOB_FILE, Package
from .request import PLACEHOLDERS, package_tag

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import DescribeLabelingJobResponseTypeDef

FINISHED = frozenset({"Completed", "Failed", "Stopped"})
UNDER_WAY = frozenset({"Initializing", "InProgress"})
NOT_STARTED = "NotStarted"
NAMESAKE = "another job has that name"


@dataclass(frozen=True)
class JobStatus:
    """The status of a labeling job.

    Attributes:
        name: the job's name
        status: Initializing, InProgress, Completed, Failed, Stopping or Stopped, or
            NotStarted if AWS has no such job
        labeled: the number of sequences that workers have finished
        unlabeled: the number of sequences that remain
        failed: the number of sequences that could not be labeled
        failure_reason: why the job failed or was not started, or None
        output_uri: the S3 URI of the output manifest, None before it exists
        arn: the job's ARN, None if it was not started
    """

    name: str
    status: str
    labeled: int = 0
    unlabeled: int = 0
    failed: int = 0
    failure_reason: str | None = None
    output_uri: str | None = None
    arn: str | None = None

    @property
    def finished(self) -> bool:
        """Whether the job is Completed, Failed or Stopped."""
        return self.status in FINISHED


def launch_job(package: Package, client: SageMakerClient | None = None) -> str:
    """Start the labeling job of an uploaded package, unless it was already started.

    A job is identified by its package's tag, so a second call does not start a second
    job, even if the response to the first was lost.

    Args:
        package: the package
        client (None): a SageMaker client, by default from boto3's default chain

    Raises:
        InputError: if the package's request is incomplete or not valid
        GroundTruthError: if AWS refuses the job, or another job has its name
    """
    package.require(*PLACEHOLDERS)
    request = package.request
    errors = model_errors("CreateLabelingJob", request)
    if errors:
        raise InputError(package.folder / JOB_FILE, "\n".join(map(str, errors)))
    client = client or sagemaker_client(package.region)
    name = request["LabelingJobName"]
    with aws_errors(f"Starting labeling job {name!r}"):
        try:
            return client.create_labeling_job(**request)["LabelingJobArn"]
        except ClientError as error:
            if error_code(error) != "ResourceInUse":
                raise
    found = find_job(name, client)
    if found and package_tag(found) == package.tag:
        return found["LabelingJobArn"]
    raise name_taken(name)


def name_taken(name: str) -> GroundTruthError:
    """Return the error for a name that another labeling job has."""
    what = f"Another labeling job is named {name!r} (names are not case-sensitive)"
    return GroundTruthError(what, "choose another name")


def find_job(
    name: str, client: SageMakerClient
) -> DescribeLabelingJobResponseTypeDef | None:
    """Look up a labeling job.

    Returns:
        the response of DescribeLabelingJob, None if there is no such job

    Raises:
        GroundTruthError: if AWS cannot be asked
    """
    with aws_errors(f"Reading labeling job {name!r}"):
        try:
            return client.describe_labeling_job(LabelingJobName=name)
        except ClientError as error:
            if not is_absent(error):
                raise
            return None


def own_status(
    name: str, client: SageMakerClient, arn: str | None, tag: str | None
) -> JobStatus:
    """Read the status of a labeling job, if it is the one that was started.

    Others in the account may have used the same name, in upper or lower case.

    Args:
        name: the labeling job's name
        client: a SageMaker client
        arn: the job's ARN, None if it is not known
        tag: the tag of the job's package, None if it is not known

    Returns:
        the status: NotStarted if there is no job of that name, or only another one

    Raises:
        GroundTruthError: if AWS cannot be asked
    """
    job = find_job(name, client)
    if job is None:
        return JobStatus(name, NOT_STARTED)
    if job["LabelingJobArn"] == arn or (tag and package_tag(job) == tag):
        return _read_status(job)
    return JobStatus(name, NOT_STARTED, failure_reason=NAMESAKE)


def _read_status(job: DescribeLabelingJobResponseTypeDef) -> JobStatus:
    counters = job["LabelCounters"]
    output = job.get("LabelingJobOutput")
    return JobStatus(
        name=job["LabelingJobName"],
        status=job["LabelingJobStatus"],
        labeled=counters.get("TotalLabeled", 0),
        unlabeled=counters.get("Unlabeled", 0),
        failed=counters.get("FailedNonRetryableError", 0),
        failure_reason=job.get("FailureReason") or None,
        output_uri=output["OutputDatasetS3Uri"] or None if output else None,
        arn=job["LabelingJobArn"],
    )


def job_status(name: str, client: SageMakerClient | None = None) -> JobStatus:
    """Read the status of a labeling job.

    Args:
        name: the labeling job's name
        client (None): a SageMaker client, by default from boto3's default chain

    Raises:
        GroundTruthError: if there is no such job or AWS cannot be asked
    """
    client = client or sagemaker_client()
    job = find_job(name, client)
    if job is None:
        region = client.meta.region_name
        what = f"There is no labeling job {name!r} in region {region}"
        raise GroundTruthError(what, "check the name and the region")
    return _read_status(job)


def stop_job(name: str, client: SageMakerClient | None = None) -> None:
    """Stop a labeling job; what workers have finished is kept.

    Args:
        name: the labeling job's name
        client (None): a SageMaker client, by default from boto3's default chain

    Raises:
        GroundTruthError: if there is no such job, or it has already ended
    """
    client = client or sagemaker_client()
    status = job_status(name, client)
    if status.finished:
        raise GroundTruthError(
            f"Labeling job {name!r} is already {status.status}", "no need to stop it"
        )
    with aws_errors(f"Stopping labeling job {name!r}"):
        client.stop_labeling_job(LabelingJobName=name)
