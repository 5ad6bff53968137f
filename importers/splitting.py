# SPDX-License-Identifier: Apache-2.0
"""Split tracks by sequence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np

from .tracks import Tracks


def split_tracks(tracks: Tracks) -> Iterator[Tracks]:
    """Split tracks into those of each sequence; an empty table is yielded once.

    Args:
        tracks: the tracks

    Yields:
        the tracks of each sequence, with the record of that one if it is known
    """
    codes = tracks.table["sequence"].cat.codes.to_numpy()
    first = np.flatnonzero(np.diff(codes)) + 1
    for start, end in pairwise([0, *first, len(codes)]):
        table = tracks.table.iloc[start:end]
        names = table["sequence"].iloc[:1].astype(object)
        known = tracks.sequences
        own = {name: known[name] for name in names if name in known}
        yield replace(tracks, table=table, sequences=own)
