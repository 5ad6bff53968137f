# SPDX-License-Identifier: Apache-2.0
"""Write labels of the size of MOT20's training set, without frames.

People walk smoothly through the image, with occasional mistakes. The layout, whole
pixels, visibility and classes are like those of MOT20. A seed always makes the same
files.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

Floats = NDArray[np.float64]

#: Rows and frames of each sequence, as in MOT20.
SIZES = {
    "MOT20-01": (26_647, 429),
    "MOT20-02": (202_215, 2_782),
    "MOT20-03": (356_728, 2_405),
    "MOT20-05": (751_330, 3_315),
}
ROWS = sum(rows for rows, _ in SIZES.values())

WIDTH, HEIGHT, FRAME_RATE = 1920, 1080, 25

#: Classes and how often they occur; only class 1, the pedestrian, is considered.
CLASSES, SHARES = [1, 7, 11], [0.8, 0.08, 0.12]


def write_labels(folder: Path, seed: int = 0) -> list[Path]:
    """Write the four sequences.

    Args:
        folder: the folder for the sequences' folders
        seed (0): the seed

    Returns:
        the folders, each with ``seqinfo.ini`` and ``gt/gt.txt``
    """
    rng = np.random.default_rng(seed)
    return [
        _write_sequence(folder / name, _draw_tracks(rng, rows, frames), frames)
        for name, (rows, frames) in SIZES.items()
    ]


def _write_sequence(folder: Path, table: pa.Table, frames: int) -> Path:
    (folder / "gt").mkdir(parents=True)
    seqinfo = {
        "name": folder.name,
        "imDir": "img1",
        "frameRate": FRAME_RATE,
        "seqLength": frames,
        "imWidth": WIDTH,
        "imHeight": HEIGHT,
        "imExt": ".jpg",
    }
    lines = ["[Sequence]", *(f"{key}={value}" for key, value in seqinfo.items()), ""]
    (folder / "seqinfo.ini").write_text("\n".join(lines))
    csv.write_csv(
        table, folder / "gt" / "gt.txt", csv.WriteOptions(include_header=False)
    )
    return folder


def _draw_tracks(rng: np.random.Generator, rows: int, frames: int) -> pa.Table:
    """Draw tracks with a number of boxes, in the columns of ``gt.txt``."""
    lengths = rng.integers(50, min(frames, 1000), size=rows, endpoint=True)
    lengths = np.diff(np.minimum(np.cumsum(lengths), rows), prepend=0)
    lengths = lengths[lengths > 0]
    starts = rng.integers(0, frames - lengths, endpoint=True)
    row = np.repeat(np.arange(len(lengths)), lengths)
    age = np.arange(rows) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    seconds = age / FRAME_RATE
    way = age / lengths[row]

    def walk(end: float) -> Floats:
        """Return an even walk from one place to another."""
        first, last = rng.uniform(0, end, (2, len(lengths)))
        place: Floats = first[row] * (1 - way) + last[row] * way
        return place

    def vary(low: float, high: float) -> Floats:
        """Draw one number per track."""
        drawn: Floats = rng.uniform(low, high, len(lengths))[row]
        return drawn

    height = vary(60, 240) * np.exp(vary(-0.01, 0.01) * seconds)
    # One box in a thousand is too short by mistake
    height[rng.random(rows) < 0.001] *= 0.6
    sway = 4 * np.sin(2 * np.pi * (vary(0.4, 0.8) * seconds + vary(0, 1)))
    kind = rng.choice(CLASSES, len(lengths), p=SHARES)[row]
    visibility = 0.5 + 0.5 * np.sin(vary(0.1, 0.5) * seconds + vary(0, 6))
    columns = [
        starts[row] + age + 1,
        row + 1,
        (walk(WIDTH - 120) + sway).round().astype(int),
        walk(HEIGHT - 240).round().astype(int),
        (height * vary(0.35, 0.5)).round().astype(int),
        height.round().astype(int),
        (kind == 1).astype(int),
        kind,
        visibility.round(5),
    ]
    return pa.table(columns, names=[str(i) for i in range(len(columns))])
