# SPDX-License-Identifier: Apache-2.0
"""The parser that the subcommands are added to."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn

BAD_INPUT = 2


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        """Ends the process with what is wrong with its arguments."""
        self.exit(BAD_INPUT, f"{error_line(message)}\n")


def error_line(error: object) -> str:
    """Makes the one line that says what went wrong.

    Args:
        error: the error or its text

    Returns:
        the line
    """
    return f"track-audit: error: {' '.join(str(error).splitlines())}"


def add_command(
    commands: argparse._SubParsersAction[Parser],
    name: str,
    run: Callable[[argparse.Namespace], None],
    summary: str,
    description: str,
    epilog: str,
) -> Parser:
    """Adds a subcommand.

    Args:
        commands: the subcommands
        name: its name
        run: does what it is for, with the arguments that were given
        summary: one line about it
        description: all about it
        epilog: examples

    Returns:
        its parser
    """
    parser = commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    return parser
