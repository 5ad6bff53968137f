# SPDX-License-Identifier: Apache-2.0
"""Set boxes of Ground Truth labels aside that no audit can use, and say why."""

from __future__ import annotations

import math
import sys
from dataclasses import replace

import numpy as np
import pandas as pd

from .seq_label import Labels, track_number
from .tracks import BOX, BOX_LIMITS, make_invalid


def set_aside_boxes(labels: Labels) -> Labels:
    """Set aside boxes without a size or far outside, and second boxes of an object.

    Args:
        labels: the labels

    Returns:
        the same without these boxes, which :attr:`Labels.invalid` holds; boxes whose
        coordinates are no numbers stay, since the file has another format

    Raises:
        InputError: if no box is left
    """
    reasons: dict[int, str] = {}
    seen: set[tuple[int, str]] = set()
    places = labels.positions.tolist()
    for at, (box, place) in enumerate(zip(labels.boxes, places, strict=True)):
        name = box.get("object-id") if labels.tracking else None
        if reason := _out_of_range([box.get(side) for side in BOX]):
            reasons[at] = reason
        elif not isinstance(name, str):
            continue
        elif (place, name) in seen:
            reasons[at] = "a second box; expected one box per frame and object"
        else:
            seen.add((place, name))
    if not reasons:
        return labels
    if len(reasons) == len(labels.boxes):
        raise labels.error(0, reasons[0])
    rows = np.array(list(reasons), np.intp)
    boxes = [labels.boxes[at] for at in reasons]
    kept = np.setdiff1d(np.arange(len(labels.boxes)), rows)
    tracks = [track_number(box.get("object-name")) for box in boxes]
    columns = {
        **{side: [_to_float(box[side]) for box in boxes] for side in BOX},
        "frame": labels.positions[rows] + 1,
        "track": pd.array(tracks, "Int64"),
        "file": labels.path,
        "reason": [labels.describe(at, reason) for at, reason in reasons.items()],
    }
    return replace(
        labels,
        boxes=[labels.boxes[at] for at in kept],
        positions=labels.positions[kept],
        invalid=make_invalid(columns),
    )


def _out_of_range(box: list[object]) -> str | None:
    """Say which side of a box is out of range, None if none is or one is no number."""
    reason = None
    for (side, (low, high)), value in zip(BOX_LIMITS.items(), box, strict=True):
        if type(value) not in (int, float):
            return None
        if reason is None and not low <= value <= high:  # type: ignore[operator]
            expected = f"pixels from {low:.15g} to {high:.15g}"
            reason = f"{side!r} is {value!s:.80}; expected {expected}"
    return reason


def _to_float(value: float) -> float:
    """Return a number of JSON, which may be an integer beyond any float."""
    return float(value) if abs(value) < sys.float_info.max else math.nan
