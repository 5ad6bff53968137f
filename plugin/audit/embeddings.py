# SPDX-License-Identifier: Apache-2.0
"""What the embeddings of crops say about a track, without judging how likely.

A crop's vector is NaN where there is none; whatever depends on it is NaN too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .boxes import Floats, Rows, Vectors
from .neighbours import Neighbours, after, before
from .outliers import track_median

Metric = Literal["cosine", "euclidean"]

#: Standard deviations of a track and of its sequence, added up, that still are
#: usual; on MOT20-01 they leave 0.4 % of the boxes above.
_USUAL = 1.5
#: How much more is usual where another object covers the whole box, or where the
#: image border cuts it: both change what a crop shows without anybody's mistake.
_DISTURBED = 0.5
#: Rounds of weighting boxes by their nearness to the centre, and the distance
#: below which nearer counts no more.
_ROUNDS, _NEAR = 3, 0.05
#: The median absolute deviation of a normal distribution is 1 / 1.4826 sd.
_MAD_TO_SD = 1.4826
#: Pairs of vectors that are compared at once, which bounds the memory.
_CHUNK = 4096


def embedding_distance(
    vectors: Vectors, neighbours: Neighbours, metric: Metric = "cosine"
) -> Floats:
    """Computes how far each crop is from the one in the labelled frame before.

    Args:
        vectors: array ``(n, d)``
        neighbours: the neighbours of the rows
        metric ("cosine"): ``cosine``, one minus the cosine of the angle, in [0, 2];
            or ``euclidean``, of the vectors as they are, at least 0

    Returns:
        array ``(n,)``, NaN where the track has no box in the frame before
    """
    result = np.full(len(vectors), np.nan)
    rows = np.flatnonzero(neighbours.adjacent)
    result[rows] = _pair_distance(vectors, rows, rows - 1, metric)
    return result


def exchange_gain(
    vectors: Vectors, neighbours: Neighbours, first: Rows, second: Rows
) -> Floats:
    """Computes how much better pairs of tracks look with their ids exchanged.

    Args:
        vectors: array ``(n, d)``
        neighbours: the neighbours of the rows
        first: int array ``(p,)``, rows
        second: int array ``(p,)``, rows of other tracks in the same frames

    Returns:
        array ``(p,)`` in [-4, 4]: the cosine distances of the two to their own
        previous boxes, less those to each other's; NaN where either has none
    """
    both = neighbours.adjacent[first] & neighbours.adjacent[second]
    one, two = first[both], second[both]
    straight = _pair_distance(vectors, one, one - 1)
    straight += _pair_distance(vectors, two, two - 1)
    crossed = _pair_distance(vectors, one, two - 1)
    crossed += _pair_distance(vectors, two, one - 1)
    result = np.full(len(first), np.nan)
    result[both] = straight - crossed
    return result


def centre_distance(vectors: Vectors, neighbours: Neighbours) -> Floats:
    """Computes how far each crop is from what the rest of its track shows.

    The centre is the geometric median of the directions, so that a stretch of
    wrong boxes does not pull it over; the box itself has no say.

    Args:
        vectors: array ``(n, d)``
        neighbours: the neighbours of the rows

    Returns:
        cosine distances, array ``(n,)`` in [0, 2]; NaN for boxes alone in their
        track
    """
    result = np.full(len(vectors), np.nan)
    for rows, units in _tracks(vectors, neighbours.start):
        if len(rows) > 1:
            result[rows] = _centre(units)[1]
    return result


def rival_distance(vectors: Vectors, neighbours: Neighbours, rival: Rows) -> Floats:
    """Computes whether each crop looks more like its rival's track than its own.

    Args:
        vectors: array ``(n, d)``
        neighbours: the neighbours of the rows
        rival: int array ``(n,)``, a row of the track that each box may belong to,
            -1 for none

    Returns:
        array ``(n,)`` in [-2, 2]: the cosine distance to the rival track's centre
        less that to its own, see :func:`centre_distance`; NaN without a rival
    """
    result = np.full(len(vectors), np.nan)
    likened = np.where(rival >= 0, neighbours.start[rival], -1)
    order = np.argsort(likened, kind="stable")
    likened = likened[order]
    for rows, units in _tracks(vectors, neighbours.start):
        track = neighbours.start[rows[0]]
        begin, end = np.searchsorted(likened, [track, track + 1])
        if begin < end:
            chosen = order[begin:end]
            result[chosen] = _one_minus(_units(vectors[chosen]) @ _centre(units)[0])
    return result - centre_distance(vectors, neighbours)


def mean_outliers(
    distance: Floats, neighbours: Neighbours, deviations: float = 2
) -> NDArray[np.bool_]:
    """Finds the boxes whose distance is unusual in their track.

    Args:
        distance: array ``(n,)``
        neighbours: the neighbours of the rows
        deviations (2): standard deviations above the track's mean

    Returns:
        bool array ``(n,)``, False where the distance is NaN
    """
    per_track = pd.Series(distance).groupby(neighbours.start)
    mean = per_track.transform("mean").to_numpy()
    deviation = per_track.transform("std", ddof=0).to_numpy()
    # All of a track's distances can be equal, but for rounding
    outliers: NDArray[np.bool_] = distance > mean + deviations * deviation + 1e-9
    return outliers


def appearance_severity(
    distance: Floats,
    neighbours: Neighbours,
    occlusion: Floats,
    clipped: NDArray[np.bool_],
) -> Floats:
    """Computes how far each box's look departs from the boxes beside it.

    What is usual is the track's median distance plus deviations of the track and
    of the sequence, so that a steady track does not flag noise, and more where
    the box is hidden or cut. A box unlike both boxes beside it is wrong, and the
    box after it is not to blame. A lasting change counts where it begins.

    Args:
        distance: array ``(n,)``, to the previous boxes, of one sequence: see
            :func:`embedding_distance`
        neighbours: the neighbours of the rows
        occlusion: array ``(n,)`` in [0, 1], the hidden share of each box
        clipped: bool array ``(n, 2)``, whether the image border cuts the box
            horizontally and vertically

    Returns:
        array ``(n,)``, at least 0; above 1 is an outlier. NaN where no distance is
        known
    """
    departure = distance - track_median(distance, neighbours)
    spread = _MAD_TO_SD * track_median(np.abs(departure), neighbours)
    known = np.abs(departure[~np.isnan(departure)])
    floor = _MAD_TO_SD * np.median(known) if len(known) else 0.0
    disturbed = np.where(clipped.any(axis=1), 1, 0) + occlusion
    disturbed = np.fmax(disturbed, before(disturbed, neighbours.adjacent))
    usual = _USUAL * (spread + floor) * (1 + _DISTURBED * disturbed)
    # A sequence whose crops are all alike has no deviation to measure against
    pair = np.maximum(departure, 0) / np.maximum(usual, 1e-6)
    both = np.minimum(pair, after(pair, neighbours.adjacent))
    # The way back from a wrong box can be longer than the way to it
    explained = 2 * np.nan_to_num(before(both, neighbours.adjacent))
    return np.fmax(both, np.maximum(pair - explained, 0))


def _pair_distance(
    vectors: Vectors, first: Rows, second: Rows, metric: Metric = "cosine"
) -> Floats:
    """Returns the distance of pairs of rows, ``(p,)``."""
    result = np.empty(len(first))
    for begin in range(0, len(first), _CHUNK):
        chunk = slice(begin, begin + _CHUNK)
        one, two = vectors[first[chunk]], vectors[second[chunk]]
        if metric == "euclidean":
            result[chunk] = np.linalg.norm(one - two, axis=1)
        else:
            cosine = np.einsum("ij,ij->i", _units(one), _units(two))
            result[chunk] = _one_minus(cosine)
    return result


def _units(vectors: Vectors) -> Floats:
    """Returns vectors of length 1, NaN for those without a direction."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: Floats = vectors / np.where(length > 0, length, np.nan).astype(np.float64)
    return units


def _one_minus(cosine: Floats) -> Floats:
    return 1 - np.clip(cosine, -1, 1)


def _tracks(vectors: Vectors, start: NDArray[np.intp]) -> Iterator[tuple[Rows, Floats]]:
    """Yields the rows of each track that have vectors, and these with length 1."""
    known = np.flatnonzero(np.einsum("ij,ij->i", vectors, vectors) > 0)
    cuts = np.flatnonzero(np.diff(start[known])) + 1
    for rows in np.split(known, cuts):
        if len(rows):
            yield rows, _units(vectors[rows])


def _centre(units: Floats) -> tuple[Floats, Floats]:
    """Finds the centre of directions, and how far each is from that of the others.

    Args:
        units: array ``(m, d)`` of unit vectors

    Returns:
        a tuple of

        -   the centre of all, array ``(d,)`` of length 1
        -   cosine distances from the centre of the others, array ``(m,)``; NaN
            where there are none
    """
    weights = np.ones(len(units))
    for _ in range(_ROUNDS):
        total = weights @ units
        along = units @ total
        squared = total @ total
        others = np.sqrt(np.maximum(squared - weights * (2 * along - weights), 0))
        cosine = (along - weights) / np.where(others > 1e-6, others, np.nan)
        distance = _one_minus(cosine)
        weights = 1 / np.fmax(distance, _NEAR)
    return total / np.sqrt(squared), distance
