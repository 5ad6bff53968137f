# SPDX-License-Identifier: Apache-2.0
"""Recognize the objects of boxes that came back from an annotation server.

Pure functions over tables of boxes. A box has the ID of the label that it was, which
copies of it have as well, and in CVAT the number of its track, which annotators see and
change.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers.tracks import BOX

#: How far rounding may move an edge, in pixels: half a pixel, as boxes are compared in
#: whole pixels, and what tools round.
_ROUNDING = 0.6
#: The columns of :attr:`ServerBoxes.boxes`.
COLUMNS = ["frame_id", "label", *BOX, "id", "number", "drawn", "attributes"]
_FRAME = ["sequence", "frame"]
_OBJECT = [*_FRAME, "object_id"]


@dataclass(frozen=True)
class ServerBoxes:
    """What a server holds of the frames of an annotation run.

    Attributes:
        boxes: ``frame_id`` (the ID of the frame's document), ``label``, ``left``,
            ``top``, ``width``, ``height`` in pixels of the images that were sent,
            ``id`` (of the label that was sent, or None), ``number`` (of the track as
            annotators see it, or NaN), ``drawn`` (what is the same for all boxes of a
            new object) and a dict of ``attributes``
        unopened: the IDs of frames whose task nobody opened, by task
        gone: the IDs of frames whose task does not exist any more
        notes: what users should know
    """

    boxes: pd.DataFrame
    unopened: tuple[frozenset[str], ...] = ()
    gone: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def find_objects(
    boxes: pd.DataFrame, sent: pd.DataFrame, known: pd.DataFrame, name: str
) -> tuple[pd.DataFrame, int]:
    """Find the object of each box, and take back the rounding of its edges.

    A box whose number is another than it was sent with belongs to the track of that
    number; of two boxes of a frame, the one that had it before keeps it.

    Args:
        boxes: the boxes of :class:`ServerBoxes`, with ``sequence`` and ``frame``
        sent: the tracks table that was sent, with ``id``, ``object_id`` and
            ``object_name``
        known: ``sequence``, ``track``, ``object_id`` and ``object_name`` of the tracks
            that have a number
        name: the adjustment's name, for the IDs of new objects

    Returns:
        a tuple of the boxes in whole pixels, with ``object_id`` and ``object_name``,
        and the number of boxes whose number another box of the frame has
    """
    before = sent[[*_FRAME, "id", *BOX, "track", "object_id", "object_name"]]
    table = boxes.reset_index(drop=True).merge(
        before, on=[*_FRAME, "id"], how="left", suffixes=("", "_sent")
    )
    edges, expected = _edges(table[BOX]), _edges(table[[f"{one}_sent" for one in BOX]])
    copies = _copies(table, np.abs(edges - expected).sum(axis=1))
    expected[copies] = np.nan
    table.loc[copies, ["track", "object_id", "object_name"]] = np.nan, None, None
    kept = np.abs(edges - expected) <= _ROUNDING
    edges = np.where(kept, expected, np.rint(edges))
    table[BOX] = np.hstack([edges[:, :2], edges[:, 2:] - edges[:, :2]])
    asked = table["number"].notna() & (table["number"] != table["track"])
    table, refused = _with_objects(table, asked.to_numpy(bool), known, name)
    dropped = [*(f"{one}_sent" for one in BOX), "number", "drawn", "id"]
    return table.drop(columns=dropped).assign(track=-1), refused


def _edges(boxes: pd.DataFrame) -> NDArray[np.float64]:
    """Turn ``[left, top, width, height]`` into ``[left, top, right, bottom]``."""
    values = boxes.to_numpy(np.float64)
    return np.hstack([values[:, :2], values[:, :2] + values[:, 2:]])


def _copies(table: pd.DataFrame, distance: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which boxes are copies of another one in their frame.

    A copy has the ID of its original, which is the one that was moved least.
    """
    known = table["object_id"].notna().to_numpy(bool)
    order = table.assign(distance=distance).sort_values("distance", kind="stable")
    again = order.duplicated([*_FRAME, "id"]).reindex(table.index).to_numpy(bool)
    copies: NDArray[np.bool_] = known & again
    return copies


def _with_objects(
    table: pd.DataFrame,
    asked: NDArray[np.bool_],
    known: pd.DataFrame,
    name: str,
) -> tuple[pd.DataFrame, int]:
    """Return the boxes with their objects, and how many numbers were refused.

    Args:
        table: the boxes with the objects that they were sent as
        asked: whether annotators gave the box another number
        known: the objects that have a number
        name: the adjustment's name
    """
    had = table["object_id"].notna().to_numpy(bool)
    new = name + ":" + table["drawn"].astype(str)
    own = table["object_id"].where(table["object_id"].notna(), new)
    number = table["number"].fillna(-1).astype("int64").astype(str)
    numbered = known.rename(columns={"track": "number"})
    wanted = table[["sequence", "number"]].merge(
        numbered.astype({"number": "float64"}), on=["sequence", "number"], how="left"
    )
    by_number = wanted["object_id"].fillna(name + ":" + number)
    named = wanted["object_name"].fillna(table["label"] + ":" + number)
    table = table.assign(object_id=own.mask(asked, by_number))
    refused = _taken(table, asked.astype(int))
    table["object_id"] = table["object_id"].mask(refused, own)
    again = _taken(table, np.where(refused, 2, asked.astype(int)))
    table["object_id"] = table["object_id"].mask(again, new)
    names = table["object_name"].fillna(table["label"] + ":" + table["drawn"])
    table["object_name"] = names.mask(asked & ~refused, named)
    # A copy has the number of its original, which nobody asked for
    return table, int((refused & asked & had).sum())


def _taken(table: pd.DataFrame, rank: NDArray[np.int_]) -> NDArray[np.bool_]:
    """Return the boxes whose object another box of their frame has a better right to.

    Args:
        table: the boxes
        rank: the lower, the better the right of each box
    """
    order = table.assign(rank=rank).sort_values("rank", kind="stable")
    taken = order.duplicated(_OBJECT).reindex(table.index)
    return taken.to_numpy(bool)


def touched_frames(
    sent: pd.DataFrame, came: pd.DataFrame, attributes: Collection[str]
) -> pd.DataFrame:
    """Return the frames in which something is other than it was sent.

    Args:
        sent: the tracks table that was sent
        came: the tracks table that came back, with the same objects
        attributes: the attributes to compare

    Returns:
        ``sequence`` and ``frame``
    """
    values = ["label", *BOX, *attributes]
    both = sent[[*_OBJECT, *values]].merge(
        came[[*_OBJECT, *values]],
        on=_OBJECT,
        how="outer",
        suffixes=("", "_came"),
        indicator="side",
    )
    before = both[values].astype(object)
    after = both[[f"{value}_came" for value in values]].astype(object)
    same = before.to_numpy() == after.to_numpy()
    same |= before.isna().to_numpy() & after.isna().to_numpy()
    touched = (both["side"] != "both") | ~same.all(axis=1)
    frames: pd.DataFrame = both.loc[touched, _FRAME].drop_duplicates()
    return frames
