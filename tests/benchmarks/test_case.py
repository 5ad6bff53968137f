# SPDX-License-Identifier: Apache-2.0
"""The case study: what it draws of known tracks."""

import numpy as np
import pandas as pd
from case import follow
from plots import plot_lines, plot_tracks


def boxes(track, frames, left, width):
    table = pd.DataFrame({"frame": frames, "track": track, "left": left})
    return table.assign(top=0.0, width=width, height=10.0)


def test_a_track_is_followed_in_other_labels():
    track = boxes(1, [1, 2, 3], [0.0, 1, 2], 10.0)
    others = pd.concat(
        [boxes(7, [1, 2], [0.0, 1], [9.0, 12]), boxes(8, [1, 3], [4.0, 50], 10.0)]
    )
    assert follow(track, others).fillna(0).to_dict() == {1: 9, 2: 12, 3: 0}


def test_plots_of_tracks_and_of_lines_are_written(tmp_path):
    table = pd.concat(
        [boxes(1, [1, 2, 5], 0.0, 9.0), boxes(2, [7, 8], 0.0, 9.0)], ignore_index=True
    )
    issues = pd.DataFrame(
        {"track": [1, 1], "other_track": pd.array([2, pd.NA], "Int64")}
    ).assign(peak_frame=[5, 2])
    marks = pd.DataFrame({"track": [2], "frame": [7]})
    plot_tracks(table, "switch", marks, issues, tmp_path / "tracks.png")
    values = pd.DataFrame({"one": [1.0, np.nan], "other": [2.0, 3.0]}, index=[1, 2])
    plot_lines(values, "width", tmp_path / "lines.png")
    for path in tmp_path.iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")
