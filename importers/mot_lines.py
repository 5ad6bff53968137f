# SPDX-License-Identifier: Apache-2.0
"""Parse the lines of MOT files, however their columns are separated.

Files that are one table of numbers go through Arrow, whole. Others are split line by
line, and keep the lines that cannot be parsed as rows with a reason.
"""

from __future__ import annotations

import codecs
import io
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from .local_files import check_lines, open_file, read_file
from .tracks import InputError

FloatArray: TypeAlias = npt.NDArray[np.float64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
Lines: TypeAlias = npt.NDArray[np.int64]

#: The least number of columns: frame, id and box.
_LEAST = 6
#: The column that may hold names instead of numbers: that of the class.
CLASS = 7
#: How lines begin that are no rows.
_COMMENTS = ("#", "%", "//")
_VALUE = r"[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|inf|nan)"
_NUMBER = re.compile(_VALUE, re.IGNORECASE)
#: Bytes at a file's end among which blank ones are looked for.
_TAIL = 4096
#: Bytes that the parser takes at a time: large blocks make few chunks to join.
_BLOCK_SIZE = 1 << 22

#: Where columns are that headers call by these names.
_HEADER = {
    name: place
    for place, names in enumerate(
        (
            "frame frame_id frame_no frame_number",
            "id track_id track object_id",
            "left bb_left x x1 xmin",
            "top bb_top y y1 ymin",
            "width bb_width w",
            "height bb_height h",
        )
    )
    for name in names.split()
}


@dataclass(frozen=True)
class ParsedRows:
    """The rows of a file, in its order.

    Attributes:
        path: the file
        columns: the numbers of each column, ``(n,)`` each; NaN for what is no number
        names: the text of the class column if it holds names
        reasons: what is wrong with rows that could not be parsed, by row
    """

    path: Path
    columns: list[FloatArray]
    names: npt.NDArray[np.object_] | None = None
    reasons: dict[int, str] = field(default_factory=dict)
    _lines: Lines | None = None
    _data: bytes = b""

    def lines(self, rows: npt.NDArray[np.int64]) -> Lines:
        """Return the 1-based lines of rows; blank lines and comments are no rows."""
        lines = self._lines
        if lines is None:
            texts = self._data.splitlines()
            lines = np.flatnonzero([bool(text) for text in texts]) + 1
            lines = lines[_skip_head(self._data)[1] :]
        return lines[rows]


def parse_rows(
    path: Path, counts: range, expected: str, allow_empty: bool = False
) -> ParsedRows:
    """Parse a MOT file.

    Args:
        path: the file
        counts: the numbers of columns that it may have
        expected: the same in words
        allow_empty (False): whether it may have no rows

    Returns:
        the :class:`ParsedRows`

    Raises:
        InputError: if the file is missing, is empty, or has other columns
    """
    check_lines(path, "MOT rows")
    data = read_file(path, "MOT rows").removeprefix(codecs.BOM_UTF8)
    start, _ = _skip_head(data)
    _check_header(path, data[:start])
    end = data.find(b"\n", start)
    first = data[start : len(data) if end < 0 else end].decode(errors="replace").strip()
    if not first:
        if allow_empty:
            return ParsedRows(path, [np.empty(0)] * counts[0])
        raise InputError(path, f"the file is empty; expected {expected}")
    separator = _find_separator(first)
    parsed = _parse_table(path, data, start, first, separator, counts)
    return parsed or _parse_lines(path, data, start, separator, counts, expected)


def begins_with_row(path: Path) -> bool:
    """Tell whether a file begins with a row of MOT, after a header and comments.

    Args:
        path: the file

    Returns:
        True/False
    """
    with open_file(path, "MOT rows") as file:
        data = file.read(_TAIL).removeprefix(codecs.BOM_UTF8)
    start, _ = _skip_head(data)
    first = data[start:].decode(errors="replace").partition("\n")[0].strip()
    fields = _unify(first, _find_separator(first)).split(",")[:_LEAST]
    return len(fields) == _LEAST and all(map(_NUMBER.fullmatch, fields))


def _skip_head(data: bytes) -> tuple[int, int]:
    """Return where the first row begins, and how many lines before it are not blank."""
    offset, skipped, header = 0, 0, False
    for line in io.BytesIO(data):
        text = line.decode(errors="replace").strip()
        if text and not text.startswith(_COMMENTS):
            words = re.split(r"[\s,;\"]+", text.lower())
            if header or any(map(_NUMBER.fullmatch, words[:3])):
                break
            if _HEADER.keys().isdisjoint(words):
                break
            header = True
        skipped += bool(line.rstrip(b"\r\n"))
        offset += len(line)
    return offset, skipped


def _check_header(path: Path, head: bytes) -> None:
    """Refuse a header that names the columns in another order than MOT's."""
    for line, text in enumerate(head.decode(errors="replace").splitlines(), start=1):
        if text.strip().startswith(_COMMENTS):
            continue
        for place, name in enumerate(re.findall(r"[a-z0-9_]+", text.lower())):
            if _HEADER.get(name, place) != place:
                message = (
                    f"the header names column {place + 1} {name!r}; expected frame, "
                    "id, left, top, width, height in this order"
                )
                raise InputError(path, message, line)


def _find_separator(first: str) -> str:
    """Return what separates the columns of a row; a space stands for any blanks."""
    often = (separator for separator in ";,\t" if first.count(separator) >= _LEAST - 1)
    return next(often, "," if "," in first else " ")


def _parse_table(
    path: Path, data: bytes, start: int, first: str, separator: str, counts: range
) -> ParsedRows | None:
    """Parse a file of numbers at once; return None if it is not that regular."""
    fields = first.split(separator)
    trailing = not fields[-1].strip()
    if len(fields) - trailing not in counts:
        return None
    # Without a copy of the file, which takes as long as a third of the parsing
    blank = len(data[-_TAIL:]) - len(data[-_TAIL:].rstrip(b" \r\n"))
    text = memoryview(data)[start : len(data) - blank]
    try:
        table = csv.read_csv(
            pa.BufferReader(text),
            csv.ReadOptions(
                column_names=list(map(str, range(len(fields)))), block_size=_BLOCK_SIZE
            ),
            csv.ParseOptions(delimiter=separator, quote_char=False),
            # Most columns hold integers, which parse faster as such
            csv.ConvertOptions(null_values=[]),
        )
    except pa.ArrowInvalid:
        return None
    columns, names = [], None
    for place, column in enumerate(table.columns[: len(fields) - trailing]):
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            columns.append(column.cast(pa.float64()).to_numpy())
        elif place == CLASS and pa.types.is_string(column.type):
            names = column.to_numpy()
            columns.append(np.full(len(names), np.nan))
        else:
            return None
    if trailing and set(table.columns[-1].unique().to_pylist()) - {""}:
        return None
    if names is not None and any(map(_NUMBER.fullmatch, pd.unique(names))):
        return None
    return ParsedRows(path, columns, names, _data=data)


def _parse_lines(
    path: Path, data: bytes, start: int, separator: str, counts: range, expected: str
) -> ParsedRows:
    """Parse a file line by line, and keep lines that are no rows with a reason."""
    before = data.count(b"\n", 0, start)
    texts = (
        line.decode(errors="replace").strip() for line in data[start:].splitlines()
    )
    found = [
        (line, _unify(text, separator))
        for line, text in enumerate(texts, start=before + 1)
        if text and not text.startswith(_COMMENTS)
    ]
    lines = np.array([line for line, _ in found], np.int64)
    rows = [row for _, row in found]
    lengths = [row.count(",") + 1 for row in rows]
    count = Counter(lengths).most_common(1)[0][0]
    if count not in counts:
        line = int(lines[lengths.index(count)])
        raise InputError(path, f"{count} columns; expected {expected}", line)
    regular = named = _are_numbers(rows, count)
    if count > CLASS and not regular.all():
        named = _are_numbers(rows, count, named=True)
    # Where most rows have no number of their class, it is a name
    if 2 * np.count_nonzero(regular) < np.count_nonzero(named):
        regular = named
    broken = np.flatnonzero(~regular).tolist()
    reasons = {row: _explain(rows[row].split(","), count) for row in broken}
    columns, names = _to_columns(rows, regular, count)
    for row in broken:
        # What can be read of a broken row tells where it belongs
        for column, text in zip(columns[:_LEAST], rows[row].split(","), strict=False):
            column[row] = float(text) if _NUMBER.fullmatch(text) else np.nan
    return ParsedRows(path, columns, names, reasons, lines)


def _are_numbers(texts: list[str], count: int, named: bool = False) -> BoolArray:
    """Tell which rows hold as many numbers, or a name in the column of the class."""
    patterns = [_VALUE] * count
    if named:
        patterns[CLASS] = "[^,]+"
    row = re.compile(",".join(patterns), re.IGNORECASE)
    return np.array([row.fullmatch(text) is not None for text in texts], bool)


def _explain(fields: list[str], count: int) -> str:
    """Say why a line is no row."""
    if len(fields) != count:
        return f"{len(fields)} columns; expected {count} as in most lines"
    value = re.compile(_VALUE, re.IGNORECASE)
    wrong = (place for place, text in enumerate(fields) if not value.fullmatch(text))
    place = next(wrong)
    return f"column {place + 1} is {fields[place]!r:.80}; expected a number"


def _to_columns(
    rows: list[str], regular: BoolArray, count: int
) -> tuple[list[FloatArray], npt.NDArray[np.object_] | None]:
    """Parse the regular rows, NaN for others; return the names of classes, too."""
    names = None
    columns = [np.full(len(rows), np.nan) for _ in range(count)]
    if not regular.any():
        return columns, names
    table = pd.read_csv(
        io.StringIO("\n".join(rows[row] for row in np.flatnonzero(regular))),
        header=None,
        keep_default_na=False,
        na_values=["nan", "NaN", "NAN"],
    )
    for place, column in enumerate(columns):
        if pd.api.types.is_numeric_dtype(table[place]):
            column[regular] = table[place]
        else:
            names = np.full(len(rows), "", object)
            names[regular] = table[place].astype(str)
    return columns, names


def _unify(text: str, separator: str) -> str:
    """Separate the columns of a line by commas alone; none follows the last one."""
    if separator == " ":
        return ",".join(text.split())
    if separator == ";":
        text = text.replace(",", ".")
    values = text.rstrip(f"{separator} ").split(separator)
    if " " in text or '"' in text:
        values = [value.strip(' "') for value in values]
    return ",".join(values)
