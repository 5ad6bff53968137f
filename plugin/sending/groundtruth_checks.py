# SPDX-License-Identifier: Apache-2.0
"""Find what would make an adjustment fail, before anything is written."""

from __future__ import annotations

from pathlib import Path

from ...importers.pixels import image_findings
from ...importers.problems import Finding, error, warning
from ..groundtruth.aws import GroundTruthError
from ..groundtruth.labeling_job import UNDER_WAY
from ..groundtruth.package import package_findings
from ..groundtruth.preflight import check_account
from ..plain import count
from .groundtruth_jobs import job_statuses
from .groundtruth_plan import Adjustment
from .records import AdjustmentRecord


def check_adjustment(
    adjustment: Adjustment,
    folder: Path | str | None = None,
    *,
    copy_frames: bool = False,
) -> tuple[Finding, ...]:
    """Report everything that would make an adjustment fail, and change nothing.

    Args:
        adjustment: the plan; if it has a bucket, AWS is asked too
        folder (None): see ``export_adjustment()``
        copy_frames (False): see ``export_adjustment()``

    Returns:
        what was found, errors first
    """
    adjustment = adjustment.place_frames(copy_frames)
    job, plans = adjustment.job, adjustment.plans
    found = local_findings(adjustment, folder, copy_frames=copy_frames)
    for plan in plans:
        found += image_findings(plan.frames)
    found += _out_findings(adjustment)
    started = _start_findings(adjustment.earlier)
    found += started
    if job.bucket and not started:
        found += check_account(job, [plan.job for plan in plans], plans[0].owner)
    return tuple(sorted(found, key=lambda finding: finding.severity))


def _out_findings(adjustment: Adjustment) -> list[Finding]:
    """Name the frames that workers of another job have at the same time."""
    found = []
    sent = {
        (str(sequence), int(frame))
        for plan in adjustment.plans
        for sequence, frame in plan.frames[["sequence", "frame"]].to_numpy()
    }
    for record in adjustment.others:
        frames = {
            (sequence, frame)
            for sequence, numbers in record.frames.items()
            for frame in numbers
        }
        both = sorted(sent & frames)
        if not both:
            continue
        try:
            statuses = {status.status for status in job_statuses(record)}
        except GroundTruthError:
            statuses = set(UNDER_WAY)  # rather one warning too many
        if statuses & set(UNDER_WAY):
            sequence, frame = both[0]
            what = (
                f"{count(len(both), 'frame')} are also in {record.name!r}, which is "
                f"under way, such as frame {frame} of {sequence}"
            )
            found.append(warning(what, "load its corrections first, or stop it"))
    return found


def local_findings(
    adjustment: Adjustment,
    folder: Path | str | None = None,
    *,
    copy_frames: bool = False,
) -> list[Finding]:
    """Find what would make an adjustment fail, without reading images or asking AWS.

    Args:
        adjustment: the plan
        folder (None): see ``export_adjustment()``
        copy_frames (False): see ``export_adjustment()``
    """
    package = adjustment.package_folder(folder)
    return package_findings(adjustment.plans, package, copy_frames)


def _start_findings(earlier: AdjustmentRecord | None) -> list[Finding]:
    """Find the jobs of an earlier export that were started.

    A job that is known to be started is never planned again, but the response to the
    start may have been lost.
    """
    if earlier is None or not any(job.tried for job in earlier.jobs):
        return []
    try:
        statuses = job_statuses(earlier)
    except GroundTruthError as failure:
        return [error(failure.what, failure.todo)]
    todo = f"launch '{earlier.name}' to resume it, or choose another name"
    return [
        error(f"Labeling job {status.name!r} was already started", todo)
        for status in statuses
        if status.arn
    ]
