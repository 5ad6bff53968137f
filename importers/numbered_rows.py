# SPDX-License-Identifier: Apache-2.0
"""Make tracks of rows that number their frames, as most formats have them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from .broken_rows import BrokenRows
from .frames import list_images, missing_frames
from .numbered_frames import (
    LAST_FRAME,
    Frames,
    Numbered,
    Numbers,
    describe_size,
    first_size,
    number_frames,
    place_others,
)
from .tracks import (
    InputError,
    Sequence,
    Tracks,
    identity_note,
    make_table,
    outside_note,
)
from .video_files import is_video, video_in_s3, videos_named

LAST_TRACK = 2**31 - 1
#: What rows have that tables do not.
_NO_COLUMNS = frozenset({"number", "line", "problem"})


@dataclass(frozen=True)
class LabeledVideo:
    """What a label file tells about the frames of a video.

    Attributes:
        name: the name of the sequence
        size: width and height in pixels, None if the file does not tell
        rate: frames per second, None if the file does not tell
        pattern: how the frames are called if no files are at hand
        first: the number of the first frame; by default 0 or 1, as fits
        known: the numbers of all frames, None if the file does not tell
        names: the file names of these frames, None if the file does not tell
        beside: folders to look for the frames in if none is given, relative to the
            folder of the label file
        notes: sentences for the user about what was left out
    """

    name: str
    size: tuple[int, int] | None = None
    rate: float | None = None
    pattern: str = "{:06d}.jpg"
    first: int | None = None
    known: Numbers | None = None
    names: tuple[str, ...] | None = None
    beside: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def make_tracks(
    path: Path,
    rows: pd.DataFrame,
    video: LabeledVideo,
    frames: Frames,
    strict: bool = False,
) -> Tracks:
    """Make the tracks of one video.

    Rows that no audit can use are set aside: those that the reader found a problem
    with, those of a frame that does not exist, a second box of a track in a frame, and
    boxes without a size.

    Args:
        path: the label file, for errors
        rows: a row per box: ``number`` (of the frame, as the file has it), ``track``
            (-1 for a box without identity), ``label``, ``left``, ``top``, ``width`` and
            ``height`` in pixels, and further columns. Two do not become columns:
            ``line`` is where the box stands in the file, and ``problem`` why a row
            cannot be used, null if it can
        video: what the file tells about the frames
        frames: what is known of the frames beside the labels
        strict (False): whether to refuse a file that has such rows

    Returns:
        the :class:`Tracks`

    Raises:
        InputError: if no row can be used, or the frames do not fit the labels
    """
    lines = np.asarray(rows.get("line", np.zeros(len(rows))), np.int64)
    broken = BrokenRows(path, lines)
    number, track = rows["number"], rows["track"]
    if "problem" in rows:
        broken.check(rows["problem"].notna(), lambda row: rows["problem"].iloc[row])
    _check_whole(broken, number, "frame", 0, LAST_FRAME)
    _check_whole(broken, track, "track", -1, LAST_TRACK)
    broken.check_boxes(rows)
    frames = find_frames(path.parent, video, frames)
    good = ~broken.found
    if not good.any():
        broken.set_aside(video.name, rows.drop(columns="number"))
    numbers = number[good].to_numpy(np.int64)
    numbered = _number(numbers, video, frames)
    position = np.zeros(len(rows), np.int64)
    position[good] = numbered.position
    if not good.all():
        others = number[~good].to_numpy(np.float64)
        position[~good] = place_others(numbers, numbered.position, others)
    _check_frames(broken, position, number, track)
    invalid, told = broken.set_aside(video.name, rows.assign(frame=position), strict)
    rows, position = rows[~broken.found], position[~broken.found]
    sequence, notes = describe_size(numbered, rows, frames, video.size, video.rate)
    table = _make_table(rows, position, sequence)
    notes = (*video.notes, *told, *notes, *outside_note(table, sequence))
    notes += identity_note(sequence.name, table["track"].to_numpy())
    return Tracks(table, {sequence.name: sequence}, notes, invalid)


def _number(numbers: Numbers, video: LabeledVideo, frames: Frames) -> Numbered:
    """Find the frames by the names that the file tells, or else by their numbers."""
    if video.names is None or video.known is None:
        return number_frames(
            video.name,
            numbers,
            frames,
            pattern=video.pattern,
            first=video.first,
            known=video.known,
        )
    folder = frames.folder
    if frames.video or (folder and missing_frames(folder, video.names)):
        return number_frames(video.name, numbers, frames, known=video.known)
    place = np.searchsorted(video.known, numbers).clip(max=len(video.known) - 1)
    position = np.where(video.known[place] == numbers, place + 1, 0)
    return Numbered(video.name, video.names, position)


def _check_whole(
    broken: BrokenRows, values: pd.Series[float], name: str, low: int, high: int
) -> None:
    whole = values.between(low, high) & (values % 1 == 0)
    expected = f"expected a whole number from {low} to {high}"
    broken.check(~whole, lambda row: f"{name} is {values.iloc[row]}; {expected}")


def _check_frames(
    broken: BrokenRows,
    position: Numbers,
    number: pd.Series[float],
    track: pd.Series[float],
) -> None:
    """Check that frames exist, and hold each track once."""
    broken.check(position < 1, lambda row: f"there is no frame {number.iloc[row]:g}")
    usable = pd.DataFrame({"frame": position, "track": track})[~broken.found]
    again = usable.duplicated() & (usable["track"] >= 0)
    broken.check(
        again.reindex(number.index, fill_value=False),
        lambda row: (
            f"track {track.iloc[row]:g} has another box in frame "
            f"{number.iloc[row]:g}; expected one"
        ),
    )


def _make_table(
    rows: pd.DataFrame, position: Numbers, sequence: Sequence
) -> pd.DataFrame:
    columns = {str(name): rows[name] for name in rows if name not in _NO_COLUMNS}
    name, frame_names = [sequence.name], list(sequence.frame_names)
    codes = np.zeros(len(rows), np.intp)
    return make_table(
        {
            **columns,
            "sequence": pd.Categorical.from_codes(codes, pd.Index(name)),
            "frame": position,
            "frame_name": pd.Categorical.from_codes(
                position - 1, pd.Index(frame_names)
            ),
        }
    )


def find_frames(place: Path, video: LabeledVideo, frames: Frames) -> Frames:
    """Find the images or the video of the frames, where given or beside the labels.

    Args:
        place: the folder of the label file
        video: what the file tells about the frames
        frames: what is known of the frames beside the labels

    Returns:
        the same with the video's own folder or file, None if there are no frames
    """
    if frames.remote is not None:
        return replace(frames, remote=video_in_s3(frames.remote, video.name))
    if frames.folder is None:
        near = [place / each for each in video.beside]
        near += videos_named(place, video.name)
        folder = next((each for each in near if _has_frames(each)), None)
        return replace(frames, folder=folder)
    own = [frames.folder / video.name / "img1", frames.folder / video.name]
    own += videos_named(frames.folder, video.name)
    own += [frames.folder, frames.folder / "img1"]
    folder = next((each for each in own if _has_frames(each)), frames.folder)
    return replace(frames, folder=folder)


def frames_size(path: Path, frames: Frames) -> tuple[int, int]:
    """Return the size of images, for labels that give boxes as parts of it.

    Args:
        path: the labels, for errors
        frames: what is known of the frames

    Returns:
        width and height in pixels

    Raises:
        InputError: if nothing tells the size
    """
    if frames.size is not None:
        return frames.size
    here = frames.folder is not None and _has_frames(frames.folder)
    size = first_size(frames) if here or frames.remote else None
    if size is None:
        message = "boxes are parts of an image whose size is not known; expected the"
        raise InputError(path, f"{message} folder of the frames, or the size")
    return size


def _has_frames(place: Path) -> bool:
    return is_video(place) or (place.is_dir() and bool(list_images(place)))
