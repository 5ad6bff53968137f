# SPDX-License-Identifier: Apache-2.0
"""Which rows of the tracks table belong to each track."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

#: The rows of each track, in the order of its frames, by sequence and track.
TrackRows: TypeAlias = Mapping[tuple[str, int], NDArray[np.intp]]


def find_rows(table: pd.DataFrame) -> TrackRows:
    """Find the rows of each track.

    Args:
        table: a tracks table

    Returns:
        the row numbers by sequence and track
    """
    tracks = table.groupby(["sequence", "track"], observed=True)
    indices: Any = tracks.indices
    rows: TrackRows = indices
    return rows
