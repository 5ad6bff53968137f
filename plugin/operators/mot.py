# SPDX-License-Identifier: Apache-2.0
"""The operator that sends frames out as MOT sequences."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ...importers.files import check_new_folder
from ..mot_package import export_mot, preview_mot
from ..selection import dismissed_text
from ..sent import check_new_name, describe_sent
from ..texts import count
from .forms import (
    CONTEXT,
    TrackOperator,
    add_frames_to_send,
    add_label_field,
    add_notice,
    add_warning,
    frames_to_send,
)
from .progress import run_with_progress


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
            path = Path(folder).expanduser()
            check_new_folder(path)
            check_new_name(ctx.dataset, path.name)
        field = ctx.params.get("label_field")
        selection = preview_mot(**frames_to_send(ctx), label_field=field)
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
        frames, params = frames_to_send(ctx), ctx.params
        return run_with_progress(
            ctx,
            "Writing sequences",
            lambda _: describe_sent(
                export_mot(
                    folder=params["folder"],
                    label_field=params.get("label_field"),
                    **frames,
                )
            ),
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
        return describe_sent(record)
