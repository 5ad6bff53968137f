# SPDX-License-Identifier: Apache-2.0
"""Labels and scores in and out of FiftyOne, against FiftyOne's own calls."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

import fiftyone as fo
import numpy as np
import pandas as pd
from fiftyone_track_audit.importers import store
from fiftyone_track_audit.importers.tracks import BOX, Sequence, Tracks, make_table
from fiftyone_track_audit.importers.video_samples import split_frames
from report import Line, at_least, seconds

SAMPLES, FRAMES, PER_FRAME = 3, 1_000, 120
#: Frames of one sample for the slow rivals.
FEW = 30
REPEATS = 3
FIELD = "ground_truth"
SCORES = ("iou_prev", "iou_next", "outlier_score")


def run(folder: Path) -> list[Line]:
    """Measure the store.

    Args:
        folder: not used: the labels are drawn in memory

    Returns:
        the lines of the table
    """
    tracks = _draw_tracks()
    rounds = [_measure(tracks) for _ in range(REPEATS)]
    ours = {name: median(rates[name] for rates in rounds) for name in rounds[0]}
    objects, set_values, iterated = _measure_objects(tracks)
    return [
        at_least("labels in", ours["in"], 70_000, "add_sample", objects, 30),
        at_least("scores back", ours["back"], 150_000, "set_values", set_values, 20),
        at_least("columns out", ours["out"], 200_000, "values()", ours["values"]),
        at_least("columns out", ours["out"], 200_000, "iter_samples", iterated),
    ]


def _draw_tracks() -> Tracks:
    """Draw 360,000 boxes in three sequences."""
    rng = np.random.default_rng(0)
    names = [f"sequence-{i}" for i in range(SAMPLES)]
    frame_names = tuple(f"{i:06d}.jpg" for i in range(1, FRAMES + 1))
    sequence, track, frame = np.indices((SAMPLES, PER_FRAME, FRAMES)).reshape(3, -1)
    boxes = rng.integers((0, 0, 20, 50), (1800, 900, 90, 180), (len(frame), 4))
    table = make_table(
        {
            "sequence": pd.Categorical.from_codes(sequence, pd.Index(names)),
            "frame": frame + 1,
            "frame_name": pd.Categorical.from_codes(frame, pd.Index(frame_names)),
            "track": track,
            "label": "pedestrian",
            **dict(zip(BOX, boxes.T.astype(float), strict=True)),
            "considered": True,
            "visibility": rng.random(len(frame)).round(5),
        }
    )
    sequences = {name: Sequence(name, 1920, 1080, 25, frame_names) for name in names}
    return Tracks(table, sequences)


def split_sequences(tracks: Tracks) -> list[tuple[Sequence, int, int]]:
    """Split sequences into samples, as an import does.

    Args:
        tracks: the tracks

    Returns:
        the sequence, the first and the last frame of each sample
    """
    return [
        (sequence, first, last)
        for sequence in tracks.sequences.values()
        for first, last in split_frames(tracks, sequence)
    ]


@contextmanager
def new_dataset(
    tracks: Tracks, runs: list[tuple[Sequence, int, int]]
) -> Iterator[tuple[fo.Dataset, list[store.Segment]]]:
    """Yield a dataset of samples without frames, and delete it afterward.

    Args:
        tracks: the tracks
        runs: the sequence, the first and the last frame of each sample

    Yields:
        the dataset, and the segments to store tracks on
    """
    dataset = fo.Dataset()
    try:
        dataset.media_type = fo.core.media.VIDEO
        samples = [_make_sample(*run) for run in runs]
        ids = dataset.add_samples(samples, progress=False)
        # FiftyOne copies the frames of samples that are still in memory when
        # their dataset is deleted
        del samples
        gc.collect()
        yield (
            dataset,
            [
                store.Segment(sequence.name, first, last, id)
                for (sequence, first, last), id in zip(runs, ids, strict=True)
            ],
        )
    finally:
        gc.collect()
        dataset.delete()


def _make_sample(sequence: Sequence, first: int, last: int) -> fo.Sample:
    metadata = fo.VideoMetadata(
        frame_width=sequence.width,
        frame_height=sequence.height,
        frame_rate=sequence.frame_rate,
        total_frame_count=last - first + 1,
    )
    record = {
        store.SEQUENCE: sequence.name,
        store.FRAME_OFFSET: first - 1,
        store.IMAGE_WIDTH: sequence.width,
        store.IMAGE_HEIGHT: sequence.height,
    }
    path = f"/no-video/{sequence.name}-{first}.mp4"
    return fo.Sample(filepath=path, metadata=metadata, **record)


def _measure(tracks: Tracks) -> dict[str, float]:
    """Return the rates of our own calls, and of ``values()``."""
    count = len(tracks.table)
    runs = [(sequence, 1, FRAMES) for sequence in tracks.sequences.values()]
    rng = np.random.default_rng(1)
    scores = pd.DataFrame({name: rng.random(count) for name in SCORES})
    boxes = f"frames.{FIELD}.detections.bounding_box"
    with new_dataset(tracks, runs) as (dataset, segments):
        times = {
            "in": seconds(lambda: store.insert_tracks(dataset, tracks, segments)),
            "out": seconds(lambda: store.read_tracks(dataset, FIELD)),
            "values": seconds(lambda: dataset.values(boxes, unwind=True)),
        }
        stored = store.read_tracks(dataset, FIELD)
        times["back"] = seconds(
            lambda: store.write_columns(dataset, FIELD, stored, scores)
        )
    return {name: count / time for name, time in times.items()}


def _measure_objects(tracks: Tracks) -> tuple[float, float, float]:
    """Return the rates of ``add_sample``, ``set_values`` and ``iter_samples``."""
    sequence = next(iter(tracks.sequences.values()))
    table = tracks.table
    table = table[table["sequence"].eq(sequence.name) & table["frame"].le(FEW)]
    few = replace(tracks, table=table)
    with new_dataset(few, []) as (dataset, _):
        add = seconds(lambda: dataset.add_sample(_make_objects(few, sequence)))
        gc.collect()
        scores = np.random.default_rng(1).random((1, FEW, PER_FRAME)).tolist()

        def set_values() -> None:
            for name in SCORES:
                dataset.set_values(f"frames.{FIELD}.detections.{name}", scores)

        score = seconds(set_values)
        iterate = seconds(lambda: _iterate(dataset))
    return len(table) / add, len(table) / score, len(table) / iterate


def _make_objects(tracks: Tracks, sequence: Sequence) -> fo.Sample:
    sample = _make_sample(sequence, 1, FEW)
    size = np.tile([sequence.width or 1, sequence.height or 1], 2)
    for frame, rows in tracks.table.groupby("frame"):
        boxes = rows[BOX].to_numpy() / size
        detections = [
            fo.Detection(
                label=str(row.label),
                bounding_box=box,
                index=row.track,
                considered=row.considered,
                visibility=row.visibility,
            )
            for row, box in zip(rows.itertuples(), boxes.tolist(), strict=True)
        ]
        sample.frames[frame] = fo.Frame(
            ground_truth=fo.Detections(detections=detections)
        )
    return sample


def _iterate(dataset: fo.Dataset) -> list[list[float]]:
    return [
        detection.bounding_box
        for sample in dataset
        for frame in sample.frames.values()
        for detection in frame[FIELD].detections
    ]
