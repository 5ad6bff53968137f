# SPDX-License-Identifier: Apache-2.0
"""Time a fix in a large dataset: ``python benchmarks/rejudging.py``.

1.34 million boxes of made tracks are stored, one sequence is audited, and one of its
issues is fixed, which judges its track again, and taken back. It needs FiftyOne's
database.
"""

from __future__ import annotations

from functools import partial
from statistics import median

import fiftyone as fo
import fiftyone_track_audit as fta
import numpy as np
import pandas as pd
from fiftyone_track_audit.importers import store
from fiftyone_track_audit.importers.store.locks import exclusive
from fiftyone_track_audit.importers.tracks import BOX, Sequence, Tracks, make_table
from fiftyone_track_audit.plugin.review.issues import read_dataset_issues
from fiftyone_track_audit.plugin.review.rejudging import judge_again
from report import print_frame, print_machine, seconds
from store import FIELD, new_dataset, split_sequences

SEQUENCES, TRACKS, FRAMES = 45, 30, 993
_REPEATS = 5


def main() -> None:
    """Measure and print."""
    print_machine()
    tracks = draw_tracks()
    with new_dataset(tracks, split_sequences(tracks)) as (dataset, segments):
        store.insert_tracks(dataset, tracks, segments)
        times = measure(dataset)
    rows = [
        {"what": what, "boxes": f"{len(tracks.table):,}", "ms": round(1000 * time)}
        for what, time in times.items()
    ]
    print_frame("rejudging", pd.DataFrame(rows))


def draw_tracks() -> Tracks:
    """Draw tracks that move evenly; of each, one box is at the wrong place."""
    rng = np.random.default_rng(0)
    names = [f"sequence-{i}" for i in range(SEQUENCES)]
    frame_names = tuple(f"{i:06d}.jpg" for i in range(1, FRAMES + 1))
    shape = (SEQUENCES, TRACKS, FRAMES)
    sequence, track, frame = np.indices(shape).reshape(3, -1)
    left = 100 + 1.5 * frame + rng.normal(0, 0.3, len(frame))
    left[frame == 20 + 30 * track] += 40
    box = [
        left,
        30.0 + 33 * track,
        np.full(len(frame), 45.0),
        np.full(len(frame), 90.0),
    ]
    table = make_table(
        {
            "sequence": pd.Categorical.from_codes(sequence, pd.Index(names)),
            "frame": frame + 1,
            "frame_name": pd.Categorical.from_codes(frame, pd.Index(frame_names)),
            "track": track,
            "label": "pedestrian",
            **dict(zip(BOX, box, strict=True)),
        }
    )
    sequences = {name: Sequence(name, 1920, 1080, 25, frame_names) for name in names}
    return Tracks(table, sequences)


def measure(dataset: fo.Dataset) -> dict[str, float]:
    """Measure judging a track again, a fix and its undo.

    Args:
        dataset: the dataset

    Returns:
        the median of the seconds of each
    """
    fta.audit_dataset(dataset.match({store.SEQUENCE: "sequence-0"}), progress=False)
    # What one sequence tells of identities is so for all
    store.set_identity(dataset, FIELD, store.IdentityMark(plain=True))
    ids = read_dataset_issues(dataset, FIELD)["id"].tolist()[:_REPEATS]

    def judge() -> None:
        with exclusive(dataset, "measuring"):
            judge_again(dataset, FIELD, "sequence-0", (500, 500), [3])

    times = {
        "judge a track again": [seconds(judge) for _ in range(_REPEATS)],
        "fix an issue": [
            seconds(partial(fta.fix_issues, dataset, ids=[issue])) for issue in ids
        ],
        "take it back": [seconds(lambda: fta.undo_fixes(dataset)) for _ in ids],
    }
    return {what: median(found) for what, found in times.items()}


if __name__ == "__main__":
    main()
