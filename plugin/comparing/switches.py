# SPDX-License-Identifier: Apache-2.0
"""Where two sets of labels disagree about which boxes are one object."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .pairing import Pair

#: Compared frames within which switches of the same tracks are one.
_WITHIN = 2
_COLUMNS = ["row", "frame", "before", "their_before", "their_after", "wrong"]


def find_switches(pair: Pair) -> pd.DataFrame:
    """Find the frames from which on an object has another track.

    An object of the other labels goes on as another track, or a track goes on as
    another object. Two tracks that exchange their objects are one switch.

    Args:
        pair: the two sets of labels

    Returns:
        one row per switch: the ``row`` of the labels from which on the track shows the
        object, and its ``frame``; ``before``, the track that the object had before, -1
        if it is only the track that goes on as another object; ``their_before`` and
        ``their_after``, the tracks of the other labels that the row's track showed
        before and shows now; and ``wrong``, the number of boxes until the previous or
        the next switch, whichever are fewer
    """
    row = np.flatnonzero(pair.match >= 0)
    boxes = pd.DataFrame(
        {
            "row": row,
            "frame": pair.labels["frame"].to_numpy()[row],
            "ours": pair.labels["track"].to_numpy()[row],
            "theirs": pair.others["track"].to_numpy()[pair.match[row]],
        }
    )
    # Boxes without an ID say nothing about identity
    matched = boxes[(boxes["ours"] >= 0) & (boxes["theirs"] >= 0)]
    lost = _changes(matched, "theirs", "ours").rename(columns={"previous": "before"})
    lost = lost.assign(their_before=lost["theirs"], their_after=lost["theirs"])
    lost = _join_exchanges(lost, pair.step)
    turned = _changes(matched, "ours", "theirs")
    turned = turned.rename(columns={"previous": "their_before"})
    turned = turned.assign(before=-1, their_after=turned["theirs"])
    turned = turned[~_are_known(turned, lost, pair.step)]
    found = pd.concat([lost[_COLUMNS], turned[_COLUMNS]], ignore_index=True)
    return found.astype("int64")


def _changes(matched: pd.DataFrame, of: str, what: str) -> pd.DataFrame:
    """Return the rows where something changes along the tracks of one side."""
    ordered = matched.sort_values([of, "frame"], ignore_index=True)
    same = ordered[of].eq(ordered[of].shift())
    changes = same & ordered[what].ne(ordered[what].shift())
    part = (~same | changes).cumsum()
    length = part.map(part.value_counts())
    previous = ordered[what].shift().fillna(-1).astype(np.int64)
    before = length.shift().fillna(0)
    found = ordered.assign(previous=previous, wrong=np.minimum(length, before))
    return found[changes]


def _join_exchanges(lost: pd.DataFrame, step: int) -> pd.DataFrame:
    """Keep the larger of the switches of the same two tracks at the same time."""
    pair = np.sort(lost[["ours", "before"]].to_numpy(), axis=1)
    ordered = lost.assign(one=pair[:, 0], two=pair[:, 1])
    ordered = ordered.sort_values(["one", "two", "frame", "row"])
    near = ordered.groupby(["one", "two"])["frame"].diff() <= _WITHIN * step
    group = (~near).cumsum()
    largest = ordered.sort_values("wrong", ascending=False, kind="stable")
    return largest[~group.loc[largest.index].duplicated()].sort_values("row")


def _are_known(turned: pd.DataFrame, lost: pd.DataFrame, step: int) -> pd.Series[bool]:
    """Return which changes of a track are told by another switch near by."""
    sides = [lost[["ours", "frame"]], lost[["before", "frame"]]]
    known = pd.concat([side.set_axis(["ours", "near"], axis=1) for side in sides])
    met = turned.reset_index().merge(known, on="ours")
    near = (met["frame"] - met["near"]).abs() <= _WITHIN * step
    return pd.Series(turned.index.isin(met.loc[near, "index"]), turned.index)
