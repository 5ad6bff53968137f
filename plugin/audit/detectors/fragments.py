# SPDX-License-Identifier: Apache-2.0
"""Objects whose track ends, and goes on under another ID."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..findings import both_ways, make_findings
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
    order = links.likeliest(_LEAST)
    if not len(order):
        return make_findings(FRAGMENTATION, links.end[:0], links.chance[:0])
    ranked = pd.DataFrame({"end": links.end[order], "begin": links.begin[order]})
    ranked["chance"] = links.chance[order]
    ranked["elapsed"] = links.elapsed[order]
    free = ranked.drop_duplicates("end")
    best = free.drop_duplicates("begin")
    second = ranked[~ranked.index.isin(free.index)].drop_duplicates("end")
    second = second.set_index("end")
    rival = second["begin"].reindex(best["end"], fill_value=-1)
    rival_chance = second["chance"].reindex(best["end"])
    goes_on, comes_from = (
        np.bincount(rows, links.chance, len(scene.boxes))[best[name].to_numpy()]
        for name, rows in (("end", links.end), ("begin", links.begin))
    )
    chance = np.maximum(goes_on, comes_from).clip(max=_MOST)
    return both_ways(
        make_findings(
            FRAGMENTATION,
            best["end"].to_numpy(),
            chance / (1 - chance),
            other=best["begin"].to_numpy(),
            amount=best["elapsed"].to_numpy(),
        ).assign(
            chance=best["chance"].to_numpy(),
            rival=rival.to_numpy(),
            rival_chance=rival_chance.to_numpy(),
        )
    )
