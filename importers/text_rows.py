# SPDX-License-Identifier: Apache-2.0
"""Read label files of text with one box per line, separated by spaces or commas."""

from __future__ import annotations

import csv
from collections.abc import Sequence as ListOf
from pathlib import Path

import numpy as np
import pandas as pd

from .tracks import InputError

#: The separator of files whose columns are any number of spaces or tabs apart.
SPACES = r"\s+"
#: The columns of a box that is written as two of its corners.
CORNERS = ("left", "top", "right", "bottom")


def read_rows(
    path: Path,
    columns: ListOf[str],
    separator: str,
    expected: str,
    text: ListOf[str] = (),
    optional: ListOf[str] = (),
    quoted: bool = False,
) -> pd.DataFrame:
    """Read and check the rows of a label file.

    Args:
        path: the path to the file
        columns: the names of the columns that every row has, in order
        separator: a character, or :data:`SPACES`
        expected: what the file should be, for errors
        text (()): the columns of text; all others are numbers
        optional (()): the names of further columns that rows may have
        quoted (False): whether text may be in double quotes

    Returns:
        one row per line that is not blank, with the 1-based ``line``; optional columns
        that no row has are left out

    Raises:
        InputError: if the file is missing or wrong, naming the line
    """
    rows = _parse(path, [*columns, *optional], separator, expected, quoted)
    for name in columns:
        if name not in rows or rows[name].isna().any():
            row = 0 if name not in rows else int(rows[name].isna().to_numpy().argmax())
            message = f"no {name}; expected {expected}"
            raise InputError(path, message, int(rows["line"].iloc[row]))
    for name in set(map(str, rows)) - {*text, "line"}:
        rows[name] = _numbers(path, rows, name)
    return rows.reset_index(drop=True)


def _parse(
    path: Path, names: list[str], separator: str, expected: str, quoted: bool
) -> pd.DataFrame:
    """Read the values as text, with the line of each row."""
    try:
        rows = pd.read_csv(
            path,
            sep=separator,
            header=None,
            names=names,
            index_col=False,
            dtype=str,
            keep_default_na=False,
            na_values=[""],
            skip_blank_lines=False,
            skipinitialspace=True,
            quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
            encoding="utf-8-sig",
        )
    except OSError as error:
        raise InputError(path, f"{error.strerror}; expected {expected}") from error
    except ValueError as error:  # also the parser's own errors, and text not in UTF-8
        reason = str(error).strip().splitlines()[0]
        raise InputError(path, f"{reason}; expected {expected}") from error
    rows["line"] = np.arange(1, len(rows) + 1)
    rows = rows.dropna(subset=names, how="all").dropna(axis="columns", how="all")
    if rows.empty:
        raise InputError(path, f"the file is empty; expected {expected}")
    return rows


def _numbers(path: Path, rows: pd.DataFrame, name: str) -> pd.Series[float]:
    values = pd.to_numeric(rows[name], errors="coerce").astype(np.float64)
    wrong = (values.isna() & rows[name].notna() & ~_is_nan(rows[name])).to_numpy()
    if wrong.any():
        row = rows.iloc[int(wrong.argmax())]
        message = f"{name} is {row[name]!r:.80}; expected a number"
        raise InputError(path, message, int(row["line"]))
    return values


def _is_nan(texts: pd.Series[str]) -> pd.Series[bool]:
    return texts.str.strip().str.lower().isin(["nan", "-nan", "+nan"])
