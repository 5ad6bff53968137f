# SPDX-License-Identifier: Apache-2.0
"""Tracks that begin, end or break off where nobody can vanish.

People appear and vanish at the image's border, behind others, and at the
sequence's ends. A track that does so in open view was begun late, ended early or
broken off, or shows nobody at all.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import KDTree

from ..boxes import Floats, Rows, iou
from ..findings import both_ways, make_findings
from ..scene import Scene

FRAGMENTATION = "fragmentation"
GAP = "gap"
SHORT_TRACK = "short_track"
TRUNCATED = "truncated"
#: Boxes at a track's end that tell how it moves and grows there.
_OVER = 5
#: Labelled frames within which somebody may leave the image unseen.
_LEAD = 4.0
#: Nearness to the border, in box sizes, at which people start to vanish.
_NEAR = 0.3
#: Distance from a place where others begin or end too, in box sizes.
_DOOR = 0.5
#: Labelled frames over which a broken track is looked for.
_REACH = 10
#: What each labelled frame between two pieces takes from how well they fit.
_FADE = 0.97


def end_velocity(scene: Scene, rows: Rows, side: int) -> Floats:
    """Computes how fast boxes move, from their track's boxes on one side.

    Args:
        scene: the scene
        rows: int array ``(m,)``
        side: -1 for the boxes before, 1 for those after

    Returns:
        array ``(m, 2)``, pixels per labelled frame; 0 where there is no box
    """
    other = _further(scene, rows, side)
    elapsed = scene.time[other] - scene.time[rows]
    way = scene.states[other, :2] - scene.states[rows, :2]
    velocity = way / np.where(elapsed == 0, 1, elapsed)[:, None]
    return np.nan_to_num(velocity)


def _further(scene: Scene, rows: Rows, side: int) -> Rows:
    """Returns the rows five boxes further in the track, or at its end."""
    start, end = scene.neighbours.start[rows], scene.neighbours.end[rows]
    return np.clip(rows + side * _OVER, start, end - 1)


def openness(scene: Scene, rows: Rows, velocity: Floats) -> Floats:
    """Computes how openly a box stands in view.

    Args:
        scene: the scene
        rows: int array ``(m,)``
        velocity: array ``(m, 2)``, where the object goes on to, pixels per
            labelled frame

    Returns:
        array ``(m,)`` in [0, 1]: 0 for a box that reaches the border within four
        labelled frames, 1 for one that is clear of it by 0.3 box sizes; hidden
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
    """Finds tracks that begin or end in open view.

    The strength is the openness of the track's first or last box, and at least
    0.05: any other reason to begin or end is a guess too. It counts in
    proportion to the box's height, over the median of the sequence's and at most
    twice that, since people vanish in the distance; the less, the smaller the box is
    than the track's box five further, down to two thirds, since whoever comes
    out from behind something grows; and it is shared with the other tracks that
    begin or end within half a box from there: that is a door. Tracks of five boxes
    and less are left out. The amount is 1 for an end and -1 for a beginning.

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
    """Returns the height of each box over the median, at most 2, ``(n,)``."""
    height = scene.boxes[:, 3]
    known = height[~np.isnan(height)]
    usual = np.median(known) if len(known) else 1.0
    return np.minimum(np.nan_to_num(height) / usual, 2)


def _ends_around(scene: Scene, rows: Rows) -> NDArray[np.intp]:
    """Returns how many ends of tracks there are at the place of each, ``(m,)``."""
    known = ~np.isnan(scene.scale[rows])
    feet = scene.boxes[rows, :2] + scene.boxes[rows, 2:] * [0.5, 1]
    counts = np.ones(len(rows), np.intp)
    if known.any():
        counts[known] = KDTree(feet[known]).query_ball_point(
            feet[known], _DOOR * scene.scale[rows[known]], return_length=True
        )
    return counts


def find_short_tracks(scene: Scene) -> pd.DataFrame:
    """Finds tracks that both begin and end inside the sequence, soon.

    The strength is 1 over the track's duration in labelled frames, less where it
    begins or ends at the border or hidden. The amount is the number of boxes.

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
    """Finds missing boxes inside tracks.

    The strength is 0.2, and up to 1 where the box before or after stands in open
    view. The amount is the number of missing boxes.

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


def find_fragments(scene: Scene) -> pd.DataFrame:
    """Finds tracks that end where another begins soon after.

    The strength is the IoU of one track's end, moved on, with the other's
    beginning, or of the beginning, moved back, with the end, whichever is smaller:
    who leaves behind something is not who comes out; 3 % less per labelled frame
    between them. The amount is the number of labelled frames from one to the other.

    Args:
        scene: the scene

    Returns:
        the findings from both sides, at most one for each end and for each
        beginning
    """
    ends = scene.last[scene.identified[scene.last]]
    begins = scene.first[scene.identified[scene.first]]
    begins = begins[np.argsort(scene.time[begins], kind="stable")]
    start = scene.time[begins]
    low = np.searchsorted(start, scene.time[ends] + 0.5)
    high = np.searchsorted(start, scene.time[ends] + _REACH, side="right")
    count = high - low
    one = np.repeat(ends, count)
    offset = np.arange(len(one)) - np.repeat(np.cumsum(count) - count, count)
    other = begins[np.repeat(low, count) + offset]
    elapsed = scene.time[other] - scene.time[one]
    fit = np.minimum(
        iou(_moved(scene, one, -1, elapsed), scene.boxes[other]),
        iou(_moved(scene, other, 1, -elapsed), scene.boxes[one]),
    )
    strength = np.nan_to_num(fit) * _FADE ** (elapsed - 1)
    pairs = make_findings(
        FRAGMENTATION, one, strength, other=other, amount=elapsed
    ).sort_values("strength", ascending=False, kind="stable")
    return both_ways(pairs.drop_duplicates("peak").drop_duplicates("other"))


def _moved(scene: Scene, rows: Rows, side: int, elapsed: Floats) -> Floats:
    """Returns boxes moved on by their own velocity."""
    boxes = scene.boxes[rows].copy()
    boxes[:, :2] += end_velocity(scene, rows, side) * elapsed[:, None]
    return boxes
