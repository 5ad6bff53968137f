# SPDX-License-Identifier: Apache-2.0
"""How tracks are told apart, from columns as the database holds them."""

import pandas as pd
import pytest
from fiftyone_track_audit.importers.store import raw_values
from fiftyone_track_audit.importers.store.track_numbers import number_tracks

# The store room knows FiftyOne
pytestmark = pytest.mark.usefixtures("database")

COLUMNS = ["frame", "label", "index", "instance", "left"]


def made(rows, sequence="s", **more):
    """Boxes of 10 x 10 pixels."""
    boxes = pd.DataFrame(rows, columns=COLUMNS).assign(sequence=sequence, **more)
    kinds = {"index": "Int64", "label": "category", "sequence": "category"}
    return boxes.assign(top=0.0, width=10.0, height=10.0).astype(kinds)


def tracks(rows, **more):
    return number_tracks(made(rows), **more).tracks.tolist()


def test_an_index_is_the_number_of_its_track():
    found = number_tracks(made([(1, "a", 5, None, 0), (2, "a", None, None, 0)]))
    assert found.tracks.tolist() == [5, -1]
    assert not found.numbered
    assert found.notes == ()


def test_halves_of_a_split_track_are_two_tracks():
    halves = [(1, "a", 5, "x", 0), (2, "a", 5, "x", 0), (3, "a", 5, "y", 0)]
    assert tracks(halves) == [5, 5, 6]


def test_the_second_half_of_a_split_track_without_an_instance_before():
    halves = [(1, "a", 5, None, 0), (2, "a", 5, None, 0), (3, "a", 5, "y", 0)]
    assert tracks(halves) == [5, 5, 6]


def test_merged_tracks_are_one():
    merged = [(1, "a", 5, "x", 0), (2, "a", 7, "x", 0), (2, "a", 9, "y", 50)]
    assert tracks(merged) == [5, 5, 9]


def test_a_box_with_an_instance_and_no_index_belongs_to_the_instance():
    drawn = [(1, "a", 5, "x", 0), (2, "a", None, "x", 0), (3, "a", 5, "x", 0)]
    assert tracks(drawn) == [5, 5, 5]


def test_boxes_that_an_edit_gave_an_instance_stay_in_their_track():
    edited = [(f, "a", 5, "x" if f in (2, 4) else None, 0) for f in range(1, 6)]
    found = number_tracks(made(edited))
    assert set(found.tracks) == {5}
    assert "3 boxes have no instance" in found.notes[0]


def test_a_label_that_changes_within_an_instance_is_one_track():
    assert tracks([(1, "a", 5, "x", 0), (2, "b", 5, "x", 0)]) == [5, 5]


def test_indexes_that_count_within_each_class():
    rows = [
        (frame, label, index, None, left)
        for frame in (1, 2, 3)
        for label, index, left in [("a", 1, 0), ("b", 1, 90), ("a", 2, 200)]
    ]
    # Never together with the other second one, but elsewhere
    rows.append((9, "b", 2, None, 300))
    found = number_tracks(made(rows))
    assert found.per_class
    assert found.tracks.tolist() == [1, 3, 2] * 3 + [4]
    assert "within each class" in found.notes[0]


def test_a_label_that_flips_for_a_few_frames_stays_in_its_track():
    flips = [(f, "b" if f in (4, 5) else "a", 1, None, f) for f in range(1, 10)]
    found = number_tracks(made(flips))
    assert set(found.tracks) == {1}
    assert not found.per_class


def test_one_box_too_many_does_not_make_indexes_count_within_classes():
    rows = [
        (f, "b" if f == 5 else "a", index, None, f)
        for index in (1, 2, 3)
        for f in range(1, 10)
    ]
    rows.append((2, "b", 1, None, 70))
    found = number_tracks(made(rows))
    assert not found.per_class
    assert set(found.tracks) == {1, 2, 3}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["x7", None, "x7", "a1"], [2, -1, 2, 1]),
        ([7, None, 7, 3], [7, -1, 7, 3]),
    ],
)
def test_an_attribute_of_choice(values, expected):
    rows = [(frame, "a", 1, None, 0) for frame in range(1, 5)]
    found = number_tracks(made(rows, attribute=values), attribute="track_id")
    assert found.tracks.tolist() == expected
    assert found.attribute == "track_id"


def test_the_same_numbers_in_every_sequence():
    boxes = pd.concat(
        [
            made([(1, "a", 5, "x", 0), (2, "a", 5, "y", 0)], "s"),
            made([(1, "a", 5, "z", 0)], "t"),
        ]
    )
    boxes = boxes.astype({"sequence": "category"})
    assert number_tracks(boxes).tracks.tolist() == [5, 6, 5]


def test_no_boxes():
    assert tracks([]) == []


def test_an_index_beyond_all_numbers_gets_a_new_one():
    assert tracks([(1, "a", 5, None, 0), (1, "a", 2**40, None, 90)]) == [5, 6]


def test_values_of_the_wrong_type_become_null():
    found = raw_values.whole_numbers([1, "2", [3], 4.0, None, True, 2.5])
    assert found.tolist() == [1, pd.NA, pd.NA, 4, pd.NA, pd.NA, pd.NA]
    labels = raw_values.class_names(["a", ["b"], None, 3])
    assert labels.astype(object).where(labels.notna(), None).tolist() == [
        "a",
        None,
        None,
        None,
    ]
    boxes = raw_values.boxes([[0, 0, 1, 1], [0.5, 0.5], None, ["a", 0, 0, 1]])
    assert boxes[0].tolist() == [0, 0, 1, 1]
    assert pd.isna(boxes[1:]).all()
