# SPDX-License-Identifier: Apache-2.0
"""Read the tasks of an annotation run from a Label Studio server.

FiftyOne's own download takes the annotation that was saved last, even if that
annotator skipped the task, and takes tasks that were deleted for empty ones. The format
is described at https://labelstud.io/guide/export.
"""

from __future__ import annotations

import math
import re

import pandas as pd
from fiftyone.utils.labelstudio import LabelStudioAnnotationResults

from ...importers.tracks import BOX
from ..plain import Json, count
from ..sending.label_studio_server import TRACK, read_all_tasks
from .server_boxes import COLUMNS, ServerBoxes

_BOX = "rectanglelabels"


def read_project(
    results: LabelStudioAnnotationResults, frames: pd.DataFrame
) -> ServerBoxes:
    """Read what a Label Studio server holds of an annotation run.

    Args:
        results: the results of the run, which know its tasks
        frames: ``frame_id``, ``image_width`` and ``image_height`` of the frames

    Returns:
        the boxes; the frames of tasks that nobody submitted are ``gone``
    """
    annotated = {
        task["id"]: annotation["result"]
        for task in read_all_tasks(results)
        if (annotation := _last_annotation(task)) is not None
    }
    sizes = frames.set_index("frame_id")[["image_width", "image_height"]]
    rows: list[Json] = []
    gone: set[str] = set()
    others = rotated = 0
    for task, frame_id in results.uploaded_tasks.items():
        if int(task) not in annotated:
            gone.add(frame_id)
            continue
        regions = annotated[int(task)]
        boxes = list(filter(_is_box, regions))
        scales = [*sizes.loc[frame_id] / 100] * 2
        rows += [_row(each, frame_id, scales) for each in boxes]
        others += len(regions) - len(boxes)
        rotated += sum(bool(each["value"].get("rotation")) for each in boxes)
    table = pd.DataFrame(rows, columns=COLUMNS)
    return ServerBoxes(table, gone=frozenset(gone), notes=_notes(others, rotated))


def _last_annotation(task: Json) -> Json | None:
    """Return the annotation that was submitted last; skipped tasks have none."""
    submitted = [each for each in task["annotations"] if not each["was_cancelled"]]
    return max(submitted, key=lambda each: str(each["updated_at"]), default=None)


def _is_box(region: Json) -> bool:
    return region["type"] == _BOX and bool(region["value"].get(_BOX))


def _row(region: Json, frame_id: str, scales: list[float]) -> Json:
    """Return a box, whose place is in percent of the image."""
    value = region["value"]
    place = (value["x"], value["y"], value["width"], value["height"])
    pixels = [part * scale for part, scale in zip(place, scales, strict=True)]
    return {
        "frame_id": frame_id,
        "label": value[_BOX][0],
        **dict(zip(BOX, pixels, strict=True)),
        "id": region["id"],
        "number": _number(region.get("meta", {}).get("text")),
        "drawn": region["id"],
        "attributes": {},
    }


def _number(text: list[str] | str | None) -> float:
    """Return the number of a track, NaN if there is none."""
    joined = "".join(text or ()).strip()
    found = re.fullmatch(rf"(?:{TRACK})?\s*(\d+)", joined, re.IGNORECASE)
    return float(found[1]) if found else math.nan


def _notes(others: int, rotated: int) -> tuple[str, ...]:
    notes = []
    if others:
        left_out = f"{count(others, 'region')} in Label Studio left out"
        notes.append(f"{left_out}: only rectangles with a label are boxes")
    if rotated:
        boxes = count(rotated, "rotated box")
        notes.append(f"{boxes} in Label Studio read without the rotation")
    return tuple(notes)
