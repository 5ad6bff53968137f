# SPDX-License-Identifier: Apache-2.0
"""What boxes look like against their own track, on vectors made by hand."""

import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.importers.tracks import make_table
from fiftyone_track_audit.plugin.audit.appearance import (
    appearance_severity,
    centre_distance,
    embedding_distance,
    mean_outliers,
    rival_distance,
)
from fiftyone_track_audit.plugin.audit.neighbours import find_neighbours

EAST, NORTH, NONE = (1.0, 0.0), (0.0, 1.0), (np.nan, np.nan)


def neighbours_of(tracks, frames=None):
    """The neighbours of boxes of which only track and frame matter."""
    tracks = np.asarray(tracks, int)
    if frames is None:
        frames = [np.sum(tracks[:row] == track) + 1 for row, track in enumerate(tracks)]
    table = make_table(
        {
            "sequence": pd.Categorical(["walk"] * len(tracks)),
            "frame": np.asarray(frames, int),
            "frame_name": pd.Categorical([f"{frame:06d}.jpg" for frame in frames]),
            "track": tracks,
            "label": pd.Categorical(["person"] * len(tracks)),
            "left": 0.0,
            "top": 0.0,
            "width": 10.0,
            "height": 30.0,
        }
    )
    return find_neighbours(table)


def vectors_of(*rows):
    return np.array(rows, np.float32).reshape(-1, 2)


def looks(rng, kinds, noise=0.1, dimension=64):
    """Vectors of objects that look different, with noise."""
    directions = rng.normal(size=(max(kinds) + 1, dimension))
    return (directions[kinds] + rng.normal(0, noise, (len(kinds), dimension))).astype(
        np.float32
    )


@pytest.mark.parametrize(
    ("vectors", "tracks", "frames", "metric", "expected"),
    [
        pytest.param(
            vectors_of(EAST, EAST, NORTH, (-3, 0)),
            [1] * 4,
            None,
            "cosine",
            [np.nan, 0, 1, 1],
            id="cosine",
        ),
        pytest.param(
            vectors_of((1, 0), (5, 0)), [1, 1], None, "cosine", [np.nan, 0], id="length"
        ),
        pytest.param(
            vectors_of((0, 0), (3, 4)),
            [1, 1],
            None,
            "euclidean",
            [np.nan, 5],
            id="euclidean",
        ),
        pytest.param(
            vectors_of(EAST, (-1, 0)),
            [1, 1],
            None,
            "cosine",
            [np.nan, 2],
            id="opposite",
        ),
        pytest.param(
            vectors_of(EAST, (0, 0)),
            [1, 1],
            None,
            "cosine",
            [np.nan] * 2,
            id="no length",
        ),
        pytest.param(
            vectors_of(EAST, NONE, EAST),
            [1] * 3,
            None,
            "cosine",
            [np.nan] * 3,
            id="unseen",
        ),
        pytest.param(
            vectors_of(EAST, NORTH, EAST, NORTH),
            [1] * 4,
            [1, 2, 7, 8],
            "cosine",
            [np.nan, 1, np.nan, 1],
            id="after a gap",
        ),
        pytest.param(
            vectors_of(EAST, NORTH),
            [1, 2],
            None,
            "cosine",
            [np.nan] * 2,
            id="tracks apart",
        ),
        pytest.param(
            vectors_of(EAST, NORTH),
            [-1, -1],
            [1, 2],
            "cosine",
            [np.nan] * 2,
            id="no identity",
        ),
        pytest.param(vectors_of(), [], [], "cosine", [], id="no boxes"),
    ],
)
def test_distance_to_the_previous_box(vectors, tracks, frames, metric, expected):
    distance = embedding_distance(vectors, neighbours_of(tracks, frames), metric)
    np.testing.assert_allclose(distance, expected, atol=1e-7)


@pytest.mark.parametrize(
    ("vectors", "tracks", "metric", "expected"),
    [
        pytest.param(
            vectors_of(EAST, EAST, EAST, NORTH),
            [1] * 4,
            "cosine",
            [0, 0, 0, 1],
            id="one wrong box moves no centre",
        ),
        pytest.param(
            vectors_of((2, 0), (2, 0), (2, 0), (5, 4)),
            [1] * 4,
            "euclidean",
            [0, 0, 0, 5],
            id="euclidean",
        ),
        pytest.param(
            vectors_of(EAST, NORTH), [1, 1], "cosine", [1, 1], id="each without itself"
        ),
        pytest.param(
            vectors_of(EAST, NONE, EAST),
            [1] * 3,
            "cosine",
            [0, np.nan, 0],
            id="unseen boxes do not count",
        ),
        pytest.param(
            vectors_of(EAST, NORTH), [1, 2], "cosine", [np.nan] * 2, id="alone"
        ),
        pytest.param(vectors_of(), [], "cosine", [], id="no boxes"),
    ],
)
def test_distance_to_the_centre(vectors, tracks, metric, expected):
    distance = centre_distance(vectors, neighbours_of(tracks), metric)
    np.testing.assert_allclose(distance, expected, atol=1e-7)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_centres_agree_with_the_definition(metric):
    rng = np.random.default_rng(4)
    tracks = np.repeat([1, 2, 3], [7, 12, 5])
    neighbours = neighbours_of(tracks)
    vectors = looks(rng, tracks, noise=1.0)

    def gap(first, second):
        if metric == "euclidean":
            return np.linalg.norm(first - second)
        return 1 - first @ second / np.linalg.norm(first) / np.linalg.norm(second)

    points = vectors.astype(float)
    if metric == "cosine":
        points /= np.linalg.norm(points, axis=1)[:, None]
    expected = np.empty(len(tracks))
    for track in (1, 2, 3):
        rows = np.flatnonzero(tracks == track)
        away = np.array([gap(points[row], points[rows].mean(axis=0)) for row in rows])
        typical = rows[away <= np.median(away)]
        for row in rows:
            centre = points[typical[typical != row]].mean(axis=0)
            expected[row] = gap(points[row], centre)
    result = centre_distance(vectors, neighbours, metric)
    np.testing.assert_allclose(result, expected, rtol=1e-4)


def test_rival_is_nearer_where_identities_are_switched():
    rng = np.random.default_rng(0)
    tracks = np.repeat([1, 2, 3], 20)
    shown = tracks.copy()
    shown[15:20], shown[35:40] = 2, 1
    rival = np.repeat([20, 0, -1], 20)
    distance = rival_distance(looks(rng, shown), neighbours_of(tracks), rival)
    switched = np.flatnonzero(shown != tracks)
    assert np.flatnonzero(distance < 0).tolist() == switched.tolist()
    assert np.flatnonzero(np.isnan(distance)).tolist() == list(range(40, 60))


@pytest.mark.parametrize(
    ("distance", "tracks", "deviations", "expected"),
    [
        pytest.param([1, 1, 1, 1, 1, 1, 9], [1] * 7, 2, [6], id="one"),
        pytest.param([1, 1, 1, 1, 1, 1, 9], [1] * 7, 3, [], id="three deviations"),
        pytest.param([np.nan, 1, 1, 1, 1, 1, 9], [1] * 7, 2, [6], id="undefined first"),
        pytest.param([1, 1, 1, 1], [1] * 4, 2, [], id="all alike"),
        pytest.param([1] * 6 + [9] + [9] * 6, [1] * 7 + [2] * 6, 2, [6], id="tracks"),
        pytest.param([np.nan] * 3, [1] * 3, 2, [], id="nothing known"),
        pytest.param([], [], 2, [], id="no boxes"),
    ],
)
def test_outliers_by_the_mean(distance, tracks, deviations, expected):
    chosen = mean_outliers(np.array(distance), neighbours_of(tracks), deviations)
    assert np.flatnonzero(chosen).tolist() == expected


def severities(distance, tracks, hidden=0.0, cut=False):
    count = len(distance)
    return appearance_severity(
        np.asarray(distance, float),
        neighbours_of(tracks),
        np.full(count, hidden),
        np.full((count, 2), cut),
    )


def test_severity_finds_the_box_that_stands_out():
    rng = np.random.default_rng(1)
    distance = rng.uniform(0.1, 0.2, 100)
    distance[70] = 0.9
    severity = severities(distance, np.repeat([1, 2], 50))
    assert np.flatnonzero(severity > 1).tolist() == [70]
    assert (severity >= 0).all()


def test_steady_track_is_measured_by_the_sequence():
    rng = np.random.default_rng(2)
    steady = rng.uniform(0.01, 0.0101, 20)
    steady[10] = 0.05
    distance = np.concatenate([steady, rng.uniform(0.1, 0.3, 100)])
    tracks = np.repeat([1, 2, 3], [20, 50, 50])
    assert severities(steady, np.ones(20))[10] > 1
    assert (severities(distance, tracks) < 1).all()


@pytest.mark.parametrize(("hidden", "cut"), [(0.9, False), (0.0, True)])
def test_what_is_not_to_be_seen_is_no_mistake(hidden, cut):
    distance = np.r_[np.linspace(0.1, 0.2, 40), 0.9]
    assert severities(distance, np.ones(41))[40] > 1
    assert severities(distance, np.ones(41), hidden, cut)[40] < 1


@pytest.mark.parametrize(
    ("distance", "expected"),
    [
        ([np.nan, np.nan], [np.nan, np.nan]),
        ([np.nan, 0.2, 0.2], [np.nan, 0, 0]),
        ([0.0, 0.0, 0.0], [0, 0, 0]),
        ([], []),
    ],
    ids=["nothing known", "undefined first", "all the same crop", "no boxes"],
)
def test_severity_where_little_is_known(distance, expected):
    np.testing.assert_equal(severities(distance, np.ones(len(distance))), expected)
