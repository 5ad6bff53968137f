# SPDX-License-Identifier: Apache-2.0
"""The commands that audit label files without a database."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, TypeAlias

from cyclopts import Group, Parameter

from ..plain import count, to_records
from .cluster import Cluster
from .commands import (
    FIELDS,
    FILES,
    NOT_JUDGED,
    AsJson,
    KmsKey,
    app,
    beside,
    print_done,
    print_json,
    print_notes,
)
from .reading import Source
from .reviews import read_reviews
from .rules import RulesFile, read_rules
from .shown import Shown

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from ...importers.engine import Engine
    from ...importers.tracks import Tracks
    from ..audit import Audit, Rules, Thresholds

Labels: TypeAlias = Annotated[
    str, Parameter(help="the labels to read; a path or an S3 URI, see above")
]
WithEmbeddings: TypeAlias = Annotated[
    bool,
    Parameter(help="compare the crops of boxes too; needs the frames and takes longer"),
]
Predictions: TypeAlias = Annotated[
    str | None,
    Parameter(
        metavar="FILE",
        help="what a detector found in the same frames: a det.txt of MOT, or labels "
        "of any format with confidences",
    ),
]
CsvFile: TypeAlias = Annotated[str | None, Parameter(metavar="CSV")]

_BUDGET = Group("Budget (one of them is required)")


@dataclass(frozen=True)
class Limits:
    """The thresholds of an audit.

    Attributes:
        size_thresh: relative change of area from which a box is an outlier
        iou_thresh: IoU with the boxes in adjacent frames below which a box is an
            outlier
    """

    size_thresh: Annotated[
        float, Parameter(alias="--size_thresh", metavar="CHANGE")
    ] = 0.25
    iou_thresh: Annotated[float, Parameter(alias="--iou_thresh", metavar="IOU")] = 0.5

    def thresholds(self) -> Thresholds:
        """Return the thresholds.

        Raises:
            InputError: if one is out of range
        """
        from ...importers.tracks import InputError
        from ..audit import Thresholds

        try:
            return Thresholds(size=self.size_thresh, iou=self.iou_thresh)
        except ValueError as error:
            raise InputError("--size-thresh, --iou-thresh", str(error)) from error


@dataclass(frozen=True)
class Crops:
    """What to embed, and by which model.

    Attributes:
        model: the model that embeds crops: a classification model of torchvision,
            whose weights are downloaded at first use, or NAME:FILE with a local
            file of weights
        suspects: embed only the crops of tracks that have other outliers
    """

    model: Annotated[str, Parameter(metavar="MODEL")] = "resnet18"
    suspects: bool = False

    def chosen(self, embeddings: bool, flag: str = "--embeddings") -> Crops | None:
        """Return these options if crops are to be embedded.

        Args:
            embeddings: whether they are
            flag ("--embeddings"): the option that says so

        Raises:
            InputError: if they are not, but options for it were given
        """
        from ...importers.tracks import InputError

        if not embeddings and self != Crops():
            raise InputError("--model, --suspects", f"expected {flag} too")
        return self if embeddings else None

    def embed(
        self, tracks: Tracks, thresholds: Thresholds, engine: Engine | None = None
    ) -> NDArray[np.float32]:
        """Embed the crops of tracks, with a progress bar.

        Args:
            tracks: the tracks
            thresholds: the thresholds that make a track suspect
            engine (None): the cluster that does it, if any

        Returns:
            array ``(n, d)``, a vector per detection
        """
        from tqdm import tqdm

        from ..audit import suspected_rows
        from ..embedding.embed import embed_tracks

        rows = suspected_rows(tracks, thresholds) if self.suspects else None
        with tqdm(unit="crop", desc="Embedding", delay=1, disable=None) as bar:

            def show(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            return embed_tracks(tracks, rows, self.model, progress=show, engine=engine)


_SOURCE, _CROPS, _SHOWN = Source(), Crops(), Shown()
_LIMITS, _CLUSTER = Limits(), Cluster()


@app.command(group=FILES)
def score(
    labels: Labels,
    /,
    *,
    source: Annotated[Source, FIELDS] = _SOURCE,
    output: CsvFile = None,
    issues: CsvFile = None,
    predictions: Predictions = None,
    embeddings: WithEmbeddings = False,
    crops: Annotated[Crops, FIELDS] = _CROPS,
    limits: Annotated[Limits, FIELDS] = _LIMITS,
    rules: RulesFile = None,
    kms_key_id: KmsKey = None,
    cluster: Annotated[Cluster, FIELDS] = _CLUSTER,
    as_json: AsJson = False,
) -> int:
    """Score every detection, list the mistakes and print a summary.

    LABELS is a label file, a zip file of them, a sequence's folder or a folder of
    sequences, or the s3:// URI of a Ground Truth result. The format is recognized
    by the content: MOT Challenge (boxes whose flag is 0 are skipped), Ground Truth,
    CVAT for video and others, see the documentation. What was understood is printed
    on standard error.

    Both output files count frames from 1: the frame numbers of a MOT file, or
    Ground Truth's frame-no plus 1. Track ids are those of the MOT file, or the
    number in the object's name. Boxes are in pixels; their top left corner is
    counted from 0 (MOT files count from 1). Undefined values are empty cells.
    The exit code is 4 if a sequence has no tracks, so nothing was judged.

    For example:

      track-audit score MOT20/train/MOT20-01 --issues issues.csv
      track-audit score MOT20/train --output detections.csv --size-thresh 0.4
      track-audit score s3://labels/job/manifests/output/output.manifest

    Args:
        output: write one row per detection, sorted by sequence, track and frame
        issues: write one row per mistake, worst first
    """
    from ..audit.summary import make_summary
    from . import tables
    from .output import check_outputs, save

    thresholds, chosen = limits.thresholds(), crops.chosen(embeddings)
    how = (thresholds, chosen, predictions, read_rules(rules), cluster.chosen())
    check_outputs(".csv", output, issues, taken=(labels,))
    tracks, audit = _audit(labels, source, *how)
    listed = tables.make_issues_table(tracks, audit.issues)
    if output:
        scored = tables.make_detections_table(tracks, audit)
        save(output, tables.to_csv(scored), kms_key_id)
    if issues:
        save(issues, tables.to_csv(listed), kms_key_id)
    summary = make_summary(tracks, audit)
    if as_json:
        _print_score(tracks, summary, listed)
    else:
        say(summary.to_string(index=False), output, issues)
    return _warn_of_untracked(tracks)


def _print_score(tracks: Tracks, summary: pd.DataFrame, issues: pd.DataFrame) -> None:
    """Print the result of scoring for programs."""
    found = {"summary": to_records(summary), "issues": to_records(issues)}
    notes = [*tracks.notes, *_untracked(tracks)]
    print_json(found, count(len(issues), "issue"), notes)


def _warn_of_untracked(tracks: Tracks) -> int:
    """Name sequences without tracks on standard error, and return the exit code."""
    unjudged = _untracked(tracks)
    print_notes(unjudged)
    return NOT_JUDGED if unjudged else 0


def say(text: str, *outputs: str | None) -> None:
    """Print text for people: on standard error if the standard output has a result."""
    with beside(*outputs):
        print(text)


def _untracked(tracks: Tracks) -> list[str]:
    """Name the sequences whose boxes have no tracks, so that nothing was judged."""
    tracked = (tracks.table["track"] >= 0).groupby(
        tracks.table["sequence"], observed=True
    )
    return [
        f"{name}: no box belongs to a track, so nothing was judged; --link links "
        "boxes that overlap"
        for name, some in tracked.any().items()
        if not some
    ]


@app.command(group=FILES)
def report(
    labels: Labels,
    /,
    *,
    output: Annotated[str, Parameter(metavar="HTML")],
    source: Annotated[Source, FIELDS] = _SOURCE,
    shown: Annotated[Shown, FIELDS] = _SHOWN,
    predictions: Predictions = None,
    embeddings: WithEmbeddings = False,
    crops: Annotated[Crops, FIELDS] = _CROPS,
    limits: Annotated[Limits, FIELDS] = _LIMITS,
    rules: RulesFile = None,
    kms_key_id: KmsKey = None,
    cluster: Annotated[Cluster, FIELDS] = _CLUSTER,
    as_json: AsJson = False,
) -> int:
    r"""Write a page that shows the mistakes with pictures and plots.

    The page lists the issues, worst first, each with its crops and the plots of
    its track. It is one file that opens offline in any browser. LABELS is as in
    'track-audit score'; without the frames, beside the labels or by --frames, the
    page has no crops.

    For example:

      track-audit report MOT20/train/MOT20-01 --output report.html
      track-audit report SeqLabel.json --frames MOT20/train/MOT20-01 \
        --output report.html
      track-audit load walkers --job-name fix-1 --json > review.json
      track-audit report MOT20/train/MOT20-01 --reviews review.json \
        --output report.html

    Args:
        output: the page to write
    """
    from ..report import make_report
    from .output import check_output, save

    thresholds, chosen = limits.thresholds(), crops.chosen(embeddings)
    asked = read_rules(rules)
    check_output(output, ".html", labels)
    window, reviewed = shown.frames(), read_reviews(shown.reviews)
    how = (thresholds, chosen, predictions, asked, cluster.chosen())
    tracks, audit = _audit(labels, source, *how)
    shown.check(labels, tracks)
    page = make_report(
        tracks,
        audit,
        thresholds,
        reviewed=reviewed,
        annotator=shown.annotator,
        plotted=shown.tracks,
        window=window,
    )
    save(output, page, kms_key_id)
    message = f"{count(len(audit.issues), 'issue')}, saved to {output}"
    done = {"issues": len(audit.issues), "output": output, "message": message}
    with beside(output):
        print_done(done, as_json)
    return _warn_of_untracked(tracks)


@app.command(group=FILES)
def plan_review(
    labels: Labels,
    /,
    *,
    output: Annotated[str, Parameter(metavar="CSV")],
    source: Annotated[Source, FIELDS] = _SOURCE,
    budget: Annotated[int | None, Parameter(group=_BUDGET, metavar="FRAMES")] = None,
    minutes: Annotated[
        float | None, Parameter(group=_BUDGET, metavar="MINUTES")
    ] = None,
    context: Annotated[int, Parameter(metavar="FRAMES")] = 1,
    limits: Annotated[Limits, FIELDS] = _LIMITS,
    rules: RulesFile = None,
    kms_key_id: KmsKey = None,
    as_json: AsJson = False,
) -> None:
    """Pick the frames to review first.

    The plan holds the frames that are expected to show the most mistakes within a
    budget of frames or minutes. Its columns are sequence, frame, frame_name, role
    (review, or context next to a frame to review) and expected, the number of
    mistakes that are expected in the frame. LABELS is as in 'track-audit score'.

    For example:

      track-audit plan-review MOT20/train/MOT20-01 --budget 100 --output plan.csv
      track-audit plan-review MOT20/train --minutes 30 --output plan.csv

    Args:
        output: write one row per frame
        budget: the maximum number of frames to review
        minutes: the time available, at 5 seconds per frame
        context: frames to include before and after each picked frame
    """
    from ...importers.tracks import InputError
    from ..audit.plan import frames_in_minutes, plan_frames
    from . import tables
    from .output import check_output, save

    if (budget is None) == (minutes is None):
        raise InputError("--budget, --minutes", "expected one of them")
    check_output(output, ".csv", labels)
    asked = read_rules(rules)
    tracks, audit = _audit(labels, source, limits.thresholds(), rules=asked)
    lengths = {name: len(one.frame_names) for name, one in tracks.sequences.items()}
    try:
        budget = frames_in_minutes(minutes or 0) if budget is None else budget
        plan = plan_frames(audit.issues, lengths, budget, context)
    except ValueError as error:
        raise InputError("--budget, --minutes, --context", str(error)) from error
    save(output, tables.to_csv(tables.name_frames(tracks, plan)), kms_key_id)
    expected = round(float(plan["expected"].sum()), 1)
    message = f"{count(len(plan), 'frame')}, {expected:.1f} expected mistakes"
    if len(plan) <= budget - 2 * context - 1:
        message += _all_covered(budget, len(audit.issues))
    if as_json:
        done = {"frames": len(plan), "mistakes_expected": expected, "output": output}
        print_json(done, message)
    else:
        say(f"{message}\nsaved to {output}", output)


def _all_covered(budget: int, issues: int) -> str:
    return f"\nfewer than {count(budget, 'frame')} cover all {count(issues, 'issue')}"


def _audit(
    labels: str,
    source: Source,
    thresholds: Thresholds,
    crops: Crops | None = None,
    predictions: str | None = None,
    rules: Rules | None = None,
    engine: Engine | None = None,
) -> tuple[Tracks, Audit]:
    """Read and audit labels, with embeddings if there are ``crops`` to embed."""
    from ...importers.predictions import read_predictions
    from ..audit import audit_tracks

    tracks = source.read(labels, engine=engine)
    witness = read_predictions(predictions) if predictions else None
    vectors = crops.embed(tracks, thresholds, engine) if crops else None
    judge = partial(audit_tracks, tracks, thresholds, rules=rules, engine=engine)
    return tracks, judge(vectors=vectors, predictions=witness)
