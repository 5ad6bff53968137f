# SPDX-License-Identifier: Apache-2.0
"""Plant mistakes of other shapes: ``python benchmarks/shapes.py [--output docs]``.

A score that was fitted on planted mistakes may know how they were planted. Here, boxes
swell or shift gradually and over more frames, drift away slowly and jump back, and
jitter with heavy tails and a memory. Nothing was fitted on any of these.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from domains import read_domains
from fault_tables import in_percent
from injector import Drawing, Floats, Plant
from left_out import (
    EQUAL,
    MIXTURE,
    measure_left_out,
    plant_equal,
    plant_mixture,
    tabulate_left_out_kinds,
    tabulate_means,
)
from report import real_data, report_tables
from train import collect_domains

SEEDS = range(2)
#: Returns boxes as a mistake leaves them, arrays ``(n, 4)``.
_Change: TypeAlias = Callable[[np.random.Generator, Floats], Floats]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="the folder of scoring.md")
    run(real_data(), parser.parse_args().output)


def run(data: Path, output: Path | None) -> None:
    """Measure, print, and fill ``scoring.md`` if its folder is given.

    Args:
        data: the folder of real labels
        output: the folder of the page
    """
    domains = read_domains(data)
    plants = {
        MIXTURE: partial(plant_mixture, shapes=SHAPES),
        EQUAL: partial(plant_equal, shapes=SHAPES),
    }
    found = measure_left_out(domains, collect_domains(domains), SEEDS, plants)
    kinds = tabulate_left_out_kinds(found, EQUAL)
    tables = {
        "shapes": tabulate_means(found),
        "shapes-kinds": kinds[kinds["kind"].isin(list(SHAPES))],
    }
    percent = {name: in_percent(table) for name, table in tables.items()}
    report_tables(percent, output)


def _plant(change: _Change, fewest: int, most: int, drawing: Drawing) -> bool:
    """Change some boxes of an object, from the fewest to the most of them."""
    rows = drawing.pick(int(drawing.rng.integers(fewest, most + 1)))
    if rows is None:
        return False
    drawing.set_boxes(rows, change(drawing.rng, drawing.boxes(rows)))
    drawing.take(rows, rows)
    return True


def _size(rng: np.random.Generator, boxes: Floats) -> Floats:
    """Let boxes grow or shrink and return, each side by itself."""
    most = rng.choice([-1, 1]) * np.abs(rng.normal(0.3, 0.1, 2))
    grown = boxes[:, 2:] * np.exp(_swell(len(boxes)) * most)
    begin = boxes[:, :2] - (grown - boxes[:, 2:]) * rng.uniform(0, 1, 2)
    return np.concatenate([begin, grown], axis=1)


def _shift(rng: np.random.Generator, boxes: Floats) -> Floats:
    """Let boxes leave their object and return."""
    offset = _direction(rng) * rng.uniform(0.25, 0.6)
    return _moved(boxes, _swell(len(boxes)) * offset * boxes[:, 2:])


def _drift(rng: np.random.Generator, boxes: Floats) -> Floats:
    """Let boxes leave their object slowly, and return at once."""
    way = np.linspace(0, 1, len(boxes))
    away = way ** rng.uniform(0.6, 2) * np.clip((1 - way) / 0.1, 0, 1)
    offset = _direction(rng) * rng.uniform(0.3, 0.6) * boxes[:, 2:].mean(axis=0)
    return _moved(boxes, away[:, None] * offset)


def _jitter(rng: np.random.Generator, boxes: Floats) -> Floats:
    """Let boxes jitter, some of them much more than others."""
    noise = 0.035 * rng.standard_t(3, boxes.shape)
    noise[1:] += 0.3 * noise[:-1]
    return boxes + noise * np.tile(boxes[:, 2:], 2)


def _moved(boxes: Floats, offset: Floats) -> Floats:
    return np.concatenate([boxes[:, :2] + offset, boxes[:, 2:]], axis=1)


def _swell(count: int) -> Floats:
    """Return the share of the departure that each box has, ``(count, 1)``."""
    way = np.arange(1, count + 1) / (count + 1)
    share: Floats = np.sin(np.pi * way)[:, None] ** 0.7
    return share


def _direction(rng: np.random.Generator) -> Floats:
    """Draw a direction, ``(2,)``."""
    angle = rng.uniform(0, 2 * np.pi)
    return np.array([np.cos(angle), np.sin(angle)])


#: The kinds that are planted in another way.
SHAPES: dict[str, Plant] = {
    "size": partial(_plant, _size, 3, 12),
    "shift": partial(_plant, _shift, 2, 9),
    "drift": partial(_plant, _drift, 15, 60),
    "jitter": partial(_plant, _jitter, 8, 25),
}

if __name__ == "__main__":
    main()
