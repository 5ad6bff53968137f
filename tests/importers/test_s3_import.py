# SPDX-License-Identifier: Apache-2.0
"""Imports of sequences whose frames lie in S3, of which no copy is left."""

from dataclasses import replace

import fiftyone as fo
import pytest
from fiftyone_track_audit.importers import store
from fiftyone_track_audit.importers.dataset import create_dataset
from fiftyone_track_audit.importers.dataset_types import GroundTruthDataset
from fiftyone_track_audit.importers.tracks import InputError
from fiftyone_track_audit.importers.video import encode_video
from fiftyone_track_audit.plugin.pictures.strips import cut_crops
from fiftyone_track_audit.plugin.review.audits import audit_dataset
from labeling_jobs import BUCKET, small_video
from small_datasets import small_model

pytestmark = pytest.mark.usefixtures("database")
FRAMES = 30
URI = f"s3://{BUCKET}/frames/a/"
#: Frames that are read before they are encoded, and the first one for its size.
AHEAD = 6


@pytest.fixture
def here(tmp_path):
    """Tracks whose frames are on this machine."""
    return small_video("a", tmp_path / "here" / "a", frames=FRAMES)


@pytest.fixture
def there(here, s3, tmp_path, monkeypatch):
    """The same tracks, whose frames lie in S3 only."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    record = here.sequences["a"]
    for name in record.frame_names:
        body = (record.frames_dir / name).read_bytes()
        s3.put_object(Bucket=BUCKET, Key=f"frames/a/{name}", Body=body)
    unsized = replace(record, frames_dir=None, frames_uri=URI, width=None, height=None)
    return replace(here, sequences={"a": unsized})


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def labels_of(dataset):
    """Returns what is stored of each box, without the IDs of FiftyOne."""
    boxes = dataset.values("frames.ground_truth.detections.bounding_box", unwind=True)
    tracks = dataset.values("frames.ground_truth.detections.index", unwind=True)
    return boxes, tracks, dataset.values("frames[].frame_name")


def test_frames_are_read_a_few_ahead_and_never_on_the_disk(here, there, aws, tmp_path):
    folder, record = tmp_path / "videos", here.sequences["a"]
    uris = [f"{URI}{name}" for name in there.sequences["a"].frame_names]
    done = []

    def step(count):
        done.append(count)
        assert {path.suffix for path in files_in(folder)} <= {".mp4"}
        assert aws.faults.calls.count("GetObject") <= len(done) + AHEAD

    video = encode_video(uris, 5.0, folder, step)
    assert sum(done) == FRAMES
    local = [record.frames_dir / name for name in record.frame_names]
    assert video.read_bytes() == encode_video(local, 5.0, folder).read_bytes()
    # Whether a frame changed is told without reading it
    aws.faults.calls.clear()
    assert encode_video(uris, 5.0, folder) == video
    assert aws.faults.calls == ["HeadObject"] * FRAMES
    aws.client("s3").put_object(
        Bucket=BUCKET,
        Key=f"frames/a/{record.frame_names[3]}",
        Body=local[5].read_bytes(),
    )
    assert encode_video(uris, 5.0, folder) != video


def test_a_dataset_of_frames_in_s3_is_that_of_local_frames(here, there, tmp_path):
    videos = tmp_path / "videos"
    local = create_dataset(here, video_dir=videos)
    remote = create_dataset(there, video_dir=videos)
    assert labels_of(remote) == labels_of(local)
    assert remote.values("image_width") == [64]
    assert {path.suffix for path in files_in(videos)} == {".mp4"}
    assert files_in(tmp_path / "cache") == []
    # Pictures of them need the frames of the issue alone
    crops = [cut_crops(read(dataset), "a", [2, 9]) for dataset in (local, remote)]
    assert [crop.image for crop in crops[1]] == [crop.image for crop in crops[0]]
    assert len(files_in(tmp_path / "cache")) == 2
    # An audit with embeddings needs all of them
    model = small_model(tmp_path)
    summaries = [audit_dataset(dataset, model=model) for dataset in (local, remote)]
    assert summaries[0] == summaries[1]
    assert len(files_in(tmp_path / "cache" / "track-audit" / "frames")) == FRAMES


def read(dataset):
    (stored,) = store.read_sequences(dataset, "ground_truth")
    return stored.tracks


def test_a_job_in_s3_is_imported_without_copies(here, there, s3, tmp_path):
    local = create_dataset(here, video_dir=tmp_path / "videos")
    job = tmp_path / "job"
    local.export(
        str(job), dataset_type=GroundTruthDataset, frames_root=URI.removesuffix("a/")
    )
    for path in files_in(job):
        s3.upload_file(str(path), BUCKET, f"job/{path.relative_to(job).as_posix()}")
    imported = fo.Dataset.from_dir(
        dataset_type=GroundTruthDataset,
        labels_path=f"s3://{BUCKET}/job/output.manifest",
        frame_rate=5.0,
        video_dir=str(tmp_path / "imported"),
    )
    assert labels_of(imported) == labels_of(local)
    assert [path.suffix for path in files_in(tmp_path / "imported")] == [".mp4"]
    assert files_in(tmp_path / "cache") == []


def test_a_frame_that_s3_lacks_is_named_and_nothing_is_left(there, s3, tmp_path):
    missing = there.sequences["a"].frame_names[20]
    s3.delete_object(Bucket=BUCKET, Key=f"frames/a/{missing}")
    with pytest.raises(InputError, match=f"{URI}{missing}: S3 answers 404"):
        create_dataset(there, "incomplete", video_dir=tmp_path / "videos")
    assert not fo.dataset_exists("incomplete")
    assert files_in(tmp_path / "videos") == []
