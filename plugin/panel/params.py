# SPDX-License-Identifier: Apache-2.0
"""Read the parameters that the panel's component sends.

Each function raises a ValueError that names the parameter and what was expected.
"""

from __future__ import annotations

import math
from typing import Any

from bson import ObjectId

from ..audit.rolling import WINDOW, Window
from ..plain import Json
from .listing import Filters

#: The greatest number that the database accepts for a frame.
_GREATEST = 2**31 - 1


def read_text(params: Json, name: str) -> str:
    """Read a string."""
    value = params.get(name)
    if not isinstance(value, str):
        raise ValueError(f"expected a string as '{name}', not {value!r}")
    return value


def read_texts(params: Json, name: str) -> list[str]:
    """Read a list of strings, empty if there is none."""
    values = params.get(name) or []
    if not (isinstance(values, list) and all(isinstance(each, str) for each in values)):
        raise ValueError(f"expected a list of strings as '{name}', not {values!r}")
    return values


def read_ids(params: Json) -> list[str]:
    """Read the IDs of issues."""
    return [check_id(each) for each in read_texts(params, "ids")]


def check_id(value: str) -> str:
    """Return an ID if it is one of the database's."""
    if not ObjectId.is_valid(value):
        raise ValueError(f"{value!r} is not an ID")
    return value


def read_whole(
    params: Json, name: str, default: int | None = None, least: int = 0
) -> int:
    """Read a whole number."""
    value: Any = params.get(name, default)
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if is_whole and least <= value <= _GREATEST:
        return int(value)
    expected = f"expected a whole number from {least} to {_GREATEST} as '{name}'"
    raise ValueError(f"{expected}, not {value!r}")


def read_known(params: Json) -> dict[str, str | None]:
    """Read the decisions that are known, by the ID of the issue."""
    known = params.get("known") or {}
    if not isinstance(known, dict):
        raise ValueError(f"expected an object as 'known', not {known!r}")
    return {check_id(issue): decision for issue, decision in known.items()}


def read_window(params: Json) -> Window:
    """Read the labeled frames of the rolling means in plots."""
    frames = read_whole(params, "window", WINDOW.frames, least=1)
    return Window(frames, centered=not params.get("trailing"))


def read_number(params: Json, name: str, default: float) -> float:
    """Read a positive number."""
    value = params.get(name) or default
    if not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise ValueError(f"expected a positive number as '{name}', not {value!r}")
    return value


def read_filters(params: Json) -> Filters:
    """Read the filters of the list."""
    score = params.get("least_score") or 0.0
    if not isinstance(score, (int, float)) or not -math.inf < score < math.inf:
        raise ValueError(f"expected a number as 'least_score', not {score!r}")
    return Filters(
        kinds=read_texts(params, "kinds"),
        sequence=read_text(params, "sequence") if params.get("sequence") else None,
        track=None if params.get("track") is None else read_whole(params, "track"),
        least_score=score,
        decision=read_text(params, "decision") if params.get("decision") else None,
    )
