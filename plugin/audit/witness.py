# SPDX-License-Identifier: Apache-2.0
"""A model as a witness: how predictions of a detector compare with the labels.

How far a detector is to be trusted is learned from the labels themselves, which are
mostly right: the share of predictions of each confidence that agree with a label, and
the share of labels of each size and occlusion that the detector sees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers.tracks import BOX
from .boxes import Floats, Rows, iou
from .overlaps import find_overlaps

#: IoU from which a prediction and a label are of one object, and below which a label
#: does not cover a prediction.
_AGREES, _COVERS = 0.5, 0.4
#: Quantiles of confidences, and of sizes and occlusions of labels.
_CONFIDENCES, _SIZES, _OCCLUSIONS = 20, 6, (0.05, 0.3, 0.6)
#: The share of predictions of a confidence that must agree to be confident, and the
#: number of made-up ones that do not.
_TRUSTED, _DOUBTS = 0.5, 2.0


@dataclass(frozen=True)
class Witness:
    """The confident predictions of one sequence, ``m``, and its ``n`` labels.

    Attributes:
        table: the predictions, one row each, with ``frame``, the box and ``label``
        boxes: array ``(m, 4)``
        agreement: array ``(m,)`` in [0, 1], the share of predictions as confident as
            each that agree with a label
        covered: bool array ``(m,)``, whether a label covers the prediction
        match: int array ``(n,)``, the prediction of each label, -1 without one
        seen: array ``(n,)`` in [0, 1], the share of labels of such a size and occlusion
            that have a prediction
    """

    table: pd.DataFrame
    boxes: Floats
    agreement: Floats
    covered: NDArray[np.bool_]
    match: Rows
    seen: Floats


def make_witness(
    boxes: Floats,
    frame: NDArray[np.int64],
    occlusion: Floats,
    predictions: pd.DataFrame,
) -> Witness | None:
    """Compare the predictions of one sequence with its labels.

    Args:
        boxes: array ``(n, 4)``, the labels in pixels
        frame: int array ``(n,)``
        occlusion: array ``(n,)`` in [0, 1], the hidden share of each label
        predictions: ``frame``, the box, ``confidence`` and ``label`` of each

    Returns:
        the :class:`Witness`, None if its predictions agree with the labels too seldom
    """
    if predictions.empty or not len(boxes):
        return None
    theirs = predictions[BOX].to_numpy(float)
    frames = predictions["frame"].to_numpy(np.int64)
    labels, others, overlap = _overlapping(boxes, frame, theirs, frames)
    matched = np.zeros(len(theirs), bool)
    near = overlap >= _AGREES
    matched[_match(labels[near], others[near], overlap[near])[1]] = True
    agreement = _agreement(predictions["confidence"].to_numpy(float), matched)
    trusted = agreement >= _TRUSTED
    if not trusted.any():
        return None
    near = (overlap >= _COVERS) & trusted[others]
    place = np.cumsum(trusted) - 1
    one, two = _match(labels[near], place[others[near]], overlap[near])
    match = np.full(len(boxes), -1, np.intp)
    match[one] = two
    covered = np.zeros(int(trusted.sum()), bool)
    covered[place[others[near]]] = True
    return Witness(
        predictions[trusted].reset_index(drop=True),
        theirs[trusted],
        agreement[trusted],
        covered,
        match,
        _seen(boxes, occlusion, match >= 0),
    )


def _overlapping(
    boxes: Floats, frame: NDArray[np.int64], theirs: Floats, frames: NDArray[np.int64]
) -> tuple[Rows, Rows, Floats]:
    """Return the labels and predictions that overlap, and their IoU, ``(p,)`` each."""
    count = len(boxes)
    every = np.concatenate([boxes, theirs])
    pairs = find_overlaps(every, np.concatenate([frame, frames]))
    low = np.minimum(pairs.first, pairs.second)
    high = np.maximum(pairs.first, pairs.second)
    mixed = (low < count) & (high >= count)
    low, high = low[mixed], high[mixed]
    return low, high - count, iou(every[low], every[high])


def _match(one: Rows, two: Rows, overlap: Floats) -> tuple[Rows, Rows]:
    """Match pairs one to one, the largest overlaps first; return both sides."""
    order = np.argsort(-overlap, kind="stable")
    left = pd.DataFrame({"one": one[order], "two": two[order]})
    found = []
    while len(left):
        best = ~left.duplicated("one") & ~left.duplicated("two")
        chosen = left[best]
        found.append(chosen)
        free = ~left["one"].isin(chosen["one"]) & ~left["two"].isin(chosen["two"])
        left = left[free]
    pairs = pd.concat(found) if found else left
    return pairs["one"].to_numpy(np.intp), pairs["two"].to_numpy(np.intp)


def _agreement(confidence: Floats, matched: NDArray[np.bool_]) -> Floats:
    """Return the share of predictions as confident as each that are matched, (m,).

    More confident predictions never agree less.
    """
    group = _quantile_group(confidence, _CONFIDENCES)
    total = np.bincount(group)
    right = np.bincount(group, matched)
    share = np.maximum.accumulate(right / (total + _DOUBTS))
    agreement: Floats = share[group]
    return agreement


def _seen(boxes: Floats, occlusion: Floats, supported: NDArray[np.bool_]) -> Floats:
    """Return the share of labels of each size and occlusion that are supported."""
    size = _quantile_group(np.nan_to_num(boxes[:, 3]), _SIZES)
    hidden = np.searchsorted(_OCCLUSIONS, occlusion, side="right")
    group = size * (len(_OCCLUSIONS) + 1) + hidden
    total = np.bincount(group)
    share = np.bincount(group, supported) / (total + _DOUBTS)
    seen: Floats = share[group]
    return seen


def _quantile_group(values: Floats, count: int) -> Rows:
    """Divide values into groups of about the same size; equal ones stay together."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, count + 1)[1:-1]))
    groups: Rows = np.searchsorted(edges, values, side="right")
    return groups
