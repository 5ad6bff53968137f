# SPDX-License-Identifier: Apache-2.0
"""Corrections: the labels that came back, and the labels that were sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from ...importers.tracks import COLUMNS, FORMAT_COLUMNS, InputError

#: The columns of :attr:`Corrections.frame_attributes`.
FRAME_ATTRIBUTES = ["sequence", "frame", "attribute", "sent", "corrected"]


class NotReviewed(InputError):
    """Nothing came back yet, since annotators have not finished."""


@dataclass(frozen=True)
class Corrections:
    """The corrections of an adjustment, on the frames that came back.

    Attributes:
        sent: the tracks table that was sent, of the frames that came back:
            ``frame`` is the 1-based position in the dataset's sequence, boxes are in
            pixels of the images that were sent, and ``object_id`` identifies the
            objects; ``track`` has no meaning yet
        corrected: the tracks table that came back, with the same columns
        frames: ``sequence`` and ``frame`` of the frames that came back
        image_sizes: width and height in pixels of the images that were sent, by
            sequence; other sequences were sent in the size of their labels
        notes: what did not come back, and why
        frame_attributes: the attributes of whole frames that reviewers changed:
            ``sequence``, ``frame``, ``attribute``, ``sent`` and ``corrected``
    """

    sent: pd.DataFrame
    corrected: pd.DataFrame
    frames: pd.DataFrame
    image_sizes: Mapping[str, tuple[int, int]]
    notes: tuple[str, ...] = ()
    frame_attributes: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=FRAME_ATTRIBUTES)
    )

    @property
    def attributes(self) -> list[str]:
        """The columns of either table that hold annotators' attributes."""
        names = [*map(str, self.sent), *map(str, self.corrected)]
        own = {*COLUMNS, *FORMAT_COLUMNS}
        return [name for name in dict.fromkeys(names) if name not in own]


def join_corrections(parts: Iterable[Corrections]) -> Corrections:
    """Join the corrections of different frames.

    Args:
        parts: the corrections, at least one
    """
    parts = list(parts)
    sizes: dict[str, tuple[int, int]] = {}
    for part in parts:
        sizes.update(part.image_sizes)
    return Corrections(
        sent=pd.concat([part.sent for part in parts], ignore_index=True),
        corrected=pd.concat([part.corrected for part in parts], ignore_index=True),
        frames=pd.concat([part.frames for part in parts], ignore_index=True),
        image_sizes=sizes,
        notes=tuple(note for part in parts for note in part.notes),
        frame_attributes=pd.concat(
            [part.frame_attributes for part in parts], ignore_index=True
        ),
    )
