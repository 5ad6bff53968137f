# SPDX-License-Identifier: Apache-2.0
"""Operators for those who review what the audit found."""

from __future__ import annotations

from typing import Any, ClassVar

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ...importers import store
from ..issues import ISSUES
from ..planning import REVIEW_PLAN, plan_review
from ..texts import count
from .forms import TrackOperator, add_label_field, add_notice, is_audited

_BUDGET = 100


class PlanReview(TrackOperator):
    """Picks the frames to look at first."""

    outputs: ClassVar = {"message": "Result", "next": "What next"}

    @property
    def config(self) -> foo.OperatorConfig:
        """The operator's configuration."""
        return foo.OperatorConfig(
            name="plan_review",
            label="Plan review",
            description="Pick the frames that are expected to show the most mistakes",
            icon="event_note",
            dynamic=True,
            risk_level=types.RiskLevel.LOW,
        )

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Adds the budget."""
        field = add_label_field(ctx, inputs)
        if not is_audited(ctx.dataset, field):
            raise ValueError(f"'{field}' has no issues yet; audit the tracks first")
        inputs.int(
            "budget",
            default=_BUDGET,
            min=1,
            label="Frames",
            description="The most frames to look at, context among them",
        )
        inputs.int(
            "context",
            default=1,
            min=0,
            label="Context",
            description="Frames to look at before and after each picked one",
        )

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Says what the frames are picked from."""
        videos = ctx.dataset.select(store.sample_ids(ctx.target_view()))
        issues = count(videos.count(f"{ISSUES}.detections"), "issue")
        add_notice(
            inputs,
            "notice",
            f"Will pick from {issues} of {count(len(videos), 'video')}, "
            f"and save the view '{REVIEW_PLAN}', in place of an earlier one.",
        )

    def execute(self, ctx: ExecutionContext) -> dict[str, Any]:
        """Saves the plan of the target view."""
        result = plan_review(
            ctx.target_view(),
            budget=ctx.params.get("budget", _BUDGET),
            context=ctx.params.get("context", 1),
            label_field=ctx.params.get("label_field"),
        )
        ctx.trigger("reload_dataset")
        message = (
            f"{result['frames']} frames show {result['issues']} of "
            f"{result['issues_in_total']} issues; {result['mistakes_expected']} "
            "mistakes are expected in them"
        )
        return {**result, "message": message, "next": "Open the view 'review plan'"}

    def __call__(
        self,
        sample_collection: fo.core.collections.SampleCollection,
        budget: int | None = None,
        minutes: float | None = None,
        context: int = 1,
        label_field: str | None = None,
    ) -> dict[str, Any]:
        """Picks the frames to review first, and saves them as a view.

        Args:
            sample_collection: an audited dataset, or a view of it
            budget (None): the most frames to look at, context among them
            minutes (None): the time that there is, instead of a budget
            context (1): frames to look at before and after each picked one
            label_field (None): the frame field of the tracks; found where there is
                only one

        Returns:
            a dict of counts
        """
        return plan_review(sample_collection, budget, minutes, context, label_field)
