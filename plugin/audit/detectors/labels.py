# SPDX-License-Identifier: Apache-2.0
"""Objects that change their class."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..findings import make_findings, runs
from ..kinds import LABEL_CHANGE
from ..scene import Scene


def find_label_changes(scene: Scene) -> pd.DataFrame:
    """Finds stretches of a track that have another label than most of it.

    The strength is the share of the track's boxes that have another label than
    these, in (0, 1). The amount is the number of boxes in the stretch.

    Args:
        scene: the scene

    Returns:
        the findings
    """
    labels = scene.table["label"].cat.codes.to_numpy(np.int64)
    kinds = int(labels.max(initial=0)) + 1
    # Counting over pairs of track and label keeps many labels cheap
    pair = scene.track * kinds + labels
    known, place, count = np.unique(pair, return_inverse=True, return_counts=True)
    order = np.lexsort((count, known // kinds))
    usual = known[order[np.diff(known[order] // kinds, append=-1) != 0]]
    majority = np.zeros(len(scene.first), np.int64)
    majority[usual // kinds] = usual % kinds
    wrong = (labels != majority[scene.track]) & scene.identified
    changed = np.r_[True, np.diff(labels) != 0]
    first, last = runs(wrong, np.cumsum(changed) + scene.track * len(labels))
    lengths = scene.last - scene.first + 1
    share = count[place][first] / lengths[scene.track[first]]
    return make_findings(
        LABEL_CHANGE,
        first,
        1 - share,
        first,
        last,
        amount=(last - first + 1).astype(float),
    )
