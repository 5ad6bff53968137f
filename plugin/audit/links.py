# SPDX-License-Identifier: Apache-2.0
"""Links: which track goes on as which other one.

A track's end and another's beginning are of one object if they are nearer to each other
than chance would put any two. How many beginnings chance puts as near is the rate of
beginnings in the sequence, times the time between the two, times the share of the image
around the place where the track's motion leads. So a distance that means nothing in a
crowd is telling on an empty road, at any frame rate and size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

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
#: Log odds below which looks would not help.
_FAR = -6.0


@dataclass(frozen=True)
class Links:
    """Pairs of an end and a later beginning of another track.

    Attributes:
        end: int array ``(p,)``, the last rows of tracks
        begin: int array ``(p,)``, the first rows of other tracks
        elapsed: array ``(p,)``, labeled frames between them, above 0
        chance: array ``(p,)`` in [0, 1], the probability that the track of the end goes
            on as that of the beginning. Those of one end sum up to 1 at most
    """

    end: Rows
    begin: Rows
    elapsed: Floats
    chance: Floats


class _Motion(NamedTuple):
    """Centers without the camera's motion ``(n, 2)``, and labeled frames a second."""

    centers: Floats
    rate: float


def find_links(scene: Scene) -> Links:
    """Link the ends of tracks to the beginnings of others.

    An object goes on with its speed, which it forgets within a second, or comes back
    to where it left; the nearest of these places counts. The candidates of an end, and
    those of a beginning, compete with each other and with none of them.

    Args:
        scene: the scene

    Returns:
        the :class:`Links`
    """
    step = int(scene.neighbors.step[0]) if len(scene.boxes) else 1
    motion = _Motion(steady_centers(scene), scene.frame_rate / step)
    end, begin = _pair(scene, max(REACH * motion.rate, LEAST))
    elapsed = scene.time[begin] - scene.time[end]
    odds = _INTERCEPT + _NEAR * _log_chance(scene, motion, end, begin)
    change = np.abs(scene.states[begin, 3] - scene.states[end, 3])
    odds += _HEIGHT * np.log(change + _HEIGHT_NOISE)
    if scene.vectors is not None:
        near = np.flatnonzero(odds > _FAR)
        looks = end_distance(scene.vectors, scene.neighbors, end[near], begin[near])
        odds[near] += _LOOKS * np.nan_to_num(looks - _USUAL_LOOKS)
    weight = np.exp(np.clip(np.nan_to_num(odds, nan=-30.0), -30, 30))
    rivals = _totals(end, weight) + _totals(begin, weight) - weight
    return Links(end, begin, elapsed, weight / (1 + rivals))


def _pair(scene: Scene, reach: float) -> tuple[Rows, Rows]:
    """Return all ends and beginnings that are at most ``reach`` labeled frames apart.

    The reach is halved until there are few enough of them.
    """
    ends = scene.last[scene.identified[scene.last]]
    begins = scene.first[scene.identified[scene.first]]
    begins = begins[np.argsort(scene.time[begins], kind="stable")]
    start = scene.time[begins]
    low = np.searchsorted(start, scene.time[ends] + 0.5)
    high = np.searchsorted(start, scene.time[ends] + reach, side="right")
    while (high - low).sum() > _MOST:
        reach /= 2
        high = np.searchsorted(start, scene.time[ends] + reach, side="right")
    count = high - low
    end = np.repeat(ends, count)
    offset = np.arange(len(end)) - np.repeat(np.cumsum(count) - count, count)
    begin = begins[np.repeat(low, count) + offset]
    same = scene.usual_label[scene.track[end]] == scene.usual_label[scene.track[begin]]
    return end[same], begin[same]


def _log_chance(scene: Scene, motion: _Motion, end: Rows, begin: Rows) -> Floats:
    """Return the log of how many beginnings chance puts as near as each, ``(p,)``."""
    elapsed = scene.time[begin] - scene.time[end]
    scale = np.sqrt(scene.scale[end] * scene.scale[begin])
    way = motion.centers[begin] - motion.centers[end]
    before, after = (
        _velocity(scene, motion, end, -1),
        _velocity(scene, motion, begin, 1),
    )
    memory = _STEADY * motion.rate
    lasting = (memory * -np.expm1(-elapsed / memory))[:, None]
    ways = [
        way,
        way - before * lasting,
        way - after * lasting,
        way - (before + after) / 2 * elapsed[:, None],
    ]
    nearest = np.min([np.hypot(*left.T) for left in ways], axis=0) / scale
    image = np.prod(scene.extent[2:] - scene.extent[:2])
    share = np.minimum(np.pi * ((nearest + _NOISE) * scale) ** 2 / image, 1)
    duration = max(float(np.ptp(scene.time)), 1.0) if len(scene.time) else 1.0
    rate = scene.identified[scene.first].sum() / duration
    result: Floats = np.log(rate * np.maximum(elapsed, 1) * share)
    return result


def _velocity(scene: Scene, motion: _Motion, rows: Rows, side: int) -> Floats:
    """Return the velocity on one side of rows, pixels per labeled frame, ``(p, 2)``."""
    start, stop = scene.neighbors.start[rows], scene.neighbors.end[rows]
    other = np.clip(rows + side * _OVER, start, stop - 1)
    elapsed = scene.time[other] - scene.time[rows]
    way = motion.centers[other] - motion.centers[rows]
    velocity: Floats = way / np.where(elapsed == 0, 1, elapsed)[:, None]
    return velocity


def _totals(key: Rows, weight: Floats) -> Floats:
    """Return the sum of the weights of each key, for each pair, ``(p,)``."""
    if not len(key):
        return weight
    totals: Floats = np.bincount(key, weight).astype(np.float64)[key]
    return totals
