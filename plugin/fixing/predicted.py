# SPDX-License-Identifier: Apache-2.0
"""Fixes that take the boxes and the classes of a detector's predictions."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers.tracks import BOX
from ..audit.boxes import Floats, iou
from .box_edits import PREDICTED, Frames, add, move, relabel
from .cases import Case, path_of

#: IoU from which on two boxes can be of one object, and with which they surely are.
_SAME, _SURE = 0.4, 0.5
#: Labeled frames for which the predictions of an object may be interrupted.
_BREAK = 3
#: The share of boxes that must have a prediction, so that the others can be bridged.
_KNOWN = 0.5
#: Labeled frames by which a track is extended.
EXTENT = 10


def use_predictions(case: Case) -> pd.DataFrame | None:
    """Move the boxes of the stretch to those of the predictions."""
    boxes = case.stretch.reset_index(names="row")
    if boxes.empty or case.predicted.empty:
        return None
    frames = boxes["frame"].to_numpy(np.int64)
    path = case.path(frames)
    where = [] if path is None else [path]
    places, known = _find(case, boxes, [*where, boxes[BOX].to_numpy(float)])
    if known.sum() < max(2, _KNOWN * len(boxes)) and not known.all():
        return None
    if not known.all():
        seen = boxes[known].copy()
        seen[BOX] = places[known]
        bridged = path_of(seen, np.ones(len(seen)), frames[~known], case.step)
        places[~known] = bridged
    moved = move(case.stretch, places)
    return moved if len(moved) else None


def _find(
    case: Case, boxes: pd.DataFrame, where: list[Floats]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the prediction of each box, and whether there is one.

    Args:
        case: the case
        boxes: ``n`` boxes
        where: where each of them may be, arrays ``(n, 4)``, the likelier ones first
    """
    places = boxes[BOX].to_numpy(float).copy()
    known = np.zeros(len(boxes), bool)
    pairs = boxes[["frame"]].reset_index(names="box").merge(case.predicted, on="frame")
    for here in where:
        open_ = pairs[~known[pairs["box"]]]
        fit = iou(here[open_["box"]], open_[BOX].to_numpy(float))
        best = open_.assign(fit=fit)[fit >= _SAME].sort_values("fit", ascending=False)
        best = best.drop_duplicates("box")
        places[best["box"]] = best[BOX].to_numpy(float)
        known[best["box"]] = True
    return places, known


def add_track(case: Case) -> pd.DataFrame | None:
    """Add a track of the predictions that follow the expected box."""
    if case.predicted.empty or case.near.empty or case.expected is None:
        return None
    chain = follow(case.predicted, case.expected, case.first, case.last, case.step)
    if len(chain) < _BREAK:
        return None
    label = _spell(str(chain["label"].astype(object).mode().iloc[0]), case.near)
    own = case.near[case.near["label"] == label]
    nearest = (own["frame"] - case.first).abs().argmin()
    template = own.iloc[nearest].copy()
    template["track"] = case.new_track
    frames = np.arange(
        chain["frame"].iloc[0], chain["frame"].iloc[-1] + 1, case.step, dtype=np.int64
    )
    return add(template, frames, _fill(chain, frames, case.step), PREDICTED)


def extend_by_predictions(case: Case) -> pd.DataFrame | None:
    """Add the predictions before the first or after the last box of the track."""
    if case.own.empty or case.predicted.empty:
        return None
    first, last = int(case.own["frame"].iloc[0]), int(case.own["frame"].iloc[-1])
    if case.peak not in (first, last):
        return None
    end = case.own.iloc[-1 if case.peak == last else 0]
    side = 1 if case.peak == last else -1
    reach = sorted([case.peak + side, case.peak + side * EXTENT * case.step])
    box = end[BOX].to_numpy(float)
    chain = follow(case.predicted, box, reach[0], reach[1], case.step, side)
    if chain.empty:
        return None
    frames = chain["frame"].to_numpy(np.int64)
    return add(end, frames, chain[BOX].to_numpy(float), PREDICTED)


def use_predicted_class(case: Case) -> pd.DataFrame | None:
    """Give the track the class that most of its predictions have."""
    boxes = case.stretch.reset_index(names="row")
    if boxes.empty or case.predicted.empty:
        return None
    pairs = boxes.merge(case.predicted, on="frame", suffixes=("", "_seen"))
    seen = pairs[[f"{side}_seen" for side in BOX]].to_numpy(float)
    fits = pairs[iou(pairs[BOX].to_numpy(float), seen) >= _SURE]
    if fits.empty:
        return None
    label = str(fits["label_seen"].astype(object).mode().iloc[0])
    if label.casefold() in boxes["label"].astype(str).str.casefold().tolist():
        return None
    return relabel(case.stretch, _spell(label, case.near, label))


def follow(
    predicted: pd.DataFrame,
    box: Floats,
    first: int,
    last: int,
    step: int,
    side: int = 1,
) -> pd.DataFrame:
    """Follow an object through predictions, from frame to frame.

    Of the predictions that overlap with the last one enough, the most confident goes
    on.

    Args:
        predicted: the predictions
        box: array ``(4,)``, where the object is at the beginning
        first: the first frame
        last: the last frame
        step: the number of frames from one labeled frame to the next
        side (1): 1 to go from the first frame on, -1 to go back from the last one

    Returns:
        the predictions of the object, by frame
    """
    near = predicted[predicted["frame"].between(first, last)]
    chain, since = [], first if side > 0 else last
    by_frame = near.groupby("frame").indices
    for frame in sorted(map(int, near["frame"].unique()), reverse=side < 0):
        if abs(frame - since) > _BREAK * step:
            break
        here = near.iloc[by_frame[frame]]
        fits = here[iou(box[None], here[BOX].to_numpy(float)) >= _SAME]
        if len(fits):
            best = int(fits["confidence"].to_numpy(float).argmax())
            chain.append(fits.iloc[[best]])
            box, since = fits[BOX].to_numpy(float)[best], frame
    found = pd.concat(chain) if chain else near.iloc[:0]
    return found.sort_values("frame")


def _fill(chain: pd.DataFrame, frames: Frames, step: int) -> Floats:
    """Return the boxes of a chain, those between them interpolated."""
    places = path_of(chain, np.ones(len(chain)), frames, step)
    known = np.isin(frames, chain["frame"])
    places[known] = chain[BOX].to_numpy(float)[np.isin(chain["frame"], frames)]
    return places


def _spell(label: str, boxes: pd.DataFrame, otherwise: str | None = None) -> str:
    """Return a class as the labels spell it, or else their most frequent one."""
    known = boxes["label"].astype(str).value_counts().index
    same = [each for each in known if each.casefold() == label.casefold()]
    usual = otherwise or str(known[0])
    return same[0] if same else usual
