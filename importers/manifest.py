# SPDX-License-Identifier: Apache-2.0
"""Read the output manifest of a SageMaker Ground Truth labeling job.

The manifest has one line per video, which names the sequence file (the frames) and
the ``SeqLabel.json`` (the boxes). The formats are those of the SageMaker developer
guide, "Labeling job output data" and "Create a video frame input manifest file".
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd

from . import files
from .broken_boxes import set_aside_boxes
from .files import Json
from .frames import is_plain_name
from .seq_label import Labels, frames_in_order, make_columns, read_labels
from .tracks import InputError

#: The manifest's types of labels that can be read.
TYPES = (
    "groundtruth/video-object-tracking",
    "groundtruth/video-object-detection",
)

#: What Track Audit writes into the lines of its jobs' manifests, and Ground Truth
#: passes through to the output: where the frames came from, and as ``image-size``
#: the size of the images that were sent.
ORIGIN = "track-audit"


@dataclass(frozen=True)
class Video:
    """The content of one line of a manifest.

    Attributes:
        line: the 1-based line
        name: the name of the sequence
        prefix: the folder of its frames
        labels: its labels, positioned among the sequence's frames
        columns: the columns of its tracks table without the sequence's name
        job: the name of the labeling job that made the labels, or None
        origin: the source of the frames that Track Audit sent, otherwise empty
        image_size: the width and height of the images that were sent, or None
        notes: sentences for the user about the labels
        classes: the labels that workers could choose, if the line lists them
        adjusted: whether the labels are those of an adjustment that workers finished
    """

    line: int
    name: str
    prefix: str
    labels: Labels
    columns: dict[str, object]
    job: str | None
    origin: Json
    image_size: tuple[int, int] | None
    notes: tuple[str, ...]
    classes: tuple[str, ...] = ()
    adjusted: bool = False


class NoLabels(InputError):
    """A manifest has no labels of an attribute, or not yet."""


def read_videos(
    path: Path | str,
    label_attribute: str | None = None,
    mirrors: Mapping[str, Path] = MappingProxyType({}),
    strict: bool = True,
) -> tuple[list[Video], tuple[str, ...]]:
    """Read the lines of a manifest that have labels.

    Args:
        path: the local path or S3 URI of the manifest
        label_attribute (None): the labels to read; by default the labels with
            the newest creation date
        mirrors ({}): local folders that hold copies of what is in S3, as of
            :func:`.files.resolve`
        strict (True): whether to refuse boxes that no audit can use, rather than
            setting them aside

    Returns:
        a tuple of the videos, and a note for each line that was skipped

    Raises:
        InputError: if a file is missing or invalid
        NoLabels: if no line has labels
    """
    lines = _read_lines(path)
    attribute = label_attribute or _newest_attribute(path, lines)
    notes: list[str] = []
    videos: list[Video] = []
    for number, line in lines.items():
        reason = _unlabeled(line, attribute)
        if reason:
            notes.append(f"{path}, line {number}: {reason}; skipped")
        else:
            taken = {video.name for video in videos}
            videos.append(
                _read_video(path, number, line, attribute, taken, mirrors, strict)
            )
    others = sorted(set(_dates(lines)[0]) - {attribute})
    if others and label_attribute is None:
        named = ", ".join(map(repr, others))
        notes.append(f"{path}: {attribute!r} is newer than {named} and was read")
    if not videos:
        raise NoLabels(path, f"no line has labels; expected some in {attribute!r}")
    return videos, tuple(notes)


def _read_lines(path: Path | str) -> dict[int, Json]:
    """Read JSON Lines into objects by line number."""
    lines: dict[int, Json] = {}
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


def _newest_attribute(path: Path | str, lines: Mapping[int, Json]) -> str:
    """Return the attribute with the newest labels of the whole manifest.

    An adjustment job adds its attribute to the lines that it finished; the others
    only have older labels.
    """
    dates, other_types = _dates(lines)
    if not dates:
        found = f"found {', '.join(sorted(other_types))}; " if other_types else ""
        expected = " or ".join(TYPES)
        raise InputError(path, f"no line has labels; {found}expected {expected}")
    if len(dates) == 1:
        return next(iter(dates))
    return max(
        reversed(dates), key=lambda name: max(_timestamp(path, *d) for d in dates[name])
    )


def _dates(
    lines: Mapping[int, Json],
) -> tuple[dict[str, list[tuple[int, object]]], set[str]]:
    """Return lines and dates of each attribute that can be read, and other types."""
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
    return dates, other_types


def _timestamp(path: Path | str, line: int, date: object) -> pd.Timestamp:
    """Parse ``2022-11-14T03:04:13.533000`` or ``2020-05-25T12:53:54+0000``."""
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


def _unlabeled(line: Json, attribute: str) -> str | None:
    """Return why a line has no labels, or None if it has labels."""
    metadata = line.get(f"{attribute}-metadata")
    failure = metadata.get("failure-reason") if isinstance(metadata, dict) else None
    if failure:
        return f"labeling {attribute!r} failed ({failure!s:.200})"
    return None if line.get(attribute) is not None else f"no {attribute!r} labels"


def _read_video(
    path: Path | str,
    number: int,
    line: Json,
    attribute: str,
    taken: set[str],
    mirrors: Mapping[str, Path],
    strict: bool,
) -> Video:
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
    source, target = (files.resolve(str(uri), path, mirrors) for uri in uris.values())
    prefix, frame_names = _read_sequence_file(source)
    found = read_labels(target)
    found = found if strict else set_aside_boxes(found)
    labels = _on_frames(found, frame_names, source)
    unlabeled = len(frame_names) - len(labels.frame_attributes)
    note = f"{path}, line {number}: {unlabeled} of {len(frame_names)} frames are not"
    job = metadata.get("job-name")
    origin = line.get(ORIGIN)
    return Video(
        line=number,
        name=_unique_name(path, number, line, prefix, taken),
        prefix=files.resolve(prefix, path),
        labels=labels,
        columns=make_columns(labels, class_map),
        job=job.removeprefix("labeling-job/") if isinstance(job, str) else None,
        origin=origin if isinstance(origin, dict) else {},
        image_size=_sent_size(path, number, line),
        notes=(f"{note} in {target}; they have no boxes",) if unlabeled else (),
        classes=tuple(class_map.values()) if class_map else (),
        # Ground Truth consolidates, and marks, only what workers have submitted
        adjusted="adjustment-status" in metadata,
    )


def _sent_size(path: Path | str, number: int, line: Json) -> tuple[int, int] | None:
    """Return the size of the images that were sent, if the line specifies it."""
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
    """Read the prefix and the frames' names in order from a sequence file."""
    document = files.read_json(path)
    if not isinstance(document, dict) or "frames" not in document:
        raise InputError(path, "not a sequence file; expected 'prefix' and 'frames'")
    prefix = document.get("prefix")
    if not isinstance(prefix, str) or not prefix.strip("/"):
        raise InputError(
            path, f"prefix is {prefix!r:.80}; expected the URI of a folder"
        )
    folder, frames = frames_in_order(path, document["frames"], "frames")
    frame_names = tuple(frames)
    count = document.get("number-of-frames", len(frame_names))
    if count != len(frame_names):
        message = f"number-of-frames is {count!r:.80}; expected {len(frame_names)}"
        raise InputError(path, message)
    return f"{prefix.rstrip('/')}/{folder}", frame_names


def _on_frames(labels: Labels, frame_names: tuple[str, ...], source: str) -> Labels:
    """Move labels to the positions of their frames in a sequence file."""
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
        invalid=_move_frames(labels.invalid, moved),
    )


def _move_frames(invalid: pd.DataFrame, moved: npt.NDArray[np.intp]) -> pd.DataFrame:
    at = invalid["frame"].to_numpy(np.int64) - 1
    return invalid.assign(frame=pd.array(moved[at] + 1, "Int64"))


def _unique_name(
    path: Path | str, number: int, line: Json, prefix: str, taken: set[str]
) -> str:
    """Name a sequence as it was called before it was sent, or after its folder."""
    origin = line.get(ORIGIN)
    known = origin.get("sequence") if isinstance(origin, dict) else None
    base = known or prefix.rstrip("/").rpartition("/")[2]
    if not is_plain_name(base):
        message = f"the frames' prefix is {prefix!r:.80}; expected the URI of a folder"
        raise InputError(path, message, number)
    names = itertools.chain([base], (f"{base}-{i}" for i in itertools.count(2)))
    return next(name for name in names if name not in taken)
