# SPDX-License-Identifier: Apache-2.0
"""Operators that send frames to a Ground Truth adjustment job, and watch it."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ..adjustment import (
    default_job_name,
    plan_adjustment,
    register_job,
    registered_jobs,
)
from ..groundtruth.aws import s3_client, sagemaker_client
from ..groundtruth.jobs import job_status, launch_job, stop_job
from ..groundtruth.package import Plan, write_package
from ..groundtruth.request import FUNCTION_ACCOUNTS, AdjustmentJob
from ..groundtruth.upload import check_bucket, upload_package
from .forms import (
    TrackOperator,
    add_label_field,
    add_notice,
    add_warning,
    count,
)
from .progress import run_with_progress

_SETTINGS = {field.name for field in fields(AdjustmentJob)}


class ExportAdjustmentJob(TrackOperator):
    """Sends the frames of a view to be corrected."""

    outputs: ClassVar = {
        "message": "Result",
        "folder": "Package",
        "notes": "Please note",
        "next": "What next",
    }

    @property
    def config(self) -> foo.OperatorConfig:
        """The operator's configuration."""
        return foo.OperatorConfig(
            name="export_adjustment_job",
            label="Export adjustment job",
            description=(
                "Write the current view's frames as a SageMaker Ground Truth "
                "adjustment job; upload and start it where you say so"
            ),
            icon="outbox",
            dynamic=True,
            execute_as_generator=True,
            allow_delegated_execution=True,
            risk_level=types.RiskLevel.HIGH,
        )

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Asks what to send where, and says what that will be."""
        add_label_field(ctx, inputs)
        saved = ctx.dataset.list_saved_views()
        if saved:
            inputs.enum(
                "view_name",
                saved,
                label="Saved view",
                description="Send this view's frames instead of the target's",
            )
        inputs.int(
            "context",
            default=2,
            min=0,
            label="Context frames",
            description="Labelled frames to send along before and after each",
        )
        inputs.str(
            "name",
            # A default that changes with the time would make the App resolve the
            # form again and again
            default=ctx.params.get("name") or default_job_name(ctx.dataset),
            label="Job name",
            description="Letters, digits and hyphens; unique in your AWS account",
        )
        inputs.str(
            "folder",
            label="Package folder",
            description=(
                "A new folder for the job's files; below FiftyOne's dataset folder "
                "where this is empty"
            ),
        )
        _ask_for_aws(inputs, ctx.params)
        plan = _plan(ctx)
        for problem in plan.errors:
            raise ValueError(problem)
        add_notice(inputs, "preview", _preview(plan))
        for number, text in enumerate([*plan.warnings, *plan.notes]):
            add_warning(inputs, f"warning_{number}", text)

    def execute(self, ctx: ExecutionContext) -> Any:  # noqa: ANN401 - result or stream
        """Writes, uploads and starts the job, as far as the settings go."""
        plan = _plan(ctx)
        folder = ctx.params.get("folder")
        dataset = ctx.dataset
        return run_with_progress(
            ctx,
            "Exporting frames",
            lambda progress: _export(dataset, plan, folder, False, progress),
            self.describe,
        )

    def resolve_placement(self, ctx: ExecutionContext) -> types.Placement:
        """Puts a button above the grid."""
        return types.Placement(
            types.Places.SAMPLES_GRID_SECONDARY_ACTIONS,
            types.Button(label="Export adjustment job", icon="outbox", prompt=True),
        )

    def __call__(
        self,
        sample_collection: fo.core.collections.SampleCollection,
        name: str | None = None,
        folder: str | None = None,
        label_field: str | None = None,
        context: int = 2,
        copy_frames: bool = False,
        progress: Any = None,  # noqa: ANN401 - FiftyOne's convention
        **settings: Any,  # noqa: ANN401 - the job's settings
    ) -> dict[str, Any]:
        """Writes an adjustment job of the frames that a collection shows.

        With a bucket, the frames that are not there yet and the files are
        uploaded. With a role and a work team too, the job is started.

        Args:
            sample_collection: a dataset, or a view of its videos, clips, frames
                or patches
            name (None): the labeling job's name
            folder (None): a new folder for the package; by default below
                FiftyOne's dataset folder
            label_field (None): the frame field of the tracks; found where there
                is only one
            context (2): the number of labelled frames to send along before and
                after each
            copy_frames (False): whether to copy the frames into the package
            progress (None): whether to render a progress bar (True/False), use
                the default value ``fiftyone.config.show_progress_bars`` (None),
                or a progress callback function to invoke instead
            **settings: settings of the job, such as ``bucket``, ``region``,
                ``role_arn`` and ``workteam_arn``; see ``AdjustmentJob``

        Returns:
            a dict with ``folder``, ``job_arn``, counts and messages

        Raises:
            ValueError: if anything would make the job fail; nothing is written
        """
        dataset = sample_collection._root_dataset
        job = AdjustmentJob(name or default_job_name(dataset), **settings)
        plan = plan_adjustment(sample_collection, job, label_field, context)
        return _export(dataset, plan, folder, copy_frames, progress)


class AdjustmentJobStatus(TrackOperator):
    """Shows how an adjustment job stands."""

    outputs: ClassVar = {
        "name": "Job",
        "status": "Status",
        "labeled": "Sequences done",
        "unlabeled": "Sequences to do",
        "failed": "Sequences failed",
        "failure_reason": "Why it failed",
        "output_uri": "Output",
    }

    @property
    def config(self) -> foo.OperatorConfig:
        """The operator's configuration."""
        return foo.OperatorConfig(
            name="adjustment_job_status",
            label="Adjustment job status",
            description="Show how a Ground Truth adjustment job stands",
            icon="pending_actions",
            dynamic=True,
            risk_level=types.RiskLevel.LOW,
            view_target=False,
        )

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Asks for the job."""
        _ask_for_job(ctx, inputs)

    def execute(self, ctx: ExecutionContext) -> dict[str, Any]:
        """Asks AWS for the status."""
        return self(ctx.dataset, ctx.params["job_name"], ctx.params.get("region"))

    def __call__(
        self, dataset: fo.Dataset, job_name: str, region: str | None = None
    ) -> dict[str, Any]:
        """Returns how an adjustment job stands.

        Args:
            dataset: the dataset that the job's frames are from
            job_name: the labeling job's name
            region (None): the AWS region; by default that of the recorded job

        Returns:
            a dict with ``status``, counters, ``failure_reason`` and
            ``output_uri``

        Raises:
            GroundTruthError: if there is no such job, or AWS cannot be asked
        """
        return asdict(job_status(job_name, _client(dataset, job_name, region)))


class StopAdjustmentJob(TrackOperator):
    """Stops an adjustment job."""

    outputs: ClassVar = {"name": "Job", "status": "Status"}

    @property
    def config(self) -> foo.OperatorConfig:
        """The operator's configuration."""
        return foo.OperatorConfig(
            name="stop_adjustment_job",
            label="Stop adjustment job",
            description="Stop a Ground Truth adjustment job",
            icon="cancel_schedule_send",
            dynamic=True,
            risk_level=types.RiskLevel.HIGH,
            view_target=False,
        )

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Asks for the job."""
        _ask_for_job(ctx, inputs)
        add_warning(
            inputs,
            "warning",
            "A stopped job cannot be started again; what workers have finished is kept",
        )

    def execute(self, ctx: ExecutionContext) -> dict[str, Any]:
        """Stops the job."""
        return self(ctx.dataset, ctx.params["job_name"], ctx.params.get("region"))

    def __call__(
        self, dataset: fo.Dataset, job_name: str, region: str | None = None
    ) -> dict[str, Any]:
        """Stops an adjustment job; what workers have finished is kept.

        Args:
            dataset: the dataset that the job's frames are from
            job_name: the labeling job's name
            region (None): the AWS region; by default that of the recorded job

        Returns:
            the job's status after that, as of ``adjustment_job_status``

        Raises:
            GroundTruthError: if there is no such job, or it has ended already
        """
        client = _client(dataset, job_name, region)
        stop_job(job_name, client)
        return asdict(job_status(job_name, client))


def _plan(ctx: ExecutionContext) -> Plan:
    params = ctx.params
    settings = {
        name: params[name] for name in _SETTINGS if params.get(name) not in (None, "")
    }
    job = AdjustmentJob(**{"name": default_job_name(ctx.dataset), **settings})
    name = params.get("view_name")
    view = ctx.dataset.load_saved_view(name) if name else _target_view(ctx)
    labels = None if name else ctx.selected_labels
    context = params.get("context")
    return plan_adjustment(
        view, job, params.get("label_field"), 2 if context is None else context, labels
    )


def _target_view(ctx: ExecutionContext) -> fo.DatasetView:
    """Returns the target view; what is selected, where nobody chose a target."""
    if ctx.selected and not ctx.request_params.get("view_target"):
        return ctx.view.select(ctx.selected)
    return ctx.target_view()


def _export(
    dataset: fo.Dataset,
    plan: Plan,
    folder: str | None,
    copy_frames: bool,
    progress: Any,  # noqa: ANN401 - FiftyOne's convention
) -> dict[str, Any]:
    """Goes as far as the settings allow: package, upload, job."""
    default = Path(fo.config.default_dataset_dir, "track-audit", "jobs", plan.job.name)
    package = Path(folder).expanduser().resolve() if folder else default
    if plan.job.bucket:
        check_bucket(
            s3_client(plan.job.job_region), plan.job.bucket, plan.job.job_region
        )
    write_package(plan, package, copy_frames=copy_frames)
    register_job(dataset, plan, str(package), None)
    done = f"{_sent(plan)} written"
    arn = None
    notes = [*plan.warnings, *plan.notes]
    if plan.job.bucket:
        upload = upload_package(
            package, s3_client(plan.job.job_region), progress=_reporter(progress)
        )
        notes += upload.warnings
        done += f", {count(upload.sent, 'file')} uploaded to {plan.job.root}"
    if not plan.job.fill_in:
        arn = launch_job(package, sagemaker_client(plan.job.job_region))
        register_job(dataset, plan, str(package), arn)
        done += f", job {plan.job.name} started"
    missing = ", ".join(plan.job.fill_in).replace("_arn", " ARN")
    return {
        "job_name": plan.job.name,
        "job_arn": arn,
        "folder": str(package),
        **plan.counts,
        "message": done,
        "notes": "\n".join(notes),
        "next": (
            f"Export again with {missing} to start the job"
            if missing
            else "Watch the job with 'Adjustment job status'"
        ),
    }


def _reporter(progress: Any) -> Any:  # noqa: ANN401 - FiftyOne's convention
    """Adapts a progress callback of FiftyOne's to counts of files."""
    if not callable(progress):
        return None
    return lambda done, total: progress(SimpleNamespace(progress=done / max(1, total)))


def _sent(plan: Plan) -> str:
    counts = plan.counts
    frames = count(counts["frames"], "frame")
    if counts["flagged"] < counts["frames"]:
        frames += f" ({counts['flagged']:,} chosen, the rest context)"
    boxes = count(counts["boxes"], "box")
    return f"{frames} with {boxes} of {count(counts['sequences'], 'sequence')}"


def _preview(plan: Plan) -> str:
    job = plan.job
    steps = ["written to a folder"]
    if job.bucket:
        steps.append(f"uploaded to {job.root}")
    if not job.fill_in:
        steps.append("sent to your work team as a labeling job, WHICH COSTS MONEY")
    return f"{_sent(plan)} will be {' and '.join(steps)}."


def _ask_for_aws(inputs: types.Object, params: dict[str, Any]) -> None:
    inputs.str(
        "bucket",
        label="S3 bucket",
        description="Upload to this bucket; the job stays on this machine without one",
    )
    if not params.get("bucket"):
        return
    inputs.str(
        "prefix",
        label="Folder in the bucket",
        description="track-audit/<job name> where this is empty",
    )
    inputs.enum(
        "region",
        sorted(FUNCTION_ACCOUNTS),
        label="Region",
        description="The region of the bucket, the work team and the job",
    )
    inputs.str(
        "role_arn",
        label="Role ARN",
        description="The IAM role that Ground Truth assumes; needed to start the job",
    )
    inputs.str(
        "workteam_arn",
        label="Work team ARN",
        description="Your private or vendor work team; needed to start the job",
    )
    inputs.str(
        "audited_attribute",
        default=AdjustmentJob.audited_attribute,
        label="Audited label attribute",
        description="The attribute that the labels have; ends in -ref",
    )
    inputs.str(
        "label_attribute",
        default=AdjustmentJob.label_attribute,
        label="New label attribute",
        description="The attribute of the corrected labels; ends in -ref, and differs",
    )


def _ask_for_job(ctx: ExecutionContext, inputs: types.Object) -> None:
    names = list(registered_jobs(ctx.dataset))[::-1]
    if not names:
        raise ValueError(
            f"no adjustment job of '{ctx.dataset.name}' is recorded; export one first"
        )
    inputs.enum(
        "job_name",
        names,
        default=names[0],
        required=True,
        label="Job",
        description="The adjustment jobs of this dataset, the latest first",
    )


def _client(dataset: fo.Dataset, job_name: str, region: str | None) -> Any:  # noqa: ANN401
    recorded = registered_jobs(dataset).get(job_name)
    if recorded is None and region is None:
        raise ValueError(
            f"no job '{job_name}' is recorded with '{dataset.name}'; expected one of "
            f"{', '.join(registered_jobs(dataset)) or 'none'}, or its region"
        )
    if recorded and not recorded.get("job_arn") and region is None:
        raise ValueError(
            f"the job '{job_name}' was written to {recorded.get('package')}, but not "
            "started"
        )
    return sagemaker_client(region or (recorded or {}).get("region"))
