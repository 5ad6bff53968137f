# SPDX-License-Identifier: Apache-2.0
"""Turn values as the database holds them into typed columns.

MongoDB stores whatever it is given, so a track id may be text and a box may have two
numbers. Such values become null.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_NO_BOX = [math.nan] * 4


def whole_numbers(values: Sequence[int | None]) -> pd.Series[int]:
    """Return whole numbers as an ``Int64`` column.

    Args:
        values: the values; null, and whatever is no whole number, becomes null

    Returns:
        the column
    """
    try:
        column = pd.array(list(values), dtype="Int64")
    except (TypeError, ValueError, OverflowError):
        column = pd.array(list(map(_whole, values)), dtype="Int64")
    return pd.Series(column)


def _whole(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    number = float(value)
    return int(number) if number.is_integer() and abs(number) < 2**62 else None


def identities(values: Sequence[object]) -> pd.Series[Any]:
    """Return what tells objects apart as a column of values that can be compared.

    Args:
        values: IDs, numbers or texts; lists and objects become null

    Returns:
        the column
    """
    if any(isinstance(value, list | dict) for value in values):
        values = [None if isinstance(v, list | dict) else v for v in values]
    return pd.Series(list(values), dtype=object)


def class_names(values: Sequence[str | None]) -> pd.Series[str]:
    """Return class names as a category.

    Args:
        values: the labels; whatever is no text becomes null

    Returns:
        the column
    """
    if pd.api.types.infer_dtype(values, skipna=True) not in ("string", "empty"):
        values = [value if isinstance(value, str) else None for value in values]
    return pd.Series(pd.Categorical(list(values)))


def boxes(values: Sequence[list[float] | None]) -> NDArray[np.float64]:
    """Return bounding boxes as an array.

    Args:
        values: the boxes, each a list of four numbers; anything else becomes NaN

    Returns:
        array ``(n, 4)``
    """
    found = [value or _NO_BOX for value in values]
    try:
        if set(map(len, found)) <= {4}:
            return np.array(found, np.float64).reshape(-1, 4)
    except (TypeError, ValueError, OverflowError):
        pass  # Some box holds other things than numbers
    return np.array(list(map(_box, found)), np.float64).reshape(-1, 4)


def _box(value: object) -> list[float]:
    fits = isinstance(value, list) and len(value) == 4
    numbers = value if fits and isinstance(value, list) else []
    fits = fits and all(isinstance(each, Real) for each in numbers)
    return list(map(float, numbers)) if fits else _NO_BOX
