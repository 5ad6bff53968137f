# SPDX-License-Identifier: Apache-2.0
"""Measure how long folders of label files take to read, compared with judging them.

The labels of a sequence are written several times, in formats with a file for each
sequence, read and judged in this process. For example:
python benchmarks/reading.py MOT20/train/MOT20-01
"""

from __future__ import annotations

import argparse
import pickle
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import process_time

import pandas as pd
from fiftyone_track_audit.importers.cvat_writer import write_cvat_labels
from fiftyone_track_audit.importers.engine import HERE
from fiftyone_track_audit.importers.formats import read_labels
from fiftyone_track_audit.importers.mot_writer import write_mot_labels
from fiftyone_track_audit.importers.tracks import Tracks, rename_sequence
from fiftyone_track_audit.plugin.audit import audit_tracks

#: The formats, and what writes them.
WRITERS = {"mot": write_mot_labels, "cvat": write_cvat_labels}
REPEATS = 3


def measure(tracks: Tracks, copies: int) -> pd.DataFrame:
    """Return what a million boxes take in each format."""
    (name,) = tracks.sequences
    rows = {}
    for format, write in WRITERS.items():
        with tempfile.TemporaryDirectory() as folder:
            for number in range(copies):
                write(rename_sequence(tracks, name, f"{name}-{number}"), Path(folder))
            read = read_labels(folder, format)
            boxes = len(read.table)
            reading = _best(partial(read_labels, folder))
            judging = _best(partial(audit_tracks, read, engine=HERE))
            rows[format] = {
                "read, s": reading / boxes * 1e6,
                "judge, s": judging / boxes * 1e6,
                "collected, MB": len(pickle.dumps(read)) / boxes,
            }
    return pd.DataFrame(rows).T


def _best(work: Callable[[], object]) -> float:
    """Return the least seconds of CPU that a work took."""
    taken = []
    for _ in range(REPEATS):
        start = process_time()
        work()
        taken.append(process_time() - start)
    return min(taken)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labels", help="a sequence's folder")
    parser.add_argument("--copies", type=int, default=8)
    given = parser.parse_args()
    found = measure(read_labels(given.labels), given.copies)
    print("per million boxes:\n", found.to_string(float_format="{:.2f}".format))
