# SPDX-License-Identifier: Apache-2.0
"""Tables as plain values."""

from __future__ import annotations

from typing import Any, TypeAlias

import pandas as pd

#: A JSON object.
Json: TypeAlias = dict[str, Any]


def to_records(table: pd.DataFrame) -> list[Json]:
    """Returns the rows of a table as plain values.

    Args:
        table: a table

    Returns:
        a dict per row, None where there is no value
    """
    plain = table.astype(object)
    records: Any = plain.where(table.notna(), None).to_dict("records")
    return list(records)
