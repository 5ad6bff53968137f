# SPDX-License-Identifier: Apache-2.0
"""Summary of an audit, per sequence."""

from __future__ import annotations

import pandas as pd

from ...importers.tracks import Tracks
from . import Audit


def make_summary(tracks: Tracks, audit: Audit) -> pd.DataFrame:
    """Count the outliers and issues of each sequence.

    Returns:
        one row per sequence: its name and its numbers of ``frames``,
        ``tracks``, ``detections``, ``outliers`` and ``issues``
    """
    table = tracks.table
    names = list(tracks.sequences)
    identified = table[table["track"] >= 0].drop_duplicates(["sequence", "track"])
    outliers = table[(audit.detections["outlier_reasons"] != "").to_numpy()]
    counted = {
        "tracks": identified,
        "detections": table,
        "outliers": outliers,
        "issues": audit.issues,
    }
    frames = [len(sequence.frame_names) for sequence in tracks.sequences.values()]
    counts = {
        what: rows["sequence"].value_counts().reindex(names, fill_value=0).to_list()
        for what, rows in counted.items()
    }
    return pd.DataFrame({"sequence": names, "frames": frames, **counts})
