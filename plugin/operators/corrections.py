# SPDX-License-Identifier: Apache-2.0
"""The operators that load corrections, apply them and undo that."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import ClassVar

import fiftyone as fo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ...importers import store
from ...importers.files import expand_home
from ...importers.s3_objects import is_s3
from ..corrections.applying import (
    APPLIED,
    applied_reviews,
    apply_adjustment,
    describe_applied,
    drop_old_labels,
    undo_adjustment,
)
from ..corrections.changed_view import CHANGED, is_view_free
from ..corrections.comparing import CHANGES
from ..corrections.loading import load_adjustment, sent_adjustments
from ..corrections.precision import Precision
from ..corrections.reviews import Review, describe_review, recorded_reviews
from ..plain import count
from .forms import LONG, TrackOperator, add_notice, add_warning, button
from .progress import Outcome, Result, Work, run_with_progress


class _CorrectionsOperator(TrackOperator):
    """Base of the operators: they work in the background and reload the dataset."""

    def run(self, ctx: ExecutionContext, label: str, work: Work) -> Outcome:
        """Run the operator's work, and reload the dataset in the App.

        Args:
            ctx: the execution context
            label: what is being done, for the App
            work: the work

        Returns:
            the result, or a generator of messages for the App
        """
        return run_with_progress(
            ctx, label, work, self.describe, lambda: ctx.trigger("reload_dataset")
        )


class LoadAdjustments(_CorrectionsOperator):
    """Load corrected labels into a second label field."""

    about: ClassVar = {
        "name": "load_adjustments",
        "label": "Load adjustments",
        "description": (
            "Load corrected labels into a second label field, and summarize what "
            "reviewers changed"
        ),
        "icon": "move_to_inbox",
        "risk_level": types.RiskLevel.MEDIUM,
        "view_target": False,
        **LONG,
    }

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Ask which adjustment to load, and from and to where."""
        sent = sent_adjustments(ctx.dataset)
        if not sent:
            raise ValueError(
                f"no frames of '{ctx.dataset.name}' were sent to be corrected; export "
                "an adjustment job or MOT sequences first"
            )
        name = _ask_for_name(ctx, inputs, list(sent))
        inputs.str(
            "output",
            label="Output",
            description=(
                "The output.manifest of a labeling job, a local copy of its output "
                "folder, or the folder of corrected MOT sequences. If empty, a job's "
                "output is read from S3, and MOT sequences from the folder that they "
                "were exported to"
            ),
        )
        inputs.str(
            "adjusted_field",
            default=f"{sent[name].label_field}_adjusted",
            label="Field of the corrected labels",
            description="A frame field other than that of the labels that were sent",
        )

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Say what will be loaded, and what it replaces."""
        sent = sent_adjustments(ctx.dataset)
        record = sent[_chosen_name(ctx, list(sent))]
        output = ctx.params.get("output")
        if output and not is_s3(output) and not expand_home(output).exists():
            raise ValueError(f"there is no file or folder {output}")
        adjusted = ctx.params.get("adjusted_field") or f"{record.label_field}_adjusted"
        frames = count(sum(map(len, record.frames.values())), "frame")
        replaced = (
            f"They replace the labels in '{adjusted}' on these frames."
            if adjusted in store.frame_schema(ctx.dataset)
            else f"The field '{adjusted}' will be added."
        )
        add_notice(
            inputs,
            "notice",
            f"Will load the corrections of {frames}. {replaced} The labels in "
            f"'{record.label_field}' will not change.",
        )

    def execute(self, ctx: ExecutionContext) -> Outcome:
        """Load the corrections."""
        dataset, name = ctx.dataset, ctx.params["job_name"]
        output = ctx.params.get("output") or None
        field = ctx.params.get("adjusted_field") or None
        return self.run(
            ctx, "Loading corrections", lambda _: self(dataset, name, output, field)
        )

    def resolve_placement(self, ctx: ExecutionContext) -> types.Placement | None:
        """Place a button above the grid if the dataset has adjustments."""
        sent = ctx.dataset is not None and sent_adjustments(ctx.dataset)
        return button(self, ctx) if sent else None

    def describe(self, results: Result) -> types.Property:
        """Declare the texts, and a table of how often the audit was right."""
        shown = super().describe(results)
        table = types.TableView()
        for field in fields(Precision):
            table.add_column(field.name, label=field.name.capitalize())
        shown.type.list("precision", types.Object(), view=table)
        return shown

    def __call__(
        self,
        dataset: fo.Dataset,
        job_name: str,
        output: str | None = None,
        adjusted_field: str | None = None,
    ) -> Result:
        """Load corrected labels into a second label field.

        See :func:`.load_adjustment`.
        """
        review = load_adjustment(dataset, job_name, output, adjusted_field)
        view = f"the view '{CHANGED}'"
        where = view if is_view_free(dataset) else f"'{review.adjusted_field}'"
        look = f"Check the changes in {where}, then apply the adjustments"
        return {
            **asdict(review),
            "message": describe_review(review),
            "notes": "\n".join(review.notes),
            "next": look if review.changes else "None: there is nothing to apply",
        }


class ApplyAdjustments(_CorrectionsOperator):
    """Apply corrections to the labels that were sent."""

    about: ClassVar = {
        "name": "apply_adjustments",
        "label": "Apply adjustments",
        "description": "Apply the loaded corrections to the labels that were sent",
        "icon": "done_all",
        "risk_level": types.RiskLevel.HIGH,
        **LONG,
    }

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Ask which kinds of changes to apply."""
        reviews = recorded_reviews(ctx.dataset)
        if not reviews:
            raise ValueError(
                f"no corrections were loaded into '{ctx.dataset.name}'; load "
                "adjustments first"
            )
        review = reviews[_ask_for_name(ctx, inputs, list(reviews))]
        inputs.list(
            "kinds",
            types.String(),
            default=[kind for kind in APPLIED if kind in review.changes],
            label="Kinds of changes",
            description="Labels with any of these changes are updated",
            view=_choices(review),
        )

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Say which labels will change."""
        reviews = recorded_reviews(ctx.dataset)
        review = reviews[_chosen_name(ctx, list(reviews))]
        kinds = _kinds(ctx)
        if not kinds:
            raise ValueError("choose at least one kind of change")
        found = [f"{review.changes[k]:,} {k}" for k in kinds if k in review.changes]
        add_warning(
            inputs,
            "warning",
            f"Will change labels in '{review.label_field}': of the corrections in "
            f"'{review.adjusted_field}' ({', '.join(found) or 'none'}), those that "
            "the target shows. You can undo this with 'Undo adjustments'.",
        )

    def execute(self, ctx: ExecutionContext) -> Outcome:
        """Apply the corrections that the target shows."""
        kinds = _kinds(ctx)
        view: fo.core.collections.SampleCollection = ctx.target_view()
        if ctx.selected_labels:
            view = ctx.dataset.select_labels(labels=ctx.selected_labels)
        dataset, name = ctx.dataset, ctx.params["job_name"]
        return self.run(
            ctx, "Applying corrections", lambda _: self(dataset, name, kinds, view)
        )

    def __call__(
        self,
        dataset: fo.Dataset,
        job_name: str,
        kinds: list[str] | tuple[str, ...] = APPLIED,
        view: fo.core.collections.SampleCollection | None = None,
    ) -> Result:
        """Apply corrections to the labels that were sent.

        See :func:`.apply_adjustment`.
        """
        applied = apply_adjustment(dataset, job_name, kinds, view)
        return {
            **asdict(applied),
            "message": describe_applied(applied),
            "next": "Audit the tracks again: the scores are those of the old boxes",
        }


class UndoAdjustments(_CorrectionsOperator):
    """Restore the labels of before corrections were applied."""

    about: ClassVar = {
        "name": "undo_adjustments",
        "label": "Undo adjustments",
        "description": "Restore the labels of before adjustments were applied",
        "icon": "undo",
        "risk_level": types.RiskLevel.HIGH,
        "view_target": False,
        **LONG,
    }

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Ask which adjustment to undo, or whether to delete the old labels instead."""
        reviews = applied_reviews(ctx.dataset)
        if not reviews:
            raise ValueError(
                f"no adjustments were applied to '{ctx.dataset.name}' that could be "
                "undone"
            )
        _ask_for_name(ctx, inputs, list(reviews))
        inputs.bool(
            "drop",
            default=False,
            label="Delete the old labels instead",
            description="Keep the corrections, and give up the option to undo them",
        )

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Say what will be restored or lost."""
        reviews = applied_reviews(ctx.dataset)
        field = reviews[_chosen_name(ctx, list(reviews))].label_field
        text = (
            f"Will delete the old labels of '{field}' for good: the corrections can no "
            "longer be undone."
            if ctx.params.get("drop")
            else f"Will restore the labels in '{field}' as they were before the "
            "corrections were applied. The corrected labels stay in their own field."
        )
        add_warning(inputs, "warning", text)

    def execute(self, ctx: ExecutionContext) -> Outcome:
        """Restore the old labels, or delete them."""
        dataset, name = ctx.dataset, ctx.params["job_name"]
        drop = bool(ctx.params.get("drop"))
        return self.run(ctx, "Undoing corrections", lambda _: self(dataset, name, drop))

    def __call__(
        self, dataset: fo.Dataset, job_name: str, drop: bool = False
    ) -> Result:
        """Restore the labels of before corrections were applied.

        See :func:`.undo_adjustment` and :func:`.drop_old_labels`.
        """
        if drop:
            drop_old_labels(dataset, job_name)
            return {
                "message": "the previous labels were deleted",
                "next": "Audit the tracks again, to find the remaining mistakes",
            }
        undone = undo_adjustment(dataset, job_name)
        return {
            **asdict(undone),
            "message": f"restored: {describe_applied(undone)}",
            "next": "Audit the tracks again: the scores are those of the corrections",
        }


def _kinds(ctx: ExecutionContext) -> list[str]:
    kinds = ctx.params.get("kinds")
    return list(APPLIED) if kinds is None else kinds


def _ask_for_name(ctx: ExecutionContext, inputs: types.Object, names: list[str]) -> str:
    """Ask for the adjustment, and return the name that is chosen so far."""
    inputs.enum(
        "job_name",
        names[::-1],
        default=names[-1],
        required=True,
        label="Adjustment",
        description="The name of what was sent to be corrected, latest first",
    )
    return _chosen_name(ctx, names)


def _chosen_name(ctx: ExecutionContext, names: list[str]) -> str:
    """Return the chosen name, the latest one if there is no such name."""
    chosen = ctx.params.get("job_name")
    return chosen if chosen in names else names[-1]


def _choices(review: Review) -> types.Choices:
    choices = types.DropdownView(multiple=True)
    for kind in CHANGES:
        if kind in review.changes:
            choices.add_choice(kind, label=f"{kind} ({review.changes[kind]:,})")
    return choices
