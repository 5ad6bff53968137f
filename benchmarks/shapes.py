# SPDX-License-Identifier: Apache-2.0
"""Plant mistakes of other shapes: ``python benchmarks/shapes.py [--output docs]``.

A score that was fitted on planted mistakes may know how they were planted. Here, boxes
swell or shift gradually and over more frames, drift away slowly and jump back, and
jitter with heavy tails and a memory. Nothing was fitted on any of these.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from domains import read_domains
from fault_tables import in_percent
from fiftyone_track_audit.importers.tracks import Tracks
from injector import Drawing, Floats, Injected, Plant, draw_mixture, inject
from left_out import (
    EQUAL,
    MIXTURE,
    measure_left_out,
    tabulate_left_out_kinds,
    tabulate_means,
)
from numpy.typing import NDArray
from report import real_data, report_tables
from train import collect_domains

SEEDS = range(2)


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
    plants = {MIXTURE: plant_mixture, EQUAL: plant_equal}
    found = measure_left_out(domains, collect_domains(domains), SEEDS, plants)
    kinds = tabulate_left_out_kinds(found, EQUAL)
    tables = {
        "shapes": tabulate_means(found),
        "shapes-kinds": kinds[kinds["kind"].isin(list(SHAPES))],
    }
    percent = {name: in_percent(table) for name, table in tables.items()}
    report_tables(percent, output)


def plant_equal(tracks: Tracks, seed: int) -> Injected:
    """Plant mistakes of all kinds in equal shares into 3 % of the boxes."""
    return inject(tracks, seed, 0.03, shapes=SHAPES)


def plant_mixture(tracks: Tracks, seed: int) -> Injected:
    """Plant a drawn mixture of mistakes, into 0.2 to 4 % of the boxes."""
    share, odds = draw_mixture(seed + len(tracks.table))
    return inject(tracks, seed, share, odds=odds, shapes=SHAPES)


def _size(drawing: Drawing) -> bool:
    """Let 3 to 12 boxes grow or shrink and return, each side by itself."""
    rng = drawing.rng
    rows = drawing.pick(int(rng.integers(3, 13)))
    if rows is None:
        return False
    boxes = drawing.boxes(rows)
    most = rng.choice([-1, 1]) * np.abs(rng.normal(0.3, 0.1, 2))
    grown = boxes[:, 2:] * np.exp(_swell(len(rows)) * most)
    boxes[:, :2] -= (grown - boxes[:, 2:]) * rng.uniform(0, 1, 2)
    boxes[:, 2:] = grown
    return _put(drawing, rows, boxes)


def _shift(drawing: Drawing) -> bool:
    """Let 2 to 9 boxes leave their object and return."""
    rng = drawing.rng
    rows = drawing.pick(int(rng.integers(2, 10)))
    if rows is None:
        return False
    boxes = drawing.boxes(rows)
    offset = _direction(rng) * rng.uniform(0.25, 0.6)
    boxes[:, :2] += _swell(len(rows)) * offset * boxes[:, 2:]
    return _put(drawing, rows, boxes)


def _drift(drawing: Drawing) -> bool:
    """Let 15 to 60 boxes leave their object slowly, and return at once."""
    rng = drawing.rng
    rows = drawing.pick(int(rng.integers(15, 61)))
    if rows is None:
        return False
    boxes = drawing.boxes(rows)
    way = np.linspace(0, 1, len(rows))
    away = way ** rng.uniform(0.6, 2) * np.clip((1 - way) / 0.1, 0, 1)
    offset = _direction(rng) * rng.uniform(0.3, 0.6) * boxes[:, 2:].mean(axis=0)
    boxes[:, :2] += away[:, None] * offset
    return _put(drawing, rows, boxes)


def _jitter(drawing: Drawing) -> bool:
    """Let 8 to 25 boxes jitter, some of them much more than others."""
    rng = drawing.rng
    rows = drawing.pick(int(rng.integers(8, 26)))
    if rows is None:
        return False
    boxes = drawing.boxes(rows)
    noise = 0.035 * rng.standard_t(3, boxes.shape)
    noise[1:] += 0.3 * noise[:-1]
    return _put(drawing, rows, boxes + noise * np.tile(boxes[:, 2:], 2))


def _swell(count: int) -> Floats:
    """Return the share of the departure that each box has, ``(count, 1)``."""
    way = np.arange(1, count + 1) / (count + 1)
    share: Floats = np.sin(np.pi * way)[:, None] ** 0.7
    return share


def _direction(rng: np.random.Generator) -> Floats:
    """Draw a direction, ``(2,)``."""
    angle = rng.uniform(0, 2 * np.pi)
    return np.array([np.cos(angle), np.sin(angle)])


def _put(drawing: Drawing, rows: NDArray[np.intp], boxes: Floats) -> bool:
    """Plant boxes that show a mistake."""
    drawing.set_boxes(rows, boxes)
    drawing.take(rows, rows)
    return True


#: The kinds that are planted in another way.
SHAPES: dict[str, Plant] = {
    "size": _size,
    "shift": _shift,
    "drift": _drift,
    "jitter": _jitter,
}

if __name__ == "__main__":
    main()
