# SPDX-License-Identifier: Apache-2.0
"""The command ``track-audit``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout

from ...importers.version import __version__
from .audit import add_score_commands
from .commands import BAD_INPUT, Parser, error_line
from .corrections import add_review_commands
from .sending import add_job_commands

# What a shell reports of a command that a signal ended: 128 + SIGINT, + SIGPIPE
_INTERRUPTED = 130
_PIPE_CLOSED = 141

_EXAMPLES = """\
examples:
  track-audit score MOT20/train/MOT20-01
  track-audit report MOT20/train/MOT20-01 --output report.html
  track-audit run-quality-check --lab-path SeqLabel.json --save-path quality.json
  track-audit export walkers --view-name outliers --name fix-1 --folder package
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        argv (None): the arguments, by default those of the process

    Returns:
        the exit code: 0, or 2 where the input is bad
    """
    try:
        try:
            return _run(argv)
        finally:
            print(end="", flush=True)
    except BrokenPipeError:
        # Python flushes stdout once more at exit, and must not fail then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED
    except KeyboardInterrupt:
        return _INTERRUPTED


def _run(argv: Sequence[str] | None) -> int:
    arguments = _make_parser().parse_args(argv)
    # Subcommands import what they need: help and usage errors need not wait.
    from ...importers.tracks import InputError
    from ..groundtruth.aws import GroundTruthError

    if hasattr(arguments, "dataset"):
        # FiftyOne logs to the standard output that it finds, which is for results
        with redirect_stdout(sys.stderr):
            import fiftyone  # noqa: F401
    try:
        arguments.run(arguments)
    except BrokenPipeError:
        raise
    except (InputError, GroundTruthError, OSError) as error:
        print(error_line(error), file=sys.stderr)
        return BAD_INPUT
    return 0


def _make_parser() -> Parser:
    parser = Parser(
        prog="track-audit",
        description="Finds the mistakes in video tracking annotations.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"track-audit {__version__}"
    )
    commands = parser.add_subparsers(metavar="command", required=True)
    add_score_commands(commands)
    add_job_commands(commands)
    add_review_commands(commands)
    return parser
