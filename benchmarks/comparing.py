# SPDX-License-Identifier: Apache-2.0
"""Compare trackers with MOT17's labels: ``python benchmarks/comparing.py``.

The measures are TrackEval's. Those that py-motmetrics computes as well, by code of its
own, have to be the same.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import motmetrics
import numpy as np
import pandas as pd
from fiftyone_track_audit.importers.tracks import BOX, Tracks
from fiftyone_track_audit.plugin.audit.boxes import iou
from fiftyone_track_audit.plugin.comparing import compare_tracks
from identities import read_trackers
from report import real_data, report_tables, seconds

#: The measures of both, and the names that py-motmetrics gives to them.
SHARED = {"IDF1": "idf1", "MOTA": "mota", "IDSW": "num_switches"}


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="the folder of scoring.md")
    run(real_data(), parser.parse_args().output)


def run(data: Path, output: Path | None) -> None:
    """Compare, print, and fill ``scoring.md`` if its folder is given.

    Args:
        data: the folder of real labels
        output: the folder of the page
    """
    rows = [measure(*each) for each in read_trackers(data)]
    report_tables({"comparing": pd.DataFrame(rows)}, output)


def measure(name: str, labels: Tracks, truth: Tracks) -> dict[str, object]:
    """Measure one tracker on one sequence with both packages.

    Args:
        name: the names of both
        labels: what the tracker made
        truth: the tracks of the objects

    Returns:
        the ``sequence``, ``HOTA``, the measures of :data:`SHARED`, the largest
        ``difference`` of one from that of py-motmetrics, the number of
        ``disagreements``, and the ``seconds`` that the comparison took
    """
    found = []
    took = seconds(lambda: found.append(compare_tracks(labels, truth)))
    (compared,) = found
    ours = compared.measures.iloc[-1]
    theirs = _motmetrics(labels, truth)
    shared = {what: ours[what] for what in SHARED}
    difference = max(abs(ours[what] - theirs[what]) for what in SHARED)
    return {
        "sequence": name,
        "HOTA": round(float(ours["HOTA"]), 4),
        **{what: round(float(value), 4) for what, value in shared.items()},
        "difference": round(float(difference), 6),
        "disagreements": len(compared.issues),
        "seconds": round(took, 1),
    }


def _motmetrics(labels: Tracks, truth: Tracks) -> dict[str, float]:
    """Return the measures of py-motmetrics, at an IoU of 0.5."""
    found = motmetrics.MOTAccumulator(auto_id=True)
    tables = [tracks.table.groupby("frame") for tracks in (truth, labels)]
    indices = [table.indices for table in tables]
    frames = np.union1d(truth.table["frame"], labels.table["frame"])
    for frame in frames.tolist():
        one, two = (
            tracks.table.iloc[rows.get(frame, [])]
            for tracks, rows in zip((truth, labels), indices, strict=True)
        )
        away = 1 - iou(one[BOX].to_numpy()[:, None], two[BOX].to_numpy()[None])
        away = np.where(away <= 0.5, away, np.nan)
        found.update(one["track"].to_list(), two["track"].to_list(), away)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = list(SHARED.values())
        told = motmetrics.metrics.create().compute(found, metrics=names).iloc[0]
    return {what: float(told[name]) for what, name in SHARED.items()}


if __name__ == "__main__":
    main()
