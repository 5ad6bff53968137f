# SPDX-License-Identifier: Apache-2.0
"""The rules of a labeling project in a form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ...importers import store
from ..audit.rules import BORDERS, Rules, rules_from_dict, rules_to_dict
from ..plain import Json
from ..review.audit_records import last_rules

#: The settings that the form has; the others stay as they were recorded.
_ASKED = (
    "hidden_drawn",
    "visible_part",
    "class_changes",
    "border",
    "classes",
    "attributes",
    "constant",
    "keyframe_step",
)
#: The settings that are lists.
_LISTS = ("classes", "constant")


def add_rules(ctx: ExecutionContext, inputs: types.Object, field: str) -> None:
    """Ask for the rules, with those of the last audit as defaults.

    Args:
        ctx: the execution context
        inputs: the form
        field: the label field
    """
    last = last_rules(ctx.dataset, field)
    inputs.view("rules_header", types.Header(label="Rules of the project"))
    inputs.bool(
        "hidden_drawn",
        default=last.hidden_drawn,
        label="Hidden objects are drawn",
        description="If not, gaps and ends of tracks at an occlusion are no issues",
    )
    inputs.bool(
        "visible_part",
        default=last.visible_part,
        label="Boxes show only the visible part of objects",
        description="If so, boxes that shrink or grow at an occlusion are no issues",
    )
    inputs.bool(
        "class_changes",
        default=last.class_changes,
        label="The class may change within a track",
        description="If so, tracks with boxes of several classes are no issues",
    )
    inputs.enum(
        "border",
        list(BORDERS),
        default=last.border,
        label="Boxes at the image border",
        description="Whether they are cut there, go beyond it, or any of these",
    )
    _add_lists(inputs, last)
    inputs.int(
        "keyframe_step",
        default=last.keyframe_step,
        min=1,
        label="Frames from keyframe to keyframe",
        description="The most there may be, if the labels tell their keyframes",
    )


def _add_lists(inputs: types.Object, last: Rules) -> None:
    """Ask for classes and attributes."""
    inputs.str(
        "classes",
        default=", ".join(last.classes),
        label="Allowed classes",
        description="Separated by commas; without any, all classes are allowed",
    )
    inputs.str(
        "attributes",
        default=_write_attributes(last.attributes),
        label="Allowed values of attributes",
        description="Such as 'color: red, blue; side: left, right'; attributes that "
        "are not named may have any value",
    )
    inputs.str(
        "constant",
        default=", ".join(last.constant),
        label="Attributes that stay the same over a track",
        description="Separated by commas",
    )


def asked_rules(ctx: ExecutionContext) -> Json | None:
    """Return the rules that a form or a call asks for.

    Args:
        ctx: the execution context

    Returns:
        the rules, see ``rules_from_dict()``; None if it asks for none
    """
    params = {name: ctx.params.get(name) for name in _ASKED}
    given: Json = {name: value for name, value in params.items() if value is not None}
    if not given:
        rules: Json | None = ctx.params.get("rules")
        return rules
    for name in _LISTS:
        if isinstance(text := given.get(name), str):
            given[name] = [each.strip() for each in text.split(",") if each.strip()]
    if isinstance(text := given.get("attributes"), str):
        given["attributes"] = _read_attributes(text)
    field = store.find_label_field(ctx.dataset, ctx.params.get("label_field"))
    last = last_rules(ctx.dataset, field)
    checked = rules_from_dict(given)
    return rules_to_dict(replace(last, **{n: getattr(checked, n) for n in given}))


def _write_attributes(attributes: Mapping[str, tuple[str, ...]]) -> str:
    return "; ".join(f"{name}: {', '.join(each)}" for name, each in attributes.items())


def _read_attributes(text: str) -> dict[str, list[str]]:
    """Return the allowed values by attribute of a text such as "color: red, blue"."""
    found = {}
    for part in filter(str.strip, text.split(";")):
        name, colon, values = part.partition(":")
        allowed = [each.strip() for each in values.split(",") if each.strip()]
        if not (name.strip() and colon and allowed):
            raise ValueError(
                "expected allowed values of attributes such as 'color: red, blue', not "
                f"'{part.strip()}'"
            )
        found[name.strip()] = allowed
    return found


def to_params(rules: Rules | None) -> Json | None:
    """Return rules as the operator's parameter, which can be stored."""
    return None if rules is None else rules_to_dict(rules)
