# SPDX-License-Identifier: Apache-2.0
"""Labels that came back, beside the labels that were sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from ...importers.tracks import COLUMNS, FORMAT_COLUMNS

#: The columns of :attr:`Corrections.frame_attributes`.
FRAME_ATTRIBUTES = ["sequence", "frame", "attribute", "sent", "corrected"]


@dataclass(frozen=True)
class Corrections:
    """What came back of a selection of frames.

    Attributes:
        sent: the tracks table as it was sent, of the frames that came back:
            ``frame`` is the position in the dataset's sequence, boxes are pixels
            of the images that were sent, and ``object_id`` tells the objects
            apart; ``track`` means nothing yet
        corrected: the tracks table as it came back, likewise
        frames: ``sequence`` and ``frame`` of the frames that came back
        image_sizes: width and height of the images that were sent, by sequence;
            a sequence that is not in it was sent in the size of its labels
        notes: what did not come back, and why
        frame_attributes: what reviewers said otherwise about whole frames:
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
        """The columns of either table that are attributes of annotators."""
        names = [*map(str, self.sent), *map(str, self.corrected)]
        own = {*COLUMNS, *FORMAT_COLUMNS}
        return [name for name in dict.fromkeys(names) if name not in own]


def join_corrections(parts: Iterable[Corrections]) -> Corrections:
    """Joins what came back of different frames.

    Args:
        parts: one part or more

    Returns:
        the whole
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
