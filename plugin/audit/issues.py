# SPDX-License-Identifier: Apache-2.0
"""Issues: neighbouring outliers of one track, as the one mistake that they are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers.tracks import Tracks
from .boxes import Floats
from .neighbours import find_neighbours
from .outliers import severity_to_score

#: Kinds of mistakes: as they stand in ``outlier_reasons`` and label the issues.
SIZE_CHANGE = "size_change"
LOW_IOU = "low_iou"


#: Outliers of one track that are at most this many labelled frames apart are
#: one mistake: the middle of a glitch may pass where its ends do not.
MERGE_WITHIN = 2

COLUMNS = [
    "sequence",
    "kind",
    "track",
    "other_track",
    "first_frame",
    "last_frame",
    "score",
    "reason",
]


def kind_name(kind: str) -> str:
    """Returns the name of a kind of mistake as people read it.

    Args:
        kind: a kind, such as ``low_iou``

    Returns:
        the name, such as ``low IoU``
    """
    return kind.replace("_", " ").replace("iou", "IoU")


def find_issues(tracks: Tracks, evidence: pd.DataFrame) -> pd.DataFrame:
    """Merges the outliers of each track into issues.

    Args:
        tracks: the tracks
        evidence: one row per row of the tracks table. For each kind that was
            looked for a column ``severity_<kind>`` (above 1 is an outlier), the
            signals of that kind, and ``area_ratio`` (area over what the track
            predicts) or ``predicted_iou`` (IoU with what the track predicts)

    Returns:
        one row per issue, worst first, with :data:`COLUMNS`; frames are
        positions, ``other_track`` is null unless two tracks are involved
    """
    severity = evidence.filter(like="severity_").rename(
        columns=lambda name: name.removeprefix("severity_")
    )
    values = np.nan_to_num(severity.to_numpy())
    rows = np.flatnonzero((values > 1).any(axis=1))
    neighbours = find_neighbours(tracks.table)
    first = _starts_issue(neighbours.start[rows], neighbours.time[rows])
    flagged = tracks.table[["sequence", "frame", "frame_name", "track", "label"]]
    flagged = flagged.iloc[rows].join(evidence.iloc[rows])
    flagged["issue"] = np.cumsum(first)
    flagged["kind"] = np.asarray(severity.columns)[values[rows].argmax(axis=1)]
    flagged["score"] = severity_to_score(values[rows].max(axis=1))
    flagged = flagged.astype(
        {"sequence": object, "frame_name": object, "label": object}
    )

    found = flagged.groupby("issue")
    worst = flagged.loc[found["score"].idxmax()].set_index("issue")
    issues = worst[["sequence", "kind", "track"]].assign(
        other_track=pd.array([pd.NA] * len(worst), "Int32"),
        first_frame=found["frame"].first(),
        last_frame=found["frame"].last(),
        score=worst["score"],
        reason=_explain(worst, found["frame_name"].first(), found["frame_name"].last()),
    )
    order = ["score", "sequence", "track", "first_frame"]
    return issues.sort_values(
        order, ascending=[False, True, True, True], ignore_index=True
    )


def _starts_issue(track: NDArray[np.intp], time: Floats) -> NDArray[np.bool_]:
    """Returns whether each outlier begins an issue: bool array ``(n,)``."""
    apart = (np.diff(track) != 0) | (np.diff(time) > MERGE_WITHIN)
    return np.concatenate([np.ones(len(track[:1]), bool), apart])


def _explain(
    worst: pd.DataFrame, first: pd.Series[str], last: pd.Series[str]
) -> list[str]:
    """Says of each issue, by its worst box, in plain words what is wrong."""
    sentences = []
    box: Any
    for box in worst.assign(first=first, last=last).itertuples():
        place = (
            f"at {box.first}"
            if box.first == box.last
            else (f"from {box.first} to {box.last}")
        )
        what = _EXPLAIN[box.kind](box)
        sentences.append(f"{box.label} {box.track} {place}: {what}")
    return sentences


def _explain_size(box: Any) -> str:  # noqa: ANN401 - a row's named tuple
    departure = box.area_ratio - 1
    if abs(departure) > 0.1 or math.isnan(box.size_change):
        more = "larger" if departure > 0 else "smaller"
        return (
            f"the box is {abs(departure):.0%} {more} than the frames around it suggest"
        )
    more = "grows" if box.size_change > 0 else "shrinks"
    return f"the box {more} by {abs(box.size_change):.0%} here and stays so"


def _explain_iou(box: Any) -> str:  # noqa: ANN401 - as above
    sides = {"previous": box.iou_prev, "next": box.iou_next}
    known = {side: value for side, value in sides.items() if not math.isnan(value)}
    lowest = min(known, key=lambda side: known[side], default=None)
    jump = f"IoU with the {lowest} frame is {known[lowest]:.2f}" if lowest else ""
    place = (
        f"IoU with the place that the frames around it suggest is "
        f"{box.predicted_iou:.2f}"
    )
    if jump and box.predicted_iou > 0.75:
        return f"{jump}: the track jumps here and stays there"
    return f"{jump}, {place}" if jump else place


_EXPLAIN = {SIZE_CHANGE: _explain_size, LOW_IOU: _explain_iou}
