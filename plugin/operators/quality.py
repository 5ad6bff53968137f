# SPDX-License-Identifier: Apache-2.0
"""The operator that measures how much better labels got."""

from __future__ import annotations

from typing import ClassVar

import fiftyone as fo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ...importers import store
from ..corrections.quality import measure_quality
from ..plain import Json
from .forms import TrackOperator, add_label_field, add_notice, warn_unfinished


class MeasureQuality(TrackOperator):
    """Measure how much better the labels got."""

    outputs: ClassVar = {"message": "Result", "next": "What next"}

    about: ClassVar = {
        "name": "measure_quality",
        "label": "Measure quality",
        "description": "Compare the labels of now with those before fixes",
        "icon": "insights",
        "risk_level": types.RiskLevel.LOW,
        "view_target": False,
    }

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Ask which labels to measure."""
        field = add_label_field(ctx, inputs)
        warn_unfinished(ctx, inputs, field)
        inputs.str(
            "annotator_field",
            label="Attribute of the annotator",
            description="The attribute of detections that tells who drew them, if any",
        )

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Say what will be done."""
        text = "Will audit the labels of before and those of now, and change nothing."
        add_notice(inputs, "notice", text)

    def execute(self, ctx: ExecutionContext) -> Json:
        """Measure it."""
        field = store.find_label_field(ctx.dataset, ctx.params.get("label_field"))
        found = measure_quality(
            ctx.dataset, field, ctx.params.get("annotator_field") or None
        )
        return {
            **found.to_dict(),
            "message": str(found),
            "next": "'track-audit quality' writes the same as a page with plots",
        }

    def __call__(
        self,
        dataset: fo.Dataset,
        label_field: str | None = None,
        annotator_field: str | None = None,
    ) -> Json:
        """Measure how much better the labels got.

        Args:
            dataset: an audited dataset
            label_field (None): the frame field of the tracks; by default the only one
            annotator_field (None): an attribute of detections that tells who drew them

        Returns:
            a dict, see ``Quality.to_dict()``
        """
        return measure_quality(dataset, label_field, annotator_field).to_dict()
