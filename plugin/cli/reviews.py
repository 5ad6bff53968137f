# SPDX-License-Identifier: Apache-2.0
"""The command that loads what reviewers corrected."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from .commands import Parser, add_command
from .jobs import add_dataset, open_dataset, print_json

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


def add_review_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    """Adds ``load``.

    Args:
        commands: the subcommands
    """
    summary = "load what reviewers corrected"
    parser = add_command(commands, "load", _load, summary, _LOAD, _LOAD_EXAMPLES)
    add_dataset(parser)
    parser.add_argument(
        "--job-name", required=True, metavar="NAME", help="the job's name"
    )
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


def _load(arguments: argparse.Namespace) -> None:
    import pandas as pd

    from ..loading import load_adjustment
    from ..reviews import describe_review

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
