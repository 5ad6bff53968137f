# SPDX-License-Identifier: Apache-2.0
"""Operators that save views, decide issues and plan a review."""

from __future__ import annotations

from typing import Any, ClassVar

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ...importers import store
from ..plain import count
from ..review.audits import last_thresholds
from ..review.decisions import CONFIRMED, DISMISSED, suggest_thresholds
from ..review.issues import ISSUES, decide_issues, issues_of_view, read_dataset_issues
from ..review.review_plan import REVIEW_PLAN, plan_review
from ..review.saved_views import (
    TO_REVIEW,
    list_foreign_views,
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
)


class SaveOutlierViews(TrackOperator):
    """Saves the views of what the audit found."""

    outputs: ClassVar = {"message": "Saved views", "next": "What next"}

    @property
    def config(self) -> foo.OperatorConfig:
        """The operator's configuration."""
        return foo.OperatorConfig(
            name="save_outlier_views",
            label="Save outlier views",
            description="Save views of the outliers, and of a clip for each issue",
            icon="bookmark_add",
            dynamic=True,
            risk_level=types.RiskLevel.LOW,
            view_target=False,
        )

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Says what will be saved."""
        field = add_label_field(ctx, inputs)
        if not is_audited(ctx.dataset, field):
            raise ValueError(f"'{field}' has no signals yet; audit the tracks first")
        add_notice(
            inputs,
            "notice",
            "Will save the views 'size outliers', 'low IoU', 'outliers' and 'issues' "
            "of the whole dataset, in place of those of an earlier audit.",
        )
        foreign = list_foreign_views(ctx.dataset, field)
        if foreign:
            names = ", ".join(f"'{name}'" for name in foreign)
            add_warning(
                inputs,
                "foreign",
                f"You have views of the names {names}; they stay as they are. Rename "
                "them to have those of the audit.",
            )

    def execute(self, ctx: ExecutionContext) -> dict[str, Any]:
        """Saves the views."""
        counts = save_outlier_views(ctx.dataset, ctx.params.get("label_field"))
        ctx.trigger("reload_dataset")
        return {
            "views": counts,
            "message": _describe_views(counts),
            "next": "Choose a saved view at the left of the view bar",
        }

    def __call__(
        self, dataset: fo.Dataset, label_field: str | None = None
    ) -> dict[str, int]:
        """Saves the views of what the audit found.

        Args:
            dataset: an audited dataset
            label_field (None): the frame field of the tracks; found where there
                is only one

        Returns:
            the number of boxes or clips in each view, by its name
        """
        return save_outlier_views(dataset, label_field)


def _describe_views(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} ({number:,})" for name, number in counts.items())


_LEAVE = "leave"
_CHOICES = {
    CONFIRMED: "Confirm: it is a mistake",
    DISMISSED: "Dismiss: it is no mistake",
    _LEAVE: "Leave: take back what was decided",
}


class DecideIssues(TrackOperator):
    """Confirms or dismisses issues."""

    outputs: ClassVar = {"message": "Result", "next": "What next"}

    @property
    def config(self) -> foo.OperatorConfig:
        """The operator's configuration."""
        return foo.OperatorConfig(
            name="decide_issues",
            label="Decide issues",
            description="Confirm or dismiss issues that are selected or shown",
            icon="rule",
            dynamic=True,
            risk_level=types.RiskLevel.LOW,
            view_target=False,
        )

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Adds the decision, and says what it will be about."""
        field = add_label_field(ctx, inputs)
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
            description="What the issues are",
        )
        ids = _find_issues(ctx, field)
        where = "selected" if ctx.selected or ctx.selected_labels else "in the view"
        add_notice(
            inputs,
            "notice",
            f"Will decide {count(len(ids), 'issue')} {where}. Labels stay as they "
            "are; the views of issues are saved anew.",
        )

    def execute(self, ctx: ExecutionContext) -> dict[str, Any]:
        """Decides the issues."""
        decision = ctx.params.get("decision", CONFIRMED)
        field = store.find_label_field(ctx.dataset, ctx.params.get("label_field"))
        ids = _find_issues(ctx, field)
        chosen = None if decision == _LEAVE else decision
        decided = decide_issues(ctx.dataset, ids, chosen, author(ctx))
        views = save_issue_views(ctx.dataset, field)
        ctx.trigger("reload_dataset")
        left = views.get(view_name(ctx.dataset, TO_REVIEW, field), 0)
        said = decision if chosen else "left open again"
        return {
            "decided": decided,
            "message": f"{count(decided, 'issue')} {said}",
            "next": f"{count(left, 'issue')} to review"
            if left
            else "All issues are decided: export the view 'confirmed'",
        }

    def __call__(
        self,
        dataset: fo.Dataset,
        ids: list[str],
        decision: str | None,
        author: str | None = None,
    ) -> int:
        """Confirms or dismisses issues, or takes that back.

        Args:
            dataset: an audited dataset
            ids: the IDs of the issues
            decision: ``confirmed``, ``dismissed``, or None to take it back
            author (None): who decided it; by default the user of this machine

        Returns:
            the number of issues
        """
        return decide_issues(dataset, ids, decision, author)


def _find_issues(ctx: ExecutionContext, field: str) -> list[str]:
    """Finds the issues of a field that are selected, or that the view shows.

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
    """Learns thresholds from what was decided."""

    outputs: ClassVar = {
        "size": "Size threshold",
        "iou": "IoU threshold",
        "message": "Why",
        "next": "What next",
    }

    @property
    def config(self) -> foo.OperatorConfig:
        """The operator's configuration."""
        return foo.OperatorConfig(
            name="suggest_thresholds",
            label="Suggest thresholds",
            description="Learn the audit's thresholds from what was decided of issues",
            icon="tune",
            dynamic=True,
            risk_level=types.RiskLevel.LOW,
            view_target=False,
        )

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Says what will be looked at."""
        field = add_label_field(ctx, inputs)
        issues = read_dataset_issues(ctx.dataset, field)
        decided = int(issues["decision"].notna().sum())
        add_notice(
            inputs,
            "notice",
            f"Will learn from {count(decided, 'decided issue')}. Changes nothing.",
        )

    def execute(self, ctx: ExecutionContext) -> dict[str, Any]:
        """Suggests thresholds."""
        return self._suggest(ctx.dataset, ctx.params.get("label_field"))

    def _suggest(self, dataset: fo.Dataset, label_field: str | None) -> dict[str, Any]:
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
            else "Decide more issues, in the panel or by 'Decide issues'",
        }

    def __call__(
        self, dataset: fo.Dataset, label_field: str | None = None
    ) -> dict[str, Any]:
        """Suggests the thresholds that decisions speak for.

        Args:
            dataset: an audited dataset
            label_field (None): the frame field of the tracks; found where there
                is only one

        Returns:
            a dict with ``size`` and ``iou``, None where nothing can be learned, and
            ``message``, which says why
        """
        return self._suggest(dataset, label_field)


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
