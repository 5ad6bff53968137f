# SPDX-License-Identifier: Apache-2.0
"""How far a mistake extends around its worst box."""

from __future__ import annotations

import numpy as np

from ..boxes import Floats, Rows


def around_peaks(
    values: Floats, peaks: Rows, track: Rows, least: Floats, reach: int
) -> tuple[Rows, Rows]:
    """Find the run around each peak whose values are high, too.

    Args:
        values: array ``(n,)``
        peaks: int array ``(m,)``, rows
        track: int array ``(n,)``, the number of each row's track
        least: array ``(m,)``, the least value that belongs to each peak
        reach: the most rows to either side

    Returns:
        a tuple of the first and last rows, both ``(m,)``
    """
    ends = []
    for side in (-1, 1):
        rows = peaks[:, None] + side * np.arange(1, reach + 1)
        inside = (rows >= 0) & (rows < len(values))
        rows = np.where(inside, rows, peaks[:, None])
        inside &= track[rows] == track[peaks][:, None]
        high = inside & (values[rows] >= least[:, None])
        ends.append(peaks + side * np.cumprod(high, axis=1).sum(axis=1))
    return ends[0], ends[1]
