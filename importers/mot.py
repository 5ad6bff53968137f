# SPDX-License-Identifier: Apache-2.0
"""Read MOT Challenge sequences, and files that look like them.

A sequence is a folder with ``seqinfo.ini``, ``gt/gt.txt``, perhaps ``det/det.txt``, and
its frames in ``img1``. The format is that of https://motchallenge.net (Milan et al.,
arXiv:1603.00831, section 3.3): one box per line, frames and pixels counted from 1.
Trackers, converters and annotation tools write it in many variants, with 6 to 10
columns: ``frame, id, left, top, width, height, flag or confidence, class, visibility``,
or three columns of a place in the world after the flag.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as ListOf
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from .broken_rows import BrokenRows
from .mot_folders import Place, find_places
from .mot_lines import FloatArray, ParsedRows, parse_rows
from .mot_meaning import CLASSES, find_classes, read_boxes, read_flags
from .numbered_frames import (
    LAST_FRAME,
    Frames,
    Numbered,
    describe_size,
    first_size,
    given_frames,
    number_frames,
    place_others,
)
from .tracks import (
    BOX,
    Sequence,
    Tracks,
    concatenate,
    identity_note,
    make_table,
    outside_note,
)

BoolArray: TypeAlias = npt.NDArray[np.bool_]
#: The greatest number of an id.
_LAST_ID = 2**31 - 1
#: The share of rows beyond ``seqLength`` up to which these rows are wrong, and above
#: which it is.
_STRAY = 0.01


def read_mot(
    path: Path | str,
    include_ignored: bool = False,
    allow_empty: bool = False,
    frames: Path | str | None = None,
    size: tuple[int, int] | None = None,
    frame_rate: float | None = None,
    strict: bool = False,
) -> Tracks:
    """Read the ground truth of MOT Challenge sequences, or the results of trackers.

    Args:
        path: a sequence's folder, a folder of sequences' folders or of files of
            rows, or one file of rows
        include_ignored (False): whether to also read boxes whose flag is 0, which
            the benchmark ignores
        allow_empty (False): whether a file may be empty, which means that the
            sequence has no boxes
        frames (None): the folder of the frames or their video, or a folder with one
            of these per sequence, or the S3 URI of a video or of a folder of videos; by
            default they are looked for beside the labels
        size (None): width and height in pixels of the images that were labeled; by
            default as ``seqinfo.ini``, the frames or else the boxes tell
        frame_rate (None): frames per second; by default as ``seqinfo.ini`` or a video
            tells, or 30
        strict (False): whether to refuse a file with rows that no audit can use. By
            default they are set aside

    Returns:
        the :class:`Tracks`, with the extra columns ``considered`` (the flag) and
        ``visibility`` (0 to 1, NaN if the file has none), and ``confidence`` if the
        column of flags holds confidences. ``notes`` say what was assumed, and
        ``invalid`` holds the rows that were set aside

    Raises:
        InputError: if a file is missing or cannot be read, with the line

    Example:
        >>> tracks = fta.read_mot("street")
        >>> tracks.sequences["street"].frame_rate
        10.0
        >>> tracks.table.loc[0, ["left", "top", "width", "height"]].tolist()
        [5.0, 10.0, 10.0, 20.0]
    """
    known = given_frames(frames, size, frame_rate)
    places = find_places(Path(path), "gt/gt.txt", known)
    return concatenate(
        read_place(place, include_ignored, allow_empty, strict) for place in places
    )


def read_mot_detections(
    path: Path | str,
    size: tuple[int, int] | None = None,
    frame_rate: float | None = None,
) -> Tracks:
    """Read the public detections of MOT Challenge sequences.

    Args:
        path: a sequence's folder, a folder of sequences' folders, or a ``det.txt``
        size (None): as in :func:`read_mot`
        frame_rate (None): as in :func:`read_mot`

    Returns:
        the :class:`Tracks`, all of track -1, with the extra column
        ``confidence`` (the detector's own scale)

    Raises:
        InputError: if a file is missing or invalid, with the line
    """
    known = Frames(size=size, rate=frame_rate)
    places = find_places(Path(path), "det/det.txt", known)
    return concatenate(_read_det(place) for place in places)


def find_sequences(path: Path | str) -> list[Sequence]:
    """Read the records of MOT Challenge sequences.

    Args:
        path: as of :func:`read_mot`

    Returns:
        a list of :class:`Sequence`

    Raises:
        InputError: if there are none, or a file is wrong
    """
    return list(read_mot(path, allow_empty=True).sequences.values())


def read_place(
    place: Place,
    include_ignored: bool,
    allow_empty: bool,
    strict: bool,
    untracked: bool = False,
) -> Tracks:
    """Read the ground truth of one sequence, see :func:`read_mot`.

    Strict reading takes boxes without a track (id -1) if ``untracked`` says so.
    """
    expected = "6 to 10 columns: frame, id, left, top, width, height, ..."
    rows = parse_rows(place.file, range(6, 11), expected, allow_empty)
    track = rows.columns[1]
    broken = _begin_checks(rows)
    least = 0 if strict and not untracked else -1
    broken.check(
        ~_is_whole(track, least, _LAST_ID),
        lambda row: (
            f"id (column 2) is {track[row]:.15g}; expected a whole number from {least} "
            f"to {_LAST_ID}"
        ),
    )
    flags = read_flags(rows, broken, strict)
    codes, classes, class_notes = find_classes(rows, broken, strict, place.classes)
    placed = _place_rows(place, rows, broken, strict)
    order = _check_unique(rows, placed, broken)
    invalid, set_aside = _set_aside(place, placed, track, broken, strict)
    kept = ~broken.found & (flags.considered | include_ignored)
    visibility = rows.columns[8] if len(rows.columns) == 9 else None
    extra = {
        "considered": flags.considered,
        "visibility": np.full(len(track), np.nan) if visibility is None else visibility,
    }
    if flags.confidence is not None:
        extra["confidence"] = flags.confidence
    chosen = kept if order is None else order[kept[order]]
    tracks = _to_tracks(placed, track, (codes, classes), extra, chosen)
    notes = [*placed.notes, *class_notes, *flags.notes, *set_aside, *tracks.notes]
    notes += identity_note(place.name, track[kept])
    if len(track) and not kept.any():
        message = f"all {len(track)} rows have flag 0; include_ignored reads them"
        notes.append(
            f"{place.file}: {message} (on the command line, --include-ignored)"
        )
    return replace(tracks, notes=tuple(notes), invalid=invalid)


def _read_det(place: Place) -> Tracks:
    rows = parse_rows(place.file, range(7, 1000), "7 columns or more")
    track, confidence = rows.columns[1], rows.columns[6]
    broken = _begin_checks(rows)
    broken.check(
        track != -1,
        lambda row: (
            f"id (column 2) is {track[row]:.15g}; expected -1, since detections have "
            "no identity"
        ),
    )
    broken.check(
        ~np.isfinite(confidence),
        lambda row: f"confidence (column 7) is {confidence[row]}; expected a number",
    )
    placed = _place_rows(place, rows, broken, strict=False)
    invalid, set_aside = _set_aside(place, placed, track, broken, strict=False)
    classes = np.zeros(len(track), np.int32), CLASSES
    extra = {"confidence": confidence}
    tracks = _to_tracks(placed, track, classes, extra, ~broken.found)
    notes = (*placed.notes, *set_aside, *tracks.notes)
    return replace(tracks, notes=notes, invalid=invalid)


class _Placed(NamedTuple):
    """Rows in their frames.

    Attributes:
        sequence: the record of the sequence
        position: the 1-based position of each row's frame, 0 if it has none
        boxes: the columns of the box, in pixels from 0
        size_known: whether the image size is known, not made from the boxes
        notes: what was assumed
    """

    sequence: Sequence
    position: npt.NDArray[np.int64]
    boxes: dict[str, FloatArray]
    size_known: bool
    notes: tuple[str, ...]


def _begin_checks(rows: ParsedRows) -> BrokenRows:
    """Check the columns that all files begin with, apart from the ids."""
    broken = BrokenRows(rows.path, rows.lines, len(rows.columns[0]))
    for row in rows.reasons:
        broken.found[row] = True
    broken.reasons.update(rows.reasons)
    frame = rows.columns[0]
    broken.check(
        ~_is_whole(frame, 0, LAST_FRAME),
        lambda row: (
            f"frame (column 1) is {frame[row]:.15g}; expected a whole number from 0 to "
            f"{LAST_FRAME}"
        ),
    )
    for place, name in enumerate(BOX, start=2):
        values = rows.columns[place]
        broken.check(
            ~np.isfinite(values),
            lambda row, name=name, place=place, values=values: (  # type: ignore[misc]
                f"{name} (column {place + 1}) is {values[row]}; expected a finite "
                "number"
            ),
        )
    return broken


def _place_rows(
    place: Place, rows: ParsedRows, broken: BrokenRows, strict: bool
) -> _Placed:
    """Find the frames that rows are about, the image size, and the boxes."""
    usable, count = ~broken.found, len(broken.found)
    if count and not usable.any():
        broken.set_aside(place.name, pd.DataFrame(index=range(count)))
    numbers = rows.columns[0][usable].astype(np.int64)
    numbered = _number(place, numbers, strict)
    position = np.zeros(count, np.int64)
    position[usable] = numbered.position
    if not usable.all():
        # Broken rows are shown in their frames, too
        others = rows.columns[0][~usable]
        position[~usable] = place_others(numbers, numbered.position, others)
    length = len(numbered.names)
    broken.check(
        position == 0,
        lambda row: (
            f"frame (column 1) is {rows.columns[0][row]:.15g}; expected one of the "
            f"{length} frames of {place.name}"
        ),
    )
    frames, info = place.frames, place.info
    size = frames.size or info.size
    size = size or first_size(frames)
    boxes, box_notes = read_boxes(rows, ~broken.found, size, strict)
    table = pd.DataFrame(boxes, copy=False)
    broken.check_boxes(table)
    good = table if size else table[~broken.found]
    sequence, size_notes = describe_size(
        numbered, good, frames, info.size, info.frame_rate, "seqinfo.ini"
    )
    notes = (*size_notes, *box_notes)
    return _Placed(sequence, position, boxes, size is not None, notes)


def _number(place: Place, numbers: npt.NDArray[np.int64], strict: bool) -> Numbered:
    """Number the frames; the notes say so if ``seqLength`` is wrong."""
    length, files = place.info.length, place.frames.folder or place.frames.remote
    first, last = (int(numbers.min()), int(numbers.max())) if len(numbers) else (1, 1)
    start = 0 if first == 0 and not strict and last < (length or last + 1) else 1
    known, notes = None, []
    if length is not None:
        end = start + length - 1
        late = (first, last) == (start + 1, end + 1)
        stray = (numbers > end).mean() <= _STRAY if len(numbers) else True
        if not (strict or stray or late or files):
            message = f"seqLength is {length}, but labels go to frame {last}"
            notes.append(f"{place.name}: {message}; there are as many frames")
            end = last
        known = np.arange(start, end + 1)
    pattern = "{:06d}" + (place.info.suffix or ".jpg")
    numbered = number_frames(place.name, numbers, place.frames, pattern, start, known)
    return replace(numbered, notes=(*notes, *numbered.notes))


def _is_whole(values: FloatArray, low: int, high: int) -> BoolArray:
    whole: BoolArray = np.floor(values) == values
    return whole & (values >= low) & (values <= high)


def _check_unique(
    rows: ParsedRows, placed: _Placed, broken: BrokenRows
) -> npt.NDArray[np.intp] | None:
    """Check that each id is in a frame once; return the order of ids and frames.

    Returns:
        the order, None if the rows have it already
    """
    frame, track = rows.columns[:2]
    key = np.where(broken.found, -1, track).astype(np.int64) << 32
    key += placed.position
    if (key[1:] > key[:-1]).all():
        return None
    order = np.argsort(key, kind="stable")
    usable = order[~broken.found[order]]
    again = np.zeros(len(key), np.bool_)
    again[usable[1:]] = key[usable[1:]] == key[usable[:-1]]
    broken.check(
        again & (track >= 0),
        lambda row: (
            f"a second box of id {track[row]:.15g} in frame {frame[row]:.15g}; "
            "expected one box per frame and id"
        ),
    )
    return order


def _set_aside(
    place: Place,
    placed: _Placed,
    track: FloatArray,
    broken: BrokenRows,
    strict: bool,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    columns: dict[str, npt.NDArray[np.generic]] = {}
    if broken.found.any():
        columns = {"frame": placed.position, "track": track, **placed.boxes}
    return broken.set_aside(place.name, pd.DataFrame(columns), strict)


def _to_tracks(
    placed: _Placed,
    track: FloatArray,
    classes: tuple[npt.NDArray[np.int32], ListOf[str]],
    extra: Mapping[str, FloatArray | BoolArray],
    chosen: BoolArray | npt.NDArray[np.intp],
) -> Tracks:
    """Make the tracks of the chosen rows."""
    if chosen.dtype == np.bool_ and chosen.all():
        chosen = slice(None)  # type: ignore[assignment]
    position = placed.position[chosen].astype(np.int32)
    name, (codes, names) = placed.sequence.name, classes
    table = make_table(
        {
            "sequence": _categorical(np.zeros(len(position), np.int32), [name]),
            "frame": position,
            "frame_name": _categorical(position - 1, placed.sequence.frame_names),
            "track": track[chosen].astype(np.int32),
            "label": _categorical(codes[chosen], names),
            **{side: values[chosen] for side, values in placed.boxes.items()},
            **{each: values[chosen] for each, values in extra.items()},
        }
    )
    notes = outside_note(table, placed.sequence) if placed.size_known else ()
    return Tracks(table, {name: placed.sequence}, notes)


def _categorical(
    codes: npt.NDArray[np.int32], categories: ListOf[str]
) -> pd.Categorical[str]:
    return pd.Categorical.from_codes(codes, pd.Index(list(categories)))
