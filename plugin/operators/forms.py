# SPDX-License-Identifier: Apache-2.0
"""Inputs and outputs that several operators share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import fiftyone.operators as foo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ...importers import store


class TrackOperator(foo.Operator):  # type: ignore[misc]
    """Base of the operators: errors in a form are shown in the form.

    Attributes:
        outputs: the label of each result that is shown, by its key
    """

    outputs: ClassVar[Mapping[str, str]]

    def resolve_input(self, ctx: ExecutionContext) -> types.Property:
        """Builds the form, or says why there is none."""
        inputs = types.Object()
        try:
            self.build_form(ctx, inputs)
        except ValueError as error:
            add_error(inputs, str(error))
        return types.Property(inputs, view=types.View(label=self.config.label))

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Adds the inputs; a ValueError becomes an error in the form."""
        raise NotImplementedError("subclass must implement build_form()")

    def resolve_output(self, ctx: ExecutionContext) -> types.Property:
        """Shows the results."""
        return self.describe(ctx.results)

    def describe(self, results: dict[str, Any]) -> types.Property:
        """Declares those of the outputs that there is something to show for.

        Args:
            results: what the operator returned

        Returns:
            a :class:`fiftyone.operators.types.Property`
        """
        shown = types.Object()
        for name, label in self.outputs.items():
            if results.get(name) not in (None, ""):
                shown.str(name, label=label)
        return types.Property(shown, view=types.View(label=self.config.label))


def add_label_field(ctx: ExecutionContext, inputs: types.Object) -> str:
    """Adds a choice of the label field, where there is more than one.

    Args:
        ctx: the execution context
        inputs: the form

    Returns:
        the label field that is chosen

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
        chosen = chosen or default
    return store.find_label_field(ctx.dataset, chosen)


def add_error(inputs: types.Object, message: str) -> None:
    """Adds a message that keeps the form from being submitted.

    Args:
        inputs: the form
        message: what is wrong, and what to do
    """
    error = inputs.str("error", view=types.Error(label=plain(message)))
    error.invalid = True
    error.error_message = message


def add_notice(inputs: types.Object, name: str, message: str) -> None:
    """Adds a message that says what will happen.

    Args:
        inputs: the form
        name: the message's name in the form
        message: the message
    """
    inputs.view(name, types.Notice(label=plain(message)))


def add_warning(inputs: types.Object, name: str, message: str) -> None:
    """Adds a warning.

    Args:
        inputs: the form
        name: the warning's name in the form
        message: the message
    """
    inputs.view(name, types.Warning(label=plain(message)))


def plain(text: str) -> str:
    """Keeps the App from reading the text of a message as Markdown.

    Args:
        text: the text, such as a path with underscores

    Returns:
        the text as Markdown
    """
    return re.sub(r"([\\`*_~\[\]<>|])", r"\\\1", text)
