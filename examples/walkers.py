# SPDX-License-Identifier: Apache-2.0
"""Draws people crossing a plaza, and knows where each of them is.

Everything that stands on the plaza, walkers, lamps and trees alike, is a figure
of balls: each part of a figure is the convex hull of one to a few balls.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

FRAME_RATE = 25

#: Direction in which the sunlight travels: x right, y away from the camera, z up.
SUN = np.array([0.75, -0.55, -1.0])

#: The same as seen in the image, pointing to the light, for the shading.
TO_LIGHT = np.array([-0.55, -0.6])

#: Shading of a ball: radius, shift towards the light in radii, and brightness.
SHADES = ((1.0, 0.0, 0.66), (0.84, 0.1, 0.82), (0.62, 0.22, 0.97), (0.34, 0.38, 1.08))

#: Drawing is done at this multiple of the image's size and averaged down.
SUPERSAMPLE = 2

RING = np.stack(
    [
        np.cos(np.linspace(0, 2 * np.pi, 18)[:-1]),
        np.sin(np.linspace(0, 2 * np.pi, 18)[:-1]),
    ],
    axis=-1,
)


def _bgr(*colors: str) -> Floats:
    """Turns ``rrggbb`` into rows of blue, green, red in [0, 255]."""
    return np.array([list(bytes.fromhex(color))[::-1] for color in colors], float)


SKIN = _bgr("f1c9a5", "e0ac85", "c98d63", "a66a43", "7a4a2e", "5a3825")
HAIR = _bgr("2a1d17", "3d2a1e", "5b3b22", "8a6236", "b98f55", "8d8983", "15130f")
SHIRTS = _bgr(
    "b5413a", "d98b3a", "e2c15a", "5d8a58", "2f6f73", "3f6fa3", "2c3e66", "7a4f7f",
    "c67b8a", "e9e2d3", "8c8f92", "3a3b40", "d9d9dd", "6b2f35", "7fb0c4", "a3a25a",
)  # fmt: skip
TROUSERS = _bgr(
    "28324a", "3b4d6e", "2b2b2e", "54504a", "8a7a5f", "b7a584", "45573f", "6c7380",
)  # fmt: skip
SHOES = _bgr("1f1b19", "4a3020", "e8e6e0", "8c2f2a", "3a4250")
BAGS = _bgr("8a4b2a", "2d2a2b", "b9382f", "345a7a", "c9a24b", "4c6145")
LEAVES = _bgr("39602f", "4a7436", "5f8a3f", "7a9c48", "2e5230")
HAZE = _bgr("d8dde2")[0]


@dataclass(frozen=True)
class Camera:
    """A camera above the plaza, at the world's origin, looking down and aside.

    World coordinates are metres: x right, y away, z up from the ground.

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
        """Projects world points into the image.

        Args:
            points: metres, of shape (..., 3)

        Returns:
            pixels of shape (..., 2) and the depths in metres of shape (...)
        """
        seen = (points - [0, 0, self.elevation]) @ self.axes.T
        depth = np.maximum(seen[..., 2], 0.1)
        center = [self.width / 2, self.height / 2]
        return center + self.focal * seen[..., :2] / depth[..., None], depth

    def ground(self, u: npt.ArrayLike, v: npt.ArrayLike) -> Floats:
        """Finds the points of the ground that are seen at pixels.

        Args:
            u: pixels from the left
            v: pixels from the top, below the horizon

        Returns:
            metres x, y of shape (..., 2)
        """
        x = (np.asarray(u, float) - self.width / 2) / self.focal
        y = (np.asarray(v, float) - self.height / 2) / self.focal
        ray = np.stack([x, y, np.ones_like(x)], axis=-1) @ self.axes
        return np.asarray(ray[..., :2] * (self.elevation / -ray[..., 2:]))


class Part(NamedTuple):
    """A convex hull of balls in one colour.

    Attributes:
        joints: the indices of the balls' centers among the figure's joints
        radii: the balls' radii in metres
        color: blue, green, red in [0, 255]
        nearer: metres by which the part counts as nearer when parts are stacked
    """

    joints: list[int]
    radii: list[float]
    color: Floats
    nearer: float = 0.0


class Sprite(NamedTuple):
    """A drawn figure.

    Attributes:
        image: premultiplied blue, green, red and alpha
        left: column of the image at which it starts
        top: row of the image at which it starts
        depth: distance of the figure's foot in metres
    """

    image: Image
    left: int
    top: int
    depth: float


class Figure:
    """Joints that move, and parts hung on them.

    Args:
        joints: metres, of shape (frames, joints, 3); a single frame for a thing
            that does not move
        parts: the parts
    """

    def __init__(self, joints: Floats, parts: Sequence[Part]) -> None:
        """Creates the figure."""
        self.joints = joints
        self._index = np.concatenate([part.joints for part in parts]).astype(int)
        self._radii = np.concatenate([part.radii for part in parts])
        self._colors = np.array([part.color for part in parts])
        self._nearer = np.array([part.nearer for part in parts])
        self._starts = np.cumsum([0] + [len(part.joints) for part in parts])

    def draw(self, camera: Camera, frame: int = 0) -> Sprite:
        """Draws the figure.

        Args:
            camera: the camera
            frame (0): 0-based frame

        Returns:
            the sprite, of the whole figure even where it is outside the image
        """
        joints = self.joints[frame % len(self.joints)]
        pixels, depths = camera.project(joints[self._index])
        radii = self._radii * camera.focal / depths
        left, top = np.floor((pixels - radii[:, None]).min(0)).astype(int) - 1
        right, bottom = np.ceil((pixels + radii[:, None]).max(0)).astype(int) + 2
        scale = SUPERSAMPLE
        shape = ((bottom - top) * scale, (right - left) * scale, 4)
        canvas = np.zeros(shape, np.uint8)
        reach, towards_light, brightness = np.array(SHADES).T
        ring = reach[:, None, None] * RING + towards_light[:, None, None] * TO_LIGHT
        outline = pixels[:, None] + radii[:, None, None] * ring[:, None]
        outline = _fixed((outline - [left, top]) * scale)
        depth = float(np.median(depths))
        haze = 1 - math.exp(-depth / 220)
        colors = self._colors * (1 - haze) + HAZE * haze
        shades = np.clip(colors[:, None] * brightness[:, None], 0, 255)
        near = np.add.reduceat(depths, self._starts[:-1]) / np.diff(self._starts)
        for part in np.argsort(self._nearer - near, kind="stable"):
            balls = slice(self._starts[part], self._starts[part + 1])
            for level, shade in enumerate(shades[part].tolist()):
                _fill_hull(canvas, outline[level, balls], (*shade, 255))
        canvas = np.asarray(
            cv2.resize(
                canvas, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA
            ),
            np.uint8,
        )
        foot = camera.project(np.array([*joints[:, :2].mean(0), 0.0]))[1]
        return Sprite(canvas, int(left), int(top), float(foot))

    def draw_shadow(self, camera: Camera, mask: Image, frame: int = 0) -> None:
        """Draws the shadow that the figure throws on the ground.

        Args:
            camera: the camera that ``mask`` is the image of
            mask: the image of all shadows, 255 in the shadow
            frame (0): 0-based frame
        """
        balls = self.joints[frame % len(self.joints)][self._index]
        pixels, depths = camera.project(balls - SUN * (balls[:, 2:] / SUN[2]))
        radii = self._radii * camera.focal / depths
        outline = _fixed(pixels[:, None] + radii[:, None, None] * RING)
        for start, end in zip(self._starts[:-1], self._starts[1:], strict=True):
            _fill_hull(mask, outline[start:end], 255)


def _fixed(points: Floats) -> npt.NDArray[np.int32]:
    """Turns pixels into the fixed point numbers of :func:`_fill_hull`."""
    return np.round(points * 16).astype(np.int32)


def _fill_hull(
    image: Image, points: npt.NDArray[np.int32], color: Sequence[float] | int
) -> None:
    """Fills the convex hull of points, in sixteenths of pixels."""
    hull = cv2.convexHull(points.reshape(-1, 2))
    cv2.fillConvexPoly(image, hull, color, cv2.LINE_AA, shift=4)


def _swing(length: float, angle: Floats) -> Floats:
    """The vector of a limb of a length that hangs down at an angle forward."""
    zero = np.zeros_like(angle)
    return length * np.stack([np.sin(angle), zero, -np.cos(angle)], axis=-1)


def _at(*offset: float) -> Floats:
    """An offset forward, left and up in metres."""
    return np.array(offset)


def _skeleton(phase: Floats, swing: Floats, hold: float) -> dict[str, Floats]:
    """Poses a body 1.75 m tall in a walking cycle.

    Args:
        phase: of the cycle in radians, of shape (frames,)
        swing: how far the thighs swing in radians, 0 for standing
        hold: by how much the right elbow is bent to hold something, in radians

    Returns:
        the joints by name: forward, left and up in metres from the point between
        the feet, each of shape (frames, 3)
    """
    joints: dict[str, Floats] = {}
    pelvis = np.zeros((len(phase), 3))
    lean = 0.05 * swing[:, None]
    turn = 0.09 * np.sin(phase)[:, None] * swing[:, None]
    for side, sign in (("left", 1), ("right", -1)):
        cycle = phase if sign == 1 else phase + np.pi
        thigh = swing * np.sin(cycle) + 0.06 * swing
        lift = np.clip(np.cos(cycle + 0.3), 0, 1) ** 1.5
        shank = thigh - (0.06 + 2.2 * swing * lift)
        foot = 0.5 * np.minimum(shank, 0) + 0.3 * np.maximum(shank, 0)
        hip = pelvis + _at(0, sign * 0.09, 0) - turn * _at(sign * 0.5, 0, 0)
        knee = hip + _swing(0.44, thigh)
        ankle = knee + _swing(0.42, shank)
        heel = ankle + _swing(0.04, foot - 0.9)
        toe = ankle + _swing(0.17, foot + 1.27)
        shoulder = pelvis + _at(0.01, sign * 0.165, 0.5) + lean
        shoulder = shoulder + turn * _at(sign * 2, 0, 0)
        held = hold if sign == -1 else 0.0
        arm = (0.25 * held - 0.95 * swing * np.sin(cycle)) * (0.3 if held else 1)
        forearm = arm + 0.18 + 0.5 * swing * (1 - np.sin(cycle)) + held
        elbow = shoulder + _swing(0.29, arm) + _at(0, sign * 0.045, 0)
        wrist = elbow + _swing(0.25, forearm) - _at(0, sign * 0.02, 0)
        hand = wrist + _swing(0.07, forearm)
        joints |= {
            f"{side} hip": hip, f"{side} knee": knee, f"{side} ankle": ankle,
            f"{side} heel": heel, f"{side} toe": toe, f"{side} shoulder": shoulder,
            f"{side} elbow": elbow, f"{side} wrist": wrist, f"{side} hand": hand,
            f"{side} waist": pelvis + _at(0, sign * 0.075, 0.17),
            f"{side} hem": (hip + 0.85 * (knee - hip)) + _at(0, sign * 0.03, 0),
            f"{side} tail": (hip + 0.3 * (knee - hip)) + _at(0, sign * 0.02, 0),
            f"{side} pack": shoulder + _at(-0.14, -sign * 0.06, -0.02),
            f"{side} pack bottom": shoulder + _at(-0.16, -sign * 0.05, -0.33),
            f"{side} strap": shoulder + _at(0.075, -sign * 0.05, 0.0),
            f"{side} strap bottom": shoulder + _at(0.09, -sign * 0.05, -0.27),
        }  # fmt: skip
    head = pelvis + _at(0.03, 0, 0.71) + 1.4 * lean
    bag = joints["left hand"]
    joints |= {
        "neck": pelvis + _at(0.01, 0, 0.55) + lean,
        "head": head,
        "chin": head + _at(0.035, 0, -0.085),
        "nose": head + _at(0.105, 0, -0.025),
        "crown": head + _at(-0.012, 0, 0.045),
        "nape": head + _at(-0.055, 0, -0.015),
        "locks": head + _at(-0.075, 0, -0.19),
        "bun": head + _at(-0.12, 0, 0.06),
        "peak": head + _at(0.14, 0, 0.045),
        "bag front": bag + _at(0.12, 0, -0.28),
        "bag back": bag + _at(-0.12, 0, -0.28),
        "phone": joints["right hand"] + _at(0.02, 0.0, 0.06),
    }
    for spoke in range(8):
        angle = spoke * np.pi / 4
        brim = _at(0.17 * math.cos(angle), 0.17 * math.sin(angle), 0.04)
        joints[f"brim {spoke}"] = head + brim
    soles = [
        joints[f"{side} {end}"] for side in ("left", "right") for end in ("heel", "toe")
    ]
    lowest = np.min([sole[:, 2] for sole in soles], axis=0) - 0.035
    return {
        name: place - lowest[:, None] * _at(0, 0, 1) for name, place in joints.items()
    }


def _dress(rng: np.random.Generator, names: Sequence[str], holds: bool) -> list[Part]:
    """Chooses clothes, hair and what is carried.

    Args:
        rng: the random numbers
        names: the names of the joints of :func:`_skeleton`
        holds: whether the right hand holds a phone

    Returns:
        the parts of a body 1.75 m tall
    """
    skin, hair, shirt, trousers, shoes, bag, hat = (
        rng.choice(colors)
        for colors in (SKIN, HAIR, SHIRTS, TROUSERS, SHOES, BAGS, SHIRTS)
    )
    legs = rng.choice(
        ["trousers", "shorts", "skirt", "coat"], p=[0.55, 0.12, 0.2, 0.13]
    )
    sleeves = legs == "coat" or rng.random() < 0.5
    hairdo = rng.choice(["short", "long", "bun", "bald"], p=[0.5, 0.3, 0.12, 0.08])
    headwear = rng.choice(["none", "cap", "sun hat"], p=[0.76, 0.14, 0.1])
    carries = rng.choice(["nothing", "backpack", "bag"], p=[0.48, 0.28, 0.24])
    parts: list[Part] = []

    def add(
        joints: str, radii: Sequence[float], color: Floats, nearer: float = 0.0
    ) -> None:
        parts.append(
            Part(
                [names.index(j) for j in joints.split(", ")], list(radii), color, nearer
            )
        )

    bare = skin if legs in ("shorts", "skirt") else trousers
    for side in ("left", "right"):
        add(f"{side} hip, {side} knee", [0.088, 0.062], bare)
        add(f"{side} knee, {side} ankle", [0.06, 0.043], bare)
        add(f"{side} heel, {side} toe", [0.045, 0.036], shoes)
        add(f"{side} shoulder, {side} elbow", [0.062, 0.048], shirt, 0.02)
        add(
            f"{side} elbow, {side} wrist",
            [0.046, 0.036],
            shirt if sleeves else skin,
            0.03,
        )
        add(f"{side} wrist, {side} hand", [0.032, 0.038], skin, 0.02)
        if legs == "shorts":
            add(f"{side} hip, {side} hem", [0.105, 0.092], trousers, 0.02)
        if carries == "backpack":
            add(f"{side} strap, {side} strap bottom", [0.018, 0.018], bag * 0.8, 0.06)
    add("left hip, right hip", [0.098, 0.098], skin if legs == "skirt" else trousers)
    if legs == "skirt":
        add(
            "left waist, right waist, left hem, right hem",
            [0.085, 0.085, 0.115, 0.115],
            trousers,
            0.06,
        )
    elif legs == "coat":
        add(
            "left waist, right waist, left tail, right tail",
            [0.1, 0.1, 0.125, 0.125],
            shirt,
            0.06,
        )
    waist = 0.085 + 0.035 * rng.random()
    add(
        "left shoulder, right shoulder, left waist, right waist",
        [0.072, 0.072, waist, waist],
        shirt,
        0.05,
    )
    if legs in ("trousers", "shorts"):
        add(
            "left waist, right waist, left hip, right hip",
            [waist, waist, 0.1, 0.1],
            shirt,
            0.04,
        )
    add("neck, chin", [0.058, 0.05], skin, 0.02)
    add("head, chin", [0.098, 0.062], skin, 0.05)
    add("nose", [0.018], skin * 0.94, 0.03)
    if hairdo != "bald":
        add("crown", [0.104], hair, 0.055)
        add("nape, crown", [0.1, 0.1], hair)
    if hairdo == "long":
        add("nape, locks", [0.095, 0.075], hair)
    if hairdo == "bun":
        add("bun", [0.055], hair)
    if headwear != "none":
        add("crown", [0.112], hat, 0.08)
    if headwear == "cap":
        add("peak, crown", [0.035, 0.06], hat * 0.8, 0.05)
    if headwear == "sun hat":
        add(
            ", ".join(f"brim {spoke}" for spoke in range(8)),
            [0.015] * 8,
            hat * 0.92,
            0.07,
        )
    if carries == "backpack":
        add(
            "left pack, right pack, left pack bottom, right pack bottom",
            [0.075, 0.075, 0.095, 0.095], bag, 0.02,
        )  # fmt: skip
    if carries == "bag":
        add("bag front, left hand", [0.01, 0.012], bag * 0.7, -0.01)
        add("bag back, left hand", [0.01, 0.012], bag * 0.7, -0.01)
        add("bag front, bag back", [0.1, 0.1], bag)
    if holds:
        add("phone", [0.035], np.array([60.0, 50, 45]), 0.05)
    return parts


class Path2D(NamedTuple):
    """The way that a walker takes over the ground.

    Attributes:
        places: metres x, y of shape (frames, 2)
        heading: direction in radians from the x axis, of shape (frames,)
        speed: metres per second
    """

    places: Floats
    heading: Floats
    speed: float


def _arc(
    place: Floats, heading: float, speed: float, bend: float, moment: float, frames: int
) -> Path2D:
    """Walks a slight curve.

    Args:
        place: metres x, y that are passed
        heading: the direction there in radians
        speed: metres per second
        bend: the curve in radians per metre
        moment: the frame at which ``place`` is passed
        frames: the number of frames

    Returns:
        the path
    """
    way = (np.arange(frames) - moment) / FRAME_RATE * speed
    turned = heading + bend * way / 2
    steps = way * np.sinc(bend * way / 2 / np.pi)
    offsets = np.stack([np.cos(turned), np.sin(turned)], axis=-1) * steps[:, None]
    return Path2D(place + offsets, heading + bend * way, speed)


def _beside(leader: Path2D, aside: float, behind: float) -> Path2D:
    """The path of one who walks with another, metres to the left and behind."""
    forward = np.stack([np.cos(leader.heading), np.sin(leader.heading)], axis=-1)
    left = forward[:, ::-1] * [-1, 1]
    return leader._replace(places=leader.places + aside * left - behind * forward)


def _paths(
    rng: np.random.Generator, camera: Camera, count: int, frames: int
) -> list[Path2D]:
    """Chooses the ways of all walkers, so that nobody runs into another.

    The first two pass each other at half time, one in front of the other, and the
    third leaves the image before its end.

    Args:
        rng: the random numbers
        camera: the camera
        count: the number of walkers
        frames: the number of frames

    Returns:
        the paths
    """
    width, height = camera.width, camera.height
    right = -camera.yaw
    paths = [
        _arc(
            camera.ground(0.53 * width, 0.66 * height),
            right,
            1.25,
            0.0,
            0.5 * frames,
            frames,
        ),
        _arc(
            camera.ground(0.53 * width, 0.62 * height),
            right + np.pi,
            1.15,
            0.0,
            0.5 * frames,
            frames,
        ),
        _arc(
            camera.ground(0.96 * width, 0.72 * height),
            right,
            1.3,
            0.0,
            0.4 * frames,
            frames,
        ),
    ]
    close = 0.75
    while len(paths) < count:
        u, v = (
            rng.uniform(0.04, 0.96) * width,
            rng.triangular(0.37, 0.46, 0.98) * height,
        )
        place, heading = camera.ground(u, v), rng.uniform(0, 2 * np.pi)
        stands = rng.random() < 0.12
        speed = 0.0 if stands else float(np.clip(rng.normal(1.25, 0.2), 0.8, 1.8))
        bend, moment = rng.normal(0, 0.035), rng.uniform(0, frames)
        first = _arc(place, heading, speed, bend, moment, frames)
        mates = int(rng.choice(3, p=[0.55, 0.33, 0.12]))
        facing = np.pi / 2 if stands else 0.0
        group = [first._replace(heading=first.heading + facing)]
        for number in range(1, 1 + min(mates, 1 if stands else 2)):
            mate = _beside(first, 0.8 * number, rng.uniform(-0.25, 0.25))
            group.append(mate._replace(heading=mate.heading - facing))
        group = group[: count - len(paths)]
        ways = np.array([path.places for path in group])
        others = np.array([path.places for path in paths])
        things = np.broadcast_to(OBSTACLES[:, None], (len(OBSTACLES), frames, 2))
        gaps = np.linalg.norm(ways[:, None] - np.concatenate([others, things]), axis=-1)
        aside, away = np.moveaxis(ways @ camera.axes[[0, 2], :2].T, -1, 0)
        seen = np.abs(aside) < 1.1 * away * width / camera.focal / 2
        if away.min() < NEAREST or np.any(away[seen] > FARTHEST):
            continue
        if gaps.min() > close:
            paths += group
        else:
            close *= 0.998  # a crowd of any number finds its places in the end
    return paths


#: Where things stand on the plaza, metres x, y: lamps, benches, tubs with a bush.
LAMPS = np.array([[-7.5, 21.0], [9.0, 27.0], [-9.5, 35.0], [21.0, 37.5]])
BENCHES = np.array([[-5.4, 29.5], [14.5, 30.0], [7.0, 13.2]])
TUBS = np.array([[-7.6, 29.5], [-3.2, 29.5], [12.3, 30.0], [16.7, 30.0]])
OBSTACLES = np.concatenate(
    [LAMPS, BENCHES, BENCHES + np.array([0.7, 0]), BENCHES - np.array([0.7, 0]), TUBS]
)

#: Trees stand beyond the walkers, who keep nearer than this many metres.
TREES = np.array(
    [[x, 44 + 3 * (i % 2)] for i, x in enumerate(range(-34, 50, 9))], float
)
FARTHEST = 37.0

#: Nobody comes nearer than this many metres, where all are below the image: what
#: is beside or behind the camera cannot be projected.
NEAREST = 3.0

#: The house fronts beyond: metres y of the row.
FRONTS = 58.0


def _thing(
    place: Floats,
    parts: Sequence[tuple[Sequence[Sequence[float]], Sequence[float], Floats]],
) -> Figure:
    """Builds a figure that does not move.

    Args:
        place: metres x, y
        parts: for each part the balls' centers relative to the place, their radii
            in metres, and the colour

    Returns:
        the figure
    """
    balls, hung = np.zeros((0, 3)), []
    for centers, radii, color in parts:
        joints = list(range(len(balls), len(balls) + len(centers)))
        balls = np.concatenate([balls, np.array(centers, float)])
        hung.append(Part(joints, list(radii), color))
    return Figure((balls + np.array([*place, 0]))[None], hung)


def _lamp(place: Floats) -> Figure:
    iron, glass = _bgr("2f3a38", "f6ead0")
    return _thing(
        place,
        [
            ([[0, 0, 0.05], [0, 0, 0.5]], [0.15, 0.08], iron),
            ([[0, 0, 0.5], [0, 0, 3.7]], [0.055, 0.04], iron),
            ([[-0.32, 0, 3.75], [0.32, 0, 3.75]], [0.03, 0.03], iron),
            *(
                part
                for x in (-0.34, 0.34)
                for part in (
                    ([[x, 0, 3.85], [x, 0, 4.12]], [0.11, 0.17], glass),
                    ([[x, 0, 4.29], [x, 0, 4.38]], [0.08, 0.03], iron),
                )
            ),
        ],
    )


def _bench(place: Floats) -> Figure:
    wood, iron = _bgr("9a6a3f", "33383a")
    slats = [
        ([[-0.85, y, z], [0.85, y, z]], [0.035, 0.035], wood)
        for y, z in (
            (-0.2, 0.45),
            (-0.08, 0.45),
            (0.04, 0.45),
            (0.16, 0.62),
            (0.19, 0.8),
        )
    ]
    legs = [
        ([[x, y, 0.03], [x, y, 0.42]], [0.03, 0.03], iron)
        for x in (-0.7, 0.7)
        for y in (-0.18, 0.15)
    ]
    return _thing(place, [*legs, *slats])


def _tub(place: Floats, rng: np.random.Generator) -> Figure:
    clay = _bgr("a9674a")[0]
    leaves = [
        ([center], [0.13], rng.choice(LEAVES))
        for center in _cloud(rng, 60, 0.42, 0.4, 0.95)
    ]
    tub = ([[0, 0, 0.1], [0, 0, 0.5]], [0.27, 0.36], clay)
    return _thing(place, [tub, *leaves])


def _tree(place: Floats, rng: np.random.Generator) -> Figure:
    bark = _bgr("5b4636")[0]
    trunk = ([[0, 0, 0.1], [0, 0, 3.2]], [0.2, 0.13], bark)
    wide, high, up = rng.uniform(1.9, 2.4), rng.uniform(1.9, 2.6), 4.9
    leaves = []
    for center in _cloud(rng, 800, wide, high, up):
        # The crown is lit from above, on the side where the sun stands
        lit = 0.95 + 0.22 * (center[2] - up) / high - 0.12 * center[0] / wide
        color = rng.choice(LEAVES) * rng.uniform(0.92, 1.08) * lit
        leaves.append(([center], [rng.uniform(0.12, 0.32)], color))
    return _thing(place, [trunk, *leaves])


def _cloud(
    rng: np.random.Generator, count: int, wide: float, high: float, up: float
) -> list[list[float]]:
    """Places points in an ellipsoid, more of them near its hull.

    Args:
        rng: the random numbers
        count: the number of points
        wide: half the width in metres
        high: half the height in metres
        up: height of the center in metres

    Returns:
        metres x, y, z
    """
    points = rng.normal(size=(count, 3))
    points *= rng.uniform(0.1, 1, (count, 1)) ** 0.4 / np.linalg.norm(
        points, axis=1, keepdims=True
    )
    placed: list[list[float]] = (points * [wide, wide, high] + [0, 0, up]).tolist()
    return placed


def _noise(rng: np.random.Generator, size: int, coarse: int) -> Floats:
    """Smooth noise that repeats, of shape (size, size), about 0 with deviation 1."""
    total = np.zeros((size, size))
    cells = coarse
    while cells <= size:
        grid = np.pad(rng.normal(size=(cells, cells)), 2, mode="wrap")
        fine = cv2.resize(
            grid, None, fx=size / cells, fy=size / cells, interpolation=cv2.INTER_CUBIC
        )
        edge = 2 * size // cells
        total += fine[edge : edge + size, edge : edge + size] * cells**-0.7
        cells *= 2
    return np.asarray((total - total.mean()) / total.std())


def _paving(rng: np.random.Generator, places: Floats, footprint: Floats) -> Floats:
    """Colours the ground: slabs in rows, bands, and rings about the plaza's middle.

    Args:
        rng: the random numbers
        places: metres x, y of shape (..., 2)
        footprint: metres that a pixel covers there, of shape (...)

    Returns:
        blue, green, red in [0, 255] of shape (..., 3)
    """
    light, warm, dark, red = _bgr("cfc4b2", "c9b295", "8d8780", "b48a70")
    x, y = places[..., 0], places[..., 1]
    dx, dy = x - 2.5, y - 20.0
    radius, angle = np.hypot(dx, dy), np.arctan2(dy, dx)
    in_ring = radius < 6.0
    # Slabs of 0.9 m x 0.6 m in rows, and wedges of the same width in the rings.
    across = np.where(in_ring, radius / 0.6, y / 0.6)
    row = np.floor(across)
    wedges = np.maximum(np.round(2 * np.pi * (row + 0.5) * 0.6 / 0.9), 1)
    along = np.where(in_ring, angle / (2 * np.pi) * wedges, x / 0.9) + 0.5 * (row % 2)
    along = np.where(in_ring, along % wedges, along)
    column = np.floor(along)
    tints = rng.normal(size=(256, 256))
    tint = tints[row.astype(int) % 256, (column.astype(int) + 7 * in_ring) % 256]
    fade = np.clip(0.35 / footprint, 0, 1)
    color = np.broadcast_to(light, (*x.shape, 3)).copy()
    hue = tints[column.astype(int) % 256, (row.astype(int) + 31) % 256]
    color += (warm - light) * np.clip(0.4 + 0.35 * hue * fade, 0, 1)[..., None]
    bands = ~in_ring & (
        (np.abs((x + 60) % 7.2 - 3.6) < 0.45) | (np.abs((y + 60) % 6 - 3) < 0.3)
    )
    rings = in_ring & np.isin(row, [9, 6, 3])
    star = in_ring & (row < 9) & (row > 3) & (np.cos(8 * angle) > 0.55) & ~rings
    for where, paint in (
        (bands, dark),
        (rings, dark),
        (star, red),
        (in_ring & (row < 1), red),
    ):
        color += (paint - color) * (0.75 * where)[..., None]
    to_joint = np.minimum(
        0.9 * np.minimum(along - column, 1 - (along - column)),
        0.6 * np.minimum(across - row, 1 - (across - row)),
    )
    soft = np.maximum(footprint, 0.012)
    joint = (
        np.clip(1.2 - to_joint / soft, 0, 1) * np.minimum(0.012 / footprint, 1) ** 0.8
    )
    wear = (
        _sample(_noise(rng, 512, 4), places / 24) * 5
        + _sample(_noise(rng, 512, 64), places / 3) * 4 * fade
    )
    color *= (1 + 0.05 * tint * fade - 0.4 * joint)[..., None]
    return np.asarray(color + wear[..., None])


def _sample(texture: Floats, places: Floats) -> Floats:
    """Looks up a texture that repeats every unit."""
    size = len(texture)
    wrapped = (places * size % size).astype(np.float32)
    padded = np.pad(texture, ((0, 1), (0, 1)), mode="wrap").astype(np.float32)
    found = cv2.remap(padded, wrapped[..., 0], wrapped[..., 1], cv2.INTER_LINEAR)
    return np.asarray(found, float)


def _front(rng: np.random.Generator, wide: float, storeys: int) -> Image:
    """Draws a house front, at 24 pixels a metre.

    Args:
        rng: the random numbers
        wide: metres
        storeys: the number of storeys, the lowest one a shop

    Returns:
        blue, green, red
    """
    unit, storey = 24, 3.3
    wall, trim, glass, roof, awning = (
        rng.choice(_bgr(*colors.split()))
        for colors in (
            "d9c19a cfa98a c9b8a3 bfc4b8 d8cfc0 c98f75 b7a99a",
            "efe6d6 e4dccb f3eee3",
            "5a6a74 4d5d66 66767c",
            "8a4f3d 6b5650 7d5a48",
            "a63f35 2f5d50 31517a c58b3a",
        )
    )
    high = storeys * storey
    image = np.zeros((round((high + 1.8) * unit), round(wide * unit), 3), np.uint8)

    def box(x: float, z: float, width: float, height: float, color: Floats) -> None:
        left, bottom = round(x * unit), len(image) - round(z * unit)
        corner = (left + round(width * unit) - 1, bottom - max(round(height * unit), 1))
        cv2.rectangle(image, (left, bottom), corner, color.tolist(), -1)

    box(0, 0, wide, high, wall)
    box(0, high, wide, 1.8, roof)
    for step in range(5):
        box(0, high + 0.1 + step * 0.36, wide, 0.04, roof * 0.8)
    box(0, high - 0.1, wide, 0.3, trim)
    columns = int(wide // 2.4)
    pitch = wide / columns
    for floor in range(1, storeys):
        base = floor * storey
        box(0, base - 0.02, wide, 0.12, trim * 0.93)
        for column in range(columns):
            x = (column + 0.5) * pitch - 0.55
            box(x - 0.14, base + 0.62, 1.38, 2.2, trim)
            box(x, base + 0.75, 1.1, 1.9, glass * rng.uniform(0.8, 1.25))
            box(x, base + 1.9, 1.1, 0.75, glass * 1.35)
            box(x + 0.52, base + 0.75, 0.06, 1.9, trim)
            box(x, base + 1.85, 1.1, 0.06, trim)
            box(x - 0.2, base + 0.52, 1.5, 0.12, trim * 0.85)
            if rng.random() < 0.3:
                box(x - 0.1, base + 0.62, 1.3, 0.3, rng.choice(LEAVES))
    box(0, 0, wide, 3.0, wall * 0.72)
    for column in range(columns):
        x = column * pitch + 0.2
        box(x, 0.35, pitch - 0.4, 2.1, glass * 0.7)
        box(x, 1.3, pitch - 0.4, 1.1, glass * rng.uniform(0.95, 1.5))
        if rng.random() < 0.6:
            for stripe in range(6):
                color = awning if stripe % 2 else trim
                box(
                    x - 0.1 + stripe * (pitch - 0.2) / 6,
                    2.15,
                    (pitch - 0.2) / 6 + 0.05,
                    0.7,
                    color,
                )
            box(x - 0.1, 2.05, pitch - 0.2, 0.12, awning * 0.6)
    texture = _noise(rng, 512, 8)[:, :, None] * 5
    rows, columns = image.shape[:2]
    tiled = np.tile(texture, (rows // 512 + 1, columns // 512 + 1, 1))[:rows, :columns]
    shade = np.linspace(1.04, 0.9, rows)[:, None, None]
    return _bytes(image * shade + tiled)


def _bytes(values: Floats) -> Image:
    """Rounds to 8 bits."""
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def draw_plaza(camera: Camera, seed: int) -> Image:
    """Draws the plaza without anything that stands on it.

    Args:
        camera: the camera
        seed: the seed

    Returns:
        blue, green, red
    """
    rng = np.random.default_rng([seed, 1])
    large = Camera(camera.width * SUPERSAMPLE, camera.height * SUPERSAMPLE)
    rows = np.linspace(0, 1, large.height)[:, None, None]
    image = _bgr("9fbdd8")[0] + rows * 4 * (_bgr("eae6dc")[0] - _bgr("9fbdd8")[0])
    image = _bytes(np.broadcast_to(image, (large.height, large.width, 3)))
    x, storeys = -75.0, 3
    while x < 95:
        wide = rng.uniform(9, 17)
        storeys = int(rng.choice([count for count in (2, 3, 4) if count != storeys]))
        front = _front(rng, wide, storeys)
        rows_, columns = front.shape[:2]
        top = rows_ / 24
        corners = np.array(
            [
                [x, FRONTS, top],
                [x + wide, FRONTS, top],
                [x + wide, FRONTS, 0],
                [x, FRONTS, 0],
            ]
        )
        target = large.project(corners)[0].astype(np.float32)
        source = np.array(
            [[0, 0], [columns, 0], [columns, rows_], [0, rows_]], np.float32
        )
        warp = cv2.getPerspectiveTransform(source, target)
        cv2.warpPerspective(
            front,
            warp,
            (large.width, large.height),
            image,
            cv2.INTER_AREA,
            cv2.BORDER_TRANSPARENT,
        )
        x += wide
    image = _bytes(image + (HAZE - image) * 0.2)
    v, u = np.mgrid[: large.height, : large.width] + 0.5
    below = int(large.project(np.array([0, 1e6, 0.0]))[0][1]) + 2
    places = large.ground(u[below:], v[below:])
    depth = places @ large.axes[2, :2]
    footprint = depth**2 / (large.focal * large.elevation) * 0.7
    ground = places[..., 1] < FRONTS
    haze = (1 - np.exp(-depth / 220))[..., None]
    paving = _paving(rng, places, footprint)
    image[below:][ground] = _bytes(paving + (HAZE - paving) * haze)[ground]
    return np.asarray(
        cv2.resize(image, (camera.width, camera.height), interpolation=cv2.INTER_AREA),
        np.uint8,
    )


class Drawn(NamedTuple):
    """A frame and the truth about it.

    Attributes:
        image: blue, green, red of shape (height, width, 3)
        boxes: left, top, right, bottom in 0-based pixels of each walker, of shape
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
        """Sets the scene.

        Args:
            seed: the seed of everything that is chosen at random
            frames: the number of frames
            size: width and height of the image in pixels
            walkers: the number of walkers
        """
        rng = np.random.default_rng([seed, 0])
        self.camera = Camera(*size)
        self.walkers = _walkers(rng, self.camera, walkers, frames)
        things = [_lamp(place) for place in LAMPS]
        things += [_bench(place) for place in BENCHES]
        things += [_tub(place, rng) for place in TUBS]
        trees = [_tree(place, rng) for place in TREES]
        self._things = [thing.draw(self.camera) for thing in things]
        plaza = draw_plaza(self.camera, seed)
        self._background = self._shade(plaza, [*things, *trees], 0)
        for tree in _far_to_near([tree.draw(self.camera) for tree in trees]):
            _paste(self._background, tree)
        v, u = np.mgrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
        vignette = (1.12 - 0.13 * (u**2 + v**2) ** 1.3)[..., None] * [0.99, 1.0, 1.0]
        self._vignette = _bytes(255 / 1.12 * vignette)
        self._grain = [
            _bytes(rng.normal(128, 2.6, (*size[::-1], 1)).repeat(3, 2))
            for _ in range(4)
        ]

    def background(self) -> Image:
        """The plaza without the walkers and without lamps and benches."""
        return self._finish(self._background, 0)

    def draw(self, frame: int) -> Drawn:
        """Draws a frame.

        Args:
            frame: 0-based frame

        Returns:
            the frame, and its boxes
        """
        image = self._shade(self._background, self.walkers, frame)
        sprites = [walker.draw(self.camera, frame) for walker in self.walkers]
        owner = np.full(image.shape[:2], -1, np.int16)
        order = {id(sprite): walker for walker, sprite in enumerate(sprites)}
        for sprite in _far_to_near([*self._things, *sprites]):
            _paste(image, sprite)
            outer, inner = _overlap(image, sprite)
            owner[outer][sprite.image[inner][..., 3] > 127] = order.get(id(sprite), -1)
        seen = np.bincount(owner[owner >= 0], minlength=len(sprites))
        covered = [sprite.image[..., 3] > 127 for sprite in sprites]
        boxes = np.array(
            [
                _extent(mask) + [sprite.left, sprite.top] * 2
                for mask, sprite in zip(covered, sprites, strict=True)
            ],
            float,
        )
        visibility = seen / [mask.sum() for mask in covered]
        return Drawn(self._finish(image, frame), boxes, visibility)

    def _shade(self, image: Image, figures: Sequence[Figure], frame: int) -> Image:
        """Lays the figures' shadows on the ground."""
        half = Camera(self.camera.width // 2, self.camera.height // 2)
        mask = np.zeros((half.height, half.width), np.uint8)
        for figure in figures:
            figure.draw_shadow(half, mask, frame)
        mask = np.asarray(
            cv2.GaussianBlur(mask, (0, 0), max(half.height / 420, 0.4)), np.uint8
        )
        mask = np.asarray(
            cv2.resize(mask, (self.camera.width, self.camera.height)), np.uint8
        )
        light = cv2.merge([255 - (mask * share) for share in (0.42, 0.47, 0.52)])
        return np.asarray(
            cv2.multiply(image, light.astype(np.uint8), scale=1 / 255), np.uint8
        )

    def _finish(self, image: Image, frame: int) -> Image:
        """Adds what the lens and the sensor of a camera add."""
        image = np.asarray(
            cv2.multiply(image, self._vignette, scale=1.12 / 255), np.uint8
        )
        grain = self._grain[frame % len(self._grain)]
        return np.asarray(cv2.addWeighted(image, 1, grain, 1, -128), np.uint8)


def _extent(mask: Bools) -> npt.NDArray[np.int_]:
    """Returns left, top, right, bottom of what a mask covers."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


def _far_to_near(sprites: Sequence[Sprite]) -> list[Sprite]:
    """Sorts sprites as a painter does."""
    return sorted(sprites, key=lambda sprite: -sprite.depth)


def _overlap(
    image: Image, sprite: Sprite
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The part of an image that a sprite covers, and that part of the sprite."""
    height, width = sprite.image.shape[:2]
    top, left = max(sprite.top, 0), max(sprite.left, 0)
    bottom = max(min(sprite.top + height, image.shape[0]), top)
    right = max(min(sprite.left + width, image.shape[1]), left)
    inner = (
        slice(top - sprite.top, bottom - sprite.top),
        slice(left - sprite.left, right - sprite.left),
    )
    return (slice(top, bottom), slice(left, right)), inner


def _paste(image: Image, sprite: Sprite) -> None:
    """Lays a sprite over an image."""
    outer, inner = _overlap(image, sprite)
    over = sprite.image[inner].astype(np.uint16)
    under = image[outer] * (255 - over[..., 3:])
    image[outer] = over[..., :3] + (under + 127) // 255


def _walkers(
    rng: np.random.Generator, camera: Camera, count: int, frames: int
) -> list[Figure]:
    """Dresses the walkers and lets them walk.

    Args:
        rng: the random numbers
        camera: the camera
        count: the number of walkers
        frames: the number of frames

    Returns:
        the walkers
    """
    figures = []
    for path in _paths(rng, camera, count, frames):
        tall = (
            0.72
            if rng.random() < 0.07
            else float(np.clip(rng.normal(1, 0.05), 0.88, 1.1))
        )
        swing = 0.4 * min(path.speed / 1.3, 1.25)
        stride = 4 * 0.86 * tall * math.sin(swing) or 1.0
        seconds = np.arange(frames) / FRAME_RATE
        phase = rng.uniform(0, 2 * np.pi) + 2 * np.pi * path.speed / stride * seconds
        holds = rng.random() < (0.5 if path.speed == 0 else 0.15)
        joints = _skeleton(phase, np.full(frames, swing), 1.5 if holds else 0.0)
        local = np.stack(list(joints.values()), axis=1) * tall
        parts = _dress(rng, list(joints), holds)
        sized = [
            part._replace(radii=[tall * radius for radius in part.radii])
            for part in parts
        ]
        cos, sin = np.cos(path.heading)[:, None], np.sin(path.heading)[:, None]
        x = path.places[:, :1] + cos * local[..., 0] - sin * local[..., 1]
        y = path.places[:, 1:] + sin * local[..., 0] + cos * local[..., 1]
        figures.append(Figure(np.stack([x, y, local[..., 2]], axis=-1), sized))
    return figures
