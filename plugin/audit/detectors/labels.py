# SPDX-License-Identifier: Apache-2.0
"""Tracks that change their class."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..findings import make_findings, runs
from ..scene import Scene

LABEL_CHANGE = "label_change"


def find_label_changes(scene: Scene) -> pd.DataFrame:
    """Find runs with another label than most of their track.

    The strength is the share of the track's boxes with another label than these, in
    (0, 1). The amount is the number of boxes in the run.
    """
    wrong = (scene.label != scene.usual_label[scene.track]) & scene.identified
    changed = np.r_[True, np.diff(scene.label) != 0]
    first, last = runs(wrong, np.cumsum(changed) + scene.track * len(wrong))
    pair = scene.track * (int(scene.label.max(initial=0)) + 1) + scene.label
    _, place, count = np.unique(pair, return_inverse=True, return_counts=True)
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
