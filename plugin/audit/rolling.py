# SPDX-License-Identifier: Apache-2.0
"""How far each box departs from the rolling mean of its track."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers.tracks import BOX
from .boxes import Floats
from .neighbors import Neighbors
from .signals import box_array


@dataclass(frozen=True)
class Window:
    """The labeled frames that a rolling mean is taken over.

    Attributes:
        frames (11): their number
        centered (True): whether they lie around the box, rather than end with it

    Raises:
        ValueError: if the number is below 1
    """

    frames: int = 11
    centered: bool = True

    def __post_init__(self) -> None:
        """Check the number."""
        if self.frames < 1:
            message = f"expected a window of 1 frame or more, not {self.frames}"
            raise ValueError(message)

    @property
    def reach(self) -> tuple[int, int]:
        """The number of frames before and after that of the box."""
        after = (self.frames - 1) // 2 if self.centered else 0
        return self.frames - 1 - after, after


#: The window of the deviations that an audit stores.
WINDOW = Window()


def rolling_signals(
    table: pd.DataFrame, neighbors: Neighbors, window: Window = WINDOW
) -> dict[str, Floats]:
    """Compute the deviation of boxes from the rolling mean of their track.

    With ``t`` the time in labeled frames, and ``b`` and ``a`` what the window reaches
    before and after a box, the mean at box ``i`` is taken over the boxes ``j`` of its
    track with ``-b <= t_j - t_i <= a``, including box ``i``::

        deviation_i = x_i - mean(x_j)

    Args:
        table: a tracks table of ``n`` rows
        neighbors: the neighbors of its rows
        window (WINDOW): the frames of the mean

    Returns:
        ``left_deviation``, ``top_deviation``, ``width_deviation`` and
        ``height_deviation``, arrays ``(n,)`` in pixels; NaN for a box alone in its
        window
    """
    boxes = box_array(table)
    known = ~np.isnan(boxes)
    # All tracks on one axis, further apart than a window reaches
    apart = np.ptp(neighbors.time) + 2 * window.frames if len(table) else 0
    time = neighbors.start * apart + neighbors.time
    reach_before, reach_after = window.reach
    first = np.searchsorted(time, time - reach_before, "left")
    end = np.searchsorted(time, time + reach_after, "right")
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
