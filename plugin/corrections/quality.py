# SPDX-License-Identifier: Apache-2.0
"""Measure how much better labels got, and how many mistakes are likely left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import fiftyone as fo
import pandas as pd

from ...importers import store
from ...importers.tracks import Tracks
from ..audit import Thresholds, audit_tracks
from ..audit.estimates import Estimate, estimate_left
from ..comparing.measures import Measures
from ..comparing.pairing import pair_labels
from ..plain import Json, count, to_records
from ..review.audit_records import list_audits
from ..review.decisions import CONFIRMED, DISMISSED, FIXED
from ..review.issues import read_dataset_issues
from .before import count_labels, labels_before, read_all_edits

#: The states of issues, besides "open".
_DECIDED = (CONFIRMED, DISMISSED, FIXED)
#: The measures of agreement.
_MEASURES = ("HOTA", "IDF1", "MOTA")
#: What issues and boxes are counted by.
_GROUPS = ("kind", "sequence", "label", "annotator")


@dataclass(frozen=True)
class Quality:
    """How good labels were and are.

    Attributes:
        boxes_before: the number of boxes before anything was fixed or applied
        boxes: the number of boxes now
        changed: the number of boxes that were changed, added or deleted since
        rates: issues per 1,000 boxes ``before`` and ``after``, and their numbers
            ``issues_before`` and ``issues_after``, by ``group`` (``all``, ``kind``,
            ``sequence``, ``label``, ``annotator``) and ``name``. Both are of audits
            of the boxes alone, with the settings of the last audit
        decided: the number of issues that are ``open``, ``confirmed``, ``dismissed``
            and ``fixed``, that annotators ``reviewed``, and that they ``corrected``
        left: how many open or confirmed issues are likely mistakes
        agreement: how far the labels of before agree with those of now: ``HOTA``,
            ``IDF1`` and ``MOTA``; None if TrackEval is not installed

    Example:
        >>> quality = fta.measure_quality(dataset)
        >>> quality.decided["open"], quality.changed
        (2, 0)
    """

    boxes_before: int
    boxes: int
    changed: int
    rates: pd.DataFrame
    decided: dict[str, int]
    left: Estimate
    agreement: dict[str, float] | None

    def to_dict(self) -> Json:
        """Return everything as a JSON object."""
        return {
            "boxes_before": self.boxes_before,
            "boxes": self.boxes,
            "changed": self.changed,
            "rates": to_records(self.rates.round(4)),
            "issues": self.decided,
            "mistakes_left": asdict(self.left),
            "agreement": self.agreement,
        }

    def __str__(self) -> str:
        """Summarize it in a few lines."""
        rates = self.rates.set_index("group").loc["all"]
        told = ", ".join(f"{number:,} {name}" for name, number in self.decided.items())
        left = count(round(self.left.mean), "mistake")
        lines = [
            f"{rates['before']:.1f} issues per 1,000 boxes before, "
            f"{rates['after']:.1f} now; {count(self.changed, 'box')} changed",
            f"issues: {told}",
            f"about {left} left among them (90 % interval {self.left.low} to "
            f"{self.left.high})",
        ]
        if self.agreement is not None:
            told = ", ".join(f"{name} {it:.3f}" for name, it in self.agreement.items())
            lines.append(f"the labels of before against those of now: {told}")
        return "\n".join(lines)


def measure_quality(
    dataset: fo.Dataset,
    label_field: str | None = None,
    annotator_field: str | None = None,
) -> Quality:
    """Measure how much better the labels of a dataset got.

    The labels of before are those before the first fix or applied correction that is
    still kept. Nothing is changed.

    Args:
        dataset: an audited dataset
        label_field (None): the frame field of the tracks; by default the only one
        annotator_field (None): an attribute of detections that tells who drew them

    Returns:
        the :class:`Quality`

    Raises:
        ValueError: if the tracks were not audited, or no box has the attribute

    Example:
        >>> fta.measure_quality(dataset).boxes
        60
    """
    field = store.find_label_field(dataset, label_field)
    audits = list_audits(dataset, field)
    if not audits:
        raise ValueError(f"the tracks in '{field}' were not audited; audit them first")
    edits = read_all_edits(dataset, field)
    counts: Counter[tuple[str, str, bool]] = Counter()
    tables: dict[bool, list[pd.DataFrame]] = {False: [], True: []}
    thresholds = audits[-1].settings.thresholds
    measures = _measures()
    own = ["id", *([annotator_field] if annotator_field else [])]
    for stored in store.read_sequences(dataset, field, own):
        now = stored.tracks
        was = labels_before(dataset, field, stored, edits)
        if measures is not None:
            for pair in pair_labels(was, now):
                measures.add(pair)
        for is_now, tracks in ((False, was), (True, now)):
            tables[is_now].append(tracks.table)
            for key in _count(tracks, thresholds, annotator_field, is_now):
                counts[key] += 1
    before, after = (_join(tables[each], annotator_field) for each in (False, True))
    return Quality(
        len(before),
        len(after),
        count_labels(edits),
        _rates(counts, before, after),
        *_decided(read_dataset_issues(dataset, field)),
        _agreement(measures),
    )


def _measures() -> Measures | None:
    """Return what measures agreement, None if TrackEval is not installed."""
    try:
        return Measures()
    except ValueError:
        return None


def _agreement(measures: Measures | None) -> dict[str, float] | None:
    """Return the measures of all sequences together."""
    table = None if measures is None else measures.tabulate()
    if table is None or table.empty:
        return None
    total = table.iloc[-1]
    return {name: float(total[name]) for name in _MEASURES}


def _join(tables: list[pd.DataFrame], annotator: str | None) -> pd.DataFrame:
    """Return the boxes of all sequences, with what they are counted by."""
    both = pd.concat(tables, ignore_index=True)
    return both.assign(
        sequence=both["sequence"].astype(str),
        label=both["label"].astype(str),
        annotator=both[annotator].astype(str) if annotator in both else "",
    )


def _count(
    tracks: Tracks, thresholds: Thresholds, annotator: str | None, after: bool
) -> Iterator[tuple[str, str, bool]]:
    """Yield the groups of each issue of a sequence, and whether it is one of now."""
    issues = audit_tracks(tracks, thresholds).issues
    table = tracks.table
    names = {
        "label": "label",
        **({"annotator": annotator} if annotator in table else {}),
    }
    first = table.drop_duplicates("track").set_index("track")
    for issue in to_records(issues[["kind", "sequence", "track"]]):
        yield "all", "all", after
        yield "kind", issue["kind"], after
        yield "sequence", issue["sequence"], after
        for group, column in names.items():
            if issue["track"] in first.index:
                yield group, str(first.loc[issue["track"], column]), after


def _rates(
    counts: Counter[tuple[str, str, bool]],
    before: pd.DataFrame,
    after: pd.DataFrame,
) -> pd.DataFrame:
    """Return the issues per 1,000 boxes of each group."""
    rows = []
    keys = dict.fromkeys(key[:2] for key in counts) | {("all", "all"): None}
    for group, name in sorted(keys, key=lambda key: ("all", *_GROUPS).index(key[0])):
        row: Json = {"group": group, "name": name}
        for when, table in (("before", before), ("after", after)):
            number = counts[group, name, when == "after"]
            whole = group in ("all", "kind")
            boxes = len(table) if whole else int((table[group] == name).sum())
            row[f"issues_{when}"] = number
            row[when] = 1000 * number / boxes if boxes else None
        rows.append(row)
    return pd.DataFrame(rows)


def _decided(issues: pd.DataFrame) -> tuple[dict[str, int], Estimate]:
    """Count issues by what was decided, and estimate the mistakes that are left."""
    decision = issues["decision"]
    counts = {"open": int((~decision.isin(_DECIDED)).sum())}
    counts |= {name: int(decision.eq(name).sum()) for name in _DECIDED}
    corrected = issues["corrected"].astype("boolean")
    counts["reviewed"] = int(corrected.notna().sum())
    counts["corrected"] = int(corrected.sum())
    right = decision.map({CONFIRMED: True, FIXED: True, DISMISSED: False})
    right = right.astype("boolean").fillna(corrected)
    found = estimate_left(issues[["kind", "score"]].assign(right=right))
    # Confirmed ones that nobody fixed or corrected are mistakes for sure
    sure = int((decision.eq(CONFIRMED) & ~corrected.fillna(False)).sum())
    return counts, Estimate(found.mean + sure, found.low + sure, found.high + sure)
