# SPDX-License-Identifier: Apache-2.0
"""Operators that send frames to a Ground Truth adjustment job, and watch it."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any, ClassVar

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ..adjustment import (
    Adjustment,
    default_job_name,
    last_settings,
    plan_adjustment,
)
from ..groundtruth.findings import sentences
from ..groundtruth.request import FUNCTION_ACCOUNTS, AdjustmentJob
from ..runs import AdjustmentRecord, recorded_adjustments
from ..sending import (
    adjustment_status,
    check_adjustment,
    export_adjustment,
    launch_adjustment,
    local_findings,
    missing_settings,
    sent_text,
    stop_adjustment,
)
from ..texts import count
from .forms import (
    CONTEXT,
    TrackOperator,
    add_frames_to_send,
    add_label_field,
    add_notice,
    add_warning,
    button,
    frames_to_send,
    has_tracks,
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
        if saved and ctx.params.get("issues") is None:
            inputs.enum(
                "view_name",
                saved,
                label="Saved view",
                description="Send this view's frames instead of the target's",
            )
        add_frames_to_send(ctx, inputs)
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
                "A new folder for the job's files, or the one of its earlier export; "
                "below FiftyOne's dataset folder where this is empty"
            ),
        )
        _ask_for_aws(ctx, inputs)

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Says what will be sent where, and what stands in its way."""
        adjustment, folder = _plan(ctx), ctx.params.get("folder")
        if ctx.params.get("bucket") and ctx.params.get("check_aws"):
            found = check_adjustment(adjustment, folder)
        else:
            found = tuple(local_findings(adjustment, folder))
        errors = sentences(found, "error")
        if errors:
            raise ValueError("\n".join(errors))
        add_notice(inputs, "preview", _preview(adjustment))
        notes = [*sentences(found, "warning"), *adjustment.notes]
        for number, text in enumerate(notes):
            add_warning(inputs, f"warning_{number}", text)

    def execute(self, ctx: ExecutionContext) -> Any:  # noqa: ANN401 - result or stream
        """Writes, uploads and starts the job, as far as the settings go."""
        adjustment = _plan(ctx)
        params, dataset = ctx.params, ctx.dataset
        return run_with_progress(
            ctx,
            "Exporting frames",
            lambda progress: export_adjustment(
                dataset,
                adjustment,
                params.get("folder"),
                add_cors=bool(params.get("add_cors")),
                progress=progress,
            ),
            self.describe,
        )

    def resolve_placement(self, ctx: ExecutionContext) -> types.Placement | None:
        """Puts a button above the grid, or into the sample that is open."""
        return button(self, ctx, of_sample=True) if has_tracks(ctx) else None

    def __call__(
        self,
        sample_collection: fo.core.collections.SampleCollection,
        name: str | None = None,
        folder: str | None = None,
        label_field: str | None = None,
        context: int = CONTEXT,
        include_dismissed: bool = False,
        copy_frames: bool = False,
        add_cors: bool = False,
        check: bool = False,
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
            folder (None): a new folder for the package, or the one of its earlier
                export; by default below FiftyOne's dataset folder
            label_field (None): the frame field of the tracks; found where there
                is only one
            context (2): the number of labelled frames to send along before and
                after each
            include_dismissed (False): whether to send frames that dismissed issues
                alone are about, too
            copy_frames (False): whether to copy the frames into the package
            add_cors (False): whether to add the CORS rule that the worker's page
                needs to the bucket, where it has none
            check (False): whether only to report what would make the job fail,
                and to change nothing
            progress (None): whether to render a progress bar (True/False), use
                the default value ``fiftyone.config.show_progress_bars`` (None),
                or a progress callback function to invoke instead
            **settings: settings of the job, such as ``bucket``, ``region``,
                ``role_arn`` and ``workteam_arn``; see ``AdjustmentJob``

        Returns:
            a dict with ``job_name``, ``job_arns``, ``folder``, counts and messages;
            of a check counts and ``findings``, each with ``severity``, ``what``
            and ``todo``

        Raises:
            ValueError: if anything would make the job fail; nothing is written
            GroundTruthError: if AWS fails on the way; ``launch_adjustment_job``
                goes on from there
        """
        dataset = sample_collection._root_dataset
        job = AdjustmentJob(name or default_job_name(dataset), **settings)
        adjustment = plan_adjustment(
            sample_collection,
            job,
            label_field,
            context,
            include_dismissed=include_dismissed,
        )
        if check:
            found = check_adjustment(adjustment, folder, copy_frames=copy_frames)
            findings = [asdict(finding) for finding in found]
            return {**adjustment.counts, "findings": findings}
        return export_adjustment(
            dataset,
            adjustment,
            folder,
            copy_frames=copy_frames,
            add_cors=add_cors,
            progress=_callback(progress),
        )


class LaunchAdjustmentJob(TrackOperator):
    """Goes on with an export that was broken off."""

    outputs: ClassVar = {"message": "Result", "next": "What next"}

    @property
    def config(self) -> foo.OperatorConfig:
        """The operator's configuration."""
        return foo.OperatorConfig(
            name="launch_adjustment_job",
            label="Launch adjustment job",
            description=(
                "Upload what is missing of an exported adjustment job, and start it "
                "where it was not started"
            ),
            icon="rocket_launch",
            dynamic=True,
            execute_as_generator=True,
            allow_delegated_execution=True,
            risk_level=types.RiskLevel.HIGH,
            view_target=False,
        )

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Asks for the job."""
        _ask_for_job(ctx, inputs)

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Says what will be uploaded and started."""
        record = _chosen_job(ctx)
        missing = missing_settings(record)
        roots = ", ".join(str(job.s3_root) for job in record.jobs)
        add_notice(
            inputs,
            "notice",
            f"{sent_text(record.counts)} will be uploaded to {roots}; files that are "
            "there already stay.",
        )
        if missing:
            settings = ", ".join(missing).replace("_arn", " ARN")
            add_notice(inputs, "start", f"It is not started: it has no {settings}.")
        else:
            jobs = count(len(record.jobs), "labeling job")
            add_warning(
                inputs,
                "start",
                f"Will start {jobs} with your work team, WHICH COSTS MONEY; what was "
                "started already is not started again.",
            )

    def execute(self, ctx: ExecutionContext) -> Any:  # noqa: ANN401 - result or stream
        """Uploads and starts the job."""
        dataset, name = ctx.dataset, ctx.params["job_name"]
        return run_with_progress(
            ctx,
            "Launching the job",
            lambda progress: launch_adjustment(dataset, name, progress),
            self.describe,
        )

    def __call__(
        self,
        dataset: fo.Dataset,
        job_name: str,
        progress: Any = None,  # noqa: ANN401 - FiftyOne's convention
    ) -> dict[str, Any]:
        """Uploads and starts an adjustment job that was exported.

        Args:
            dataset: the dataset that the job's frames are from
            job_name: the job's name
            progress (None): whether to render a progress bar (True/False), use
                the default value ``fiftyone.config.show_progress_bars`` (None),
                or a progress callback function to invoke instead

        Returns:
            a dict with ``job_name``, ``job_arns``, counts and messages

        Raises:
            ValueError: if no such job is recorded, or its package is damaged
            GroundTruthError: if AWS refuses
        """
        return launch_adjustment(dataset, job_name, _callback(progress))


class _JobsOperator(TrackOperator):
    """Base of the operators that end with a table of labeling jobs."""

    def describe(self, results: dict[str, Any]) -> types.Property:
        """Declares the table.

        Args:
            results: what the operator returned, ``jobs``

        Returns:
            a :class:`fiftyone.operators.types.Property`
        """
        shown, table = types.Object(), types.TableView()
        for name, label in self.outputs.items():
            table.add_column(name, label=label)
        shown.list("jobs", types.Object(), view=table)
        return types.Property(shown, view=types.View(label=self.config.label))


class AdjustmentJobStatus(_JobsOperator):
    """Shows how the adjustment jobs of a dataset stand."""

    outputs: ClassVar = {
        "job_name": "Export",
        "name": "Labeling job",
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
            description="Show how the dataset's Ground Truth adjustment jobs stand",
            icon="pending_actions",
            dynamic=True,
            risk_level=types.RiskLevel.LOW,
            view_target=False,
        )

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Asks for the job."""
        _ask_for_job(ctx, inputs, required=False)

    def execute(self, ctx: ExecutionContext) -> dict[str, Any]:
        """Asks AWS for the status."""
        return self(ctx.dataset, ctx.params.get("job_name"))

    def __call__(
        self, dataset: fo.Dataset, job_name: str | None = None
    ) -> dict[str, Any]:
        """Returns how adjustment jobs stand.

        Args:
            dataset: the dataset that the jobs' frames are from
            job_name (None): the job's name, by default all jobs of the dataset

        Returns:
            a dict with ``jobs``: for each labeling job, ``job_name`` (of the
            export that it is part of), ``name``, ``status``, counters,
            ``failure_reason`` and ``output_uri``

        Raises:
            ValueError: if no such job is recorded
            GroundTruthError: if AWS cannot be asked
        """
        return {"jobs": adjustment_status(dataset, job_name)}


class StopAdjustmentJob(_JobsOperator):
    """Stops an adjustment job."""

    outputs: ClassVar = {"name": "Labeling job", "status": "Status"}

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

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Says what stopping means."""
        record = _chosen_job(ctx)
        if not any(job.arn or job.tried for job in record.jobs):
            raise ValueError(f"'{record.name}' was not started: nothing is under way")
        jobs = ", ".join(job.name for job in record.jobs)
        add_warning(
            inputs,
            "warning",
            f"Will stop {jobs} for good: a stopped job cannot be started again. What "
            "workers have finished is kept.",
        )

    def execute(self, ctx: ExecutionContext) -> dict[str, Any]:
        """Stops the job."""
        return self(ctx.dataset, ctx.params["job_name"])

    def __call__(self, dataset: fo.Dataset, job_name: str) -> dict[str, Any]:
        """Stops an adjustment job; what workers have finished is kept.

        Args:
            dataset: the dataset that the job's frames are from
            job_name: the job's name

        Returns:
            the job's status after that, as of ``adjustment_job_status``

        Raises:
            ValueError: if no such job is recorded
            GroundTruthError: if nothing of it is under way
        """
        return {"jobs": stop_adjustment(dataset, job_name)}


def _callback(progress: Any) -> Any:  # noqa: ANN401 - FiftyOne's convention
    return progress if callable(progress) else None


def _plan(ctx: ExecutionContext) -> Adjustment:
    params = ctx.params
    settings = {
        name: params[name] for name in _SETTINGS if params.get(name) not in (None, "")
    }
    job = AdjustmentJob(**{"name": default_job_name(ctx.dataset), **settings})
    frames = frames_to_send(ctx)
    if params.get("view_name"):
        view = ctx.dataset.load_saved_view(params["view_name"])
        frames |= {"view": view, "selected_labels": None}
    return plan_adjustment(job=job, label_field=params.get("label_field"), **frames)


def _preview(adjustment: Adjustment) -> str:
    job = adjustment.job
    steps = ["written to a folder"]
    if job.bucket:
        steps.append(f"uploaded to {job.root}")
    if not job.fill_in:
        jobs = count(len(adjustment.plans), "labeling job")
        steps.append(f"sent to your work team as {jobs}, WHICH COSTS MONEY")
    return f"{sent_text(adjustment.counts)} will be {' and '.join(steps)}."


def _ask_for_aws(ctx: ExecutionContext, inputs: types.Object) -> None:
    last = last_settings(ctx.dataset)
    known = f"; the last job's is {last['bucket']}" if "bucket" in last else ""
    inputs.str(
        "bucket",
        label="S3 bucket",
        description=(
            "Upload to this bucket; the job stays on this machine where this is empty"
            + known
        ),
    )
    if not ctx.params.get("bucket"):
        return
    inputs.str(
        "prefix",
        label="Folder in the bucket",
        description="track-audit/<job name> where this is empty",
    )
    inputs.enum(
        "region",
        sorted(FUNCTION_ACCOUNTS),
        default=last.get("region"),
        label="Region",
        description="The region of the bucket, the work team and the job",
    )
    inputs.str(
        "role_arn",
        default=last.get("role_arn"),
        label="Role ARN",
        description="The IAM role that Ground Truth assumes; needed to start the job",
    )
    inputs.str(
        "workteam_arn",
        default=last.get("workteam_arn"),
        label="Work team ARN",
        description="Your private or vendor work team; needed to start the job",
    )
    inputs.str(
        "audited_attribute",
        default=last.get("audited_attribute", AdjustmentJob.audited_attribute),
        label="Audited label attribute",
        description="The attribute that the labels have; ends in -ref",
    )
    inputs.str(
        "label_attribute",
        default=last.get("label_attribute", AdjustmentJob.label_attribute),
        label="New label attribute",
        description="The attribute of the corrected labels; ends in -ref, and differs",
    )
    inputs.bool(
        "check_aws",
        default=False,
        label="Look at AWS now",
        description=(
            "Check credentials, bucket, role, work team and job name here, as is done "
            "before the export in any case; nothing is changed"
        ),
    )
    inputs.bool(
        "add_cors",
        default=False,
        label="Add a CORS rule to the bucket",
        description=(
            "Where the worker's page could not load frames from it; the rules that it "
            "has are kept"
        ),
    )


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
        description="The adjustment jobs of this dataset, the latest first"
        + ("" if required else "; all of them where this is empty"),
    )
