# SPDX-License-Identifier: Apache-2.0
"""Boxes that jitter around their object."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from ..boxes import Floats
from ..findings import find_peaks, make_findings
from ..medians import nth_lowest, track_median
from ..motion import midpoint_residual
from ..scene import Scene
from .extents import around_peaks

JITTER = "jitter"
#: Boxes over which jitter must last: five of seven.
_WINDOW = 7
_QUIET = 2
#: Share of the strongest jitter that still belongs to the run.
_SHARE = 0.4
#: Unevenness of position and size that nobody would call jitter.
_FLOOR = 0.01


def jitter(scene: Scene) -> Floats:
    """Compute the sustained high-frequency motion of boxes.

    For each box this is the distance of center and log size from the midpoint of its
    two neighbors, relative to the box, minus what rounding to whole pixels explains.
    The third lowest of seven boxes counts, so that single glitches do not.

    Returns:
        array ``(n,)``, at least 0; NaN if the track has fewer boxes there
    """
    residual = midpoint_residual(scene.states, scene.neighbors, 1)
    residual[:, :2] /= scene.boxes[:, 2:]
    energy = np.sqrt((residual**2).sum(axis=1))
    energy = np.maximum(energy - 0.5 / scene.scale, 0)
    result = np.full(len(energy), np.nan)
    if len(energy) < _WINDOW:
        return result
    half = _WINDOW // 2
    window = nth_lowest(sliding_window_view(energy, _WINDOW).T, _QUIET)
    # A window over two tracks has at least two boxes without a residual
    same = scene.track[: 1 - _WINDOW] == scene.track[_WINDOW - 1 :]
    result[half:-half] = np.where(same, window, np.nan)
    return result


def find_jitter(scene: Scene) -> pd.DataFrame:
    """Find runs that jitter more than their track and sequence.

    The strength is the :func:`jitter` over 0.01 plus the medians of the track and
    of the sequence. The amount is the jitter.
    """
    energy = scene.once(jitter)
    known = energy[~np.isnan(energy)]
    usual = np.median(known) if len(known) else 0.0
    own = np.nan_to_num(track_median(energy, scene.neighbors))
    strength = np.nan_to_num(energy / (_FLOOR + own + usual))
    peaks = find_peaks(strength, scene.track, _WINDOW)
    first, last = around_peaks(
        strength, peaks, scene.track, _SHARE * strength[peaks], 3 * _WINDOW
    )
    return make_findings(
        JITTER, peaks, strength[peaks], first, last, amount=energy[peaks]
    )
