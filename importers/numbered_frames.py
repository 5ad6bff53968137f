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

from .files import expand_home
from .frames import list_images
from .images import image_size
from .s3_objects import is_s3
from .tracks import BOX, InputError, Sequence, VideoPart
from .video_files import is_video, read_video
from .video_frames import frame_file, frames_folder

#: The frame rate of sequences that do not tell theirs.
DEFAULT_RATE = 30.0
#: Where a size and a rate come from that are not known.
BOXES, ASSUMED = "the boxes", "assumed"
#: The greatest number of a frame that has no file: nine hours at 30 frames per second.
LAST_FRAME = 999_999
#: The share of boxes whose centers lie within the image.
_MOST = 0.95
_DIGITS = re.compile(r"\d+")

Numbers: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Frames:
    """What is known of a sequence's frames beside its labels.

    Attributes:
        folder: the folder of the images, or their video, None if only labels are at
            hand
        size: width and height in pixels of the images that were labeled, None if
            the labels or the images tell
        rate: frames per second, None if the labels tell
        remote: the S3 URI of the video, or of a folder of videos, None if there is none
    """

    folder: Path | None = None
    size: tuple[int, int] | None = None
    rate: float | None = None
    remote: str | None = None

    @property
    def video(self) -> Path | str | None:
        """The video of the frames, None if images or nothing is known of them."""
        local = self.folder if self.folder and is_video(self.folder) else None
        return self.remote or local


def given_frames(
    frames: Path | str | None, size: tuple[int, int] | None, rate: float | None
) -> Frames:
    """Return what a user tells of the frames, see :class:`Frames`."""
    if frames and is_s3(frames):
        return Frames(None, size, rate, str(frames))
    return Frames(expand_home(frames) if frames else None, size, rate)


@dataclass(frozen=True)
class Numbered:
    """The frames of a sequence, and where the numbers in its labels are among them.

    Attributes:
        name: the name of the sequence
        names: the file name of each frame, in order
        position: the 1-based position among them of each number, ``(n,)``; 0 for
            numbers that no frame has
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
        known (None): the numbers of all frames, if the labels tell; those that have no
            file belong to the sequence if labels are about them

    Returns:
        the :class:`Numbered` frames

    Raises:
        InputError: if the folder has no images, or none for any of the labels
    """
    start = first if first is not None else min(1, int(numbers.min(initial=1)))
    wanted = np.unique(numbers)
    if frames.video is not None:
        # Its images are decoded by position, whatever the labels call them
        count = read_video(frames.video).frames
        files = {start + place: frame_file(place + 1) for place in range(count)}
        known = None
    elif frames.folder is not None:
        files = _list_by_number(frames.folder)
    else:
        if known is None:
            last = min(int(wanted[-1]) if len(wanted) else start, LAST_FRAME)
            known = np.arange(start, max(last, start) + 1)
        files = dict(zip(known.tolist(), map(pattern.format, known), strict=True))
    available = np.array(list(files))
    offset = _find_offset(wanted, available, start)
    if known is not None and not np.isin(wanted + offset, available).all():
        missing = np.setdiff1d(known + offset, available)
        files |= _name_missing(files, missing)
        available = np.array(sorted(files))
    at = np.minimum(np.searchsorted(available, numbers + offset), len(available) - 1)
    found = available[at] == numbers + offset
    if len(numbers) and not found.any():
        raise InputError(
            frames.video or frames.folder or name,
            f"no image for any labeled frame of {name}, such as frame {wanted[0]}; the "
            f"{len(available)} images are numbered from {available[0]} to "
            f"{available[-1]}",
        )
    what = "image" if frames.folder else "frame"
    first_found = f"{name}: frame {start} of the labels is {what} {start + offset}"
    names = tuple(files[number] for number in available.tolist())
    position = np.where(found, at + 1, 0)
    return Numbered(name, names, position, (first_found,) if offset else ())


def place_others(
    numbers: Numbers, position: Numbers, others: npt.NDArray[np.float64]
) -> Numbers:
    """Find the frames of further rows by the numbers of those that were found.

    Args:
        numbers: the frame numbers of labels, ``(n,)``
        position: the positions of their frames, ``(n,)``, see :class:`Numbered`
        others: the frame numbers of further rows, ``(m,)``, NaN where there is none

    Returns:
        the 1-based position of each, ``(m,)``; 0 for numbers that no label has
    """
    if not len(numbers):
        return np.zeros(len(others), np.int64)
    labeled, first = np.unique(numbers, return_index=True)
    wanted = np.nan_to_num(others, nan=-1)
    at = np.minimum(np.searchsorted(labeled, wanted), len(labeled) - 1)
    return np.where(labeled[at] == wanted, position[first[at]], 0)


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
    groups = [_DIGITS.findall(file.rpartition(".")[0]) for file in files]
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


def _list_by_number(folder: Path) -> dict[int, str]:
    """Return the images of a folder by their numbers, in order."""
    files = list_images(folder)
    if not files:
        raise InputError(folder, "no images; expected the frames of the labels")
    numbers = image_numbers(folder, files)
    return {int(numbers[row]): files[row] for row in np.argsort(numbers)}


def _find_offset(wanted: Numbers, available: Numbers, start: int) -> int:
    """Return what must be added to the labels' numbers to get those of the frames."""
    first = int(available[0])
    # Both count all frames from their own first, if that is 0 or 1
    usual = first - start if first in (0, 1) else 0
    offsets = [usual, 0]
    ends, all_ends = wanted[[0, -1]] if len(wanted) else wanted, available[[0, -1]]
    # Labels of all frames may be one early or late; a stray number moves none
    offsets += [shift for shift in (1, -1) if [*(ends + shift)] == [*all_ends]]
    if np.isin(wanted + first - start, available).all():
        offsets.append(first - start)
    fits = [int(np.isin(wanted + offset, available).sum()) for offset in offsets]
    return offsets[fits.index(max(fits))]


def _name_missing(files: dict[int, str], missing: Numbers) -> dict[int, str]:
    """Name frames that have no file like those that have one."""
    number, name = next(iter(files.items()))
    digits = max(_DIGITS.findall(Path(name).stem), key=lambda text: int(text) == number)
    before, _, after = name.rpartition(digits)
    return {each: f"{before}{each:0{len(digits)}d}{after}" for each in missing.tolist()}


def describe_size(
    numbered: Numbered,
    boxes: pd.DataFrame,
    frames: Frames,
    size: tuple[int, int] | None = None,
    rate: float | None = None,
    told_by: str = "the labels",
) -> tuple[Sequence, tuple[str, ...]]:
    """Make the record of a sequence, and say where size and rate come from.

    Args:
        numbered: the frames
        boxes: ``left``, ``top``, ``width`` and ``height`` in pixels, a row per box
        frames: what is known of the frames; its size and rate win
        size (None): width and height that the labels tell
        rate (None): frames per second that the labels tell
        told_by ("the labels"): what tells these two

    Returns:
        a tuple of the :class:`Sequence` and the notes on it
    """
    notes = list(numbered.notes)
    video = frames.video
    size_from = "your setting" if frames.size else told_by
    notes += contradiction(numbered.name, frames.size, size, told_by)
    size = frames.size or size
    if size is None and (images := first_size(frames)) is not None:
        size = _times_images(images, boxes)
        size_from = "the frames" if video is None else "the video"
        notes += _scaled_note(numbered.name, images, size)
    if size is None:
        size, size_from = _size_of_boxes(boxes), BOXES
        notes.append(assumed_size(numbered.name, *size))
    rate_from = "your setting" if frames.rate else told_by
    rate = frames.rate or rate
    if rate is None and video is not None:
        rate, rate_from = read_video(video).frame_rate, "the video"
    if rate is None:
        rate, rate_from = DEFAULT_RATE, ASSUMED
        notes.append(assumed_rate(numbered.name, rate))
    videos = () if video is None else (VideoPart(video, 1, len(numbered.names)),)
    sequence = Sequence(
        numbered.name,
        *size,
        rate,
        numbered.names,
        frames_folder(videos) if videos else frames.folder,
        size_from=size_from,
        rate_from=rate_from,
        videos=videos,
    )
    return sequence, tuple(notes)


def contradiction(
    name: str,
    given: tuple[int, int] | None,
    told: tuple[int | None, int | None] | None,
    told_by: str,
) -> list[str]:
    """Say that the size that a user gave is not the one that the labels tell.

    Args:
        name: the name of the sequence
        given: the size that the user gave, None if there is none
        told: the size that the labels tell, None if they do not
        told_by: what tells it

    Returns:
        one sentence, or nothing if they agree
    """
    if given is None or told is None or None in told or given == told:
        return []
    own, other = (f"{width}x{height}" for width, height in (given, told))
    return [
        f"{name}: the image size is {own}, as you set it; in {told_by} it is {other}"
    ]


def _times_images(size: tuple[int, int], boxes: pd.DataFrame) -> tuple[int, int]:
    """Return the least whole multiple of a size that holds the centers of most boxes.

    Images are often scaled down after they were labeled. Boxes may extend beyond the
    image, but hardly ever have their centers outside.
    """
    if boxes.empty:
        return size
    centers = boxes[["left", "top"]].to_numpy() + boxes[["width", "height"]] / 2
    reached = np.nanquantile(centers / size, _MOST, axis=0).max()
    times = max(math.ceil(reached), 1) if np.isfinite(reached) else 1
    return size[0] * times, size[1] * times


def _scaled_note(
    name: str, images: tuple[int, int], size: tuple[int, int]
) -> list[str]:
    if size == images:
        return []
    small, large = (f"{width}x{height}" for width, height in (images, size))
    return [
        f"{name}: the boxes were drawn on larger images than these of {small}; "
        f"{large} is assumed"
    ]


def assumed_size(name: str, width: int | None, height: int | None) -> str:
    """Say that the image size of a sequence comes from its boxes."""
    return f"{name}: the image size is not known; {width}x{height} holds all boxes"


def assumed_rate(name: str, rate: float) -> str:
    """Say that the frame rate of a sequence is assumed."""
    return f"{name}: the frame rate is not known; {rate:g} is assumed"


def first_size(frames: Frames) -> tuple[int, int] | None:
    """Read the size of the video, or of the first image in the folder.

    Args:
        frames: what is known of the frames

    Returns:
        ``(width, height)`` in pixels, None if there is neither

    Raises:
        InputError: if the video or the image cannot be read
    """
    if frames.video is not None:
        return read_video(frames.video).size
    if frames.folder is None:
        return None
    return image_size(frames.folder / list_images(frames.folder)[0])


def _size_of_boxes(boxes: pd.DataFrame) -> tuple[int, int]:
    left, top, width, height = boxes[BOX].to_numpy(np.float64).T
    right, bottom = (left + width).max(initial=1), (top + height).max(initial=1)
    return math.ceil(right), math.ceil(bottom)
