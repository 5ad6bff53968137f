# SPDX-License-Identifier: Apache-2.0
"""Files that save work when it is repeated: their size, its limit, and trimming."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .tracks import InputError

DEFAULT_SIZE = "20GB"

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgt]?)(i?)b)?", re.IGNORECASE)
_NAME = re.compile(
    r"\.?[0-9a-f]{32}\.(npz|mp4)(\.[0-9a-f]{32}\.part)?"
    r"|\d{6,}\.jpg|\.[0-9a-f]{32}\.part"
)
#: Names of entries in a folder that holds nothing else.
ANY_NAME = re.compile(r"[^/]+")
#: An unfinished file of this age, in seconds, was left by a process that was killed
_ABANDONED = 60 * 60


@dataclass(frozen=True)
class Entry:
    """A file in a cache.

    Attributes:
        path: the path to the file
        size: its size in bytes
        created: when it was written, in seconds since the epoch
        used: when it was last used
    """

    path: Path
    size: int
    created: float
    used: float


def size_limit(size: str | int | None = None) -> int:
    """Return the maximum size of a cache.

    Args:
        size (None): a number of bytes, or a text such as ``20GB`` or ``500 MiB``; by
            default the environment variable ``TRACK_AUDIT_CACHE_SIZE`` or ``20GB``

    Raises:
        InputError: if the text is not a size
    """
    if size is None:
        size = os.environ.get("TRACK_AUDIT_CACHE_SIZE") or DEFAULT_SIZE
    text = str(size)
    match = _SIZE.fullmatch(text.strip())
    if not match or len(text) > 20:
        message = f"'{text:.40}' is not a size; expected, for example, 20GB"
        raise InputError("TRACK_AUDIT_CACHE_SIZE", message)
    number, unit, binary = match.groups(default="")
    power = " kmgt".index(unit.lower() or " ")
    return int(float(number) * (1024 if binary else 1000) ** power)


def list_entries(paths: Iterable[Path], named: re.Pattern[str] = _NAME) -> list[Entry]:
    """List the files of a cache.

    Args:
        paths: the files in its folder; those that are not named like an entry, and
            those that another process is writing right now are left out
        named (after the digest of a content or the number of a frame): how the names
            of entries look
    """
    abandoned = time.time() - _ABANDONED
    entries = []
    for path in paths:
        if named.fullmatch(path.name):
            with suppress(OSError):  # Another process removed it, or it cannot be read
                status = path.stat()
                used = max(status.st_atime, status.st_mtime)
                if path.suffix != ".part" or used < abandoned:
                    size, created = status.st_size, status.st_mtime
                    entries.append(Entry(path, size, created, used))
    return entries


def mark_used(path: Path) -> None:
    """Record that a file has been used, so that it is trimmed late.

    Only the access time changes, which file systems do not keep reliably on their own.
    """
    with suppress(OSError):  # It is another user's, or another process removed it
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))


def trim(entries: Iterable[Entry], excess: int) -> int:
    """Remove the least recently used files.

    Several processes may trim a cache at once: all of them begin with the same files.
    """
    freed = 0
    for entry in sorted(entries, key=lambda entry: entry.used):
        if freed >= excess:
            break
        with suppress(OSError):  # It is another user's
            entry.path.unlink(missing_ok=True)
            freed += entry.size
    return freed
