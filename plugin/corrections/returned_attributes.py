# SPDX-License-Identifier: Apache-2.0
"""Compare attributes that came back from a tool with those that were sent.

Tools have attributes as text, and leave out those that they do not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from ...importers.cvat_writer import attribute_text

_Column: TypeAlias = "pd.Series[Any]"
_KEYS = ["sequence", "frame", "object_id"]
_TRUTHS = {"true": True, "false": False}


def with_attributes(
    sent: pd.DataFrame, corrected: pd.DataFrame, attributes: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return both tables with the attributes that came back.

    A value that reads the same is the one that was sent, and a value that is missing
    was left as it is.

    Args:
        sent: the tracks table that was sent
        corrected: the tracks table that came back, with the same objects
        attributes: the attributes that were sent

    Returns:
        a tuple of the tables, without attributes that did not come back at all
    """
    came = [name for name in attributes if name in corrected]
    sent = sent.drop(columns=[name for name in attributes if name not in came])
    if not came:
        return sent, corrected
    before = sent[[*_KEYS, *came]].drop_duplicates(_KEYS)
    keys = corrected[_KEYS].astype({"object_id": object})
    old = keys.merge(before.astype(object), on=_KEYS, how="left")
    table = corrected.copy()
    for name in came:
        table[name] = _values(corrected[name], old[name].to_numpy(object), sent[name])
    return sent, table


def _values(values: _Column, old: np.ndarray, sent: _Column) -> _Column:
    """Return the values of an attribute with the types that they were sent with."""
    known = sent.dropna().tolist()
    new = values.astype(object).tolist()
    if known and all(isinstance(each, bool | np.bool_) for each in known):
        new = [_TRUTHS.get(str(each).lower(), each) for each in new]
    elif known and all(isinstance(each, int | float) for each in known):
        new = [_number(each) for each in new]
    same = [
        attribute_text(each) in (None, attribute_text(value))
        for each, value in zip(new, old, strict=True)
    ]
    kept = np.array(same, bool)
    made = np.empty(len(new), object)
    made[:] = new
    made[kept] = old[kept]
    return pd.Series(made, values.index, dtype=object)


def _number(value: object) -> object:
    """Return the number that a text stands for, or the text."""
    try:
        return float(str(value))
    except ValueError:
        return value
