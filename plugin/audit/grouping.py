# SPDX-License-Identifier: Apache-2.0
"""Issues: the findings about one mistake, as the one thing that people review."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ...importers.tracks import BOX
from .boxes import Floats, iou
from .kinds import (
    APPEARANCE,
    DUPLICATE,
    FRAGMENTATION,
    IDENTITY_SWITCH,
    LOW_IOU,
    SHIFT,
    SIZE_CHANGE,
)
from .scene import Rows, Scene
from .score import odds_to_score
from .sentences import describe

#: Findings of one track that are at most this many labelled frames apart are one
#: mistake: the middle of a glitch may pass where its ends do not.
MERGE_WITHIN = 2
#: Kinds that are one mistake of two tracks.
_OF_BOTH = (IDENTITY_SWITCH, FRAGMENTATION)
_OF_TWO = (*_OF_BOTH, DUPLICATE)
#: Whatever is wrong with boxes shows in their size and place too, and that in their
#: looks. What explains more names an issue, unless the other is likelier by far: the
#: logarithm of its odds gets this much more. Looks name one only where nothing else
#: does.
_SPECIAL = 2.0
_GENERAL = {SIZE_CHANGE: 0.5, SHIFT: 0.0, LOW_IOU: 0.0, APPEARANCE: -100.0}
COLUMNS = [
    "sequence",
    "kind",
    "track",
    "other_track",
    "first_frame",
    "last_frame",
    "score",
    "reason",
    "suggestion",
    "size_limit",
    "iou_limit",
]


def find_issues(
    scene: Scene, findings: pd.DataFrame, signals: pd.DataFrame
) -> pd.DataFrame:
    """Merges the findings of one sequence that are about one mistake.

    Args:
        scene: the scene
        findings: the findings, with ``odds`` and ``flagged``; only those that are
            flagged count
        signals: the signals of each row of the tracks table

    Returns:
        one row per issue, worst first, with :data:`COLUMNS`; frames are
        positions, ``other_track`` is null unless two tracks are involved.
        ``size_limit`` and ``iou_limit`` are the thresholds that all its boxes of
        ``track`` would just pass, null where they were not judged
    """
    flagged = findings[findings["flagged"]].reset_index(drop=True)
    if flagged.empty:
        return pd.DataFrame(columns=COLUMNS)
    issue = _group(scene, flagged)
    naming = flagged["odds"] + flagged["kind"].map(_GENERAL).fillna(_SPECIAL)
    # Of two equal findings about two tracks, the earlier one names the issue
    begin = scene.frame[flagged["peak"]]
    order = np.lexsort((flagged["peak"], begin, -naming, issue))
    _, best = np.unique(issue[order], return_index=True)
    chosen = flagged.iloc[order[best]].reset_index(drop=True)
    track = scene.track[chosen["peak"]]
    own = scene.track[flagged["peak"]] == track[issue]
    spans = flagged[own].groupby(issue[own])
    first, last = spans["first"].min().to_numpy(), spans["last"].max().to_numpy()
    told = _tell(scene, chosen, first, last).join(
        signals.iloc[chosen["peak"]].reset_index(drop=True)
    )
    reasons, suggestions = describe(told)
    worst = flagged.groupby(issue)["odds"].max().to_numpy()
    issues = told.assign(
        first_frame=scene.frame[first],
        last_frame=scene.frame[last],
        score=odds_to_score(worst, np.ones(len(worst))),
        reason=reasons,
        suggestion=suggestions,
        size_limit=_reduce(np.fmax, signals.get("size_limit"), first, last),
        iou_limit=_reduce(np.fmin, signals.get("iou_limit"), first, last),
    )
    return sort_issues(issues[COLUMNS])


def sort_issues(issues: pd.DataFrame) -> pd.DataFrame:
    """Sorts issues, the worst first.

    Args:
        issues: issues with :data:`COLUMNS`

    Returns:
        the same, sorted
    """
    order = ["score", "sequence", "track", "first_frame"]
    return issues.sort_values(
        order, ascending=[False, True, True, True], ignore_index=True
    )


def _group(scene: Scene, flagged: pd.DataFrame) -> Rows:
    """Numbers the mistakes that findings are about, ``(m,)``."""
    track = scene.track[flagged["peak"]]
    begin = scene.time[flagged["first"]]
    end = scene.time[flagged["last"]]
    order = np.lexsort((begin, track))
    # The latest end so far, within the track: tracks lie apart on one axis
    apart = track[order] * (np.ptp(scene.time) + MERGE_WITHIN + 1)
    reach = np.maximum.accumulate(end[order] + apart)
    joined = begin[order][1:] + apart[1:] <= reach[:-1] + MERGE_WITHIN
    one, other = order[:-1][joined], order[1:][joined]
    pairs = flagged[flagged["kind"].isin(_OF_BOTH)].reset_index()
    met = pairs.merge(
        pairs, left_on=["kind", "peak", "other"], right_on=["kind", "other", "peak"]
    )
    one = np.concatenate([one, met["index_x"]])
    other = np.concatenate([other, met["index_y"]])
    count = len(flagged)
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(count, count))
    numbers: Rows = connected_components(graph, directed=False)[1]
    return numbers


def _tell(scene: Scene, chosen: pd.DataFrame, first: Rows, last: Rows) -> pd.DataFrame:
    """Collects what there is to say of each issue, see ``sentences.py``."""
    table = scene.table
    peak = chosen["peak"].to_numpy()
    names = table["frame_name"].astype(object).to_numpy()
    labels = table["label"].astype(object)
    track = scene.track[peak]
    told_of = np.isin(scene.track, track)
    usual = (
        labels[told_of]
        .groupby(scene.track[told_of])
        .agg(lambda of_track: of_track.value_counts().index[0])
    )
    tracks = table["track"].to_numpy()
    other = chosen["other"].to_numpy()
    of_two = (other >= 0) & chosen["kind"].isin(_OF_TWO).to_numpy()
    told = chosen[["kind", "amount"]].assign(
        sequence=str(table["sequence"].iloc[0]),
        track=tracks[peak],
        other_track=pd.arrays.IntegerArray(tracks[other], ~of_two),
        label=labels.to_numpy()[peak],
        usual_label=usual.loc[track].to_numpy(),
        first_name=names[first],
        last_name=names[last],
        peak_name=names[peak],
        count=last - first + 1,
    )
    suggested = _interpolate(scene, peak, first, last)
    told[BOX] = suggested
    told["fit"] = iou(scene.boxes[peak], suggested)
    return told


def _reduce(
    take: np.ufunc, values: pd.Series[float] | None, first: Rows, last: Rows
) -> Floats:
    """Reduces the values of each stretch of rows to one, ``(m,)``."""
    if values is None:
        return np.full(len(first), np.nan)
    ends = np.stack([first, last + 1], axis=1).ravel()
    reduced: Floats = take.reduceat(np.append(values, np.nan), ends)[::2]
    return reduced


def _interpolate(scene: Scene, peak: Rows, first: Rows, last: Rows) -> Floats:
    """Returns the box that the boxes before and after suggest, ``(m, 4)``."""
    before = np.maximum(first - 1, scene.neighbours.start[peak])
    after = np.minimum(last + 1, scene.neighbours.end[peak] - 1)
    elapsed = scene.time[after] - scene.time[before]
    way = (scene.time[peak] - scene.time[before]) / np.where(elapsed > 0, elapsed, 1)
    way = way[:, None]
    boxes = scene.boxes[before] * (1 - way) + scene.boxes[after] * way
    inside = (before < first) & (after > last)
    return np.where(inside[:, None], boxes, np.nan)
