# SPDX-License-Identifier: Apache-2.0
"""Tell annotators in CVAT and Label Studio which frames are flagged, and why.

FiftyOne sends images and labels, but no instructions, so they are added through the
servers' own interfaces. A server without them is no reason to take back what was sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from html import escape

import pandas as pd
from fiftyone.utils.annotations import AnnotationResults
from fiftyone.utils.cvat import CVATAnnotationResults
from fiftyone.utils.labelstudio import LabelStudioAnnotationResults

from .label_studio_server import ask_project

logger = logging.getLogger(__name__)

_TASK = (
    "Correct the tracks. {flagged} of {frames} frames are flagged. Move and resize the "
    "boxes so that each fits its object tightly. The other frames are included for "
    "context."
)
_NUMBERS = (
    " The attribute *index* is the number of a box's track: give an object the same "
    "number in all frames, and leave it empty on an object that is new. If a new "
    "object is in several frames, draw it as a track."
)
#: Seconds to wait for a server.
_PATIENCE = 30


def add_guide(results: AnnotationResults, frames: pd.DataFrame, numbered: bool) -> None:
    """Show annotators the flagged frames with their reasons.

    Args:
        results: what was sent; other backends than CVAT and Label Studio are skipped
        frames: the frames that were sent: ``id`` of the document, ``frame_name`` and
            ``reason``, which is empty for context frames
        numbered: whether annotators see the numbers of tracks
    """
    if isinstance(results, CVATAnnotationResults):
        _try(_guide_cvat, results, frames, numbered)
    elif isinstance(results, LabelStudioAnnotationResults):
        _try(_guide_label_studio, results, frames, numbered)


def _try(
    add: Callable[[AnnotationResults, pd.DataFrame, bool], None],
    results: AnnotationResults,
    frames: pd.DataFrame,
    numbered: bool,
) -> None:
    try:
        add(results, frames, numbered)
    except Exception as error:  # FiftyOne raises no narrower one
        logger.warning("The annotators get no instructions: %s", error)


def _guide_cvat(
    results: CVATAnnotationResults, frames: pd.DataFrame, numbered: bool
) -> None:
    """Write a guide for each task, see https://docs.cvat.ai/docs/api_sdk/api/."""
    api = results.connect_to_api()
    for task, placed in results.frame_id_map.items():
        numbers = {each["sample_id"]: number for number, each in placed.items()}
        own = frames[frames["id"].isin(numbers)]
        rows = [
            f"| {numbers[id]} | {_cell(name)} | {_cell(reason)} |"
            for id, name, reason in _flagged(own)
        ]
        table = ["| frame | image | why |", "|---|---|---|", *rows] if rows else []
        text = "\n".join([_headline(own, numbered), "", *table])
        guide = {"task_id": task, "markdown": text}
        api.post(f"{api.base_api_url}/guides", json=guide)


def _guide_label_studio(
    results: LabelStudioAnnotationResults, frames: pd.DataFrame, numbered: bool
) -> None:
    """Set a project's instructions."""
    items = [
        f"<li>{escape(f'{name}: {reason}')}</li>"
        for _, name, reason in _flagged(frames)
    ]
    text = f"<p>{_headline(frames, numbered)}</p><ul>{''.join(items)}</ul>"
    shown = {"expert_instruction": text, "show_instruction": True}
    ask_project(results, "PATCH", json=shown, timeout=_PATIENCE)


def _headline(frames: pd.DataFrame, numbered: bool) -> str:
    flagged = int((frames["reason"] != "").sum())
    text = _TASK.format(flagged=flagged, frames=len(frames))
    return text + (_NUMBERS if numbered else "")


def _flagged(frames: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return ID, name and reason of the frames that have a reason."""
    flagged = frames.loc[frames["reason"] != "", ["id", "frame_name", "reason"]]
    return list(flagged.itertuples(index=False, name=None))


def _cell(text: str) -> str:
    """Return text for a cell of a table in Markdown."""
    return escape(text).replace("|", "\\|")
