# SPDX-License-Identifier: Apache-2.0
"""Videos in S3, of which only those ranges are read that the frames need."""

import imageio_ffmpeg
import numpy as np
import pytest
from fiftyone_track_audit.importers.dataset import create_dataset
from fiftyone_track_audit.importers.formats import read_labels
from fiftyone_track_audit.importers.tracks import InputError
from fiftyone_track_audit.plugin.cli import main
from fiftyone_track_audit.plugin.embedding.embed import embed_tracks
from fiftyone_track_audit.plugin.pictures.strips import cut_crops
from labeling_jobs import BUCKET
from small_datasets import small_model

pytestmark = pytest.mark.usefixtures("database")
SIZE, FRAMES = (320, 240), 120
URI = f"s3://{BUCKET}/videos/walk.mp4"
#: Bytes that are read at a time.
BLOCK = 1 << 19


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    """A video of a few MB, since nothing in it repeats."""
    path = tmp_path_factory.mktemp("noise") / "walk.mp4"
    rng = np.random.default_rng(0)
    writer = imageio_ffmpeg.write_frames(
        str(path),
        SIZE,
        fps=10,
        quality=None,
        output_params=["-preset", "ultrafast", "-crf", "20", "-g", "10"],
    )
    writer.send(None)
    for _ in range(FRAMES):
        writer.send(rng.integers(0, 255, (*SIZE[::-1], 3), dtype=np.uint8))
    writer.close()
    return path


@pytest.fixture
def remote(noise, s3, tmp_path, monkeypatch):
    """Its place in S3, and labels of a walker with a shift."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    s3.upload_file(str(noise), BUCKET, "videos/walk.mp4")
    lefts = [30 + 2 * number + 60 * (number == 25) for number in range(1, 51)]
    rows = [f"{n},1,{left},60,40,80,1,1,1\n" for n, left in enumerate(lefts, 1)]
    labels = tmp_path / "walk.txt"
    labels.write_text("".join(rows))
    return labels


def bytes_read(aws):
    """Returns how much of objects was asked for, each part of which is bounded."""
    spans = [asked.removeprefix("bytes=").split("-") for asked in aws.faults.ranges]
    lengths = [int(last) - int(first) + 1 for first, last in spans]
    assert max(lengths) <= BLOCK
    return sum(lengths)


def test_a_video_in_s3_gives_what_the_local_one_gives(remote, noise, aws, tmp_path):
    local = read_labels(remote, frames=noise)
    tracks = read_labels(remote, frames=URI)
    assert tracks.table.equals(local.table)
    (one,), (other,) = (each.sequences.values() for each in (local, tracks))
    assert (other.width, other.height, other.frame_rate) == (*SIZE, 10)
    assert other.frame_names == one.frame_names
    assert (other.size_from, other.rate_from) == (one.size_from, one.rate_from)
    # Its head and the table of its frames
    assert 0 < bytes_read(aws) < noise.stat().st_size / 4
    aws.faults.ranges.clear()
    here, there = (cut_crops(each, "walk", [3, 20]) for each in (local, tracks))
    assert [crop.image for crop in there] == [crop.image for crop in here]
    # The frames after the last crop are not asked for
    assert 0 < bytes_read(aws) < noise.stat().st_size / 2
    model = small_model(tmp_path)
    vectors = [
        embed_tracks(each, model=model, cache_dir=tmp_path / name)
        for each, name in ((local, "local"), (tracks, "remote"))
    ]
    assert np.isfinite(vectors[0]).all()
    assert (vectors[0] == vectors[1]).all()


def test_a_report_shows_a_video_in_s3(remote, noise, tmp_path):
    pages = []
    # A folder of videos has one of the name of the sequence
    for place in (str(noise), URI, URI.removesuffix("walk.mp4")):
        page = tmp_path / "page.html"
        command = ["report", str(remote), "--frames", place, "--output", str(page)]
        assert main(command) == 0
        pages.append(page.read_text())
    assert "data:image/" in pages[0]
    assert pages[1:] == [pages[0]] * 2


@pytest.mark.parametrize("after", [0, 1, 3])
def test_s3_that_fails_midway_is_one_error(remote, aws, after):
    tracks = read_labels(remote, frames=URI)
    aws.fail("GetObject", "access denied", times=99, after=after)
    with pytest.raises(InputError, match=f"^{URI}: S3 answers AccessDenied"):
        cut_crops(tracks, "walk", [50])


def test_a_video_that_changes_is_not_mixed_with_the_other(remote, s3):
    tracks = read_labels(remote, frames=URI)
    s3.delete_object(Bucket=BUCKET, Key="videos/walk.mp4")
    with pytest.raises(InputError, match=f"^{URI}: S3 answers 404"):
        cut_crops(tracks, "walk", [50])
    s3.put_object(Bucket=BUCKET, Key="videos/walk.mp4", Body=b"no video")
    with pytest.raises(InputError, match=f"^{URI}: cannot be read; expected a video"):
        read_labels(remote, frames=URI)


def test_an_import_of_a_video_in_s3_says_what_it_needs(remote):
    with pytest.raises(InputError, match="App plays no videos in S3"):
        create_dataset(read_labels(remote, frames=URI), "remote")


def test_labels_of_images_have_no_video(tmp_path):
    labels = tmp_path / "SeqLabel.json"
    labels.write_text('{"tracking-annotations": []}')
    with pytest.raises(InputError, match="Ground Truth labels images"):
        read_labels(labels, frames=URI)
