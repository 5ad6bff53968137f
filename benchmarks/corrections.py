# SPDX-License-Identifier: Apache-2.0
"""Real mistakes: the labels of MOT16 that its authors corrected for MOT17.

The two benchmarks label the same videos. The differences between them are mistakes
that people found when they looked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from fiftyone_track_audit.importers.mot import read_mot
from fiftyone_track_audit.importers.tracks import BOX, Tracks
from fiftyone_track_audit.plugin.audit.boxes import iou
from measures import (
    average_precision,
    best_frames,
    best_ranked,
    number_stretches,
    seen_events,
)
from numpy.typing import NDArray
from rivals import Floats, Rank
from scipy.optimize import linear_sum_assignment

Bools = NDArray[np.bool_]

#: The compared videos, which both benchmarks label.
VIDEOS = ("02", "05", "09")
#: The share of detections, or of frames, that a reviewer looks at.
SHARE = 0.1
#: The IoU from which two boxes are the same, and above which they are of one person.
SAME, SAME_PERSON = 0.9, 0.5


@dataclass(frozen=True)
class Corrections:
    """The changes that people made to the tracks of a sequence.

    Attributes:
        tracks: the tracks before
        corrected: bool array ``(n,)``, which boxes were changed or taken away
        missing: int array, the frame of each box that was added
    """

    tracks: Tracks
    corrected: Bools
    missing: NDArray[np.int64]

    def stretches(self) -> tuple[NDArray[np.intp], int]:
        """Return the number of each corrected box's run, and how many there are.

        Boxes of one track that were corrected one after the other are one mistake.
        """
        stretch = number_stretches(self.tracks.table, self.corrected)
        return stretch, int(stretch.max(initial=-1)) + 1


def find_corrections(before: Tracks, after: Tracks) -> Corrections:
    """Compare the tracks of one sequence before and after.

    A box is corrected where no box afterwards has an IoU of at least :data:`SAME`
    with it. A box is missing where, boxes being paired one to one, none had an IoU
    above :data:`SAME_PERSON` with it.

    Args:
        before: the tracks of one sequence
        after: the tracks of the same frames, corrected

    Returns:
        the :class:`Corrections`
    """
    corrected = np.ones(len(before.table), bool)
    missing = np.ones(len(after.table), bool)
    rows_after = after.table.groupby("frame").indices
    old, new = before.table[BOX].to_numpy(), after.table[BOX].to_numpy()
    for frame, rows in before.table.groupby("frame").indices.items():
        others = rows_after.get(frame)
        if others is None:
            continue
        overlap = iou(old[rows, None], new[None, others])
        corrected[rows] = overlap.max(axis=1) < SAME
        pairs = linear_sum_assignment(overlap, maximize=True)
        missing[others[pairs[1]]] = overlap[pairs] <= SAME_PERSON
    frames = after.table["frame"].to_numpy(np.int64)
    return Corrections(before, corrected, frames[missing])


def read_corrections(data: Path) -> dict[str, Corrections]:
    """Read and compare MOT16 and MOT17.

    Args:
        data: the folder that holds ``MOT16/train`` and ``MOT17/train``

    Returns:
        the :class:`Corrections` by the name of MOT16's sequence

    Raises:
        InputError: if a file is missing or wrong, naming the line
    """
    return {
        f"MOT16-{video}": find_corrections(
            read_mot(data / f"MOT16/train/MOT16-{video}"),
            read_mot(data / f"MOT17/train/MOT17-{video}"),
        )
        for video in VIDEOS
    }


def measure_corrections(
    found: Mapping[str, Corrections], methods: Mapping[str, Rank]
) -> pd.DataFrame:
    """Measure how early each method ranks the corrected boxes.

    Args:
        found: the corrections of each sequence, by its name
        methods: by name, what returns the scores of all ``n`` detections, ``(n,)``

    Returns:
        one row per ``method`` and ``sequence``: ``boxes`` and ``frames``, the share
        of corrected boxes among the best-ranked tenth of detections, and on the
        best-ranked tenth of frames; ``stretches``, the share of their stretches
        with a box among that tenth of detections; ``missing``, the share of missing
        boxes that belong on that tenth of frames; ``precision``, average precision
        over chance's
    """
    return pd.DataFrame(
        [
            {
                "method": method,
                "sequence": name,
                **_measure(corrections, rank(corrections.tracks)),
            }
            for method, rank in methods.items()
            for name, corrections in found.items()
        ]
    )


def _measure(corrections: Corrections, score: Floats) -> dict[str, float]:
    tracks, corrected = corrections.tracks, corrections.corrected
    (record,) = tracks.sequences.values()
    frame = tracks.table["frame"].to_numpy(np.intp)
    shown = best_frames(frame, score, len(record.frame_names), SHARE)
    stretch, count = corrections.stretches()
    return {
        "boxes": float(best_ranked(score, SHARE)[corrected].mean()),
        "stretches": float(seen_events(score, stretch, count, SHARE).mean()),
        "frames": float(shown[frame[corrected]].mean()),
        "missing": float(shown[corrections.missing].mean()),
        "precision": average_precision(score, corrected) / corrected.mean(),
    }
