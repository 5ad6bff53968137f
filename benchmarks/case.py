# SPDX-License-Identifier: Apache-2.0
"""One video with real mistakes: ``python benchmarks/case.py [--output docs]``.

MOT17-09 was labeled three times, and there are detections and trackers' results of it.
The labels of MOT17 are the truth, and what the audit says of all the others is compared
with it. The plots show labels as lines, and no frames.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from corrections import find_corrections
from fiftyone_track_audit.importers.mot import read_mot, read_mot_detections
from fiftyone_track_audit.importers.tracks import BOX, Tracks
from fiftyone_track_audit.plugin.audit import audit_tracks
from fiftyone_track_audit.plugin.audit.boxes import iou
from fiftyone_track_audit.plugin.audit.grouping import EXPECTED
from fiftyone_track_audit.plugin.comparing import compare_tracks
from identities import find_switches, name_switches, read_trackers
from measures import order_by_score
from plots import plot_lines, plot_recall, plot_tracks
from report import real_data, report_tables
from witness import DETECTORS, FOUND

VIDEO = "MOT17-09"
#: The tracker whose tracks are drawn, and the detector that labels are held against.
DRAWN, DETECTOR = "Tracktor++-FRCNN", "SDP"
PAGE = "case-study.md"
#: The shares of the boxes at which recall is drawn.
_SHARES = np.linspace(0, 0.3, 61)


def main() -> None:
    """Compare and print, and fill the page and its plots with ``--output``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help=f"the folder of {PAGE}")
    run(real_data(), parser.parse_args().output)


def run(data: Path, output: Path | None) -> None:
    """Compare, print, and fill the page and its plots if its folder is given.

    Args:
        data: the folder of real labels
        output: the folder of the page
    """
    every = dict(read_labels(data))
    truth = every["MOT17"]
    rows = [compare(name, labels, truth) for name, labels in every.items()]
    found = [count_overlooked(name, labels, data) for name, labels in every.items()]
    tables = {"case": pd.DataFrame(rows), "case-overlooked": pd.DataFrame(found)}
    report_tables(tables, output, PAGE)
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
        the ``labels``, their ``boxes`` and ``tracks``, ``IDF1``, the ``extra`` boxes
        that no object has, and the ``missing`` boxes and ``switches`` by the truth; the
        number of ``issues``, and how many switches are ``named`` by the first ones,
        twice as many as there are switches
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
        "extra": len(find_corrections(truth, labels).missing),
        "missing": len(find_corrections(labels, truth).missing),
        "switches": len(switches),
        "issues": len(issues),
        "named": int(name_switches(switches, first).sum()),
    }


def count_overlooked(name: str, labels: Tracks, data: Path) -> dict[str, object]:
    """Count the objects that labels lack according to a detector.

    Args:
        name: what the labels are called
        labels: the tracks to judge
        data: the folder of real labels

    Returns:
        the ``labels``; the number of ``overlooked`` issues with :data:`DETECTOR`; how
        many of them begin on a person in the labels of MOT17, ``right``, and how many
        on one whom the benchmark labels and does not evaluate, ``ignored``
    """
    folder = data / "MOT17/train" / VIDEO
    found = read_mot_detections(folder / f"det/{DETECTOR}.txt")
    issues = audit_tracks(labels, predictions=found).issues
    issues = issues[issues["kind"] == "overlooked"].reset_index(names="issue")
    people = read_mot(folder, include_ignored=True).table
    pairs = issues.merge(people, left_on="first_frame", right_on="frame")
    near = iou(pairs[EXPECTED].to_numpy(float), pairs[BOX].to_numpy(float)) >= FOUND
    evaluated = pairs[near].groupby("issue")["considered"].any()
    return {
        "labels": name,
        "overlooked": len(issues),
        "right": int(evaluated.sum()),
        "ignored": int((~evaluated).sum()),
    }


def draw(data: Path, every: Mapping[str, Tracks], images: Path) -> None:
    """Draw what was wrong with labels, and what the audit says of them.

    Args:
        data: the folder of real labels
        every: the tracks of all labels, by name
        images: the folder of the plots
    """
    images.mkdir(exist_ok=True)
    folder = data / "MOT17/train" / VIDEO / "det"
    truth, labels = every["MOT17"], every["MOT16"]
    corrected = find_corrections(labels, truth).corrected
    marks = labels.table.loc[corrected, ["track", "frame"]]
    issues = audit_tracks(labels).issues
    plot_tracks(labels.table, "corrected", marks, issues, images / "case-corrected.png")
    own = labels.table[labels.table["track"] == marks["track"].mode()[0]]
    detections = read_mot_detections(folder / f"{DETECTOR}.txt").table
    drawn = {"MOT17": truth.table, "MOT16": labels.table, DETECTOR: detections}
    widths = {name: follow(own, table) for name, table in drawn.items()}
    plot_lines(pd.DataFrame(widths), "width in pixels", images / "case-widths.png")
    curves = draw_recall(labels, corrected, folder)
    plot_recall(curves, images / "case-recall.png")
    labels = every[DRAWN]
    switches = find_switches(labels, truth).rename(columns={"after": "track"})
    issues = audit_tracks(labels).issues
    plot_tracks(labels.table, "switch", switches, issues, images / "case-switches.png")


def follow(track: pd.DataFrame, others: pd.DataFrame) -> pd.Series[float]:
    """Return the widths of what other boxes say of the object of a track.

    Args:
        track: the boxes of one track
        others: a table of boxes of the same frames

    Returns:
        by frame, the width of the box that overlaps that of the track most, null where
        none does by half
    """
    columns = ["frame", *BOX]
    pairs = track[columns].merge(others[columns], on="frame", suffixes=("", "_other"))
    theirs = [f"{name}_other" for name in BOX]
    pairs["overlap"] = iou(pairs[BOX].to_numpy(), pairs[theirs].to_numpy())
    best = pairs[pairs["overlap"] >= 0.5].sort_values("overlap")
    best = best.drop_duplicates("frame", keep="last").set_index("frame")
    return best["width_other"].reindex(track["frame"])


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
