# SPDX-License-Identifier: Apache-2.0
"""The kinds of mistakes: their names, groups and colors."""

from __future__ import annotations

#: The kinds of mistakes: reasons of outliers, and labels of issues.
LABEL_CHANGE = "label_change"
DUPLICATE = "duplicate"
SHORT_TRACK = "short_track"
IDENTITY_SWITCH = "identity_switch"
FRAGMENTATION = "fragmentation"
GAP = "gap"
GHOST = "ghost"
TRUNCATED = "truncated"
JITTER = "jitter"
SIZE_CHANGE = "size_change"
SHIFT = "shift"
LOW_IOU = "low_iou"
DRIFT = "drift"
APPEARANCE = "appearance"
#: Kinds of boxes of the wrong size, and at the wrong place.
SIZE_KINDS = (SIZE_CHANGE,)
IOU_KINDS = (SHIFT, LOW_IOU)
#: Kinds that are found without a threshold.
_OTHER_KINDS = (
    JITTER,
    DRIFT,
    IDENTITY_SWITCH,
    FRAGMENTATION,
    GAP,
    SHORT_TRACK,
    TRUNCATED,
    GHOST,
    DUPLICATE,
    LABEL_CHANGE,
)
#: The kinds of mistakes that the audit finds by the boxes alone.
KINDS = (*SIZE_KINDS, *IOU_KINDS, *_OTHER_KINDS)
#: All kinds: of appearance only where embeddings are given.
ALL_KINDS = (*KINDS, APPEARANCE)


def kind_name(kind: str) -> str:
    """Returns the name of a kind of mistake as people read it.

    Args:
        kind: a kind, such as ``low_iou``

    Returns:
        the name, such as ``low IoU``
    """
    return kind.replace("_", " ").replace("iou", "IoU")


#: Colours that can be told apart on a light and on a dark page, in the order of
#: ``ALL_KINDS``, and one for kinds of somebody else.
_COLORS = (
    "#e4572e",
    "#4269d0",
    "#d99a00",
    "#2a9d8f",
    "#a463f2",
    "#e0569b",
    "#3ca951",
    "#9c6b4e",
    "#5aa9e6",
    "#c2714f",
    "#b5a22a",
    "#6d6ee8",
    "#b0413e",
    "#0f8b8d",
)
_OTHER = "#8a8f98"


def kind_color(kind: str) -> str:
    """Returns the colour of a kind of mistake.

    Args:
        kind: a kind

    Returns:
        the colour, such as ``#e4572e``
    """
    return dict(zip(ALL_KINDS, _COLORS, strict=True)).get(kind, _OTHER)
