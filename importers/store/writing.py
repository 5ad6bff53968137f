# SPDX-License-Identifier: Apache-2.0
"""Write the tracks of a dataset in bulk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import fiftyone as fo
import numpy as np
import pandas as pd
from bson import ObjectId
from numpy.typing import NDArray
from pymongo import UpdateOne

from ..tracks import BOX, Sequence, Tracks
from .bulk import Document, Step, Writer, collector_paused, database_time, object_ids
from .fields import (
    FRAME_NAME,
    declare_columns,
    declare_fields,
    extra_columns,
    to_objects,
)
from .frame_documents import frame_documents, reload_frames
from .identity_documents import set_identities
from .reading import StoredTracks
from .track_numbers import Identities

_BATCH = 10_000


@dataclass(frozen=True)
class Segment:
    """Consecutive frames of a sequence that are stored as one sample.

    Attributes:
        sequence: the sequence's name
        first: position of its first frame in the sequence
        last: position of its last frame
        sample_id: the ID of the sample
    """

    sequence: str
    first: int
    last: int
    sample_id: str


def insert_tracks(
    dataset: fo.Dataset,
    tracks: Tracks,
    segments: list[Segment],
    field: str = "ground_truth",
    step: Step | None = None,
) -> None:
    """Store tracks on the frames of samples that have no frames yet.

    Args:
        dataset: a video dataset that holds the segments' samples
        tracks: the tracks
        segments: the samples to store frames for
        field ("ground_truth"): the frame field of the detections
        step (None): called with the number of frames stored since the last call
    """
    declare_fields(dataset, tracks, field)
    frames = dataset._frame_collection
    with collector_paused(), Writer(frames.insert_many, step) as writer:
        for documents in _batches(_frame_documents(dataset, tracks, segments, field)):
            writer.send(documents)
    dataset.reload()


def add_detections(
    dataset: fo.Dataset, tracks: Tracks, segments: list[Segment], field: str
) -> None:
    """Store tracks in a further field of frames that are already stored.

    Args:
        dataset: the dataset
        tracks: the tracks
        segments: the samples whose frames get the field
        field: the frame field of the detections
    """
    declare_fields(dataset, tracks, field)
    frame, changed = ("_sample_id", "frame_number"), (field, "last_modified_at")
    call = dataset._frame_collection.bulk_write
    with collector_paused(), Writer(call, None) as writer:
        for documents in _batches(_frame_documents(dataset, tracks, segments, field)):
            writer.send(
                [
                    UpdateOne(
                        {key: document[key] for key in frame},
                        {"$set": {key: document[key] for key in changed}},
                    )
                    for document in documents
                ]
            )
    dataset.reload()


def insert_labels(
    dataset: fo.Dataset,
    labels: Mapping[str, Tracks],
    segments: list[Segment],
    step: Step | None = None,
) -> None:
    """Store the labels of several fields on samples that have no frames yet.

    Args:
        dataset: a video dataset that holds the segments' samples
        labels: the tracks, by the frame field to store them in
        segments: the samples to store frames for
        step (None): called with the number of frames stored since the last call
    """
    (field, tracks), *further = labels.items()
    insert_tracks(dataset, tracks, segments, field, step)
    for field, tracks in further:
        add_detections(dataset, tracks, segments, field)


def make_detections(
    dataset: fo.Dataset,
    tracks: Tracks,
    field: str,
    documents: pd.DataFrame,
    identities: Identities | None = None,
) -> dict[ObjectId, list[Document]]:
    """Make the documents of detections, and declare their fields.

    Args:
        dataset: the dataset
        tracks: the tracks, in pixels of their sequences' sizes
        field: the frame field of the detections
        documents: the frames, rows of :attr:`StoredTracks.documents`
        identities (None): what the numbers of known tracks stand for; by default,
            the number is the index

    Returns:
        the documents of each frame's detections, by the frame's ID
    """
    declare_fields(dataset, tracks, field)
    made: dict[ObjectId, list[Document]] = {}
    for name, frames in documents.groupby("sequence", sort=False):
        limits = int(frames["frame"].min()), int(frames["frame"].max())
        segment = Segment(str(name), *limits, "")
        found = _detections_per_frame(tracks, segment)
        if identities is not None and identities.numbered:
            set_identities(found, identities, str(name))
        ids = zip(frames["_id"], frames["frame"].tolist(), strict=True)
        made.update((frame_id, found.get(frame, [])) for frame_id, frame in ids)
    return made


def _frame_documents(
    dataset: fo.Dataset, tracks: Tracks, segments: list[Segment], field: str
) -> Iterator[Document]:
    """Yield the frame documents of each segment, as FiftyOne stores them."""
    now = database_time()
    dataset_id = dataset._doc.id
    for segment in segments:
        sequence = tracks.sequences[segment.sequence]
        shared = {
            "_sample_id": ObjectId(segment.sample_id),
            "_dataset_id": dataset_id,
            "created_at": now,
            "last_modified_at": now,
        }
        detections = _detections_per_frame(tracks, segment)
        attributes = _frame_attributes(sequence)
        for frame in range(segment.first, segment.last + 1):
            name = sequence.frame_names[frame - 1]
            # Frames of a video have no files of their own
            folder = None if sequence.videos else sequence.frames_dir
            yield {
                "_id": ObjectId(),
                **shared,
                "frame_number": frame - segment.first + 1,
                "filepath": str(folder / name) if folder else None,
                FRAME_NAME: None if sequence.videos else name,
                **attributes.get(frame, {}),
                field: {"_cls": "Detections", "detections": detections.get(frame, [])},
            }


def _frame_attributes(sequence: Sequence) -> dict[int, Document]:
    if sequence.frame_attributes is None:
        return {}
    values = sequence.frame_attributes
    columns = {str(name): to_objects(values[name]) for name in values}
    return {
        int(frame): {name: column[row] for name, column in columns.items()}
        for row, frame in enumerate(values.index)
    }


def _rows_of(table: pd.DataFrame, sequence: str) -> pd.DataFrame:
    """Return the rows of a sequence, which are together in a tracks table."""
    place = table["sequence"].cat.categories.get_indexer(pd.Index([sequence]))[0]
    codes = table["sequence"].cat.codes.to_numpy()
    return table.iloc[slice(*np.searchsorted(codes, [place, place + 1]))]


def _detections_per_frame(
    tracks: Tracks, segment: Segment
) -> dict[int, list[Document]]:
    """Return the detection documents of a segment's frames that have any."""
    table = _rows_of(tracks.table, segment.sequence)
    table = table[table["frame"].between(segment.first, segment.last)]
    table = table.sort_values(["frame", "track"], kind="stable")
    sequence = tracks.sequences[segment.sequence]
    boxes = table[BOX].to_numpy() / np.tile([sequence.width, sequence.height], 2)
    extra = extra_columns(table)
    names = list(extra)
    values = zip(*map(to_objects, extra.values()), strict=True) if extra else None
    tracks_ = [track if track >= 0 else None for track in table["track"].tolist()]
    confidence = to_objects(table["confidence"]) if "confidence" in table else None
    documents = [
        {
            "_id": _id,
            "_cls": "Detection",
            "tags": [],
            "attributes": {},
            "label": label,
            "bounding_box": box,
            "index": track,
        }
        for _id, label, box, track in zip(
            object_ids(len(table)),
            to_objects(table["label"]),
            boxes.tolist(),
            tracks_,
            strict=True,
        )
    ]
    if confidence:
        for document, value in zip(documents, confidence, strict=True):
            document["confidence"] = value
    if values:
        for document, row in zip(documents, values, strict=True):
            document.update(zip(names, row, strict=True))
    frames, starts = np.unique(table["frame"].to_numpy(), return_index=True)
    ends = np.append(starts, len(documents))[1:]
    return {
        frame: documents[start:end]
        for frame, start, end in zip(
            frames.tolist(), starts.tolist(), ends.tolist(), strict=True
        )
    }


def _batches(documents: Iterator[Document]) -> Iterator[list[Document]]:
    """Group frame documents into batches of about ten thousand detections."""
    batch: list[Document] = []
    weight = 0
    for document in documents:
        batch.append(document)
        weight += 1 + sum(
            len(value["detections"])
            for value in document.values()
            if isinstance(value, dict)
        )
        if weight >= _BATCH:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


def write_columns(
    dataset: fo.Dataset,
    field: str,
    stored: StoredTracks,
    columns: pd.DataFrame,
    step: Step | None = None,
    stamp: datetime | None = None,
) -> int:
    """Set attributes of stored detections.

    A frame whose detections changed since they were read is left alone, so that no
    detection gets the values of another one.

    Args:
        dataset: the dataset
        field: the frame field of the detections
        stored: the tracks as they were read
        columns: one column per attribute and one row per row of
            ``stored.tracks.table``, or of some of them by its index; null is
            stored as None
        step (None): called with the number of frames done since the last call
        stamp (None): when the frames are modified, see :func:`all_or_nothing`

    Returns:
        the number of frames that were left alone because they changed
    """
    # The type of a column without values is unknown
    if columns.empty:
        return 0
    declare_columns(dataset, f"{field}.detections", columns)
    rows = stored.rows.loc[columns.index]
    order = np.lexsort((rows["position"], rows["document"]))
    document = rows["document"].to_numpy()[order]
    position = rows["position"].to_numpy()[order].tolist()
    values = [to_objects(columns[name].iloc[order]) for name in columns]
    names = [str(name) for name in columns]
    frames, starts = np.unique(document, return_index=True)
    ends = np.append(starts, len(document))[1:]
    unchanged = _unchanged_filters(stored.documents.iloc[frames], field)
    counts = stored.documents["count"].to_numpy()[frames]
    stamp = stamp or database_time()
    call = frame_documents(dataset).bulk_write
    with collector_paused(), Writer(call, step) as writer:
        for batch in _slices(ends):
            updates = []
            for same, count, start, end in zip(
                unchanged[batch], counts[batch], starts[batch], ends[batch], strict=True
            ):
                records: list[Document | None] = [None] * count
                cells = zip(*(column[start:end] for column in values), strict=True)
                for place, row in zip(position[start:end], cells, strict=True):
                    records[place] = dict(zip(names, row, strict=True))
                merged = _merged(f"{field}.detections", records)
                updates.append(
                    UpdateOne(same, [{"$set": {**merged, "last_modified_at": stamp}}])
                )
            writer.send(updates)
    reload_frames(dataset)
    return len(frames) - writer.matched


def _merged(field: str, records: list[Document | None]) -> Document:
    """Return the expression of a list with records merged into it, by their place.

    The database takes half as long for it as for a path to each value.
    """
    old, new = ({"$arrayElemAt": ["$$this", place]} for place in (0, 1))
    pairs = {"$zip": {"inputs": [f"${field}", {"$literal": records}]}}
    # What is not a document cannot be merged, not even with nothing
    both = {"$cond": [{"$eq": [new, None]}, old, {"$mergeObjects": [old, new]}]}
    return {field: {"$map": {"input": pairs, "in": both}}}


def _unchanged_filters(documents: pd.DataFrame, field: str) -> list[Document]:
    """Return filters that match the frames unless they changed since they were read."""
    return [
        {
            "_id": _id,
            "last_modified_at": modified,
            f"{field}.detections": {"$size": count},
        }
        for _id, modified, count in zip(
            documents["_id"],
            to_objects(documents["last_modified_at"]),
            documents["count"].tolist(),
            strict=True,
        )
    ]


def _slices(ends: NDArray[np.intp]) -> Iterator[slice]:
    """Group frames into batches of similar size, by where their detections end."""
    batches = ends // _BATCH
    first = np.flatnonzero(np.diff(batches)) + 1
    for start, end in pairwise(np.unique([0, *first, len(ends)]).tolist()):
        yield slice(start, end)
