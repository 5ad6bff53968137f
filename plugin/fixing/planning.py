# SPDX-License-Identifier: Apache-2.0
"""Fix issues of tracks, one after the other, without changing the tracks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers.tracks import BOX, Sequence, Tracks, make_table
from ..audit.grouping import EXPECTED
from ..audit.neighbors import find_neighbors
from .box_edits import COLUMNS, EditCounts, count_edits
from .cases import Case
from .drafts import Draft
from .paths import MARGIN
from .predicted import EXTENT
from .remedies import IDENTITIES, LEAVE, REACHING, TABLE, Remedy

#: Columns that tell the identity of an object, beside ``track``.
_IDENTITY = ("object_id", "object_name")
#: The columns of the log: the box as it was, and as it became.
_BEFORE = ["frame", "track", "label", *BOX]
_AFTER = [f"new_{name}" for name in _BEFORE if name != "frame"]
_COUNTS = list(EditCounts.__dataclass_fields__)
#: What the log calls the change of a box; of several, the first.
_CHANGES = {
    "added": "added",
    "deleted": "deleted",
    "moved": "moved",
    "identities": "identity",
    "labels": "label",
}
_NO_EDITS = pd.DataFrame(columns=COLUMNS)
#: What fixes know of a prediction.
_SEEN = ["frame", *BOX, "label", "confidence"]
_NO_PREDICTIONS = pd.DataFrame(columns=_SEEN)
#: Kinds whose fixes ask which classes there are.
_OF_MODELS = frozenset({"overlooked", "wrong_class"})
LOG_COLUMNS = ["sequence", "kind", "score", "fix", "change", *_BEFORE, *_AFTER]


@dataclass(frozen=True)
class Plan:
    """What fixing some issues would do.

    Attributes:
        edits: the edits of all sequences, whose rows are those of the tracks table,
            see ``box_edits.py``; each box once
        fixes: one row per issue, indexed as the issues: its ``kind``, the name of its
            ``fix``, null if none applies, and the numbers of boxes that are
            ``moved``, ``added``, ``deleted``, and get another track
            (``identities``) or label (``labels``)
        log: one row per change of a box, in order, with :data:`LOG_COLUMNS`
    """

    edits: pd.DataFrame
    fixes: pd.DataFrame
    log: pd.DataFrame

    @property
    def counts(self) -> EditCounts:
        """How many boxes change in all; a box that changes twice counts twice."""
        return EditCounts(*(int(self.fixes[name].sum()) for name in _COUNTS))


def plan_fixes(
    tracks: Tracks,
    issues: pd.DataFrame,
    chosen: Mapping[object, str] | None = None,
    taken: int = 0,
    predictions: pd.DataFrame | None = None,
) -> Plan:
    """Fix issues of tracks, as a plan.

    What moves, adds, deletes or relabels boxes comes first, the worst issue at the
    front. What gives the rest of a track another ID, or extends it, comes after that,
    the latest frame at the front, so that the IDs that an issue names are those of its
    boxes. An issue whose fix no longer applies after that of another one is not fixed.

    Args:
        tracks: the tracks of one or more sequences
        issues: the issues to fix, worst first, see ``find_issues()``
        chosen (None): the name of the fix of some issues, by the issues' index; the
            others get the first one that applies, apart from leaving them
        taken (0): the greatest track ID that boxes had that are deleted by now
        predictions (None): what a detector found in the same sequences, with the
            columns ``sequence``, ``frame``, the box, ``label`` and ``confidence``

    Returns:
        the :class:`Plan`

    Raises:
        ValueError: if a chosen fix is unknown
    """
    chosen = chosen or {}
    edits, made = [_NO_EDITS], []
    for start, part in _sequences(tracks, issues["sequence"]):
        own = issues[issues["sequence"] == part.table["sequence"].iloc[0]]
        # Labels may be in no frame at all
        own = own[own["peak_frame"].notna()]
        draft = Draft(part.table)
        draft.new_track = max(draft.new_track, taken + 1)
        around = _surroundings(part, predictions)
        for index in _in_order(own):
            case = _case(draft, own.loc[index], around)
            for remedy in _choose(own.loc[index, "kind"], chosen.get(index)):
                done = remedy.make(case)
                if done is not None:
                    made.append(_Made(index, remedy.name, done, draft.apply(done)))
                    break
        final = draft.edits()
        own_row = final["row"] >= 0
        edits.append(
            final.assign(row=final["row"] + start * own_row, like=final["like"] + start)
        )
    fixes, log = _journal(issues, made)
    return Plan(pd.concat(edits, ignore_index=True), fixes, log)


def list_fixes(
    tracks: Tracks, issue: pd.Series, predictions: pd.DataFrame | None = None
) -> list[tuple[Remedy, pd.DataFrame]]:
    """List the fixes of an issue that apply, and what each would change.

    Args:
        tracks: the tracks of the issue's sequence, at least those of its tracks
        issue: the issue, see ``find_issues()``
        predictions (None): see :func:`plan_fixes`

    Returns:
        each fix and its edits, whose rows are those of the tracks table, the default
        first
    """
    if tracks.table.empty or pd.isna(issue["peak_frame"]):
        return []
    draft = Draft(tracks.table)
    case = _case(draft, issue, _surroundings(tracks, predictions))
    made = [(each, each.make(case)) for each in TABLE.get(issue["kind"], ())]
    return [(each, edits) for each, edits in made if edits is not None]


def apply_plan(tracks: Tracks, plan: Plan) -> Tracks:
    """Return tracks with the boxes as a plan has them.

    Args:
        tracks: the tracks that the plan is for
        plan: the plan

    Returns:
        the tracks; a box that was added has the attributes of its neighbor in the
        track, and ``mark`` says where it comes from
    """
    table, edits = tracks.table, plan.edits
    if edits.empty:
        return tracks
    identities = _identities(table)
    kept = edits[~edits["deleted"].astype(bool)]
    places = table.loc[table.index[kept["like"].to_numpy(np.intp)]]
    now = places.reset_index(drop=True).astype({"label": object, "sequence": object})
    for name in ("frame", "track", "label", *BOX):
        now[name] = kept[name].to_numpy()
    now["mark"] = kept["mark"].to_numpy(object)
    if identities is not None:
        keys = pd.MultiIndex.from_frame(now[["sequence", "track"]])
        now[identities.columns] = identities.reindex(keys).to_numpy(object)
    if "confidence" in now:
        now["confidence"] = now["confidence"].where(now["mark"] == "")
    now["frame_name"] = [
        tracks.sequences[name].frame_names[int(frame) - 1]
        for name, frame in zip(now["sequence"], now["frame"], strict=True)
    ]
    touched = edits["row"].to_numpy(np.intp)
    rest = table.drop(index=table.index[touched[touched >= 0]])
    plain = rest.astype({"label": object, "sequence": object, "frame_name": object})
    joined = pd.concat([plain.assign(mark=""), now], ignore_index=True)
    return replace(tracks, table=make_table({str(n): joined[n] for n in joined}))


@dataclass(frozen=True)
class _Made:
    """A fix that was made, and the boxes as they were."""

    index: object
    fix: str
    edits: pd.DataFrame
    old: Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True)
class _Surroundings:
    """What cases of one sequence have in common."""

    step: int
    frames: int
    size: tuple[int, int] | None
    predictions: pd.DataFrame


def _surroundings(tracks: Tracks, predictions: pd.DataFrame | None) -> _Surroundings:
    table = tracks.table
    steps = find_neighbors(table).step
    name = str(table["sequence"].iloc[0]) if len(table) else ""
    sequence: Sequence | None = tracks.sequences.get(name)
    step = int(steps[0]) if len(steps) else 1
    seen = _NO_PREDICTIONS
    if predictions is not None:
        seen = predictions.loc[predictions["sequence"] == name, _SEEN]
    if sequence is None:
        return _Surroundings(step, int(table["frame"].max()), None, seen)
    size = None
    if sequence.width is not None and sequence.height is not None:
        size = sequence.width, sequence.height
    return _Surroundings(step, len(sequence.frame_names), size, seen)


def _sequences(
    tracks: Tracks, wanted: Collection[object]
) -> Iterator[tuple[int, Tracks]]:
    """Yield the first row and the tracks of each sequence that has issues."""
    table, names = tracks.table, set(wanted)
    codes = table["sequence"].cat.codes.to_numpy()
    limits = [0, *(np.flatnonzero(np.diff(codes)) + 1), len(codes)]
    for start, end in pairwise(limits):
        if end > start and table["sequence"].iloc[start] in names:
            yield start, replace(tracks, table=table.iloc[start:end])


def _in_order(issues: pd.DataFrame) -> list[object]:
    """Return the index of issues in the order in which they are fixed."""
    reaching = issues["kind"].isin(REACHING)
    late = issues[reaching]
    late = late.assign(joined=late["kind"].isin(IDENTITIES)).sort_values(
        ["peak_frame", "joined"], ascending=False, kind="stable"
    )
    return [*issues.index[~reaching], *late.index]


def _case(draft: Draft, issue: pd.Series, around: _Surroundings) -> Case:
    other = issue["other_track"]
    near = draft.boxes_of(-1)
    if issue["kind"] == "identity_switch":
        # It may be about more tracks than it names
        near = draft.boxes_near(int(issue["peak_frame"]), MARGIN * around.step)
    elif issue["kind"] in _OF_MODELS:
        near = draft.boxes_near(int(issue["peak_frame"]), around.frames)
    reach = EXTENT * around.step
    ends = int(issue["first_frame"]) - reach, int(issue["last_frame"]) + reach
    seen = around.predictions
    expected = issue.reindex(EXPECTED).to_numpy(float)
    return Case(
        own=draft.boxes_of(int(issue["track"])),
        other=draft.boxes_of(-1 if pd.isna(other) else int(other)),
        first=int(issue["first_frame"]),
        last=int(issue["last_frame"]),
        peak=int(issue["peak_frame"]),
        step=around.step,
        frames=around.frames,
        size=around.size,
        new_track=draft.new_track,
        near=near,
        predicted=seen[seen["frame"].between(*ends)],
        expected=expected if np.isfinite(expected).all() else None,
        tracks=draft.boxes_of_all,
    )


def _choose(kind: str, name: str | None) -> tuple[Remedy, ...]:
    """Return the fixes of a kind to try: the named one, or all that change anything."""
    remedies = TABLE.get(kind, ())
    if name is None:
        return tuple(each for each in remedies if each != LEAVE)
    named = tuple(each for each in remedies if each.name == name)
    if not named:
        known = ", ".join(each.name for each in remedies) or "none"
        raise ValueError(f"{kind} has no fix '{name}' (it has: {known})")
    return named


def _journal(
    issues: pd.DataFrame, made: list[_Made]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what was done about each issue, and the log, box by box."""
    edits = pd.concat([_NO_EDITS, *(each.edits for each in made)], ignore_index=True)
    old = pd.DataFrame(
        {
            name: np.concatenate([[], *(each.old[name] for each in made)])
            for name in _BEFORE
        }
    )
    length = [len(each.edits) for each in made]
    index = np.repeat(np.array([each.index for each in made], object), length)
    told = count_edits(edits, old)
    counts = told.groupby(index).sum().reindex(issues.index, fill_value=0)
    fixes = pd.Series({each.index: each.fix for each in made}, dtype=object)
    counts.insert(0, "fix", fixes.reindex(issues.index))
    counts.insert(0, "kind", issues["kind"])
    added, gone = told["added"], told["deleted"]
    log = issues.loc[index, ["sequence", "kind", "score"]].reset_index(drop=True)
    log["fix"] = fixes.loc[index].to_numpy()
    log["change"] = told[list(_CHANGES)].idxmax(axis=1).map(_CHANGES)
    log["frame"] = edits["frame"]
    for name in _BEFORE[1:]:
        log[name] = old[name].mask(added)
        log[f"new_{name}"] = edits[name].mask(gone)
    tracks = {"track": "Int64", "new_track": "Int64", "frame": "int64"}
    return counts, log[LOG_COLUMNS].astype(tracks)


def _identities(table: pd.DataFrame) -> pd.DataFrame | None:
    """Return the identity columns of each track, None if there are no such columns."""
    names = [name for name in _IDENTITY if name in table]
    if not names:
        return None
    own = table[["sequence", "track", *names]].astype({"sequence": object})
    return own.drop_duplicates(["sequence", "track"]).set_index(["sequence", "track"])
