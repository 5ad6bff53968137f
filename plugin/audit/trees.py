# SPDX-License-Identifier: Apache-2.0
"""Boosted trees as plain numbers, so that nobody who audits needs what fitted them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .boxes import Floats

_CHUNK = 1_000


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
        place = np.arange(len(rows))[:, None]
        node = np.broadcast_to(self.roots, (len(rows), len(self.roots)))
        while True:
            goes_left = rows[place, self.feature[node]] <= self.threshold[node]
            further = np.where(goes_left, self.left[node], self.right[node])
            if np.array_equal(further, node):
                total: Floats = self.base + self.value[node].sum(axis=1)
                return total
            node = further
