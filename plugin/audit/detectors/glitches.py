# SPDX-License-Identifier: Apache-2.0
"""Single boxes, or a few in a row, that do not fit their own track."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..boxes import Floats, Rows
from ..findings import find_peaks, make_findings
from ..neighbors import before
from ..scene import Scene
from .extents import around_peaks

SIZE_CHANGE = "size_change"
SHIFT = "shift"
LOW_IOU = "low_iou"
#: Rows on either side that belong to one glitch.
_REACH = 3
#: Share of the worst severity from which on its neighbors are wrong, too; all above
#: the threshold are.
_SHARE = 0.7
#: A box is shifted, and not of the wrong size, if its area is within 15 % of the
#: expected one and its IoU with the expected box is below 0.85.
_SAME_SIZE = np.log(1.15)
_SAME_PLACE = 0.85
#: Labeled frames that show how steady a track is around a box, and those next to the
#: box, which may be wrong themselves.
_AROUND, _BESIDE = 15, 4
#: Cap of the unevenness of a step, and unevenness that nobody would notice.
_MOST_UNEVEN, _FLOOR = 0.2, 0.02
#: Prominence of a departure without a return.
_LASTING = 0.3


def find_size_changes(scene: Scene) -> pd.DataFrame:
    """Find boxes whose size does not fit their track.

    The strength is the severity times the :func:`prominence`. The amount is the
    area over the expected one.

    Args:
        scene: the scene

    Returns:
        the findings
    """
    ratio = np.exp(scene.expectation.size)
    return _find(SIZE_CHANGE, scene, scene.size_judgment.severity, ratio)


def find_misplaced(scene: Scene) -> pd.DataFrame:
    """Find boxes that are not where their track suggests.

    A ``shift`` is a box of the right size at the wrong position; everything else is a
    ``low_iou``. The strength is the severity times the :func:`prominence`. The
    amount is the IoU with the expected box.

    Args:
        scene: the scene

    Returns:
        the findings
    """
    expected = scene.expectation
    findings = _find(LOW_IOU, scene, scene.iou_judgment.severity, expected.iou)
    peaks = findings["peak"].to_numpy()
    shifted = np.abs(expected.size[peaks]) < _SAME_SIZE
    shifted &= expected.iou[peaks] < _SAME_PLACE
    return findings.assign(kind=np.where(shifted, SHIFT, LOW_IOU))


def prominence(scene: Scene) -> Floats:
    """Compute how clearly each box departs from its track, and returns.

    A step is the change of center and log size since the previous labeled frame, minus
    the track's steady motion, relative to the box. A glitch of up to three frames is
    two opposite steps; its height is the lesser of them, in the direction where that
    is largest. People who turn or wave their arms step as far, but all the time.

    Args:
        scene: the scene

    Returns:
        array ``(n,)``, at least 0.3: 0.3 plus the height over 0.02 plus twice the
        mean largest step of the boxes 5 to 15 frames away
    """
    steps = scene.once(_steps)
    height = np.zeros(len(steps))
    for length in range(1, min(_REACH, len(steps) - 1) + 1):
        away, back = steps[:-length], steps[length:]
        lesser = np.minimum(np.abs(away), np.abs(back))
        lesser = np.where(away * back < 0, lesser, 0).max(axis=1, initial=0)
        lesser *= scene.track[:-length] == scene.track[length:]
        for offset in range(length):
            rows = slice(offset, len(steps) - length + offset)
            height[rows] = np.maximum(height[rows], lesser)
    return _LASTING + height / (_FLOOR + 2 * _mean_around(scene, steps))


def unsteadiness(scene: Scene) -> Floats:
    """Compute how uneven the steps of each track are around each box.

    Args:
        scene: the scene

    Returns:
        array ``(n,)`` in [0, 0.2]: the mean over the boxes 5 to 15 frames away of the
        largest uneven part of a step, in box sizes
    """
    return _mean_around(scene, scene.once(_steps))


def _steps(scene: Scene) -> Floats:
    """Return the uneven part of each step, ``(n, 4)``, 0 where unknown."""
    steps = scene.states - before(scene.states, scene.neighbors.adjacent)
    steps -= scene.expectation.velocity
    steps[:, :2] /= scene.boxes[:, 2:]
    steps[np.isnan(steps)] = 0
    return steps


def _mean_around(scene: Scene, steps: Floats) -> Floats:
    """Return the mean largest step around each box, except for its neighbors."""
    largest = np.minimum(np.abs(steps).max(axis=1, initial=0), _MOST_UNEVEN)
    total = np.concatenate([[0.0], np.cumsum(largest)])
    rows = np.arange(len(steps))
    start, end = scene.neighbors.start, scene.neighbors.end
    sums, counts = np.zeros(len(steps)), np.zeros(len(steps), np.intp)
    for reach, sign in ((_AROUND, 1), (_BESIDE, -1)):
        first = np.maximum(rows - reach, start)
        last = np.minimum(rows + reach + 1, end)
        sums += sign * (total[last] - total[first])
        counts += sign * (last - first)
    return np.maximum(sums, 0) / np.maximum(counts, 1)


def _find(kind: str, scene: Scene, severity: Floats, amount: Floats) -> pd.DataFrame:
    severity = np.nan_to_num(severity)
    peaks = find_peaks(severity, scene.track, _REACH)
    least = np.minimum(_SHARE * severity[peaks], 1)
    first, last = around_peaks(severity, peaks, scene.track, least, _REACH)
    # Next to a large glitch, a smaller one can break the threshold, too
    apart = np.flatnonzero((severity > 1) & ~_covered(first, last, len(severity)))
    peaks = np.concatenate([peaks, apart])
    first, last = np.concatenate([first, apart]), np.concatenate([last, apart])
    strength = severity[peaks] * scene.once(prominence)[peaks]
    findings = make_findings(kind, peaks, strength, first, last, amount=amount[peaks])
    return findings.assign(severity=severity[findings["peak"]])


def _covered(first: Rows, last: Rows, count: int) -> NDArray[np.bool_]:
    """Return whether each row is part of a run, bool array ``(count,)``."""
    begin = np.bincount(first, minlength=count + 1)
    end = np.bincount(last + 1, minlength=count + 1)
    covered: NDArray[np.bool_] = np.cumsum(begin - end)[:count] > 0
    return covered
