# SPDX-License-Identifier: Apache-2.0
"""Read a MOT Challenge sequence's ``seqinfo.ini``."""

from __future__ import annotations

import configparser
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from .frames import is_plain_name
from .tracks import (
    InputError,
    Sequence,
)

_Value = TypeVar("_Value")


def read_seqinfo(folder: Path) -> Sequence:
    """Read the record of a sequence.

    Args:
        folder: the folder that holds ``seqinfo.ini``

    Returns:
        the :class:`Sequence`; its ``frames_dir`` is None if the folder of
        images does not exist

    Raises:
        InputError: if ``seqinfo.ini`` is missing or wrong
    """
    info = _SeqInfo(folder / "seqinfo.ini")
    length = info.get("seqLength", _positive_int, "a number of frames")
    suffix = info.get("imExt", _suffix, "a suffix such as .jpg", ".jpg")
    name = info.get("name", _plain_name, "a name without folders")
    # An INI file does not keep the spaces around a value
    if folder.name.strip() == name:
        name = folder.name
    frames_dir = folder / info.get("imDir", _plain_name, "a folder's name", "img1")
    return Sequence(
        name=name,
        width=info.get("imWidth", _positive_int, "a width in pixels"),
        height=info.get("imHeight", _positive_int, "a height in pixels"),
        frame_rate=info.get("frameRate", _positive_float, "frames per second"),
        frame_names=tuple(f"{frame:06d}{suffix}" for frame in range(1, length + 1)),
        frames_dir=frames_dir if frames_dir.is_dir() else None,
    )


class _SeqInfo:
    """The keys and values of a ``seqinfo.ini``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        parser = configparser.ConfigParser(interpolation=None)
        try:
            self.text = path.read_text(encoding="utf-8-sig")
            parser.read_string(self.text)
        except OSError as error:
            reason = f"{error.strerror}; expected the sequence's seqinfo.ini"
            raise InputError(path, reason) from error
        except UnicodeDecodeError as error:
            raise InputError(path, "not UTF-8 text; expected an INI file") from error
        except configparser.Error as error:
            reason = f"{error.message.splitlines()[0]}; expected an INI file"
            raise InputError(path, reason, _line_of_error(error)) from error
        if not parser.has_section("Sequence"):
            raise InputError(path, "no section [Sequence]")
        self.section = parser["Sequence"]

    def get(
        self,
        key: str,
        convert: Callable[[str], _Value],
        expected: str,
        default: str | None = None,
    ) -> _Value:
        value = self.section.get(key, default)
        if value is None:
            raise InputError(self.path, f"no {key} in [Sequence]; expected {expected}")
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


def _positive_float(text: str) -> float:
    value = float(text)
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
