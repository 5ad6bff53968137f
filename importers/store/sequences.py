# SPDX-License-Identifier: Apache-2.0
"""Find sequences and their video samples."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import fiftyone as fo
import numpy as np
import pandas as pd
from bson import ObjectId
from fiftyone import ViewField as F

from .bulk import Document
from .fields import FRAME_OFFSET, FRAMES_URI, IMAGE_HEIGHT, IMAGE_WIDTH, SEQUENCE
from .frame_documents import are_images, as_list, frame_documents
from .identity_marks import read_identity
from .image_sequences import (
    image_samples,
    is_image_dataset,
    locate_images,
    read_images,
    shown_images,
)
from .views import dataset_of, kind_of


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


def sample_ids(samples: fo.core.collections.SampleCollection) -> list[str]:
    """Return the IDs of the video samples that a collection shows.

    Args:
        samples: a dataset, or a view of its samples, clips, frames or labels

    Returns:
        a list of IDs, in order, each once
    """
    if is_image_dataset(samples):
        return _image_sequences(samples)
    generated = kind_of(samples) != "videos"
    path = "sample_id" if generated else "id"
    return list(dict.fromkeys(samples.values(path)))


def _image_sequences(samples: fo.core.collections.SampleCollection) -> list[str]:
    """Return the first images of the sequences that a collection shows a part of."""
    located = locate_images(dataset_of(samples), pd.Series(shown_images(samples)))
    return list(dict.fromkeys(located["sample_id"]))


def samples_by_sequence(
    samples: fo.core.collections.SampleCollection,
) -> dict[str, list[str]]:
    """Return the samples of each sequence that a collection shows a part of.

    Args:
        samples: a dataset or view

    Returns:
        the IDs of all samples of each sequence, by its name
    """
    stored = read_samples(dataset_of(samples), sample_ids(samples))
    return {
        str(name): list(ids)
        for name, ids in stored.groupby(SEQUENCE, sort=False).groups.items()
    }


def select_sequences(
    dataset: fo.Dataset, names: Iterable[str], also: Iterable[str] = ()
) -> fo.DatasetView:
    """Select the samples of whole sequences.

    Args:
        dataset: a video dataset
        names: the names of the sequences
        also (()): further names; sequences that the dataset lacks are ignored

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
            f"'{dataset.name}' no longer has the sequence {missing!r}, whose "
            "frames were sent"
        )
    wanted |= dict.fromkeys(name for name in also if name in known)
    return dataset.select([id for name in wanted for id in known[name]])


def read_spans(dataset: fo.Dataset) -> dict[str, list[SampleSpan]]:
    """Read which part of its sequence each sample holds.

    Args:
        dataset: a video dataset

    Returns:
        the spans of each sequence in order, by its name
    """
    stored = read_samples(dataset, sample_ids(dataset))
    return {
        str(name): sorted(make_spans(samples), key=lambda span: span.offset)
        for name, samples in stored.groupby(SEQUENCE, sort=False)
    }


def sequence_names(dataset: fo.Dataset) -> dict[str, str]:
    """Return the name of the sequence of each sample, by the sample's ID."""
    return {
        span.sample_id: name
        for name, spans in read_spans(dataset).items()
        for span in spans
    }


def count_frames(samples: fo.core.collections.SampleCollection) -> int:
    """Count the frames of the samples of a collection, labeled or not.

    Args:
        samples: a dataset or view
    """
    stored = read_samples(dataset_of(samples), sample_ids(samples))
    stored = stored[stored.index.isin(sample_ids(samples))]
    if stored["frame_count"].notna().all():
        return int(stored["frame_count"].sum())
    return int(dataset_of(samples).select(list(stored.index)).count("frames"))


def frame_counts(
    samples: fo.core.collections.SampleCollection, field: str
) -> pd.DataFrame:
    """Count the detections in each frame that a collection of videos shows.

    Args:
        samples: a dataset, or a view of its videos
        field: the frame field of the detections

    Returns:
        ``sample_id``, ``frame_number`` and ``count`` of each frame
    """
    detections = as_list(f"frames.{field}.detections")
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
    if is_image_dataset(samples):
        return _count_in_images(samples, field)
    found = samples._aggregate(attach_frames=True, post_pipeline=pipeline)
    return pd.DataFrame(list(found), columns=["sample_id", "frame_number", "count"])


def _count_in_images(
    samples: fo.core.collections.SampleCollection, field: str
) -> pd.DataFrame:
    ids = shown_images(samples)
    shown = samples.flatten() if samples._is_dynamic_groups else samples
    size = F(f"{field}.detections").length()
    found = dict(zip(*shown.values(["id", size]), strict=True)) if ids else {}
    images = read_images(dataset_of(samples))
    images = images[images.index.isin(list(found))]
    counts = images.index.map(lambda image: found[image] or 0)
    return (
        images[["sample_id", "frame_number"]]
        .assign(count=counts)
        .reset_index(drop=True)
    )


def untracked_sequences(
    samples: fo.core.collections.SampleCollection, field: str
) -> list[str]:
    """Find the sequences whose detections have no identity at all.

    Args:
        samples: a dataset or view; sequences that it shows a part of count as a whole
        field: the frame field of the detections

    Returns:
        the names of the sequences that have detections, none of which has an identity
    """
    dataset = dataset_of(samples)
    stored = read_samples(dataset, sample_ids(samples))
    detections = f"{field}.detections"
    attribute = read_identity(dataset, field).attribute
    keys = [attribute] if attribute else ["instance._id", "index"]
    known = [{"$gt": [f"$$this.{key}", -1 if key == "index" else None]} for key in keys]
    tracked = {"$map": {"input": f"${detections}", "in": {"$or": known}}}
    key, sample_of = "_sample_id", pd.Series(stored.index, stored.index)
    if are_images(dataset):
        key, images = "_id", read_images(dataset)
        sample_of = images["sample_id"][images["sample_id"].isin(stored.index)]
    chosen = list(map(ObjectId, map(str, sample_of.index)))
    pipeline: list[Document] = [
        {"$match": {key: {"$in": chosen}, f"{detections}.0": {"$exists": 1}}},
        {
            "$group": {
                "_id": f"${key}",
                "tracked": {"$max": {"$anyElementTrue": tracked}},
            }
        },
    ]
    found = list(frame_documents(dataset).aggregate(pipeline))
    known_of = pd.DataFrame(found, columns=["_id", "tracked"])
    samples_of = sample_of.loc[known_of["_id"].astype(str)]
    names = stored[SEQUENCE].loc[samples_of].to_numpy()
    any_known = known_of["tracked"].astype(bool).groupby(names, sort=False).any()
    return [str(name) for name in any_known.index[~any_known]]


def make_spans(
    stored: pd.DataFrame, documents: pd.DataFrame | None = None
) -> tuple[SampleSpan, ...]:
    """Return the part of its sequence that each sample holds.

    Args:
        stored: the samples, see :func:`read_samples`
        documents (None): the frame documents, which give a sample's length if its
            metadata does not

    Returns:
        the spans, in the order of the samples
    """
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


def read_samples(dataset: fo.Dataset, ids: list[str]) -> pd.DataFrame:
    """Return the record of each sample of the sequences that the samples are of."""
    if are_images(dataset):
        images = image_samples(dataset)
        return images[images.index.isin(ids)]
    paths = {
        "sample_id": "id",
        "video": "filepath",
        "frame_rate": "metadata.frame_rate",
        "frame_width": "metadata.frame_width",
        "frame_height": "metadata.frame_height",
        "frame_count": "metadata.total_frame_count",
    }
    own = (SEQUENCE, FRAME_OFFSET, IMAGE_WIDTH, IMAGE_HEIGHT, FRAMES_URI)
    paths |= {name: name for name in own if dataset.has_field(name)}
    values = dataset.values(list(paths.values()))
    stored = pd.DataFrame(dict(zip(paths, values, strict=True)), dtype=object)
    stored = stored.reindex(columns=list(dict.fromkeys([*paths, *own]))).astype(object)
    # Without the other field, a field of this name is not ours
    named = stored[SEQUENCE].where(stored[FRAME_OFFSET].notna())
    stored[SEQUENCE] = named.fillna(_names_of_videos(stored, set(named.dropna())))
    stored[FRAME_OFFSET] = stored[FRAME_OFFSET].fillna(0).astype(np.int64)
    stored[IMAGE_WIDTH] = stored[IMAGE_WIDTH].fillna(stored["frame_width"])
    stored[IMAGE_HEIGHT] = stored[IMAGE_HEIGHT].fillna(stored["frame_height"])
    chosen = stored.loc[stored["sample_id"].isin(ids), SEQUENCE]
    stored = stored[stored[SEQUENCE].isin(chosen)].set_index("sample_id")
    return stored


def check_sizes(stored: pd.DataFrame) -> None:
    """Check that the size of each sample is known.

    Args:
        stored: the samples, see :func:`read_samples`

    Raises:
        ValueError: if the size of a video is not known
    """
    unknown = stored[IMAGE_WIDTH].isna() | stored[IMAGE_HEIGHT].isna()
    if unknown.any():
        raise ValueError(
            f"the size of {stored.loc[unknown, 'video'].iloc[0]} is not known; "
            "audit the tracks, or run dataset.compute_metadata()"
        )


def _names_of_videos(stored: pd.DataFrame, taken: set[str]) -> pd.Series[str]:
    """Name samples without a stored sequence name after their videos."""
    stem = stored["video"].map(lambda path: Path(path).stem)
    ambiguous = stem.duplicated(keep=False) | stem.isin(taken)
    return stem.where(~ambiguous, stem + "-" + stored["sample_id"])
