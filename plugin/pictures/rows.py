# SPDX-License-Identifier: Apache-2.0
"""Which rows of the tracks table belong to each track, and where issues are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

#: The rows of each track, in the order of its frames, by sequence and track.
TrackRows: TypeAlias = Mapping[tuple[str, int], NDArray[np.intp]]


def find_rows(table: pd.DataFrame) -> TrackRows:
    """Find the rows of each track."""
    tracks = table.groupby(["sequence", "track"], observed=True)
    indices: Any = tracks.indices
    rows: TrackRows = indices
    return rows


class Span(NamedTuple):
    """Where an issue is.

    Attributes:
        sequence: the sequence's name
        track: the track's ID
        other_track: the ID of the other track that is involved, None without one
        first: the position of the first frame
        last: the position of the last frame
        peak: the position of the frame that shows it best
    """

    sequence: str
    track: int
    other_track: int | None
    first: int
    last: int
    peak: int

    def tracks(self) -> list[tuple[str, int]]:
        """Return the keys of the tracks that have IDs."""
        ids = (self.track, -1 if self.other_track is None else self.other_track)
        return [(self.sequence, track) for track in ids if track >= 0]


def find_spans(issues: pd.DataFrame) -> list[Span]:
    """Return where issues are.

    Args:
        issues: the issues, see :attr:`Audit.issues`

    Returns:
        the :class:`Span` of each
    """
    columns = ["track", "other_track", "first_frame", "last_frame", "peak_frame"]
    numbers = issues[columns]
    known = numbers.where(numbers.notna(), -1).astype(int).to_numpy().tolist()
    alone = issues["other_track"].isna().tolist()
    return [
        Span(str(name), track, None if single else other, first, last, peak)
        for name, (track, other, first, last, peak), single in zip(
            issues["sequence"], known, alone, strict=True
        )
    ]
