# SPDX-License-Identifier: Apache-2.0
"""Doubt: which boxes without findings are more often slightly wrong than others.

When people label a video again, most of what they correct are not glitches but long
runs of slightly wrong boxes: interpolated, occluded, small and far away. Each such
circumstance says little, and a different one matters in each video, so all have the
same weight.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from .boxes import Floats
from .detectors.witnessed import fineness, prediction_departure
from .findings import runs
from .motion import midpoint_residual
from .perspective import perspective_signals
from .scene import Scene

#: Pixels by which rounding makes a straight line look bent, at most.
_ROUNDING = 0.51
#: The weight of a perfect witness; each circumstance has a weight of 1.
_TRUST = 2.0


def doubt(scene: Scene) -> Floats:
    """Rank boxes by how doubtful their circumstances are.

    There are five circumstances: the length of the exactly straight run that the box
    is part of (no side is more than half a pixel away from the midpoint of its
    neighbors, so it was interpolated), the deviation from the perspective, and how
    small, how occluded and how short-lived the box's track is. Each is turned into
    the share of the sequence's boxes that are at least as extreme, and these are
    combined by Fisher's method, the sum of their negative logarithms. A witness adds
    how far the boxes depart from its predictions, as much as it can be trusted.

    Args:
        scene: the scene

    Returns:
        array ``(n,)`` in (0, 1], the rank of that sum; boxes in equal circumstances
        have their mean rank
    """
    count = len(scene.boxes)
    if not count:
        return np.zeros(0)
    perspective = np.abs(scene.once(perspective_signals)["perspective"])
    lengths = scene.last - scene.first + 1
    circumstances = [
        scene.once(straight_stretch),
        np.nan_to_num(perspective),
        -np.nan_to_num(scene.scale),
        scene.occlusion,
        -lengths[scene.track],
    ]
    rarity = sum(map(_rarity, circumstances), np.zeros(count))
    if scene.witness is not None:
        departed, share = scene.once(prediction_departure)
        usual = np.nanmedian(departed) if not np.isnan(departed).all() else 0
        departed = np.where(np.isnan(departed), usual, departed)
        rarity += _TRUST * fineness(scene) * share * _rarity(departed)
    result: Floats = rankdata(rarity) / count
    return result


def _rarity(values: Floats) -> Floats:
    """Return the negative log of the share of values that are as large, ``(n,)``."""
    rarity: Floats = -np.log(1 - (rankdata(values) - 0.5) / len(values))
    return rarity


def straight_stretch(scene: Scene) -> Floats:
    """Measure the straight run that each box is part of.

    Args:
        scene: the scene

    Returns:
        array ``(n,)``: the number of boxes of the run, whose sides are all midway
        between those before and after, up to rounding; 0 for boxes outside of runs
    """
    begin = scene.boxes[:, :2]
    sides = np.concatenate([begin, begin + scene.boxes[:, 2:]], axis=1)
    departure = np.abs(midpoint_residual(sides, scene.neighbors, 1)).max(axis=1)
    first, last = runs(departure <= _ROUNDING, scene.track)
    result = np.zeros(len(sides))
    length = last - first + 1
    rows = np.repeat(first - np.cumsum(length) + length, length)
    result[rows + np.arange(len(rows))] = np.repeat(length, length)
    return result
