# SPDX-License-Identifier: Apache-2.0
"""The command ``track-audit``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from cyclopts import CycloptsError

from . import audit, cache, comparing, corrections, fixing, rules, sending  # noqa: F401 - they register commands
from .commands import error_line, run

# What a shell reports of a command that a signal ended: 128 + SIGINT, + SIGPIPE
_BAD_INPUT = 2
_INTERRUPTED = 130
_PIPE_CLOSED = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv (None): the arguments, by default those of the process

    Returns:
        the exit code: 0, or 2 if the input or the arguments are wrong
    """
    try:
        try:
            return _run(sys.argv[1:] if argv is None else argv)
        finally:
            print(end="", flush=True)
    except BrokenPipeError:
        # Python flushes stdout once more at exit, and must not fail then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED
    except KeyboardInterrupt:
        return _INTERRUPTED


def _run(argv: Sequence[str]) -> int:
    try:
        run(argv)
    except BrokenPipeError:
        raise
    except (CycloptsError, OSError) as error:
        return _report(error)
    except Exception as error:
        # Imported only now, since it takes long: help need not wait for it
        from ...importers.tracks import InputError
        from ..groundtruth.aws import GroundTruthError

        if not isinstance(error, InputError | GroundTruthError):
            raise
        return _report(error)
    return 0


def _report(error: Exception) -> int:
    print(error_line(error), file=sys.stderr)
    return _BAD_INPUT
