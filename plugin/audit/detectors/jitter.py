# SPDX-License-Identifier: Apache-2.0
"""Boxes that tremble."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from ..boxes import Floats
from ..findings import find_peaks, make_findings
from ..motion import midpoint_residual
from ..outliers import track_median
from ..scene import Scene
from .extents import around_peaks

JITTER = "jitter"
#: Boxes over which trembling must last: five of seven.
_WINDOW = 7
_QUIET = 2
#: What belongs to the stretch, as a share of where it trembles most.
_SHARE = 0.4
#: Unevenness of a box's place and size that nobody would call trembling.
_FLOOR = 0.01


def jitter(scene: Scene) -> Floats:
    """Computes the sustained high-frequency energy of boxes.

    Per box the distance of centre and log size from the middle of the two
    boxes beside it, relative to the box, less what rounding to whole pixels
    explains; of seven boxes the third lowest, so that single glitches do not
    count.

    Args:
        scene: the scene

    Returns:
        array ``(n,)``, at least 0, NaN where the track has fewer boxes
    """
    residual = midpoint_residual(scene.states, scene.neighbours, 1)
    residual[:, :2] /= scene.boxes[:, 2:]
    energy = np.sqrt((residual**2).sum(axis=1))
    energy = np.maximum(energy - 0.5 / scene.scale, 0)
    result = np.full(len(energy), np.nan)
    if len(energy) < _WINDOW:
        return result
    half = _WINDOW // 2
    window = np.sort(sliding_window_view(energy, _WINDOW), axis=1)[:, _QUIET]
    # A window over two tracks holds at least two boxes without a residual
    same = scene.track[: 1 - _WINDOW] == scene.track[_WINDOW - 1 :]
    result[half:-half] = np.where(same, window, np.nan)
    return result


def find_jitter(scene: Scene) -> pd.DataFrame:
    """Finds stretches that tremble more than their track and sequence do.

    The strength is the :func:`jitter` over 0.01 plus the medians of the track and
    of the sequence. The amount is the jitter.

    Args:
        scene: the scene

    Returns:
        the findings
    """
    energy = jitter(scene)
    known = energy[~np.isnan(energy)]
    usual = np.median(known) if len(known) else 0.0
    own = np.nan_to_num(track_median(energy, scene.neighbours))
    strength = np.nan_to_num(energy / (_FLOOR + own + usual))
    peaks = find_peaks(strength, scene.track, _WINDOW)
    first, last = around_peaks(
        strength, peaks, scene.track, _SHARE * strength[peaks], 3 * _WINDOW
    )
    return make_findings(
        JITTER, peaks, strength[peaks], first, last, amount=energy[peaks]
    )
