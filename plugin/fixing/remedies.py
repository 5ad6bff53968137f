# SPDX-License-Identifier: Apache-2.0
"""The fixes of each kind of mistake, in one table.

A new fix is a function from a :class:`.cases.Case` to edits, a :class:`Remedy`, and its
place in :data:`TABLE`. The first fix of a kind that applies is its default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...importers.tracks import BOX
from ..audit.boxes import Floats, iou
from .box_edits import (
    COLUMNS,
    INTERPOLATED,
    Frames,
    add,
    move,
    relabel,
    rename,
)
from .cases import Case, missing_frames, path_of
from .deleting import (
    SHORT,
    STILL,
    delete_boxes,
    delete_other,
    delete_outside,
    delete_short,
    delete_still,
    delete_stray,
    delete_tail,
    delete_track,
    delete_worse,
    outside,
)
from .extending import are_inside, extend
from .paths import MARGIN
from .predicted import (
    EXTENT,
    add_track,
    extend_by_predictions,
    use_predicted_class,
    use_predictions,
)
from .turns import find_turn

#: IoU with the box that the boxes around suggest, above which moving it changes
#: nothing that anybody would see.
_FITS = 0.9
#: The most boxes that are interpolated in a row: nobody knows where an object was that
#: was away for longer.
_MOST = 30


@dataclass(frozen=True)
class Remedy:
    """One way to fix a kind of mistake.

    Attributes:
        name: its name, which is public
        title: what it does, as an instruction
        needs: what must be so for it to apply, as a sentence
        make: returns the edits, None if what it needs is not so
    """

    name: str
    title: str
    needs: str
    make: Callable[[Case], pd.DataFrame | None]


def _redraw(case: Case) -> pd.DataFrame | None:
    """Move the boxes of the stretch that are off the path of the others to it."""
    boxes, places = case.stretch, case.steady_path(_FITS)
    if places is None:
        return None
    off = iou(boxes[BOX].to_numpy(), places) < _FITS
    return move(boxes[off], places[off]) if off.any() else None


def _smooth(case: Case) -> pd.DataFrame | None:
    """Move the boxes of the stretch to a smooth path that they shape a little."""
    return _move_if_visible(case.stretch, case.steady_path())


def _interpolate(case: Case) -> pd.DataFrame | None:
    """Move the boxes of the stretch to the path of the boxes around."""
    boxes = case.stretch
    places = case.path(boxes["frame"].to_numpy(np.int64)) if len(boxes) else None
    return _move_if_visible(boxes, places)


def _move_if_visible(boxes: pd.DataFrame, places: Floats | None) -> pd.DataFrame | None:
    if places is None or (iou(boxes[BOX].to_numpy(), places) > _FITS).all():
        return None
    return move(boxes, places)


def _fill(case: Case) -> pd.DataFrame | None:
    """Add the boxes that are missing within the stretch."""
    missing = case.missing[: _MOST + 1]
    if len(missing) > _MOST:
        return None
    places = case.path(missing, weight=1.0) if len(missing) else None
    if places is None:
        return None
    return add(case.stretch.iloc[0], missing, places, INTERPOLATED)


def _leave(case: Case) -> pd.DataFrame | None:
    """Change nothing."""
    return case.own.iloc[:0].reindex(columns=COLUMNS)


def _replace(case: Case) -> pd.DataFrame | None:
    """Draw the box between those around where the track has none that can be used."""
    frames, bad = case.own["frame"], outside(case)
    if not (frames.min() < case.first and case.last < frames.max()):
        return None
    missing = np.arange(case.first, case.last + 1, case.step, dtype=np.int64)
    places = case.path(missing) if len(bad) == len(case.stretch) else None
    if places is None or not are_inside(case, places).all():
        return None
    if len(bad):
        return move(bad, places) if len(bad) == len(missing) else None
    before = case.own[frames < case.first]
    return add(before.iloc[-1], missing, places, INTERPOLATED)


def _exchange(case: Case) -> pd.DataFrame | None:
    """Give the boxes of two tracks or more the IDs of their objects from the peak on.

    Two tracks exchange theirs. If the other one ends before the peak, its ID goes on
    in the track that shows its object. Tracks that show each other's objects in turn
    get the ID of the object that each of them shows.
    """
    own, other = (_from(boxes, case.peak) for boxes in (case.own, case.other))
    if own.empty or case.other.empty:
        return None
    ids = int(own["track"].iloc[0]), int(case.other["track"].iloc[0])
    if other.empty:
        return rename(own, ids[1])
    turn = find_turn(case.near, case.peak, case.step, ids[0])
    turn = turn or {ids[0]: ids[1], ids[1]: ids[0]}
    if ids[1] not in turn:
        return None
    later = _from(case.tracks(turn), case.peak)
    parts = [
        rename(later[later["track"] == track], right) for track, right in turn.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _cut(case: Case) -> pd.DataFrame | None:
    """Give the boxes of the track an ID of their own from the peak on."""
    later = _from(case.own, case.peak)
    if later.empty or len(later) == len(case.own):
        return None
    return rename(later, case.new_track)


def _from(boxes: pd.DataFrame, frame: int) -> pd.DataFrame:
    return boxes[boxes["frame"] >= frame]


def _join(case: Case) -> pd.DataFrame | None:
    """Give the later of two tracks the ID of the earlier one."""
    pieces = _pieces(case)
    if pieces is None:
        return None
    earlier, later = pieces
    return rename(later, int(earlier["track"].iloc[0]))


def _join_and_fill(case: Case) -> pd.DataFrame | None:
    """Join two tracks, and add the boxes between them."""
    pieces = _pieces(case)
    if pieces is None:
        return None
    earlier, later = pieces
    joined = rename(later, int(earlier["track"].iloc[0]))
    around = pd.concat([earlier.iloc[-MARGIN:], later.iloc[:MARGIN]])
    ends: Frames = np.array([earlier["frame"].iloc[-1], later["frame"].iloc[0]])
    between = missing_frames(ends, case.step)
    if not 0 < len(between) <= _MOST or len(around) < 3:
        return joined
    places = path_of(around, np.ones(len(around)), between, case.step)
    filled = add(earlier.iloc[-1], between, places, INTERPOLATED)
    return pd.concat([joined, filled], ignore_index=True)


def _pieces(case: Case) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Return the earlier and the later track, None if they overlap in time."""
    if case.own.empty or case.other.empty:
        return None
    pieces = sorted((case.own, case.other), key=lambda boxes: boxes["frame"].iloc[0])
    earlier, later = pieces
    if earlier["frame"].iloc[-1] >= later["frame"].iloc[0]:
        return None
    return earlier, later


def _use_usual_label(case: Case) -> pd.DataFrame | None:
    """Give the boxes of the stretch the most frequent label of the track."""
    if case.own.empty:
        return None
    usual = str(case.own["label"].astype(object).mode().iloc[0])
    wrong = case.stretch[case.stretch["label"] != usual]
    return relabel(wrong, usual) if len(wrong) else None


_SEEN = "There are predictions of a detector."
_AROUND = "The track has three boxes around these, and they suggest other boxes."
_TWO = "The track has boxes from this frame on, and the other one has boxes."
_PIECES = "One track ends before the other one starts."
REDRAW = Remedy(
    "redraw", "Redraw the boxes as the frames around suggest", _AROUND, _redraw
)
SMOOTH = Remedy("smooth", "Smooth the boxes", _AROUND, _smooth)
INTERPOLATE = Remedy(
    "interpolate", "Interpolate between the boxes around", _AROUND, _interpolate
)
EXCHANGE = Remedy("exchange", "Exchange the IDs from there on", _TWO, _exchange)
CUT = Remedy(
    "cut", "Cut the track there", "The track has boxes before and after.", _cut
)
JOIN_AND_FILL = Remedy(
    "join_and_fill",
    "Join the tracks and fill the frames between",
    _PIECES,
    _join_and_fill,
)
JOIN = Remedy("join", "Join the tracks", _PIECES, _join)
FILL = Remedy(
    "fill",
    "Add interpolated boxes",
    f"The track lacks at most {_MOST} boxes between these.",
    _fill,
)
LEAVE = Remedy("leave", "Leave it: the object is hidden", "Always.", _leave)
EXTEND = Remedy(
    "extend",
    f"Extend the track by up to {EXTENT} frames",
    f"The track has {MARGIN} boxes, it starts or ends there, and its motion at that "
    "end is predictable.",
    extend,
)
DELETE_TAIL = Remedy(
    "delete_tail", "Delete the tail", "The track ends with these boxes.", delete_tail
)
DELETE_STILL = Remedy(
    "delete_tail",
    "Delete the tail",
    f"The track ends with {STILL} to {SHORT} equal boxes, although it was moving.",
    delete_still,
)
DELETE_TRACK = Remedy(
    "delete_track", "Delete the track", "The track exists.", delete_track
)
DELETE_SHORT = Remedy(
    "delete_track",
    "Delete the track",
    f"The track has at most {SHORT} boxes, and the issue is about all of them.",
    delete_short,
)
DELETE_STRAY = Remedy(
    "delete_stray",
    "Delete the shorter track",
    f"It has at most {MARGIN} boxes, and none of them meets the path of the other one.",
    delete_stray,
)
DELETE_WORSE = Remedy(
    "delete_worse",
    "Delete the track that fits worse",
    "Both tracks exist.",
    delete_worse,
)
DELETE_OTHER = Remedy(
    "delete_other", "Delete the other track", "Both tracks exist.", delete_other
)
USE_USUAL_LABEL = Remedy(
    "usual_label",
    "Use the track's usual label",
    "These boxes have another label than most of the track.",
    _use_usual_label,
)
DELETE_BOXES = Remedy(
    "delete_boxes", "Delete these boxes", "The track has boxes there.", delete_boxes
)
JOIN_CHAIN = Remedy(
    "join_chain",
    "Join the whole chain of tracks and fill the frames between",
    _PIECES,
    _join_and_fill,
)
REPLACE = Remedy(
    "replace",
    "Draw the box that the frames around suggest",
    "The track has boxes before and after, and none in the image there.",
    _replace,
)
DELETE_OUTSIDE = Remedy(
    "delete_boxes",
    "Delete these boxes",
    "These boxes are outside the image.",
    delete_outside,
)
USE_PREDICTIONS = Remedy(
    "use_predictions", "Use the predictions' boxes", _SEEN, use_predictions
)
ADD_TRACK = Remedy("add_track", "Add the track", _SEEN, add_track)
EXTEND_BY_PREDICTIONS = Remedy(
    "extend_by_predictions",
    f"Extend the track by the predictions of up to {EXTENT} frames",
    _SEEN,
    extend_by_predictions,
)
USE_PREDICTED_CLASS = Remedy(
    "predicted_class", "Use the predictions' class", _SEEN, use_predicted_class
)

#: The fixes of each kind of mistake, of which the first that applies is the default.
#: What only looks wrong has none, and neither have labels that break a rule, which says
#: what is wrong and not what is right.
TABLE: Mapping[str, tuple[Remedy, ...]] = {
    "size_change": (REDRAW, USE_PREDICTIONS),
    "shift": (REDRAW, USE_PREDICTIONS),
    "low_iou": (REDRAW, USE_PREDICTIONS),
    "jitter": (SMOOTH, INTERPOLATE, USE_PREDICTIONS),
    "drift": (INTERPOLATE, USE_PREDICTIONS),
    "identity_switch": (EXCHANGE, CUT),
    "fragmentation": (DELETE_STRAY, DELETE_STILL, JOIN_AND_FILL, JOIN, JOIN_CHAIN),
    "gap": (FILL, LEAVE),
    "short_track": (DELETE_TRACK,),
    "truncated": (DELETE_SHORT, DELETE_STILL, EXTEND, EXTEND_BY_PREDICTIONS, LEAVE),
    "ghost": (DELETE_TAIL, INTERPOLATE),
    "duplicate": (DELETE_WORSE, DELETE_OTHER),
    "label_change": (USE_USUAL_LABEL,),
    "appearance": (),
    "invalid": (REPLACE, DELETE_OUTSIDE),
    "overlooked": (ADD_TRACK,),
    "unsupported": (DELETE_BOXES, DELETE_TRACK),
    "badly_located": (USE_PREDICTIONS,),
    "wrong_class": (USE_PREDICTED_CLASS,),
    "rule_violation": (),
}
#: Kinds whose fixes give the rest of a track another ID.
IDENTITIES = frozenset({"identity_switch", "fragmentation"})
#: Kinds whose fixes reach to the end of a track: they are made last, the latest first.
REACHING = IDENTITIES | {"truncated"}
#: Fixes that need an ID that no track has.
NEW_TRACKS = frozenset({CUT, ADD_TRACK})
