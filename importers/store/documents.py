# SPDX-License-Identifier: Apache-2.0
"""Read and replace the documents of single frames and samples."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

import fiftyone as fo
import pandas as pd
from bson import ObjectId
from pymongo import UpdateOne

from .bulk import Document, Writer, collector_paused, database_time
from .fields import FRAME_OFFSET, SEQUENCE
from .frame_documents import (
    are_images,
    delete_frame_field,
    frame_documents,
    frame_schema,
    reload_frames,
)
from .image_sequences import images_at, read_images
from .leases import confirm_held
from .sequences import read_samples, sample_ids

_FRAMES_PER_BATCH = 500


def find_frames(
    dataset: fo.Dataset, frames: Mapping[str, Collection[int]]
) -> list[ObjectId]:
    """Find the documents of frames.

    Args:
        dataset: the dataset
        frames: the positions of the frames in their sequences, by sequence

    Returns:
        the IDs of the documents; frames without one are left out
    """
    stored = read_samples(dataset, sample_ids(dataset))
    if are_images(dataset):
        first = {str(name): str(id) for id, name in stored[SEQUENCE].items()}
        wanted_of = {first[s]: [*f] for s, f in frames.items() if s in first}
        return list(map(ObjectId, images_at(dataset, wanted_of)))
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
    found = frame_documents(dataset).find({"$or": places}, ["_id"])
    return [frame["_id"] for frame in found]


def find_shown(
    dataset: fo.Dataset, frame_ids: Collection[ObjectId], shown: pd.DataFrame
) -> list[ObjectId]:
    """Filter frames to those that a view shows.

    Args:
        dataset: the dataset
        frame_ids: the IDs of the frames' documents
        shown: ``sample_id`` and ``frame_number`` of the frames that it shows

    Returns:
        the IDs of the frames that are shown
    """
    keys = set(zip(shown["sample_id"], shown["frame_number"], strict=True))
    if are_images(dataset):
        chosen = read_images(dataset)
        chosen = chosen[chosen.index.isin(list(map(str, frame_ids)))]
        places = zip(chosen["sample_id"], chosen["frame_number"], strict=True)
        pairs = zip(chosen.index, places, strict=True)
        return [ObjectId(str(image)) for image, place in pairs if place in keys]
    found = frame_documents(dataset).find(
        {"_id": {"$in": list(frame_ids)}}, ["_sample_id", "frame_number"]
    )
    return [
        frame["_id"]
        for frame in found
        if (str(frame["_sample_id"]), frame["frame_number"]) in keys
    ]


def read_detections(
    dataset: fo.Dataset, field: str, frame_ids: Collection[ObjectId]
) -> dict[ObjectId, list[Document]]:
    """Read the detections of some frames as they are stored.

    Args:
        dataset: the dataset
        field: the frame field of the detections
        frame_ids: the IDs of the frames' documents

    Returns:
        the documents of each frame's detections, by the frame's ID
    """
    found = frame_documents(dataset).find({"_id": {"$in": list(frame_ids)}}, [field])
    return {
        frame["_id"]: (frame.get(field) or {}).get("detections") or []
        for frame in found
    }


def read_frame_values(
    dataset: fo.Dataset, fields: Collection[str], frame_ids: Collection[ObjectId]
) -> dict[ObjectId, Document]:
    """Read fields of some frames.

    Args:
        dataset: the dataset
        fields: the frame fields
        frame_ids: the IDs of the frames' documents

    Returns:
        the value of each field, None if a frame has none, by the frame's ID
    """
    found = frame_documents(dataset).find(
        {"_id": {"$in": list(frame_ids)}}, list(fields)
    )
    return {frame["_id"]: {name: frame.get(name) for name in fields} for frame in found}


def set_frame_values(
    dataset: fo.Dataset,
    values: Mapping[ObjectId, Mapping[str, object]],
    stamp: datetime | None = None,
) -> None:
    """Set fields of some frames.

    Args:
        dataset: the dataset, which has the fields
        values: the value of each field, by the frame's ID
        stamp (None): when the frames are modified, see :func:`all_or_nothing`
    """
    modified = {"last_modified_at": stamp or database_time()}
    updates = [
        UpdateOne({"_id": frame}, {"$set": {**each, **modified}})
        for frame, each in values.items()
        if each
    ]
    if updates:
        confirm_held()
        frame_documents(dataset).bulk_write(updates, ordered=False)
    reload_frames(dataset)


def read_modified(
    dataset: fo.Dataset, frame_ids: Collection[ObjectId]
) -> dict[ObjectId, datetime | None]:
    """Read when frames were last modified.

    Args:
        dataset: the dataset
        frame_ids: the IDs of the frames' documents

    Returns:
        the time, by the frame's ID
    """
    found = read_frame_values(dataset, ["last_modified_at"], frame_ids)
    return {frame: values["last_modified_at"] for frame, values in found.items()}


def count_modified(
    dataset: fo.Dataset, since: datetime, known: Collection[datetime] = ()
) -> int:
    """Count the frames that were modified after a time, and after they were created.

    Frames of a copy of a dataset are created, and modified, when they are copied. The
    first images of sequences do not count: they hold issues and decisions as well.

    Args:
        dataset: the dataset
        since: the time
        known (()): the times of modifications that do not count

    Returns:
        the number of frames
    """
    late = _modified_after(dataset, since, known)
    return int(frame_documents(dataset).count_documents(late))


def find_modified(
    dataset: fo.Dataset, since: datetime, known: Collection[datetime] = ()
) -> pd.DataFrame:
    """Find the frames that :func:`count_modified` counts.

    Args:
        dataset: the dataset
        since: the time
        known (()): the times of modifications that do not count

    Returns:
        one row per frame: its ``sequence``, its position ``frame`` in it, and the
        ``time`` of its last modification
    """
    late = _modified_after(dataset, since, known)
    names = ["_sample_id", "frame_number", "last_modified_at"]
    found = list(frame_documents(dataset).find(late, names))
    times = [each["last_modified_at"] for each in found]
    if are_images(dataset):
        places = read_images(dataset).loc[[str(each["_id"]) for each in found]]
        frames = places["frame_number"].tolist()
        return pd.DataFrame(
            {"sequence": places["sequence"].tolist(), "frame": frames, "time": times}
        )
    samples = read_samples(dataset, sample_ids(dataset))
    samples = samples.loc[[str(each["_sample_id"]) for each in found]]
    numbers = [each["frame_number"] for each in found]
    return pd.DataFrame(
        {
            "sequence": samples[SEQUENCE].tolist(),
            "frame": samples[FRAME_OFFSET].to_numpy() + numbers,
            "time": times,
        }
    )


def _modified_after(
    dataset: fo.Dataset, since: datetime, known: Collection[datetime]
) -> Document:
    """Return the query of frames that were modified."""
    late: Document = {
        "last_modified_at": {"$gt": since, "$nin": list(known)},
        "$expr": {"$gt": ["$last_modified_at", "$created_at"]},
    }
    if are_images(dataset):
        first = read_images(dataset)["sample_id"].unique()
        late["_id"] = {"$nin": list(map(ObjectId, first))}
    return late


def replace_detections(
    dataset: fo.Dataset,
    field: str,
    detections: Mapping[ObjectId, list[Document]],
    modified: Mapping[ObjectId, datetime | None] | None = None,
    stamp: datetime | None = None,
) -> int:
    """Replace the detections of some frames.

    Args:
        dataset: the dataset, which has the field
        field: the frame field of the detections
        detections: the documents of each frame's detections, by the frame's ID
        modified (None): when the frames were last modified before their detections
            were read; frames that changed since are left alone
        stamp (None): when the frames are modified, see :func:`all_or_nothing`

    Returns:
        the number of frames that were left alone because they changed
    """
    stamp = stamp or database_time()
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
    call = frame_documents(dataset).bulk_write
    with collector_paused(), Writer(call, None) as writer:
        for start in range(0, len(updates), _FRAMES_PER_BATCH):
            writer.send(updates[start : start + _FRAMES_PER_BATCH])
    reload_frames(dataset)
    return len(updates) - writer.matched


def update_samples(
    dataset: fo.Dataset, updates: Mapping[str, Mapping[str, object]]
) -> None:
    """Set fields of samples, computed from the current content of each sample.

    Changes of two writers do not overwrite each other, and no reader sees a partially
    changed sample.

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
        confirm_held()
        dataset._sample_collection.bulk_write(requests, ordered=False)
        fo.Sample._reload_docs(dataset._sample_collection_name, sample_ids=updates)


@contextmanager
def all_or_nothing(
    dataset: fo.Dataset, fields: Collection[str], frame_ids: Collection[ObjectId]
) -> Iterator[datetime]:
    """Restore fields of some frames if the work on them fails.

    A frame that another process changed meanwhile is left alone.

    Args:
        dataset: the dataset
        fields: the frame fields
        frame_ids: the IDs of the frames' documents

    Yields:
        the modification time to set on the frames that the work changes
    """
    stamp = database_time()
    frames = frame_documents(dataset)
    kept = [*fields, "last_modified_at"]
    before = list(frames.find({"_id": {"$in": list(frame_ids)}}, kept))
    new = set(fields) - set(frame_schema(dataset))
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
            confirm_held()
            frames.bulk_write(updates, ordered=False)
        for name in new & set(frame_schema(dataset)):
            delete_frame_field(dataset, name)
        reload_frames(dataset)
        raise
