# SPDX-License-Identifier: Apache-2.0
"""How evenly boxes move after the camera's motion is removed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .boxes import Floats
from .medians import middle_values
from .neighbors import Neighbors
from .scene import Scene

#: Labeled frames on either side that predict a box.
REACHES = (1, 2, 4, 8)
#: Number of tracks in a frame from which on their median is the camera's motion.
_QUORUM = 3
#: Labeled frames over which people walk evenly if the camera does not move.
_EVEN_OVER = 8


def midpoint_residual(values: Floats, neighbors: Neighbors, reach: int) -> Floats:
    """Compute the distance of values from the midpoint of two others of their track.

    The result is ``x(t) - (x(t - reach) + x(t + reach)) / 2``, half the negative
    second difference.

    Args:
        values: array ``(n, m)``
        neighbors: the neighbors of the ``n`` rows
        reach: distance in labeled frames

    Returns:
        array ``(n, m)`` in the unit of the values, NaN unless the track has both boxes
        at exactly that distance
    """
    result = np.full(values.shape, np.nan, order="F")
    if len(values) <= 2 * reach:
        return result
    start, time = neighbors.start, neighbors.time
    elapsed = time[2 * reach :] - time[: -2 * reach]
    whole = start[2 * reach :] == start[: -2 * reach]
    whole &= np.abs(elapsed - 2 * reach) < 0.01
    for axis in range(values.shape[1]):
        own = values[:, axis]
        middle = (own[: -2 * reach] + own[2 * reach :]) / 2
        inside = result[reach:-reach, axis]
        np.subtract(own[reach:-reach], middle, out=inside, where=whole)
    return result


def steady_centers(scene: Scene) -> Floats:
    """Compute the centers of boxes without the camera's motion.

    The camera's motion between two labeled frames is the median displacement of all
    tracks. It is removed in each direction only if tracks then move more evenly over
    eight labeled frames, because the median of a few walking people is not the
    camera's motion.

    Returns:
        array ``(n, 2)``, centers in pixels
    """
    centers = scene.states[:, :2]
    rows = np.flatnonzero(scene.neighbors.adjacent)
    steps = pd.DataFrame(centers[rows] - centers[rows - 1])
    by_frame = steps.groupby(scene.frame[rows])
    moved = by_frame.median()[by_frame.size() >= _QUORUM]
    path = (
        moved.reindex(range(max(scene.frames, scene.end) + 1))
        .fillna(0)
        .cumsum()
        .to_numpy()
    )
    steadied = centers - path[scene.frame]
    return np.where(
        _unevenness(scene, steadied) < _unevenness(scene, centers), steadied, centers
    )


def _unevenness(scene: Scene, centers: Floats) -> Floats:
    """Return how unevenly tracks move in each direction, ``(2,)``."""
    residual = midpoint_residual(centers, scene.neighbors, _EVEN_OVER)
    known = ~np.isnan(residual[:, 0])
    return np.abs(residual[known]).mean(axis=0) if known.any() else np.zeros(2)


def motion_signals(scene: Scene) -> dict[str, Floats]:
    """Compute how far each box is from where its neighbors predict it.

    Returns:
        ``motion_residual``, array ``(n,)``, at least 0: the median distance of the
        center from the midpoint of the two boxes 1, 2, 4 and 8 labeled frames before
        and after, over the square root of the box's area
    """
    centers = scene.once(steady_centers)
    distances = [
        np.hypot(*midpoint_residual(centers, scene.neighbors, reach).T)
        for reach in REACHES
    ]
    low, high, _ = middle_values(np.stack(distances))
    return {"motion_residual": (low + high) / 2 / scene.scale}
