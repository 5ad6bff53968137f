# SPDX-License-Identifier: Apache-2.0
"""Reads video labels of Amazon SageMaker Ground Truth.

A labeling job's ``output.manifest`` has one line per video, which names the
sequence file (the frames) and the ``SeqLabel.json`` (the boxes). The formats
are those of the SageMaker developer guide, "Labeling job output data" and
"Create a video frame input manifest file".
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from . import files
from .frames import check_frames, image_size, is_plain_name, list_images, missing_frames
from .seq_label import (
    Labels,
    frames_in_order,
    make_columns,
    make_frame_attributes,
    read_labels,
)
from .seqinfo import read_seqinfo
from .tracks import InputError, Sequence, Tracks, concatenate, make_table, outside_note

#: Frames per second of a video that does not tell.
DEFAULT_FRAME_RATE = 25.0

#: The manifest's types of labels that can be read.
TYPES = (
    "groundtruth/video-object-tracking",
    "groundtruth/video-object-detection",
)

#: What Track Audit writes into the lines of its jobs' manifests, and Ground Truth
#: passes through to the output: where the frames came from, and as ``image-size``
#: the size of the images that were sent.
ORIGIN = "track-audit"

_Json: TypeAlias = dict[str, Any]


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
    labels = read_labels(str(path))
    columns = make_columns(labels, class_map)
    folder = files.resolve_path(frames_dir) if frames_dir is not None else None
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
    videos, left_out = read_videos(path, label_attribute)
    notes = list(left_out)
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
class Video:
    """A line of a manifest, read.

    Attributes:
        line: the 1-based line
        name: the sequence's name
        prefix: the folder of its frames
        labels: its labels, moved to their places among the sequence's frames
        columns: the columns of its tracks table but the sequence's name
        job: the name of the labeling job that made the labels, or None
        origin: where Track Audit took the frames from, empty where it did not
        image_size: the width and height of the images that were sent, or None
        notes: what the reader of the files should know
    """

    line: int
    name: str
    prefix: str
    labels: Labels
    columns: dict[str, object]
    job: str | None
    origin: _Json
    image_size: tuple[int, int] | None
    notes: tuple[str, ...]


class NoLabels(InputError):
    """A manifest has no labels of an attribute, or none yet."""


def read_videos(
    path: Path | str,
    label_attribute: str | None = None,
    mirrors: Mapping[str, Path] = MappingProxyType({}),
) -> tuple[list[Video], tuple[str, ...]]:
    """Reads the lines of a manifest that have labels.

    Args:
        path: the local path or S3 URI of the manifest
        label_attribute (None): the labels to read; by default those with the
            newest creation date
        mirrors ({}): local folders that hold copies of what is in S3, as of
            :func:`.files.resolve`

    Returns:
        a tuple of the videos, and a note for each line that was left out

    Raises:
        InputError: if a file is missing or wrong
        NoLabels: if no line has labels
    """
    lines = _read_lines(path)
    attribute = label_attribute or _newest_attribute(path, lines)
    notes: list[str] = []
    videos: list[Video] = []
    for number, line in lines.items():
        reason = _unlabeled(line, attribute)
        if reason:
            notes.append(f"{path}, line {number}: {reason}; left out")
        else:
            taken = {video.name for video in videos}
            videos.append(_read_video(path, number, line, attribute, taken, mirrors))
    if not videos:
        raise NoLabels(path, f"no line has labels; expected some in {attribute!r}")
    return videos, tuple(notes)


def _to_tracks(
    labels: Labels, columns: Mapping[str, object], sequence: Sequence
) -> Tracks:
    sequence = replace(sequence, frame_attributes=make_frame_attributes(labels))
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
    path: Path | str,
    number: int,
    line: _Json,
    attribute: str,
    taken: set[str],
    mirrors: Mapping[str, Path],
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
    labels = _on_frames(read_labels(target), frame_names, source)
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
    frame_names = tuple(frames_in_order(path, document["frames"], "frames"))
    count = document.get("number-of-frames", len(frame_names))
    if count != len(frame_names):
        message = f"number-of-frames is {count!r:.80}; expected {len(frame_names)}"
        raise InputError(path, message)
    return prefix.rstrip("/") + "/", frame_names


def _on_frames(labels: Labels, frame_names: tuple[str, ...], source: str) -> Labels:
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
    video: Video,
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


def _search_frames(frames_dir: Path, video: Video) -> Path:
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


def _missing(folder: Path, video: Video) -> list[str]:
    mot = _mot_sequence(folder)
    frames_dir = mot.frames_dir if mot and mot.frames_dir else folder
    return missing_frames(frames_dir, video.labels.names)
