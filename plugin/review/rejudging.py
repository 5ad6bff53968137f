# SPDX-License-Identifier: Apache-2.0
"""Judge tracks again where their labels changed, without auditing whole sequences."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

import fiftyone as fo
import pandas as pd

from ...importers import store
from ...importers.store import runs
from ...importers.store.bulk import database_time
from ..audit import APPEARANCE, audit_tracks
from ..audit.neighbors import find_neighbors
from ..plain import count
from .audit_records import list_audits
from .audit_storage import columns_to_store
from .audits import with_earlier_kinds
from .decisions import FIXED
from .issues import declare_issues, exchange_issues, read_issues

#: The method of the runs that record what was judged again since the last audit.
_METHOD = "track_audit/judged_again"
#: Labeled frames around a change within which issues are replaced, and frames around
#: those that are read, because drifts and paths reach that far.
_NEAR, _AROUND = 10, 80


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
    audits = list_audits(dataset, field)
    if not audits:
        return
    settings = with_earlier_kinds(audits[-1].settings, audits)
    kinds = tuple(kind for kind in settings.kinds if kind != APPEARANCE)
    step = _labeling_step(dataset, field, sequence, frames)
    near = frames[0] - _NEAR * step, frames[1] + _NEAR * step
    around = near[0] - _AROUND * step, near[1] + _AROUND * step
    stored = store.read_range(dataset, field, sequence, around)
    result = audit_tracks(
        stored.tracks, settings.thresholds, kinds, rules=settings.rules
    )
    declare_issues(dataset)
    table = stored.tracks.table
    changed = table["track"].isin(tracks) & table["frame"].between(*near)
    columns = columns_to_store(result, stored, pd.Series(True, stored.documents.index))
    stamp = database_time()
    store.write_own(dataset, field, stored, columns[changed], stamp=stamp)
    note_judged(dataset, field, [stamp])
    spans = stored.spans
    before = read_issues(dataset, field, spans)
    replaced = _are_about(before, tracks, near) & before["kind"].isin(kinds)
    replaced &= before["decision"].ne(FIXED).fillna(True)
    replaced &= before["compared_with"].isna()
    old, found = before[replaced], result.issues
    found = found[_are_about(found, tracks, near)]
    # What is as it was keeps its ID and its score, which a whole audit gave to it
    known, still = _mistakes(old), _mistakes(found)
    ids = old.loc[~known.isin(still), "id"].tolist()
    exchange_issues(dataset, field, spans, ids, found[~still.isin(known)])


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
    times = [datetime.fromisoformat(time) for time in _judged(dataset, field)]
    return store.count_modified(dataset, audits[-1].finished_at, times)


def describe_changed(dataset: fo.Dataset, field: str) -> str:
    """Tell whether frames changed since they were judged.

    Args:
        dataset: the dataset
        field: the frame field of the tracks

    Returns:
        a sentence for users, empty if none changed
    """
    changed = count_changed(dataset, field)
    if not changed:
        return ""
    return (
        f"{count(changed, 'frame')} changed since the audit; audit the tracks again to "
        "judge them"
    )


def _judged(dataset: fo.Dataset, field: str) -> list[str]:
    records = runs.read_records(dataset, _METHOD, label_field=f"frames.{field}")
    return [time for each in records for time in each.content["times"]]


def _labeling_step(
    dataset: fo.Dataset, field: str, sequence: str, frames: tuple[int, int]
) -> int:
    """Return the number of frames from one labeled frame to the next."""
    few = store.read_range(dataset, field, sequence, (frames[0], frames[0] + _AROUND))
    steps = find_neighbors(few.tracks.table).step
    return int(steps[0]) if len(steps) else 1


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
