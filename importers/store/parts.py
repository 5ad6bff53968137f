# SPDX-License-Identifier: Apache-2.0
"""Read some frames of a video's sequence, with all of their tracks."""

from __future__ import annotations

from collections.abc import Collection

import fiftyone as fo
import pandas as pd
from bson import ObjectId

from .bulk import Document
from .fields import FRAME_OFFSET, SEQUENCE
from .reading import StoredTracks, _keys, _place, _read_frames
from .sequences import make_spans, read_samples
from .tables import build_tracks, sequence_records


def read_range(
    dataset: fo.Dataset, field: str, sequence: str, frames: tuple[int, int]
) -> StoredTracks:
    """Read all tracks of a sequence within a range of frames.

    Args:
        dataset: the dataset
        field: the frame field of the detections
        sequence: the name of the sequence
        frames: positions of the first and the last frame in the sequence

    Returns:
        the :class:`StoredTracks`, whose sequence names only those frames' files

    Raises:
        ValueError: if the dataset has no such sequence
    """
    stored, places = _frames_between(dataset, sequence, frames)
    keys = _keys((), None)
    documents, columns = _read_frames(dataset, field, [places], keys, [])
    documents = _place(documents, stored)
    sequences = sequence_records(stored, documents, [])
    tracks, rows, identities = build_tracks(documents, columns, sequences, None)
    spans = make_spans(stored, documents[~documents["beyond"]])
    return StoredTracks(tracks, rows, documents, spans, identities)


def greatest_index(dataset: fo.Dataset, field: str) -> int:
    """Return the greatest index of a detection, -1 if none has one.

    Args:
        dataset: a dataset of videos
        field: the frame field of the detections
    """
    greatest = {"$max": {"$max": f"${field}.detections.index"}}
    pipeline = [{"$group": {"_id": None, "last": greatest}}]
    found = list(dataset._frame_collection.aggregate(pipeline))
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
    stored, between = _frames_between(dataset, sequence, (min(frames), max(frames)))
    keys = ["_sample_id", "frame_number"]
    found = list(dataset._frame_collection.find(between["$match"], keys))
    offsets = stored[FRAME_OFFSET]
    places = {
        int(offsets[str(frame["_sample_id"])]) + frame["frame_number"]: frame["_id"]
        for frame in found
    }
    return {frame: places[frame] for frame in frames if frame in places}


def _frames_between(
    dataset: fo.Dataset, sequence: str, frames: tuple[int, int]
) -> tuple[pd.DataFrame, Document]:
    """Return the samples of a sequence, and the stage that chooses its frames."""
    stored = read_samples(dataset, dataset.values("id"))
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
    return stored, {"$match": {"$or": places}}
