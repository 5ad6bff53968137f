# SPDX-License-Identifier: Apache-2.0
"""Send frames to one of FiftyOne's annotation backends."""

from __future__ import annotations

from typing import ClassVar

import fiftyone as fo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ..plain import Json
from ..sending.backends import send_to_backend
from ..sending.chosen_frames import FramesToSend
from ..sending.records import check_new_name
from .forms import (
    CONTEXT,
    LONG,
    TrackOperator,
    add_frames_to_send,
    add_label_field,
    frames_to_send,
    preview_frames,
)
from .progress import Outcome, run_with_progress

#: The plugin's own backend, which has an operator of its own.
_OWN = "groundtruth"


class AnnotateFrames(TrackOperator):
    """Send the frames of a view to an annotation backend."""

    outputs: ClassVar = {"message": "Result", "next": "What next"}

    about: ClassVar = {
        "name": "annotate_frames",
        "label": "Annotate frames",
        "description": (
            "Send the current view's frames and tracks to an annotation backend of "
            "FiftyOne, such as CVAT or Label Studio"
        ),
        "icon": "draw",
        "risk_level": types.RiskLevel.HIGH,
        **LONG,
    }

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Add the inputs of the frames and the backend."""
        add_label_field(ctx, inputs)
        inputs.str(
            "name",
            required=True,
            label="Name",
            description="A new annotation key, by which the corrections are loaded",
        )
        names = _backends()
        inputs.enum(
            "backend",
            names,
            default=_default(names),
            label="Backend",
            description="One of the backends of FiftyOne's annotation settings, which "
            "also have its address and credentials",
        )
        add_frames_to_send(ctx, inputs)

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Show how many frames will be sent."""
        if ctx.params.get("name"):
            check_new_name(ctx.dataset, ctx.params["name"])
        backend = ctx.params.get("backend") or _default(_backends())
        preview_frames(ctx, inputs, f"sent to {backend} with their tracks.")

    def execute(self, ctx: ExecutionContext) -> Outcome:
        """Send them."""
        chosen, name = frames_to_send(ctx), ctx.params["name"]
        backend = ctx.params.get("backend") or _default(_backends())
        return run_with_progress(
            ctx,
            f"Sending frames to {backend}",
            lambda _: _send(chosen, name, backend=backend),
            self.describe,
        )

    def __call__(
        self,
        sample_collection: fo.core.collections.SampleCollection,
        name: str,
        label_field: str | None = None,
        context: int = CONTEXT,
        include_dismissed: bool = False,
        only_tracks: bool = False,
        **settings: object,
    ) -> Json:
        """Send the frames that a collection shows to an annotation backend.

        See :func:`.annotate_frames`.
        """
        chosen = FramesToSend(
            sample_collection,
            label_field,
            context,
            include_dismissed=include_dismissed,
            only_tracks=only_tracks,
        )
        return _send(chosen, name, **settings)


def _backends() -> list[str]:
    """Return the names of the backends that can be chosen."""
    return sorted(set(fo.annotation_config.backends) - {_OWN})


def _default(names: list[str]) -> str | None:
    default = fo.annotation_config.default_backend
    return default if default in names else next(iter(names), None)


def _send(
    chosen: FramesToSend,
    name: str,
    **settings: object,
) -> Json:
    """Send frames, and say what was sent."""
    send_to_backend(chosen, name, settings)
    return {
        "name": name,
        "message": f"The frames were sent as '{name}'",
        "next": f"Once they are corrected, load the adjustment '{name}'",
    }
