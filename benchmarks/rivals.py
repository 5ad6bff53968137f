# SPDX-License-Identifier: Apache-2.0
"""Other ways to rank detections, the most suspicious first.

Each takes tracks of ``n`` detections and returns an array ``(n,)`` with higher values
for more suspicious detections, and NaN for those without a value.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from fiftyone_track_audit.importers.splitting import split_tracks
from fiftyone_track_audit.importers.tracks import Tracks
from fiftyone_track_audit.plugin.audit import (
    Audit,
    audit_tracks,
    detect,
    iou_signals,
    size_signals,
)
from fiftyone_track_audit.plugin.audit.evidence import compare_findings
from fiftyone_track_audit.plugin.audit.neighbors import after, before, find_neighbors
from fiftyone_track_audit.plugin.audit.scene import Scene, make_scene
from fiftyone_track_audit.plugin.audit.score import score_rows
from fiftyone_track_audit.plugin.audit.signals import box_array
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler

Floats = NDArray[np.float64]
Rank = Callable[[Tracks], Floats]

#: What the tables call the audit's own score.
OURS = "Track Audit"
#: Standard deviations of the Kalman filter as shares of the box's width and height:
#: of a position, and of a velocity per frame. DeepSORT's (arXiv:1703.07402), per
#: axis as in BoT-SORT (arXiv:2206.14651).
_POSITION, _VELOCITY = 1 / 20, 1 / 160


def our_score(audit: Audit) -> Floats:
    """Return the audit's own score.

    Args:
        audit: the audit of the tracks

    Returns:
        array ``(n,)`` in [0, 1]
    """
    score: Floats = audit.detections["outlier_score"].to_numpy(
        np.float64, na_value=np.nan
    )
    return score


def chance(tracks: Tracks, seed: int = 0) -> Floats:
    """Rank randomly.

    Args:
        tracks: the tracks
        seed (0): the seed

    Returns:
        array ``(n,)`` in [0, 1)
    """
    return np.random.default_rng(seed).random(len(tracks.table))


def rarest_finding(tracks: Tracks) -> Floats:
    """Rank by the rarity of the audit's findings, without any training.

    Args:
        tracks: the tracks

    Returns:
        array ``(n,)``, the rarity of the rarest finding about each box
    """
    scenes = map(make_scene, split_tracks(tracks))
    return np.concatenate([rarest_in_scene(scene) for scene in scenes])


def rarest_in_scene(scene: Scene) -> Floats:
    """Rank the boxes of one sequence as :func:`rarest_finding` does.

    Args:
        scene: the scene; what was computed about it before is not computed again

    Returns:
        array ``(n,)``
    """
    findings, _ = detect(scene)
    rows = len(scene.table)
    rarity = compare_findings(findings, rows)["rarity"]
    # Even the most frequent finding is better than none
    findings = findings.assign(odds=rarity, flagged=False, whole=False)
    return score_rows(findings, rows)


def two_rules(tracks: Tracks) -> Floats:
    """Rank by the two rules of AWS's notebook, each stored at the earlier frame.

    A pair of neighboring boxes is an outlier where the area changes by more than a
    quarter or the IoU is below a half.

    Args:
        tracks: the tracks

    Returns:
        array ``(n,)``; above 1 is an outlier
    """
    neighbors = find_neighbors(tracks.table)
    change = size_signals(tracks.table, neighbors)["size_change"]
    iou = iou_signals(tracks.table, neighbors)["iou_next"]
    later = after(np.abs(change), neighbors.adjacent)
    return np.fmax(later / 0.25, (1 - iou) / 0.5)


def far_from_label_mean(tracks: Tracks) -> Floats:
    """Rank by the standard deviations from the mean of the box's class.

    Datumaro's check ``FarFromLabelMean``, which calls five an outlier, of width,
    height, area and aspect; speed is added, which a check of images cannot know.

    Args:
        tracks: the tracks

    Returns:
        array ``(n,)``; above 5 is an outlier
    """
    table = tracks.table
    neighbors = find_neighbors(table)
    boxes = box_array(table)
    center = boxes[:, :2] + boxes[:, 2:] / 2
    elapsed = neighbors.time - before(neighbors.time, neighbors.adjacent)
    step = (center - before(center, neighbors.adjacent)) / elapsed[:, None]
    properties = pd.DataFrame(
        {
            "width": boxes[:, 2],
            "height": boxes[:, 3],
            "area": boxes[:, 2] * boxes[:, 3],
            "aspect": boxes[:, 2] / boxes[:, 3],
            "speed": np.hypot(*step.T),
        },
        index=table.index,
    )
    label = properties.groupby(table["label"], observed=True)
    departure = (properties - label.transform("mean")).abs()
    sd = label.transform("std").where(lambda values: values > 0)
    return (departure / sd).max(axis=1).to_numpy()


def isolation_forest(tracks: Tracks) -> Floats:
    """Rank by scikit-learn's IsolationForest on the audit's signals.

    Args:
        tracks: the tracks

    Returns:
        array ``(n,)`` in (0, 1]
    """
    signals = _scaled_signals(tracks)
    forest = IsolationForest(random_state=0).fit(signals)
    result: Floats = -forest.score_samples(signals)
    return result


def local_outlier_factor(tracks: Tracks) -> Floats:
    """Rank by scikit-learn's LocalOutlierFactor on the audit's signals.

    Each box is held against more others than a mistake has boxes. Boxes that stand
    still are all alike and count once: otherwise their density is infinite.

    Args:
        tracks: the tracks

    Returns:
        array ``(n,)``; about 1 for a box like others
    """
    signals, same = np.unique(_scaled_signals(tracks), axis=0, return_inverse=True)
    factor = LocalOutlierFactor(n_neighbors=min(100, len(signals) - 1)).fit(signals)
    result: Floats = -factor.negative_outlier_factor_[same.ravel()]
    return result


def kalman_residual(tracks: Tracks) -> Floats:
    """Rank by the normalized innovation of a constant-velocity Kalman filter.

    One filter per track and axis: center x, center y, width, height. The filters of
    all tracks advance together.

    Args:
        tracks: the tracks

    Returns:
        array ``(n,)``: the sum over the axes of the squared innovation over its
        variance; NaN at a track's first box
    """
    neighbors = find_neighbors(tracks.table)
    boxes = box_array(tracks.table)
    size = boxes[:, 2:]
    seen = np.concatenate([boxes[:, :2] + size / 2, size], axis=1)
    position_sd, velocity_sd = np.tile(size, 2) * np.array(
        [[[_POSITION]], [[_VELOCITY]]]
    )
    # The state after each row, and its covariance, which starts as in DeepSORT
    place, speed = seen.copy(), np.zeros_like(seen)
    place_var, speed_var = (2 * position_sd) ** 2, (10 * velocity_sd) ** 2
    both_var = np.zeros_like(seen)
    result = np.full(len(seen), np.nan)
    age = np.arange(len(seen)) - neighbors.start
    by_age = np.split(np.argsort(age, kind="stable"), np.cumsum(np.bincount(age))[:-1])
    for now in by_age[1:]:
        last = now - 1
        elapsed = (neighbors.time[now] - neighbors.time[last])[:, None]
        expected = place[last] + elapsed * speed[last]
        both = both_var[last] + elapsed * speed_var[last]
        variance = place_var[last] + elapsed * (both_var[last] + both)
        variance += position_sd[last] ** 2
        change_var = speed_var[last] + velocity_sd[last] ** 2
        innovation = seen[now] - expected
        total = variance + position_sd[now] ** 2
        result[now] = (innovation**2 / total).sum(axis=1)
        gain = variance / total
        place[now] = expected + gain * innovation
        speed[now] = speed[last] + both / total * innovation
        place_var[now] = (1 - gain) * variance
        both_var[now] = (1 - gain) * both
        speed_var[now] = change_var - both**2 / total
    return result


def _scaled_signals(tracks: Tracks) -> Floats:
    """Return the audit's signals, standardized and imputed by the median."""
    signals = audit_tracks(tracks).detections.select_dtypes("number")
    signals = signals.drop(columns="outlier_score").dropna(axis=1, how="all")
    values = signals.to_numpy(np.float64, na_value=np.nan)
    scaled = make_pipeline(SimpleImputer(strategy="median"), RobustScaler())
    result: Floats = scaled.fit_transform(values)
    return result


#: The rivals by the names that the tables give them.
RIVALS: dict[str, Rank] = {
    "rarest finding": rarest_finding,
    "two rules": two_rules,
    "FarFromLabelMean": far_from_label_mean,
    "IsolationForest": isolation_forest,
    "LOF": local_outlier_factor,
    "Kalman residual": kalman_residual,
    "chance": chance,
}
