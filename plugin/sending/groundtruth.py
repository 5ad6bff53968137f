# SPDX-License-Identifier: Apache-2.0
"""Export adjustments to Ground Truth, and start their labeling jobs.

Every step can be repeated in any process: what is already done stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import fiftyone as fo
import pandas as pd

from ...importers.problems import Finding, sentences
from ...importers.s3_objects import is_s3, split_s3
from ...importers.store.locks import exclusive
from ...importers.tracks import InputError
from ..groundtruth.aws import s3_client, sagemaker_client
from ..groundtruth.bucket import add_cors_rule, cors_warning
from ..groundtruth.folder import Package, download_package, read_package
from ..groundtruth.labeling_job import launch_job
from ..groundtruth.package import planned_packages, write_packages
from ..groundtruth.package_plan import Plan
from ..groundtruth.upload import upload_package
from ..plain import Json, count
from .groundtruth_checks import check_adjustment
from .groundtruth_jobs import status_of_job
from .groundtruth_plan import Adjustment
from .records import (
    AdjustmentRecord,
    Counts,
    JobRecord,
    record_adjustment,
    recorded_adjustment,
    recorded_adjustments,
    recording_adjustment,
)


@dataclass(frozen=True)
class Fraction:
    """The state of a progress bar.

    Attributes:
        progress: the fraction that is done, in [0, 1]
    """

    progress: float


Progress = Callable[[Fraction], None]


@dataclass(frozen=True)
class SentAdjustment:
    """How far an adjustment was sent.

    Attributes:
        job_name: the adjustment's name
        job_arns: the ARNs of its labeling jobs that were started
        counts: what is sent
        message: what was done
        next: what to do next
        folder: the folder of its packages, None if they were written before
        notes: warnings and other notes, one per line
    """

    job_name: str
    job_arns: list[str]
    counts: Counts
    message: str
    next: str
    folder: str | None = None
    notes: str = ""

    def to_dict(self) -> Json:
        """Return the attributes and counts as JSON values, without a missing folder."""
        values = {**asdict(self), **asdict(self.counts)}
        del values["counts"]
        return {name: value for name, value in values.items() if value is not None}


def export_adjustment(
    dataset: fo.Dataset,
    adjustment: Adjustment,
    folder: Path | str | None = None,
    *,
    copy_frames: bool = False,
    add_cors: bool = False,
    progress: Progress | None = None,
) -> SentAdjustment:
    """Write an adjustment's packages, upload them and start its jobs.

    The packages are uploaded if there is a bucket, and the labeling jobs are started
    if there are a role and a work team too. An earlier export of the same name that
    was not started is replaced, with its packages.

    Args:
        dataset: the dataset that the frames are from
        adjustment: the plan
        folder (None): a new folder for the packages, or the one of the earlier
            export; by default below FiftyOne's dataset folder. With the S3 URI of the
            job's folder, ``job.root``, the packages are in S3 alone
        copy_frames (False): whether to copy the frames into the packages
        add_cors (False): whether to add the CORS rule that the worker's page
            needs to the bucket, if it has none
        progress (None): a progress callback

    Returns:
        what was done

    Raises:
        InputError: if anything would make the jobs fail; nothing is written
        ValueError: if it was exported or started since it was planned, or another
            process is writing to the dataset
        GroundTruthError: if AWS fails; :func:`launch_adjustment` resumes from there

    Example:
        >>> plan = fta.plan_adjustment(view, fta.AdjustmentJob("street-1"))
        >>> sent = fta.export_adjustment(dataset, plan, "package")
        >>> sent.counts.frames
        2
    """
    adjustment = adjustment.place_frames(copy_frames)
    plans, package = adjustment.plans, adjustment.package_folder(folder)
    found = check_adjustment(adjustment, package, copy_frames=copy_frames)
    errors = sentences(found, "error")
    if errors:
        raise InputError(package, "nothing was written:\n" + "\n".join(errors))
    with _local_folder(package) as local:
        in_s3 = local != package
        packages = planned_packages(plans, local, in_s3=in_s3)
        record = _make_record(adjustment, packages)
        with exclusive(dataset, "exporting frames of"):
            _check_unchanged(dataset, adjustment)
            with recording_adjustment(dataset, record):
                write_packages(plans, local, copy_frames=copy_frames, in_s3=in_s3)
        if add_cors:
            found = _add_cors(adjustment, found)
        sent = _send(dataset, record, packages, progress)
    notes = [*sentences(found, "warning"), *adjustment.notes]
    return replace(sent, folder=str(package), notes="\n".join(notes))


@contextmanager
def _local_folder(folder: Path | str) -> Iterator[Path]:
    """Provide the folder to write packages to, of which nothing is left if it is S3."""
    if isinstance(folder, Path):
        yield folder
    else:
        with TemporaryDirectory(prefix="track-audit-") as scratch:
            yield Path(scratch, "package")


def launch_adjustment(
    dataset: fo.Dataset, name: str, progress: Progress | None = None
) -> SentAdjustment:
    """Upload an adjustment that was exported, and start its labeling jobs.

    Files that are already in the bucket are not uploaded again, and jobs that were
    started are not started again, so an interrupted export resumes where it stopped.

    Args:
        dataset: the dataset
        name: the adjustment's name
        progress (None): a progress callback

    Returns:
        what was done

    Raises:
        ValueError: if no adjustment of that name is recorded
        InputError: if its packages are damaged, are not of its last export, or have
            no bucket
        GroundTruthError: if AWS refuses

    Example:
        >>> fta.launch_adjustment(dataset, "fix").job_arns
        ['arn:aws:sagemaker:eu-west-1:123456789012:labeling-job/fix']
    """
    record = recorded_adjustment(dataset, name)
    with recorded_packages(record) as packages:
        return _send(dataset, record, packages, progress)


@contextmanager
def recorded_packages(record: AdjustmentRecord) -> Iterator[list[Package]]:
    """Read the packages of an adjustment that is to be uploaded.

    Yields:
        the packages, which are on this machine at least as long as the context lasts

    Raises:
        InputError: if a package is damaged, is not the one that was recorded, or has
            no bucket
    """
    with TemporaryDirectory(prefix="track-audit-") as scratch:
        packages = []
        for number, job in enumerate(record.jobs):
            if is_s3(job.package):
                local = Path(scratch, str(number))
                packages.append(download_package(job.package, local))
            else:
                packages.append(read_package(Path(job.package)))
            _check_last(record, job, packages[-1])
        yield packages


def _check_last(record: AdjustmentRecord, job: JobRecord, package: Package) -> None:
    # A process may have been killed after recording an export that replaces this
    if job.tag and job.tag != package.tag:
        message = (
            f"this is an earlier package: the last export of '{record.name}' was "
            "interrupted; export it again"
        )
        raise InputError(job.package, message)
    package.require("bucket")


def _check_unchanged(dataset: fo.Dataset, adjustment: Adjustment) -> None:
    name = adjustment.job.name
    if recorded_adjustments(dataset).get(name) != adjustment.earlier:
        raise ValueError(
            f"'{name}' was exported or started since this was planned; plan it again, "
            "or choose another name"
        )


def _add_cors(adjustment: Adjustment, found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Add the CORS rule, and return the findings that remain."""
    job = adjustment.job
    if not job.bucket:
        return tuple(found)
    frames = pd.concat([plan.frames for plan in adjustment.plans])
    buckets = {job.bucket, *(split_s3(uri)[0] for uri in frames["uri"])}
    for bucket in sorted(buckets):
        add_cors_rule(s3_client(job.job_region), bucket, job.job_region)
    added = list(map(cors_warning, buckets))
    return tuple(each for each in found if each not in added)


def _make_record(adjustment: Adjustment, packages: list[Package]) -> AdjustmentRecord:
    job = adjustment.job
    return AdjustmentRecord(
        name=job.name,
        label_field=adjustment.label_field,
        region=job.job_region,
        label_attribute=job.label_attribute,
        audited_attribute=job.audited_attribute,
        counts=adjustment.counts,
        jobs=[
            _make_job_record(plan, package)
            for plan, package in zip(adjustment.plans, packages, strict=True)
        ],
        role_arn=job.role_arn,
        workteam_arn=job.workteam_arn,
    )


def _make_job_record(plan: Plan, package: Package) -> JobRecord:
    frames = plan.frames.groupby("sequence")["frame"]
    return JobRecord(
        name=plan.job.name,
        package=plan.job.root if package.in_s3 else str(package.folder),
        s3_root=plan.job.root if plan.job.bucket else None,
        frames={str(name): numbers.tolist() for name, numbers in frames},
        tag=package.tag,
    )


def _send(
    dataset: fo.Dataset,
    record: AdjustmentRecord,
    packages: list[Package],
    progress: Progress | None,
) -> SentAdjustment:
    """Upload all packages, then start all jobs, if the settings suffice."""
    missing = packages[0].fill_in
    done = [f"Exported {sent_text(record.counts)}"]
    if "bucket" not in missing:
        files = count(_upload(record, packages, progress), "file")
        roots = ", ".join(str(job.s3_root) for job in record.jobs)
        done.append(f"uploaded {files} to {roots}")
    next_step = "Watch the job with 'Adjustment job status', or 'track-audit status'"
    if missing:
        next_step = f"Export again with {settings_text(missing)} to start the job"
    else:
        before = [job.name for job in record.jobs if job.arn]
        record = _start(dataset, record, packages)
        started = [job.name for job in record.jobs if job.name not in before]
        if started:
            done.append(f"started job {', '.join(started)}")
        if before:
            done.append(f"job {', '.join(before)} was started before")
    arns = [job.arn for job in record.jobs if job.arn]
    return SentAdjustment(record.name, arns, record.counts, ", ".join(done), next_step)


def settings_text(names: Sequence[str]) -> str:
    """List settings of a job.

    Returns:
        the text, such as ``role ARN, work team ARN``
    """
    return ", ".join(names).replace("_arn", " ARN").replace("workteam", "work team")


def sent_text(counts: Counts) -> str:
    """Describe what is sent.

    Returns:
        such as ``10 frames (2 of them flagged) with 4 boxes of 1 sequence``
    """
    frames = count(counts.frames, "frame")
    if counts.flagged < counts.frames:
        frames += f" ({counts.flagged:,} of them flagged)"
    boxes = count(counts.boxes, "box")
    return f"{frames} with {boxes} of {count(counts.sequences, 'sequence')}"


def _upload(
    record: AdjustmentRecord, packages: list[Package], progress: Progress | None
) -> int:
    """Upload the packages of jobs that were not started, and count the files."""
    client = s3_client(record.region)
    # Workers are working on the files of jobs that were started
    waiting = [
        package
        for job, package in zip(record.jobs, packages, strict=True)
        if not (job.arn or (job.tried and status_of_job(job, record.region).arn))
    ]
    sent = 0
    for number, package in enumerate(waiting):

        def report(done: int, total: int, number: int = number) -> None:
            if progress:
                progress(Fraction((number + done / max(1, total)) / len(waiting)))

        sent += upload_package(package, client, progress=report).sent
    return sent


def _start(
    dataset: fo.Dataset, record: AdjustmentRecord, packages: list[Package]
) -> AdjustmentRecord:
    """Start each job, and record it before and after, so that no start is unknown."""
    client = sagemaker_client(record.region)
    for number, package in enumerate(packages):
        with exclusive(dataset, "starting a labeling job of"):
            current = recorded_adjustment(dataset, record.name)
            if [job.tag for job in current.jobs] != [job.tag for job in record.jobs]:
                raise ValueError(
                    f"'{record.name}' was exported again by another process meanwhile; "
                    "launch it to start that export"
                )
            job = replace(current.jobs[number], tried=True)
            record = _record_job(dataset, current, number, job)
            job = replace(job, arn=launch_job(package, client))
            record = _record_job(dataset, record, number, job)
    return record


def _record_job(
    dataset: fo.Dataset, record: AdjustmentRecord, number: int, job: JobRecord
) -> AdjustmentRecord:
    jobs = [*record.jobs[:number], job, *record.jobs[number + 1 :]]
    record = replace(record, jobs=jobs)
    record_adjustment(dataset, record)
    return record
