# SPDX-License-Identifier: Apache-2.0
"""Sequences into FiftyOne video datasets: dataset types, importers, functions.

::

    import fiftyone as fo
    import fiftyone_track_audit as fta

    dataset = fo.Dataset.from_dir(
        dataset_dir="MOT20/train", dataset_type=fta.MOTChallengeDataset
    )
"""

from __future__ import annotations

import gc
import logging
import math
import re
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fiftyone as fo
import fiftyone.core.utils as fou
import numpy as np

from . import store
from .disk_cache import size_limit
from .files import resolve_path
from .frames import check_frames, image_size
from .store.attributes import RESERVED_FRAME_FIELDS, name_fields
from .store.media import mark_folder, trim_videos
from .tracks import InputError, Sequence, Tracks
from .video import encode_video

if TYPE_CHECKING:
    pass


logger = logging.getLogger(__name__)
#: FiftyOne joins the frames of a sample into one document of at most 16 MB; a
#: detection with its signals takes some 400 to 800 bytes.
MAX_DETECTIONS_PER_SAMPLE = 20_000
#: The App loses the labels of videos with more than some 5,100 frames.
MAX_FRAMES_PER_SAMPLE = 4_000
#: True or False for a progress bar, or a function that gets FiftyOne's bar.
Progress = bool | Callable[[Any], None] | None


def create_dataset(
    tracks: Tracks,
    name: str | None = None,
    persistent: bool = True,
    **kwargs: Any,  # noqa: ANN401 - handed on
) -> fo.Dataset:
    """Creates a video dataset from tracks and the frames that belong to them.

    The dataset gets its name when it is complete: an import that fails, or is
    killed, leaves nothing behind.

    Args:
        tracks: the tracks
        name (None): the dataset's name
        persistent (True): whether the dataset outlives the session
        **kwargs: arguments of :func:`add_tracks`

    Returns:
        a :class:`fiftyone.core.dataset.Dataset`

    Raises:
        ValueError: if there is a dataset of that name
        InputError: if frames are missing or cannot be read
    """
    check_new_name(name)
    dataset = fo.Dataset()
    try:
        add_tracks(dataset, tracks, **kwargs)
        if name is not None:
            dataset.name = name
        dataset.persistent = persistent
    except BaseException:
        dataset.delete()
        raise
    return dataset


def check_new_name(name: str | None) -> None:
    """Checks that a name for a new dataset is free.

    Args:
        name: the name, or None

    Raises:
        ValueError: if there is a dataset of that name, or it is no valid name
    """
    if name is not None and fo.dataset_exists(name):
        raise ValueError(
            f"there is a dataset '{name}' already; choose another name or delete it"
        )


def add_tracks(
    dataset: fo.Dataset,
    tracks: Tracks,
    field: str = "ground_truth",
    further: dict[str, Tracks] | None = None,
    video_dir: str | Path | None = None,
    tags: list[str] | None = None,
    progress: Progress = None,
) -> list[str]:
    """Adds sequences to a dataset, each as one video sample or several in a row.

    Args:
        dataset: a video dataset, or an empty one
        tracks: the tracks, with the frames' folders
        field ("ground_truth"): the frame field for the tracks
        further (None): detections or tracks of the same sequences, by the frame
            field to store them in
        video_dir (None): the folder for the videos; by default below FiftyOne's
            default dataset folder
        tags (None): tags for the samples
        progress (None): whether to render a progress bar (True/False), use the
            default value ``fiftyone.config.show_progress_bars`` (None), or a
            progress callback function to invoke instead

    Returns:
        the IDs of the new samples

    Raises:
        InputError: if frames are missing or cannot be read
        ValueError: if the dataset has a sequence of the same name already, or
            cannot have detections in one of the fields
    """
    labels = {field: tracks, **(further or {})}
    check_fields(dataset, labels)
    _check_can_add(dataset, tracks)
    for note in tracks.notes:
        logger.warning(note)
    runs = [
        (sequence, first, last)
        for sequence in tracks.sequences.values()
        for first, last in split_frames(tracks, sequence)
    ]
    folder, size = media_dir(video_dir), size_limit()
    if video_dir is None:
        mark_folder(folder)
    samples = _encode_samples(runs, folder, tags, progress)
    info, media_type = dict(dataset.info), dataset.media_type
    ids: list[str] = []
    try:
        dataset.media_type = fo.core.media.VIDEO
        labels[field] = name_fields(dataset, tracks, labels)
        ids = dataset.add_samples(samples, progress=False)
        # FiftyOne keeps the frames of samples that are in memory up to date, one
        # by one; samples refer to themselves, so only the collector frees them
        del samples
        gc.collect()
        segments = [
            store.Segment(sequence.name, first, last, id)
            for (sequence, first, last), id in zip(runs, ids, strict=True)
        ]
        _store(dataset, segments, labels, progress)
    except BaseException:
        if ids:
            dataset.delete_samples(ids)
        if not len(dataset):
            dataset.media_type = media_type
        dataset.info = info
        raise
    if video_dir is None:
        trim_videos(folder, size)
    return ids


def split_frames(tracks: Tracks, sequence: Sequence) -> list[tuple[int, int]]:
    """Splits a sequence into runs that FiftyOne can hold as one sample each.

    Args:
        tracks: the tracks
        sequence: one of their sequences

    Returns:
        the first and last frame of each run, of like numbers of detections
    """
    count = len(sequence.frame_names)
    frames = tracks.table.loc[tracks.table["sequence"] == sequence.name, "frame"]
    per_frame = np.bincount(frames, minlength=count + 1)[1:]
    # How much of a sample each frame fills
    fill = np.maximum(per_frame / MAX_DETECTIONS_PER_SAMPLE, 1 / MAX_FRAMES_PER_SAMPLE)
    filled = np.cumsum(fill)
    runs = math.ceil(filled[-1] - 1e-9)
    ends = np.searchsorted(filled, filled[-1] * np.arange(1, runs) / runs)
    limits = np.unique(np.r_[0, ends, count]).tolist()
    return [(first + 1, last) for first, last in pairwise(limits)]


def check_fields(dataset: fo.Dataset, fields: Iterable[str]) -> None:
    """Checks that a dataset can have detections in frame fields.

    Args:
        dataset: the dataset
        fields: the names of the fields, without ``frames.``

    Raises:
        ValueError: if a name is not valid, or the field holds something else
    """
    declared = dataset.get_frame_field_schema() or {}
    for field in fields:
        if not re.fullmatch(r"[^_.$\0][^.$\0]*", field):
            raise ValueError(
                f"{field!r} cannot name a field; expected a name that has no dot and "
                "no $, and does not begin with _"
            )
        if field in RESERVED_FRAME_FIELDS:
            raise ValueError(f"'{field}' is a frame's own; choose another field")
        kind = getattr(declared.get(field), "document_type", None)
        if field in declared and kind is not fo.Detections:
            raise ValueError(
                f"the frame field '{field}' of '{dataset.name}' holds no detections; "
                "choose another"
            )


def _check_can_add(dataset: fo.Dataset, tracks: Tracks) -> None:
    if dataset.media_type not in (None, fo.core.media.VIDEO):
        raise ValueError(
            f"'{dataset.name}' holds {dataset.media_type} samples; "
            "sequences need a video dataset"
        )
    if dataset.has_field(store.SEQUENCE):
        known = set(dataset.distinct(store.SEQUENCE)) & set(tracks.sequences)
        if known:
            raise ValueError(
                f"'{dataset.name}' has the sequence {', '.join(sorted(known))} already"
            )
    for sequence in tracks.sequences.values():
        _frames_dir(sequence)
        check_frames(sequence)


def _frames_dir(sequence: Sequence) -> Path:
    if sequence.frames_dir is None:
        raise InputError(
            sequence.name,
            "the frames are not at hand; expected the images' folder beside "
            "seqinfo.ini, or dataset_dir for Ground Truth labels",
        )
    return sequence.frames_dir


def _encode_samples(
    runs: list[tuple[Sequence, int, int]],
    video_dir: Path,
    tags: list[str] | None,
    progress: Progress,
) -> list[fo.Sample]:
    frames = sum(last - first + 1 for _, first, last in runs)
    logger.info("Encoding %d frames...", frames)
    with fou.ProgressBar(total=frames, progress=progress, iters_str="frames") as bar:
        return [
            _encode_sample(sequence, first, last, video_dir, tags, bar.update)
            for sequence, first, last in runs
        ]


def _encode_sample(
    sequence: Sequence,
    first: int,
    last: int,
    video_dir: Path,
    tags: list[str] | None,
    step: Callable[[int], None],
) -> fo.Sample:
    names = sequence.frame_names[first - 1 : last]
    paths = [_frames_dir(sequence) / name for name in names]
    video = encode_video(paths, sequence.frame_rate, video_dir, step)
    width, height = image_size(paths[0])
    metadata = fo.VideoMetadata(
        size_bytes=video.stat().st_size,
        mime_type="video/mp4",
        # The video is padded to even sizes
        frame_width=width + width % 2,
        frame_height=height + height % 2,
        frame_rate=sequence.frame_rate,
        total_frame_count=len(names),
        duration=len(names) / sequence.frame_rate,
        encoding_str="avc1",
    )
    record = {
        store.SEQUENCE: sequence.name,
        store.FRAME_OFFSET: first - 1,
        store.IMAGE_WIDTH: sequence.width,
        store.IMAGE_HEIGHT: sequence.height,
    }
    return fo.Sample(filepath=str(video), metadata=metadata, tags=tags, **record)


def _store(
    dataset: fo.Dataset,
    segments: list[store.Segment],
    labels: dict[str, Tracks],
    progress: Progress,
) -> None:
    frames = sum(segment.last - segment.first + 1 for segment in segments)
    logger.info("Storing the labels of %d frames...", frames)
    (field, tracks), *further = labels.items()
    with fou.ProgressBar(total=frames, progress=progress, iters_str="frames") as bar:
        store.insert_tracks(dataset, tracks, segments, field, bar.update)
    for field, tracks in further:
        store.add_detections(dataset, tracks, segments, field)


def media_dir(video_dir: str | Path | None) -> Path:
    """Return the folder for the videos that are encoded from frames.

    Args:
        video_dir (None): the folder to use

    Returns:
        its absolute path; by default one below FiftyOne's default dataset folder
    """
    if video_dir is not None:
        return resolve_path(video_dir)
    return Path(fo.config.default_dataset_dir, "track-audit")
