# SPDX-License-Identifier: Apache-2.0
"""Where two sets of labels disagree, as issues."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers.tracks import BOX
from ..audit.boxes import Floats, Rows
from ..audit.detectors.identity import IDENTITY_SWITCH
from ..audit.detectors.witnessed import BADLY_LOCATED, UNSUPPORTED, WRONG_CLASS
from ..audit.grouping import COLUMNS, EXPECTED
from ..audit.kinds import OVERLOOKED
from ..audit.sentences import boxes, name_place
from .pairing import Pair
from .switches import find_switches

#: What sentences call the labels that others are compared with.
OTHERS = "the other labels"
#: Boxes that agree in between, up to which two stretches are one.
_BRIDGED = 2
#: IoU below which boxes of one object can be badly located; and the robust standard
#: deviations by which they differ more than others here.
_CLOSE, _UNUSUAL = 0.75, 3.0
_MAD_TO_SD = 1.4826
#: The number of wrong boxes with a score of 0.75; the score is between 0.5 and 1.
_MIDDLING = 10.0


def find_disagreements(pair: Pair, name: str = OTHERS) -> pd.DataFrame:
    """Find where the labels of one sequence disagree.

    Args:
        pair: the two sets of labels
        name ("the other labels"): what sentences call those that the labels are
            compared with

    Returns:
        one row per disagreement, with the columns of issues, see ``find_issues()``
    """
    found = [
        find(pair, name)
        for find in (_overlooked, _unsupported, _badly_located, _wrong_class, _switches)
    ]
    issues = pd.concat([part for part in found if len(part)] or found[:1])
    wrong = issues.pop("wrong")
    return issues.assign(
        sequence=pair.sequence.name,
        score=(1 + wrong / (wrong + _MIDDLING)) / 2,
        size_limit=np.nan,
        iou_limit=np.nan,
    )[COLUMNS]


def _overlooked(pair: Pair, others: str) -> pd.DataFrame:
    """Find stretches of the other labels that no box covers."""
    missed = np.ones(len(pair.others), bool)
    missed[pair.match[pair.match >= 0]] = False
    first, last = _stretches(missed, pair.others)
    wrong = _sum(missed, first, last)

    def tell(place: str, index: int) -> tuple[str, str]:
        return (
            f"{place}: no box covers {_name(pair, first[index])} of {others} in "
            f"{_frames(wrong[index])}",
            f"Add a track, or delete {boxes(wrong[index])} of {others}",
        )

    issues = _make(OVERLOOKED, pair, pair.others, (first, last, first), wrong, tell)
    return _expect(issues, pair, first).assign(track=-1)


def _unsupported(pair: Pair, others: str) -> pd.DataFrame:
    """Find stretches of boxes where the other labels have none."""
    alone = pair.match < 0
    first, last = _stretches(alone, pair.labels)
    wrong = _sum(alone, first, last)

    def tell(place: str, index: int) -> tuple[str, str]:
        count = boxes(wrong[index])
        return (
            f"{place}: {others} have nothing at {count}",
            f"Delete {count}, or add them to {others}",
        )

    return _make(UNSUPPORTED, pair, pair.labels, (first, last, first), wrong, tell)


def _badly_located(pair: Pair, others: str) -> pd.DataFrame:
    """Find stretches of boxes that differ more from the others than boxes do here."""
    matched = pair.match >= 0
    known = pair.overlap[matched]
    usual = float(np.median(known)) if len(known) else 1.0
    spread = _MAD_TO_SD * float(np.median(np.abs(known - usual))) if len(known) else 0.0
    bad = matched & (pair.overlap < min(_CLOSE, usual - _UNUSUAL * spread))
    first, last = _stretches(bad, pair.labels)
    loss = np.where(bad, 1 - pair.overlap, 0)
    wrong, count = _sum(loss, first, last), _sum(bad, first, last)
    peak = _worst(loss, first, last)

    def tell(place: str, index: int) -> tuple[str, str]:
        other = _name(pair, pair.match[peak[index]])
        mean = 1 - wrong[index] / count[index]
        return (
            f"{place}: {boxes(count[index])} with a mean IoU of {mean:.2f} with "
            f"{other} of {others}, where {usual:.2f} is usual",
            f"Redraw {boxes(count[index])}, or those of {others}",
        )

    issues = _make(BADLY_LOCATED, pair, pair.labels, (first, last, peak), wrong, tell)
    return _expect(issues, pair, pair.match[peak])


def _wrong_class(pair: Pair, others: str) -> pd.DataFrame:
    """Find stretches of boxes whose class differs, if any classes are the same."""
    names = [
        each["label"].astype(str).str.casefold() for each in (pair.labels, pair.others)
    ]
    comparable = bool(set(names[0]) & set(names[1]))
    theirs = np.append(names[1].to_numpy(object), "")[pair.match]
    differs = comparable & (pair.match >= 0) & (names[0].to_numpy(object) != theirs)
    # A stretch ends where the other class changes
    first, last = _stretches(differs, pair.labels, np.where(differs, theirs, ""))
    wrong = _sum(differs, first, last)

    def tell(place: str, index: int) -> tuple[str, str]:
        other = pair.others["label"].iloc[pair.match[first[index]]]
        return (
            f"{place}: {others} call the object '{other}'",
            f"Check whether this is a {other}",
        )

    return _make(WRONG_CLASS, pair, pair.labels, (first, last, first), wrong, tell)


def _switches(pair: Pair, others: str) -> pd.DataFrame:
    """Find frames from which on a track shows another object, or an object is lost."""
    switches = find_switches(pair)
    rows = switches["row"].to_numpy(np.intp)
    before = switches["before"].to_numpy()

    def tell(place: str, index: int) -> tuple[str, str]:
        switch = switches.iloc[index]
        if switch["before"] < 0:
            return (
                f"{place}: the track shows another object from here on: track "
                f"{switch['their_after']} of {others}, and not "
                f"{switch['their_before']}",
                f"Give the track a new ID from here on, if {others} are right",
            )
        track = pair.labels["track"].iloc[rows[index]]
        return (
            f"{place}: the object that {others} call track "
            f"{switch['their_after']} was track {switch['before']} before",
            f"Swap the IDs {track} and {switch['before']} from here on, if {others} "
            "are right",
        )

    wrong = switches["wrong"].to_numpy(float)
    issues = _make(IDENTITY_SWITCH, pair, pair.labels, (rows, rows, rows), wrong, tell)
    other = pd.array(np.maximum(before, 0), "Int64")
    other[before < 0] = pd.NA
    return issues.assign(other_track=other)


def _make(
    kind: str,
    pair: Pair,
    table: pd.DataFrame,
    rows: tuple[Rows, Rows, Rows],
    wrong: Floats,
    tell: Callable[[str, int], tuple[str, str]],
) -> pd.DataFrame:
    """Make issues of stretches of rows of one of the two tables.

    Args:
        kind: the kind
        pair: the two sets of labels
        table: one of them
        rows: the first, the last and the worst row of each stretch
        wrong: how many boxes are wrong
        tell: returns the reason and the suggestion, given the place and the index
    """
    first, last, peak = (table["frame"].to_numpy()[each] for each in rows)
    names = pair.sequence.frame_names
    tracks = table["track"].to_numpy()[rows[0]]
    labels = table["label"].astype(str).to_numpy(object)[rows[0]]
    is_theirs = table is pair.others
    told = [
        tell(
            name_place(
                label, -1 if is_theirs else track, names[begin - 1], names[end - 1]
            ),
            index,
        )
        for index, (label, track, begin, end) in enumerate(
            zip(labels, tracks.tolist(), first.tolist(), last.tolist(), strict=True)
        )
    ]
    return pd.DataFrame(
        {
            "kind": pd.Series(kind, range(len(told)), dtype=object),
            "track": np.maximum(tracks, -1).astype(np.int64),
            "other_track": pd.array([pd.NA] * len(told), "Int64"),
            "first_frame": first.astype(np.int64),
            "last_frame": last.astype(np.int64),
            "reason": pd.Series([reason for reason, _ in told], dtype=object),
            "suggestion": pd.Series([todo for _, todo in told], dtype=object),
            "peak_frame": peak.astype(np.int64),
            "wrong": wrong,
            **dict.fromkeys(EXPECTED, np.nan),
        }
    )


def _expect(issues: pd.DataFrame, pair: Pair, rows: Rows) -> pd.DataFrame:
    """Add rows of the other labels as the boxes to expect."""
    expected = pair.others[BOX].to_numpy(float)[rows]
    return issues.assign(**dict(zip(EXPECTED, expected.T, strict=True)))


def _stretches(
    wrong: NDArray[np.bool_],
    table: pd.DataFrame,
    group: NDArray[np.object_] | None = None,
) -> tuple[Rows, Rows]:
    """Return the first and last rows of stretches of a track, bridging a few rows.

    Args:
        wrong: bool array ``(n,)``
        table: the tracks table
        group (None): what the rows of one stretch have in common, ``(n,)``
    """
    code = pd.factorize(table["track"])[0]
    if group is not None:
        kinds = pd.factorize(group)[0]
        code = code * (kinds.max(initial=0) + 1) + kinds
    rows = np.flatnonzero(wrong)
    goes_on = (np.diff(rows) <= _BRIDGED + 1) & (np.diff(code[rows]) == 0)
    starts = np.r_[True, ~goes_on][: len(rows)]
    ends = np.r_[~goes_on, True][: len(rows)]
    return rows[starts], rows[ends]


def _sum(values: NDArray[np.generic], first: Rows, last: Rows) -> Floats:
    """Return the sum of values over each stretch, ``(s,)``."""
    total = np.r_[0, np.cumsum(values.astype(float))]
    summed: Floats = total[last + 1] - total[first]
    return summed


def _worst(values: Floats, first: Rows, last: Rows) -> Rows:
    """Return the row with the largest value of each stretch, ``(s,)``."""
    rows = np.arange(len(values))
    stretch = np.searchsorted(first, rows, side="right") - 1
    inside = (stretch >= 0) & (rows <= np.append(last, -1)[stretch])
    rows, stretch = rows[inside], stretch[inside]
    order = np.lexsort((-values[rows], stretch))
    _, best = np.unique(stretch[order], return_index=True)
    worst: Rows = rows[order[best]]
    return worst


def _name(pair: Pair, row: int) -> str:
    """Name the track of a row of the other labels."""
    track = pair.others["track"].iloc[row]
    return f"track {track}" if track >= 0 else "a box"


def _frames(count: float) -> str:
    return f"{count:.0f} frame{'' if count == 1 else 's'}"
