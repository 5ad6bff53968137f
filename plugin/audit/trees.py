# SPDX-License-Identifier: Apache-2.0
"""Boosted trees as plain numbers, so that nobody who audits needs what fitted them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .boxes import Floats

#: Rows that are sent down together, so that they stay in the cache of a core.
_CHUNK = 200


@dataclass(frozen=True)
class Trees:
    """Decision trees whose values add up.

    Attributes:
        base: what is added to the values
        roots: int array ``(t,)``, the node at which each tree begins
        feature: int array ``(k,)``, the column that a node looks at
        threshold: array ``(k,)``, the highest value that goes left
        left: int array ``(k,)``, the next node; a leaf's is itself
        right: int array ``(k,)``, as ``left``
        value: array ``(k,)``, what a leaf adds
    """

    base: float
    roots: NDArray[np.intp]
    feature: NDArray[np.intp]
    threshold: Floats
    left: NDArray[np.intp]
    right: NDArray[np.intp]
    value: Floats

    def add_up(self, rows: Floats) -> Floats:
        """Return the sum of the trees' values.

        Args:
            rows: array ``(m, f)``

        Returns:
            array ``(m,)``
        """
        chunks = range(0, len(rows), _CHUNK)
        parts = [self._walk(rows[first : first + _CHUNK]) for first in chunks]
        return np.concatenate([np.zeros(0), *parts])

    def _walk(self, rows: Floats) -> Floats:
        cells = rows.ravel()
        begin = (np.arange(len(rows)) * rows.shape[1])[:, None]
        # One array has both ways on: first to the right, then to the left
        ways = np.stack([self.right, self.left], axis=1).ravel()
        node = np.broadcast_to(self.roots, (len(rows), len(self.roots)))
        while True:
            value = cells.take(begin + self.feature.take(node))
            goes_left = value <= self.threshold.take(node)
            further = ways.take(2 * node + goes_left)
            if np.array_equal(further, node):
                total: Floats = self.base + self.value.take(node).sum(axis=1)
                return total
            node = further
