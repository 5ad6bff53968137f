# SPDX-License-Identifier: Apache-2.0
"""Objects whose track ends, and goes on under another ID."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..findings import both_ways, first_of_each, make_findings
from ..links import find_links
from ..scene import Scene

FRAGMENTATION = "fragmentation"
#: The least probability of a link that is reported, and the most that has odds.
_LEAST, _MOST = 0.02, 0.999


def find_fragments(scene: Scene) -> pd.DataFrame:
    """Find tracks that go on as another one.

    The strength is the odds that the end goes on as any track, or that the beginning
    goes on from any, whichever is likelier, see :func:`find_links`: where several
    candidates compete, one of them is likely to be right although none is by itself.
    The amount is the number of labeled frames from one to the other.

    Args:
        scene: the scene

    Returns:
        the findings from both sides, at most one for each end and each beginning,
        with their ``chance`` and the ``rival``, the next likely beginning
    """
    links = find_links(scene)
    ranked = links.likeliest(_LEAST)
    if not len(ranked):
        return make_findings(FRAGMENTATION, links.end[:0], links.chance[:0])
    of_ends = first_of_each(links.end[ranked])
    free, rest = ranked[of_ends], np.delete(ranked, of_ends)
    best = free[first_of_each(links.begin[free])]
    second = rest[first_of_each(links.end[rest])]
    rival, rival_chance = (
        np.full(len(scene.boxes), -1),
        np.full(len(scene.boxes), np.nan),
    )
    rival[links.end[second]] = links.begin[second]
    rival_chance[links.end[second]] = links.chance[second]
    end, begin = links.end[best], links.begin[best]
    goes_on = np.bincount(links.end, links.chance, len(scene.boxes))[end]
    comes_from = np.bincount(links.begin, links.chance, len(scene.boxes))[begin]
    chance = np.maximum(goes_on, comes_from).clip(max=_MOST)
    odds, elapsed = chance / (1 - chance), links.elapsed[best]
    return both_ways(
        make_findings(FRAGMENTATION, end, odds, other=begin, amount=elapsed).assign(
            chance=links.chance[best],
            rival=rival[end],
            rival_chance=rival_chance[end],
        )
    )
