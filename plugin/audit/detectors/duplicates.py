# SPDX-License-Identifier: Apache-2.0
"""Two tracks on one object."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..boxes import area
from ..findings import first_of_each, make_findings
from ..scene import Scene

DUPLICATE = "duplicate"
#: IoU below which two boxes are hardly meant for the same object.
_LEAST_IOU = 0.4
#: How much the offset of two boxes on the same object may vary, in box sizes.
_STEADY = 0.1
#: Number of shared frames that counts half, because it may be a coincidence.
_FEW = 2


def find_duplicates(scene: Scene) -> pd.DataFrame:
    """Find tracks that overlap another one for most of their frames.

    People pass each other and walk side by side, but a second box on the same object
    overlaps the first from its first frame to its last, and moves with it. The
    strength is the mean IoU of the two, times the share of the shorter track's boxes
    with an IoU of at least 0.4, over one plus the variance of their offset in tenths
    of the box (of center and log size, the sum of all four). Few boxes count less, a
    single one a third. The amount is the mean IoU.

    Returns:
        the findings, which are the whole shorter tracks; ``other`` is the row of the
        longer track where the two first overlap
    """
    pairs = scene.overlaps
    areas = area(scene.boxes)
    union = areas[pairs.first] + areas[pairs.second] - pairs.shared
    shares = pairs.shared / union
    near = shares >= _LEAST_IOU
    one, two, shares = pairs.first[near], pairs.second[near], shares[near]
    if not len(one):
        return make_findings(DUPLICATE, one, shares)
    lengths = scene.last - scene.first + 1
    tracks = scene.track
    excess = lengths[tracks[one]] - lengths[tracks[two]]
    swap = (excess > 0) | ((excess == 0) & (one < two))
    rows, others = np.where(swap, two, one), np.where(swap, one, two)
    order = np.argsort(rows, kind="stable")
    rows, others, shares = rows[order], others[order], shares[order]
    offset = scene.states[rows] - scene.states[others]
    offset[:, :2] /= scene.boxes[rows, 2:]
    both = tracks[rows] * len(lengths) + tracks[others]
    _, begin, count = np.unique(both, return_index=True, return_counts=True)
    track, other = tracks[rows[begin]], others[begin]
    mean = pd.Series(shares).groupby(both).mean().to_numpy()
    variance = pd.DataFrame(offset).groupby(both).var(ddof=0).sum(axis=1).to_numpy()
    steady = 1 / (1 + variance / _STEADY**2)
    lasting = count / (count + _FEW)
    strength = mean * (count / lengths[track]) * steady * lasting
    best = pd.Series(strength).sort_values(ascending=False).index.to_numpy()
    best = best[first_of_each(track[best])]
    first, last = scene.first[track[best]], scene.last[track[best]]
    return make_findings(
        DUPLICATE,
        first,
        strength[best],
        first,
        last,
        other=other[best],
        amount=mean[best],
    )
