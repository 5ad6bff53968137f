# SPDX-License-Identifier: Apache-2.0
"""Find the boxes around the shapes that CVAT tracks.

The attributes of each shape are those of CVAT's exporter, see
https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/.
"""

from __future__ import annotations

import math
from xml.etree.ElementTree import Element

Box = tuple[float, float, float, float]

#: Shapes other than boxes that CVAT tracks.
SHAPES = frozenset(
    {"polygon", "polyline", "points", "mask", "cuboid", "ellipse", "skeleton"}
)
#: Shapes that have no area where their points are in a line.
_LINES = frozenset({"polyline", "points", "skeleton"})
#: The corners of a cuboid's faces: top or bottom, left or right.
_CORNERS = ("tl", "bl", "tr", "br")


def box_around(shape: Element) -> Box:
    """Return the box around a shape, or around its parts that are in view.

    Args:
        shape: an element of an export of CVAT

    Returns:
        left, top, right and bottom in pixels; NaN where the shape does not tell
    """
    if shape.tag == "box":
        left, top, right, bottom = _numbers(shape, "xtl", "ytl", "xbr", "ybr")
        return left, top, right, bottom
    if shape.tag == "mask":
        left, top, width, height = _numbers(shape, "left", "top", "width", "height")
        return left, top, left + width, top + height
    if shape.tag == "ellipse":
        x, y, across, down = _numbers(shape, "cx", "cy", "rx", "ry")
        return x - across, y - down, x + across, y + down
    return _around_points(_points(shape))


def is_outside(shape: Element) -> bool:
    """Tell whether a shape is out of view; a skeleton is where all of its parts are.

    Args:
        shape: an element of an export of CVAT
    """
    hidden = bool(_parts(shape)) and not _parts_in_view(shape)
    return shape.get("outside") == "1" or (shape.tag == "skeleton" and hidden)


def is_flat(shape: Element) -> bool:
    """Tell whether a shape is points or a line without any area around it.

    Args:
        shape: an element of an export of CVAT
    """
    left, top, right, bottom = box_around(shape)
    return shape.tag in _LINES and (left == right or top == bottom)


def _parts(skeleton: Element) -> list[Element]:
    return [part for part in skeleton if part.get("points")]


def _parts_in_view(skeleton: Element) -> list[Element]:
    return [part for part in _parts(skeleton) if part.get("outside") != "1"]


def _points(shape: Element) -> list[tuple[float, float]]:
    if shape.tag == "cuboid":
        return [
            (number(shape.get(f"x{end}")), number(shape.get(f"y{end}")))
            for end in (f"{corner}{face}" for corner in _CORNERS for face in (1, 2))
        ]
    parts = [shape]
    if shape.tag == "skeleton":
        parts = _parts_in_view(shape) or _parts(shape)
    texts = [
        text
        for part in parts
        for text in (part.get("points") or "").split(";")
        if text.strip()
    ]
    pairs = [text.split(",") for text in texts]
    return [
        (number(pair[0]), number(pair[1])) if len(pair) == 2 else (math.nan, math.nan)
        for pair in pairs
    ]


def _around_points(points: list[tuple[float, float]]) -> Box:
    if not points or any(math.isnan(value) for point in points for value in point):
        return math.nan, math.nan, math.nan, math.nan
    across, down = zip(*points, strict=True)
    return min(across), min(down), max(across), max(down)


def _numbers(shape: Element, *names: str) -> list[float]:
    return [number(shape.get(name)) for name in names]


def number(text: str | None) -> float:
    """Return the number in a text, NaN if there is none."""
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
