# SPDX-License-Identifier: Apache-2.0
"""Evidence: what speaks for and against each finding in its own video.

Strengths cannot be compared across videos: a tenth of a box is a jump in a calm crowd,
and nothing on a dance floor. So the evidence says how unusual a finding is among the
findings of its kind in this video, and in which circumstances it was made: tracks end,
break off and change their boxes where objects hide each other and at the border of the
image, and boxes of a track that is unsteady anyway prove little.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .boxes import Floats, area
from .detectors.glitches import unsteadiness
from .detectors.witnessed import BADLY_LOCATED, UNSUPPORTED, WRONG_CLASS
from .doubt import straight_stretch
from .findings import reduce_runs
from .scene import Scene

#: The columns of the evidence.
EVIDENCE = (
    "strength",
    "rarity",
    "prominence",
    "frequency",
    "overlap",
    "occlusion",
    "room",
    "unsteadiness",
    "straight",
    "boxes",
    "track_length",
    "to_track_end",
    "speed",
    "company",
    "amount",
)
#: Added to the spread of the strengths of a kind, as natural logarithms.
_LEAST_SPREAD = 0.15
#: Limits of the distance from the border, in box sizes.
_ROOM = (-0.5, 3.0)
#: Below these, unsteadiness and speed (in box sizes) do not differ noticeably.
_STEADY, _SLOW = 0.005, 0.002
#: Boxes on either side in which findings of other kinds are company.
_NEAR = 2


def gather_evidence(
    scene: Scene, findings: pd.DataFrame, judged: NDArray[np.bool_]
) -> Floats:
    """Gather the evidence about findings of one sequence.

    Args:
        scene: the scene
        findings: ``m`` findings of all kinds, which are compared with each other
        judged: bool array ``(m,)``, the ``j`` findings to gather evidence about

    Returns:
        array ``(j, e)``, in the order of :data:`EVIDENCE`. Lengths, counts and
        strengths are natural logarithms; nothing is NaN
    """
    if not judged.any():
        return np.zeros((0, len(EVIDENCE)))
    compared = compare_findings(findings, len(scene.boxes))
    found = {
        **{name: values[judged] for name, values in compared.items()},
        **_describe_place(scene, findings[judged]),
        "company": _company(scene, findings, compared["rarity"])[judged],
    }
    columns = [found[name] for name in EVIDENCE]
    evidence: Floats = np.nan_to_num(np.stack(columns, axis=1).astype(float))
    return evidence


def compare_findings(findings: pd.DataFrame, detections: int) -> dict[str, Floats]:
    """Compare each finding of one sequence with the others of its kind.

    Args:
        findings: the findings of all kinds
        detections: number of detections of the sequence

    Returns:
        arrays ``(m,)``: ``strength``, its logarithm; ``rarity``, the negative
        logarithm of 1 plus the number of findings of the kind that are at least as
        strong, per thousand detections; ``prominence``, the distance of the
        logarithm of the strength from its median, in median absolute deviations;
        ``frequency``, the logarithm of 1 plus the number of findings of the kind,
        per thousand detections; and ``amount``
    """
    thousands = max(detections, 1) / 1000
    strength = np.log(findings["strength"])
    codes = pd.factorize(findings["kind"])[0]
    kinds = strength.groupby(codes)
    departure = strength - kinds.transform("median")
    spread = departure.abs().groupby(codes).transform("median")
    rank = kinds.rank(ascending=False, method="max")
    found = {
        "strength": strength,
        "rarity": -np.log1p(rank / thousands),
        "prominence": departure / (spread + _LEAST_SPREAD),
        "frequency": np.log1p(kinds.transform("size") / thousands),
        "amount": findings["amount"],
    }
    return {name: column.to_numpy(float) for name, column in found.items()}


def _describe_place(scene: Scene, findings: pd.DataFrame) -> dict[str, Floats]:
    """Return what is going on where the findings are, arrays ``(m,)``."""
    peak, first, last = (
        findings[name].to_numpy() for name in ("peak", "first", "last")
    )
    start, end = scene.neighbors.start, scene.neighbors.end
    before = np.maximum(first - 1, start[first])
    after = np.minimum(last + 1, end[last] - 1)
    room = np.clip(np.nan_to_num(_room(scene)), *_ROOM)
    speed = np.hypot(*scene.expectation.velocity[peak, :2].T) / scene.scale[peak]
    aside = np.minimum(peak - start[peak], end[peak] - 1 - peak)
    return {
        "overlap": reduce_runs(np.maximum, _overlap(scene), before, after),
        "occlusion": reduce_runs(np.maximum, scene.occlusion, before, after),
        "room": reduce_runs(np.minimum, room, before, after),
        "unsteadiness": np.log(_STEADY + unsteadiness(scene)[peak]),
        "straight": np.log1p(scene.once(straight_stretch)[peak]),
        "boxes": np.log(last - first + 1),
        "track_length": np.log(end[peak] - start[peak]),
        "to_track_end": np.log1p(aside),
        "speed": np.log(_SLOW + np.nan_to_num(speed)),
    }


def _overlap(scene: Scene) -> Floats:
    """Return the share of the smaller box that is common with any other, ``(n,)``."""
    pairs, areas = scene.overlaps, area(scene.boxes)
    share = pairs.shared / np.minimum(areas[pairs.first], areas[pairs.second])
    result = np.zeros(len(areas))
    for rows in (pairs.first, pairs.second):
        np.maximum.at(result, rows, share)
    return np.minimum(result, 1)


def _room(scene: Scene) -> Floats:
    """Return the distance of each box from the image border in box sizes, ``(n,)``."""
    begin, size = scene.boxes[:, :2], scene.boxes[:, 2:]
    away = np.minimum(begin - scene.extent[:2], scene.extent[2:] - begin - size)
    room: Floats = (away / size).min(axis=1)
    return room


def _company(scene: Scene, findings: pd.DataFrame, rarity: Floats) -> Floats:
    """Return the rarity of the rarest finding of another kind close by, ``(m,)``.

    Predictions are no company: the trees never saw any.
    """
    alone = findings["kind"].isin([UNSUPPORTED, BADLY_LOCATED, WRONG_CLASS]).to_numpy()
    peak, last = findings["peak"].to_numpy(), len(scene.boxes) - 1
    kinds = pd.factorize(findings["kind"])[0]
    lowest = rarity.min()
    # Of each box, the rarest finding, its kind, and the rarest one of another kind
    best, other = np.full((2, len(scene.boxes)), lowest)
    first = np.full(len(scene.boxes), -1)
    for kind in np.unique(kinds[~alone]):
        own = (kinds == kind) & ~alone
        found = np.full(len(scene.boxes), lowest)
        for offset in range(-_NEAR, _NEAR + 1):
            rows = np.clip(peak[own] + offset, 0, last)
            same = scene.track[rows] == scene.track[peak[own]]
            np.maximum.at(found, rows[same], rarity[own][same])
        rarer = found > best
        other = np.where(rarer, best, np.maximum(other, found))
        best, first = np.where(rarer, found, best), np.where(rarer, kind, first)
    company: Floats = np.where(first[peak] == kinds, other[peak], best[peak])
    return company
