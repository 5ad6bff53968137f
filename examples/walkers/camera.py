# SPDX-License-Identifier: Apache-2.0
"""The camera: from the world to the image and back."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """A camera above the world's origin that looks down and a little to the right.

    World coordinates are in meters: x to the right, y away, z up from the ground.

    Attributes:
        width: width of the image in pixels
        height: height of the image in pixels
    """

    width: int
    height: int

    elevation = 6.2
    pitch = math.radians(12.2)
    yaw = math.radians(9)

    @property
    def focal(self) -> float:
        """The focal length in pixels."""
        return 1.39 * self.height

    @property
    def axes(self) -> Floats:
        """The image's right, down and forward directions, as rows."""
        sin, cos = math.sin(self.yaw), math.cos(self.yaw)
        tilt_sin, tilt_cos = math.sin(self.pitch), math.cos(self.pitch)
        right = [cos, -sin, 0]
        down = [-tilt_sin * sin, -tilt_sin * cos, -tilt_cos]
        forward = [tilt_cos * sin, tilt_cos * cos, -tilt_sin]
        return np.array([right, down, forward])

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Project world points into the image.

        Args:
            points: meters, of shape (..., 3)

        Returns:
            pixels of shape (..., 2) and the depths in meters of shape (...)
        """
        seen = (points - [0, 0, self.elevation]) @ self.axes.T
        depth = np.maximum(seen[..., 2], 0.1)
        center = [self.width / 2, self.height / 2]
        return center + self.focal * seen[..., :2] / depth[..., None], depth

    def ground(self, u: npt.ArrayLike, v: npt.ArrayLike) -> Floats:
        """Find the points of the ground that are seen at pixels below the horizon.

        Args:
            u: pixels from the left
            v: pixels from the top

        Returns:
            x and y in meters, of shape (..., 2)
        """
        x = (np.asarray(u, float) - self.width / 2) / self.focal
        y = (np.asarray(v, float) - self.height / 2) / self.focal
        ray = np.stack([x, y, np.ones_like(x)], axis=-1) @ self.axes
        return np.asarray(ray[..., :2] * (self.elevation / -ray[..., 2:]))
