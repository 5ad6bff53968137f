# SPDX-License-Identifier: Apache-2.0
"""The operator that compares two label fields."""

from __future__ import annotations

from dataclasses import asdict
from typing import ClassVar

import fiftyone as fo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ...importers import store
from ...importers.dataset import Progress
from ..plain import count
from ..review.compared_labels import compare_labels, describe_comparison
from .forms import LONG, TrackOperator, add_label_field, add_notice
from .progress import Answer, Outcome, Result, run_or_delegate, run_with_progress


class CompareLabels(TrackOperator):
    """Compare the tracks of two label fields."""

    about: ClassVar = {
        **LONG,
        "name": "compare_labels",
        "label": "Compare labels",
        "description": "Measure how well two label fields agree, and list where not",
        "icon": "compare",
        "risk_level": types.RiskLevel.MEDIUM,
    }

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Ask for the two fields."""
        field = add_label_field(ctx, inputs)
        others = [name for name in store.label_fields(ctx.dataset) if name != field]
        if not others:
            raise ValueError(
                f"'{ctx.dataset.name}' has no other frame field of detections to "
                f"compare '{field}' with"
            )
        inputs.enum(
            "other_field",
            others,
            default=others[0],
            required=True,
            label="Compare with",
            description=(
                "The frame field of the other tracks, which are taken as the truth "
                "where it matters, such as for MOTA"
            ),
        )

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Show what will be compared and replaced."""
        frames = store.count_frames(
            ctx.dataset.select(store.sample_ids(ctx.target_view()))
        )
        if not frames:
            raise ValueError("the view is empty; there are no tracks to compare")
        add_notice(
            inputs,
            "notice",
            f"The boxes of {count(frames, 'frame')} will be compared. Labels are not "
            "changed. The issues of an earlier comparison of the two fields are "
            "replaced; your decisions are kept.",
        )

    def execute(self, ctx: ExecutionContext) -> Outcome:
        """Compare the labels of the target view."""
        view = ctx.target_view()
        field = store.find_label_field(ctx.dataset, ctx.params.get("label_field"))
        other = str(ctx.params["other_field"])
        return run_with_progress(
            ctx,
            "Comparing labels",
            lambda progress: self._compare(view, field, other, progress),
            self.describe,
            lambda: ctx.trigger("reload_dataset"),
        )

    def _compare(
        self,
        samples: fo.core.collections.SampleCollection,
        label_field: str,
        other_field: str,
        progress: Progress = None,
    ) -> Result:
        compared = compare_labels(samples, label_field, other_field, progress)
        return {
            **asdict(compared),
            "message": describe_comparison(compared),
            "next": "Review the disagreements in the panel 'Track audit'",
        }

    def __call__(
        self,
        sample_collection: fo.core.collections.SampleCollection,
        label_field: str,
        other_field: str,
        progress: Progress = None,
        delegate: bool = False,
    ) -> Answer:
        """Compare two label fields of a collection, see ``compare_labels()``."""
        params = {"label_field": label_field, "other_field": other_field}
        return run_or_delegate(
            self.uri,
            sample_collection,
            params,
            delegate,
            lambda: self._compare(
                sample_collection, label_field, other_field, progress
            ),
        )
