# SPDX-License-Identifier: Apache-2.0
"""Tracks that start, end or break off where no object can appear or vanish.

Objects appear and vanish at the image border, behind others, and at the ends of the
sequence. A track that does so in open view was started late, ended early or broken
off, or shows no object at all.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import KDTree

from ..boxes import Floats, Rows
from ..findings import make_findings
from ..scene import Scene

GAP = "gap"
SHORT_TRACK = "short_track"
TRUNCATED = "truncated"
#: Boxes at the end of a track that show how it moves and grows there.
_OVER = 5
#: Labeled frames within which an object may leave the image.
_LEAD = 4.0
#: Distance from the border, in box sizes, at which objects start to vanish.
_NEAR = 0.3
#: Distance within which other tracks start or end at the same place, in box sizes.
_DOOR = 0.5


def end_velocity(scene: Scene, rows: Rows, side: int) -> Floats:
    """Compute the velocity of boxes from their track's boxes on one side.

    Args:
        scene: the scene
        rows: int array ``(m,)``
        side: -1 for the boxes before, 1 for those after

    Returns:
        array ``(m, 2)``, pixels per labeled frame; 0 without such boxes
    """
    other = _further(scene, rows, side)
    elapsed = scene.time[other] - scene.time[rows]
    way = scene.states[other, :2] - scene.states[rows, :2]
    velocity = way / np.where(elapsed == 0, 1, elapsed)[:, None]
    return np.nan_to_num(velocity)


def _further(scene: Scene, rows: Rows, side: int) -> Rows:
    """Return the rows five boxes further on in the track, or its end."""
    start, end = scene.neighbors.start[rows], scene.neighbors.end[rows]
    return np.clip(rows + side * _OVER, start, end - 1)


def openness(scene: Scene, rows: Rows, velocity: Floats) -> Floats:
    """Compute how clearly boxes are in open view.

    Args:
        scene: the scene
        rows: int array ``(m,)``
        velocity: array ``(m, 2)``, the object's motion beyond the track, pixels per
            labeled frame

    Returns:
        array ``(m,)`` in [0, 1]: 0 for a box that reaches the border within four
        labeled frames, 1 for one that stays 0.3 box sizes away from it; occluded
        boxes count half
    """
    boxes = scene.boxes[rows]
    moved = boxes[:, :2] + velocity * _LEAD
    begin = np.minimum(boxes[:, :2], moved)
    end = np.maximum(boxes[:, :2], moved) + boxes[:, 2:]
    size = boxes[:, 2:]
    room = np.minimum(begin - scene.extent[:2], scene.extent[2:] - end) / size
    clear = np.clip(np.nan_to_num(room.min(axis=1)) / _NEAR, 0, 1)
    result: Floats = clear * (1 - 0.5 * scene.occlusion[rows])
    return result


def find_truncated(scene: Scene) -> pd.DataFrame:
    """Find tracks that start or end in open view.

    The strength is the :func:`openness` of the track's first or last box, and at least
    0.05, because any other reason to start or end there is a guess, too. It is

    -   proportional to the box's height over the sequence's median, up to twice that,
        because people vanish in the distance
    -   reduced if the box is smaller than the track's box five frames further on, to
        nothing at two thirds of its area, because objects that come out from behind
        something grow
    -   divided by the number of tracks that start or end within half a box from
        there, because that is a door

    Tracks of up to five boxes are left out. The amount is 1 for an end and -1 for a
    start.

    Args:
        scene: the scene

    Returns:
        the findings
    """
    rows, sides, open_view = [], [], []
    for ends, side, limit in (
        (scene.first, 1, scene.begin),
        (scene.last, -1, scene.end),
    ):
        long = scene.last - scene.first >= _OVER
        ends = ends[(scene.frame[ends] != limit) & scene.identified[ends] & long]
        beyond = -side * end_velocity(scene, ends, side)
        rows.append(ends)
        sides.append(np.full(len(ends), -side, float))
        shrunk = scene.scale[ends] / scene.scale[_further(scene, ends, side)]
        whole = np.clip(3 * np.nan_to_num(shrunk) ** 2 - 2, 0, 1)
        open_view.append(openness(scene, ends, beyond) * whole)
    peaks = np.concatenate(rows)
    strength = 0.05 + 0.95 * np.concatenate(open_view)
    strength *= _nearness(scene)[peaks] / _ends_around(scene, peaks)
    return make_findings(TRUNCATED, peaks, strength, amount=np.concatenate(sides))


def _nearness(scene: Scene) -> Floats:
    """Return the height of each box over the median, up to 2, ``(n,)``."""
    height = scene.boxes[:, 3]
    known = height[~np.isnan(height)]
    usual = np.median(known) if len(known) else 1.0
    return np.minimum(np.nan_to_num(height) / usual, 2)


def _ends_around(scene: Scene, rows: Rows) -> NDArray[np.intp]:
    """Return how many tracks start or end at the place of each, ``(m,)``."""
    known = ~np.isnan(scene.scale[rows])
    feet = scene.boxes[rows, :2] + scene.boxes[rows, 2:] * [0.5, 1]
    counts = np.ones(len(rows), np.intp)
    if known.any():
        counts[known] = KDTree(feet[known]).query_ball_point(
            feet[known], _DOOR * scene.scale[rows[known]], return_length=True
        )
    return counts


def find_short_tracks(scene: Scene) -> pd.DataFrame:
    """Find short tracks that both start and end within the sequence.

    The strength is 1 over the track's duration in labeled frames, less if it starts or
    ends at the border or occluded. The amount is the number of boxes.

    Args:
        scene: the scene

    Returns:
        the findings
    """
    begins = scene.frame[scene.first] != scene.begin
    ends = scene.frame[scene.last] != scene.end
    inside = begins & ends & scene.identified[scene.first]
    first, last = scene.first[inside], scene.last[inside]
    still = np.zeros((len(first), 2))
    open_view = np.minimum(openness(scene, first, still), openness(scene, last, still))
    duration = scene.time[last] - scene.time[first] + 1
    strength = (0.3 + 0.7 * open_view) / duration
    count = (last - first + 1).astype(float)
    return make_findings(SHORT_TRACK, first, strength, first, last, amount=count)


def find_gaps(scene: Scene) -> pd.DataFrame:
    """Find missing boxes within tracks.

    The strength is 0.2, and up to 1 if the box before or after is in open view. The
    amount is the number of missing boxes.

    Args:
        scene: the scene

    Returns:
        the findings: the boxes on both sides of the gap
    """
    missing = np.diff(scene.time) - 1
    same = np.diff(scene.track) == 0
    before = np.flatnonzero(same & (missing > 0.01))
    still = np.zeros((len(before), 2))
    open_view = np.maximum(
        openness(scene, before, still), openness(scene, before + 1, still)
    )
    return make_findings(
        GAP,
        before + 1,
        0.2 + 0.8 * open_view,
        first=before,
        last=before + 1,
        amount=np.ceil(missing[before] - 0.01),
    )
