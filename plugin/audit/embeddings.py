# SPDX-License-Identifier: Apache-2.0
"""Distances between the embeddings of crops, and what is unusual about them.

The vector of a missing crop is NaN, and so is everything that depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .boxes import Floats, Rows, Vectors
from .medians import track_median
from .neighbors import Neighbors, after, before

Metric = Literal["cosine", "euclidean"]

#: Sum of the standard deviations of a track and of its sequence that is still
#: usual; on MOT20-01 they leave 0.4 % of the boxes above.
_USUAL = 1.5
#: How much more is usual if another object covers the whole box, or if the image
#: border cuts it: both change what a crop shows without anybody's mistake.
_DISTURBED = 0.5
#: Rounds of weighting boxes by their nearness to the center, and the distance
#: below which the weight no longer grows.
_ROUNDS, _NEAR = 3, 0.05
#: The median absolute deviation of a normal distribution is 1 / 1.4826 sd.
_MAD_TO_SD = 1.4826
#: Crops that show how the end of a track looks.
_END_BOXES = 5
#: Pairs of vectors that are compared at once, to bound the memory.
_CHUNK = 4096


def embedding_distance(
    vectors: Vectors, neighbors: Neighbors, metric: Metric = "cosine"
) -> Floats:
    """Compute the distance of each crop to the one in the previous labeled frame.

    Args:
        vectors: array ``(n, d)``
        neighbors: the neighbors of the rows
        metric ("cosine"): ``cosine``, one minus the cosine of the angle, in [0, 2];
            or ``euclidean``, of the vectors as they are, at least 0

    Returns:
        array ``(n,)``, NaN if the track has no box in that frame
    """
    result = np.full(len(vectors), np.nan)
    rows = np.flatnonzero(neighbors.adjacent)
    result[rows] = _pair_distance(vectors, rows, rows - 1, metric)
    return result


def exchange_gain(
    vectors: Vectors, neighbors: Neighbors, first: Rows, second: Rows
) -> Floats:
    """Compute how much better pairs of tracks look with their IDs swapped.

    Args:
        vectors: array ``(n, d)``
        neighbors: the neighbors of the rows
        first: int array ``(p,)``, rows
        second: int array ``(p,)``, rows of other tracks in the same frames

    Returns:
        array ``(p,)`` in [-4, 4]: the cosine distances of the two to their own
        previous boxes, minus those to each other's; NaN if either has none
    """
    both = neighbors.adjacent[first] & neighbors.adjacent[second]
    one, two = first[both], second[both]
    straight = _pair_distance(vectors, one, one - 1)
    straight += _pair_distance(vectors, two, two - 1)
    crossed = _pair_distance(vectors, one, two - 1)
    crossed += _pair_distance(vectors, two, one - 1)
    result = np.full(len(first), np.nan)
    result[both] = straight - crossed
    return result


def end_distance(
    vectors: Vectors, neighbors: Neighbors, end: Rows, begin: Rows
) -> Floats:
    """Compute how unlike the ends of tracks the beginnings of others look.

    Args:
        vectors: array ``(n, d)``
        neighbors: the neighbors of the rows
        end: int array ``(p,)``, the last rows of tracks
        begin: int array ``(p,)``, the first rows of tracks

    Returns:
        array ``(p,)`` in [0, 2]: the cosine distance of the mean directions of up to
        five crops on either side; NaN without crops
    """
    before, first = _end_looks(vectors, end, -1, neighbors.start)
    after, second = _end_looks(vectors, begin, 1, neighbors.end - 1)
    cosine = np.einsum("ij,ij->i", before[first], after[second])
    return _one_minus(cosine)


def _end_looks(
    vectors: Vectors, rows: Rows, step: int, stop: Rows
) -> tuple[Floats, Rows]:
    """Return the mean directions of the ends of tracks, and the place of each row."""
    ends = np.unique(rows)
    total = np.zeros((len(ends), vectors.shape[1]))
    for offset in range(_END_BOXES):
        there = ends + step * offset
        inside = (there - stop[ends]) * step <= 0
        units = _units(vectors[np.where(inside, there, ends)])
        total += np.where(inside[:, None], np.nan_to_num(units), 0)
    return _units(total.astype(np.float32)), np.searchsorted(ends, rows)


def center_distance(vectors: Vectors, neighbors: Neighbors) -> Floats:
    """Compute the distance of each crop to the center of the rest of its track.

    The center is the geometric median of the directions, which a run of wrong boxes
    does not move far. The box itself is left out.

    Args:
        vectors: array ``(n, d)``
        neighbors: the neighbors of the rows

    Returns:
        cosine distances, array ``(n,)`` in [0, 2]; NaN for boxes alone in their
        track
    """
    result = np.full(len(vectors), np.nan)
    for rows, units in _tracks(vectors, neighbors.start):
        if len(rows) > 1:
            result[rows] = _center(units)[1]
    return result


def rival_distance(vectors: Vectors, neighbors: Neighbors, rival: Rows) -> Floats:
    """Compute whether each crop looks more like its rival's track than its own.

    Args:
        vectors: array ``(n, d)``
        neighbors: the neighbors of the rows
        rival: int array ``(n,)``, a row of the track that each box may belong to
            instead, -1 without one

    Returns:
        array ``(n,)`` in [-2, 2]: the cosine distance to the rival track's center
        minus that to its own, see :func:`center_distance`; NaN without a rival
    """
    result = np.full(len(vectors), np.nan)
    likened = np.where(rival >= 0, neighbors.start[rival], -1)
    order = np.argsort(likened, kind="stable")
    likened = likened[order]
    for rows, units in _tracks(vectors, neighbors.start):
        track = neighbors.start[rows[0]]
        begin, end = np.searchsorted(likened, [track, track + 1])
        if begin < end:
            chosen = order[begin:end]
            result[chosen] = _one_minus(_units(vectors[chosen]) @ _center(units)[0])
    return result - center_distance(vectors, neighbors)


def mean_outliers(
    distance: Floats, neighbors: Neighbors, deviations: float = 2
) -> NDArray[np.bool_]:
    """Find the boxes with an unusual distance for their track.

    Args:
        distance: array ``(n,)``
        neighbors: the neighbors of the rows
        deviations (2): standard deviations above the track's mean

    Returns:
        bool array ``(n,)``, False if the distance is NaN
    """
    per_track = pd.Series(distance).groupby(neighbors.start)
    mean = per_track.transform("mean").to_numpy()
    deviation = per_track.transform("std", ddof=0).to_numpy()
    # All distances of a track can be equal up to rounding
    outliers: NDArray[np.bool_] = distance > mean + deviations * deviation + 1e-9
    return outliers


def appearance_severity(
    distance: Floats,
    neighbors: Neighbors,
    occlusion: Floats,
    clipped: NDArray[np.bool_],
) -> Floats:
    """Compute how far the appearance of each box departs from its neighbors.

    The usual distance is the track's median plus the deviations of the track and of
    the sequence, so that noise is not flagged in a steady track; it is larger if the
    box is occluded or cut. A box unlike both of its neighbors is wrong, and the box
    after it is not to blame. A lasting change is attributed to its first box.

    Args:
        distance: array ``(n,)``, the distances to the previous boxes of one
            sequence, see :func:`embedding_distance`
        neighbors: the neighbors of the rows
        occlusion: array ``(n,)`` in [0, 1], the occluded share of each box
        clipped: bool array ``(n, 2)``, whether the image border cuts the box
            horizontally and vertically

    Returns:
        array ``(n,)``, at least 0; above 1 is an outlier. NaN if no distance is
        known
    """
    departure = distance - track_median(distance, neighbors)
    spread = _MAD_TO_SD * track_median(np.abs(departure), neighbors)
    known = np.abs(departure[~np.isnan(departure)])
    floor = _MAD_TO_SD * np.median(known) if len(known) else 0.0
    disturbed = np.where(clipped.any(axis=1), 1, 0) + occlusion
    disturbed = np.fmax(disturbed, before(disturbed, neighbors.adjacent))
    usual = _USUAL * (spread + floor) * (1 + _DISTURBED * disturbed)
    # A sequence of identical crops has no deviation to compare with
    pair = np.maximum(departure, 0) / np.maximum(usual, 1e-6)
    both = np.minimum(pair, after(pair, neighbors.adjacent))
    # The way back from a wrong box can be longer than the way to it
    explained = 2 * np.nan_to_num(before(both, neighbors.adjacent))
    return np.fmax(both, np.maximum(pair - explained, 0))


def _pair_distance(
    vectors: Vectors, first: Rows, second: Rows, metric: Metric = "cosine"
) -> Floats:
    """Return the distance of pairs of rows, ``(p,)``."""
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
    """Return vectors of length 1, NaN for vectors of length 0."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: Floats = vectors / np.where(length > 0, length, np.nan).astype(np.float64)
    return units


def _one_minus(cosine: Floats) -> Floats:
    return 1 - np.clip(cosine, -1, 1)


def _tracks(vectors: Vectors, start: NDArray[np.intp]) -> Iterator[tuple[Rows, Floats]]:
    """Yield the rows of each track that have vectors, and these with length 1."""
    known = np.flatnonzero(np.einsum("ij,ij->i", vectors, vectors) > 0)
    cuts = np.flatnonzero(np.diff(start[known])) + 1
    for rows in np.split(known, cuts):
        if len(rows):
            yield rows, _units(vectors[rows])


def _center(units: Floats) -> tuple[Floats, Floats]:
    """Find the center of directions, and the distance of each to that of the others.

    Args:
        units: array ``(m, d)`` of unit vectors

    Returns:
        a tuple of

        -   the center of all, array ``(d,)`` of length 1
        -   cosine distances to the center of the others, array ``(m,)``; NaN if
            there are no others
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
