# SPDX-License-Identifier: Apache-2.0
"""Fit the model of the score: ``python benchmarks/train.py``.

Mixtures of mistakes, and missing boxes alone, are planted into the sequences of all
domains, and boosted trees are fitted to whether a finding is about a planted mistake.
They may not decrease with strength, rarity or prominence, so that a stronger or rarer
finding is never less likely. The result is ``plugin/audit/weights.json``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from domains import Domains, read_domains
from fiftyone_track_audit.importers.tracks import Tracks
from fiftyone_track_audit.plugin.audit import APPEARANCE, detect
from fiftyone_track_audit.plugin.audit.detectors.fragments import FRAGMENTATION
from fiftyone_track_audit.plugin.audit.detectors.identity import IDENTITY_SWITCH
from fiftyone_track_audit.plugin.audit.detectors.witnessed import (
    BADLY_LOCATED,
    UNSUPPORTED,
    WRONG_CLASS,
)
from fiftyone_track_audit.plugin.audit.evidence import EVIDENCE, gather_evidence
from fiftyone_track_audit.plugin.audit.kinds import OVERLOOKED
from fiftyone_track_audit.plugin.audit.scene import make_scene
from fiftyone_track_audit.plugin.audit.score import Model, select_judged
from fiftyone_track_audit.plugin.audit.trees import Trees
from injector import Injected, draw_mixture, inject
from numpy.typing import NDArray
from report import real_data
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

Floats = NDArray[np.float64]

WEIGHTS = Path(__file__).resolve().parents[1] / "plugin" / "audit" / "weights.json"
#: Seeds that no table uses: of mixtures, of equal shares, and of missing boxes alone.
MIXED, EQUAL, MISSING = range(100, 103), range(200, 201), range(300, 301)
#: The share of wrong boxes where the kinds are equally frequent, and its limits where
#: boxes are missing and all else is right: so many gaps could be the labels' custom.
_SHARE, _MISSING_SHARE = 0.03, (0.003, 0.03)
#: What planted mistakes cannot teach: log odds at a strength of 1, and what is added
#: for each e-fold. With frames, a finding is worth a look from about e times the
#: threshold of severity; planted breaks and swaps are easier to tell than real ones,
#: and their strengths are odds; the others are about predictions.
GIVEN = {
    APPEARANCE: (-2.8, 1.0),
    OVERLOOKED: (-2.0, 1.0),
    UNSUPPORTED: (-4.7, 1.0),
    BADLY_LOCATED: (-5.2, 1.2),
    WRONG_CLASS: (-1.0, 1.0),
    IDENTITY_SWITCH: (0.0, 1.0),
    FRAGMENTATION: (0.8, 1.0),
}
#: Mistakes that look like lively motion are never likely, and would always be looked
#: at last; log odds.
LIFTS = {"drift": 1.5, "size_change": 0.4, "shift": 0.4, "low_iou": 0.3, "jitter": 0.4}
#: How much rarity counts on top of the trees, and from which one on it counts for a
#: finding; chosen so that as many clean boxes are flagged as without.
RARITY = (3.0, -0.9)
#: The evidence that cannot count against a finding.
_MONOTONE = ("strength", "rarity", "prominence")
#: Distance in boxes, and length, up to which a finding next to a mistake is about it.
_NEAR = 2
_SHORT = 8


@dataclass(frozen=True)
class Examples:
    """The findings in one sequence with planted mistakes.

    Attributes:
        kinds: array ``(m,)`` of names
        evidence: array ``(m, e)``, see ``gather_evidence()``
        right: bool array ``(m,)``, whether each is about a planted mistake
    """

    kinds: NDArray[np.object_]
    evidence: Floats
    right: NDArray[np.bool_]


def main() -> None:
    """Fit and write the model."""
    data = real_data()
    model = fit(collect_domains(read_domains(data)).values())
    WEIGHTS.write_text(to_json(model))
    print(f"{WEIGHTS}: {len(model.trees.roots)} trees")
    print(pd.Series(model.priors).round(2).to_string())


def collect_domains(domains: Domains) -> dict[str, list[Examples]]:
    """Collect examples from all domains.

    Args:
        domains: the sequences of each domain

    Returns:
        the examples of each domain, one item per planted sequence
    """
    return {
        name: list(chain.from_iterable(map(collect_sequence, sequences)))
        for name, sequences in domains.items()
    }


def collect_sequence(tracks: Tracks) -> list[Examples]:
    """Plant mistakes into one sequence several times, and collect the findings.

    Args:
        tracks: the tracks of one sequence

    Returns:
        the examples of each time
    """
    planted = [inject(tracks, seed, _SHARE) for seed in EQUAL]
    for seed in MIXED:
        share, odds = draw_mixture(seed + 1000 * len(tracks.table))
        planted.append(inject(tracks, seed, share, odds=odds))
    for seed in MISSING:
        rng = np.random.default_rng([seed, len(tracks.table)])
        share = float(np.exp(rng.uniform(*np.log(_MISSING_SHARE))))
        planted.append(inject(tracks, seed, share, kinds=("missing",)))
    return [collect(injected) for injected in planted]


def collect(injected: Injected) -> Examples:
    """Collect the findings in one sequence with planted mistakes.

    Args:
        injected: the tracks of one sequence

    Returns:
        the :class:`Examples`, of the findings that would be judged
    """
    scene = make_scene(injected.tracks)
    findings, _ = detect(scene)
    kept = select_judged(findings, len(scene.boxes), given=())
    evidence = gather_evidence(scene, findings, kept)
    findings = findings[kept]
    wrong = np.concatenate([[0], np.cumsum(injected.event >= 0)])
    count = len(injected.event)
    peak, first, last = (
        findings[name].to_numpy() for name in ("peak", "first", "last")
    )
    share = (wrong[last + 1] - wrong[first]) / (last + 1 - first)
    beside = (
        wrong[np.minimum(peak + _NEAR + 1, count)] - wrong[np.maximum(peak - _NEAR, 0)]
    )
    right = (share >= 0.5) | ((beside > 0) & (last - first < _SHORT))
    return Examples(findings["kind"].to_numpy(object), evidence, right)


def fit(domains: Iterable[Sequence[Examples]]) -> Model:
    """Fit the model.

    A domain counts by the square root of its number of findings, so that none
    outweighs the others.

    Args:
        domains: the examples of each domain

    Returns:
        the :class:`Model`
    """
    parts = [
        (each, sum(len(one.right) for one in part)) for part in domains for each in part
    ]
    kinds = pd.Series(np.concatenate([each.kinds for each, _ in parts]))
    right = np.concatenate([each.right for each, _ in parts])
    weight = np.concatenate(
        [np.full(len(each.right), total**-0.5) for each, total in parts]
    )
    weight /= weight.mean()
    priors = _fit_priors(kinds, right, weight)
    rows = np.column_stack(
        [np.concatenate([each.evidence for each, _ in parts]), kinds.map(priors)]
    )
    trees = HistGradientBoostingClassifier(
        max_iter=100,
        learning_rate=0.08,
        max_leaf_nodes=10,
        min_samples_leaf=50,
        l2_regularization=5,
        monotonic_cst=[int(name in _MONOTONE) for name in EVIDENCE] + [0],
        early_stopping=False,
        random_state=0,
    )
    # Several threads wait for each other longer than they work on so little
    with threadpool_limits(1):
        trees.fit(rows, right, sample_weight=weight)
    learned = {kind: prior for kind, prior in priors.items() if kind not in GIVEN}
    return Model(learned, LIFTS, GIVEN, to_trees(trees), RARITY)


def _fit_priors(
    kinds: pd.Series[str], right: NDArray[np.bool_], weight: Floats
) -> dict[str, float]:
    """Return the log odds of each kind's findings."""
    told = pd.DataFrame({"right": right * weight, "all": weight}).groupby(kinds).sum()
    odds = (told["right"] + 1) / (told["all"] - told["right"] + 1)
    return dict(zip(odds.index, np.log(odds.to_numpy()).round(4).tolist(), strict=True))


def to_trees(fitted: HistGradientBoostingClassifier) -> Trees:
    """Return what scikit-learn fitted as plain numbers.

    Args:
        fitted: trees over numbers that are never missing

    Returns:
        the :class:`Trees`
    """
    nodes = [predictor.nodes for (predictor,) in fitted._predictors]
    roots = np.cumsum([0, *map(len, nodes[:-1])])
    start = np.repeat(roots, list(map(len, nodes)))
    every = np.concatenate(nodes)
    leaf = every["is_leaf"].astype(bool)
    own = np.arange(len(every))
    return Trees(
        float(np.ravel(fitted._baseline_prediction)[0]),
        roots,
        np.where(leaf, 0, every["feature_idx"]).astype(np.intp),
        np.where(leaf, 0, every["num_threshold"]),
        np.where(leaf, own, start + every["left"]).astype(np.intp),
        np.where(leaf, own, start + every["right"]).astype(np.intp),
        np.where(leaf, every["value"], 0),
    )


def to_json(model: Model) -> str:
    """Write the model as the package reads it.

    Args:
        model: the model

    Returns:
        a JSON object, a line per array
    """
    trees = asdict(model.trees)
    numbers = {
        name: values.round(5).tolist()
        if name in ("threshold", "value")
        else values.tolist()
        for name, values in trees.items()
        if name != "base"
    }
    stored = {
        "priors": model.priors,
        "lifts": model.lifts,
        "given": model.given,
        "rarity": model.rarity,
        "base": round(trees["base"], 5),
        **numbers,
    }
    lines = [f'  "{name}": {json.dumps(value)}' for name, value in stored.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    main()
