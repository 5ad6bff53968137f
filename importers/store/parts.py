# SPDX-License-Identifier: Apache-2.0
"""Read some frames of a sequence, with all of their tracks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import fiftyone as fo
import pandas as pd
from bson import ObjectId

from .bulk import Document
from .fields import FRAME_OFFSET, SEQUENCE
from .frame_documents import are_images, frame_documents
from .identity_marks import read_identity
from .image_sequences import images_at, read_images
from .reading import StoredTracks, _keys, _place, _read_frames, read_tracks
from .sequences import make_spans, read_samples, sample_ids, select_sequences
from .tables import build_tracks, sequence_records


def read_range(
    dataset: fo.Dataset,
    field: str,
    sequence: str,
    frames: tuple[int, int],
    attributes: Collection[str] = (),
) -> StoredTracks:
    """Read all tracks of a sequence within a range of frames.

    Args:
        dataset: the dataset
        field: the frame field of the detections
        sequence: the name of the sequence
        frames: positions of the first and the last frame in the sequence
        attributes (()): further attributes, see :func:`read_tracks`

    Returns:
        the :class:`StoredTracks`, whose sequence may name only those frames' files

    Raises:
        ValueError: if the dataset has no such sequence
    """
    if read_identity(dataset, field).plain:
        return read_boxes(dataset, field, sequence, frames, attributes)
    whole = read_whole(dataset, field, sequence, attributes)
    near = whole.tracks.table["frame"].between(*frames).to_numpy()
    table = whole.tracks.table[near].reset_index(drop=True)
    rows = whole.rows[near].reset_index(drop=True)
    return replace(whole, tracks=replace(whole.tracks, table=table), rows=rows)


def read_whole(
    dataset: fo.Dataset, field: str, sequence: str, attributes: Collection[str] = ()
) -> StoredTracks:
    """Read all tracks of a sequence.

    Args:
        dataset: the dataset
        field: the frame field of the detections
        sequence: the name of the sequence
        attributes (()): further attributes, see :func:`read_tracks`

    Returns:
        the :class:`StoredTracks`

    Raises:
        ValueError: if the dataset has no such sequence
    """
    return read_tracks(select_sequences(dataset, [sequence]), field, attributes)


def read_boxes(
    dataset: fo.Dataset,
    field: str,
    sequence: str,
    frames: tuple[int, int],
    attributes: Collection[str] = (),
) -> StoredTracks:
    """Read boxes of a sequence within a range of frames, whose tracks are their index.

    Args:
        dataset: the dataset
        field: the frame field of the detections
        sequence: the name of the sequence
        frames: positions of the first and the last frame in the sequence
        attributes (()): further attributes, see :func:`read_tracks`

    Returns:
        the :class:`StoredTracks`, whose sequence names only those frames' files

    Raises:
        ValueError: if the dataset has no such sequence
    """
    stored, places = _frames_between(dataset, sequence, frames)
    keys = _keys(attributes, None)
    documents, columns = _read_frames(dataset, field, [places], keys, [])
    documents = _place(documents, stored)
    sequences = sequence_records(stored, documents, [])
    tracks, rows, identities = build_tracks(documents, columns, sequences, None)
    spans = make_spans(stored, documents[~documents["beyond"]])
    return StoredTracks(tracks, rows, documents, spans, identities)


def greatest_index(dataset: fo.Dataset, field: str) -> int:
    """Return the greatest index of a detection, -1 if none has one.

    Args:
        dataset: a dataset
        field: the frame field of the detections
    """
    greatest = {"$max": {"$max": f"${field}.detections.index"}}
    pipeline = [{"$group": {"_id": None, "last": greatest}}]
    found = list(frame_documents(dataset).aggregate(pipeline))
    last = found[0]["last"] if found else None
    return -1 if last is None else int(last)


def place_frames(
    dataset: fo.Dataset, sequence: str, frames: Collection[int]
) -> dict[int, ObjectId]:
    """Find the documents of some frames of a sequence.

    Args:
        dataset: the dataset
        sequence: the name of the sequence
        frames: the positions of the frames

    Returns:
        the IDs of the documents, by position; frames without one are left out
    """
    if not len(frames):
        return {}
    if are_images(dataset):
        images = read_images(dataset)
        own = images[images["sequence"] == sequence]
        numbers, ids = own["frame_number"].tolist(), map(ObjectId, own.index)
        places = dict(zip(numbers, ids, strict=True))
    else:
        stored, between = _frames_between(dataset, sequence, (min(frames), max(frames)))
        keys = ["_sample_id", "frame_number"]
        offsets = stored[FRAME_OFFSET]
        places = {
            int(offsets[str(frame["_sample_id"])]) + frame["frame_number"]: frame["_id"]
            for frame in frame_documents(dataset).find(between["$match"], keys)
        }
    return {frame: places[frame] for frame in frames if frame in places}


def _frames_between(
    dataset: fo.Dataset, sequence: str, frames: tuple[int, int]
) -> tuple[pd.DataFrame, Document]:
    """Return the samples of a sequence, and the stage that chooses its frames."""
    stored = read_samples(dataset, sample_ids(dataset))
    stored = stored[stored[SEQUENCE] == sequence]
    if stored.empty:
        raise ValueError(f"'{dataset.name}' has no sequence '{sequence}'")
    if are_images(dataset):
        ids = images_at(dataset, {str(stored.index[0]): frames})
        return stored, {"$match": {"_id": {"$in": list(map(ObjectId, ids))}}}
    first = frames[0] - stored[FRAME_OFFSET]
    last = frames[1] - stored[FRAME_OFFSET]
    places = [
        {
            "_sample_id": ObjectId(str(sample_id)),
            "frame_number": {"$gte": int(low), "$lte": int(high)},
        }
        for sample_id, low, high in zip(stored.index, first, last, strict=True)
    ]
    return stored, {"$match": {"$or": places}}
