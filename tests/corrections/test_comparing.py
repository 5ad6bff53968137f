# SPDX-License-Identifier: Apache-2.0
"""What reviewers changed, from two tracks tables."""

import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.importers.mot import read_mot
from fiftyone_track_audit.importers.tracks import make_table
from fiftyone_track_audit.plugin.corrections import comparing
from fiftyone_track_audit.plugin.corrections.comparing import (
    CHANGES,
    compare_tracks,
    is_corrected,
    name_changes,
)
from fiftyone_track_audit.plugin.corrections.precision import (
    Precision,
    judge_issues,
    measure_precision,
)
from hypothesis import given, settings
from hypothesis import strategies as st

COLUMNS = ["frame", "track", "label", "left", "top", "width", "height"]
WALKER = (1, 1, "walker", 10.0, 10.0, 20.0, 40.0)
OTHER = (1, 2, "walker", 60.0, 10.0, 20.0, 40.0)


def table(*rows, sequence="a", **columns):
    rows = pd.DataFrame(rows, columns=COLUMNS).assign(sequence=sequence, **columns)
    names = rows["frame"].map("{:06d}.png".format)
    return make_table({**rows.to_dict("series"), "frame_name": names})


def changed(row, **values):
    return tuple((dict(zip(COLUMNS, row, strict=True)) | values).values())


def names(sent, corrected, **options):
    changes = compare_tracks(sent, corrected, **options)
    tracks = zip(changes["track"], changes["new_track"], strict=True)
    return dict(zip(tracks, map(tuple, name_changes(changes)), strict=True))


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ([WALKER], {(1, 1): ()}),
        ([changed(WALKER, left=11.0)], {(1, 1): ("nudged",)}),
        ([changed(WALKER, left=14.0)], {(1, 1): ("moved",)}),
        ([changed(WALKER, left=200.0)], {(1, 1): ("moved",)}),
        ([changed(WALKER, height=60.0)], {(1, 1): ("resized",)}),
        ([changed(WALKER, top=0.0, height=50.0)], {(1, 1): ("resized",)}),
        (
            [changed(WALKER, left=25.0, height=60.0)],
            {(1, 1): ("moved", "resized")},
        ),
        ([changed(WALKER, label="rider")], {(1, 1): ("label",)}),
        ([changed(WALKER, track=9)], {(1, 9): ("identity",)}),
        (
            [changed(WALKER, track=9, left=14.0)],
            {(1, 9): ("moved", "identity")},
        ),
        ([changed(WALKER, frame=2)], {(1, -1): ("deleted",), (-1, 1): ("added",)}),
        (
            [changed(WALKER, track=9, left=90.0)],
            {(1, -1): ("deleted",), (-1, 9): ("added",)},
        ),
        ([], {(1, -1): ("deleted",)}),
        ([WALKER, OTHER], {(1, 1): (), (-1, 2): ("added",)}),
    ],
)
def test_changes_of_a_box(after, expected):
    assert names(table(WALKER), table(*after)) == expected


def test_tracks_that_change_places_change_identities():
    swapped = table(changed(WALKER, track=2), changed(OTHER, track=1))
    expected = {(1, 2): ("identity",), (2, 1): ("identity",)}
    assert names(table(WALKER, OTHER), swapped) == expected


def test_a_double_that_was_removed_is_no_change_of_identity():
    double = changed(WALKER, track=2, left=16.0)
    kept = changed(WALKER, track=2)
    expected = {(1, -1): ("deleted",), (2, 2): ("moved",)}
    assert names(table(WALKER, double), table(kept)) == expected


def test_boxes_without_identity_are_matched_by_place():
    first, second = changed(WALKER, track=-1), changed(OTHER, track=-1)
    moved = changed(second, left=64.0)
    changes = compare_tracks(table(first, second), table(moved, first))
    assert sorted(map(tuple, name_changes(changes))) == [(), ("moved",)]
    assert sorted(changes["iou"]) == [pytest.approx(16 / 24), 1.0]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("red", "red", ()),
        ("red", "blue", ("attributes",)),
        (None, "blue", ("attributes",)),
        (None, np.nan, ()),
        (True, 1, ()),
    ],
)
def test_attributes(before, after, expected):
    sent, corrected = (
        table(WALKER, color=pd.Series([value], dtype=object))
        for value in (before, after)
    )
    found = names(sent, corrected, attributes=["color"])
    assert found == {(1, 1): expected}
    lost = corrected.drop(columns="color")
    expected = () if before is None else ("attributes",)
    assert names(sent, lost, attributes=["color"]) == {(1, 1): expected}


def test_sequences_are_compared_each_with_itself():
    first, second = table(WALKER), table(WALKER, sequence="b")
    changes = compare_tracks(first, second)
    assert changes["sequence"].tolist() == ["a", "b"]
    assert changes[["deleted", "added"]].to_numpy().tolist() == [
        [True, False],
        [False, True],
    ]


def test_rows_point_into_the_tables():
    sent = table(WALKER, OTHER)
    corrected = table(changed(OTHER, left=70.0), changed(WALKER, track=7, frame=3))
    changes = compare_tracks(sent, corrected)
    for side, track in (("sent", "track"), ("corrected", "new_track")):
        rows = changes[changes[side] >= 0]
        source = {"sent": sent, "corrected": corrected}[side]
        assert source["track"].to_numpy()[rows[side]].tolist() == rows[track].tolist()
        assert source["frame"].to_numpy()[rows[side]].tolist() == rows["frame"].tolist()


@pytest.mark.parametrize("empty", ["sent", "corrected", "both"])
def test_nothing_to_compare(empty):
    sides = {
        side: table() if empty in (side, "both") else table(WALKER)
        for side in ("sent", "corrected")
    }
    changes = compare_tracks(sides["sent"], sides["corrected"])
    assert len(changes) == (empty != "both")
    assert is_corrected(changes).all()
    assert set(CHANGES) <= set(changes)


boxes = st.tuples(
    st.integers(1, 3),
    st.integers(-1, 4),
    st.sampled_from(["car", "bus"]),
    *[st.integers(0, 40).map(float)] * 2,
    *[st.integers(1, 40).map(float)] * 2,
)


@settings(deadline=None, max_examples=10)
@given(st.lists(boxes, max_size=8), st.lists(boxes, max_size=8))
def test_every_box_counts_once(before, after):
    sent, corrected = table(*before), table(*after)
    changes = compare_tracks(sent, corrected)
    for side, source in (("sent", sent), ("corrected", corrected)):
        rows = changes.loc[changes[side] >= 0, side]
        assert sorted(rows) == list(range(len(source)))
    unmatched = changes["added"] | changes["deleted"]
    assert (changes["iou"].isna() == unmatched).all()
    back = compare_tracks(corrected, sent)
    assert unmatched.sum() == (back["added"] | back["deleted"]).sum()


def test_frames_are_looked_at_in_parts(monkeypatch):
    numbers = np.random.default_rng(7).integers(1, 40, (120, 4))
    rows = [
        (frame, track, "car", *map(float, box))
        for (frame, track), box in zip(np.ndindex(12, 10), numbers, strict=True)
    ]
    sent = table(*rows)
    corrected = table(
        *(changed(row, track=row[1] + 50, left=row[3] + 1) for row in rows)
    )
    whole = compare_tracks(sent, corrected)
    monkeypatch.setattr(comparing, "_PAIRS", 250)
    pd.testing.assert_frame_equal(compare_tracks(sent, corrected), whole)
    assert whole["identity"].sum() > 50


def test_nothing_changes_in_a_table_compared_with_itself(real_data):
    sent = read_mot(real_data / "MOT17/train/MOT17-09").table
    changes = compare_tracks(sent, sent)
    assert not changes[list(CHANGES)].to_numpy().any()


def test_corrections_that_were_really_made(real_data):
    """MOT17 is MOT16 annotated again: README counts 78 and 231 in 09 and 02."""
    sent, corrected = (
        read_mot(real_data / f"MOT{year}/train/MOT{year}-09").table.query(
            "label == 'pedestrian'"
        )
        for year in (16, 17)
    )
    corrected = corrected.assign(
        sequence=corrected["sequence"].cat.rename_categories(["MOT16-09"])
    )
    changes = compare_tracks(sent, corrected)
    shared = changes[(changes["sent"] >= 0) & (changes["corrected"] >= 0)]
    assert len(shared) > 0.95 * len(sent)
    assert 0 < is_corrected(shared).mean() < 0.05


# Issues against reviewers


def issue(track, first, last, other=None, kind="low_iou"):
    return {
        "sequence": "a",
        "kind": kind,
        "track": track,
        "other_track": other,
        "first_frame": first,
        "last_frame": last,
    }


def frames(*numbers):
    return pd.DataFrame({"sequence": "a", "frame": numbers})


def test_issues_that_reviewers_corrected():
    rows = [changed(row, frame=n) for row in (WALKER, OTHER) for n in range(1, 9)]
    fixed = [
        changed(row, height=80.0) if row[:2] == (3, 1) else row
        for row in rows
        if row[:2] != (7, 2)
    ]
    issues = pd.DataFrame(
        [
            issue(1, 3, 3),
            issue(1, 4, 5),
            issue(2, 6, 7),
            issue(9, 7, 7, other=2),
            issue(1, 8, 8),
            issue(2, 3, 3),
        ],
        index=[10, 20, 30, 40, 50, 60],
    )
    changes = compare_tracks(table(*rows), table(*fixed))
    judged = judge_issues(issues, changes, frames(1, 2, 3, 4, 5, 6, 7))
    assert judged.astype(object).where(judged.notna(), None).to_dict() == {
        10: True,
        20: False,
        30: True,
        40: True,
        50: None,
        60: False,
    }


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (changed(WALKER, left=11.0), False),
        (changed(WALKER, track=5), True),
        (changed(WALKER, label="rider"), True),
    ],
)
def test_noise_corrects_no_issue(after, expected):
    issues = pd.DataFrame([issue(1, 1, 1)])
    changes = compare_tracks(table(WALKER), table(after))
    assert judge_issues(issues, changes, frames(1)).tolist() == [expected]


def test_precision_of_each_kind():
    kinds = pd.Series(["low_iou", "low_iou", "size_change", "size_change", "gap"])
    corrected = pd.Series([True, False, True, pd.NA, pd.NA], dtype="boolean")
    assert measure_precision("box", kinds, corrected) == [
        Precision("box", "gap", 1, 0, 0, None),
        Precision("box", "low IoU", 2, 2, 1, 0.5),
        Precision("box", "size change", 2, 1, 1, 1.0),
    ]
    assert measure_precision("box", kinds[:0], corrected[:0]) == []
