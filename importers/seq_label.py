# SPDX-License-Identifier: Apache-2.0
"""Read and check a ``SeqLabel.json``, and make columns of a tracks table from it.

The format is that of the SageMaker developer guide, "Labeling job output data".
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from . import files
from .files import Json
from .frames import is_frame_name, is_plain_name
from .tracks import BOX_LIMITS, InputError, attribute_columns, make_invalid

#: Keys that identify the labels of other kinds of task.
_OTHER_SHAPES = {
    "polylines": "polylines",
    "polygons": "polygons",
    "keypoints": "keypoints",
    "cuboids": "cuboids",
    "vertices": "polylines or polygons",
    "center-x": "cuboids",
}

# Nine digits at most, so that the number fits the table's int32.
_NUMBERED_NAME = re.compile(r":(\d{1,9})$", re.ASCII)

_SCALAR = "a string, a finite number of 64 bits, true, false or null"


@dataclass(frozen=True)
class Labels:
    """The content of a ``SeqLabel.json``, frame after frame.

    Attributes:
        path: the file
        tracking: whether the boxes have identities
        names: the file names of the frames, in order
        frame_attributes: the attributes of each labeled frame, by its position
            among ``names``, from 0
        boxes: the annotations of all frames
        positions: the position of each box's frame, shape ``(len(boxes),)``
        invalid: the boxes that were set aside, see ``Tracks.invalid``
        folder: the folder of the frames below the prefix of the sequence, usually empty
        numbers: the ``frame-no`` of each frame, None if the frames have none
    """

    path: str
    tracking: bool
    names: tuple[str, ...]
    frame_attributes: dict[int, Json]
    boxes: list[Json]
    positions: npt.NDArray[np.intp]
    invalid: pd.DataFrame = field(default_factory=make_invalid)
    folder: str = ""
    numbers: tuple[int, ...] | None = None

    def column(self, key: str, kinds: Collection[type], expected: str) -> list[Any]:
        """Return the value of each box for a key, and check the types."""
        values = [box.get(key) for box in self.boxes]
        if not set(map(type, values)) <= set(kinds):
            at = next(i for i, value in enumerate(values) if type(value) not in kinds)
            box = self.boxes[at]
            if shape := _other_shape(box):
                raise self.error(at, f"{shape} are not supported; expected boxes")
            if key not in box:
                raise self.error(at, f"no {key!r}; expected {expected}")
            raise self.error(at, f"{key!r} is {values[at]!r:.80}; expected {expected}")
        return values

    def error(self, box: int, message: str) -> InputError:
        """Make an error that names a box by frame and object."""
        return InputError(self.path, self.describe(box, message))

    def describe(self, box: int, message: str) -> str:
        """Put the frame and the object of a box before a message."""
        name = self.boxes[box].get("object-name", self.boxes[box].get("object-id"))
        number = box - int(np.searchsorted(self.positions, self.positions[box]))
        what = f"object {name!r:.80}" if name else f"box {number + 1}"
        frame = self.names[self.positions[box]]
        return f"frame {frame!r}, {what}: {message}"


def read_labels(path: str) -> Labels:
    """Read a label file.

    Args:
        path: a local path or S3 URI

    Returns:
        its content

    Raises:
        InputError: if the file is missing or invalid
    """
    document = files.read_json(path)
    keys = ("tracking-annotations", "detection-annotations")
    found = [key for key in keys if isinstance(document, dict) and key in document]
    if isinstance(document, dict) and "answers" in document:
        message = "the response of one worker, which is not consolidated; expected a "
        where = "SeqLabel.json in annotations/consolidated-annotation/output"
        raise InputError(path, f"{message}{where}")
    if not found:
        message = f"not a Ground Truth video label file; expected {' or '.join(keys)}"
        raise InputError(path, message)
    folder, frames = frames_in_order(path, document[found[0]], found[0])
    for name, frame in frames.items():
        boxes = frame.get("annotations")
        if not isinstance(boxes, list) or not set(map(type, boxes)) <= {dict}:
            message = f"frame {name!r}: expected a list of objects in 'annotations'"
            raise InputError(path, message)
        if not isinstance(frame.get("frame-attributes", {}), dict):
            message = f"frame {name!r}: expected an object in 'frame-attributes'"
            raise InputError(path, message)
        for key, value in frame.get("frame-attributes", {}).items():
            if not _is_scalar(value):
                message = f"frame {name!r}: {key!r:.80} is {value!r:.80}"
                raise InputError(path, f"{message}; expected {_SCALAR}")
    attributes = [frame.get("frame-attributes", {}) for frame in frames.values()]
    counts = [len(frame["annotations"]) for frame in frames.values()]
    return Labels(
        path=path,
        tracking=found[0] == keys[0],
        names=tuple(frames),
        numbers=_told_numbers(frames.values()),
        frame_attributes=dict(enumerate(attributes)),
        boxes=[box for frame in frames.values() for box in frame["annotations"]],
        positions=np.repeat(np.arange(len(counts)), counts),
        folder=folder,
    )


def _told_numbers(frames: Iterable[Json]) -> tuple[int, ...] | None:
    """Return the numbers of frames, None if they count up from 0 without a gap."""
    numbers = [frame.get("frame-no") for frame in frames]
    if None in numbers:
        return None
    told = tuple(map(int, map(str, numbers)))
    return None if told == tuple(range(len(told))) else told


def frames_in_order(path: str, frames: object, key: str) -> tuple[str, dict[str, Json]]:
    """Check the frames of a label file or sequence file.

    Returns:
        a tuple of the folder that all names begin with, mostly empty, and the frames
        by their names without it, in order. Frames without numbers are in order

    Raises:
        InputError: if the list is invalid
    """
    if not isinstance(frames, list) or not frames:
        raise InputError(path, f"{key!r}: expected a list of one frame or more")
    numbers: dict[int, str] = {}
    by_name: dict[str, Json] = {}
    folder = _common_folder(frames)
    numbered = any(isinstance(f, dict) and "frame-no" in f for f in frames)
    for position, frame in enumerate(frames, start=1):
        place = f"{key!r}, entry {position}"
        if not isinstance(frame, dict):
            raise InputError(path, f"{place}: {frame!r:.80}; expected an object")
        if shape := _other_shape(frame):
            message = f"{place}: {shape} are not supported; expected boxes"
            raise InputError(path, message)
        # The number is a string in real files, and an int in the developer guide.
        number = str(frame.get("frame-no") if numbered else position - 1)
        name = frame.get("frame")
        if not re.fullmatch(r"\d{1,9}", number, re.ASCII):
            message = f"{place}: 'frame-no' is {number!r:.80}; expected a whole number"
            raise InputError(path, message)
        name = name.removeprefix(folder) if isinstance(name, str) else name
        if not isinstance(name, str) or not is_frame_name(name):
            message = f"{place}: 'frame' is {name!r:.80}; expected an image's file name"
            raise InputError(path, f"{message}, in the same folder as the others")
        if int(number) in numbers or name in by_name:
            message = f"{place}: frame-no {number} or frame {name!r} occurs twice"
            raise InputError(path, f"{message}; expected each once")
        numbers[int(number)] = name
        by_name[name] = frame
    ordered = {numbers[number]: by_name[numbers[number]] for number in sorted(numbers)}
    return folder, ordered


def _common_folder(frames: list[object]) -> str:
    """Return the folder, with a slash at its end, that the first frame names."""
    first = frames[0].get("frame") if isinstance(frames[0], dict) else None
    if not isinstance(first, str) or "/" not in first:
        return ""
    folder = first.rpartition("/")[0]
    return f"{folder}/" if all(map(is_plain_name, folder.split("/"))) else ""


def _other_shape(entry: Json) -> str | None:
    return next((_OTHER_SHAPES[key] for key in _OTHER_SHAPES if key in entry), None)


def make_columns(
    labels: Labels, class_map: Mapping[str, str] | None
) -> dict[str, object]:
    """Make all columns of the tracks table except the sequence's name.

    Args:
        labels: the labels
        class_map: the class names by class id, None to take them from the
            objects' names

    Raises:
        InputError: if a box is invalid
    """
    columns: dict[str, object] = {"frame": labels.positions + 1}
    names = pd.Index(list(labels.names))
    columns["frame_name"] = pd.Categorical.from_codes(labels.positions, names)
    for key in BOX_LIMITS:
        columns[key] = _numbers(labels, key)
    ids, object_names = _identities(labels)
    columns["track"] = _track_numbers(labels, ids, object_names)
    class_names = _class_names(labels, object_names, class_map)
    columns["label"] = pd.Series(class_names, dtype=str)
    columns["object_id"] = pd.Series(ids, dtype=object)
    columns["object_name"] = pd.Series(object_names, dtype=object)
    return columns | _attribute_columns(labels)


def _numbers(labels: Labels, key: str) -> npt.NDArray[np.float64]:
    low, high = BOX_LIMITS[key]
    expected = f"pixels from {low:.15g} to {high:.15g}"
    values = labels.column(key, {int, float}, f"a number: {expected}")
    try:
        numbers = np.array(values, dtype=np.float64)
    except OverflowError as error:
        message = f"{key!r} has a number that is too large; expected {expected}"
        raise InputError(labels.path, message) from error
    wrong = ~((numbers >= low) & (numbers <= high))
    if wrong.any():
        at = int(wrong.argmax())
        raise labels.error(at, f"{key!r} is {values[at]}; expected {expected}")
    return numbers


def _identities(labels: Labels) -> tuple[list[str | None], list[str | None]]:
    """Return the boxes' object ids and names, None in a detection job."""
    if not labels.tracking:
        nothing: list[str | None] = [None] * len(labels.boxes)
        return nothing, nothing
    ids = labels.column("object-id", {str}, "an object's id")
    names = labels.column("object-name", {str}, "an object's name such as 'Car:1'")
    again = pd.DataFrame({"position": labels.positions, "id": ids}).duplicated()
    if again.any():
        at = int(again.to_numpy().argmax())
        raise labels.error(at, "a second box; expected one box per frame and object")
    return ids, names


def _track_numbers(
    labels: Labels, ids: list[str | None], names: list[str | None]
) -> npt.NDArray[np.int32]:
    """Number the objects as in their names, but each object differently.

    If ``Car:1`` and ``Pedestrian:1`` are two objects, the one that appears first
    keeps the number and the other one gets the lowest number that is free.
    """
    if not labels.tracking:
        return np.full(len(ids), -1, np.int32)
    first_names: dict[str | None, str | None] = {}
    for object_id, name in zip(ids, names, strict=True):
        first_names.setdefault(object_id, name)
    numbers: dict[int, str | None] = {}
    for object_id, name in first_names.items():
        number = track_number(name)
        if number is not None:
            numbers.setdefault(number, object_id)
    tracks = {object_id: number for number, object_id in numbers.items()}
    free = (number for number in itertools.count(1) if number not in numbers)
    tracks |= {other: next(free) for other in first_names if other not in tracks}
    return np.array([tracks[object_id] for object_id in ids], np.int32)


def track_number(name: object) -> int | None:
    """Return the number in an object's name such as ``Car:1``, None without one."""
    match = _NUMBERED_NAME.search(name) if isinstance(name, str) else None
    return int(match[1]) if match else None


def _class_names(
    labels: Labels,
    object_names: list[str | None],
    class_map: Mapping[str, str] | None,
) -> list[str]:
    ids = [str(v) for v in labels.column("class-id", {int, str}, "a class's id")]
    if class_map is None:
        prefixes = ((name or "").rpartition(":")[0] for name in object_names)
        return [name or i for name, i in zip(prefixes, ids, strict=True)]
    unknown = set(ids) - set(class_map)
    if unknown:
        at = next(i for i, class_id in enumerate(ids) if class_id in unknown)
        expected = ", ".join(class_map)
        raise labels.error(at, f"class-id {ids[at]!r}; expected one of {expected}")
    return [class_map[class_id] for class_id in ids]


def _attribute_columns(labels: Labels) -> dict[str, object]:
    """Return a column per label category attribute, None for boxes without it."""
    key = "label-category-attributes"
    for at, box in enumerate(labels.boxes):
        if not isinstance(box.get(key, {}), dict):
            raise labels.error(at, f"{key!r} is {box[key]!r:.80}; expected an object")
    attributes = [box.get(key, {}) for box in labels.boxes]
    for at, attribute in enumerate(attributes):
        for name, value in attribute.items():
            if not _is_scalar(value):
                message = f"{name!r:.80} is {value!r:.80}; expected {_SCALAR}"
                raise labels.error(at, message)
    return {**attribute_columns(attributes)}


def _is_scalar(value: object) -> bool:
    """Return whether the database can store the value of an attribute as it is."""
    match value:
        case None | str():
            return True
        case int():
            return -(2**63) <= value < 2**63
        case float():
            return math.isfinite(value)
    return False


def make_frame_attributes(labels: Labels) -> pd.DataFrame | None:
    """Make the table of the frames' attributes.

    Returns:
        one column per attribute, indexed by 1-based frame; None if there are no
        attributes
    """
    rows = labels.frame_attributes
    names = list(dict.fromkeys(itertools.chain.from_iterable(rows.values())))
    if not names:
        return None
    index = pd.Index([position + 1 for position in rows], name="frame")
    values = {name: [row.get(name) for row in rows.values()] for name in names}
    return pd.DataFrame(values, index=index, dtype=object).sort_index()
