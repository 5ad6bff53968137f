# SPDX-License-Identifier: Apache-2.0
"""Compare the labels that were sent with the corrected labels.

Pure functions over two tracks tables of the same frames.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers.tracks import BOX
from ..audit.boxes import Floats, iou

#: Kinds of changes, the values of the attribute ``changes`` of a detection.
MOVED = "moved"
RESIZED = "resized"
LABEL = "label"
IDENTITY = "identity"
ADDED = "added"
DELETED = "deleted"
ATTRIBUTES = "attributes"
#: A box that was redrawn in the same place: nobody hits the same pixel twice.
NUDGED = "nudged"

#: Changes that show that the label was wrong.
CORRECTIONS = (MOVED, RESIZED, LABEL, IDENTITY, ADDED, DELETED)
CHANGES = (*CORRECTIONS, ATTRIBUTES, NUDGED)

#: IoU from which two boxes are the same box, drawn by two people.
SAME_IOU = 0.9
#: IoU from which boxes of different objects can be matched.
MATCH_IOU = 0.5

#: Maximum number of pairs of boxes to hold in memory at a time.
_PAIRS = 1_000_000

_FRAME = ["sequence", "frame"]
_TRACKED = [*_FRAME, "track"]


def compare_tracks(
    sent: pd.DataFrame,
    corrected: pd.DataFrame,
    attributes: Collection[str] = (),
    same_iou: float = SAME_IOU,
) -> pd.DataFrame:
    """Compare the labels that were sent with the corrected labels.

    A box is matched to the box of its track in the same frame; the remaining boxes
    are matched by the highest IoU. Two tracks that swapped places are two changes of
    identity, not two moves.

    Args:
        sent: the tracks table that was sent
        corrected: the corrected tracks table, with the same ``track`` numbers and in
            the same pixels
        attributes (()): columns of either table that hold annotators' attributes
        same_iou (0.9): IoU from which a box counts as :data:`NUDGED`, not as
            moved or resized

    Returns:
        one row per box of either table, sorted by sequence and frame: ``sequence``,
        ``frame``, ``sent`` and ``corrected`` (row numbers in the tables),
        ``track`` and ``new_track`` (each -1 if there is none), ``iou`` of the
        two boxes (NaN if one is missing), and a boolean column for each of
        :data:`CHANGES`
    """
    first = _numbered(sent, "sent")
    second = _numbered(corrected, "corrected")
    boxes = sent[BOX].to_numpy(np.float64), corrected[BOX].to_numpy(np.float64)
    pairs = _match(first, second, boxes, same_iou)
    changes = _with_unmatched(pairs, first, second)
    compared = pd.concat(
        [
            changes,
            _box_changes(changes, boxes, same_iou),
            _value_changes(changes, sent, corrected, attributes),
        ],
        axis=1,
    )
    order = [*_FRAME, "track", "new_track"]
    return compared.sort_values(order, ignore_index=True)


def _numbered(table: pd.DataFrame, name: str) -> pd.DataFrame:
    keys = table[_TRACKED].astype({"sequence": object})
    return keys.assign(**{name: np.arange(len(table))})


def _match(
    sent: pd.DataFrame,
    corrected: pd.DataFrame,
    boxes: tuple[Floats, Floats],
    same_iou: float,
) -> pd.DataFrame:
    """Return the pairs ``sent``, ``corrected`` of row numbers, with their ``iou``."""
    own = _pair(_tracked(sent), _tracked(corrected), boxes, _TRACKED)
    moved = own[own["iou"] < same_iou]
    candidates = _overlapping(
        sent[sent["sent"].isin(moved["sent"])],
        corrected[corrected["corrected"].isin(moved["corrected"])],
        boxes,
        same_iou,
    )
    swapped = _best(candidates)
    pairs = pd.concat([swapped, _without(own, swapped)])
    pairs = pd.concat([pairs, _untouched(sent, corrected, pairs, boxes)])
    left = _without(sent, pairs), _without(corrected, pairs)
    others = _best(_overlapping(*left, boxes, MATCH_IOU))
    return pd.concat([pairs, others])[["sent", "corrected", "iou"]]


def _untouched(
    sent: pd.DataFrame,
    corrected: pd.DataFrame,
    taken: pd.DataFrame,
    boxes: tuple[Floats, Floats],
) -> pd.DataFrame:
    """Pair identical boxes without computing the IoU of every pair."""
    keys = [*_FRAME, *BOX]
    left = []
    for side, name, values in zip(
        (sent, corrected), ("sent", "corrected"), boxes, strict=True
    ):
        rows = _without(side, taken)
        places = pd.DataFrame(values[rows[name]], rows.index, columns=BOX)
        left.append(rows.join(places).drop_duplicates(keys))
    return _pair(left[0], left[1], boxes, keys)


def _overlapping(
    sent: pd.DataFrame,
    corrected: pd.DataFrame,
    boxes: tuple[Floats, Floats],
    least_iou: float,
) -> pd.DataFrame:
    """Pair the boxes of each frame that overlap enough, a few frames at a time."""
    places = pd.concat([sent[_FRAME], corrected[_FRAME]])
    frame = pd.Series(places.groupby(_FRAME).ngroup().to_numpy())
    codes = frame[: len(sent)], frame[len(sent) :]
    most = [int(code.value_counts().max()) if len(code) else 1 for code in codes]
    chunks = [code // max(1, _PAIRS // (most[0] * most[1])) for code in codes]
    parts = [_pair(sent[:0], corrected[:0], boxes)]
    for chunk in sorted(set(chunks[0]) & set(chunks[1])):
        chosen = [each.eq(chunk).to_numpy() for each in chunks]
        pairs = _pair(sent[chosen[0]], corrected[chosen[1]], boxes)
        parts.append(pairs[pairs["iou"] >= least_iou])
    return pd.concat(parts)


def _tracked(boxes: pd.DataFrame) -> pd.DataFrame:
    return boxes[boxes["track"] >= 0].drop_duplicates(_TRACKED)


def _pair(
    sent: pd.DataFrame,
    corrected: pd.DataFrame,
    boxes: tuple[Floats, Floats],
    keys: list[str] = _FRAME,
) -> pd.DataFrame:
    """Pair each box with all boxes that have the same keys."""
    pairs = sent.merge(corrected, on=keys, suffixes=("", "_corrected"))
    overlap = iou(boxes[0][pairs["sent"]], boxes[1][pairs["corrected"]])
    return pairs[["sent", "corrected"]].assign(iou=overlap)


def _best(candidates: pd.DataFrame) -> pd.DataFrame:
    """Choose pairs greedily by IoU, so that each box occurs once."""
    left = candidates.sort_values("iou", ascending=False, kind="stable")
    chosen = [left[:0]]
    while len(left):
        best = left[~left.duplicated("sent") & ~left.duplicated("corrected")]
        chosen.append(best)
        left = _without(left, best)
    return pd.concat(chosen)


def _without(rows: pd.DataFrame, taken: pd.DataFrame) -> pd.DataFrame:
    for name in ("sent", "corrected"):
        if name in rows:
            rows = rows[~rows[name].isin(taken[name])]
    return rows


def _with_unmatched(
    pairs: pd.DataFrame, sent: pd.DataFrame, corrected: pd.DataFrame
) -> pd.DataFrame:
    """Add the deleted and the added boxes, and the sequence and frame of each row."""
    rows = pairs.merge(sent[["sent"]], how="outer")
    rows = rows.merge(corrected[["corrected"]], how="outer")
    rows = rows.fillna({"sent": -1, "corrected": -1})
    rows = rows.astype({"sent": np.int64, "corrected": np.int64})
    before = sent.set_index("sent").reindex(rows["sent"])
    after = corrected.set_index("corrected").reindex(rows["corrected"])
    before, after = (side.reset_index(drop=True) for side in (before, after))
    place = before[_FRAME].combine_first(after[_FRAME])
    return rows.assign(
        sequence=place["sequence"].to_numpy(object),
        frame=place["frame"].to_numpy(np.int64),
        track=before["track"].fillna(-1).to_numpy(np.int64),
        new_track=after["track"].fillna(-1).to_numpy(np.int64),
    )[[*_FRAME, "sent", "corrected", "track", "new_track", "iou"]]


def _box_changes(
    changes: pd.DataFrame, boxes: tuple[Floats, Floats], same_iou: float
) -> pd.DataFrame:
    """Find moved, resized, nudged, added and deleted boxes.

    The IoU of two boxes is split into that of their sizes and what their places take
    away from it; the lower one decides between moved and resized.
    """
    both = ((changes["sent"] >= 0) & (changes["corrected"] >= 0)).to_numpy()
    first = boxes[0][changes.loc[both, "sent"]]
    second = boxes[1][changes.loc[both, "corrected"]]
    overlap = changes.loc[both, "iou"].to_numpy()
    anchored = np.zeros_like(first)
    anchored[:, 2:] = first[:, 2:]
    size = iou(anchored, np.hstack([np.zeros_like(second[:, :2]), second[:, 2:]]))
    place = overlap / size
    changed = overlap < same_iou
    found = pd.DataFrame(
        False, index=changes.index, columns=[MOVED, RESIZED, NUDGED, ADDED, DELETED]
    )
    found.loc[both, MOVED] = changed & ((place < same_iou) | (place <= size))
    found.loc[both, RESIZED] = changed & ((size < same_iou) | (size < place))
    found.loc[both, NUDGED] = ~changed & (first != second).any(axis=1)
    found[ADDED] = changes["sent"] < 0
    found[DELETED] = changes["corrected"] < 0
    return found


def _value_changes(
    changes: pd.DataFrame,
    sent: pd.DataFrame,
    corrected: pd.DataFrame,
    attributes: Collection[str],
) -> pd.DataFrame:
    """Find changes of label, identity and annotators' attributes."""
    both = ((changes["sent"] >= 0) & (changes["corrected"] >= 0)).to_numpy()
    rows = changes.loc[both, "sent"], changes.loc[both, "corrected"]
    found = pd.DataFrame(
        False, index=changes.index, columns=[LABEL, IDENTITY, ATTRIBUTES]
    )
    found.loc[both, IDENTITY] = (changes["track"] != changes["new_track"])[both]
    found.loc[both, LABEL] = _differ(sent, corrected, "label", rows)
    for name in attributes:
        found.loc[both, ATTRIBUTES] |= _differ(sent, corrected, name, rows)
    return found


def _differ(
    sent: pd.DataFrame,
    corrected: pd.DataFrame,
    name: str,
    rows: tuple[pd.Series[int], pd.Series[int]],
) -> NDArray[np.bool_]:
    """Return whether a column differs between pairs of rows; null equals null."""
    sides = []
    for table, row in zip((sent, corrected), rows, strict=True):
        column = table[name] if name in table else pd.Series(None, table.index, object)
        values = column.astype(object).to_numpy()[row]
        values[pd.isna(values)] = None
        sides.append(values)
    differ: NDArray[np.bool_] = (sides[0] != sides[1]).astype(bool)
    return differ


def is_corrected(changes: pd.DataFrame) -> pd.Series[bool]:
    """Tell which boxes were wrong: those with a change of :data:`CORRECTIONS`.

    Args:
        changes: the changes of :func:`compare_tracks`

    Returns:
        a boolean per row, False for boxes that were only nudged or whose attributes
        alone changed
    """
    return changes[list(CORRECTIONS)].any(axis=1)


def name_changes(changes: pd.DataFrame) -> list[list[str]]:
    """List the kinds of changes of each box.

    Args:
        changes: the changes of :func:`compare_tracks`

    Returns:
        a list of :data:`CHANGES` per row, empty for an unchanged box
    """
    flags = changes[list(CHANGES)].to_numpy(bool)
    codes = flags @ (1 << np.arange(len(CHANGES)))
    names = {
        code: [kind for bit, kind in enumerate(CHANGES) if code >> bit & 1]
        for code in np.unique(codes).tolist()
    }
    return [list(names[code]) for code in codes.tolist()]
