# SPDX-License-Identifier: Apache-2.0
"""Read the labels of KITTI's tracking benchmark.

One file per sequence, one box per line, frames from 0: ``frame track type truncated
occluded alpha left top right bottom`` and the 3D box. The format is described in the
development kit of https://www.cvlibs.net/datasets/kitti/eval_tracking.php.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .content import Content, is_number, is_whole, is_word
from .numbered_frames import Frames
from .numbered_rows import LabeledVideo, make_tracks
from .text_rows import CORNERS, SPACES, read_rows
from .tracks import Tracks

#: KITTI's cameras take ten images per second.
RATE = 10.0
_COLUMNS = ["frame", "track", "type", "truncated", "occluded", "alpha", *CORNERS]
_3D = ["height3d", "width3d", "length3d", "x", "y", "z", "rotation"]
#: Regions that the benchmark ignores.
_IGNORED = "DontCare"


def is_kitti(content: Content) -> bool:
    """Tell whether a file has KITTI's columns."""
    numbers = [is_number] * 14
    return content.has_columns({17, 18}, is_whole, is_whole, is_word, *numbers)


def read_kitti(path: Path, frames: Frames, strict: bool = False) -> Tracks:
    """Read the tracks of one of KITTI's label files.

    Args:
        path: the path to a label file such as ``label_02/0012.txt``
        frames: what is known of the frames beside the labels
        strict (False): whether to refuse a file with wrong rows

    Returns:
        the :class:`Tracks`, with the extra columns ``truncated`` and ``occluded`` as in
        the file; regions labeled ``DontCare`` are left out

    Raises:
        InputError: if the file is missing or wrong, naming the line
    """
    expected = "KITTI's 17 columns, or 18 with a score"
    rows = read_rows(
        path, [*_COLUMNS, *_3D], SPACES, expected, text=["type"], optional=["score"]
    )
    ignored = rows["type"] == _IGNORED
    rows = rows[~ignored].reset_index(drop=True)
    boxes = pd.DataFrame(
        {
            "number": rows["frame"],
            "track": rows["track"],
            "label": rows["type"],
            "left": rows["left"],
            "top": rows["top"],
            "width": rows["right"] - rows["left"],
            "height": rows["bottom"] - rows["top"],
            "truncated": rows["truncated"],
            "occluded": rows["occluded"],
            "line": rows["line"],
            "problem": rows["problem"],
        }
    )
    if "score" in rows:
        boxes["confidence"] = rows["score"]
    left_out = f"{path.stem}: {ignored.sum()} regions labeled DontCare were left out"
    video = LabeledVideo(
        path.stem,
        rate=RATE,
        pattern="{:06d}.png",
        first=0,
        beside=(f"../image_02/{path.stem}",),
        notes=(left_out,) if ignored.any() else (),
    )
    return make_tracks(path, boxes, video, frames, strict)
