# SPDX-License-Identifier: Apache-2.0
"""Deviations from the rolling mean, against the formula written out."""

import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.importers.tracks import BOX, make_table
from fiftyone_track_audit.plugin.audit.neighbors import find_neighbors
from fiftyone_track_audit.plugin.audit.rolling import Window, rolling_signals


def table_of(
    frames: list[int], lefts: list[float], tracks=1, sequences="walk", width=10.0
) -> pd.DataFrame:
    return make_table(
        {
            "sequence": pd.Categorical(np.broadcast_to(sequences, len(frames))),
            "frame": frames,
            "frame_name": pd.Categorical([f"{frame:06d}.jpg" for frame in frames]),
            "track": tracks,
            "label": pd.Categorical(["person"] * len(frames)),
            "left": lefts,
            "top": np.multiply(lefts, 2),
            "width": width,
            "height": 30.0,
        }
    )


def deviations_of(table: pd.DataFrame, *window: Window) -> pd.DataFrame:
    return pd.DataFrame(rolling_signals(table, find_neighbors(table), *window))


@pytest.mark.parametrize(
    ("table", "half_window", "expected"),
    [
        pytest.param(
            table_of([1, 2, 3, 4], [0, 0, 9, 0]), 1, [0, -3, 6, -4.5], id="glitch"
        ),
        pytest.param(
            table_of([1, 2, 3, 4, 5], [0, 2, 4, 6, 8]),
            1,
            [-1, 0, 0, 0, 1],
            id="steady motion shows at the ends alone",
        ),
        pytest.param(
            table_of([1, 3, 5, 7], [0, 0, 9, 0]),
            1,
            [0, -3, 6, -4.5],
            id="every other frame is labeled",
        ),
        pytest.param(
            table_of([1, 2, 3, 8, 9], [0, 0, 6, 40, 50]),
            2,
            [-2, -2, 4, -5, 5],
            id="nothing reaches across a gap",
        ),
        pytest.param(
            table_of([1, 2, 1, 2], [0, 4, 100, 104], tracks=[1, 1, 2, 2]),
            5,
            [-2, 2, -2, 2],
            id="tracks apart",
        ),
        pytest.param(
            table_of([1, 2, 1, 2], [0, 4, 9, 1], sequences=["a", "a", "b", "b"]),
            5,
            [-2, 2, 4, -4],
            id="sequences apart",
        ),
        pytest.param(
            table_of([1, 2, 9], [0, 4, 7]), 2, [-2, 2, np.nan], id="alone in its window"
        ),
        pytest.param(
            table_of([1, 1, 2], [0, 4, 7], tracks=-1), 2, [np.nan] * 3, id="no identity"
        ),
        pytest.param(
            table_of([1, 2, 3], [0, 99, 4], width=[10, 0, 10]),
            1,
            [np.nan] * 3,
            id="a box without width says nothing",
        ),
        pytest.param(table_of([], []), 1, [], id="no boxes"),
    ],
)
def test_deviation(table, half_window, expected):
    deviations = deviations_of(table, Window(2 * half_window + 1))
    assert list(deviations) == [f"{name}_deviation" for name in BOX]
    np.testing.assert_allclose(deviations["left_deviation"], expected, atol=1e-12)
    doubled = np.multiply(expected, 2)
    np.testing.assert_allclose(deviations["top_deviation"], doubled, atol=1e-12)
    still = np.multiply(expected, 0)
    np.testing.assert_allclose(deviations["height_deviation"], still, atol=1e-12)


def test_agrees_with_the_formula():
    rng = np.random.default_rng(5)
    frames = np.concatenate([np.flatnonzero(rng.random(60) < 0.7) + 1 for _ in "abcd"])
    tracks = np.cumsum(np.r_[1, np.diff(frames) < 0])
    table = table_of(frames, rng.uniform(0, 1e6, len(frames)), tracks=tracks)
    neighbors = find_neighbors(table)
    expected = []
    for row in range(len(table)):
        near = (neighbors.start == neighbors.start[row]) & (
            np.abs(neighbors.time - neighbors.time[row]) <= 5
        )
        boxes = table[BOX].to_numpy()
        expected.append(boxes[row] - boxes[near].mean(axis=0))
        assert near.sum() > 1
    np.testing.assert_allclose(deviations_of(table), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (Window(2, centered=False), [np.nan, 4.5, -1.5, 1]),
        (Window(3, centered=False), [np.nan, 4.5, 1, 1 / 3]),
        # As in pandas, one frame more before the box than after it
        (Window(4), [-4.5, 4, 0.25, 1 / 3]),
    ],
)
def test_windows_of_other_kinds(window, expected):
    table = table_of([1, 2, 3, 4], [0, 9, 6, 8])
    found = deviations_of(table, window)["left_deviation"]
    np.testing.assert_allclose(found, expected)
    lefts = table["left"]
    means = lefts.rolling(window.frames, center=window.centered, min_periods=2).mean()
    np.testing.assert_allclose(found, lefts - means)


def test_a_window_has_a_frame():
    with pytest.raises(ValueError, match="a window of 1 frame or more, not 0"):
        Window(0)
