# SPDX-License-Identifier: Apache-2.0
"""Write sequences as CVAT's "CVAT for video 1.1", as :mod:`.cvat` reads them."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Hashable, Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

import numpy as np
import pandas as pd

from .frames import bring, check_frames_to_write, check_labels_to_write
from .tracks import COLUMNS, FORMAT_COLUMNS, Sequence, Tracks

#: The file of each sequence, and the folder of its frames beside it.
ANNOTATIONS = "annotations.xml"
IMAGES = "images"
#: Digits that number up to a million frames.
_DIGITS = 6


def write_cvat(tracks: Tracks, folder: Path, classes: Collection[str] = ()) -> None:
    """Write sequences with their frames, each into its own folder.

    A folder has ``annotations.xml`` and the frames in ``images``, for a task that is
    created from these images: frame 0 is the first one. All boxes are keyframes, unless
    a column ``keyframe`` says otherwise, and an object is outside where its boxes end.
    Further columns are attributes: a box has its own, and a track those that never
    change, since CVAT reads the former as mutable attributes and the latter as others.

    Args:
        tracks: the tracks, with the frames' folders
        folder: the folder for the sequences' folders, which exists
        classes (()): classes that boxes can be given, beside those that they have

    Raises:
        InputError: if frames are missing, boxes have no track, or a sequence's name
            cannot be a folder's
    """
    for sequence in tracks.sequences.values():
        check_labels_to_write(tracks, sequence)
        check_frames_to_write(sequence)
    for sequence in tracks.sequences.values():
        # A small cache does not hold the frames of several sequences at a time
        bring(sequence)
        place = folder / sequence.name
        (place / IMAGES).mkdir(parents=True)
        for number, name in enumerate(sequence.frame_names):
            image = f"frame_{number:0{_DIGITS}d}{Path(name).suffix}"
            source = (sequence.frames_dir or Path()) / name
            shutil.copyfile(source, place / IMAGES / image)
        table = tracks.table[tracks.table["sequence"] == sequence.name]
        numbers = range(len(sequence.frame_names))
        _write_annotations(table, sequence, place, numbers, classes)


def write_cvat_labels(tracks: Tracks, folder: Path) -> None:
    """Write the labels of sequences without their frames, each into its own folder.

    The frames have the numbers of the task that the labels were exported from, so that
    the file can be uploaded to this task.

    Args:
        tracks: the tracks, as :func:`.cvat.read_cvat` reads them
        folder: the folder for the sequences' folders, which exists

    Raises:
        InputError: if boxes have no track, or a sequence's name cannot be a folder's
    """
    for sequence in tracks.sequences.values():
        check_labels_to_write(tracks, sequence)
    for sequence in tracks.sequences.values():
        place = folder / sequence.name
        place.mkdir()
        table = tracks.table[tracks.table["sequence"] == sequence.name]
        numbers = sequence.numbers or range(len(sequence.frame_names))
        _write_annotations(table, sequence, place, numbers)


def _write_annotations(
    table: pd.DataFrame,
    sequence: Sequence,
    place: Path,
    numbers: range,
    classes: Collection[str] = (),
) -> None:
    root = _annotations(table, sequence, numbers, classes)
    indent(root)
    ElementTree(root).write(place / ANNOTATIONS, encoding="utf-8", xml_declaration=True)


def _annotations(
    table: pd.DataFrame, sequence: Sequence, numbers: range, classes: Collection[str]
) -> Element:
    """Return the document of a sequence whose frames have these numbers."""
    root = Element("annotations")
    _add(root, version="1.1")
    task = SubElement(SubElement(root, "meta"), "task")
    _add(
        task,
        name=sequence.name,
        size=len(numbers),
        mode="interpolation",
        start_frame=numbers.start,
        stop_frame=numbers[-1],
        frame_filter=f"step={numbers.step}" if numbers.step > 1 else "",
    )
    attributes = _attributes(table)
    labels = SubElement(task, "labels")
    texts = table["label"].astype(str)
    for text in sorted({*classes, *texts}):
        boxes = table[texts == text]
        label = SubElement(labels, "label")
        _add(label, name=text)
        _declare(SubElement(label, "attributes"), boxes, attributes.loc[boxes.index])
    size = SubElement(task, "original_size")
    _add(size, width=sequence.width, height=sequence.height)
    # A track of CVAT has one label
    for (track, name), boxes in table.groupby(["track", "label"], observed=True):
        element = SubElement(root, "track", id=str(track), label=str(name))
        boxes = boxes.sort_values("frame")
        own = attributes.loc[boxes.index]
        _add_boxes(element, boxes, own.to_dict("records"), numbers)
        first = own.iloc[0]
        same = (own == first).all()
        _add_attributes(element, first[same].to_dict())
    return root


def _attributes(table: pd.DataFrame) -> pd.DataFrame:
    """Return the attributes of boxes as texts, null where a box has none."""
    own = {*COLUMNS, *FORMAT_COLUMNS}
    if _are_flags(table.get("occluded")):
        own.add("occluded")
    names = [name for name in table if name not in own]
    return pd.DataFrame(
        {name: table[name].astype(object).map(attribute_text) for name in names},
        table.index,
    ).astype(object)


def _are_flags(values: pd.Series[Any] | None) -> bool:
    return values is not None and bool(values.dropna().isin([False, True]).all())


def attribute_text(value: object) -> str | None:
    """Return a value as CVAT has it in XML, None for none."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple | np.ndarray):
        return ", ".join(filter(None, map(attribute_text, value)))
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float) and np.isnan(value):
        return None
    whole = isinstance(value, float) and value.is_integer()
    return f"{value:.0f}" if whole else str(value)


def _declare(parent: Element, boxes: pd.DataFrame, attributes: pd.DataFrame) -> None:
    """Declare the attributes that boxes of a label have."""
    for name in attributes:
        values = attributes[name]
        if values.isna().all():
            continue
        changes = values.groupby(boxes["track"]).nunique(dropna=False).gt(1).any()
        checked = values.dropna().isin(["false", "true"]).all()
        _add(
            SubElement(parent, "attribute"),
            name=name,
            mutable=bool(changes),
            input_type="checkbox" if checked else "text",
            default_value="false" if checked else "",
            values="false" if checked else "",
        )


def _add(parent: Element, **values: object) -> None:
    for name, value in values.items():
        SubElement(parent, name).text = str(value)


def _add_attributes(parent: Element, attributes: Mapping[Hashable, object]) -> None:
    for name, value in attributes.items():
        if isinstance(value, str):
            SubElement(parent, "attribute", name=str(name)).text = value


def _add_boxes(
    track: Element,
    boxes: pd.DataFrame,
    attributes: list[dict[Hashable, object]],
    numbers: range,
) -> None:
    """Add the boxes of a track, and one outside after each stretch of them."""
    frame = boxes["frame"].to_numpy() - 1
    ends = np.append(np.diff(frame) > 1, True)
    begins = np.append(True, ends[:-1])
    # What CVAT is to interpolate lies between keyframes
    given = boxes.get("keyframe", pd.Series(True, boxes.index))
    keyframe = given.fillna(True).to_numpy(bool) | begins | ends
    occluded = boxes.get("occluded")
    if occluded is None or not _are_flags(occluded):
        occluded = pd.Series(False, boxes.index)
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
        number = str(numbers[frame[row]])
        box = SubElement(track, "box", {"frame": number, **shown, **values})
        _add_attributes(box, attributes[row])
        if ends[row] and frame[row] + 1 < len(numbers):
            number = str(numbers[frame[row] + 1])
            gone = {"outside": "1", "keyframe": "1"}
            SubElement(track, "box", {"frame": number, **gone, **values})
