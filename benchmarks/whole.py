# SPDX-License-Identifier: Apache-2.0
"""From labels on disk to an audited dataset, in a separate process."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

from fiftyone_track_audit.importers import store
from fiftyone_track_audit.importers.mot import read_mot
from fiftyone_track_audit.plugin.review.audits import audit_dataset
from report import Line, seconds
from store import new_dataset, split_sequences

MOST_SECONDS, MOST_GB = 40, 3


def run(folder: Path) -> list[Line]:
    """Measure import and audit of all sequences.

    Args:
        folder: the folder of the sequences' folders

    Returns:
        the lines of the table
    """
    command = [sys.executable, __file__, str(folder)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    rows, peak = found.pop("rows"), found.pop("peak")
    total = sum(found.values())
    parts = [Line(what, f"{value:.1f} s") for what, value in found.items()]
    return [
        *parts,
        _limit(f"all of it, {rows:,.0f} rows", total, MOST_SECONDS, "s"),
        _limit("peak memory", peak, MOST_GB, "GB"),
    ]


def _limit(what: str, value: float, most: float, unit: str) -> Line:
    return Line(
        what, f"{value:.1f} {unit}", target=f"under {most} {unit}", met=value < most
    )


def _measure(folder: Path) -> dict[str, float]:
    """Import and audit; return seconds, rows and peak memory in GB."""
    read = seconds(lambda: read_mot(folder, include_ignored=True))
    tracks = read_mot(folder, include_ignored=True)
    runs = split_sequences(tracks)
    with new_dataset(tracks, runs) as (dataset, segments):
        insert = seconds(lambda: store.insert_tracks(dataset, tracks, segments))
        audit = seconds(lambda: audit_dataset(dataset, progress=False))
        # Linux counts in kilobytes; measured before cleaning up
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {
        "read_mot": read,
        f"insert_tracks, {len(runs)} samples": insert,
        "audit_dataset": audit,
        "rows": len(tracks.table),
        "peak": peak,
    }


if __name__ == "__main__":
    print(json.dumps(_measure(Path(sys.argv[1]))))
