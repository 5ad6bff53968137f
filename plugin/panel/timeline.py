# SPDX-License-Identifier: Apache-2.0
"""The timeline of a sequence: the labeled frames of its tracks, and their issues."""

from __future__ import annotations

from collections import defaultdict

import pandas as pd

from ..plain import Json, to_records

#: The orders of tracks: by the sum of their issues' scores, or by labeled frames.
WORST, LONGEST = "worst", "longest"
_MARKED = ["id", "kind", "track", "first", "last", "score", "decision"]


def show_timeline(runs: Json, issues: pd.DataFrame, order: str, most: int) -> Json:
    """Return the bars of some tracks of a sequence.

    Args:
        runs: the runs of frames of the sequence's tracks, see ``make_overview()``
        issues: the issues of the sequence
        order: ``worst`` or ``longest``
        most: how many tracks to show

    Returns:
        ``total``, the number of tracks, and ``tracks``, each with its ``track``,
        ``label``, ``runs`` ``[first, last]`` of labeled frames, and ``issues``

    Raises:
        ValueError: if the order is unknown
    """
    if order not in (WORST, LONGEST):
        raise ValueError(f"expected {WORST} or {LONGEST}, not '{order}'")
    table = pd.DataFrame(runs)
    table["length"] = table["last"] - table["first"] + 1
    tracks = table.groupby("track").agg(
        label=("label", "first"), longest=("length", "sum"), begin=("first", "min")
    )
    tracks["worst"] = issues.groupby("track")["score"].sum()
    tracks = tracks.fillna({"worst": 0}).sort_values(
        [order, "longest", "begin"], ascending=[False, False, True]
    )
    shown = tracks.head(most)
    bars: dict[int, list[list[int]]] = defaultdict(list)
    for run in to_records(table[table["track"].isin(shown.index)]):
        bars[run["track"]].append([run["first"], run["last"]])
    marks: dict[int, list[Json]] = defaultdict(list)
    named = issues.rename(columns={"first_frame": "first", "last_frame": "last"})
    for issue in to_records(named.loc[named["track"].isin(shown.index), _MARKED]):
        marks[issue["track"]].append(issue)
    return {
        "total": len(tracks),
        "tracks": [
            {
                "track": track,
                "label": label,
                "runs": bars[track],
                "issues": marks[track],
            }
            for track, label in zip(shown.index.tolist(), shown["label"], strict=True)
        ],
    }
