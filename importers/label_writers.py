# SPDX-License-Identifier: Apache-2.0
"""Write labels in the format that they came in, or else as MOT Challenge files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from .cvat_writer import write_cvat_labels
from .formats import BY_NAME
from .mot_writer import write_mot_labels
from .tracks import Tracks

_Writer = Callable[[Tracks, Path], None]
_MOT = BY_NAME["mot"].title
_WRITERS: Mapping[str, _Writer] = {
    _MOT: write_mot_labels,
    BY_NAME["cvat"].title: write_cvat_labels,
}


def format_to_write(tracks: Tracks) -> str:
    """Return the title of the format in which labels are written."""
    return tracks.format if tracks.format in _WRITERS else _MOT


def write_labels(tracks: Tracks, folder: Path) -> None:
    """Write the labels of sequences without their frames, each into its own folder.

    Args:
        tracks: the tracks, with the title of the format that they were read from
        folder: the folder for the sequences' folders, which exists

    Raises:
        InputError: if boxes have no track, or a sequence's name cannot be a folder's
    """
    _WRITERS[format_to_write(tracks)](tracks, folder)
