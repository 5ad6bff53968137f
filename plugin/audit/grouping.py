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
from .detectors.jitter import JITTER
from .findings import reduce_runs
from .kinds import BY_NAME, IOU_KINDS, SIZE_KINDS
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
        those of its kind's findings, and ``other_track`` is null unless two tracks
        are involved. ``size_limit`` and ``iou_limit`` are the thresholds that all boxes
        of ``track`` would just pass, null if they were not judged; ``peak_frame`` shows
        the mistake best, and ``expected_left`` to ``expected_height`` is the box in
        pixels that the frames around suggest there, null if they suggest none
    """
    flagged = findings[findings["flagged"]].reset_index(drop=True)
    if flagged.empty:
        return pd.DataFrame(columns=COLUMNS)
    issue = _group(scene, flagged)
    chosen = _choose(scene, flagged, issue)
    track = scene.track[chosen["peak"]]
    own = scene.track[flagged["peak"]] == track[issue]
    own &= _alike(flagged["kind"], chosen["kind"].take(issue))
    first, last = np.full(len(chosen), len(scene.boxes)), np.zeros(len(chosen), int)
    np.minimum.at(first, issue[own], flagged["first"].to_numpy()[own])
    np.maximum.at(last, issue[own], flagged["last"].to_numpy()[own])
    worst = np.full(len(chosen), -np.inf)
    np.maximum.at(worst, issue, flagged["odds"].to_numpy())
    begin, end, involved = _involve(scene, flagged, issue, chosen)
    begin = np.where(scene.frame[first] <= scene.frame[begin], first, begin)
    end = np.where(scene.frame[last] >= scene.frame[end], last, end)
    chosen = chosen.assign(begin=begin, end=end, tracks=involved)
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
    codes, kinds = pd.factorize(flagged["kind"])
    precedence = np.array([BY_NAME[kind].precedence for kind in kinds])
    naming = flagged["odds"].to_numpy() + precedence[codes]
    # Of two equal findings about two tracks, the earlier one names the issue
    when = scene.frame[flagged["peak"]]
    order = np.lexsort((flagged["peak"], when, -naming, issue))
    _, best = np.unique(issue[order], return_index=True)
    return flagged.iloc[order[best]].reset_index(drop=True)


def _alike(kind: pd.Series[str], issue: pd.Series[str]) -> NDArray[np.bool_]:
    """Return whether findings say where their issues begin and end.

    Findings of the issue's own kind do, and all findings if the issue is about boxes
    that are wrong by themselves: what else is found there comes of these boxes.
    """
    boxes_alone = issue.isin((*SIZE_KINDS, *IOU_KINDS, JITTER)).to_numpy()
    alike: NDArray[np.bool_] = boxes_alone | (kind.to_numpy() == issue.to_numpy())
    return alike


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
    mirrored, switched = _mirrored(scene, flagged), _same_switch(scene, flagged)
    one = np.concatenate([one, mirrored[0], switched[0]])
    other = np.concatenate([other, mirrored[1], switched[1]])
    count = len(flagged)
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(count, count))
    numbers: Rows = connected_components(graph, directed=False)[1]
    return numbers


def _mirrored(scene: Scene, flagged: pd.DataFrame) -> tuple[Rows, Rows]:
    """Pair the findings of one kind about the same two boxes, from either side."""
    rows = np.flatnonzero(flagged["other"] >= 0)
    if len(rows) < 2:
        return rows[:0], rows[:0]
    peak, other = (flagged[name].to_numpy()[rows] for name in ("peak", "other"))
    size = len(scene.boxes)
    kind = pd.factorize(flagged["kind"])[0][rows].astype(np.int64) * size**2
    keys, first = np.unique(kind + peak * size + other, return_index=True)
    sought = kind + other * size + peak
    place = np.minimum(np.searchsorted(keys, sought), len(keys) - 1)
    met = keys[place] == sought
    return rows[met], rows[first[place[met]]]


def _same_switch(scene: Scene, flagged: pd.DataFrame) -> tuple[Rows, Rows]:
    """Pair the switches of the same two tracks, or of many, at the same frame.

    Tools that cut a video into segments mix up the IDs of all tracks where they do.
    """
    switches = flagged[flagged["other"] >= 0]
    switches = switches[switches["kind"] == IDENTITY_SWITCH]
    if len(switches) < 2:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    one, other = (scene.track[switches[name].to_numpy()] for name in ("peak", "other"))
    frame = scene.frame[switches["peak"]]
    boxes = np.bincount(scene.frame, minlength=1)[frame]
    keys = np.stack([np.maximum(one, other), np.minimum(one, other), frame])
    count = np.bincount(frame)[frame]
    many = (count >= _MANY) & (count >= _MANY_SHARE * boxes)
    keys[:2, many] = -1
    order = np.lexsort(keys)
    same = (np.diff(keys[:, order]) == 0).all(axis=0)
    found = switches.index.to_numpy(np.intp)[order]
    return found[:-1][same], found[1:][same]


def _involve(
    scene: Scene, flagged: pd.DataFrame, issue: Rows, chosen: pd.DataFrame
) -> tuple[Rows, Rows, Rows]:
    """Find the boxes that the findings of each issue's kind are about, in any track.

    Returns:
        a tuple of the first and last boxes of the issues, and the numbers of tracks
    """
    kind = chosen["kind"].to_numpy()[issue]
    joint = ((flagged["other"] >= 0) & (flagged["kind"] == kind)).to_numpy()
    rows = np.concatenate(
        [chosen["peak"], *(flagged.loc[joint, name] for name in ("peak", "other"))]
    )
    numbers = np.concatenate([np.arange(len(chosen)), issue[joint], issue[joint]])
    order = np.lexsort((scene.frame[rows], numbers))
    ends = np.cumsum(np.bincount(numbers, minlength=len(chosen)))
    rows = rows[order]
    size = len(scene.first)
    involved = np.unique(numbers[order] * size + scene.track[rows]) // size
    tracks = np.bincount(involved, minlength=len(chosen))
    return rows[np.append(0, ends[:-1])], rows[ends - 1], tracks


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
    begin, end, worst = (
        scene.call_frames(table.iloc[rows])
        for rows in (chosen["begin"].to_numpy(), chosen["end"].to_numpy(), peak)
    )
    labels = table["label"].cat.categories.to_numpy(object)
    shown = signals.reindex(columns=_TOLD_SIGNALS).to_numpy(float)[peak]
    columns: dict[str, NDArray[np.generic]] = {
        "track": tracks[peak],
        "other_track": np.where(other < 0, -1, tracks[other]),
        "label": labels[scene.label[peak]],
        "usual_label": labels[scene.usual_label[scene.track[peak]]],
        "first_name": begin,
        "last_name": end,
        "peak_name": worst,
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
