# SPDX-License-Identifier: Apache-2.0
"""Which box is wrong: severities from thresholds, expectation and steadiness.

A pair of neighbouring boxes *breaks* a threshold when their size or IoU does,
and when that is also unusual for the track once its steady motion is taken out.
A broken pair blames the box that fits its own track less, and the later one
where both fit: there a lasting jump begins. A box that departs from its
track's prediction by more than the threshold is blamed without a broken pair,
such as the middle box of a glitch of three frames.

Severity is 0 for a perfect box and 1 at the threshold; above 1 is an outlier.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .boxes import Floats
from .expectation import Expectation, compare, to_states
from .neighbours import Neighbours, before

#: Robust standard deviations of a track's own variation that still are usual.
USUAL = 4.0
#: The median absolute deviation of a normal distribution is 1 / 1.4826 sd.
_MAD_TO_SD = 1.4826


def size_severity(
    boxes: Floats,
    neighbours: Neighbours,
    expectation: Expectation,
    clipped: NDArray[np.bool_],
    threshold: float,
) -> Floats:
    """Computes how far each box's area departs from its track.

    Sizes are compared as logarithms of area ratios, so that shrinking to 1/1.25
    counts like growing to 1.25.

    Args:
        boxes: array ``(n, 4)``
        neighbours: the neighbours of the rows
        expectation: the expectation of the rows
        clipped: bool array ``(n, 2)``, see :func:`expect_boxes`
        threshold: relative change of area that makes an outlier, above 0

    Returns:
        array ``(n,)``, at least 0; above 1 is an outlier
    """
    limit = np.log1p(threshold)
    change = np.abs(_pair_change(boxes, neighbours, clipped))
    unusual = np.abs(_pair_change(boxes, neighbours, clipped, expectation.velocity))
    # However unsteady the track, a change of three thresholds is worth a look
    usual = np.clip(_usual(unusual, neighbours), limit / 2, 3 * limit)
    pair = np.fmin(change / limit, unusual / usual)
    fault = np.abs(expectation.size)
    usual_fault = np.clip(_usual(fault, neighbours), limit, 3 * limit)
    return np.fmax(fault / usual_fault, _blame(pair, fault / usual, neighbours))


def iou_severity(
    boxes: Floats,
    neighbours: Neighbours,
    expectation: Expectation,
    clipped: NDArray[np.bool_],
    threshold: float,
) -> Floats:
    """Computes how little each box overlaps with where its track says it is.

    Args:
        boxes: array ``(n, 4)``
        neighbours: the neighbours of the rows
        expectation: the expectation of the rows
        clipped: bool array ``(n, 2)``, see :func:`expect_boxes`
        threshold: IoU between neighbouring frames below which a box is an
            outlier, in (0, 1)

    Returns:
        array ``(n,)``, at least 0; above 1 is an outlier
    """
    limit = 1 - threshold
    loss = 1 - _pair_iou(boxes, neighbours, clipped)
    unusual = 1 - _pair_iou(boxes, neighbours, clipped, expectation.velocity)
    usual = np.clip(_usual(unusual, neighbours), limit / 2, limit)
    pair = np.fmin(loss / limit, unusual / usual)
    fault = 1 - expectation.iou
    # A box that misses its predicted place altogether is no usual motion
    usual_fault = np.clip(_usual(fault, neighbours), limit, (1 + limit) / 2)
    return np.fmax(fault / usual_fault, _blame(pair, fault / usual, neighbours))


def _moved(states: Floats, velocity: Floats | None) -> Floats:
    return states if velocity is None else states + velocity


def _pair_compare(
    boxes: Floats,
    neighbours: Neighbours,
    clipped: NDArray[np.bool_],
    velocity: Floats | None,
) -> tuple[Floats, Floats]:
    """Compares each box with its previous one, moved by the track's velocity."""
    previous = before(_moved(to_states(boxes), velocity), neighbours.adjacent)
    either = clipped.copy()
    either[1:] |= clipped[:-1]
    return compare(boxes, previous, either)


def _pair_iou(
    boxes: Floats,
    neighbours: Neighbours,
    clipped: NDArray[np.bool_],
    velocity: Floats | None = None,
) -> Floats:
    return _pair_compare(boxes, neighbours, clipped, velocity)[0]


def _pair_change(
    boxes: Floats,
    neighbours: Neighbours,
    clipped: NDArray[np.bool_],
    velocity: Floats | None = None,
) -> Floats:
    return _pair_compare(boxes, neighbours, clipped, velocity)[1]


def _usual(values: Floats, neighbours: Neighbours) -> Floats:
    """Returns per row the largest value that is usual in its track."""
    centre = track_median(values, neighbours)
    spread = track_median(np.abs(values - centre), neighbours)
    return np.nan_to_num(centre + USUAL * _MAD_TO_SD * spread)


def track_median(values: Floats, neighbours: Neighbours) -> Floats:
    """Returns per row the median of its track, NaN left out."""
    order = np.lexsort((values, neighbours.start))
    known = np.r_[0, np.cumsum(~np.isnan(values[order]))]
    first, end = neighbours.start, neighbours.end
    count = known[end] - known[first]
    low = values[order][first + np.maximum(count - 1, 0) // 2]
    high = values[order][np.minimum(first + count // 2, np.maximum(end - 1, 0))]
    return np.where(count > 0, (low + high) / 2, np.nan)


def _blame(pair: Floats, fault: Floats, neighbours: Neighbours) -> Floats:
    """Gives the severity of each pair to the one of its boxes that is at fault.

    Args:
        pair: array ``(n,)``, severity of the pair of a row and the row before
        fault: array ``(n,)``, how far the row's box departs from its own track,
            1 = what is barely usual
        neighbours: the neighbours of the rows

    Returns:
        array ``(n,)``, NaN for boxes that no pair blames
    """
    previous = np.nan_to_num(before(fault, neighbours.adjacent))
    own = np.nan_to_num(fault)
    earlier = (previous > own) & (previous > 0.5)
    result = np.where(earlier, np.nan, pair)
    rows = np.flatnonzero(neighbours.adjacent & earlier)
    result[rows - 1] = np.fmax(result[rows - 1], pair[rows])
    return result
