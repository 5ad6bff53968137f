# SPDX-License-Identifier: Apache-2.0
"""Measure how storing and auditing a dataset grow with its number of boxes.

Sequences of 50,000 boxes are drawn and stored one after the other, and audited. The
rows of the table are seconds of CPU, of this process and the processes that it started
and of MongoDB, because they say more than the clock on a machine that does other
things, too. Run it with FIFTYONE_DATABASE_DIR for a database of its own; 10 million
boxes take some 10 GB of disk. For example: python benchmarks/scaling.py 100000 1000000
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Callable
from dataclasses import replace

import fiftyone as fo
import fiftyone.core.odm as foo
import numpy as np
import pandas as pd
import psutil
from fiftyone_track_audit.importers import store
from fiftyone_track_audit.importers.tracks import BOX, Sequence, Tracks, make_table
from fiftyone_track_audit.plugin.review.audits import audit_dataset
from store import FIELD, new_dataset, split_sequences

TRACKS, FRAMES = 100, 500


def make_sequence(number: int) -> Tracks:
    """Draw a sequence of objects that walk straight, with some noise."""
    rng = np.random.default_rng(number)
    name = f"sequence-{number:05d}"
    names = tuple(f"{frame:06d}.jpg" for frame in range(1, FRAMES + 1))
    track, frame = np.indices((TRACKS, FRAMES)).reshape(2, -1)
    place = rng.uniform((0, 0, 30, 60), (1400, 700, 80, 160), (TRACKS, 4))[track]
    speed = rng.uniform(-0.8, 0.8, (TRACKS, 2))[track]
    place[:, :2] += speed * frame[:, None]
    place += rng.normal(0, 0.5, place.shape)
    table = make_table(
        {
            "sequence": pd.Categorical.from_codes(frame * 0, pd.Index([name])),
            "frame": frame + 1,
            "frame_name": pd.Categorical.from_codes(frame, pd.Index(names)),
            "track": track,
            "label": "pedestrian",
            **dict(zip(BOX, place.T, strict=True)),
        }
    )
    return Tracks(table, {name: Sequence(name, 1920, 1080, 25, names)})


def measure(boxes: int) -> dict[str, float]:
    """Return the CPU seconds that each work takes, and the sizes of what it takes."""
    numbers = range(max(1, boxes // (TRACKS * FRAMES)))
    whole = [make_sequence(number).sequences for number in numbers]
    records = {name: each for one in whole for name, each in one.items()}
    empty = replace(make_sequence(0), sequences=records)
    empty = replace(empty, table=empty.table.iloc[:0])
    with new_dataset(empty, split_sequences(empty)) as (dataset, segments):

        def insert() -> None:
            for number in numbers:
                tracks = make_sequence(number)
                own = [each for each in segments if each.sequence in tracks.sequences]
                store.insert_tracks(dataset, tracks, own, FIELD)

        def audit() -> None:
            audit_dataset(dataset, progress=False)

        works = {"store": insert, "audit": audit, "audit again": audit}
        found: dict[str, float] = {}
        for name, work in works.items():
            found |= _cpu_seconds(name, work)
        stored = _size(dataset)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {**found, "peak GB": peak, "stored GB": stored}


def _cpu_seconds(name: str, work: Callable[[], None]) -> dict[str, float]:
    """Return the CPU seconds of a work: those of Python, and those of MongoDB."""
    before = _times()
    work()
    after = _times()
    # What has ended since is missing; the processes of the pool stay
    python, database = (after[kind] - before[kind] for kind in (False, True))
    return {name: python, f"{name}, MongoDB": database}


def _times() -> dict[bool, float]:
    """Return the CPU seconds so far of this process tree, by whether it is MongoDB."""
    total = {False: 0.0, True: 0.0}
    me = psutil.Process()
    everyone = {*me.children(recursive=True), *_databases(), me}
    for process in everyone:
        try:
            times = process.cpu_times()
            total[process.name() == "mongod"] += times.user + times.system
        except psutil.NoSuchProcess:
            continue
    return total


def _databases() -> list[psutil.Process]:
    """Return the processes of the database, if they run on this machine."""
    number = foo.get_db_conn().command("serverStatus")["pid"]
    return [psutil.Process(number)] if psutil.pid_exists(number) else []


def _size(dataset: fo.Dataset) -> float:
    """Return how large the frames are in the database, in GB, before compression."""
    name = dataset._frame_collection_name
    size: float = foo.get_db_conn().command("collStats", name)["size"]
    return size / 2**30


def main() -> None:
    """Measure the numbers of boxes that are given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("boxes", type=int, nargs="+")
    table = {f"{boxes:,}": measure(boxes) for boxes in parser.parse_args().boxes}
    print(pd.DataFrame(table).rename_axis("boxes").to_markdown(floatfmt=".2f"))


if __name__ == "__main__":
    main()
