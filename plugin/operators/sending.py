# SPDX-License-Identifier: Apache-2.0
"""Operators that export frames to be corrected."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import Any, ClassVar

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ...importers import store
from ...importers.files import check_new_folder, resolve_path
from ...importers.problems import sentences
from ..groundtruth.request import FUNCTION_ACCOUNTS, AdjustmentJob
from ..plain import count
from ..sending.chosen_frames import dismissed_text, select_to_send
from ..sending.groundtruth import (
    check_adjustment,
    export_adjustment,
    local_findings,
    sent_text,
)
from ..sending.groundtruth_plan import (
    Adjustment,
    default_job_name,
    last_settings,
    plan_adjustment,
    plan_jobs,
)
from ..sending.mot import export_mot, send_as_mot
from ..sending.records import check_new_name
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
from .jobs import callback
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
            ).to_dict(),
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
        dataset = store.dataset_of(sample_collection)
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
            return {**asdict(adjustment.counts), "findings": findings}
        return export_adjustment(
            dataset,
            adjustment,
            folder,
            copy_frames=copy_frames,
            add_cors=add_cors,
            progress=callback(progress),
        ).to_dict()


def _plan(ctx: ExecutionContext) -> Adjustment:
    params = ctx.params
    settings = {
        name: params[name] for name in _SETTINGS if params.get(name) not in (None, "")
    }
    job = AdjustmentJob(**{"name": default_job_name(ctx.dataset), **settings})
    chosen = frames_to_send(ctx)
    if params.get("view_name"):
        view = ctx.dataset.load_saved_view(params["view_name"])
        chosen = replace(chosen, view=view, selected_labels=None)
    return plan_jobs(chosen, job)


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


class ExportMOTSequences(TrackOperator):
    """Writes the frames of a view as MOT sequences to correct."""

    outputs: ClassVar = {
        "message": "Result",
        "folder": "Folder",
        "notes": "Please note",
        "next": "What next",
    }

    @property
    def config(self) -> foo.OperatorConfig:
        """The operator's configuration."""
        return foo.OperatorConfig(
            name="export_mot_sequences",
            label="Export MOT sequences",
            description=(
                "Write the current view's frames and tracks as MOT Challenge "
                "sequences, to be corrected with any tool"
            ),
            icon="drive_file_move",
            dynamic=True,
            execute_as_generator=True,
            allow_delegated_execution=True,
            risk_level=types.RiskLevel.MEDIUM,
        )

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Asks for the folder, and says what will be written to it."""
        add_label_field(ctx, inputs)
        inputs.str(
            "folder",
            required=True,
            label="Folder",
            description="A new folder; it gives the name to load the corrections by",
        )
        add_frames_to_send(ctx, inputs)

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Says how many frames will be written."""
        folder = ctx.params.get("folder")
        if folder:
            path = resolve_path(folder)
            check_new_folder(path)
            check_new_name(ctx.dataset, path.name)
        selection = select_to_send(frames_to_send(ctx))
        frames = count(len(selection.frames), "frame")
        sequences = count(len(selection.numbers), "sequence")
        add_notice(
            inputs,
            "preview",
            f"{frames} of {sequences} will be copied to the folder, with the tracks "
            "in them. The dataset's labels stay as they are.",
        )
        if selection.left_out:
            add_warning(inputs, "left_out", dismissed_text(selection.left_out))

    def execute(self, ctx: ExecutionContext) -> Any:  # noqa: ANN401 - result or stream
        """Writes the sequences."""
        chosen, folder = frames_to_send(ctx), ctx.params["folder"]
        return run_with_progress(
            ctx,
            "Writing sequences",
            lambda _: send_as_mot(chosen, folder).to_dict(),
            self.describe,
        )

    def __call__(
        self,
        sample_collection: fo.core.collections.SampleCollection,
        folder: str,
        label_field: str | None = None,
        context: int = CONTEXT,
        include_dismissed: bool = False,
    ) -> dict[str, Any]:
        """Writes the frames that a collection shows as MOT sequences to correct.

        Args:
            sample_collection: a dataset, or a view of its videos, clips, frames
                or patches
            folder: a new folder; its name is the one to load the corrections by
            label_field (None): the frame field of the tracks; found where there
                is only one
            context (2): the number of labelled frames to send along before and
                after each
            include_dismissed (False): whether to send frames that dismissed issues
                alone are about, too

        Returns:
            a dict with ``name``, ``folder``, ``frames`` and messages

        Raises:
            ValueError: if there are no frames or no such field, frames are missing,
                or the folder is in use; nothing is written
        """
        record = export_mot(
            sample_collection,
            folder,
            label_field,
            context,
            include_dismissed=include_dismissed,
        )
        return record.to_dict()
