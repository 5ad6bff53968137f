# SPDX-License-Identifier: Apache-2.0
"""Frames that are decoded into a cache that holds those of one sequence at most."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.importers.tracks import VideoPart, concatenate
from fiftyone_track_audit.importers.video import encode_video
from fiftyone_track_audit.importers.video_frames import (
    default_frames_dir,
    frame_file,
    frames_folder,
    list_decoded,
)
from fiftyone_track_audit.plugin.audit import audit_tracks
from fiftyone_track_audit.plugin.embedding import embed
from fiftyone_track_audit.plugin.embedding.embed import embed_tracks
from fiftyone_track_audit.plugin.pictures.rows import find_rows
from fiftyone_track_audit.plugin.pictures.strips import cut_strips
from small_datasets import small_model, walkers

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def tracks(tmp_path, monkeypatch):
    """Two sequences whose frames are in videos, and a cache without any space."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TRACK_AUDIT_CACHE_SIZE", "1")
    return concatenate(in_video(walkers(name, tmp_path / name)) for name in "ab")


def in_video(tracks):
    """The same tracks, with a video instead of the images."""
    (sequence,) = tracks.sequences.values()
    images = [sequence.frames_dir / name for name in sequence.frame_names]
    video = encode_video(images, 10, sequence.frames_dir)
    parts = (VideoPart(video, 1, len(images)),)
    names = tuple(map(frame_file, range(1, len(images) + 1)))
    record = replace(
        sequence, frame_names=names, videos=parts, frames_dir=frames_folder(parts)
    )
    named = pd.Categorical.from_codes(tracks.table["frame"] - 1, pd.Index(names))
    table = tracks.table.assign(frame_name=named)
    return replace(tracks, table=table, sequences={sequence.name: record})


def test_the_issues_of_all_sequences_have_crops(tracks):
    issues = audit_tracks(tracks).issues
    strips = cut_strips(tracks, issues, find_rows(tracks.table), progress=False)
    assert set(issues["sequence"]) == {"a", "b"}
    assert all(strips)
    assert all(crop.image for strip in strips for crop in strip)


def test_the_boxes_of_all_sequences_are_embedded(tracks, tmp_path, monkeypatch):
    done, held, model = [], [], small_model(tmp_path)

    def show(*each):
        done.append(each)
        held.append(len(list_decoded(default_frames_dir())))

    vectors = embed_tracks(tracks, None, model, progress=show)
    assert np.isfinite(vectors).all()
    assert done[-1] == (len(vectors), len(vectors))
    # Of a sequence that is longer than the cache, some frames are there at a time
    monkeypatch.setattr(embed, "_BROUGHT", 4)
    held.clear()
    again = embed_tracks(tracks, None, model, tmp_path / "vectors", progress=show)
    np.testing.assert_allclose(again, vectors, atol=1e-3)
    assert max(held) == 4
