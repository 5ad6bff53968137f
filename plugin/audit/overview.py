# SPDX-License-Identifier: Apache-2.0
"""An audit from afar: when tracks were labelled, and what thresholds would flag.

It is made once, from what the audit holds in memory anyway, and kept with the
audit's run: what takes a pass over all boxes to find out is then a look away.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ...importers.tracks import Tracks
from ..plain import Json
from . import Audit
from .neighbours import find_neighbours

#: The thresholds between which boxes are counted; beyond the last one all alike.
EDGES = {"size": np.linspace(0, 2, 201), "iou": np.linspace(0, 1, 101)}


def make_overview(tracks: Tracks, audit: Audit) -> Json:
    """Makes the overview of each sequence.

    Args:
        tracks: the tracks
        audit: the audit of these tracks

    Returns:
        by sequence: ``boxes``, their number; ``runs`` of frames without a gap,
        as the lists ``track``, ``label``, ``first`` and ``last``; and for each
        threshold that was judged (``size``, ``iou``) the numbers of boxes whose
        limit lies between two of its :data:`EDGES`
    """
    limits = {
        name: audit.detections[f"{name}_limit"].to_numpy()
        for name in EDGES
        if f"{name}_limit" in audit.detections
    }
    places = tracks.table.groupby("sequence", observed=True).indices
    return {
        name: {
            "boxes": len(rows),
            "runs": _find_runs(tracks.table.iloc[rows]),
            **{
                threshold: _count(values[rows], threshold)
                for threshold, values in limits.items()
            },
        }
        for name in tracks.sequences
        for rows in [places.get(name, np.array([], np.intp))]
    }


def _find_runs(table: pd.DataFrame) -> Json:
    """Returns where each track of one sequence is labelled without a gap."""
    begins = ~find_neighbours(table).adjacent
    first, last = np.flatnonzero(begins), np.flatnonzero(np.roll(begins, -1))
    runs = pd.DataFrame(
        {
            "track": table["track"].to_numpy()[first],
            "label": table["label"].astype(object).to_numpy()[first],
            "first": table["frame"].to_numpy()[first],
            "last": table["frame"].to_numpy()[last],
        }
    )
    known: Any = runs[runs["track"] >= 0].to_dict("list")
    return dict(known)


def _count(limits: np.ndarray[Any, Any], threshold: str) -> list[int]:
    edges = EDGES[threshold]
    known = np.clip(limits[~np.isnan(limits)], edges[0], edges[-1])
    counts: list[int] = np.histogram(known, edges)[0].tolist()
    return counts
