# SPDX-License-Identifier: Apache-2.0
"""Whether a box is as large as others at its position in the image."""

from __future__ import annotations

import numpy as np

from .boxes import Floats
from .scene import Scene

#: Boxes of one label that are needed to learn the size of such objects.
_LEAST = 50
#: Boxes that are enough to learn it.
_MOST = 20_000
_ROUNDS = 5
#: Robust standard deviations from which on a box counts less (Huber).
_HUBER = 1.5
_MAD_TO_SD = 1.4826
#: The least standard deviation of a log height. Objects that never move fit exactly,
#: and what rounding leaves of that says nothing.
_LEAST_SCALE = 1e-3
#: Share of the largest singular value below which positions do not differ.
_LEAST_SHARE = 1e-12


def perspective_signals(scene: Scene) -> dict[str, Floats]:
    """Compute how unusual the height of each box is for its position.

    On flat ground, the height of a standing person depends on the position of the feet
    in the image. For each label, the logarithm of the height is fitted as a quadratic
    function of the position of the box's bottom center, robustly (iteratively
    reweighted least squares with Huber's weights).

    Returns:
        ``perspective``, array ``(n,)``: the deviation of the log height from the fit,
        in robust standard deviations for its label, above 0 for boxes that are too
        tall; NaN for labels with fewer than 50 boxes
    """
    feet = scene.boxes[:, :2] + scene.boxes[:, 2:] * [0.5, 1]
    labels = scene.table["label"].cat.codes.to_numpy()
    result = np.full(len(feet), np.nan)
    for label in np.unique(labels):
        rows = np.flatnonzero((labels == label) & ~np.isnan(feet[:, 0]))
        if len(rows) >= _LEAST:
            result[rows] = _depart(feet[rows], scene.states[rows, 3])
    return {"perspective": result}


def _depart(feet: Floats, height: Floats) -> Floats:
    spread = np.maximum(feet.std(axis=0), 1e-9)
    x, y = ((feet - feet.mean(axis=0)) / spread).T
    terms = np.stack([np.ones_like(x), x, y, x * y, x**2, y**2])
    some = slice(None, None, max(1, len(x) // _MOST))
    seen, shown = np.ascontiguousarray(terms[:, some]), height[some]
    weights = np.ones(len(shown))
    for _ in range(_ROUNDS):
        # The normal equations are few. Neither this nor einsum() wakes other cores
        weighted = seen * weights
        products = np.einsum("in,jn->ij", weighted, seen)
        sums = np.einsum("in,n->i", weighted, shown)
        fit = np.linalg.lstsq(products, sums, rcond=_LEAST_SHARE)[0]
        departure = np.abs(shown - np.einsum("i,in->n", fit, seen))
        scale = max(_MAD_TO_SD * float(np.median(departure)), _LEAST_SCALE)
        weights = np.minimum(1, _HUBER * scale / np.maximum(departure, 1e-9))
    result: Floats = (height - np.einsum("i,in->n", fit, terms)) / scale
    return result
