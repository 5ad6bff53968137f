# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.importers.broken_rows import BrokenRows
from fiftyone_track_audit.importers.tracks import INVALID_COLUMNS, InputError

LABELS = pd.DataFrame(
    {
        "frame": [1, 2, 0, 4],
        "track": [5.0, 1.5, 7, 8],
        "left": [1.0, 2, 3, np.nan],
        "top": [1.0, 2, 3, 4],
        "width": [10.0, 10, -1, 10],
        "height": [10.0, 10, 0, 10],
    }
)


def find():
    broken = BrokenRows("gt.txt", np.array([1, 3, 4, 6]))
    track = LABELS["track"]
    broken.check(track % 1 != 0, lambda row: f"id is {track[row]}; expected an integer")
    broken.check_boxes(LABELS)
    return broken


def test_the_first_reason_of_each_row_counts():
    broken = find()
    assert broken.found.tolist() == [False, True, True, True]
    assert broken.reasons[1] == "id is 1.5; expected an integer"
    assert broken.reasons[2].startswith("width is -1; expected pixels from 0.001")
    assert broken.reasons[3].startswith("left is nan")


def test_rows_are_set_aside_with_what_is_known_of_them():
    invalid, (note,) = find().set_aside("a", LABELS)
    assert {name: str(invalid[name].dtype) for name in invalid} == dict(INVALID_COLUMNS)
    assert invalid["line"].tolist() == [3, 4, 6]
    assert invalid["frame"].fillna(-9).tolist() == [2, -9, 4]
    assert invalid["track"].fillna(-9).tolist() == [-9, 7, 8]
    assert invalid["width"].tolist() == [10, -1, 10]
    assert set(invalid["sequence"]) == {"a"}
    assert note.startswith("gt.txt: 3 of 4 rows cannot be used and are set aside")
    assert note.endswith("line 3: id is 1.5; expected an integer")


def test_nothing_is_said_without_broken_rows():
    invalid, notes = BrokenRows("gt.txt", np.array([1])).set_aside("a", LABELS[:1])
    assert invalid.empty
    assert notes == ()


@pytest.mark.parametrize("strict", [True, False])
def test_a_file_is_refused_if_asked_or_if_no_row_is_left(strict):
    broken = find()
    broken.check(np.full(4, not strict), lambda row: "all wrong")
    with pytest.raises(InputError, match=r"gt.txt, line [13]: ") as caught:
        broken.set_aside("a", LABELS, strict)
    assert caught.value.line == (3 if strict else 1)
