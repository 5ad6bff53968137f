# SPDX-License-Identifier: Apache-2.0
"""Labels against the detections of MOT17: ``python benchmarks/witness.py``.

One track in eight is dropped from the labels, and the first issues of the kind
``overlooked`` should be those. And the boxes of MOT16 that were corrected for MOT17
should rank higher with a detector than without.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from corrections import SHARE, read_corrections
from fault_tables import in_percent
from fiftyone_track_audit.importers.mot import read_mot, read_mot_detections
from fiftyone_track_audit.importers.tracks import BOX, Tracks
from fiftyone_track_audit.plugin.audit import audit_tracks
from fiftyone_track_audit.plugin.audit.boxes import iou
from fiftyone_track_audit.plugin.audit.grouping import EXPECTED
from measures import best_ranked
from report import real_data, report_tables

VIDEOS = ("02", "05", "09")
DETECTORS = ("SDP", "FRCNN", "DPM", "YOLOX")
#: One in so many tracks is dropped, so many times.
DROPPED, DRAWS = 8, 3
#: Frames of a dropped track that are worth finding, and the IoU of a find.
LEAST, FOUND = 8, 0.4


def main() -> None:
    """Measure and print, and fill the page with ``--output``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="the folder of scoring.md")
    run(real_data(), parser.parse_args().output)


def run(data: Path, output: Path | None) -> None:
    """Measure, print, and fill ``scoring.md`` if its folder is given.

    Args:
        data: the folder of real labels
        output: the folder of the page
    """
    tables = {
        "witness-dropped": in_percent(measure_dropped(data)),
        "witness-corrections": in_percent(measure_corrections(data)),
    }
    report_tables(tables, output)


def measure_dropped(data: Path) -> pd.DataFrame:
    """Measure how many dropped tracks are found, and how many finds are right.

    A find is right if it is a dropped track, or something that the benchmark labels
    and does not evaluate, such as a person who sits.

    Args:
        data: the folder of real labels

    Returns:
        one row per detector: the number of ``dropped`` tracks of :data:`LEAST` frames,
        the share ``found``, and of the first issues, as many as tracks were dropped in
        each video, the share that is ``right``
    """
    rows = []
    for video in VIDEOS:
        folder = data / f"MOT17/train/MOT17-{video}"
        labels, every = read_mot(folder), read_mot(folder, include_ignored=True).table
        for detector in DETECTORS:
            found = read_mot_detections(folder / f"det/{detector}.txt")
            for seed in range(DRAWS):
                row = _drop(labels, every, found, np.random.default_rng(seed))
                rows.append({"detector": detector, **row})
    total = pd.DataFrame(rows).groupby("detector", sort=False).sum()
    return pd.DataFrame(
        {
            "dropped": total["dropped"],
            "found": total["found"] / total["dropped"],
            "right": total["right"] / total["first"],
        }
    ).reset_index()


def _drop(
    labels: Tracks, every: pd.DataFrame, found: Tracks, rng: np.random.Generator
) -> dict[str, int]:
    """Drop tracks, audit the rest, and count what is found of them."""
    ids = labels.table["track"].unique()
    chosen = rng.choice(ids, len(ids) // DROPPED, replace=False)
    dropped = labels.table["track"].isin(chosen)
    rest = labels.table[~dropped].reset_index(drop=True)
    issues = audit_tracks(Tracks(rest, labels.sequences), predictions=found).issues
    issues = issues[issues["kind"] == "overlooked"].reset_index(names="issue")
    issues["place"] = range(len(issues))
    lengths = labels.table[dropped].groupby("track").size()
    tracks = lengths.index[lengths >= LEAST]
    ignored = ~every["considered"]
    missing = every[every["track"].isin(chosen) & ~ignored | ignored]
    pairs = issues.merge(missing, left_on="first_frame", right_on="frame")
    near = iou(pairs[EXPECTED].to_numpy(float), pairs[BOX].to_numpy(float)) >= FOUND
    pairs = pairs[near]
    first = min(len(tracks), len(issues))
    return {
        "dropped": len(tracks),
        "found": pairs["track_y"][pairs["considered"]]
        .isin(tracks)
        .groupby(pairs["track_y"])
        .any()
        .sum(),
        "first": first,
        "right": pairs["place"][pairs["place"] < first].nunique(),
    }


def measure_corrections(data: Path) -> pd.DataFrame:
    """Measure how many corrected boxes rank high, with each detector and without.

    Args:
        data: the folder of real labels

    Returns:
        one row per detector, and one without: the share of corrected boxes among the
        best-ranked tenth, by sequence and in the ``mean``
    """
    rows: dict[str, dict[str, float]] = {}
    for name, corrections in read_corrections(data).items():
        folder = data / "MOT17/train" / name.replace("16", "17", 1)
        for detector in ("none", *DETECTORS):
            path = folder / f"det/{detector}.txt"
            found = None if detector == "none" else read_mot_detections(path)
            audit = audit_tracks(corrections.tracks, predictions=found)
            score = audit.detections["outlier_score"].fillna(0).to_numpy()
            best = best_ranked(score, SHARE)[corrections.corrected]
            rows.setdefault(detector, {})[name] = float(best.mean())
    table = pd.DataFrame(rows).T
    return table.assign(mean=table.mean(axis=1)).reset_index(names="detector")


if __name__ == "__main__":
    main()
