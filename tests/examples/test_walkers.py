# SPDX-License-Identifier: Apache-2.0
"""Walkers stay where the camera can draw them, and their boxes say where they are."""

import copy

import numpy as np
import pytest
from walkers import FRAME_RATE, Scene
from walkers.camera import Camera
from walkers.paths import NEAREST, choose_paths

CAMERA = Camera(320, 180)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene(0, 10, (CAMERA.width, CAMERA.height), 8)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("seconds", [2, 8, 30])
def test_nobody_walks_behind_the_camera_or_into_another(seed, seconds):
    frames = seconds * FRAME_RATE
    paths = choose_paths(np.random.default_rng(seed), CAMERA, 20, frames)
    places = np.array([path.places for path in paths])
    assert places.shape == (20, frames, 2)
    assert (places @ CAMERA.axes[2, :2]).min() >= NEAREST
    gaps = np.linalg.norm(places[:, None] - places, axis=-1)
    gaps[np.arange(20), np.arange(20)] = np.inf
    assert gaps.min() > 0.25


def test_steps_are_as_long_as_the_speed_says():
    paths = choose_paths(np.random.default_rng(0), CAMERA, 12, 50)
    alone = [path for path in paths if path.speed > 0][:3]
    for path in alone:
        steps = np.linalg.norm(np.diff(path.places, axis=0), axis=1)
        np.testing.assert_allclose(steps, path.speed / FRAME_RATE, rtol=1e-3)


@pytest.mark.parametrize("place", [(-3, 14), (0, 20), (8, 30)])
def test_ground_is_the_inverse_of_project(place):
    pixel, depth = CAMERA.project(np.array([*place, 0.0]))
    assert depth > 0
    np.testing.assert_allclose(CAMERA.ground(*pixel), place, rtol=1e-9, atol=1e-12)


def test_boxes_are_tight_around_what_is_drawn(scene):
    deserted = copy.copy(scene)
    deserted.walkers = []
    drawn, empty = scene.draw(5), deserted.draw(5).image
    assert drawn.image.shape == empty.shape
    assert ((drawn.visibility >= 0) & (drawn.visibility <= 1)).all()
    assert (drawn.boxes[:, 2:] > drawn.boxes[:, :2]).all()
    for box in drawn.boxes[drawn.visibility > 0.9].astype(int):
        left, top, right, bottom = np.maximum(box, 0)
        inside = np.s_[top:bottom, left:right]
        difference = np.abs(drawn.image[inside].astype(int) - empty[inside])
        assert (difference.max(axis=2) > 20).mean() > 0.2
