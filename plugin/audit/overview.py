# SPDX-License-Identifier: Apache-2.0
"""The overview of an audit: when tracks are labeled, and what thresholds would flag.

It is computed once, while the audit has all boxes in memory, and stored with the
audit's run, so that nobody has to go through all boxes again.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...importers.tracks import Tracks
from ..plain import Json
from . import Audit
from .boxes import Floats
from .neighbors import find_neighbors

#: The edges of the histograms of thresholds; the last bin includes all beyond.
EDGES = {"size": np.linspace(0, 2, 201), "iou": np.linspace(0, 1, 101)}


def make_overview(tracks: Tracks, audit: Audit) -> Json:
    """Summarize each sequence.

    Returns:
        by sequence: the number of ``boxes``; the ``runs`` of frames without a gap, as
        lists of ``track``, ``label``, ``first`` and ``last``; and for each threshold
        that was judged (``size``, ``iou``) the histogram of the limits of its boxes
        over its :data:`EDGES`
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
    """Return the runs of labeled frames of each track of one sequence."""
    begins = ~find_neighbors(table).adjacent
    first, last = np.flatnonzero(begins), np.flatnonzero(np.roll(begins, -1))
    runs = pd.DataFrame(
        {
            "track": table["track"].to_numpy()[first],
            "label": table["label"].astype(object).to_numpy()[first],
            "first": table["frame"].to_numpy()[first],
            "last": table["frame"].to_numpy()[last],
        }
    )
    known = runs[runs["track"] >= 0]
    return {name: known[name].tolist() for name in ("track", "label", "first", "last")}


def _count(limits: Floats, threshold: str) -> list[int]:
    edges = EDGES[threshold]
    known = np.clip(limits[~np.isnan(limits)], edges[0], edges[-1])
    counts: list[int] = np.histogram(known, edges)[0].tolist()
    return counts
