# SPDX-License-Identifier: Apache-2.0
"""Labels that a model does not confirm, see ``witness.py``."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..boxes import Floats, iou
from ..findings import find_peaks, make_findings, runs
from ..scene import Scene
from ..witness import Witness
from .extents import around_peaks

UNSUPPORTED = "unsupported"
BADLY_LOCATED = "badly_located"
WRONG_CLASS = "wrong_class"
#: Labels without a prediction that follow each other, at least.
_LEAST = 5
#: What one label tells more than the next one: a detector that misses an object in one
#: frame misses it in the next.
_ALIKE = 5.0
#: Boxes on either side over which the departure from predictions is averaged.
_REACH = 10
#: Share of these boxes that must have a prediction.
_KNOWN = 0.3
#: Share of the worst departure from which on its neighbors are wrong, too.
_SHARE = 0.7
#: Robust standard deviations from which on a departure is reported.
_UNUSUAL = 3.0
#: The median IoU of labels with their predictions from which on a detector locates
#: objects, and from which on it does so as well as people.
_COARSE, _FINE = 0.75, 0.88


def find_unsupported(scene: Scene) -> pd.DataFrame:
    """Find stretches of labels that the detector should see, and does not.

    The strength is the sum of the negative logarithms of the shares of such labels
    that it misses, over 5, and less for a detector that sees little or locates badly.
    The amount is the share that it sees.

    Args:
        scene: the scene, with a witness

    Returns:
        the findings, which are runs of five labels and more
    """
    witness = _witness(scene)
    first, last = runs((witness.match < 0) & scene.identified, scene.track)
    long = last - first + 1 >= _LEAST
    first, last = first[long], last[long]
    telling = np.r_[0, np.cumsum(-np.log1p(-witness.seen))]
    seen = np.r_[0, np.cumsum(witness.seen)]
    count = last + 1 - first
    trust = fineness(scene) * (witness.seen.mean() if len(witness.seen) else 0)
    return make_findings(
        UNSUPPORTED,
        (first + last) // 2,
        trust * (telling[last + 1] - telling[first]) / _ALIKE,
        first,
        last,
        amount=(seen[last + 1] - seen[first]) / count,
    )


def find_badly_located(scene: Scene) -> pd.DataFrame:
    """Find stretches of labels that depart from their predictions.

    The strength is how many robust standard deviations the
    :func:`prediction_departure` exceeds the sequence's median, less for a detector that
    locates objects badly. The amount is the departure.

    Args:
        scene: the scene, with a witness

    Returns:
        the findings
    """
    departed, _ = scene.once(prediction_departure)
    known = departed[~np.isnan(departed)]
    if not len(known):
        return make_findings(BADLY_LOCATED, scene.first[:0], known)
    usual = np.median(known)
    spread = 1.4826 * np.median(np.abs(known - usual)) + 0.01
    strength = np.nan_to_num((departed - usual) / spread) * fineness(scene)
    unusual = np.where(strength > _UNUSUAL, strength, 0)
    peaks = find_peaks(unusual, scene.track, _REACH)
    first, last = around_peaks(
        strength, peaks, scene.track, _SHARE * strength[peaks], 2 * _REACH
    )
    return make_findings(
        BADLY_LOCATED, peaks, strength[peaks], first, last, amount=departed[peaks]
    )


def find_wrong_classes(scene: Scene) -> pd.DataFrame:
    """Find tracks whose predictions are mostly of another class.

    Nothing is found if labels and predictions have no class in common. The strength is
    the share of the track's predictions that are of its most frequent other class,
    times their number, over that number plus 5, in odds.

    Args:
        scene: the scene, with a witness

    Returns:
        the findings, which are whole tracks
    """
    witness = _witness(scene)
    names = [
        table["label"].astype(str).str.lower() for table in (scene.table, witness.table)
    ]
    codes = pd.factorize(pd.concat(names))[0]
    labels, theirs = np.split(codes, [len(scene.table)])
    if not np.isin(labels, theirs).any():
        return make_findings(WRONG_CLASS, scene.first[:0], np.empty(0))
    matched = np.flatnonzero(witness.match >= 0)
    other = theirs[witness.match[matched]]
    differs = (other != labels[matched]) & np.isin(other, labels)
    track = scene.track[matched]
    total = np.bincount(track, minlength=len(scene.first))
    wrong = np.bincount(track[differs], minlength=len(scene.first))
    share = wrong / (total + _LEAST)
    found = np.flatnonzero(share > 0.5)
    first = scene.first[found]
    return make_findings(
        WRONG_CLASS,
        first,
        share[found] / (1 - share[found]),
        first,
        scene.last[found],
        amount=wrong[found] / total[found],
    )


def prediction_departure(scene: Scene) -> tuple[Floats, Floats]:
    """Compute how far labels depart from predictions over a stretch of their track.

    Args:
        scene: the scene, with a witness

    Returns:
        a tuple of

        -   array ``(n,)`` in [0, 1], one minus the mean IoU with the predictions of the
            box, and of the ten before and after; NaN if less than 0.3 of them have one
        -   array ``(n,)`` in [0, 1], the share that have one
    """
    witness = _witness(scene)
    matched = np.flatnonzero(witness.match >= 0)
    loss = np.full(len(scene.boxes), np.nan)
    loss[matched] = 1 - iou(scene.boxes[matched], witness.boxes[witness.match[matched]])
    total = np.r_[0, np.cumsum(np.nan_to_num(loss))]
    count = np.r_[0, np.cumsum(~np.isnan(loss))]
    rows = np.arange(len(loss))
    low = np.maximum(rows - _REACH, scene.neighbors.start)
    high = np.minimum(rows + _REACH + 1, scene.neighbors.end)
    known = count[high] - count[low]
    share = known / (high - low)
    mean = (total[high] - total[low]) / np.maximum(known, 1)
    return np.where(share >= _KNOWN, mean, np.nan), share


def fineness(scene: Scene) -> float:
    """Return how well the detector locates objects, from 0 to 1."""
    witness = _witness(scene)
    matched = np.flatnonzero(witness.match >= 0)
    if not len(matched):
        return 0.0
    overlap = iou(scene.boxes[matched], witness.boxes[witness.match[matched]])
    share = (np.median(overlap) - _COARSE) / (_FINE - _COARSE)
    return float(np.clip(share, 0, 1))


def _witness(scene: Scene) -> Witness:
    if scene.witness is None:
        raise ValueError("labels cannot be confirmed without predictions")
    return scene.witness
