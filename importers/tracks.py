# SPDX-License-Identifier: Apache-2.0
"""The tracks table: one row per detection, in pixels, and a record per sequence.

Every file format is read into :class:`Tracks` and written from it, so nothing else
depends on where the labels came from.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from collections.abc import Sequence as ListOf
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

#: The columns that every tracks table has, with their types. ``frame`` is the
#: 1-based position among the sequence's frames, ``left`` to ``height`` are
#: pixels of the annotation's own image size with a 0-based corner.
COLUMNS: Mapping[str, str] = {
    "sequence": "category",
    "frame": "int32",
    "frame_name": "category",
    "track": "int32",
    "label": "category",
    "left": "float64",
    "top": "float64",
    "width": "float64",
    "height": "float64",
}

#: The columns that formats add to these. Others are attributes from annotators.
FORMAT_COLUMNS = frozenset(
    {
        "assignee",
        "confidence",
        "considered",
        "keyframe",
        "object_id",
        "object_name",
        "visibility",
    }
)

#: The most names of attributes that the boxes of a file may have.
MOST_ATTRIBUTES = 1_000

BOX = ["left", "top", "width", "height"]

#: The range of a box's columns, in pixels, in which areas and ratios stay finite.
BOX_LIMITS: Mapping[str, tuple[float, float]] = {
    "left": (-1e7, 1e7),
    "top": (-1e7, 1e7),
    "width": (1e-3, 1e7),
    "height": (1e-3, 1e7),
}

#: The columns of :attr:`Tracks.invalid`, with their types.
INVALID_COLUMNS: Mapping[str, str] = {
    "sequence": "object",
    "frame": "Int64",
    "track": "Int64",
    "file": "object",
    "line": "Int64",
    "reason": "object",
    **dict.fromkeys(BOX, "float64"),
}

#: The most characters of a file's name.
_LONGEST_NAME = 255
#: The most characters that messages quote of what they found.
_MOST_QUOTED = 120
#: Quoted text, and names, of which that much is quoted.
_QUOTED = re.compile(r"""(?<!\w)'[^']*'|(?<!\w)"[^"]*"|[^\s/'"]+""")


def _shorten(text: str, most: int = _MOST_QUOTED) -> str:
    """Cut the quoted texts and the names in a text that are longer than ``most``."""
    if len(text) <= most:
        return text

    def cut(found: re.Match[str]) -> str:
        return found[0] if len(found[0]) <= most + 2 else f"{found[0][:most]}..."

    return _QUOTED.sub(cut, text)


class InputError(ValueError):
    """Invalid input; the message names the file, the line and what was expected."""

    def __init__(self, path: Path | str, message: str, line: int | None = None) -> None:
        """Create the error.

        Args:
            path: the invalid file or folder
            message: what is wrong and what was expected
            line (None): the 1-based line in the file
        """
        self.path = _shorten(str(path), _LONGEST_NAME)
        self.message = _shorten(message)
        self.line = line
        place = f"{self.path}, line {line}" if line else self.path
        super().__init__(f"{place}: {self.message}")

    def __reduce__(self) -> tuple[object, ...]:
        """Return how another process makes the same error."""
        return type(self), (self.path, self.message, self.line)


@dataclass(frozen=True)
class VideoPart:
    """A video that holds consecutive frames of a sequence.

    Attributes:
        path: the video, or its S3 URI
        first: the position in the sequence of the video's first frame, from 1
        length: the number of frames
    """

    path: Path | str
    first: int
    length: int


@dataclass(frozen=True)
class Sequence:
    """The record of a sequence of frames that share one set of tracks.

    Attributes:
        name: the sequence's name
        width: width in pixels of the images that the boxes were drawn on, None
            if there are only labels that do not specify it
        height: height in pixels of those images, or None
        frame_rate: frames per second at which ``frame_names`` play in real time
        frame_names: the file names of the frames, in order; frame ``i`` of the
            tracks table is ``frame_names[i - 1]``
        frames_dir: the local folder of the frames, None if there are only labels.
            The size of the images may differ from ``width`` x ``height``
        frame_attributes: the attributes that annotators gave to whole frames: one
            column per attribute, indexed by ``frame``
        size_from: where ``width`` and ``height`` come from, such as "the frames", or
            None if the format always tells them
        rate_from: where ``frame_rate`` comes from, likewise
        videos: the videos of the frames if there are no images of them; images are
            then decoded into ``frames_dir`` when they are needed, see
            ``video_frames.py``
        numbers: the numbers that the frames have in a label file that is to be written
            again, None if they count from 1 there
        told_numbers: the numbers that frames have in the label file, from 1, None if
            these are their positions
        frames_uri: the S3 URI of the frames' folder with a slash at its end, or None
    """

    name: str
    width: int | None
    height: int | None
    frame_rate: float
    frame_names: tuple[str, ...]
    frames_dir: Path | None = None
    frame_attributes: pd.DataFrame | None = None
    size_from: str | None = None
    rate_from: str | None = None
    videos: tuple[VideoPart, ...] = ()
    numbers: range | None = None
    told_numbers: tuple[int, ...] | None = None
    frames_uri: str | None = None


def make_invalid(columns: Mapping[str, object] | None = None) -> pd.DataFrame:
    """Make a table of labels that were set aside because no audit can use them.

    Args:
        columns (None): some of :data:`INVALID_COLUMNS`; the others are null. By
            default there are no such labels

    Returns:
        the data frame, with all columns and their types
    """
    if columns is None:
        return _no_invalid().copy()
    table = pd.DataFrame(dict(columns), columns=list(INVALID_COLUMNS))
    return table.astype(dict(INVALID_COLUMNS)).reset_index(drop=True)


@cache
def _no_invalid() -> pd.DataFrame:
    """Return the table without labels, which most files have."""
    return make_invalid({})


@dataclass(frozen=True)
class Tracks:
    """Tracks of one or more sequences.

    Attributes:
        table: one row per detection, sorted by sequence, track, frame. It has
            :data:`COLUMNS`, and further columns that the format adds
            (MOT: ``considered``, ``visibility``; Ground Truth: ``object_id``,
            ``object_name``, and one column per label category attribute)
        sequences: the record of each sequence, by name
        notes: sentences for the user about the files, such as boxes outside the
            image and skipped lines
        invalid: the labels that were set aside because no audit can use them, one
            row each: ``sequence``; ``frame`` (position) and ``track``, null if they
            are not known; ``file`` and ``line`` (null for labels of a dataset);
            ``reason``, such as "width is 0"; and the box as far as it is known
        format: what the format of the files is called, empty if that is not known
        classes: the labels that annotators could choose, if the files list them
    """

    table: pd.DataFrame
    sequences: Mapping[str, Sequence]
    notes: tuple[str, ...] = field(default=())
    invalid: pd.DataFrame = field(default_factory=make_invalid)
    format: str = ""
    classes: tuple[str, ...] = ()


def make_table(columns: Mapping[str, object]) -> pd.DataFrame:
    """Make a tracks table of one sequence or more, typed and sorted.

    Args:
        columns: a column or scalar for each of :data:`COLUMNS`, and any others

    Returns:
        the data frame, sorted by sequence, track, frame
    """
    table = pd.DataFrame(dict(columns), copy=False)
    kinds = {name: kind for name, kind in COLUMNS.items() if table[name].dtype != kind}
    table = table.astype(kinds) if kinds else table
    extra = [name for name in table.columns if name not in COLUMNS]
    table = table[[*COLUMNS, *extra]]
    sequence = table["sequence"].cat.codes.to_numpy()
    track = table["track"].to_numpy(np.int64)
    key = (track << 32) + table["frame"].to_numpy(np.int64)
    step = np.diff(sequence)
    # Files are mostly sorted already, and checking is faster than sorting.
    if not ((step > 0) | ((step == 0) & (key[1:] >= key[:-1]))).all():
        table = table.take(np.lexsort((key, sequence)))
    return table.reset_index(drop=True)


def attribute_columns(
    attributes: ListOf[Mapping[str, object]], taken: Iterable[str] = ()
) -> dict[str, pd.Series[Any]]:
    """Make a column of each attribute of boxes.

    Args:
        attributes: the attributes of each box, by name
        taken (()): further names that columns cannot have

    Returns:
        the columns, None for boxes without the attribute. An attribute whose name a
        table needs for itself gets ``_attribute`` appended

    Raises:
        InputError: if there are more than :data:`MOST_ATTRIBUTES` names, of which each
            takes memory for every box
    """
    own = {*COLUMNS, *FORMAT_COLUMNS, *taken}
    names = dict.fromkeys(itertools.chain.from_iterable(attributes))
    if len(names) > MOST_ATTRIBUTES:
        message = f"{len(names):,} names; expected at most {MOST_ATTRIBUTES:,}"
        raise InputError("attributes of boxes", message)
    columns: dict[str, pd.Series[Any]] = {}
    for name in names:
        column = name
        while column in own or column in columns:
            column += "_attribute"
        values = [attribute.get(name) for attribute in attributes]
        columns[column] = pd.Series(values, dtype=object)
    return columns


def concatenate(parts: Iterable[Tracks]) -> Tracks:
    """Join tracks of different sequences into one.

    Args:
        parts: tracks whose sequence names are all different

    Returns:
        one :class:`Tracks`

    Raises:
        ValueError: if two parts hold a sequence of the same name
    """
    parts = list(parts)
    sequences: dict[str, Sequence] = {}
    for part in parts:
        for name, sequence in part.sequences.items():
            if name in sequences:
                raise ValueError(f"there are two sequences named {name!r}")
            sequences[name] = sequence
    if len(parts) == 1:
        return parts[0]
    tables = [part.table for part in parts]
    categories = [name for name, kind in COLUMNS.items() if kind == "category"]
    united = {
        name: union_categoricals([t[name] for t in tables]) for name in categories
    }
    rest = [t.drop(columns=categories) for t in tables]
    # A format's column is None for parts without it, as for boxes without a value.
    objects = {str(name) for t in rest for name in t if t[name].dtype == object}
    filled = [t.assign(**dict.fromkeys(sorted(objects - set(t)))) for t in rest]
    joined = pd.concat(filled, ignore_index=True)
    others = {str(name): column for name, column in joined.items()}
    table = make_table({**united, **others})
    notes = tuple(note for part in parts for note in part.notes)
    broken = [part.invalid for part in parts if len(part.invalid)]
    invalid = pd.concat(broken, ignore_index=True) if broken else make_invalid()
    format = parts[0].format if parts else ""
    classes = tuple(dict.fromkeys(name for part in parts for name in part.classes))
    return Tracks(table, sequences, notes, invalid, format, classes)


def rename_sequence(tracks: Tracks, name: str, new: str) -> Tracks:
    """Give a sequence another name.

    Args:
        tracks: the tracks
        name: the name of one of their sequences
        new: the name to give it

    Returns:
        the same tracks, with the new name
    """
    sequences = {
        new if each == name else each: record
        for each, record in tracks.sequences.items()
    }
    sequences[new] = replace(sequences[new], name=new)
    table, invalid = tracks.table, tracks.invalid
    return replace(
        tracks,
        table=table.assign(
            sequence=table["sequence"].cat.rename_categories({name: new})
        ),
        sequences=sequences,
        notes=tuple(
            note.replace(f"{name}: ", f"{new}: ", 1) if note.startswith(name) else note
            for note in tracks.notes
        ),
        invalid=invalid.assign(sequence=invalid["sequence"].replace({name: new})),
    )


def outside_note(tracks_table: pd.DataFrame, sequence: Sequence) -> tuple[str, ...]:
    """Describe how many boxes extend beyond the image.

    Args:
        tracks_table: the tracks table of the sequence
        sequence: the sequence's record

    Returns:
        one sentence, or nothing if all boxes lie inside
    """
    if sequence.width is None or sequence.height is None:
        return ()
    outside = (
        (tracks_table["left"] < 0)
        | (tracks_table["top"] < 0)
        | (tracks_table["left"] + tracks_table["width"] > sequence.width)
        | (tracks_table["top"] + tracks_table["height"] > sequence.height)
    )
    count = int(outside.sum())
    if not count:
        return ()
    size = f"{sequence.width}x{sequence.height}"
    return (
        f"{sequence.name}: {count:,} of {len(outside):,} boxes extend beyond the "
        f"{size} image; they are kept as they are",
    )


def identity_note(name: str, track: NDArray[np.generic]) -> tuple[str, ...]:
    """Describe how many boxes of a sequence have no identity.

    Args:
        name: the name of the sequence
        track: the track of each box, -1 if it has none, ``(n,)``

    Returns:
        one sentence, or nothing if all boxes have one
    """
    without = int((track == -1).sum())
    if not without:
        return ()
    if without < len(track):
        return (f"{name}: {without} of {len(track)} boxes have no identity (id -1)",)
    return (
        f"{name}: no box has an identity (id -1): these are detections, which can only "
        "be audited as tracks once they are linked",
    )
