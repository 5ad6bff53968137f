# SPDX-License-Identifier: Apache-2.0
"""How well a ranking of detections, or a list of issues, finds known mistakes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]

#: Labeled frames that an issue may be away from its mistake, and boxes of a run from
#: each other.
WITHIN = 2


def order_by_score(score: Floats) -> Ints:
    """Sort detections, the most suspicious first.

    Args:
        score: array ``(n,)``, higher for more suspicious detections; NaN comes last,
            and ties stay in the order of the table

    Returns:
        int array ``(n,)`` of rows
    """
    return np.argsort(-score, kind="stable")


def place_by_score(score: Floats) -> Floats:
    """Return the position of each detection in the ranking.

    Args:
        score: array ``(n,)``, see :func:`order_by_score`

    Returns:
        array ``(n,)`` in [0, 1): the share of detections that come before
    """
    place = np.empty(len(score))
    place[order_by_score(score)] = np.arange(len(score)) / max(1, len(score))
    return place


def best_ranked(score: Floats, share: float) -> Bools:
    """Return which detections are among the best-ranked.

    Args:
        score: array ``(n,)``, see :func:`order_by_score`
        share: the share of detections that is looked at, in [0, 1]

    Returns:
        bool array ``(n,)``
    """
    chosen = np.zeros(len(score), bool)
    chosen[order_by_score(score)[: round(share * len(score))]] = True
    return chosen


def seen_events(score: Floats, event: Ints, count: int, share: float) -> Bools:
    """Return which mistakes are seen in at least one of the best-ranked detections.

    Args:
        score: array ``(n,)``, see :func:`order_by_score`
        event: int array ``(n,)``, the number of the mistake that each detection
            shows, -1 for none
        count: the number of mistakes
        share: the share of detections that is looked at, in [0, 1]

    Returns:
        bool array ``(count,)``
    """
    found = np.unique(event[best_ranked(score, share)])
    return np.isin(np.arange(count), found)


def average_precision(score: Floats, wrong: Bools) -> float:
    """Compute the average precision of a ranking of detections.

    Args:
        score: array ``(n,)``, see :func:`order_by_score`
        wrong: bool array ``(n,)``, the detections to find

    Returns:
        the average precision, in [0, 1]
    """
    return float(average_precision_score(wrong, -place_by_score(score)))


def number_stretches(table: pd.DataFrame, chosen: Bools) -> Ints:
    """Return the numbers of runs of chosen detections along their tracks.

    Args:
        table: the tracks table of ``n`` rows
        chosen: bool array ``(n,)``

    Returns:
        int array ``(n,)``: the number of each chosen detection's run, from 0; -1 for
        the others
    """
    boxes = table[chosen]
    starts = (
        (boxes["sequence"].cat.codes.diff() != 0)
        | (boxes["track"].diff() != 0)
        | (boxes["frame"].diff() > WITHIN)
    )
    stretch = np.full(len(table), -1)
    stretch[chosen] = starts.cumsum() - 1
    return stretch


def merge_into_issues(table: pd.DataFrame, score: Floats, share: float) -> pd.DataFrame:
    """Make issues from a ranking: the runs of its best boxes.

    Args:
        table: the tracks table of ``n`` rows
        score: array ``(n,)``, see :func:`order_by_score`
        share: the share of detections that issues are made from, in [0, 1]

    Returns:
        one row per issue, worst first: ``sequence``, ``track``, ``other_track``
        (null), ``first_frame``, ``last_frame``, ``score``
    """
    chosen = best_ranked(score, share)
    stretch = number_stretches(table, chosen)[chosen]
    issues = (
        table[chosen]
        .assign(score=score[chosen])
        .groupby(stretch)
        .agg(
            sequence=("sequence", "first"),
            track=("track", "first"),
            first_frame=("frame", "min"),
            last_frame=("frame", "max"),
            score=("score", "max"),
        )
    )
    issues["other_track"] = pd.array([pd.NA] * len(issues), "Int32")
    return issues.sort_values(
        "score", ascending=False, kind="stable", ignore_index=True
    )


def match_issues(issues: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """Pair issues with the mistakes that they point at.

    An issue points at a mistake of the same sequence that shares a track with it
    and is at most :data:`WITHIN` frames away.

    Args:
        issues: worst first: ``sequence``, ``track``, ``other_track`` (null for
            none), ``first_frame``, ``last_frame``
        events: the same columns, ``other_track`` -1 for none, one row per mistake

    Returns:
        one row per pair: ``issue`` and ``event``, their positions; ``outside``, the
        number of frames of the issue that are not part of the mistake; ``missed``,
        the number of frames of the mistake that are not part of the issue
    """
    columns = ["sequence", "track", "other_track", "first_frame", "last_frame"]
    left, right = (
        table[columns].astype({"sequence": str}).assign(**{name: np.arange(len(table))})
        for name, table in (("issue", issues), ("event", events))
    )
    pairs = left.merge(right, on="sequence", suffixes=("", "_event"))
    # An issue without another track must not share "none" with a mistake
    ours = pairs[["track", "other_track"]].astype("Int64").fillna(-2).to_numpy(int)
    theirs = pairs[["track_event", "other_track_event"]].to_numpy(int)
    same_track = (ours[:, :, None] == theirs[:, None, :]).any(axis=(1, 2))
    first = np.maximum(pairs["first_frame"], pairs["first_frame_event"])
    last = np.minimum(pairs["last_frame"], pairs["last_frame_event"])
    shared = np.maximum(last - first + 1, 0)
    pairs["outside"] = pairs["last_frame"] - pairs["first_frame"] + 1 - shared
    pairs["missed"] = (
        pairs["last_frame_event"] - pairs["first_frame_event"] + 1 - shared
    )
    near = same_track & (first - last <= WITHIN)
    found: pd.DataFrame = pairs[["issue", "event", "outside", "missed"]][near]
    return found


def matched_events(pairs: pd.DataFrame, count: int, first: int) -> Bools:
    """Return which mistakes the first issues point at.

    Args:
        pairs: the result of :func:`match_issues`
        count: the number of mistakes
        first: how many issues are looked at, worst first

    Returns:
        bool array ``(count,)``
    """
    found = pairs.loc[pairs["issue"] < first, "event"]
    return np.isin(np.arange(count), found)


def localize(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return how well each issue that points at a mistake covers its frames.

    Args:
        pairs: the result of :func:`match_issues`

    Returns:
        one row of ``pairs`` per issue, the mistake that it covers best
    """
    wrong = (pairs["outside"] + pairs["missed"]).sort_values(kind="stable")
    return pairs.loc[wrong.index].drop_duplicates("issue")


def best_frames(
    frame: Ints, score: Floats, count: int, share: float, context: int = 1
) -> Bools:
    """Choose the frames of a sequence whose worst box is the most suspicious.

    A reviewer also needs the frames next to a chosen one. They count as looked at, so
    they cost, and what they show is seen.

    Args:
        frame: int array ``(n,)``, the 1-based frame of each detection
        score: array ``(n,)``, see :func:`order_by_score`
        count: the number of frames
        share: the share of frames that is looked at, in [0, 1]
        context (1): the number of frames on either side of a chosen one

    Returns:
        bool array ``(count + 1,)``, indexed by the 1-based frame
    """
    ranked = pd.unique(frame[order_by_score(score)])
    budget = round(share * count)
    shown = np.zeros(count + 1, bool)
    for chosen in ranked.tolist():
        around = slice(max(1, chosen - context), min(count, chosen + context) + 1)
        cost = int((~shown[around]).sum())
        if cost > budget:
            break
        shown[around] = True
        budget -= cost
    return shown
