# SPDX-License-Identifier: Apache-2.0
"""Crops: the pixels inside boxes, read once per frame and only if needed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from ...importers.files import read_bytes
from ...importers.images import image_size, read_image
from ...importers.tracks import InputError
from .cache import VectorCache

#: Height and width of the crops in pixels. Standing people, the usual subject of
#: tracking, are two to three times as tall as wide. Person re-identification uses this
#: size, which has a sixth of the pixels of 224x224. Objects of other shapes are
#: squeezed, but in the same way in all boxes of a track.
CROP_SIZE = (128, 64)
#: Boxes with fewer pixels than this inside the image, across or down, have no crop.
MIN_SIDE = 4


@dataclass(frozen=True)
class FrameBoxes:
    """The ``m`` requested boxes of one frame.

    Attributes:
        path: the path to the image
        size: width and height in pixels of the image that the boxes were drawn on,
            None if it is the one at ``path``
        boxes: float array ``(m, 4)``, ``[left, top, width, height]``
        rows: int array ``(m,)``, their rows in the tracks table
    """

    path: Path
    size: tuple[int, int] | None
    boxes: NDArray[np.float64]
    rows: NDArray[np.intp]


@dataclass(frozen=True)
class FrameCrops:
    """The boxes of one frame, those with known vectors and new ones.

    Attributes:
        digest: the digest of the image file's content
        boxes: int array ``(k, 4)``, left, top, right and bottom in whole pixels of
            the image: the boxes in the cache, then new ones
        vectors: float16 array ``(c, d)``, the vectors of the first ``c`` boxes
        index: int array ``(m,)``, the position of each requested box in ``boxes``,
            -1 if it has no pixels in the image
        rows: int array ``(m,)``, their rows in the tracks table
    """

    digest: str
    boxes: NDArray[np.int32]
    vectors: NDArray[np.float16]
    index: NDArray[np.intp]
    rows: NDArray[np.intp]


class Unreadable(NamedTuple):
    """A frame that cannot be read, as strings that processes can exchange."""

    path: str
    message: str


Item = tuple[FrameCrops, Tensor] | Unreadable
Batch = tuple[list[FrameCrops], Tensor] | Unreadable


class CropDataset(Dataset[Item]):
    """The frames with requested boxes, each decoded at most once.

    An item is a :class:`FrameCrops` and the crops of its new boxes, RGB in a
    uint8 tensor ``(k - c, 3, height, width)``; or an :class:`Unreadable`.
    """

    def __init__(self, frames: Sequence[FrameBoxes], cache: VectorCache) -> None:
        """Create the dataset."""
        self.frames = frames
        self.cache = cache

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.frames)

    def __getitem__(self, position: int) -> Item:
        """Read a frame."""
        frame = self.frames[position]
        try:
            return self._read(frame)
        except InputError as error:
            return Unreadable(error.path, str(error).removeprefix(f"{error.path}: "))

    def _read(self, frame: FrameBoxes) -> tuple[FrameCrops, Tensor]:
        data = read_bytes(frame.path)
        digest = hashlib.blake2b(data, digest_size=16).hexdigest()
        known, vectors = self.cache.load(digest)
        asked = _to_pixels(frame.boxes, frame.size, image_size(frame.path, data))
        boxes, index = _merge(known, asked)
        crops = _cut(frame.path, data, boxes[len(known) :])
        return FrameCrops(digest, boxes, vectors, index, frame.rows), crops


def collate(items: list[Item]) -> Batch:
    """Join the crops of frames.

    Args:
        items: items of a :class:`CropDataset`

    Returns:
        their frames, and all of their crops in order; or the first
        :class:`Unreadable`
    """
    frames, crops = [], []
    for item in items:
        if isinstance(item, Unreadable):
            return item
        frames.append(item[0])
        crops.append(item[1])
    return frames, torch.cat(crops)


def _to_pixels(
    boxes: NDArray[np.float64],
    drawn_on: tuple[int, int] | None,
    size: tuple[int, int],
) -> NDArray[np.int32]:
    """Return the parts of boxes inside an image: left, top, right, bottom."""
    scale = np.divide(size, drawn_on or size)
    corners = np.stack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1) * scale
    inside = np.clip(np.nan_to_num(corners).round(), 0, size)
    return inside.reshape(-1, 4).astype(np.int32)


def _merge(
    known: NDArray[np.int32], asked: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """Return known and new boxes, and the position of each requested one."""
    whole = (asked[:, 2:] - asked[:, :2] >= MIN_SIDE).all(axis=1)
    merged, first, inverse = np.unique(
        np.concatenate([known, asked[whole]]),
        axis=0,
        return_index=True,
        return_inverse=True,
    )
    # In the order of first appearance, so that known boxes stay in front
    order = np.argsort(first)
    place = np.argsort(order)[inverse.reshape(-1)]
    index = np.full(len(asked), -1)
    index[whole] = place[len(known) :]
    return merged[order], index


def _cut(path: Path, data: bytes, boxes: NDArray[np.int32]) -> Tensor:
    """Cut and resize boxes; an image without boxes is not even decoded."""
    height, width = CROP_SIZE
    crops = np.empty((len(boxes), height, width, 3), np.uint8)
    if len(boxes):
        pixels = read_image(path, data)
        for crop, box in zip(crops, boxes.tolist(), strict=True):
            # Cut first, because resizing a part of an image includes pixels around it
            part = pixels.crop(box)
            resized = part.resize((width, height), Image.Resampling.BILINEAR)
            crop[:] = np.asarray(resized)
    # Channels stay last in memory, where convolutions on CPUs are fastest
    return torch.from_numpy(crops).permute(0, 3, 1, 2)
