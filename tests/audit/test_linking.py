# SPDX-License-Identifier: Apache-2.0
"""Boxes without identities are linked into tracks."""

import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.importers.tracks import make_table
from fiftyone_track_audit.plugin.audit.linking import link_boxes


def boxes(*rows, sequence="s"):
    """Boxes of 20 x 20 pixels: ``(frame, left, label)``."""
    table = pd.DataFrame(rows, columns=["frame", "left", "label"])
    names = table["frame"].map("{:06d}.jpg".format)
    values = {"top": 10.0, "width": 20.0, "height": 20.0, "track": -1}
    return make_table(table.assign(sequence=sequence, frame_name=names, **values))


def test_two_objects_that_pass_each_other_keep_their_tracks():
    there = [(frame, 6.0 * frame, "a") for frame in range(1, 21)]
    back = [(frame, 126.0 - 6 * frame, "a") for frame in range(1, 21)]
    table = boxes(*there, *back)
    linked = pd.Series(link_boxes(table)).groupby(table["left"] == 6 * table["frame"])
    assert linked.nunique().tolist() == [1, 1]
    assert set(link_boxes(table)) == {1, 2}


def test_a_track_may_be_missing_for_a_while():
    frames = [1, 2, 3, 8, 9]
    table = boxes(*[(frame, 3.0 * frame, "a") for frame in frames])
    assert link_boxes(table).tolist() == [1] * 5
    assert link_boxes(table, patience=4).tolist() == [1, 1, 1, 2, 2]


def test_labels_are_not_mixed():
    table = boxes((1, 0.0, "a"), (2, 0.0, "b"))
    assert link_boxes(table).tolist() == [1, 2]


def test_numbers_begin_anew_in_each_sequence():
    parts = [boxes((1, 0.0, "a"), (2, 1.0, "a"), sequence=name) for name in "st"]
    table = pd.concat([part.astype({"sequence": str}) for part in parts])
    assert link_boxes(make_table(table)).tolist() == [1, 1, 1, 1]


def test_no_boxes():
    assert link_boxes(boxes()[:0]).tolist() == []


@pytest.mark.parametrize("wrong", [{"least_iou": 0}, {"patience": 0}])
def test_parameters_out_of_range(wrong):
    with pytest.raises(ValueError, match="expected a least IoU"):
        link_boxes(boxes((1, 0.0, "a")), **wrong)


def test_every_box_has_one_track_per_frame():
    random = np.random.default_rng(1)
    rows = [(f, left, "a") for f in range(1, 9) for left in random.uniform(0, 300, 30)]
    table = boxes(*rows)
    linked = table.assign(track=link_boxes(table))
    assert (linked["track"] > 0).all()
    assert not linked.duplicated(["frame", "track"]).any()


def test_looks_link_boxes_that_do_not_overlap():
    """Two objects jump, and each goes on as the one that looks like it."""
    table = boxes((1, 0.0, "a"), (2, 26.0, "a"), (1, 52.0, "a"), (2, 30.0, "a"))
    looks = np.array([[0.0, 2], [1, 0.1], [0.1, 3], [0.5, 0]], np.float32)[[1, 0, 3, 2]]
    left = table["left"].tolist()
    of = dict(zip(left, link_boxes(table, vectors=looks), strict=True))
    alone = link_boxes(table)
    assert len(set(alone)) == 4
    red = {left[row] for row in (0, 2)}
    assert {of[each] for each in red} != {of[each] for each in set(left) - red}
    assert len(set(of.values())) == 2
    far = table.assign(left=table["left"] * 10)
    assert len(set(link_boxes(far, vectors=looks))) == 4
    unknown = np.full_like(looks, np.nan)
    assert link_boxes(table, vectors=unknown).tolist() == alone.tolist()
