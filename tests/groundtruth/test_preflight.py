# SPDX-License-Identifier: Apache-2.0
"""What is looked at before a job is sent, against a server."""

import json

import pytest
from fiftyone_track_audit.importers.pixels import image_findings
from fiftyone_track_audit.plugin.groundtruth import aws as clients
from fiftyone_track_audit.plugin.groundtruth.bucket import (
    CORS_RULE,
    add_cors_rule,
    lets_workers_read,
    place_findings,
)
from fiftyone_track_audit.plugin.groundtruth.package_plan import plan_package
from fiftyone_track_audit.plugin.groundtruth.preflight import check_account
from fiftyone_track_audit.plugin.groundtruth.request import AdjustmentJob
from labeling_jobs import BUCKET, READY, choose, labeling_service, small_video
from moto.sagemaker.exceptions import ResourceNotFound, ValidationError
from PIL import Image

ROLE = "arn:aws:iam::123456789012:role/"
TEAM = "arn:aws:sagemaker:eu-west-1:123456789012:workteam/private-crowd/"


@pytest.fixture(scope="module")
def service():
    with labeling_service() as running:
        s3 = running.client("s3")
        rules = {"CORSRules": [CORS_RULE]}
        s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration=rules)
        running.client("s3", "us-east-1").create_bucket(Bucket="sagemaker-far")
        yield running


@pytest.fixture(autouse=True)
def one_attempt(monkeypatch):
    monkeypatch.setattr(clients, "ATTEMPTS", 1)


def check(**changed):
    job = AdjustmentJob(**{"name": "Fix-1", **READY, **changed})
    return [(found.severity, str(found)) for found in check_account(job, [job])]


def test_nothing_to_find_and_nothing_changed(aws):
    s3 = aws.client("s3")
    assert check() == []
    assert set(aws.faults.calls) == {
        "GetCallerIdentity",
        "HeadBucket",
        "HeadObject",
        "PutObject",  # on a condition that is never met
        "GetBucketCors",
        "GetRole",
        "DescribeWorkteam",
        "DescribeLabelingJob",
    }
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0
    assert s3.get_bucket_cors(Bucket=BUCKET)["CORSRules"] == [CORS_RULE]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"bucket": "sagemaker-none"}, "There is no bucket 'sagemaker-none': create"),
        (
            {"bucket": "sagemaker-far"},
            "in region us-east-1, but the job is in eu-west-1",
        ),
        ({"role_arn": ROLE + "None"}, f"There is no role {ROLE}None: create it"),
        ({"role_arn": ROLE + "path/Other"}, "sagemaker.amazonaws.com may not assume"),
        (
            {"role_arn": "arn:aws:iam::210987654321:role/GroundTruth"},
            "the credentials are for account 123456789012",
        ),
        ({"workteam_arn": TEAM + "none"}, f"There is no work team {TEAM}none: create"),
        (
            {"workteam_arn": TEAM.replace("123456789012", "210987654321") + "auditors"},
            "the credentials are for account 123456789012",
        ),
    ],
)
def test_what_would_make_the_job_fail(aws, changed, said):
    found = [text for severity, text in check(**changed) if severity == "error"]
    assert len(found) == 1
    assert said in found[0]


def test_a_name_that_is_taken(aws):
    aws.jobs["eu-west-1", "fix-1"] = {
        "LabelingJobName": "FIX-1",
        "LabelingJobStatus": "Completed",
        "LabelCounters": {},
    }
    ((severity, said),) = check()
    del aws.jobs["eu-west-1", "fix-1"]
    assert severity == "error"
    assert said.startswith("Another labeling job is named 'Fix-1'")


@pytest.mark.parametrize(
    ("operation", "fault", "severity", "said"),
    [
        ("GetCallerIdentity", "expired", "error", "renew them and try again"),
        ("HeadBucket", "access denied", "error", "access was denied (403)"),
        ("HeadObject", "access denied", "error", "s3:GetObject and s3:ListBucket"),
        ("PutObject", "access denied", "error", "ask for s3:PutObject"),
        ("GetBucketCors", "access denied", "warning", "ask for s3:GetBucketCors"),
        ("GetRole", "access denied", "warning", "ask for iam:GetRole in IAM"),
        ("DescribeWorkteam", "access denied", "warning", "sagemaker:DescribeWorkteam"),
        ("DescribeLabelingJob", "access denied", "warning", "DescribeLabelingJob"),
        ("HeadBucket", "server error", "error", "failed with 500"),
        ("PutObject", "throttling", "error", "failed with SlowDown"),
    ],
)
def test_what_may_not_be_looked_at(aws, operation, fault, severity, said):
    aws.fail(operation, fault)
    ((found, text),) = check()
    assert found == severity
    assert said in text
    assert "testing" not in text


@pytest.mark.parametrize("absent", [ResourceNotFound, ValidationError])
def test_a_name_that_is_free_however_that_is_told(aws, absent):
    aws.absent = absent
    assert check() == []


SERVICE = {"Service": ["ec2.amazonaws.com", "sagemaker.amazonaws.com"]}


@pytest.mark.parametrize(
    ("statements", "trusted"),
    [
        ({"Effect": "Allow", "Principal": SERVICE}, True),
        ([{"Effect": "Deny", "Principal": SERVICE}], False),
        (
            [
                {"Effect": "Allow", "Principal": SERVICE},
                {"Effect": "Deny", "Principal": {"Service": "ec2.amazonaws.com"}},
            ],
            True,
        ),
        (
            [{"Effect": effect, "Principal": SERVICE} for effect in ("Allow", "Deny")],
            False,
        ),
        (
            [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "ec2.amazonaws.com"},
                    "Condition": {"StringLike": {"aws:PrincipalArn": SERVICE}},
                }
            ],
            False,
        ),
    ],
)
def test_role_that_the_service_may_assume(aws, statements, trusted):
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam = aws.client("iam")
    iam.create_role(RoleName="Tried", AssumeRolePolicyDocument=policy)
    try:
        found = check(role_arn=ROLE + "Tried")
    finally:
        iam.delete_role(RoleName="Tried")
    assert [text for _, text in found if "may not assume" in text] == [
        text for _, text in found
    ]
    assert bool(found) != trusted


def test_no_bucket_needs_no_rule(aws):
    assert check(bucket=None) == []
    assert "GetBucketCors" not in aws.faults.calls


def test_malformed_work_team_is_left_to_the_settings(aws):
    assert check(workteam_arn="auditors", region=None) == []
    job = AdjustmentJob("fix", bucket=BUCKET, workteam_arn="auditors")
    plan = plan_package(small_video("a"), choose(("a", 1, "")), job)
    assert "HumanTaskConfig.WorkteamArn is 'auditors'" in plan.errors[0]


def test_region_without_video_tracking_is_not_asked(aws):
    assert check(region="eu-north-1") == []
    assert aws.faults.calls == []


def test_place_is_looked_at_without_a_write(aws):
    s3 = aws.client("s3")
    s3.put_object(Bucket=BUCKET, Key="there", Body=b"kept")
    (finding,) = place_findings(s3, BUCKET, "there")
    assert str(finding) == (
        f"s3://{BUCKET}/there already exists: choose another name or prefix."
    )
    assert s3.get_object(Bucket=BUCKET, Key="there")["Body"].read() == b"kept"
    s3.delete_object(Bucket=BUCKET, Key="there")


def rule(*origins, methods=("GET",)):
    return {"AllowedOrigins": list(origins), "AllowedMethods": list(methods)}


@pytest.mark.parametrize(
    ("rules", "enough"),
    [
        ([], False),
        ([CORS_RULE], True),
        ([rule("https://example.org")], False),
        ([rule("*", methods=["PUT"])], False),
        ([rule("https://example.org"), rule("*")], True),
        ([rule("https://*.sagemaker.aws")], True),
        ([rule("https://*.labeling.us-east-2.sagemaker.aws")], False),
    ],
)
def test_rules_that_let_workers_read(rules, enough):
    assert lets_workers_read(rules, "eu-west-1") == enough


def test_rule_is_added_to_those_that_are_there(aws):
    s3 = aws.client("s3")
    bucket = "sagemaker-cors"
    place = {"LocationConstraint": "eu-west-1"}
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    own = rule("https://example.org")
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [own]})
    ((severity, said),) = check(bucket=bucket)
    assert severity == "warning"
    assert '"AllowedMethods": ["GET", "HEAD", "PUT"]' in said
    assert add_cors_rule(s3, bucket, "eu-west-1")
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == [own, CORS_RULE]
    assert check(bucket=bucket) == []
    assert not add_cors_rule(s3, bucket, "eu-west-1")


def test_frames_that_cannot_be_sent(tmp_path):
    frames = tmp_path / "frames"
    tracks = small_video("a", frames)
    chosen = choose(*(("a", frame, "") for frame in range(1, 7)))
    plan = plan_package(tracks, chosen, AdjustmentJob("fix"))
    assert image_findings(plan.frames) == []
    (frames / "000003.png").write_bytes(b"no image")
    (frames / "000005.png").write_bytes(b"")
    Image.new("L", (20, 10)).save(frames / "000007.png")
    (frames / "000009.png").unlink()  # told by the plan
    unreadable, other = map(str, image_findings(plan.frames))
    assert unreadable == (
        f"a: 2 frames cannot be read, such as {frames / '000003.png'}: replace them."
    )
    assert f"{frames / '000007.png'} of 20x10: send images of one size" in other


def test_each_finding_says_what_to_do():
    job = AdjustmentJob(**{"name": "fix_1", **READY, "label_attribute": "x"})
    plan = plan_package(small_video("a"), choose(("a", 9, "")), job)
    assert {found.severity for found in plan.findings} == {"error"}
    assert len(plan.findings) == 4
    assert all(found.what and found.todo for found in plan.findings)
    assert plan.errors == tuple(f"{f.what}: {f.todo}." for f in plan.findings)


def test_a_bucket_that_asks_for_kms_is_named(aws):
    s3 = aws.client("s3")
    denied = {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}
    rule = {"Effect": "Deny", "Action": "s3:PutObject", "Condition": denied}
    # moto applies the policy without the condition, so not to the job's files
    rule |= {"Principal": "*", "Resource": f"arn:aws:s3:::{BUCKET}/elsewhere/*"}
    policy = {"Version": "2012-10-17", "Statement": [rule]}
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    aws.faults.only_kms = True
    try:
        ((severity, text),) = check()
        assert check(kms_key_id="team-key") == []
    finally:
        s3.delete_bucket_policy(Bucket=BUCKET)
    assert severity == "error"
    assert "set kms_key_id, since the bucket only takes what KMS encrypts" in text
