# SPDX-License-Identifier: Apache-2.0
"""Plain values for people and programs: counts with nouns, tables as records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from ..importers.words import count as count

if TYPE_CHECKING:
    import pandas as pd

#: A JSON object.
Json: TypeAlias = dict[str, Any]


def to_records(table: pd.DataFrame) -> list[Json]:
    """Return the rows of a table as plain values.

    Returns:
        a dict per row; null is None
    """
    columns = {str(name): each for name, each in table.to_dict("list").items()}
    for values, missing in zip(
        columns.values(), table.isna().to_numpy().T, strict=True
    ):
        for row in missing.nonzero()[0].tolist():
            values[row] = None
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]
