# SPDX-License-Identifier: Apache-2.0
"""What is unusual in shape: many tracks, long tracks, full frames, many attributes.

Each line is a process of its own, so that its memory is its own. Run it with
``python benchmarks/growth.py``.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from fiftyone_track_audit.importers.groundtruth import read_seq_label
from fiftyone_track_audit.importers.tracks import (
    InputError,
    Sequence,
    Tracks,
    make_table,
)
from fiftyone_track_audit.plugin.audit import audit_tracks

WIDTH, HEIGHT = 1920, 1080


def make_tracks(tracks: int, length: int, frames: int) -> Tracks:
    """Make tracks that walk straight on, and begin at frames of their own.

    Args:
        tracks: number of tracks
        length: number of boxes of each
        frames: number of frames
    """
    chance = np.random.default_rng(0)
    track = np.repeat(np.arange(tracks), length)
    begins = chance.integers(1, max(frames - length, 0) + 2, tracks)
    step = np.tile(np.arange(length), tracks)
    frame = begins[track] + step
    place = chance.uniform(0, (WIDTH, HEIGHT), (tracks, 2))[track]
    speed = chance.normal(0, 1, (tracks, 2))[track] * step[:, None] % 500
    size = chance.uniform(15, 60, (tracks, 2))[track]
    names = tuple(f"{number:06d}.jpg" for number in range(1, frames + 1))
    rows = pd.DataFrame(
        {"frame": frame, "track": track, "sequence": "a", "label": "car"}
    )
    rows["frame_name"] = pd.Categorical.from_codes(frame - 1, pd.Index(names))
    rows[["left", "top"]], rows[["width", "height"]] = place + speed, size
    record = Sequence("a", WIDTH, HEIGHT, 25.0, names)
    return Tracks(make_table({str(name): rows[name] for name in rows}), {"a": record})


def audit(tracks: int, length: int, frames: int) -> int:
    """Judge made tracks; return the number of boxes."""
    return len(audit_tracks(make_tracks(tracks, length, frames)).detections)


def audit_many(sequences: int) -> int:
    """Judge many sequences of 100 boxes; return the number of boxes."""
    one = make_tracks(4, 25, 100)
    names = [f"{number:05d}" for number in range(sequences)]
    columns = {str(name): np.tile(one.table[name], sequences) for name in one.table}
    columns["sequence"] = np.repeat(names, len(one.table))
    records = {name: replace(one.sequences["a"], name=name) for name in names}
    return len(audit_tracks(Tracks(make_table(columns), records)).detections)


def read_attributes(names: int) -> int:
    """Read labels whose boxes have many names of attributes; return that number."""
    box: dict[str, object] = {"class-id": "0", "object-name": "car:1", "object-id": "o"}
    box |= {"left": 1, "top": 2, "width": 20, "height": 30}
    entries = [
        {
            "frame-no": number,
            "frame": f"{number}.jpg",
            "annotations": [
                {**box, "label-category-attributes": {f"a{number + names // 2}": "x"}}
            ],
        }
        for number in range(names)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "SeqLabel.json")
        path.write_text(json.dumps({"tracking-annotations": entries}))
        read_seq_label(path)
    return names


CASES: dict[str, Callable[[], int]] = {
    "100,000 boxes as usual": lambda: audit(200, 500, 2_000),
    "20,000 tracks in a sequence": lambda: audit(20_000, 25, 3_000),
    "a track of 200,000 frames": lambda: audit(1, 200_000, 200_000),
    "5,000 boxes in a frame": lambda: audit(5_000, 4, 4),
    "100,000 boxes in a frame": lambda: audit(100_000, 1, 1),
    "2,000 sequences of 100 boxes": lambda: audit_many(2_000),
    "1,000 names of attributes": lambda: read_attributes(1_000),
    "20,000 names of attributes": lambda: read_attributes(20_000),
}


def main() -> None:
    """Print a line for each case."""
    if sys.argv[1:]:
        began = time.process_time()
        try:
            said = f"{CASES[sys.argv[1]]():,}"
        except InputError as error:
            said = str(error)
        seconds = time.process_time() - began
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"| {sys.argv[1]} | {seconds:.1f} | {memory:.1f} | {said} |", flush=True)
        return
    print(
        "| case | CPU seconds | GiB | boxes, or what is said |\n|---|---|---|---|",
        flush=True,
    )
    for case in CASES:
        subprocess.run([sys.executable, __file__, case], check=False)


if __name__ == "__main__":
    main()
