# SPDX-License-Identifier: Apache-2.0
"""The tracks table: typed, sorted, joined."""

import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.importers.tracks import (
    COLUMNS,
    InputError,
    Sequence,
    Tracks,
    concatenate,
    make_table,
    outside_note,
)
from hypothesis import given, settings
from hypothesis import strategies as st


def columns(sequence="a", frames=(1, 2), tracks=(1, 1), **further):
    count = len(frames)
    return {
        "sequence": sequence,
        "frame": list(frames),
        "frame_name": [f"{frame}.jpg" for frame in frames],
        "track": list(tracks),
        "label": ["car"] * count,
        "left": np.arange(count) * 10,
        "top": [5] * count,
        "width": [20.0] * count,
        "height": [30.0] * count,
        **further,
    }


def tracks_of(sequence="a", notes=(), **kwargs):
    table = make_table(columns(sequence, **kwargs))
    record = Sequence(sequence, 100, 80, 25.0, ("1.jpg", "2.jpg"))
    return Tracks(table, {sequence: record}, notes)


def test_table_has_the_types_and_order_of_its_columns():
    table = make_table(columns(speed=[1, 2], frames=(2, 1)))
    assert list(table) == [*COLUMNS, "speed"]
    assert {name: str(table[name].dtype) for name in COLUMNS} == dict(COLUMNS)
    assert table["frame"].tolist() == [1, 2]
    assert table["speed"].tolist() == [2, 1]


rows = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.integers(-1, 2**31 - 1),
        st.integers(1, 2**31 - 1),
    ),
    max_size=20,
    unique=True,
)


@settings(max_examples=50, deadline=None)
@given(rows)
def test_table_is_sorted_by_sequence_track_frame(rows):
    sequences, tracks, frames = zip(*rows, strict=True) if rows else ((), (), ())
    table = make_table(columns(list(sequences), frames, tracks))
    stored = list(zip(table["sequence"], table["track"], table["frame"], strict=True))
    assert stored == sorted(rows)
    assert table.index.tolist() == list(range(len(rows)))


def test_table_lacks_a_column():
    lacking = columns()
    del lacking["left"]
    with pytest.raises(KeyError, match="left"):
        make_table(lacking)


def test_concatenate_joins_sequences():
    first = tracks_of("b", notes=("one",), truck=pd.Series(["yes", None], dtype=object))
    second = tracks_of("a", notes=("two",), speed=[1.0, 2.0])
    joined = concatenate([first, second])
    assert joined.notes == ("one", "two")
    assert set(joined.sequences) == {"a", "b"}
    assert len(joined.table) == 4
    both = joined.table.set_index("sequence")
    assert both.loc["b", "truck"].tolist() == ["yes", None]
    assert both.loc["a", "truck"].tolist() == [None, None]
    assert both.loc["a", "speed"].tolist() == [1.0, 2.0]
    assert both.loc["b", "speed"].isna().all()
    assert {n: str(joined.table[n].dtype) for n in COLUMNS} == dict(COLUMNS)


def test_concatenate_one_is_that_one():
    only = tracks_of()
    assert concatenate([only]) is only


def test_concatenate_refuses_two_of_the_same_name():
    with pytest.raises(ValueError, match="there are two sequences named 'a'"):
        concatenate([tracks_of(), tracks_of()])


@pytest.mark.parametrize(
    ("box", "outside"),
    [
        ((0, 0, 100, 80), False),
        ((-1, 0, 10, 10), True),
        ((0, -0.5, 10, 10), True),
        ((91, 0, 10, 10), True),
        ((0, 71, 10, 10), True),
    ],
)
def test_boxes_outside_the_image_are_noted(box, outside):
    table = pd.DataFrame([box], columns=["left", "top", "width", "height"])
    sequence = Sequence("a", 100, 80, 25.0, ("1.jpg",))
    expected = (
        "a: 1 of 1 boxes extend beyond the 100x80 image; they are kept as they are"
    )
    assert outside_note(table, sequence) == ((expected,) if outside else ())


def test_unknown_image_size_notes_nothing():
    table = pd.DataFrame({"left": [-5], "top": [0], "width": [1], "height": [1]})
    assert outside_note(table, Sequence("a", None, None, 25.0, ("1.jpg",))) == ()


@pytest.mark.parametrize(
    ("line", "text"), [(None, "gt.txt: wrong"), (7, "gt.txt, line 7: wrong")]
)
def test_input_error_names_the_place(line, text):
    error = InputError("gt.txt", "wrong", line)
    assert str(error) == text
    assert (error.path, error.line) == ("gt.txt", line)
