# SPDX-License-Identifier: Apache-2.0
"""Read the text files that VATIC writes.

One line per track and frame, frames from 0: ``track left top right bottom frame lost
occluded generated "label" "attribute" ...``. The format is described in the README of
https://github.com/cvondrick/vatic. The Stanford Drone Dataset comes in it.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .content import Content, is_number, is_one_of, is_whole, is_word
from .numbered_frames import Frames
from .numbered_rows import LabeledVideo, make_tracks
from .text_rows import CORNERS, SPACES, read_rows
from .tracks import Tracks, attribute_columns
from .words import count

_COLUMNS = ("track", *CORNERS, "number", "lost", "occluded", "generated", "label")
#: How many attributes an object can have.
_ATTRIBUTES = tuple(f"attribute {number}" for number in range(1, 31))


def is_vatic(content: Content) -> bool:
    """Tell whether a file has VATIC's columns."""
    flags = [is_one_of(0, 1)] * 3
    tests = [is_whole, *[is_number] * 4, is_whole, *flags, is_word]
    return content.has_columns(range(10, 11 + len(_ATTRIBUTES)), *tests)


def read_vatic(path: Path, frames: Frames, strict: bool = False) -> Tracks:
    """Read the tracks of a text file of VATIC.

    Args:
        path: the path to the file
        frames: what is known of the frames beside the labels
        strict (False): whether to refuse a file with wrong rows

    Returns:
        the :class:`Tracks`, with the extra columns ``occluded``, ``keyframe`` (false
        for boxes that VATIC generated) and one per attribute, which says whether the
        box has it; boxes of objects that are lost are left out

    Raises:
        InputError: if the file is missing or wrong, naming the line
    """
    rows = read_rows(
        path,
        _COLUMNS,
        SPACES,
        "VATIC's 10 columns or more",
        text=["label", *_ATTRIBUTES],
        optional=_ATTRIBUTES,
        quoted=True,
    )
    lost = rows["lost"].fillna(0) != 0
    rows = rows[~lost].reset_index(drop=True)
    boxes = rows[["number", "track", "label", "left", "top", "line", "problem"]].assign(
        width=rows["right"] - rows["left"],
        height=rows["bottom"] - rows["top"],
        occluded=rows["occluded"] != 0,
        keyframe=rows["generated"] == 0,
        **_attributes(rows),
    )
    note = f"{path.stem}: {count(int(lost.sum()), 'box')} of lost objects left out"
    video = LabeledVideo(path.stem, first=0, notes=(note,) if lost.any() else ())
    return make_tracks(path, boxes, video, frames, strict)


def _attributes(rows: pd.DataFrame) -> dict[str, pd.Series[bool]]:
    """Return a column per attribute, true for the boxes that have it."""
    given = rows[[name for name in rows if name in _ATTRIBUTES]]
    texts = {text for name in given for text in given[name].dropna().unique()}
    names = sorted(texts)
    columns = attribute_columns([dict.fromkeys(names)], taken=_COLUMNS)
    return {
        column: (given == name).any(axis="columns")
        for column, name in zip(columns, names, strict=True)
    }
