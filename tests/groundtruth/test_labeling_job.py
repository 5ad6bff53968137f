# SPDX-License-Identifier: Apache-2.0
"""Upload, start, status and stop of labeling jobs, against a server."""

import json
from dataclasses import replace
from itertools import count

import pytest
from botocore.exceptions import ClientError
from fiftyone_track_audit.importers.tracks import InputError, concatenate
from fiftyone_track_audit.plugin.cli.output import save
from fiftyone_track_audit.plugin.groundtruth.aws import (
    GroundTruthError,
    aws_errors,
    s3_client,
    sagemaker_client,
)
from fiftyone_track_audit.plugin.groundtruth.folder import read_frames, read_package
from fiftyone_track_audit.plugin.groundtruth.labeling_job import (
    JobStatus,
    job_status,
    launch_job,
    stop_job,
)
from fiftyone_track_audit.plugin.groundtruth.package import write_packages
from fiftyone_track_audit.plugin.groundtruth.package_plan import Source, plan_package
from fiftyone_track_audit.plugin.groundtruth.request import AdjustmentJob
from fiftyone_track_audit.plugin.groundtruth.upload import upload_package
from labeling_jobs import BUCKET, READY, choose, small_video

#: Four files per package with one sequence, beside its frames.
LABEL_FILES = 4


@pytest.fixture
def sagemaker(aws):
    return aws.client("sagemaker")


names = (f"Fix-{number}" for number in count())


@pytest.fixture
def package(tmp_path):
    """The package of a job of its own, with six frames that lie in ``frames``."""
    return make_package(tmp_path)


def make_package(tmp_path, frames=6, frames_on_disk=True, copy_frames=False, **changed):
    tracks = small_video("a", tmp_path / "frames", frames=frames)
    if not frames_on_disk:
        sequence = replace(tracks.sequences["a"], frames_dir=None)
        tracks = replace(tracks, sequences={"a": sequence})
    job = AdjustmentJob(**{"name": next(names), **READY, **changed})
    chosen = (("a", frame, "shift" * (frame == 4)) for frame in range(1, frames + 1))
    plan = plan_package(tracks, choose(*chosen), job, source=Source(owner="ann"))
    folder = tmp_path / "package"
    return write_packages([plan], folder, copy_frames=copy_frames)[0].folder


def request_of(package):
    return json.loads((package / "job.json").read_text())["request"]


def job_name(package):
    return request_of(package)["LabelingJobName"]


def keys(s3, package):
    """The keys in S3 below a package's folder."""
    prefix = f"track-audit/{job_name(package)}/"
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    return {item["Key"].removeprefix(prefix) for item in found}


def test_job_from_start_to_end(aws, s3, sagemaker, package):
    name = job_name(package)
    assert upload_package(read_package(package), s3).sent == 6 + LABEL_FILES
    arn = launch_job(read_package(package), sagemaker)
    assert arn.startswith("arn:aws:sagemaker:eu-west-1:")
    assert job_status(name, sagemaker) == JobStatus(
        name=name,
        status="Initializing",
        labeled=0,
        unlabeled=0,
        failed=0,
        failure_reason=None,
        output_uri=None,
        arn=arn,
    )
    listed = sagemaker.list_labeling_jobs()["LabelingJobSummaryList"]
    assert name in [job["LabelingJobName"] for job in listed]
    status = job_status(name, sagemaker)
    assert (status.status, status.unlabeled, status.finished) == (
        "InProgress",
        1,
        False,
    )
    aws.complete(name)
    status = job_status(name, sagemaker)
    assert status.finished
    assert (status.labeled, status.unlabeled) == (1, 0)

    root = f"s3://{BUCKET}/track-audit/{name}"
    manifest = f"{root}/output/{name}/manifests/output/output.manifest"
    assert status.output_uri == manifest
    key = manifest.removeprefix(f"s3://{BUCKET}/")
    body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    line = json.loads(body)
    assert line["track-audit"] == {
        "sequence": "a",
        "frames": [1, 2, 3, 4, 5, 6],
        "image-size": [64, 48],
    }
    assert line["tracks-audit-ref-metadata"]["adjustment-status"] == "adjusted"


def test_failure_reason_is_told(aws, s3, sagemaker, package):
    upload_package(read_package(package), s3)
    launch_job(read_package(package), sagemaker)
    aws.advance(job_name(package), "Failed", FailureReason="ClientError: no access")
    status = job_status(job_name(package), sagemaker)
    assert (status.finished, status.failure_reason) == (True, "ClientError: no access")


def test_stop(aws, s3, sagemaker, package):
    upload_package(read_package(package), s3)
    launch_job(read_package(package), sagemaker)
    name = job_name(package)
    stop_job(name, sagemaker)
    assert job_status(name, sagemaker).status == "Stopping"
    assert job_status(name, sagemaker).status == "Stopped"
    with pytest.raises(GroundTruthError, match="is already Stopped"):
        stop_job(name, sagemaker)


@pytest.mark.parametrize("ask", [job_status, stop_job])
def test_unknown_job(sagemaker, ask):
    with pytest.raises(GroundTruthError, match="no labeling job 'none' in region eu"):
        ask("none", sagemaker)


def test_name_in_use_whatever_its_case(s3, sagemaker, tmp_path, package):
    upload_package(read_package(package), s3)
    launch_job(read_package(package), sagemaker)
    name = job_name(package).upper()
    (tmp_path / "again").mkdir()
    other = make_package(tmp_path / "again", name=name)
    upload_package(read_package(other), s3)
    with pytest.raises(GroundTruthError, match=f"job is named '{name}'"):
        launch_job(read_package(other), sagemaker)


def test_second_upload_sends_nothing(s3, package):
    upload_package(read_package(package), s3)
    seen = []
    assert (
        upload_package(
            read_package(package), s3, progress=lambda *now: seen.append(now)
        ).sent
        == 0
    )
    assert seen == []


def test_upload_sends_labels_after_frames_and_the_manifest_last(aws, package):
    s3 = aws.make_client("s3")
    sent = []
    s3.meta.events.register(
        "before-parameter-build.s3.PutObject",
        lambda params, **_: sent.append(params["Key"].rpartition("/")[2]),
    )
    upload_package(read_package(package), s3)
    assert sorted(sent[:6]) == [f"{number:06d}.png" for number in range(1, 13, 2)]
    assert sent[6:] == [
        "a-seq.json",
        "SeqLabel.json",
        "label-categories.json",
        "manifest.jsonl",
    ]


def test_upload_goes_on_where_it_was_broken_off(s3, sagemaker, tmp_path):
    package = make_package(tmp_path, frames=90)
    total = 90 + LABEL_FILES

    def interrupt(done, _):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upload_package(read_package(package), s3, progress=interrupt)
    there = keys(s3, package)
    assert 3 <= len(there) < 90
    assert "manifest.jsonl" not in there
    seen = []
    upload = upload_package(
        read_package(package), s3, progress=lambda *now: seen.append(now)
    )
    assert (upload.sent, upload.kept) == (total - len(there), len(there))
    assert seen == [(number, total) for number in range(len(there) + 1, total + 1)]
    assert launch_job(read_package(package), sagemaker)


@pytest.mark.parametrize("owner", [{}, {"track-audit": "bob"}])
def test_other_files_in_the_bucket_are_kept(s3, package, owner):
    upload_package(read_package(package), s3)
    key = f"track-audit/{job_name(package)}/a/SeqLabel.json"
    size = (package / "a" / "SeqLabel.json").stat().st_size
    for body in (b"{}", b" " * size):
        s3.put_object(Bucket=BUCKET, Key=key, Body=body, Metadata=owner)
        with pytest.raises(GroundTruthError, match=r"1 files of somebody else"):
            upload_package(read_package(package), s3)
        assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == body
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"{}", Metadata={"track-audit": "ann"})
    assert upload_package(read_package(package), s3).sent == 1
    assert s3.head_object(Bucket=BUCKET, Key=key)["ContentLength"] == size


def test_the_same_files_put_there_by_hand_are_kept(s3, package):
    for path in (package.parent / "frames").iterdir():
        key = f"track-audit/{job_name(package)}/a/frames/{path.name}"
        s3.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
    upload = upload_package(read_package(package), s3)
    assert (upload.sent, upload.kept) == (LABEL_FILES, 6)


def test_frames_copied_into_the_package_are_sent(s3, sagemaker, tmp_path):
    package = make_package(tmp_path, copy_frames=True)
    (tmp_path / "frames").rename(tmp_path / "elsewhere")
    assert upload_package(read_package(package), s3).sent == 6 + LABEL_FILES
    assert launch_job(read_package(package), sagemaker)


def test_frames_that_are_only_in_the_bucket(s3, sagemaker, tmp_path):
    package = make_package(tmp_path, frames_on_disk=False)
    with pytest.raises(GroundTruthError, match="6 frames are neither"):
        upload_package(read_package(package), s3)
    assert keys(s3, package) == set()
    for path in (tmp_path / "frames").iterdir():
        key = f"track-audit/{job_name(package)}/a/frames/{path.name}"
        s3.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
    upload = upload_package(read_package(package), s3)
    assert (upload.sent, upload.kept) == (LABEL_FILES, 6)
    assert launch_job(read_package(package), sagemaker)


def test_two_sequences_in_one_job(s3, sagemaker, tmp_path):
    tracks = concatenate(small_video(name, tmp_path / name) for name in ("a", "b"))
    frames = choose(("b", 4, "gap"), ("a", 1, "shift"), ("b", 2, ""))
    plan = plan_package(tracks, frames, AdjustmentJob(next(names), **READY))
    package = write_packages([plan], tmp_path / "package")[0].folder
    assert upload_package(read_package(package), s3).sent == 3 + 2 * 2 + 2
    assert launch_job(read_package(package), sagemaker)
    instructions = plan.label_categories["instructions"]["fullInstruction"]
    assert "<li>b/000007.png: gap</li>" in instructions


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"bucket": "sagemaker-none"}, "There is no bucket 'sagemaker-none'"),
        (
            {"bucket": "sagemaker-far"},
            "is in region us-east-1, but the job is in eu-west-1",
        ),
    ],
)
def test_bucket_that_cannot_be_used(aws, s3, tmp_path, changed, said):
    aws.client("s3", "us-east-1").create_bucket(Bucket="sagemaker-far")
    package = make_package(tmp_path, **changed)
    with pytest.raises(GroundTruthError, match=said):
        upload_package(read_package(package), s3)


def test_clients_of_the_default_chain(aws, package, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    upload_package(read_package(package))
    launch_job(read_package(package))
    stop_job(job_name(package))
    assert job_status(job_name(package)).status == "Stopping"


@pytest.fixture
def no_aws(monkeypatch, tmp_path):
    """An environment without credentials and region."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))


def test_no_credentials(no_aws, package):
    with pytest.raises(GroundTruthError, match="no AWS credentials were found"):
        upload_package(read_package(package))
    with pytest.raises(GroundTruthError, match="no AWS credentials were found"):
        launch_job(read_package(package))


def test_no_region(no_aws):
    with pytest.raises(GroundTruthError, match="must specify a region"):
        sagemaker_client()


def test_no_connection(no_aws, monkeypatch, package):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setattr("fiftyone_track_audit.plugin.groundtruth.aws.ATTEMPTS", 1)
    with pytest.raises(GroundTruthError, match="Could not connect to the endpoint"):
        upload_package(read_package(package), s3_client("eu-west-1"))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("SignatureDoesNotMatch", "rejected the credentials"),
        ("AccessDenied", "access was denied"),
        ("Throttling", "failed with Throttling: slow down"),
    ],
)
def test_errors_hold_no_secrets(code, said):
    message = "slow down\nx-amz-security-token: secret"
    answer = {"Error": {"Code": code, "Message": message}}
    with pytest.raises(GroundTruthError, match=said) as raised, aws_errors("Asking"):
        raise ClientError(answer, "PutObject")
    assert "secret" not in str(raised.value)
    assert raised.value.__suppress_context__


def spoil_job(package, change):
    path = package / "job.json"
    job = json.loads(path.read_text())
    change(job)
    path.write_text(json.dumps(job))


@pytest.mark.parametrize(
    ("act", "changed", "said"),
    [
        (upload_package, {"bucket": None}, "bucket must be filled in"),
        (launch_job, {"bucket": None}, "bucket must be filled in"),
        (launch_job, {"role_arn": None}, "role_arn must be filled in"),
        (launch_job, {"workteam_arn": None}, "workteam_arn must be filled in"),
        (
            launch_job,
            {"region": None, "workteam_arn": None},
            "region, workteam_arn must be",
        ),
    ],
)
def test_package_that_is_not_filled_in(tmp_path, act, changed, said):
    package = make_package(tmp_path, **changed)
    with pytest.raises(InputError, match=f"job.json: {said}"):
        act(read_package(package))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("job.json", None, "expected a package's folder"),
        ("job.json", "{", "expected the request, region"),
        ("job.json", "[]", "expected the request, region"),
        ("frames.csv", None, "expected a package's folder"),
        ("frames.csv", "a,b\n1,2\n", "expected the columns sequence"),
        ("frames.csv", "", "expected the columns sequence"),
        ("manifest.jsonl", None, "expected a complete package"),
        ("a/SeqLabel.json", None, "expected a complete package"),
    ],
)
def test_damaged_package(s3, package, name, content, said):
    if content is None:
        (package / name).unlink()
    else:
        (package / name).write_text(content)
    before = s3.list_objects_v2(Bucket=BUCKET)["KeyCount"]
    with pytest.raises(InputError, match=f"{name}: .*{said}"):
        upload_package(read_package(package), s3)
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == before


def spoil_frames(package, column, value):
    frames = read_frames(package)
    frames.loc[2, column] = value
    frames.to_csv(package / "frames.csv", index=False)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("frame_name", "../../other/1.png", "line 4: expected plain file names"),
        ("frame_name", "x/1.png", "line 4: expected plain file names"),
        ("sequence", "..", "line 4: expected plain file names"),
        ("path", "/nowhere/1.png", "1 frames no longer exist"),
    ],
)
def test_frames_that_must_not_be_sent(s3, package, column, value, said):
    spoil_frames(package, column, value)
    with pytest.raises(InputError, match=said):
        upload_package(read_package(package), s3)
    assert keys(s3, package) == set()


def test_request_changed_by_hand_is_checked(s3, sagemaker, package):
    upload_package(read_package(package), s3)
    spoil_job(package, lambda job: job["request"].update(LabelAttributeName="a_b-ref"))
    with pytest.raises(InputError, match="LabelAttributeName is 'a_b-ref'"):
        launch_job(read_package(package), sagemaker)


def edit(name, change):
    """Makes a fault: a JSON file of the package, changed."""

    def spoil(package):
        path = package / name
        value = json.loads(path.read_text())
        change(value)
        path.write_text(json.dumps(value))

    return spoil


def task(**changed):
    return edit(
        "job.json", lambda job: job["request"]["HumanTaskConfig"].update(changed)
    )


def entries(value):
    return value["tracking-annotations"]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (edit("a/a-seq.json", lambda v: v["frames"].pop()), "number-of-frames"),
        (edit("a/a-seq.json", lambda v: v.update(prefix="s3://x/")), "does not match"),
        (
            edit("a/a-seq.json", lambda v: v["frames"][0].update({"frame-no": 1})),
            "frame-no of sequence",
        ),
        (
            edit("a/a-seq.json", lambda v: v["frames"][0].update(frame="0.png")),
            "frames are missing",
        ),
        (
            edit("a/SeqLabel.json", lambda v: entries(v).pop()),
            "frame-no of SeqLabel",
        ),
        (
            edit("a/SeqLabel.json", lambda v: entries(v)[0].update(frame="0.png")),
            "frames of SeqLabel",
        ),
        (
            edit("a/SeqLabel.json", lambda v: entries(v)[0].update({"frame-no": 0})),
            "is not of type 'string'",
        ),
        (
            edit(
                "a/SeqLabel.json",
                lambda v: entries(v)[0]["annotations"][0].update(left=1.5),
            ),
            "is not of type 'integer'",
        ),
        (
            edit(
                "label-categories.json",
                lambda v: v.update(auditLabelAttributeName="other-ref"),
            ),
            "the manifest line has no",
        ),
        (
            edit("label-categories.json", lambda v: v["labels"].pop()),
            "a class has no label",
        ),
        (
            edit("manifest.jsonl", lambda v: v.update(note="x" * 20_001)),
            "too long in the manifest",
        ),
        (task(NumberOfHumanWorkersPerDataObject=2), "one worker per object"),
        (
            task(
                WorkteamArn="arn:aws:sagemaker:eu-west-1:394669845002:"
                "workteam/public-crowd/default"
            ),
            "wrong work team",
        ),
        (
            task(
                PreHumanTaskLambdaArn="arn:aws:lambda:eu-west-1:432418664414:"
                "function:PRE-AdjustmentVideoObjectTracking"
            ),
            "wrong PRE lambda",
        ),
        (
            edit("job.json", lambda v: v["request"].update(LabelAttributeName="x")),
            "must end in -ref",
        ),
    ],
)
def test_the_stand_in_refuses_what_ground_truth_would(
    s3, sagemaker, package, spoil, said
):
    spoil(package)
    upload_package(read_package(package), s3)
    with pytest.raises(GroundTruthError, match=f"ValidationException: .*{said}"):
        launch_job(read_package(package), sagemaker)


def test_a_bucket_that_only_takes_what_kms_encrypts(aws, s3, sagemaker, tmp_path):
    package = read_package(make_package(tmp_path, frames=2, kms_key_id="team-key"))
    aws.faults.only_kms = True
    plain = replace(package, request={**package.request, "OutputConfig": {}})
    with pytest.raises(GroundTruthError, match="access was denied"):
        upload_package(plain, s3)
    assert upload_package(package, s3).sent == 2 + LABEL_FILES
    folder = f"track-audit/{job_name(package.folder)}"
    kinds = {}
    for name in keys(s3, package.folder):
        found = s3.head_object(Bucket=BUCKET, Key=f"{folder}/{name}")
        assert found["ServerSideEncryption"] == "aws:kms"
        assert found["SSEKMSKeyId"].endswith("team-key")
        kinds[name.rpartition(".")[2]] = found["ContentType"]
    assert kinds == {
        "png": "image/png",
        "json": "application/json",
        "jsonl": "application/jsonlines",
    }
    assert upload_package(package, s3).sent == 0
    assert launch_job(package, sagemaker)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("boxes.csv", "text/csv"),
        ("report.html", "text/html"),
        ("summary.json", "application/json"),
        ("output.manifest", "application/jsonlines"),
        ("other", "application/octet-stream"),
    ],
)
def test_what_is_saved_has_a_content_type(s3, name, kind):
    save(f"s3://{BUCKET}/saved/{name}", b"x")
    assert s3.head_object(Bucket=BUCKET, Key=f"saved/{name}")["ContentType"] == kind
