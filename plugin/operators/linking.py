# SPDX-License-Identifier: Apache-2.0
"""The operator that links detections into tracks."""

from __future__ import annotations

from dataclasses import asdict
from typing import ClassVar

import fiftyone as fo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ...importers import store
from ...importers.dataset import Progress
from ..audit.linking import LEAST_IOU, PATIENCE
from ..plain import Json, count
from ..review.linked_tracks import TRACK_FIELD, link_detections
from .forms import LONG, TrackOperator, add_label_field, add_notice
from .progress import Answer, Outcome, Result, run_or_delegate, run_with_progress


class LinkDetections(TrackOperator):
    """Link detections without any identity into tracks."""

    outputs: ClassVar = {
        "message": "Result",
        "notes": "Please note",
        "next": "What next",
    }

    about: ClassVar = {
        **LONG,
        "name": "link_detections",
        "label": "Link detections into tracks",
        "description": "Link boxes that have no track IDs into tracks by their overlap",
        "icon": "timeline",
        "risk_level": types.RiskLevel.MEDIUM,
    }

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Add the attribute, and what it takes to link boxes."""
        add_label_field(ctx, inputs)
        inputs.str(
            "track_field",
            default=TRACK_FIELD,
            label="Track field",
            description="The attribute of the boxes to store the tracks in",
        )
        inputs.float(
            "least_iou",
            default=LEAST_IOU,
            min=0.01,
            max=1,
            label="Least IoU",
            description="The least IoU of a box with where its track is expected",
        )
        inputs.int(
            "patience",
            default=PATIENCE,
            min=1,
            label="Patience",
            description="For how many frames a track may be missing",
        )
        inputs.str(
            "model",
            label="Model",
            description="Compares crops, too, such as resnet18. Needs the frames",
        )

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Show what will be stored."""
        frames = store.count_frames(
            ctx.dataset.select(store.sample_ids(ctx.target_view()))
        )
        if not frames:
            raise ValueError("the view is empty; there are no detections to link")
        name = ctx.params.get("track_field") or TRACK_FIELD
        add_notice(
            inputs,
            "notice",
            f"The boxes of {count(frames, 'frame')} will get the attribute '{name}', "
            "which audits take for the identity from then on. What the boxes have in "
            "an attribute of this name is replaced.",
        )

    def execute(self, ctx: ExecutionContext) -> Outcome:
        """Link the target view."""
        view = ctx.target_view()
        names = ("label_field", "track_field", "least_iou", "patience", "model")
        params = {n: ctx.params[n] for n in names if ctx.params.get(n)}
        return run_with_progress(
            ctx,
            "Linking detections",
            lambda progress: self._link(view, progress=progress, **params),
            self.describe,
            lambda: ctx.trigger("reload_dataset"),
        )

    def _link(
        self,
        samples: fo.core.collections.SampleCollection,
        label_field: str | None = None,
        track_field: str = TRACK_FIELD,
        least_iou: float = LEAST_IOU,
        patience: int = PATIENCE,
        progress: Progress = None,
        model: str | None = None,
    ) -> Result:
        linked = link_detections(
            samples, label_field, track_field, least_iou, patience, progress, model
        )
        return {
            **asdict(linked),
            "message": (
                f"{count(linked.detections, 'box')} of "
                f"{count(linked.sequences, 'sequence')} linked into "
                f"{count(linked.tracks, 'track')}"
            ),
            "notes": "\n".join(linked.notes),
            "next": "Audit the tracks",
        }

    def __call__(
        self,
        sample_collection: fo.core.collections.SampleCollection,
        label_field: str | None = None,
        track_field: str = TRACK_FIELD,
        least_iou: float = LEAST_IOU,
        patience: int = PATIENCE,
        progress: Progress = None,
        delegate: bool = False,
        model: str | None = None,
    ) -> Answer:
        """Link the detections of a collection, see ``link_detections()``."""
        params: Json = {
            "label_field": label_field,
            "track_field": track_field,
            "least_iou": least_iou,
            "patience": patience,
            "model": model,
        }
        return run_or_delegate(
            self.uri,
            sample_collection,
            params,
            delegate,
            lambda: self._link(sample_collection, progress=progress, **params),
        )
