# SPDX-License-Identifier: Apache-2.0
"""Fit the weights of the score: ``python benchmarks/train.py``.

Mistakes of all kinds but the held-out one are planted into the tuning sequences, and a
logistic regression is fitted for each kind of finding, of whether it is about a planted
mistake. Weights cannot be negative, so a stronger or rarer finding is never less
likely. The result is ``plugin/audit/weights.json``.
"""

from __future__ import annotations

import json
import os
import sys

import numpy as np
import pandas as pd
from fault_tables import HELD_OUT
from faults import ROOT, TUNING, read_tracks
from fiftyone_track_audit.plugin.audit import APPEARANCE, INVALID, KINDS, detect
from fiftyone_track_audit.plugin.audit.detectors.fragments import FRAGMENTATION
from fiftyone_track_audit.plugin.audit.detectors.identity import IDENTITY_SWITCH
from fiftyone_track_audit.plugin.audit.detectors.witnessed import (
    BADLY_LOCATED,
    UNSUPPORTED,
    WRONG_CLASS,
)
from fiftyone_track_audit.plugin.audit.kinds import OVERLOOKED
from fiftyone_track_audit.plugin.audit.scene import make_scene
from fiftyone_track_audit.plugin.audit.score import FEATURES, finding_features
from injector import KINDS as PLANTED
from injector import Injected, inject
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]

#: Seeds that the fault benchmark does not use.
SEEDS = range(100, 110)
#: Weights that planted mistakes cannot teach. With frames, a finding is worth a look
#: from about e times the threshold of severity; its odds double when the severity does.
GIVEN = {
    APPEARANCE: [-1.6, 1.0, 0.0, 0.0],
    OVERLOOKED: [-2.0, 1.0, 0.0, 0.0],
    UNSUPPORTED: [-3.5, 1.0, 0.0, 0.0],
    BADLY_LOCATED: [-4.0, 1.2, 0.0, 0.0],
    WRONG_CLASS: [-0.5, 1.0, 0.0, 0.0],
    # Strengths are odds, and planted breaks are easier to link than real ones
    IDENTITY_SWITCH: [0.0, 1.0, 0.0, 0.0],
    FRAGMENTATION: [0.8, 1.0, 0.0, 0.0],
}
#: The prior of the weights, and how strong it is.
_PRIOR, _BELIEF = 0.5, 1.0
#: Share of wrong boxes, somewhat more than in the benchmark to learn more.
_SHARE = 0.03
#: Distance in boxes, and length, up to which a finding next to a mistake is about it.
_NEAR = 2
_SHORT = 8


def main() -> None:
    """Fit and write the weights."""
    data = os.environ.get("TRACK_AUDIT_DATA")
    if not data:
        sys.exit("TRACK_AUDIT_DATA is not set: expected the folder of real labels")
    kinds = tuple(kind for kind in PLANTED if kind != HELD_OUT)
    examples = pd.concat(
        collect(inject(read_tracks(data, (name,)), seed, _SHARE, kinds))
        for name in TUNING
        for seed in SEEDS
    )
    weights = {
        kind: [round(weight, 3) for weight in fit(examples[examples["kind"] == kind])]
        for kind in KINDS
        if kind != INVALID
    } | GIVEN
    lines = [f'  "{kind}": {json.dumps(row)}' for kind, row in weights.items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    (ROOT / "plugin" / "audit" / "weights.json").write_text(text)
    print(text, end="")


def collect(injected: Injected) -> pd.DataFrame:
    """Collect the findings in one sequence with planted mistakes.

    Args:
        injected: the tracks of one sequence

    Returns:
        one row per finding: its kind, its features, and whether it is ``right``
    """
    scene = make_scene(injected.tracks)
    findings, _ = detect(scene)
    wrong = np.concatenate([[0], np.cumsum(injected.event >= 0)])
    count = len(injected.event)
    peak, first, last = (findings[name] for name in ("peak", "first", "last"))
    share = (wrong[last + 1] - wrong[first]) / (last + 1 - first)
    beside = (
        wrong[np.minimum(peak + _NEAR + 1, count)] - wrong[np.maximum(peak - _NEAR, 0)]
    )
    features = finding_features(findings, count)
    return pd.DataFrame(features, columns=list(FEATURES)).assign(
        kind=findings["kind"],
        right=(share >= 0.5) | ((beside > 0) & (last - first < _SHORT)),
    )


def fit(examples: pd.DataFrame) -> list[float]:
    """Fit the weights of one kind.

    Args:
        examples: its findings, see :func:`collect`

    Returns:
        the intercept, and a weight of at least 0 for each feature
    """
    features = examples[list(FEATURES)].to_numpy(float)
    right = examples["right"].to_numpy(float)
    start = np.array([0.0] + [_PRIOR] * len(FEATURES))

    def loss(weights: Floats) -> float:
        odds = weights[0] + features @ weights[1:]
        belief = _BELIEF * ((weights - start) ** 2).sum()
        return float((np.logaddexp(0, odds) - right * odds).sum() + belief)

    bounds = [(None, None)] + [(0, None)] * len(FEATURES)
    result = minimize(loss, start, method="L-BFGS-B", bounds=bounds)
    return [float(weight) for weight in result.x]


if __name__ == "__main__":
    main()
