# SPDX-License-Identifier: Apache-2.0
"""Sequences of images: the samples of an image dataset are their frames.

The first image of a sequence stands for the whole, as a video does elsewhere: it keeps
the sequence's issues and decisions, and its ID is that of the sequence's sample.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import fiftyone as fo
import numpy as np
import pandas as pd

from .fields import (
    FRAME_OFFSET,
    FRAMES_URI,
    IMAGE_HEIGHT,
    IMAGE_WIDTH,
    INFO,
    SEQUENCE,
)
from .frame_documents import are_images

_ORDER = "image_sequences"
#: Names that fields of the sequence, and of the frame's number, usually have.
_SEQUENCES = ("sequence", "sequence_id", "scene_id", "scene", "video_id", "video")
_FRAMES = ("frame_number", "frame", "frame_id", "frame_index", "timestamp")
#: Images have no rate, but how long tracks are missing counts in seconds.
_RATE = 30.0
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True)
class FrameOrder:
    """The fields that tie images together.

    Attributes:
        sequence (None): the sample field that is the same for the images of a
            sequence; by default, their folder
        frame (None): the sample field that orders them; by default, their file names
    """

    sequence: str | None = None
    frame: str | None = None


def read_order(dataset: fo.Dataset) -> FrameOrder:
    """Return the fields that tie the images of a dataset together.

    Args:
        dataset: an image dataset

    Returns:
        the fields that were chosen, or else those whose names say so if there is one
        of each
    """
    chosen = dataset.info.get(INFO, {}).get(_ORDER)
    if chosen:
        return FrameOrder(**chosen)
    has = dataset.get_field_schema()
    sequence = next((name for name in _SEQUENCES if name in has), None)
    frame = next((name for name in _FRAMES if name in has), None)
    return FrameOrder(sequence, frame) if sequence and frame else FrameOrder()


def describe_order(dataset: fo.Dataset) -> str:
    """Say how the images of a dataset are tied into sequences.

    Args:
        dataset: an image dataset

    Returns:
        a sentence for users
    """
    order = read_order(dataset)
    count = read_images(dataset)["sample_id"].nunique()
    what = "1 sequence" if count == 1 else f"{count:,} sequences"
    by = f"the field '{order.sequence}'" if order.sequence else "their folders"
    then = f"the field '{order.frame}'" if order.frame else "their file names"
    said = f"the images are {what} by {by}, in the order of {then}"
    if order.sequence and order.frame:
        return said
    return f"{said}; pass sequence_field and frame_field if that is wrong"


def has_order(dataset: fo.Dataset) -> bool:
    """Tell whether the images of a dataset are known to be frames.

    Args:
        dataset: an image dataset

    Returns:
        True if fields tie them together
    """
    return read_order(dataset) != FrameOrder()


def choose_order(
    samples: fo.core.collections.SampleCollection,
    dataset: fo.Dataset,
    order: FrameOrder,
) -> None:
    """Remember the fields that tie images together.

    Args:
        samples: a dataset or view; the fields of dynamic groups are taken if no others
            are given
        dataset: its dataset
        order: the fields to take

    Raises:
        ValueError: if the dataset has no such field
    """
    if order == FrameOrder():
        order = _order_of_groups(samples)
    for name in filter(None, asdict(order).values()):
        if not dataset.has_field(name):
            raise ValueError(
                f"'{dataset.name}' has no sample field '{name}'; expected the field "
                "that ties images into sequences, or that orders them"
            )
    if order != FrameOrder() and order != read_order(dataset):
        dataset.info[INFO] = {**dataset.info.get(INFO, {}), _ORDER: asdict(order)}
        dataset.save()


def _order_of_groups(samples: fo.core.collections.SampleCollection) -> FrameOrder:
    """Return the fields by which a view groups and orders images."""
    for stage in reversed(samples.view()._stages):
        if isinstance(stage, fo.GroupBy) and isinstance(stage.field_or_expr, str):
            frame = stage.order_by if isinstance(stage.order_by, str) else None
            return FrameOrder(stage.field_or_expr.removeprefix("$"), frame)
    return FrameOrder()


def read_images(dataset: fo.Dataset) -> pd.DataFrame:
    """Read which frame of which sequence each image is.

    Args:
        dataset: an image dataset, or a view of it, which makes no difference

    Returns:
        ``sample_id`` (the first image of the sequence), ``sequence``,
        ``frame_number`` (position in the sequence, from 1), ``path``, ``width`` and
        ``height``, indexed by the ID of the image, in the order of the frames
    """
    dataset = dataset._root_dataset
    order = read_order(dataset)
    paths = {
        "id": "id",
        "path": "filepath",
        "width": "metadata.width",
        "height": "metadata.height",
        **{name: path for name, path in asdict(order).items() if path},
    }
    values = dataset.values(list(paths.values()))
    images = pd.DataFrame(dict(zip(paths, values, strict=True)), dtype=object)
    if order.sequence is None:
        images["sequence"] = _folder_names(images["path"])
    images = images[images["sequence"].notna()]
    images["sequence"] = images["sequence"].astype(str)
    if order.frame is None:
        images["frame"] = images["path"].map(_natural)
    images = images[images["frame"].notna()]
    images = images.sort_values(["sequence", "frame"], ignore_index=True)
    groups = images.groupby("sequence", sort=False)
    images["sample_id"] = groups["id"].transform("first")
    images["frame_number"] = groups.cumcount() + 1
    return images.set_index("id")


def _natural(path: str) -> str:
    """Return a file name whose numbers sort by their value."""
    return _DIGITS.sub(lambda digits: digits[0].zfill(20), Path(path).name)


def _folder_names(paths: pd.Series[str]) -> pd.Series[str]:
    """Name sequences after the folders of their images, below the common one."""
    folders = paths.map(lambda path: Path(path).parent)
    different = folders.unique().tolist()
    common = Path(os.path.commonpath(different)) if len(different) > 1 else None
    below = {
        each: each.relative_to(common).parts if common else (each.name,)
        for each in different
    }
    if len({parts[-1:] for parts in below.values()}) == 1 < len(different):
        # All folders are called alike, such as img1
        below = {folder: parts[:-1] for folder, parts in below.items()}
    names = {folder: "-".join(parts) or folder.name for folder, parts in below.items()}
    return folders.map(names)


def shown_images(samples: fo.core.collections.SampleCollection) -> list[str]:
    """Return the images that a collection shows.

    Args:
        samples: an image dataset, or a view of its images, dynamic groups or patches

    Returns:
        the IDs of the images, each once
    """
    if samples._is_dynamic_groups:
        samples = samples.flatten()
    path = "sample_id" if samples._is_patches else "id"
    return list(dict.fromkeys(samples.values(path)))


def image_samples(dataset: fo.Dataset) -> pd.DataFrame:
    """Read the record of each sequence of images, like that of a video sample.

    Args:
        dataset: an image dataset

    Returns:
        the columns of ``read_samples()``, indexed by the ID of the first image
    """
    images = read_images(dataset)
    groups = images.groupby("sample_id", sort=False)
    first = groups.first()
    uris: dict[str, str] = {}
    if dataset.has_field(FRAMES_URI):
        uris = dict(zip(*dataset.values(["id", FRAMES_URI]), strict=True))
    return pd.DataFrame(
        {
            "video": first["path"],
            "frame_rate": _RATE,
            "frame_width": first["width"],
            "frame_height": first["height"],
            "frame_count": groups.size(),
            SEQUENCE: first["sequence"],
            FRAME_OFFSET: np.zeros(len(first), np.int64),
            IMAGE_WIDTH: first["width"],
            IMAGE_HEIGHT: first["height"],
            FRAMES_URI: [uris.get(str(image)) for image in first.index],
        },
        dtype=object,
    ).astype({FRAME_OFFSET: "int64"})


def locate_images(dataset: fo.Dataset, ids: pd.Series[str]) -> pd.DataFrame:
    """Return which frame of which sequence images are.

    Args:
        dataset: an image dataset
        ids: the IDs of images

    Returns:
        ``sample_id`` and ``frame_number``; images that are in no sequence are left out
    """
    images = read_images(dataset)[["sample_id", "frame_number"]]
    return images[images.index.isin(ids)].reset_index(drop=True)


def images_at(
    dataset: fo.Dataset, frames: Mapping[str, tuple[int, int] | list[int]]
) -> list[str]:
    """Return the images of frames.

    Args:
        dataset: an image dataset
        frames: the positions of the frames, a list, or the first and the last one as a
            tuple, by the ID of the sequence's first image

    Returns:
        the IDs of the images, in the order of the frames
    """
    images = read_images(dataset)
    chosen: list[str] = []
    for sample_id, wanted in frames.items():
        own = images.loc[images["sample_id"] == sample_id, "frame_number"]
        among = own.between(*wanted) if isinstance(wanted, tuple) else own.isin(wanted)
        chosen += own.index[among].tolist()
    return chosen


def images_of_issues(dataset: fo.Dataset, issues: pd.DataFrame) -> list[str]:
    """Return the images that issues are about.

    Args:
        dataset: an image dataset
        issues: ``sample_id``, ``first_frame`` and ``last_frame`` of each issue

    Returns:
        the IDs of the images, those of the first issue first, each once
    """
    images = read_images(dataset).reset_index()
    place = images.set_index(["sample_id", "frame_number"])["id"]
    spans = zip(
        issues["sample_id"], issues["first_frame"], issues["last_frame"], strict=True
    )
    keys = [
        (sample, frame)
        for sample, first, last in spans
        for frame in range(first, last + 1)
    ]
    return [place[key] for key in dict.fromkeys(keys) if key in place.index]


def is_image_dataset(samples: fo.core.collections.SampleCollection) -> bool:
    """Tell whether a collection is of a dataset whose samples are frames.

    Args:
        samples: a dataset or view

    Returns:
        True or False
    """
    return are_images(samples._root_dataset)
