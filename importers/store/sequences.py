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

from .fields import FRAME_OFFSET, IMAGE_HEIGHT, IMAGE_WIDTH, SEQUENCE
from .identity_marks import read_identity
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
    generated = kind_of(samples) != "videos"
    path = "sample_id" if generated else "id"
    return list(dict.fromkeys(samples.values(path)))


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
    stored = read_samples(dataset, dataset.values("id"))
    return {
        str(name): sorted(make_spans(samples), key=lambda span: span.offset)
        for name, samples in stored.groupby(SEQUENCE, sort=False)
    }


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
    chosen = [ObjectId(str(sample_id)) for sample_id in stored.index]
    detections = f"{field}.detections"
    attribute = read_identity(dataset, field).attribute
    keys = [attribute] if attribute else ["instance._id", "index"]
    known = [{"$gt": [f"$$this.{key}", -1 if key == "index" else None]} for key in keys]
    tracked = {"$map": {"input": f"${detections}", "in": {"$or": known}}}
    pipeline = [
        {"$match": {"_sample_id": {"$in": chosen}, f"{detections}.0": {"$exists": 1}}},
        {
            "$group": {
                "_id": "$_sample_id",
                "tracked": {"$max": {"$anyElementTrue": tracked}},
            }
        },
    ]
    found = list(dataset._frame_collection.aggregate(pipeline))
    known_of = pd.DataFrame(found, columns=["_id", "tracked"])
    names = stored[SEQUENCE].loc[known_of["_id"].astype(str)].to_numpy()
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
