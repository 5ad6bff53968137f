# SPDX-License-Identifier: Apache-2.0
"""Open files on this machine, whatever lies at their path.

A pipe in the place of a file never ends, and a device may be endless. Only regular
files are opened, and files of lines are read only if they have lines.
"""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .tracks import InputError

#: The most bytes of a line, which files of text are far below.
LONGEST_LINE = 1 << 20
#: The most bytes of a file that is read whole.
LARGEST_FILE = 1 << 32
#: How long to wait for somebody to write to a named pipe, in seconds.
_PIPE_WAIT = 10
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
}


@contextmanager
def open_file(path: Path | str, expected: str) -> Iterator[BinaryIO]:
    """Open a regular file to read it.

    Args:
        path: the path
        expected: what the file should be, for the error

    Yields:
        the file

    Raises:
        InputError: if it is missing, cannot be read, or is a folder, a pipe or a device
    """
    with _errors_of(path, expected):
        kind = stat.S_IFMT(os.stat(path).st_mode)  # noqa: PTH116 - also of text
        if kind != stat.S_IFREG:
            what = _KINDS.get(kind, "no regular file")
            raise InputError(path, f"{what}; expected {expected}")
        with open(path, "rb") as file:  # noqa: PTH123 - also of text
            yield file


def read_file(path: Path | str, expected: str) -> bytes:
    """Read a regular file whole.

    Args:
        path: the path
        expected: what the file should be, for the error

    Returns:
        its content

    Raises:
        InputError: as :func:`open_file`, or if the file has more than 4 GiB
    """
    with open_file(path, expected) as file:
        size = os.fstat(file.fileno()).st_size
        if size > LARGEST_FILE:
            message = f"{size / 2**30:.1f} GiB; expected {expected} of at most 4 GiB"
            raise InputError(path, message)
        return file.read()


def read_text(path: Path | str, expected: str) -> str:
    """Read a regular file of UTF-8 text, without its byte order mark.

    Args:
        path: the path
        expected: what the file should be, for the error

    Returns:
        its content

    Raises:
        InputError: as :func:`read_file`, or if it is not UTF-8
    """
    try:
        return read_file(path, expected).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(path, f"not UTF-8 text; expected {expected}") from error


def check_lines(path: Path | str, expected: str, end: bytes = b"\n") -> None:
    """Check that a file is divided into lines, without keeping it in memory.

    Args:
        path: the path
        expected: what the file should be, for the error
        end: what ends a line, or another part of the file

    Raises:
        InputError: as :func:`open_file`, or if a line has 1 MiB or more
    """
    with open_file(path, expected) as file:
        line = 1
        while block := file.read(LONGEST_LINE):
            if len(block) == LONGEST_LINE and end not in block and b"\r" not in block:
                message = f"a line of 1 MiB or more; expected {expected}"
                raise InputError(path, message, line)
            line += block.count(b"\n")


def is_pipe(path: Path | str) -> bool:
    """Return whether a path leads to a named pipe."""
    try:
        return Path(path).is_fifo()
    except OSError:
        return False  # who opens it says what is wrong with it


def read_pipe(path: Path | str, expected: str) -> bytes:
    """Read what another process writes to a pipe.

    Args:
        path: the path to the pipe
        expected: what it should hold, for the error

    Returns:
        what was written until it was closed

    Raises:
        InputError: if nobody has written to it after ten seconds
    """
    with _errors_of(path, expected):
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with open(reader, "rb") as pipe:  # noqa: PTH123 - opened already
            # The shell's own pipes, such as /dev/fd/63, have a writer already
            waiting = not str(path).startswith(("/dev/", "/proc/"))
            if waiting and not select.select([pipe], [], [], _PIPE_WAIT)[0]:
                message = "a pipe that nobody writes to"
                raise InputError(path, f"{message}; expected {expected}")
            os.set_blocking(reader, True)
            return pipe.read()


@contextmanager
def writing_to(path: Path | str) -> Iterator[None]:
    """Let the error of a full disk, which names no file, say what was being written.

    Args:
        path: the file or folder that is being written

    Raises:
        OSError: if it cannot be written
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextmanager
def _errors_of(path: Path | str, expected: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise InputError(path, f"{reason}; expected {expected}") from error
