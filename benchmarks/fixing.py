# SPDX-License-Identifier: Apache-2.0
"""Fix planted mistakes: ``python benchmarks/fixing.py``.

Mistakes are planted into labels that are assumed to be correct, and the audit lists
issues. The default fixes are made of those that point at a planted mistake, one kind
of mistake at a time and all kinds at once; and of every issue, as nobody looks at it.

With ``--output docs``, the tables are written to ``docs/fixing.md``.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from fiftyone_track_audit.importers.mot import read_mot
from fiftyone_track_audit.importers.tracks import BOX, Tracks
from fiftyone_track_audit.plugin.audit import audit_tracks
from fiftyone_track_audit.plugin.audit.boxes import iou
from fiftyone_track_audit.plugin.comparing.measures import Measures
from fiftyone_track_audit.plugin.comparing.pairing import pair_labels
from fiftyone_track_audit.plugin.fixing.choosing import choose_issues
from fiftyone_track_audit.plugin.fixing.planning import apply_plan, plan_fixes
from identities import read_trackers
from injector import Injected, inject
from measures import match_issues
from report import fill_page, print_frame, print_machine, real_data
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array

#: The kinds of issues that say what a planted mistake is.
MEANT: Mapping[str, set[str]] = {
    "size": {"size_change", "low_iou", "shift"},
    "shift": {"shift", "low_iou", "size_change"},
    "jitter": {"jitter"},
    "drift": {"drift"},
    "missing": {"gap"},
    "identity_swap": {"identity_switch"},
    "fragmentation": {"fragmentation"},
    "duplicate": {"duplicate"},
    "spawned": {"short_track"},
    "ghost": {"ghost"},
    "wrong_label": {"label_change"},
    "truncated": {"truncated"},
}
#: Scores from which on everything is fixed without a look.
SCORES = (0.6, 0.7, 0.8, 0.9)
#: IoU from which on two boxes can be of the same object.
_SAME = 0.5
_KEYS = ["frame", "track"]
#: The share of boxes that are wrong when all kinds of mistakes are planted.
_SHARE = 0.05
_MEASURES = ("IDF1", "HOTA")
#: Changes of the agreement, in boxes, that mean nothing.
_NOISE = 0.02


def main() -> None:
    """Measure and print."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="the folder of fixing.md")
    output = parser.parse_args().output
    print_machine()
    data = real_data()
    domains = sorted(path for path in data.glob("tracks/*") if path.is_dir())
    # One sequence of each data set, so that the long ones do not count more
    folders = [min(domain.glob("*/seqinfo.ini")).parent for domain in domains]
    folders.append(data / "MOT20/train/MOT20-01")
    told, domain_records, blind = [], [], []
    for folder in folders:
        clean = read_mot(folder)
        domain = folder.parent.name.replace("train", "MOT20")
        print(domain, folder.name, flush=True)
        told += [{**each, "domain": domain} for each in measure_kinds(clean)]
        injected = inject(clean, seed=1, share=_SHARE)
        issues = audit_tracks(injected.tracks).issues
        record = measure_domain(clean, injected, issues)
        domain_records.append({"data set": domain, **record})
        blind += [
            {**each, "domain": domain}
            for each in measure_alone(clean, injected.tracks, issues)
        ]
    trackers = [{**each} for each in measure_trackers(data)]
    tables = {
        "kinds": tabulate_kinds(pd.DataFrame(told)),
        "domains": pd.DataFrame(domain_records),
        "blind": tabulate_alone(pd.DataFrame(blind)),
        "trackers": pd.DataFrame(trackers),
    }
    for name, table in tables.items():
        print_frame(name, table)
    if output is not None:
        fill_page(output / "fixing.md", tables)


def measure_kinds(clean: Tracks) -> list[dict[str, object]]:
    """Plant one kind of mistake at a time, and fix the issues that point at it.

    Args:
        clean: the correct tracks of one sequence

    Returns:
        a record per kind
    """
    records: list[dict[str, object]] = []
    for kind, meant in MEANT.items():
        injected = inject(clean, seed=1, kinds=(kind,))
        issues = audit_tracks(injected.tracks).issues
        pairs = match_issues(issues, injected.events)
        pairs = pairs[issues["kind"].isin(meant).to_numpy()[pairs["issue"]]]
        chosen = issues.iloc[sorted(set(pairs["issue"]))]
        plan = plan_fixes(injected.tracks, chosen)
        fixed = apply_plan(injected.tracks, plan).table
        before = compare(clean.table, injected.tracks.table, plan.edits)
        after = compare(clean.table, fixed, plan.edits)
        records.append(
            {
                "kind": kind,
                "planted": len(injected.events),
                "found": pairs["event"].nunique(),
                "fixed": int(plan.fixes["fix"].notna().sum()),
                **{f"{name} before": value for name, value in before.items()},
                **{f"{name} after": value for name, value in after.items()},
            }
        )
    return records


def compare(
    clean: pd.DataFrame, table: pd.DataFrame, edits: pd.DataFrame
) -> dict[str, float]:
    """Compare labels with the correct ones.

    Args:
        clean: the correct tracks table
        table: the labels
        edits: what a plan changes; only the boxes that it moves or adds count for IoU

    Returns:
        ``iou``, the mean IoU of these boxes with the correct ones, 0 without one;
        ``wrong``, the number of boxes that the labels lack, have too many, or have
        under another ID or label; and the ``agreement``
    """
    names = [*_KEYS, "label", *BOX]
    plain = [part[names].astype({"label": str}) for part in (clean, table)]
    both = plain[0].merge(plain[1], on=_KEYS, how="outer", suffixes=("", "_now"))
    fit = iou(both[BOX].to_numpy(), both[[f"{side}_now" for side in BOX]].to_numpy())
    both["iou"] = np.nan_to_num(fit)
    wrong = (both["iou"] < _SAME) | (both["label"] != both["label_now"])
    touched = edits.loc[~edits["deleted"].astype(bool), _KEYS].astype("int64")
    moved = both.merge(touched, on=_KEYS)
    return {
        "iou": float(moved["iou"].mean()),
        "wrong": int(wrong.sum()),
        "agreement": agreement(clean, table),
    }


def agreement(
    clean: pd.DataFrame, table: pd.DataFrame, counting: bool = False
) -> float:
    """Compute how far labels agree with the correct ones, boxes and identities.

    This is IDF1 (Ristani et al. 2016) with IoUs in place of counts: correct and
    labeled tracks are assigned to each other one to one, so that the sum of the IoUs
    of their boxes is greatest, where IoUs below 0.5 count as 0.

    Args:
        clean: the correct tracks table
        table: the labels
        counting (False): whether each IoU of 0.5 or more counts as 1, which is IDF1

    Returns:
        twice that sum over the number of boxes of both, in [0, 1]
    """
    pairs = clean[[*_KEYS, *BOX]].merge(
        table[[*_KEYS, *BOX]], on="frame", suffixes=("", "_now")
    )
    fit = iou(pairs[BOX].to_numpy(), pairs[[f"{side}_now" for side in BOX]].to_numpy())
    pairs["iou"] = np.where(fit >= _SAME, 1 if counting else fit, 0)
    near = pairs[pairs["iou"] > 0]
    one, two = pd.factorize(near["track"])[0], pd.factorize(near["track_now"])[0]
    shape = (one.max(initial=-1) + 1, two.max(initial=-1) + 1)
    matrix = coo_array((near["iou"], (one, two)), shape=shape).toarray()
    rows, columns = linear_sum_assignment(matrix, maximize=True)
    return float(2 * matrix[rows, columns].sum() / (len(clean) + len(table)))


def measure_domain(
    clean: Tracks, injected: Injected, issues: pd.DataFrame
) -> dict[str, object]:
    """Fix what points at a planted mistake, and what the defaults fix without a look.

    Args:
        clean: the correct tracks of one sequence
        injected: the same with mistakes of all kinds
        issues: the issues of its audit

    Returns:
        HOTA and IDF1 with the mistakes, and after either
    """
    pairs = match_issues(issues, injected.events)
    meant = [
        kind in MEANT[event]
        for kind, event in zip(
            issues["kind"].to_numpy()[pairs["issue"]],
            injected.events["kind"].to_numpy()[pairs["event"]],
            strict=True,
        )
    ]
    pointed = issues.iloc[sorted(set(pairs.loc[meant, "issue"]))]
    record: dict[str, object] = {}
    for name, chosen in (
        ("planted", issues[:0]),
        ("looked at", pointed),
        ("by default", choose_issues(issues)),
    ):
        plan = plan_fixes(injected.tracks, chosen)
        found = measure_agreement([(clean, apply_plan(injected.tracks, plan))])
        if len(chosen):
            record[f"fixes {name}"] = int(plan.fixes["fix"].notna().sum())
        record[f"HOTA {name}"] = f"{found['HOTA']:.3f}"
        record[f"IDF1 {name}"] = f"{found['IDF1']:.3f}"
    return record


def measure_alone(
    clean: Tracks, tracks: Tracks, issues: pd.DataFrame
) -> list[dict[str, object]]:
    """Fix each issue alone, and see whether the labels come nearer to the truth.

    Args:
        clean: the correct tracks of one sequence
        tracks: the same with mistakes
        issues: the issues of its audit

    Returns:
        a record per issue: its ``kind`` and ``score``, and the ``gain``, the change of
        the agreement in boxes; issues whose fix does not apply are left out
    """
    boxes = (len(clean.table) + len(tracks.table)) / 2
    start = agreement(clean.table, tracks.table)
    records: list[dict[str, object]] = []
    for index in issues.index[issues["score"] >= min(SCORES)]:
        plan = plan_fixes(tracks, issues.loc[[index]])
        if plan.edits.empty:
            continue
        fixed = apply_plan(tracks, plan).table
        gain = (agreement(clean.table, fixed) - start) * boxes
        if plan.counts.labels:
            gain += _labels_right(clean.table, fixed) - _labels_right(
                clean.table, tracks.table
            )
        kind, score = issues.loc[index, ["kind", "score"]]
        records.append({"kind": kind, "score": score, "gain": gain})
    return records


def _labels_right(clean: pd.DataFrame, table: pd.DataFrame) -> int:
    names = [*_KEYS, "label"]
    plain = [part[names].astype({"label": str}) for part in (clean, table)]
    both = plain[0].merge(plain[1], on=_KEYS, suffixes=("", "_now"))
    return int((both["label"] == both["label_now"]).sum())


def measure_trackers(data: Path) -> list[dict[str, object]]:
    """Fix the identities of trackers' labels without a look.

    Args:
        data: the folder of real labels

    Returns:
        a record per tracker: IDF1 and HOTA against MOT17's labels before and after
    """
    pairs: dict[str, list[tuple[Tracks, Tracks, Tracks]]] = {}
    fixes: dict[str, int] = {}
    for name, tracks, right in read_trackers(data):
        tracker, people = name.split("/")[0], right.table["label"].eq("pedestrian")
        truth = replace(right, table=right.table[people].reset_index(drop=True))
        issues = audit_tracks(tracks).issues
        chosen = choose_issues(issues, ["identity_switch", "fragmentation"])
        plan = plan_fixes(tracks, chosen)
        made = int(plan.fixes["fix"].notna().sum())
        fixes[tracker] = fixes.get(tracker, 0) + made
        own = (truth, tracks, apply_plan(tracks, plan))
        pairs.setdefault(tracker, []).append(own)
    records: list[dict[str, object]] = []
    for tracker, parts in pairs.items():
        record: dict[str, object] = {"tracker": tracker, "fixes": fixes[tracker]}
        for when, place in (("before", 1), ("after", 2)):
            found = measure_agreement((each[0], each[place]) for each in parts)
            record |= {f"{name} {when}": f"{found[name]:.3f}" for name in _MEASURES}
        records.append(record)
    return records


def measure_agreement(pairs: Iterable[tuple[Tracks, Tracks]]) -> pd.Series[float]:
    """Measure how far labels agree with the truth, whatever their classes.

    Args:
        pairs: the truth and the labels of each sequence

    Returns:
        HOTA, IDF1 and more over all sequences, see ``Measures.tabulate()``
    """
    measures = Measures()
    for both in pairs:
        truth, labels = (
            replace(each, table=each.table.assign(label="object")) for each in both
        )
        for pair in pair_labels(labels, truth):
            measures.add(pair)
    return measures.tabulate().iloc[-1]


def tabulate_kinds(told: pd.DataFrame) -> pd.DataFrame:
    """Make the table of kinds.

    Args:
        told: the records of :func:`measure_kinds`

    Returns:
        a row per kind of planted mistake
    """
    groups = told.groupby("kind", sort=False)
    counts = groups[["planted", "found", "fixed", "wrong before", "wrong after"]].sum()
    for when in ("before", "after"):
        weight = told["fixed"].where(told[f"iou {when}"].notna())
        total = (told[f"iou {when}"] * weight).groupby(told["kind"]).sum()
        mean = total / weight.groupby(told["kind"]).sum()
        counts[f"IoU {when}"] = mean.map("{:.3f}".format).replace("nan", "")
    return counts.reset_index()


def tabulate_alone(alone: pd.DataFrame) -> pd.DataFrame:
    """Make the table of fixes without a look.

    Args:
        alone: the records of :func:`measure_alone`

    Returns:
        a row per kind: for issues from each score on, how many fixes bring labels
        nearer to the truth, how many do the opposite, and the sum of gains in boxes
    """
    rows = []
    for kind, own in alone.groupby("kind"):
        row: dict[str, object] = {"kind": kind}
        for score in SCORES:
            gain = own.loc[own["score"] >= score, "gain"]
            better, worse = (gain > _NOISE).sum(), (gain < -_NOISE).sum()
            told = f"{better} : {worse}, {gain.sum():+.0f}" if len(gain) else ""
            row[f"≥ {score}"] = told
        rows.append(row)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
