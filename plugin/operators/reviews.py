# SPDX-License-Identifier: Apache-2.0
"""Operators that load what reviewers corrected, apply it, and take it back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ..applying import (
    APPLIED,
    apply_adjustment,
    describe_applied,
    drop_old_labels,
    has_old_labels,
    undo_adjustment,
)
from ..comparing import CHANGES
from ..loading import load_adjustment, sent_adjustments
from ..reviews import Review, describe_review, recorded_reviews
from ..texts import count
from ..views import CHANGED
from .forms import TrackOperator, add_notice, add_warning
from .progress import run_with_progress

_PRECISION = {
    "of": "Of",
    "kind": "Kind",
    "found": "Found",
    "reviewed": "Reviewed",
    "corrected": "Corrected",
    "precision": "Precision",
}


class LoadAdjustments(TrackOperator):
    """Loads corrected labels into a second label field."""

    outputs: ClassVar = {
        "message": "Result",
        "notes": "Please note",
        "next": "What next",
    }

    @property
    def config(self) -> foo.OperatorConfig:
        """The operator's configuration."""
        return foo.OperatorConfig(
            name="load_adjustments",
            label="Load adjustments",
            description=(
                "Put what reviewers corrected into a second label field, and say what "
                "they changed"
            ),
            icon="move_to_inbox",
            dynamic=True,
            execute_as_generator=True,
            allow_delegated_execution=True,
            risk_level=types.RiskLevel.MEDIUM,
            view_target=False,
        )

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Asks what to load, and says where it will go."""
        sent = sent_adjustments(ctx.dataset)
        if not sent:
            raise ValueError(
                f"nothing of '{ctx.dataset.name}' was sent; export an adjustment first"
            )
        name = _ask_for_name(inputs, list(sent), ctx.params.get("job_name"))
        inputs.str(
            "output",
            label="Output",
            description=(
                "The output.manifest, a local copy of the job's output folder, or the "
                "folder of corrected MOT files; where this is empty, a labeling job's "
                "output is read from S3, MOT files from where they were written to"
            ),
        )
        field = sent[name].label_field
        inputs.str(
            "adjusted_field",
            default=f"{field}_adjusted",
            label="Field of the corrected labels",
            description="A frame field beside the one of the labels that were sent",
        )
        frames = sum(map(len, sent[name].frames.values()))
        add_notice(
            inputs,
            "notice",
            f"Will load what came back of {count(frames, 'frame')}. The labels in "
            f"'{field}' stay as they are; what was loaded before is replaced.",
        )

    def execute(self, ctx: ExecutionContext) -> Any:  # noqa: ANN401 - result or stream
        """Loads the corrections."""
        dataset, name = ctx.dataset, ctx.params["job_name"]
        output = ctx.params.get("output") or None
        field = ctx.params.get("adjusted_field") or None
        return run_with_progress(
            ctx,
            "Loading corrections",
            lambda _: self(dataset, name, output, field),
            self.describe,
            lambda: ctx.trigger("reload_dataset"),
        )

    def describe(self, results: dict[str, Any]) -> types.Property:
        """Declares the texts, and a table of how often the audit was right.

        Args:
            results: what the operator returned

        Returns:
            a :class:`fiftyone.operators.types.Property`
        """
        shown = super().describe(results)
        table = types.TableView()
        for name, label in _PRECISION.items():
            table.add_column(name, label=label)
        shown.type.list("precision", types.Object(), view=table)
        return shown

    def __call__(
        self,
        dataset: fo.Dataset,
        job_name: str,
        output: str | None = None,
        adjusted_field: str | None = None,
    ) -> dict[str, Any]:
        """Loads what reviewers corrected.

        Args:
            dataset: the dataset that the frames are from
            job_name: the name of what was sent
            output (None): the ``output.manifest``, a local copy of the job's output
                folder, or the folder of corrected MOT files; by default a labeling
                job's output is read from S3
            adjusted_field (None): the frame field for the corrected labels, by
                default ``<label field>_adjusted``

        Returns:
            a dict with counts, ``precision`` and messages

        Raises:
            ValueError: if nothing of that name was sent, or a file is damaged or
                belongs to something else; nothing is changed
            GroundTruthError: if nothing came back yet, or AWS cannot be asked
        """
        review = load_adjustment(dataset, job_name, output, adjusted_field)
        return {
            **asdict(review),
            "message": describe_review(review),
            "notes": "\n".join(review.notes),
            "next": f"Look at the view '{CHANGED}', then apply the adjustments",
        }


class ApplyAdjustments(TrackOperator):
    """Applies corrections to the labels that were sent."""

    outputs: ClassVar = {"message": "Result", "next": "What next"}

    @property
    def config(self) -> foo.OperatorConfig:
        """The operator's configuration."""
        return foo.OperatorConfig(
            name="apply_adjustments",
            label="Apply adjustments",
            description=(
                "Change the labels that were sent to what reviewers made of them"
            ),
            icon="done_all",
            dynamic=True,
            risk_level=types.RiskLevel.HIGH,
        )

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Asks which changes to apply, and says how many they are."""
        reviews = recorded_reviews(ctx.dataset)
        name = _ask_for_loaded(inputs, ctx, reviews)
        review = reviews[name]
        inputs.list(
            "kinds",
            types.String(),
            default=list(APPLIED),
            label="Kinds of changes",
            description="Labels with any of these changes are taken",
            view=_choices(review),
        )
        kinds = ctx.params.get("kinds") or APPLIED
        found = [f"{review.changes[k]:,} {k}" for k in kinds if k in review.changes]
        add_warning(
            inputs,
            "warning",
            f"Will change labels in '{review.label_field}': of "
            f"{', '.join(found) or 'none'} those that the target shows in "
            f"'{review.adjusted_field}'. The old ones are kept for 'Undo adjustments'.",
        )

    def execute(self, ctx: ExecutionContext) -> dict[str, Any]:
        """Applies the corrections that the target shows."""
        kinds = ctx.params.get("kinds") or APPLIED
        view: fo.core.collections.SampleCollection = ctx.target_view()
        if ctx.selected_labels:
            view = ctx.dataset.select_labels(labels=ctx.selected_labels)
        result = self(ctx.dataset, ctx.params["job_name"], kinds, view)
        ctx.trigger("reload_dataset")
        return result

    def __call__(
        self,
        dataset: fo.Dataset,
        job_name: str,
        kinds: list[str] | tuple[str, ...] = APPLIED,
        view: fo.core.collections.SampleCollection | None = None,
    ) -> dict[str, Any]:
        """Applies corrections to the labels that were sent.

        Args:
            dataset: a dataset into which corrections were loaded
            job_name: the name of what was sent
            kinds (...): the kinds of changes; by default all but boxes that were
                drawn again where they were
            view (None): a view whose corrected labels alone are applied, and of the
                deleted ones those whose originals it shows

        Returns:
            a dict with counts and messages

        Raises:
            ValueError: if no corrections were loaded, or a track would get two
                boxes in a frame
        """
        applied = apply_adjustment(dataset, job_name, kinds, view)
        return {
            **asdict(applied),
            "message": describe_applied(applied),
            "next": "Audit the tracks again: scores are those of the old boxes",
        }


class UndoAdjustments(TrackOperator):
    """Brings back the labels of before corrections were applied."""

    outputs: ClassVar = {"message": "Result"}

    @property
    def config(self) -> foo.OperatorConfig:
        """The operator's configuration."""
        return foo.OperatorConfig(
            name="undo_adjustments",
            label="Undo adjustments",
            description="Bring back the labels of before adjustments were applied",
            icon="undo",
            dynamic=True,
            risk_level=types.RiskLevel.HIGH,
            view_target=False,
        )

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Asks for the job, and whether to drop what is kept instead."""
        reviews = recorded_reviews(ctx.dataset)
        kept = {
            name: review
            for name, review in reviews.items()
            if has_old_labels(ctx.dataset, name)
        }
        name = _ask_for_loaded(inputs, ctx, kept)
        inputs.bool(
            "drop",
            default=False,
            label="Drop the old labels",
            description="Keep what was applied, and forget the labels of before",
        )
        field = reviews[name].label_field
        done = "drop the old labels of" if ctx.params.get("drop") else "bring back"
        add_warning(inputs, "warning", f"Will {done} what was changed in '{field}'")

    def execute(self, ctx: ExecutionContext) -> dict[str, Any]:
        """Brings the labels back, or drops them."""
        result = self(ctx.dataset, ctx.params["job_name"], bool(ctx.params.get("drop")))
        ctx.trigger("reload_dataset")
        return result

    def __call__(
        self, dataset: fo.Dataset, job_name: str, drop: bool = False
    ) -> dict[str, Any]:
        """Brings back the labels of before corrections were applied.

        Args:
            dataset: the dataset
            job_name: the name of what was sent
            drop (False): whether to drop the old labels instead

        Returns:
            a dict with counts and ``message``

        Raises:
            ValueError: if nothing is kept
        """
        if drop:
            drop_old_labels(dataset, job_name)
            return {"message": "the old labels were dropped"}
        undone = undo_adjustment(dataset, job_name)
        return {**asdict(undone), "message": f"back again: {describe_applied(undone)}"}


def _ask_for_loaded(
    inputs: types.Object, ctx: ExecutionContext, reviews: dict[str, Review]
) -> str:
    if not reviews:
        raise ValueError(
            f"'{ctx.dataset.name}' has nothing of that; load adjustments, or apply "
            "them, first"
        )
    return _ask_for_name(inputs, list(reviews), ctx.params.get("job_name"))


def _ask_for_name(inputs: types.Object, names: list[str], chosen: str | None) -> str:
    names = names[::-1]
    inputs.enum(
        "job_name",
        names,
        default=names[0],
        required=True,
        label="Job",
        description="What was sent to be corrected, the latest first",
    )
    return chosen if chosen in names else names[0]


def _choices(review: Review) -> types.Choices:
    choices = types.DropdownView(multiple=True)
    for kind in CHANGES:
        if kind in review.changes:
            choices.add_choice(kind, label=f"{kind} ({review.changes[kind]:,})")
    return choices
