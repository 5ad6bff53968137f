# SPDX-License-Identifier: Apache-2.0
"""Simulate a reviewer: ``python benchmarks/effort.py LABELS TRUTH``.

The reviewer takes the issues of an audit in order, looks at each once, and fixes it by
the default fix where that brings the labels nearer to the truth. Other issues are
dismissed, from which the order of the open ones learns. The rivals show the reviewer
frames instead: those that the two rules of AWS's notebook flag, random ones, and all in
order. Whatever the same fixes can bring to a frame is then made in one look, too, so
only the order differs.

Without arguments, labels of trackers, pairs of labels before and after people corrected
them, and planted mistakes are measured on the real data; with ``--output docs``, the
tables and plots of ``docs/fixing.md`` are written.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd
from fiftyone_track_audit.importers.formats import read_labels
from fiftyone_track_audit.importers.mot import read_mot
from fiftyone_track_audit.importers.tracks import Tracks
from fiftyone_track_audit.plugin.audit import audit_tracks
from fiftyone_track_audit.plugin.audit.learning import CONFIRMED, DISMISSED, learn
from fiftyone_track_audit.plugin.fixing.planning import Plan, apply_plan, plan_fixes
from fiftyone_track_audit.plugin.fixing.remedies import IDENTITIES
from fixing import agreement, measure_agreement
from identities import read_trackers
from injector import inject
from measures import match_issues
from numpy.typing import NDArray
from plots import plot_effort
from report import fill_page, print_frame, print_machine, real_data
from rivals import two_rules

#: Looks at which the labels are measured.
LOOKS = (0, 5, 10, 20, 30, 40, 60, 90, 120, 160)
#: Looks that the tables show, and those after which half of the gain should be there.
_SHOWN, _ENOUGH = (0, 20, 60, 160), 60
#: Looks after which the order of the open issues is renewed.
_EVERY = 3
#: The least gain of a fix, in boxes, that a reviewer sees.
_VISIBLE = 0.02
#: Frames on either side of an issue that show a reviewer whose boxes these are.
_AROUND = 10
#: Pairs of labels before and after people corrected them, in the same style of boxes.
PAIRS = (
    "ETH-seq0_gaps-and-ids",
    "UAVDT_M0205_missing",
    "UAVDT_M0801_missing",
    "hockey_CHI_VS_TOR_2016_004",
    "hockey_allstar_2019_001",
    "hockey_allstar_2019_003",
)
#: The share of boxes that planted mistakes make wrong.
_SHARE = 0.03
METHODS = ("issues in order", "frames by two rules", "random frames", "frames in order")

Order: TypeAlias = list[list[int]]


@dataclass(frozen=True)
class Task:
    """Labels to review.

    Attributes:
        group: what they are an example of
        name: their name
        labels: the labels, of one sequence
        truth: what is right
        events (None): the planted mistakes, if they are known
    """

    group: str
    name: str
    labels: Tracks
    truth: Tracks
    events: pd.DataFrame | None = None


def main() -> None:
    """Measure and print."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("labels", nargs="?", help="labels in any format")
    parser.add_argument("truth", nargs="?", help="what is right")
    parser.add_argument("--output", type=Path, help="the folder of fixing.md")
    parser.add_argument("--quick", action="store_true", help="take fewer sequences")
    asked = parser.parse_args()
    print_machine()
    if asked.labels:
        tasks: Iterable[Task] = split(
            read_labels(asked.labels), read_labels(asked.truth)
        )
    else:
        tasks = read_tasks(real_data(), asked.quick)
    curves = pd.DataFrame([row for task in tasks for row in review(task)])
    tables = {"effort": tabulate(curves)}
    if "mistakes left" in curves:
        tables["effort-mistakes"] = tabulate_mistakes(curves)
    for name, table in tables.items():
        print_frame(name, table)
    if asked.output:
        fill_page(asked.output / "fixing.md", tables)
        plot_effort(curves, asked.output / "images/effort.png")


def split(labels: Tracks, truth: Tracks) -> Iterable[Task]:
    """Yield the sequences that labels and the truth have in common.

    Args:
        labels: the labels
        truth: what is right
    """
    for name, record in truth.sequences.items():
        own, right = (
            Tracks(
                each.table[each.table["sequence"] == name].reset_index(drop=True),
                {name: record},
            )
            for each in (labels, truth)
        )
        if len(own.table):
            yield Task("labels", name, own, right)


def read_tasks(data: Path, quick: bool = False) -> Iterable[Task]:
    """Yield labels of trackers, pairs of labels, and planted mistakes.

    Args:
        data: the folder of real labels
        quick (False): whether to take MOT17-09 alone, and every second of the others
    """
    every = 2 if quick else 1
    for name, labels, truth in read_trackers(data):
        if quick and not name.endswith("-09"):
            continue
        people = truth.table["label"].astype(str) == "pedestrian"
        table = truth.table[people].reset_index(drop=True)
        yield Task("trackers", name, labels, Tracks(table, truth.sequences))
    for name in PAIRS[::every]:
        before, after = (
            read_mot(data / "pairs" / name / at) for at in ("before", "after")
        )
        for task in split(before, after):
            yield Task("annotators", name, task.labels, task.truth)
    domains = sorted(path for path in data.glob("tracks/*") if path.is_dir())
    for domain in domains[::every]:
        clean = read_mot(min(domain.glob("*/seqinfo.ini")).parent)
        planted = inject(clean, seed=2, share=_SHARE)
        yield Task("planted", domain.name, planted.tracks, clean, planted.events)


def review(task: Task) -> list[dict[str, object]]:
    """Simulate the reviews of one sequence.

    Args:
        task: the labels, and what is right

    Returns:
        a record per method and number of looks: ``IDF1``, the ``best`` IDF1 that all
        helpful fixes bring, ``HOTA`` before any and after 60 looks at issues, and if
        they are known the ``mistakes``, the ``mistakes left``, and the share that is
        ``fixed within 2N`` looks, where N is the number of mistakes
    """
    print(task.group, task.name, flush=True)
    issues = audit_tracks(task.labels).issues.reset_index(drop=True)
    helpful = find_helpful(task, issues)
    best = _measure(task, issues, np.flatnonzero(helpful))
    pairs = None
    if task.events is not None:
        pairs = match_issues(issues, task.events)
        pairs = pairs[helpful[pairs["issue"]]]
    records: list[dict[str, object]] = []
    known: dict[tuple[int, ...], float] = {}
    for method, order in order_looks(task, issues, helpful).items():
        for looks in LOOKS:
            seen = sorted({issue for look in order[:looks] for issue in look})
            made = tuple(issue for issue in seen if helpful[issue])
            if made not in known:
                known[made] = _measure(task, issues, made)
            record: dict[str, object] = {
                "group": task.group,
                "name": task.name,
                "method": method,
                "looks": looks,
                "IDF1": known[made],
                "best": best,
            }
            if method == METHODS[0] and looks in (0, _ENOUGH):
                fixed = _fix(task, issues, made)
                record["HOTA"] = measure_agreement([(task.truth, fixed)])["HOTA"]
            if pairs is not None and task.events is not None:
                number = len(task.events)
                record["mistakes"] = number
                record["mistakes left"] = number - _count_right(pairs, order[:looks])
                within = _count_right(pairs, order[: 2 * number])
                record["fixed within 2N"] = within / number
            records.append(record)
    return records


def _count_right(pairs: pd.DataFrame, looks: Order) -> int:
    """Count the mistakes that the issues of some looks fix."""
    seen = {issue for look in looks for issue in look}
    return int(pairs.loc[pairs["issue"].isin(seen), "event"].nunique())


def find_helpful(task: Task, issues: pd.DataFrame) -> NDArray[np.bool_]:
    """Find the issues whose default fix brings the labels nearer to the truth.

    The ID of a track can be wrong for another reason, such as a switch long before,
    which a reviewer does not see, and does not hold against a box that is drawn right.
    So a fix of IDs that does not help as it is counts if it does in the frames around
    the issue, and any other one if it helps with the IDs as these leave them.

    Args:
        task: the labels, and what is right
        issues: the issues of the labels

    Returns:
        bool array ``(n,)``
    """
    plans = [plan_fixes(task.labels, issues.iloc[[at]]) for at in range(len(issues))]
    helpful = np.zeros(len(issues), bool)
    tried = [at for at, plan in enumerate(plans) if len(plan.edits)]
    helpful[tried] = _help(task, [plans[at] for at in tried])
    for at in tried:
        if plans[at].counts.identities and not helpful[at]:
            helpful[at] = _helps_around(task, plans[at], issues.iloc[at])
    right = np.flatnonzero(helpful & issues["kind"].isin(IDENTITIES))
    tried = [at for at in tried if not helpful[at] and not plans[at].counts.identities]
    helpful[tried] = _help(task, [plans[at] for at in tried], _now(task, issues, right))
    return helpful


def _helps_around(task: Task, plan: Plan, issue: pd.Series) -> bool:
    """Return whether a plan helps in the frames of an issue and around."""
    ends = issue["first_frame"] - _AROUND, issue["last_frame"] + _AROUND
    truth, before, after = (
        each.table[each.table["frame"].between(*ends)]
        for each in (task.truth, task.labels, apply_plan(task.labels, plan))
    )
    gain = agreement(truth, after) - agreement(truth, before)
    return gain * (len(truth) + len(before)) / 2 > _VISIBLE


def _now(task: Task, issues: pd.DataFrame, made: Iterable[int]) -> pd.DataFrame:
    """Return the ID that each box has after some fixes, by frame and ``track``."""
    table = task.labels.table
    edits = plan_fixes(task.labels, issues.iloc[list(made)]).edits
    edits = edits[edits["row"] >= 0]
    track = table["track"].to_numpy(np.int64, copy=True)
    track[edits["row"].to_numpy(int)] = edits["track"].to_numpy(int)
    now = table[["frame", "track"]].assign(now=track)
    return now.sort_values("frame", kind="stable")


def _help(
    task: Task, plans: Iterable[Plan], now: pd.DataFrame | None = None
) -> list[bool]:
    """Return whether each plan helps, if boxes have the IDs of :func:`_now`."""
    truth, boxes = task.truth.table, len(task.labels.table) + len(task.truth.table)

    def measure(table: pd.DataFrame, labels: bool) -> float:
        if now is not None:
            table = table.sort_values("frame", kind="stable")
            table = pd.merge_asof(table, now, on="frame", by="track")
            table = table.assign(track=table.pop("now").fillna(table["track"]))
        # Classes are not part of the agreement
        if labels:
            return _labels_agree(truth, table)
        return agreement(truth, table) * boxes / 2

    start = {each: measure(task.labels.table, each) for each in (False, True)}
    helpful = []
    for plan in plans:
        labels = plan.counts.labels > 0
        gain = measure(apply_plan(task.labels, plan).table, labels) - start[labels]
        helpful.append(gain > _VISIBLE)
    return helpful


def _labels_agree(truth: pd.DataFrame, table: pd.DataFrame) -> int:
    keys = ["frame", "track"]
    both = truth.merge(table, on=keys, suffixes=("", "_now"))
    return int((both["label"].astype(str) == both["label_now"].astype(str)).sum())


def order_looks(
    task: Task, issues: pd.DataFrame, helpful: NDArray[np.bool_]
) -> Mapping[str, Order]:
    """Return which issues each look of each method shows.

    Args:
        task: the labels
        issues: their issues
        helpful: whether the fix of each helps

    Returns:
        by method, a list with the issues of each look
    """
    frames = np.unique(task.labels.table["frame"])
    worst = pd.Series(two_rules(task.labels)).groupby(
        task.labels.table["frame"].to_numpy()
    )
    by_rules = worst.max().sort_values(ascending=False, kind="stable").index.to_numpy()
    random = np.random.default_rng(0).permutation(frames)
    most = max(*LOOKS, 0 if task.events is None else 2 * len(task.events))
    orders = (by_rules, random, frames)
    return {
        METHODS[0]: [[issue] for issue in _with_learning(issues, helpful)],
        **{
            method: [_in_frame(issues, frame) for frame in order[:most]]
            for method, order in zip(METHODS[1:], orders, strict=True)
        },
    }


def _with_learning(issues: pd.DataFrame, helpful: NDArray[np.bool_]) -> list[int]:
    """Return the issues in the order in which they are looked at."""
    answers = np.where(helpful, CONFIRMED, DISMISSED)
    decided = pd.Series(None, issues.index, dtype=object)
    order, looked = list(range(len(issues))), []
    while order:
        looked.append(order.pop(0))
        decided.iloc[looked[-1]] = answers[looked[-1]]
        if len(looked) % _EVERY == 0:
            odds = learn(issues.assign(decision=decided)).odds
            order.sort(key=lambda issue: -odds[issue])
    return looked


def _in_frame(issues: pd.DataFrame, frame: int) -> list[int]:
    """Return the issues that can be seen in a frame."""
    shown = issues["first_frame"].le(frame) & issues["last_frame"].ge(frame)
    return np.flatnonzero(shown).tolist()


def _fix(task: Task, issues: pd.DataFrame, made: Iterable[int]) -> Tracks:
    """Return the labels after the fixes of some issues."""
    plan = plan_fixes(task.labels, issues.iloc[list(made)])
    return apply_plan(task.labels, plan)


def _measure(task: Task, issues: pd.DataFrame, made: Iterable[int]) -> float:
    """Return IDF1 after the fixes of some issues."""
    return agreement(task.truth.table, _fix(task, issues, made).table, True)


def tabulate(curves: pd.DataFrame) -> pd.DataFrame:
    """Tabulate what looks bring.

    Args:
        curves: the records of :func:`review`

    Returns:
        a row per group and method: IDF1 at several looks and with all fixes, and in how
        many sequences half of what these bring is reached within 60 looks
    """
    rows = []
    for (group, method), own in curves.groupby(["group", "method"], sort=False):
        means = own.groupby("looks")["IDF1"].mean()
        row: dict[str, object] = {"labels": group, "looks at": method}
        row |= {f"{looks} looks": f"{means[looks]:.3f}" for looks in _SHOWN}
        row["all fixes"] = f"{own.groupby('name')['best'].first().mean():.3f}"
        row["half within 60"] = _half(own)
        hota = own.groupby("looks")["HOTA"].mean()
        told = f"{hota[0]:.3f} to {hota[_ENOUGH]:.3f}" if method == METHODS[0] else ""
        row["HOTA within 60"] = told
        rows.append(row)
    return pd.DataFrame(rows)


def _half(curves: pd.DataFrame) -> str:
    """Return in how many sequences half of the gain is reached within 60 looks."""
    reached, total = 0, 0
    for _, own in curves.groupby("name"):
        by_looks = own.set_index("looks")["IDF1"]
        lack = own["best"].iloc[0] - by_looks[0]
        if lack > 0.001:
            total += 1
            reached += by_looks[_ENOUGH] - by_looks[0] >= lack / 2
    return f"{reached} of {total}"


def tabulate_mistakes(curves: pd.DataFrame) -> pd.DataFrame:
    """Tabulate the share of planted mistakes that is fixed.

    Args:
        curves: the records of :func:`review`

    Returns:
        a row per method: the share at several looks, and at twice as many looks as
        there are mistakes, as means over the sequences
    """
    known = curves.dropna(subset=["mistakes"])
    known = known.assign(fixed=1 - known["mistakes left"] / known["mistakes"])
    table = known.pivot_table("fixed", "method", "looks", sort=False)
    told = table[[20, 40, 60, 90, 120, 160]]
    told = told.rename(columns="{} looks".format)
    told["2N looks"] = known.groupby("method")["fixed within 2N"].mean()
    return told.map("{:.0%}".format).reset_index(names="looks at")


if __name__ == "__main__":
    main()
