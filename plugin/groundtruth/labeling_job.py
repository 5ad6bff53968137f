# SPDX-License-Identifier: Apache-2.0
"""Starts, watches and stops labeling jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ...importers.tracks import InputError
from .aws import GroundTruthError, aws_errors, error_code, is_absent, sagemaker_client
from .checks import model_errors
from .folder import read_job
from .request import PACKAGE_TAG

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import DescribeLabelingJobResponseTypeDef

FINISHED = frozenset({"Completed", "Failed", "Stopped"})
UNDER_WAY = frozenset({"Initializing", "InProgress"})
NOT_STARTED = "NotStarted"
NAMESAKE = "there is another job of that name"


@dataclass(frozen=True)
class JobStatus:
    """How a labeling job stands.

    Attributes:
        name: the job's name
        status: Initializing, InProgress, Completed, Failed, Stopping or Stopped, or
            NotStarted where AWS has no such job
        labeled: the number of sequences that workers have finished
        unlabeled: the number of sequences still to do
        failed: the number of sequences that could not be labeled
        failure_reason: why the job failed, or was not started, or None
        output_uri: the S3 URI of the output manifest, None before there is one
        arn: the job's ARN, None where it was not started
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


def launch_job(package: Path, client: SageMakerClient | None = None) -> str:
    """Starts the labeling job of a package that was uploaded, once.

    A job is known again by the package's own tag. So where the job was started
    before, even if the answer got lost, there is no second one.

    Args:
        package: the package's folder
        client (None): a SageMaker client, by default one of boto3's default
            chain

    Returns:
        the labeling job's ARN

    Raises:
        InputError: if the package's request is not filled in or not valid
        GroundTruthError: if AWS refuses the job, or there is another of its name
    """
    job = read_job(package)
    request = job["request"]
    errors = model_errors("CreateLabelingJob", request)
    if errors:
        raise InputError(Path(package) / "job.json", "\n".join(map(str, errors)))
    client = client or sagemaker_client(job["region"])
    name = request["LabelingJobName"]
    with aws_errors(f"Starting labeling job {name!r}"):
        try:
            return client.create_labeling_job(**request)["LabelingJobArn"]
        except ClientError as error:
            if error_code(error) != "ResourceInUse":
                raise
    found = find_job(name, client)
    if found and package_tag(found) == package_tag(request):
        return found["LabelingJobArn"]
    raise name_taken(name)


def name_taken(name: str) -> GroundTruthError:
    """Makes the error of a job whose name another job has.

    Args:
        name: the labeling job's name

    Returns:
        the error
    """
    what = f"There is a labeling job {name!r} already, whatever the case of its letters"
    return GroundTruthError(what, "choose another name")


def package_tag(job: Mapping[str, Any]) -> str | None:
    """Reads the tag that a package and its labeling job share.

    Args:
        job: a CreateLabelingJob request, or what DescribeLabelingJob answers

    Returns:
        the tag's value, None where there is none
    """
    tags = {tag["Key"]: tag["Value"] for tag in job.get("Tags", [])}
    return tags.get(PACKAGE_TAG)


def find_job(
    name: str, client: SageMakerClient
) -> DescribeLabelingJobResponseTypeDef | None:
    """Looks a labeling job up.

    Args:
        name: the labeling job's name
        client: a SageMaker client

    Returns:
        what DescribeLabelingJob answers, None where there is no such job

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
    """Reads how one's own labeling job stands.

    Others of the account may have given its name, in whatever case, to theirs.

    Args:
        name: the labeling job's name
        client: a SageMaker client
        arn: the job's ARN, None where it is not known
        tag: the tag of the job's package, None where it is not known

    Returns:
        the status: NotStarted where there is no such job, or another's alone

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
    """Reads how a labeling job stands.

    Args:
        name: the labeling job's name
        client (None): a SageMaker client, by default one of boto3's default
            chain

    Returns:
        the status

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
    """Stops a labeling job; what workers have finished is kept.

    Args:
        name: the labeling job's name
        client (None): a SageMaker client, by default one of boto3's default
            chain

    Raises:
        GroundTruthError: if there is no such job or it has ended already
    """
    client = client or sagemaker_client()
    status = job_status(name, client)
    if status.finished:
        raise GroundTruthError(
            f"Labeling job {name!r} is {status.status} already", "it needs no stop"
        )
    with aws_errors(f"Stopping labeling job {name!r}"):
        client.stop_labeling_job(LabelingJobName=name)
