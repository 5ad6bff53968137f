# SPDX-License-Identifier: Apache-2.0
"""The whole audit of a tracks table: signals, findings, one score, issues."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers.tracks import Tracks
from .boxes import Floats
from .detectors.appearance import appearance_signals, find_appearance, find_exchanges
from .detectors.drift import find_drift
from .detectors.duplicates import find_duplicates
from .detectors.ends import find_fragments, find_gaps, find_short_tracks, find_truncated
from .detectors.ghosts import find_ghosts
from .detectors.glitches import find_misplaced, find_size_changes
from .detectors.identity import find_identity_switches
from .detectors.jitter import find_jitter, jitter
from .detectors.labels import find_label_changes
from .doubt import doubt
from .embeddings import Vectors
from .grouping import find_issues, sort_issues
from .kinds import (
    ALL_KINDS,
    DRIFT,
    DUPLICATE,
    FRAGMENTATION,
    GAP,
    GHOST,
    IDENTITY_SWITCH,
    IOU_KINDS,
    JITTER,
    KINDS,
    LABEL_CHANGE,
    SHORT_TRACK,
    SIZE_KINDS,
    TRUNCATED,
)
from .motion import motion_signals
from .neighbours import find_neighbours
from .outliers import judge_ious, judge_sizes
from .perspective import perspective_signals
from .rolling import rolling_signals
from .scene import Scene, make_scene
from .score import DOUBT, FLAG_ODDS, covered_rows, log_odds, score_rows
from .signals import aspect_signals, iou_signals, size_signals

#: The detectors that need no threshold, by the kind that they find.
_DETECTORS: dict[str, Callable[[Scene], pd.DataFrame]] = {
    JITTER: find_jitter,
    DRIFT: find_drift,
    IDENTITY_SWITCH: find_identity_switches,
    FRAGMENTATION: find_fragments,
    GAP: find_gaps,
    SHORT_TRACK: find_short_tracks,
    TRUNCATED: find_truncated,
    GHOST: find_ghosts,
    DUPLICATE: find_duplicates,
    LABEL_CHANGE: find_label_changes,
}


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
            (boolean), ``size_limit`` and ``iou_limit``, the thresholds that the
            box would just pass, ``outlier_score`` in [0, 1] with outliers above
            0.5, and ``outlier_reasons`` (kinds joined by ``;``, a category). What
            is not defined, such as anything about a box alone in its track, is null
        issues: one row per mistake, worst first: ``sequence``, ``kind``,
            ``track``, ``other_track`` (null unless two are involved),
            ``first_frame``, ``last_frame`` (positions), ``score`` in [0, 1],
            ``reason`` and ``suggestion``, a sentence each; ``size_limit`` and
            ``iou_limit``, the thresholds that its boxes would just pass
    """

    detections: pd.DataFrame
    issues: pd.DataFrame


def audit_tracks(
    tracks: Tracks,
    thresholds: Thresholds | None = None,
    kinds: tuple[str, ...] = KINDS,
    progress: Callable[[int, int], None] | None = None,
    vectors: Vectors | None = None,
) -> Audit:
    """Judges every detection against its own track, and tracks against each other.

    Args:
        tracks: the tracks of one sequence or more
        thresholds (None): the :class:`Thresholds`, by default the standard ones
        kinds (KINDS): the kinds of mistakes to look for
        progress (None): called with the number of detections judged and their
            total
        vectors (None): array ``(n, d)``, the embeddings of the crops, NaN where
            unknown; with them, boxes that look unlike their track are found too

    Returns:
        the :class:`Audit`
    """
    thresholds = thresholds or Thresholds()
    parts: list[Audit] = []
    done = 0
    for part in _per_sequence(tracks):
        end = done + len(part.table)
        looks = None if vectors is None else vectors[done:end]
        parts.append(_judge_sequence(make_scene(part), thresholds, kinds, looks))
        done = end
        if progress:
            progress(done, len(tracks.table))
    detections = pd.concat([part.detections for part in parts])
    detections["outlier_reasons"] = _name_reasons(
        detections["outlier_reasons"].to_numpy()
    )
    found = [part.issues for part in parts if len(part.issues)]
    issues = pd.concat(found) if found else parts[0].issues
    return Audit(detections, sort_issues(issues))


def suspected_rows(
    tracks: Tracks, thresholds: Thresholds | None = None
) -> NDArray[np.bool_]:
    """Finds the boxes of tracks that have an outlier, by the boxes alone.

    Args:
        tracks: the tracks
        thresholds (None): the :class:`Thresholds`, by default the standard ones

    Returns:
        bool array ``(n,)``
    """
    reasons = audit_tracks(tracks, thresholds).detections["outlier_reasons"]
    # Boxes without an identity are tracks of their own
    wrong = (reasons != "").groupby(find_neighbours(tracks.table).start)
    return wrong.transform("any").to_numpy(bool)


def detect(
    scene: Scene,
    thresholds: Thresholds,
    kinds: tuple[str, ...] = KINDS,
    vectors: Vectors | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Finds what may be mistakes in one sequence, without judging how likely.

    Args:
        scene: the scene
        thresholds: the :class:`Thresholds`
        kinds (KINDS): the kinds of mistakes to look for
        vectors (None): the embeddings of the crops, see :func:`audit_tracks`

    Returns:
        a tuple of the findings, and the signals of each row of the table
    """
    signals = pd.DataFrame(index=scene.table.index)
    findings = [find(scene) for kind, find in _DETECTORS.items() if kind in kinds]
    if set(kinds) & set(SIZE_KINDS):
        judged = judge_sizes(
            scene.boxes,
            scene.neighbours,
            scene.expectation,
            scene.clipped,
            thresholds.size,
        )
        signals = signals.assign(
            **size_signals(scene.table, scene.neighbours),
            size_outlier=_is_outlier(judged.severity),
            size_limit=judged.limit,
        )
        findings.append(find_size_changes(scene, judged.severity))
    if set(kinds) & set(IOU_KINDS):
        judged = judge_ious(
            scene.boxes,
            scene.neighbours,
            scene.expectation,
            scene.clipped,
            thresholds.iou,
        )
        signals = signals.assign(
            **iou_signals(scene.table, scene.neighbours),
            iou_outlier=_is_outlier(judged.severity),
            iou_limit=judged.limit,
        )
        findings.append(find_misplaced(scene, judged.severity))
    if set(kinds) & set(_DETECTORS):
        signals = signals.assign(
            **aspect_signals(scene.table, scene.neighbours),
            **motion_signals(scene),
            jitter=jitter(scene),
            occlusion=scene.occlusion,
            **perspective_signals(scene),
            **rolling_signals(scene.table, scene.neighbours),
        )
    if vectors is not None:
        signals = signals.assign(**appearance_signals(scene, vectors))
        findings += [find_appearance(scene, vectors), find_exchanges(scene, vectors)]
    if not findings:
        raise ValueError("appearance cannot be judged without embeddings")
    return pd.concat(findings, ignore_index=True), signals


def _per_sequence(tracks: Tracks) -> Iterator[Tracks]:
    """Yields the tracks of each sequence, at least once."""
    codes = tracks.table["sequence"].cat.codes.to_numpy()
    first = np.flatnonzero(np.diff(codes)) + 1
    for start, end in pairwise([0, *first, len(codes)]):
        yield replace(tracks, table=tracks.table.iloc[start:end])


def _judge_sequence(
    scene: Scene,
    thresholds: Thresholds,
    kinds: tuple[str, ...],
    vectors: Vectors | None,
) -> Audit:
    """Audits one sequence; its reasons are still numbers, see _name_reasons()."""
    findings, signals = detect(scene, thresholds, kinds, vectors)
    odds = log_odds(findings, len(scene.table))
    findings = findings.assign(
        odds=odds, flagged=(odds > FLAG_ODDS) | (findings["severity"] > 1)
    )
    flagged = findings[findings["flagged"]]
    rows, index = covered_rows(flagged)
    place = {kind: position for position, kind in enumerate(ALL_KINDS)}
    bits = 1 << flagged["kind"].map(place).to_numpy(np.int64)
    reasons = np.zeros(len(scene.table), np.int64)
    np.bitwise_or.at(reasons, rows, bits[index])
    found = score_rows(findings, len(scene.table))
    score = np.maximum(found, DOUBT * doubt(scene))
    comparable = scene.neighbours.end - scene.neighbours.start > 1
    comparable &= ~np.isnan(scene.boxes).any(axis=1)
    detections = signals.assign(
        outlier_score=np.where(comparable | (found > 0.5), score, np.nan),
        outlier_reasons=reasons,
    )
    return Audit(detections, find_issues(scene, findings, signals))


def _is_outlier(severity: Floats) -> pd.api.extensions.ExtensionArray:
    return pd.arrays.BooleanArray(severity > 1, np.isnan(severity))


def _name_reasons(reasons: NDArray[np.int64]) -> pd.Categorical[str]:
    """Names the kinds, one bit each, joined by ``;``."""
    known, codes = np.unique(np.append(reasons, 0), return_inverse=True)
    names = [
        ";".join(kind for bit, kind in enumerate(ALL_KINDS) if pattern >> bit & 1)
        for pattern in known
    ]
    return pd.Categorical.from_codes(codes[:-1], pd.Index(names, dtype=object))
