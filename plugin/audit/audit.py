# SPDX-License-Identifier: Apache-2.0
"""The whole audit of a tracks table: signals, outliers, one score, issues."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import compress, pairwise, product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers.tracks import Tracks
from .boxes import Floats
from .expectation import expect_boxes
from .issues import LOW_IOU, SIZE_CHANGE, find_issues
from .neighbours import find_neighbours
from .outliers import iou_severity, severity_to_score, size_severity
from .signals import box_array, iou_signals, size_signals

#: The kinds of mistakes that the audit finds.
KINDS = (SIZE_CHANGE, LOW_IOU)
#: The columns that the audit adds to each detection, beside score and reasons.
SIGNALS = ("size_change", "size_outlier", "iou_prev", "iou_next", "iou_outlier")


@dataclass(frozen=True)
class Thresholds:
    """What makes a box an outlier.

    Attributes:
        size (0.25): relative change of area between labelled frames, above 0;
            a box that shrinks to 1 / (1 + size) counts like one that grows to
            1 + size
        iou (0.5): IoU with the neighbouring frames below which a box is an
            outlier, in (0, 1)
    """

    size: float = 0.25
    iou: float = 0.5

    def __post_init__(self) -> None:
        """Checks the ranges.

        Raises:
            ValueError: if a threshold lies outside its range
        """
        if not 0 < self.size < np.inf:
            raise ValueError(f"the size threshold must be above 0, not {self.size}")
        if not 0 < self.iou < 1:
            raise ValueError(
                f"the IoU threshold must lie between 0 and 1, not {self.iou}"
            )


@dataclass(frozen=True)
class Audit:
    """The result of an audit.

    Attributes:
        detections: one row per detection, in the order and with the index of
            the tracks table: the signals, ``size_outlier`` and ``iou_outlier``
            (boolean), ``outlier_score`` in [0, 1) with outliers above 0.5, and
            ``outlier_reasons`` (kinds joined by ``;``, a category). What is not
            defined, such as anything about a box alone in its track, is null
        issues: one row per mistake, worst first: ``sequence``, ``kind``,
            ``track``, ``other_track`` (null), ``first_frame``, ``last_frame``
            (positions), ``score`` in [0, 1) and ``reason``, a sentence
    """

    detections: pd.DataFrame
    issues: pd.DataFrame


def audit_tracks(
    tracks: Tracks,
    thresholds: Thresholds | None = None,
    kinds: tuple[str, ...] = KINDS,
    progress: Callable[[int, int], None] | None = None,
) -> Audit:
    """Judges every detection against its own track.

    Args:
        tracks: the tracks of one sequence or more
        thresholds (None): the :class:`Thresholds`, by default the standard ones
        kinds (KINDS): the kinds of mistakes to look for
        progress (None): called with the number of detections judged and their
            total

    Returns:
        the :class:`Audit`
    """
    thresholds = thresholds or Thresholds()
    parts = []
    for part in _per_sequence(tracks):
        parts.append(_judge_sequence(part, thresholds, kinds))
        if progress:
            progress(sum(map(len, parts)), len(tracks.table))
    evidence = pd.concat(parts)
    severity = evidence[[f"severity_{kind}" for kind in kinds]].to_numpy()
    detections = evidence[[name for name in SIGNALS if name in evidence]].assign(
        outlier_score=severity_to_score(np.fmax.reduce(severity, axis=1)),
        outlier_reasons=_name_reasons(severity > 1, kinds),
    )
    return Audit(detections, find_issues(tracks, evidence))


def _per_sequence(tracks: Tracks) -> Iterator[Tracks]:
    """Yields the tracks of each sequence, at least once."""
    codes = tracks.table["sequence"].cat.codes.to_numpy()
    first = np.flatnonzero(np.diff(codes)) + 1
    for start, end in pairwise([0, *first, len(codes)]):
        yield replace(tracks, table=tracks.table.iloc[start:end])


def _judge_sequence(
    tracks: Tracks, thresholds: Thresholds, kinds: tuple[str, ...]
) -> pd.DataFrame:
    """Returns the evidence about one sequence, see :func:`find_issues`."""
    table = tracks.table
    boxes = box_array(table)
    neighbours = find_neighbours(table)
    clipped = _cut_by_border(tracks, boxes)
    expected = expect_boxes(boxes, neighbours, clipped)
    evidence = pd.DataFrame(index=table.index)
    if SIZE_CHANGE in kinds:
        severity = size_severity(boxes, neighbours, expected, clipped, thresholds.size)
        evidence = evidence.assign(
            **size_signals(table, neighbours),
            size_outlier=_is_outlier(severity),
            area_ratio=np.exp(expected.size),
            severity_size_change=severity,
        )
    if LOW_IOU in kinds:
        severity = iou_severity(boxes, neighbours, expected, clipped, thresholds.iou)
        evidence = evidence.assign(
            **iou_signals(table, neighbours),
            iou_outlier=_is_outlier(severity),
            predicted_iou=expected.iou,
            severity_low_iou=severity,
        )
    return evidence


def _is_outlier(severity: Floats) -> pd.api.extensions.ExtensionArray:
    return pd.arrays.BooleanArray(severity > 1, np.isnan(severity))


def _cut_by_border(tracks: Tracks, boxes: Floats) -> NDArray[np.bool_]:
    """Returns whether the border cuts each box of a sequence, ``(n, 2)`` per axis."""
    name = tracks.table["sequence"].iloc[0] if len(boxes) else None
    sequence = tracks.sequences.get(str(name))
    if sequence is None or sequence.width is None or sequence.height is None:
        return np.zeros((len(boxes), 2), bool)
    size = np.array([sequence.width, sequence.height])
    # Tools that keep boxes inside the image end some of them a pixel early
    return (boxes[:, :2] <= 1) | (boxes[:, :2] + boxes[:, 2:] >= size - 1)


def _name_reasons(
    flags: NDArray[np.bool_], kinds: tuple[str, ...]
) -> pd.Categorical[str]:
    """Returns per detection the kinds of its outliers, joined by ``;``."""
    names = [
        ";".join(compress(kinds, chosen))
        for chosen in product([False, True], repeat=len(kinds))
    ]
    weights = 2 ** np.arange(len(kinds))[::-1]
    return pd.Categorical.from_codes(flags @ weights, pd.Index(names))
