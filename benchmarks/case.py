# SPDX-License-Identifier: Apache-2.0
"""One video with real mistakes: ``python benchmarks/case.py [--output docs]``.

MOT17-09 was labeled three times, and there are detections and trackers' results of it.
The labels of MOT17 are the truth, and what the audit says of all the others is compared
with it. The plots show labels as lines, and no frames.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from corrections import find_corrections
from fiftyone_track_audit.importers.mot import read_mot, read_mot_detections
from fiftyone_track_audit.importers.tracks import Tracks
from fiftyone_track_audit.plugin.audit import audit_tracks
from fiftyone_track_audit.plugin.comparing import compare_tracks
from identities import find_switches, name_switches, read_trackers
from measures import order_by_score
from plots import plot_recall, plot_tracks
from report import real_data, report_tables
from witness import DETECTORS

VIDEO = "MOT17-09"
#: The tracker whose tracks are drawn.
DRAWN = "Tracktor++-FRCNN"
#: The shares of the boxes at which recall is drawn.
_SHARES = np.linspace(0, 0.3, 61)


def main() -> None:
    """Compare and print, and fill the page and its plots with ``--output``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="the folder of scoring.md")
    output = parser.parse_args().output
    data = real_data()
    every = dict(read_labels(data))
    truth = every["MOT17"]
    rows = [compare(name, labels, truth) for name, labels in every.items()]
    report_tables({"case": pd.DataFrame(rows)}, output)
    if output:
        draw(data, every, output / "images")


def read_labels(data: Path) -> Iterator[tuple[str, Tracks]]:
    """Yield the name and the tracks of all labels of the video.

    Args:
        data: the folder of real labels
    """
    yield "MOT15", read_mot(data / "pairs/MOT15-17_09/before")
    yield "MOT16", read_mot(data / "MOT16/train" / VIDEO.replace("17", "16", 1))
    yield "MOT17", read_mot(data / "MOT17/train" / VIDEO)
    for name, labels, _ in read_trackers(data):
        tracker, video = name.split("/")
        if video == VIDEO:
            yield tracker, labels


def compare(name: str, labels: Tracks, truth: Tracks) -> dict[str, object]:
    """Compare the issues of labels with what is wrong with them.

    Args:
        name: what the labels are called
        labels: the tracks to judge
        truth: the tracks of the objects

    Returns:
        the ``labels``, their ``boxes`` and ``tracks``, ``IDF1``, the boxes that are
        ``false`` and ``missing``, and the ``switches`` by the truth; the number of
        ``issues``, and how many switches are ``named`` by the first ones, twice as
        many as there are switches
    """
    measures = compare_tracks(labels, truth).measures.iloc[-1]
    issues = audit_tracks(labels).issues
    switches = find_switches(labels, truth)
    first = issues.head(2 * len(switches))
    return {
        "labels": name,
        "boxes": len(labels.table),
        "tracks": labels.table["track"].nunique(),
        "IDF1": round(float(measures["IDF1"]), 3),
        "false": len(find_corrections(truth, labels).missing),
        "missing": len(find_corrections(labels, truth).missing),
        "switches": len(switches),
        "issues": len(issues),
        "named": int(name_switches(switches, first).sum()),
    }


def draw(data: Path, every: dict[str, Tracks], images: Path) -> None:
    """Draw what was wrong with labels, and what the audit says of them.

    Args:
        data: the folder of real labels
        every: the tracks of all labels, by name
        images: the folder of the plots
    """
    images.mkdir(exist_ok=True)
    truth, labels = every["MOT17"], every["MOT16"]
    corrected = find_corrections(labels, truth).corrected
    marks = labels.table.loc[corrected, ["track", "frame"]]
    path = images / "scoring-case-corrected.png"
    plot_tracks(labels.table, "corrected", marks, audit_tracks(labels).issues, path)
    curves = draw_recall(labels, corrected, data / "MOT17/train" / VIDEO / "det")
    plot_recall(curves, images / "scoring-case-recall.png")
    labels = every[DRAWN]
    switches = find_switches(labels, truth).rename(columns={"after": "track"})
    path = images / "scoring-case-switches.png"
    plot_tracks(labels.table, "switch", switches, audit_tracks(labels).issues, path)


def draw_recall(
    labels: Tracks, corrected: np.ndarray[tuple[int], np.dtype[np.bool_]], folder: Path
) -> pd.DataFrame:
    """Compute the share of the corrected boxes among the best-ranked ones.

    Args:
        labels: the tracks to judge
        corrected: bool array ``(n,)``, which boxes were corrected
        folder: the folder of the detectors' results

    Returns:
        shares in [0, 1]: one row per share of the boxes that is looked at, and one
        column per detector, and one without
    """
    curves = {}
    for name in ("labels alone", *DETECTORS):
        path = folder / f"{name}.txt"
        found = read_mot_detections(path) if name in DETECTORS else None
        audit = audit_tracks(labels, predictions=found)
        score = audit.detections["outlier_score"].fillna(0).to_numpy()
        ranked = np.append(0, np.cumsum(corrected[order_by_score(score)]))
        curves[name] = ranked[np.rint(_SHARES * len(score)).astype(int)] / ranked[-1]
    return pd.DataFrame(curves, index=pd.Index(_SHARES, name="share"))


if __name__ == "__main__":
    main()
