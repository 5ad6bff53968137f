# SPDX-License-Identifier: Apache-2.0
"""Findings: what detectors report as possible mistakes.

A table with one row per finding. How likely a finding is a mistake is judged later,
see ``score.py``. Rows of the tracks table are given by their position in it.

| column | meaning |
|---|---|
| ``kind`` | the kind of mistake |
| ``peak`` | the row that shows it best |
| ``first``, ``last`` | the rows of the same track that are wrong |
| ``other`` | a row of the other track that is involved, or -1 |
| ``strength`` | how pronounced it is, above 0; comparable within one kind only |
| ``amount`` | the number for the kind's sentence, see ``kinds.py`` |
| ``severity`` | how far a threshold is exceeded, above 1; null without a threshold |
| ``chance`` | the probability that the other track is involved, or null |
| ``rival`` | a row of the next likely other track, or -1 |
| ``rival_chance`` | the probability of that one, or null |
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from .boxes import Floats, Rows


def make_findings(
    kind: str,
    peak: Rows,
    strength: Floats,
    first: Rows | None = None,
    last: Rows | None = None,
    other: Rows | None = None,
    amount: Floats | None = None,
) -> pd.DataFrame:
    """Return a table of findings of one kind.

    Args:
        kind: the kind
        peak: the rows that show the findings best, int array ``(m,)``
        strength: float array ``(m,)``; findings of 0 or NaN are left out
        first (None): the first wrong rows, by default the peaks
        last (None): the last wrong rows, by default the peaks
        other (None): rows of the other tracks, by default none
        amount (None): the numbers for the sentences, by default the strengths

    Returns:
        the data frame
    """
    chosen = strength > 0
    if not chosen.any():
        # Most detectors find nothing in a short sequence
        return _nothing().copy(deep=False)
    # The texts of pyarrow, pandas' default, take long to make and to index
    kinds = pd.Series(kind, np.arange(chosen.sum()), dtype=object)
    return pd.DataFrame(
        {
            "kind": kinds,
            "peak": peak[chosen],
            "first": (peak if first is None else first)[chosen],
            "last": (peak if last is None else last)[chosen],
            "other": -1 if other is None else other[chosen],
            "strength": strength[chosen],
            "amount": (strength if amount is None else amount)[chosen],
            "severity": np.nan,
            "chance": np.nan,
            "rival": -1,
            "rival_chance": np.nan,
        }
    )


@cache
def _nothing() -> pd.DataFrame:
    """Return a table without findings."""
    rows, numbers = np.empty(0, np.intp), np.empty(0)
    kinds = {
        "kind": pd.Series([], dtype=object),
        **dict.fromkeys(("peak", "first", "last", "other"), rows),
        **dict.fromkeys(("strength", "amount", "severity", "chance"), numbers),
        "rival": rows,
        "rival_chance": numbers,
    }
    return pd.DataFrame(kinds)


def first_of_each(values: Rows) -> Rows:
    """Return the positions where values occur for the first time, ascending.

    Args:
        values: int array ``(m,)``, rows or numbers of tracks, at least 0

    Returns:
        int array ``(k,)``
    """
    place = np.arange(len(values))
    seen = np.empty(int(values.max(initial=-1)) + 1, np.intp)
    # Of equal values, the one that is written last remains
    seen[values[::-1]] = place[::-1]
    return np.flatnonzero(seen[values] == place)


def both_ways(findings: pd.DataFrame) -> pd.DataFrame:
    """Add the same findings as seen from the other track.

    Args:
        findings: findings that are about their peak and first box alone

    Returns:
        the findings and their mirror images
    """
    if findings.empty:
        return findings
    before = findings["peak"] - findings["first"]
    mirrored = findings.assign(
        peak=findings["other"],
        first=findings["other"] - before,
        last=findings["other"],
        other=findings["peak"],
    )
    return pd.concat([findings, mirrored], ignore_index=True)


def pair_off(findings: pd.DataFrame) -> pd.DataFrame:
    """Keep the strongest finding about each box, and add those of the other tracks.

    An object that swaps IDs with one neighbor can seem to swap with all that are near.

    Args:
        findings: findings, as :func:`both_ways` takes them

    Returns:
        the remaining findings, from both sides
    """
    if findings.empty:
        return findings
    ordered = findings.sort_values("strength", ascending=False, kind="stable")
    best = ordered.drop_duplicates("peak").drop_duplicates("other")
    return both_ways(best[~best["peak"].isin(best["other"])])


def find_peaks(values: Floats, track: Rows, reach: int) -> Rows:
    """Find the rows with local maxima of their track.

    Args:
        values: array ``(n,)``; peaks are above 0
        track: int array ``(n,)``, the number of each row's track, ascending
        reach: how many rows on either side a peak must exceed

    Returns:
        int array of rows, ascending; the first of equal neighbors
    """
    if not len(values):
        return np.empty(0, np.intp)
    values = np.nan_to_num(values)
    # Tracks are moved apart, so that their ends are not compared with each other
    place = np.arange(len(values)) + track * (reach + 1)
    spread = np.zeros(place[-1] + 1)
    spread[place] = values
    largest = maximum_filter1d(spread, 2 * reach + 1, mode="constant")[place]
    peaks = np.flatnonzero((values > 0) & (values >= largest))
    gap = np.diff(place[peaks], prepend=-reach - 1)
    equal = np.diff(values[peaks], prepend=-1) == 0
    result: Rows = peaks[~(equal & (gap <= reach))]
    return result


def runs(chosen: NDArray[np.bool_], track: Rows) -> tuple[Rows, Rows]:
    """Find the runs of chosen rows within tracks.

    Args:
        chosen: bool array ``(n,)``
        track: int array ``(n,)``, the number of each row's track

    Returns:
        a tuple of the first and last rows of the runs
    """
    same = np.diff(track) == 0
    goes_on = chosen[1:] & chosen[:-1] & same
    first = np.flatnonzero(chosen & ~np.r_[False, goes_on])
    last = np.flatnonzero(chosen & ~np.r_[goes_on, False])
    return first, last


def reduce_runs(take: np.ufunc, values: Floats, first: Rows, last: Rows) -> Floats:
    """Reduce the values of each run of rows to one.

    Args:
        take: what reduces them, such as ``np.maximum``
        values: array ``(n,)``
        first: the first rows of the runs, int array ``(m,)``
        last: their last rows

    Returns:
        array ``(m,)``
    """
    # In this order, what lies between two runs is passed only once
    order = np.argsort(first, kind="stable")
    ends = np.stack([first[order], last[order] + 1], axis=1).ravel()
    result = np.empty(len(first))
    result[order] = take.reduceat(np.append(values, np.nan), ends)[::2]
    return result
