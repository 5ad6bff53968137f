# SPDX-License-Identifier: Apache-2.0
"""Look into a label file, to recognize its format by its content."""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .files import read_json
from .local_files import open_file

#: Bytes of a file that tell its format.
_HEAD = 1 << 16
_ROOT = re.compile(rb"<([A-Za-z_][\w.-]*)")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?|-?nan", re.IGNORECASE)


@dataclass(frozen=True)
class Content:
    """The beginning of a label file.

    Attributes:
        path: the path to the file
        head: its first bytes
    """

    path: Path
    head: bytes

    @cached_property
    def root(self) -> str | None:
        """The name of the root element, None if the file is not XML."""
        text = self.head.removeprefix(b"\xef\xbb\xbf").lstrip()
        match = _ROOT.search(text) if text.startswith(b"<") else None
        return match[1].decode() if match else None

    @cached_property
    def document(self) -> object:
        """What a JSON file holds, None if the file does not look like JSON."""
        text = self.head.removeprefix(b"\xef\xbb\xbf").lstrip()
        return read_json(self.path) if text[:1] in {b"{", b"["} else None

    @cached_property
    def rows(self) -> list[list[str]]:
        """The values of the first lines, empty if the file is not text."""
        if b"\0" in self.head or self.root or self.head.lstrip()[:1] in {b"{", b"["}:
            return []
        text = self.head.decode("utf-8-sig", errors="replace")
        lines = text.splitlines()
        if len(self.head) == _HEAD:
            lines = lines[:-1]  # may be cut
        lines = [line.strip() for line in lines if line.strip()]
        separator = next((each for each in ",;" if lines and each in lines[0]), None)
        return [[v.strip() for v in line.split(separator)] for line in lines]

    def has_columns(
        self, widths: Container[int], *tests: Callable[[str], bool]
    ) -> bool:
        """Tell whether most rows have such columns; some may be wrong.

        Args:
            widths: the numbers of columns that a row can have; an empty one at its end
                does not count
            *tests: a test of the text of each of the first columns

        Returns:
            True/False
        """
        fit = [
            len(row) - (row[-1] == "") in widths
            and all(test(value) for test, value in zip(tests, row, strict=False))
            for row in self.rows
        ]
        return 2 * sum(fit) > len(fit)


def look_into(path: Path) -> Content:
    """Read the beginning of a file.

    Args:
        path: the path to the file

    Returns:
        the :class:`Content`

    Raises:
        InputError: if the file cannot be read
    """
    with open_file(path, "a label file") as file:
        return Content(path, file.read(_HEAD))


def is_number(value: str) -> bool:
    """Tell whether a text is a number, such as ``12``, ``-1.5`` or ``nan``."""
    return _NUMBER.fullmatch(value) is not None


def is_whole(value: str) -> bool:
    """Tell whether a text is a whole number, also as ``12.0``."""
    return is_number(value) and value.lower()[-3:] != "nan" and float(value) % 1 == 0


def is_word(value: str) -> bool:
    """Tell whether a text is no number."""
    return bool(value) and not is_number(value)


def is_one_of(*values: int) -> Callable[[str], bool]:
    """Return a test for some whole numbers.

    Args:
        *values: the numbers

    Returns:
        a function of a text
    """
    return lambda text: is_whole(text) and int(float(text)) in values
