# SPDX-License-Identifier: Apache-2.0
"""Find MOT files and what belongs to them: their sequence's record and frames."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from .files import expand_home
from .frames import list_images
from .mot_lines import begins_with_row
from .mot_meaning import CLASSES
from .numbered_frames import Frames
from .seqinfo import SeqInfo, read_seqinfo
from .tracks import InputError
from .video_files import video_in_s3, videos_named

#: Where a sequence's images may be, relative to its folder.
_IMAGES = ("img1", "img", "images", "frames", ".")
#: The folders of labels within a sequence's folder, and names of files that name none.
_INNER = ("gt", "det")


@dataclass(frozen=True)
class Place:
    """A file of rows, and what is known of its sequence.

    Attributes:
        name: the name of the sequence
        file: the file of rows
        info: what ``seqinfo.ini`` tells, if there is one
        frames: what else is known of the frames
        classes: the classes in the order of their ids if no ``labels.txt`` lists them
    """

    name: str
    file: Path
    info: SeqInfo
    frames: Frames
    classes: tuple[str, ...] = CLASSES


def find_places(path: Path, relative: str, frames: Frames) -> list[Place]:
    """Find the sequences at a path.

    Args:
        path: a sequence's folder, a folder of sequences' folders or of files of rows,
            or one file of rows
        relative: where the rows are in a sequence's folder, such as ``gt/gt.txt``
        frames: what is known of the frames; its ``folder`` may hold a folder of images
            for each sequence, by its name

    Returns:
        the places, in order

    Raises:
        InputError: if there are none, a ``seqinfo.ini`` is wrong, or two sequences have
            the same name
    """
    places: dict[str, Place] = {}
    for file in _find_files(path, relative):
        place = _describe(file, frames)
        if place.name in places:
            message = (
                f"another sequence is also named {place.name}; expected unique names"
            )
            raise InputError(sequence_folder(place.file) / "seqinfo.ini", message)
        places[place.name] = place
    return list(places.values())


def _find_files(path: Path, relative: str) -> list[Path]:
    """Find the files of rows at a path."""
    path = expand_home(path)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(path, "no such file or folder; expected a MOT sequence")
    own = _file_in(path, relative)
    if own is not None:
        return [own]
    folders = [folder for folder in sorted(path.iterdir()) if folder.is_dir()]
    found = [_file_in(folder, relative) for folder in folders]
    files = [file for file in found if file is not None]
    files = files or [
        file for file in sorted(path.glob("*.txt")) if begins_with_row(file)
    ]
    if not files:
        message = (
            f"no {relative}, seqinfo.ini or file of MOT rows in it or one folder below"
        )
        raise InputError(path, message)
    return files


def _file_in(folder: Path, relative: str) -> Path | None:
    """Return the file of rows of a sequence's folder, None if it is none."""
    usual = folder / relative
    for file in (usual, folder / usual.name):
        if file.is_file():
            return file
    marked = (folder / "seqinfo.ini").is_file() or usual.parent.is_dir()
    return usual if marked else None


def sequence_folder(file: Path) -> Path:
    """Return the folder of a file's sequence: its own, or the one above ``gt``."""
    folder = file.absolute().parent
    beside = (folder / "seqinfo.ini").is_file()
    above = folder.name in _INNER or (folder.parent / "seqinfo.ini").is_file()
    return folder.parent if above and not beside else folder


def _describe(file: Path, frames: Frames) -> Place:
    folder = sequence_folder(file)
    shared = file.stem not in _INNER and file.parent.name not in _INNER
    info = read_seqinfo(folder)
    name = info.name or (file.stem if shared else folder.name) or file.stem
    if frames.remote is not None:
        frames = replace(frames, remote=video_in_s3(frames.remote, name))
    elif frames.folder is not None:
        own = [frames.folder / name / "img1", frames.folder / name]
        own += videos_named(frames.folder, name)
        if frames.folder.is_dir() and not list_images(frames.folder):
            own.append(frames.folder / "img1")
        inside = next((place for place in own if place.exists()), frames.folder)
        frames = replace(frames, folder=inside)
    else:
        base = folder / name if shared else folder
        near = [info.frames_dir or base, *(base / place for place in _IMAGES)]
        images = (place for place in near if place.is_dir() and list_images(place))
        found = next(images, None)
        if found is None:
            videos = videos_named(folder, name, alone=not shared)
            found = next(iter(videos or videos_named(folder.parent, name)), None)
        frames = replace(frames, folder=found)
    return Place(name, file, info, frames)
