# SPDX-License-Identifier: Apache-2.0
"""Which rows of the tracks table belong to each track, and where issues are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


def whole_tracks(
    table: pd.DataFrame, rows: TrackRows, keys: Iterable[tuple[str, int]]
) -> pd.DataFrame:
    """Return a row per track that spans all of its frames, as an issue would.

    Args:
        table: the tracks table
        rows: the rows of each track
        keys: sequence and track, of tracks that have boxes

    Returns:
        the columns that :func:`find_spans` reads
    """
    frames = table["frame"].to_numpy()
    spans = [(*key, frames[rows[key]]) for key in keys]
    return pd.DataFrame(
        {
            "sequence": [name for name, _, _ in spans],
            "track": [track for _, track, _ in spans],
            "other_track": pd.array([None] * len(spans), dtype="Int64"),
            "first_frame": [own[0] for _, _, own in spans],
            "last_frame": [own[-1] for _, _, own in spans],
            "peak_frame": [own[len(own) // 2] for _, _, own in spans],
        }
    )
