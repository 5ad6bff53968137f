# SPDX-License-Identifier: Apache-2.0
"""Build inputs and outputs that several operators share."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, ClassVar

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ...importers import store
from ..plain import count
from ..review.audit_records import describe_unfinished
from ..review.deciding import count_decided
from ..review.decisions import DISMISSED
from ..review.issue_frames import frames_of_issues
from ..sending.chosen_frames import FramesToSend, dismissed_text, select_to_send

#: The configuration of operators that take long, which show their progress.
LONG = {"execute_as_generator": True, "allow_delegated_execution": True}
#: The default number of context frames before and after each frame.
CONTEXT = 2
#: The errors that a form shows: invalid values, paths that cannot be used, and errors
#: of AWS.
_TOLD = (ValueError, OSError, RuntimeError)


class TrackOperator(foo.Operator):  # type: ignore[misc]
    """Base class of the operators, which shows errors of a form in the form.

    Attributes:
        about: the operator's configuration, see ``OperatorConfig``
        outputs: the labels of the results that are shown, by key
        needs_dataset: whether the operator works on the open dataset
    """

    about: ClassVar[Mapping[str, object]]
    outputs: ClassVar[Mapping[str, str]] = {
        "message": "Result",
        "notes": "Please note",
        "next": "What next",
    }
    needs_dataset: ClassVar[bool] = True

    @property
    def config(self) -> foo.OperatorConfig:
        """The operator's configuration."""
        return foo.OperatorConfig(dynamic=True, **self.about)

    def resolve_input(self, ctx: ExecutionContext) -> types.Property:
        """Build the form, or show why there is none."""
        inputs = types.Object()
        try:
            if self.needs_dataset and ctx.dataset is None:
                raise ValueError("no dataset is open; open one, or import sequences")
            if self.config.view_target and ctx.params.get("issues") is None:
                ctx.target_view()  # FiftyOne only offers the choice if this is called
            self.build_form(ctx, inputs)
            if not mark_wrong_values(inputs, ctx.params):
                self.preview(ctx, inputs)
        except _TOLD as error:
            add_error(inputs, str(error))
        return types.Property(inputs, view=types.View(label=self.config.label))

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Add the inputs; an exception becomes an error in the form."""
        raise NotImplementedError("subclass must implement build_form()")

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Describe what will happen, if all values are valid.

        An exception becomes an error in the form.
        """

    def resolve_output(self, ctx: ExecutionContext) -> types.Property:
        """Show the results."""
        return self.describe(ctx.results)

    def describe(self, results: dict[str, Any]) -> types.Property:
        """Declare the outputs that have a value."""
        shown = types.Object()
        for name, label in self.outputs.items():
            if results.get(name) not in (None, ""):
                shown.str(name, label=label)
        return types.Property(shown, view=types.View(label=self.config.label))


def add_label_field(ctx: ExecutionContext, inputs: types.Object) -> str:
    """Add an input for the label field, if there are several.

    Raises:
        ValueError: if the dataset has no tracks
    """
    fields = store.label_fields(ctx.dataset)
    if not fields:
        raise ValueError(
            f"'{ctx.dataset.name}' has no frame field of detections; import "
            "sequences first"
        )
    chosen = ctx.params.get("label_field")
    if len(fields) > 1:
        default = "ground_truth" if "ground_truth" in fields else fields[0]
        inputs.enum(
            "label_field",
            fields,
            default=default,
            label="Label field",
            description="The frame field that holds the tracks",
        )
        # A wrong value is marked at the input
        chosen = chosen if chosen in fields else default
    return store.find_label_field(ctx.dataset, str(chosen) if chosen else None)


def add_frames_to_send(ctx: ExecutionContext, inputs: types.Object) -> None:
    """Ask which frames to send; :func:`frames_to_send` has the answers."""
    if ctx.params.get("issues") is not None:
        # The panel has set the issues, which are not shown but stay among the values
        inputs.list("issues", types.String(), view=types.HiddenView())
        if isinstance(ctx.params["issues"], list):
            issues = count(len(ctx.params["issues"]), "issue")
            add_notice(
                inputs, "of_issues", f"The frames of {issues} from the panel's list"
            )
    elif ctx.current_sample:
        inputs.bool(
            "open_sample",
            default=True,
            label="Only the open sample",
            description="Send only frames of the open video or clip",
        )
    inputs.int(
        "context",
        default=CONTEXT,
        min=0,
        label="Context frames",
        description="Number of labeled frames to add before and after each frame",
    )
    inputs.bool(
        "only_tracks",
        default=False,
        label="Only the tracks in question",
        description="Send only the tracks that issues are about, instead of all tracks",
    )
    field = store.find_label_field(ctx.dataset, ctx.params.get("label_field"))
    dismissed = count_decided(ctx.dataset, field, DISMISSED)
    if dismissed and ctx.params.get("issues") is None:
        inputs.bool(
            "include_dismissed",
            default=False,
            label="Include dismissed issues",
            description=(
                f"Also send frames that have only dismissed issues "
                f"({count(dismissed, 'dismissed issue')})"
            ),
        )


def frames_to_send(ctx: ExecutionContext) -> FramesToSend:
    """Return which frames the form of :func:`add_frames_to_send` chooses."""
    label_field, selected_labels = ctx.params.get("label_field"), ctx.selected_labels
    if ctx.params.get("issues") is not None:
        field = store.find_label_field(ctx.dataset, label_field)
        frames = frames_of_issues(ctx.dataset, field, ctx.params["issues"])
        view, selected_labels = ctx.dataset.view(), frames.to_dict("records")
    elif ctx.current_sample and ctx.params.get("open_sample", True):
        view = ctx.view.select(ctx.current_sample)
    elif ctx.selected and not ctx.request_params.get("view_target"):
        view = ctx.view.select(ctx.selected)
    else:
        view = ctx.target_view()
    context = ctx.params.get("context")
    return FramesToSend(
        view,
        label_field,
        CONTEXT if context is None else context,
        selected_labels,
        include_dismissed=bool(ctx.params.get("include_dismissed")),
        only_tracks=bool(ctx.params.get("only_tracks")),
        issues=ctx.params.get("issues"),
    )


def preview_frames(ctx: ExecutionContext, inputs: types.Object, done: str) -> None:
    """Show how many frames the form chooses, and how many it leaves out.

    Args:
        ctx: the context
        inputs: the inputs to add the text to
        done: what will be done to the frames, such as "copied to the folder."
    """
    selection = select_to_send(frames_to_send(ctx))
    frames = count(len(selection.frames), "frame")
    sequences = count(len(selection.numbers), "sequence")
    add_notice(inputs, "preview", f"{frames} of {sequences} will be {done}")
    if selection.left_out:
        add_warning(inputs, "left_out", dismissed_text(selection.left_out))


def author(ctx: ExecutionContext) -> str | None:
    """Return who is signed in to the App, if known."""
    return (ctx.user.name or ctx.user.email) if ctx.user else None


def is_audited(dataset: fo.Dataset, field: str) -> bool:
    """Return whether the tracks of a field were audited."""
    return "outlier_score" in store.own_attributes(dataset, field)


def has_tracks(ctx: ExecutionContext) -> bool:
    """Return whether the open dataset has tracks, and so gets buttons."""
    dataset = ctx.dataset
    if dataset is None:
        return False
    frames = store.are_videos(dataset)
    frames = frames or (store.are_images(dataset) and store.has_order(dataset))
    return frames and bool(store.label_fields(dataset))


def button(
    operator: foo.Operator, ctx: ExecutionContext, of_sample: bool = False
) -> types.Placement:
    """Make an operator's button above the grid.

    Args:
        operator: the operator
        ctx: the execution context
        of_sample (False): whether the button is among the actions of a sample while
            one is open
    """
    config = operator.config
    look = types.Button(
        label=config.label,
        icon=config.icon,
        lightIcon=config.light_icon,
        darkIcon=config.dark_icon,
        prompt=True,
    )
    in_sample = of_sample and ctx.current_sample
    places = types.Places
    place = (
        places.SAMPLES_VIEWER_ACTIONS
        if in_sample
        else places.SAMPLES_GRID_SECONDARY_ACTIONS
    )
    return types.Placement(place, look)


def mark_wrong_values(inputs: types.Object, params: Mapping[str, Any]) -> bool:
    """Mark inputs whose values have the wrong type or are out of range.

    FiftyOne only checks values when an operator is executed, does not say what it
    expects, and accepts fractions for integers.

    Args:
        inputs: the form
        params: the values, by the names of the inputs

    Returns:
        whether there are any such inputs
    """
    problems = {
        name: _problem(entry, params[name])
        for name, entry in inputs.properties.items()
        if params.get(name) is not None
    }
    for name, problem in problems.items():
        if problem:
            inputs.properties[name].invalid = True
            inputs.properties[name].error_message = problem
    return any(problems.values())


def _problem(entry: types.Property, value: object) -> str | None:
    """Return what an input expects instead of a value, or None if the value fits."""
    kind = entry.type
    if isinstance(kind, types.Enum):
        expected, fits = f"one of {', '.join(kind.values)}", value in kind.values
    elif isinstance(kind, types.List) and not isinstance(entry.view, types.Choices):
        expected = "a list of texts"
        fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
    elif isinstance(kind, types.List):
        offered = entry.view.values()
        expected = f"some of {', '.join(offered)}"
        fits = isinstance(value, list) and all(item in offered for item in value)
    elif isinstance(kind, types.Number):
        expected = "a whole number" if kind.int else "a number"
        expected += "" if kind.min is None else f" of {kind.min} or more"
        expected += "" if kind.max is None else f", {kind.max} at most"
        fits = _is_number(value, kind)
    elif isinstance(kind, types.String):
        expected, fits = "a text", isinstance(value, str)
    elif isinstance(kind, types.Boolean):
        expected, fits = "true or false", isinstance(value, bool)
    else:
        return None
    return None if fits else f"expected {expected}, not {value!r}"


def _is_number(value: object, kind: types.Number) -> bool:
    if isinstance(value, bool) or not isinstance(
        value, int if kind.int else (int, float)
    ):
        return False
    least = -math.inf if kind.min is None else kind.min
    most = math.inf if kind.max is None else kind.max
    return bool(least <= value <= most)


def add_error(inputs: types.Object, message: str) -> None:
    """Add a message that keeps the form from being submitted.

    Args:
        inputs: the form
        message: what is wrong, and what to do
    """
    error = inputs.str("error", view=types.Error(label=plain(message)))
    error.invalid = True
    error.error_message = message


def add_notice(inputs: types.Object, name: str, message: str) -> None:
    """Add a message that says what will happen."""
    inputs.view(name, types.Notice(label=plain(message)))


def add_warning(inputs: types.Object, name: str, message: str) -> None:
    """Add a warning."""
    inputs.view(name, types.Warning(label=plain(message)))


def warn_unfinished(ctx: ExecutionContext, inputs: types.Object, field: str) -> None:
    """Add a warning if the last audit of a label field has not finished."""
    unfinished = describe_unfinished(ctx.dataset, field)
    if unfinished:
        add_warning(inputs, "unfinished", unfinished)


def plain(text: str) -> str:
    """Keep the App from reading the text of a message as Markdown.

    Args:
        text: the text, such as a path with underscores
    """
    return re.sub(r"([\\`*_~\[\]<>|])", r"\\\1", text)
