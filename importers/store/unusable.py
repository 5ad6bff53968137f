# SPDX-License-Identifier: Apache-2.0
"""Find stored detections that no audit can use."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..broken_rows import BrokenRows
from ..tracks import BOX, make_invalid
from .fields import IMAGE_HEIGHT, IMAGE_WIDTH

#: What a track has one box of.
_PLACE = ["sequence", "frame", "track"]


def find_unusable(
    found: pd.DataFrame, indexes: Sequence[object], boxes: Sequence[object]
) -> BrokenRows:
    """Find detections whose frame, box, label or index is no such thing.

    Of several boxes of a track in a frame, the first can be used.

    Args:
        found: the detections: ``left``, ``top``, ``width`` and ``height`` in pixels,
            ``label``, ``index`` and ``instance``, null where they are of a wrong type;
            ``sequence``, ``frame``, whether it is ``beyond`` the ``last`` one of its
            video, the ``track``, and ``image_width`` and ``image_height`` in pixels
        indexes: the indexes as they are stored
        boxes: the bounding boxes as they are stored

    Returns:
        the rows that cannot be used, each with its reason
    """
    broken = BrokenRows("", np.arange(len(found)))
    untyped = found[BOX].isna().all(axis=1).to_numpy(copy=True)
    for row in np.flatnonzero(untyped).tolist():
        box = boxes[row]
        untyped[row] = not (isinstance(box, list) and len(box) == 4)
    broken.check(
        untyped, lambda row: f"its box is {boxes[row]!r:.60}; expected four numbers"
    )
    broken.check_boxes(found)
    sizes = found[[IMAGE_WIDTH, IMAGE_HEIGHT]].to_numpy(np.float64).T
    broken.check_outside(found, *sizes)
    wrong = found["index"].isna() & found["instance"].isna()
    if wrong.any():
        wrong &= np.array([index is not None for index in indexes], bool)
        broken.check(
            wrong,
            lambda row: f"its index is {indexes[row]!r:.60}; expected a whole number",
        )
    unlabeled = found["label"].isna() | found["label"].eq("").to_numpy(bool)
    # Objects of a single class may do without a label
    if not unlabeled.all():
        broken.check(unlabeled, lambda row: "it has no label")
    broken.check(
        found["beyond"],
        lambda row: (
            f"it is in frame {found['frame'].iloc[row]}; the video ends with frame "
            f"{found['last'].iloc[row]:.0f}"
        ),
    )
    broken.check(_again(found, broken), _tell_again(found))
    return broken


def _again(found: pd.DataFrame, broken: BrokenRows) -> NDArray[np.bool_]:
    """Return which detections are further boxes of their track in their frame."""
    usable = found.loc[~broken.found & (found["track"] >= 0).to_numpy(), _PLACE]
    again = np.zeros(len(found), np.bool_)
    again[usable.index[usable.duplicated()]] = True
    return again


def _tell_again(found: pd.DataFrame) -> Callable[[int], str]:
    return lambda row: (
        f"track {found['track'].iloc[row]} has another box in this frame; expected one"
    )


def set_aside(found: pd.DataFrame, broken: BrokenRows) -> pd.DataFrame:
    """Return the unusable detections as ``Tracks.invalid`` holds them.

    Args:
        found: the detections, with their ``sequence``, ``frame`` and ``track``
        broken: the rows that cannot be used

    Returns:
        one row per detection
    """
    if not broken.reasons:
        return make_invalid()
    rows = sorted(broken.reasons)
    left = found.iloc[rows]
    track = left["track"].astype("Int64")
    columns = {name: left[name].to_numpy(np.float64) for name in BOX}
    return make_invalid(
        {
            "sequence": left["sequence"].astype(object).to_numpy(),
            # What comes after the end is shown there
            "frame": left["frame"].where(~left["beyond"], left["last"]).to_numpy(),
            "track": track.where(track >= 0).to_numpy(),
            "reason": [broken.reasons[row] for row in rows],
            **columns,
        }
    )
