# SPDX-License-Identifier: Apache-2.0
"""Where objects vanish behind others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .boxes import Floats, Rows, area, intersection
from .detectors.ends import end_velocity
from .overlaps import Overlaps, find_overlaps, occlusion
from .scene import Scene

#: The share of a box from which another box may be what hides its object.
HIDDEN = 0.25
#: The share of the smaller box that lies within the larger one if it is a part of it.
_WITHIN = 0.8


def hidden_gaps(scene: Scene, rows: Rows) -> NDArray[np.bool_]:
    """Tell which gaps within tracks are at an occlusion.

    Args:
        scene: the scene
        rows: the last rows before the gaps, int array ``(m,)``

    Returns:
        bool array ``(m,)``, whether another box hides a quarter of the box before or
        after the gap, or of what lies halfway between them
    """
    middle = (scene.boxes[rows] + scene.boxes[rows + 1]) / 2
    frame = (scene.frame[rows] + scene.frame[rows + 1]) // 2
    shown = np.maximum(scene.occlusion[rows], scene.occlusion[rows + 1])
    result: NDArray[np.bool_] = np.maximum(shown, _covered(scene, middle, frame)) >= (
        HIDDEN
    )
    return result


def hidden_ends(scene: Scene, rows: Rows, side: int) -> NDArray[np.bool_]:
    """Tell which ends of tracks are at an occlusion.

    Args:
        scene: the scene
        rows: the first or the last rows of tracks, int array ``(m,)``
        side: -1 for first rows, 1 for last rows

    Returns:
        bool array ``(m,)``, whether another box hides a quarter of the box, or of
        where it would be in the next labeled frame
    """
    moved = scene.boxes[rows]
    moved[:, :2] -= side * end_velocity(scene, rows, -side)
    frame = scene.frame[rows] + side * scene.neighbors.step[rows]
    covered = np.maximum(scene.occlusion[rows], _covered(scene, moved, frame))
    result: NDArray[np.bool_] = covered >= HIDDEN
    return result


def hidden_parts(scene: Scene, first: Rows, last: Rows) -> NDArray[np.bool_]:
    """Tell which stretches of tracks show the visible part of a hidden object.

    Args:
        scene: the scene
        first: the first rows of the stretches, int array ``(m,)``
        last: their last rows

    Returns:
        bool array ``(m,)``, whether the boxes within the stretch lie within those
        before or after it, or the other way round, and another box hides a quarter of
        the larger one
    """
    before = np.maximum(first - 1, scene.neighbors.start[first])
    after = np.minimum(last + 1, scene.neighbors.end[last] - 1)
    result = np.zeros(len(first), bool)
    for inside, outside in ((first, before), (last, after)):
        shrinks = area(scene.boxes[inside]) < area(scene.boxes[outside])
        part, whole = np.where(shrinks, [inside, outside], [outside, inside])
        boxes, around = scene.boxes[part], scene.boxes[whole]
        within = intersection(boxes, around) >= _WITHIN * area(boxes)
        covered = _covered(scene, around, scene.frame[part], scene.track[part])
        result |= (part != whole) & within & (covered >= HIDDEN)
    return result


def _covered(
    scene: Scene, boxes: Floats, frame: NDArray[np.int64], own: Rows | None = None
) -> Floats:
    """Return the share of boxes that the scene's boxes hide, ``(m,)``.

    Those of the track ``own``, if it is given, hide nothing.
    """
    every = np.concatenate([scene.boxes, boxes])
    found = find_overlaps(every, np.concatenate([scene.frame, frame]))
    count = len(scene.boxes)
    # Boxes that nobody drew hide nothing
    one = np.minimum(found.first, found.second)
    drawn = one < count
    if own is not None:
        tracks = np.concatenate([scene.track, own])
        drawn &= tracks[found.first] != tracks[found.second]
    pairs = Overlaps(found.first[drawn], found.second[drawn], found.shared[drawn])
    return occlusion(every, pairs)[count:]
