# SPDX-License-Identifier: Apache-2.0
"""Tracks that swap their objects, or take over the object of another one."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..boxes import Floats, Rows
from ..embeddings import exchange_gain
from ..findings import first_of_each, make_findings, pair_off
from ..links import Links, find_pieces, link_pieces
from ..scene import Scene

IDENTITY_SWITCH = "identity_switch"
#: Boxes that show how an object moves before the swap.
_OVER = 3
#: Departure from the predicted box that is not a jump, and the least that can be one.
_FLOOR, _JUMP = 0.03, 0.05
#: Percentage of the boxes of a sequence whose departures are usual in it.
_USUAL = 75
#: Gain in cosine distance that a swap of IDs must bring.
_GAIN = 0.2
#: The odds of a swap whose strength is 1, and the power of the strength.
_ODDS, _POWER = 2.3, 1.3
#: The least probability that is reported, and the most that has odds.
_LEAST, _MOST = 0.1, 0.999
#: Boxes that a swap must be away from the ends of both tracks; nearer to one, hardly
#: anything tells where the object would have gone.
_AWAY = 3
#: Boxes on either side of a jump that must stay there to show another object, and what
#: the odds are divided by: few such jumps show one.
_LASTING, _FEW = 5, 4.0


def find_identity_switches(scene: Scene) -> pd.DataFrame:
    """Find tracks that show another object from a box on.

    Args:
        scene: the scene

    Returns:
        the findings of :func:`find_swaps` and :func:`find_takeovers`
    """
    return pd.concat([find_swaps(scene), find_takeovers(scene)], ignore_index=True)


def find_swaps(scene: Scene) -> pd.DataFrame:
    """Find pairs of overlapping tracks that fit better with their IDs swapped.

    Each track predicts its next center and log size from its boxes up to three labeled
    frames before. The departure of boxes from their predictions is the root of the
    sum of squares, in box sizes; both boxes must depart by 0.05. The strength is an
    estimate of the odds: 2.3 times the power 1.3 of the departure as labeled minus the
    departure with the IDs swapped, over what is usual in the sequence (its upper
    quartile, at least 0.03) plus the latter; a quarter of that within three boxes of
    the end of a track. The amount is the departure as labeled.

    Returns:
        the findings from both sides: the boxes before and after the swap; ``other``
        is the other track's first box after it
    """
    predicted = _predict(scene)
    rows = np.arange(len(predicted))
    departure = _departure(scene, (rows, predicted))
    adjacent = scene.neighbors.adjacent
    usual = np.percentile(departure[adjacent], _USUAL) if adjacent.any() else 0.0
    jumps = (departure > _JUMP) & adjacent & scene.identified
    one, two = scene.overlaps.first, scene.overlaps.second
    both = jumps[one] & jumps[two]
    one, two = one[both], two[both]
    straight = _departure(scene, (one, predicted[one]), (two, predicted[two]))
    crossed = _departure(scene, (one, predicted[two]), (two, predicted[one]))
    gain = np.maximum(straight - crossed, 0) / (max(usual, _FLOOR) + crossed)
    strength = _ODDS * gain**_POWER
    near = _near_end(scene, one) | _near_end(scene, two)
    strength = np.where(near, strength / _FEW, strength)
    findings = make_findings(
        IDENTITY_SWITCH, one, strength, one - 1, one, other=two, amount=straight
    )
    return pair_off(findings)


def _near_end(scene: Scene, rows: Rows) -> NDArray[np.bool_]:
    """Return which rows are within three boxes of an end of their track."""
    start, end = scene.neighbors.start[rows], scene.neighbors.end[rows]
    near: NDArray[np.bool_] = np.minimum(rows - start, end - 1 - rows) < _AWAY
    return near


def find_exchanges(scene: Scene) -> pd.DataFrame:
    """Find pairs of overlapping tracks that look better with their IDs swapped.

    The strength is 2.3 times the power 1.3 of the :func:`exchange_gain` over 0.2, which
    no pair of correct tracks reaches; weaker findings are left out. The amount is the
    gain.

    Returns:
        the findings from both sides, as of :func:`find_swaps`
    """
    one, two = scene.overlaps.first, scene.overlaps.second
    gain = np.nan_to_num(exchange_gain(scene.embeddings, scene.neighbors, one, two))
    clear = gain > _GAIN
    one, two, gain = one[clear], two[clear], gain[clear]
    strength = _ODDS * (gain / _GAIN) ** _POWER
    findings = make_findings(
        IDENTITY_SWITCH, one, strength, one - 1, one, other=two, amount=gain
    )
    return pair_off(findings)


def find_takeovers(scene: Scene) -> pd.DataFrame:
    """Find tracks that jump to the object of another track, or to one of their own.

    Tracks are cut where they jump, and the pieces are linked again: a piece that goes
    on in another track was handed over, and a piece of five boxes and more that goes
    on nowhere shows another object than the track before. The strength is the odds of
    that, see :func:`link_pieces`; of pieces that go on nowhere, a quarter of them. The
    amount is the probability.

    Args:
        scene: the scene

    Returns:
        the findings: the first box of the later piece; ``other`` is the last box of the
        earlier one, if it is of another track, which has a ``chance``
    """
    pieces = find_pieces(scene)
    if len(pieces.first) == len(scene.first):
        return make_findings(IDENTITY_SWITCH, pieces.first[:0], np.empty(0))
    links = link_pieces(scene, pieces)
    best = links.likeliest(_LEAST)
    for rows in (links.end, links.begin):
        best = best[first_of_each(rows[best])]
    end, begin = links.end[best], links.begin[best]
    inside = scene.track[end] == scene.track[begin]
    whole = np.isin(end, scene.last) & np.isin(begin, scene.first)
    moved = ~inside & ~whole
    end, begin, known = end[moved], begin[moved], links.chance[best[moved]]
    chance = known.clip(max=_MOST)
    takeovers = make_findings(
        IDENTITY_SWITCH, begin, chance / (1 - chance), other=end, amount=chance
    ).assign(chance=known)
    return pd.concat([takeovers, _find_strangers(scene, pieces.first, links, begin)])


def _find_strangers(
    scene: Scene, first: Rows, links: Links, moved: Rows
) -> pd.DataFrame:
    """Find lasting pieces that do not go on from the piece before."""
    last = np.append(first[1:], len(scene.boxes)) - 1
    lasting = last - first + 1 >= _LASTING
    begins = first[1:][lasting[1:] & lasting[:-1]]
    begins = begins[scene.neighbors.adjacent[begins]]
    begins = begins[~np.isin(begins, moved)]
    own = scene.track[links.end] == scene.track[links.begin]
    goes_on = np.zeros(len(scene.boxes))
    np.maximum.at(goes_on, links.begin[own], links.chance[own])
    chance = (1 - goes_on[begins]).clip(max=_MOST)
    begins, chance = begins[chance >= _LEAST], chance[chance >= _LEAST]
    odds = chance / (1 - chance) / _FEW
    return make_findings(IDENTITY_SWITCH, begins, odds, amount=chance)


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
