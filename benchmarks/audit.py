# SPDX-License-Identifier: Apache-2.0
"""The audit's signals, compared with plain numpy, and the whole audit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from fiftyone_track_audit.importers.mot import read_mot
from fiftyone_track_audit.importers.tracks import BOX
from fiftyone_track_audit.plugin.audit import audit_tracks, iou_signals, size_signals
from fiftyone_track_audit.plugin.audit.neighbors import find_neighbors
from numpy.typing import NDArray
from report import Line, at_most, best_of

Floats = NDArray[np.float64]
REPEATS = 5


def run(folder: Path) -> list[Line]:
    """Measure the audit of all sequences.

    Args:
        folder: the folder of the sequences' folders

    Returns:
        the lines of the table
    """
    tracks = read_mot(folder, include_ignored=True)
    table = tracks.table
    shuffled = table.sample(frac=1, random_state=0)
    codes = shuffled["sequence"].cat.codes.to_numpy()
    keys = (shuffled["frame"].to_numpy(), shuffled["track"].to_numpy(), codes)
    boxes = shuffled[BOX].to_numpy()
    signals, plain = best_of(
        REPEATS, lambda: _signals(table), lambda: _plain_signals(keys, boxes)
    )
    (whole,) = best_of(2, lambda: audit_tracks(tracks))
    size = f"{len(table):,} rows"
    per_million = f"audit_tracks, {whole / len(table) * 1e6:.1f} s per million rows"
    return [
        at_most(f"signals, {size}", signals, "lexsort and diff", plain, 2),
        Line(per_million, f"{whole:.1f} s"),
    ]


def _signals(table: pd.DataFrame) -> dict[str, Floats]:
    neighbors = find_neighbors(table)
    return size_signals(table, neighbors) | iou_signals(table, neighbors)


def _plain_signals(
    keys: tuple[NDArray[Any], ...], boxes: Floats
) -> tuple[Floats, Floats]:
    """Compute the change of area and the IoU of neighbors from shuffled rows."""
    order = np.lexsort(keys)
    frame, track, sequence = (key[order] for key in keys)
    left, top, width, height = boxes[order].T
    apart = (np.diff(track) != 0) | (np.diff(sequence) != 0) | (np.diff(frame) != 1)
    area = width * height
    change = np.diff(area) / area[:-1]
    right, bottom = left + width, top + height
    across = np.minimum(right[1:], right[:-1]) - np.maximum(left[1:], left[:-1])
    down = np.minimum(bottom[1:], bottom[:-1]) - np.maximum(top[1:], top[:-1])
    shared = np.maximum(across, 0) * np.maximum(down, 0)
    iou = shared / (area[1:] + area[:-1] - shared)
    return np.where(apart, np.nan, change), np.where(apart, np.nan, iou)
