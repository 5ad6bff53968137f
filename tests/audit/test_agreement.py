# SPDX-License-Identifier: Apache-2.0
"""Agreement of labels with others."""

import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.plugin.audit.agreement import measure_agreement

pytest.importorskip("trackeval")


def walk(track, frames, left=0.0):
    frames = np.asarray(frames)
    box = {"left": left + 3.0 * frames, "top": 10.0, "width": 20.0, "height": 40.0}
    return pd.DataFrame({"sequence": "a", "frame": frames, "track": track, **box})


def test_the_same_labels_agree_whatever_their_ids():
    truth = pd.concat([walk(1, range(1, 11)), walk(2, range(1, 11), 200)])
    found = measure_agreement(truth, truth.assign(track=truth["track"] + 7))
    assert (found.hota, found.idf1, found.mota) == (1, 1, 1)


def test_a_missing_half_and_an_exchange_count():
    truth = pd.concat([walk(1, range(1, 11)), walk(2, range(1, 11), 200)])
    half = measure_agreement(truth, truth[truth["track"] == 1])
    # Half of the boxes are missing: 2 * 10 / (20 + 10), and 10 / 20
    assert half.idf1 == pytest.approx(2 / 3)
    assert half.mota == pytest.approx(0.5)
    late = truth["frame"] > 5
    crossed = truth.assign(track=truth["track"].where(~late, 3 - truth["track"]))
    found = measure_agreement(truth, crossed)
    assert found.idf1 == pytest.approx(0.5)
    # Two identity switches among 20 boxes
    assert found.mota == pytest.approx(0.9)
    assert found.hota < half.hota + 0.3


def test_boxes_without_a_track_and_empty_labels():
    truth = walk(1, range(1, 6))
    assert measure_agreement(truth, truth.assign(track=-1)).mota == 0
