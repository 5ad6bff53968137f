# SPDX-License-Identifier: Apache-2.0
"""Starts, watches and stops labeling jobs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from ...importers.tracks import InputError
from .aws import GroundTruthError, aws_errors, error_code, sagemaker_client
from .checks import model_errors
from .upload import read_job

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

FINISHED = frozenset({"Completed", "Failed", "Stopped"})


@dataclass(frozen=True)
class JobStatus:
    """How a labeling job stands.

    Attributes:
        name: the job's name
        status: Initializing, InProgress, Completed, Failed, Stopping or Stopped
        labeled: the number of sequences that workers have finished
        unlabeled: the number of sequences still to do
        failed: the number of sequences that could not be labeled
        failure_reason: why the job failed, or None
        output_uri: the S3 URI of the output manifest, None before there is one
    """

    name: str
    status: str
    labeled: int
    unlabeled: int
    failed: int
    failure_reason: str | None
    output_uri: str | None

    @property
    def finished(self) -> bool:
        """Whether the job is Completed, Failed or Stopped."""
        return self.status in FINISHED


def launch_job(package: Path, client: SageMakerClient | None = None) -> str:
    """Starts the labeling job of a package that was uploaded.

    Args:
        package: the package's folder
        client (None): a SageMaker client, by default one of boto3's default
            chain

    Returns:
        the labeling job's ARN

    Raises:
        InputError: if the package's request is not filled in or not valid
        GroundTruthError: if AWS refuses the job
    """
    job = read_job(package)
    request = job["request"]
    errors = model_errors("CreateLabelingJob", request)
    if errors:
        raise InputError(Path(package) / "job.json", "\n".join(errors))
    client = client or sagemaker_client(job["region"])
    name = request["LabelingJobName"]
    with aws_errors(f"Starting labeling job {name!r}"):
        try:
            answer = client.create_labeling_job(**request)
        except ClientError as error:
            if error_code(error) != "ResourceInUse":
                raise
            raise GroundTruthError(
                f"There is a labeling job {name!r} already, upper and lower case being "
                "the same: choose another name."
            ) from error
    return answer["LabelingJobArn"]


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
    with aws_errors(f"Reading labeling job {name!r}"):
        try:
            job = client.describe_labeling_job(LabelingJobName=name)
        except ClientError as error:
            if error_code(error) != "ResourceNotFound":
                raise
            region = client.meta.region_name
            raise GroundTruthError(
                f"There is no labeling job {name!r} in region {region}: check the name "
                "and the region."
            ) from error
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
    )


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
            f"Labeling job {name!r} is {status.status} already: it cannot be stopped."
        )
    with aws_errors(f"Stopping labeling job {name!r}"):
        client.stop_labeling_job(LabelingJobName=name)
