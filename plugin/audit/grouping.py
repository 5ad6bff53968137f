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
from .kinds import BY_NAME, TABLE
from .scene import Scene
from .score import odds_to_score
from .sentences import Issue

#: Findings of one track that are at most this many labeled frames apart are one
#: mistake, because the middle of a glitch may pass although its ends do not.
MERGE_WITHIN = 2
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
    precedence = {kind.name: kind.precedence for kind in TABLE}
    naming = flagged["odds"] + flagged["kind"].map(precedence)
    # Of two equal findings about two tracks, the earlier one names the issue
    begin = scene.frame[flagged["peak"]]
    order = np.lexsort((flagged["peak"], begin, -naming, issue))
    _, best = np.unique(issue[order], return_index=True)
    chosen = flagged.iloc[order[best]].reset_index(drop=True)
    track = scene.track[chosen["peak"]]
    own = scene.track[flagged["peak"]] == track[issue]
    spans = flagged[own].groupby(issue[own])
    first, last = spans["first"].min().to_numpy(), spans["last"].max().to_numpy()
    worst = flagged.groupby(issue)["odds"].max().to_numpy()
    # What is between two tracks belongs to the issue, too
    reach = np.where(chosen["other"] < 0, chosen["peak"], chosen["other"])
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
            "first_frame": np.minimum(scene.frame[first], scene.frame[reach]),
            "last_frame": np.maximum(scene.frame[last], scene.frame[reach]),
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
    one = np.concatenate([one, met["index_x"]])
    other = np.concatenate([other, met["index_y"]])
    count = len(flagged)
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(count, count))
    numbers: Rows = connected_components(graph, directed=False)[1]
    return numbers


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
    names = table["frame_name"].astype(object).to_numpy()
    labels = table["label"].cat.categories.to_numpy(object)
    shown = signals.reindex(columns=_TOLD_SIGNALS).to_numpy(float)[peak]
    columns: dict[str, NDArray[np.generic]] = {
        "track": tracks[peak],
        "other_track": np.where(other < 0, -1, tracks[other]),
        "label": labels[scene.label[peak]],
        "usual_label": labels[scene.usual_label[scene.track[peak]]],
        "first_name": names[first],
        "last_name": names[last],
        "peak_name": names[peak],
        "count": last - first + 1,
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
    ends = np.stack([first, last + 1], axis=1).ravel()
    reduced: Floats = take.reduceat(np.append(values, np.nan), ends)[::2]
    return reduced


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
