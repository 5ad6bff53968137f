# SPDX-License-Identifier: Apache-2.0
"""The colours of the kinds of mistakes, wherever they are shown."""

from __future__ import annotations

from .audit import ALL_KINDS

#: Colours that can be told apart on a light and on a dark page.
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
    "#8a8f98",
    "#b5a22a",
    "#6d6ee8",
    "#b0413e",
    "#0f8b8d",
)


def kind_color(kind: str) -> str:
    """Returns the colour of a kind of mistake.

    Args:
        kind: one of ``ALL_KINDS``

    Returns:
        the colour, such as ``#e4572e``
    """
    return _COLORS[ALL_KINDS.index(kind)]
