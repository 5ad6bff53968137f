# SPDX-License-Identifier: Apache-2.0
"""Fix planted mistakes: ``python benchmarks/fixing.py``.

Mistakes are planted into labels that are assumed to be correct, and the audit lists
issues. The default fixes are made of those that point at a planted mistake, one kind
of mistake at a time; and of all issues above a score, as nobody looks at them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from fiftyone_track_audit.importers.mot import read_mot
from fiftyone_track_audit.importers.tracks import BOX, Tracks
from fiftyone_track_audit.plugin.audit import audit_tracks
from fiftyone_track_audit.plugin.audit.boxes import iou
from fiftyone_track_audit.plugin.fixing.planning import apply_plan, plan_fixes
from injector import inject
from measures import match_issues
from report import print_frame, print_machine, real_data
from scipy.optimize import linear_sum_assignment

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


def main() -> None:
    """Measure and print."""
    print_machine()
    data = real_data()
    domains = sorted(path for path in data.glob("tracks/*") if path.is_dir())
    # One sequence of each data set, so that the long ones do not count more
    folders = [min(domain.glob("*/seqinfo.ini")).parent for domain in domains]
    folders.append(data / "MOT20/train/MOT20-01")
    told, blind = [], []
    for folder in folders:
        clean = read_mot(folder)
        domain = folder.parent.name.replace("train", "MOT20")
        print(domain, folder.name, flush=True)
        told += [{**each, "domain": domain} for each in measure_kinds(clean)]
        blind += [{**each, "domain": domain} for each in measure_blind(clean)]
    tables = tabulate(pd.DataFrame(told), pd.DataFrame(blind))
    for name, table in tables.items():
        print_frame(name, table)


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
        if plan.fixes["fix"].notna().sum() == 0:
            continue
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


def agreement(clean: pd.DataFrame, table: pd.DataFrame) -> float:
    """Compute how far labels agree with the correct ones, boxes and identities.

    This is IDF1 (Ristani et al. 2016) with IoUs in place of counts: correct and
    labeled tracks are assigned to each other one to one, so that the sum of the IoUs
    of their boxes is greatest, where IoUs below 0.5 count as 0.

    Args:
        clean: the correct tracks table
        table: the labels

    Returns:
        twice that sum over the number of boxes of both, in [0, 1]
    """
    pairs = clean[[*_KEYS, *BOX]].merge(
        table[[*_KEYS, *BOX]], on="frame", suffixes=("", "_now")
    )
    fit = iou(pairs[BOX].to_numpy(), pairs[[f"{side}_now" for side in BOX]].to_numpy())
    pairs["iou"] = np.where(fit >= _SAME, fit, 0)
    matrix = (
        pairs[pairs["iou"] > 0]
        .pivot_table("iou", "track", "track_now", aggfunc="sum", fill_value=0)
        .to_numpy()
    )
    rows, columns = linear_sum_assignment(matrix, maximize=True)
    return float(2 * matrix[rows, columns].sum() / (len(clean) + len(table)))


def measure_blind(clean: Tracks) -> list[dict[str, object]]:
    """Plant all kinds of mistakes, and fix all issues of a kind above a score.

    Args:
        clean: the correct tracks of one sequence

    Returns:
        a record per kind and score: the number of ``issues``, and the ``gain``, the
        change of the agreement in boxes
    """
    injected = inject(clean, seed=1)
    table = injected.tracks.table
    issues = audit_tracks(injected.tracks).issues
    boxes = (len(clean.table) + len(table)) / 2
    start = agreement(clean.table, table)
    records: list[dict[str, object]] = []
    for kind, own in issues.groupby("kind"):
        for score in SCORES:
            plan = plan_fixes(injected.tracks, own[own["score"] >= score])
            count = int(plan.fixes["fix"].notna().sum())
            gain = 0.0
            if count:
                fixed = apply_plan(injected.tracks, plan).table
                gain = (agreement(clean.table, fixed) - start) * boxes
            records.append(
                {"kind": str(kind), "score": score, "issues": count, "gain": gain}
            )
    return records


def tabulate(told: pd.DataFrame, blind: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Make the tables.

    Args:
        told: the records of :func:`measure_kinds`
        blind: the records of :func:`measure_blind`

    Returns:
        the tables by name
    """
    return {
        "kinds": _tabulate(told, "kind"),
        "domains": _tabulate(told, "domain").drop(columns=["IoU before", "IoU after"]),
        "blind": _tabulate_blind(blind),
    }


def _tabulate(told: pd.DataFrame, by: str) -> pd.DataFrame:
    groups = told.groupby(by, sort=False)
    counts = groups[["planted", "found", "fixed", "wrong before", "wrong after"]].sum()
    for when in ("before", "after"):
        weight = told["fixed"].where(told[f"iou {when}"].notna())
        total = (told[f"iou {when}"] * weight).groupby(told[by]).sum()
        mean = total / weight.groupby(told[by]).sum()
        counts[f"IoU {when}"] = mean.map("{:.3f}".format).replace("nan", "")
        agreed = groups[f"agreement {when}"].mean()
        counts[f"agreement {when}"] = agreed.map("{:.4f}".format)
    return counts.reset_index()


def _tabulate_blind(blind: pd.DataFrame) -> pd.DataFrame:
    sums = blind.groupby(["kind", "score"])[["issues", "gain"]].sum()
    sums["told"] = [
        f"{gain:+.0f} ({issues})"
        for issues, gain in zip(sums["issues"], sums["gain"], strict=True)
    ]
    table = sums.reset_index().pivot_table("told", "kind", "score", aggfunc="first")
    return table.rename(columns="≥ {}".format).reset_index()


if __name__ == "__main__":
    main()
