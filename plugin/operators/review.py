# SPDX-License-Identifier: Apache-2.0
"""Operators that save views, decide issues and plan a review."""

from __future__ import annotations

from dataclasses import asdict
from typing import ClassVar

import fiftyone as fo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ...importers import store
from ...importers.store.locks import LockedError
from ..plain import Json, count
from ..review.audit_records import last_thresholds
from ..review.deciding import decide_issues
from ..review.decisions import CONFIRMED, DISMISSED, suggest_thresholds
from ..review.issue_frames import issues_of_view
from ..review.issues import ISSUES, read_dataset_issues
from ..review.review_plan import (
    REVIEW_PLAN,
    ReviewPlan,
    check_plan_view,
    plan_review,
)
from ..review.saved_views import (
    TO_REVIEW,
    describe_foreign_views,
    save_issue_views,
    save_outlier_views,
    view_name,
)
from .forms import (
    TrackOperator,
    add_label_field,
    add_notice,
    add_warning,
    author,
    is_audited,
    warn_unfinished,
)


class SaveOutlierViews(TrackOperator):
    """Save the views of what the audit found."""

    outputs: ClassVar = {"message": "Saved views", "next": "What next"}

    about: ClassVar = {
        "name": "save_outlier_views",
        "label": "Save outlier views",
        "description": "Save views of the outliers, and of a clip for each issue",
        "icon": "bookmark_add",
        "risk_level": types.RiskLevel.LOW,
        "view_target": False,
    }

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Show what will be saved."""
        field = add_label_field(ctx, inputs)
        if not is_audited(ctx.dataset, field):
            raise ValueError(f"'{field}' has no signals yet; audit the tracks first")
        warn_unfinished(ctx, inputs, field)
        add_notice(
            inputs,
            "notice",
            "The views 'size outliers', 'low IoU', 'outliers' and 'issues' of the "
            "whole dataset will be saved, replacing those of an earlier audit.",
        )
        if foreign := describe_foreign_views(ctx.dataset, field):
            add_warning(inputs, "foreign", foreign)

    def execute(self, ctx: ExecutionContext) -> Json:
        """Save the views."""
        counts = save_outlier_views(ctx.dataset, ctx.params.get("label_field"))
        ctx.trigger("reload_dataset")
        return {
            "views": counts,
            "message": _describe_views(counts),
            "next": "Select a saved view to the left of the view bar",
        }

    def __call__(
        self, dataset: fo.Dataset, label_field: str | None = None
    ) -> dict[str, int]:
        """Save the views of what the audit found. See :func:`.save_outlier_views`."""
        return save_outlier_views(dataset, label_field)


def _describe_views(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} ({number:,})" for name, number in counts.items())


_LEAVE = "leave"
_CHOICES = {
    CONFIRMED: "Confirm: this is a mistake",
    DISMISSED: "Dismiss: this is not a mistake",
    _LEAVE: "Reopen: withdraw the decision",
}


class DecideIssues(TrackOperator):
    """Confirm, dismiss or reopen issues."""

    about: ClassVar = {
        "name": "decide_issues",
        "label": "Decide issues",
        "description": "Confirm, dismiss or reopen the selected or shown issues",
        "icon": "rule",
        "risk_level": types.RiskLevel.LOW,
        "view_target": False,
    }

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Add the decision, and show which issues it applies to."""
        field = add_label_field(ctx, inputs)
        warn_unfinished(ctx, inputs, field)
        choices = types.RadioGroup()
        for value, label in _CHOICES.items():
            choices.add_choice(value, label=label)
        inputs.enum(
            "decision",
            choices.values(),
            default=CONFIRMED,
            view=choices,
            required=True,
            label="Decision",
            description="The decision about the issues",
        )
        ids = find_issues(ctx, field)
        where = "selected" if ctx.selected or ctx.selected_labels else "in the view"
        add_notice(
            inputs,
            "notice",
            f"The decision will apply to {count(len(ids), 'issue')} {where}. Labels "
            "are not changed; the views of issues will be saved again.",
        )

    def execute(self, ctx: ExecutionContext) -> Json:
        """Decide the issues."""
        decision = ctx.params.get("decision", CONFIRMED)
        field = store.find_label_field(ctx.dataset, ctx.params.get("label_field"))
        ids = find_issues(ctx, field)
        chosen = None if decision == _LEAVE else decision
        decided = decide_issues(ctx.dataset, ids, chosen, author(ctx))
        message = f"{count(decided, 'issue')} {decision if chosen else 'reopened'}"
        try:
            views = save_issue_views(ctx.dataset, field)
        except LockedError:
            message += (
                ". Another process was saving views, so the saved views of issues do "
                "not show this decision yet"
            )
            following = "Run 'Save outlier views' to update the views"
        else:
            left = views.get(view_name(ctx.dataset, TO_REVIEW, field), 0)
            following = (
                f"{count(left, 'issue')} to review"
                if left
                else "All issues are decided: export the view 'confirmed'"
            )
        ctx.trigger("reload_dataset")
        return {"decided": decided, "message": message, "next": following}

    def __call__(
        self,
        dataset: fo.Dataset,
        ids: list[str],
        decision: str | None,
        author: str | None = None,
    ) -> int:
        """Confirm, dismiss or reopen issues. See :func:`.decide_issues`."""
        return decide_issues(dataset, ids, decision, author)


def find_issues(ctx: ExecutionContext, field: str) -> list[str]:
    """Find the issues of a field that are selected, or that the view shows.

    Args:
        ctx: the context of the operator
        field: the frame field of the tracks

    Returns:
        the IDs of the issues

    Raises:
        ValueError: if there are none
    """
    view = ctx.view.select(ctx.selected) if ctx.selected else ctx.view
    if not ctx.dataset.has_field(ISSUES):
        raise ValueError("there are no issues yet; audit the tracks first")
    ids = issues_of_view(view, field)
    if ctx.selected_labels:
        labels = ctx.selected_labels
        chosen = [label["label_id"] for label in labels if label["field"] == ISSUES]
        ids = sorted(set(ids) & set(chosen))
    if not ids:
        raise ValueError("no issues are selected or shown; open the view 'issues'")
    return ids


class SuggestThresholds(TrackOperator):
    """Suggest thresholds that agree with the decisions."""

    outputs: ClassVar = {
        "size": "Size threshold",
        "iou": "IoU threshold",
        "message": "Why",
        "next": "What next",
    }

    about: ClassVar = {
        "name": "suggest_thresholds",
        "label": "Suggest thresholds",
        "description": "Suggest thresholds that agree with the decisions about issues",
        "icon": "tune",
        "risk_level": types.RiskLevel.LOW,
        "view_target": False,
    }

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Show how many decisions there are to learn from."""
        field = add_label_field(ctx, inputs)
        warn_unfinished(ctx, inputs, field)
        issues = read_dataset_issues(ctx.dataset, field)
        decided = int(issues["decision"].notna().sum())
        add_notice(
            inputs,
            "notice",
            f"Thresholds will be suggested from {count(decided, 'decided issue')}. "
            "Nothing is changed.",
        )

    def execute(self, ctx: ExecutionContext) -> Json:
        """Suggest thresholds."""
        return self(ctx.dataset, ctx.params.get("label_field"))

    def __call__(self, dataset: fo.Dataset, label_field: str | None = None) -> Json:
        """Suggest thresholds that agree with the decisions.

        See :func:`.suggest_thresholds`.
        """
        field = store.find_label_field(dataset, label_field)
        issues = read_dataset_issues(dataset, field)
        found = suggest_thresholds(issues, last_thresholds(dataset, field))
        known = found.size is not None or found.iou is not None
        return {
            "size": found.size,
            "iou": found.iou,
            "message": found.message,
            "next": "Audit the tracks again with these thresholds"
            if known
            else "Decide more issues, in the panel or with 'Decide issues'",
        }


_BUDGET = 100


class PlanReview(TrackOperator):
    """Pick the frames to review first."""

    about: ClassVar = {
        "name": "plan_review",
        "label": "Plan review",
        "description": "Pick the frames that are expected to show the most mistakes",
        "icon": "event_note",
        "risk_level": types.RiskLevel.LOW,
    }

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Add the budget."""
        field = add_label_field(ctx, inputs)
        if not is_audited(ctx.dataset, field):
            raise ValueError(f"'{field}' has no issues yet; audit the tracks first")
        check_plan_view(ctx.dataset)
        warn_unfinished(ctx, inputs, field)
        inputs.int(
            "budget",
            default=_BUDGET,
            min=1,
            label="Frames",
            description="Maximum number of frames to look at, including context",
        )
        inputs.int(
            "context",
            default=1,
            min=0,
            label="Context",
            description="Number of frames to look at before and after each picked one",
        )

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Show which issues the plan is for."""
        videos = ctx.dataset.select(store.sample_ids(ctx.target_view()))
        issues = count(videos.count(f"{ISSUES}.detections"), "issue")
        add_notice(
            inputs,
            "notice",
            f"The plan will be made for {issues} of {count(len(videos), 'video')} and "
            f"saved as the view '{REVIEW_PLAN}', replacing an earlier plan.",
        )

    def execute(self, ctx: ExecutionContext) -> Json:
        """Save the plan for the target view."""
        plan = plan_review(
            ctx.target_view(),
            budget=ctx.params.get("budget", _BUDGET),
            context=ctx.params.get("context", 1),
            label_field=ctx.params.get("label_field"),
        )
        ctx.trigger("reload_dataset")
        return {
            **asdict(plan),
            "message": _describe_plan(plan),
            "next": f"Open the view '{REVIEW_PLAN}'",
        }

    def __call__(
        self,
        sample_collection: fo.core.collections.SampleCollection,
        budget: int | None = None,
        minutes: float | None = None,
        context: int = 1,
        label_field: str | None = None,
    ) -> Json:
        """Pick the frames to review first, and save them as a view.

        See :func:`.plan_review`.
        """
        return asdict(
            plan_review(sample_collection, budget, minutes, context, label_field)
        )


def _describe_plan(plan: ReviewPlan) -> str:
    return (
        f"{count(plan.frames, 'frame')} show {plan.issues} of "
        f"{count(plan.issues_in_total, 'issue')}; {plan.mistakes_expected} mistakes "
        "are expected in them" + (f". {plan.note}" if plan.note else "")
    )
