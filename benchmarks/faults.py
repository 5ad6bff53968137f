# SPDX-License-Identifier: Apache-2.0
"""Find planted and real mistakes: ``python benchmarks/faults.py [--output docs]``.

Twelve kinds of mistakes are planted into labels that are assumed to be correct: into
domains that were left out when the score was fitted, and into two crowds that the fit
never sees. Real mistakes are those that MOT's authors corrected between MOT16 and
MOT17, and what ``identities.py``, ``witness.py``, ``comparing.py`` and ``case.py``
measure, which run as well, as ``shapes.py`` does. ``--quick`` takes one sequence of
each domain, in two minutes.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import case
import comparing
import identities
import pandas as pd
import shapes
import witness
from corrections import measure_corrections, read_corrections
from domains import read_domains
from fault_tables import (
    compare_kinds,
    tabulate_corrections,
    tabulate_faults,
    tabulate_left_out,
    tabulate_sequences,
)
from fiftyone_track_audit.importers.mot import read_mot
from fiftyone_track_audit.importers.tracks import Tracks, concatenate
from fiftyone_track_audit.plugin.audit import audit_tracks
from injector import KINDS
from left_out import LeftOut, measure_left_out
from planted import measure_faults
from plots import plot_kinds, plot_precision, plot_reviews
from report import fill_page, print_frame, print_machine, real_data
from reviews import draw_curves, simulate_reviews
from rivals import OURS, RIVALS, Rank, chance, our_score
from train import collect_domains

ROOT = Path(__file__).resolve().parents[1]
#: Sequences that the score is not fitted on.
REPORTING = ("MOT20/train/MOT20-01", "MOT17/train/MOT17-09")
SEEDS = range(5)
#: Seeds of the domains, of which there are more sequences.
LEFT_OUT_SEEDS = range(2)
#: Number of random rankings that are averaged for the results of chance.
DRAWS = 50


def main() -> None:
    """Measure and print, and fill the page and its plots with ``--output``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--output",
        type=Path,
        help="the folder whose scoring.md, case-study.md and images/ are updated",
    )
    parser.add_argument(
        "--quick", action="store_true", help="only print, of a sequence per domain"
    )
    arguments = parser.parse_args()
    if arguments.quick and arguments.output:
        parser.error("--quick only prints: the page is about all sequences")
    for page in ("scoring.md", case.PAGE) if arguments.output else ():
        if not (arguments.output / page).is_file():
            parser.error(f"expected a {page} in {arguments.output}")
    print_machine()
    if arguments.quick:
        found = measure_domains(real_data(), quick=True)
        print_tables(tabulate_left_out(found, simulate_reviews(found.issues)))
        return
    data = os.environ.get("TRACK_AUDIT_DATA")
    measure_all(data, arguments.output)
    for subject in (shapes, identities, witness, comparing, case) if data else ():
        subject.run(Path(str(data)), arguments.output)


def measure_all(data: str | None, output: Path | None) -> None:
    """Measure and print what was planted, and what MOT's authors corrected.

    Args:
        data: the folder of real labels, None to use the sample alone
        output: the folder whose page and images are updated, None to print only
    """
    tracks = read_tracks(data, REPORTING)
    results = measure_faults(tracks, tuple(KINDS), SEEDS)
    tables = {"sequences": tabulate_sequences(tracks), **tabulate_faults(results)}
    curves = None
    if data:
        found = measure_domains(Path(data))
        reviews = simulate_reviews(found.issues)
        curves = draw_curves(reviews)
        tables |= tabulate_left_out(found, reviews) | measure_real(Path(data))
    print_tables(tables)
    if not output:
        return
    fill_page(output / "scoring.md", tables)
    images = output / "images"
    images.mkdir(exist_ok=True)
    plot_precision(results.ranking, images / "scoring-precision.png")
    plot_kinds(compare_kinds(results), images / "scoring-kinds.png")
    if curves is not None:
        plot_reviews(curves, images / "scoring-reviews.png")


def print_tables(tables: Mapping[str, pd.DataFrame]) -> None:
    """Print tables, each below its name."""
    for name, table in tables.items():
        print_frame(name, table)


def read_tracks(data: str | None, names: tuple[str, ...]) -> Tracks:
    """Read labels that are assumed to be correct.

    Args:
        data: the folder of real labels, None to draw the walkers of the sample instead
        names: the folders of the sequences in it

    Returns:
        their :class:`Tracks`
    """
    if data:
        return concatenate(read_mot(Path(data, name)) for name in names)
    print("TRACK_AUDIT_DATA is not set: drawing the sample takes half a minute")
    sys.path.append(str(ROOT / "examples"))
    from sample import make_sample

    with tempfile.TemporaryDirectory() as folder:
        sequence = make_sample(Path(folder), seconds=12, size=(960, 540), walkers=24)
        return read_mot(sequence)


def measure_domains(data: Path, quick: bool = False) -> LeftOut:
    """Fit the score without each domain in turn, and measure it there.

    Args:
        data: the folder of real labels
        quick (False): whether to take one sequence per domain only, once

    Returns:
        what was found
    """
    domains = read_domains(data)
    if quick:
        domains = {name: sequences[:1] for name, sequences in domains.items()}
    seeds = LEFT_OUT_SEEDS[:1] if quick else LEFT_OUT_SEEDS
    return measure_left_out(domains, collect_domains(domains), seeds)


def measure_real(data: Path) -> dict[str, pd.DataFrame]:
    """Measure how many of MOT16's real mistakes each method finds.

    Args:
        data: the folder of real labels

    Returns:
        the tables by name
    """
    found = read_corrections(data)
    once: dict[str, Rank] = {
        OURS: lambda tracks: our_score(audit_tracks(tracks)),
        **RIVALS,
    }
    draws: list[dict[str, Rank]] = [
        {"chance": partial(chance, seed=seed)} for seed in range(1, DRAWS)
    ]
    measured = pd.concat([measure_corrections(found, each) for each in [once, *draws]])
    return tabulate_corrections(found, measured)


if __name__ == "__main__":
    main()
