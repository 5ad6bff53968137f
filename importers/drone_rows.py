# SPDX-License-Identifier: Apache-2.0
"""Read the labels of two benchmarks of drones: VisDrone-MOT and UAVDT.

Their files look like MOT Challenge's, one box per line and frames from 1, but the last
columns mean something else. See https://github.com/VisDrone/VisDrone2018-MOT-toolkit
and https://sites.google.com/view/grli-uavdt.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from .content import Content, is_number, is_one_of, is_whole
from .numbered_frames import Frames
from .numbered_rows import LabeledVideo, make_tracks
from .text_rows import read_rows
from .tracks import BOX, Tracks

_MOT = ("number", "track", *BOX)
_VISDRONE = {
    1: "pedestrian",
    2: "people",
    3: "bicycle",
    4: "car",
    5: "van",
    6: "truck",
    7: "tricycle",
    8: "awning-tricycle",
    9: "bus",
    10: "motor",
    11: "others",
}
_UAVDT = {1: "car", 2: "truck", 3: "bus"}
#: What UAVDT calls the files of this form, after the name of the sequence.
_WHOLE = "_gt_whole"


def is_visdrone(content: Content) -> bool:
    """Tell whether a file has the columns of VisDrone-MOT."""
    return content.has_columns(
        {10},
        *[is_whole] * 6,
        is_one_of(0, 1),
        is_one_of(0, *_VISDRONE),
        is_one_of(0, 1),
        is_one_of(0, 1, 2),
    )


def is_uavdt(content: Content) -> bool:
    """Tell whether a file has UAVDT's columns, whose last three are never 0.

    MOT Challenge's visibility is at most 1 and its flag is 0 or 1, so that any greater
    value, or the name of the file, tells UAVDT's.
    """
    last = (is_one_of(1, 2, 3), is_one_of(1, 2, 3, 4), is_one_of(*_UAVDT))
    if not content.has_columns({9}, is_whole, is_whole, *[is_number] * 4, *last):
        return False
    beyond = any({row[6], row[8]} & {"2", "3"} for row in content.rows if len(row) > 8)
    return beyond or content.path.stem.endswith(_WHOLE)


def read_visdrone(path: Path, frames: Frames, strict: bool = False) -> Tracks:
    """Read the tracks of an annotation file of VisDrone-MOT.

    Args:
        path: the path to the file
        frames: what is known of the frames beside the labels
        strict (False): whether to refuse a file with wrong rows

    Returns:
        the :class:`Tracks`, with the extra columns ``considered`` (whether the
        benchmark evaluates the box), ``truncated`` (0 or 1) and ``occluded`` (0 to 2);
        regions of category 0, which the benchmark ignores, are left out

    Raises:
        InputError: if the file is missing or wrong, naming the line
    """
    names = [*_MOT, "considered", "category", "truncated", "occluded"]
    rows = read_rows(path, names, ",", "VisDrone-MOT's 10 columns")
    ignored = rows["category"] == 0
    rows = rows[~ignored].reset_index(drop=True)
    rows["considered"] = rows["considered"] != 0
    note = f"{path.stem}: {ignored.sum()} ignored regions (category 0) were left out"
    video = LabeledVideo(
        path.stem,
        pattern="{:07d}.jpg",
        first=1,
        beside=(f"../sequences/{path.stem}",),
        notes=(note,) if ignored.any() else (),
    )
    return make_tracks(path, _name_classes(rows, _VISDRONE), video, frames, strict)


def read_uavdt(path: Path, frames: Frames, strict: bool = False) -> Tracks:
    """Read the tracks of a ``gt_whole`` file of UAVDT.

    Args:
        path: the path to a file such as ``M0203_gt_whole.txt``
        frames: what is known of the frames beside the labels
        strict (False): whether to refuse a file with wrong rows

    Returns:
        the :class:`Tracks`, with the extra columns ``out_of_view`` (1 for not at all, 2
        for medium, 3 for small) and ``occluded`` (1 for not at all, 2 for large, 3 for
        medium, 4 for small)

    Raises:
        InputError: if the file is missing or wrong, naming the line
    """
    names = [*_MOT, "out_of_view", "occluded", "category"]
    rows = read_rows(path, names, ",", "UAVDT's 9 columns")
    name = path.stem.removesuffix(_WHOLE)
    video = LabeledVideo(
        name,
        rate=30.0,
        pattern="img{:06d}.jpg",
        first=1,
        beside=(f"../{name}", f"../../UAV-benchmark-M/{name}"),
    )
    return make_tracks(path, _name_classes(rows, _UAVDT), video, frames, strict)


def _name_classes(rows: pd.DataFrame, classes: Mapping[int, str]) -> pd.DataFrame:
    """Name the classes of boxes; a number that has no name stays a number."""
    numbers = rows["category"].fillna(0).to_numpy(np.float64)
    known, codes = np.unique(numbers, return_inverse=True)
    ids = [int(number) if np.isfinite(number) else -1 for number in known]
    names = [classes.get(i, f"{n:g}") for i, n in zip(ids, known, strict=True)]
    return rows.drop(columns="category").assign(label=np.array(names, object)[codes])
