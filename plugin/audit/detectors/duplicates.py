# SPDX-License-Identifier: Apache-2.0
"""Two tracks on one object."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..boxes import area
from ..findings import make_findings
from ..scene import Scene

DUPLICATE = "duplicate"
#: Overlap below which two boxes are hardly meant for one object.
_LEAST_IOU = 0.4
#: How much the offset of two boxes on one object may vary, in box sizes.
_STEADY = 0.1
#: Boxes on one object that may still be chance, to one half.
_FEW = 2


def find_duplicates(scene: Scene) -> pd.DataFrame:
    """Finds tracks that lie on another one for most of their life.

    People pass each other, and walk side by side; a second box on one object
    lies on the first from its first frame to its last, and moves with it. The
    strength is the mean IoU of the two times the share of the shorter track's
    boxes that have an IoU of at least 0.4 with the longer one's, over one plus
    the variance of their offset in tenths of the box (of centre and log size,
    the sum of all four); few boxes count less, one of them a third. The amount is
    that mean IoU.

    Args:
        scene: the scene

    Returns:
        the findings on the shorter tracks, whole; ``other`` is the row of the
        longer track where they first meet
    """
    pairs = scene.overlaps
    areas = area(scene.boxes)
    union = areas[pairs.first] + areas[pairs.second] - pairs.shared
    shares = pairs.shared / union
    near = shares >= _LEAST_IOU
    one, two, shares = pairs.first[near], pairs.second[near], shares[near]
    lengths = scene.last - scene.first + 1
    tracks = scene.track
    longer = lengths[tracks[one]] > lengths[tracks[two]]
    equal = lengths[tracks[one]] == lengths[tracks[two]]
    swap = longer | (equal & (one < two))
    rows = np.where(swap, two, one)
    others = np.where(swap, one, two)
    order = np.argsort(rows, kind="stable")
    rows, others, shares = rows[order], others[order], shares[order]
    offset = scene.states[rows] - scene.states[others]
    offset[:, :2] /= scene.boxes[rows, 2:]
    pair = pd.DataFrame(
        {
            "track": tracks[rows],
            "rival": tracks[others],
            "iou": shares,
            "other": others,
            **{f"offset_{axis}": offset[:, axis] for axis in range(4)},
        }
    ).groupby(["track", "rival"], as_index=False)
    met = pair.agg(iou=("iou", "mean"), count=("iou", "size"), other=("other", "first"))
    variance = pair.var(ddof=0).filter(like="offset_").sum(axis=1)
    steady = 1 / (1 + variance / _STEADY**2)
    lasting = met["count"] / (met["count"] + _FEW)
    share = met["count"] / lengths[met["track"]]
    met["strength"] = met["iou"] * share * steady * lasting
    met = met.sort_values("strength", ascending=False).drop_duplicates("track")
    first = scene.first[met["track"]]
    return make_findings(
        DUPLICATE,
        first,
        met["strength"].to_numpy(),
        first,
        scene.last[met["track"]],
        other=met["other"].to_numpy(),
        amount=met["iou"].to_numpy(),
    )
