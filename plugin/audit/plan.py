# SPDX-License-Identifier: Apache-2.0
"""Which frames to review first if there is no time for all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .boxes import Floats

_Frames = NDArray[np.int64]

#: The columns of a plan.
COLUMNS = ["sequence", "frame", "role", "expected"]
#: How long a reviewer looks at one frame.
SECONDS_PER_FRAME = 5.0


def frames_in_minutes(minutes: float) -> int:
    """Return the number of frames that a reviewer gets through in a time.

    Args:
        minutes: the time, above 0

    Raises:
        ValueError: if the time is not a finite number of minutes above 0
    """
    if not 0 < minutes < math.inf:
        raise ValueError(f"expected a number of minutes above 0, not {minutes}")
    return int(minutes * 60 // SECONDS_PER_FRAME)


def plan_frames(
    issues: pd.DataFrame, lengths: Mapping[str, int], budget: int, context: int = 1
) -> pd.DataFrame:
    """Pick the frames that are expected to show the most mistakes.

    An issue is seen in any of its frames, and is a mistake with the probability that
    its score implies. The next frame to be picked is always the one that adds the most
    expected mistakes per frame that it and its context add to the plan, until the
    budget is used up or each issue is seen (greedy maximum coverage; Nemhauser,
    Wolsey and Fisher 1978).

    Args:
        issues: ``sequence``, ``first_frame``, ``last_frame`` and ``score`` of each
            issue; frames count from 1, and issues that are in no frame do not count
        lengths: number of frames of each sequence
        budget: the most frames to look at, including context
        context (1): frames to look at before and after each picked one

    Returns:
        one row per frame, by sequence and frame: ``role`` is "review" or "context",
        ``expected`` the number of mistakes expected in it, beyond those in frames
        that were picked earlier

    Raises:
        ValueError: if the budget is too small for one frame with its context, or the
            context is below 0
    """
    if not context >= 0:  # NaN, too
        raise ValueError(f"expected 0 or more frames of context, not {context}")
    if not budget >= 2 * context + 1:
        raise ValueError(
            f"expected a budget of {2 * context + 1} frames or more, one with "
            f"{context} of context on either side, not {budget}"
        )
    issues = issues.dropna(subset=["first_frame"])
    counts = np.array(list(lengths.values()), np.int64)
    starts = np.cumsum(counts) - counts
    owner = np.repeat(np.arange(len(counts)), counts)
    offsets = issues["sequence"].map(dict(zip(lengths, starts, strict=True)))
    first, last = (
        offsets.to_numpy(np.int64) + issues[name].to_numpy(np.int64) - 1
        for name in ("first_frame", "last_frame")
    )
    chance = np.clip(2 * issues["score"].to_numpy(float) - 1, 0, 1)
    frame = np.arange(len(owner))
    low = np.maximum(frame - context, starts[owner])
    high = np.minimum(frame + context + 1, (starts + counts)[owner])
    planned, expected = _pick(first, last, chance, low, high, budget)
    frames = np.flatnonzero(planned)
    return pd.DataFrame(
        {
            "sequence": np.array(list(lengths), object)[owner[frames]],
            "frame": frames - starts[owner[frames]] + 1,
            "role": np.where(np.isnan(expected[frames]), "context", "review"),
            "expected": np.nan_to_num(expected[frames]),
        },
        columns=COLUMNS,
    )


def _pick(
    first: _Frames,
    last: _Frames,
    chance: Floats,
    low: _Frames,
    high: _Frames,
    budget: int,
) -> tuple[NDArray[np.bool_], Floats]:
    """Pick frames greedily, all sequences being on one axis.

    Args:
        first: array ``(m,)``, the first frame of each issue
        last: array ``(m,)``, the last frame of each issue
        chance: array ``(m,)``, how likely each issue is a mistake
        low: array ``(n,)``, the first frame of each frame's context
        high: array ``(n,)``, one past the last frame of each frame's context
        budget: the most frames to plan

    Returns:
        a tuple of

        -   bool array ``(n,)``, whether a frame is planned
        -   array ``(n,)``, the mistakes expected in each picked frame, NaN for others
    """
    gain = _spread(first, last, chance, len(low))
    cost = high - low
    planned = np.zeros(len(low), bool)
    expected = np.full(len(low), np.nan)
    left, unseen = budget, np.ones(len(first), bool)
    while left and unseen.any():
        value = np.where(cost <= left, gain / np.maximum(cost, 0.5), 0)
        best = int(value.argmax())
        if value[best] <= 1e-9:
            break
        expected[best] = gain[best]
        begin, end = low[best], high[best]
        for new in begin + np.flatnonzero(~planned[begin:end]):
            planned[new] = True
            cost[low[new] : high[new]] -= 1
            left -= 1
        # Issues in the context are seen, too
        seen = unseen & (first < end) & (last >= begin)
        start = first[seen].min(initial=begin)
        stop = last[seen].max(initial=begin) + 1
        gain[start:stop] -= _spread(
            first[seen] - start, last[seen] - start, chance[seen], stop - start
        )
        # Rounding may leave a rest, which must not be picked again
        gain[begin:end] = 0
        unseen &= ~seen
    return planned, expected


def _spread(first: _Frames, last: _Frames, chance: Floats, total: int) -> Floats:
    """Return the sum of the chances of the issues in each frame, ``(total,)``."""
    begin = np.bincount(first, chance, minlength=total + 1)
    end = np.bincount(last + 1, chance, minlength=total + 1)
    result: Floats = np.cumsum(begin - end)[:total].astype(np.float64)
    return result
