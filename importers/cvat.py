# SPDX-License-Identifier: Apache-2.0
"""Read tracks that CVAT exported as "CVAT for video 1.1".

The format is documented at https://docs.cvat.ai/docs/manual/advanced/formats/format-cvat/.
Frames count from 0 in the video, and a task with a frame step or a start frame counts
in frames of the video too. FiftyOne's parser makes an object per box and needs the size
of the images; this one streams the file into columns, without FiftyOne.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, cast
from xml.etree.ElementTree import Element, ParseError

import numpy as np
import pandas as pd
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from .content import Content
from .cvat_shapes import SHAPES, box_around, is_flat, is_outside, number
from .frames import is_plain_name
from .keyframes import interpolate
from .local_files import check_lines, open_file
from .numbered_frames import LAST_FRAME, Frames
from .numbered_rows import LabeledVideo, make_tracks
from .tracks import InputError, Tracks, attribute_columns, concatenate

_EXPECTED = "CVAT for video 1.1"
#: The attribute in which the reader notes the line of an element.
_LINE = "track-audit-line"
#: Attributes of a shape that do not tell where it is.
_OTHERS = {"outside", "occluded", "keyframe", "z_order", "source", "rle", _LINE}


@dataclass
class _Task:
    """One video of an export.

    Attributes:
        name: the name of the task
        assignee: who labeled it, None if nobody was assigned
        size: width and height in pixels, None if the export does not tell
        start: the first frame, counted from 0 in the video
        stop: the last frame, None if the export does not tell
        step: frames of the video from one labeled frame to the next
        columns: the values of each column, box by box
        attributes: the attributes of each box
        broken: the boxes that cannot be used, each with its ``problem``
        shapes: how many boxes are those around shapes of each kind
        flat: how many shapes of each kind were left out, because they have no area
        rotated: the number of rotated boxes
    """

    name: str
    assignee: str | None = None
    size: tuple[int, int] | None = None
    start: int = 0
    stop: int | None = None
    step: int = 1
    columns: dict[str, list[object]] = field(default_factory=lambda: defaultdict(list))
    attributes: list[dict[str, object]] = field(default_factory=list)
    broken: list[dict[str, object]] = field(default_factory=list)
    shapes: Counter[str] = field(default_factory=Counter)
    flat: Counter[str] = field(default_factory=Counter)
    rotated: int = 0


class NoTracks(InputError):
    """An export of a video has no track, or none that is ever visible."""


def is_cvat(content: Content) -> bool:
    """Tell whether a file is an export of CVAT, for videos or images."""
    return content.root == "annotations"


def read_cvat(path: Path, frames: Frames, strict: bool = False) -> Tracks:
    """Read the tracks of an ``annotations.xml``.

    Args:
        path: the path to the file
        frames: what is known of the frames beside the labels
        strict (False): whether to refuse a file with wrong boxes

    Returns:
        the :class:`Tracks`, a sequence per task, with the extra columns ``keyframe``
        (whether a person placed the box, rather than interpolation), ``occluded``,
        ``assignee`` (who labeled the task, if anybody was assigned), and one column per
        attribute; frames in which an object is outside have no box

    Raises:
        InputError: if the file is damaged, or has no tracks of boxes
        NoTracks: if it is of a task without any track
    """
    tasks: dict[str, _Task] = {}
    check_lines(path, _EXPECTED, end=b">")
    try:
        with open_file(path, _EXPECTED) as file:
            images = _read_elements(path, file, tasks)
    except (ParseError, DefusedXmlException, ValueError) as error:
        line = getattr(error, "position", (None,))[0]
        if isinstance(error, InputError):
            raise
        raise InputError(path, f"{error}; expected {_EXPECTED}", line) from error
    labeled = [task for task in tasks.values() if not all(task.columns["outside"])]
    broken = [box for task in tasks.values() for box in task.broken]
    if broken and not labeled:
        raise InputError(path, str(broken[0]["problem"]))
    if not labeled:
        found = "the boxes of images, which have no tracks" if images else "no tracks"
        refusal = InputError if images or not tasks else NoTracks
        raise refusal(path, f"{found}; expected tracks of boxes, {_EXPECTED}")
    _make_unique(labeled)
    return concatenate(_to_tracks(path, task, frames, strict) for task in labeled)


def _read_elements(path: Path, file: IO[bytes], tasks: dict[str, _Task]) -> int:
    """Read tasks and their boxes without keeping the document; count images."""
    images = 0
    lines = _Lines(file)
    for event, element in iterparse(cast("IO[bytes]", lines), ("start", "end")):
        if event == "start":
            element.set(_LINE, str(lines.number))
        elif element.tag in {"task", "job"}:
            tasks.setdefault(element.findtext("id", ""), _read_task(path, element))
        elif element.tag == "track":
            task = tasks.get(element.get("task_id", ""))
            task = task or next(iter(tasks.values()), None)
            if task is None:
                task = tasks.setdefault("", _Task(path.stem))
            _read_track(path, element, task)
            element.clear()
        elif element.tag == "image":
            images += 1
            element.clear()
    return images


class _Lines:
    """Reads a file line by line, so that what is parsed begins in the last one."""

    def __init__(self, file: IO[bytes]) -> None:
        self.number = 0
        self._file = file
        self._ended = True

    def read(self, size: int) -> bytes:
        """Return the next line, or ``size`` bytes of it."""
        text = self._file.readline(size)
        self.number += self._ended
        self._ended = text.endswith(b"\n")
        return text


def _read_task(path: Path, element: Element) -> _Task:
    size = element.find("original_size")
    step = element.findtext("frame_filter", "").replace(" ", "").partition("step=")[2]
    stop = element.findtext("stop_frame")
    name = element.findtext("name") or ""
    try:
        task = _Task(
            name=name if is_plain_name(name) else path.stem,
            assignee=element.findtext("assignee/username") or None,
            size=None
            if size is None
            else (int(size.findtext("width", "")), int(size.findtext("height", ""))),
            start=int(element.findtext("start_frame") or 0),
            stop=int(stop) if stop else None,
            step=int(step or 1),
        )
    except ValueError as error:
        raise InputError(path, f"task {name!r}: {error}; expected a number") from error
    if not (
        0 <= task.start <= (task.stop or task.start) <= LAST_FRAME and task.step > 0
    ):
        message = f"task {name!r}: frames {task.start} to {task.stop} by {task.step}"
        raise InputError(path, f"{message}; expected a range of frames")
    return task


def _read_track(path: Path, track: Element, task: _Task) -> None:
    of_track = _attributes(track)
    for shape in track:
        if shape.tag != "box" and shape.tag not in SHAPES:
            continue
        if is_flat(shape):
            task.flat[shape.tag] += 1
            continue
        row = _read_box(track, shape)
        if "problem" in row:
            task.broken.append(row)
            continue
        if task.assignee:
            row["assignee"] = task.assignee
        for name, value in row.items():
            task.columns[name].append(value)
        task.attributes.append(of_track | _attributes(shape))
        if shape.tag != "box" and not row["outside"]:
            task.shapes[shape.tag] += 1
        task.rotated += number(shape.get("rotation") or "0") != 0


def _read_box(track: Element, shape: Element) -> dict[str, object]:
    """Return the columns of a box, with its ``problem`` if it cannot be used."""
    frame, corners = number(shape.get("frame")), box_around(shape)
    left, top, right, bottom = corners
    track_id, label = number(track.get("id")), track.get("label")
    row: dict[str, object] = {
        "line": int(shape.get(_LINE, 0)),
        "number": frame,
        "track": track_id,
        "label": label,
        "left": left,
        "top": top,
        "width": right - left,
        "height": bottom - top,
        "keyframe": shape.get("keyframe") == "1",
        "occluded": shape.get("occluded") == "1",
        "outside": is_outside(shape),
    }
    whole = frame.is_integer() and track_id.is_integer()
    if not whole or label is None or any(map(math.isnan, corners)):
        place = {key: at for key, at in shape.attrib.items() if key not in _OTHERS}
        found = ", ".join(f"{key} {at!r:.40}" for key, at in place.items())
        row["problem"] = (
            f"a {shape.tag} of track {track.get('id')!r:.40} with label {label!r:.40} "
            f"and {found or 'no place'}; expected an id, a label and numbers"
        )
    return row


def _attributes(element: Element) -> dict[str, object]:
    """Return the attributes right below an element; equal texts share their memory."""
    return {
        attribute.get("name", ""): attribute.text or ""
        for attribute in element.findall("attribute")
        if attribute.get("name")
    }


def _make_unique(tasks: list[_Task]) -> None:
    """Give tasks of the same name different ones."""
    taken: set[str] = set()
    for task in tasks:
        names = (f"{task.name}-{number}" for number in itertools.count(2))
        task.name = next(
            name for name in itertools.chain([task.name], names) if name not in taken
        )
        taken.add(task.name)


def _count(kinds: Counter[str]) -> str:
    return ", ".join(f"{kind} {many}" for kind, many in kinds.items())


def _to_tracks(path: Path, task: _Task, frames: Frames, strict: bool) -> Tracks:
    own = {**task.columns}
    rows = pd.DataFrame({**own, **attribute_columns(task.attributes, taken=own)})
    rows = interpolate(rows, ~rows["outside"].to_numpy(bool), task.step)
    rows = rows[~rows["outside"]].drop(columns="outside").reset_index(drop=True)
    broken = pd.DataFrame(task.broken).drop(columns="outside", errors="ignore")
    labeled = rows["number"][rows["number"] <= LAST_FRAME]
    last = max(task.stop or 0, int(labeled.max()) if len(labeled) else 0)
    notes = []
    if task.shapes:
        kinds = _count(task.shapes)
        notes.append(f"{task.name}: the boxes around other shapes are used ({kinds})")
    if task.flat:
        kinds = _count(task.flat)
        notes.append(f"{task.name}: shapes without an area were left out ({kinds})")
    if task.rotated:
        boxes = "1 box" if task.rotated == 1 else f"{task.rotated} boxes"
        notes.append(f"{task.name}: the rotation of {boxes} was ignored")
    video = LabeledVideo(
        task.name,
        size=task.size,
        pattern="frame_{:06d}.PNG",
        first=task.start,
        known=np.arange(task.start, last + 1, task.step),
        beside=("images",),
        notes=tuple(notes),
    )
    if len(broken):
        rows = pd.concat([rows, broken], ignore_index=True)
    tracks = make_tracks(path, rows, video, frames, strict)
    ((name, sequence),) = tracks.sequences.items()
    count = len(sequence.frame_names) * task.step
    numbers = range(task.start, task.start + count, task.step)
    return replace(tracks, sequences={name: replace(sequence, numbers=numbers)})
