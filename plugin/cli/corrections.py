# SPDX-License-Identifier: Apache-2.0
"""The commands that load what reviewers corrected, apply it, and take it back."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from typing import Any

from .commands import Parser, add_command
from .sending import add_dataset, add_view, chosen_view, open_dataset, print_json

_LOAD = """\
Loads what came back from an adjustment job, or corrected MOT files, into a second
label field of the dataset, on exactly the frames that came back, and says what
reviewers changed and how often the audit was right. Nothing is changed where a
file is damaged or belongs to another job.
"""

_LOAD_EXAMPLES = """\
examples:
  track-audit load walkers --job-name fix-1
  track-audit load walkers --job-name fix-1 --output copy-of-output --json
"""

_APPLY = """\
Changes the labels that were sent to what reviewers made of them: all, or the kinds
and labels that are chosen. The old ones are kept for `track-audit undo`.
"""

_APPLY_EXAMPLES = """\
examples:
  track-audit apply walkers --job-name fix-1
  track-audit apply walkers --job-name fix-1 --kinds moved resized
"""

_UNDO = "Brings back the labels of before corrections were applied."

_UNDO_EXAMPLES = """\
examples:
  track-audit undo walkers --job-name fix-1
  track-audit undo walkers --job-name fix-1 --drop
"""


def add_review_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    """Adds ``load``, ``apply`` and ``undo``.

    Args:
        commands: the subcommands
    """
    _add_load(commands)
    _add_apply(commands)
    _add_undo(commands)


def _add_job(parser: Parser) -> None:
    add_dataset(parser)
    parser.add_argument(
        "--job-name", required=True, metavar="NAME", help="the job's name"
    )


def _add_load(commands: argparse._SubParsersAction[Parser]) -> None:
    summary = "load what reviewers corrected"
    parser = add_command(commands, "load", _load, summary, _LOAD, _LOAD_EXAMPLES)
    _add_job(parser)
    parser.add_argument(
        "--output",
        metavar="PATH",
        help="the output.manifest, a local copy of the job's output folder, or the "
        "folder of corrected MOT files (default: the job's output in S3)",
    )
    parser.add_argument(
        "--adjusted-field",
        metavar="FIELD",
        help="the frame field for the corrected labels "
        "(default: <label field>_adjusted)",
    )


def _add_apply(commands: argparse._SubParsersAction[Parser]) -> None:
    summary = "apply what reviewers corrected"
    parser = add_command(commands, "apply", _apply, summary, _APPLY, _APPLY_EXAMPLES)
    _add_job(parser)
    add_view(parser, "apply the corrected labels alone that this saved view shows")
    parser.add_argument(
        "--kinds",
        nargs="+",
        metavar="KIND",
        help="take labels with any of these changes: moved, resized, label, identity, "
        "added, deleted, attributes, nudged (default: all but nudged)",
    )


def _add_undo(commands: argparse._SubParsersAction[Parser]) -> None:
    summary = "bring back the labels of before"
    parser = add_command(commands, "undo", _undo, summary, _UNDO, _UNDO_EXAMPLES)
    _add_job(parser)
    parser.add_argument(
        "--drop", action="store_true", help="drop the old labels instead"
    )


def _load(arguments: argparse.Namespace) -> None:
    import pandas as pd

    from ..corrections.loading import load_adjustment
    from ..corrections.reviews import describe_review

    with open_dataset(arguments) as dataset:
        review = load_adjustment(
            dataset, arguments.job_name, arguments.output, arguments.adjusted_field
        )
    if arguments.json:
        print_json(asdict(review))
        return
    for note in review.notes:
        print(f"track-audit: note: {note}", file=sys.stderr)
    print(describe_review(review))
    if review.precision:
        print(pd.DataFrame(review.precision).to_string(index=False))


def _apply(arguments: argparse.Namespace) -> None:
    from ..corrections.applying import APPLIED, apply_adjustment, describe_applied

    with open_dataset(arguments) as dataset:
        view = chosen_view(dataset, arguments) if arguments.view_name else None
        kinds = arguments.kinds or APPLIED
        applied = apply_adjustment(dataset, arguments.job_name, kinds, view)
    done = {**asdict(applied), "message": describe_applied(applied)}
    _print_done(arguments, done)


def _undo(arguments: argparse.Namespace) -> None:
    from ..corrections.applying import (
        describe_applied,
        drop_old_labels,
        undo_adjustment,
    )

    with open_dataset(arguments) as dataset:
        if arguments.drop:
            drop_old_labels(dataset, arguments.job_name)
            done: dict[str, Any] = {"message": "the old labels were dropped"}
        else:
            undone = undo_adjustment(dataset, arguments.job_name)
            message = f"back again: {describe_applied(undone)}"
            done = {**asdict(undone), "message": message}
    _print_done(arguments, done)


def _print_done(arguments: argparse.Namespace, done: dict[str, Any]) -> None:
    if arguments.json:
        print_json(done)
    else:
        print(done["message"])
