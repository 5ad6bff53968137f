# SPDX-License-Identifier: Apache-2.0
"""What is wrong, and what would be right, in plain words with the numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import pandas as pd

from .kinds import (
    APPEARANCE,
    DRIFT,
    DUPLICATE,
    FRAGMENTATION,
    GAP,
    GHOST,
    IDENTITY_SWITCH,
    JITTER,
    LABEL_CHANGE,
    LOW_IOU,
    SHIFT,
    SHORT_TRACK,
    SIZE_CHANGE,
    TRUNCATED,
)

#: One issue: ``label``, ``usual_label``, ``track``, ``other_track``, ``first_name``
#: and ``last_name`` (file names of the first and last frame), ``peak_name`` (of the
#: worst), ``count`` (of boxes), the kind's ``amount``, the signals of the worst box,
#: ``left`` to ``height`` of the box that those beside it suggest, and ``fit``, the
#: IoU of the worst box with that.
Issue: TypeAlias = Any

#: IoU with the box that those beside it suggest, above which redrawing is no help.
_FITS = 0.9


def describe(issues: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Says of each issue what is wrong, and what to do about it.

    Args:
        issues: one row per issue, with the columns of :data:`Issue`

    Returns:
        a tuple of the reasons and the suggestions
    """
    reasons, suggestions = [], []
    for issue in issues.itertuples():
        reason, suggestion = _SENTENCES[str(issue.kind)]
        reasons.append(f"{issue.label} {issue.track} {_place(issue)}: {reason(issue)}")
        suggestions.append(suggestion(issue))
    return reasons, suggestions


def _place(issue: Issue) -> str:
    if issue.first_name == issue.last_name:
        return f"at {issue.first_name}"
    return f"from {issue.first_name} to {issue.last_name}"


def _boxes(count: float) -> str:
    return f"{count:.0f} box{'' if count == 1 else 'es'}"


def _size(issue: Issue) -> str:
    departure = issue.amount - 1
    if abs(departure) > 0.1 or math.isnan(issue.size_change):
        more = "larger" if departure > 0 else "smaller"
        return (
            f"the box is {abs(departure):.0%} {more} than the frames around it suggest"
        )
    more = "grows" if issue.size_change > 0 else "shrinks"
    return f"the box {more} by {abs(issue.size_change):.0%} here and stays so"


def _iou(issue: Issue) -> str:
    sides = {"previous": issue.iou_prev, "next": issue.iou_next}
    known = {side: value for side, value in sides.items() if not math.isnan(value)}
    lowest = min(known, key=lambda side: known[side], default=None)
    jump = f"IoU with the {lowest} frame is {known[lowest]:.2f}" if lowest else ""
    place = (
        f"IoU with the place that the frames around it suggest is {issue.amount:.2f}"
    )
    if jump and issue.amount > 0.75:
        return f"{jump}: the track jumps here and stays there"
    return f"{jump}, {place}" if jump else place


def _truncated(issue: Issue) -> str:
    what = "ends" if issue.amount > 0 else "begins"
    hidden = f"{issue.occlusion:.0%} hidden" if issue.occlusion else "in full view"
    return f"the track {what} here, clear of the image's border and {hidden}"


def _redraw(issue: Issue) -> str:
    sides = [issue.left, issue.top, issue.width, issue.height]
    if any(map(math.isnan, sides)):
        return f"Redraw {_boxes(issue.count)}"
    if issue.fit > _FITS:
        return "Look at the frames around: the box lies between those beside it"
    left, top, width, height = (f"{side:.0f}" for side in sides)
    return (
        f"Redraw {_boxes(issue.count)}: the frames around suggest left {left}, "
        f"top {top}, width {width}, height {height} at {issue.peak_name}"
    )


def _interpolate(issue: Issue) -> str:
    return (
        f"Interpolate {_boxes(issue.count)} between the frames before "
        f"{issue.first_name} and after {issue.last_name}"
    )


Sentence: TypeAlias = Callable[[Issue], str]

_SENTENCES: dict[str, tuple[Sentence, Sentence]] = {
    SIZE_CHANGE: (_size, _redraw),
    SHIFT: (_iou, _redraw),
    LOW_IOU: (_iou, _redraw),
    JITTER: (
        lambda issue: (
            f"the box trembles by {issue.amount:.0%} of its size from frame to frame"
        ),
        _interpolate,
    ),
    DRIFT: (
        lambda issue: (
            f"the box leaves the track's way by {issue.amount:.0%} of its size, and "
            "comes back"
        ),
        lambda issue: (
            f"Look at {issue.peak_name} and place a keyframe there, then interpolate "
            f"from {issue.first_name} to {issue.last_name}"
        ),
    ),
    IDENTITY_SWITCH: (
        lambda issue: (
            f"tracks {issue.track} and {issue.other_track} fit better with their ids "
            "exchanged"
        ),
        lambda issue: (
            f"Exchange the ids {issue.track} and {issue.other_track} from "
            f"{issue.peak_name} on"
        ),
    ),
    FRAGMENTATION: (
        lambda issue: (
            f"track {issue.track} ends, and track {issue.other_track} begins there"
            + (f" {issue.amount:.0f} frames later" if issue.amount > 1 else "")
        ),
        lambda issue: f"Give track {issue.other_track} the id {issue.track}",
    ),
    GAP: (
        lambda issue: f"{_boxes(issue.amount)} missing inside the track",
        lambda issue: (
            f"Add {_boxes(issue.amount)} between {issue.first_name} and "
            f"{issue.last_name}"
        ),
    ),
    SHORT_TRACK: (
        lambda issue: f"the track has {_boxes(issue.amount)} only",
        lambda issue: (
            f"Delete track {issue.track}, or join it to the track that it belongs to"
        ),
    ),
    TRUNCATED: (
        _truncated,
        lambda issue: (
            f"Go on with the track {'after' if issue.amount > 0 else 'before'} "
            f"{issue.peak_name}"
        ),
    ),
    GHOST: (
        lambda issue: (
            f"the box does not move at all for {issue.amount:.0f} frames, although "
            "its object did before"
        ),
        lambda issue: f"Delete {_boxes(issue.count)}, or follow the object",
    ),
    DUPLICATE: (
        lambda issue: (
            f"lies on track {issue.other_track} for its whole life, with an IoU of "
            f"{issue.amount:.2f}"
        ),
        lambda issue: f"Delete track {issue.track}",
    ),
    LABEL_CHANGE: (
        lambda issue: (
            f"{_boxes(issue.amount)} of a track that is '{issue.usual_label}' else"
        ),
        lambda issue: f"Change the label to '{issue.usual_label}'",
    ),
    APPEARANCE: (
        lambda issue: (
            f"the crop looks unlike the rest of the track: distance {issue.amount:.2f}"
        ),
        lambda issue: "See whether this is the same object",
    ),
}
