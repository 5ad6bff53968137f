# SPDX-License-Identifier: Apache-2.0
"""Figures of any track, for notebooks."""

import fiftyone_track_audit as fta
import numpy as np
import pytest
from small_datasets import SHORT, walkers

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(scope="module")
def tracks(tmp_path_factory):
    return walkers("a", tmp_path_factory.mktemp("figures") / "a")


def test_a_track_is_plotted_with_its_rolling_means(tracks):
    figure = fta.plot_track(tracks, 1, window=3)
    assert figure.layout.title.text == "a, track 1"
    titles = [each.text for each in figure.layout.annotations]
    assert titles[:4] == ["left, px", "top, px", "width, px", "height, px"]
    height, mean = (
        np.array(line.y, float) for line in figure.data if line.yaxis == "y4"
    )
    assert height[SHORT - 1] == pytest.approx(0.6 * 36)
    assert mean[SHORT - 1] == pytest.approx((36 + 0.6 * 36 + 36) / 3)
    deviation = next(
        line for line in figure.data if line.name == "height" and line.yaxis == "y5"
    )
    assert deviation.y[SHORT - 1] == pytest.approx(height[SHORT - 1] - mean[SHORT - 1])
    (change,) = (line for line in figure.data if line.yaxis == "y8")
    assert change.y[SHORT - 1] == pytest.approx(-0.4)
    # Both thresholds of the size, and that of the IoU
    assert sorted(line.y0 for line in figure.layout.shapes) == pytest.approx(
        [-0.2, 0.25, 0.5]
    )


def test_a_window_may_trail(tracks):
    trailing = fta.plot_track(tracks, 1, window=3, centered=False)
    _, mean = (line.y for line in trailing.data if line.yaxis == "y4")
    assert mean[SHORT - 2] == pytest.approx(36)
    assert mean[SHORT + 1] == pytest.approx((0.6 * 36 + 36 + 36) / 3)


@pytest.mark.parametrize(
    ("track", "options", "message"),
    [
        (9, {}, "a has no track 9"),
        (1, {"window": 0}, "expected a window of 1 box or more"),
        (1, {"sequence": "z"}, "no sequence 'z'; expected one of a"),
    ],
)
def test_wrong_requests(tracks, track, options, message):
    with pytest.raises(ValueError, match=message):
        fta.plot_track(tracks, track, **options)


def test_overlaps_of_all_tracks_are_side_by_side(tracks):
    figure = fta.plot_overlaps(tracks)
    assert [line.name for line in figure.data] == ["track 1", "track 2"]
    assert np.nanmin(np.array(figure.data[0].y, float)) < 0.7


def test_crops_and_frames_show_the_boxes(one_walk):
    figure = fta.plot_crops(one_walk, 1, start=SHORT, count=3)
    assert len(figure.layout.images) == 3
    heights = [box.y1 - box.y0 for box in figure.layout.shapes]
    assert heights[0] == pytest.approx(0.6 * heights[1])
    frame = fta.plot_frame(one_walk, SHORT)
    assert [each.text for each in frame.layout.annotations] == ["walker 1", "walker 2"]
    assert {round(box.y1 - box.y0, 1) for box in frame.layout.shapes} == {21.6, 36.0}
    with pytest.raises(ValueError, match="no box from frame 31 on"):
        fta.plot_crops(one_walk, 1, start=31)
    with pytest.raises(ValueError, match="no frame 31 of a"):
        fta.plot_frame(one_walk, 31)
