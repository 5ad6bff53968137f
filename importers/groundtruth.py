# SPDX-License-Identifier: Apache-2.0
"""Reads video labels of Amazon SageMaker Ground Truth.

A labeling job's ``output.manifest`` has one line per video, which names the
sequence file (the frames) and the ``SeqLabel.json`` (the boxes). The formats
are those of the SageMaker developer guide, "Labeling job output data" and
"Create a video frame input manifest file".
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from . import files
from .frames import (
    check_frames,
    image_size,
    is_frame_name,
    is_plain_name,
    list_images,
    missing_frames,
)
from .mot import read_seqinfo
from .tracks import (
    BOX_LIMITS,
    COLUMNS,
    FORMAT_COLUMNS,
    InputError,
    Sequence,
    Tracks,
    concatenate,
    make_table,
    outside_note,
)

#: Frames per second of a video that does not tell.
DEFAULT_FRAME_RATE = 25.0

#: The manifest's types of labels that can be read.
TYPES = (
    "groundtruth/video-object-tracking",
    "groundtruth/video-object-detection",
)

#: Keys by which the labels of other kinds of task are known.
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

#: What Track Audit writes into the lines of its jobs' manifests, and Ground Truth
#: passes through to the output: where the frames came from, and as ``image-size``
#: the size of the images that were sent.
ORIGIN = "track-audit"

_SCALAR = "a string, a finite number of 64 bits, true, false or null"

_Json: TypeAlias = dict[str, Any]
_IntArray: TypeAlias = npt.NDArray[np.intp]


def read_seq_label(
    path: Path | str,
    frames_dir: Path | str | None = None,
    class_map: Mapping[str, str] | None = None,
    frame_rate: float | None = None,
    name: str | None = None,
) -> Tracks:
    """Reads the labels of one video, a ``SeqLabel.json``.

    Args:
        path: a local path or S3 URI
        frames_dir (None): the folder of the labeled frames, or the folder of the
            MOT sequence that they are from; it may hold more frames than labeled
        class_map (None): the class names by class id; by default they are taken
            from the objects' names
        frame_rate (None): frames per second of the whole video, all images of
            ``frames_dir``; by default the MOT sequence's, or 25
        name (None): the sequence's name; by default the MOT sequence's, or that
            of ``frames_dir``, or the file's

    Returns:
        the :class:`Tracks`, with the extra columns ``object_id``,
        ``object_name`` and one per label category attribute; boxes of a
        detection job have no identity: track -1

    Raises:
        InputError: if the file or the frames are missing or wrong
    """
    labels = _read_labels(str(path))
    columns = _make_columns(labels, class_map)
    folder = Path(frames_dir).resolve() if frames_dir is not None else None
    default_name = folder.name if folder else Path(path).stem
    sequence = _make_sequence(labels.names, folder, frame_rate, name, default_name)
    return _to_tracks(labels, columns, sequence)


def read_manifest(
    path: Path | str,
    frames_dir: Path | str | None = None,
    label_attribute: str | None = None,
    cache_dir: Path | str | None = None,
    progress: bool = True,
    frame_rate: float | None = None,
) -> Tracks:
    """Reads the labels of all videos of a labeling job.

    Args:
        path: the local path or S3 URI of the job's ``output.manifest``; local
            paths in it are relative to its folder
        frames_dir (None): the folder of the frames, or of one folder per
            sequence; by default the frames are where the sequence file says
        label_attribute (None): the labels to read, such as ``vehicle-ref``; by
            default those with the newest creation date
        cache_dir (None): the folder to download frames to that are in S3; by
            default they stay there and only labels are read
        progress (True): whether to show the download's progress
        frame_rate (None): frames per second, as in :func:`read_seq_label`

    Returns:
        the :class:`Tracks`, as by :func:`read_seq_label`; the notes name the
        lines without labels

    Raises:
        InputError: if a file or the frames are missing or wrong
    """
    lines = _read_lines(path)
    attribute = label_attribute or _newest_attribute(path, lines)
    notes: list[str] = []
    videos: list[_Video] = []
    for number, line in lines.items():
        reason = _unlabeled(line, attribute)
        if reason:
            notes.append(f"{path}, line {number}: {reason}; left out")
        else:
            taken = {video.name for video in videos}
            videos.append(_read_video(path, number, line, attribute, taken))
    if not videos:
        raise InputError(path, f"no line has labels; expected some in {attribute!r}")
    parts = []
    for video in videos:
        folder = _find_frames(video, path, frames_dir, cache_dir, progress)
        sequence = _make_sequence(video.labels.names, folder, frame_rate, video.name)
        if video.image_size:
            width, height = video.image_size
            sequence = replace(sequence, width=width, height=height)
        parts.append(_to_tracks(video.labels, video.columns, sequence))
        notes += video.notes
    tracks = concatenate(parts)
    return replace(tracks, notes=(*notes, *tracks.notes))


@dataclass(frozen=True)
class _Labels:
    """The content of a ``SeqLabel.json``, frame after frame.

    Attributes:
        path: the file
        tracking: whether the boxes have identities
        names: the file names of the frames, in order
        frame_attributes: the attributes of each labeled frame, by its position
            among ``names``, from 0
        boxes: the annotations of all frames
        positions: the position of each box's frame, shape ``(len(boxes),)``
    """

    path: str
    tracking: bool
    names: tuple[str, ...]
    frame_attributes: dict[int, _Json]
    boxes: list[_Json]
    positions: _IntArray

    def column(self, key: str, kinds: Collection[type], expected: str) -> list[Any]:
        """The value that each box has for a key, checked."""
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
        """Makes an error that names a box by frame and object."""
        name = self.boxes[box].get("object-name", self.boxes[box].get("object-id"))
        number = box - int(np.searchsorted(self.positions, self.positions[box]))
        what = f"object {name!r:.80}" if name else f"box {number + 1}"
        frame = self.names[self.positions[box]]
        return InputError(self.path, f"frame {frame!r}, {what}: {message}")


def _read_labels(path: str) -> _Labels:
    document = files.read_json(path)
    keys = ("tracking-annotations", "detection-annotations")
    found = [key for key in keys if isinstance(document, dict) and key in document]
    if not found:
        message = f"not a Ground Truth video label file; expected {' or '.join(keys)}"
        raise InputError(path, message)
    frames = _frames_in_order(path, document[found[0]], found[0])
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
    return _Labels(
        path=path,
        tracking=found[0] == keys[0],
        names=tuple(frames),
        frame_attributes=dict(enumerate(attributes)),
        boxes=[box for frame in frames.values() for box in frame["annotations"]],
        positions=np.repeat(np.arange(len(counts)), counts),
    )


def _frames_in_order(path: str, frames: object, key: str) -> dict[str, _Json]:
    """Checks the frames of a label file or sequence file: name to frame, in order."""
    if not isinstance(frames, list) or not frames:
        raise InputError(path, f"{key!r}: expected a list of one frame or more")
    numbers: dict[int, str] = {}
    by_name: dict[str, _Json] = {}
    for position, frame in enumerate(frames, start=1):
        place = f"{key!r}, entry {position}"
        if not isinstance(frame, dict):
            raise InputError(path, f"{place}: {frame!r:.80}; expected an object")
        if shape := _other_shape(frame):
            message = f"{place}: {shape} are not supported; expected boxes"
            raise InputError(path, message)
        # Real files hold the number as a string, the developer guide as an int.
        number, name = str(frame.get("frame-no")), frame.get("frame")
        if not re.fullmatch(r"\d{1,9}", number, re.ASCII):
            message = f"{place}: 'frame-no' is {number!r:.80}; expected a whole number"
            raise InputError(path, message)
        if not isinstance(name, str) or not is_frame_name(name):
            message = f"{place}: 'frame' is {name!r:.80}; expected an image's file name"
            raise InputError(path, f"{message} without folders")
        if int(number) in numbers or name in by_name:
            message = f"{place}: frame-no {number} or frame {name!r} is there twice"
            raise InputError(path, f"{message}; expected each once")
        numbers[int(number)] = name
        by_name[name] = frame
    return {numbers[number]: by_name[numbers[number]] for number in sorted(numbers)}


def _other_shape(entry: _Json) -> str | None:
    return next((_OTHER_SHAPES[key] for key in _OTHER_SHAPES if key in entry), None)


def _make_columns(
    labels: _Labels, class_map: Mapping[str, str] | None
) -> dict[str, object]:
    """Makes all columns of the tracks table but the sequence's name."""
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


def _numbers(labels: _Labels, key: str) -> npt.NDArray[np.float64]:
    low, high = BOX_LIMITS[key]
    expected = f"pixels from {low:.15g} to {high:.15g}"
    values = labels.column(key, {int, float}, f"a number: {expected}")
    try:
        numbers = np.array(values, dtype=np.float64)
    except OverflowError as error:
        message = f"{key!r} holds a number too large; expected {expected}"
        raise InputError(labels.path, message) from error
    wrong = ~((numbers >= low) & (numbers <= high))
    if wrong.any():
        at = int(wrong.argmax())
        raise labels.error(at, f"{key!r} is {values[at]}; expected {expected}")
    return numbers


def _identities(labels: _Labels) -> tuple[list[str | None], list[str | None]]:
    """The boxes' object ids and names, None in a detection job."""
    if not labels.tracking:
        nothing: list[str | None] = [None] * len(labels.boxes)
        return nothing, nothing
    ids = labels.column("object-id", {str}, "an object's id")
    names = labels.column("object-name", {str}, "an object's name such as 'Car:1'")
    again = pd.DataFrame({"position": labels.positions, "id": ids}).duplicated()
    if again.any():
        at = int(again.to_numpy().argmax())
        raise labels.error(at, "a second box; expected one per frame and object")
    return ids, names


def _track_numbers(
    labels: _Labels, ids: list[str | None], names: list[str | None]
) -> npt.NDArray[np.int32]:
    """Numbers the objects as their names do, but each object differently.

    ``Car:1`` and ``Pedestrian:1`` are two objects: the one that appears first
    keeps the number, the other takes the lowest that no object has.
    """
    if not labels.tracking:
        return np.full(len(ids), -1, np.int32)
    first_names: dict[str | None, str | None] = {}
    for object_id, name in zip(ids, names, strict=True):
        first_names.setdefault(object_id, name)
    numbers: dict[int, str | None] = {}
    for object_id, name in first_names.items():
        match = _NUMBERED_NAME.search(name or "")
        if match:
            numbers.setdefault(int(match[1]), object_id)
    tracks = {object_id: number for number, object_id in numbers.items()}
    free = (number for number in itertools.count(1) if number not in numbers)
    tracks |= {other: next(free) for other in first_names if other not in tracks}
    return np.array([tracks[object_id] for object_id in ids], np.int32)


def _class_names(
    labels: _Labels,
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


def _attribute_columns(labels: _Labels) -> dict[str, object]:
    """One column per label category attribute, None where a box has none."""
    key = "label-category-attributes"
    for at, box in enumerate(labels.boxes):
        if not isinstance(box.get(key, {}), dict):
            raise labels.error(at, f"{key!r} is {box[key]!r:.80}; expected an object")
    attributes = [box.get(key, {}) for box in labels.boxes]
    columns: dict[str, object] = {}
    for name in dict.fromkeys(itertools.chain.from_iterable(attributes)):
        column = name
        while column in {*COLUMNS, *FORMAT_COLUMNS, *columns}:
            column += "_attribute"
        values = [attribute.get(name) for attribute in attributes]
        for at, value in enumerate(values):
            if not _is_scalar(value):
                message = f"{name!r:.80} is {value!r:.80}; expected {_SCALAR}"
                raise labels.error(at, message)
        columns[column] = pd.Series(values, dtype=object)
    return columns


def _is_scalar(value: object) -> bool:
    """Whether the database holds an attribute's value as one value."""
    match value:
        case None | str():
            return True
        case int():
            return -(2**63) <= value < 2**63
        case float():
            return math.isfinite(value)
    return False


def _frame_attributes(labels: _Labels) -> pd.DataFrame | None:
    rows = labels.frame_attributes
    names = list(dict.fromkeys(itertools.chain.from_iterable(rows.values())))
    if not names:
        return None
    index = pd.Index([position + 1 for position in rows], name="frame")
    values = {name: [row.get(name) for row in rows.values()] for name in names}
    return pd.DataFrame(values, index=index, dtype=object).sort_index()


def _to_tracks(
    labels: _Labels, columns: Mapping[str, object], sequence: Sequence
) -> Tracks:
    sequence = replace(sequence, frame_attributes=_frame_attributes(labels))
    codes = np.zeros(len(labels.boxes), dtype=np.intp)
    names = pd.Categorical.from_codes(codes, pd.Index([sequence.name]))
    table = make_table({**columns, "sequence": names})
    notes = (*outside_note(table, sequence), *_scale_note(table, sequence))
    return Tracks(table, {sequence.name: sequence}, notes)


def _scale_note(table: pd.DataFrame, sequence: Sequence) -> tuple[str, ...]:
    """Warns where boxes may be in pixels of frames that were scaled down."""
    if sequence.frames_dir is None or table.empty:
        return ()
    size = image_size(sequence.frames_dir / sequence.frame_names[0])
    right, bottom = table["left"] + table["width"], table["top"] + table["height"]
    fit = right.max() <= size[0] and bottom.max() <= size[1]
    if size == (sequence.width, sequence.height) or not fit:
        return ()
    return (
        f"{sequence.name}: the boxes were taken as pixels of "
        f"{sequence.width}x{sequence.height} images, as seqinfo.ini says, but all of "
        f"them fit into the frames' {size[0]}x{size[1]}; import the job's manifest if "
        "they were drawn on these",
    )


def _make_sequence(
    frame_names: tuple[str, ...],
    frames_dir: Path | None,
    frame_rate: float | None,
    name: str | None,
    default_name: str = "",
) -> Sequence:
    """Makes the record of a sequence, whose frames must exist."""
    rate = frame_rate or DEFAULT_FRAME_RATE
    if frames_dir is None:
        return Sequence(name or default_name, None, None, rate, frame_names)
    mot = _mot_sequence(frames_dir)
    folder = mot.frames_dir if mot and mot.frames_dir else frames_dir
    if mot:
        name = name or mot.name
        rate = frame_rate or mot.frame_rate
    sequence = Sequence(name or default_name, None, None, rate, frame_names, folder)
    check_frames(sequence)
    # The boxes are in pixels of the published video, not of downscaled frames.
    size = (mot.width, mot.height) if mot else image_size(folder / frame_names[0])
    rate /= _labeling_step(frame_names, folder)
    return replace(sequence, width=size[0], height=size[1], frame_rate=rate)


def _mot_sequence(folder: Path) -> Sequence | None:
    """The MOT sequence that a folder is, or is the images of."""
    if (folder / "seqinfo.ini").is_file():
        return read_seqinfo(folder)
    if (folder.parent / "seqinfo.ini").is_file():
        mot = read_seqinfo(folder.parent)
        if mot.frames_dir and folder.is_dir() and mot.frames_dir.samefile(folder):
            return mot
    return None


def _labeling_step(frame_names: tuple[str, ...], folder: Path) -> float:
    """How many of the folder's frames one goes on from labeled frame to frame."""
    if len(frame_names) < 2:
        return 1.0
    positions = {name: position for position, name in enumerate(list_images(folder))}
    steps = np.diff([positions[name] for name in frame_names])
    return float(np.median(np.abs(steps)))


@dataclass(frozen=True)
class _Video:
    """A line of the manifest, read."""

    name: str
    prefix: str
    labels: _Labels
    columns: dict[str, object]
    notes: tuple[str, ...]
    image_size: tuple[int, int] | None


def _read_lines(path: Path | str) -> dict[int, _Json]:
    """Reads JSON Lines: the line's number to its object."""
    lines: dict[int, _Json] = {}
    for number, text in enumerate(files.read_bytes(path).split(b"\n"), start=1):
        if not text.strip():
            continue
        line = files.parse_json(text, path, number)
        if not isinstance(line, dict):
            raise InputError(path, "expected a JSON object", number)
        lines[number] = line
    if not lines:
        raise InputError(path, "the file is empty; expected one line per video")
    return lines


def _newest_attribute(path: Path | str, lines: Mapping[int, _Json]) -> str:
    """The attribute whose labels were made last, in the whole manifest.

    An adjustment job adds its attribute to the lines, so the lines that it did
    not finish hold older labels alone.
    """
    dates: dict[str, list[tuple[int, object]]] = {}
    other_types: set[str] = set()
    for number, line in lines.items():
        for key, metadata in line.items():
            if key.endswith("-metadata") and isinstance(metadata, dict):
                if metadata.get("type") in TYPES:
                    date = (number, metadata.get("creation-date"))
                    dates.setdefault(key.removesuffix("-metadata"), []).append(date)
                elif "type" in metadata:
                    other_types.add(str(metadata["type"]))
    if not dates:
        found = f"found {', '.join(sorted(other_types))}; " if other_types else ""
        expected = " or ".join(TYPES)
        raise InputError(path, f"no line has labels; {found}expected {expected}")
    if len(dates) == 1:
        return next(iter(dates))
    return max(
        reversed(dates), key=lambda name: max(_timestamp(path, *d) for d in dates[name])
    )


def _timestamp(path: Path | str, line: int, date: object) -> pd.Timestamp:
    """Parses ``2022-11-14T03:04:13.533000`` or ``2020-05-25T12:53:54+0000``."""
    try:
        if not isinstance(date, str):
            raise ValueError(date)
        time = pd.Timestamp(date)
    except ValueError as error:
        message = (
            f"creation-date is {date!r:.80}; expected a date, or name an attribute"
        )
        raise InputError(path, message, line) from error
    return time.tz_localize("UTC") if time.tz is None else time.tz_convert("UTC")


def _unlabeled(line: _Json, attribute: str) -> str | None:
    """Why a line has no labels to read, None if it has."""
    metadata = line.get(f"{attribute}-metadata")
    failure = metadata.get("failure-reason") if isinstance(metadata, dict) else None
    if failure:
        return f"labeling {attribute!r} failed ({failure!s:.200})"
    return None if line.get(attribute) is not None else f"no {attribute!r} labels"


def _read_video(
    path: Path | str, number: int, line: _Json, attribute: str, taken: set[str]
) -> _Video:
    metadata = line.get(f"{attribute}-metadata")
    if not isinstance(metadata, dict):
        raise InputError(path, f"no {attribute}-metadata object", number)
    if metadata.get("type") not in TYPES:
        message = f"type is {metadata.get('type')!r:.80}"
        raise InputError(path, f"{message}; expected {' or '.join(TYPES)}", number)
    uris = {key: line.get(key) for key in ("source-ref", attribute)}
    for key, uri in uris.items():
        if not isinstance(uri, str) or not uri:
            message = f"{key} is {uri!r:.80}; expected a path or S3 URI"
            raise InputError(path, message, number)
    class_map = metadata.get("class-map")
    if class_map is not None and (
        not isinstance(class_map, dict)
        or not all(isinstance(name, str) and name for name in class_map.values())
    ):
        raise InputError(path, "class-map: expected an object of names", number)
    source, target = (files.resolve(str(uri), path) for uri in uris.values())
    prefix, frame_names = _read_sequence_file(source)
    labels = _on_frames(_read_labels(target), frame_names, source)
    unlabeled = len(frame_names) - len(labels.frame_attributes)
    note = f"{path}, line {number}: {unlabeled} of {len(frame_names)} frames are not"
    return _Video(
        name=_unique_name(path, number, line, prefix, taken),
        prefix=files.resolve(prefix, path),
        labels=labels,
        columns=_make_columns(labels, class_map),
        notes=(f"{note} in {target}; they have no boxes",) if unlabeled else (),
        image_size=_sent_size(path, number, line),
    )


def _sent_size(path: Path | str, number: int, line: _Json) -> tuple[int, int] | None:
    """Returns the size of the images that were sent, where the line tells."""
    origin = line.get(ORIGIN)
    size = origin.get("image-size") if isinstance(origin, dict) else None
    if size is None:
        return None
    match size:
        case [int(width), int(height)] if width > 0 and height > 0:
            return width, height
    message = f"image-size is {size!r:.80}; expected [width, height] in pixels"
    raise InputError(path, message, number)


def _read_sequence_file(path: str) -> tuple[str, tuple[str, ...]]:
    """Reads a sequence file: the prefix and the frames' names in order."""
    document = files.read_json(path)
    if not isinstance(document, dict) or "frames" not in document:
        raise InputError(path, "not a sequence file; expected 'prefix' and 'frames'")
    prefix = document.get("prefix")
    if not isinstance(prefix, str) or not prefix.strip("/"):
        raise InputError(path, f"prefix is {prefix!r:.80}; expected a folder's URI")
    frame_names = tuple(_frames_in_order(path, document["frames"], "frames"))
    count = document.get("number-of-frames", len(frame_names))
    if count != len(frame_names):
        message = f"number-of-frames is {count!r:.80}; expected {len(frame_names)}"
        raise InputError(path, message)
    return prefix.rstrip("/") + "/", frame_names


def _on_frames(labels: _Labels, frame_names: tuple[str, ...], source: str) -> _Labels:
    """Moves labels to their place among the frames of a sequence file."""
    places = {name: place for place, name in enumerate(frame_names)}
    lacking = [name for name in labels.names if name not in places]
    if lacking:
        message = f"frame {lacking[0]!r}; expected a frame of {source}"
        raise InputError(labels.path, f"{message} ({len(lacking)} are not in it)")
    moved = np.array([places[name] for name in labels.names], dtype=np.intp)
    positions = moved[labels.positions]
    order = np.argsort(positions, kind="stable")
    attributes = labels.frame_attributes
    return replace(
        labels,
        names=frame_names,
        frame_attributes={int(moved[i]): attributes[i] for i in attributes},
        boxes=[labels.boxes[i] for i in order],
        positions=positions[order],
    )


def _unique_name(
    path: Path | str, number: int, line: _Json, prefix: str, taken: set[str]
) -> str:
    """Names a sequence as before it was sent, or else after its folder."""
    origin = line.get(ORIGIN)
    known = origin.get("sequence") if isinstance(origin, dict) else None
    base = known or prefix.rstrip("/").rpartition("/")[2]
    if not is_plain_name(base):
        message = f"the frames' prefix is {prefix!r:.80}; expected a folder's URI"
        raise InputError(path, message, number)
    names = itertools.chain([base], (f"{base}-{i}" for i in itertools.count(2)))
    return next(name for name in names if name not in taken)


def _find_frames(
    video: _Video,
    manifest: Path | str,
    frames_dir: Path | str | None,
    cache_dir: Path | str | None,
    progress: bool,
) -> Path | None:
    """Finds the folder of a video's frames, downloading them if need be."""
    if frames_dir is not None:
        return _search_frames(Path(frames_dir), video)
    if not files.is_s3(video.prefix):
        folder = Path(video.prefix)
        return folder if folder.is_dir() else None
    if cache_dir is None:
        return None
    bucket, key = files.split_s3(video.prefix)
    folder_names = key.rstrip("/").split("/")
    if not all(map(is_plain_name, [bucket, *folder_names])):
        message = f"the frames' prefix is {video.prefix!r:.200}; expected plain folders"
        raise InputError(manifest, message)
    # Frames of two videos often share their names, never their prefix.
    folder = Path(cache_dir, bucket, *folder_names)
    files.download(video.prefix, video.labels.names, folder, progress)
    return folder


def _search_frames(frames_dir: Path, video: _Video) -> Path:
    """Finds a video's frames in a folder or the folders below."""
    if not frames_dir.is_dir():
        raise InputError(frames_dir, "no such folder; expected the frames")
    for folder in (frames_dir / video.name, frames_dir):
        if folder.is_dir() and not _missing(folder, video):
            return folder
    matches = [
        folder
        for folder in sorted(frames_dir.iterdir())
        if folder.is_dir() and not _missing(folder, video)
    ]
    if len(matches) > 1:
        message = f"the frames of {video.name} are in {matches[0].name} and in"
        message = f"{message} {matches[1].name}; expected one folder"
        raise InputError(frames_dir, f"{message}, or one named {video.name}")
    if matches:
        return matches[0]
    own = frames_dir / video.name
    return own if own.is_dir() else frames_dir


def _missing(folder: Path, video: _Video) -> list[str]:
    mot = _mot_sequence(folder)
    frames_dir = mot.frames_dir if mot and mot.frames_dir else folder
    return missing_frames(frames_dir, video.labels.names)
