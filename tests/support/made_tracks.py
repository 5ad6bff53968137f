# SPDX-License-Identifier: Apache-2.0
"""Tracks of people who never were, for the benchmarks."""

import numpy as np
from fiftyone_track_audit.importers.tracks import BOX, Sequence, Tracks, make_table


def make_tracks(boxes, name="a", frames=None):
    """Tracks of one sequence from frame, track, left, top, width, height."""
    columns = dict(zip(["frame", "track", *BOX], np.array(boxes).T, strict=True))
    frames = frames or int(max(columns["frame"]))
    names = tuple(f"{frame:06d}.jpg" for frame in range(1, frames + 1))
    table = make_table(
        {
            **columns,
            "sequence": name,
            "frame_name": [names[int(frame) - 1] for frame in columns["frame"]],
            "label": "pedestrian",
        }
    )
    return Tracks(table, {name: Sequence(name, 1920, 1080, 25, names)})


def walk(name, tracks, frames, seed=0):
    """Tracks of people who walk evenly and meet, as whole pixels."""
    rng = np.random.default_rng(seed)
    frame, track = (grid.ravel() for grid in np.mgrid[1 : frames + 1, 1 : tracks + 1])
    start, speed = rng.uniform(200, 1500, tracks), rng.uniform(-1, 1, tracks)
    height = rng.uniform(80, 200, tracks)[track - 1]
    left = start[track - 1] + speed[track - 1] * frame
    top = rng.uniform(300, 500, tracks)[track - 1]
    here = (frame > 3 * (track % 20)) & (frame < frames - 2 * (track % 30))
    columns = [frame, track, left, top, 0.4 * height, height]
    return make_tracks(np.round(np.stack(columns, 1)[here]), name, frames)
