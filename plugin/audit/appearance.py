# SPDX-License-Identifier: Apache-2.0
"""What boxes look like against their own track, from embeddings of their crops.

Vectors are float32 ``(n, d)``, a row of NaN where a box has none. Distances are
NaN where they are not defined: cosine distances lie in [0, 2], euclidean ones
have the unit of the vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from .boxes import Floats
from .neighbours import Neighbours
from .outliers import track_median
from .scene import Rows

Vectors = NDArray[np.float32]
Metric = Literal["cosine", "euclidean"]
_Rows = TypeVar("_Rows", Vectors, Floats)

#: Robust standard deviations above what is usual in a track that make an outlier.
_DEVIATIONS = 6.0
#: The median absolute deviation of a normal distribution is 1 / 1.4826 sd.
_MAD_TO_SD = 1.4826
#: Rows that are compared at once, which bounds the memory.
_CHUNK = 4096


def embedding_distance(
    vectors: Vectors, neighbours: Neighbours, metric: Metric = "cosine"
) -> Floats:
    """Computes the distance of each box to the previous box of its track.

    Args:
        vectors: array ``(n, d)``
        neighbours: the neighbours of the rows
        metric ("cosine"): ``"cosine"`` or ``"euclidean"``

    Returns:
        array ``(n,)``; NaN at a track's first box and after a gap
    """
    return _measure(
        vectors,
        np.flatnonzero(neighbours.adjacent),
        lambda rows: vectors[rows - 1],
        metric,
    )


def centre_distance(
    vectors: Vectors, neighbours: Neighbours, metric: Metric = "cosine"
) -> Floats:
    """Computes the distance of each box to the centre of its track.

    The centre is the mean of those boxes that are nearer to the mean of all than
    half of them, so that a few wrong ones do not move it; without the box itself.

    Args:
        vectors: array ``(n, d)``
        neighbours: the neighbours of the rows
        metric ("cosine"): ``"cosine"`` or ``"euclidean"``

    Returns:
        array ``(n,)``; NaN for a box that is alone in its track
    """
    centres = _find_centres(vectors, neighbours, metric)
    every = np.arange(len(vectors))
    return _measure(centres.points, every, centres.without, metric)


def rival_distance(
    vectors: Vectors, neighbours: Neighbours, rival: Rows, metric: Metric = "cosine"
) -> Floats:
    """Computes how much farther each box is from a rival track than from its own.

    Args:
        vectors: array ``(n, d)``
        neighbours: the neighbours of the rows
        rival: int array ``(n,)``, any row of the rival track, -1 for none
        metric ("cosine"): ``"cosine"`` or ``"euclidean"``

    Returns:
        array ``(n,)``, the distance to the rival's centre minus that to the own
        centre: below 0 for a box that looks more like the rival
    """
    centres = _find_centres(vectors, neighbours, metric)
    rows = np.flatnonzero(rival >= 0)
    own = _measure(centres.points, rows, centres.without, metric)
    other = _measure(
        centres.points, rows, lambda chunk: centres.whole(rival[chunk]), metric
    )
    return other - own


def mean_outliers(
    distance: Floats, neighbours: Neighbours, deviations: float = 2.0
) -> NDArray[np.bool_]:
    """Finds the boxes farther away than the mean plus so many standard deviations.

    Args:
        distance: array ``(n,)``
        neighbours: the neighbours of the rows
        deviations (2.0): standard deviations of the box's own track, of the
            population

    Returns:
        bool array ``(n,)``
    """
    mean = _track_mean(distance, neighbours)
    variance = _track_mean((distance - mean) ** 2, neighbours)
    return distance > mean + deviations * np.sqrt(variance)


def appearance_severity(
    distance: Floats,
    neighbours: Neighbours,
    occlusion: Floats,
    clipped: NDArray[np.bool_],
) -> Floats:
    """Computes how far each box's distance is above what is usual in its track.

    A track that varies less than the sequence's tracks do is measured by the
    sequence, and how much a box exceeds counts as far as the object is to be seen.

    Args:
        distance: array ``(n,)``, of the boxes of one sequence
        neighbours: the neighbours of the rows
        occlusion: array ``(n,)`` in [0, 1], the share of each box that others hide
        clipped: bool array ``(n, 2)``, whether the image border cuts the box

    Returns:
        array ``(n,)``, at least 0; above 1 is an outlier, NaN where the distance is
    """
    known = ~np.isnan(distance)
    if not known.any():
        return np.full(len(distance), np.nan)
    centre = track_median(distance, neighbours)
    departure = np.abs(distance - centre)
    spread = track_median(departure, neighbours)
    # The sequence's, in which each box counts alike
    centre = np.maximum(centre, np.median(distance[known]))
    spread = np.maximum(spread, np.median(departure[known]))
    visible = (1 - occlusion) * ~clipped.any(axis=1)
    excess = np.maximum(distance - centre, 0) * visible
    # Crops that are all the same leave nothing to divide by
    limit = np.maximum(_DEVIATIONS * _MAD_TO_SD * spread, np.finfo(np.float32).eps)
    return excess / limit


@dataclass(frozen=True)
class _Centres:
    """The centres of ``k`` tracks.

    Attributes:
        points: array ``(n, d)``, vectors of length 1 for the cosine distance
        typical: bool array ``(n,)``, whether a row counts in its track's centre
        track: int array ``(n,)``, the number of each row's track
        total: array ``(k, d)``, sum of each track's typical points
        count: int array ``(k,)``, their number
    """

    points: Vectors
    typical: NDArray[np.bool_]
    track: Rows
    total: Floats
    count: NDArray[np.intp]

    def whole(self, rows: Rows) -> Floats:
        """Returns the centres of the tracks of rows, ``(m, d)``."""
        return _divide(self.total[self.track[rows]], self.count[self.track[rows]])

    def without(self, rows: Rows) -> Floats:
        """Returns the same, each without the row itself."""
        typical = self.typical[rows]
        own = np.where(typical[:, None], self.points[rows], 0)
        track = self.track[rows]
        return _divide(self.total[track] - own, self.count[track] - typical)


def _find_centres(vectors: Vectors, neighbours: Neighbours, metric: Metric) -> _Centres:
    points = vectors
    if metric == "cosine":
        points = _divide(vectors, np.linalg.norm(vectors, axis=1))
    every = np.arange(len(vectors))
    first = np.flatnonzero(neighbours.start == every)
    track = np.searchsorted(first, neighbours.start)
    centres = _sum_up(points, ~np.isnan(points).any(axis=1), track, first)
    distance = _measure(points, every, centres.whole, metric)
    return _sum_up(points, distance <= track_median(distance, neighbours), track, first)


def _sum_up(
    points: Vectors, typical: NDArray[np.bool_], track: Rows, first: Rows
) -> _Centres:
    if not len(points):
        return _Centres(points, typical, track, points.astype(np.float64), first)
    chosen = np.where(typical[:, None], points, 0)
    total = np.add.reduceat(chosen, first, dtype=np.float64)
    count = np.add.reduceat(typical, first, dtype=np.intp)
    return _Centres(points, typical, track, total, count)


def _divide(vectors: _Rows, by: NDArray[Any]) -> _Rows:
    """Divides each row of ``(n, d)`` by a number; NaN where that is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        quotient: _Rows = vectors / by.astype(vectors.dtype)[:, None]
    return quotient


def _measure(
    points: Vectors, rows: Rows, target: Callable[[Rows], Floats], metric: Metric
) -> Floats:
    """Returns the distances of rows to what ``target`` gives for them, ``(n,)``."""
    result = np.full(len(points), np.nan)
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        result[chunk] = _distance(points[chunk], target(chunk), metric)
    return result


def _distance(
    first: Vectors | Floats, second: Vectors | Floats, metric: Metric
) -> Floats:
    first, second = first.astype(np.float64), second.astype(np.float64)
    if metric == "euclidean":
        return np.linalg.norm(first - second, axis=1)
    product = np.einsum("nd,nd->n", first, second)
    length = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.clip(1 - product / length, 0, 2)


def _track_mean(values: Floats, neighbours: Neighbours) -> Floats:
    """Returns per row the mean of its track, NaN left out."""
    known = ~np.isnan(values)
    total = np.bincount(neighbours.start, np.where(known, values, 0))
    count = np.bincount(neighbours.start, known)
    with np.errstate(invalid="ignore"):
        mean: Floats = (total / count)[neighbours.start]
    return mean
