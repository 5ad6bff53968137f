# SPDX-License-Identifier: Apache-2.0
"""Write the instructions for workers: which frames are flagged, and why."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import accumulate
from textwrap import shorten

import pandas as pd

DESCRIPTION_LIMIT = 255
SHORT_LIMIT = 254
FULL_LIMIT = 2_047
REASON_LIMIT = 160


def fit(items: Sequence[str], room: int, more: str) -> str:
    """Join as many items as there is room for.

    Args:
        items: the texts to join, including separators
        room: the maximum number of characters
        more: the text that follows if items are left out, with ``{}`` for their
            number

    Returns:
        the joined items, and how many more there are
    """
    if sum(map(len, items)) <= room:
        return "".join(items)
    room -= len(more.format(len(items)))
    shown = sum(length <= room for length in accumulate(map(len, items)))
    return "".join(items[:shown]) + more.format(len(items) - shown)


def task_description(frames: pd.DataFrame) -> str:
    """Describe the task in one line.

    Args:
        frames: the frames to send with ``sequence``, ``frame_name``, ``reason``

    Returns:
        at most 255 characters without a newline
    """
    more = " and {} more, see the instructions."
    return _with_names(_headline(frames), _names(frames), DESCRIPTION_LIMIT, more)


def short_instruction(frames: pd.DataFrame) -> str:
    """Write the instructions that are shown next to the image.

    Args:
        frames: the frames to send with ``sequence``, ``frame_name``, ``reason``

    Returns:
        less than 255 characters of HTML
    """
    names = [_to_html(name) for name in _names(frames)]
    more = " and {} more, see the full instructions."
    return _with_names(_headline(frames), names, SHORT_LIMIT, more)


def full_instruction(frames: pd.DataFrame) -> str:
    """Write the instructions that list the flagged frames with their reasons.

    Args:
        frames: the frames to send with ``sequence``, ``frame_name``, ``reason``

    Returns:
        less than 2,048 characters of HTML
    """
    head = (
        f"<p>{_headline(frames)}. Move and resize the boxes so that each fits its "
        "object tightly, and give an object the same name in all frames. The other "
        "frames are included for context.</p><ul>"
    )
    reasons = [
        shorten(reason, REASON_LIMIT, placeholder=" …")
        for reason in frames.loc[frames["reason"] != "", "reason"]
    ]
    items = [
        f"<li>{_to_html(f'{name}: {reason}')}</li>"
        for name, reason in zip(_names(frames), reasons, strict=True)
    ]
    more = "<li>and {} more, see frames.csv</li>"
    return head + fit(items, FULL_LIMIT - len(head) - len("</ul>"), more) + "</ul>"


def _to_html(text: str) -> str:
    """Return text as HTML, in which Liquid, Ground Truth's templates, sees no tags."""
    return escape(text).replace("{", "&#123;").replace("}", "&#125;")


def _headline(frames: pd.DataFrame) -> str:
    flagged = int((frames["reason"] != "").sum())
    return f"Correct the tracks. {flagged} of {len(frames)} frames are flagged"


def _names(frames: pd.DataFrame) -> list[str]:
    flagged = frames[frames["reason"] != ""]
    if len(frames["sequence"].unique()) == 1:
        return flagged["frame_name"].astype(str).tolist()
    names = flagged["sequence"].astype(str) + "/" + flagged["frame_name"].astype(str)
    return names.tolist()


def _with_names(head: str, names: list[str], limit: int, more: str) -> str:
    if not names:
        return f"{head}."
    items = [f": {names[0]}", *(f", {name}" for name in names[1:])]
    return head + fit(items, limit - len(head), more)
