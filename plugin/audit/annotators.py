# SPDX-License-Identifier: Apache-2.0
"""Who drew the boxes that issues are about, where labels tell.

A count without the number of boxes says how much somebody drew, and a rate without an
interval accuses on the strength of a few boxes; so there are both.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.special import gammaincinv

from .boxes import Floats

#: The attributes that usually hold who drew a box, in the order of preference.
NAMES = (
    "annotator",
    "assignee",
    "worker_id",
    "worker",
    "annotated_by",
    "labeled_by",
    "labeler",
    "created_by",
)
#: The columns of the table.
COLUMNS = (
    "annotator",
    "boxes",
    "issues",
    "open",
    "confirmed",
    "dismissed",
    "fixed",
    "issues_per_thousand",
    "issues_low",
    "issues_high",
    "mistakes_per_thousand",
    "mistakes_low",
    "mistakes_high",
)
_LEVEL = 0.95


def find_annotators(names: Iterable[str]) -> str | None:
    """Find the attribute that holds who drew a box.

    Args:
        names: the names of attributes

    Returns:
        the first of :data:`NAMES` among them, whatever the case; None without one
    """
    known = {name.casefold(): name for name in names}
    return next((known[name] for name in NAMES if name in known), None)


def name_annotators(
    table: pd.DataFrame, issues: pd.DataFrame, column: str
) -> pd.Series[str]:
    """Name who drew the box that shows each issue.

    Args:
        table: a tracks table with the column
        issues: ``sequence``, ``track`` and ``peak_frame`` of each
        column: the column of the annotators

    Returns:
        one value per issue: the annotator of the track's box in that frame, or else of
        its nearest one; null for issues without a track
    """
    known = table["sequence"].cat.categories
    boxes = table[["track", "frame", column]].assign(
        sequence=table["sequence"].cat.codes.astype("int64")
    )
    boxes = boxes[boxes["track"].isin(issues["track"].unique()) & (boxes["track"] >= 0)]
    places = pd.DataFrame(
        {
            "sequence": known.get_indexer(pd.Index(issues["sequence"])),
            "track": issues["track"].to_numpy(np.int64),
            "frame": issues["peak_frame"].fillna(1).to_numpy(np.int64),
            "issue": np.arange(len(issues)),
        }
    )
    found = pd.merge_asof(
        places.sort_values("frame"),
        boxes.astype({"track": np.int64, "frame": np.int64}).sort_values("frame"),
        on="frame",
        by=["sequence", "track"],
        direction="nearest",
    )
    named = found.sort_values("issue")[column].astype(object)
    return named.where(named.notna(), None).set_axis(issues.index)


def count_by_annotator(
    boxes: pd.Series[int], annotators: pd.Series[str], decisions: pd.Series[str]
) -> pd.DataFrame:
    """Count the issues of each annotator, and relate them to the boxes.

    The intervals are exact 95 % intervals of a Poisson rate (Garwood 1936). Mistakes
    are the issues that somebody confirmed or fixed; their rate is null where nothing
    has been decided.

    Args:
        boxes: the number of boxes of each annotator, by name
        annotators: the annotator of each issue, see :func:`name_annotators`
        decisions: the decision about each issue, null for none

    Returns:
        one row per annotator, with :data:`COLUMNS`, the highest rate of issues first;
        the last row, with a null name, is about the others
    """
    told = pd.DataFrame(
        {
            "issues": 1,
            "open": decisions.isna(),
            **{
                name: decisions.eq(name) for name in ("confirmed", "dismissed", "fixed")
            },
        }
    )
    counts = told.astype("int64").groupby(annotators.fillna("").to_numpy()).sum()
    drawn = boxes.groupby(boxes.index.fillna("")).sum()
    names = drawn.index.union(counts.index)
    counts = counts.reindex(names, fill_value=0).assign(
        boxes=drawn.reindex(names, fill_value=0)
    )
    mistakes = counts["confirmed"] + counts["fixed"]
    decided = (mistakes + counts["dismissed"] > 0).to_numpy()
    for name, found in (("issues", counts["issues"]), ("mistakes", mistakes)):
        rates = _rates(found.to_numpy(), counts["boxes"].to_numpy(float))
        rates[~decided & (name == "mistakes")] = np.nan
        columns = [f"{name}_per_thousand", f"{name}_low", f"{name}_high"]
        counts[columns] = rates
    counts = counts.rename_axis("annotator").reset_index()
    by = counts["annotator"].astype(object)
    counts = counts.assign(annotator=by.where(by != "", None), others=by == "")
    order = ["others", "issues_per_thousand", "annotator"]
    counts = counts.sort_values(order, ascending=[True, False, True])
    return counts[list(COLUMNS)].reset_index(drop=True)


def _rates(found: np.ndarray, boxes: Floats) -> Floats:
    """Return rates per thousand boxes and their intervals, ``(m, 3)``."""
    tail = (1 - _LEVEL) / 2
    low = np.where(found > 0, gammaincinv(np.maximum(found, 1), tail), 0)
    high = gammaincinv(found + 1, 1 - tail)
    thousands = np.where(boxes > 0, boxes, np.nan) / 1000
    rates: Floats = np.stack([found, low, high], axis=1) / thousands[:, None]
    return rates
