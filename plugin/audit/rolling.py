# SPDX-License-Identifier: Apache-2.0
"""How far each box departs from the rolling mean of its track."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers.tracks import BOX
from .boxes import Floats
from .neighbors import Neighbors
from .signals import box_array

#: Labeled frames on either side of a box that its rolling mean includes.
HALF_WINDOW = 5


def rolling_signals(
    table: pd.DataFrame, neighbors: Neighbors, half_window: int = HALF_WINDOW
) -> dict[str, Floats]:
    """Compute the deviation of boxes from the centered rolling mean of their track.

    With ``t`` the time in labeled frames and ``h`` the half window, the mean at box
    ``i`` is taken over the boxes ``j`` of its track with ``|t_j - t_i| <= h``,
    including box ``i``::

        deviation_i = x_i - mean(x_j)

    Args:
        table: a tracks table of ``n`` rows
        neighbors: the neighbors of its rows
        half_window (5): labeled frames on either side, at least 1

    Returns:
        ``left_deviation``, ``top_deviation``, ``width_deviation`` and
        ``height_deviation``, arrays ``(n,)`` in pixels; NaN for a box alone in its
        window
    """
    boxes = box_array(table)
    known = ~np.isnan(boxes)
    # All tracks on one axis, further apart than a window reaches
    apart = np.ptp(neighbors.time) + 2 * half_window if len(table) else 0
    time = neighbors.start * apart + neighbors.time
    first = np.searchsorted(time, time - half_window, "left")
    end = np.searchsorted(time, time + half_window, "right")
    signals = {}
    for axis, name in enumerate(BOX):
        own = known[:, axis]
        count = _running_total(own)
        total = _running_total(np.where(own, boxes[:, axis], 0))
        count, total = count[end] - count[first], total[end] - total[first]
        mean = total / np.maximum(count, 1)
        signals[f"{name}_deviation"] = np.where(
            count > 1, boxes[:, axis] - mean, np.nan
        )
    return signals


def _running_total(values: NDArray[np.generic]) -> Floats:
    """Return the total before each row, and that of all rows, ``(n + 1,)``."""
    total: Floats = np.concatenate([[0.0], np.cumsum(values)])
    return total
