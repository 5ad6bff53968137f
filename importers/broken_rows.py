# SPDX-License-Identifier: Apache-2.0
"""Set rows of label files aside that no audit can use, and say why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from .tracks import BOX, BOX_LIMITS, InputError, make_invalid

Rows: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Floats: TypeAlias = npt.NDArray[np.float64]


class BrokenRows:
    """The rows of one file that cannot be used, each with the first reason found.

    A reader calls :meth:`check` for everything that may be wrong with a row, and
    :meth:`set_aside` once.

    Example:
        >>> broken = BrokenRows("gt.txt", lines=np.arange(1, 4))
        >>> width = np.array([5, 0, 7])
        >>> broken.check(width <= 0, lambda row: f"width is {width[row]}")
        >>> broken.found.tolist(), broken.reasons
        ([False, True, False], {1: 'width is 0'})
    """

    def __init__(
        self, path: Path | str, lines: Rows | Callable[[Rows], Rows], count: int = -1
    ) -> None:
        """Begin with no broken rows.

        Args:
            path: the file
            lines: the 1-based line of each row, 0 if the file has no lines of rows; or
                a function from rows to their lines
            count (-1): number of rows, if ``lines`` is a function
        """
        self.path = path
        self.lines = lines if callable(lines) else lines.__getitem__
        self.found: Mask = np.zeros(count if callable(lines) else len(lines), bool)
        self.reasons: dict[int, str] = {}

    def check(
        self, wrong: Mask | pd.Series[bool], reason: Callable[[int], str]
    ) -> None:
        """Note rows that are wrong, unless something else is wrong with them.

        Args:
            wrong: bool array, one value per row
            reason: returns what is wrong with a row and what was expected
        """
        new = np.flatnonzero(np.asarray(wrong, bool) & ~self.found)
        self.reasons |= {row: reason(row) for row in new.tolist()}
        self.found[new] = True

    def check_boxes(self, boxes: pd.DataFrame) -> None:
        """Note boxes that are not finite, have no size, or are far outside.

        Args:
            boxes: ``left``, ``top``, ``width`` and ``height`` in pixels, a row per row
        """
        for name, (low, high) in BOX_LIMITS.items():
            values = boxes[name].to_numpy(np.float64)
            self.check(
                ~((values >= low) & (values <= high)),
                lambda row, name=name, low=low, high=high, values=values: (  # type: ignore[misc]
                    f"{name} is {values[row]:.15g}; expected pixels from {low:.15g} to "
                    f"{high:.15g}"
                ),
            )

    def check_outside(self, boxes: pd.DataFrame, width: Floats, height: Floats) -> None:
        """Note boxes of which nothing is in the image.

        Args:
            boxes: ``left``, ``top``, ``width`` and ``height`` in pixels, a row per row
            width: the width of each box's image in pixels
            height: the height, likewise
        """
        left, top, across, down = boxes[BOX].to_numpy(np.float64).T
        before = (left + across <= 0) | (top + down <= 0)
        self.check(
            before | (left >= width) | (top >= height),
            lambda row: (
                f"the box at {left[row]:.15g}, {top[row]:.15g} is outside the "
                f"{width[row]:.0f}x{height[row]:.0f} image"
            ),
        )

    def set_aside(
        self,
        sequence: str,
        labels: pd.DataFrame,
        strict: bool = False,
    ) -> tuple[pd.DataFrame, tuple[str, ...]]:
        """Describe the broken rows; the reader drops those of :attr:`found`.

        Args:
            sequence: the name of the sequence
            labels: what is known of each row: any of ``frame`` (position, 0 or less if
                it is not among the frames), ``track``, ``left``, ``top``, ``width`` and
                ``height``
            strict (False): whether to refuse the file instead

        Returns:
            a tuple of the rows, as :attr:`Tracks.invalid` holds them, and a sentence
            about them, or nothing if there are none

        Raises:
            InputError: if some rows are broken and ``strict`` is set, or all are
        """
        rows = np.flatnonzero(self.found)
        if not len(rows):
            return make_invalid(), ()
        lines = self.lines(rows)
        reasons = [self.reasons[row] for row in rows.tolist()]
        if strict or len(rows) == len(self.found):
            raise InputError(self.path, reasons[0], int(lines[0]))
        known = {
            name: _round(labels[name].iloc[rows], least)
            for name, least in (("frame", 1), ("track", 0))
            if name in labels
        }
        box = {
            name: labels[name].iloc[rows].to_numpy() for name in BOX if name in labels
        }
        numbers = _round(pd.Series(lines, dtype="float64"), 1)
        columns = {"file": str(self.path), "line": numbers, "reason": reasons}
        invalid = make_invalid({**known, **box, **columns, "sequence": sequence})
        place = f"line {lines[0]}: " if lines[0] else ""
        counts = f"{len(rows)} of {len(self.found)} rows"
        note = (
            f"{self.path}: {counts} cannot be used and are set aside; "
            f"{place}{reasons[0]}"
        )
        return invalid, (note,)


def _round(values: pd.Series[float], least: int) -> pd.arrays.IntegerArray:
    """Return whole numbers, null for those below the least and for fractions."""
    numbers = values.to_numpy(np.float64)
    known = (numbers >= least) & (numbers < 2**31) & (np.floor(numbers) == numbers)
    return pd.arrays.IntegerArray(np.where(known, numbers, 0).astype(np.int64), ~known)
