# SPDX-License-Identifier: Apache-2.0
"""Where objects vanish behind others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .boxes import Floats, Rows
from .detectors.ends import end_velocity
from .overlaps import Overlaps, find_overlaps, occlusion
from .scene import Scene

#: The share of a box from which another box may be what hides its object.
HIDDEN = 0.25


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


def _covered(scene: Scene, boxes: Floats, frame: NDArray[np.int64]) -> Floats:
    """Return the share of boxes that the scene's own boxes hide, ``(m,)``."""
    every = np.concatenate([scene.boxes, boxes])
    found = find_overlaps(every, np.concatenate([scene.frame, frame]))
    count = len(scene.boxes)
    # Boxes that nobody drew hide nothing
    drawn = np.minimum(found.first, found.second) < count
    pairs = Overlaps(found.first[drawn], found.second[drawn], found.shared[drawn])
    return occlusion(every, pairs)[count:]
