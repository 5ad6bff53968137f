# SPDX-License-Identifier: Apache-2.0
"""What AWS and the network do to a job that is sent, and how it goes on."""

import subprocess
import sys
from itertools import count

import pandas as pd
import pytest
from fiftyone_track_audit.importers.tracks import concatenate
from fiftyone_track_audit.plugin.groundtruth import aws as clients
from fiftyone_track_audit.plugin.groundtruth.aws import (
    GroundTruthError,
    s3_client,
    sagemaker_client,
)
from fiftyone_track_audit.plugin.groundtruth.division import divide_frames, divide_job
from fiftyone_track_audit.plugin.groundtruth.folder import read_package
from fiftyone_track_audit.plugin.groundtruth.labeling_job import job_status, launch_job
from fiftyone_track_audit.plugin.groundtruth.package import write_packages
from fiftyone_track_audit.plugin.groundtruth.package_plan import plan_packages
from fiftyone_track_audit.plugin.groundtruth.request import AdjustmentJob
from fiftyone_track_audit.plugin.groundtruth.upload import upload_package
from hypothesis import given, settings
from hypothesis import strategies as st
from labeling_jobs import BUCKET, READY, choose, small_video

#: Of a package with six frames and one sequence.
FILES = 6 + 4


names = (f"Broken-{number}" for number in count())


@pytest.fixture
def package(aws, tmp_path):
    """The package of a job of its own, with six frames."""
    tracks = small_video("a", tmp_path / "frames")
    chosen = choose(*(("a", frame, "shift") for frame in range(1, 7)))
    job = AdjustmentJob(next(names), **READY)
    plans = plan_packages(tracks, chosen, job)
    return write_packages(plans, tmp_path / "package")[0].folder


def stored(aws, package):
    """The keys in S3 that belong to a package's only job."""
    pages = aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    name = job_name(package)
    found = pages.search("Contents[].Key")
    return {key for key in found if key and f"/{name}/" in key}


def job_name(package):
    request = pd.read_json(package / "job.json", typ="series")["request"]
    return request["LabelingJobName"]


@pytest.mark.parametrize("fault", ["throttling", "server error", "cut", "lost"])
def test_upload_rides_out_what_passes(aws, package, fault):
    aws.fail("GetBucket", fault)
    aws.fail("PutObject", fault, times=2, after=3)
    assert upload_package(read_package(package)).sent == FILES
    aws.fail("HeadObject", fault, times=2, after=3)
    assert upload_package(read_package(package)).kept == FILES
    assert not any(aws.faults.orders.values())


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("expired", "rejected the credentials"),
        ("access denied", "ask for s3:PutObject"),
        ("server error", "InternalError"),
        ("cut", "Connection was closed"),
    ],
)
def test_upload_goes_on_after_what_does_not_pass(
    aws, package, monkeypatch, fault, said
):
    monkeypatch.setattr(clients, "ATTEMPTS", 1)
    aws.fail("PutObject", fault, times=99, after=3)
    with pytest.raises(GroundTruthError, match=said):
        upload_package(read_package(package))
    there = stored(aws, package)
    assert len(there) == 3
    assert all(key.endswith(".png") for key in there)
    aws.faults.orders.clear()
    aws.faults.calls.clear()
    upload = upload_package(read_package(package))
    assert (upload.sent, upload.kept) == (FILES - 3, 3)
    assert aws.faults.calls.count("PutObject") == FILES - 3


@pytest.mark.parametrize("fault", ["throttling", "server error", "cut", "lost"])
def test_job_is_created_once_whatever_becomes_of_the_answer(aws, package, fault):
    upload_package(read_package(package))
    aws.fail("CreateLabelingJob", fault)
    arn = launch_job(read_package(package))
    assert aws.faults.calls.count("CreateLabelingJob") == 2
    assert [job["LabelingJobArn"] for job in aws.jobs.values()] == [arn]


def test_answer_that_is_lost_for_good(aws, package, monkeypatch):
    upload_package(read_package(package))
    monkeypatch.setattr(clients, "ATTEMPTS", 1)
    aws.fail("CreateLabelingJob", "lost")
    with pytest.raises(GroundTruthError, match="Connection was closed"):
        launch_job(read_package(package))
    assert launch_job(read_package(package)) == launch_job(read_package(package))
    assert len(aws.jobs) == 1


def test_a_namesake_is_not_taken_for_the_packages_own_job(aws, package):
    upload_package(read_package(package))
    launch_job(read_package(package))
    (job,) = aws.jobs.values()
    job["Tags"] = [{"Key": "track-audit", "Value": "another"}]
    with pytest.raises(GroundTruthError, match="Another labeling job is named"):
        launch_job(read_package(package))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("expired", "rejected the credentials"),
        ("access denied", "ask for sagemaker:CreateLabelingJob"),
    ],
)
def test_job_that_may_not_be_created(aws, package, fault, said):
    upload_package(read_package(package))
    aws.fail("CreateLabelingJob", fault)
    with pytest.raises(GroundTruthError, match=said):
        launch_job(read_package(package))
    assert aws.jobs == {}
    assert launch_job(read_package(package))


#: Ends itself as a killed process does when the n-th request of a kind is done.
KILLED = """
import os, signal, sys
from pathlib import Path
from fiftyone_track_audit.plugin.groundtruth.aws import s3_client, sagemaker_client
from fiftyone_track_audit.plugin.groundtruth.folder import read_package
from fiftyone_track_audit.plugin.groundtruth.labeling_job import launch_job
from fiftyone_track_audit.plugin.groundtruth.upload import upload_package

package, operation, last = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
done = []

def note(**_):
    done.append(operation)
    if len(done) == last:
        os.kill(os.getpid(), signal.SIGKILL)

clients = s3_client("eu-west-1"), sagemaker_client("eu-west-1")
for client in clients:
    client.meta.events.register(f"after-call.*.{operation}", note)
upload_package(read_package(package), clients[0])
launch_job(read_package(package), clients[1])
"""


@pytest.mark.parametrize(
    ("operation", "last"),
    [
        ("HeadBucket", 1),
        ("ListObjectsV2", 1),
        ("PutObject", 1),
        ("PutObject", FILES - 1),
        ("PutObject", FILES),
        ("CreateLabelingJob", 1),
    ],
)
def test_killed_process_goes_on(aws, package, operation, last):
    command = [sys.executable, "-c", KILLED, package, operation, str(last)]
    killed = subprocess.run(command, capture_output=True, timeout=120)
    assert killed.returncode == -9, killed.stderr.decode()
    there = stored(aws, package)
    upload = upload_package(read_package(package))
    assert (upload.sent, upload.kept) == (FILES - len(there), len(there))
    assert launch_job(read_package(package))
    assert len(aws.jobs) == 1


@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=14))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_division_keeps_the_quotas_and_every_frame(sizes):
    frames = choose(
        *(
            (f"v{n:02}", frame, "")
            for n, size in enumerate(sizes)
            for frame in range(size)
        )
    )
    with pytest.MonkeyPatch.context() as patch:
        module = "fiftyone_track_audit.plugin.groundtruth.division"
        patch.setattr(f"{module}.FRAMES_PER_SEQUENCE", 4)
        patch.setattr(f"{module}.SEQUENCES_PER_JOB", 3)
        parts = divide_frames(frames.sample(frac=1, random_state=0))
    sizes_of_jobs = [part.groupby("sequence").size() for part in parts]
    assert all(job.max() <= 4 and len(job) <= 3 for job in sizes_of_jobs)
    together = pd.concat(parts).sort_values(["sequence", "frame"])
    pd.testing.assert_frame_equal(together, frames.sort_values(["sequence", "frame"]))
    for part in parts:
        for _, numbers in part.groupby("sequence")["frame"]:
            assert numbers.diff().dropna().eq(1).all()
    pieces = [-(-size // 4) for size in sizes]
    assert len(parts) == max(-(-sum(pieces) // 3), *pieces, 1)


def test_settings_of_divided_jobs():
    job = AdjustmentJob("fix", bucket="b", prefix="/team/")
    assert divide_job(job, 1) == [job]
    first, second = divide_job(job, 2)
    assert (first.name, first.root) == ("fix-1", "s3://b/team/1/")
    assert (second.name, second.root) == ("fix-2", "s3://b/team/2/")
    assert divide_job(AdjustmentJob("fix", bucket="b"), 3)[2].folder == (
        "track-audit/fix/3"
    )


def test_more_than_a_job_takes_becomes_several(aws, tmp_path):
    tracks = concatenate(
        small_video(f"v{number:02}", tmp_path / f"v{number}", frames=2)
        for number in range(11)
    )
    chosen = choose(*((f"v{n:02}", frame, "") for n in range(11) for frame in (1, 2)))
    plans = plan_packages(tracks, chosen, AdjustmentJob("Fix-many", **READY))
    assert [plan.frames["sequence"].nunique() for plan in plans] == [6, 5]
    packages = write_packages(plans, tmp_path / "package")
    assert [package.folder.name for package in packages] == ["1", "2"]
    s3, sagemaker = s3_client("eu-west-1"), sagemaker_client("eu-west-1")
    for package in packages:
        assert read_package(package.folder) == package
        upload_package(package, s3)
        assert launch_job(package, sagemaker)
    for name, sequences in [("Fix-many-1", 6), ("Fix-many-2", 5)]:
        job_status(name, sagemaker)
        assert job_status(name, sagemaker).unlabeled == sequences


def test_long_sequence_is_divided_evenly():
    frames = choose(*(("a", frame, "") for frame in range(1, 4002)))
    assert [len(part) for part in divide_frames(frames)] == [1334, 1334, 1333]
