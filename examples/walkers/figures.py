# SPDX-License-Identifier: Apache-2.0
"""Figures of balls: walkers, lamps and trees alike.

Each part of a figure is the convex hull of one to a few balls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from cv2.typing import MatLike as Image

from .camera import Camera, Floats

#: The direction of the sunlight: x to the right, y away from the camera, z up.
SUN = np.array([0.75, -0.55, -1.0])

#: Figures are drawn at this multiple of the image's size and averaged down.
SUPERSAMPLE = 2

_ANGLES = np.linspace(0, 2 * np.pi, 18)[:-1]
_RING = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=-1)

# A ball is drawn as disks, each brighter and further towards the light: radius and
# shift in radii of the ball, and brightness.
_REACH, _SHIFT, _BRIGHTNESS = np.array(
    [(1.0, 0.0, 0.66), (0.84, 0.1, 0.82), (0.62, 0.22, 0.97), (0.34, 0.38, 1.08)]
).T[..., None, None]
_DISKS = _REACH * _RING + _SHIFT * [-0.55, -0.6]


def bgr(*colors: str) -> Floats:
    """Return ``rrggbb`` as rows of blue, green, red in [0, 255]."""
    return np.array([list(bytes.fromhex(color))[::-1] for color in colors], float)


SKIN = bgr("f1c9a5", "e0ac85", "c98d63", "a66a43", "7a4a2e", "5a3825")
HAIR = bgr("2a1d17", "3d2a1e", "5b3b22", "8a6236", "b98f55", "8d8983", "15130f")
SHIRTS = bgr(
    "b5413a", "d98b3a", "e2c15a", "5d8a58", "2f6f73", "3f6fa3", "2c3e66", "7a4f7f",
    "c67b8a", "e9e2d3", "8c8f92", "3a3b40", "d9d9dd", "6b2f35", "7fb0c4", "a3a25a",
)  # fmt: skip
TROUSERS = bgr(
    "28324a", "3b4d6e", "2b2b2e", "54504a", "8a7a5f", "b7a584", "45573f", "6c7380",
)  # fmt: skip
SHOES = bgr("1f1b19", "4a3020", "e8e6e0", "8c2f2a", "3a4250")
BAGS = bgr("8a4b2a", "2d2a2b", "b9382f", "345a7a", "c9a24b", "4c6145")
PHONE = bgr("2d323c")[0]
HAZE = bgr("d8dde2")[0]


def add_haze(colors: Floats, depth: float | Floats) -> Floats:
    """Fade colors, of shape (..., 3), by their distance in meters."""
    share = 1 - np.exp(-np.asarray(depth) / 220)
    return np.asarray(colors + (HAZE - colors) * share[..., None])


def shrink(image: Image) -> Image:
    """Average an image down from what it was supersampled to."""
    scale = 1 / SUPERSAMPLE
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


class Part(NamedTuple):
    """The convex hull of some balls, in one color.

    Attributes:
        centers: meters of shape (frames, balls, 3), a single frame if it never moves
        radii: meters of shape (balls,)
        color: blue, green, red in [0, 255]
        nearer: meters by which the part counts as nearer when parts are stacked
    """

    centers: Floats
    radii: Floats
    color: Floats
    nearer: float = 0.0


class Sprite(NamedTuple):
    """A drawn figure.

    Attributes:
        image: premultiplied blue, green, red and alpha
        left: column of the image at which it starts
        top: row of the image at which it starts
        depth: distance of the figure's foot in meters
    """

    image: Image
    left: int
    top: int
    depth: float


class Figure:
    """Parts that move together."""

    def __init__(self, parts: Sequence[Part]) -> None:
        """Create the figure."""
        self._centers = np.concatenate([part.centers for part in parts], axis=1)
        self._radii = np.concatenate([part.radii for part in parts])
        self._colors = np.array([part.color for part in parts])
        self._nearer = np.array([part.nearer for part in parts])
        self._starts = np.cumsum([0] + [len(part.radii) for part in parts])

    def draw(self, camera: Camera, frame: int = 0) -> Sprite:
        """Draw the whole figure in a 0-based frame, also what is outside the image."""
        centers = self._centers[frame % len(self._centers)]
        pixels, depths = camera.project(centers)
        radii = self._radii * camera.focal / depths
        left, top = np.floor((pixels - radii[:, None]).min(0)).astype(int) - 1
        right, bottom = np.ceil((pixels + radii[:, None]).max(0)).astype(int) + 2
        outlines = pixels[:, None] + radii[:, None, None] * _DISKS[:, None]
        outlines = (outlines - [left, top]) * SUPERSAMPLE
        shape = ((bottom - top) * SUPERSAMPLE, (right - left) * SUPERSAMPLE, 4)
        canvas = np.zeros(shape, np.uint8)
        colors = add_haze(self._colors, float(np.median(depths)))
        shades = np.clip(colors * _BRIGHTNESS, 0, 255)
        near = np.add.reduceat(depths, self._starts[:-1]) / np.diff(self._starts)
        for part in np.argsort(self._nearer - near, kind="stable"):
            balls = slice(self._starts[part], self._starts[part + 1])
            for outline, shade in zip(outlines, shades[:, part].tolist(), strict=True):
                _fill_hull(canvas, outline[balls], (*shade, 255))
        foot = camera.project(np.array([*centers[:, :2].mean(0), 0.0]))[1]
        return Sprite(shrink(canvas), int(left), int(top), float(foot))

    def draw_shadow(self, camera: Camera, mask: Image, frame: int = 0) -> None:
        """Draw the figure's shadow on the ground into a mask of the camera's size."""
        centers = self._centers[frame % len(self._centers)]
        pixels, depths = camera.project(centers - SUN * (centers[:, 2:] / SUN[2]))
        radii = self._radii * camera.focal / depths
        outline = pixels[:, None] + radii[:, None, None] * _RING
        for balls in np.split(outline, self._starts[1:-1]):
            _fill_hull(mask, balls, 255)


def _fill_hull(image: Image, points: Floats, color: Sequence[float] | int) -> None:
    """Fill the convex hull of points, in pixels."""
    sixteenths = np.round(points.reshape(-1, 2) * 16).astype(np.int32)
    cv2.fillConvexPoly(image, cv2.convexHull(sixteenths), color, cv2.LINE_AA, shift=4)


def _at(forward: float, outward: float, up: float) -> Floats:
    """Return an offset of both sides, outward meaning left on the left side."""
    return np.array([[forward, outward, up], [forward, -outward, up]])


def _limb(length: float, angle: Floats) -> Floats:
    """Return the vector of a limb that hangs down at an angle forward."""
    zero = np.zeros_like(angle)
    return length * np.stack([np.sin(angle), zero, -np.cos(angle)], axis=-1)


# Joints of the head: forward, left and up in meters from its center.
_HEAD: dict[str, npt.ArrayLike] = {
    "head": [0, 0, 0],
    "chin": [0.035, 0, -0.085],
    "nose": [0.105, 0, -0.025],
    "crown": [-0.012, 0, 0.045],
    "nape": [-0.055, 0, -0.015],
    "locks": [-0.075, 0, -0.19],
    "bun": [-0.12, 0, 0.06],
    "peak": [0.14, 0, 0.045],
    "brim": [
        [0.17 * np.cos(angle), 0.17 * np.sin(angle), 0.04]
        for angle in np.arange(8) * np.pi / 4
    ],
}


def skeleton(phase: Floats, swing: float, holds: bool) -> dict[str, Floats]:
    """Pose a body 1.75 m tall in a walking cycle.

    Args:
        phase: of the cycle in radians, of shape (frames,)
        swing: how far the thighs swing in radians, 0 for standing
        holds: whether the right elbow is bent to hold something

    Returns:
        the joints by name: forward, left and up in meters from the point between
        the feet, each of shape (frames, joints, 3), left and right where it has two
    """
    cycle = phase[:, None] + [0, np.pi]
    thigh = swing * np.sin(cycle) + 0.06 * swing
    lift = np.clip(np.cos(cycle + 0.3), 0, 1) ** 1.5
    shank = thigh - (0.06 + 2.2 * swing * lift)
    foot = 0.5 * np.minimum(shank, 0) + 0.3 * np.maximum(shank, 0)
    lean = 0.05 * swing
    turn = 0.09 * np.sin(phase)[:, None, None] * swing * [[[1], [-1]]] * [1, 0, 0]
    hip = _at(0, 0.09, 0) - 0.5 * turn
    knee = hip + _limb(0.44, thigh)
    ankle = knee + _limb(0.42, shank)
    shoulder = _at(0.01, 0.165, 0.5) + lean + 2 * turn
    held = np.array([0, 1.5 * holds])
    arm = (0.25 * held - 0.95 * swing * np.sin(cycle)) * np.where(held > 0, 0.3, 1)
    forearm = arm + 0.18 + 0.5 * swing * (1 - np.sin(cycle)) + held
    elbow = shoulder + _limb(0.29, arm) + _at(0, 0.045, 0)
    wrist = elbow + _limb(0.25, forearm) - _at(0, 0.02, 0)
    hand = wrist + _limb(0.07, forearm)
    head = np.array([0.03, 0, 0.71]) + 1.4 * lean
    joints = {
        "hip": hip, "knee": knee, "ankle": ankle,
        "heel": ankle + _limb(0.04, foot - 0.9),
        "toe": ankle + _limb(0.17, foot + 1.27),
        "shoulder": shoulder, "elbow": elbow, "wrist": wrist, "hand": hand,
        "waist": _at(0, 0.075, 0.17),
        "hem": hip + 0.85 * (knee - hip) + _at(0, 0.03, 0),
        "tail": hip + 0.3 * (knee - hip) + _at(0, 0.02, 0),
        "pack": shoulder + _at(-0.14, -0.06, -0.02),
        "pack-bottom": shoulder + _at(-0.16, -0.05, -0.33),
        "strap": shoulder + _at(0.075, -0.05, 0.0),
        "strap-bottom": shoulder + _at(0.09, -0.05, -0.27),
        "handle": hand[:, :1],
        "bag-front": hand[:, :1] + [0.12, 0, -0.28],
        "bag-back": hand[:, :1] + [-0.12, 0, -0.28],
        "phone": hand[:, 1:] + [0.02, 0, 0.06],
        "neck": np.array([[0.01, 0, 0.55]]) + lean,
        **{name: head + np.reshape(place, (-1, 3)) for name, place in _HEAD.items()},
    }  # fmt: skip
    soles = np.concatenate([joints["heel"], joints["toe"]], axis=1)
    ground = (soles[..., 2].min(1) - 0.035)[:, None, None] * [0, 0, 1]
    return {name: place - ground for name, place in joints.items()}


# Whether a part is worn, its joints, the radii there, its color, and ``nearer``.
_Rows = list[tuple[bool, str, float | tuple[float, float], Floats, float]]


def dress(
    rng: np.random.Generator, joints: dict[str, Floats], tall: float, holds: bool
) -> Figure:
    """Dress a body in random clothes.

    Args:
        rng: the random numbers
        joints: the joints of :func:`skeleton`, in meters in the world
        tall: height of the body as a share of 1.75 m
        holds: whether the right hand holds a phone
    """
    skin, hair, shirt, trousers, shoes, bag, hat = (
        rng.choice(colors)
        for colors in (SKIN, HAIR, SHIRTS, TROUSERS, SHOES, BAGS, SHIRTS)
    )
    legs = rng.choice(
        ["trousers", "shorts", "skirt", "coat"], p=[0.55, 0.12, 0.2, 0.13]
    )
    sleeves = shirt if legs == "coat" or rng.random() < 0.5 else skin
    hairdo = rng.choice(["short", "long", "bun", "bald"], p=[0.5, 0.3, 0.12, 0.08])
    headwear = rng.choice(["none", "cap", "sun hat"], p=[0.76, 0.14, 0.1])
    carries = rng.choice(["nothing", "backpack", "bag"], p=[0.48, 0.28, 0.24])
    waist = 0.085 + 0.035 * rng.random()
    thighs = skin if legs in ("shorts", "skirt") else trousers
    limbs: _Rows = [
        (True, "hip knee", (0.088, 0.062), thighs, 0),
        (True, "knee ankle", (0.06, 0.043), thighs, 0),
        (True, "heel toe", (0.045, 0.036), shoes, 0),
        (True, "shoulder elbow", (0.062, 0.048), shirt, 0.02),
        (True, "elbow wrist", (0.046, 0.036), sleeves, 0.03),
        (True, "wrist hand", (0.032, 0.038), skin, 0.02),
        (legs == "shorts", "hip hem", (0.105, 0.092), trousers, 0.02),
        (carries == "backpack", "strap strap-bottom", 0.018, bag * 0.8, 0.06),
    ]
    body: _Rows = [
        (True, "hip", 0.098, skin if legs == "skirt" else trousers, 0),
        (legs == "skirt", "waist hem", (0.085, 0.115), trousers, 0.06),
        (legs == "coat", "waist tail", (0.1, 0.125), shirt, 0.06),
        (True, "shoulder waist", (0.072, waist), shirt, 0.05),
        (legs in ("trousers", "shorts"), "waist hip", (waist, 0.1), shirt, 0.04),
        (True, "neck chin", (0.058, 0.05), skin, 0.02),
        (True, "head chin", (0.098, 0.062), skin, 0.05),
        (True, "nose", 0.018, skin * 0.94, 0.03),
        (hairdo != "bald", "crown", 0.104, hair, 0.055),
        (hairdo != "bald", "nape crown", 0.1, hair, 0),
        (hairdo == "long", "nape locks", (0.095, 0.075), hair, 0),
        (hairdo == "bun", "bun", 0.055, hair, 0),
        (headwear != "none", "crown", 0.112, hat, 0.08),
        (headwear == "cap", "peak crown", (0.035, 0.06), hat * 0.8, 0.05),
        (headwear == "sun hat", "brim", 0.015, hat * 0.92, 0.07),
        (carries == "backpack", "pack pack-bottom", (0.075, 0.095), bag, 0.02),
        (carries == "bag", "bag-front handle", (0.01, 0.012), bag * 0.7, -0.01),
        (carries == "bag", "bag-back handle", (0.01, 0.012), bag * 0.7, -0.01),
        (carries == "bag", "bag-front bag-back", 0.1, bag, 0),
        (holds, "phone", 0.035, PHONE, 0.05),
    ]
    return _hang(limbs, body, joints, tall)


def _hang(limbs: _Rows, body: _Rows, joints: dict[str, Floats], tall: float) -> Figure:
    """Hang the parts that are worn on the joints, those of the limbs on each side."""
    left, right, both = slice(0, 1), slice(1, 2), slice(None)
    parts = []
    for rows, side in ((limbs, left), (limbs, right), (body, both)):
        for worn, names, radii, color, nearer in rows:
            if worn:
                balls = [joints[name][:, side] for name in names.split()]
                sizes = tall * np.broadcast_to(radii, len(balls))
                sizes = np.repeat(sizes, [ball.shape[1] for ball in balls])
                parts.append(Part(np.concatenate(balls, 1), sizes, color, nearer))
    return Figure(parts)
