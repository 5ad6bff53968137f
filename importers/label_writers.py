# SPDX-License-Identifier: Apache-2.0
"""Write labels in the format that they came in, or else as MOT Challenge files."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from .cvat_writer import write_cvat_labels
from .formats import BY_NAME
from .mot_writer import write_mot_labels
from .tracks import Tracks

_MOT, _CVAT = BY_NAME["mot"].title, BY_NAME["cvat"].title


def format_to_write(tracks: Tracks) -> str:
    """Return the title of the format in which labels are written."""
    return _CVAT if tracks.format == _CVAT else _MOT


def write_labels(tracks: Tracks, folder: Path, classes: Collection[str] = ()) -> None:
    """Write the labels of sequences without their frames, each into its own folder.

    Args:
        tracks: the tracks, with the title of the format that they were read from
        folder: the folder for the sequences' folders, which exists
        classes (()): the classes in the order in which a MOT file numbers them

    Raises:
        InputError: if boxes have no track, or a sequence's name cannot be a folder's
    """
    if format_to_write(tracks) == _CVAT:
        write_cvat_labels(tracks, folder)
    else:
        write_mot_labels(tracks, folder, classes)
