# SPDX-License-Identifier: Apache-2.0
"""The plaza: its paving, the house fronts, and the things that stand on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt
from cv2.typing import MatLike as Image

from .camera import Camera, Floats
from .figures import HAZE, SUPERSAMPLE, Figure, Part, add_haze, bgr, shrink

#: Where things stand, x and y in meters: lamps, benches, tubs with a bush, trees.
LAMPS = np.array([[-7.5, 21.0], [9.0, 27.0], [-9.5, 35.0], [21.0, 37.5]])
BENCHES = np.array([[-5.4, 29.5], [14.5, 30.0], [7.0, 13.2]])
TUBS = np.array([[-7.6, 29.5], [-3.2, 29.5], [12.3, 30.0], [16.7, 30.0]])
TREES = np.array([[9.0 * tree - 34, 44 + 3 * (tree % 2)] for tree in range(10)])
#: What walkers must not run into.
OBSTACLES = np.concatenate(
    [LAMPS, BENCHES, BENCHES + np.array([0.7, 0]), BENCHES - np.array([0.7, 0]), TUBS]
)
#: The house fronts stand this many meters away.
FRONTS = 58.0
#: Pixels per meter of a house front's picture.
UNIT = 24

LEAVES = bgr("39602f", "4a7436", "5f8a3f", "7a9c48", "2e5230")

#: Centers of balls relative to a place, their radii in meters, and a color.
_Balls = tuple[Sequence[Sequence[float]], float | Sequence[float], Floats]
#: Left, bottom, width and height in meters, and a color.
_Box = tuple[float, float, float, float, Floats]


def things(rng: np.random.Generator) -> list[Figure]:
    """Return the lamps, benches and tubs."""
    return [
        *(_figure(place, _lamp()) for place in LAMPS),
        *(_figure(place, _bench()) for place in BENCHES),
        *(_figure(place, _tub(rng)) for place in TUBS),
    ]


def trees(rng: np.random.Generator) -> list[Figure]:
    """Return the trees."""
    return [_figure(place, _tree(rng)) for place in TREES]


def _figure(place: Floats, parts: Sequence[_Balls]) -> Figure:
    """Return a figure that stands at a place, x and y in meters, and never moves."""
    placed = []
    for centers, radii, color in parts:
        sizes = np.broadcast_to(radii, len(centers))
        placed.append(Part(np.array([centers]) + np.append(place, 0), sizes, color))
    return Figure(placed)


def _lamp() -> list[_Balls]:
    iron, glass = bgr("2f3a38", "f6ead0")
    lamp: list[_Balls] = [
        ([[0, 0, 0.05], [0, 0, 0.5]], [0.15, 0.08], iron),
        ([[0, 0, 0.5], [0, 0, 3.7]], [0.055, 0.04], iron),
        ([[-0.32, 0, 3.75], [0.32, 0, 3.75]], 0.03, iron),
    ]
    for x in (-0.34, 0.34):
        lamp.append(([[x, 0, 3.85], [x, 0, 4.12]], [0.11, 0.17], glass))
        lamp.append(([[x, 0, 4.29], [x, 0, 4.38]], [0.08, 0.03], iron))
    return lamp


def _bench() -> list[_Balls]:
    wood, iron = bgr("9a6a3f", "33383a")
    slats = [(-0.2, 0.45), (-0.08, 0.45), (0.04, 0.45), (0.16, 0.62), (0.19, 0.8)]
    legs = [(x, y) for x in (-0.7, 0.7) for y in (-0.18, 0.15)]
    return [
        *(([[x, y, 0.03], [x, y, 0.42]], 0.03, iron) for x, y in legs),
        *(([[-0.85, y, z], [0.85, y, z]], 0.035, wood) for y, z in slats),
    ]


def _tub(rng: np.random.Generator) -> list[_Balls]:
    leaves = _cloud(rng, 60, 0.42, 0.4, 0.95)
    return [
        ([[0, 0, 0.1], [0, 0, 0.5]], [0.27, 0.36], bgr("a9674a")[0]),
        *(([center], 0.13, rng.choice(LEAVES)) for center in leaves),
    ]


def _tree(rng: np.random.Generator) -> list[_Balls]:
    tree: list[_Balls] = [([[0, 0, 0.1], [0, 0, 3.2]], [0.2, 0.13], bgr("5b4636")[0])]
    wide, high, up = rng.uniform(1.9, 2.4), rng.uniform(1.9, 2.6), 4.9
    for center in _cloud(rng, 800, wide, high, up):
        # The crown is lit from above, on the side where the sun stands.
        lit = 0.95 + 0.22 * (center[2] - up) / high - 0.12 * center[0] / wide
        color = rng.choice(LEAVES) * rng.uniform(0.92, 1.08) * lit
        tree.append(([center], rng.uniform(0.12, 0.32), color))
    return tree


def _cloud(
    rng: np.random.Generator, count: int, wide: float, high: float, up: float
) -> list[list[float]]:
    """Return points of an ellipsoid at a height, more of them near its hull."""
    points = rng.normal(size=(count, 3))
    reach = rng.uniform(0.1, 1, (count, 1)) ** 0.4
    points *= reach / np.linalg.norm(points, axis=1, keepdims=True)
    placed: list[list[float]] = (points * [wide, wide, high] + [0, 0, up]).tolist()
    return placed


def to_bytes(values: Floats) -> npt.NDArray[np.uint8]:
    """Round to 8 bits."""
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def draw_plaza(camera: Camera, seed: int) -> Image:
    """Draw the plaza without anything that stands on it, as blue, green, red."""
    rng = np.random.default_rng([seed, 1])
    large = Camera(camera.width * SUPERSAMPLE, camera.height * SUPERSAMPLE)
    rows = np.linspace(0, 1, large.height)[:, None, None]
    zenith, horizon = bgr("9fbdd8", "eae6dc")
    sky = zenith + rows * 4 * (horizon - zenith)
    image = to_bytes(sky.repeat(large.width, axis=1))
    x, stories = -75.0, 3
    while x < 95:
        wide = rng.uniform(9, 17)
        stories = int(rng.choice([count for count in (2, 3, 4) if count != stories]))
        _paste_front(image, large, _front(rng, wide, stories), x, wide)
        x += wide
    image = to_bytes(image + (HAZE - image) * 0.2)
    below = int(large.project(np.array([0, 1e6, 0.0]))[0][1]) + 2
    v, u = np.mgrid[below : large.height, : large.width] + 0.5
    places = large.ground(u, v)
    depth = places @ large.axes[2, :2]
    footprint = depth**2 / (large.focal * large.elevation) * 0.7
    paving = to_bytes(add_haze(_paving(rng, places, footprint), depth))
    ground = places[..., 1] < FRONTS
    image[below:][ground] = paving[ground]
    return shrink(image)


def _paste_front(
    image: Image, camera: Camera, front: Image, x: float, wide: float
) -> None:
    """Draw a house front where the camera sees it, its left edge at ``x``."""
    rows, columns = front.shape[:2]
    unit = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    corners = np.insert([x, rows / UNIT] + unit * [wide, -rows / UNIT], 1, FRONTS, 1)
    warp = cv2.getPerspectiveTransform(
        (unit * [columns, rows]).astype(np.float32),
        camera.project(corners)[0].astype(np.float32),
    )
    size, edge = (camera.width, camera.height), cv2.BORDER_TRANSPARENT
    cv2.warpPerspective(front, warp, size, image, cv2.INTER_AREA, edge)


def _front(rng: np.random.Generator, wide: float, stories: int) -> Image:
    """Draw a house front, of so many meters and stories, a shop in the lowest."""
    wall, trim, glass, roof, awning = (
        rng.choice(bgr(*colors.split()))
        for colors in (
            "d9c19a cfa98a c9b8a3 bfc4b8 d8cfc0 c98f75 b7a99a",
            "efe6d6 e4dccb f3eee3",
            "5a6a74 4d5d66 66767c",
            "8a4f3d 6b5650 7d5a48",
            "a63f35 2f5d50 31517a c58b3a",
        )
    )
    story = 3.3
    high = stories * story
    bays = int(wide // 2.4)
    bay = wide / bays
    boxes: list[_Box] = [(0, 0, wide, high, wall), (0, high, wide, 1.8, roof)]
    boxes += [(0, high + 0.1 + i * 0.36, wide, 0.04, roof * 0.8) for i in range(5)]
    boxes += [(0, high - 0.1, wide, 0.3, trim)]
    for base in story * np.arange(1, stories):
        boxes.append((0, base - 0.02, wide, 0.12, trim * 0.93))
        for number in range(bays):
            boxes += _window(rng, (number + 0.5) * bay - 0.55, base, trim, glass)
    boxes.append((0, 0, wide, 3.0, wall * 0.72))
    for number in range(bays):
        boxes += _shop(rng, number * bay + 0.2, bay - 0.4, (glass, awning, trim))
    image = np.zeros((round((high + 1.8) * UNIT), round(wide * UNIT), 3), np.uint8)
    for x, z, width, height, color in boxes:
        left, bottom = round(x * UNIT), len(image) - round(z * UNIT)
        corner = (left + round(width * UNIT) - 1, bottom - max(round(height * UNIT), 1))
        cv2.rectangle(image, (left, bottom), corner, color.tolist(), -1)
    rows, columns = image.shape[:2]
    dirt = _noise(rng, 8)[:rows, :columns, None] * 5
    return to_bytes(image * np.linspace(1.04, 0.9, rows)[:, None, None] + dirt)


def _window(
    rng: np.random.Generator, x: float, z: float, trim: Floats, glass: Floats
) -> Iterator[_Box]:
    """Yield the boxes of a window, some with flowers before it."""
    yield x - 0.14, z + 0.62, 1.38, 2.2, trim
    yield x, z + 0.75, 1.1, 1.9, glass * rng.uniform(0.8, 1.25)
    yield x, z + 1.9, 1.1, 0.75, glass * 1.35
    yield x + 0.52, z + 0.75, 0.06, 1.9, trim
    yield x, z + 1.85, 1.1, 0.06, trim
    yield x - 0.2, z + 0.52, 1.5, 0.12, trim * 0.85
    if rng.random() < 0.3:
        yield x - 0.1, z + 0.62, 1.3, 0.3, rng.choice(LEAVES)


def _shop(
    rng: np.random.Generator, x: float, wide: float, colors: tuple[Floats, ...]
) -> Iterator[_Box]:
    """Yield the boxes of a shop window, some below an awning."""
    glass, awning, trim = colors
    yield x, 0.35, wide, 2.1, glass * 0.7
    yield x, 1.3, wide, 1.1, glass * rng.uniform(0.95, 1.5)
    if rng.random() < 0.6:
        stripe = (wide + 0.2) / 6
        for i in range(6):
            yield x - 0.1 + i * stripe, 2.15, stripe + 0.05, 0.7, (trim, awning)[i % 2]
        yield x - 0.1, 2.05, wide + 0.2, 0.12, awning * 0.6


def _noise(rng: np.random.Generator, coarse: int) -> Floats:
    """Return noise that repeats: mean 0, deviation 1, ``coarse`` cells and finer."""
    size = 512
    total = np.zeros((size, size))
    cells = coarse
    while cells <= size:
        grid = np.pad(rng.normal(size=(cells, cells)), 2, mode="wrap")
        scale, edge = size / cells, 2 * size // cells
        fine = cv2.resize(grid, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        total += fine[edge : edge + size, edge : edge + size] * cells**-0.7
        cells *= 2
    return np.asarray((total - total.mean()) / total.std())


def _sample(texture: Floats, places: Floats) -> Floats:
    """Look up a texture that repeats every unit, at places of shape (rows, n, 2)."""
    size = len(texture)
    x, y = np.moveaxis((places * size % size).astype(np.float32), -1, 0)
    image, wrap = texture.astype(np.float32), cv2.BORDER_WRAP
    found = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=wrap)
    return np.asarray(found, float)


def _slabs(places: Floats) -> tuple[npt.NDArray[np.bool_], Floats, Floats, Floats]:
    """Lay slabs of 0.9 m x 0.6 m in rows, and wedges in rings in the middle.

    Returns:
        for each place: whether it is in the rings, its position across the rows and
        along its row in slabs, and its angle about the middle in radians
    """
    x, y = places[..., 0], places[..., 1]
    radius, angle = np.hypot(x - 2.5, y - 20.0), np.arctan2(y - 20.0, x - 2.5)
    in_ring = radius < 6.0
    across = np.where(in_ring, radius / 0.6, y / 0.6)
    row = np.floor(across)
    wedges = np.maximum(np.round(2 * np.pi * (row + 0.5) * 0.6 / 0.9), 1)
    along = np.where(in_ring, angle / (2 * np.pi) * wedges, x / 0.9) + 0.5 * (row % 2)
    return in_ring, across, np.where(in_ring, along % wedges, along), angle


def _paving(rng: np.random.Generator, places: Floats, footprint: Floats) -> Floats:
    """Color the ground at places, where a pixel covers so many meters."""
    light, warm, dark, red = bgr("cfc4b2", "c9b295", "8d8780", "b48a70")
    in_ring, across, along, angle = _slabs(places)
    row, column = np.floor(across), np.floor(along)
    m, n = row.astype(int), column.astype(int)
    tints = rng.normal(size=(256, 256))
    tint, hue = tints[m % 256, (n + 7 * in_ring) % 256], tints[n % 256, (m + 31) % 256]
    fade = np.clip(0.35 / footprint, 0, 1)
    color = light + (warm - light) * np.clip(0.4 + 0.35 * hue * fade, 0, 1)[..., None]
    x, y = places[..., 0], places[..., 1]
    bands = (np.abs((x + 60) % 7.2 - 3.6) < 0.45) | (np.abs((y + 60) % 6 - 3) < 0.3)
    rings = np.isin(row, [9, 6, 3])
    star = (row < 9) & (row > 3) & (np.cos(8 * angle) > 0.55) & ~rings
    for where, paint in (
        (~in_ring & bands, dark),
        (in_ring & rings, dark),
        (in_ring & (star | (row < 1)), red),
    ):
        color += (paint - color) * (0.75 * where)[..., None]
    to_joint = np.minimum(
        0.9 * np.minimum(along - column, 1 - (along - column)),
        0.6 * np.minimum(across - row, 1 - (across - row)),
    )
    joint = np.clip(1.2 - to_joint / np.maximum(footprint, 0.012), 0, 1)
    joint *= np.minimum(0.012 / footprint, 1) ** 0.8
    color *= (1 + 0.05 * tint * fade - 0.4 * joint)[..., None]
    wear = _sample(_noise(rng, 4), places / 24) * 5
    wear += _sample(_noise(rng, 64), places / 3) * 4 * fade
    return np.asarray(color + wear[..., None])
