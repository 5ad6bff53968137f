# SPDX-License-Identifier: Apache-2.0
"""Made tracks with a mistake, and what fixing makes of them."""

import numpy as np
import pandas as pd
from fiftyone_track_audit.importers.tracks import BOX, Sequence, Tracks, make_table
from fiftyone_track_audit.plugin.fixing.planning import apply_plan, plan_fixes

LENGTH, SIZE = 40, (640, 480)


def walk(track, frames=range(1, LENGTH + 1), left=100.0, top=100.0, step=2.0):
    frames = np.array(frames)
    return pd.DataFrame(
        {
            "sequence": "street",
            "frame": frames,
            "frame_name": [f"{frame:06d}.jpg" for frame in frames],
            "track": track,
            "label": "car",
            "left": left + step * frames,
            "top": top,
            "width": 40.0,
            "height": 80.0,
        }
    )


def make_tracks(*parts, **columns):
    record = Sequence(
        "street",
        *SIZE,
        25.0,
        tuple(f"{frame:06d}.jpg" for frame in range(1, LENGTH + 1)),
    )
    rows = pd.concat(parts, ignore_index=True).assign(**columns)
    return Tracks(make_table(rows), {"street": record})


def issue(kind, track, first, last, other=None, peak=None, score=0.9):
    return {
        "sequence": "street",
        "kind": kind,
        "track": track,
        "other_track": other,
        "first_frame": first,
        "last_frame": last,
        "peak_frame": last if peak is None else peak,
        "score": score,
    }


def issues(*records):
    return pd.DataFrame(records).astype({"other_track": "Int64"})


def fix(tracks, *records, **options):
    plan = plan_fixes(tracks, issues(*records), **options)
    return plan, apply_plan(tracks, plan).table


def boxes_of(table, track):
    return table[table["track"] == track].set_index("frame")[BOX]


def same(one, other):
    pd.testing.assert_frame_equal(
        one, other, check_dtype=False, check_index_type=False, atol=0.01, rtol=0
    )
