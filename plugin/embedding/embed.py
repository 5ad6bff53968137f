# SPDX-License-Identifier: Apache-2.0
"""Embeddings of the boxes of a tracks table, each crop once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from ...importers.disk_cache import size_limit
from ...importers.engine import HERE, Engine, as_engine, run_by_sequence
from ...importers.files import expand_home
from ...importers.frames import check_frames_at
from ...importers.s3_frames import in_s3
from ...importers.splitting import split_tracks
from ...importers.tracks import BOX, InputError, Sequence, Tracks
from .cache import VectorCache, default_cache_dir, trim_vectors
from .crops import Batch, CropDataset, FrameBoxes, FrameCrops, Unreadable, collate
from .models import Model, load_model

#: Most crops per batch on a CPU. On one thread, ResNet18 and MobileNetV2 were slower
#: per crop in batches of 64 or more.
BATCH = 32
#: Number of boxes in frames that are read, embedded and cached together.
_GROUP = 8 * BATCH
#: The most frames of a video, or in S3, that must be on the disk at a time.
_BROUGHT = 1000
#: The most crops that fit into the memory of a GPU that was too small, by the model.
_fitting: dict[str, int] = {}


def embed_tracks(
    tracks: Tracks,
    rows: NDArray[np.bool_] | None = None,
    model: str = "resnet18",
    cache_dir: Path | str | None = None,
    progress: Callable[[int, int], None] | None = None,
    cache_size: str | int | None = None,
    engine: Engine | str | None = None,
    device: str | None = None,
) -> NDArray[np.float32]:
    """Embed the crops of all or some boxes, and trim the cache of vectors.

    Crops are cut from the original frames in RGB and resized to 128x64 pixels
    (height x width), as in person re-identification. Parts of boxes outside the
    image are cut off, and boxes are scaled to the frames on disk.

    Vectors are cached on disk by the content of the frame, the pixels of the box and
    the model with its weights, so nothing is embedded twice.

    Args:
        tracks: the tracks of ``n`` rows, of sequences whose frames are available
        rows (None): bool array ``(n,)``, the rows to embed, by default all
        model ("resnet18"): the name of a torchvision classification model, whose
            weights are downloaded at first use, or ``NAME:FILE`` with a local file
            of weights
        cache_dir (None): the folder to keep vectors in, by default
            ``~/.cache/track-audit/embeddings``
        progress (None): called with the number of crops done so far and their total
        cache_size (None): the size limit of that folder, such as ``20GB`` or a
            number of bytes, by default ``TRACK_AUDIT_CACHE_SIZE`` or 20 GB
        engine (None): ``"ray"`` or an :class:`Engine`, to embed by sequence in the
            processes of a cluster, on GPUs if it has any. Each keeps its model, and
            its machine's own cache
        device (None): the torch device that embeds, such as ``cuda:1``, by default a
            GPU if there is one. GPUs compute in half precision, in batches as large
            as their memory allows

    Returns:
        float32 array ``(n, d)``, the features below the model's last layer; NaN for
        rows that were not requested, or that have fewer than 4 pixels across or down
        inside the image

    Raises:
        InputError: if frames or weights cannot be read
    """
    limit = size_limit(cache_size)
    folder = Path(cache_dir) if cache_dir else default_cache_dir()
    chosen = as_engine(engine)
    if chosen == HERE:
        vectors = _embed_here(tracks, rows, model, folder, progress, device)
        trim_vectors(folder, limit)
    else:
        work = partial(
            _embed_sequence, model=model, folder=folder, limit=limit, device=device
        )
        done = run_by_sequence(work, _split(tracks, rows), chosen, gpu=True)
        vectors = np.concatenate(list(_count(done, len(tracks.table), progress)))
    return vectors


def _embed_here(
    tracks: Tracks,
    rows: NDArray[np.bool_] | None,
    model: str,
    folder: Path,
    progress: Callable[[int, int], None] | None,
    device: str | None,
) -> NDArray[np.float32]:
    """Embed one sequence after the other: a small cache holds the frames of one."""
    total = len(tracks.table) if rows is None else int(rows.sum())
    parts, before = [], 0
    for part, own in _split(tracks, rows):

        def show(done: int, _: int, before: int = before) -> None:
            if progress:
                progress(before + done, total)

        parts.append(embed_cached(part, own, model, folder, show, device))
        before += len(part.table) if own is None else int(own.sum())
    return np.concatenate(parts)


def _split(
    tracks: Tracks, rows: NDArray[np.bool_] | None
) -> Iterator[tuple[Tracks, NDArray[np.bool_] | None]]:
    """Yield the tracks of each sequence, with the rows to embed."""
    done = 0
    for part in split_tracks(tracks):
        end = done + len(part.table)
        yield part, None if rows is None else rows[done:end]
        done = end


def _embed_sequence(
    sequence: tuple[Tracks, NDArray[np.bool_] | None],
    model: str,
    folder: Path,
    limit: int,
    device: str | None,
) -> NDArray[np.float32]:
    """Embed the crops of a sequence, on a machine with a cache of its own."""
    vectors = embed_cached(*sequence, model, folder, device=device)
    trim_vectors(folder, limit)
    return vectors


def _count(
    parts: Iterable[NDArray[np.float32]],
    total: int,
    progress: Callable[[int, int], None] | None,
) -> Iterator[NDArray[np.float32]]:
    """Yield the vectors of each sequence, and tell how many there are."""
    done = 0
    for vectors in parts:
        done += len(vectors)
        if progress:
            progress(done, total)
        yield vectors


def embed_cached(
    tracks: Tracks,
    rows: NDArray[np.bool_] | None,
    model: str,
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
    device: str | None = None,
) -> NDArray[np.float32]:
    """Embed crops as :func:`embed_tracks` does, without trimming the cache.

    To trim a cache, all of its files are listed, so whoever embeds one sequence after
    the other trims it once, with :func:`.cache.trim_vectors`.

    Args:
        tracks: the tracks, see :func:`embed_tracks`
        rows: bool array ``(n,)``, the rows to embed, None for all
        model: the model, see :func:`embed_tracks`
        folder: the folder of the cache
        progress (None): called with the number of crops done so far and their total
        device (None): the torch device, see :func:`embed_tracks`

    Returns:
        float32 array ``(n, d)``, see :func:`embed_tracks`

    Raises:
        InputError: if frames or weights cannot be read
    """
    table = tracks.table
    chosen = np.flatnonzero(np.ones(len(table), bool) if rows is None else rows)
    weights = expand_home(model.partition(":")[2] or "~")
    changed = weights.stat().st_mtime_ns if weights.is_file() else 0
    loaded = _keep_model(model, changed, device)
    cache = VectorCache(folder / loaded.key, loaded.dimension)
    result = np.full((len(table), loaded.dimension), np.nan, np.float32)
    done = 0
    parts = (
        CropDataset(group_by_frame(tracks, some), cache)
        for some in _brought_together(tracks, chosen)
    )
    batches = chain.from_iterable(_read(part, loaded.device) for part in parts)
    for group, crops in batches:
        fresh = _embed(loaded, crops)
        for frame in group:
            count = len(frame.boxes) - len(frame.vectors)
            vectors = np.concatenate([frame.vectors, fresh[:count]])
            fresh = fresh[count:]
            if count:
                cache.save(frame.digest, frame.boxes, vectors)
            visible = frame.index >= 0
            result[frame.rows[visible]] = vectors[frame.index[visible]]
            done += len(frame.rows)
        if progress:
            progress(done, len(chosen))
    return result


@lru_cache(maxsize=1)
def _keep_model(name: str, changed: int, device: str | None) -> Model:
    """Return a model, which this process keeps until its file of weights changes."""
    return load_model(name, device)


def _brought_together(
    tracks: Tracks, rows: NDArray[np.intp]
) -> Iterator[NDArray[np.intp]]:
    """Yield the rows of boxes whose frames are on the disk at a time.

    Those of images that are there are all; others are decoded or downloaded for these
    rows, and make room for the next ones.
    """
    if not any(each.videos or in_s3(each) for each in tracks.sequences.values()):
        yield rows
        return
    part = tracks.table["frame"].to_numpy()[rows] // _BROUGHT
    for each in np.unique(part):
        yield rows[part == each]


def group_by_frame(tracks: Tracks, rows: NDArray[np.intp]) -> list[FrameBoxes]:
    """Return the frames of boxes, after checking that none is missing.

    Args:
        tracks: the tracks
        rows: int array, the rows of the boxes

    Returns:
        the frames, each with its boxes

    Raises:
        InputError: if a sequence has no folder of frames, or frames are missing
    """
    table = tracks.table.iloc[rows]
    folders = {
        str(name): _find_frames(tracks.sequences[str(name)], own["frame"].unique())
        for name, own in table.groupby("sequence", observed=True)
    }
    boxes = table[BOX].to_numpy(np.float64)
    names, positions = table["sequence"].to_numpy(), table["frame"].to_numpy()
    frames = []
    groups = table.groupby(["sequence", "frame"], observed=True).indices
    for members in groups.values():
        name, position = str(names[members[0]]), positions[members[0]]
        sequence = tracks.sequences[name]
        path = folders[name] / sequence.frame_names[position - 1]
        width, height = sequence.width, sequence.height
        size = (width, height) if width is not None and height is not None else None
        frames.append(FrameBoxes(path, size, boxes[members], rows[members]))
    return frames


def _find_frames(sequence: Sequence, frames: NDArray[np.integer]) -> Path:
    """Return the folder of a sequence's frames, after checking those at positions."""
    if sequence.frames_dir is None:
        message = "has only labels; expected a folder of its frames"
        raise InputError(sequence.name, message)
    check_frames_at(sequence, frames)
    return sequence.frames_dir


def _read(
    dataset: CropDataset, device: torch.device
) -> Iterator[tuple[list[FrameCrops], Tensor]]:
    """Yield groups of frames, with the crops to embed."""
    counts = [len(frame.rows) for frame in dataset.frames]
    group = (np.cumsum(counts, dtype=np.int64) - 1) // _GROUP
    cuts = np.flatnonzero(np.diff(group)) + 1
    positions = np.split(np.arange(len(counts)), cuts) if counts else []
    workers = _worker_count(device)
    loader: DataLoader[Batch] = DataLoader(
        dataset,  # type: ignore[arg-type]
        batch_sampler=[members.tolist() for members in positions],
        collate_fn=collate,
        num_workers=workers,
        multiprocessing_context="fork" if workers else None,
        pin_memory=device.type == "cuda",
    )
    for batch in loader:
        if isinstance(batch, Unreadable):
            raise InputError(*batch)
        yield batch


def _worker_count(device: torch.device) -> int:
    """Return how many processes read frames ahead.

    A GPU waits for crops, but a CPU has the same work to do in any order. When loaded
    as a plugin, this module has a name that only a forked process knows.
    """
    forks = sys.platform == "linux"
    return min(8, os.cpu_count() or 1) if forks and device.type == "cuda" else 0


def _embed(model: Model, crops: Tensor) -> NDArray[np.float16]:
    """Embed crops, ``(c, d)``, in the largest batches that fit into a GPU's memory."""
    if not len(crops):
        return np.empty((0, model.dimension), np.float16)
    largest = BATCH if model.device.type == "cpu" else _GROUP
    while True:
        most = min(_fitting.get(model.key, largest), len(crops))
        try:
            return _forward(model, crops, most)
        except torch.cuda.OutOfMemoryError:
            if most == 1:
                raise
            _fitting[model.key] = most // 2


def _forward(model: Model, crops: Tensor, most: int) -> NDArray[np.float16]:
    """Embed crops in batches of about the same size."""
    gpu = model.device.type == "cuda"
    parts = []
    with torch.inference_mode(), torch.autocast(model.device.type, enabled=gpu):
        for batch in crops.tensor_split(-(-len(crops) // most)):
            batch = batch.to(model.device, non_blocking=True)
            parts.append(model.embedder(batch).to(torch.float16))
    vectors: NDArray[np.float16] = torch.cat(parts).cpu().numpy()
    return vectors
