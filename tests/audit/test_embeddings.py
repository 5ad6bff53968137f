# SPDX-License-Identifier: Apache-2.0
"""What vectors say about tracks, on vectors whose angles are known."""

import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.importers.tracks import Sequence, Tracks, make_table
from fiftyone_track_audit.plugin.audit import audit_tracks
from fiftyone_track_audit.plugin.audit.detectors.appearance import find_appearance
from fiftyone_track_audit.plugin.audit.embeddings import (
    appearance_severity,
    center_distance,
    embedding_distance,
    exchange_gain,
    mean_outliers,
    rival_distance,
)
from fiftyone_track_audit.plugin.audit.neighbors import find_neighbors
from fiftyone_track_audit.plugin.audit.scene import make_scene


def table_of(frames, tracks=1) -> pd.DataFrame:
    return make_table(
        {
            "sequence": pd.Categorical(["walk"] * len(frames)),
            "frame": frames,
            "frame_name": pd.Categorical([f"{frame:06d}.jpg" for frame in frames]),
            "track": tracks,
            "label": pd.Categorical(["person"] * len(frames)),
            # Apart, so that nobody hides anybody
            "left": np.multiply(tracks, 100.0),
            "top": 100.0,
            "width": 10.0,
            "height": 30.0,
        }
    )


def vectors_of(*degrees, length=1.0) -> np.ndarray:
    """Vectors in a plane, NaN where the angle is."""
    angles = np.radians(degrees)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return (vectors * np.reshape(length, (-1, 1))).astype(np.float32)


def noisy_tracks(tracks: int, frames: int, seed=0) -> tuple[pd.DataFrame, np.ndarray]:
    """Tracks whose vectors stay near a direction of their own."""
    rng = np.random.default_rng(seed)
    own = np.repeat(rng.normal(size=(tracks, 64)), frames, axis=0)
    vectors = own + rng.normal(scale=0.2, size=own.shape)
    numbers = np.repeat(np.arange(1, tracks + 1), frames)
    table = table_of(np.tile(np.arange(1, frames + 1), tracks), numbers)
    return table, vectors.astype(np.float32)


def severity_of(table, vectors, occlusion=0.0, clipped=False) -> np.ndarray:
    neighbors = find_neighbors(table)
    count = len(table)
    return appearance_severity(
        embedding_distance(vectors, neighbors),
        neighbors,
        np.broadcast_to(occlusion, count),
        np.broadcast_to(np.reshape(clipped, (-1, 1)), (count, 2)),
    )


@pytest.mark.parametrize(
    ("frames", "tracks", "degrees", "expected"),
    [
        pytest.param([1, 2, 3], 1, [0, 90, 150], [np.nan, 1, 0.5], id="turning"),
        pytest.param([1, 2], 1, [20, 200], [np.nan, 2], id="opposite"),
        pytest.param(
            [1, 2, 9, 10], 1, [0, 0, 90, 90], [np.nan, 0, np.nan, 0], id="gap"
        ),
        pytest.param(
            [1, 2, 1, 2], [1, 1, 2, 2], [0, 0, 90, 90], [np.nan, 0] * 2, id="tracks"
        ),
        pytest.param(
            [1, 2, 3, 4],
            1,
            [0, np.nan, 0, 90],
            [np.nan, np.nan, np.nan, 1],
            id="no vector",
        ),
        pytest.param([1, 2], -1, [0, 90], [np.nan, np.nan], id="no identity"),
        pytest.param([], [], [], [], id="nothing"),
    ],
)
def test_cosine_distance_to_the_previous_box(frames, tracks, degrees, expected):
    neighbors = find_neighbors(table_of(frames, tracks))
    vectors = vectors_of(*degrees, length=7.0)
    distance = embedding_distance(vectors, neighbors)
    np.testing.assert_allclose(distance, expected, atol=1e-6)


def test_euclidean_distance_is_of_the_vectors_as_they_are():
    neighbors = find_neighbors(table_of([1, 2, 3]))
    vectors = vectors_of(0, 0, 90, length=[1, 4, 3])
    distance = embedding_distance(vectors, neighbors, "euclidean")
    np.testing.assert_allclose(distance, [np.nan, 3, 5], atol=1e-6)


def test_a_vector_without_a_direction_has_no_distance():
    neighbors = find_neighbors(table_of([1, 2, 3, 4]))
    vectors = vectors_of(0, 0, 0, 0, length=[1, 0, 1, 1])
    distance = embedding_distance(vectors, neighbors)
    np.testing.assert_allclose(distance, [np.nan, np.nan, np.nan, 0], atol=1e-6)
    center = center_distance(vectors, neighbors)
    np.testing.assert_allclose(center, [0, np.nan, 0, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("tracks", "degrees", "expected"),
    [
        pytest.param(
            1, [10, 10, 10, 10, 100], [0, 0, 0, 0, 1], id="one unlike the others"
        ),
        pytest.param(1, [0, 60], [0.5, 0.5], id="each other"),
        pytest.param(1, [0], [np.nan], id="alone"),
        pytest.param(-1, [0, 0], [np.nan, np.nan], id="no identity"),
        pytest.param([1, 1, 2, 2], [0, 0, 90, 90], [0, 0, 0, 0], id="tracks"),
        pytest.param(1, [0, np.nan, 60], [0.5, np.nan, 0.5], id="no vector"),
    ],
)
def test_distance_to_the_center_of_the_others(tracks, degrees, expected):
    tracks = np.broadcast_to(tracks, len(degrees))
    frames = [1 + int((tracks[:n] == tracks[n]).sum()) for n in range(len(tracks))]
    neighbors = find_neighbors(table_of(frames, tracks))
    distance = center_distance(vectors_of(*degrees), neighbors)
    np.testing.assert_allclose(distance, expected, atol=0.02)


def test_a_third_of_wrong_boxes_does_not_pull_the_center_over():
    degrees = np.r_[np.zeros(10), np.full(5, 90)]
    neighbors = find_neighbors(table_of(np.arange(1, 16)))
    distance = center_distance(vectors_of(*degrees), neighbors)
    assert distance[:10].max() < 0.05
    assert distance[10:].min() > 0.7


def test_distance_to_the_rival():
    table = table_of([1, 2, 3, 4] * 2, np.repeat([1, 2], 4))
    vectors = vectors_of(0, 0, 0, 90, 90, 90, 90, 0)
    rival = np.array([4, -1, 6, 7, 0, 1, 2, 3])
    distance = rival_distance(vectors, find_neighbors(table), rival)
    expected = [1, np.nan, 1, -1, 1, 1, 1, -1]
    np.testing.assert_allclose(distance, expected, atol=0.1)


def test_exchanged_tracks_gain_by_an_exchange():
    table = table_of([1, 2, 3] * 2, np.repeat([1, 2], 3))
    vectors = vectors_of(0, 90, 90, 90, 0, 0)
    gain = exchange_gain(
        vectors, find_neighbors(table), np.array([0, 1, 2]), np.array([3, 4, 5])
    )
    np.testing.assert_allclose(gain, [np.nan, 2, -2], atol=1e-6)


@pytest.mark.parametrize(
    ("distance", "deviations", "expected"),
    [
        pytest.param([np.nan, *[1.0] * 8, 9], 2, [9], id="one far off"),
        pytest.param([np.nan, *[1.0] * 8, 9], 3, [], id="more deviations"),
        pytest.param([np.nan, *[0.1] * 9], 2, [], id="all equal"),
        pytest.param([np.nan] * 10, 2, [], id="unknown"),
    ],
)
def test_outliers_by_mean_and_deviation(distance, deviations, expected):
    neighbors = find_neighbors(table_of(np.arange(1, 11)))
    outliers = mean_outliers(np.array(distance), neighbors, deviations)
    assert np.flatnonzero(outliers).tolist() == expected


def test_mean_and_deviation_are_those_of_each_track():
    table = table_of(np.tile(np.arange(1, 11), 2), np.repeat([1, 2], 10))
    distance = np.array([np.nan, *[1.0] * 8, 5, np.nan, *[7.0] * 9])
    outliers = mean_outliers(distance, find_neighbors(table))
    assert np.flatnonzero(outliers).tolist() == [9]


def test_clean_tracks_are_quiet():
    assert np.nanmean(severity_of(*noisy_tracks(20, 50)) > 1) < 0.005


@pytest.mark.parametrize("row", [25, 49, 30 + 50 * 3])
def test_a_wrong_box_is_blamed_and_not_the_one_after_it(row):
    table, vectors = noisy_tracks(20, 50)
    vectors[row] = vectors[-1]
    severity = severity_of(table, vectors)
    assert severity[row] > 1
    assert not (np.delete(severity, row)[row - 3 : row + 3] > 1).any()


def test_exchanged_stretches_are_blamed_where_they_begin_and_end():
    table, vectors = noisy_tracks(4, 50)
    one, two = slice(20, 35), slice(70, 85)
    vectors[one], vectors[two] = vectors[two].copy(), vectors[one].copy()
    outliers = np.flatnonzero(severity_of(table, vectors) > 1)
    assert {20, 35, 70, 85} <= set(outliers.tolist())


@pytest.mark.parametrize("disturbance", [{"occlusion": 1.0}, {"clipped": True}])
def test_disturbed_boxes_count_less(disturbance):
    table, vectors = noisy_tracks(20, 50)
    vectors[25] = vectors[-1]
    plain = severity_of(table, vectors)
    disturbed = severity_of(table, vectors, **disturbance)
    assert 0 < disturbed[25] < plain[25]


def test_crops_that_are_all_alike_are_no_outliers():
    severity = severity_of(table_of(np.arange(1, 11)), vectors_of(*[30] * 10))
    assert np.isnan(severity[0])
    np.testing.assert_array_equal(severity[1:], 0)


def test_severity_of_unknown_distances_is_unknown():
    table = table_of(np.arange(1, 5))
    assert np.isnan(severity_of(table, vectors_of(*[np.nan] * 4))).all()


def test_findings_name_the_wrong_box():
    table, vectors = noisy_tracks(20, 50)
    vectors[25] = vectors[-1]
    names = tuple(f"{frame:06d}.jpg" for frame in range(1, 51))
    sequence = Sequence("walk", 4000, 400, 25, names)
    scene = make_scene(Tracks(table, {"walk": sequence}), vectors=vectors)
    findings = find_appearance(scene)
    worst = findings.loc[findings["strength"].idxmax()]
    assert worst[["kind", "peak", "first", "last"]].tolist() == [
        "appearance",
        *[25] * 3,
    ]
    distance = embedding_distance(vectors, scene.neighbors)
    assert worst["amount"] == distance[25]
    assert worst["strength"] > 1
    assert findings["severity"].isna().all()


def test_no_findings_without_vectors():
    table = table_of([1, 2, 3])
    sequence = Sequence("walk", 400, 400, 25, ("1.jpg", "2.jpg", "3.jpg"))
    vectors = vectors_of(np.nan, np.nan, np.nan)
    scene = make_scene(Tracks(table, {"walk": sequence}), vectors=vectors)
    assert find_appearance(scene).empty


def test_audit_with_embeddings_finds_what_looks_wrong():
    """Two people side by side whose crops are exchanged for a while, and one crop
    of something else."""
    generator = np.random.default_rng(0)
    looks = generator.normal(0, 1, (3, 16))
    count = 40
    frame = np.tile(np.arange(count) + 1, 2)
    table = make_table(
        {
            "sequence": "a",
            "frame": frame,
            "frame_name": [f"{number:06d}.jpg" for number in frame],
            "track": np.repeat([1, 2], count),
            "label": "pedestrian",
            "left": 100.0 + 3 * frame + np.repeat([0, 25], count),
            "top": 200.0,
            "width": 50.0,
            "height": 120.0,
        }
    )
    names = tuple(f"{number + 1:06d}.jpg" for number in range(count))
    tracks = Tracks(table, {"a": Sequence("a", 1920, 1080, 25.0, names)})
    shown = np.repeat([0, 1], count)
    shown[20:40], shown[60:80] = 1, 0
    shown[10] = 2
    vectors = looks[shown] + generator.normal(0, 0.05, (2 * count, 16))
    audit = audit_tracks(tracks, vectors=vectors.astype(np.float32))
    issues = audit.issues.set_index("kind")
    assert set(issues.index) == {"identity_switch", "appearance"}
    switch, strange = issues.loc["identity_switch"], issues.loc["appearance"]
    assert {switch["track"], switch["other_track"]} == {1, 2}
    assert switch["last_frame"] == 21
    assert (strange["track"], strange["first_frame"]) == (1, 11)
    signals = audit.detections
    assert signals["embedding_outlier"].iloc[[10, 20]].all()
    assert (signals["embedding_rival_distance"].dropna() < 0).any()
    alone = audit_tracks(tracks)
    assert alone.issues.empty
    assert "embedding_distance" not in alone.detections
