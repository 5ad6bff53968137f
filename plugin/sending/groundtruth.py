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

from ...importers.files import resolve_path
from ...importers.pixels import image_findings
from ...importers.problems import Finding, error, sentences
from ...importers.store.locks import exclusive
from ...importers.tracks import InputError
from ..groundtruth.aws import GroundTruthError, s3_client, sagemaker_client
from ..groundtruth.bucket import add_cors_rule, cors_warning
from ..groundtruth.folder import read_job
from ..groundtruth.labeling_job import (
    NOT_STARTED,
    UNDER_WAY,
    JobStatus,
    launch_job,
    own_status,
    package_tag,
    stop_job,
)
from ..groundtruth.package import (
    Plan,
    package_findings,
    package_folders,
    write_packages,
)
from ..groundtruth.preflight import check_account
from ..groundtruth.upload import upload_package
from ..plain import count
from .groundtruth_plan import Adjustment
from .records import (
    AdjustmentRecord,
    JobRecord,
    record_adjustment,
    recorded_adjustment,
    recorded_adjustments,
    recording_adjustment,
)

#: What is called with a progress bar's state, an object with ``progress`` in [0, 1].
Progress = Callable[[Any], None]


def check_adjustment(
    adjustment: Adjustment,
    folder: Path | str | None = None,
    *,
    copy_frames: bool = False,
) -> tuple[Finding, ...]:
    """Reports everything that would make an adjustment fail, and changes nothing.

    Args:
        adjustment: the plan; where it has a bucket, AWS is asked too
        folder (None): as of :func:`export_adjustment`
        copy_frames (False): as of :func:`export_adjustment`

    Returns:
        what was found, errors first
    """
    job, plans = adjustment.job, adjustment.plans
    found = local_findings(adjustment, folder, copy_frames=copy_frames)
    for plan in plans:
        found += image_findings(plan.frames)
    started = _start_findings(adjustment.earlier)
    found += started
    if job.bucket and not started:
        found += check_account(job, [plan.job for plan in plans], plans[0].owner)
    return tuple(sorted(found, key=lambda finding: finding.severity))


def local_findings(
    adjustment: Adjustment,
    folder: Path | str | None = None,
    *,
    copy_frames: bool = False,
) -> list[Finding]:
    """Finds what would make an adjustment fail without a look at AWS and the images.

    Args:
        adjustment: the plan
        folder (None): as of :func:`export_adjustment`
        copy_frames (False): as of :func:`export_adjustment`

    Returns:
        what was found
    """
    package = _package_folder(adjustment, folder)
    return package_findings(adjustment.plans, package, copy_frames)


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
        folder (None): a new folder for the packages, or the one of the earlier
            export; by default below FiftyOne's dataset folder
        copy_frames (False): whether to copy the frames into the packages
        add_cors (False): whether to add the CORS rule that the worker's page
            needs to the bucket, where it has none
        progress (None): a progress callback

    Returns:
        ``job_name``, ``job_arns``, ``folder``, counts and messages

    Raises:
        InputError: if anything would make the jobs fail; nothing is written
        ValueError: if it was exported or started since it was planned, or somebody
            else is exporting right now
        GroundTruthError: if AWS fails on the way: :func:`launch_adjustment` goes
            on from there
    """
    job, plans = adjustment.job, adjustment.plans
    package = _package_folder(adjustment, folder)
    found = check_adjustment(adjustment, package, copy_frames=copy_frames)
    errors = sentences(found, "error")
    if errors:
        raise InputError(package, "nothing was written:\n" + "\n".join(errors))
    record = _make_record(adjustment, package_folders(plans, package))
    with exclusive(dataset, "exporting frames of"):
        if recorded_adjustments(dataset).get(job.name) != adjustment.earlier:
            raise ValueError(
                f"'{job.name}' was exported or started since this was planned; plan "
                "it again, or choose another name"
            )
        with recording_adjustment(dataset, record):
            write_packages(plans, package, copy_frames=copy_frames)
    if add_cors and job.bucket:
        add_cors_rule(s3_client(job.job_region), job.bucket, job.job_region)
        done = cors_warning(job.bucket)
        found = tuple(finding for finding in found if finding != done)
    result = _send(dataset, record, progress)
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
        and what :class:`JobStatus` has; NotStarted of those that AWS does not know,
        or knows as somebody else's

    Raises:
        ValueError: if no adjustment of that name is recorded
        GroundTruthError: if AWS cannot be asked
    """
    if name is not None:
        return _rows(recorded_adjustment(dataset, name))
    records = recorded_adjustments(dataset).values()
    return [row for record in records for row in _rows(record)]


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
    before = _statuses(record)
    running = [job.name for job in before if job.status in UNDER_WAY]
    if not running:
        stand = ", ".join(map(_stand, before))
        raise GroundTruthError(f"Nothing is under way: {stand}", "there is no need")
    client = sagemaker_client(record.region)
    for job in running:
        stop_job(job, client)
    return _rows(record)


def _rows(record: AdjustmentRecord) -> list[dict[str, Any]]:
    statuses = _statuses(record)
    return [{"job_name": record.name, **asdict(status)} for status in statuses]


def _statuses(record: AdjustmentRecord) -> list[JobStatus]:
    return [_status(job, record.region) for job in record.jobs]


def _status(job: JobRecord, region: str | None) -> JobStatus:
    if not (job.s3_root and region):  # nothing can have been started
        return JobStatus(job.name, NOT_STARTED)
    return own_status(job.name, sagemaker_client(region), job.arn, job.tag)


def _stand(status: JobStatus) -> str:
    reason = f" ({status.failure_reason})" if status.failure_reason else ""
    return f"{status.name} is {status.status}{reason}"


def _start_findings(earlier: AdjustmentRecord | None) -> list[Finding]:
    """An error for each job of an earlier export that was started after all.

    What is known to be started is never planned again. But the answer may have got
    lost, or the process that waited for it.
    """
    if earlier is None or not any(job.tried for job in earlier.jobs):
        return []
    try:
        statuses = _statuses(earlier)
    except GroundTruthError as failure:
        return [error(failure.what, failure.todo)]
    todo = f"launch '{earlier.name}' to go on with it, or choose another name"
    return [
        error(f"Labeling job {status.name!r} was started already", todo)
        for status in statuses
        if status.arn
    ]


def _package_folder(adjustment: Adjustment, folder: Path | str | None) -> Path:
    return resolve_path(folder) if folder else adjustment.folder


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
        tag=package_tag(plan.request),
    )


def _send(
    dataset: fo.Dataset, record: AdjustmentRecord, progress: Progress | None
) -> dict[str, Any]:
    """Uploads all packages, then starts all jobs, as far as the settings go."""
    missing = read_job(Path(record.jobs[0].package), needed=[])["fill_in"]
    done = [f"{sent_text(record.counts)} written"]
    if "bucket" not in missing:
        sent = count(_upload(record, progress), "file")
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


def _upload(record: AdjustmentRecord, progress: Progress | None) -> int:
    client = s3_client(record.region)
    # The files of a job that was started are what its workers work on
    waiting = [
        job
        for job in record.jobs
        if not (job.arn or (job.tried and _status(job, record.region).arn))
    ]
    sent = 0
    for number, job in enumerate(waiting):

        def report(done: int, total: int, number: int = number) -> None:
            if progress:
                fraction = (number + done / max(1, total)) / len(waiting)
                progress(SimpleNamespace(progress=fraction))

        sent += upload_package(Path(job.package), client, progress=report).sent
    return sent


def _start(dataset: fo.Dataset, record: AdjustmentRecord) -> AdjustmentRecord:
    """Starts each job, and records it before and after: no start is ever unknown."""
    client = sagemaker_client(record.region)
    for number, job in enumerate(record.jobs):
        with exclusive(dataset, "starting a labeling job of"):
            current = recorded_adjustment(dataset, record.name)
            if [job.tag for job in current.jobs] != [job.tag for job in record.jobs]:
                raise ValueError(
                    f"'{record.name}' was exported again by somebody else meanwhile; "
                    "launch that to start it"
                )
            record = _record_job(dataset, current, number, tried=True)
            arn = launch_job(Path(job.package), client)
            record = _record_job(dataset, record, number, arn=arn)
    return record


def _record_job(
    dataset: fo.Dataset,
    record: AdjustmentRecord,
    number: int,
    **changed: Any,  # noqa: ANN401 - of any field
) -> AdjustmentRecord:
    jobs = [*record.jobs]
    jobs[number] = replace(jobs[number], **changed)
    record = replace(record, jobs=jobs)
    record_adjustment(dataset, record)
    return record
