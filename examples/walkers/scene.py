# SPDX-License-Identifier: Apache-2.0
"""The scene: the plaza and those who cross it, frame by frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from cv2.typing import MatLike as Image

from . import plaza
from .camera import Camera, Floats
from .figures import Figure, Sprite, dress, skeleton
from .paths import FRAME_RATE, Path2D, choose_paths

Bools = npt.NDArray[np.bool_]


class Drawn(NamedTuple):
    """A frame and its true boxes.

    Attributes:
        image: blue, green, red, of shape (height, width, 3)
        boxes: left, top, right, bottom of each walker in 0-based pixels, of shape
            (walkers, 4), also where they reach beyond the image
        visibility: the share of each walker that is seen, in [0, 1]
    """

    image: Image
    boxes: Floats
    visibility: Floats


class Scene:
    """The plaza and those who cross it."""

    def __init__(
        self, seed: int, frames: int, size: tuple[int, int], walkers: int
    ) -> None:
        """Set the scene.

        Args:
            seed: the seed of everything that is chosen at random
            frames: the number of frames
            size: width and height of the image in pixels
            walkers: the number of walkers
        """
        rng = np.random.default_rng([seed, 0])
        self.camera = Camera(*size)
        paths = choose_paths(rng, self.camera, walkers, frames)
        self.walkers = [_walker(rng, path) for path in paths]
        things, trees = plaza.things(rng), plaza.trees(rng)
        self._things = [thing.draw(self.camera) for thing in things]
        ground = plaza.draw_plaza(self.camera, seed)
        self._background = self._shade(ground, [*things, *trees], 0)
        sprites = [tree.draw(self.camera) for tree in trees]
        for tree in sorted(sprites, key=lambda sprite: -sprite.depth):
            _paste(self._background, tree)
        v, u = np.mgrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
        vignette = (1.12 - 0.13 * (u**2 + v**2) ** 1.3)[..., None] * [0.99, 1.0, 1.0]
        self._vignette = plaza.to_bytes(255 / 1.12 * vignette)
        self._grain = [
            plaza.to_bytes(rng.normal(128, 2.6, (*size[::-1], 1)).repeat(3, 2))
            for _ in range(4)
        ]

    def draw(self, frame: int) -> Drawn:
        """Draw a frame, counted from 0."""
        image = self._shade(self._background, self.walkers, frame)
        sprites = [walker.draw(self.camera, frame) for walker in self.walkers]
        owner = np.zeros(image.shape[:2], np.int16)
        numbered = enumerate([*sprites, *self._things], 1)
        for number, sprite in sorted(numbered, key=lambda item: -item[1].depth):
            place, solid = _paste(image, sprite)
            owner[place][solid] = number
        seen = np.bincount(owner.ravel(), minlength=len(sprites) + 1)
        boxes, visibility = np.zeros((len(sprites), 4)), np.zeros(len(sprites))
        for walker, sprite in enumerate(sprites):
            mask = (sprite.image[..., 3] > 127).astype(np.uint8)
            left, top, width, height = cv2.boundingRect(mask)
            left, top = sprite.left + left, sprite.top + top
            boxes[walker] = left, top, left + width, top + height
            visibility[walker] = seen[walker + 1] / mask.sum()
        return Drawn(self._finish(image, frame), boxes, visibility)

    def _shade(self, image: Image, figures: Sequence[Figure], frame: int) -> Image:
        """Return the image with the figures' shadows on the ground."""
        half = Camera(self.camera.width // 2, self.camera.height // 2)
        mask: Image = np.zeros((half.height, half.width), np.uint8)
        for figure in figures:
            figure.draw_shadow(half, mask, frame)
        mask = cv2.GaussianBlur(mask, (0, 0), max(half.height / 420, 0.4))
        mask = cv2.resize(mask, (self.camera.width, self.camera.height))
        light = (255 - mask[..., None] * [0.42, 0.47, 0.52]).astype(np.uint8)
        return cv2.multiply(image, light, scale=1 / 255)

    def _finish(self, image: Image, frame: int) -> Image:
        """Add what the lens and the sensor of a camera add."""
        image = cv2.multiply(image, self._vignette, scale=1.12 / 255)
        return cv2.addWeighted(image, 1, self._grain[frame % 4], 1, -128)


def _walker(rng: np.random.Generator, path: Path2D) -> Figure:
    """Return somebody in random clothes who walks along the path."""
    child = rng.random() < 0.07
    tall = 0.72 if child else float(np.clip(rng.normal(1, 0.05), 0.88, 1.1))
    swing = 0.4 * min(path.speed / 1.3, 1.25)
    stride = 4 * 0.86 * tall * math.sin(swing) or 1.0
    seconds = np.arange(len(path.places)) / FRAME_RATE
    phase = rng.uniform(0, 2 * np.pi) + 2 * np.pi * path.speed / stride * seconds
    holds = rng.random() < (0.5 if path.speed == 0 else 0.15)
    cos, sin = np.cos(path.heading)[:, None], np.sin(path.heading)[:, None]
    joints = {}
    for name, place in skeleton(phase, swing, holds).items():
        forward, left, up = np.moveaxis(place * tall, -1, 0)
        x = path.places[:, :1] + cos * forward - sin * left
        y = path.places[:, 1:] + sin * forward + cos * left
        joints[name] = np.stack([x, y, up], axis=-1)
    return dress(rng, joints, tall, holds)


def _paste(image: Image, sprite: Sprite) -> tuple[tuple[slice, ...], Bools]:
    """Lay a sprite over an image; return where, and which pixels there it hides."""
    start = np.array([sprite.top, sprite.left])
    ends = np.clip([start, start + sprite.image.shape[:2]], 0, image.shape[:2])
    place, part = (tuple(slice(*side) for side in at.T) for at in (ends, ends - start))
    over = sprite.image[part].astype(np.uint16)
    under = image[place] * (255 - over[..., 3:])
    image[place] = over[..., :3] + (under + 127) // 255
    return place, over[..., 3] > 127
