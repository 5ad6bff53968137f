# SPDX-License-Identifier: Apache-2.0
"""Judge tracks again where their labels changed, without auditing whole sequences."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import fiftyone as fo
import numpy as np
import pandas as pd

from ...importers import store
from ...importers.store import runs
from ...importers.store.bulk import database_time
from ...importers.store.locks import exclusive
from ..audit import APPEARANCE, audit_tracks
from ..audit.kinds import BY_NAME
from ..audit.neighbors import find_neighbors
from ..plain import count
from .audit_records import list_audits
from .audit_storage import columns_to_store
from .audits import with_earlier_kinds
from .deciding import record_decision
from .decisions import DISMISSED, EDITED, FIXED
from .issues import declare_issues, exchange_issues, read_issues
from .judging import AuditSettings

#: The method of the runs that record what was judged again since the last audit.
_METHOD = "track_audit/judged_again"
#: Labeled frames around a change within which issues are replaced, and frames around
#: those that are read, because drifts and paths reach that far.
_NEAR, _AROUND = 10, 80
#: What the audit stores on a box that follows from it and its neighbors alone, and how
#: much two computations of it may differ.
_COMPARED, _ROUNDING = ("size_change", "iou_prev", "iou_next"), 1e-6


def judge_again(
    dataset: fo.Dataset,
    field: str,
    sequence: str,
    frames: tuple[int, int],
    tracks: Collection[int],
) -> None:
    """Judge tracks again around frames in which their labels changed.

    Their signals and scores there are stored, and their issues there are replaced by
    what is found now. New issues take over decisions; fixed issues stay. Without an
    audit, nothing is judged. Crops are not compared, so issues of the kind
    ``appearance`` stay, too.

    Args:
        dataset: the dataset, whose lock is held
        field: the frame field of the tracks
        sequence: the name of the sequence
        frames: positions of the first and the last frame that changed
        tracks: the IDs of the tracks that changed
    """
    judgment = _judge(dataset, field, sequence, frames)
    if judgment is not None:
        _store(dataset, field, judgment, tracks)


def judge_edits(dataset: fo.Dataset, field: str, author: str | None = None) -> int:
    """Judge again what somebody edited since it was judged, such as in the App.

    An issue that is not found any more because its labels were edited counts as fixed;
    its ``fix`` is "edited". If the edit is taken back, the issue is open again.

    Args:
        dataset: the dataset
        field: the frame field of the tracks
        author (None): who edited the labels; by default the user of this machine

    Returns:
        the number of frames that were edited

    Raises:
        ValueError: if another process does not finish writing to the dataset
    """
    with exclusive(dataset, "judging edits of"):
        audits = list_audits(dataset, field)
        if not audits:
            return 0
        since, known = audits[-1].finished_at, _judged_times(dataset, field)
        edited = store.find_modified(dataset, since, known)
        if edited.empty:
            return 0
        store.note_instances(dataset, field, since)
        for sequence, first, last in _group(edited):
            judgment = _judge(dataset, field, sequence, (first, last))
            if judgment is not None:
                touched = _find_touched(judgment)
                gone = _store(dataset, field, judgment, touched, keep=True)
                record_decision(dataset, gone, FIXED, author, fix=EDITED)
        note_judged(dataset, field, edited["time"])
        return len(edited)


def _group(edited: pd.DataFrame) -> list[tuple[str, int, int]]:
    """Return the sequence, and the first and the last frame of edits close together."""
    placed = edited.sort_values(["sequence", "frame"])
    begins = placed.groupby("sequence")["frame"].diff().fillna(np.inf) > _AROUND
    groups = placed.groupby(begins.cumsum())
    ranges = groups.agg(
        sequence=("sequence", "first"), first=("frame", "min"), last=("frame", "max")
    )
    return list(ranges.itertuples(index=False, name=None))


@dataclass(frozen=True)
class _Judgment:
    """What is found around frames that changed.

    Attributes:
        stored: the tracks there, as they were read
        columns: what is to be stored on their boxes
        before: what is stored on them of :data:`_COMPARED`, in the same rows
        found: the issues
        kinds: the kinds of mistakes that were looked for
        settled: those of them that are gone if they are not found; others may have been
            seen in crops or predictions, which are not looked at again
        near: positions of the first and the last frame whose issues are replaced
    """

    stored: store.StoredTracks
    columns: pd.DataFrame
    before: pd.DataFrame
    found: pd.DataFrame
    kinds: tuple[str, ...]
    settled: tuple[str, ...]
    near: tuple[int, int]


def _judge(
    dataset: fo.Dataset, field: str, sequence: str, frames: tuple[int, int]
) -> _Judgment | None:
    """Judge all tracks around frames as the last audit did, None without one."""
    audits = list_audits(dataset, field)
    if not audits:
        return None
    settings = with_earlier_kinds(audits[-1].settings, audits)
    kinds = tuple(kind for kind in settings.kinds if kind != APPEARANCE)
    settled = tuple(kind for kind in kinds if _is_settled(kind, settings))
    own = store.own_attributes(dataset, field)
    names = {own[name]: name for name in _COMPARED if name in own}
    stored, near = _read_around(dataset, field, sequence, frames, list(names))
    table = stored.tracks.table
    before = table[list(names)].rename(columns=names)
    tracks = replace(stored.tracks, table=table.drop(columns=list(names)))
    stored = replace(stored, tracks=tracks)
    result = audit_tracks(tracks, settings.thresholds, kinds, rules=settings.rules)
    columns = columns_to_store(result, stored, pd.Series(True, stored.documents.index))
    return _Judgment(stored, columns, before, result.issues, kinds, settled, near)


def _is_settled(kind: str, settings: AuditSettings) -> bool:
    """Return whether boxes alone tell all mistakes of a kind."""
    row = BY_NAME[kind]
    seen = settings.model is not None and row.from_crops is not None
    return not (row.needs_predictions or seen)


def _find_touched(judgment: _Judgment) -> set[int]:
    """Return the tracks whose boxes are not those that were judged before.

    The neighbors of a box in its track tell whether it was moved, added or deleted or
    belongs to another track, and several labels in a track that a label was changed.
    """
    table, before = judgment.stored.tracks.table, judgment.before
    now = judgment.columns[list(before)].to_numpy(float)
    same = np.isclose(now, before.to_numpy(float), atol=_ROUNDING, equal_nan=True)
    inner = table["frame"].between(*judgment.near)
    moved = set(table.loc[inner & ~same.all(axis=1), "track"])
    labels = table[inner].groupby("track")["label"].nunique()
    return moved | set(labels.index[labels > 1])


def _store(
    dataset: fo.Dataset,
    field: str,
    judgment: _Judgment,
    tracks: Collection[int],
    keep: bool = False,
) -> list[str]:
    """Store what is found about some tracks.

    Returns:
        the IDs of the issues that are not found any more, but for dismissed ones, if
        they are to be kept
    """
    stored, near, found = judgment.stored, judgment.near, judgment.found
    declare_issues(dataset)
    table = stored.tracks.table
    changed = table["track"].isin(tracks) & table["frame"].between(*near)
    stamp = database_time()
    store.write_own(dataset, field, stored, judgment.columns[changed], stamp=stamp)
    note_judged(dataset, field, [stamp])
    before = read_issues(dataset, field, stored.spans)
    near_by = _are_about(before, tracks, near) & before["kind"].isin(judgment.kinds)
    near_by &= before["compared_with"].isna()
    is_fixed = before["decision"].eq(FIXED).fillna(False)
    old, edited = (
        before[near_by & ~is_fixed],
        before[near_by & before["fix"].eq(EDITED)],
    )
    found = found[_are_about(found, tracks, near)]
    # What is as it was keeps its ID and its score, which a whole audit gave to it
    known, still = _mistakes(old), _mistakes(found)
    gone = old[~known.isin(still) & old["kind"].isin(judgment.settled)]
    kept = gone[gone["decision"].ne(DISMISSED)] if keep else gone[:0]
    again = edited.loc[_mistakes(edited).isin(still), "id"]
    removed = [*gone.loc[~gone["id"].isin(kept["id"]), "id"], *again]
    exchange_issues(dataset, field, stored.spans, removed, found[~still.isin(known)])
    return kept["id"].tolist()


def note_judged(dataset: fo.Dataset, field: str, stamps: Iterable[datetime]) -> None:
    """Record when frames were changed whose labels have been judged since.

    Args:
        dataset: the dataset
        field: the frame field of the tracks
        stamps: the times at which the frames were modified
    """
    known = _judged(dataset, field)
    times = sorted({*known, *(stamp.isoformat() for stamp in stamps)})
    values = {"label_field": f"frames.{field}", "times": times}
    runs.save_record(dataset, runs.run_key("judged_again", field), _METHOD, values)


def count_changed(dataset: fo.Dataset, field: str) -> int:
    """Count the frames that changed since they were judged.

    Args:
        dataset: the dataset
        field: the frame field of the tracks

    Returns:
        the number of frames that somebody changed after the last audit, 0 without one
    """
    audits = list_audits(dataset, field)
    if not audits:
        return 0
    known = _judged_times(dataset, field)
    return store.count_modified(dataset, audits[-1].finished_at, known)


def describe_changed(changed: int) -> str:
    """Tell whether frames changed since they were judged.

    Args:
        changed: what :func:`count_changed` counts

    Returns:
        a sentence for users, empty if none changed
    """
    return f"{count(changed, 'frame')} changed since the audit" if changed else ""


def _judged(dataset: fo.Dataset, field: str) -> list[str]:
    records = runs.read_records(dataset, _METHOD, label_field=f"frames.{field}")
    return [time for each in records for time in each.content["times"]]


def _judged_times(dataset: fo.Dataset, field: str) -> list[datetime]:
    return [datetime.fromisoformat(time) for time in _judged(dataset, field)]


def _read_around(
    dataset: fo.Dataset,
    field: str,
    sequence: str,
    frames: tuple[int, int],
    attributes: list[str],
) -> tuple[store.StoredTracks, tuple[int, int]]:
    """Read the tracks around frames, and return the range whose issues are replaced.

    Both reach farther where not every frame is labeled.
    """
    step, read = 1, 0
    while step > read:
        near = frames[0] - _NEAR * step, frames[1] + _NEAR * step
        around = near[0] - _AROUND * step, near[1] + _AROUND * step
        stored = store.read_range(dataset, field, sequence, around, attributes)
        steps = find_neighbors(stored.tracks.table).step
        read, step = step, max(int(steps[0]) if len(steps) else 1, step)
    return stored, near


def _mistakes(issues: pd.DataFrame) -> pd.MultiIndex:
    """Return which mistake each issue is."""
    names = ["kind", "track", "other_track", "first_frame", "last_frame"]
    about = issues[names].astype({"other_track": "Int64"}).fillna({"other_track": -1})
    numbers = about.astype(dict.fromkeys(names[1:], "int64"))
    return pd.MultiIndex.from_frame(numbers.astype({"kind": object}))


def _are_about(
    issues: pd.DataFrame, tracks: Collection[int], frames: tuple[int, int]
) -> pd.Series[bool]:
    """Return which issues are about any of the tracks, near some frames."""
    of_tracks = issues["track"].isin(tracks) | issues["other_track"].isin(tracks)
    late, early = issues["last_frame"] >= frames[0], issues["first_frame"] <= frames[1]
    about: pd.Series[bool] = of_tracks & late & early
    return about.fillna(False).astype(bool)
