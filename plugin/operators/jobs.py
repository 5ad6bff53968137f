# SPDX-License-Identifier: Apache-2.0
"""Launch and stop labeling jobs, and show their status."""

from __future__ import annotations

from dataclasses import asdict
from typing import ClassVar

import fiftyone as fo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ...importers.dataset import Progress
from ..plain import Json, count
from ..sending.groundtruth import (
    launch_adjustment,
    recorded_packages,
    sent_text,
    settings_text,
)
from ..sending.groundtruth_jobs import adjustment_status, stop_adjustment
from ..sending.records import AdjustmentRecord, recorded_adjustments
from .forms import (
    LONG,
    TrackOperator,
    add_notice,
    add_warning,
)
from .progress import Outcome, callback, run_with_progress


class LaunchAdjustmentJob(TrackOperator):
    """Resume an export that was interrupted."""

    about: ClassVar = {
        "name": "launch_adjustment_job",
        "label": "Launch adjustment job",
        "description": (
            "Upload the missing files of an exported adjustment job, and start it "
            "if it was not started"
        ),
        "icon": "rocket_launch",
        "risk_level": types.RiskLevel.HIGH,
        "view_target": False,
        **LONG,
    }

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Add the choice of the job."""
        _ask_for_job(ctx, inputs)

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Show what will be uploaded and started."""
        record = _chosen_job(ctx)
        with recorded_packages(record) as packages:
            missing = packages[0].fill_in
        roots = ", ".join(str(job.s3_root) for job in record.jobs)
        add_notice(
            inputs,
            "notice",
            f"{sent_text(record.counts)} will be uploaded to {roots}; existing files "
            "are not uploaded again.",
        )
        if missing:
            settings = settings_text(missing)
            add_notice(
                inputs, "start", f"The job cannot be started without {settings}."
            )
        else:
            jobs = count(len(record.jobs), "labeling job")
            add_warning(
                inputs,
                "start",
                f"This starts {jobs} with your work team, WHICH COSTS MONEY; jobs that "
                "were already started are not started again.",
            )

    def execute(self, ctx: ExecutionContext) -> Outcome:
        """Upload and start the job."""
        dataset, name = ctx.dataset, ctx.params["job_name"]
        return run_with_progress(
            ctx,
            "Launching the job",
            lambda progress: launch_adjustment(dataset, name, progress).to_dict(),
            self.describe,
        )

    def __call__(
        self,
        dataset: fo.Dataset,
        job_name: str,
        progress: Progress = None,
    ) -> Json:
        """Upload and start an adjustment job that was exported.

        See :func:`.launch_adjustment`.
        """
        return launch_adjustment(dataset, job_name, callback(progress)).to_dict()


class _JobsOperator(TrackOperator):
    """Show a table of labeling jobs as the result of an operator."""

    def describe(self, results: Json) -> types.Property:
        """Declare the table.

        Args:
            results: the operator's results, with ``jobs``
        """
        shown, table = types.Object(), types.TableView()
        for name, label in self.outputs.items():
            table.add_column(name, label=label)
        shown.list("jobs", types.Object(), view=table)
        return types.Property(shown, view=types.View(label=self.config.label))


class AdjustmentJobStatus(_JobsOperator):
    """Show the status of a dataset's adjustment jobs."""

    outputs: ClassVar = {
        "job_name": "Export",
        "name": "Labeling job",
        "status": "Status",
        "labeled": "Sequences done",
        "unlabeled": "Sequences to do",
        "failed": "Sequences failed",
        "failure_reason": "Reason of failure",
        "output_uri": "Output",
    }

    about: ClassVar = {
        "name": "adjustment_job_status",
        "label": "Adjustment job status",
        "description": "Show the status of the dataset's Ground Truth adjustment jobs",
        "icon": "pending_actions",
        "risk_level": types.RiskLevel.LOW,
        "view_target": False,
    }

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Add the choice of the job."""
        _ask_for_job(ctx, inputs, required=False)

    def execute(self, ctx: ExecutionContext) -> Json:
        """Ask AWS for the status."""
        return self(ctx.dataset, ctx.params.get("job_name"))

    def __call__(self, dataset: fo.Dataset, job_name: str | None = None) -> Json:
        """Return the status of adjustment jobs. See :func:`.adjustment_status`."""
        return {"jobs": list(map(asdict, adjustment_status(dataset, job_name)))}


class StopAdjustmentJob(_JobsOperator):
    """Stop an adjustment job."""

    outputs: ClassVar = {"name": "Labeling job", "status": "Status"}

    about: ClassVar = {
        "name": "stop_adjustment_job",
        "label": "Stop adjustment job",
        "description": "Stop a Ground Truth adjustment job",
        "icon": "cancel_schedule_send",
        "risk_level": types.RiskLevel.HIGH,
        "view_target": False,
    }

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Add the choice of the job."""
        _ask_for_job(ctx, inputs)

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Show what will be stopped."""
        record = _chosen_job(ctx)
        if not any(job.arn or job.tried for job in record.jobs):
            raise ValueError(f"'{record.name}' was not started, so no job is running")
        jobs = ", ".join(job.name for job in record.jobs)
        add_warning(
            inputs,
            "warning",
            f"This will stop {jobs} for good: a stopped job cannot be started again. "
            "What workers have finished is kept.",
        )

    def execute(self, ctx: ExecutionContext) -> Json:
        """Stop the job."""
        return self(ctx.dataset, ctx.params["job_name"])

    def __call__(self, dataset: fo.Dataset, job_name: str) -> Json:
        """Stop an adjustment job; what workers have finished is kept.

        See :func:`.stop_adjustment`.
        """
        return {"jobs": list(map(asdict, stop_adjustment(dataset, job_name)))}


def _chosen_job(ctx: ExecutionContext) -> AdjustmentRecord:
    records = recorded_adjustments(ctx.dataset)
    return records[ctx.params.get("job_name") or list(records)[-1]]


def _ask_for_job(
    ctx: ExecutionContext, inputs: types.Object, required: bool = True
) -> None:
    names = list(recorded_adjustments(ctx.dataset))[::-1]
    if not names:
        raise ValueError(
            f"no adjustment job of '{ctx.dataset.name}' is recorded; export one first"
        )
    inputs.enum(
        "job_name",
        names,
        default=names[0] if required else None,
        required=required,
        label="Job",
        description="The dataset's adjustment jobs, the latest first"
        + ("" if required else " (by default all of them)"),
    )
