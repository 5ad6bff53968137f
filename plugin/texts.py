# SPDX-License-Identifier: Apache-2.0
"""Words for numbers."""

from __future__ import annotations


def count(number: int, noun: str) -> str:
    """Returns a number with its noun, such as ``1 frame`` or ``2,000 frames``.

    Args:
        number: the number
        noun: the noun, in the singular

    Returns:
        the text
    """
    ending = "" if number == 1 else "es" if noun.endswith("x") else "s"
    return f"{number:,} {noun}{ending}"
