# SPDX-License-Identifier: Apache-2.0
"""Issues: findings about the same mistake, merged into one thing to review."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ...importers.tracks import BOX
from .boxes import Floats, Rows, iou
from .detectors.identity import IDENTITY_SWITCH
from .findings import reduce_runs
from .kinds import BY_NAME, TABLE
from .scene import Scene
from .score import odds_to_score
from .sentences import Issue

#: Findings of one track that are at most this many labeled frames apart are one
#: mistake, because the middle of a glitch may pass although its ends do not.
MERGE_WITHIN = 2
#: Switches in one frame, and the share of its boxes, from which on they are one.
_MANY, _MANY_SHARE = 3, 0.3
#: The signals that sentences tell.
_TOLD_SIGNALS = ["size_change", "iou_prev", "iou_next", "occlusion"]
#: The box that the frames around the mistake suggest at ``peak_frame``, in pixels.
EXPECTED = [f"expected_{side}" for side in BOX]
#: The columns of issues.
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
    "peak_frame",
    *EXPECTED,
]


def find_issues(
    scene: Scene, findings: pd.DataFrame, signals: pd.DataFrame
) -> pd.DataFrame:
    """Merge the findings of one sequence that are about the same mistake.

    Args:
        scene: the scene
        findings: the findings, with ``odds`` and ``flagged``; others are ignored
        signals: the signals of each row of the tracks table

    Returns:
        one row per issue, worst first, with :data:`COLUMNS`; frames are positions,
        and ``other_track`` is null unless two tracks are involved. ``size_limit`` and
        ``iou_limit`` are the thresholds that all boxes of ``track`` would just pass,
        null if they were not judged; ``peak_frame`` shows the mistake best, and
        ``expected_left`` to ``expected_height`` is the box in pixels that the frames
        around suggest there, null if they suggest none
    """
    flagged = findings[findings["flagged"]].reset_index(drop=True)
    if flagged.empty:
        return pd.DataFrame(columns=COLUMNS)
    issue = _group(scene, flagged)
    chosen = _choose(scene, flagged, issue)
    track = scene.track[chosen["peak"]]
    own = scene.track[flagged["peak"]] == track[issue]
    spans = flagged[own].groupby(issue[own])
    first, last = spans["first"].min().to_numpy(), spans["last"].max().to_numpy()
    worst = flagged.groupby(issue)["odds"].max().to_numpy()
    joint = _involve(scene, flagged, issue, chosen)
    begin, end = joint["first"].to_numpy(), joint["last"].to_numpy()
    begin = np.where(scene.frame[first] <= scene.frame[begin], first, begin)
    end = np.where(scene.frame[last] >= scene.frame[end], last, end)
    chosen = chosen.assign(begin=begin, end=end, tracks=joint["tracks"])
    peak = chosen["peak"].to_numpy()
    expected = _interpolate(scene, peak, first, last)
    told = _tell(scene, chosen, signals, first, last, expected)
    kinds = [BY_NAME[name] for name in chosen["kind"]]
    sentences = list(zip(kinds, told, strict=True))
    tracks, other = scene.table["track"].to_numpy(), chosen["other"].to_numpy()
    issues = pd.DataFrame(
        {
            "sequence": str(scene.table["sequence"].iloc[0]),
            "kind": chosen["kind"],
            "track": tracks[chosen["peak"]],
            "other_track": pd.arrays.IntegerArray(tracks[other], other < 0),
            "first_frame": scene.frame[begin],
            "last_frame": scene.frame[end],
            "score": odds_to_score(worst, np.ones(len(worst))),
            "reason": [f"{issue}: {kind.reason(issue)}" for kind, issue in sentences],
            "suggestion": [kind.suggestion(issue) for kind, issue in sentences],
            "size_limit": _reduce(np.fmax, signals.get("size_limit"), first, last),
            "iou_limit": _reduce(np.fmin, signals.get("iou_limit"), first, last),
            "peak_frame": scene.frame[peak],
            **dict(zip(EXPECTED, expected.T, strict=True)),
        },
        columns=COLUMNS,
    )
    return sort_issues(issues)


def sort_issues(issues: pd.DataFrame) -> pd.DataFrame:
    """Sort issues, the worst first.

    Args:
        issues: issues with :data:`COLUMNS`

    Returns:
        the same, sorted
    """
    order = ["score", "sequence", "track", "first_frame"]
    return issues.sort_values(
        order, ascending=[False, True, True, True], ignore_index=True
    )


def _choose(scene: Scene, flagged: pd.DataFrame, issue: Rows) -> pd.DataFrame:
    """Return the finding that names each issue, the likeliest one."""
    precedence = {kind.name: kind.precedence for kind in TABLE}
    naming = flagged["odds"] + flagged["kind"].map(precedence)
    # Of two equal findings about two tracks, the earlier one names the issue
    when = scene.frame[flagged["peak"]]
    order = np.lexsort((flagged["peak"], when, -naming, issue))
    _, best = np.unique(issue[order], return_index=True)
    return flagged.iloc[order[best]].reset_index(drop=True)


def _group(scene: Scene, flagged: pd.DataFrame) -> Rows:
    """Number the mistakes that findings are about, ``(m,)``."""
    track = scene.track[flagged["peak"]]
    begin = scene.time[flagged["first"]]
    end = scene.time[flagged["last"]]
    order = np.lexsort((begin, track))
    # The latest end so far within the track; tracks are far apart on one axis
    apart = track[order] * (np.ptp(scene.time) + MERGE_WITHIN + 1)
    reach = np.maximum.accumulate(end[order] + apart)
    joined = begin[order][1:] + apart[1:] <= reach[:-1] + MERGE_WITHIN
    one, other = order[:-1][joined], order[1:][joined]
    # Some detectors find a mistake of two tracks from both sides
    pairs = flagged[flagged["other"] >= 0].reset_index()
    met = pairs.merge(
        pairs, left_on=["kind", "peak", "other"], right_on=["kind", "other", "peak"]
    )
    switched = _same_switch(scene, flagged)
    one = np.concatenate([one, met["index_x"], switched[0]])
    other = np.concatenate([other, met["index_y"], switched[1]])
    count = len(flagged)
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(count, count))
    numbers: Rows = connected_components(graph, directed=False)[1]
    return numbers


def _same_switch(scene: Scene, flagged: pd.DataFrame) -> tuple[Rows, Rows]:
    """Pair the switches of the same two tracks, or of many, at the same frame.

    Tools that cut a video into segments mix up the IDs of all tracks where they do.
    """
    switches = flagged[(flagged["kind"] == IDENTITY_SWITCH) & (flagged["other"] >= 0)]
    one, other = (scene.track[switches[name].to_numpy()] for name in ("peak", "other"))
    frame = scene.frame[switches["peak"]]
    boxes = np.bincount(scene.frame, minlength=1)[frame]
    keys = pd.DataFrame(
        {"frame": frame, "one": np.minimum(one, other), "other": np.maximum(one, other)}
    )
    count = keys.groupby("frame")["frame"].transform("size").to_numpy()
    many = (count >= _MANY) & (count >= _MANY_SHARE * boxes)
    keys.loc[many, ["one", "other"]] = -1
    order = np.lexsort(keys[["other", "one", "frame"]].to_numpy().T)
    same = (np.diff(keys.to_numpy()[order], axis=0) == 0).all(axis=1)
    found = switches.index.to_numpy(np.intp)[order]
    return found[:-1][same], found[1:][same]


def _involve(
    scene: Scene, flagged: pd.DataFrame, issue: Rows, chosen: pd.DataFrame
) -> pd.DataFrame:
    """Find the boxes that the findings of each issue's kind are about, in any track.

    Returns:
        one row per issue: ``first`` and ``last``, the boxes that begin and end it, and
        ``tracks``, the number of tracks
    """
    kind = chosen["kind"].to_numpy()[issue]
    joint = ((flagged["other"] >= 0) & (flagged["kind"] == kind)).to_numpy()
    rows = np.concatenate(
        [chosen["peak"], *(flagged.loc[joint, name] for name in ("peak", "other"))]
    )
    numbers = np.concatenate([np.arange(len(chosen)), issue[joint], issue[joint]])
    order = np.lexsort((scene.frame[rows], numbers))
    sides = pd.DataFrame({"row": rows, "track": scene.track[rows]}).iloc[order]
    by_issue = sides.groupby(numbers[order])
    return by_issue.agg(
        first=("row", "first"), last=("row", "last"), tracks=("track", "nunique")
    )


def _tell(
    scene: Scene,
    chosen: pd.DataFrame,
    signals: pd.DataFrame,
    first: Rows,
    last: Rows,
    suggested: Floats,
) -> Iterator[Issue]:
    """Yield what there is to say about each issue."""
    table = scene.table
    peak, other, rival = (
        chosen[name].to_numpy() for name in ("peak", "other", "rival")
    )
    tracks = table["track"].to_numpy()
    names = scene.call_frames(table)
    labels = table["label"].cat.categories.to_numpy(object)
    shown = signals.reindex(columns=_TOLD_SIGNALS).to_numpy(float)[peak]
    columns: dict[str, NDArray[np.generic]] = {
        "track": tracks[peak],
        "other_track": np.where(other < 0, -1, tracks[other]),
        "label": labels[scene.label[peak]],
        "usual_label": labels[scene.usual_label[scene.track[peak]]],
        "first_name": names[chosen["begin"]],
        "last_name": names[chosen["end"]],
        "peak_name": names[peak],
        "count": last - first + 1,
        "tracks": chosen["tracks"].to_numpy(),
        "amount": chosen["amount"].to_numpy(float),
        "chance": chosen["chance"].to_numpy(float),
        "rival_track": np.where(rival < 0, -1, tracks[rival]),
        "rival_chance": chosen["rival_chance"].to_numpy(float),
        **dict(zip(BOX, suggested.T, strict=True)),
        "fit": iou(scene.boxes[peak], suggested),
        **dict(zip(_TOLD_SIGNALS, shown.T, strict=True)),
    }
    for values in zip(*(column.tolist() for column in columns.values()), strict=True):
        yield Issue(**dict(zip(columns, values, strict=True)))


def _reduce(
    take: np.ufunc, values: pd.Series[float] | None, first: Rows, last: Rows
) -> Floats:
    """Reduce the values of each stretch of rows to one, ``(m,)``."""
    if values is None:
        return np.full(len(first), np.nan)
    return reduce_runs(take, np.asarray(values, np.float64), first, last)


def _interpolate(scene: Scene, peak: Rows, first: Rows, last: Rows) -> Floats:
    """Return the boxes that the boxes before and after suggest, ``(m, 4)``."""
    before = np.maximum(first - 1, scene.neighbors.start[peak])
    after = np.minimum(last + 1, scene.neighbors.end[peak] - 1)
    elapsed = scene.time[after] - scene.time[before]
    way = (scene.time[peak] - scene.time[before]) / np.where(elapsed > 0, elapsed, 1)
    way = way[:, None]
    boxes = scene.boxes[before] * (1 - way) + scene.boxes[after] * way
    inside = (before < first) & (after > last)
    return np.where(inside[:, None], boxes, np.nan)
