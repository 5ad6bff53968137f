# SPDX-License-Identifier: Apache-2.0
"""Operators that load what reviewers corrected, apply it, and take it back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ...importers.files import expand_home, is_s3
from ..corrections.applying import (
    APPLIED,
    apply_adjustment,
    describe_applied,
    drop_old_labels,
    has_old_labels,
    undo_adjustment,
)
from ..corrections.changed_view import CHANGED
from ..corrections.comparing import CHANGES
from ..corrections.loading import load_adjustment, sent_adjustments
from ..corrections.reviews import Review, describe_review, recorded_reviews
from ..plain import count
from .forms import TrackOperator, add_notice, add_warning, button
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
        _ask_for_name(inputs, list(sent))
        name = _chosen_name(list(sent), ctx.params.get("job_name"))
        inputs.str(
            "output",
            label="Output",
            description=(
                "The output.manifest, a local copy of the job's output folder, or the "
                "folder of corrected MOT files; where this is empty, a labeling job's "
                "output is read from S3, MOT files from where they were written to"
            ),
        )
        inputs.str(
            "adjusted_field",
            default=f"{sent[name].label_field}_adjusted",
            label="Field of the corrected labels",
            description="A frame field beside the one of the labels that were sent",
        )

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Says what will be loaded, and what is replaced."""
        sent = sent_adjustments(ctx.dataset)
        record = sent[_chosen_name(list(sent), ctx.params.get("job_name"))]
        output = ctx.params.get("output")
        if output and not is_s3(output) and not expand_home(output).exists():
            raise ValueError(f"there is no file or folder {output}")
        adjusted = ctx.params.get("adjusted_field") or f"{record.label_field}_adjusted"
        frames = count(sum(map(len, record.frames.values())), "frame")
        replaced = (
            f"What was loaded into '{adjusted}' before is replaced on these frames."
            if ctx.dataset.has_frame_field(adjusted)
            else f"The field '{adjusted}' is added."
        )
        add_notice(
            inputs,
            "notice",
            f"Will load what came back of {frames}. {replaced} The labels in "
            f"'{record.label_field}' stay as they are.",
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

    def resolve_placement(self, ctx: ExecutionContext) -> types.Placement | None:
        """Puts a button above the grid where something was sent."""
        sent = ctx.dataset is not None and sent_adjustments(ctx.dataset)
        return button(self, ctx) if sent else None

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
        look = f"Look at the view '{CHANGED}', then apply the adjustments"
        return {
            **asdict(review),
            "message": describe_review(review),
            "notes": "\n".join(review.notes),
            "next": look if review.changes else "Nothing: there is nothing to apply",
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
            execute_as_generator=True,
            allow_delegated_execution=True,
            risk_level=types.RiskLevel.HIGH,
        )

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Asks which changes to apply, and says how many they are."""
        review = _ask_for_loaded(inputs, ctx, recorded_reviews(ctx.dataset))
        inputs.list(
            "kinds",
            types.String(),
            default=[kind for kind in APPLIED if kind in review.changes],
            label="Kinds of changes",
            description="Labels with any of these changes are taken",
            view=_choices(review),
        )

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Says which labels will change."""
        review = _chosen(ctx, recorded_reviews(ctx.dataset))
        kinds = _kinds(ctx)
        if not kinds:
            raise ValueError("choose at least one kind of changes")
        found = [f"{review.changes[k]:,} {k}" for k in kinds if k in review.changes]
        add_warning(
            inputs,
            "warning",
            f"Will change labels in '{review.label_field}': of "
            f"{', '.join(found) or 'none'} those that the target shows in "
            f"'{review.adjusted_field}'. The old ones are kept for 'Undo adjustments'.",
        )

    def execute(self, ctx: ExecutionContext) -> Any:  # noqa: ANN401 - result or stream
        """Applies the corrections that the target shows."""
        kinds = _kinds(ctx)
        view: fo.core.collections.SampleCollection = ctx.target_view()
        if ctx.selected_labels:
            view = ctx.dataset.select_labels(labels=ctx.selected_labels)
        dataset, name = ctx.dataset, ctx.params["job_name"]
        return run_with_progress(
            ctx,
            "Applying corrections",
            lambda _: self(dataset, name, kinds, view),
            self.describe,
            lambda: ctx.trigger("reload_dataset"),
        )

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

    outputs: ClassVar = {"message": "Result", "next": "What next"}

    @property
    def config(self) -> foo.OperatorConfig:
        """The operator's configuration."""
        return foo.OperatorConfig(
            name="undo_adjustments",
            label="Undo adjustments",
            description="Bring back the labels of before adjustments were applied",
            icon="undo",
            dynamic=True,
            execute_as_generator=True,
            allow_delegated_execution=True,
            risk_level=types.RiskLevel.HIGH,
            view_target=False,
        )

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Asks for the job, and whether to drop what is kept instead."""
        _ask_for_loaded(inputs, ctx, _applied(ctx.dataset))
        inputs.bool(
            "drop",
            default=False,
            label="Drop the old labels",
            description="Keep what was applied, and forget the labels of before",
        )

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Says what will come back, or be lost."""
        field = _chosen(ctx, _applied(ctx.dataset)).label_field
        text = (
            f"Will drop the old labels of what was changed in '{field}'. They are lost "
            "then: the corrections can no longer be undone."
            if ctx.params.get("drop")
            else f"Will bring back what was changed in '{field}', as it was before the "
            "corrections were applied. The corrected labels stay beside it."
        )
        add_warning(inputs, "warning", text)

    def execute(self, ctx: ExecutionContext) -> Any:  # noqa: ANN401 - result or stream
        """Brings the labels back, or drops them."""
        dataset, name = ctx.dataset, ctx.params["job_name"]
        drop = bool(ctx.params.get("drop"))
        return run_with_progress(
            ctx,
            "Undoing corrections",
            lambda _: self(dataset, name, drop),
            self.describe,
            lambda: ctx.trigger("reload_dataset"),
        )

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
            return {
                "message": "the old labels were dropped",
                "next": "Audit the tracks again, to see what is left",
            }
        undone = undo_adjustment(dataset, job_name)
        return {
            **asdict(undone),
            "message": f"back again: {describe_applied(undone)}",
            "next": "Audit the tracks again: scores are those of the corrected boxes",
        }


def _kinds(ctx: ExecutionContext) -> list[str]:
    kinds = ctx.params.get("kinds")
    return list(APPLIED) if kinds is None else kinds


def _applied(dataset: fo.Dataset) -> dict[str, Review]:
    """Returns the reviews that were applied, and can be undone."""
    reviews = recorded_reviews(dataset)
    return {name: reviews[name] for name in reviews if has_old_labels(dataset, name)}


def _ask_for_loaded(
    inputs: types.Object, ctx: ExecutionContext, reviews: dict[str, Review]
) -> Review:
    if not reviews:
        raise ValueError(
            f"'{ctx.dataset.name}' has nothing of that; load adjustments, or apply "
            "them, first"
        )
    _ask_for_name(inputs, list(reviews))
    return _chosen(ctx, reviews)


def _ask_for_name(inputs: types.Object, names: list[str]) -> None:
    inputs.enum(
        "job_name",
        names[::-1],
        default=names[-1],
        required=True,
        label="Job",
        description="What was sent to be corrected, the latest first",
    )


def _chosen_name(names: list[str], chosen: str | None) -> str:
    """Returns the name that is chosen, the latest where that is none of them."""
    return chosen if chosen in names else names[-1]


def _chosen(ctx: ExecutionContext, reviews: dict[str, Review]) -> Review:
    return reviews[_chosen_name(list(reviews), ctx.params.get("job_name"))]


def _choices(review: Review) -> types.Choices:
    choices = types.DropdownView(multiple=True)
    for kind in CHANGES:
        if kind in review.changes:
            choices.add_choice(kind, label=f"{kind} ({review.changes[kind]:,})")
    return choices
