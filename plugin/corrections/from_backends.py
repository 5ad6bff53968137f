# SPDX-License-Identifier: Apache-2.0
"""Read corrections from FiftyOne's annotation backends."""

from __future__ import annotations

from collections.abc import Mapping

import fiftyone as fo
import numpy as np
import pandas as pd
from fiftyone.utils.annotations import AnnotationResults
from fiftyone.utils.cvat import CVATAnnotationResults
from fiftyone.utils.labelstudio import LabelStudioAnnotationResults

from ...importers import store
from ...importers.pixels import track_objects
from ...importers.store.attributes import fields_of
from ...importers.tracks import BOX
from ..plain import count
from ..sending.backends import check_credentials
from ..sending.records import SentFrames, sent_boxes
from .corrected import Corrections, NotReviewed
from .cvat_tasks import read_tasks
from .label_studio_tasks import read_project
from .returned_attributes import with_attributes
from .server_boxes import COLUMNS, ServerBoxes, find_objects, touched_frames

_FRAME = ["sequence", "frame"]
_NUMBERED = ["sequence", "track", "object_id", "object_name"]


def read_annotations(dataset: fo.Dataset, record: SentFrames) -> Corrections:
    """Read corrections from an annotation backend.

    Frames of tasks that nobody opened, and in which nothing changed, did not come back.

    Raises:
        ValueError: if the dataset lacks a sequence that was sent
        InputError: if credentials are missing
        NotReviewed: if no frame came back
    """
    stored = _read_stored(dataset, record)
    sent = sent_boxes(dataset, record)
    frames = _frames(stored, record)
    found = _join(
        [_read_run(dataset, run, frames) for run in record.runs or [record.name]],
        fields_of(dataset, record.label_field, record.box_attributes),
    )
    names = frames[["frame_id", *_FRAME, "frame_name"]]
    boxes = found.boxes.merge(names, on="frame_id")
    known = _numbered(stored, sent) if record.shows_tracks else sent[:0]
    boxes, refused = find_objects(boxes, sent, known[_NUMBERED], record.name)
    sent, table = with_attributes(sent, boxes, record.box_attributes)
    attributes = [name for name in record.box_attributes if name in table]
    came = frames[~_are_open(found, frames, sent, table, attributes)]
    if came.empty:
        raise NotReviewed(record.name, "nobody has opened its tasks yet; wait for them")
    return Corrections(
        sent=_within(sent.drop(columns="id"), came),
        corrected=_within(table.drop(columns="frame_id"), came),
        frames=came[_FRAME].reset_index(drop=True),
        image_sizes=record.image_sizes,
        notes=(*found.notes, *_notes(len(frames) - len(came), refused)),
    )


def _read_stored(dataset: fo.Dataset, record: SentFrames) -> store.StoredTracks:
    samples = store.select_sequences(dataset, record.frames)
    declared = store.frame_schema(dataset, flat=True)
    names = [
        name
        for name in ("object_id", "object_name")
        if f"{record.label_field}.detections.{name}" in declared
    ]
    return store.read_tracks(samples, record.label_field, names)


def _frames(stored: store.StoredTracks, record: SentFrames) -> pd.DataFrame:
    """Return the frames that were sent, with ``frame_id``, and the images' sizes."""
    sequences = stored.tracks.sequences
    numbers = [
        (
            name,
            number,
            sequences[name].frame_names[number - 1],
            *record.image_sizes[name],
        )
        for name, own in record.frames.items()
        for number in own
    ]
    columns = [*_FRAME, "frame_name", "image_width", "image_height"]
    sent = pd.DataFrame(numbers, columns=columns)
    documents = stored.documents.assign(frame_id=stored.documents["_id"].astype(str))
    documents = documents.astype({"sequence": object})[[*_FRAME, "frame_id"]]
    return sent.merge(documents, on=_FRAME)


def _numbered(stored: store.StoredTracks, sent: pd.DataFrame) -> pd.DataFrame:
    """Return the objects of all tracks, by the numbers that annotators may enter."""
    others = track_objects(stored.tracks.table).astype({"sequence": object})
    objects = pd.concat([sent[_NUMBERED], others])
    return objects.drop_duplicates(["sequence", "track"])


def _read_run(dataset: fo.Dataset, run: str, frames: pd.DataFrame) -> ServerBoxes:
    """Read the boxes of an annotation run, by whichever backend it was sent to."""
    results = dataset.load_annotation_results(run)
    check_credentials(results.config)
    if isinstance(results, CVATAnnotationResults):
        return read_tasks(results)
    if isinstance(results, LabelStudioAnnotationResults):
        return read_project(results, frames)
    return _download(results, frames)


def _download(results: AnnotationResults, frames: pd.DataFrame) -> ServerBoxes:
    """Read the boxes of a backend as FiftyOne does, relative to their images."""
    (field,) = results.config.label_schema
    labels = results.backend.download_annotations(results).get(field, {})
    rows = [
        {
            "frame_id": frame_id,
            "label": label.label,
            **dict(zip(BOX, label.bounding_box, strict=True)),
            "id": id,
            "drawn": id,
            "attributes": dict(label.iter_attributes()),
        }
        for frame_id, own in labels.get("detections", {}).items()
        for id, label in own.items()
        if isinstance(label, fo.Detection)
    ]
    boxes = pd.DataFrame(rows, columns=COLUMNS)
    sizes = frames.set_index("frame_id")[["image_width", "image_height"]]
    scales = sizes.reindex(boxes["frame_id"]).to_numpy()
    boxes[BOX] = boxes[BOX].to_numpy(float) * np.hstack([scales, scales])
    return ServerBoxes(boxes)


def _join(parts: list[ServerBoxes], fields: Mapping[str, str]) -> ServerBoxes:
    """Join the boxes of several runs, with a column per attribute that came back.

    Args:
        parts: the boxes of each run
        fields: the attributes' own names by the names of their fields
    """
    boxes = pd.concat([part.boxes for part in parts], ignore_index=True)
    given = boxes.pop("attributes")
    for path, name in fields.items():
        values = [each.get(path) for each in given]
        if any(value is not None for value in values):
            boxes[name] = pd.Series(values, boxes.index, dtype=object)
    return ServerBoxes(
        boxes,
        unopened=tuple(each for part in parts for each in part.unopened),
        gone=frozenset().union(*(part.gone for part in parts)),
        notes=tuple(note for part in parts for note in part.notes),
    )


def _are_open(
    found: ServerBoxes,
    frames: pd.DataFrame,
    sent: pd.DataFrame,
    table: pd.DataFrame,
    attributes: list[str],
) -> pd.Series[bool]:
    """Return which frames did not come back: nobody opened or changed their task."""
    touched = touched_frames(sent, table, attributes).merge(frames, on=_FRAME)
    changed = frozenset(touched["frame_id"])
    waiting = [own for own in found.unopened if not own & changed]
    return frames["frame_id"].isin(found.gone.union(*waiting))


def _within(table: pd.DataFrame, frames: pd.DataFrame) -> pd.DataFrame:
    keys = pd.MultiIndex.from_frame(frames[_FRAME])
    return table[pd.MultiIndex.from_frame(table[_FRAME]).isin(keys)].reset_index(
        drop=True
    )


def _notes(waiting: int, refused: int) -> list[str]:
    """Say what did not come back, and what was not understood."""
    notes = []
    if waiting:
        frames = count(waiting, "frame")
        notes.append(f"{frames} not reviewed: their tasks were not opened, or deleted")
    if refused:
        boxes = count(refused, "box")
        notes.append(
            f"{boxes} with the track number of another box in the frame: that one "
            "keeps the number"
        )
    return notes
