# SPDX-License-Identifier: Apache-2.0
"""Read a MOT Challenge sequence's ``seqinfo.ini``, or as much of it as there is."""

from __future__ import annotations

import configparser
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from .frames import is_plain_name
from .local_files import read_text
from .tracks import InputError

_Value = TypeVar("_Value")
#: The file in a sequence's folder.
SEQINFO = "seqinfo.ini"
_SECTION = "Sequence"


@dataclass(frozen=True)
class SeqInfo:
    """What is known of a MOT sequence beside its labels; None if it is not.

    Attributes:
        name: the sequence's name
        width: width in pixels of the images that were labeled
        height: height in pixels of those images
        frame_rate: frames per second
        length: number of frames
        suffix: the suffix of the images, such as ``.jpg``
        frames_dir: the folder of images, if it exists
    """

    name: str | None = None
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None
    length: int | None = None
    suffix: str | None = None
    frames_dir: Path | None = None

    @property
    def size(self) -> tuple[int, int] | None:
        """Return width and height, None unless both are known."""
        if self.width is None or self.height is None:
            return None
        return self.width, self.height


def read_seqinfo(folder: Path) -> SeqInfo:
    """Read what ``seqinfo.ini`` tells about a sequence.

    Args:
        folder: the sequence's folder

    Returns:
        the :class:`SeqInfo`; if there is no ``seqinfo.ini``, only the folder of images
        ``img1`` is known

    Raises:
        InputError: if ``seqinfo.ini`` is wrong
    """
    path = folder / SEQINFO
    info = _Values(path) if path.is_file() else None

    def get(key: str, convert: Callable[[str], _Value], expected: str) -> _Value | None:
        return info.get(key, convert, expected) if info else None

    name = get("name", _plain_name, "a name without folders")
    # An INI file does not keep the spaces around a value
    if folder.name.strip() == name:
        name = folder.name
    frames_dir = folder / (get("imDir", _plain_name, "a folder's name") or "img1")
    return SeqInfo(
        name=name,
        width=get("imWidth", _positive_int, "a width in pixels"),
        height=get("imHeight", _positive_int, "a height in pixels"),
        frame_rate=get("frameRate", _rate, "frames per second"),
        length=get("seqLength", _positive_int, "a number of frames"),
        suffix=get("imExt", _suffix, "a suffix such as .jpg"),
        frames_dir=frames_dir if frames_dir.is_dir() else None,
    )


class _Values:
    """The keys and values of a ``seqinfo.ini``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        parser = configparser.ConfigParser(interpolation=None)
        try:
            self.text = read_text(path, "an INI file")
            headless = "[" not in self.text
            parser.read_string(f"[{_SECTION}]\n{self.text}" if headless else self.text)
        except configparser.Error as error:
            reason = f"{error.message.splitlines()[0]}; expected an INI file"
            line = _line_of_error(error) - headless
            raise InputError(path, reason, line) from error
        names = [name for name in parser.sections() if name.lower() == "sequence"]
        if not names:
            raise InputError(path, f"no section [{_SECTION}]")
        self.section = parser[names[0]]

    def get(
        self, key: str, convert: Callable[[str], _Value], expected: str
    ) -> _Value | None:
        """Return the value of a key in any case, None if it is missing or empty."""
        value = self.section.get(key)
        if not value:
            return None
        try:
            return convert(value)
        except ValueError as error:
            lines = self.text.splitlines()
            start = re.compile(rf"\s*{key}\s*[=:]", re.IGNORECASE)
            line = next(
                (i for i, text in enumerate(lines, 1) if start.match(text)), None
            )
            message = f"{key} is {value!r}; expected {expected}"
            raise InputError(self.path, message, line) from error


def _line_of_error(error: configparser.Error) -> int:
    # The attribute with the line depends on the kind of error.
    if isinstance(error, configparser.MissingSectionHeaderError):
        return error.lineno
    if isinstance(error, configparser.ParsingError):
        return error.errors[0][0]
    return int(getattr(error, "lineno", None) or 1)


def _positive_int(text: str) -> int:
    value = int(text)
    # Six digits name a frame.
    if not 1 <= value <= 999_999:
        raise ValueError(text)
    return value


def _rate(text: str) -> float:
    """Return a rate, which may be written as a fraction such as ``30000/1001``."""
    try:
        value = float(Fraction(text)) if "/" in text else float(text)
    except ZeroDivisionError as error:
        raise ValueError(text) from error
    if not 0 < value < math.inf:
        raise ValueError(text)
    return value


def _plain_name(text: str) -> str:
    if not is_plain_name(text):
        raise ValueError(text)
    return text


def _suffix(text: str) -> str:
    if not text.startswith(".") or not is_plain_name(f"1{text}"):
        raise ValueError(text)
    return text
