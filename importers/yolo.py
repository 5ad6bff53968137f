# SPDX-License-Identifier: Apache-2.0
"""Read label files of YOLO that have the IDs of tracks.

A file per frame, and a line per box: ``class x y width height track``, with the center
and the size of the box in parts of the image. Trackers add a confidence before or after
the track. See https://docs.ultralytics.com/modes/track/.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from .content import Content, is_number, is_whole
from .local_files import read_text
from .numbered_frames import Frames
from .numbered_rows import LabeledVideo, find_frames, frames_size, make_tracks
from .tracks import InputError, Tracks

_EXPECTED = "class, x, y, width, height and track in every line"
#: Files that name the classes, one per line, in the folder of the labels or above it.
_CLASSES = ("classes.txt", "obj.names", "labels.txt")


def is_yolo(content: Content) -> bool:
    """Tell whether a file has YOLO's columns, with or without a track."""

    def is_share(value: str) -> bool:
        return is_number(value) and 0 <= float(value) <= 1

    return content.has_columns(range(5, 8), is_whole, *[is_share] * 4)


def read_yolo(path: Path, frames: Frames, strict: bool = False) -> Tracks:
    """Read the tracks of a folder of YOLO's label files, one per frame.

    Args:
        path: the path to the folder, or to one of its files
        frames: what is known of the frames beside the labels
        strict (False): whether to refuse files with wrong rows

    Returns:
        the :class:`Tracks`, with the extra column ``confidence`` if there is one; boxes
        without a track have no identity (track -1)

    Raises:
        InputError: if a file is wrong, naming the line, or nothing tells the image size
    """
    folder = path if path.is_dir() else path.parent
    files = [path] if path.is_file() else _list_labels(folder)
    rows = pd.concat([_read_file(file) for file in files], ignore_index=True)
    rows = _name_last_columns(rows)
    name = folder.parent.name if folder.name == "labels" else folder.name
    images = Path(*("images" if p == "labels" else p for p in folder.parts))
    numbers = [_number(file) for file in files]
    video = LabeledVideo(
        name,
        known=np.arange(min(numbers), max(numbers) + 1),
        beside=(str(folder.absolute()), str(images.absolute())),
    )
    frames = find_frames(folder, video, frames)
    width, height = frames_size(folder, frames)
    boxes = pd.DataFrame(
        {
            "number": rows["number"],
            "track": rows.get("track", -1),
            "label": _class_names(folder, rows["class"].to_numpy(np.int64)),
            "left": (rows["x"] - rows["w"] / 2) * width,
            "top": (rows["y"] - rows["h"] / 2) * height,
            "width": rows["w"] * width,
            "height": rows["h"] * height,
        }
    )
    if "confidence" in rows:
        boxes["confidence"] = rows["confidence"]
    return make_tracks(folder, boxes, video, frames, strict)


def _list_labels(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.glob("*.txt") if file.name not in _CLASSES)
    numbered = [file for file in files if re.search(r"\d", file.stem)]
    if not numbered:
        raise InputError(folder, "no label files with a number; expected one per frame")
    return numbered


def _number(path: Path) -> int:
    """Return the number of a frame, the last one in the name of its file."""
    digits = re.findall(r"\d{1,7}(?!\d)", path.stem)
    if not digits:
        raise InputError(path, "no number in its name; expected that of the frame")
    return int(digits[-1])


def _read_file(path: Path) -> pd.DataFrame:
    """Read the lines of a frame."""
    lines = read_text(path, _EXPECTED).splitlines()
    try:
        values = [(i, *map(float, text.split())) for i, text in enumerate(lines, 1)]
    except ValueError as error:
        raise InputError(path, f"{error}; expected {_EXPECTED}") from error
    values = [row for row in values if len(row) > 1]
    for row in values:
        if len(row) not in (6, 7, 8):
            message = f"{len(row) - 1} values; expected {_EXPECTED}"
            raise InputError(path, message, int(row[0]))
    wide = [(*row, *[np.nan] * (8 - len(row))) for row in values]
    names = ["line", "class", "x", "y", "w", "h", "sixth", "seventh"]
    rows = pd.DataFrame(wide, columns=names, dtype=np.float64)
    return rows.assign(number=_number(path))


def _name_last_columns(rows: pd.DataFrame) -> pd.DataFrame:
    """Tell tracks, which are whole numbers, from confidences, which are not."""
    last = {name: rows.pop(name) for name in ("sixth", "seventh")}
    given = [values for values in last.values() if values.notna().any()]
    whole = [values for values in given if (values.dropna() % 1 == 0).all()]
    for values in given:
        name = "track" if whole and values is whole[0] else "confidence"
        rows[name] = values.fillna(-1) if name == "track" else values
    return rows


def _class_names(folder: Path, numbers: npt.NDArray[np.int64]) -> list[str]:
    """Name the classes of boxes after a file of names; others stay numbers."""
    places = [place / name for place in (folder, folder.parent) for name in _CLASSES]
    file = next((place for place in places if place.is_file()), None)
    names = read_text(file, "a class per line").splitlines() if file else []
    return [
        names[number] if 0 <= number < len(names) and names[number] else str(number)
        for number in numbers.tolist()
    ]
