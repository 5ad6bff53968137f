# SPDX-License-Identifier: Apache-2.0
"""Where the boxes of a track should be, judging by its other boxes.

A path is smoothed by penalized least squares (Whittaker 1923; Eilers, "A perfect
smoother", 2003): of all paths, the one with the least sum of squared departures from
the known boxes, weighted, plus its squared second differences. Where no box counts, it
bridges the gap; beyond the last box, it goes on straight.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import diags_array
from scipy.sparse.linalg import spsolve

from ..audit.boxes import Floats
from ..audit.expectation import to_states

#: Boxes on either side that shape a path.
MARGIN = 10
#: How much evenness counts at the end of a track of which many boxes are known.
ENDS = 10.0
#: IoU with the labeled box, from which on an extrapolated box hits it.
HIT = 0.7
#: What a doubted box counts at first; departures that are noise, in box sizes and in
#: medians of the boxes that are not doubted; and how often the weights are renewed.
_DOUBTED, _NOISE, _MEDIANS, _ROUNDS = 0.1, 0.02, 3.0, 8
#: How much evenness counts beside the known boxes: between boxes, and beyond the last
#: one, where the noise of two boxes would point anywhere.
BETWEEN, BEYOND = 1.0, 100.0


def smooth_path(
    time: NDArray[np.int64],
    boxes: Floats,
    weights: Floats,
    wanted: NDArray[np.int64],
    evenness: float = BETWEEN,
) -> Floats:
    """Return boxes on the smooth path of a track.

    Args:
        time: int array ``(n,)``, when the known boxes are, in labeling steps,
            ascending
        boxes: array ``(n, 4)``, ``[left, top, width, height]``
        weights: array ``(n,)``, how much each known box counts, 0 for not at all; at
            least two must count
        wanted: int array ``(m,)``, when boxes are wanted
        evenness (1): how much evenness counts beside the known boxes

    Returns:
        array ``(m, 4)``
    """
    begin = min(time[0], wanted.min())
    size = int(max(time[-1], wanted.max()) - begin) + 1
    place = time - begin
    weight = np.zeros(size)
    weight[place] = weights
    weighted = np.zeros((size, 4))
    weighted[place] = to_states(boxes) * np.asarray(weights)[:, None]
    bends = diags_array(
        [np.ones(size), np.full(size - 1, -2.0), np.ones(size - 2)],
        offsets=[0, 1, 2],
        shape=(size - 2, size),
    )
    system = diags_array(weight) + evenness * (bends.T @ bends)
    states = spsolve(system.tocsc(), weighted)[wanted - begin]
    return _to_boxes(states)


def weigh(time: NDArray[np.int64], boxes: Floats, doubted: NDArray[np.bool_]) -> Floats:
    """Weigh boxes of a track: the farther one is off the path, the less it counts.

    These are the weights of Cauchy's distribution, found by iteratively reweighted
    least squares (Holland and Welsch 1977). So the boxes of a stretch that are wrong
    hardly count, and those that are right do, wherever they are in it.

    Args:
        time: int array ``(n,)``, ascending
        boxes: array ``(n, 4)``
        doubted: bool array ``(n,)``, which boxes may be wrong; at least two are not

    Returns:
        array ``(n,)`` in [0, 1], 1 for boxes that are not doubted
    """
    states, weights = to_states(boxes), np.where(doubted, _DOUBTED, 1.0)
    for _ in range(_ROUNDS):
        departure = to_states(smooth_path(time, boxes, weights, time)) - states
        departure[:, :2] /= boxes[:, 2:]
        off = np.sqrt((departure**2).sum(axis=1))
        noise = max(_NOISE, _MEDIANS * float(np.median(off[~doubted])))
        weights = np.where(doubted, 1 / (1 + (off / noise) ** 2), 1.0)
    return weights


def roughness(time: NDArray[np.int64], boxes: Floats) -> float:
    """Return how unevenly a track moves.

    Args:
        time: int array ``(n,)``, ascending
        boxes: array ``(n, 4)``

    Returns:
        the median departure of a box's center and log size from the midpoint of its
        two neighbors, in box sizes; infinite for fewer than three boxes
    """
    states = to_states(boxes)
    way = ((time[1:-1] - time[:-2]) / (time[2:] - time[:-2]))[:, None]
    departure = states[1:-1] - states[:-2] * (1 - way) - states[2:] * way
    departure[:, :2] /= boxes[1:-1, 2:]
    if not len(departure):
        return np.inf
    return float(np.median(np.sqrt((departure**2).sum(axis=1))))


def _to_boxes(states: Floats) -> Floats:
    """Convert centers and log sizes to boxes, ``(n, 4)``."""
    size = np.exp(states[:, 2:])
    boxes: Floats = np.concatenate([states[:, :2] - size / 2, size], axis=1)
    return boxes
