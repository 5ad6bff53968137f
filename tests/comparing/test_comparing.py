# SPDX-License-Identifier: Apache-2.0
"""Two sets of labels of the same frames: measures and disagreements."""

import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.importers.tracks import BOX, Sequence, Tracks, make_table
from fiftyone_track_audit.plugin.comparing import compare_tracks
from fiftyone_track_audit.plugin.comparing.pairing import match_boxes

pytest.importorskip("trackeval")

FRAMES = 20
NAMES = tuple(f"{frame:06d}.jpg" for frame in range(1, FRAMES + 1))


def make_rows(track, top, frames=range(1, FRAMES + 1), label="car", sequence="street"):
    """Boxes of one object that moves to the right."""
    frames = np.array(list(frames))
    return pd.DataFrame(
        {
            "sequence": sequence,
            "frame": frames,
            "frame_name": np.array(NAMES)[frames - 1],
            "track": track,
            "label": label,
            "left": 10.0 * frames,
            "top": float(top),
            "width": 60.0,
            "height": 40.0,
        }
    )


def make_tracks(*parts, size=(640, 480)):
    table = make_table(pd.concat(parts, ignore_index=True))
    names = table["sequence"].cat.categories
    records = {name: Sequence(name, *size, 25.0, NAMES) for name in names}
    return Tracks(table, records)


def found(comparison):
    """The issues as tuples: kind, tracks, frames."""
    columns = ["kind", "track", "other_track", "first_frame", "last_frame"]
    issues = comparison.issues[columns].astype({"other_track": "Int64"})
    return [
        tuple(row) for row in issues.fillna({"other_track": -1}).to_numpy().tolist()
    ]


TRUTH = make_tracks(make_rows(1, 0), make_rows(2, 200))


def test_equal_labels_agree_in_everything():
    comparison = compare_tracks(TRUTH, TRUTH)
    assert comparison.issues.empty
    total = comparison.measures.iloc[-1]
    assert total[["sequence", "label"]].isna().all()
    assert total[["HOTA", "DetA", "AssA", "IDF1", "MOTA"]].tolist() == [1] * 5
    assert total[["boxes", "other_boxes", "IDSW"]].tolist() == [40, 40, 0]


def test_missing_and_additional_boxes_are_one_issue_per_stretch():
    labels = make_tracks(
        make_rows(1, 0, range(1, 16)),
        make_rows(2, 200, [*range(1, 5), 6, *range(9, 21)]),
        make_rows(7, 400, range(3, 6)),
    )
    comparison = compare_tracks(labels, TRUTH)
    assert found(comparison) == [
        ("overlooked", -1, -1, 16, 20),
        ("overlooked", -1, -1, 5, 8),
        ("unsupported", 7, -1, 3, 5),
    ]
    scores = comparison.issues["score"].tolist()
    assert scores == sorted(scores, reverse=True)
    assert all(0.5 < score < 1 for score in scores)
    first = comparison.issues.iloc[0]
    assert first["expected_left"] == 160
    assert first["reason"] == (
        "car from 000016.jpg to 000020.jpg: no box covers track 1 of the other labels "
        "in 5 frames"
    )
    assert comparison.measures["MOTA"].iloc[-1] == pytest.approx(1 - (8 + 3) / 40)


def test_boxes_that_differ_more_than_others_are_badly_located():
    moved = make_rows(1, 0)
    moved.loc[4:8, "left"] += 20
    comparison = compare_tracks(make_tracks(moved, make_rows(2, 200)), TRUTH)
    assert found(comparison) == [("badly_located", 1, -1, 5, 9)]
    issue = comparison.issues.iloc[0]
    assert issue["expected_left"] == 10 * issue["peak_frame"]
    assert "mean IoU of 0.50 with track 1" in issue["reason"]


def test_classes_are_compared_if_the_two_have_any_in_common():
    named = make_rows(1, 0).assign(label=["car"] * 10 + ["Van"] * 10)
    labels = make_tracks(named, make_rows(2, 200, label="Car"))
    comparison = compare_tracks(labels, TRUTH)
    assert found(comparison) == [("wrong_class", 1, -1, 11, 20)]
    by_class = comparison.measures[comparison.measures["sequence"].isna()]
    assert by_class["label"].tolist()[:-1] == ["car", "Van"]
    assert by_class.set_index("label").loc["Van", "MOTA"] is None or np.isnan(
        by_class.set_index("label").loc["Van", "MOTA"]
    )
    people = make_tracks(*(make_rows(n, 200 * n, label="person") for n in (0, 1)))
    renamed = compare_tracks(people, TRUTH)
    assert renamed.issues.empty
    assert renamed.measures["MOTA"].tolist() == [1, 1]


def test_two_tracks_that_exchange_their_objects_are_one_issue():
    labels = make_tracks(
        make_rows(1, 0, range(1, 13)),
        make_rows(2, 0, range(13, 21)),
        make_rows(2, 200, range(1, 13)),
        make_rows(1, 200, range(13, 21)),
    )
    comparison = compare_tracks(labels, TRUTH)
    ((kind, one, two, first, last),) = found(comparison)
    assert (kind, {one, two}, first, last) == ("identity_switch", {1, 2}, 13, 13)
    assert comparison.measures["IDSW"].iloc[-1] == 2


def test_an_object_with_two_tracks_and_a_track_with_two_objects_are_issues():
    broken = [make_rows(1, 0, range(1, 11)), make_rows(5, 0, range(11, 21))]
    comparison = compare_tracks(make_tracks(*broken, make_rows(2, 200)), TRUTH)
    assert found(comparison) == [("identity_switch", 5, 1, 11, 11)]
    other_way = compare_tracks(TRUTH, make_tracks(*broken, make_rows(2, 200)))
    assert found(other_way) == [("identity_switch", 1, -1, 11, 11)]
    assert "track 5 of the other labels" in other_way.issues["reason"].iloc[0]


def test_boxes_without_an_id_are_compared_but_say_nothing_about_identity():
    boxes = make_tracks(make_rows(-1, 0), make_rows(-1, 200))
    for one, two in ((TRUTH, boxes), (boxes, TRUTH)):
        comparison = compare_tracks(one, two)
        assert comparison.issues.empty
        total = comparison.measures.iloc[-1]
        assert total["DetA"] == 1
        assert total["AssA"] < 0.1
    missing = compare_tracks(make_tracks(make_rows(1, 0)), boxes)
    assert set(missing.issues["kind"]) == {"overlooked"}
    assert "no box covers a box of the other labels" in missing.issues["reason"].iloc[0]
    added = compare_tracks(boxes, make_tracks(make_rows(1, 0)))
    assert set(added.issues["track"]) == {-1}


def test_only_frames_that_both_have_labeled_are_compared():
    every_fifth = make_tracks(
        *(make_rows(n, 200 * (n - 1), range(1, 21, 5)) for n in (1, 2))
    )
    comparison = compare_tracks(every_fifth, TRUTH)
    assert comparison.issues.empty
    assert comparison.measures["boxes"].iloc[-1] == 8
    assert compare_tracks(TRUTH, every_fifth).issues.empty


def test_measures_are_per_sequence_and_class():
    both = make_tracks(make_rows(1, 0), make_rows(1, 0, label="bus", sequence="yard"))
    one = make_tracks(
        make_rows(1, 0, range(1, 11)), make_rows(1, 0, label="bus", sequence="yard")
    )
    measures = compare_tracks(one, both).measures
    rows = measures[["sequence", "label", "HOTA"]].fillna("all").to_numpy().tolist()
    assert [row[:2] for row in rows] == [
        ["street", "car"],
        ["yard", "bus"],
        ["street", "all"],
        ["yard", "all"],
        ["all", "car"],
        ["all", "bus"],
        ["all", "all"],
    ]
    assert rows[1][2] == 1
    assert rows[0][2] == rows[2][2] == rows[4][2] == pytest.approx(0.5)


def test_a_box_is_matched_with_its_own_track_and_not_with_a_passer_by():
    near = make_rows(2, 200)
    near.loc[10, BOX] = [10.0 * 11 + 4, 2.0, 60, 40]
    own = make_rows(1, 0)
    own.loc[10, "left"] += 8
    labels = make_tracks(own)
    match, overlap = match_boxes(labels.table, make_tracks(make_rows(1, 0), near).table)
    assert match.tolist() == list(range(20))
    assert overlap[10] < 1


def test_nothing_is_compared_with_other_sequences_or_images():
    both = make_tracks(make_rows(1, 0), make_rows(1, 0, sequence="yard"))
    with pytest.raises(ValueError, match="only one of the two has a sequence 'yard'"):
        compare_tracks(both, TRUTH)
    small = make_tracks(make_rows(1, 0), size=(320, 240))
    with pytest.raises(ValueError, match=r"640x480 pixels .* 320x240"):
        compare_tracks(TRUTH, small)


def test_labels_without_boxes_are_compared():
    nothing = Tracks(TRUTH.table[:0], TRUTH.sequences)
    missing = compare_tracks(nothing, TRUTH)
    assert set(missing.issues["kind"]) == {"overlooked"}
    assert missing.measures["MOTA"].iloc[-1] == 0
    additional = compare_tracks(TRUTH, nothing)
    assert set(additional.issues["kind"]) == {"unsupported"}
    assert additional.measures["MOTA"].isna().all()
