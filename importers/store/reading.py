# SPDX-License-Identifier: Apache-2.0
"""Read the tracks of a dataset in bulk."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import fiftyone as fo
import numpy as np
import pandas as pd
from bson import ObjectId
from numpy.typing import NDArray

from ..numbered_frames import LAST_FRAME
from ..tracks import Sequence, Tracks
from .bulk import Document, collector_paused
from .fields import FRAME_NAME, FRAME_OFFSET, SEQUENCE
from .frame_documents import are_images, as_list, frame_documents
from .frame_names import name_frames
from .identity_marks import read_identity
from .image_sequences import images_at, read_images
from .kept_numbers import read_numbers
from .sequences import SampleSpan, make_spans, read_samples, sample_ids
from .tables import IDENTITY, INSTANCE, STATEMENT, build_tracks, sequence_records
from .track_numbers import Identities
from .views import dataset_of

#: The number of a frame's labels, if only some of them are read.
_LABELS = "_labels"
_DOCUMENT_COLUMNS = [
    "_id",
    "sample_id",
    "frame_number",
    "filepath",
    "frame_name",
    "last_modified_at",
    "count",
]


@dataclass(frozen=True)
class StoredTracks:
    """Tracks that were read from a dataset, and where each row is stored.

    Attributes:
        tracks: the tracks
        rows: one row per row of ``tracks.table``: ``document`` (row of
            ``documents``) and ``position`` in the frame's list of detections
        documents: one row per frame document: ``_id``, ``sample_id``,
            ``sequence``, ``frame`` (position in the sequence),
            ``frame_number`` (in the sample), ``filepath``, ``count`` of
            detections, ``last_modified_at``
        spans: the samples of the sequences
        identities: what the numbers of the tracks stand for
    """

    tracks: Tracks
    rows: pd.DataFrame
    documents: pd.DataFrame
    spans: tuple[SampleSpan, ...]
    identities: Identities


def read_tracks(
    samples: fo.core.collections.SampleCollection,
    field: str,
    attributes: Collection[str] = (),
    frame_attributes: Collection[str] = (),
) -> StoredTracks:
    """Read the tracks of whole sequences.

    A sequence is read whole, with every label, even if the collection shows only part
    of it, since a box can only be judged against its whole track.

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
        ValueError: if the size of a video is not known
    """
    dataset = dataset_of(samples)
    stored = read_samples(dataset, sample_ids(samples))
    return _read_whole(dataset, stored, field, attributes, frame_attributes)


def read_sequences(
    samples: fo.core.collections.SampleCollection,
    field: str,
    attributes: Collection[str] = (),
    frame_attributes: Collection[str] = (),
) -> Iterator[StoredTracks]:
    """Read the tracks of whole sequences, one sequence at a time.

    The samples are read once, and the frames of each sequence only when it is due.

    Args:
        samples: a dataset or view
        field: the frame field of the detections
        attributes (()): further attributes of the detections, see
            :func:`read_tracks`
        frame_attributes (()): frame fields, see :func:`read_tracks`

    Yields:
        the :class:`StoredTracks` of each sequence that the collection shows a part of

    Raises:
        ValueError: if the size of a video is not known
    """
    dataset = dataset_of(samples)
    stored = read_samples(dataset, sample_ids(samples))
    for _, part in stored.groupby(SEQUENCE, sort=False):
        yield _read_whole(dataset, part, field, attributes, frame_attributes)


def read_labeled_sequences(
    samples: fo.core.collections.SampleCollection, field: str
) -> Iterator[Sequence]:
    """Read the records of whole sequences that have labels, without the labels.

    Args:
        samples: a dataset or view
        field: the frame field of the detections

    Yields:
        the record of each sequence that the collection shows a part of and that has
        at least one detection

    Raises:
        ValueError: if the size of a video is not known
    """
    dataset = dataset_of(samples)
    stored = read_samples(dataset, sample_ids(samples))
    for _, part in stored.groupby(SEQUENCE, sort=False):
        documents, _ = _read_frames(dataset, field, _frames_of(dataset, part), {}, [])
        if documents["count"].any():
            yield from sequence_records(part, _place(documents, part), []).values()


def _frames_of(dataset: fo.Dataset, stored: pd.DataFrame) -> list[Document]:
    """Return the stages that choose the frames of samples."""
    if are_images(dataset):
        every = dict.fromkeys(map(str, stored.index), (1, np.iinfo(np.int32).max))
        return [{"$match": _match_images(dataset, every)}]
    chosen = [ObjectId(str(sample_id)) for sample_id in stored.index]
    return [{"$match": {"_sample_id": {"$in": chosen}}}]


def _match_images(
    dataset: fo.Dataset, ranges: Mapping[str, tuple[int, int] | list[int]]
) -> Document:
    """Return the filter for the images at positions of their sequences."""
    return {"_id": {"$in": list(map(ObjectId, images_at(dataset, ranges)))}}


def _read_whole(
    dataset: fo.Dataset,
    stored: pd.DataFrame,
    field: str,
    attributes: Collection[str],
    frame_attributes: Collection[str],
) -> StoredTracks:
    """Read the tracks of samples, which are all samples of their sequences."""
    attribute = read_identity(dataset, field).attribute
    keys = _keys(attributes, attribute)
    with collector_paused():
        documents, columns = _read_frames(
            dataset, field, _frames_of(dataset, stored), keys, list(frame_attributes)
        )
    documents = _place(documents, stored)
    sequences = sequence_records(stored, documents, list(frame_attributes))
    kept = read_numbers(dataset, field)
    tracks, rows, identities = build_tracks(
        documents, columns, sequences, attribute, kept
    )
    spans = make_spans(stored, documents[~documents["beyond"]])
    return StoredTracks(tracks, rows, documents, spans, identities)


def _keys(attributes: Collection[str], attribute: str | None) -> dict[str, str]:
    """Return the path in a detection of each column to read."""
    keys = {name: name for name in ("bounding_box", "label", "index")}
    keys |= {INSTANCE: "instance._id"}
    if attribute is not None:
        keys[IDENTITY] = attribute
    return keys | {name: "_id" if name == "id" else name for name in attributes}


def read_part(
    dataset: fo.Dataset,
    field: str,
    sequence: str,
    tracks: Collection[int],
    frames: tuple[int, int],
    attributes: Collection[str] = (),
) -> tuple[Tracks, NDArray[np.int64]]:
    """Read some tracks of a sequence within a range of frames.

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
    stored = read_samples(dataset, sample_ids(dataset))
    stored = stored[stored[SEQUENCE] == sequence]
    if stored.empty:
        raise ValueError(f"'{dataset.name}' has no sequence '{sequence}'")
    if not read_identity(dataset, field).plain:
        return _part_of(
            _read_whole(dataset, stored, field, attributes, ()), tracks, frames
        )
    first = frames[0] - stored[FRAME_OFFSET]
    last = frames[1] - stored[FRAME_OFFSET]
    ranges = {
        str(sample_id): (int(low), int(high))
        for sample_id, low, high in zip(stored.index, first, last, strict=True)
    }
    stages = _choose_part(dataset, field, tracks, ranges)
    keys = _keys(attributes, None)
    documents, columns = _read_frames(dataset, field, stages, keys, [_LABELS])
    documents = _place(documents, stored)
    sequences = sequence_records(stored, documents, [])
    labelled = documents["frame"][documents[STATEMENT + _LABELS] > 0]
    return build_tracks(documents, columns, sequences)[0], labelled.to_numpy(np.int64)


def _choose_part(
    dataset: fo.Dataset,
    field: str,
    tracks: Collection[int],
    ranges: Mapping[str, tuple[int, int]],
) -> list[Document]:
    """Return the stages that choose frames by their range, and detections by index."""
    places = [
        {
            "_sample_id": ObjectId(sample_id),
            "frame_number": {"$gte": low, "$lte": high},
        }
        for sample_id, (low, high) in ranges.items()
    ]
    images = are_images(dataset)
    detections = f"{field}.detections"
    all_of_them = as_list(detections)
    identity = {"$ifNull": ["$$this.index", -1]}
    chosen = {"$in": [identity, [int(track) for track in tracks]]}
    return [
        {"$match": _match_images(dataset, ranges) if images else {"$or": places}},
        {
            "$set": {
                _LABELS: {"$size": all_of_them},
                detections: {"$filter": {"input": all_of_them, "cond": chosen}},
            }
        },
    ]


def _part_of(
    stored: StoredTracks, tracks: Collection[int], frames: tuple[int, int]
) -> tuple[Tracks, NDArray[np.int64]]:
    """Return some tracks of a whole sequence, and its labeled frames in a range."""
    table = stored.tracks.table
    chosen = table["frame"].between(*frames) & table["track"].isin(list(tracks))
    part = replace(stored.tracks, table=table[chosen].reset_index(drop=True))
    documents = stored.documents
    within = documents["frame"].between(*frames) & (documents["count"] > 0)
    return part, documents.loc[within, "frame"].to_numpy(np.int64)


def _place(documents: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
    """Add the sequence, position and file name of each frame.

    Frames ``beyond`` the ``last`` one of their video are no frames.
    """
    samples = stored.loc[documents["sample_id"]]
    length = pd.to_numeric(samples["frame_count"]).fillna(LAST_FRAME).to_numpy(float)
    number = documents["frame_number"].to_numpy()
    beyond = (number < 1) | (number > length)
    placed = documents.assign(
        beyond=beyond & documents["filepath"].isna().to_numpy(),
        last=samples[FRAME_OFFSET].to_numpy() + length,
        sequence=samples[SEQUENCE].to_numpy(),
        frame=samples[FRAME_OFFSET].to_numpy() + documents["frame_number"].to_numpy(),
    )
    named = placed["frame_name"].notna() | placed["filepath"].notna()
    return placed.assign(frame_name=name_frames(placed), named=named)


def _read_frames(
    dataset: fo.Dataset,
    field: str,
    stages: list[Document],
    keys: Mapping[str, str],
    frame_attributes: list[str],
) -> tuple[pd.DataFrame, dict[str, list[Any]]]:
    """Read the frames that stages select, and columns of their detections."""
    project: Document = {
        name: f"${field}.detections.{key}" for name, key in keys.items()
    }
    project |= {STATEMENT + name: f"${name}" for name in frame_attributes}
    found = _aggregate_frames(dataset, field, stages, project)
    counts = [document["count"] for document in found]
    for name in keys:
        values = [document.get(name) or () for document in found]
        lengths = [
            len(each) if isinstance(each, list | tuple) else -1 for each in values
        ]
        if not any(lengths):
            for document in found:
                document[name] = [None] * document["count"]
        elif lengths != counts:
            # MongoDB leaves out the detections that lack an attribute
            each = {"$ifNull": [f"$$this.{keys[name]}", None]}
            present = {"$map": {"input": as_list(f"{field}.detections"), "in": each}}
            whole = _aggregate_frames(dataset, field, stages, {name: present})
            for document, other in zip(found, whole, strict=True):
                document[name] = other[name]
    columns = {
        name: list(chain.from_iterable(each.pop(name, None) or () for each in found))
        for name in keys
    }
    statements = [STATEMENT + name for name in frame_attributes]
    documents = pd.DataFrame(found, columns=[*_DOCUMENT_COLUMNS, *statements])
    documents["sample_id"] = documents["sample_id"].astype(str)
    return documents, columns


def _aggregate_frames(
    dataset: fo.Dataset,
    field: str,
    stages: list[Document],
    project: Document,
) -> list[Document]:
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
                "count": {"$size": as_list(f"{field}.detections")},
                **project,
            }
        },
    ]
    found = list(frame_documents(dataset).aggregate(pipeline))
    return _in_order(dataset, found) if are_images(dataset) else found


def _in_order(dataset: fo.Dataset, found: list[Document]) -> list[Document]:
    """Return images in the order of their sequences, each as a frame of its own."""
    read = read_images(dataset)
    place = {image: row for row, image in enumerate(read.index)}
    images = read[["sample_id", "frame_number"]].to_numpy().tolist()
    found.sort(key=lambda document: place[str(document["_id"])])
    for document in found:
        own = images[place[str(document["_id"])]]
        document["sample_id"], document["frame_number"] = own
    return found
