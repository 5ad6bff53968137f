# SPDX-License-Identifier: Apache-2.0
"""Tables of edits: which boxes of a tracks table change, and how.

A row is a box as it is after the edit.

| column | meaning |
|---|---|
| ``row`` | its row in the tracks table, -1 for a box that is added |
| ``like`` | the row from which an added box takes all other columns |
| ``deleted`` | whether the box is deleted |
| ``frame``, ``track``, ``label``, ``left`` to ``height`` | the box |
| ``mark`` | ``interpolated`` or ``predicted`` for an added box, else empty |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers.tracks import BOX
from ..audit.boxes import Floats

Frames = NDArray[np.int64]
#: Where an added box comes from: from the boxes on both sides, or on one.
INTERPOLATED, PREDICTED = "interpolated", "predicted"
COLUMNS = ["row", "like", "deleted", "frame", "track", "label", *BOX, "mark"]
#: Boxes are written in hundredths of a pixel.
_DECIMALS = 2


@dataclass(frozen=True)
class EditCounts:
    """How many boxes edits change.

    Attributes:
        moved: boxes that get another place or size
        added: boxes that are added
        deleted: boxes that are deleted
        identities: boxes that get another track ID
        labels: boxes that get another label
    """

    moved: int = 0
    added: int = 0
    deleted: int = 0
    identities: int = 0
    labels: int = 0

    def __str__(self) -> str:
        """Say what is changed."""
        told = {
            "moved": self.moved,
            "added": self.added,
            "deleted": self.deleted,
            "with another track ID": self.identities,
            "with another label": self.labels,
        }
        parts = [f"{number:,} {what}" for what, number in told.items() if number]
        return f"boxes: {', '.join(parts)}" if parts else "no box changes"


def move(boxes: pd.DataFrame, places: Floats) -> pd.DataFrame:
    """Edit boxes: give them other places and sizes.

    Args:
        boxes: rows of the tracks table
        places: array ``(n, 4)``, ``[left, top, width, height]`` in pixels

    Returns:
        the edits of the boxes that change
    """
    rounded = np.round(places, _DECIMALS)
    changed = (rounded != boxes[BOX].to_numpy()).any(axis=1)
    moved = _edit(boxes[changed])
    moved[BOX] = rounded[changed]
    return moved


def add(template: pd.Series, frames: Frames, places: Floats, mark: str) -> pd.DataFrame:
    """Add boxes to a track.

    Args:
        template: a row of the tracks table, which gives everything but frame and box
        frames: int array ``(n,)``
        places: array ``(n, 4)``
        mark: :data:`INTERPOLATED` or :data:`PREDICTED`

    Returns:
        the edits
    """
    added = pd.DataFrame(
        {
            "row": -1,
            "like": template.name,
            "deleted": False,
            "frame": frames,
            "track": template["track"],
            "label": template["label"],
            "mark": mark,
        }
    )
    added[BOX] = np.round(places, _DECIMALS)
    return added[COLUMNS]


def delete(boxes: pd.DataFrame) -> pd.DataFrame:
    """Edit boxes: delete them.

    Args:
        boxes: rows of the tracks table

    Returns:
        the edits
    """
    return _edit(boxes, deleted=True)


def rename(boxes: pd.DataFrame, track: int) -> pd.DataFrame:
    """Edit boxes: give them the ID of another track.

    Args:
        boxes: rows of the tracks table
        track: the ID

    Returns:
        the edits
    """
    return _edit(boxes, track=track)


def relabel(boxes: pd.DataFrame, label: str) -> pd.DataFrame:
    """Edit boxes: give them another label.

    Args:
        boxes: rows of the tracks table
        label: the label

    Returns:
        the edits
    """
    return _edit(boxes, label=label)


def count_edits(edits: pd.DataFrame, old: pd.DataFrame) -> pd.DataFrame:
    """Tell what each edit changes.

    Args:
        edits: ``n`` edits
        old: ``track``, ``label`` and the box of each as it was

    Returns:
        bool columns named as the fields of :class:`EditCounts`
    """
    added = edits["row"].to_numpy() < 0
    deleted = edits["deleted"].to_numpy(bool)
    kept = ~added & ~deleted
    boxes = old[BOX].to_numpy(float) != edits[BOX].to_numpy(float)
    tracks = old["track"].to_numpy() != edits["track"].to_numpy()
    labels = old["label"].to_numpy(object) != edits["label"].to_numpy(object)
    return pd.DataFrame(
        {
            "moved": kept & boxes.any(axis=1),
            "added": added,
            "deleted": deleted,
            "identities": kept & tracks,
            "labels": kept & labels,
        }
    )


def _edit(boxes: pd.DataFrame, **values: object) -> pd.DataFrame:
    """Return edits that leave boxes as they are except for some values."""
    same: Mapping[str, object] = {
        "row": boxes.index.to_numpy(),
        "like": boxes.index.to_numpy(),
        "deleted": False,
        "frame": boxes["frame"].to_numpy(),
        "track": boxes["track"].to_numpy(),
        "label": boxes["label"].to_numpy(object),
        **{side: boxes[side].to_numpy() for side in BOX},
        "mark": "",
    }
    return pd.DataFrame({**same, **values}, columns=COLUMNS)
