# SPDX-License-Identifier: Apache-2.0
"""Tell what the columns of MOT rows mean, since not all files mean the same by them."""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from .broken_rows import BrokenRows
from .local_files import read_text
from .mot_lines import CLASS, FloatArray, ParsedRows
from .tracks import InputError

BoolArray: TypeAlias = npt.NDArray[np.bool_]

#: The class names in the order of their ids, 1 to 13, as TrackEval spells them.
CLASSES = (
    "pedestrian",
    "person_on_vehicle",
    "car",
    "bicycle",
    "motorbike",
    "non_mot_vehicle",
    "static_person",
    "distractor",
    "occluder",
    "occluder_on_ground",
    "occluder_full",
    "reflection",
    "crowd",
)
#: The file beside ``gt.txt`` that names other classes, one per line in the order
#: of their ids, as CVAT writes it.
LABELS = "gt/labels.txt"
_FLAG = 6
#: The fewest boxes that tell corners from sizes, and shares of boxes: in how many the
#: second corner is beyond the first, and how many reach out of the image if they are
#: misread, and if they are read right.
_FEWEST, _MOST, _OUTSIDE, _INSIDE = 5, 0.99, 0.2, 0.01
#: How closely the second corners follow the first ones, if nothing else tells.
_CORRELATION = 0.3


@dataclass(frozen=True)
class Flags:
    """What the column after the box says.

    Attributes:
        considered: whether the benchmark considers each row, bool array ``(n,)``
        confidence: the confidence of each row if the column holds these
        notes: a sentence if it does
    """

    considered: BoolArray
    confidence: FloatArray | None = None
    notes: tuple[str, ...] = ()


def read_flags(rows: ParsedRows, broken: BrokenRows, strict: bool) -> Flags:
    """Read the flags, or what trackers write in their place.

    Args:
        rows: the rows
        broken: collects rows whose flag is wrong
        strict: whether the column holds flags for certain

    Returns:
        the :class:`Flags`
    """
    if len(rows.columns) <= _FLAG:
        return Flags(np.ones(len(broken.found), bool))
    flag = rows.columns[_FLAG]
    broken.check(
        ~np.isfinite(flag),
        lambda row: f"flag (column 7) is {flag[row]}; expected a finite number",
    )
    binary = (flag == 0) | (flag == 1) | broken.found
    if strict or binary.all():
        return Flags(flag != 0)
    if (flag == -1)[~broken.found].all():
        return Flags(np.ones(len(flag), bool))
    if (flag[~binary] % 1 == 0).all() and binary.mean() > 0.5:
        broken.check(
            ~binary, lambda row: f"flag (column 7) is {flag[row]:.15g}; expected 0 or 1"
        )
        return Flags(flag != 0)
    note = f"{rows.path}: column 7 holds confidences rather than flags; all rows count"
    return Flags(np.ones(len(flag), bool), flag, (note,))


def find_classes(
    rows: ParsedRows,
    broken: BrokenRows,
    strict: bool,
    usual: ListOf[str] = CLASSES,
) -> tuple[npt.NDArray[np.int32], ListOf[str], tuple[str, ...]]:
    """Find the name of each row's class.

    Args:
        rows: the rows
        broken: collects rows of an unknown class
        strict: whether only the benchmark's classes count, or those of a
            ``labels.txt``
        usual (...): the classes if there is no ``labels.txt``, by default those of the
            benchmark

    Returns:
        a tuple of the position of each row's class among the names, the names, and
        sentences on what was assumed
    """
    if rows.names is not None:
        codes, texts = pd.factorize(rows.names)
        return codes.astype(np.int32), tuple(map(str, texts)), ()
    named = _read_names(rows.path)
    count = len(rows.columns)
    number = (
        rows.columns[CLASS] if CLASS < count < 10 else np.full(len(broken.found), -1.0)
    )
    known = ~broken.found
    if (number == -1)[known].all() and not (strict and CLASS < count < 10):
        single = named if named and len(named) == 1 else CLASSES
        return np.zeros(len(number), np.int32), single, ()
    names, first = named or usual, 1
    notes: tuple[str, ...] = ()
    whole = np.floor(number) == number
    listed = whole & (number >= 1) & (number <= len(names))
    if not strict and not listed[known].all():
        if named and (number[known] == 0).any() and number[known].max() < len(named):
            first, notes = (
                0,
                (f"{rows.path}: class 0 is {named[0]}, as {LABELS} begins",),
            )
        elif not named and usual is CLASSES:
            return _name_by_number(rows.path, number, whole, broken)
    broken.check(
        ~(whole & (number >= first) & (number < len(names) + first)),
        lambda row: (
            f"class (column 8) is {number[row]:.15g}; expected a class from {first} to "
            f"{len(names) + first - 1}"
        ),
    )
    return np.where(broken.found, 0, number - first).astype(np.int32), names, notes


def _name_by_number(
    path: Path, number: FloatArray, whole: BoolArray, broken: BrokenRows
) -> tuple[npt.NDArray[np.int32], ListOf[str], tuple[str, ...]]:
    """Name the classes of files that do not use the benchmark's."""
    broken.check(
        ~whole,
        lambda row: f"class (column 8) is {number[row]:.15g}; expected a whole number",
    )
    used, codes = np.unique(np.where(broken.found, -1, number), return_inverse=True)
    other = next((each for each in used if each < -1 or each == 0 or each > 13), -1)
    note = (
        f"{path}: class {other:.0f} is none of MOT's {len(CLASSES)} classes, so "
        "classes are named by their numbers; a labels.txt beside the file names them"
    )
    return codes.astype(np.int32), tuple(f"{each:.0f}" for each in used), (note,)


def _read_names(path: Path) -> tuple[str, ...] | None:
    """Return the classes that ``labels.txt`` names, None if there is none."""
    file = path.with_name(Path(LABELS).name)
    if not file.is_file():
        return None
    text = read_text(file, "a class per line")
    names = tuple(name.strip() for name in text.rstrip().splitlines())
    if not names or not all(names) or len(set(names)) < len(names):
        raise InputError(
            file, "an empty line or a duplicate class; expected each class once"
        )
    return names


def read_boxes(
    rows: ParsedRows, usable: BoolArray, size: tuple[int, int] | None, strict: bool
) -> tuple[dict[str, FloatArray], tuple[str, ...]]:
    """Read the boxes, whose numbers may be corners, or relative to the image.

    Args:
        rows: the rows
        usable: whether each row's box is known, bool array ``(n,)``
        size: width and height of the image in pixels, if they are known
        strict: whether boxes are in pixels, with width and height, for certain

    Returns:
        a tuple of the columns ``left``, ``top``, ``width`` and ``height`` in pixels
        from 0, and a sentence if they were not what MOT means by them

    Raises:
        InputError: if boxes are relative to an image of unknown size
    """
    left, top, third, fourth = rows.columns[2:6]
    boxes = {"left": left - 1, "top": top - 1, "width": third, "height": fourth}
    if strict or not usable.any():
        return boxes, ()
    if all(_is_relative(column[usable]) for column in rows.columns[2:6]):
        if size is None:
            message = "all boxes lie between 0 and 1, so they are relative to the image"
            raise InputError(rows.path, f"{message}; expected its size in pixels")
        width, height = size
        boxes = {
            "left": left * width,
            "top": top * height,
            "width": third * width,
            "height": fourth * height,
        }
        note = (
            f"the boxes are relative to the image, and were scaled to {width}x{height}"
        )
        return boxes, (f"{rows.path}: {note}",)
    if _are_corners([column[usable] for column in rows.columns[2:6]], size):
        boxes |= {"width": third - left, "height": fourth - top}
        note = "columns 5 and 6 hold x2 and y2 in place of width and height"
        return boxes, (f"{rows.path}: {note}, and were read as such",)
    return boxes, ()


def _is_relative(values: FloatArray) -> bool:
    return bool(values.min() >= -0.5 and values.max() <= 1.5)


def _are_corners(columns: list[FloatArray], size: tuple[int, int] | None) -> bool:
    """Tell whether boxes are given by two corners."""
    left, top, right, bottom = columns
    beyond = (right > left) & (bottom > top)
    if len(left) < _FEWEST or beyond.mean() < _MOST:
        return False
    if size is not None:
        width, height = size[0] * 1.02, size[1] * 1.02
        outside = (left + right > width) | (top + bottom > height)
        still = (right > width) | (bottom > height)
        if outside.mean() >= _OUTSIDE and still.mean() <= _INSIDE:
            return True
    pairs = [pair for pair in ((left, right), (top, bottom)) if np.ptp(pair[0]) > 0]
    together = [
        np.corrcoef(first, second)[0, 1] if np.ptp(second) > 0 else 0.0
        for first, second in pairs
    ]
    return min(together, default=0.0) > _CORRELATION
