# SPDX-License-Identifier: Apache-2.0
"""Read the tracks of Label Studio's JSON exports of videos.

A task has annotations, whose results of type ``videorectangle`` are tracks: a sequence
of keyframes in percent of the image, frames from 1. Between keyframes, Label Studio
moves the box in a straight line; a keyframe that is not ``enabled`` is the last box of
its stretch, and after the last enabled one the box stays to the end of the video. See
https://labelstud.io/tags/videorectangle.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import numpy.typing as npt
import pandas as pd

from .content import Content
from .files import Json, read_json
from .frames import is_plain_name
from .keyframes import interpolate
from .numbered_frames import LAST_FRAME, Frames
from .numbered_rows import (
    LabeledVideo,
    find_frames,
    frames_size,
    make_tracks,
)
from .tracks import BOX, InputError, Tracks, attribute_columns, concatenate

_EXPECTED = "Label Studio's tasks with tracks (videorectangle)"
_SIZE = ("original_width", "original_height")
#: What values raise that are not of the kind that they should be.
_DAMAGED = (KeyError, TypeError, ValueError, AttributeError, OverflowError)


def is_label_studio(content: Content) -> bool:
    """Tell whether a file holds tasks of Label Studio with tracks."""
    try:
        return any(_tracks_of(task)[0] for task in _tasks(content.document))
    except (TypeError, KeyError, AttributeError):
        return False


def read_label_studio(path: Path, frames: Frames, strict: bool = False) -> Tracks:
    """Read the tracks of a JSON export of Label Studio.

    Args:
        path: the path to the file, of the kind JSON or JSON_MIN
        frames: what is known of the frames beside the labels
        strict (False): whether to refuse a file with wrong boxes

    Returns:
        the :class:`Tracks`, a sequence per task, with the extra columns ``keyframe``,
        ``further_labels`` (if a track has several labels) and one per attribute

    Raises:
        InputError: if the file is damaged, or nothing tells the image size
    """
    parts: list[Tracks] = []
    try:
        for task in _tasks(read_json(path)):
            found, notes = _tracks_of(task)
            if found:
                taken = {name for part in parts for name in part.sequences}
                name = _name(task, path.stem, taken)
                notes = tuple(f"{name}: {note}" for note in notes)
                parts.append(_read_task(path, found, name, notes, frames, strict))
    except _DAMAGED as error:
        if isinstance(error, InputError):
            raise
        message = f"{type(error).__name__} ({error}); expected {_EXPECTED}"
        raise InputError(path, message) from error
    if not parts:
        raise InputError(path, f"no tracks; expected {_EXPECTED}")
    return concatenate(parts)


def _tasks(document: object) -> list[Json]:
    tasks = document if isinstance(document, list) else [document]
    return [task for task in tasks if isinstance(task, dict)]


def _tracks_of(task: Json) -> tuple[list[Json], tuple[str, ...]]:
    """Return the tracks of a task, each with its attributes, and notes on them."""
    for kind in ("annotations", "completions", "predictions"):
        given = [each for each in task.get(kind) or [] if not each.get("was_cancelled")]
        if not given:
            continue
        results = given[-1]["result"]
        tracks = [each for each in results if "sequence" in each.get("value", {})]
        others = [each for each in results if "sequence" not in each.get("value", {})]
        notes = []
        if kind == "predictions":
            notes.append("there are no annotations; the predictions were read")
        elif len(given) > 1:
            notes.append(f"the last of {len(given)} annotations was read")
        found = [_with_attributes(track, others) for track in tracks]
        return [each for each in found if each["sequence"]], tuple(notes)
    # JSON_MIN has the values of each tag below its name
    lists = [each for each in task.values() if isinstance(each, list)]
    values = [each for every in lists for each in every if isinstance(each, dict)]
    return [{**each, "attributes": {}} for each in values if each.get("sequence")], ()


def _with_attributes(track: Json, others: list[Json]) -> Json:
    """Add what annotators said of a region, which are results with the region's ID."""
    attributes = {}
    for other in others:
        if other.get("id") == track.get("id") and other.get("from_name"):
            said = [each for each in other["value"].values() if isinstance(each, list)]
            texts = [str(each) for every in said for each in every]
            attributes[other["from_name"]] = ", ".join(texts)
    size = {key: track[key] for key in _SIZE if key in track}
    return {**track["value"], **size, "attributes": attributes}


def _name(task: Json, stem: str, taken: set[str]) -> str:
    """Name a sequence after its video, which may be an address."""
    data = task.get("data", task)
    texts = [str(value) for key, value in data.items() if "video" in key.lower()]
    address = urlsplit(next((text for text in texts if "." in text), ""))
    inside = parse_qs(address.query).get("d", [address.path])[0]
    name = re.sub(r"^[0-9a-f]{8}-", "", PurePosixPath(unquote(inside)).stem)
    base = name if is_plain_name(name) else stem
    return base if base not in taken else f"{base}-{task.get('id', len(taken) + 1)}"


def _read_task(
    path: Path,
    tracks: list[Json],
    name: str,
    notes: tuple[str, ...],
    frames: Frames,
    strict: bool,
) -> Tracks:
    count = max(int(track.get("framesCount") or 0) for track in tracks)
    count = min(max(count, 0), LAST_FRAME)
    duration = max(float(track.get("duration") or 0) for track in tracks)
    told = [
        tuple(int(track[key]) for key in _SIZE) for track in tracks if _SIZE[0] in track
    ]
    video = LabeledVideo(
        name,
        size=(told[0][0], told[0][1]) if told else None,
        rate=round(count / duration, 3) if count and duration else None,
        first=1,
        known=np.arange(1, count + 1) if count else None,
        beside=(name, f"images/{name}"),
        notes=notes,
    )
    size = video.size or frames_size(path, find_frames(path.parent, video, frames))
    rows, lasts = _keyframes(tracks, count)
    rows = interpolate(rows, lasts)
    rotated = int((rows.pop("rotation") != 0).sum())
    if rotated:
        what = "boxes are rotated; they were read without their rotation"
        video = LabeledVideo(
            **{**vars(video), "notes": (*notes, f"{name}: {rotated} {what}")}
        )
    rows[BOX] = rows[BOX].to_numpy() * np.array([*size, *size]) / 100
    return make_tracks(path, rows, video, frames, strict)


def _keyframes(
    tracks: list[Json], count: int
) -> tuple[pd.DataFrame, npt.NDArray[np.bool_]]:
    """Return the keyframes, and which boxes last until the next one of their track."""
    keys: list[dict[str, object]] = []
    attributes: list[dict[str, object]] = []
    lasts: list[bool] = []
    for number, track in enumerate(tracks, start=1):
        label, *further = track.get("labels") or ["unlabeled"]
        said = {"further_labels": ", ".join(further)} if further else {}
        sequence = sorted(track["sequence"], key=lambda key: int(key["frame"]))
        stays = sequence[-1].get("enabled", True) and sequence[-1]["frame"] < count
        last = [{**sequence[-1], "frame": count, "filled": True}] if stays else []
        for key in [*sequence, *last]:
            keys.append(
                {
                    "number": int(key["frame"]),
                    "track": number,
                    "label": str(label),
                    "left": float(key["x"]),
                    "top": float(key["y"]),
                    "width": float(key["width"]),
                    "height": float(key["height"]),
                    "rotation": float(key.get("rotation") or 0),
                    "keyframe": "filled" not in key,
                }
            )
            attributes.append({**said, **track["attributes"]})
            lasts.append(bool(key.get("enabled", True)))
    rows = pd.DataFrame(keys)
    columns = attribute_columns(attributes, taken=rows.columns)
    return rows.assign(**columns), np.array(lasts)
