# SPDX-License-Identifier: Apache-2.0
"""The commands that send the frames of a dataset to be corrected, and watch that."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from ..groundtruth.request import AdjustmentJob
from .commands import Parser, add_command

if TYPE_CHECKING:
    import fiftyone as fo

    from ...importers.problems import Finding

_EXPORT = """\
Writes the frames that a dataset or a saved view shows as an adjustment job of
SageMaker Ground Truth. With a bucket, it is uploaded; with a role and a work
team too, it is started, WHICH COSTS MONEY. Everything that would make the job
fail is looked for first; where there is any, nothing is written.

What was broken off goes on with `track-audit launch`.
"""

_EXPORT_EXAMPLES = """\
examples:
  track-audit export walkers --view-name outliers --name fix-1 --folder package
  track-audit export walkers --view-name outliers --check \\
    --bucket my-bucket --region eu-west-1
  track-audit export walkers --view-name outliers --name fix-1 --json \\
    --bucket my-bucket --role-arn ARN --workteam-arn ARN
"""

_LAUNCH = """\
Goes on with an export that was broken off: uploads what is not in the bucket
yet, and starts the job where it was not started, WHICH COSTS MONEY.
"""

_EXPORT_MOT = """\
Writes the frames that a dataset or a saved view shows, and the tracks in them, as
MOT Challenge sequences, to be corrected with any tool. What comes back is loaded
with `track-audit load`, by the folder's name.
"""

_EXPORT_MOT_EXAMPLES = """\
examples:
  track-audit export-mot walkers --view-name outliers --folder fix-1
  track-audit load walkers --job-name fix-1 --output corrected
"""

_STATUS = "Asks AWS how the adjustment jobs of a dataset stand."

_STOP = """\
Stops an adjustment job. It cannot be started again; what workers have finished
is kept.
"""

_SETTINGS = {
    "bucket": "the S3 bucket to upload to; without it the job stays on this machine",
    "prefix": "the folder in the bucket (default: track-audit/<name>)",
    "audited_attribute": "the label attribute that the labels have",
    "label_attribute": "the label attribute of the corrected labels",
    "region": "the AWS region (default: the work team's)",
    "role_arn": "the IAM role that Ground Truth assumes; needed to start the job",
    "workteam_arn": "the private or vendor work team; needed to start the job",
    "title": "the task's title for the worker",
    "description": "the task's description (default: a list of the flagged frames)",
    "keywords": "words that help workers find the task",
    "labels": "labels on offer to the worker beside those that occur",
    "task_time_limit": "seconds that a worker has for one sequence",
    "task_availability_lifetime": "seconds that a task stays on offer",
    "max_concurrent_tasks": "number of sequences on offer at a time",
    "kms_key_id": "the KMS key that encrypts the job's output",
    "tags": "tags of the labeling job",
}

_COUNTERS = ["job_name", "name", "status", "labeled", "unlabeled", "failed"]


def add_job_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    """Adds ``export``, ``export-mot``, ``launch``, ``status`` and ``stop``.

    Args:
        commands: the subcommands
    """
    _add_export(commands)
    _add_export_mot(commands)
    for name, run, summary, text in (
        ("launch", _launch, "upload and start a job that was exported", _LAUNCH),
        ("status", _status, "show how adjustment jobs stand", _STATUS),
        ("stop", _stop, "stop an adjustment job", _STOP),
    ):
        epilog = f"examples:\n  track-audit {name} walkers --job-name fix-1\n"
        parser = add_command(commands, name, run, summary, text, epilog)
        add_dataset(parser)
        parser.add_argument(
            "--job-name",
            required=name != "status",
            metavar="NAME",
            help="the job's name" + " (default: all)" * (name == "status"),
        )


def add_dataset(parser: Parser) -> None:
    """Adds the arguments that the commands on a dataset share.

    Args:
        parser: the subcommand's parser
    """
    parser.add_argument("dataset", metavar="DATASET", help="the dataset's name")
    parser.add_argument(
        "--json", action="store_true", help="print the result as JSON alone"
    )


def _add_export(commands: argparse._SubParsersAction[Parser]) -> None:
    summary = "send frames to be corrected"
    parser = add_command(
        commands, "export", _export, summary, _EXPORT, _EXPORT_EXAMPLES
    )
    add_dataset(parser)
    _add_selection(parser)
    parser.add_argument(
        "--name", help="the job's name (default: the dataset's and the time)"
    )
    parser.add_argument(
        "--folder",
        metavar="DIR",
        help="a new folder for the package, or the one of its earlier export "
        "(default: below FiftyOne's dataset folder)",
    )
    for option, text in (
        ("--copy-frames", "copy the frames into the package"),
        ("--add-cors", "add the CORS rule that the worker's page needs to the bucket"),
        ("--check", "only report what would make the job fail; change nothing"),
    ):
        parser.add_argument(option, action="store_true", help=text)
    _add_settings(parser)


def _add_export_mot(commands: argparse._SubParsersAction[Parser]) -> None:
    summary = "write frames as MOT sequences to correct"
    parser = add_command(
        commands, "export-mot", _export_mot, summary, _EXPORT_MOT, _EXPORT_MOT_EXAMPLES
    )
    add_dataset(parser)
    _add_selection(parser)
    parser.add_argument(
        "--folder",
        metavar="DIR",
        required=True,
        help="a new folder; its name is the one to load the corrections by",
    )


def _add_selection(parser: Parser) -> None:
    add_view(parser, "send this saved view's frames alone")
    parser.add_argument(
        "--label-field",
        metavar="FIELD",
        help="the frame field of the tracks; found where there is only one",
    )
    parser.add_argument(
        "--context",
        type=int,
        default=2,
        metavar="FRAMES",
        help="labelled frames to send along before and after each "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--include-dismissed",
        action="store_true",
        help="send frames of dismissed issues alone, too",
    )


def add_view(parser: Parser, text: str) -> None:
    """Adds the argument that names a saved view.

    Args:
        parser: the subcommand's parser
        text: what is done with the view
    """
    parser.add_argument("--view-name", metavar="VIEW", help=text)


def chosen_view(
    dataset: fo.Dataset, arguments: argparse.Namespace
) -> fo.core.collections.SampleCollection:
    """Gives the saved view that was named, or the dataset.

    Args:
        dataset: the dataset
        arguments: the arguments of :func:`add_view`

    Returns:
        the dataset or view

    Raises:
        ValueError: if there is no such view
    """
    name = arguments.view_name
    return dataset.load_saved_view(name) if name else dataset


def _add_settings(parser: Parser) -> None:
    group = parser.add_argument_group("settings of the job")
    defaults = {field.name: field.default for field in fields(AdjustmentJob)}
    for name, text in _SETTINGS.items():
        default = defaults[name]
        several = isinstance(default, tuple) or name == "tags"
        metavar = "KEY=VALUE" if name == "tags" else name.split("_")[-1].upper()
        shown = " ".join(default) if isinstance(default, tuple) else default
        known = isinstance(shown, str | int) and shown != ""
        group.add_argument(
            f"--{name.replace('_', '-')}",
            nargs="+" if several else None,
            type=int if isinstance(default, int) else str,
            metavar=metavar,
            help=f"{text} (default: {shown})" if known else text,
        )


def _export(arguments: argparse.Namespace) -> None:
    from ..sending.groundtruth import check_adjustment, export_adjustment
    from ..sending.groundtruth_plan import default_job_name, plan_adjustment

    settings = _settings(arguments)
    with open_dataset(arguments) as dataset:
        job = AdjustmentJob(arguments.name or default_job_name(dataset), **settings)
        view = chosen_view(dataset, arguments)
        adjustment = plan_adjustment(
            view,
            job,
            arguments.label_field,
            arguments.context,
            include_dismissed=arguments.include_dismissed,
        )
        if arguments.check:
            found = check_adjustment(
                adjustment, arguments.folder, copy_frames=arguments.copy_frames
            )
            _report(arguments, adjustment.counts, found)
            return
        result = export_adjustment(
            dataset,
            adjustment,
            arguments.folder,
            copy_frames=arguments.copy_frames,
            add_cors=arguments.add_cors,
        )
    _print_result(arguments, result)


def _export_mot(arguments: argparse.Namespace) -> None:
    from ..sending.mot import export_mot
    from ..sending.records import describe_sent

    with open_dataset(arguments) as dataset:
        view = chosen_view(dataset, arguments)
        field, context = arguments.label_field, arguments.context
        record = export_mot(
            view,
            arguments.folder,
            field,
            context,
            include_dismissed=arguments.include_dismissed,
        )
    _print_result(arguments, describe_sent(record))


def _settings(arguments: argparse.Namespace) -> dict[str, Any]:
    given = {name: getattr(arguments, name) for name in _SETTINGS}
    settings = {name: value for name, value in given.items() if value is not None}
    for name in {"keywords", "labels"} & set(settings):
        settings[name] = tuple(settings[name])
    if "tags" in settings:
        pairs = [tag.partition("=") for tag in settings["tags"]]
        settings["tags"] = {key: value for key, _, value in pairs}
    return settings


def _report(
    arguments: argparse.Namespace, counts: dict[str, int], found: tuple[Finding, ...]
) -> None:
    if arguments.json:
        print_json({**counts, "findings": [asdict(finding) for finding in found]})
    else:
        for finding in found:
            print(f"{finding.severity}: {finding}")
        print(f"{len(found) or 'nothing'} found, nothing changed")
    from ...importers.tracks import InputError

    errors = sum(finding.severity == "error" for finding in found)
    if errors:
        raise InputError(arguments.dataset, f"the job would fail; errors: {errors}")


def _launch(arguments: argparse.Namespace) -> None:
    from ..sending.groundtruth import launch_adjustment

    with open_dataset(arguments) as dataset:
        result = launch_adjustment(dataset, arguments.job_name)
    _print_result(arguments, result)


def _status(arguments: argparse.Namespace) -> None:
    from ..sending.groundtruth import adjustment_status

    with open_dataset(arguments) as dataset:
        jobs = adjustment_status(dataset, arguments.job_name)
    _print_jobs(arguments, jobs)


def _stop(arguments: argparse.Namespace) -> None:
    from ..sending.groundtruth import stop_adjustment

    with open_dataset(arguments) as dataset:
        jobs = stop_adjustment(dataset, arguments.job_name)
    _print_jobs(arguments, jobs)


@contextmanager
def open_dataset(arguments: argparse.Namespace) -> Iterator[fo.Dataset]:
    """Gives the dataset; what does not fit it is bad input.

    Args:
        arguments: the arguments of :func:`add_dataset`

    Yields:
        the dataset

    Raises:
        InputError: if there is no such dataset, or it lacks what is asked for
    """
    import fiftyone as fo

    from ...importers.tracks import InputError

    try:
        yield fo.load_dataset(arguments.dataset)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(arguments.dataset, str(error)) from error


def _print_result(arguments: argparse.Namespace, result: dict[str, Any]) -> None:
    if arguments.json:
        print_json(result)
        return
    for note in result.get("notes", "").splitlines():
        print(f"track-audit: note: {note}", file=sys.stderr)
    print(result["message"])
    if "folder" in result:
        print(f"package: {result['folder']}")
    print(result["next"])


def _print_jobs(arguments: argparse.Namespace, jobs: list[dict[str, Any]]) -> None:
    import pandas as pd

    if arguments.json:
        print_json({"jobs": jobs})
        return
    if not jobs:
        print(f"no adjustment job of {arguments.dataset} is recorded")
        return
    print(pd.DataFrame(jobs)[_COUNTERS].to_string(index=False))
    for job in jobs:
        if job["failure_reason"]:
            done = "failed" if job["arn"] else "was not started"
            print(f"{job['name']} {done}: {job['failure_reason']}")


def print_json(content: dict[str, Any]) -> None:
    """Prints a result for programs.

    Args:
        content: the result
    """
    print(json.dumps(content, indent=2, allow_nan=False))
