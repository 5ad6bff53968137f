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
    """Make an issue of each label that was set aside, is outside, or has no track.

    Args:
        tracks: the tracks, with their ``invalid`` labels

    Returns:
        the issues, see ``find_issues()``, of score 1; ``track`` is -1 if it is not
        known, and the frames are null for labels that are in no frame
    """
    found = (tracks.invalid, _untracked(tracks.table), _outside(tracks))
    parts = [part for part in found if len(part)]
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    invalid = pd.concat(parts, ignore_index=True)
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
    if not (without & most).any():
        return make_invalid()
    found = table[without & most]
    return make_invalid(
        {
            "sequence": found["sequence"].astype(object),
            "frame": found["frame"].astype("Int64"),
            "reason": "the box has no identity, and is not judged; expected one",
            **{side: found[side] for side in BOX},
        }
    )


def _outside(tracks: Tracks) -> pd.DataFrame:
    """Return the boxes of tracks of which nothing is in an image of a known size."""
    table, codes = tracks.table, tracks.table["sequence"].cat
    records = tracks.sequences
    unknown = (np.nan, np.nan)
    own = [
        (records[name].width, records[name].height) if name in records else unknown
        for name in codes.categories
    ]
    sizes = np.array(own, np.float64).reshape(-1, 2)[codes.codes]
    across, down = sizes.T
    right, bottom = table["left"] + table["width"], table["top"] + table["height"]
    outside = (right <= 0) | (bottom <= 0)
    outside |= (table["left"] >= across) | (table["top"] >= down)
    outside &= table["track"] >= 0
    if not outside.any():
        return make_invalid()
    found = table[outside]
    where = zip(found["left"], found["top"], *sizes[outside].T, strict=True)
    return make_invalid(
        {
            "sequence": found["sequence"].astype(object),
            "frame": found["frame"].astype("Int64"),
            "track": found["track"].astype("Int64"),
            "reason": [
                f"the box at {left:.15g}, {top:.15g} is outside the "
                f"{width:.0f}x{height:.0f} image"
                for left, top, width, height in where
            ],
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
