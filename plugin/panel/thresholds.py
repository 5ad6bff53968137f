# SPDX-License-Identifier: Apache-2.0
"""Count what other thresholds would flag, from an audit's overview."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from ..audit import Thresholds
from ..audit.overview import EDGES
from ..plain import Json

_SIGNALS: tuple[Json, ...] = (
    {
        "name": "size",
        "label": "Size change",
        "unit": "relative change of area",
        "min": 0.05,
        "max": 1.0,
        "breaks": "above",
    },
    {
        "name": "iou",
        "label": "IoU with the previous frame",
        "unit": "IoU",
        "min": 0.05,
        "max": 0.95,
        "breaks": "below",
    },
)


def show_thresholds(overview: Json, thresholds: Thresholds) -> Json:
    """Return the histograms over which thresholds are moved.

    Args:
        overview: the overview of each sequence, see ``make_overview()``
        thresholds: the thresholds of the last audit

    Returns:
        ``boxes``, the number of all boxes, and ``signals``. Each signal has a ``name``,
        ``label`` and ``unit``, the present ``value`` of its threshold, its range from
        ``min`` to ``max`` in steps of ``step``, the ``k + 1`` ``edges`` of ``k`` bins,
        and the ``counts`` of boxes by the threshold that they would just pass;
        ``breaks`` says whether boxes ``above`` or ``below`` a threshold are outliers
    """
    return {
        "boxes": sum(each["boxes"] for each in overview.values()),
        "signals": [
            signal
            | {
                "value": asdict(thresholds)[signal["name"]],
                "max": max(signal["max"], asdict(thresholds)[signal["name"]]),
                "step": 0.01,
                "edges": EDGES[signal["name"]].round(6).tolist(),
                "counts": _sum(
                    [each.get(signal["name"]) for each in overview.values()]
                ),
            }
            for signal in _SIGNALS
            if any(signal["name"] in each for each in overview.values())
        ],
    }


def _sum(counts: list[Any]) -> list[int]:
    total: list[int] = np.sum([each for each in counts if each], axis=0).tolist()
    return total
