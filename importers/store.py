# SPDX-License-Identifier: Apache-2.0
"""Tracks in and out of FiftyOne's frames collection, in bulk.

The only module that knows how FiftyOne stores frames. Documents are written as
plain dicts, which is about 40 times as fast as ``fo.Detection`` objects, and
read by one projection over the frames, which meets none of the limits that
joining all frames of a sample into one document has. It uses private parts of
FiftyOne; a contract test holds what it stores against what FiftyOne stores.
"""

from __future__ import annotations

import gc
import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import fiftyone as fo
import numpy as np
import pandas as pd
from bson import ObjectId
from numpy.typing import NDArray
from pymongo import UpdateOne

from .tracks import BOX, COLUMNS, Sequence, Tracks, make_table

#: Sample fields that tie the samples of a long sequence together: the name of
#: the sequence, the number of its frames in earlier samples, and the size in
#: pixels of the images that the boxes were drawn on.
SEQUENCE = "sequence"
FRAME_OFFSET = "frame_offset"
IMAGE_WIDTH = "image_width"
IMAGE_HEIGHT = "image_height"
FRAME_NAME = "frame_name"

#: What the field of corrected labels has in its info, so that it is known as such
#: from the moment it is there.
_CORRECTIONS = {"track_audit": "corrections"}

_DETECTIONS = {
    "ftype": fo.EmbeddedDocumentField,
    "embedded_doc_type": fo.Detections,
}

#: Columns of the tracks table that are a detection's own fields or the frame's.
_OWN = {*COLUMNS, "confidence"}
#: Keeps the frames' attributes apart from the detections' while both are read.
_STATEMENT = "frame:"
#: The number of a frame's labels, where only some of them are read.
_LABELS = "_labels"
_BATCH = 10_000
_FRAMES_PER_BATCH = 500
_NO_BOX = [np.nan] * 4
_CONNECTIONS = 3
_DOCUMENT_COLUMNS = [
    "_id",
    "sample_id",
    "frame_number",
    "filepath",
    "frame_name",
    "last_modified_at",
    "count",
]

Step = Callable[[int], None]


@dataclass(frozen=True)
class Segment:
    """A run of frames of one sequence that is stored as one sample.

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


class SampleSpan(NamedTuple):
    """The part of a sequence that a sample holds.

    Attributes:
        sample_id: the ID of the sample
        offset: the number of the sequence's frames in earlier samples
        length: the number of frames of the sample
        frame_rate: the frames per second
    """

    sample_id: str
    offset: int
    length: int
    frame_rate: float


@dataclass(frozen=True)
class StoredTracks:
    """Tracks as they stand in a dataset, and where each row of them stands.

    Attributes:
        tracks: the tracks
        rows: one row per row of ``tracks.table``: ``document`` (row of
            ``documents``) and ``position`` in the frame's list of detections
        documents: one row per frame document: ``_id``, ``sample_id``,
            ``sequence``, ``frame`` (position in the sequence),
            ``frame_number`` (in the sample), ``filepath``, ``count`` of
            detections, ``last_modified_at``
        spans: the samples of the sequences
    """

    tracks: Tracks
    rows: pd.DataFrame
    documents: pd.DataFrame
    spans: tuple[SampleSpan, ...]


def insert_tracks(
    dataset: fo.Dataset,
    tracks: Tracks,
    segments: list[Segment],
    field: str = "ground_truth",
    step: Step | None = None,
) -> None:
    """Stores tracks on the frames of samples that have no frames yet.

    Args:
        dataset: a video dataset that holds the segments' samples
        tracks: the tracks
        segments: the samples to store frames for
        field ("ground_truth"): the frame field of the detections
        step (None): called with the number of frames stored since the last call
    """
    _declare_fields(dataset, tracks, field)
    frames = dataset._frame_collection
    with _collector_paused(), _Writer(frames.insert_many, step) as writer:
        for documents in _batches(_frame_documents(dataset, tracks, segments, field)):
            writer.send(documents)
    dataset.reload()


def add_detections(
    dataset: fo.Dataset, tracks: Tracks, segments: list[Segment], field: str
) -> None:
    """Stores tracks in a further field of frames that are stored already.

    Args:
        dataset: the dataset
        tracks: the tracks
        segments: the samples whose frames get the field
        field: the frame field of the detections
    """
    _declare_fields(dataset, tracks, field)
    frame, changed = ("_sample_id", "frame_number"), (field, "last_modified_at")
    call = dataset._frame_collection.bulk_write
    with _collector_paused(), _Writer(call, None) as writer:
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


def find_frames(
    dataset: fo.Dataset, frames: Mapping[str, Collection[int]]
) -> list[ObjectId]:
    """Finds the documents of frames.

    Args:
        dataset: the dataset
        frames: the positions of the frames in their sequences, by sequence

    Returns:
        the IDs of those frames' documents that exist
    """
    stored = _read_samples(dataset, sample_ids(dataset))
    places = [
        {
            "_sample_id": ObjectId(str(sample_id)),
            "frame_number": {
                "$in": [frame - int(sample[FRAME_OFFSET]) for frame in wanted]
            },
        }
        for sample_id, sample in stored.to_dict("index").items()
        if (wanted := frames.get(str(sample[SEQUENCE])))
    ]
    if not places:
        return []
    found = dataset._frame_collection.find({"$or": places}, ["_id"])
    return [frame["_id"] for frame in found]


def find_shown(
    dataset: fo.Dataset, frame_ids: Collection[ObjectId], shown: pd.DataFrame
) -> list[ObjectId]:
    """Finds those of some frames that a view shows.

    Args:
        dataset: the dataset
        frame_ids: the IDs of the frames' documents
        shown: ``sample_id`` and ``frame_number`` of the frames that it shows

    Returns:
        the IDs of those of them that are shown
    """
    keys = set(zip(shown["sample_id"], shown["frame_number"], strict=True))
    found = dataset._frame_collection.find(
        {"_id": {"$in": list(frame_ids)}}, ["_sample_id", "frame_number"]
    )
    return [
        frame["_id"]
        for frame in found
        if (str(frame["_sample_id"]), frame["frame_number"]) in keys
    ]


def read_detections(
    dataset: fo.Dataset, field: str, frame_ids: Collection[ObjectId]
) -> dict[ObjectId, list[dict[str, Any]]]:
    """Reads the detections of some frames as they are stored.

    Args:
        dataset: the dataset
        field: the frame field of the detections
        frame_ids: the IDs of the frames' documents

    Returns:
        the documents of each frame's detections, by the frame's ID
    """
    found = dataset._frame_collection.find({"_id": {"$in": list(frame_ids)}}, [field])
    return {
        frame["_id"]: (frame.get(field) or {}).get("detections") or []
        for frame in found
    }


def read_frame_values(
    dataset: fo.Dataset, fields: Collection[str], frame_ids: Collection[ObjectId]
) -> dict[ObjectId, dict[str, Any]]:
    """Reads fields of some frames.

    Args:
        dataset: the dataset
        fields: the frame fields
        frame_ids: the IDs of the frames' documents

    Returns:
        the value of each field, None where there is none, by the frame's ID
    """
    found = dataset._frame_collection.find(
        {"_id": {"$in": list(frame_ids)}}, list(fields)
    )
    return {frame["_id"]: {name: frame.get(name) for name in fields} for frame in found}


def set_frame_values(
    dataset: fo.Dataset,
    values: Mapping[ObjectId, Mapping[str, Any]],
    stamp: datetime | None = None,
) -> None:
    """Sets fields of some frames.

    Args:
        dataset: the dataset, which has the fields
        values: the value of each field, by the frame's ID
        stamp (None): when the frames are modified, see :func:`all_or_nothing`
    """
    modified = {"last_modified_at": stamp or _now()}
    updates = [
        UpdateOne({"_id": frame}, {"$set": {**each, **modified}})
        for frame, each in values.items()
        if each
    ]
    if updates:
        dataset._frame_collection.bulk_write(updates, ordered=False)
    fo.core.frame.Frame._reload_docs(dataset._frame_collection_name)


def read_modified(
    dataset: fo.Dataset, frame_ids: Collection[ObjectId]
) -> dict[ObjectId, datetime | None]:
    """Reads when frames were modified last.

    Args:
        dataset: the dataset
        frame_ids: the IDs of the frames' documents

    Returns:
        the time, by the frame's ID
    """
    found = read_frame_values(dataset, ["last_modified_at"], frame_ids)
    return {frame: values["last_modified_at"] for frame, values in found.items()}


def replace_detections(
    dataset: fo.Dataset,
    field: str,
    detections: Mapping[ObjectId, list[dict[str, Any]]],
    modified: Mapping[ObjectId, datetime | None] | None = None,
    stamp: datetime | None = None,
) -> int:
    """Replaces the detections of some frames.

    Args:
        dataset: the dataset, which has the field
        field: the frame field of the detections
        detections: the documents of each frame's detections, by the frame's ID
        modified (None): when the frames were modified last, before their detections
            were read: a frame that changed since is left alone
        stamp (None): when the frames are modified, see :func:`all_or_nothing`

    Returns:
        the number of frames that were left alone because they changed
    """
    stamp = stamp or _now()
    updates = [
        UpdateOne(
            {"_id": frame}
            | ({"last_modified_at": modified[frame]} if modified else {}),
            {
                "$set": {
                    field: {"_cls": "Detections", "detections": documents},
                    "last_modified_at": stamp,
                }
            },
        )
        for frame, documents in detections.items()
    ]
    call = dataset._frame_collection.bulk_write
    with _collector_paused(), _Writer(call, None) as writer:
        for start in range(0, len(updates), _FRAMES_PER_BATCH):
            writer.send(updates[start : start + _FRAMES_PER_BATCH])
    fo.core.frame.Frame._reload_docs(dataset._frame_collection_name)
    return len(updates) - writer.matched


def update_samples(
    dataset: fo.Dataset, updates: Mapping[str, Mapping[str, Any]]
) -> None:
    """Sets fields of samples, each sample at once, as it is at that moment.

    So changes of two writers do not undo one another, and a sample is never found
    half changed.

    Args:
        dataset: the dataset, which has the fields
        updates: per sample's ID, the MongoDB expression of each field's value
    """
    requests = [
        UpdateOne(
            {"_id": ObjectId(sample)},
            [{"$set": {**expressions, "last_modified_at": "$$NOW"}}],
        )
        for sample, expressions in updates.items()
    ]
    if requests:
        dataset._sample_collection.bulk_write(requests, ordered=False)
        fo.Sample._reload_docs(dataset._sample_collection_name, sample_ids=updates)


def _now() -> datetime:
    """Returns the time, as exact as the database keeps it: to the millisecond."""
    time = datetime.now(timezone.utc)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


@contextmanager
def all_or_nothing(
    dataset: fo.Dataset, fields: Collection[str], frame_ids: Collection[ObjectId]
) -> Iterator[datetime]:
    """Restores fields of some frames where the work on them fails.

    A frame that somebody else changed meanwhile is left as they made it.

    Args:
        dataset: the dataset
        fields: the frame fields
        frame_ids: the IDs of the frames' documents

    Yields:
        the time with which the work marks the frames that it changes
    """
    stamp = _now()
    frames = dataset._frame_collection
    kept = [*fields, "last_modified_at"]
    before = list(frames.find({"_id": {"$in": list(frame_ids)}}, kept))
    new = set(fields) - set(dataset.get_frame_field_schema() or {})
    try:
        yield stamp
    except BaseException:
        updates = [
            UpdateOne(
                {"_id": frame["_id"], "last_modified_at": stamp},
                {"$set": {name: frame.get(name) for name in kept}},
            )
            for frame in before
        ]
        if updates:
            frames.bulk_write(updates, ordered=False)
        for name in new & set(dataset.get_frame_field_schema() or {}):
            dataset.delete_frame_field(name)
        fo.core.frame.Frame._reload_docs(dataset._frame_collection_name)
        raise


def make_detections(
    dataset: fo.Dataset, tracks: Tracks, field: str, documents: pd.DataFrame
) -> dict[ObjectId, list[dict[str, Any]]]:
    """Makes the documents of detections, and declares their fields.

    Args:
        dataset: the dataset
        tracks: the tracks, in pixels of their sequences' sizes
        field: the frame field of the detections
        documents: the frames, rows of :attr:`StoredTracks.documents`

    Returns:
        the documents of each frame's detections, by the frame's ID
    """
    _declare_fields(dataset, tracks, field)
    made: dict[ObjectId, list[dict[str, Any]]] = {}
    for name, frames in documents.groupby("sequence", sort=False):
        limits = int(frames["frame"].min()), int(frames["frame"].max())
        found = _detections_per_frame(tracks, Segment(str(name), *limits, ""))
        ids = zip(frames["_id"], frames["frame"].tolist(), strict=True)
        made.update((frame_id, found.get(frame, [])) for frame_id, frame in ids)
    return made


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pauses the collector of reference cycles.

    Documents have none, and to look for some in millions of them takes twice as
    long as to make them.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Writer:
    """Sends batches over several connections while the next ones are being built.

    The database works on the batches of one connection one after the other.
    """

    def __init__(self, call: Callable[..., Any], step: Step | None) -> None:
        self._call = call
        self._step = step
        self._threads = ThreadPoolExecutor(_CONNECTIONS)
        self._sent: deque[tuple[int, Future[Any]]] = deque()
        self.matched = 0

    def __enter__(self) -> _Writer:
        return self

    def send(self, batch: list[Any]) -> None:
        """Sends a batch, after waiting for the oldest where many are under way."""
        if len(self._sent) > _CONNECTIONS:
            self._receive()
        future = self._threads.submit(self._call, batch, ordered=False)
        self._sent.append((len(batch), future))

    def _receive(self) -> None:
        count, future = self._sent.popleft()
        self.matched += getattr(future.result(), "matched_count", 0)
        if self._step:
            self._step(count)

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        try:
            while self._sent and not failure:
                self._receive()
        finally:
            self._threads.shutdown(cancel_futures=True)


def _object_ids(count: int) -> list[ObjectId]:
    """Returns new IDs, some ten times as fast as one by one."""
    prefix = ObjectId().binary[:4] + os.urandom(5)
    return [ObjectId(prefix + i.to_bytes(3, "big")) for i in range(count)]


def _declare_fields(dataset: fo.Dataset, tracks: Tracks, field: str) -> None:
    declared = dataset.get_frame_field_schema(flat=True) or {}
    wanted: dict[str, dict[str, Any]] = {
        FRAME_NAME: {"ftype": fo.StringField},
        "filepath": {"ftype": fo.StringField},
        field: _DETECTIONS,
    }
    for name, values in _extra_columns(tracks.table).items():
        wanted[f"{field}.detections.{name}"] = _column_type(values)
    for sequence in tracks.sequences.values():
        if sequence.frame_attributes is not None:
            for attribute in sequence.frame_attributes:
                values = sequence.frame_attributes[attribute]
                wanted[str(attribute)] = {"ftype": field_type(values)}
    for name, kind in wanted.items():
        if name not in declared:
            dataset.add_frame_field(name, **kind)


def _extra_columns(table: pd.DataFrame) -> dict[str, pd.Series[Any]]:
    return {str(name): table[name] for name in table.columns if name not in _OWN}


def field_type(values: pd.Series[Any]) -> type[fo.Field]:
    """Returns the type of field that can hold values.

    Args:
        values: the values; null ones do not count

    Returns:
        a type of field
    """
    inferred = pd.api.types.infer_dtype(values.dropna())
    kinds: dict[str, type[fo.Field]] = {
        "boolean": fo.BooleanField,
        "integer": fo.IntField,
        "floating": fo.FloatField,
        "mixed-integer-float": fo.FloatField,
    }
    kind: type[fo.Field] = kinds.get(inferred, fo.StringField)
    return kind


def to_objects(values: pd.Series[Any]) -> list[Any]:
    """Turns a column into what BSON can hold.

    Args:
        values: a column

    Returns:
        a list of Python objects, None where the column is null
    """
    result: list[Any] = values.astype(object).where(values.notna(), None).tolist()
    return result


def _frame_documents(
    dataset: fo.Dataset, tracks: Tracks, segments: list[Segment], field: str
) -> Iterator[dict[str, Any]]:
    """Yields the frame documents of each segment, as FiftyOne stores them."""
    now = _now()
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
            folder = sequence.frames_dir
            yield {
                "_id": ObjectId(),
                **shared,
                "frame_number": frame - segment.first + 1,
                "filepath": str(folder / name) if folder else None,
                FRAME_NAME: name,
                **attributes.get(frame, {}),
                field: {"_cls": "Detections", "detections": detections.get(frame, [])},
            }


def _frame_attributes(sequence: Sequence) -> dict[int, dict[str, Any]]:
    if sequence.frame_attributes is None:
        return {}
    values = sequence.frame_attributes
    columns = {str(name): to_objects(values[name]) for name in values}
    return {
        int(frame): {name: column[row] for name, column in columns.items()}
        for row, frame in enumerate(values.index)
    }


def _detections_per_frame(
    tracks: Tracks, segment: Segment
) -> dict[int, list[dict[str, Any]]]:
    """Returns the detection documents of a segment's frames that have any."""
    table = tracks.table
    rows = table["sequence"].eq(segment.sequence) & table["frame"].between(
        segment.first, segment.last
    )
    table = table[rows].sort_values(["frame", "track"], kind="stable")
    sequence = tracks.sequences[segment.sequence]
    boxes = table[BOX].to_numpy() / np.tile([sequence.width, sequence.height], 2)
    extra = _extra_columns(table)
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
            _object_ids(len(table)),
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


def _batches(documents: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Groups frame documents so that a batch holds some ten thousand detections."""
    batch: list[dict[str, Any]] = []
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


def sample_ids(samples: fo.core.collections.SampleCollection) -> list[str]:
    """Returns the IDs of the video samples that a collection shows parts of.

    Args:
        samples: a dataset, or a view of its samples, clips, frames or labels

    Returns:
        a list of IDs, in order, each once
    """
    generated = samples._is_clips or samples._is_frames or samples._is_patches
    path = "sample_id" if generated else "id"
    return list(dict.fromkeys(samples.values(path)))


def samples_by_sequence(
    samples: fo.core.collections.SampleCollection,
) -> dict[str, list[str]]:
    """Returns the samples of each sequence that a collection shows a part of.

    Args:
        samples: a dataset or view

    Returns:
        the IDs of all samples of each sequence, by its name
    """
    stored = _read_samples(samples._root_dataset, sample_ids(samples))
    return {
        str(name): list(ids)
        for name, ids in stored.groupby(SEQUENCE, sort=False).groups.items()
    }


def select_sequences(
    dataset: fo.Dataset, names: Iterable[str], also: Iterable[str] = ()
) -> fo.DatasetView:
    """Selects the samples of whole sequences that were sent.

    Args:
        dataset: a video dataset
        names: the names of the sequences
        also (()): names of more sequences, which the dataset need not have any more

    Returns:
        a :class:`fiftyone.core.view.DatasetView`

    Raises:
        ValueError: if the dataset has no sequence of a name
    """
    known = samples_by_sequence(dataset)
    wanted = dict.fromkeys(names)
    missing = next((name for name in wanted if name not in known), None)
    if missing is not None:
        raise ValueError(
            f"'{dataset.name}' has no sequence {missing!r} any more, whose frames "
            "were sent"
        )
    wanted |= dict.fromkeys(name for name in also if name in known)
    return dataset.select([id for name in wanted for id in known[name]])


def read_spans(dataset: fo.Dataset) -> dict[str, list[SampleSpan]]:
    """Reads which part of its sequence each sample holds.

    Args:
        dataset: a video dataset

    Returns:
        the spans of each sequence in order, by its name

    Raises:
        ValueError: if a video's size is not known
    """
    stored = _read_samples(dataset, dataset.values("id"))
    return {
        str(name): sorted(_spans(samples), key=lambda span: span.offset)
        for name, samples in stored.groupby(SEQUENCE, sort=False)
    }


def frame_counts(
    samples: fo.core.collections.SampleCollection, field: str
) -> pd.DataFrame:
    """Counts the detections in each frame that a collection of videos shows.

    Args:
        samples: a dataset, or a view of its videos
        field: the frame field of the detections

    Returns:
        ``sample_id``, ``frame_number`` and ``count`` of each frame
    """
    detections = {"$ifNull": [f"$frames.{field}.detections", []]}
    pipeline = [
        {"$unwind": "$frames"},
        {
            "$project": {
                "_id": 0,
                "sample_id": {"$toString": "$_id"},
                "frame_number": "$frames.frame_number",
                "count": {"$size": detections},
            }
        },
    ]
    found = samples._aggregate(attach_frames=True, post_pipeline=pipeline)
    return pd.DataFrame(list(found), columns=["sample_id", "frame_number", "count"])


def find_label_field(dataset: fo.Dataset, field: str | None = None) -> str:
    """Finds the frame field that holds the detections.

    Args:
        dataset: a video dataset
        field (None): the field to check; by default the dataset's only field of
            detections beside those of corrected labels, or ``ground_truth`` where
            it has several

    Returns:
        the name of the field, without ``frames.``

    Raises:
        ValueError: if the dataset is no video dataset, has no such field, or
            has several and none of them is asked for
    """
    fields = label_fields(dataset)
    if field is not None:
        field = field.removeprefix("frames.")
        if field not in fields and not holds_corrections(dataset, field):
            known = ", ".join(fields) or "none"
            raise ValueError(
                f"'{dataset.name}' has no frame field '{field}' of detections "
                f"(it has: {known})"
            )
        return field
    if "ground_truth" in fields:
        return "ground_truth"
    if len(fields) != 1:
        problem = f"several: {', '.join(fields)}; choose one" if fields else "none"
        raise ValueError(
            f"expected one frame field of detections in '{dataset.name}', "
            f"found {problem}"
        )
    return fields[0]


def label_fields(dataset: fo.Dataset) -> list[str]:
    """Returns the frame fields that hold detections, but for corrected ones.

    Args:
        dataset: a video dataset

    Returns:
        a list of names, without ``frames.``

    Raises:
        ValueError: if the dataset is no video dataset
    """
    if dataset.media_type != fo.core.media.VIDEO:
        raise ValueError(
            f"'{dataset.name}' holds {dataset.media_type or 'no'} samples; "
            "tracks live in video datasets"
        )
    schema = dataset.get_frame_field_schema(**_DETECTIONS)
    return [name for name in schema or {} if not holds_corrections(dataset, name)]


def holds_corrections(dataset: fo.Dataset, field: str) -> bool:
    """Tells whether a frame field is one of :func:`declare_corrections`.

    Args:
        dataset: a video dataset
        field: the name of a frame field, without ``frames.``

    Returns:
        True/False
    """
    found = (dataset.get_frame_field_schema() or {}).get(field)
    return found is not None and found.info == _CORRECTIONS


def declare_corrections(
    dataset: fo.Dataset, field: str, kind: type[fo.Field] | None = None
) -> None:
    """Adds a frame field for what reviewers corrected, where it is not there.

    Args:
        dataset: a video dataset
        field: the name of the frame field, without ``frames.``
        kind (None): the type of its values, by default detections
    """
    if not dataset.has_frame_field(field):
        dataset.add_frame_field(
            field,
            **({"ftype": kind} if kind else _DETECTIONS),
            description="What reviewers made of it",
            info=_CORRECTIONS,
        )


def read_tracks(
    samples: fo.core.collections.SampleCollection,
    field: str,
    attributes: Collection[str] = (),
    frame_attributes: Collection[str] = (),
) -> StoredTracks:
    """Reads the tracks of whole sequences.

    A sequence that the collection holds a part of is read whole, with every
    label, since a box can only be judged against all of its track.

    Args:
        samples: a dataset or view
        field: the frame field of the detections
        attributes (()): further attributes of the detections to read, each as
            a column of the tracks table; ``id`` is an ObjectId
        frame_attributes (()): frame fields to read, as the sequences' frame
            attributes

    Returns:
        the :class:`StoredTracks`

    Raises:
        ValueError: if a video's size is not known
    """
    dataset = samples._root_dataset
    stored = _read_samples(dataset, sample_ids(samples))
    names = ["bounding_box", "label", "index", *attributes]
    chosen = [ObjectId(str(sample_id)) for sample_id in stored.index]
    stages = [{"$match": {"_sample_id": {"$in": chosen}}}]
    with _collector_paused():
        documents, columns = _read_frames(
            dataset, field, stages, names, list(frame_attributes)
        )
    documents = _place(documents, stored)
    sequences = _read_sequences(stored, documents, list(frame_attributes))
    tracks, rows = _build_tracks(documents, columns, sequences)
    return StoredTracks(tracks, rows, documents, _spans(stored, documents))


def read_part(
    dataset: fo.Dataset,
    field: str,
    sequence: str,
    tracks: Collection[int],
    frames: tuple[int, int],
    attributes: Collection[str] = (),
) -> tuple[Tracks, NDArray[np.int64]]:
    """Reads some tracks of a sequence within some frames, and nothing else.

    Args:
        dataset: the dataset
        field: the frame field of the detections
        sequence: the name of the sequence
        tracks: the identities, -1 for boxes without one
        frames: positions of the first and the last frame in the sequence
        attributes (()): further attributes of the detections to read

    Returns:
        a tuple of the tracks, whose sequence names only those frames' files, and
        the positions of the frames that have a label of any track

    Raises:
        ValueError: if the dataset has no such sequence
    """
    stored = _read_samples(dataset, dataset.values("id"))
    stored = stored[stored[SEQUENCE] == sequence]
    if stored.empty:
        raise ValueError(f"'{dataset.name}' has no sequence '{sequence}'")
    first = frames[0] - stored[FRAME_OFFSET]
    last = frames[1] - stored[FRAME_OFFSET]
    places = [
        {
            "_sample_id": ObjectId(str(sample_id)),
            "frame_number": {"$gte": int(low), "$lte": int(high)},
        }
        for sample_id, low, high in zip(stored.index, first, last, strict=True)
    ]
    detections = f"{field}.detections"
    all_of_them = {"$ifNull": [f"${detections}", []]}
    identity = {"$ifNull": ["$$this.index", -1]}
    chosen = {"$in": [identity, [int(track) for track in tracks]]}
    stages: list[dict[str, Any]] = [
        {"$match": {"$or": places}},
        {
            "$set": {
                _LABELS: {"$size": all_of_them},
                detections: {"$filter": {"input": all_of_them, "cond": chosen}},
            }
        },
    ]
    names = ["bounding_box", "label", "index", *attributes]
    documents, columns = _read_frames(dataset, field, stages, names, [_LABELS])
    documents = _place(documents, stored)
    sequences = _read_sequences(stored, documents, [])
    labelled = documents["frame"][documents[_STATEMENT + _LABELS] > 0]
    return _build_tracks(documents, columns, sequences)[0], labelled.to_numpy(np.int64)


def _place(documents: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
    """Says of frames where they are in their sequences, and what they are called."""
    samples = stored.loc[documents["sample_id"]]
    placed = documents.assign(
        sequence=samples[SEQUENCE].to_numpy(),
        frame=samples[FRAME_OFFSET].to_numpy() + documents["frame_number"].to_numpy(),
    )
    return placed.assign(frame_name=_name_frames(placed))


def _spans(
    stored: pd.DataFrame, documents: pd.DataFrame | None = None
) -> tuple[SampleSpan, ...]:
    last = pd.Series(dtype=np.int64)
    if documents is not None:
        last = documents.groupby("sample_id")["frame_number"].max()
    return tuple(
        SampleSpan(
            str(sample_id),
            int(sample[FRAME_OFFSET]),
            max(int(sample["frame_count"] or 0), int(last.get(sample_id, 0))),
            float(sample["frame_rate"] or 0),
        )
        for sample_id, sample in stored.to_dict("index").items()
    )


def _read_samples(dataset: fo.Dataset, ids: list[str]) -> pd.DataFrame:
    """Returns the record of each sample of the sequences that the samples are of."""
    paths = {
        "sample_id": "id",
        "video": "filepath",
        "frame_rate": "metadata.frame_rate",
        "frame_width": "metadata.frame_width",
        "frame_height": "metadata.frame_height",
        "frame_count": "metadata.total_frame_count",
    }
    own = (SEQUENCE, FRAME_OFFSET, IMAGE_WIDTH, IMAGE_HEIGHT)
    paths |= {name: name for name in own if dataset.has_field(name)}
    values = dataset.values(list(paths.values()))
    stored = pd.DataFrame(dict(zip(paths, values, strict=True)), dtype=object)
    stored = stored.reindex(columns=list(dict.fromkeys([*paths, *own]))).astype(object)
    # A field of this name without the other is somebody else's
    named = stored[SEQUENCE].where(stored[FRAME_OFFSET].notna())
    stored[SEQUENCE] = named.fillna(_names_of_videos(stored, set(named.dropna())))
    stored[FRAME_OFFSET] = stored[FRAME_OFFSET].fillna(0).astype(np.int64)
    stored[IMAGE_WIDTH] = stored[IMAGE_WIDTH].fillna(stored["frame_width"])
    stored[IMAGE_HEIGHT] = stored[IMAGE_HEIGHT].fillna(stored["frame_height"])
    chosen = stored.loc[stored["sample_id"].isin(ids), SEQUENCE]
    stored = stored[stored[SEQUENCE].isin(chosen)].set_index("sample_id")
    unknown = stored[IMAGE_WIDTH].isna() | stored[IMAGE_HEIGHT].isna()
    if unknown.any():
        raise ValueError(
            f"the size of {stored.loc[unknown, 'video'].iloc[0]} is not known; "
            "run dataset.compute_metadata() first"
        )
    return stored


def _names_of_videos(stored: pd.DataFrame, taken: set[str]) -> pd.Series[str]:
    """Names samples that no sequence name was stored with after their videos."""
    stem = stored["video"].map(lambda path: Path(path).stem)
    ambiguous = stem.duplicated(keep=False) | stem.isin(taken)
    return stem.where(~ambiguous, stem + "-" + stored["sample_id"])


def _read_frames(
    dataset: fo.Dataset,
    field: str,
    stages: list[dict[str, Any]],
    attributes: list[str],
    frame_attributes: list[str],
) -> tuple[pd.DataFrame, dict[str, list[Any]]]:
    """Returns the frames that stages choose, and each attribute of their detections."""
    keys = {name: "_id" if name == "id" else name for name in attributes}
    project: dict[str, Any] = {
        name: f"${field}.detections.{key}" for name, key in keys.items()
    }
    project |= {_STATEMENT + name: f"${name}" for name in frame_attributes}
    found = _aggregate_frames(dataset, field, stages, project)
    counts = [document["count"] for document in found]
    for name in attributes:
        # MongoDB leaves out the detections that lack an attribute
        if [len(document.get(name) or ()) for document in found] != counts:
            each = {"$ifNull": [f"$$this.{keys[name]}", None]}
            values = {"$map": {"input": f"${field}.detections", "in": each}}
            whole = _aggregate_frames(dataset, field, stages, {name: values})
            for document, other in zip(found, whole, strict=True):
                document[name] = other[name]
    columns = {
        name: list(chain.from_iterable(each.pop(name, None) or () for each in found))
        for name in attributes
    }
    statements = [_STATEMENT + name for name in frame_attributes]
    documents = pd.DataFrame(found, columns=[*_DOCUMENT_COLUMNS, *statements])
    documents["sample_id"] = documents["sample_id"].astype(str)
    return documents, columns


def _name_frames(documents: pd.DataFrame) -> pd.Series[str]:
    """Returns the file name of each frame, after its number where it has none."""
    names = documents["frame_name"].astype(object)
    names = names.fillna(
        documents["filepath"].map(lambda path: Path(path).name, na_action="ignore")
    )
    return names.fillna(documents["frame"].map("{:06d}.jpg".format))


def _aggregate_frames(
    dataset: fo.Dataset,
    field: str,
    stages: list[dict[str, Any]],
    project: dict[str, Any],
) -> list[dict[str, Any]]:
    detections = {"$ifNull": [f"${field}.detections", []]}
    pipeline = [
        *stages,
        {"$sort": {"_sample_id": 1, "frame_number": 1}},
        {
            "$project": {
                "sample_id": "$_sample_id",
                "frame_number": 1,
                "filepath": 1,
                "frame_name": f"${FRAME_NAME}",
                "last_modified_at": 1,
                "count": {"$size": detections},
                **project,
            }
        },
    ]
    return list(dataset._frame_collection.aggregate(pipeline))


def _read_sequences(
    stored: pd.DataFrame, documents: pd.DataFrame, frame_attributes: list[str]
) -> dict[str, Sequence]:
    sequences = {}
    for name, samples in stored.groupby(SEQUENCE, sort=False):
        frames = documents[documents["sequence"] == name]
        last = int(frames["frame"].max()) if len(frames) else 0
        # A video may have fewer frame documents than frames
        names = pd.Series(frames["frame_name"].to_numpy(), frames["frame"].to_numpy())
        names = names.reindex(range(1, last + 1))
        names = names.fillna(names.index.to_series().map("{:06d}.jpg".format))
        folders = {str(Path(path).parent) for path in frames["filepath"].dropna()}
        first = samples.iloc[0]
        sequences[str(name)] = Sequence(
            name=str(name),
            width=int(first[IMAGE_WIDTH]),
            height=int(first[IMAGE_HEIGHT]),
            frame_rate=float(first["frame_rate"] or 0),
            frame_names=tuple(names),
            frames_dir=Path(folders.pop()) if len(folders) == 1 else None,
            frame_attributes=_read_statements(frames, frame_attributes),
        )
    return sequences


def _read_statements(frames: pd.DataFrame, names: list[str]) -> pd.DataFrame | None:
    """Returns what annotators said about whole frames, by frame."""
    if not names:
        return None
    columns = {name: frames[_STATEMENT + name].to_numpy() for name in names}
    said = pd.DataFrame(columns, index=frames["frame"]).dropna(how="all")
    return said if len(said) else None


def _build_tracks(
    documents: pd.DataFrame,
    columns: dict[str, list[Any]],
    sequences: Mapping[str, Sequence],
) -> tuple[Tracks, pd.DataFrame]:
    counts = documents["count"].to_numpy(np.int64)
    document = np.repeat(np.arange(len(documents)), counts)
    starts = np.cumsum(counts) - counts
    position = np.arange(len(document)) - np.repeat(starts, counts)
    names = list(sequences)
    found = [box or _NO_BOX for box in columns.pop("bounding_box")]
    boxes = np.array(found, np.float64).reshape(-1, 4)
    codes = documents["sequence"].map({name: i for i, name in enumerate(names)})
    sequence = codes.to_numpy(np.int64)[document]
    sizes = np.array([(s.width, s.height) for s in sequences.values()], np.float64)
    boxes *= np.tile(sizes.reshape(-1, 2)[sequence], 2)
    index = pd.Series(columns.pop("index"), dtype="Int64").fillna(-1)
    if not index.between(-1, np.iinfo(np.int32).max).all():
        raise ValueError("expected track ids (index) from 0 to 2,147,483,647")
    table = make_table(
        {
            "sequence": pd.Categorical.from_codes(sequence, pd.Index(names)),
            "frame": documents["frame"].to_numpy()[document],
            "frame_name": pd.Categorical(documents["frame_name"])[document],
            "track": index.astype("int32"),
            "label": pd.Series(columns.pop("label"), dtype="category"),
            **dict(zip(BOX, boxes.T, strict=True)),
            **columns,
            "_document": document,
            "_position": position,
        }
    )
    rows = table[["_document", "_position"]].set_axis(["document", "position"], axis=1)
    table = table.drop(columns=["_document", "_position"])
    return Tracks(table, sequences), rows


def write_columns(
    dataset: fo.Dataset,
    field: str,
    stored: StoredTracks,
    columns: pd.DataFrame,
    step: Step | None = None,
    stamp: datetime | None = None,
) -> int:
    """Sets attributes of stored detections.

    A frame whose detections changed since they were read is left alone, so that
    no detection gets the values of another.

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
    # Without a value there is no telling of what type a column is
    if columns.empty:
        return 0
    _declare_columns(dataset, f"{field}.detections", columns)
    rows = stored.rows.loc[columns.index]
    order = np.lexsort((rows["position"], rows["document"]))
    document = rows["document"].to_numpy()[order]
    position = rows["position"].to_numpy()[order].tolist()
    values = {str(name): to_objects(columns[name].iloc[order]) for name in columns}
    most = max(position, default=-1) + 1
    paths = {
        name: [f"{field}.detections.{i}.{name}" for i in range(most)] for name in values
    }
    frames, starts = np.unique(document, return_index=True)
    ends = np.append(starts, len(document))[1:]
    unchanged = _unchanged_filters(stored.documents.iloc[frames], field)
    stamp = stamp or _now()
    call = dataset._frame_collection.bulk_write
    with _collector_paused(), _Writer(call, step) as writer:
        for batch in _slices(ends):
            updates = []
            for same, start, end in zip(
                unchanged[batch], starts[batch], ends[batch], strict=True
            ):
                changes: dict[str, Any] = {"last_modified_at": stamp}
                for name, column in values.items():
                    places = map(paths[name].__getitem__, position[start:end])
                    changes.update(zip(places, column[start:end], strict=True))
                updates.append(UpdateOne(same, {"$set": changes}))
            writer.send(updates)
    fo.core.frame.Frame._reload_docs(dataset._frame_collection_name)
    return len(frames) - writer.matched


def _declare_columns(dataset: fo.Dataset, path: str, columns: pd.DataFrame) -> None:
    """Declares those attributes that a frame field lacks, if all of them fit."""
    declared = dataset.get_frame_field_schema(flat=True) or {}
    kinds = {f"{path}.{name}": _column_type(columns[name]) for name in columns}
    for name, kind in kinds.items():
        known = declared.get(name)
        if known is not None and not isinstance(known, kind["ftype"]):
            raise ValueError(
                f"the frame field '{name}' holds {type(known).__name__}, "
                f"expected {kind['ftype'].__name__}; rename it first"
            )
    for name, kind in kinds.items():
        if name not in declared:
            dataset.add_frame_field(name, **kind)


def _column_type(values: pd.Series[Any]) -> dict[str, Any]:
    if len(values) and any(isinstance(value, list) for value in values):
        return {"ftype": fo.ListField, "subfield": fo.StringField}
    return {"ftype": field_type(values)}


def _unchanged_filters(documents: pd.DataFrame, field: str) -> list[dict[str, Any]]:
    """Returns filters that match the frames as long as they are as they were read."""
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
    """Groups frames, by where their detections end, into batches of like weight."""
    batches = ends // _BATCH
    first = np.flatnonzero(np.diff(batches)) + 1
    for start, end in pairwise(np.unique([0, *first, len(ends)]).tolist()):
        yield slice(start, end)
