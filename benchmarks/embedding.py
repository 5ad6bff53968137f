# SPDX-License-Identifier: Apache-2.0
"""Embedding crops of frames on disk, compared with the forward pass alone."""

from __future__ import annotations

import argparse
import tempfile
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torchvision
from fiftyone_track_audit.importers.tracks import Sequence, Tracks, make_table
from fiftyone_track_audit.plugin.embedding.cache import VectorCache
from fiftyone_track_audit.plugin.embedding.crops import CropDataset, Unreadable, collate
from fiftyone_track_audit.plugin.embedding.embed import (
    BATCH,
    embed_tracks,
    group_by_frame,
)
from fiftyone_track_audit.plugin.embedding.models import Model, load_model
from PIL import Image
from report import Line, best_of, print_table

#: Size and number of boxes of the frames, as in the MOT Challenge.
SIZE, FRAMES, PER_FRAME = (1920, 1080), 8, 100
REPEATS = 3
LEAST = 0.85


def run(folder: Path) -> list[Line]:
    """Measure embedding, with a network of random weights.

    Args:
        folder: not used: labels alone have no frames

    Returns:
        the lines of the table
    """
    return measure(None)


def measure(device: str | None) -> list[Line]:
    """Measure embedding on a device, by default a GPU if there is one."""
    with tempfile.TemporaryDirectory() as place:
        return _measure(Path(place), device)


def _measure(folder: Path, device: str | None) -> list[Line]:
    network = torchvision.models.resnet18(weights=None)
    torch.save(network.state_dict(), folder / "resnet18.pth")
    name = f"resnet18:{folder / 'resnet18.pth'}"
    tracks = _write_frames(folder)
    batches = _make_batches(tracks, load_model(name, device))
    caches = (folder / f"cache-{number}" for number in count())
    embed, load, bare = best_of(
        REPEATS,
        lambda: _embed(tracks, name, next(caches), device),
        lambda: load_model(name, device),
        lambda: _forward(load_model(name, device), batches),
    )
    known = folder / "cache-0"
    (again,) = best_of(REPEATS, lambda: _embed(tracks, name, known, device))
    crops = len(tracks.table)
    rate, rivals_rate = crops / (embed - load), crops / (bare - load)
    ratio = rate / rivals_rate
    return [
        Line(
            f"embed_tracks, resnet18, {crops} crops",
            f"{rate:,.0f}/s",
            "forward pass",
            f"{rivals_rate:,.0f}/s",
            f"{ratio:.2f}",
            f"at least {LEAST}",
            ratio >= LEAST,
        ),
        Line("the same from the cache, with loading", f"{crops / again:,.0f}/s"),
    ]


def _embed(tracks: Tracks, name: str, cache: Path, device: str | None) -> None:
    embed_tracks(tracks, model=name, cache_dir=cache, device=device)


def _write_frames(folder: Path) -> Tracks:
    """Write frames of colored clouds, with upright boxes at random places."""
    rng = np.random.default_rng(0)
    names = tuple(f"{frame:06d}.jpg" for frame in range(1, FRAMES + 1))
    for name in names:
        clouds = rng.integers(0, 255, (135, 240, 3), np.uint8)
        frame = Image.fromarray(clouds).resize(SIZE, Image.Resampling.BICUBIC)
        frame.save(folder / name, quality=90)
    boxes = FRAMES * PER_FRAME
    height = rng.uniform(100, 300, boxes)
    table = make_table(
        {
            "sequence": pd.Categorical(["clouds"] * boxes),
            "frame": np.tile(np.arange(1, FRAMES + 1), PER_FRAME),
            "frame_name": pd.Categorical(names * PER_FRAME),
            "track": np.repeat(np.arange(PER_FRAME), FRAMES),
            "label": pd.Categorical(["person"] * boxes),
            "left": rng.uniform(0, SIZE[0] - 150, boxes),
            "top": rng.uniform(0, SIZE[1] - 300, boxes),
            "width": height / 2,
            "height": height,
        }
    )
    return Tracks(table, {"clouds": Sequence("clouds", *SIZE, 25, names, folder)})


def _make_batches(tracks: Tracks, model: Model) -> list[torch.Tensor]:
    """Cut the same crops, ready to go through the network."""
    frames = group_by_frame(tracks, np.arange(len(tracks.table)))
    dataset = CropDataset(frames, VectorCache(Path("none"), model.dimension))
    read = collate([dataset[position] for position in range(len(dataset))])
    if isinstance(read, Unreadable):
        raise OSError(f"{read.path}: {read.message}")
    batches = read[1].tensor_split(-(-len(tracks.table) // BATCH))
    return [model.embedder.normalize(batch) for batch in batches]


def _forward(model: Model, batches: list[torch.Tensor]) -> None:
    with torch.inference_mode():
        for batch in batches:
            model.embedder.backbone(batch.to(model.device))


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--device", help="such as cuda (default: a GPU if there is one)"
    )
    print_table(__doc__ or "", measure(options.parse_args().device))
