# SPDX-License-Identifier: Apache-2.0
"""Fix issues in the dataset itself, and take that back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import fiftyone as fo
import pandas as pd
from bson import ObjectId

from ...importers import store
from ...importers.store import runs
from ...importers.store.locks import exclusive
from ..fixing.box_edits import INTERPOLATED, PREDICTED, EditCounts
from ..fixing.choosing import MIN_SCORE, add_chains, check_choice, choose_issues
from ..fixing.remedies import LEAVE, NEW_TRACKS, TABLE
from ..plain import Json, count
from ..review.deciding import record_decision, user
from ..review.decisions import DISMISSED, FIXED
from ..review.issues import check_known, declare_issues, read_dataset_issues
from ..review.rejudging import judge_again, note_judged
from .edits import Edits, Labels, take_back
from .fixed_labels import LabelEdits, SequenceFixes, make_edits, plan_sequence
from .old_labels import (
    METHOD,
    changed_after,
    drop_runs,
    keep_old_labels,
    read_old_labels,
)

#: The fixes that change nothing: the issue is dismissed.
_LEFT = LEAVE.name


@dataclass(frozen=True)
class Fixed:
    """What was fixed, or would be.

    Attributes:
        name: the name by which it can be undone, empty if nothing was fixed
        issues: the number of issues that were fixed, or left as they are on purpose
        skipped: the number of issues whose fix does not apply
        boxes: how many boxes changed
        undone (False): whether this was undone

    Example:
        >>> fixed = fta.fix_issues(dataset, kinds=["shift"], min_score=0.5)
        >>> print(fixed)
        1 issue fixed, boxes: 1 moved
    """

    name: str
    issues: int
    skipped: int
    boxes: EditCounts
    undone: bool = False

    def __str__(self) -> str:
        """Say what was fixed."""
        if self.undone:
            return f"{count(self.issues, 'issue')} reopened, {self.boxes} back"
        skipped = f"; {self.skipped:,} skipped" if self.skipped else ""
        return f"{count(self.issues, 'issue')} fixed, {self.boxes}{skipped}"


def fix_issues(
    samples: fo.core.collections.SampleCollection,
    kinds: Collection[str] = (),
    min_score: float = MIN_SCORE,
    label_field: str | None = None,
    ids: Collection[str] | None = None,
    fixes: Mapping[str, str] | None = None,
    author: str | None = None,
) -> Fixed:
    """Fix issues: correct the labels that they are about.

    The labels of before are kept for :func:`undo_fixes`. The issues are marked as
    fixed, and the tracks that changed are judged again. A call that was interrupted
    can be repeated: what it left half done is taken back first.

    Args:
        samples: an audited dataset, or a view of it; only issues of its samples that
            were neither dismissed nor fixed are fixed
        kinds (()): the kinds to fix, or the only one; by default those whose fixes
            are safe without a look, see ``plugin/fixing/choosing.py``
        min_score (0.8): the least score of an issue to fix, in [0, 1]
        label_field (None): the frame field of the tracks; by default the only one
        ids (None): the IDs of the issues to fix, whatever their kinds and scores
        fixes (None): the name of the fix of some issues, by ID, see
            ``plugin/fixing/remedies.py``; the others get their kind's default. To
            join a chain of fragments takes along all of its issues
        author (None): who fixes them; by default the user of this machine

    Returns:
        what was :class:`Fixed`

    Raises:
        ValueError: if an issue, a kind or a fix is unknown, labels are changed
            meanwhile, or another process does not finish writing to the dataset

    Example:
        >>> fixed = fta.fix_issues(dataset, kinds=["shift"], min_score=0.5)
        >>> fixed.issues, fixed.boxes.moved
        (1, 1)
    """
    dataset = store.dataset_of(samples)
    field = store.find_label_field(dataset, label_field)
    check_choice(kinds, min_score)
    with exclusive(dataset, "fixing issues of"):
        _begin(dataset)
        issues, names = _choose(samples, field, kinds, min_score, ids, fixes)
        planned = _plan(dataset, field, issues, names)
        return _fix(dataset, field, planned, author or user())


def preview_fixes(
    samples: fo.core.collections.SampleCollection,
    kinds: Collection[str] = (),
    min_score: float = MIN_SCORE,
    label_field: str | None = None,
    ids: Collection[str] | None = None,
    fixes: Mapping[str, str] | None = None,
) -> Fixed:
    """Count what :func:`fix_issues` would change, with the same arguments.

    Args:
        samples: see :func:`fix_issues`
        kinds (()): see :func:`fix_issues`
        min_score (0.8): see :func:`fix_issues`
        label_field (None): see :func:`fix_issues`
        ids (None): see :func:`fix_issues`
        fixes (None): see :func:`fix_issues`

    Returns:
        what would be :class:`Fixed`, without a name

    Example:
        >>> fta.preview_fixes(dataset, kinds=["shift"], min_score=0.5).issues
        1
    """
    dataset = store.dataset_of(samples)
    field = store.find_label_field(dataset, label_field)
    check_choice(kinds, min_score)
    issues, names = _choose(samples, field, kinds, min_score, ids, fixes)
    return _told("", _plan(dataset, field, issues, names))


def undo_fixes(dataset: fo.Dataset, name: str | None = None) -> Fixed:
    """Restore the labels of before issues were fixed, and reopen the issues.

    Labels that somebody changed since stay as they are. A call that was interrupted
    can be repeated.

    Args:
        dataset: the dataset
        name (None): the name of what was fixed, by default the last

    Returns:
        what was undone

    Raises:
        ValueError: if nothing was fixed under that name, or the same labels were
            changed by something later, which has to be undone first

    Example:
        >>> fixed = fta.fix_issues(dataset, kinds=["shift"], min_score=0.5)
        >>> fta.undo_fixes(dataset).boxes.moved
        1
    """
    with exclusive(dataset, "undoing fixes of"):
        _begin(dataset)
        records = _records(dataset)
        if not records:
            raise ValueError(f"no fixes of '{dataset.name}' are kept to undo")
        wanted = name or list(records)[-1]
        if wanted not in records:
            known = ", ".join(records)
            raise ValueError(f"no fixes named '{wanted}' are kept (there are: {known})")
        later = changed_after(dataset, wanted, read_old_labels(dataset, wanted))
        if later:
            raise ValueError(
                f"'{later}' changed the same labels after '{wanted}'; undo it first"
            )
        return _undo(dataset, wanted, records[wanted])


def list_fixed(dataset: fo.Dataset) -> dict[str, Json]:
    """List what was fixed and can be undone.

    Args:
        dataset: the dataset

    Returns:
        ``label_field``, ``author``, ``time`` (ISO 8601) and the IDs of the ``issues``
        by the name of what was fixed, the last one at the end
    """
    return {name: each for name, each in _records(dataset).items() if each["finished"]}


def _records(dataset: fo.Dataset) -> dict[str, Json]:
    stored = runs.read_records(dataset, METHOD, kept=True)
    fixes = [each.content for each in stored if "finished" in each.content]
    return {str(content["name"]): content for content in fixes}


def _begin(dataset: fo.Dataset) -> None:
    """Take back what an interrupted call left half done."""
    runs.mend_references(dataset)
    declare_issues(dataset)
    for name, record in reversed(_records(dataset).items()):
        if not record["finished"]:
            _undo(dataset, name, record)


def _choose(
    samples: fo.core.collections.SampleCollection,
    field: str,
    kinds: Collection[str],
    min_score: float,
    ids: Collection[str] | None,
    fixes: Mapping[str, str] | None,
) -> tuple[pd.DataFrame, dict[object, str]]:
    """Return the issues to fix, the worst first, and the fixes that are asked for."""
    dataset = store.dataset_of(samples)
    issues = read_dataset_issues(dataset, field)
    issues["sequence"] = issues["sample_id"].map(store.sequence_names(dataset))
    issues = issues.set_index("id", drop=False)
    unsettled = issues[~issues["decision"].isin([DISMISSED, FIXED])]
    unsettled = unsettled.sort_values("score", ascending=False, kind="stable")
    if ids is not None:
        check_known(dataset, ids, issues["id"])
        chosen = unsettled[unsettled["id"].isin(ids)]
    else:
        shown = unsettled["sample_id"].isin(store.sample_ids(samples))
        chosen = choose_issues(unsettled[shown], kinds, min_score)
    asked: dict[object, str] = {
        issue: fix for issue, fix in (fixes or {}).items() if issue in chosen.index
    }
    linked = add_chains(unsettled, asked)
    wanted = unsettled.index.isin(chosen.index) | unsettled.index.isin([*linked])
    return unsettled[wanted], linked


def _plan(
    dataset: fo.Dataset, field: str, issues: pd.DataFrame, fixes: Mapping[object, str]
) -> list[SequenceFixes]:
    may_add = issues["kind"].map(_may_add_track).any()
    taken = _taken(dataset, field) if may_add else 0
    return [
        plan_sequence(dataset, field, own, fixes, taken)
        for _, own in issues.groupby("sequence", sort=False)
    ]


def _may_add_track(kind: str) -> bool:
    return not NEW_TRACKS.isdisjoint(TABLE.get(kind, ()))


def _taken(dataset: fo.Dataset, field: str) -> int:
    """Return the greatest ID that a track has, or had before something was fixed."""
    before = [int(record["last_track"]) for record in _records(dataset).values()]
    return max(store.greatest_index(dataset, field), *before, 0)


def _told(name: str, planned: list[SequenceFixes]) -> Fixed:
    made = [each.plan.fixes["fix"] for each in planned]
    counts = [asdict(each.plan.counts) for each in planned]
    total = {key: sum(each[key] for each in counts) for key in asdict(EditCounts())}
    return Fixed(
        name,
        issues=int(sum(each.notna().sum() for each in made)),
        skipped=int(sum(each.isna().sum() for each in made)),
        boxes=EditCounts(**total),
    )


def _fix(
    dataset: fo.Dataset, field: str, planned: list[SequenceFixes], author: str
) -> Fixed:
    """Keep the old labels, change them, and judge the tracks again."""
    told = _told(f"fix_{ObjectId()}", planned)
    if not told.issues:
        return _told("", planned)
    changing = [each for each in planned if len(each.plan.edits)]
    parts = [make_edits(dataset, field, each) for each in changing]
    decided = pd.concat([each.plan.fixes["fix"].dropna() for each in planned])
    about: Json = {
        "finished": False,
        "label_field": field,
        "author": author,
        "time": datetime.now(UTC).isoformat(),
        "issues": decided.index.tolist(),
        "places": [[each.sequence, *each.frames, each.touched] for each in changing],
        "last_track": max((track for e in changing for track in e.touched), default=0),
    }
    edits = {frame: edit for part in parts for frame, edit in part.edits.items()}
    for each in changing:
        if each.whole is not None:
            store.keep_numbers(dataset, field, each.whole.identities)
    key = keep_old_labels(dataset, told.name, edits, about)
    try:
        _declare_marks(dataset, field, changing)
        _write(dataset, field, parts)
    except BaseException:
        runs.delete_record(dataset, key)
        raise
    time = datetime.now(UTC)
    for fix, ids in decided.groupby(decided).groups.items():
        decision = DISMISSED if fix == _LEFT else FIXED
        record_decision(dataset, list(ids), decision, author, time, str(fix))
    for each in changing:
        judge_again(dataset, field, each.sequence, each.frames, each.touched)
    finished = {**about, "finished": True, "kept": True, "name": told.name}
    runs.save_record(dataset, key, METHOD, finished)
    return told


def _undo(dataset: fo.Dataset, name: str, record: Json) -> Fixed:
    field, edits = record["label_field"], read_old_labels(dataset, name)
    modified = store.read_modified(dataset, list(edits))
    now = store.read_detections(dataset, field, list(edits))
    labels: Labels = {}
    for frame, edit in edits.items():
        labels[frame], _ = take_back(now.get(frame, []), edit)
    _write(dataset, field, [LabelEdits(edits, labels, modified)])
    record_decision(dataset, record["issues"], None)
    for sequence, first, last, tracks in record["places"]:
        judge_again(dataset, field, sequence, (first, last), tracks)
    drop_runs(dataset, name)
    return Fixed(name, len(record["issues"]), 0, _count(edits), undone=True)


def _count(edits: Edits) -> EditCounts:
    """Count the labels that edits changed, by what changed about them."""
    changed: Counter[str] = Counter()
    for edit in edits.values():
        old = {label["_id"]: label for label in edit.changed}
        for made in edit.applied:
            was = old.get(made["_id"], made)
            differs = {name for name, value in made.items() if was[name] != value}
            changed["moved"] += "bounding_box" in differs
            changed["labels"] += "label" in differs
            changed["identities"] += bool(differs - {"bounding_box", "label"})
    return EditCounts(
        added=sum(len(edit.added) for edit in edits.values()),
        deleted=sum(len(edit.deleted) for edit in edits.values()),
        **changed,
    )


def _declare_marks(
    dataset: fo.Dataset, field: str, planned: Collection[SequenceFixes]
) -> None:
    """Declare the attributes that mark added boxes, as far as they are needed."""
    needed = {mark for each in planned for mark in each.plan.edits["mark"]}
    marks = needed & {INTERPOLATED, PREDICTED}
    path = f"{field}.detections"
    added = {f"{path}.{mark}": fo.BooleanField() for mark in marks}
    store.add_frame_fields(dataset, added)


def _write(dataset: fo.Dataset, field: str, parts: list[LabelEdits]) -> None:
    """Replace labels, unless they changed since they were read."""
    labels = {frame: own for part in parts for frame, own in part.labels.items()}
    modified = {frame: own for part in parts for frame, own in part.modified.items()}
    if not labels:
        return
    with store.all_or_nothing(dataset, [field], list(labels)) as stamp:
        if store.replace_detections(dataset, field, labels, modified, stamp):
            raise ValueError(
                f"labels in '{field}' were changed while issues were being fixed; try "
                "again"
            )
    note_judged(dataset, field, [stamp])
