# SPDX-License-Identifier: Apache-2.0
"""The rules of a labeling project, which decide what is a mistake in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

#: What becomes of boxes at the image border.
Border: TypeAlias = Literal["any", "cut", "beyond"]
#: The keys that TOML takes without quotes.
_BARE = re.compile(r"[A-Za-z0-9_-]+")
BORDERS: tuple[Border, ...] = ("any", "cut", "beyond")


@dataclass(frozen=True)
class Rules:
    """The rules of a labeling project. By default, they permit everything.

    Attributes:
        hidden_drawn (True): whether objects are drawn while others hide them. If not,
            gaps within tracks and ends of tracks at an occlusion are no mistakes
        border ("any"): whether boxes at the image border are ``cut`` there, go
            ``beyond`` it with the object, or ``any``
        keyframe_step (None): the largest number of frames from one keyframe of a
            track to the next, for labels that tell their keyframes
        class_changes (False): whether the class may change within a track. If so,
            changes are no mistakes
        classes (()): the classes that are allowed, by default any
        attributes ({}): the values that are allowed, by the name of the attribute,
            such as ``{"color": ("red", "blue")}``. True and False are ``true`` and
            ``false``. Boxes without the attribute are allowed, too
        constant (()): the attributes that keep their value over a track
        visible_part (False): whether boxes show only the visible part of an object,
            rather than all of it. If so, boxes that shrink or grow at an occlusion are
            no mistakes
        reasons ({}): what proposed rules rest on, by the name of the setting, see
            :func:`propose_rules`

    Raises:
        ValueError: if ``border`` or ``keyframe_step`` is none of these

    Example:
        >>> rules = fta.Rules(hidden_drawn=False, classes=("car", "person"))
        >>> audit = fta.audit_tracks(fta.read_mot("street"), rules=rules)
    """

    hidden_drawn: bool = True
    border: Border = "any"
    keyframe_step: int | None = None
    class_changes: bool = False
    classes: tuple[str, ...] = ()
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    constant: tuple[str, ...] = ()
    visible_part: bool = False
    reasons: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        """Check the values."""
        if self.border not in BORDERS:
            raise ValueError(
                f"expected border to be one of {', '.join(BORDERS)}, "
                f"not {self.border!r}"
            )
        if self.keyframe_step is not None and self.keyframe_step < 1:
            raise ValueError(
                f"expected keyframe_step to be 1 or more, not {self.keyframe_step}"
            )

    def columns(self) -> tuple[str, ...]:
        """Return the columns of a tracks table that the rules look at."""
        names = [*self.attributes, *self.constant]
        return tuple(
            dict.fromkeys([*names, *(["keyframe"] if self.keyframe_step else [])])
        )


#: The names of the settings, in their order.
SETTINGS = tuple(each.name for each in fields(Rules) if each.name != "reasons")


def rules_to_dict(rules: Rules) -> dict[str, object]:
    """Return the settings by name, as JSON types.

    Args:
        rules: the rules

    Returns:
        what :func:`rules_from_dict` takes
    """
    values = asdict(rules)
    values["attributes"] = {
        name: list(allowed) for name, allowed in rules.attributes.items()
    }
    kept = {name: values[name] for name in SETTINGS}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in kept.items()
    }


def rules_from_dict(content: Mapping[str, object]) -> Rules:
    """Make rules of settings that were read from a file or a dataset.

    Args:
        content: the settings by name, as JSON types; others have their default

    Returns:
        the :class:`Rules`

    Raises:
        ValueError: if a setting is unknown, or its value is of the wrong type
    """
    unknown = [name for name in content if name not in SETTINGS]
    if unknown:
        raise ValueError(
            f"unknown setting {unknown[0]!r}; expected some of {', '.join(SETTINGS)}"
        )
    values: dict[str, object] = {}
    for name, value in content.items():
        fits, expected = _EXPECTED[name]
        if not fits(value):
            raise ValueError(f"expected {name} to be {expected}, not {value!r}")
        values[name] = _freeze(value)
    return Rules(**values)  # type: ignore[arg-type]


def _is_list(value: object) -> bool:
    scalar = (str, bool, int, float)
    return isinstance(value, list | tuple) and all(
        isinstance(item, scalar) for item in value
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


#: What each setting must be in a file, and how that is said.
_EXPECTED: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "hidden_drawn": (lambda value: isinstance(value, bool), "true or false"),
    "border": (lambda value: value in BORDERS, f"one of {', '.join(BORDERS)}"),
    "keyframe_step": (
        lambda value: value is None or _is_number(value),
        "a number of frames",
    ),
    "class_changes": (lambda value: isinstance(value, bool), "true or false"),
    "classes": (_is_list, "a list of classes"),
    "attributes": (
        lambda value: isinstance(value, dict) and all(map(_is_list, value.values())),
        "a list of values for each attribute",
    ),
    "constant": (_is_list, "a list of attributes"),
    "visible_part": (lambda value: isinstance(value, bool), "true or false"),
}


def _freeze(value: object) -> object:
    """Return a value with tuples of texts in place of lists."""
    if isinstance(value, dict):
        return {name: _freeze(allowed) for name, allowed in value.items()}
    if isinstance(value, list | tuple):
        return tuple(map(value_text, value))
    return value


def rules_to_toml(rules: Rules) -> str:
    """Write rules as TOML, with the reason of each setting as a comment above it.

    Args:
        rules: the rules

    Returns:
        the text of the file, which ends with a newline
    """
    values = rules_to_dict(rules)
    parts = []
    for name in SETTINGS:
        if name == "attributes":
            continue
        value = values[name]
        # TOML has no null: what is not set is a comment
        line = f"# {name} =" if value is None else f"{name} = {_toml(value)}"
        parts.append(_comment(rules, name) + line)
    lines = [
        f"{name if _BARE.fullmatch(name) else _toml(name)} = {_toml(list(allowed))}"
        for name, allowed in rules.attributes.items()
    ]
    # A table comes last, as it has all lines that follow
    parts.append("\n".join([_comment(rules, "attributes") + "[attributes]", *lines]))
    return "\n\n".join(parts) + "\n"


def _toml(value: object) -> str:
    """Return a value in TOML, which shares JSON's spelling of these types."""
    return json.dumps(value, ensure_ascii=False)


def _comment(rules: Rules, name: str) -> str:
    reason = " ".join(rules.reasons.get(name, "").split())
    return f"# {reason}\n" if reason else ""


def value_text(value: object) -> str:
    """Return the value of an attribute as rules spell it.

    Args:
        value: the value, such as ``True`` or ``2.0``

    Returns:
        the text, such as ``true`` or ``2``
    """
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)


def attribute_codes(values: pd.Series[Any]) -> tuple[NDArray[np.intp], list[str]]:
    """Number the values of an attribute.

    Args:
        values: the column of ``n`` boxes

    Returns:
        a tuple of int array ``(n,)``, -1 for boxes without the attribute, and the
        texts of the values, which are numbered in this order
    """
    try:
        codes, known = pd.factorize(values)
    except TypeError:
        # Lists of values
        codes, known = pd.factorize(values.astype(str).where(values.notna()))
    # Values that differ in type alone are the same, and an empty text is no value
    texts = np.array(["", *map(value_text, known)], object)
    names, place = np.unique(texts, return_inverse=True)
    return place[codes + 1] - 1, [str(name) for name in names[1:]]
