# SPDX-License-Identifier: Apache-2.0
"""Issues about labels that no audit can use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ...importers.tracks import BOX, Tracks, make_invalid
from .grouping import COLUMNS, EXPECTED
from .kinds import INVALID
from .sentences import CORRECT_LABEL

#: The share of boxes without identity below which they are mistakes. Where there are
#: more, they are detections.
_FEW = 0.5


def invalid_issues(tracks: Tracks) -> pd.DataFrame:
    """Make an issue of each label that was set aside, or that belongs to no track.

    Args:
        tracks: the tracks, with their ``invalid`` labels

    Returns:
        the issues, see ``find_issues()``, of score 1; ``track`` is -1 if it is not
        known, and the frames are null for labels that are in no frame
    """
    both = [part for part in (tracks.invalid, _untracked(tracks.table)) if len(part)]
    invalid = pd.concat(both, ignore_index=True) if both else tracks.invalid
    frame = invalid["frame"]
    if not frame.isna().any():
        frame = frame.astype("int64")
    return pd.DataFrame(
        {
            "sequence": invalid["sequence"],
            "kind": INVALID,
            "track": invalid["track"].fillna(-1).astype("int64"),
            "other_track": pd.array([pd.NA] * len(invalid), "Int64"),
            "first_frame": frame,
            "last_frame": frame,
            "score": 1.0,
            "reason": _places(invalid) + invalid["reason"],
            "suggestion": CORRECT_LABEL,
            "size_limit": np.nan,
            "iou_limit": np.nan,
            "peak_frame": frame,
            **dict.fromkeys(EXPECTED, np.nan),
        },
        columns=COLUMNS,
    )


def _untracked(table: pd.DataFrame) -> pd.DataFrame:
    """Return the boxes without identity where most boxes have one."""
    without = table["track"] < 0
    if not without.any():
        return make_invalid()
    most = without.groupby(table["sequence"], observed=True).transform("mean") < _FEW
    found = table[without & most]
    return make_invalid(
        {
            "sequence": found["sequence"].astype(object),
            "frame": found["frame"].astype("Int64"),
            "reason": "the box has no identity, and is not judged; expected one",
            **{side: found[side] for side in BOX},
        }
    )


def _places(invalid: pd.DataFrame) -> pd.Series[str]:
    """Return where each label is: file and line, as far as they are known."""
    files = invalid["file"].map(lambda file: f"{Path(file).name}, ", na_action="ignore")
    lines = "line " + invalid["line"].astype("string") + ": "
    files, lines = files.astype(object), lines.astype(object)
    whole = files.str.removesuffix(", ") + ": "
    return (files + lines).fillna(whole).fillna("").astype(object)
