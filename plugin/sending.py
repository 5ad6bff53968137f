# SPDX-License-Identifier: Apache-2.0
"""Sends adjustments to Ground Truth, watches and stops them.

Every step can be taken again, in any process: what is there already stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fiftyone as fo

from ..importers.tracks import InputError
from .adjustment import Adjustment
from .groundtruth.aws import GroundTruthError, s3_client, sagemaker_client
from .groundtruth.bucket import add_cors_rule, cors_warning
from .groundtruth.findings import Finding, sentences
from .groundtruth.jobs import (
    NOT_STARTED,
    UNDER_WAY,
    JobStatus,
    find_status,
    launch_job,
    stop_job,
)
from .groundtruth.package import Plan, package_folders, write_packages
from .groundtruth.preflight import check_account
from .groundtruth.selection import image_findings
from .groundtruth.upload import read_job, upload_package
from .runs import (
    AdjustmentRecord,
    JobRecord,
    record_adjustment,
    recorded_adjustment,
    recorded_adjustments,
    recording_adjustment,
)
from .texts import count

#: What is called with a progress bar's state, an object with ``progress`` in [0, 1].
Progress = Callable[[Any], None]


def check_adjustment(adjustment: Adjustment) -> tuple[Finding, ...]:
    """Reports everything that would make an adjustment fail, and changes nothing.

    Args:
        adjustment: the plan; where it has a bucket, AWS is asked too

    Returns:
        what was found, errors first
    """
    job = adjustment.job
    found = list(adjustment.findings)
    for plan in adjustment.plans:
        found += image_findings(plan.frames)
    if job.bucket:
        parts = [plan.job for plan in adjustment.plans]
        found += check_account(job, parts, _own_places(adjustment.earlier))
    return tuple(sorted(found, key=lambda finding: finding.severity))


def export_adjustment(
    dataset: fo.Dataset,
    adjustment: Adjustment,
    folder: Path | str | None = None,
    *,
    copy_frames: bool = False,
    add_cors: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Writes an adjustment's packages, and goes on as far as the settings allow.

    With a bucket, the packages are uploaded. With a role and a work team too, the
    labeling jobs are started. An earlier export of the same name, which was not
    started, is replaced with its package.

    Args:
        dataset: the dataset that the frames are from
        adjustment: the plan
        folder (None): a new folder for the packages; by default below FiftyOne's
            dataset folder
        copy_frames (False): whether to copy the frames into the packages
        add_cors (False): whether to add the CORS rule that the worker's page
            needs to the bucket, where it has none
        progress (None): a progress callback

    Returns:
        ``job_name``, ``job_arns``, ``folder``, counts and messages

    Raises:
        InputError: if anything would make the jobs fail; nothing is written
        GroundTruthError: if AWS fails on the way: :func:`launch_adjustment` goes
            on from there
    """
    job = adjustment.job
    default = Path(fo.config.default_dataset_dir, "track-audit", "jobs", job.name)
    package = Path(folder).expanduser().resolve() if folder else default
    found = check_adjustment(adjustment)
    errors = sentences(found, "error")
    if errors:
        raise InputError(package, "nothing was written:\n" + "\n".join(errors))
    if add_cors and job.bucket:
        add_cors_rule(s3_client(job.job_region), job.bucket, job.job_region)
        done = cors_warning(job.bucket)
        found = tuple(finding for finding in found if finding != done)
    record = _make_record(adjustment, package_folders(adjustment.plans, package))
    earlier = adjustment.earlier
    with recording_adjustment(dataset, record):
        write_packages(
            adjustment.plans,
            package,
            copy_frames=copy_frames,
            replace=earlier is not None and _has_package(earlier, package),
        )
    replace_files = bool(_own_places(earlier))
    result = _send(dataset, record, progress, overwrite=replace_files)
    notes = [*sentences(found, "warning"), *adjustment.notes]
    return {
        **result,
        "folder": str(package),
        "notes": "\n".join(notes),
    }


def launch_adjustment(
    dataset: fo.Dataset, name: str, progress: Progress | None = None
) -> dict[str, Any]:
    """Uploads and starts an adjustment that was exported.

    What is in the bucket already is not sent again, and what was started is not
    started again: an export that was broken off goes on where it stopped.

    Args:
        dataset: the dataset
        name: the adjustment's name
        progress (None): a progress callback

    Returns:
        as :func:`export_adjustment`

    Raises:
        ValueError: if no adjustment of that name is recorded
        InputError: if its package is damaged, or names no bucket
        GroundTruthError: if AWS refuses
    """
    record = recorded_adjustment(dataset, name)
    missing_settings(record)
    return _send(dataset, record, progress)


def missing_settings(record: AdjustmentRecord) -> list[str]:
    """Returns the settings without which an adjustment is uploaded, but not started.

    Args:
        record: the adjustment

    Returns:
        some of ``region``, ``role_arn`` and ``workteam_arn``

    Raises:
        InputError: if a package is damaged, or names no bucket
    """
    jobs = [read_job(Path(job.package), needed=["bucket"]) for job in record.jobs]
    return list(jobs[0]["fill_in"])


def adjustment_status(
    dataset: fo.Dataset, name: str | None = None
) -> list[dict[str, Any]]:
    """Asks AWS how the labeling jobs of a dataset stand.

    Args:
        dataset: the dataset
        name (None): an adjustment's name, by default all of them

    Returns:
        for each labeling job ``job_name`` (of the adjustment that it is part of),
        and what :class:`JobStatus` has; NotStarted of those that AWS does not know

    Raises:
        ValueError: if no adjustment of that name is recorded
        GroundTruthError: if AWS cannot be asked
    """
    if name is not None:
        return _status(recorded_adjustment(dataset, name))
    records = recorded_adjustments(dataset).values()
    return [row for record in records for row in _status(record)]


def stop_adjustment(dataset: fo.Dataset, name: str) -> list[dict[str, Any]]:
    """Stops an adjustment's labeling jobs; what workers have finished is kept.

    Args:
        dataset: the dataset
        name: the adjustment's name

    Returns:
        as :func:`adjustment_status`, after that

    Raises:
        ValueError: if no adjustment of that name is recorded
        GroundTruthError: if none of its jobs is under way, or AWS refuses
    """
    record = recorded_adjustment(dataset, name)
    before = {job["name"]: job["status"] for job in _status(record)}
    running = [job for job, status in before.items() if status in UNDER_WAY]
    if not running:
        stand = ", ".join(f"{job} is {status}" for job, status in before.items())
        raise GroundTruthError(f"Nothing is under way: {stand}", "there is no need")
    client = sagemaker_client(record.region)
    for job in running:
        stop_job(job, client)
    return _status(record)


def _status(record: AdjustmentRecord) -> list[dict[str, Any]]:
    statuses = [JobStatus(job.name, NOT_STARTED) for job in record.jobs]
    if record.region:  # without one, nothing can have been started
        client = sagemaker_client(record.region)
        statuses = [find_status(job.name, client) or job for job in statuses]
    return [{"job_name": record.name, **asdict(status)} for status in statuses]


def _has_package(record: AdjustmentRecord, folder: Path) -> bool:
    """Whether a folder is the package that was written for an adjustment."""
    packages = [Path(job.package) for job in record.jobs]
    own = packages[0] if len(packages) == 1 else packages[0].parent
    return own == folder and all((each / "job.json").is_file() for each in packages)


def _make_record(adjustment: Adjustment, folders: list[Path]) -> AdjustmentRecord:
    job = adjustment.job
    return AdjustmentRecord(
        name=job.name,
        label_field=adjustment.label_field,
        region=job.job_region,
        label_attribute=job.label_attribute,
        audited_attribute=job.audited_attribute,
        counts=adjustment.counts,
        jobs=[
            _make_job_record(plan, folder)
            for plan, folder in zip(adjustment.plans, folders, strict=True)
        ],
    )


def _make_job_record(plan: Plan, folder: Path) -> JobRecord:
    frames = plan.frames.groupby("sequence")["frame"]
    return JobRecord(
        name=plan.job.name,
        package=str(folder),
        s3_root=plan.job.root if plan.job.bucket else None,
        frames={str(name): numbers.tolist() for name, numbers in frames},
    )


def _own_places(record: AdjustmentRecord | None) -> set[str]:
    """The folders in S3 that an earlier export was uploaded to."""
    return {job.s3_root for job in record.jobs if job.s3_root} if record else set()


def _send(
    dataset: fo.Dataset,
    record: AdjustmentRecord,
    progress: Progress | None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Uploads all packages, then starts all jobs, as far as the settings go."""
    missing = read_job(Path(record.jobs[0].package), needed=[])["fill_in"]
    done = [f"{sent_text(record.counts)} written"]
    if "bucket" not in missing:
        sent = count(_upload(record, progress, overwrite), "file")
        done.append(
            f"{sent} uploaded to {', '.join(str(j.s3_root) for j in record.jobs)}"
        )
    if not missing:
        record = _start(dataset, record)
        done.append(f"job {', '.join(job.name for job in record.jobs)} started")
    settings = ", ".join(missing).replace("_arn", " ARN")
    return {
        "job_name": record.name,
        "job_arns": [job.arn for job in record.jobs if job.arn],
        **record.counts,
        "message": ", ".join(done),
        "next": (
            f"Export again with {settings} to start the job"
            if missing
            else "Watch the job with 'Adjustment job status'"
        ),
    }


def sent_text(counts: Mapping[str, int]) -> str:
    """Says what is sent.

    Args:
        counts: the counts of an :class:`Adjustment`

    Returns:
        such as ``10 frames (2 chosen, the rest context) with 4 boxes of 1 sequence``
    """
    frames = count(counts["frames"], "frame")
    if counts["flagged"] < counts["frames"]:
        frames += f" ({counts['flagged']:,} chosen, the rest context)"
    boxes = count(counts["boxes"], "box")
    return f"{frames} with {boxes} of {count(counts['sequences'], 'sequence')}"


def _upload(
    record: AdjustmentRecord, progress: Progress | None, overwrite: bool
) -> int:
    client = s3_client(record.region)
    sent = 0
    for number, job in enumerate(record.jobs):

        def report(done: int, total: int, number: int = number) -> None:
            if progress:
                fraction = (number + done / max(1, total)) / len(record.jobs)
                progress(SimpleNamespace(progress=fraction))

        upload = upload_package(
            Path(job.package), client, overwrite=overwrite, progress=report
        )
        sent += upload.sent
    return sent


def _start(dataset: fo.Dataset, record: AdjustmentRecord) -> AdjustmentRecord:
    client = sagemaker_client(record.region)
    for number, job in enumerate(record.jobs):
        started = replace(job, arn=launch_job(Path(job.package), client))
        jobs = [*record.jobs[:number], started, *record.jobs[number + 1 :]]
        record = replace(record, jobs=jobs)
        # After each: what was started is known even if the next one fails.
        record_adjustment(dataset, record)
    return record
