# SPDX-License-Identifier: Apache-2.0
"""Boxes that do not show what the rest of their track shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..boxes import Rows
from ..embeddings import (
    appearance_severity,
    centre_distance,
    embedding_distance,
    mean_outliers,
    rival_distance,
)
from ..findings import find_peaks, make_findings
from ..scene import Scene
from .extents import around_peaks

APPEARANCE = "appearance"
#: Rows on either side that belong to one mistake.
_REACH = 3
#: Severity of the boxes beside the worst one that are wrong too, as a share; all
#: above the threshold are.
_SHARE = 0.7


def find_appearance(scene: Scene) -> pd.DataFrame:
    """Finds boxes whose crops look unlike those beside them in their track.

    The strength is the :func:`appearance_severity`. The amount is the cosine
    distance to the previous box.

    Args:
        scene: the scene

    Returns:
        the findings
    """
    distance = embedding_distance(scene.embeddings, scene.neighbours)
    severity = appearance_severity(
        distance, scene.neighbours, scene.occlusion, scene.clipped
    )
    peaks = find_peaks(severity, scene.track, _REACH)
    least = (_SHARE * severity[peaks]).clip(max=1)
    first, last = around_peaks(severity, peaks, scene.track, least, _REACH)
    return make_findings(
        APPEARANCE, peaks, severity[peaks], first, last, amount=distance[peaks]
    )


def appearance_signals(scene: Scene) -> dict[str, Any]:
    """Computes what the crops tell, against the track and against its rival.

    The rival of a box is the track whose box covers most of it in the same frame.

    Args:
        scene: the scene

    Returns:
        arrays ``(n,)``: ``embedding_distance`` to the previous box,
        ``embedding_outlier`` (boolean, above the track's mean plus two standard
        deviations), ``embedding_centre_distance`` to the track's own
        centre, and ``embedding_rival_distance``, to the rival's centre less the one
        before: below 0, the box looks more like the rival. Cosine distances
    """
    vectors, neighbours = scene.embeddings, scene.neighbours
    distance = embedding_distance(vectors, neighbours)
    outlier = mean_outliers(distance, neighbours)
    return {
        "embedding_distance": distance,
        "embedding_outlier": pd.arrays.BooleanArray(outlier, np.isnan(distance)),
        "embedding_centre_distance": centre_distance(vectors, neighbours),
        "embedding_rival_distance": rival_distance(
            vectors, neighbours, _find_rivals(scene)
        ),
    }


def _find_rivals(scene: Scene) -> Rows:
    """Returns the row of the box that covers most of each, -1 for none, ``(n,)``."""
    pairs = scene.overlaps
    rows = np.concatenate([pairs.first, pairs.second])
    others = np.concatenate([pairs.second, pairs.first])
    order = np.argsort(np.tile(pairs.shared, 2), kind="stable")
    result = np.full(len(scene.boxes), -1, np.intp)
    # Of several values for one row, numpy keeps the last: the largest overlap
    result[rows[order]] = others[order]
    return result
