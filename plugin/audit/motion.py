# SPDX-License-Identifier: Apache-2.0
"""How evenly boxes move, apart from what the camera does."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .boxes import Floats
from .neighbours import Neighbours
from .scene import Scene

#: Labelled frames on either side that predict a box.
REACHES = (1, 2, 4, 8)
#: Tracks in a frame from which on their median is the camera's motion.
_QUORUM = 3
#: Labelled frames over which people walk evenly when the camera stands still.
_EVEN_OVER = 8


def midpoint_residual(values: Floats, neighbours: Neighbours, reach: int) -> Floats:
    """Computes how far values lie from the middle of two of their track.

    ``x(t) - (x(t - reach) + x(t + reach)) / 2``, the negative second difference
    halved.

    Args:
        values: array ``(n, m)``
        neighbours: the neighbours of the ``n`` rows
        reach: distance in labelled frames

    Returns:
        array ``(n, m)`` in the unit of the values, NaN where the track has not
        both boxes at exactly that distance
    """
    result = np.full_like(values, np.nan)
    rows = np.arange(reach, max(len(values) - reach, reach))
    before, after = rows - reach, rows + reach
    whole = neighbours.start[before] == neighbours.start[after]
    elapsed = neighbours.time[after] - neighbours.time[before]
    rows = rows[whole & (np.abs(elapsed - 2 * reach) < 0.01)]
    middle = (values[rows - reach] + values[rows + reach]) / 2
    result[rows] = values[rows] - middle
    return result


def steady_centres(scene: Scene) -> Floats:
    """Computes where boxes are when the camera's motion is taken out.

    The camera's motion between two labelled frames is the median displacement of
    all tracks. In each direction it is taken out only where tracks then move
    more evenly over eight labelled frames: the median of a few people who walk is
    no camera.

    Args:
        scene: the scene

    Returns:
        array ``(n, 2)``, centres in pixels
    """
    centres = scene.states[:, :2]
    rows = np.flatnonzero(scene.neighbours.adjacent)
    steps = pd.DataFrame(centres[rows] - centres[rows - 1])
    by_frame = steps.groupby(scene.frame[rows])
    moved = by_frame.median()[by_frame.size() >= _QUORUM]
    path = (
        moved.reindex(range(max(scene.frames, scene.end) + 1))
        .fillna(0)
        .cumsum()
        .to_numpy()
    )
    steadied = centres - path[scene.frame]
    return np.where(
        _unevenness(scene, steadied) < _unevenness(scene, centres), steadied, centres
    )


def _unevenness(scene: Scene, centres: Floats) -> Floats:
    """Returns how unevenly tracks move in each direction, ``(2,)``."""
    residual = midpoint_residual(centres, scene.neighbours, _EVEN_OVER)
    known = ~np.isnan(residual[:, 0])
    return np.abs(residual[known]).mean(axis=0) if known.any() else np.zeros(2)


def motion_signals(scene: Scene) -> dict[str, Floats]:
    """Computes how far each box is from where its neighbours predict it.

    Args:
        scene: the scene

    Returns:
        ``motion_residual``, array ``(n,)``, at least 0: the distance of the
        centre from the middle of the two boxes 1, 2, 4 and 8 labelled frames
        before and after, the median of these, over the square root of the box's
        area
    """
    centres = steady_centres(scene)
    distances = [
        np.hypot(*midpoint_residual(centres, scene.neighbours, reach).T)
        for reach in REACHES
    ]
    ordered = np.sort(distances, axis=0)
    known = (~np.isnan(ordered)).sum(axis=0)
    rows = np.arange(len(centres))
    low = ordered[np.maximum(known - 1, 0) // 2, rows]
    high = ordered[np.minimum(known // 2, len(REACHES) - 1), rows]
    return {"motion_residual": np.where(known, (low + high) / 2, np.nan) / scene.scale}
