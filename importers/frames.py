# SPDX-License-Identifier: Apache-2.0
"""Find frame files, check their names and read their sizes."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PureWindowsPath

from .s3_frames import bring_objects
from .tracks import InputError, Sequence, Tracks
from .video_frames import bring_frames

#: The suffixes of the files that count as frames, in lower case.
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
#: The characters that separate folders or drives from names on some system.
_SEPARATORS = frozenset("/\\:")
#: The most bytes of a file's name that file systems take.
LONGEST_NAME = 255
#: How many missing frames an error names.
_NAMED = 3


def is_plain_name(name: object) -> bool:
    """Return whether a value is a file name without folders.

    Names in label files become paths, so they must not lead out of their folder on
    any operating system.

    Args:
        name: any value

    Returns:
        True/False
    """
    return (
        isinstance(name, str)
        and name not in {"", ".", ".."}
        and "\0" not in name
        and len(name.encode(errors="surrogatepass")) <= LONGEST_NAME
        # A path is made only of names that may be more than a name, for speed
        and (_SEPARATORS.isdisjoint(name) or PureWindowsPath(name).name == name)
    )


def is_frame_name(name: object) -> bool:
    """Return whether a value is the plain name of an image file, and not hidden.

    Args:
        name: any value

    Returns:
        True/False
    """
    return (
        isinstance(name, str)
        and is_plain_name(name)
        and not name.startswith(".")
        and os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122 - fast
    )


def list_images(folder: Path) -> list[str]:
    """List the frames in a folder.

    Args:
        folder: the path to the folder

    Returns:
        the sorted file names of its images; hidden files do not count
    """
    return sorted(filter(is_frame_name, _list_names(folder)))


def missing_frames(folder: Path, frame_names: Iterable[str]) -> list[str]:
    """Find the frames that a folder lacks.

    Args:
        folder: the path to the folder
        frame_names: the file names to look for, or paths below the folder

    Returns:
        the missing names, in the order given
    """
    names = list(frame_names)
    present = {
        posixpath.join(below, name)
        for below in {posixpath.dirname(name) for name in names}
        for name in _list_names(folder / below)
    }
    return [name for name in names if name not in present]


def check_labels_to_write(tracks: Tracks, sequence: Sequence) -> None:
    """Check that the labels of a sequence can be written into a folder of its name.

    Args:
        tracks: the tracks
        sequence: the record of the sequence

    Raises:
        InputError: if the name cannot be a folder's, or boxes have no track
    """
    if not is_plain_name(sequence.name):
        message = "cannot name a folder; expected a name without slashes"
        raise InputError(sequence.name, message)
    own = tracks.table["sequence"] == sequence.name
    if (tracks.table.loc[own, "track"] < 0).any():
        raise InputError(sequence.name, "boxes have no track id; expected tracks")


def check_frames_to_write(sequence: Sequence) -> Path:
    """Check that all frames of a sequence can be written.

    Args:
        sequence: the record of the sequence

    Returns:
        the folder of the frames

    Raises:
        InputError: if the folder or the size of the frames is unknown, or some are
            missing
    """
    if sequence.frames_dir is None or sequence.width is None or sequence.height is None:
        message = "the frames were not found; expected their folder"
        raise InputError(sequence.name, message)
    check_frames(sequence)
    return sequence.frames_dir


def bring(sequence: Sequence) -> None:
    """Bring frames that are in a video or in S3 into the cache of frames.

    Args:
        sequence: the record of the sequence, whose ``frame_names`` are the frames to
            bring; nothing is done if it has a folder of its own

    Raises:
        InputError: if a video cannot be decoded, or S3 does not give a frame
    """
    bring_frames(sequence)
    bring_objects(sequence)


def check_frames_at(sequence: Sequence, frames: Iterable[int]) -> None:
    """Check some frames of a sequence, see :func:`check_frames`.

    Args:
        sequence: the record of the sequence
        frames: the positions of the frames, from 1
    """
    names = tuple(sequence.frame_names[frame - 1] for frame in frames)
    check_frames(replace(sequence, frame_names=names))


def check_frames(sequence: Sequence) -> None:
    """Check that all frames of a sequence are in its folder, or :func:`bring` them.

    Args:
        sequence: the record of the sequence; nothing is checked if it has no folder

    Raises:
        InputError: if the folder is missing, or frames are, with the first few names,
            or if they cannot be brought
    """
    if sequence.frames_dir is None:
        return
    bring(sequence)
    missing = missing_frames(sequence.frames_dir, sequence.frame_names)
    if not missing:
        return
    named = ", ".join(missing[:_NAMED]) + (", ..." if missing[_NAMED:] else "")
    count = f"{len(missing)} of {len(sequence.frame_names)} frames"
    raise InputError(
        sequence.frames_dir, f"{count} of {sequence.name} are missing: {named}"
    )


def _list_names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - only names, which is fastest
    except OSError as error:
        raise InputError(
            folder, f"{error.strerror}; expected a folder of frames"
        ) from error
