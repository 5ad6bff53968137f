# SPDX-License-Identifier: Apache-2.0
"""The audit of a tracks table: signals, findings, scores and issues."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers.engine import Engine, engine_for, run_by_sequence
from ...importers.splitting import split_tracks
from ...importers.tracks import Tracks
from .boxes import Vectors
from .detectors.appearance import appearance_signals
from .detectors.jitter import jitter
from .doubt import doubt
from .evidence import gather_evidence
from .findings import make_findings
from .grouping import find_issues, sort_issues
from .invalid import invalid_issues
from .kinds import ALL_KINDS, INVALID, KINDS, RULE_VIOLATION, TABLE
from .motion import motion_signals
from .neighbors import find_neighbors
from .outliers import Judgment, Thresholds
from .overlooked import overlooked_issues
from .perspective import perspective_signals
from .rolling import rolling_signals
from .rules import Rules
from .scene import Scene, make_scene
from .score import (
    DOUBT,
    Model,
    covered_rows,
    judge,
    read_model,
    score_rows,
    select_judged,
)
from .signals import Signal, aspect_signals, iou_signals, size_signals
from .violations import find_violations, permitted, violation_issues


@dataclass(frozen=True)
class Audit:
    """The result of an audit.

    Attributes:
        detections: one row per detection, in the order and with the index of
            the tracks table: the signals, ``size_outlier`` and ``iou_outlier``
            (boolean), ``size_limit`` and ``iou_limit``, the thresholds that the
            box would just pass, ``outlier_score`` in [0, 1] with outliers above
            0.5, and ``outlier_reasons`` (kinds joined by ``;``, a category).
            Undefined values are null, such as all of a box alone in its track
        issues: one row per mistake, worst first: ``sequence``, ``kind``,
            ``track``, ``other_track`` (null unless two are involved),
            ``first_frame``, ``last_frame`` (positions), ``score`` in [0, 1],
            ``reason`` and ``suggestion``, a sentence each; ``size_limit`` and
            ``iou_limit``, the thresholds that all of its boxes would just pass;
            ``peak_frame``, which shows the mistake best, and ``expected_left`` to
            ``expected_height``, the box in pixels that the frames around suggest
            there, null if they suggest none. The issues of the kind ``invalid`` are
            the labels that were set aside when they were read, and boxes without
            identity beside others that have one; ``track`` is -1 and the frames are
            null where they are not known

    Example:
        >>> audit = fta.audit_tracks(fta.read_mot("street"))
        >>> len(audit.detections), len(audit.issues)
        (6, 0)
    """

    detections: pd.DataFrame
    issues: pd.DataFrame


def audit_tracks(
    tracks: Tracks,
    thresholds: Thresholds | None = None,
    kinds: tuple[str, ...] = KINDS,
    progress: Callable[[int, int], None] | None = None,
    vectors: Vectors | None = None,
    predictions: Tracks | None = None,
    rules: Rules | None = None,
    engine: Engine | str | None = None,
) -> Audit:
    """Find the mistakes in tracks, and score every detection.

    Args:
        tracks: the tracks of one or more sequences
        thresholds (None): the :class:`Thresholds`, by default the standard ones
        kinds (KINDS): the kinds of mistakes to look for
        progress (None): called with the number of detections judged, and of all
        vectors (None): array ``(n, d)``, the embeddings of the crops, NaN where
            unknown. With them, boxes that look unlike their track are found, too
        predictions (None): what a detector found in the same frames, with the column
            ``confidence``. Labels are compared with them
        rules (None): the :class:`Rules` of the labeling project
        engine (None): ``"local"``, ``"ray"`` or an :class:`Engine`, see `engine_for()`

    Returns:
        the :class:`Audit`

    Raises:
        ValueError: if the only kinds to look for need embeddings, and there are none

    Example:
        A box jumps aside for one frame:

        >>> import pandas as pd
        >>> from fiftyone_track_audit.importers.tracks import Tracks, make_table
        >>> left = [100.0, 104, 108, 112, 156, 120, 124, 128, 132, 136]
        >>> rows = pd.DataFrame({"left": left, "frame": range(1, 11)}).assign(
        ...     sequence="street", track=1, label="car", top=50.0, width=60.0,
        ...     height=40.0, frame_name=[f"{frame:06d}.jpg" for frame in range(1, 11)]
        ... )
        >>> audit = fta.audit_tracks(Tracks(make_table(rows), {}))
        >>> audit.issues[["kind", "track", "first_frame", "last_frame"]].values.tolist()
        [['shift', 1, 5, 5]]
    """
    parts: list[Audit] = []
    done = 0
    work = partial(_audit_sequence, thresholds=thresholds, kinds=kinds, rules=rules)
    items = _split(tracks, vectors, predictions)
    for part in run_by_sequence(work, items, engine_for(engine, len(tracks.table))):
        parts.append(part)
        done += len(part.detections)
        if progress:
            progress(done, len(tracks.table))
    detections = pd.concat([part.detections for part in parts])
    reasons = detections["outlier_reasons"].to_numpy()
    detections["outlier_reasons"] = _name_reasons(reasons)
    found = [part.issues for part in parts]
    found += [invalid_issues(tracks)] if INVALID in kinds else []
    issues = pd.concat([each for each in found if len(each)] or found[:1])
    return Audit(detections, sort_issues(issues))


def _split(
    tracks: Tracks, vectors: Vectors | None, predictions: Tracks | None
) -> Iterator[tuple[Tracks, Vectors | None, pd.DataFrame | None]]:
    """Yield the tracks of each sequence, with their vectors and predictions."""
    done = 0
    for part in split_tracks(tracks):
        end = done + len(part.table)
        looks = None if vectors is None else vectors[done:end]
        yield part, looks, _of(predictions, part)
        done = end


def _audit_sequence(
    sequence: tuple[Tracks, Vectors | None, pd.DataFrame | None],
    thresholds: Thresholds | None,
    kinds: tuple[str, ...],
    rules: Rules | None,
) -> Audit:
    """Audit one sequence, with reasons that are still bits."""
    tracks, vectors, predictions = sequence
    scene = make_scene(tracks, thresholds, vectors, predictions)
    return audit_scene(scene, kinds, rules=rules)


def suspected_rows(
    tracks: Tracks, thresholds: Thresholds | None = None
) -> NDArray[np.bool_]:
    """Find the tracks with outliers from their boxes alone.

    Args:
        tracks: the tracks
        thresholds (None): the :class:`Thresholds`, by default the standard ones

    Returns:
        bool array ``(n,)``, True for all boxes of such a track
    """
    reasons = audit_tracks(tracks, thresholds).detections["outlier_reasons"]
    # Boxes without an identity are tracks of their own
    wrong = (reasons != "").groupby(find_neighbors(tracks.table).start)
    return wrong.transform("any").to_numpy(bool)


def detect(
    scene: Scene, kinds: tuple[str, ...] = KINDS
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Find possible mistakes in one sequence, without judging how likely they are.

    Args:
        scene: the scene
        kinds (KINDS): the kinds of mistakes to look for

    Returns:
        a tuple of the findings, and the signals of each row of the table

    Raises:
        ValueError: if the only kinds to look for need embeddings, and the scene has
            none
    """
    chosen = [kind for kind in TABLE if kind.name in kinds]
    detectors = [kind.from_boxes for kind in chosen]
    if scene.vectors is not None:
        detectors += [kind.from_crops for kind in TABLE]
    if scene.witness is not None:
        detectors += [kind.from_predictions for kind in TABLE]
    found = [find(scene) for find in dict.fromkeys(detectors) if find]
    if not found and any(kind.needs_frames for kind in chosen):
        raise ValueError("appearance cannot be judged without embeddings")
    findings = [each for each in found if len(each)]
    nothing = make_findings(INVALID, np.empty(0, np.intp), np.empty(0))
    signals = _compute_signals(scene, {kind.group for kind in chosen})
    return pd.concat(findings or [nothing], ignore_index=True), signals


def _compute_signals(scene: Scene, groups: set[str]) -> pd.DataFrame:
    """Compute the signals that belong to groups of kinds."""
    table, neighbors = scene.table, scene.neighbors
    signals: dict[str, Signal] = {}
    if "size" in groups:
        signals |= size_signals(table, neighbors)
        signals |= _name_judgment("size", scene.size_judgment)
    if "iou" in groups:
        signals |= iou_signals(table, neighbors)
        signals |= _name_judgment("iou", scene.iou_judgment)
    if "boxes" in groups:
        signals |= aspect_signals(table, neighbors)
        signals |= motion_signals(scene)
        signals |= {"jitter": scene.once(jitter), "occlusion": scene.occlusion}
        signals |= scene.once(perspective_signals)
        signals |= rolling_signals(table, neighbors)
    if scene.vectors is not None:
        signals |= appearance_signals(scene)
    return pd.DataFrame(signals, index=table.index)


def _name_judgment(name: str, judged: Judgment) -> dict[str, Signal]:
    severity, limit = judged
    outlier = pd.arrays.BooleanArray(severity > 1, np.isnan(severity))
    return {f"{name}_outlier": outlier, f"{name}_limit": limit}


def _of(predictions: Tracks | None, part: Tracks) -> pd.DataFrame | None:
    """Return the predictions of one sequence."""
    if predictions is None or part.table.empty:
        return None
    name = str(part.table["sequence"].iloc[0])
    if len(part.sequences) == len(predictions.sequences) == 1:
        # Whatever a file of predictions calls its only sequence
        return predictions.table
    return predictions.table[predictions.table["sequence"] == name]


def audit_scene(
    scene: Scene,
    kinds: tuple[str, ...] = KINDS,
    model: Model | None = None,
    rules: Rules | None = None,
) -> Audit:
    """Audit one sequence.

    Args:
        scene: the scene
        kinds (KINDS): the kinds of mistakes to look for
        model (None): what judges the findings, by default the package's own
        rules (None): the :class:`Rules` of the labeling project

    Returns:
        the :class:`Audit`, with reasons that are still bits, see _name_reasons()
    """
    rules = rules or Rules()
    findings, signals = detect(scene, kinds)
    model = model or read_model()
    judged = select_judged(findings, len(scene.table), model.given)
    evidence = gather_evidence(scene, findings, judged)
    findings = judge(findings, judged, evidence, len(scene.table), model)
    findings = findings[~permitted(scene, findings, rules)]
    broken = find_violations(scene, rules if RULE_VIOLATION in kinds else Rules())
    broken_rows = covered_rows(broken)[0]
    reasons = _collect_reasons(findings[findings["flagged"]], len(scene.table))
    reasons[broken_rows] |= 1 << ALL_KINDS.index(RULE_VIOLATION)
    found = score_rows(findings, len(scene.table))
    found[broken_rows] = 1
    score = np.maximum(found, DOUBT * doubt(scene))
    comparable = scene.neighbors.end - scene.neighbors.start > 1
    comparable &= ~np.isnan(scene.boxes).any(axis=1)
    detections = signals.assign(
        outlier_score=np.where(comparable | (found > 0.5), score, np.nan),
        outlier_reasons=reasons,
    )
    issues = find_issues(scene, findings, signals)
    if scene.witness is not None:
        issues = sort_issues(pd.concat([issues, overlooked_issues(scene)]))
    if len(broken):
        issues = pd.concat(
            [part for part in (issues, violation_issues(scene, broken)) if len(part)]
        )
    return Audit(detections, issues)


def _collect_reasons(flagged: pd.DataFrame, rows: int) -> NDArray[np.int64]:
    """Return the kinds of the findings that flag each box as bits, ``(rows,)``."""
    reasons = np.zeros(rows, np.int64)
    if flagged.empty:
        return reasons
    peak, whole = flagged["peak"].to_numpy(), flagged["whole"].to_numpy()
    spans = pd.DataFrame(
        {name: np.where(whole, flagged[name], peak) for name in ("first", "last")}
    )
    place = {kind: position for position, kind in enumerate(ALL_KINDS)}
    bits = 1 << flagged["kind"].map(place).to_numpy(np.int64)
    # A run of several boxes need not hold its worst one
    np.bitwise_or.at(reasons, peak, bits)
    covered, index = covered_rows(spans)
    np.bitwise_or.at(reasons, covered, bits[index])
    return reasons


def _name_reasons(reasons: NDArray[np.int64]) -> pd.Categorical[str]:
    """Return the names of kinds, one bit each, joined by ``;``."""
    codes, known = pd.factorize(np.append(reasons, 0), sort=True)
    names = [
        ";".join(kind for bit, kind in enumerate(ALL_KINDS) if pattern >> bit & 1)
        for pattern in known.tolist()
    ]
    return pd.Categorical.from_codes(codes[:-1], pd.Index(names, dtype=object))
