# SPDX-License-Identifier: Apache-2.0
"""Settings of commands from a file and from environment variables.

An option counts first, then a variable such as ``TRACK_AUDIT_EXPORT_BUCKET`` (of one
command) or ``TRACK_AUDIT_BUCKET`` (of all), then the file: its table of the command,
and its table ``all``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from cyclopts import CycloptsError
from cyclopts.config import Env, Toml

#: The file that is looked for in the current folder and above it.
FILE = "track-audit.toml"
_OPTION = "--config"
_PREFIX = "TRACK_AUDIT_"


def take_file(argv: Sequence[str]) -> tuple[list[str], Path | None]:
    """Take the option that names the file of settings out of the arguments.

    Args:
        argv: the arguments

    Returns:
        a tuple of the other arguments, and the file that was named

    Raises:
        CycloptsError: if no file follows the option, or it does not exist
    """
    rest, file = [], None
    words = iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        if name != _OPTION:
            rest.append(word)
            continue
        file = value if equals else next(words, "")
        if not file or not Path(file).expanduser().is_file():
            message = f"Expected a file of settings for {_OPTION}, not '{file}'."
            raise CycloptsError(msg=message)
    return rest, Path(file).expanduser() if file else None


def sources(file: Path | None) -> list[Callable[..., object]]:
    """Return where settings come from, the first one first.

    Args:
        file: the file of settings, None to look for :data:`FILE`
    """
    path, search = file or Path(FILE), file is None
    return [
        Env(_PREFIX, command=True, show=False),
        Env(_PREFIX, command=False, show=False),
        Toml(path, search_parents=search),
        Toml(
            path,
            search_parents=search,
            root_keys="all",
            use_commands_as_keys=False,
            allow_unknown=True,
        ),
    ]
