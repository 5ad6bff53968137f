# SPDX-License-Identifier: Apache-2.0
"""Interpolate boxes between keyframes, as annotation tools show them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from .tracks import BOX

#: The most frames from one keyframe to the next.
_LONGEST = 100_000


def interpolate(
    rows: pd.DataFrame, lasts: npt.NDArray[np.bool_], step: int = 1
) -> pd.DataFrame:
    """Fill the frames between the boxes of each track, in a straight line.

    Stretches of more than 100,000 frames, an hour of a video, are not filled: one of
    their ends is wrong.

    Args:
        rows: boxes in any order, with ``track``, ``number`` (the frame), ``left``,
            ``top``, ``width``, ``height``, ``keyframe`` and further columns
        lasts: whether each box lasts until the next one of its track, shape ``(n,)``
        step (1): frames from one labeled frame to the next

    Returns:
        the boxes by track and frame. Those that were filled in are no keyframes, and
        have the other values of the box before
    """
    order = np.lexsort((rows["number"], rows["track"]))
    rows, lasts = rows.iloc[order].reset_index(drop=True), lasts[order]
    track, number = rows["track"].to_numpy(), rows["number"].to_numpy(np.int64)
    to_next = np.append(np.diff(number), 1)
    lasts = lasts & (to_next <= _LONGEST)
    alone = ~lasts | np.append(track[1:] != track[:-1], True)[: len(rows)]
    count = np.where(alone, 1, np.maximum(to_next // step, 1))
    source = np.repeat(np.arange(len(rows)), count)
    offset = np.arange(len(source)) - np.repeat(np.cumsum(count) - count, count)
    filled = rows.iloc[source].reset_index(drop=True)
    filled["number"] = number[source] + offset * step
    filled["keyframe"] = filled["keyframe"].to_numpy() & (offset == 0)
    share = (offset * step / np.where(alone, 1, np.maximum(to_next, 1))[source])[
        :, None
    ]
    boxes = rows[BOX].to_numpy(np.float64)
    following = np.minimum(source + 1, len(rows) - 1)
    filled[BOX] = boxes[source] + (boxes[following] - boxes[source]) * share
    return filled
