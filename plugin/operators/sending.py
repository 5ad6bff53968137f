# SPDX-License-Identifier: Apache-2.0
"""Export frames for correction."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import Any, ClassVar

import fiftyone as fo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ...importers.dataset import Progress
from ...importers.files import check_new_folder, resolve_path
from ...importers.problems import sentences
from ...importers.s3_objects import is_s3
from ..groundtruth.account import machine_role
from ..groundtruth.request import FUNCTION_ACCOUNTS, AdjustmentJob, job_in
from ..plain import Json, count
from ..sending.chosen_frames import FramesToSend
from ..sending.cvat import send_as_cvat
from ..sending.groundtruth import export_adjustment, sent_text
from ..sending.groundtruth_checks import check_adjustment, local_findings
from ..sending.groundtruth_plan import (
    Adjustment,
    default_job_name,
    last_settings,
    plan_jobs,
)
from ..sending.mot import send_as_mot
from ..sending.records import CVAT, MOT, check_new_name
from .forms import (
    CONTEXT,
    LONG,
    TrackOperator,
    add_frames_to_send,
    add_label_field,
    add_notice,
    add_warning,
    button,
    frames_to_send,
    has_tracks,
    preview_frames,
)
from .progress import Outcome, callback, run_with_progress

_SETTINGS = {field.name for field in fields(AdjustmentJob)}
#: How frames are written as files, by the name of the format.
_FORMATS = {MOT: send_as_mot, CVAT: send_as_cvat}
_OUTPUTS = {
    "message": "Result",
    "folder": "Folder",
    "notes": "Please note",
    "next": "What next",
}


class ExportAdjustmentJob(TrackOperator):
    """Export the frames of a view to Ground Truth."""

    outputs: ClassVar = _OUTPUTS

    about: ClassVar = {
        "name": "export_adjustment_job",
        "label": "Export adjustment job",
        "description": (
            "Export the current view's frames as a SageMaker Ground Truth "
            "adjustment job; optionally upload and start it"
        ),
        "icon": "outbox",
        "risk_level": types.RiskLevel.HIGH,
        **LONG,
    }

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Add the inputs of the frames, the job and its place."""
        add_label_field(ctx, inputs)
        saved = ctx.dataset.list_saved_views()
        if saved and ctx.params.get("issues") is None:
            inputs.enum(
                "view_name",
                saved,
                label="Saved view",
                description="Export this view's frames instead of the current view's",
            )
        add_frames_to_send(ctx, inputs)
        inputs.str(
            "name",
            # If the default changed with the time, the App would resolve the form
            # again and again
            default=ctx.params.get("name") or default_job_name(ctx.dataset),
            label="Job name",
            description="Letters, digits and hyphens; unique in your AWS account",
        )
        inputs.str(
            "folder",
            label="Package folder",
            description=(
                "A new folder for the job's files, or that of its earlier export; by "
                "default below FiftyOne's dataset folder. With s3://bucket/prefix, "
                "they are in S3 alone"
            ),
        )
        _ask_for_aws(ctx, inputs)

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Show what will be sent where, and what would make it fail."""
        adjustment, folder = _plan(ctx), ctx.params.get("folder")
        if adjustment.job.bucket and ctx.params.get("check_aws"):
            found = check_adjustment(adjustment, folder)
        else:
            found = tuple(local_findings(adjustment, folder))
        errors = sentences(found, "error")
        if errors:
            raise ValueError("\n".join(errors))
        add_notice(inputs, "preview", _preview(adjustment, folder))
        notes = [*sentences(found, "warning"), *adjustment.notes]
        for number, text in enumerate(notes):
            add_warning(inputs, f"warning_{number}", text)

    def execute(self, ctx: ExecutionContext) -> Outcome:
        """Write the job, and upload and start it if the settings suffice."""
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
        """Place a button above the grid, or in the open sample."""
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
        progress: Progress = None,
        only_tracks: bool = False,
        **settings: Any,  # noqa: ANN401 - the job's settings
    ) -> Json:
        """Export the frames that a collection shows as an adjustment job.

        See :func:`.export_adjustment`; the settings are those of an
        :class:`.AdjustmentJob`. With ``check``, only report what would make it fail.
        """
        chosen = FramesToSend(
            sample_collection,
            label_field,
            context,
            include_dismissed=include_dismissed,
            only_tracks=only_tracks,
        )
        job = AdjustmentJob(name or default_job_name(chosen.dataset), **settings)
        job = job_in(folder, job)
        adjustment = plan_jobs(chosen, job)
        if check:
            found = check_adjustment(adjustment, folder, copy_frames=copy_frames)
            findings = [asdict(finding) for finding in found]
            return {**asdict(adjustment.counts), "findings": findings}
        copies = {"copy_frames": copy_frames, "add_cors": add_cors}
        report = callback(progress)
        sent = export_adjustment(
            chosen.dataset, adjustment, folder, **copies, progress=report
        )
        return sent.to_dict()


def _plan(ctx: ExecutionContext) -> Adjustment:
    params = ctx.params
    settings = {
        name: params[name] for name in _SETTINGS if params.get(name) not in (None, "")
    }
    if isinstance(settings.get("tags"), list):
        pairs = [tag.partition("=") for tag in settings["tags"]]
        settings["tags"] = {key: value for key, _, value in pairs}
    job = AdjustmentJob(**{"name": default_job_name(ctx.dataset), **settings})
    job = job_in(params.get("folder"), job)
    chosen = frames_to_send(ctx)
    if params.get("view_name"):
        view = ctx.dataset.load_saved_view(params["view_name"])
        chosen = replace(chosen, view=view, selected_labels=None)
    return plan_jobs(chosen, job)


def _preview(adjustment: Adjustment, folder: str | None) -> str:
    job = adjustment.job
    steps = [] if is_s3(str(folder)) else ["written to a folder"]
    if job.bucket:
        steps.append(f"uploaded to {job.root}")
    if not job.fill_in:
        jobs = count(len(adjustment.plans), "labeling job")
        steps.append(f"sent to your work team as {jobs}, WHICH COSTS MONEY")
    return f"{sent_text(adjustment.counts)} will be {' and '.join(steps)}."


#: The label and the description of settings of a job in AWS.
_TEXTS = {
    "prefix": ("Folder in the bucket", "By default track-audit/<job name>"),
    "role_arn": (
        "Role ARN",
        "The IAM role that Ground Truth assumes; needed to start the job",
    ),
    "workteam_arn": (
        "Work team ARN",
        "Your private or vendor work team; needed to start the job",
    ),
    "audited_attribute": (
        "Audited label attribute",
        "The attribute of the labels that are sent; ends in -ref",
    ),
    "label_attribute": (
        "New label attribute",
        "A different attribute for the corrected labels; ends in -ref",
    ),
}
#: Settings that few jobs need: texts, whole numbers, and lists of texts.
_MORE = {
    "title": ("Title", "The task's title for workers"),
    "description": ("Description", "By default a list of the flagged frames"),
    "label_categories": (
        "Label category file of the original job",
        "A path or an S3 URI; workers can choose its labels and attributes as well",
    ),
    "kms_key_id": ("KMS key", "Encrypts what is uploaded and the job's output"),
}
_NUMBERS = {
    "task_time_limit": ("Time limit", "Seconds that a worker has for one sequence"),
    "task_availability_lifetime": ("Lifetime", "Seconds that a task stays available"),
    "max_concurrent_tasks": ("Concurrent tasks", "Sequences available at a time"),
    "max_labeled_objects": ("Stop after", "A number of sequences, empty for all"),
    "max_labeled_percentage": ("Stop after a share", "Percent of the sequences"),
}
_LISTS = {
    "keywords": ("Keywords", "1 to 5 words that help workers find the task"),
    "labels": ("Further labels", "Labels that workers can choose in addition"),
    "content_classifiers": ("Content classifiers", "Such as FreeOfAdultContent"),
    "tags": ("Tags", "Tags of the labeling job, each as key=value"),
}
_CHOICES = {
    "check_aws": (
        "Check AWS now",
        "Check the credentials, bucket, role, work team and job name while you fill in "
        "this form; the export checks them in any case. Nothing is changed",
    ),
    "add_cors": (
        "Add a CORS rule to the bucket",
        "If the worker's page could not load frames from it; existing rules are kept",
    ),
}


def _ask_for_aws(ctx: ExecutionContext, inputs: types.Object) -> None:
    last = last_settings(ctx.dataset)
    known = f"; the last job used {last['bucket']}" if "bucket" in last else ""
    inputs.str(
        "bucket",
        label="S3 bucket",
        description=(
            f"Upload the job to this bucket; default is SageMaker's own{known}"
        ),
    )
    if not (ctx.params.get("bucket") or is_s3(str(ctx.params.get("folder")))):
        return
    inputs.enum(
        "region",
        sorted(FUNCTION_ACCOUNTS),
        default=last.get("region"),
        label="Region",
        description="The region of the bucket, the work team and the job",
    )
    last.setdefault("role_arn", machine_role() or "")
    for name, (label, text) in _TEXTS.items():
        default = last.get(name) or getattr(AdjustmentJob, name)
        inputs.str(name, default=default, label=label, description=text)
    for name, (label, text) in _CHOICES.items():
        inputs.bool(name, default=False, label=label, description=text)
    inputs.bool(
        "more_settings",
        default=False,
        label="More settings of the job",
        description="Title, label categories, KMS key, time limits, tags and others",
    )
    if ctx.params.get("more_settings"):
        _ask_for_more(inputs)


def _ask_for_more(inputs: types.Object) -> None:
    """Ask for the settings that few jobs need."""
    for settings, ask in ((_MORE, inputs.str), (_NUMBERS, inputs.int)):
        for name, (label, text) in settings.items():
            default = getattr(AdjustmentJob, name)
            ask(name, default=default, label=label, description=text)
    for name, (label, text) in _LISTS.items():
        inputs.list(name, types.String(), label=label, description=text)


class ExportMOTSequences(TrackOperator):
    """Export the frames of a view as MOT sequences."""

    outputs: ClassVar = _OUTPUTS

    about: ClassVar = {
        "name": "export_mot_sequences",
        "label": "Export MOT sequences",
        "description": (
            "Export the current view's frames and tracks as MOT Challenge "
            "sequences or CVAT's XML, to correct them in any tool"
        ),
        "icon": "drive_file_move",
        "risk_level": types.RiskLevel.MEDIUM,
        **LONG,
    }

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Add the inputs of the frames and the folder."""
        add_label_field(ctx, inputs)
        inputs.str(
            "folder",
            required=True,
            label="Folder",
            description="A new folder; its name identifies the export when loading",
        )
        inputs.enum(
            "format",
            list(_FORMATS),
            default=MOT,
            label="Format",
            description="MOT Challenge (mot) or CVAT for video 1.1 (cvat)",
        )
        add_frames_to_send(ctx, inputs)

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Show how many frames will be written."""
        folder = ctx.params.get("folder")
        if folder:
            path = resolve_path(folder)
            check_new_folder(path)
            check_new_name(ctx.dataset, path.name)
        preview_frames(
            ctx,
            inputs,
            "copied to the folder with their tracks. "
            "The dataset's labels do not change.",
        )

    def execute(self, ctx: ExecutionContext) -> Outcome:
        """Write the sequences."""
        chosen, folder = frames_to_send(ctx), ctx.params["folder"]
        send = _FORMATS[ctx.params.get("format", MOT)]
        return run_with_progress(
            ctx,
            "Writing sequences",
            lambda _: send(chosen, folder).to_dict(),
            self.describe,
        )

    def __call__(
        self,
        sample_collection: fo.core.collections.SampleCollection,
        folder: str,
        label_field: str | None = None,
        context: int = CONTEXT,
        include_dismissed: bool = False,
        format: str = MOT,
        only_tracks: bool = False,
    ) -> Json:
        """Export the frames that a collection shows as MOT sequences.

        See :func:`.export_mot`, and :func:`.export_cvat` for the format ``"cvat"``.
        """
        if format not in _FORMATS:
            raise ValueError(f"expected one of {', '.join(_FORMATS)}, not {format!r}")
        chosen = FramesToSend(
            sample_collection,
            label_field,
            context,
            include_dismissed=include_dismissed,
            only_tracks=only_tracks,
        )
        return _FORMATS[format](chosen, folder).to_dict()
