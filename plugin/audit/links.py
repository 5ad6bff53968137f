# SPDX-License-Identifier: Apache-2.0
"""Links: which track goes on as which other one.

A track's end and another's beginning are of one object if they are nearer to each other
than chance would put any two. How many beginnings chance puts as near is the rate of
beginnings in the sequence, times the time between the two, times the share of the image
around the place where the track's motion leads, and more where many tracks begin. So a
distance that means nothing in a crowd or at a door is telling on an empty road, at any
frame rate and size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.spatial import KDTree

from .boxes import Floats, Rows
from .embeddings import end_distance
from .motion import steady_centers
from .scene import Scene

#: Seconds, and at least so many labeled frames, within which a track goes on.
REACH, LEAST = 5.0, 10
#: Pairs that are compared in one sequence, to bound the memory.
_MOST = 4_000_000
#: Boxes that show how a track moves, and how it looks.
_OVER = 10
#: Seconds over which the motion of an object is forgotten.
_STEADY = 1.0
#: Noise of positions in box sizes, and of the logarithms of heights.
_NOISE, _HEIGHT_NOISE = 0.1, 0.05
#: The log odds of a link: an intercept, and the weights of the logarithms of the number
#: of beginnings that chance puts as near, and of the change of height. Fitted to the
#: labels of trackers and annotators, and to correct tracks that were cut at their gaps,
#: see ``docs/scoring.md``.
_INTERCEPT, _NEAR, _HEIGHT = -6.06, -0.87, -0.94
#: The same of the cosine distance of crops: a prior that was not fitted.
_LOOKS, _USUAL_LOOKS = -6.0, 0.3
#: The share of ends that go on before anything is known of the sequence, how many ends
#: that counts as, and the number of times that the share is estimated.
_SHARE, _ENDS, _ROUNDS = 0.05, 10.0, 8
#: Beginnings around a place that tell how common they are there.
_AROUND = 10
#: Cells of the image in each direction, for a bound of how common they are.
_CELLS = 64
#: Log odds below which looks would not help.
_FAR = -6.0
#: Log odds of two boxes of a track below which it is cut between them, and box sizes
#: that it may jump.
_CUT, _JUMP = 2.5, 0.6
#: What is added to the log odds of two pieces of a track, and what is taken away for
#: each box size that it jumps, less for longer breaks.
_OWN, _OWN_JUMP = 3.0, 3.0


@dataclass(frozen=True)
class Pieces:
    """Stretches of tracks that show one object each.

    Attributes:
        first: int array ``(k,)``, the first rows, ascending
        last: int array ``(k,)``, the last rows
    """

    first: Rows
    last: Rows


@dataclass(frozen=True)
class Links:
    """Pairs of an end of a piece and a later beginning of another one.

    Attributes:
        end: int array ``(p,)``, the last rows of pieces
        begin: int array ``(p,)``, the first rows of others
        elapsed: array ``(p,)``, labeled frames between them, above 0
        chance: array ``(p,)`` in [0, 1], the probability that the object of the end
            goes on with the beginning. Those of one end sum up to 1 at most
    """

    end: Rows
    begin: Rows
    elapsed: Floats
    chance: Floats

    def likeliest(self, least: float) -> Rows:
        """Return the links with at least this chance, the likeliest first.

        Most pairs are far apart, so few are left to sort.
        """
        likely = np.flatnonzero(self.chance >= least)
        order: Rows = likely[np.argsort(-self.chance[likely], kind="stable")]
        return order


class _Motion(NamedTuple):
    """How pieces move: their centers without the camera's motion.

    Attributes:
        centers: array ``(n, 2)``
        before: array ``(n, 2)``, the velocity that leads to each end, pixels per
            labeled frame, 0 for other rows
        after: array ``(n, 2)``, the velocity that each beginning starts with
        rate: labeled frames per second
        density: pieces that begin per labeled frame
    """

    centers: Floats
    before: Floats
    after: Floats
    rate: float
    density: float


class _Breaks(NamedTuple):
    """Pairs of an end and a later beginning.

    Attributes:
        end: int array ``(p,)``, the rows of the ends
        begin: int array ``(p,)``, those of the beginnings
        elapsed: array ``(p,)``, labeled frames between them
        size: array ``(p,)``, the product of both box sizes, square pixels
    """

    end: Rows
    begin: Rows
    elapsed: Floats
    size: Floats

    @classmethod
    def of(cls, scene: Scene, end: Rows, begin: Rows) -> _Breaks:
        """Compare ends with beginnings."""
        elapsed = scene.time[begin] - scene.time[end]
        return cls(end, begin, elapsed, scene.scale[end] * scene.scale[begin])


def find_links(scene: Scene) -> Links:
    """Link the ends of tracks to the beginnings of others.

    An object goes on with its speed, which it forgets within a second, or comes back
    to where it left; the nearest of these places counts. The candidates of an end, and
    those of a beginning, compete with each other and with none of them. The share of
    ends that go on tells how broken the tracks of the sequence are: it is estimated
    from the links themselves by expectation maximization, and changes their odds.

    Args:
        scene: the scene

    Returns:
        the :class:`Links`
    """
    links, weight = _link(scene, Pieces(scene.first, scene.last))
    inside = scene.identified[scene.last] & (scene.frame[scene.last] != scene.end)
    ends = inside.sum() + _ENDS
    chance = links.chance
    for _ in range(_ROUNDS):
        share = (chance.sum() + _ENDS * _SHARE) / ends
        more = share / (1 - share) / (_SHARE / (1 - _SHARE))
        chance = _compete(links.end, links.begin, weight * more)
    return replace(links, chance=chance)


def find_pieces(scene: Scene) -> Pieces:
    """Cut tracks where they jump further than chance would put another object.

    Args:
        scene: the scene

    Returns:
        the :class:`Pieces`; tracks that never jump are whole
    """
    rows = np.arange(len(scene.boxes))
    own = np.flatnonzero(scene.neighbors.start != rows)
    motion = _measure(scene, Pieces(rows, rows), scene.first, scene.last)
    breaks = _Breaks.of(scene, own - 1, own)
    way = _nearest(motion, breaks)
    crowding = _Crowding.of(scene)
    # Crowding lowers the odds. Few boxes are so near the limit that it has to be known
    cut = _log_odds(scene, motion, breaks, way, crowding.at_most(own)) < _CUT
    near = np.flatnonzero(cut)
    some, exact = _Breaks.of(scene, own[near] - 1, own[near]), crowding.at(own[near])
    cut[near] = _log_odds(scene, motion, some, way[near], exact) < _CUT
    cuts = own[cut | (way > _JUMP)]
    return Pieces(
        np.union1d(scene.first, cuts).astype(np.intp),
        np.union1d(scene.last, cuts - 1).astype(np.intp),
    )


def link_pieces(scene: Scene, pieces: Pieces) -> Links:
    """Link the ends of pieces of tracks to the beginnings of others.

    It is as of :func:`find_links`, and pieces of the same track belong together unless
    there is reason to doubt it.

    Args:
        scene: the scene
        pieces: the pieces

    Returns:
        the :class:`Links`, including those within tracks
    """
    return _link(scene, pieces)[0]


def _link(scene: Scene, pieces: Pieces) -> tuple[Links, Floats]:
    """Return the links, and the odds of each without its rivals, ``(p,)``."""
    motion = _measure(scene, pieces, pieces.first, pieces.last)
    end, begin = _pair(scene, pieces, max(REACH * motion.rate, LEAST))
    breaks = _Breaks.of(scene, end, begin)
    elapsed = breaks.elapsed
    way = _nearest(motion, breaks)
    crowding = np.ones(len(scene.boxes))
    crowding[pieces.first] = _Crowding.of(scene).at(pieces.first)
    odds = _log_odds(scene, motion, breaks, way, crowding[begin])
    own = scene.track[end] == scene.track[begin]
    odds[own] += _OWN - _OWN_JUMP * (way / (1 + elapsed / motion.rate))[own]
    if scene.vectors is not None:
        near = np.flatnonzero(odds > _FAR)
        looks = end_distance(scene.vectors, scene.neighbors, end[near], begin[near])
        odds[near] += _LOOKS * np.nan_to_num(looks - _USUAL_LOOKS)
    weight = np.exp(np.clip(np.nan_to_num(odds, nan=-30.0), -30, 30))
    return Links(end, begin, elapsed, _compete(end, begin, weight)), weight


def _compete(end: Rows, begin: Rows, weight: Floats) -> Floats:
    """Return the chance of links among those of the same end or beginning, ``(p,)``."""
    rivals = _totals(end, weight) + _totals(begin, weight) - weight
    chance: Floats = weight / (1 + rivals)
    return chance


def _measure(scene: Scene, pieces: Pieces, first: Rows, last: Rows) -> _Motion:
    """Measure how pieces move within stretches that start and end at given rows."""
    step = int(scene.neighbors.step[0]) if len(scene.boxes) else 1
    centers = scene.once(steady_centers)
    before, after = np.zeros_like(centers), np.zeros_like(centers)
    start = first[np.searchsorted(first, pieces.last, "right") - 1]
    stop = last[np.searchsorted(last, pieces.first)]
    for velocity, rows, other in (
        (before, pieces.last, np.maximum(pieces.last - _OVER, start)),
        (after, pieces.first, np.minimum(pieces.first + _OVER, stop)),
    ):
        elapsed = scene.time[other] - scene.time[rows]
        way = centers[other] - centers[rows]
        velocity[rows] = way / np.where(elapsed == 0, 1, elapsed)[:, None]
    duration = max(float(np.ptp(scene.time)), 1.0) if len(scene.time) else 1.0
    density = scene.identified[scene.first].sum() / duration
    return _Motion(centers, before, after, scene.frame_rate / step, density)


class _Crowding(NamedTuple):
    """How much denser than evenly beginnings lie around boxes.

    Objects come and go through doors, and at one side of the image more than at others.

    Attributes:
        centers: array ``(n, 2)``, those of the boxes
        begins: the beginnings; None if there are too few to tell
        even: the number of beginnings per square pixel if they lay evenly
    """

    centers: Floats
    begins: KDTree | None
    even: float

    @classmethod
    def of(cls, scene: Scene) -> _Crowding:
        """Prepare the beginnings of a scene."""
        return scene.once(_find_crowding)

    def at(self, rows: Rows) -> Floats:
        """Return it for the boxes of rows, array ``(m,)``, at least 1."""
        return self._around(self.centers[rows], 0)

    def at_most(self, rows: Rows) -> Floats:
        """Return what it is at most, which is faster, array ``(m,)``.

        The image is divided into cells. Nowhere in a cell are beginnings nearer than
        from its center, by more than half its diagonal.
        """
        places = self.centers[rows]
        known = ~np.isnan(places).any(axis=1)
        if self.begins is None or not known.any():
            return np.ones(len(rows))
        low, high = places[known].min(axis=0), places[known].max(axis=0)
        size = np.maximum((high - low) / _CELLS, 1e-9)
        cell = np.minimum(np.nan_to_num((places - low) / size), _CELLS - 1).astype(int)
        grid = np.stack(np.meshgrid(*[np.arange(_CELLS)] * 2, indexing="ij"), axis=-1)
        middle = low + (grid.reshape(-1, 2) + 0.5) * size
        # A hair more than half, for rounding
        most = self._around(middle, float(np.hypot(*size)) * 0.501)
        return np.where(known, most[cell[:, 0] * _CELLS + cell[:, 1]], 1)

    def _around(self, places: Floats, slack: float) -> Floats:
        crowding = np.ones(len(places))
        known = ~np.isnan(places).any(axis=1)
        if self.begins is None or not known.any():
            return crowding
        away = self.begins.query(places[known], [_AROUND + 1])[0][:, 0]
        even = self.even * np.pi * np.maximum(away - slack, 0) ** 2
        crowding[known] = np.maximum(_AROUND / np.maximum(even, 1e-9), 1)
        return crowding


def _find_crowding(scene: Scene) -> _Crowding:
    centers = scene.once(steady_centers)
    begins = centers[scene.first[scene.identified[scene.first]]]
    begins = begins[~np.isnan(begins).any(axis=1)]
    if len(begins) <= _AROUND:
        return _Crowding(centers, None, 0)
    image = float(np.prod(scene.extent[2:] - scene.extent[:2]))
    return _Crowding(centers, KDTree(begins), len(begins) / image)


def _pair(scene: Scene, pieces: Pieces, reach: float) -> tuple[Rows, Rows]:
    """Return all ends and beginnings that are at most ``reach`` labeled frames apart.

    The reach is halved until there are few enough of them.
    """
    ends = pieces.last[scene.identified[pieces.last]]
    begins = pieces.first[scene.identified[pieces.first]]
    begins = begins[np.argsort(scene.time[begins], kind="stable")]
    start, label = scene.time[begins], scene.usual_label[scene.track]
    low = np.searchsorted(start, scene.time[ends] + 0.5)
    high = np.searchsorted(start, scene.time[ends] + reach, side="right")
    while (high - low).sum() > _MOST:
        reach /= 2
        high = np.searchsorted(start, scene.time[ends] + reach, side="right")
    count = high - low
    end = np.repeat(ends, count)
    offset = np.arange(len(end)) - np.repeat(np.cumsum(count) - count, count)
    begin = begins[np.repeat(low, count) + offset]
    same = label[end] == label[begin]
    return end[same], begin[same]


def _nearest(motion: _Motion, breaks: _Breaks) -> Floats:
    """Return how far beginnings are from where ends lead, in box sizes, ``(p,)``."""
    end, begin, elapsed, size = breaks
    memory = _STEADY * motion.rate
    lasting = memory * -np.expm1(-elapsed / memory)
    # Columns as rows, which are several times as fast to take from
    center, before, after = (np.ascontiguousarray(each.T) for each in motion[:3])
    way = center.take(begin, axis=1) - center.take(end, axis=1)
    lead, start = before.take(end, axis=1), after.take(begin, axis=1)
    nearest = way
    for other in (
        way - lead * lasting,
        way - start * lasting,
        way - (lead + start) / 2 * elapsed,
    ):
        # Exact distances take long
        nearer = (other**2).sum(axis=0) < (nearest**2).sum(axis=0)
        nearest = np.where(nearer, other, nearest)
    distance: Floats = np.hypot(*nearest) / np.sqrt(size)
    return distance


def _log_odds(
    scene: Scene, motion: _Motion, breaks: _Breaks, way: Floats, crowding: Floats
) -> Floats:
    """Return the log odds that ends go on with beginnings, without rivals, ``(p,)``."""
    image = np.prod(scene.extent[2:] - scene.extent[:2])
    share = np.minimum(np.pi * (way + _NOISE) ** 2 * breaks.size / image, 1)
    expected = motion.density * np.maximum(breaks.elapsed, 1) * share
    expected *= crowding
    height = scene.states[:, 3]
    change = np.abs(height[breaks.begin] - height[breaks.end])
    result: Floats = (
        _INTERCEPT + _NEAR * np.log(expected) + _HEIGHT * np.log(change + _HEIGHT_NOISE)
    )
    return result


def _totals(key: Rows, weight: Floats) -> Floats:
    """Return the sum of the weights of each key, for each pair, ``(p,)``."""
    if not len(key):
        return weight
    totals: Floats = np.bincount(key, weight).astype(np.float64)[key]
    return totals
