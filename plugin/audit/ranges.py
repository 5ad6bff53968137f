# SPDX-License-Identifier: Apache-2.0
"""Which frames are in which ranges of frames, without comparing all pairs."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_Frames = NDArray[np.int64]


def count_ranges(places: pd.DataFrame, ranges: pd.DataFrame, by: list[str]) -> _Frames:
    """Count the ranges that contain each place.

    Args:
        places: ``frame`` of each place, and the columns ``by``
        ranges: ``first_frame`` and ``last_frame`` of each range, and the columns
            ``by``
        by: the columns that a place and a range must have in common, such as
            ``sequence``

    Returns:
        array ``(n,)``
    """
    place, first, last = _on_one_axis(places, ranges, by)
    begun = np.searchsorted(np.sort(first), place, "right")
    ended = np.searchsorted(np.sort(last), place, "left")
    return begun - ended


def are_at(
    places: pd.DataFrame, ranges: pd.DataFrame, by: list[str]
) -> NDArray[np.bool_]:
    """Return which ranges contain any place.

    Args:
        places: as of :func:`count_ranges`
        ranges: as of :func:`count_ranges`
        by: as of :func:`count_ranges`

    Returns:
        bool array ``(m,)``
    """
    place, first, last = _on_one_axis(places, ranges, by)
    place = np.sort(place)
    found: NDArray[np.bool_] = np.searchsorted(place, last, "right") > np.searchsorted(
        place, first
    )
    return found


def _on_one_axis(
    places: pd.DataFrame, ranges: pd.DataFrame, by: list[str]
) -> tuple[_Frames, _Frames, _Frames]:
    """Return places and the first and last frames of ranges on one axis.

    Each group has a part of the axis to itself.
    """
    both = pd.concat([places[by].astype(object), ranges[by].astype(object)])
    group = both.groupby(by, sort=False).ngroup().to_numpy()
    place, first, last = (
        table[name].to_numpy("int64")
        for table, name in (
            (places, "frame"),
            (ranges, "first_frame"),
            (ranges, "last_frame"),
        )
    )
    every = np.concatenate([place, first, last, [0]])
    length = np.ptp(every) + 1
    start = group[len(place) :] * length
    return group[: len(place)] * length + place, start + first, start + last
