# SPDX-License-Identifier: Apache-2.0
"""Match the frame numbers in labels to frames, whatever the frames are called.

Most formats number frames and do not name them: MOT from 1, KITTI and CVAT from 0.
Files are called ``000001.jpg``, ``img000001.jpg``, ``frame_000000.PNG`` or ``1.jpg``,
and may start at another number than the labels.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence as ListOf
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from .frames import image_size, list_images
from .tracks import BOX, InputError, Sequence

#: The frame rate of sequences that do not tell theirs.
DEFAULT_RATE = 30.0
_DIGITS = re.compile(r"\d+")

Numbers: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Frames:
    """What is known of a sequence's frames beside its labels.

    Attributes:
        folder: the folder of the images, None if only labels are at hand
        size: width and height in pixels of the images that were labeled, None if
            the labels or the images tell
        rate: frames per second, None if the labels tell
    """

    folder: Path | None = None
    size: tuple[int, int] | None = None
    rate: float | None = None


@dataclass(frozen=True)
class Numbered:
    """The frames of a sequence, and where the numbers in its labels are among them.

    Attributes:
        name: the name of the sequence
        names: the file name of each frame, in order
        position: the 1-based position among them of each number, ``(n,)``
        notes: a sentence if the files start at another number than the labels
    """

    name: str
    names: tuple[str, ...]
    position: Numbers
    notes: tuple[str, ...] = ()


def number_frames(
    name: str,
    numbers: Numbers,
    frames: Frames,
    pattern: str = "{:06d}.jpg",
    first: int | None = None,
    known: Numbers | None = None,
) -> Numbered:
    """Find the frames that labels are about.

    Args:
        name: the name of the sequence
        numbers: the frame number of each label, ``(n,)``
        frames: what is known of the frames
        pattern: how frames are called if no files are at hand
        first (None): the number of the first frame; by default 0 or 1, as fits
        known (None): the numbers of all frames, if the labels tell

    Returns:
        the :class:`Numbered` frames

    Raises:
        InputError: if the folder has no images, or none for some labels
    """
    start = first if first is not None else min(1, int(numbers.min(initial=1)))
    if frames.folder is not None:
        return _match_files(name, numbers, frames.folder, start)
    if known is None:
        known = np.arange(start, int(numbers.max(initial=start)) + 1)
    names = tuple(pattern.format(number) for number in known.tolist())
    return Numbered(name, names, np.searchsorted(known, numbers) + 1)


def image_numbers(folder: Path, files: ListOf[str]) -> Numbers:
    """Read the number in the name of each image of a folder.

    Where names have several numbers, the one that differs most from file to file
    counts, such as the first of ``000001_left2.jpg``.

    Args:
        folder: the folder, for messages
        files: the file names

    Returns:
        int64 array ``(len(files),)``

    Raises:
        InputError: if a name has no number, or two have the same
    """
    groups = [_DIGITS.findall(Path(file).stem) for file in files]
    if not all(groups):
        bare = next(
            file for file, found in zip(files, groups, strict=True) if not found
        )
        raise InputError(folder / bare, "no number in the name; expected one per frame")
    columns = min(map(len, groups))
    of_files = max(
        (
            np.array([int(found[-column]) for found in groups])
            for column in range(1, columns + 1)
        ),
        key=lambda values: len(np.unique(values)),
    )
    order = np.argsort(of_files, kind="stable")
    again = np.flatnonzero(np.diff(of_files[order]) == 0)
    if len(again):
        one, other = (files[row] for row in order[again[0] : again[0] + 2])
        message = (
            f"{one} and {other} have the same number; expected one image per frame"
        )
        raise InputError(folder, message)
    return of_files.astype(np.int64)


def _match_files(name: str, numbers: Numbers, folder: Path, start: int) -> Numbered:
    files = list_images(folder)
    if not files:
        raise InputError(folder, "no images; expected the frames of the labels")
    of_files = image_numbers(folder, files)
    order = np.argsort(of_files)
    of_files, files = of_files[order], [files[row] for row in order]
    wanted = np.unique(numbers)
    for offset in _offsets(int(of_files[0]), start):
        if np.isin(wanted + offset, of_files).all():
            break
    else:
        missing = wanted[~np.isin(wanted, of_files)]
        raise InputError(
            folder,
            f"no image for {len(missing)} of {len(wanted)} labeled frames of {name}, "
            f"such as frame {missing[0]}; the {len(files)} images are numbered from "
            f"{of_files[0]} to {of_files[-1]}",
        )
    at = np.searchsorted(of_files, numbers + offset)
    notes: tuple[str, ...] = ()
    if offset:
        notes = (f"{name}: frame {start} of the labels is image {start + offset}",)
    return Numbered(name, tuple(files), at + 1, notes)


def _offsets(first_file: int, start: int) -> tuple[int, ...]:
    """Return what may be added to a label's number to get its file's, best first."""
    # Both count all frames from their own first, if that is 0 or 1
    usual = first_file - start if first_file in (0, 1) else 0
    return (usual, 0, 1, -1, first_file - start)


def describe_size(
    numbered: Numbered,
    boxes: pd.DataFrame,
    frames: Frames,
    size: tuple[int, int] | None = None,
    rate: float | None = None,
) -> tuple[Sequence, tuple[str, ...]]:
    """Make the record of a sequence, and say where size and rate come from.

    Args:
        numbered: the frames
        boxes: ``left``, ``top``, ``width`` and ``height`` in pixels, a row per box
        frames: what is known of the frames; its size and rate win
        size (None): width and height that the labels tell
        rate (None): frames per second that the labels tell

    Returns:
        a tuple of the :class:`Sequence` and the notes on it
    """
    notes = list(numbered.notes)
    size_from = "your setting" if frames.size else "the labels"
    size = frames.size or size
    if size is None and frames.folder is not None:
        size, size_from = image_size(frames.folder / numbered.names[0]), "the frames"
    if size is None:
        size, size_from = _size_of_boxes(boxes), "the boxes"
        notes.append(
            f"{numbered.name}: the image size is not known; {size[0]}x{size[1]} holds "
            "all boxes"
        )
    rate_from = "your setting" if frames.rate else "the labels"
    rate = frames.rate or rate
    if rate is None:
        rate, rate_from = DEFAULT_RATE, "assumed"
        notes.append(
            f"{numbered.name}: the frame rate is not known; {rate:g} is assumed"
        )
    sequence = Sequence(
        numbered.name,
        *size,
        rate,
        numbered.names,
        frames.folder,
        size_from=size_from,
        rate_from=rate_from,
    )
    return sequence, tuple(notes)


def _size_of_boxes(boxes: pd.DataFrame) -> tuple[int, int]:
    left, top, width, height = boxes[BOX].to_numpy(np.float64).T
    right, bottom = (left + width).max(initial=1), (top + height).max(initial=1)
    return math.ceil(right), math.ceil(bottom)
