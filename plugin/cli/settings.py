# SPDX-License-Identifier: Apache-2.0
"""Settings of commands from a file and from environment variables.

An option counts first, then a variable such as ``TRACK_AUDIT_EXPORT_BUCKET`` (of one
command) or ``TRACK_AUDIT_BUCKET`` (of all), then the file: its table of the command,
and its table ``all``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from cyclopts import CycloptsError
from cyclopts.config import Env, Toml

#: The file that is looked for in the current folder and above it.
FILE = "track-audit.toml"
_OPTION = "--config"
#: The table of settings that all commands share, as far as they have them.
_ALL = "all"
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
            root_keys=_ALL,
            use_commands_as_keys=False,
            allow_unknown=True,
        ),
    ]


def check_tables(
    file: Path | None,
    commands: Collection[str],
    list_options: Callable[[], Collection[str]],
) -> None:
    """Check the tables of a file of settings, and the options that all commands share.

    Those of a single command are checked along with its other options.

    Args:
        file: the file of settings, None to look for :data:`FILE`
        commands: the names of the commands
        list_options: returns the names of all options, with their hyphens, which
            takes a moment

    Raises:
        CycloptsError: if the file is no TOML, or nothing has such a name
    """
    folders = (Path.cwd(), *Path.cwd().parents)
    found = file or next(filter(Path.is_file, (each / FILE for each in folders)), None)
    if found is None:
        return
    try:
        tables = tomllib.loads(found.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CycloptsError(msg=f"{found} is not valid TOML: {error}.") from error
    for name in tables:
        if name not in (*commands, _ALL):
            message = f"{found}: no command {name!r}; expected {_ALL!r} or a command."
            raise CycloptsError(msg=message)
    shared = tables.get(_ALL, {})
    options = list_options() if shared else ()
    if unknown := [key for key in shared if f"--{key}" not in options]:
        raise CycloptsError(msg=f"{found}: no command has --{unknown[0]}.")
