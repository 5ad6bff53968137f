# SPDX-License-Identifier: Apache-2.0
"""Read the tasks of an annotation run from a CVAT server.

FiftyOne's own download loses copies of a box in its frame, and counts the tracks of
each job from 1, so that those of different jobs cannot be told apart. So this asks the
server through FiftyOne's client; see https://docs.cvat.ai/docs/api_sdk/api/.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TypeAlias

import pandas as pd
from fiftyone.utils.cvat import CVATAnnotationAPI, CVATAnnotationResults

from ...importers.keyframes import interpolate
from ...importers.tracks import BOX
from ..plain import Json, count
from ..sending.backends import INDEX
from .server_boxes import COLUMNS, ServerBoxes

#: The name of each label and the names of its attributes, by CVAT's IDs.
_Labels: TypeAlias = dict[int, tuple[str, dict[int, str]]]
#: The attribute in which FiftyOne keeps the ID of a label.
_LABEL_ID = "label_id"
#: The state of a job that nobody opened.
_NEW = "new"


def read_tasks(results: CVATAnnotationResults) -> ServerBoxes:
    """Read what a CVAT server holds of an annotation run.

    Args:
        results: the results of the run, which know its tasks

    Returns:
        the boxes, with a dict of their ``attributes``
    """
    api = results.connect_to_api()
    rows: list[Json] = []
    unopened: list[frozenset[str]] = []
    gone: set[str] = set()
    others = 0
    for task in results.task_ids:
        placed = results.frame_id_map.get(task, {})
        frames = {number: each["sample_id"] for number, each in placed.items()}
        if not api.task_exists(task):
            gone.update(frames.values())
            continue
        labels = _read_labels(api, task)
        for job in results.job_ids[task]:
            about = api.get(api.taskless_job_url(job)).json()
            found = api.get(api.job_annotation_url(job)).json()
            first, last = about.get("start_frame", 0), about.get("stop_frame")
            last = max(frames) if last is None else last
            if about.get("state") == _NEW:
                own = (id for n, id in frames.items() if first <= n <= last)
                unopened.append(frozenset(own))
            boxes = [*_shapes(found["shapes"]), *_tracks(found["tracks"], last)]
            rows += [
                _row(each, labels, frames[each["frame"]], results)
                for each in boxes
                if each["frame"] in frames
            ]
            others += len(found["shapes"]) - sum(map(_is_box, found["shapes"]))
    left_out = f"{count(others, 'shape')} in CVAT left out: only rectangles are boxes"
    table = pd.DataFrame(rows, columns=COLUMNS)
    notes = (left_out,) if others else ()
    return ServerBoxes(table, tuple(unopened), frozenset(gone), notes)


def _read_labels(api: CVATAnnotationAPI, task: int) -> _Labels:
    labels = api.get(api.task_url(task)).json()["labels"]
    if isinstance(labels, Mapping):  # since CVAT 2.4, they are at a place of their own
        labels = [*_pages(api, labels["url"])]
    return {
        label["id"]: (
            label["name"],
            {each["id"]: each["name"] for each in label["attributes"]},
        )
        for label in labels
    }


def _pages(api: CVATAnnotationAPI, url: str | None) -> Iterator[Json]:
    while url:
        page = api.get(url).json()
        yield from page["results"]
        url = page.get("next")


def _is_box(shape: Json) -> bool:
    return str(shape["type"]) == "rectangle"


def _shapes(shapes: list[Json]) -> list[Json]:
    """Return the boxes that were drawn frame by frame."""
    return [{**each, "drawn": f"box {each['id']}"} for each in filter(_is_box, shapes)]


def _tracks(tracks: list[Json], last: int) -> list[Json]:
    """Return the boxes of tracks in all frames, up to the last one of their job."""
    rows = [
        row
        for track in tracks
        for row in _keyframes(track, last)
        if _is_box(track["shapes"][0])
    ]
    if not rows:
        return []
    table = pd.DataFrame(rows)
    filled = interpolate(table, ~table["outside"].to_numpy(bool))
    shown = filled[~filled["outside"].astype(bool)]
    return [
        {
            "frame": row["number"],
            "points": [
                row["left"],
                row["top"],
                row["left"] + row["width"],
                row["top"] + row["height"],
            ],
            "label_id": row["label_id"],
            "attributes": row["attributes"],
            "drawn": f"track {row['track']}",
        }
        for row in shown.to_dict("records")
    ]


def _keyframes(track: Json, last: int) -> Iterator[Json]:
    """Return the boxes of a track that were drawn, and where it ends.

    A keyframe has only those of its attributes that changed.
    """
    attributes: dict[int, Json] = {}
    end: Json = {}
    for shape in track["shapes"]:
        given = [*track["attributes"], *shape["attributes"]]
        attributes = {**attributes, **{each["spec_id"]: each for each in given}}
        left, top, right, bottom = shape["points"]
        end = {
            "track": track["id"],
            "label_id": track["label_id"],
            "number": shape["frame"],
            **dict(zip(BOX, (left, top, right - left, bottom - top), strict=True)),
            "keyframe": True,
            "outside": shape["outside"],
            "attributes": [*attributes.values()],
        }
        yield end
    if end and not end["outside"]:
        yield {**end, "number": last + 1, "outside": True}


def _row(
    box: Json, labels: _Labels, frame_id: str, results: CVATAnnotationResults
) -> Json:
    label, names = labels[box["label_id"]]
    values = {names[each["spec_id"]]: each["value"] for each in box["attributes"]}
    id = values.pop(_LABEL_ID, None) or _sent_id(box, results)
    left, top, right, bottom = box["points"]
    return {
        "frame_id": frame_id,
        "label": label,
        **dict(zip(BOX, (left, top, right - left, bottom - top), strict=True)),
        "id": id,
        "number": _number(values.pop(INDEX, None)),
        # Copies of a label in other frames are one new object
        "drawn": id or box["drawn"],
        "attributes": values,
    }


def _sent_id(box: Json, results: CVATAnnotationResults) -> str | None:
    """Return the label's ID by the server's own, if an annotator emptied it."""
    known = results.server_id_map.get("shapes", {})
    found = known.get(box.get("id")) or known.get(str(box.get("id")))
    return None if found is None else str(found)


def _number(text: object) -> float:
    """Return the number of a track, NaN if there is none."""
    try:
        value = float(str(text))
    except ValueError:
        return math.nan
    return value if value.is_integer() and value >= 0 else math.nan
