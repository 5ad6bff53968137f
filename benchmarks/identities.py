# SPDX-License-Identifier: Apache-2.0
"""Find real identity mistakes: ``python benchmarks/identities.py``.

They are the identity switches of trackers on MOT17, whose own labels are the truth, and
those of annotators, which other people corrected. A switch is what MOTA counts: an
object that is matched to another track than the last time.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from fiftyone_track_audit.importers.mot import read_mot
from fiftyone_track_audit.importers.tracks import BOX, Tracks, make_table
from fiftyone_track_audit.plugin.audit import audit_tracks
from fiftyone_track_audit.plugin.audit.boxes import iou
from report import real_data, report_tables
from scipy.optimize import linear_sum_assignment

#: The annotators' labels that hold mistakes of identity.
PAIRS = (
    "hockey_allstar_2019_001",
    "hockey_allstar_2019_003",
    "hockey_CHI_VS_TOR_2016_004",
    "AICity-c010_740-1090",
)
#: The kinds that name a mistake of identity.
KINDS = ("identity_switch", "fragmentation")
#: Frames that an issue may be away from a switch, and the IoU of a match.
WITHIN, MATCH = 5, 0.5


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="the folder of scoring.md")
    run(real_data(), parser.parse_args().output)


def run(data: Path, output: Path | None) -> None:
    """Measure, print, and fill ``scoring.md`` if its folder is given.

    Args:
        data: the folder of real labels
        output: the folder of the page
    """
    folders = sorted(Path(data, "tracks").glob("*/*"))
    tables = {
        "identities-trackers": tabulate(read_trackers(data)),
        "identities-annotators": tabulate(read_pairs(data), join=True),
        "identities-clean": pd.DataFrame(map(count_issues, folders)),
    }
    report_tables(tables, output)


def read_trackers(data: Path) -> Iterator[tuple[str, Tracks, Tracks]]:
    """Yield the name, the labels and the truth of what trackers made of MOT17.

    Args:
        data: the folder of real labels
    """
    for path in sorted(data.glob("trackers/*/*.txt")):
        truth = read_mot(data / "MOT17/train" / path.stem)
        (record,) = truth.sequences.values()
        rows = pd.read_csv(
            path, header=None, usecols=range(6), names=["frame", "track", *BOX]
        )
        names = np.array(record.frame_names, object)[rows["frame"] - 1]
        table = make_table(
            {
                **rows.astype({"track": int}),
                "sequence": record.name,
                "frame_name": names,
                "label": "pedestrian",
            }
        )
        yield f"{path.parent.name}/{path.stem}", Tracks(table, truth.sequences), truth


def read_pairs(data: Path) -> Iterator[tuple[str, Tracks, Tracks]]:
    """Yield the name, the labels and the correction of annotators' labels.

    Args:
        data: the folder of real labels
    """
    for name in PAIRS:
        folder = data / "pairs" / name
        yield name, read_mot(folder / "before"), read_mot(folder / "after")


def find_switches(labels: Tracks, truth: Tracks) -> pd.DataFrame:
    """Find the identity switches of one sequence, as MOTA counts them.

    In each frame, objects stay matched to their last track while the IoU is at least
    :data:`MATCH`; the others are assigned by the largest sum of IoUs (Bernardin and
    Stiefelhagen 2008).

    Args:
        labels: the tracks to judge
        truth: the tracks of the objects

    Returns:
        one row per switch: ``frame``, ``before`` and ``after``, the tracks, and the
        ``object``
    """
    last: dict[int, int] = {}
    found = []
    ours = labels.table.groupby("frame").indices
    boxes, tracks = labels.table[BOX].to_numpy(), labels.table["track"].to_numpy()
    true_boxes, objects = truth.table[BOX].to_numpy(), truth.table["track"].to_numpy()
    for frame, true_rows in truth.table.groupby("frame").indices.items():
        rows = ours.get(frame)
        if rows is None:
            continue
        overlap = iou(true_boxes[true_rows, None], boxes[None, rows])
        kept = [last.get(name, -1) for name in objects[true_rows].tolist()]
        stays = np.array(kept)[:, None] == tracks[rows]
        gain = np.where(overlap >= MATCH, overlap + 1000 * stays, 0)
        for one, two in zip(*linear_sum_assignment(gain, maximize=True), strict=True):
            name, track = int(objects[true_rows[one]]), int(tracks[rows[two]])
            if gain[one, two] > 0:
                if last.setdefault(name, track) != track:
                    found.append((frame, last[name], track, name))
                last[name] = track
    return pd.DataFrame(found, columns=["frame", "before", "after", "object"])


def number_mistakes(switches: pd.DataFrame) -> pd.Series[int]:
    """Number the mistakes that switches belong to.

    An annotator who gives an object a new track in every frame makes one mistake: one
    look tells it, and one fix joins the tracks.

    Args:
        switches: see :func:`find_switches`

    Returns:
        the number of each switch's mistake: those of one object that follow each other
        within :data:`WITHIN` frames have the same
    """
    ordered = switches.sort_values(["object", "frame"])
    goes_on = ordered["object"].eq(ordered["object"].shift())
    goes_on &= ordered["frame"].diff() <= WITHIN
    return (~goes_on).astype(int).cumsum().reindex(switches.index)


def measure(
    name: str, labels: Tracks, truth: Tracks, join: bool = False
) -> dict[str, object]:
    """Measure which switches of one sequence are named by its first issues.

    An issue names a switch if it is about one of its tracks and at most
    :data:`WITHIN` frames away.

    Args:
        name: the sequence's name
        labels: the tracks to judge
        truth: the tracks of the objects
        join (False): whether switches count as one where they are one mistake, see
            :func:`number_mistakes`, which is named if any of them is

    Returns:
        the ``sequence``, the number of ``switches``, how many are ``named`` by any of
        the first issues, twice as many as there are switches, how many ``as
        identities`` and how many as such by ``any issue``; and the number of
        ``identity issues``
    """
    switches = find_switches(labels, truth)
    mistake = number_mistakes(switches) if join else switches.index
    count = mistake.nunique()
    issues = audit_tracks(labels).issues
    first = issues.head(2 * count)
    identity = issues[issues["kind"].isin(KINDS)]
    named = {
        "named": first,
        "as identities": first[first["kind"].isin(KINDS)],
        "by any issue": identity,
    }
    return {
        "sequence": name,
        "switches": len(switches),
        **({"mistakes": count} if join else {}),
        **{
            column: int(name_switches(switches, some).groupby(mistake).any().sum())
            for column, some in named.items()
        },
        "identity issues": len(identity),
    }


def name_switches(switches: pd.DataFrame, issues: pd.DataFrame) -> pd.Series[bool]:
    """Return which switches are named by issues.

    Args:
        switches: see :func:`find_switches`
        issues: issues of the same sequence

    Returns:
        one value per switch
    """
    pairs = switches.reset_index(names="switch").merge(issues, how="cross")
    near = pairs["frame"].between(
        pairs["first_frame"] - WITHIN, pairs["last_frame"] + WITHIN
    )
    ours = pairs[["track", "other_track"]].astype("Int64").fillna(-1).to_numpy(int)
    theirs = pairs[["before", "after"]].to_numpy(int)
    shared = (ours[:, :, None] == theirs[:, None, :]).any(axis=(1, 2))
    named = pairs.loc[near & shared, "switch"].unique()
    return pd.Series(switches.index.isin(named))


def count_issues(folder: Path) -> dict[str, object]:
    """Count the identity issues of labels that are assumed to be correct.

    Args:
        folder: the folder of a MOT sequence

    Returns:
        the ``sequence``, its number of ``boxes`` and ``tracks``, the number of all
        ``issues`` and of each kind in :data:`KINDS`
    """
    labels = read_mot(folder)
    issues = audit_tracks(labels).issues
    counts = {kind: int((issues["kind"] == kind).sum()) for kind in KINDS}
    return {
        "sequence": folder.name,
        "boxes": len(labels.table),
        "tracks": labels.table["track"].nunique(),
        "issues": len(issues),
        **counts,
    }


def tabulate(
    pairs: Iterable[tuple[str, Tracks, Tracks]], join: bool = False
) -> pd.DataFrame:
    """Measure labels against the truth, and add a row of totals.

    Args:
        pairs: name, labels and truth of each sequence
        join (False): see :func:`measure`
    """
    table = pd.DataFrame([measure(*pair, join=join) for pair in pairs])
    total = table.sum(numeric_only=True).to_dict() | {"sequence": "all"}
    return pd.concat([table, pd.DataFrame([total])], ignore_index=True)


if __name__ == "__main__":
    main()
