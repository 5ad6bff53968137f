# SPDX-License-Identifier: Apache-2.0
"""Which frames to look at first, when there is no time for all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

#: The columns of a plan.
COLUMNS = ["sequence", "frame", "role", "expected"]
#: How long somebody looks at one frame.
SECONDS_PER_FRAME = 5.0


def frames_in_minutes(minutes: float) -> int:
    """Return the number of frames that a reviewer gets through in a time.

    Args:
        minutes: the time, above 0

    Returns:
        the number of frames

    Raises:
        ValueError: if the time is not a finite number of minutes above 0
    """
    if not 0 < minutes < math.inf:
        raise ValueError(f"expected a number of minutes above 0, not {minutes}")
    return int(minutes * 60 // SECONDS_PER_FRAME)


def plan_frames(
    issues: pd.DataFrame, lengths: Mapping[str, int], budget: int, context: int = 1
) -> pd.DataFrame:
    """Picks the frames that are expected to show the most mistakes.

    An issue is seen in any of its frames, and is a mistake with the probability that
    its score tells. One frame after the other is picked that adds the most expected
    mistakes for each frame that it and its context add to the plan, until the
    budget is used up or each issue is seen (greedy maximum coverage; Nemhauser,
    Wolsey and Fisher 1978).

    Args:
        issues: ``sequence``, ``first_frame``, ``last_frame`` and ``score`` of each
            issue; frames count from 1
        lengths: number of frames of each sequence
        budget: the most frames to look at, context among them
        context (1): frames to look at before and after each picked one

    Returns:
        one row per frame, by sequence and frame: ``role`` is "review" or
        "context", ``expected`` the number of mistakes expected in it, beyond
        those that were picked before

    Raises:
        ValueError: if the budget has no room for one frame, or the context is
            below 0
    """
    if context < 0:
        raise ValueError(f"expected 0 or more frames of context, not {context}")
    if budget < 2 * context + 1:
        raise ValueError(
            f"expected a budget of {2 * context + 1} frames or more, one with "
            f"{context} of context on both sides, not {budget}"
        )
    starts = dict(zip(lengths, np.cumsum([0, *lengths.values()]), strict=False))
    total = sum(lengths.values())
    owner = np.repeat(np.arange(len(lengths)), list(lengths.values()))
    first = issues["sequence"].map(starts).to_numpy(np.int64)
    last = first + issues["last_frame"].to_numpy(np.int64) - 1
    first = first + issues["first_frame"].to_numpy(np.int64) - 1
    chance = np.clip(2 * issues["score"].to_numpy(float) - 1, 0, 1)
    gain = _spread(first, last, chance, total)
    planned = np.zeros(total, bool)
    expected = np.full(total, np.nan)
    left, unseen = budget, np.ones(len(issues), bool)
    while left and unseen.any():
        cost = _cost(planned, owner, context)
        value = np.where(cost <= left, gain / np.maximum(cost, 0.5), 0)
        best = int(value.argmax())
        if value[best] <= 1e-9:
            break
        expected[best] = gain[best]
        around = np.arange(max(best - context, 0), min(best + context + 1, total))
        around = around[owner[around] == owner[best]]
        left -= int((~planned[around]).sum())
        planned[around] = True
        # Issues of a neighbouring frame are seen there too
        seen = unseen & (first <= around[-1]) & (last >= around[0])
        gain -= _spread(first[seen], last[seen], chance[seen], total)
        unseen &= ~seen
    frames = np.flatnonzero(planned)
    names = np.array(list(lengths), object)
    begin = np.array(list(starts.values()))
    return pd.DataFrame(
        {
            "sequence": names[owner[frames]],
            "frame": frames - begin[owner[frames]] + 1,
            "role": np.where(np.isnan(expected[frames]), "context", "review"),
            "expected": np.nan_to_num(expected[frames]),
        },
        columns=COLUMNS,
    )


def _spread(
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    chance: NDArray[np.float64],
    total: int,
) -> NDArray[np.float64]:
    """Sums the chances of the issues that each frame shows."""
    begin = np.bincount(first, chance, minlength=total + 1)
    end = np.bincount(last + 1, chance, minlength=total + 1)
    result: NDArray[np.float64] = np.cumsum(begin - end)[:total].astype(np.float64)
    return result


def _cost(
    planned: NDArray[np.bool_], owner: NDArray[np.intp], context: int
) -> NDArray[np.int64]:
    """Returns how many frames each frame would add, with its context."""
    total = len(planned)
    free = np.concatenate([[0], np.cumsum(~planned)])
    begin = np.searchsorted(owner, owner)
    end = np.searchsorted(owner, owner, side="right")
    frame = np.arange(total)
    low = np.maximum(frame - context, begin)
    high = np.minimum(frame + context + 1, end)
    result: NDArray[np.int64] = free[high] - free[low]
    return result
