# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pandas as pd
from fiftyone_track_audit.importers.tracks import (
    Sequence,
    Tracks,
    make_invalid,
    make_table,
)
from fiftyone_track_audit.plugin.audit import (
    INVALID,
    SIZE_KINDS,
    Thresholds,
    audit_tracks,
)
from fiftyone_track_audit.plugin.audit.plan import plan_frames
from fiftyone_track_audit.plugin.report import make_report


def make_tracks(name="a"):
    """A track of 20 boxes, and three labels of which two are in a frame."""
    frames = np.arange(1, 21)
    names = [f"{frame:06d}.jpg" for frame in frames]
    columns = {"sequence": name, "frame": frames, "frame_name": names, "track": 1}
    box = {"left": frames * 2.0, "top": 5.0, "width": 20.0, "height": 40.0}
    broken = {
        "sequence": name,
        "frame": pd.array([3, 7, None], "Int64"),
        "track": pd.array([1, 9, None], "Int64"),
        "file": [f"gt/{name}.txt", f"gt/{name}.txt", None],
        "line": pd.array([12, None, None], "Int64"),
        "reason": ["width is 0", "a second box", "no number"],
    }
    return Tracks(
        make_table({**columns, "label": "car", **box}),
        {name: Sequence(name, 640, 480, 25, tuple(names))},
        invalid=make_invalid(broken),
    )


def test_each_label_that_was_set_aside_is_an_issue():
    issues = audit_tracks(make_tracks()).issues
    found = issues[issues["kind"] == INVALID]
    assert found["reason"].tolist() == [
        "no number",
        "a.txt, line 12: width is 0",
        "a.txt: a second box",
    ]
    assert found["track"].tolist() == [-1, 1, 9]
    assert found["first_frame"].fillna(0).tolist() == [0, 3, 7]
    assert found["last_frame"].equals(found["first_frame"].rename("last_frame"))
    assert (found["score"] == 1).all()
    assert found["other_track"].isna().all()
    assert found["suggestion"].unique().tolist() == ["Correct the label, or delete it"]


def test_boxes_of_which_nothing_is_in_the_image():
    tracks = make_tracks()
    table = tracks.table.copy()
    table.loc[[4, 9], "left"] = [-20.0, 640.0]
    table.loc[[5, 10], "left"] = [-19.0, 639.0]
    issues = audit_tracks(replace(tracks, table=table, invalid=make_invalid())).issues
    found = issues[issues["kind"] == INVALID]
    assert found["reason"].tolist() == [
        "the box at -20, 5 is outside the 640x480 image",
        "the box at 640, 5 is outside the 640x480 image",
    ]
    assert found["first_frame"].tolist() == [5, 10]
    assert found["track"].tolist() == [1, 1]


def test_other_audits_leave_them_out():
    audit = audit_tracks(make_tracks(), kinds=SIZE_KINDS)
    assert audit.issues.empty
    whole = audit_tracks(replace(make_tracks(), invalid=make_invalid()))
    assert INVALID not in set(whole.issues["kind"])
    assert whole.issues["first_frame"].dtype != "Int64"


def test_they_are_planned_and_reported_where_they_are():
    tracks = make_tracks()
    audit = audit_tracks(tracks)
    plan = plan_frames(audit.issues, {"a": 20}, budget=20, context=0)
    assert {3, 7} <= set(plan["frame"])
    page = make_report(tracks, audit, Thresholds(), progress=False).decode()
    for reason in ("line 12: width is 0", "a second box", "no number", "no frame"):
        assert reason in page
