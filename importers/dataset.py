# SPDX-License-Identifier: Apache-2.0
"""Store tracks and the videos of their frames as FiftyOne video datasets."""

from __future__ import annotations

import gc
import logging
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.core.utils as fou
from pymongo.errors import ConnectionFailure

from . import store
from .cluster_import import encode_on_cluster, store_on_cluster
from .disk_cache import size_limit
from .engine import Engine
from .frames import check_frames
from .s3_frames import in_s3, with_image_sizes
from .s3_objects import is_s3
from .store.attributes import RESERVED_FRAME_FIELDS, name_fields
from .store.locks import Lease, choose_engine, connected, exclusive
from .store.media import mark_folder, trim_videos
from .store.set_aside import FIELD, declare_set_aside, make_records
from .store.unfinished import drop_unfinished, is_untouched, whole_import
from .tracks import InputError, Tracks
from .video_samples import (
    Encoded,
    Part,
    encode_video_of,
    frames_dir,
    make_sample,
    media_dir,
    split_sequences,
)

logger = logging.getLogger(__name__)
#: True or False for a progress bar, or a function that gets FiftyOne's bar.
Progress = bool | Callable[[Any], None] | None
_IMPORTING = "importing into"


def create_dataset(
    tracks: Tracks,
    name: str | None = None,
    persistent: bool = True,
    **kwargs: Any,  # noqa: ANN401 - handed on
) -> fo.Dataset:
    """Create a video dataset from tracks and their frames.

    The dataset gets its name once it is complete: an import that fails or is killed
    leaves no dataset of that name. A dataset of that name that was created but never
    used, which FiftyOne leaves behind if it is killed at once, is replaced.

    Args:
        tracks: the tracks
        name (None): the dataset's name
        persistent (True): whether the dataset outlives the session
        **kwargs: arguments of :func:`add_tracks`

    Returns:
        a :class:`fiftyone.core.dataset.Dataset`

    Raises:
        ValueError: if there is a dataset of that name
        InputError: if frames are missing or cannot be read, or the database stops

    Example:
        >>> tracks = fta.read_mot("street")
        >>> dataset = fta.create_dataset(tracks, "street")
        >>> dataset.count("frames.ground_truth.detections")
        6
    """
    with connected():
        check_new_name(name)
        dataset = fo.Dataset()
        try:
            add_tracks(dataset, tracks, **kwargs)
            if name is not None:
                if fo.dataset_exists(name) and is_untouched(name):
                    fo.delete_dataset(name)
                dataset.name = name
            dataset.persistent = persistent
        except BaseException:
            # FiftyOne deletes what has no name when its database starts
            with suppress(ConnectionFailure):
                dataset.delete()
            raise
    return dataset


def check_new_name(name: str | None) -> None:
    """Check that no dataset, except for an untouched one, has a name.

    Args:
        name: the name, or None

    Raises:
        ValueError: if there is a dataset of that name, or the name is not valid
    """
    if name is not None and fo.dataset_exists(name) and not is_untouched(name):
        raise ValueError(
            f"there is already a dataset '{name}'; choose another name or delete it"
        )


def add_tracks(
    dataset: fo.Dataset,
    tracks: Tracks,
    field: str = "ground_truth",
    further: dict[str, Tracks] | None = None,
    video_dir: str | Path | None = None,
    tags: list[str] | None = None,
    progress: Progress = None,
    engine: Engine | str | None = None,
) -> list[str]:
    """Add sequences to a dataset, each as one video sample or several in a row.

    If that fails, the dataset stays as it was. What a killed import left behind in
    the dataset is removed first.

    Args:
        dataset: a video dataset, or an empty one
        tracks: the tracks, with the folders of their frames
        field ("ground_truth"): the frame field for the tracks
        further (None): detections or tracks of the same sequences, by the frame
            field to store them in
        video_dir (None): the folder for the videos; by default a folder below
            FiftyOne's default dataset folder
        tags (None): tags for the samples
        progress (None): whether to show a progress bar, or a function that gets it; by
            default ``fiftyone.config.show_progress_bars``
        engine (None): ``"ray"`` or an :class:`Engine`, to import on a Ray cluster,
            whose machines all see the folders of the frames and the videos

    Returns:
        the IDs of the new samples

    Raises:
        InputError: if frames are missing or cannot be read
        ValueError: if the dataset already has a sequence of the same name, cannot
            have detections in one of the fields, or another process is writing to it
    """
    tracks, engine = with_image_sizes(tracks), choose_engine(engine)
    labels = {field: tracks, **(further or {})}
    with exclusive(dataset, _IMPORTING):
        drop_unfinished(dataset)
    check_fields(dataset, labels)
    _check_new_sequences(dataset, tracks)
    _check_frames(tracks)
    folder, size = media_dir(video_dir), size_limit()
    if video_dir is None:
        mark_folder(folder)
    parts = split_sequences(tracks)
    videos = _encode(parts, folder, progress, engine)
    samples = [make_sample(*each, tags) for each in zip(parts, videos, strict=True)]
    with exclusive(dataset, _IMPORTING) as lease:
        _check_new_sequences(dataset, tracks)
        with whole_import(dataset, tracks.sequences):
            put = partial(_insert, engine, lease)
            ids = _store(dataset, parts, samples, labels, progress, put)
    if video_dir is None:
        trim_videos(folder, size)
    return ids


def check_fields(dataset: fo.Dataset, fields: Iterable[str]) -> None:
    """Check that a dataset can have detections in frame fields.

    Args:
        dataset: the dataset
        fields: the names of the fields, without ``frames.``

    Raises:
        ValueError: if a name is not valid, or a field holds something else
    """
    declared = store.frame_schema(dataset)
    for field in fields:
        if not re.fullmatch(r"[^_.$\0][^.$\0]*", field):
            raise ValueError(
                f"{field!r} cannot name a field; expected a name without dots and $ "
                "that does not begin with _"
            )
        if field in RESERVED_FRAME_FIELDS:
            raise ValueError(f"every frame has a '{field}'; choose another field")
        kind = getattr(declared.get(field), "document_type", None)
        if field in declared and kind is not fo.Detections:
            raise ValueError(
                f"the frame field '{field}' of '{dataset.name}' holds no detections; "
                "choose another field"
            )


def _check_new_sequences(dataset: fo.Dataset, tracks: Tracks) -> None:
    if dataset.media_type not in (None, fo.core.media.VIDEO):
        raise ValueError(
            f"'{dataset.name}' holds {dataset.media_type} samples; "
            "sequences need a video dataset"
        )
    if dataset.has_field(store.SEQUENCE):
        known = set(dataset.distinct(store.SEQUENCE)) & set(tracks.sequences)
        if known:
            raise ValueError(
                f"'{dataset.name}' already has the sequence {', '.join(sorted(known))}"
            )


def _check_frames(tracks: Tracks) -> None:
    """Check that frames are there, and tell what was understood of the labels."""
    for note in tracks.notes:
        logger.warning(note)
    for sequence in tracks.sequences.values():
        if any(is_s3(part.path) for part in sequence.videos):
            message = "the App plays no videos in S3; expected a video on this machine"
            raise InputError(sequence.videos[0].path, message)
        # Each frame in S3 is looked for before its sequence is encoded
        if not in_s3(sequence):
            frames_dir(sequence)
            if not sequence.videos:
                check_frames(sequence)


def _encode(
    parts: list[Part], folder: Path, progress: Progress, engine: Engine
) -> list[Encoded]:
    """Encode the videos of samples."""
    frames = sum(map(len, parts))
    logger.info("Encoding %d frames...", frames)
    with fou.ProgressBar(total=frames, progress=progress, iters_str="frames") as bar:
        if engine.name == "ray":
            return encode_on_cluster(parts, folder, engine, bar.update)
        return [encode_video_of(part, folder, bar.update) for part in parts]


def _store(
    dataset: fo.Dataset,
    parts: list[Part],
    samples: list[fo.Sample],
    labels: dict[str, Tracks],
    progress: Progress,
    insert: Callable[..., None],
) -> list[str]:
    """Store samples, and the labels of their frames; return the samples' IDs."""
    dataset.media_type = fo.core.media.VIDEO
    (field, tracks), *further = labels.items()
    tracks = name_fields(dataset, tracks, labels)
    if any(len(each.invalid) for each in labels.values()):
        declare_set_aside(dataset)
        for part, sample in zip(parts, samples, strict=True):
            sample[FIELD] = _set_aside(part, labels)
    store.list_classes(dataset, field, tracks.classes)
    ids: list[str] = dataset.add_samples(samples, progress=False)
    # FiftyOne keeps the frames of samples that are in memory up to date, one by one;
    # samples refer to themselves, so only the collector frees them
    samples.clear()
    gc.collect()
    segments = [
        store.Segment(part.sequence.name, part.first, part.last, id)
        for part, id in zip(parts, ids, strict=True)
    ]
    frames = sum(map(len, parts))
    logger.info("Storing the labels of %d frames...", frames)
    with fou.ProgressBar(total=frames, progress=progress, iters_str="frames") as bar:
        insert(dataset, {field: tracks, **dict(further)}, segments, bar.update)
    return ids


def _insert(
    engine: Engine,
    lease: Lease,
    dataset: fo.Dataset,
    labels: dict[str, Tracks],
    segments: list[store.Segment],
    step: store.Step,
) -> None:
    """Store the labels of new samples by an engine."""
    if engine.name == "ray":
        store_on_cluster(dataset, labels, segments, engine, lease, step)
        return
    store.insert_labels(dataset, labels, segments, step)


def _set_aside(part: Part, labels: dict[str, Tracks]) -> list[dict[str, object]]:
    """Return the records of a sample's labels that were set aside, of all fields."""
    records = []
    for field, tracks in labels.items():
        invalid = tracks.invalid[tracks.invalid["sequence"] == part.sequence.name]
        records += make_records(invalid, field, part.first, part.last)
    return records
