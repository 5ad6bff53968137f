# SPDX-License-Identifier: Apache-2.0
"""Boxes that stay where they are after their object has left."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..findings import make_findings, runs
from ..scene import Scene

GHOST = "ghost"
#: Length from which on a run of equal boxes is considered.
_LEAST = 3
#: Boxes before the run that show how fast the object moves.
_VELOCITY_OVER = 8
#: Distance that the object should have moved meanwhile, in box sizes: the unit of
#: strength, and its most.
_WAY = 0.5
_MOST = 3.0


def find_ghosts(scene: Scene) -> pd.DataFrame:
    """Find runs of exactly equal boxes in tracks that should move.

    The strength is the distance that the object would have covered meanwhile at its
    previous speed, in half box sizes, up to 3. It is a tenth of that if the track goes
    on afterward, because people stop and walk on. At the end of a track each frozen
    box adds 0.01, because even people who stand sway. The amount is the number of
    frozen boxes.
    """
    frozen = np.zeros(len(scene.boxes), bool)
    unmoved = (scene.boxes[1:] == scene.boxes[:-1]).all(axis=1)
    frozen[1:] = unmoved & scene.neighbors.adjacent[1:]
    first, last = runs(frozen, scene.track)
    count = last - first + 1
    long = count >= _LEAST
    first, last, count = first[long], last[long], count[long]
    origin = first - 1
    earlier = np.maximum(origin - _VELOCITY_OVER, scene.neighbors.start[origin])
    elapsed = np.maximum(scene.time[origin] - scene.time[earlier], 1)
    way = np.hypot(*(scene.states[origin, :2] - scene.states[earlier, :2]).T)
    speed = way / elapsed / scene.scale[origin]
    at_end = last == scene.neighbors.end[last] - 1
    strength = np.minimum(speed * count / _WAY, _MOST) * np.where(at_end, 1, 0.1)
    strength += at_end * count * 0.01
    return make_findings(
        GHOST, first, strength, first, last, amount=count.astype(float)
    )
