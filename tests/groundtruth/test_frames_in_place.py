# SPDX-License-Identifier: Apache-2.0
"""Frames that are in S3 already: referenced, copied inside S3, or uploaded."""

import json
from dataclasses import replace
from itertools import count

import pytest
from fiftyone_track_audit.importers.tracks import concatenate
from fiftyone_track_audit.plugin.groundtruth import aws as clients
from fiftyone_track_audit.plugin.groundtruth.folder import read_package
from fiftyone_track_audit.plugin.groundtruth.frames_in_place import (
    place_frames,
    place_nothing,
)
from fiftyone_track_audit.plugin.groundtruth.labeling_job import launch_job
from fiftyone_track_audit.plugin.groundtruth.package import write_packages
from fiftyone_track_audit.plugin.groundtruth.package_plan import Source, plan_packages
from fiftyone_track_audit.plugin.groundtruth.request import AdjustmentJob
from fiftyone_track_audit.plugin.groundtruth.upload import Upload, upload_package
from labeling_jobs import BUCKET, READY, choose, small_video

FRAMES = [f"{number:06d}.png" for number in (1, 3, 5)]
#: Files of a package with one sequence, beside its frames.
LABEL_FILES = 4
names = (f"place-{number}" for number in count())


@pytest.fixture(autouse=True)
def one_attempt(monkeypatch):
    monkeypatch.setattr(clients, "ATTEMPTS", 1)


@pytest.fixture(scope="module")
def data(service):
    """Another bucket, by region, that has frames for all jobs."""
    buckets = {}
    for region in ("eu-west-1", "us-west-2"):
        buckets[region] = f"data-{region}"
        service.client("s3", region).create_bucket(
            Bucket=buckets[region],
            CreateBucketConfiguration={"LocationConstraint": region},
        )
    return buckets


@pytest.fixture
def video(aws, data, tmp_path):
    """Three frames on this machine and in a bucket of the job's region."""
    tracks = small_video("a", tmp_path / "a", frames=3)
    uri = f"s3://{data['eu-west-1']}/frames/a/"
    for bucket in data.values():
        for key in ("frames/a/", ""):
            for name in FRAMES:
                body = (tmp_path / "a" / name).read_bytes()
                aws.client("s3").put_object(Bucket=bucket, Key=key + name, Body=body)
    return kept_in(tracks, uri)


def kept_in(tracks, uri, **changed):
    record = replace(tracks.sequences["a"], frames_uri=uri, **changed)
    return replace(tracks, sequences={"a": record})


def planned(tracks, s3, **changed):
    job = AdjustmentJob(**{"name": next(names), **READY, **changed})
    chosen = [(name, frame, "shift") for name in tracks.sequences for frame in (1, 2)]
    (plan,) = plan_packages(tracks, choose(*chosen), job, source=Source(owner="ann"))
    return place_frames(plan, s3)


def sent(plan, s3, folder):
    """Upload a plan's package, and return the frames' folder and what was uploaded."""
    assert plan.errors == ()
    (package,) = write_packages([plan], folder)
    uploaded = upload_package(read_package(package.folder), s3)
    content = json.loads((package.folder / "a" / "a-seq.json").read_text())
    return content["prefix"], uploaded


def test_frames_are_read_where_they_are(aws, s3, video, tmp_path):
    plan = planned(video, s3)
    uri = video.sequences["a"].frames_uri
    assert plan.notes == (f"a: the job reads its frames from {uri}",)
    assert "'data-eu-west-1' has no CORS rule" in plan.warnings[0]
    prefix, uploaded = sent(plan, s3, tmp_path / "package")
    assert (prefix, uploaded) == (uri, Upload(LABEL_FILES, 2))
    package = read_package(tmp_path / "package")
    assert launch_job(package, aws.client("sagemaker"))
    assert upload_package(package, s3) == Upload(0, 2 + LABEL_FILES)


@pytest.mark.parametrize("folder", [None, "gone"])
def test_another_machine_needs_no_frames(aws, s3, video, tmp_path, folder):
    folder = folder and tmp_path / folder
    size = {"width": 128, "height": 96}
    uri = video.sequences["a"].frames_uri
    plan = planned(kept_in(video, uri, frames_dir=folder, **size), s3)
    assert "boxes drawn on 128x96 images are scaled to the 64x48" in plan.notes[0]
    assert sent(plan, s3, tmp_path / "package")[0] == uri


def test_only_what_is_missing_or_was_changed_is_uploaded(aws, s3, video, tmp_path):
    path = tmp_path / "a" / FRAMES[1]
    body = path.read_bytes()
    path.write_bytes(body[:-1] + b"x")  # of the same size
    plan = planned(video, s3)
    assert "1 frame is copied from s3://data-eu" in plan.notes[0]
    assert "1 frame is uploaded, since 1 frame is not there as on" in plan.notes[0]
    prefix, uploaded = sent(plan, s3, tmp_path / "package")
    assert (prefix, uploaded) == (
        f"{plan.job.root}a/frames/",
        Upload(2 + LABEL_FILES, 0),
    )
    bodies = [
        s3.get_object(Bucket=BUCKET, Key=f"{plan.job.folder}/a/frames/{name}")
        for name in FRAMES[:2]
    ]
    assert [each["ContentType"] for each in bodies] == ["image/png"] * 2
    first, second = (each["Body"].read() for each in bodies)
    assert first == (tmp_path / "a" / FRAMES[0]).read_bytes()
    assert second == path.read_bytes() != body
    package = read_package(tmp_path / "package")
    assert upload_package(package, s3) == Upload(0, 2 + LABEL_FILES)
    assert launch_job(package, aws.client("sagemaker"))


@pytest.mark.parametrize(
    ("uri", "may_read", "said"),
    [
        ("s3://data-us-west-2/frames/a/", True, "their bucket is in us-west-2"),
        ("s3://data-eu-west-1/", True, "they are in no folder of their bucket"),
        ("s3://data-eu-west-1/frames/a/", False, "role/GroundTruth may not read them"),
    ],
)
def test_frames_are_copied_that_the_job_cannot_read(
    aws, s3, video, tmp_path, uri, may_read, said
):
    aws.may_read = may_read
    aws.faults.only_kms = True
    plan = planned(kept_in(video, uri, frames_dir=None), s3, kms_key_id="team-key")
    assert plan.notes[0].startswith(f"a: 2 frames are copied from {uri}")
    assert plan.notes[0].endswith(said)
    prefix, uploaded = sent(plan, s3, tmp_path / "package")
    assert prefix == f"{plan.job.root}a/frames/"
    assert uploaded.sent == 2 + LABEL_FILES
    copy = s3.head_object(Bucket=BUCKET, Key=f"{plan.job.folder}/a/frames/{FRAMES[0]}")
    assert copy["SSEKMSKeyId"].endswith("team-key")


def test_frames_of_a_bucket_whose_requesters_pay(aws, s3, video, tmp_path):
    aws.faults.paid = "data-eu-west-1"
    plan = planned(kept_in(video, video.sequences["a"].frames_uri, frames_dir=None), s3)
    assert plan.notes[0].endswith("since requesters of their bucket pay")
    assert sent(plan, s3, tmp_path / "package")[1].sent == 2 + LABEL_FILES


def test_a_role_that_cannot_be_asked_about_is_told(aws, s3, video):
    aws.may_read = None
    assert any("may read s3://data-eu" in text for text in planned(video, s3).warnings)


def test_a_folder_is_referenced_once(aws, s3, video, tmp_path):
    record = video.sequences["a"]
    second = small_video("b", tmp_path / "b", frames=3)
    same = replace(second.sequences["b"], frames_uri=record.frames_uri)
    both = concatenate([video, replace(second, sequences={"b": same})])
    assert "another sequence has its frames there" in planned(both, s3).notes[1]


@pytest.mark.parametrize("bucket", ["data-eu-west-1", "no-such-bucket"])
def test_frames_that_are_nowhere(aws, s3, video, bucket):
    lost = kept_in(video, f"s3://{bucket}/none/", frames_dir=None, width=64)
    (error,) = planned(lost, s3).errors[-1:]
    assert f"2 frames are neither on this machine nor in s3://{bucket}/none/" in error
    local = planned(kept_in(video, f"s3://{bucket}/none/"), s3)
    assert local.errors == ()
    assert "2 frames are uploaded" in local.notes[0]


def test_a_package_without_a_bucket_names_what_is_only_in_s3(s3, video):
    uri = video.sequences["a"].frames_uri
    job = AdjustmentJob("x")
    away = kept_in(video, uri, frames_dir=None)
    (plan,) = plan_packages(away, choose(("a", 1, "shift")), job)
    (warning,) = place_nothing(plan).warnings
    assert warning.endswith(f"set a bucket, to use them from {uri}.")
