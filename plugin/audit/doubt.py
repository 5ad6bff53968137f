# SPDX-License-Identifier: Apache-2.0
"""Boxes that are more often a little wrong than others, although nothing shows it.

When people label a video again, most of what they correct is no glitch but whole
stretches of slightly wrong boxes: interpolated, hidden, small and far away. Each
such circumstance says little, and in each video another one counts, so none is
weighed more than the others.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from .boxes import Floats
from .findings import runs
from .motion import midpoint_residual
from .perspective import perspective_signals
from .scene import Scene

#: Pixels by which rounding makes a straight line look bent, at most.
_ROUNDING = 0.51


def doubt(scene: Scene) -> Floats:
    """Ranks boxes by how doubtful their circumstances are.

    Five circumstances: the length of the exactly straight stretch that holds the
    box (no side departs by more than half a pixel from the middle of its
    neighbours: it was interpolated), the departure from the perspective, the
    smallness of the box, how much of it is hidden, and the shortness of its track.
    Each is turned into the share of the sequence's boxes that are at least as far
    out, and these are combined by Fisher's method: the sum of minus their logarithms.

    Args:
        scene: the scene

    Returns:
        array ``(n,)`` in (0, 1], the rank of that sum; of boxes in equal
        circumstances the mean
    """
    count = len(scene.boxes)
    if not count:
        return np.zeros(0)
    departure = np.abs(perspective_signals(scene)["perspective"])
    lengths = scene.last - scene.first + 1
    circumstances = [
        straight_stretch(scene),
        np.nan_to_num(departure),
        -np.nan_to_num(scene.scale),
        scene.occlusion,
        -lengths[scene.track],
    ]
    rarity = sum(
        -np.log(1 - (rankdata(values) - 0.5) / count) for values in circumstances
    )
    result: Floats = rankdata(rarity) / count
    return result


def straight_stretch(scene: Scene) -> Floats:
    """Measures the straight stretch of its track that each box lies in.

    Args:
        scene: the scene

    Returns:
        array ``(n,)``: the number of boxes of the stretch whose sides lie in the
        middle of those before and after, up to rounding; 0 outside
    """
    begin = scene.boxes[:, :2]
    sides = np.concatenate([begin, begin + scene.boxes[:, 2:]], axis=1)
    departure = np.abs(midpoint_residual(sides, scene.neighbours, 1)).max(axis=1)
    first, last = runs(departure <= _ROUNDING, scene.track)
    result = np.zeros(len(sides))
    length = last - first + 1
    rows = np.repeat(first - np.cumsum(length) + length, length)
    result[rows + np.arange(len(rows))] = np.repeat(length, length)
    return result
