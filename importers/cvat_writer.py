# SPDX-License-Identifier: Apache-2.0
"""Write sequences as CVAT's "CVAT for video 1.1", as :mod:`.cvat` reads them."""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

import numpy as np
import pandas as pd

from .frames import check_frames, is_plain_name
from .tracks import InputError, Sequence, Tracks

#: The file of each sequence, and the folder of its frames beside it.
ANNOTATIONS = "annotations.xml"
IMAGES = "images"
#: Digits that number up to a million frames.
_DIGITS = 6


def write_cvat(tracks: Tracks, folder: Path) -> None:
    """Write sequences with their frames, each into its own folder.

    A folder has ``annotations.xml`` and the frames in ``images``, for a task that is
    created from these images: frame 0 is the first one. All boxes are keyframes, unless
    a column ``keyframe`` says otherwise, and an object is outside where its boxes end.

    Args:
        tracks: the tracks, with the frames' folders
        folder: the folder for the sequences' folders, which exists

    Raises:
        InputError: if frames are missing, boxes have no track, or a sequence's name
            cannot be a folder's
    """
    for sequence in tracks.sequences.values():
        _check(tracks, sequence)
    for sequence in tracks.sequences.values():
        place = folder / sequence.name
        (place / IMAGES).mkdir(parents=True)
        for number, name in enumerate(sequence.frame_names):
            image = f"frame_{number:0{_DIGITS}d}{Path(name).suffix}"
            source = (sequence.frames_dir or Path()) / name
            shutil.copyfile(source, place / IMAGES / image)
        table = tracks.table[tracks.table["sequence"] == sequence.name]
        root = _annotations(table, sequence)
        indent(root)
        ElementTree(root).write(
            place / ANNOTATIONS, encoding="utf-8", xml_declaration=True
        )


def _check(tracks: Tracks, sequence: Sequence) -> None:
    if not is_plain_name(sequence.name):
        message = "cannot name a folder; expected a name without slashes"
        raise InputError(sequence.name, message)
    if sequence.frames_dir is None or sequence.width is None or sequence.height is None:
        message = "the frames were not found; expected their folder"
        raise InputError(sequence.name, message)
    check_frames(sequence)
    own = tracks.table["sequence"] == sequence.name
    if (tracks.table.loc[own, "track"] < 0).any():
        raise InputError(sequence.name, "boxes have no track id; expected tracks")


def _annotations(table: pd.DataFrame, sequence: Sequence) -> Element:
    """Return the document of a sequence."""
    length = len(sequence.frame_names)
    root = Element("annotations")
    _add(root, version="1.1")
    task = SubElement(SubElement(root, "meta"), "task")
    _add(
        task,
        name=sequence.name,
        size=length,
        mode="interpolation",
        start_frame=0,
        stop_frame=length - 1,
    )
    labels = SubElement(task, "labels")
    for name in sorted(table["label"].astype(str).unique()):
        label = SubElement(labels, "label")
        _add(label, name=name)
        SubElement(label, "attributes")
    size = SubElement(task, "original_size")
    _add(size, width=sequence.width, height=sequence.height)
    # A track of CVAT has one label
    for (track, name), boxes in table.groupby(["track", "label"], observed=True):
        element = SubElement(root, "track", id=str(track), label=str(name))
        _add_boxes(element, boxes.sort_values("frame"), length)
    return root


def _add(parent: Element, **values: object) -> None:
    for name, value in values.items():
        SubElement(parent, name).text = str(value)


def _add_boxes(track: Element, boxes: pd.DataFrame, length: int) -> None:
    """Add the boxes of a track, and one outside after each stretch of them."""
    frame = boxes["frame"].to_numpy() - 1
    ends = np.append(np.diff(frame) > 1, True)
    begins = np.append(True, ends[:-1])
    # What CVAT is to interpolate lies between keyframes
    given = boxes.get("keyframe", pd.Series(True, boxes.index))
    keyframe = given.fillna(True).to_numpy(bool) | begins | ends
    occluded = boxes.get("occluded", pd.Series(False, boxes.index))
    left, top, width, height = boxes[["left", "top", "width", "height"]].to_numpy().T
    flags = occluded.fillna(False).to_numpy(bool)
    for row in range(len(boxes)):
        corners = {
            "xtl": left[row],
            "ytl": top[row],
            "xbr": left[row] + width[row],
            "ybr": top[row] + height[row],
        }
        values = {name: f"{value:.2f}" for name, value in corners.items()}
        values |= {"occluded": str(int(flags[row])), "z_order": "0"}
        shown = {"outside": "0", "keyframe": str(int(keyframe[row]))}
        SubElement(track, "box", {"frame": str(frame[row]), **shown, **values})
        if ends[row] and frame[row] + 1 < length:
            gone = {"outside": "1", "keyframe": "1"}
            SubElement(track, "box", {"frame": str(frame[row] + 1), **gone, **values})
