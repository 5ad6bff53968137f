# SPDX-License-Identifier: Apache-2.0
"""Demo: import tracks, find their outliers, and write an adjustment job.

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
from fiftyone_track_audit.plugin.groundtruth.package import write_packages
from fiftyone_track_audit.plugin.groundtruth.request import AdjustmentJob
from fiftyone_track_audit.plugin.review.audits import audit_dataset
from fiftyone_track_audit.plugin.review.issues import ISSUES
from fiftyone_track_audit.plugin.review.saved_views import OUTLIERS, save_outlier_views
from fiftyone_track_audit.plugin.sending.groundtruth_plan import plan_adjustment

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "demo"
#: The tag of the datasets that the demo creates.
DEMO = "track-audit-demo"
#: A planted mistake counts as found if an outlier of its track is at most this many
#: labeled frames away.
NEAR = 1


def main() -> int:
    """Run the demo.

    Returns:
        the exit code
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder of a MOT sequence")
    parser.add_argument("--labels", help="a SeqLabel.json over its frames")
    arguments = parser.parse_args()
    if arguments.labels and not arguments.data:
        parser.error("LABELS needs DATA, the MOT sequence whose frames were labeled")
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


def run(
    data: Path | None, labels: str | None
) -> tuple[fo.Dataset, list[dict[str, Any]] | None]:
    """Import and audit tracks, save the views and write an adjustment package.

    Args:
        data: the folder of a MOT sequence, or None for the sample sequence
        labels: a ``SeqLabel.json`` over its frames, or None for its own tracks

    Returns:
        the dataset, and the mistakes planted in it, None if it is not the sample
    """
    planted = None
    if data is None:
        data, labels, planted = make_sample_sequence()
    tracks = read_seq_label(labels, data) if labels else read_mot(data)
    print(f"1. Importing {describe(tracks)} ...")
    dataset = import_anew(tracks, f"demo-{next(iter(tracks.sequences))}")
    print("2. Comparing every box with the rest of its track ...")
    summary = audit_dataset(dataset)
    print(f"   {summary.outliers} outliers, {sum(summary.issues.values())} issues")
    print_issues(dataset)
    views = save_outlier_views(dataset)
    print(f"3. Saved views: {', '.join(f'{n} ({c})' for n, c in views.items())}")
    export(dataset, views)
    return dataset, planted


def import_anew(tracks: Tracks, name: str) -> fo.Dataset:
    """Import tracks, and replace the dataset of that name of an earlier demo.

    Raises:
        ValueError: if the demo did not create the dataset of that name
    """
    if fo.dataset_exists(name):
        if DEMO not in fo.load_dataset(name).tags:
            raise ValueError(
                f"a dataset '{name}' exists that the demo did not create; rename it"
            )
        fo.delete_dataset(name)
    dataset = create_dataset(tracks, name)
    dataset.tags = [DEMO]
    return dataset


def make_sample_sequence() -> tuple[Path, str, list[dict[str, Any]]]:
    """Make the sample sequence, unless it exists already.

    Returns:
        its folder, its labels, and the mistakes planted in them
    """
    from sample import make_sample

    sequence = make_sample(FOLDER)
    labels = FOLDER / f"{sequence.name}-SeqLabel.json"
    planted = json.loads((FOLDER / f"{sequence.name}-planted.json").read_text())
    return sequence, str(labels), planted["mistakes"]


def describe(tracks: Tracks) -> str:
    """Return how many boxes and frames there are, for the terminal."""
    frames = sum(len(sequence.frame_names) for sequence in tracks.sequences.values())
    return f"{len(tracks.table):,} boxes in {frames:,} frames"


def print_issues(dataset: fo.Dataset, most: int = 10) -> None:
    """Print the issues with the highest scores."""
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
    """Write the frames with outliers as an adjustment package."""
    if not views.get(OUTLIERS):
        print("4. There are no outliers, so there is no adjustment package to write.")
        return
    folder = FOLDER / f"{dataset.name}-adjustment"
    shutil.rmtree(folder, ignore_errors=True)
    view = dataset.load_saved_view(OUTLIERS)
    adjustment = plan_adjustment(view, AdjustmentJob(dataset.name), context=2)
    write_packages(adjustment.plans, folder)
    counts = adjustment.counts
    total = dataset.count("frames")
    print(
        f"4. Adjustment package of {counts.frames} of {total} frames "
        f"({counts.flagged} with outliers, the rest context) in {folder}"
    )


def compare(dataset: fo.Dataset, planted: list[dict[str, Any]]) -> str:
    """Compare the outliers with the mistakes that were planted.

    Args:
        dataset: the audited dataset of one sequence in one sample
        planted: the mistakes, see :func:`sample.make_sample`

    Returns:
        a table of the mistakes, and how many outliers belong to none of them
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
        f"were found; {(~explained).sum()} of {boxes} boxes were flagged without one"
    )


def outliers_of(dataset: fo.Dataset) -> pd.DataFrame:
    """Return ``frame`` and ``track`` of the outliers."""
    patches = dataset.load_saved_view(OUTLIERS).to_frames().to_patches("ground_truth")
    values = patches.values(["frame_number", "ground_truth.index"])
    return pd.DataFrame(dict(zip(["frame", "track"], values, strict=True)))


def install_plugin() -> None:
    """Let the App, which runs in its own process, find the plugin."""
    plugins = FOLDER / "plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    link = plugins / "track-audit"
    if not link.is_symlink():
        link.symlink_to(ROOT, target_is_directory=True)
    fo.config.plugins_dir = str(plugins)
    os.environ["FIFTYONE_PLUGINS_DIR"] = str(plugins)


def show(dataset: fo.Dataset) -> None:
    """Open the App on the issues and wait until it is closed."""
    name = "issues" if dataset.has_saved_view("issues") else OUTLIERS
    session = fo.launch_app(dataset, view=dataset.load_saved_view(name))
    print("\nThe saved views are in the menu at the top left. Press Ctrl-C to end.")
    session.wait(-1)


if __name__ == "__main__":
    sys.exit(main())
