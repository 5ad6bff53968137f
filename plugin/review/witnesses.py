# SPDX-License-Identifier: Apache-2.0
"""Read the predictions that the tracks of a dataset were compared with."""

from __future__ import annotations

import fiftyone as fo
import pandas as pd

from ...importers import store
from .audit_records import list_audits


def read_predictions_near(
    dataset: fo.Dataset, field: str, sequence: str, frames: tuple[int, int]
) -> pd.DataFrame | None:
    """Read a detector's predictions in some frames.

    Args:
        dataset: the dataset
        field: the frame field of the tracks
        sequence: the name of the sequence
        frames: positions of the first and the last frame in the sequence

    Returns:
        their tracks table, with ``confidence``; None if no audit compared the tracks
        with any
    """
    fields = [audit.settings.predictions for audit in list_audits(dataset, field)]
    there = store.label_fields(dataset)
    found = [each for each in fields if each in there]
    if not found:
        return None
    stored = store.read_boxes(dataset, str(found[-1]), sequence, frames, ["confidence"])
    table = stored.tracks.table
    seen: pd.DataFrame = table[table["confidence"].notna()]
    return seen
