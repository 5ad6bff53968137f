# SPDX-License-Identifier: Apache-2.0
"""Tell annotators in CVAT and Label Studio which frames are flagged, and why.

FiftyOne sends images and labels, but no instructions and, to Label Studio, no tracks,
so they are added through the servers' own interfaces. A server without them is no
reason to take back what was sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from html import escape

import pandas as pd
from fiftyone.utils.annotations import AnnotationResults
from fiftyone.utils.cvat import CVATAnnotationResults
from fiftyone.utils.labelstudio import LabelStudioAnnotationResults

from .label_studio_server import set_instructions, show_tracks

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
_TEXTS = (
    " The text of a box, such as <i>track 3</i>, tells its track: give an object the "
    "same number in all frames. An object that is new needs a number that no other "
    "object has."
)


def add_guide(
    results: AnnotationResults, frames: pd.DataFrame, tracks: Mapping[str, int]
) -> None:
    """Show annotators the flagged frames with their reasons.

    Args:
        results: what was sent; other backends than CVAT and Label Studio are skipped
        frames: the frames that were sent: ``id`` of the document, ``frame_name`` and
            ``reason``, which is empty for context frames
        tracks: the numbers of tracks by the IDs of the labels, if annotators are to
            see them
    """
    if isinstance(results, CVATAnnotationResults):
        _try(_guide_cvat, results, frames, tracks)
    elif isinstance(results, LabelStudioAnnotationResults):
        _try(_guide_label_studio, results, frames, tracks)


def _try(
    add: Callable[[AnnotationResults, pd.DataFrame, Mapping[str, int]], None],
    results: AnnotationResults,
    frames: pd.DataFrame,
    tracks: Mapping[str, int],
) -> None:
    try:
        add(results, frames, tracks)
    except Exception as error:  # FiftyOne raises no narrower one
        logger.warning("The annotators get no instructions: %s", error)


def _guide_cvat(
    results: CVATAnnotationResults, frames: pd.DataFrame, tracks: Mapping[str, int]
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
        text = "\n".join([_headline(own, _NUMBERS if tracks else ""), "", *table])
        guide = {"task_id": task, "markdown": text}
        api.post(f"{api.base_api_url}/guides", json=guide)


def _guide_label_studio(
    results: LabelStudioAnnotationResults,
    frames: pd.DataFrame,
    tracks: Mapping[str, int],
) -> None:
    """Set a project's instructions, and the texts of boxes."""
    items = [
        f"<li>{escape(f'{name}: {reason}')}</li>"
        for _, name, reason in _flagged(frames)
    ]
    headline = _headline(frames, _TEXTS if tracks else "")
    set_instructions(results, f"<p>{headline}</p><ul>{''.join(items)}</ul>")
    if tracks:
        show_tracks(results, tracks)


def _headline(frames: pd.DataFrame, of_tracks: str) -> str:
    flagged = int((frames["reason"] != "").sum())
    return _TASK.format(flagged=flagged, frames=len(frames)) + of_tracks


def _flagged(frames: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return ID, name and reason of the frames that have a reason."""
    flagged = frames.loc[frames["reason"] != "", ["id", "frame_name", "reason"]]
    return list(flagged.itertuples(index=False, name=None))


def _cell(text: str) -> str:
    """Return text for a cell of a table in Markdown."""
    return escape(text).replace("|", "\\|")
