# SPDX-License-Identifier: Apache-2.0
"""Show the status of a dataset's adjustment jobs, and stop them."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import fiftyone as fo

from ..groundtruth.aws import GroundTruthError, sagemaker_client
from ..groundtruth.labeling_job import (
    NOT_STARTED,
    UNDER_WAY,
    JobStatus,
    own_status,
    stop_job,
)
from .records import (
    AdjustmentRecord,
    JobRecord,
    recorded_adjustment,
    recorded_adjustments,
)


@dataclass(frozen=True, kw_only=True)
class AdjustmentStatus(JobStatus):
    """The status of one labeling job of an adjustment.

    Attributes:
        job_name: the name of the adjustment, which may consist of several jobs
    """

    job_name: str


def adjustment_status(
    dataset: fo.Dataset, name: str | None = None
) -> list[AdjustmentStatus]:
    """Read the status of a dataset's adjustment jobs from AWS.

    Args:
        dataset: the dataset
        name (None): an adjustment's name, by default all of them

    Returns:
        the status of each labeling job: NotStarted if AWS does not know the job, or
        only one of somebody else that has its name

    Raises:
        ValueError: if no adjustment of that name is recorded
        GroundTruthError: if AWS cannot be asked

    Example:
        >>> [job.status for job in fta.adjustment_status(dataset, "fix")]
        ['InProgress']
    """
    if name is not None:
        return _of_adjustment(recorded_adjustment(dataset, name))
    records = recorded_adjustments(dataset).values()
    return [status for record in records for status in _of_adjustment(record)]


def stop_adjustment(dataset: fo.Dataset, name: str) -> list[AdjustmentStatus]:
    """Stop an adjustment's labeling jobs; what workers have finished is kept.

    Args:
        dataset: the dataset
        name: the adjustment's name

    Returns:
        the status of its labeling jobs after that

    Raises:
        ValueError: if no adjustment of that name is recorded
        GroundTruthError: if none of its jobs is running, or AWS refuses

    Example:
        >>> [job.status for job in fta.stop_adjustment(dataset, "fix")]
        ['Stopping']
    """
    record = recorded_adjustment(dataset, name)
    before = job_statuses(record)
    running = [job.name for job in before if job.status in UNDER_WAY]
    if not running:
        found = ", ".join(map(_describe, before))
        raise GroundTruthError(f"No job is running: {found}", "no need to stop it")
    client = sagemaker_client(record.region)
    for job in running:
        stop_job(job, client)
    return _of_adjustment(record)


def job_statuses(record: AdjustmentRecord) -> list[JobStatus]:
    """Read the status of an adjustment's labeling jobs from AWS.

    Raises:
        GroundTruthError: if AWS cannot be asked
    """
    return [status_of_job(job, record.region) for job in record.jobs]


def status_of_job(job: JobRecord, region: str | None) -> JobStatus:
    """Read the status of a labeling job of an adjustment from AWS.

    Args:
        job: the job
        region: the AWS region, None if it is not known

    Returns:
        the status; AWS is not asked about a job that cannot have been started

    Raises:
        GroundTruthError: if AWS cannot be asked
    """
    if not (job.s3_root and region):
        return JobStatus(job.name, NOT_STARTED)
    return own_status(job.name, sagemaker_client(region), job.arn, job.tag)


def _of_adjustment(record: AdjustmentRecord) -> list[AdjustmentStatus]:
    return [
        AdjustmentStatus(**asdict(status), job_name=record.name)
        for status in job_statuses(record)
    ]


def _describe(status: JobStatus) -> str:
    reason = f" ({status.failure_reason})" if status.failure_reason else ""
    return f"{status.name} is {status.status}{reason}"
