# SPDX-License-Identifier: Apache-2.0
"""Tell processes of this machine that died from those that still run."""

from __future__ import annotations

import hashlib
import os
import platform
from contextlib import suppress
from functools import cache
from pathlib import Path

#: Where Linux tells which run of which machine, and which of its containers, this is.
_IDENTITIES = ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid")


@cache
def machine() -> str:
    """Return what is the same for processes that see each other.

    Returns:
        16 digits and letters from a to f
    """
    known = [platform.node()]
    for path in map(Path, _IDENTITIES):
        with suppress(OSError):
            text = str(path.readlink()) if path.is_symlink() else path.read_text()
            known.append(text)
    return hashlib.blake2b("\n".join(known).encode(), digest_size=8).hexdigest()


def is_dead(on: str, process: int) -> bool:
    """Return whether a process is known to have died.

    Args:
        on: the :func:`machine` that the process runs on
        process: its number

    Returns:
        True/False; False as well if another process has that number now
    """
    if on != machine():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False  # It runs as another user, or is no such number
    return False
