# SPDX-License-Identifier: Apache-2.0
"""The command that fixes label files without a database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from .audit import Labels, Limits, Predictions
from .commands import FIELDS, FILES, AsJson, app, print_json, print_notes, split_commas
from .reading import Source
from .rules import RulesFile, read_rules

if TYPE_CHECKING:
    import pandas as pd

    from ...importers.tracks import Tracks
    from ..fixing.planning import Plan

#: The file of changes in the output folder.
_LOG = "fixes.csv"
_SOURCE, _LIMITS = Source(), Limits()


@app.command(group=FILES)
def fix(
    labels: Labels,
    /,
    *,
    output: Annotated[str, Parameter(metavar="DIR")],
    source: Annotated[Source, FIELDS] = _SOURCE,
    kinds: Annotated[tuple[str, ...], Parameter(metavar="KIND...")] = (),
    min_score: Annotated[float, Parameter(metavar="SCORE")] = 0.8,
    limits: Annotated[Limits, FIELDS] = _LIMITS,
    rules: RulesFile = None,
    predictions: Predictions = None,
    as_json: AsJson = False,
) -> None:
    r"""Fix mistakes without a look, and write the corrected labels.

    LABELS is as in 'track-audit score'. The corrected labels are written to a new
    folder, without frames: labels of CVAT as CVAT for video 1.1, all others as MOT
    Challenge sequences. fixes.csv beside them lists every box that was changed, as it
    was and as it is. The input is not changed. MOT rows whose flag is 0 stay as they
    are. With the predictions of a detector, their boxes can be taken, too.

    For example:

      track-audit fix MOT20/train/MOT20-01 --output fixed
      track-audit fix MOT20/train --kinds gap,duplicate --min-score 0.9 \
        --output fixed
      track-audit fix annotations.xml --output fixed

    Args:
        output: the folder to write to, which is new or empty
        kinds: fix only mistakes of these kinds, such as gap or duplicate
            (default: shift, jitter, gap, short_track, ghost, duplicate, label_change)
        min_score: fix only issues with this score or more, from 0 to 1
    """
    from ...importers.files import check_new_folder, whole_folder
    from ...importers.label_writers import write_labels
    from ..audit import audit_tracks
    from ..fixing.choosing import check_choice, choose_issues, explain_none
    from ..fixing.planning import apply_plan, plan_fixes
    from . import tables
    from .output import save

    check_new_folder(Path(output))
    asked = split_commas(kinds)
    check_choice(asked, min_score)
    obeyed = read_rules(rules)
    tracks, ignored = _read(labels, source)
    seen = _read_predictions(predictions, tracks)
    found = audit_tracks(tracks, limits.thresholds(), predictions=seen, rules=obeyed)
    issues = found.issues
    chosen = choose_issues(issues, asked, min_score)
    taken = int(ignored.table["track"].max()) if len(ignored.table) else 0
    boxes = None if seen is None else seen.table
    plan = plan_fixes(tracks, chosen, taken=taken, predictions=boxes)
    fixed = _finish(apply_plan(tracks, plan), ignored, plan)
    with whole_folder(Path(output)) as folder:
        write_labels(fixed, folder, _classes(tracks))
        save(str(folder / _LOG), tables.to_csv(plan.log))
    notes = _notes(tracks, explain_none(issues, asked, min_score))
    _tell(plan, len(issues), output, notes, as_json)


def _read(labels: str, source: Source) -> tuple[Tracks, Tracks]:
    """Read labels: those that count, and those that the benchmark of MOT ignores."""
    from dataclasses import replace

    import pandas as pd

    from ...importers.formats import BY_NAME

    tracks = source.read(labels, include_ignored=True)
    table = tracks.table
    of_mot = tracks.format == BY_NAME["mot"].title
    counts = table["considered"] if of_mot else pd.Series(True, table.index)
    kept, ignored = (
        replace(tracks, table=part.reset_index(drop=True))
        for part in (table[counts], table[~counts])
    )
    return kept, ignored


def _read_predictions(path: str | None, tracks: Tracks) -> Tracks | None:
    """Read predictions, whose only sequence is that of the labels."""
    from dataclasses import replace

    from ...importers.predictions import read_predictions

    if path is None:
        return None
    seen = read_predictions(path)
    if len(seen.sequences) == len(tracks.sequences) == 1:
        (name,) = tracks.sequences
        return replace(seen, table=seen.table.assign(sequence=name))
    return seen


def _classes(tracks: Tracks) -> tuple[str, ...]:
    """Return the classes of a MOT file in the order of their numbers."""
    from ...importers.label_writers import format_to_write

    if format_to_write(tracks) != tracks.format or tracks.table.empty:
        return ()
    return tuple(map(str, tracks.table["label"].cat.categories))


def _notes(tracks: Tracks, why_none: str | None) -> list[str]:
    """Say what the corrected labels lack, their format, and why nothing was fixed."""
    from ...importers.label_writers import format_to_write

    notes = []
    if len(tracks.invalid):
        left_out = f"{len(tracks.invalid)} rows that no tracker could use"
        notes.append(f"{left_out} are not in the corrected labels")
    written = format_to_write(tracks)
    if written != tracks.format:
        notes.append(
            f"{tracks.format} labels are not written; the corrected labels are in the "
            f"format of {written}, with frames counted from 1"
        )
    return [*notes, why_none] if why_none else notes


def _finish(fixed: Tracks, ignored: Tracks, plan: Plan) -> Tracks:
    """Add the ignored boxes again, and make every box of changed tracks a keyframe.

    A box that was added gives way to an ignored one.
    """
    from dataclasses import replace

    import pandas as pd

    from ...importers.tracks import make_table

    fixed_table = fixed.table.drop(columns="mark", errors="ignore")
    plain = [
        table.astype({"sequence": object, "label": object, "frame_name": object})
        for table in (ignored.table, fixed_table)
    ]
    table = pd.concat(plain, ignore_index=True)
    table = table.drop_duplicates(["sequence", "track", "frame"])
    if "keyframe" in table:
        changed = pd.MultiIndex.from_frame(_changed_tracks(plan))
        own = pd.MultiIndex.from_frame(table[["sequence", "track"]])
        table["keyframe"] = table["keyframe"].astype(bool) | own.isin(changed)
    return replace(fixed, table=make_table({str(name): table[name] for name in table}))


def _changed_tracks(plan: Plan) -> pd.DataFrame:
    """Return ``sequence`` and ``track`` of the tracks that a plan changes."""
    import pandas as pd

    log = plan.log
    later = log[["sequence", "new_track"]].rename(columns={"new_track": "track"})
    both = pd.concat([log[["sequence", "track"]], later])
    return both.dropna().astype({"track": int}).drop_duplicates()


def _tell(
    plan: Plan, issues: int, output: str, notes: list[str], as_json: bool
) -> None:
    """Print what was fixed."""
    from ..plain import count

    done = plan.fixes[plan.fixes["fix"].notna()]
    message = f"{len(done)} of {count(issues, 'issue')} fixed; {plan.counts}"
    if as_json:
        by_kind = done["kind"].value_counts().to_dict()
        boxes = vars(plan.counts)
        fixed = {"issues": issues, "fixed": len(done), "kinds": by_kind, "boxes": boxes}
        print_json(fixed, message, notes)
        return
    print_notes(notes)
    print(message)
    print(f"saved to {output}")
