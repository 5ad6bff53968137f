# SPDX-License-Identifier: Apache-2.0
"""The command that fixes label files without a database."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from .audit import Labels, Limits
from .commands import FIELDS, FILES, AsJson, app, print_json

if TYPE_CHECKING:
    from ...importers.tracks import Tracks
    from ..fixing.planning import Plan

#: The file of changes in the output folder.
_LOG = "fixes.csv"
_LIMITS = Limits()


@app.command(group=FILES)
def fix(
    labels: Labels,
    /,
    *,
    output: Annotated[str, Parameter(metavar="DIR")],
    kinds: Annotated[tuple[str, ...], Parameter(metavar="KIND...")] = (),
    min_score: Annotated[float, Parameter(metavar="SCORE")] = 0.8,
    limits: Annotated[Limits, FIELDS] = _LIMITS,
    as_json: AsJson = False,
) -> None:
    """Fix mistakes without a look, and write the corrected labels.

    LABELS is a MOT Challenge sequence, a folder of sequences, or a gt.txt. The
    corrected labels are written to a new folder in the same format, without frames,
    and fixes.csv beside them lists every box that was changed, as it was and as it
    is. The input is not changed. Rows whose flag is 0 stay as they are.

    For example:

      track-audit fix MOT20/train/MOT20-01 --output fixed
      track-audit fix MOT20/train --kinds gap,duplicate --min-score 0.9 --output fixed

    Args:
        output: the folder to write to, which is new or empty
        kinds: fix only mistakes of these kinds, such as gap or duplicate
            (default: size_change, shift, low_iou, gap, duplicate, label_change)
        min_score: fix only issues with this score or more, from 0.5 to 1
    """
    from ...importers.files import check_new_folder, whole_folder
    from ...importers.mot_writer import write_mot_labels
    from ..fixing.choosing import choose_issues
    from ..fixing.planning import apply_plan, plan_fixes
    from . import tables
    from .output import save

    check_new_folder(Path(output))
    asked = tuple(kind for part in kinds for kind in part.split(",") if kind)
    tracks, ignored = _read(labels)
    from ..audit import audit_tracks

    issues = audit_tracks(tracks, limits.thresholds()).issues
    chosen = choose_issues(issues, asked, min_score)
    taken = int(ignored.table["track"].max()) if len(ignored.table) else 0
    plan = plan_fixes(tracks, chosen, taken=taken)
    fixed = _join(apply_plan(tracks, plan), ignored)
    with whole_folder(Path(output)) as folder:
        write_mot_labels(fixed, folder)
        save(str(folder / _LOG), tables.to_csv(plan.log))
    for note in (*tracks.notes, *_left_out(tracks)):
        print(f"track-audit: note: {note}", file=sys.stderr)
    _tell(plan, len(issues), output, as_json)


def _read(labels: str) -> tuple[Tracks, Tracks]:
    """Read MOT labels: those that count, and those that the benchmark ignores."""
    from dataclasses import replace

    from ...importers.mot import read_mot
    from ...importers.tracks import InputError

    if labels.endswith((".json", ".manifest")):
        message = "expected MOT Challenge labels; others cannot be written yet"
        raise InputError(labels, message)
    tracks = read_mot(labels, include_ignored=True)
    counts = tracks.table["considered"]
    parts = (tracks.table[counts], tracks.table[~counts])
    kept, ignored = (
        replace(tracks, table=table.reset_index(drop=True)) for table in parts
    )
    return kept, ignored


def _left_out(tracks: Tracks) -> list[str]:
    """Say how many rows of the input cannot be written."""
    count = len(tracks.invalid)
    said = f"{count} rows that no tracker could use are not in the corrected labels"
    return [said] if count else []


def _join(fixed: Tracks, ignored: Tracks) -> Tracks:
    """Add the ignored boxes again; a box that was added gives way to them."""
    from dataclasses import replace

    import pandas as pd

    from ...importers.tracks import make_table

    plain = [
        tracks.table.astype({"sequence": object, "label": object, "frame_name": object})
        for tracks in (ignored, fixed)
    ]
    table = pd.concat(plain, ignore_index=True)
    table = table.drop_duplicates(["sequence", "track", "frame"])
    return replace(fixed, table=make_table({str(name): table[name] for name in table}))


def _tell(plan: Plan, issues: int, output: str, as_json: bool) -> None:
    """Print what was fixed."""
    done = plan.fixes[plan.fixes["fix"].notna()]
    if as_json:
        by_kind = done["kind"].value_counts().to_dict()
        counts = vars(plan.counts)
        print_json(
            {"issues": issues, "fixed": len(done), "kinds": by_kind, "boxes": counts}
        )
        return
    print(f"{len(done)} of {issues} issues fixed; {plan.counts}")
    print(f"saved to {output}")
