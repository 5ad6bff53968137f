# SPDX-License-Identifier: Apache-2.0
"""The commands that import, audit and review a FiftyOne dataset."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from cyclopts import Parameter

from .audit import Labels, Limits
from .cluster import Cluster
from .commands import (
    DATASETS,
    FIELDS,
    AsJson,
    DatasetName,
    app,
    print_done,
    print_json,
    split_commas,
)
from .last_settings import NoLastSettings
from .reading import Source
from .rules import RulesFile, read_rules
from .sending import choose_view, load_fiftyone, open_dataset

if TYPE_CHECKING:
    import fiftyone as fo
    import pandas as pd

Field: TypeAlias = Annotated[
    str | None,
    Parameter(
        metavar="FIELD",
        help="the frame field of the tracks; needed if there are several",
    ),
]
_View: TypeAlias = Annotated[str | None, Parameter(metavar="VIEW")]
_Kinds: TypeAlias = Annotated[tuple[str, ...], Parameter(metavar="KIND...")]
#: The columns that list an issue.
_LISTED = ["id", "score", "kind", "sequence", "track", "first_frame", "last_frame"]
_SOURCE, _LIMITS, _CLUSTER = Source(), Limits(), Cluster()


@app.command(name="import", group=DATASETS)
def import_labels(
    dataset: DatasetName,
    labels: Labels,
    /,
    *,
    source: Annotated[Source, FIELDS] = _SOURCE,
    field: Annotated[str, Parameter(metavar="FIELD")] = "ground_truth",
    cluster: Annotated[Cluster, FIELDS] = _CLUSTER,
    as_json: AsJson = False,
) -> None:
    """Import labels and their frames into a new dataset.

    LABELS is as in 'track-audit score'. The frames are looked for beside the labels,
    or in the folder --frames; those that a manifest names in S3 are read there.

    For example:

      track-audit import station MOT20/train/MOT20-01
      track-audit import station SeqLabel.json --frames MOT20/train/MOT20-01
      track-audit import station s3://labels/job/manifests/output/output.manifest

    Args:
        field: the frame field for the tracks
    """
    load_fiftyone()
    from ...importers.dataset import check_new_name, create_dataset
    from ...importers.tracks import InputError
    from ..plain import count

    try:
        check_new_name(dataset)
        engine = cluster.chosen()
        tracks = source.read_any(labels, engine)
        # The notes were printed
        told = replace(tracks, notes=())
        made = create_dataset(told, dataset, field=field, engine=engine)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(dataset, str(error)) from error
    boxes = len(tracks.table)
    done = {
        "dataset": made.name,
        "sequences": list(tracks.sequences),
        "boxes": boxes,
        "notes": list(tracks.notes),
        "message": f"imported {count(boxes, 'box')} of "
        f"{count(len(tracks.sequences), 'sequence')} into {made.name}",
    }
    print_done(done, as_json, notes=False)


@app.command(group=DATASETS)
def audit(
    dataset: DatasetName,
    /,
    *,
    view_name: _View = None,
    label_field: Field = None,
    limits: Annotated[Limits, FIELDS] = _LIMITS,
    predictions_field: Annotated[str | None, Parameter(metavar="FIELD")] = None,
    model: Annotated[str | None, Parameter(metavar="MODEL")] = None,
    suspects: bool = False,
    rules: RulesFile = None,
    no_last_settings: NoLastSettings = False,
    cluster: Annotated[Cluster, FIELDS] = _CLUSTER,
    as_json: AsJson = False,
) -> None:
    """Audit the tracks of a dataset, and store its issues.

    Thresholds and rules that are not given are those of the dataset's last audit.
    The exit code is 4 if a sequence has no tracks, so nothing was judged.

    For example:

      track-audit audit station
      track-audit audit station --size-thresh 0.4 --rules rules.toml

    Args:
        view_name: audit only the videos of this saved view (default: all)
        predictions_field: the frame field of a detector's predictions
        model: the model that embeds crops, such as resnet18 (default: none)
        suspects: embed only the crops of tracks that have other outliers
    """
    asked = read_rules(rules)
    with open_dataset(dataset) as opened, _linking_advised():
        from ..review.audit_records import default_rules, describe_audit
        from ..review.audits import audit_dataset

        if asked is None and no_last_settings:
            asked = default_rules(opened, label_field)
        summary = audit_dataset(
            choose_view(opened, view_name),
            label_field,
            limits.thresholds(),
            model=model,
            suspects=suspects,
            predictions_field=predictions_field,
            rules=asked,
            engine=cluster.chosen(),
            progress=sys.stderr.isatty(),
        )
    notes = summary.notes if isinstance(summary.notes, tuple) else ()
    done = {**asdict(summary), "message": describe_audit(summary)}
    print_done({**done, "notes": list(notes)}, as_json)


@contextmanager
def _linking_advised() -> Iterator[None]:
    """Say on the command line how boxes without tracks get some."""
    from ..audit.unjudged import NoTracks

    try:
        yield
    except NoTracks as error:
        message = (
            "no box belongs to a track, so nothing was judged; 'track-audit import "
            "--link' links boxes that overlap"
        )
        raise NoTracks(error.path, message) from error


@app.command(group=DATASETS)
def views(
    dataset: DatasetName,
    /,
    *,
    label_field: Field = None,
    as_json: AsJson = False,
) -> None:
    """Save the views of an audited dataset, such as outliers and issues.

    For example:

      track-audit views station
    """
    with open_dataset(dataset) as opened:
        from ..plain import count
        from ..review.saved_views import save_outlier_views

        saved = save_outlier_views(opened, label_field)
    if as_json:
        print_json({"views": saved}, f"{count(len(saved), 'view')} saved")
        return
    for name, number in saved.items():
        print(f"{name}: {number}")


@app.command(name="list", group=DATASETS)
def list_issues(
    dataset: DatasetName,
    /,
    *,
    label_field: Field = None,
    kinds: _Kinds = (),
    sequences: Annotated[tuple[str, ...], Parameter(metavar="NAME...")] = (),
    decision: Literal["open", "confirmed", "dismissed", "fixed"] | None = None,
    min_score: Annotated[float, Parameter(metavar="SCORE")] = 0.0,
    limit: Annotated[int | None, Parameter(metavar="NUMBER")] = None,
    as_json: AsJson = False,
) -> None:
    """List the issues of an audited dataset, worst first.

    For example:

      track-audit list station --kinds gap duplicate --min-score 0.8
      track-audit list station --decision open --json

    Args:
        kinds: only issues of these kinds (default: all)
        sequences: only issues of these sequences (default: all)
        decision: only issues with this decision, or those that are open
        min_score: only issues of at least this score
        limit: only so many issues
    """
    with open_dataset(dataset) as opened:
        if limit is not None and limit < 0:
            raise ValueError(f"--limit is {limit}; expected 0 or more")
        found = _choose(opened, label_field, kinds, sequences, decision, min_score)
    found = found.head(limit) if limit is not None else found
    if as_json:
        from ..plain import count, to_records

        print_json({"issues": to_records(found)}, count(len(found), "issue"))
        return
    if found.empty:
        print("no issues")
        return
    print(found[[*_LISTED, "decision"]].fillna("").to_string(index=False))


@app.command(group=DATASETS)
def plan(
    dataset: DatasetName,
    /,
    *,
    view_name: _View = None,
    label_field: Field = None,
    budget: Annotated[int | None, Parameter(metavar="FRAMES")] = None,
    minutes: Annotated[float | None, Parameter(metavar="MINUTES")] = None,
    context: Annotated[int, Parameter(metavar="FRAMES")] = 1,
    as_json: AsJson = False,
) -> None:
    """Pick the frames to review first, and save them as the view 'review plan'.

    Either --budget or --minutes is required.

    For example:

      track-audit plan station --budget 100
      track-audit export station --view-name 'review plan' --name fix-1

    Args:
        view_name: only the issues of this saved view's videos (default: all)
        budget: the maximum number of frames to review
        minutes: the time available, at 5 seconds per frame
        context: frames to include before and after each picked frame
    """
    with open_dataset(dataset) as opened:
        from ..plain import count
        from ..review.review_plan import plan_review

        view = choose_view(opened, view_name)
        made = plan_review(view, budget, minutes, context, label_field)
        message = (
            f"{count(made.frames, 'frame')} show {made.issues} of "
            f"{count(made.issues_in_total, 'issue')}; saved as the view '{made.view}'"
        )
    notes = [made.note] if made.note else []
    print_done({**asdict(made), "notes": notes, "message": message}, as_json)


@app.command(group=DATASETS)
def decide(
    dataset: DatasetName,
    decision: Annotated[
        Literal["confirmed", "dismissed", "open"],
        Parameter(help="the decision: confirmed, dismissed, or open to take it back"),
    ],
    /,
    *,
    ids: Annotated[tuple[str, ...], Parameter(metavar="ID...")] = (),
    label_field: Field = None,
    kinds: _Kinds = (),
    sequences: Annotated[tuple[str, ...], Parameter(metavar="NAME...")] = (),
    min_score: Annotated[float, Parameter(metavar="SCORE")] = 0.0,
    author: Annotated[str | None, Parameter(metavar="NAME")] = None,
    as_json: AsJson = False,
) -> None:
    """Confirm or dismiss issues, or open them again.

    The issues are given by --ids, which 'track-audit list' prints, or they are the
    open ones of certain kinds, sequences and scores.

    For example:

      track-audit decide station confirmed --min-score 0.9
      track-audit decide station dismissed --ids 6a02c4 6a02c5

    Args:
        ids: the IDs of the issues, or how these begin
        kinds: the issues of these kinds
        sequences: the issues of these sequences
        min_score: the issues of at least this score
        author: who decided (default: the user of this machine)
    """
    from ...importers.tracks import InputError

    if not (ids or kinds or sequences or min_score > 0):
        expected = "expected one of them; '--min-score 0.01' stands for all issues"
        raise InputError("--ids, --kinds, --sequences, --min-score", expected)
    with open_dataset(dataset) as opened:
        from ..plain import count
        from ..review.deciding import decide_issues

        state = None if ids or decision == "open" else "open"
        found = _choose(opened, label_field, kinds, sequences, state, min_score)
        chosen = _by_ids(found, ids) if ids else found["id"].tolist()
        made = None if decision == "open" else decision
        number = decide_issues(opened, chosen, made, author)
        message = f"{count(number, 'issue')}: {decision}"
    print_done({"issues": number, "decision": decision, "message": message}, as_json)


def _by_ids(issues: pd.DataFrame, ids: Sequence[str]) -> list[str]:
    """Return the IDs that begin with these texts, one for each."""
    chosen = []
    for begin in ids:
        found = [each for each in issues["id"] if each.startswith(begin)]
        if len(found) != 1:
            what = "no issue" if not found else f"{len(found)} issues"
            raise ValueError(f"{what} with the ID {begin}; expected one")
        chosen += found
    return chosen


def _choose(
    dataset: fo.Dataset,
    label_field: str | None,
    kinds: Sequence[str],
    sequences: Sequence[str],
    decision: str | None,
    min_score: float,
) -> pd.DataFrame:
    """Read the issues that options choose, worst first.

    Raises:
        ValueError: if the tracks were not audited, a kind or a sequence is unknown, or
            the score is none
    """
    from ...importers import store
    from ..audit import ALL_KINDS
    from ..review.audit_records import list_audits
    from ..review.issues import read_dataset_issues

    field = store.find_label_field(dataset, label_field)
    if not 0 <= min_score <= 1:
        raise ValueError(f"--min-score is {min_score}; expected 0 to 1")
    kinds = split_commas(kinds)
    issues = read_dataset_issues(dataset, field)
    if issues.empty and not list_audits(dataset, field):
        raise ValueError(f"the tracks in '{field}' were not audited; audit them first")
    names = store.sequence_names(dataset)
    issues = issues.assign(sequence=issues["sample_id"].map(names))
    known = {*ALL_KINDS, *issues["kind"]}
    if unknown := sorted(set(kinds) - known):
        raise ValueError(f"no kind {unknown[0]}; expected {', '.join(sorted(known))}")
    if unknown := sorted(set(sequences) - set(names.values())):
        raise ValueError(f"no sequence {unknown[0]} in the dataset")
    chosen = issues["score"].fillna(0) >= min_score
    if kinds:
        chosen &= issues["kind"].isin(kinds)
    if sequences:
        chosen &= issues["sequence"].isin(sequences)
    if decision == "open":
        chosen &= issues["decision"].isna()
    elif decision:
        chosen &= issues["decision"] == decision
    return issues[chosen].sort_values("score", ascending=False, ignore_index=True)
