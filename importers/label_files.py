# SPDX-License-Identifier: Apache-2.0
"""Find the label files in a folder, and read them as one."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from .engine import HERE, Engine, run_by_sequence
from .numbered_frames import Frames
from .tracks import Tracks, rename_sequence

#: The suffixes of the files in a folder that may hold labels.
SUFFIXES = frozenset({".csv", ".json", ".manifest", ".txt", ".xml"})
#: Folders of folders that are searched for labels.
_DEPTH = 3

Reader: TypeAlias = Callable[[Path | str, Frames, bool], Tracks]


def mot_sequences(folder: Path, depth: int = 0) -> Iterator[Path]:
    """Find the folders that are laid out as MOT sequences, in order.

    Args:
        folder: the folder to search
        depth (0): how far it is below the first one
    """
    marks = ("seqinfo.ini", "gt/gt.txt", "gt.txt", "det/det.txt")
    if any((folder / mark).is_file() for mark in marks):
        yield folder
    elif depth < _DEPTH:
        for each in sorted(folder.iterdir()):
            if each.is_dir() and each.name[0] != ".":
                yield from mot_sequences(each, depth + 1)


def label_files(folder: Path) -> Iterator[Path]:
    """Find the files in a folder that may hold labels, in order.

    Args:
        folder: the folder to search
    """
    for place, folders, names in os.walk(folder):
        depth = len(Path(place).relative_to(folder).parts)
        folders[:] = sorted(f for f in folders if depth < _DEPTH and f[0] != ".")
        for name in sorted(names):
            if Path(name).suffix.lower() in SUFFIXES and name[0] != ".":
                yield Path(place, name)


def read_places(
    path: Path,
    places: list[Path],
    read: Reader,
    frames: Frames,
    strict: bool,
    engine: Engine = HERE,
) -> list[Tracks]:
    """Read the files of a folder, each with the frames of its own folder.

    Args:
        path: the folder, or the only file
        places: the files or folders to read
        read: the reader
        frames: what is known of the frames; if their folder has one of the name of a
            file's folder, that is taken for the file
        strict: whether to refuse files with wrong rows
        engine (HERE): what reads them, each in one process

    Returns:
        the tracks of each place; sequences that would have the same name are named
        after their folders
    """
    if engine != HERE:
        # Other processes may have other working directories
        path, places = path.absolute(), [place.absolute() for place in places]
        own = frames.folder.absolute() if frames.folder else None
        frames = replace(frames, folder=own)
    work = partial(_read_place, path, read=read, frames=frames, strict=strict)
    parts = list(run_by_sequence(work, places, engine))
    counts = Counter(name for part in parts for name in part.sequences)
    named = []
    for place, part in zip(places, parts, strict=True):
        above = "-".join(place.parent.relative_to(path).parts) if place != path else ""
        for name in [name for name in part.sequences if above and counts[name] > 1]:
            # A file that is called alike in each folder tells nothing
            new = above if name == place.stem else f"{above}-{name}"
            part = rename_sequence(part, name, new)
        named.append(part)
    return named


def _read_place(
    path: Path, place: Path, read: Reader, frames: Frames, strict: bool
) -> Tracks:
    """Read a file below a folder, with the frames of its own folder."""
    inside = place.parent.relative_to(path) if place != path else Path()
    own = frames.folder / inside if frames.folder else None
    near = replace(frames, folder=own) if own and own.is_dir() else frames
    return read(place, near, strict)
