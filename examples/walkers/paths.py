# SPDX-License-Identifier: Apache-2.0
"""The paths on which walkers cross the plaza."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .camera import Camera, Floats
from .plaza import OBSTACLES

FRAME_RATE = 25

#: Walkers in the image keep nearer than this many meters; the trees stand beyond.
FARTHEST = 37.0

#: Nobody comes nearer than this many meters, where all are below the image: what
#: is beside or behind the camera cannot be projected.
NEAREST = 3.0


class Path2D(NamedTuple):
    """The path of a walker over the ground.

    Attributes:
        places: x and y in meters, of shape (frames, 2)
        heading: direction in radians from the x axis, of shape (frames,)
        speed: meters per second
    """

    places: Floats
    heading: Floats
    speed: float


def choose_paths(
    rng: np.random.Generator, camera: Camera, count: int, frames: int
) -> list[Path2D]:
    """Choose the paths of all walkers, so that nobody runs into another.

    The first two pass each other at half time, one in front of the other, and the
    third leaves the image before the end.
    """
    paths = []
    for u, v, turn, speed, moment in (
        (0.53, 0.66, 0.0, 1.25, 0.5),
        (0.53, 0.62, np.pi, 1.15, 0.5),
        (0.96, 0.72, 0.0, 1.3, 0.4),
    ):
        place = camera.ground(u * camera.width, v * camera.height)
        way = (np.arange(frames) - moment * frames) / FRAME_RATE * speed
        paths.append(_arc(place, turn - camera.yaw, 0.0, way, speed))
    close = 0.75
    while len(paths) < count:
        group = _choose_group(rng, camera, frames)[: count - len(paths)]
        ways = np.array([path.places for path in group])
        others = np.array([path.places for path in paths])
        things = np.broadcast_to(OBSTACLES[:, None], (len(OBSTACLES), frames, 2))
        gaps = np.linalg.norm(ways[:, None] - np.concatenate([others, things]), axis=-1)
        aside, away = np.moveaxis(ways @ camera.axes[[0, 2], :2].T, -1, 0)
        seen = np.abs(aside) < 1.1 * away * camera.width / camera.focal / 2
        if away.min() < NEAREST or np.any(away[seen] > FARTHEST):
            continue
        if gaps.min() > close:
            paths += group
        else:
            close *= 0.998  # a crowd of any number finds its places in the end
    return paths


def _choose_group(
    rng: np.random.Generator, camera: Camera, frames: int
) -> list[Path2D]:
    """Choose the paths of one to three people who walk or stand together."""
    u = rng.uniform(0.04, 0.96) * camera.width
    v = rng.triangular(0.37, 0.46, 0.98) * camera.height
    heading = rng.uniform(0, 2 * np.pi)
    stands = rng.random() < 0.12
    speed = 0.0 if stands else float(np.clip(rng.normal(1.25, 0.2), 0.8, 1.8))
    bend, moment = rng.normal(0, 0.035), rng.uniform(0, frames)
    way = (np.arange(frames) - moment) / FRAME_RATE * speed
    first = _arc(camera.ground(u, v), heading, bend, way, speed)
    mates = int(rng.choice(3, p=[0.55, 0.33, 0.12]))
    # Those who stand face each other.
    facing = np.pi / 2 if stands else 0.0
    group = [first._replace(heading=first.heading + facing)]
    forward = np.stack([np.cos(first.heading), np.sin(first.heading)], axis=-1)
    left = forward[:, ::-1] * [-1, 1]
    for number in range(1, 1 + min(mates, 1 if stands else 2)):
        behind = rng.uniform(-0.25, 0.25)
        places = first.places + 0.8 * number * left - behind * forward
        group.append(Path2D(places, first.heading - facing, speed))
    return group


def _arc(
    place: Floats, heading: float, bend: float, way: Floats, speed: float
) -> Path2D:
    """Return a path that bends by so many radians per meter.

    Args:
        place: x and y in meters where ``way`` is 0
        heading: direction there in radians
        bend: radians per meter
        way: meters walked since, of shape (frames,)
        speed: meters per second
    """
    turned = heading + bend * way / 2
    steps = way * np.sinc(bend * way / 2 / np.pi)
    offsets = np.stack([np.cos(turned), np.sin(turned)], axis=-1) * steps[:, None]
    return Path2D(place + offsets, heading + bend * way, speed)
