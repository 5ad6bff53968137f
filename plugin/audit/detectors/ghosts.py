# SPDX-License-Identifier: Apache-2.0
"""Boxes that stay where they are after their object left."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..findings import make_findings, runs
from ..scene import Scene

GHOST = "ghost"
#: Unmoved boxes from which on a stretch is looked at.
_LEAST = 3
#: Boxes before the stretch that tell how fast the object moves.
_VELOCITY_OVER = 8
#: Box sizes that the object should have moved meanwhile, to be sure that it did.
_WAY = 0.5
_MOST = 3.0


def find_ghosts(scene: Scene) -> pd.DataFrame:
    """Finds stretches of exactly equal boxes in tracks that should move.

    The strength is the way that the object would have made meanwhile at the
    speed that it had before, in half box sizes, at most 3; a tenth of that
    where the track goes on afterwards, since people stop and go on. At a track's
    end each frozen box adds 0.01, since even people who stand sway. The amount is the
    number of frozen boxes.

    Args:
        scene: the scene

    Returns:
        the findings
    """
    frozen = np.zeros(len(scene.boxes), bool)
    unmoved = (scene.boxes[1:] == scene.boxes[:-1]).all(axis=1)
    frozen[1:] = unmoved & scene.neighbours.adjacent[1:]
    first, last = runs(frozen, scene.track)
    count = last - first + 1
    long = count >= _LEAST
    first, last, count = first[long], last[long], count[long]
    origin = first - 1
    earlier = np.maximum(origin - _VELOCITY_OVER, scene.neighbours.start[origin])
    elapsed = np.maximum(scene.time[origin] - scene.time[earlier], 1)
    way = np.hypot(*(scene.states[origin, :2] - scene.states[earlier, :2]).T)
    speed = way / elapsed / scene.scale[origin]
    at_end = last == scene.neighbours.end[last] - 1
    strength = np.minimum(speed * count / _WAY, _MOST) * np.where(at_end, 1, 0.1)
    strength += at_end * count * 0.01
    return make_findings(
        GHOST, first, strength, first, last, amount=count.astype(float)
    )
