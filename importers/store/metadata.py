# SPDX-License-Identifier: Apache-2.0
"""Add the metadata that videos and images of a dataset lack."""

from __future__ import annotations

import mimetypes
from pathlib import Path

import fiftyone as fo
import fiftyone.core.utils as fou

from ..images import image_size
from ..video_frames import read_video_info
from .frame_documents import are_images
from .sequences import sample_ids
from .views import dataset_of


def add_metadata(
    samples: fo.core.collections.SampleCollection, progress: object = None
) -> int:
    """Read the size, rate and length of videos, and the size of images, without any.

    FiftyOne's own way needs ffprobe, which is not always there.

    Args:
        samples: a dataset or view
        progress (None): True or False for a progress bar, a function that gets it,
            or None for FiftyOne's default

    Returns:
        the number of samples that got metadata

    Raises:
        InputError: if a file is missing or cannot be read; those before it have
            their metadata then
    """
    dataset = dataset_of(samples)
    prefix = "" if are_images(dataset) else "frame_"
    # The first image of a sequence stands for all of them
    stored = dataset.select(sample_ids(samples))
    ids, paths, widths = stored.values(["id", "filepath", f"metadata.{prefix}width"])
    missing = [
        (sample_id, path)
        for sample_id, path, width in zip(ids, paths, widths, strict=True)
        if not width
    ]
    read = _read_video if prefix else _read_image
    found = {}
    try:
        with fou.ProgressBar(total=len(missing), progress=progress) as bar:
            for sample_id, path in missing:
                found[sample_id] = read(Path(path))
                bar.update()
    finally:
        if found:
            dataset.set_values("metadata", found, key_field="id")
    return len(missing)


def _read_video(path: Path) -> fo.VideoMetadata:
    info = read_video_info(path)
    return fo.VideoMetadata(
        size_bytes=path.stat().st_size,
        mime_type=mimetypes.guess_type(path)[0],
        frame_width=info.width,
        frame_height=info.height,
        frame_rate=info.frame_rate,
        total_frame_count=info.frames,
        duration=info.frames / info.frame_rate if info.frame_rate else None,
    )


def _read_image(path: Path) -> fo.ImageMetadata:
    width, height = image_size(path)
    return fo.ImageMetadata(
        size_bytes=path.stat().st_size,
        mime_type=mimetypes.guess_type(path)[0],
        width=width,
        height=height,
    )
