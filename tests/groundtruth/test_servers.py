# SPDX-License-Identifier: Apache-2.0
"""Upload and the checks of a bucket, against two independent S3 servers."""

from itertools import count

import pytest
from botocore.exceptions import ClientError
from fiftyone_track_audit.plugin.groundtruth.aws import GroundTruthError
from fiftyone_track_audit.plugin.groundtruth.bucket import (
    CORS_RULE,
    add_cors_rule,
    check_bucket,
    cors_findings,
    place_findings,
)
from fiftyone_track_audit.plugin.groundtruth.folder import read_package
from fiftyone_track_audit.plugin.groundtruth.frames_in_place import place_frames
from fiftyone_track_audit.plugin.groundtruth.package import write_packages
from fiftyone_track_audit.plugin.groundtruth.package_plan import Source, plan_package
from fiftyone_track_audit.plugin.groundtruth.request import AdjustmentJob
from fiftyone_track_audit.plugin.groundtruth.upload import upload_package
from labeling_jobs import BUCKET, READY, choose, labeling_service, small_video
from s3_servers import READER, seaweedfs

FILES = 6 + 4
names = (f"Fix-{number}" for number in count())


@pytest.fixture(scope="module")
def weed(tmp_path_factory):
    with seaweedfs(tmp_path_factory.mktemp("weed"), BUCKET) as server:
        yield server


@pytest.fixture(scope="module", params=["moto", "seaweedfs"])
def s3(request):
    if request.param == "seaweedfs":
        yield request.getfixturevalue("weed").client()
        return
    with labeling_service() as service:
        yield service.client("s3")


@pytest.fixture
def package(tmp_path):
    tracks = small_video("a", tmp_path / "frames")
    chosen = choose(*(("a", frame, "") for frame in range(1, 7)))
    job = AdjustmentJob(next(names), **READY)
    plan = plan_package(tracks, chosen, job, source=Source(owner="ann"))
    return write_packages([plan], tmp_path / "package")[0].folder


def keys(s3, part=""):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    return {key for key in pages.search("Contents[].Key") if key and part in key}


def test_what_is_there_is_not_sent_again(s3, package):
    assert upload_package(read_package(package), s3).sent == FILES
    again = upload_package(read_package(package), s3)
    assert (again.sent, again.kept) == (0, FILES)
    (manifest,) = (key for key in keys(s3) if key.endswith("manifest.jsonl"))
    stored = s3.get_object(Bucket=BUCKET, Key=manifest)
    assert stored["Body"].read() == (package / "manifest.jsonl").read_bytes()
    for key in keys(s3):
        s3.delete_object(Bucket=BUCKET, Key=key)


def test_upload_goes_on(s3, package):
    def break_off(done, _):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upload_package(read_package(package), s3, progress=break_off)
    there = len(keys(s3))
    assert 4 <= there < FILES
    upload = upload_package(read_package(package), s3)
    assert (upload.sent, upload.kept) == (FILES - there, there)


@pytest.mark.parametrize("body", [b"{}", None])
def test_other_files_are_kept(s3, package, body):
    upload_package(read_package(package), s3)
    labels = package / "a" / "SeqLabel.json"
    other = body or b" " * labels.stat().st_size  # of the same size
    folder = package_folder(package)
    (key,) = keys(s3, f"{folder}/a/SeqLabel.json")
    s3.put_object(Bucket=BUCKET, Key=key, Body=other)
    with pytest.raises(GroundTruthError, match="1 files of somebody else are in"):
        upload_package(read_package(package), s3)
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == other
    s3.put_object(Bucket=BUCKET, Key=key, Body=other, Metadata={"track-audit": "ann"})
    assert upload_package(read_package(package), s3).sent == 1


def package_folder(package):
    line = (package / "manifest.jsonl").read_text()
    return line.split(f"s3://{BUCKET}/")[1].split("/a/")[0]


def test_bucket_and_access(s3):
    check_bucket(s3, BUCKET, "eu-west-1")
    before = keys(s3)
    s3.put_object(Bucket=BUCKET, Key="there", Body=b"kept")
    (taken,) = place_findings(s3, BUCKET, "there")
    assert "already exists" in taken.what
    assert place_findings(s3, BUCKET, "not/there") == []
    assert s3.get_object(Bucket=BUCKET, Key="there")["Body"].read() == b"kept"
    assert keys(s3) == before | {"there"}
    with pytest.raises(GroundTruthError, match="There is no bucket"):
        check_bucket(s3, "sagemaker-none", "eu-west-1")


def test_those_who_may_only_read(weed):
    (finding,) = place_findings(weed.client(READER), BUCKET, "not/there")
    assert (finding.severity, finding.todo) == ("error", "ask for s3:PutObject")
    assert "not/there" not in keys(weed.client())


def test_those_who_are_not_known(weed):
    with pytest.raises(GroundTruthError, match=r"403|rejected"):
        check_bucket(weed.client("nobody-key"), BUCKET, "eu-west-1")


def test_cors_rule_is_merged(s3):
    with pytest.raises(ClientError, match="NoSuchCORSConfiguration"):
        s3.get_bucket_cors(Bucket=BUCKET)
    (finding,) = cors_findings(s3, BUCKET, "eu-west-1")
    assert finding.severity == "warning"
    own = {"AllowedOrigins": ["https://example.org"], "AllowedMethods": ["GET"]}
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [own]})
    assert add_cors_rule(s3, BUCKET, "eu-west-1")
    rules = s3.get_bucket_cors(Bucket=BUCKET)["CORSRules"]
    assert [rule["AllowedOrigins"] for rule in rules] == [
        own["AllowedOrigins"],
        CORS_RULE["AllowedOrigins"],
    ]
    assert cors_findings(s3, BUCKET, "eu-west-1") == []


@pytest.mark.parametrize("changed", [False, True])
def test_frames_in_place(s3, tmp_path, changed):
    name, frames = next(names), tmp_path / "frames"
    uri = f"s3://{BUCKET}/data-{name}/"
    tracks = small_video("a", frames, frames_uri=uri)
    for path in frames.iterdir():
        key = f"data-{name}/{path.name}"
        s3.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
    if changed:
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    chosen = choose(*(("a", frame, "") for frame in range(1, 7)))
    plan = plan_package(tracks, chosen, AdjustmentJob(name, **READY))
    (package,) = write_packages([place_frames(plan, s3)], tmp_path / "package")
    assert upload_package(package, s3).sent == (FILES if changed else FILES - 6)
    assert len(keys(s3, f"{name}/a/frames")) == (6 if changed else 0)
    assert upload_package(package, s3).sent == 0
