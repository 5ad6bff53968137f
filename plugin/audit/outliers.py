# SPDX-License-Identifier: Apache-2.0
"""Which boxes are outliers: severities by threshold, prediction and steadiness.

A pair of neighboring boxes *breaks* a threshold if its change of size or its IoU
does, and if that is also unusual for the track after its steady motion is removed. A
broken pair blames the box that fits its own track less, or the later one if both fit,
because a lasting jump begins there. A box that departs from the prediction of its
track by more than the threshold is blamed without a broken pair, such as the middle
box of a glitch of three frames.

The severity is 0 for a perfect box, 1 at the threshold and above 1 for an outlier. The
limit of a box is the threshold at which it is no longer an outlier.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .boxes import Floats
from .expectation import Expectation, compare
from .medians import track_median
from .neighbors import Neighbors, before

#: Median absolute deviations from which on a value is unusual for its track: four
#: standard deviations of a normal distribution.
UNUSUAL = 4 * 1.4826


@dataclass(frozen=True)
class Thresholds:
    """The thresholds that make a box an outlier.

    Attributes:
        size (0.25): the relative change of area between labeled frames, above 0.
            A box that shrinks to 1 / (1 + size) counts like one that grows to
            1 + size
        iou (0.5): the IoU with the neighboring frames below which a box is an
            outlier, in (0, 1)

    Raises:
        ValueError: if a threshold is out of range, or no number

    Example:
        >>> fta.Thresholds(size=0.4)
        Thresholds(size=0.4, iou=0.5)
    """

    size: float = 0.25
    iou: float = 0.5

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not _is_between(self.size, 0, np.inf):
            raise ValueError(f"the size threshold must be above 0, not {self.size!r}")
        if not _is_between(self.iou, 0, 1):
            raise ValueError(
                f"the IoU threshold must be between 0 and 1, not {self.iou!r}"
            )


def _is_between(value: object, low: float, high: float) -> bool:
    return isinstance(value, Real) and low < float(value) < high


class Judgment(NamedTuple):
    """How the boxes compare with a threshold.

    Attributes:
        severity: array ``(n,)``, at least 0; above 1 is an outlier
        limit: array ``(n,)``, the threshold at which the box would just pass if the
            same boxes were blamed. For an outlier it is above the threshold for
            sizes, and below it for IoUs
    """

    severity: Floats
    limit: Floats


class Pairs(NamedTuple):
    """How each of ``n`` boxes compares with the previous one of its track.

    Attributes:
        still: IoU and log of the relative size, arrays ``(n,)``, NaN without a previous
            box
        moved: the same after the track's steady motion is removed
    """

    still: tuple[Floats, Floats]
    moved: tuple[Floats, Floats]


def compare_pairs(
    boxes: Floats,
    states: Floats,
    velocity: Floats,
    neighbors: Neighbors,
    clipped: NDArray[np.bool_],
) -> Pairs:
    """Compare each box with the previous one of its track.

    Args:
        boxes: array ``(n, 4)``
        states: array ``(n, 4)``, those of the boxes
        velocity: array ``(n, 4)``, their steady motion
        neighbors: the neighbors of the rows
        clipped: bool array ``(n, 2)``, see :func:`expect_boxes`
    """
    either = clipped.copy()
    either[1:] |= clipped[:-1]
    still, moved = (
        compare(boxes, before(values, neighbors.adjacent), either)
        for values in (states, states + velocity)
    )
    return Pairs(still, moved)


def judge_sizes(
    pairs: Pairs, expectation: Expectation, neighbors: Neighbors, threshold: float
) -> Judgment:
    """Compute how far the area of each box departs from its track.

    Sizes are compared as logarithms of area ratios, so that shrinking to 1/1.25
    counts like growing to 1.25.

    Args:
        pairs: how each box compares with the previous one
        expectation: the expectation of the rows
        neighbors: the neighbors of the rows
        threshold: the relative change of area that makes an outlier, above 0
    """
    most = np.log1p(threshold)
    change = np.abs(pairs.still[1])
    unusual = np.abs(pairs.moved[1])
    own = _usual(unusual, neighbors)
    # Even in an unsteady track, a change of three thresholds is worth a look
    usual = np.clip(own, most / 2, 3 * most)
    pair = np.fmin(change / most, unusual / usual)
    pair_limit = np.fmin(change, np.where(unusual > own, 2 * unusual, unusual / 3))
    fault = np.abs(expectation.size)
    own = _usual(fault, neighbors)
    alone = fault / np.clip(own, most, 3 * most)
    alone_limit = np.where(fault > own, fault, fault / 3)
    blamed = _blame(np.stack([pair, pair_limit], 1), fault / usual, neighbors)
    return Judgment(
        severity=np.fmax(alone, blamed[:, 0]),
        limit=np.expm1(np.fmax(alone_limit, blamed[:, 1])),
    )


def judge_ious(
    pairs: Pairs, expectation: Expectation, neighbors: Neighbors, threshold: float
) -> Judgment:
    """Compute how little each box overlaps with its track's prediction.

    Args:
        pairs: how each box compares with the previous one
        expectation: the expectation of the rows
        neighbors: the neighbors of the rows
        threshold: the IoU between neighboring frames below which a box is an
            outlier, in (0, 1)
    """
    most = 1 - threshold
    loss = 1 - pairs.still[0]
    unusual = 1 - pairs.moved[0]
    own = _usual(unusual, neighbors)
    usual = np.clip(own, most / 2, most)
    pair = np.fmin(loss / most, unusual / usual)
    pair_limit = np.fmin(loss, np.where(unusual > own, 2 * unusual, unusual))
    fault = 1 - expectation.iou
    own = _usual(fault, neighbors)
    # A box that misses its predicted place entirely is never usual motion
    alone = fault / np.clip(own, most, (1 + most) / 2)
    alone_limit = np.where(fault > own, fault, 2 * fault - 1)
    blamed = _blame(np.stack([pair, pair_limit], 1), fault / usual, neighbors)
    return Judgment(
        severity=np.fmax(alone, blamed[:, 0]),
        limit=1 - np.maximum(np.fmax(alone_limit, blamed[:, 1]), 0),
    )


def _usual(values: Floats, neighbors: Neighbors) -> Floats:
    """Return the largest usual value of each row's track, ``(n,)``."""
    center = track_median(values, neighbors)
    spread = track_median(np.abs(values - center), neighbors)
    return np.nan_to_num(center + UNUSUAL * spread)


def _blame(pair: Floats, fault: Floats, neighbors: Neighbors) -> Floats:
    """Assign the values of each pair to the one of its boxes that is at fault.

    Args:
        pair: array ``(n, k)``, the values of the pairs of a row and the row before
        fault: array ``(n,)``, how far the row's box departs from its own track, where
            1 is barely usual
        neighbors: the neighbors of the rows

    Returns:
        array ``(n, k)``, NaN for boxes that are not blamed by any pair
    """
    previous = np.nan_to_num(before(fault, neighbors.adjacent))
    own = np.nan_to_num(fault)
    earlier = (previous > own) & (previous > 0.5)
    result = np.where(earlier[:, None], np.nan, pair)
    rows = np.flatnonzero(neighbors.adjacent & earlier)
    result[rows - 1] = np.fmax(result[rows - 1], pair[rows])
    return result
