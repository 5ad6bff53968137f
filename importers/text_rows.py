# SPDX-License-Identifier: Apache-2.0
"""Read label files of text with one box per line, separated by spaces or commas."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Sequence as ListOf
from pathlib import Path

import numpy as np
import pandas as pd

from .local_files import check_lines
from .tracks import InputError

#: The separator of files whose columns are any number of spaces or tabs apart.
SPACES = r"\s+"
#: The columns of a box that is written as two of its corners.
CORNERS = ("left", "top", "right", "bottom")
#: A column that no row should have.
_MORE = "more columns"


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

    Rows that lack a column or have text in place of a number are not refused: their
    ``problem`` says so, and the wrong values are null.

    Args:
        path: the path to the file
        columns: the names of the columns that every row has, in order
        separator: a character, or :data:`SPACES`
        expected: what the file should be, for errors
        text (()): the columns of text; all others are numbers
        optional (()): the names of further columns that rows may have
        quoted (False): whether text may be in double quotes

    Returns:
        one row per line that is not blank, with the 1-based ``line`` and the
        ``problem``, None if there is none; optional columns that no row has are left
        out

    Raises:
        InputError: if the file is missing, or no row has all columns
    """
    rows = _parse(path, [*columns, *optional, _MORE], separator, expected, quoted)
    problem = pd.Series(None, rows.index, dtype=object)
    for name in columns:
        if name not in rows:
            line = int(rows["line"].iloc[0])
            raise InputError(path, f"no {name}; expected {expected}", line)
        missing = rows[name].isna() & problem.isna()
        problem[missing] = f"no {name}; expected {expected}"
    if _MORE in rows:
        problem[rows.pop(_MORE).notna() & problem.isna()] = (
            f"too many columns; expected {expected}"
        )
    for name in [str(each) for each in rows if each not in {*text, "line"}]:
        texts, rows[name] = rows[name], _numbers(rows[name])
        wrong = rows[name].isna() & texts.notna() & ~_is_nan(texts) & problem.isna()
        problem[wrong] = [
            f"{name} is {value!r:.80}; expected a number" for value in texts[wrong]
        ]
    return rows.assign(problem=problem).reset_index(drop=True)


def _parse(
    path: Path, names: list[str], separator: str, expected: str, quoted: bool
) -> pd.DataFrame:
    """Read the values as text, with the line of each row."""
    check_lines(path, expected)
    try:
        with warnings.catch_warnings():
            # Of columns beyond these, one is enough to tell that there are too many
            warnings.simplefilter("ignore", pd.errors.ParserWarning)
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


def _numbers(texts: pd.Series[str]) -> pd.Series[float]:
    """Return texts as numbers, NaN for what is none."""
    return pd.to_numeric(texts, errors="coerce").astype(np.float64)


def _is_nan(texts: pd.Series[str]) -> pd.Series[bool]:
    return texts.str.strip().str.lower().isin(["nan", "-nan", "+nan"])
