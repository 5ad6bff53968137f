# SPDX-License-Identifier: Apache-2.0
"""The whole way: frames and tracks in, outliers found, an adjustment job out.

``make demo`` runs it on a sample sequence with planted mistakes, and
``make demo DATA=<MOT sequence> LABELS=<SeqLabel.json>`` on your own data.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import fiftyone as fo
import pandas as pd
from fiftyone_track_audit.importers.dataset import create_dataset
from fiftyone_track_audit.importers.groundtruth import read_seq_label
from fiftyone_track_audit.importers.mot import read_mot
from fiftyone_track_audit.importers.tracks import Tracks
from fiftyone_track_audit.plugin.adjustment import plan_adjustment
from fiftyone_track_audit.plugin.auditing import audit_dataset
from fiftyone_track_audit.plugin.groundtruth.package import write_packages
from fiftyone_track_audit.plugin.groundtruth.request import AdjustmentJob
from fiftyone_track_audit.plugin.issues import ISSUES
from fiftyone_track_audit.plugin.views import OUTLIERS, save_outlier_views

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "demo"
#: The tag of the demo's datasets.
DEMO = "track-audit-demo"
#: A planted mistake counts as found when an outlier of its track is at most this
#: many labelled frames away.
NEAR = 1


def main() -> int:
    """Runs the demo.

    Returns:
        the exit code
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder of a MOT sequence")
    parser.add_argument("--labels", help="a SeqLabel.json over its frames")
    arguments = parser.parse_args()
    if arguments.labels and not arguments.data:
        parser.error("LABELS needs DATA, the MOT sequence whose frames were labelled")
    install_plugin()
    try:
        dataset, planted = run(arguments.data, arguments.labels)
    except (ValueError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    if planted is not None:
        print(compare(dataset, planted))
    if not (os.environ.get("NO_APP") or os.environ.get("CI")):
        show(dataset)
    return 0


def run(data: Path | None, labels: str | None) -> tuple[fo.Dataset, Any]:
    """Imports, audits, saves the views and writes an adjustment package.

    Args:
        data: a MOT sequence's folder, None for the sample sequence
        labels: a ``SeqLabel.json`` over its frames, None for MOT's own tracks

    Returns:
        the dataset, and the mistakes that were planted, None for other data
    """
    planted = None
    if data is None:
        data, labels, planted = make_sample_sequence()
    tracks = read_seq_label(labels, data) if labels else read_mot(data)
    print(f"1. Importing {describe(tracks)} ...")
    dataset = import_anew(tracks, f"demo-{next(iter(tracks.sequences))}")
    print("2. Judging every box against its own track ...")
    summary = audit_dataset(dataset)
    print(f"   {summary.outliers} outliers, {sum(summary.issues.values())} issues")
    print_issues(dataset)
    views = save_outlier_views(dataset)
    print(f"3. Saved views: {', '.join(f'{n} ({c})' for n, c in views.items())}")
    export(dataset, views)
    return dataset, planted


def import_anew(tracks: Tracks, name: str) -> fo.Dataset:
    """Imports tracks in place of an earlier demo's dataset of that name.

    Raises:
        ValueError: if there is a dataset of that name that no demo made
    """
    if fo.dataset_exists(name):
        if DEMO not in fo.load_dataset(name).tags:
            raise ValueError(f"the dataset '{name}' is not the demo's; rename it")
        fo.delete_dataset(name)
    dataset = create_dataset(tracks, name)
    dataset.tags = [DEMO]
    return dataset


def make_sample_sequence() -> tuple[Path, str, Any]:
    """Makes the sample sequence, unless it is there already.

    Returns:
        its folder, its labels, and the mistakes planted in them
    """
    from sample import make_sample

    sequence = make_sample(FOLDER)
    labels = FOLDER / f"{sequence.name}-SeqLabel.json"
    planted = json.loads((FOLDER / f"{sequence.name}-planted.json").read_text())[
        "mistakes"
    ]
    return sequence, str(labels), planted


def describe(tracks: Tracks) -> str:
    """Says how much there is to import."""
    frames = sum(len(sequence.frame_names) for sequence in tracks.sequences.values())
    return f"{len(tracks.table):,} boxes in {frames:,} frames"


def print_issues(dataset: fo.Dataset, most: int = 10) -> None:
    """Prints the worst issues."""
    scores, reasons = dataset.values(
        [f"{ISSUES}.detections.confidence", f"{ISSUES}.detections.reason"]
    )
    found = [
        issue
        for each in zip(scores, reasons, strict=True)
        for issue in zip(*(part or [] for part in each), strict=True)
    ]
    for score, reason in sorted(found, reverse=True)[:most]:
        print(f"   {score:.2f}  {reason}")
    if len(found) > most:
        print(f"   ... and {len(found) - most} more")


def export(dataset: fo.Dataset, views: dict[str, int]) -> None:
    """Writes the outliers' frames as an adjustment package."""
    if not views.get(OUTLIERS):
        print("4. Nothing to send back: no outliers")
        return
    folder = FOLDER / f"{dataset.name}-adjustment"
    shutil.rmtree(folder, ignore_errors=True)
    view = dataset.load_saved_view(OUTLIERS)
    adjustment = plan_adjustment(view, AdjustmentJob(dataset.name), context=2)
    write_packages(adjustment.plans, folder)
    counts = adjustment.counts
    total = dataset.count("frames")
    print(
        f"4. Adjustment package of {counts['frames']} of {total} frames "
        f"({counts['flagged']} with outliers, the rest context) in {folder}"
    )


def compare(dataset: fo.Dataset, planted: list[dict[str, Any]]) -> str:
    """Compares the outliers with the mistakes that were planted.

    Args:
        dataset: the audited dataset of one sequence in one sample
        planted: dicts of ``kind``, ``track``, ``first_frame``, ``last_frame``

    Returns:
        a table, and how many of the outliers are none of the planted mistakes
    """
    outliers = outliers_of(dataset)
    rows, explained = [], pd.Series(False, index=outliers.index)
    for mistake in planted:
        tracks = [mistake["track"], mistake.get("other_track")]
        near = outliers["track"].isin(tracks) & outliers["frame"].between(
            mistake["first_frame"] - NEAR, mistake["last_frame"] + NEAR
        )
        explained |= near
        frames = sorted(set(outliers["frame"][near]))
        place = [mistake[key] for key in ("kind", "track", "first_frame", "last_frame")]
        rows.append([*place, str(frames) if frames else "not found"])
    columns = ["planted", "track", "first frame", "last frame", "outliers found"]
    table = pd.DataFrame(rows, columns=columns)
    found = (table["outliers found"] != "not found").sum()
    boxes = dataset.count("frames.ground_truth.detections")
    return (
        f"\n{table.to_string(index=False)}\n\n{found} of {len(table)} planted mistakes "
        f"found; {int((~explained).sum())} of {boxes} "
        "boxes flagged that nobody planted"
    )


def outliers_of(dataset: fo.Dataset) -> pd.DataFrame:
    """Returns ``frame`` and ``track`` of the outliers."""
    patches = dataset.load_saved_view(OUTLIERS).to_frames().to_patches("ground_truth")
    paths = ["frame_number", "ground_truth.index"]
    values = patches.values(paths)
    return pd.DataFrame(dict(zip(["frame", "track"], values, strict=True)))


def install_plugin() -> None:
    """Lets the App, which is a process of its own, find the plugin in this folder."""
    plugins = FOLDER / "plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    link = plugins / "track-audit"
    if not link.is_symlink():
        link.symlink_to(ROOT, target_is_directory=True)
    fo.config.plugins_dir = str(plugins)
    os.environ["FIFTYONE_PLUGINS_DIR"] = str(plugins)


def show(dataset: fo.Dataset) -> None:
    """Opens the App on the issues, until it is closed."""
    name = "issues" if dataset.has_saved_view("issues") else OUTLIERS
    session = fo.launch_app(dataset, view=dataset.load_saved_view(name))
    print("\nThe saved views are in the menu at the top left. Ctrl-C ends the demo.")
    session.wait(-1)


if __name__ == "__main__":
    sys.exit(main())
