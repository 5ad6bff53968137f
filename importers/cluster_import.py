# SPDX-License-Identifier: Apache-2.0
"""Encode and store the sequences of an import in the processes of a Ray cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import fiftyone as fo

from . import store
from .engine import Engine, run_by_sequence
from .store.locks import Lease, on_behalf
from .store.unfinished import drop_frames
from .tracks import Tracks
from .video_samples import Encoded, Part, encode_video_of


def encode_on_cluster(
    parts: list[Part], folder: Path, engine: Engine, step: store.Step
) -> list[Encoded]:
    """Encode the videos of samples, each in one process.

    Args:
        parts: the frames of each sample
        folder: the folder of the videos, which all machines see
        engine: the cluster
        step: called with the number of frames done since the last call

    Returns:
        the videos, in the order of the parts
    """
    videos = []
    work = partial(encode_video_of, folder=folder)
    for part, video in zip(parts, run_by_sequence(work, parts, engine), strict=True):
        step(len(part))
        videos.append(video)
    return videos


def store_on_cluster(
    dataset: fo.Dataset,
    labels: Mapping[str, Tracks],
    segments: list[store.Segment],
    engine: Engine,
    lease: Lease,
    step: store.Step,
) -> None:
    """Store the labels of samples that have no frames yet, by sequence.

    Args:
        dataset: the dataset, whose samples are stored
        labels: the tracks, by the frame field to store them in
        segments: the samples
        engine: the cluster
        lease: the lock on the dataset, which this process holds
        step: called with the number of frames done since the last call
    """
    # FiftyOne writes all fields of a dataset at once, so only one process may
    for field, tracks in labels.items():
        store.declare_fields(dataset, tracks, field)
    samples: dict[str, list[store.Segment]] = {}
    for segment in segments:
        samples.setdefault(segment.sequence, []).append(segment)
    units = (_Unit(_select(labels, name), own) for name, own in samples.items())
    done = run_by_sequence(_Store(dataset.name, lease), units, engine)
    for frames in done:
        step(frames)
    dataset.reload()


@dataclass(frozen=True)
class _Unit:
    """The labels of a sequence, by field, and its samples."""

    labels: dict[str, Tracks]
    segments: list[store.Segment]


@dataclass(frozen=True)
class _Store:
    """Stores the labels of a sequence in a process of a cluster.

    Attributes:
        dataset: the name of the dataset
        lease: the lock on the dataset
    """

    dataset: str
    lease: Lease

    def __call__(self, unit: _Unit) -> int:
        """Store the frames of a sequence; return how many there are."""
        dataset = fo.load_dataset(self.dataset)
        samples = [segment.sample_id for segment in unit.segments]
        with on_behalf(self.lease, samples[0]):
            dataset.reload()
            # What a process that was lost stored is stored again
            drop_frames(dataset, samples)
            store.insert_labels(dataset, unit.labels, unit.segments)
        return sum(segment.last - segment.first + 1 for segment in unit.segments)


def _select(labels: Mapping[str, Tracks], name: str) -> dict[str, Tracks]:
    """Return the labels of one sequence."""
    return {
        field: replace(
            tracks,
            table=tracks.table[tracks.table["sequence"] == name],
            sequences={name: tracks.sequences[name]},
        )
        for field, tracks in labels.items()
        if name in tracks.sequences
    }
