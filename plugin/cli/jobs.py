# SPDX-License-Identifier: Apache-2.0
"""The commands that follow labeling jobs."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from .commands import JOBS, UNFINISHED, AsJson, DatasetName, JobName, app, print_json
from .sending import open_dataset, print_result

if TYPE_CHECKING:
    from ..sending.groundtruth_jobs import AdjustmentStatus

_COUNTERS = ["job_name", "name", "status", "labeled", "unlabeled", "failed"]


@app.command(group=JOBS)
def launch(
    dataset: DatasetName, /, *, job_name: JobName, as_json: AsJson = False
) -> None:
    """Resume an export: upload what is missing and start the job.

    A job that was started already is not started again. Starting a job COSTS
    MONEY.

    For example:

      track-audit launch walkers --job-name fix-1
    """
    with open_dataset(dataset) as opened:
        from ..sending.groundtruth import launch_adjustment

        result = launch_adjustment(opened, job_name)
    print_result(result.to_dict(), as_json)


@app.command(group=JOBS)
def status(
    dataset: DatasetName,
    /,
    *,
    job_name: Annotated[
        str | None,
        Parameter(
            "--job-name",
            alias="--name",
            metavar="NAME",
            help="the name of the job (default: all jobs)",
        ),
    ] = None,
    wait: bool = False,
    timeout: Annotated[float | None, Parameter(metavar="MINUTES")] = None,
    every: Annotated[float, Parameter(metavar="SECONDS")] = 60,
    as_json: AsJson = False,
) -> int:
    """Show the status of a dataset's adjustment jobs.

    The exit code is 0. With --wait, it is 3 if a job is not finished in time, and 2
    if it was never started.

    For example:

      track-audit status walkers
      track-audit status walkers --job-name fix-1 --json
      track-audit status walkers --job-name fix-1 --wait --timeout 600

    Args:
        wait: wait until the jobs that were started are finished
        timeout: wait no longer than this (default: as long as it takes)
        every: ask AWS this often
    """
    end = None if timeout is None else time.monotonic() + 60 * timeout
    with open_dataset(dataset) as opened:
        from ..sending.groundtruth_jobs import adjustment_status

        jobs = adjustment_status(opened, job_name)
        if wait:
            _check_started(jobs, all_of_them=job_name is not None)
        while wait and _under_way(jobs):
            if end is not None and time.monotonic() >= end:
                break
            time.sleep(every)
            jobs = adjustment_status(opened, job_name)
    _print_jobs(dataset, jobs, as_json)
    return UNFINISHED if wait and _under_way(jobs) else 0


def _check_started(jobs: list[AdjustmentStatus], *, all_of_them: bool) -> None:
    """Check that there are jobs to wait for.

    Raises:
        ValueError: if none was started, or not all of them although they have to be
    """
    missing = [job.name for job in jobs if not job.arn]
    if len(missing) == len(jobs) or (missing and all_of_them):
        what = f"job {missing[0]} was never started" if missing else "there is no job"
        todo = "'track-audit launch' starts a job that was exported"
        raise ValueError(f"{what}, so there is nothing to wait for; {todo}")


def _under_way(jobs: list[AdjustmentStatus]) -> bool:
    return any(job.arn and not job.finished for job in jobs)


@app.command(group=JOBS)
def stop(
    dataset: DatasetName, /, *, job_name: JobName, as_json: AsJson = False
) -> None:
    """Stop an adjustment job.

    A stopped job cannot be started again. What workers have finished is kept.

    For example:

      track-audit stop walkers --job-name fix-1
    """
    with open_dataset(dataset) as opened:
        from ..sending.groundtruth_jobs import stop_adjustment

        jobs = stop_adjustment(opened, job_name)
    _print_jobs(dataset, jobs, as_json)


def _print_jobs(dataset: str, jobs: list[AdjustmentStatus], as_json: bool) -> None:
    import pandas as pd

    if as_json:
        from ..plain import count

        listed = [asdict(job) for job in jobs]
        print_json({"jobs": listed}, count(len(jobs), "adjustment job"))
        return
    if not jobs:
        print(f"no adjustment jobs of {dataset} are recorded")
        return
    print(pd.DataFrame(jobs)[_COUNTERS].to_string(index=False))
    for job in jobs:
        if job.failure_reason:
            done = "failed" if job.arn else "was not started"
            print(f"{job.name} {done}: {job.failure_reason}")
