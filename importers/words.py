# SPDX-License-Identifier: Apache-2.0
"""Words for what is told to people."""

from __future__ import annotations


def count(number: int, noun: str) -> str:
    """Return a number with its noun, such as ``1 frame`` or ``2,000 frames``.

    Args:
        number: the number
        noun: the noun, in the singular
    """
    ending = "" if number == 1 else "es" if noun.endswith("x") else "s"
    return f"{number:,} {noun}{ending}"
