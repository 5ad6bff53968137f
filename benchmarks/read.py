# SPDX-License-Identifier: Apache-2.0
"""Reading ``gt.txt`` with checks and types, compared with parsing alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from fiftyone_track_audit.importers.mot import read_mot
from report import Line, at_most, best_of

REPEATS = 7


def run(folder: Path) -> list[Line]:
    """Measure each sequence, and all of them.

    Args:
        folder: the folder of the sequences' folders

    Returns:
        the lines of the table
    """
    every = sorted(folder.glob("*/gt/gt.txt"))
    subjects = {path.parent.parent: [path] for path in every} | {folder: every}
    return [_compare(place, paths) for place, paths in subjects.items()]


def _compare(place: Path, paths: list[Path]) -> Line:
    def parse() -> list[pd.DataFrame]:
        return [pd.read_csv(path, header=None, engine="pyarrow") for path in paths]

    ours, theirs = best_of(REPEATS, lambda: read_mot(place, True), parse)
    name = place.name if len(paths) == 1 else "all sequences"
    return at_most(f"read_mot, {name}", ours, "read_csv(pyarrow)", theirs, 2)
