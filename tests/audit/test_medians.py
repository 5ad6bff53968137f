# SPDX-License-Identifier: Apache-2.0
"""Medians of many short lists, compared with NumPy and pandas."""

import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.plugin.audit import links
from fiftyone_track_audit.plugin.audit.findings import reduce_runs
from fiftyone_track_audit.plugin.audit.medians import (
    middle_values,
    nth_lowest,
    run_medians,
)
from fiftyone_track_audit.plugin.audit.scene import make_scene
from made_tracks import walk


@pytest.mark.parametrize("width", [1, 2, 4, 5, 7, 10])
def test_middle_values_are_those_of_the_sorted_known_values(width):
    random = np.random.default_rng(width)
    values = random.integers(0, 6, (width, 300)).astype(float)
    values[random.random(values.shape) < 0.3] = np.nan
    low, high, counts = middle_values(values.copy())
    for column, *found, count in zip(values.T, low, high, counts, strict=True):
        known = np.sort(column[~np.isnan(column)])
        assert count == len(known)
        middle = [known[(count - 1) // 2], known[count // 2]] if count else [np.nan] * 2
        np.testing.assert_array_equal(found, middle)


def test_nth_lowest_counts_unknown_values_as_the_highest():
    values = np.array([[3, np.nan], [1, np.nan], [2, 5.0]])
    np.testing.assert_array_equal(nth_lowest(values, 1), [2, np.nan])


def test_run_medians_are_those_of_groups():
    random = np.random.default_rng(0)
    lengths = np.array([1, 2, 3, 17, 1, 64, 65, 5])
    values = random.normal(size=lengths.sum())
    values[random.random(len(values)) < 0.3] = np.nan
    values[-5:] = np.nan
    group = np.repeat(np.arange(len(lengths)), lengths)
    expected = pd.Series(values).groupby(group).median()
    found = run_medians(values, np.cumsum(lengths) - lengths)
    np.testing.assert_array_equal(found, expected)
    assert len(run_medians(np.empty(0), np.empty(0, int))) == 0


def test_the_bound_of_crowding_is_never_too_low():
    scene = make_scene(walk("a", tracks=40, frames=200))
    rows = np.arange(len(scene.boxes))
    crowding = links._Crowding.of(scene)
    exact, bound = crowding.at(rows), crowding.at_most(rows)
    assert (bound >= exact).all()
    assert exact.max() > 1


def test_runs_are_reduced_in_any_order():
    values = np.arange(10.0)
    first, last = np.array([7, 0, 3, 0]), np.array([9, 2, 3, 8])
    np.testing.assert_array_equal(
        reduce_runs(np.maximum, values, first, last), [9, 2, 3, 8]
    )
    assert len(reduce_runs(np.maximum, values, first[:0], last[:0])) == 0
