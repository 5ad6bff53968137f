# SPDX-License-Identifier: Apache-2.0
"""The command ``track-audit``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from cyclopts import CycloptsError

from . import (  # noqa: F401 - they register commands
    audit,
    cache,
    comparing,
    corrections,
    datasets,
    fixing,
    interrupting,
    jobs,
    rules,
    sending,
    seq_label_check,
)
from .commands import BAD, NOT_JUDGED, UNFINISHED, error_line, run

# What a shell reports of a command that a signal ended: 128 + SIGINT, + SIGPIPE
_INTERRUPTED = 130
_PIPE_CLOSED = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv (None): the arguments, by default those of the process

    Returns:
        the exit code: 0; 2 if the input or the arguments are wrong; 3 if a job is not
        finished yet; 4 if some labels were not judged, since they have no tracks
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
        print("track-audit: interrupted; run it again to finish", file=sys.stderr)
        return _INTERRUPTED


def _run(argv: Sequence[str]) -> int:
    try:
        return run(argv)
    except BrokenPipeError:
        raise
    except (CycloptsError, OSError) as error:
        return _report(error)
    except Exception as error:
        # Imported only now, since it takes long: help need not wait for it
        from pymongo.errors import ConnectionFailure

        from ...importers.tracks import InputError
        from ..audit.unjudged import NoTracks
        from ..corrections.corrected import NotReviewed
        from ..groundtruth.aws import GroundTruthError, NotFinished

        if isinstance(error, ConnectionFailure):
            from ...importers.store.locks import no_database

            return _report(no_database())
        if not isinstance(error, InputError | GroundTruthError):
            raise
        if isinstance(error, NoTracks):
            return _report(error, NOT_JUDGED)
        waiting = isinstance(error, NotFinished | NotReviewed)
        return _report(error, UNFINISHED if waiting else BAD)


def _report(error: Exception, code: int = BAD) -> int:
    print(error_line(error), file=sys.stderr)
    return code
