# SPDX-License-Identifier: Apache-2.0
"""Two tracks that swap their objects."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..boxes import Floats, Rows
from ..embeddings import exchange_gain
from ..findings import make_findings, pair_off
from ..scene import Scene

IDENTITY_SWITCH = "identity_switch"
#: Boxes that show how an object moves before the swap.
_OVER = 3
#: Departure from the predicted box that is not a jump, and the least that can be one.
_FLOOR, _JUMP = 0.03, 0.05
#: Gain in cosine distance that a swap of IDs must bring.
_GAIN = 0.2


def find_identity_switches(scene: Scene) -> pd.DataFrame:
    """Find pairs of overlapping tracks that fit better with their IDs swapped.

    Each track predicts its next center and log size from its boxes up to three labeled
    frames before. The departure of boxes from their predictions is the root of the
    sum of squares, in box sizes; both boxes must depart by 0.05. The strength is the
    departure as labeled minus the departure with the IDs swapped, over 0.03 plus the
    latter. The amount is the departure as labeled.

    Returns:
        the findings from both sides: the boxes before and after the swap; ``other``
        is the other track's first box after it
    """
    predicted = _predict(scene)
    rows = np.arange(len(predicted))
    jumps = _departure(scene, (rows, predicted)) > _JUMP
    jumps &= scene.neighbors.adjacent & scene.identified
    one, two = scene.overlaps.first, scene.overlaps.second
    both = jumps[one] & jumps[two]
    one, two = one[both], two[both]
    straight = _departure(scene, (one, predicted[one]), (two, predicted[two]))
    crossed = _departure(scene, (one, predicted[two]), (two, predicted[one]))
    strength = (straight - crossed) / (_FLOOR + crossed)
    findings = make_findings(
        IDENTITY_SWITCH, one, strength, one - 1, one, other=two, amount=straight
    )
    return pair_off(findings)


def find_exchanges(scene: Scene) -> pd.DataFrame:
    """Find pairs of overlapping tracks that look better with their IDs swapped.

    The strength is the :func:`exchange_gain` over 0.2, which no pair of correct tracks
    reaches; weaker findings are left out. The amount is the gain.

    Returns:
        the findings from both sides, as of :func:`find_identity_switches`
    """
    one, two = scene.overlaps.first, scene.overlaps.second
    gain = np.nan_to_num(exchange_gain(scene.embeddings, scene.neighbors, one, two))
    clear = gain > _GAIN
    one, two, gain = one[clear], two[clear], gain[clear]
    findings = make_findings(
        IDENTITY_SWITCH, one, gain / _GAIN, one - 1, one, other=two, amount=gain
    )
    return pair_off(findings)


def _predict(scene: Scene) -> Floats:
    """Return the states that the tracks' earlier boxes predict, ``(n, 4)``."""
    rows = np.arange(len(scene.boxes))
    latest = np.maximum(rows - 1, 0)
    earlier = np.maximum(latest - _OVER, scene.neighbors.start)
    elapsed = scene.time[latest] - scene.time[earlier]
    known = (elapsed > 0) & (elapsed <= 2 * _OVER)
    way = scene.states[latest] - scene.states[earlier]
    velocity = np.where(known[:, None], way, 0) / np.where(known, elapsed, 1)[:, None]
    velocity[:, 2:] = 0
    predicted: Floats = scene.states[latest] + velocity
    return predicted


def _departure(scene: Scene, *sides: tuple[Rows, Floats]) -> Floats:
    """Return how far boxes are from predicted states, in box sizes, ``(m,)``."""
    total = np.zeros(len(sides[0][0]))
    for rows, predicted in sides:
        difference = scene.states[rows] - predicted
        difference[:, :2] /= scene.boxes[rows, 2:]
        total += (difference**2).sum(axis=1)
    return np.sqrt(total)
