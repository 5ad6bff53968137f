# SPDX-License-Identifier: Apache-2.0
"""Boxes whose crops do not show the object of their track."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..boxes import Rows
from ..embeddings import (
    appearance_severity,
    center_distance,
    embedding_distance,
    mean_outliers,
    rival_distance,
)
from ..findings import find_peaks, make_findings
from ..scene import Scene
from ..signals import Signal
from .extents import around_peaks

APPEARANCE = "appearance"
#: Rows on either side that belong to one mistake.
_REACH = 3
#: Share of the worst severity from which on its neighbors are wrong, too; all above
#: the threshold are.
_SHARE = 0.7


def find_appearance(scene: Scene) -> pd.DataFrame:
    """Find boxes whose crops look unlike their neighbors in the track.

    The strength is the :func:`appearance_severity`. The amount is the cosine distance
    to the previous box.
    """
    distance = embedding_distance(scene.embeddings, scene.neighbors)
    severity = appearance_severity(
        distance, scene.neighbors, scene.occlusion, scene.clipped
    )
    peaks = find_peaks(severity, scene.track, _REACH)
    least = (_SHARE * severity[peaks]).clip(max=1)
    first, last = around_peaks(severity, peaks, scene.track, least, _REACH)
    return make_findings(
        APPEARANCE, peaks, severity[peaks], first, last, amount=distance[peaks]
    )


def appearance_signals(scene: Scene) -> dict[str, Signal]:
    """Compute the distances of crops to their track and to its rival.

    The rival of a box is the track whose box covers most of it in the same frame.

    Returns:
        arrays ``(n,)`` of cosine distances: ``embedding_distance`` to the previous
        box; ``embedding_centre_distance`` to the center of the track;
        ``embedding_rival_distance``, the distance to the rival's center minus that
        to its own, below 0 if the box looks more like the rival; and
        ``embedding_outlier`` (boolean), whether the distance to the previous box is
        above the track's mean plus two standard deviations
    """
    vectors, neighbors = scene.embeddings, scene.neighbors
    distance = embedding_distance(vectors, neighbors)
    outlier = mean_outliers(distance, neighbors)
    return {
        "embedding_distance": distance,
        "embedding_outlier": pd.arrays.BooleanArray(outlier, np.isnan(distance)),
        "embedding_centre_distance": center_distance(vectors, neighbors),
        "embedding_rival_distance": rival_distance(
            vectors, neighbors, _find_rivals(scene)
        ),
    }


def _find_rivals(scene: Scene) -> Rows:
    """Return the row of the box that covers most of each, -1 without one, ``(n,)``."""
    pairs = scene.overlaps
    rows = np.concatenate([pairs.first, pairs.second])
    others = np.concatenate([pairs.second, pairs.first])
    order = np.argsort(np.tile(pairs.shared, 2), kind="stable")
    result = np.full(len(scene.boxes), -1, np.intp)
    # Of several values for one row, numpy keeps the last: the largest overlap
    result[rows[order]] = others[order]
    return result
