# SPDX-License-Identifier: Apache-2.0
"""Rows of tables: which are a track's, and rows as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

#: The rows of each track, in the order of its frames, by sequence and track.
TrackRows: TypeAlias = Mapping[tuple[str, int], NDArray[np.intp]]


def find_rows(table: pd.DataFrame) -> TrackRows:
    """Finds the rows of each track.

    Args:
        table: a tracks table

    Returns:
        the row numbers by sequence and track
    """
    tracks = table.groupby(["sequence", "track"], observed=True)
    indices: Any = tracks.indices
    rows: TrackRows = indices
    return rows


def to_records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Returns the rows of a table as plain values.

    Args:
        table: a table

    Returns:
        a dict per row, None where there is no value
    """
    plain = table.astype(object)
    records: Any = plain.where(table.notna(), None).to_dict("records")
    return list(records)
