# SPDX-License-Identifier: Apache-2.0
"""A draft: the tracks of one sequence while fixes are made, one after the other."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers.tracks import BOX
from ..audit.boxes import Rows
from .box_edits import COLUMNS

_VALUES = ["frame", "track", "label", *BOX]


class Draft:
    """The boxes of a sequence, found by track, and what was done to them.

    A box keeps its number: its row in the tracks table, or one past the last for each
    box that was added.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        """Start from the tracks table of one sequence.

        Args:
            table: the tracks table, sorted by track and frame, indexed from 0
        """
        self._count = len(table)
        self._columns: dict[str, NDArray[np.generic]] = {
            name: np.array(table[name], object if name == "label" else None)
            for name in _VALUES
        }
        self._mark = np.full(len(table), "", object)
        self._like = np.arange(len(table))
        self._gone = np.zeros(len(table), bool)
        self._touched: set[int] = set()
        track = table["track"].to_numpy()
        first = np.flatnonzero(np.diff(track, prepend=np.nan) != 0)
        parts = np.split(np.arange(len(table)), first[1:]) if len(table) else []
        self._rows: dict[int, Rows] = {
            int(track[part[0]]): part for part in parts if track[part[0]] >= 0
        }
        self.new_track = int(max(track.max(initial=0), 0)) + 1

    def boxes_of(self, track: int) -> pd.DataFrame:
        """Return the boxes of a track, by frame.

        Args:
            track: the ID

        Returns:
            ``frame``, ``track``, ``label`` and the box, indexed by their numbers;
            empty if there is no such track
        """
        rows = self._rows.get(track, np.empty(0, np.intp))
        return pd.DataFrame(
            {name: column[rows] for name, column in self._columns.items()}, index=rows
        )

    def boxes_of_all(self, tracks: Iterable[int]) -> pd.DataFrame:
        """Return the boxes of some tracks, as of :meth:`boxes_of`.

        Args:
            tracks: the IDs
        """
        return pd.concat([self.boxes_of(track) for track in tracks])

    def boxes_near(self, frame: int, reach: int) -> pd.DataFrame:
        """Return the boxes of all tracks around a frame, by track and frame.

        Args:
            frame: the frame
            reach: the number of frames on either side

        Returns:
            the boxes, as of :meth:`boxes_of`
        """
        apart = np.abs(self._columns["frame"].astype(np.int64) - frame)
        rows = np.flatnonzero((apart <= reach) & ~self._gone)
        near = pd.DataFrame(
            {name: column[rows] for name, column in self._columns.items()}, index=rows
        )
        return near[near["track"] >= 0].sort_values(["track", "frame"])

    def apply(self, edits: pd.DataFrame) -> dict[str, NDArray[np.generic]]:
        """Make edits.

        Args:
            edits: edits whose rows are numbers of boxes

        Returns:
            ``frame``, ``track``, ``label`` and the box of each edited box as it was,
            arrays ``(n,)``, which mean nothing for boxes that are added
        """
        rows = edits["row"].to_numpy(np.intp, copy=True)
        new = rows < 0
        if new.any():
            rows[new] = len(self._gone) + np.arange(new.sum())
            self._grow(int(new.sum()))
        old = {name: column[rows] for name, column in self._columns.items()}
        for name, column in self._columns.items():
            column[rows] = edits[name].to_numpy()
        self._mark[rows[new]] = edits["mark"].to_numpy(object)[new]
        like = self._like[edits["like"].to_numpy(np.intp)]
        self._like[rows[new]] = like[new]
        self._gone[rows] = edits["deleted"].to_numpy(bool)
        self._touched.update(rows.tolist())
        self._find({*old["track"][~new].tolist(), *edits["track"].tolist()}, rows)
        return old

    def edits(self) -> pd.DataFrame:
        """Return everything that was done, as edits of the tracks table."""
        rows = np.array(sorted(self._touched), np.intp)
        added = rows >= self._count
        rows = rows[~(added & self._gone[rows])]
        added = rows >= self._count
        return pd.DataFrame(
            {
                "row": np.where(added, -1, rows),
                "like": self._like[rows],
                "deleted": self._gone[rows],
                **{name: column[rows] for name, column in self._columns.items()},
                "mark": self._mark[rows],
            },
            columns=COLUMNS,
        )

    def _grow(self, count: int) -> None:
        """Make room for boxes that are added."""
        for name, column in self._columns.items():
            self._columns[name] = np.resize(column, len(column) + count)
        self._mark = np.append(self._mark, np.full(count, "", object))
        self._like = np.append(self._like, np.full(count, -1))
        self._gone = np.append(self._gone, np.zeros(count, bool))

    def _find(self, tracks: set[int], rows: Rows) -> None:
        """Find the boxes of tracks again after some boxes were edited."""
        held = [self._rows.pop(track, rows[:0]) for track in tracks]
        known = np.unique(np.concatenate([*held, rows]))
        known = known[~self._gone[known]]
        track, frame = self._columns["track"][known], self._columns["frame"][known]
        known = known[np.lexsort((frame, track))]
        track = self._columns["track"][known]
        first = np.flatnonzero(np.diff(track, prepend=np.nan) != 0)
        for part in np.split(known, first[1:]) if len(known) else []:
            self._rows[int(self._columns["track"][part[0]])] = part
        self.new_track = max(self.new_track, int(track.max(initial=0)) + 1)
