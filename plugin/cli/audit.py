# SPDX-License-Identifier: Apache-2.0
"""The commands that score label files without a database."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from .commands import Parser, add_command

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from ...importers.tracks import Tracks
    from ..audit import Thresholds

_QUALITY_CHECK = """\
Checks the labels of one video, a SeqLabel.json of Ground Truth, and writes a
report as JSON. For each object, by its name:

  size_diff            change of area from the frame before, in square pixels
  norm_size_diff       the same, relative to the area before
  size_problem_frames  frames whose box has a wrong size
  iou                  IoU with the box in the frame before
  iou_problem_frames   frames whose box is at a wrong place

and "problem_frames", those of all objects. With --embed also embedding_distance,
that of the crop to the one in the frame before, and embedding_problem_frames,
above the object's mean plus two standard deviations. Frames are counted from 0, as
Ground Truth's frame-no. The three lists of values have one entry per frame,
null where the object has no box in this frame or in the one before.
"""

_QUALITY_CHECK_EXAMPLES = """\
examples:
  track-audit run-quality-check --lab-path SeqLabel.json --save-path quality.json
  track-audit run-quality-check --bucket labels --save-path quality/0.json \\
    --lab-path job/annotations/consolidated-annotation/output/0/SeqLabel.json
"""

_SCORE = """\
Scores every detection against its own track and prints a summary. No database
is needed. LABELS is one of

  a MOT Challenge sequence, a folder of them, or a gt.txt (boxes whose flag is
  0 are left out)
  a SeqLabel.json or an output.manifest of Ground Truth, local or s3://

Both files of results count frames from 1: a MOT file's own frame numbers, or
Ground Truth's frame-no plus 1. Tracks have the MOT file's ids, or the number in
the object's name. Boxes are in pixels, their left top corner counted from 0
(MOT files count from 1). An empty cell is a value that is not defined.
"""

_SCORE_EXAMPLES = """\
examples:
  track-audit score MOT20/train/MOT20-01 --issues issues.csv
  track-audit score MOT20/train --output detections.csv --size-thresh 0.4
  track-audit score s3://labels/job/manifests/output/output.manifest
"""

_PLAN_REVIEW = """\
Picks the frames that are expected to show the most mistakes, for so many frames or
minutes. Writes one row per frame: sequence, frame, frame_name, role (review, or
context beside a frame to review) and expected, the number of mistakes.
"""

_PLAN_REVIEW_EXAMPLES = """\
examples:
  track-audit plan-review MOT20/train/MOT20-01 --budget 100 --output plan.csv
  track-audit plan-review MOT20/train --minutes 30 --output plan.csv
"""

_REPORT = """\
Judges the tracks, and writes one page that shows what is wrong with them, the
worst first, each with its crops and the plots of its track. The page needs
nothing else: it opens offline, in any browser. LABELS is one of

  a MOT Challenge sequence, a folder of them, or a gt.txt, with the frames that
  are there
  a SeqLabel.json or an output.manifest of Ground Truth, local or s3://, with
  the frames of --frames
"""

_REPORT_EXAMPLES = """\
examples:
  track-audit report MOT20/train/MOT20-01 --output report.html
  track-audit report SeqLabel.json --frames MOT20/train/MOT20-01 \\
    --output report.html
  track-audit load walkers --job-name fix-1 --json > review.json
  track-audit report MOT20/train/MOT20-01 --reviews review.json \\
    --output report.html
"""


def add_score_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    """Adds ``run-quality-check``, ``score``, ``plan-review`` and ``report``.

    Args:
        commands: the subcommands
    """
    _add_quality_check(commands)
    _add_score(commands)
    _add_plan_review(commands)
    _add_report(commands)


def _add_thresholds(parser: Parser, iou: float) -> None:
    parser.add_argument(
        "--size-thresh",
        "--size_thresh",
        type=float,
        default=0.25,
        metavar="CHANGE",
        help="relative change of area that makes an outlier (default: %(default)s)",
    )
    parser.add_argument(
        "--iou-thresh",
        "--iou_thresh",
        type=float,
        default=iou,
        metavar="IOU",
        help="IoU with the frames beside it below which a box is an outlier "
        "(default: %(default)s)",
    )


def _add_embeddings(parser: Parser, flag: str) -> None:
    parser.add_argument(
        flag,
        action="store_true",
        help="look at the crops too, which needs the frames and takes longer",
    )
    parser.add_argument(
        "--model",
        default="resnet18",
        help="what embeds the crops: a classification model of torchvision, whose "
        "weights are downloaded at first use, or NAME:FILE with a local file of "
        "weights (default: %(default)s)",
    )
    parser.add_argument(
        "--suspects",
        action="store_true",
        help="look only at the crops of tracks that have other outliers",
    )


def _add_quality_check(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = add_command(
        commands,
        "run-quality-check",
        _run_quality_check,
        "check a SeqLabel.json and write a report as JSON",
        _QUALITY_CHECK,
        _QUALITY_CHECK_EXAMPLES,
    )
    parser.add_argument(
        "--bucket", help="the S3 bucket of both paths; without it they are local"
    )
    parser.add_argument(
        "--lab-path",
        "--lab_path",
        required=True,
        metavar="PATH",
        help="the SeqLabel.json to check: its key in the bucket, or a local path",
    )
    parser.add_argument(
        "--save-path",
        "--save_path",
        required=True,
        metavar="PATH",
        help="the report to write: its key in the bucket, or a local path",
    )
    parser.add_argument(
        "--imgs",
        metavar="DIR",
        help="the folder of the frames, so that boxes cut by the image border do "
        "not count as wrong",
    )
    _add_embeddings(parser, "--embed")
    _add_thresholds(parser, iou=0.4)


def _add_score(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = add_command(
        commands,
        "score",
        _score,
        "score every detection and list the mistakes",
        _SCORE,
        _SCORE_EXAMPLES,
    )
    parser.add_argument("labels", metavar="LABELS", help="the labels, see above")
    parser.add_argument(
        "--frames",
        metavar="DIR",
        help="the folder of the frames of Ground Truth's labels",
    )
    parser.add_argument(
        "--output",
        metavar="CSV",
        help="write one row per detection, by sequence, track and frame",
    )
    parser.add_argument(
        "--issues", metavar="CSV", help="write one row per mistake, worst first"
    )
    _add_embeddings(parser, "--embeddings")
    _add_thresholds(parser, iou=0.5)


def _add_report(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = add_command(
        commands,
        "report",
        _report,
        "show the mistakes with pictures and plots, on one page",
        _REPORT,
        _REPORT_EXAMPLES,
    )
    parser.add_argument("labels", metavar="LABELS", help="the labels, see above")
    parser.add_argument(
        "--frames",
        metavar="DIR",
        help="the folder of the frames of Ground Truth's labels; without it the "
        "page has no crops of them",
    )
    parser.add_argument(
        "--output", metavar="HTML", required=True, help="the page to write"
    )
    parser.add_argument(
        "--reviews",
        nargs="+",
        default=[],
        metavar="JSON",
        help="what `track-audit load --json` printed: the page says how often "
        "reviewers found each kind of issue right",
    )
    _add_embeddings(parser, "--embeddings")
    _add_thresholds(parser, iou=0.5)


def _add_plan_review(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = add_command(
        commands,
        "plan-review",
        _plan_review,
        "pick the frames to look at first",
        _PLAN_REVIEW,
        _PLAN_REVIEW_EXAMPLES,
    )
    parser.add_argument("labels", metavar="LABELS", help="the labels, as of score")
    parser.add_argument(
        "--frames",
        metavar="DIR",
        help="the folder of the frames of Ground Truth's labels",
    )
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument(
        "--budget", type=int, metavar="FRAMES", help="the most frames to look at"
    )
    budget.add_argument(
        "--minutes", type=float, help="the time that there is, 5 seconds a frame"
    )
    parser.add_argument(
        "--context",
        type=int,
        default=1,
        metavar="FRAMES",
        help="frames to look at before and after each picked one (default: "
        "%(default)s)",
    )
    parser.add_argument(
        "--output", metavar="CSV", required=True, help="write one row per frame"
    )
    _add_thresholds(parser, iou=0.5)


def _run_quality_check(arguments: argparse.Namespace) -> None:
    from ...importers.groundtruth import read_seq_label
    from ...importers.tracks import InputError
    from ..audit.quality_check import PROBLEM_FRAMES, check_quality
    from .output import check_output, save

    thresholds = _thresholds(arguments)
    root = f"s3://{arguments.bucket}/" if arguments.bucket else ""
    labels, output = root + arguments.lab_path, root + arguments.save_path
    check_output(output, ".json", labels)
    if arguments.embed and not arguments.imgs:
        raise InputError("--embed", "expected the folder of the frames, --imgs")
    tracks = read_seq_label(labels, arguments.imgs)
    vectors = _embed(arguments, tracks, thresholds) if arguments.embed else None
    report = check_quality(labels, tracks, thresholds, vectors)
    save(output, json.dumps(report, allow_nan=False).encode())
    frames = report[PROBLEM_FRAMES]
    print(f"problem frames: {', '.join(map(str, frames)) or 'none'}")
    print(f"saved to {output}")


def _score(arguments: argparse.Namespace) -> None:
    from ..audit import audit_tracks
    from . import tables
    from .output import check_output, save

    thresholds = _thresholds(arguments)
    if arguments.output:
        check_output(arguments.output, ".csv", arguments.labels)
    if arguments.issues:
        check_output(arguments.issues, ".csv", arguments.labels, arguments.output)
    tracks = tables.read_labels(arguments.labels, arguments.frames)
    vectors = _embed(arguments, tracks, thresholds) if arguments.embeddings else None
    audit = audit_tracks(tracks, thresholds, vectors=vectors)
    if arguments.output:
        detections = tables.make_detections_table(tracks, audit)
        save(arguments.output, tables.to_csv(detections))
    if arguments.issues:
        save(arguments.issues, tables.to_csv(audit.issues))
    for note in tracks.notes:
        print(f"track-audit: note: {note}", file=sys.stderr)
    from ..audit.summary import make_summary

    print(make_summary(tracks, audit).to_string(index=False))


def _report(arguments: argparse.Namespace) -> None:
    from ..audit import audit_tracks
    from ..report import make_report
    from .output import check_output, save
    from .tables import read_labels

    thresholds = _thresholds(arguments)
    check_output(arguments.output, ".html", arguments.labels)
    reviewed = _read_reviews(arguments.reviews)
    tracks = read_labels(arguments.labels, arguments.frames)
    vectors = _embed(arguments, tracks, thresholds) if arguments.embeddings else None
    audit = audit_tracks(tracks, thresholds, vectors=vectors)
    save(arguments.output, make_report(tracks, audit, thresholds, reviewed=reviewed))
    print(f"{len(audit.issues)} issues, saved to {arguments.output}")


def _read_reviews(paths: list[str]) -> pd.DataFrame:
    """Reads how often reviewers found the audit right."""
    from ...importers.files import read_json
    from ...importers.tracks import InputError
    from ..corrections.comparing import join_precision

    found = []
    for path in paths:
        try:
            for record in read_json(path)["precision"]:
                counts = {name: int(record[name]) for name in ("reviewed", "corrected")}
                found.append({"of": record["of"], "kind": record["kind"], **counts})
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            message = "expected what `track-audit load --json` prints"
            raise InputError(path, message) from error
    return join_precision(found)


def _embed(
    arguments: argparse.Namespace, tracks: Tracks, thresholds: Thresholds
) -> NDArray[np.float32]:
    """Embeds the crops, with a progress bar."""
    from tqdm import tqdm

    from ..audit import suspected_rows
    from ..embedding import embed_tracks

    rows = suspected_rows(tracks, thresholds) if arguments.suspects else None
    with tqdm(unit="crop", desc="Embedding") as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return embed_tracks(tracks, rows, arguments.model, progress=show)


def _plan_review(arguments: argparse.Namespace) -> None:
    from ...importers.tracks import InputError
    from ..audit import audit_tracks
    from ..audit.plan import frames_in_minutes, plan_frames
    from . import tables
    from .output import check_output, save

    thresholds = _thresholds(arguments)
    check_output(arguments.output, ".csv", arguments.labels)
    budget = arguments.budget
    if budget is None:
        budget = frames_in_minutes(arguments.minutes)
    tracks = tables.read_labels(arguments.labels, arguments.frames)
    issues = audit_tracks(tracks, thresholds).issues
    lengths = {name: len(one.frame_names) for name, one in tracks.sequences.items()}
    try:
        plan = plan_frames(issues, lengths, budget, arguments.context)
    except ValueError as error:
        raise InputError("--budget, --minutes, --context", str(error)) from error
    save(arguments.output, tables.to_csv(tables.name_frames(tracks, plan)))
    mistakes = plan["expected"].sum()
    print(f"{len(plan)} frames, {mistakes:.1f} mistakes expected in them")
    if len(plan) <= budget - 2 * arguments.context - 1:
        print(f"all {len(issues)} issues are seen in fewer than {budget} frames")
    print(f"saved to {arguments.output}")


def _thresholds(arguments: argparse.Namespace) -> Thresholds:
    from ...importers.tracks import InputError
    from ..audit import Thresholds

    try:
        return Thresholds(size=arguments.size_thresh, iou=arguments.iou_thresh)
    except ValueError as error:
        raise InputError("--size-thresh, --iou-thresh", str(error)) from error
