# SPDX-License-Identifier: Apache-2.0
"""The colours of the kinds of mistakes, wherever they are shown."""

from __future__ import annotations

from .audit import ALL_KINDS

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
