# SPDX-License-Identifier: Apache-2.0
"""Read MOT Challenge sequences.

A sequence is a folder with ``seqinfo.ini``, ``gt/gt.txt``, perhaps
``det/det.txt``, and its frames in ``img1``. The format is that of
https://motchallenge.net (Milan et al., arXiv:1603.00831, section 3.3): one box
per line, frames and pixels counted from 1.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Container, Mapping
from collections.abc import Sequence as ListOf
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from .seqinfo import read_seqinfo
from .tracks import (
    BOX_LIMITS,
    InputError,
    Sequence,
    Tracks,
    concatenate,
    make_table,
    outside_note,
)

#: The class names in the order of their ids, 1 to 13, as TrackEval spells them.
CLASSES = (
    "pedestrian",
    "person_on_vehicle",
    "car",
    "bicycle",
    "motorbike",
    "non_mot_vehicle",
    "static_person",
    "distractor",
    "occluder",
    "occluder_on_ground",
    "occluder_full",
    "reflection",
    "crowd",
)
#: The file beside ``gt.txt`` that names other classes, one per line in the order
#: of their ids, as CVAT writes it.
LABELS = "gt/labels.txt"
_NUMBER = re.compile(rb"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*", re.IGNORECASE)
#: Bytes at a file's end among which blank ones are looked for.
_TAIL = 4096
#: Bytes that the parser takes at a time: large blocks make few chunks to join.
_BLOCK_SIZE = 1 << 22
FloatArray: TypeAlias = npt.NDArray[np.float64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
_Index: TypeAlias = npt.NDArray[np.intp] | BoolArray | slice


def read_mot(
    path: Path | str, include_ignored: bool = False, allow_empty: bool = False
) -> Tracks:
    """Read the ground truth of MOT Challenge sequences.

    Args:
        path: a sequence's folder, a folder of sequences' folders, or a
            ``gt.txt`` beside or below a ``seqinfo.ini``
        include_ignored (False): whether to also read boxes whose flag is 0, which
            the benchmark ignores
        allow_empty (False): whether a file may be empty, which means that the
            sequence has no boxes

    Returns:
        the :class:`Tracks`, with the extra columns ``considered`` (the flag) and
        ``visibility`` (0 to 1, NaN in MOT15, which has none)

    Raises:
        InputError: if a file is missing or invalid, with the line

    Example:
        >>> tracks = fta.read_mot("street")
        >>> tracks.sequences["street"].frame_rate
        10.0
        >>> tracks.table.loc[0, ["left", "top", "width", "height"]].tolist()
        [5.0, 10.0, 10.0, 20.0]
    """
    return _read_all(
        Path(path),
        "gt/gt.txt",
        lambda file, sequence: _read_gt(file, sequence, include_ignored, allow_empty),
    )


def read_mot_detections(path: Path | str) -> Tracks:
    """Read the public detections of MOT Challenge sequences.

    Args:
        path: a sequence's folder, a folder of sequences' folders, or a
            ``det.txt`` beside or below a ``seqinfo.ini``

    Returns:
        the :class:`Tracks`, all of track -1, with the extra column
        ``confidence`` (the detector's own scale)

    Raises:
        InputError: if a file is missing or invalid, with the line
    """
    return _read_all(Path(path), "det/det.txt", _read_det)


def find_sequences(path: Path | str) -> list[Sequence]:
    """Read the records of MOT Challenge sequences, without their tracks.

    Args:
        path: as of :func:`read_mot`

    Returns:
        a list of :class:`Sequence`

    Raises:
        InputError: if there are none, or a ``seqinfo.ini`` is missing or invalid
    """
    found = _find_sequences(Path(path), "gt/gt.txt")
    return [read_seqinfo(folder) for folder, _ in found]


def _read_all(
    path: Path, relative: str, read: Callable[[Path, Sequence], Tracks]
) -> Tracks:
    """Read the sequences at a path, and check that their names differ."""
    parts: dict[str, Tracks] = {}
    for folder, rows_path in _find_sequences(path, relative):
        sequence = read_seqinfo(folder)
        if sequence.name in parts:
            message = (
                f"another sequence is also named {sequence.name}; expected unique names"
            )
            raise InputError(folder / "seqinfo.ini", message)
        parts[sequence.name] = read(rows_path, sequence)
    return concatenate(parts.values())


def _find_sequences(path: Path, relative: str) -> list[tuple[Path, Path]]:
    """Find the folder and the file of rows of each sequence at a path."""
    if path.is_file():
        folders = [path.parent, path.parent.parent]
        for folder in folders:
            if (folder / "seqinfo.ini").is_file():
                return [(folder, path)]
        raise InputError(path, "no seqinfo.ini beside it or one folder above")
    if not path.is_dir():
        raise InputError(path, "no such file or folder; expected a MOT sequence")
    if (path / "seqinfo.ini").is_file():
        return [(path, path / relative)]
    marks = ("seqinfo.ini", Path(relative).parts[0])
    found = [
        (folder, folder / relative)
        for folder in sorted(path.iterdir())
        if any((folder / mark).exists() for mark in marks)
    ]
    if not found:
        raise InputError(path, "no seqinfo.ini in it or one folder below")
    return found


def _read_gt(
    path: Path, sequence: Sequence, include_ignored: bool, allow_empty: bool
) -> Tracks:
    expected = "9 columns (MOT16, MOT17, MOT20) or 10 (MOT15)"
    rows = _read_rows(path, sequence, range(9, 11), expected, allow_empty)
    classes = _read_classes(path)
    track, flag = rows.columns[1], rows.columns[6]
    rows.check(1, "id", ~_is_whole(track, 0, 2**31 - 1), "a whole number of at least 0")
    if len(rows.columns) == 9:
        label, visibility = rows.columns[7:]
        wrong = ~_is_whole(label, 1, len(classes))
        rows.check(7, "class", wrong, f"a class from 1 to {len(classes)}")
    else:
        label, visibility = np.ones_like(flag), np.full_like(flag, np.nan)
    chosen = _sort_unique(rows, (flag != 0) | include_ignored)
    extra = {
        "considered": flag[chosen] != 0,
        "visibility": visibility[chosen],
    }
    tracks = _to_tracks(
        rows, sequence, track[chosen], label[chosen], chosen, extra, classes
    )
    if len(tracks.table) or not len(flag):
        return tracks
    note = f"{path}: all {len(flag)} rows have flag 0; include_ignored reads them"
    return replace(tracks, notes=(*tracks.notes, note))


def _read_classes(path: Path) -> tuple[str, ...]:
    """Return the classes in the order of their ids: the benchmark's, or the file's."""
    file = path.with_name(Path(LABELS).name)
    if not file.is_file():
        return CLASSES
    try:
        names = tuple(file.read_text(encoding="utf-8-sig").splitlines())
    except UnicodeDecodeError as error:
        raise InputError(file, "not UTF-8 text; expected a class per line") from error
    if not all(names) or len(set(names)) < len(names):
        raise InputError(
            file, "an empty line or a duplicate class; expected each class once"
        )
    return names


def _read_det(path: Path, sequence: Sequence) -> Tracks:
    rows = _read_rows(path, sequence, range(7, 1000), "7 columns or more")
    track, confidence = rows.columns[1], rows.columns[6]
    rows.check(1, "id", track != -1, "-1, since detections have no identity")
    chosen = np.argsort(rows.columns[0], kind="stable")
    label = np.ones_like(track)
    extra = {"confidence": confidence[chosen]}
    return _to_tracks(rows, sequence, track, label, chosen, extra)


class _Rows(NamedTuple):
    """The numbers of a file, one array per column, in the file's order."""

    path: Path
    data: bytes
    columns: list[FloatArray]

    def check(self, column: int, name: str, wrong: BoolArray, expected: str) -> None:
        """Raise an error that names the first wrong row's line."""
        if wrong.any():
            row = int(wrong.argmax())
            value = f"{self.columns[column][row]:.15g}"
            message = f"{name} (column {column + 1}) is {value}; expected {expected}"
            raise InputError(self.path, message, self.line(row))

    def line(self, row: int) -> int:
        """Return the 1-based line of a row; blank lines are not rows."""
        lines = enumerate(self.data.splitlines(), start=1)
        return [number for number, text in lines if text][row]


def _read_rows(
    path: Path,
    sequence: Sequence,
    counts: range,
    expected: str,
    allow_empty: bool = False,
) -> _Rows:
    """Read all columns, and check the ones that all MOT files begin with."""
    try:
        data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        raise InputError(path, f"{error.strerror}; expected MOT rows") from error
    if allow_empty and not data.strip():
        return _Rows(path, data, [np.empty(0)] * counts[0])
    rows = _Rows(path, data, _parse(path, data, counts, expected))
    for i, column in enumerate(rows.columns):
        rows.check(i, "the value", ~np.isfinite(column), "a finite number")
    last = len(sequence.frame_names)
    wrong_frame = ~_is_whole(rows.columns[0], 1, last)
    rows.check(0, "frame", wrong_frame, f"a whole number from 1 to {last} (seqLength)")
    for i, (name, (low, high)) in enumerate(BOX_LIMITS.items(), start=2):
        wrong = (rows.columns[i] < low) | (rows.columns[i] > high)
        rows.check(i, name, wrong, f"pixels from {low:.15g} to {high:.15g}")
    return rows


def _parse(
    path: Path, data: bytes, counts: Container[int], expected: str
) -> list[FloatArray]:
    # Without a copy of the file, which takes as long as a third of the parsing
    blank = len(data[-_TAIL:]) - len(data[-_TAIL:].rstrip())
    text = memoryview(data)[: len(data) - blank] if blank < _TAIL else data.rstrip()
    if not text:
        raise InputError(path, f"the file is empty; expected {expected}")
    lines = enumerate(io.BytesIO(data), start=1)
    line, first = next((line, first) for line, first in lines if first.strip())
    count = first.count(b",") + 1
    if count not in counts:
        raise InputError(path, f"{count} columns; expected {expected}", line)
    names = [str(i) for i in range(count)]
    try:
        table = csv.read_csv(
            pa.BufferReader(text),
            csv.ReadOptions(column_names=names, block_size=_BLOCK_SIZE),
            csv.ParseOptions(quote_char=False),
            # Most columns hold integers, which parse faster as such
            csv.ConvertOptions(null_values=[]),
        )
        return [column.cast(_numbers(column)).to_numpy() for column in table.columns]
    except pa.ArrowInvalid as error:
        raise _find_fault(path, data, count, str(error)) from error


def _numbers(column: pa.ChunkedArray) -> pa.DataType:
    """Return the type to cast a column of numbers to; raise ArrowInvalid for text."""
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise pa.ArrowInvalid(f"a column holds {column.type}")
    return pa.float64()


def _find_fault(path: Path, data: bytes, count: int, reason: str) -> InputError:
    """Find the line that made the fast parser fail."""
    for line, text in enumerate(data.splitlines(), start=1):
        values = text.split(b",")
        if text and len(values) != count:
            message = f"{len(values)} columns; expected {count} as in the first line"
            return InputError(path, message, line)
        for column, value in enumerate(values, start=1):
            if text and not _NUMBER.fullmatch(value):
                shown = value.decode(errors="replace")
                message = f"column {column} is {shown!r}; expected a number"
                return InputError(path, message, line)
    return InputError(path, f"{reason}; expected rows of numbers")


def _is_whole(values: FloatArray, low: int, high: int) -> BoolArray:
    whole: BoolArray = np.floor(values) == values
    return whole & (values >= low) & (values <= high)


def _sort_unique(rows: _Rows, keep: BoolArray) -> _Index:
    """Return the rows to keep, by id and frame; check that no pair occurs twice."""
    frame, track = (column.astype(np.int64) for column in rows.columns[:2])
    key = (track << 32) + frame
    if (key[1:] > key[:-1]).all():
        return slice(None) if keep.all() else keep
    order = np.argsort(key, kind="stable")
    again = np.zeros(len(key), np.bool_)
    again[order[1:]] = key[order[1:]] == key[order[:-1]]
    rows.check(1, "id", again, "one box per frame and id")
    return order[keep[order]]


def _to_tracks(
    rows: _Rows,
    sequence: Sequence,
    track: FloatArray,
    label: FloatArray,
    chosen: _Index,
    extra: Mapping[str, FloatArray | BoolArray],
    classes: ListOf[str] = CLASSES,
) -> Tracks:
    frame, _, left, top, width, height = (c[chosen] for c in rows.columns[:6])
    table = make_table(
        {
            "sequence": _categorical(np.zeros(len(frame)), [sequence.name]),
            "frame": frame.astype(np.int32),
            "frame_name": _categorical(frame - 1, sequence.frame_names),
            "track": track.astype(np.int32),
            "label": _categorical(label - 1, classes),
            "left": left - 1,
            "top": top - 1,
            "width": width,
            "height": height,
            **extra,
        }
    )
    notes = outside_note(table, sequence)
    return Tracks(table, {sequence.name: sequence}, notes)


def _categorical(codes: FloatArray, categories: ListOf[str]) -> pd.Categorical[str]:
    return pd.Categorical.from_codes(codes.astype(np.int32), pd.Index(list(categories)))
