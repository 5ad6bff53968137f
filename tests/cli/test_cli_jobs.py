# SPDX-License-Identifier: Apache-2.0
"""The commands that send adjustment jobs, on a dataset and a server."""

import json
import os
import re
import subprocess
import sys

import pandas as pd
import pytest
from fiftyone_track_audit.importers import store
from fiftyone_track_audit.plugin.audit.grouping import COLUMNS
from fiftyone_track_audit.plugin.cli import last_settings, main
from fiftyone_track_audit.plugin.cli.sending import JobSettings
from fiftyone_track_audit.plugin.groundtruth import aws as clients
from fiftyone_track_audit.plugin.groundtruth.request import AdjustmentJob
from fiftyone_track_audit.plugin.operators.sending import ExportAdjustmentJob
from fiftyone_track_audit.plugin.review.deciding import decide_issues
from fiftyone_track_audit.plugin.review.issues import (
    declare_issues,
    read_issues,
    replace_issues,
)
from fiftyone_track_audit.plugin.sending import groundtruth_plan
from fiftyone_track_audit.plugin.sending.records import recorded_adjustments
from labeling_jobs import BUCKET, READY

pytestmark = pytest.mark.usefixtures("database")

PLACE = ["--bucket", BUCKET, "--region", "eu-west-1"]
TEAM = ["--role-arn", READY["role_arn"], "--workteam-arn", READY["workteam_arn"]]
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKEN = "FwoGZXIvYXdzEXAMPLETOKEN"


@pytest.fixture
def aws(service, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", service.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    service.clear()
    return service


@pytest.fixture
def run(capsys):
    """Runs a command; returns its exit code and what it prints."""

    def track_audit(*arguments):
        code = main([*map(str, arguments)])
        return code, *capsys.readouterr()

    return track_audit


@pytest.fixture
def run_json(run):
    """Runs a command; returns what it prints as JSON."""

    def track_audit(*arguments):
        code, out, err = run(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    return track_audit


def statuses(result):
    return [(job["name"], job["status"]) for job in result["jobs"]]


def test_job_from_export_to_stop(aws, cars, tmp_path, run_json):
    package = tmp_path / "package"
    name = ["--name", "Fix-cars", "--folder", package]
    result = run_json("export", "cars", *name, *PLACE, *TEAM)
    assert result["job_arns"] == [next(iter(aws.jobs.values()))["LabelingJobArn"]]
    assert (result["frames"], result["folder"]) == (8, str(package))
    assert statuses(run_json("status", "cars")) == [("Fix-cars", "Initializing")]
    (job,) = run_json("status", "cars", "--job-name", "Fix-cars")["jobs"]
    assert (job["job_name"], job["status"]) == ("Fix-cars", "InProgress")
    assert (job["labeled"], job["unlabeled"], job["failed"]) == (0, 1, 0)
    stopped = run_json("stop", "cars", "--job-name", "Fix-cars")
    assert statuses(stopped) == [("Fix-cars", "Stopping")]
    assert statuses(run_json("status", "cars")) == [("Fix-cars", "Stopped")]


def test_what_is_printed_for_people(aws, cars, tmp_path, run):
    name = ["--name", "Fix-1", "--folder", tmp_path / "package"]
    code, out, err = run("export", "cars", "--context", 0, *name, *PLACE, *TEAM)
    assert code == 0
    assert out.startswith("Exported 8 frames with ")
    assert "started job Fix-1" in out
    assert "track-audit: note: Bucket 'sagemaker-tracks' has no CORS rule" in err
    aws.advance("Fix-1", "Failed", FailureReason="ClientError: no access")
    code, out, _ = run("status", "cars")
    assert code == 0
    assert [line.split() for line in out.splitlines()][:2] == [
        ["job_name", "name", "status", "labeled", "unlabeled", "failed"],
        ["Fix-1", "Fix-1", "Failed", "0", "0", "0"],
    ]
    assert "Fix-1 failed: ClientError: no access" in out


def test_saved_view_with_context(cars, tmp_path, run_json):
    arguments = ["--view-name", "first", "--folder", tmp_path / "package"]
    result = run_json("export", "cars", "--context", "1", *arguments)
    assert (result["frames"], result["flagged"]) == (3, 1)
    assert result["next"].startswith("Export again with bucket, region, role ARN")


def test_what_was_dismissed(cars, tmp_path, run, run_json):
    spans = store.read_spans(cars)["a"]
    frames = dict.fromkeys(["first_frame", "peak_frame", "last_frame"], 3)
    mistake = {"kind": "shift", "track": 1, **frames}
    issues = pd.DataFrame([mistake], columns=COLUMNS)
    declare_issues(cars)
    replace_issues(cars, "ground_truth", spans, issues, {})
    found = read_issues(cars, "ground_truth", spans)
    decide_issues(cars, found["id"].tolist(), "dismissed", "ann")
    arguments = ["--view-name", "first", "--context", "0"]
    code, _, err = run("export", "cars", *arguments, "--folder", tmp_path / "package")
    assert code == 2
    assert "only have dismissed issues; nothing would be sent" in err
    assert not (tmp_path / "package").exists()
    arguments += ["--include-dismissed", "--folder", tmp_path / "package"]
    assert run_json("export", "cars", *arguments)["frames"] == 1


def test_check_reports_and_changes_nothing(aws, cars, tmp_path, run):
    arguments = ["export", "cars", "--check", "--name", "Fix-1", *PLACE, *TEAM]
    code, out, _ = run(*arguments)
    assert code == 0
    assert out.splitlines()[0].startswith("warning: Bucket 'sagemaker-tracks' has no")
    assert out.splitlines()[-1] == "1 finding; nothing was changed"
    role = "arn:aws:iam::123456789012:role/None"
    code, out, err = run(*arguments, "--role-arn", role, "--json")
    assert code == 2
    errors = [f for f in json.loads(out)["findings"] if f["severity"] == "error"]
    assert errors == [
        {
            "severity": "error",
            "what": f"There is no role {role}",
            "todo": "create it, or choose another",
        }
    ]
    assert err == "track-audit: error: cars: the job would fail; errors: 1\n"
    assert aws.jobs == {}
    assert recorded_adjustments(cars) == {}


def test_launch_goes_on(aws, cars, tmp_path, run, run_json, monkeypatch):
    monkeypatch.setattr(clients, "ATTEMPTS", 1)
    aws.fail("CreateLabelingJob", "lost")
    name = ["--name", "Fix-lost", "--folder", tmp_path / "package"]
    code, _, err = run("export", "cars", *name, *PLACE, *TEAM)
    assert code == 2
    assert "Connection was closed" in err
    result = run_json("launch", "cars", "--job-name", "Fix-lost")
    assert "uploaded 0 files" in result["message"]
    assert len(result["job_arns"]) == len(aws.jobs) == 1
    (record,) = recorded_adjustments(cars).values()
    assert [job.arn for job in record.jobs] == result["job_arns"]
    again = run_json("launch", "cars", "--job-name", "Fix-lost")
    assert again["message"].endswith(", job Fix-lost was started before")


def test_divided_jobs_are_one_run(aws, cars, tmp_path, run_json, monkeypatch):
    module = "fiftyone_track_audit.plugin.groundtruth.division"
    monkeypatch.setattr(f"{module}.FRAMES_PER_SEQUENCE", 4)
    name = ["--name", "Fix-long", "--folder", tmp_path / "package"]
    result = run_json("export", "cars", *name, *PLACE, *TEAM)
    assert (result["sequences"], result["frames"]) == (1, 8)
    (record,) = recorded_adjustments(cars).values()
    assert [job.frames for job in record.jobs] == [
        {"a": [1, 2, 3, 4]},
        {"a": [5, 6, 7, 8]},
    ]
    run_json("status", "cars")
    jobs = run_json("status", "cars")["jobs"]
    assert [(job["job_name"], job["name"], job["status"]) for job in jobs] == [
        ("Fix-long", "Fix-long-1", "InProgress"),
        ("Fix-long", "Fix-long-2", "InProgress"),
    ]
    aws.complete("Fix-long-1")
    stopped = run_json("stop", "cars", "--job-name", "Fix-long")
    assert statuses(stopped) == [
        ("Fix-long-1", "Completed"),
        ("Fix-long-2", "Stopping"),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["export", "nothing"], "nothing: no such dataset"),
        (["export", "cars", "--view-name", "none"], "cars: .*none"),
        (["export", "cars", "--context", "-1"], "0 or more context frames"),
        (
            ["export", "cars", "--folder", "~no-such-user/x"],
            "home folder of ~no-such-user",
        ),
        (
            ["export-mot", "cars", "--folder", "~no-such-user/x"],
            "home folder of ~no-such-user",
        ),
        (["export-mot", "cars", "--folder", "/dev/null/x"], "error: /dev/null: [A-Z]"),
        (["load", "cars", "--job-name", "x"], "no adjustment 'x' is recorded"),
        (["export", "cars", "--name", "no_good"], "LabelingJobName is 'no_good'"),
        (["export", "cars", "--bucket", "sagemaker-none"], "no bucket"),
        (["launch", "cars", "--job-name", "x"], "no adjustment 'x' is recorded"),
        (["status", "cars", "--job-name", "x"], "no adjustment 'x' is recorded"),
        (["stop", "cars", "--job-name", "x"], "no adjustment 'x' is recorded"),
    ],
)
def test_bad_input_is_one_line(aws, cars, run, arguments, said):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("track-audit: error: ")
    assert err.count("\n") == 1
    assert re.search(said, err)


def test_no_job_is_recorded(cars, run, run_json):
    assert run("status", "cars")[1] == "no adjustment jobs of cars are recorded\n"
    assert run_json("status", "cars")["jobs"] == []


def test_settings_are_those_of_the_job():
    assert set(JobSettings.__dataclass_fields__) == set(
        AdjustmentJob.__dataclass_fields__
    )


def test_options_are_those_of_the_operator():
    names = set(ExportAdjustmentJob.__call__.__annotations__)
    assert {"name", "folder", "label_field", "context", "copy_frames"} < names
    assert {"add_cors", "check", "include_dismissed"} < names
    assert ExportAdjustmentJob.__call__.__defaults__[3] == 2


def test_settings_reach_the_job(aws, cars, tmp_path, run_json):
    folder = tmp_path / "package"
    settings = ["--keywords", "cars", "two words", "--tags", "team=blue", "left="]
    settings += ["--task-time-limit", "3600", "--labels", "Truck", "--title", "Cars"]
    run_json("export", "cars", "--folder", folder, *settings)
    request = json.loads((folder / "job.json").read_text())["request"]
    task = request["HumanTaskConfig"]
    assert (task["TaskTitle"], task["TaskTimeLimitInSeconds"]) == ("Cars", 3600)
    assert task["TaskKeywords"] == ["cars", "two words"]
    assert request["Tags"][:2] == [
        {"Key": "team", "Value": "blue"},
        {"Key": "left", "Value": ""},
    ]


def test_a_job_has_the_settings_of_the_one_before(aws, cars, tmp_path, run):
    """But nothing is sent, and no job is started, that was not asked for."""

    def export(*options):
        name = f"fix-{len(list(tmp_path.iterdir()))}"
        words = ["--name", name, "--folder", tmp_path / name]
        code, out, err = run("export", "cars", *words, *options)
        assert code == 0, err
        said = [
            line for line in err.splitlines() if "last settings of this dataset" in line
        ]
        return len(aws.jobs), out.splitlines()[0], said

    attribute = ["--label-attribute", "mine-ref"]
    export(*PLACE, *TEAM, *attribute)
    jobs, _, said = export()
    assert (jobs, said) == (1, [])
    taken = ["--region eu-west-1", "--label-attribute mine-ref"]
    taken.append(f"--role-arn {READY['role_arn']}")
    jobs, _, (said,) = export(*PLACE[:2])
    assert jobs == 1
    assert all(each in said for each in taken)
    assert "--workteam-arn" not in said
    jobs, _, (said,) = export(*TEAM[2:])
    assert jobs == 2
    assert all(each in said for each in [*taken, f"--bucket {BUCKET}"])
    jobs, _, said = export("--no-last-settings", *PLACE)
    assert (jobs, said) == (2, [])


@pytest.mark.parametrize(
    ("options", "taken"),
    [
        (["--bucket", BUCKET], ["region", "role-arn"]),
        (["--bucket", "another"], []),
        (["--bucket", BUCKET, "--region", "us-east-1"], []),
        (["--workteam-arn", READY["workteam_arn"]], ["bucket", "region", "role-arn"]),
        (["--workteam-arn", READY["workteam_arn"].replace("eu-west", "us-west")], []),
        (["--folder", f"s3://{BUCKET}/x/"], ["region", "role-arn"]),
        ([], None),
    ],
)
def test_settings_of_another_place_are_not_taken(monkeypatch, options, taken):
    last = {"bucket": BUCKET, "region": "eu-west-1", "role_arn": "r"}
    last |= {"label_attribute": "mine-ref", "workteam_arn": READY["workteam_arn"]}
    monkeypatch.setattr(groundtruth_plan, "last_settings", lambda _: dict(last))
    found = last_settings._of_export(
        None, dict(zip(options[::2], options[1::2], strict=True))
    )
    names = [] if taken is None else [*taken, "label-attribute"]
    assert sorted(found) == sorted(f"--{name}" for name in names)


def start(*arguments):
    command = [sys.executable, "-m", "fiftyone_track_audit.plugin.cli"]
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_at_once_and_a_third_that_watches(aws, cars, tmp_path):
    both = [
        start(
            *("export", "cars", "--json", *PLACE, *TEAM),
            *("--name", name, "--folder", tmp_path / name),
        )
        for name in ("Left", "Right")
    ]
    for process in both:
        out, err = process.communicate(timeout=200)
        assert process.returncode == 0, err
        assert len(json.loads(out)["job_arns"]) == 1
    watching = start("status", "cars", "--json")
    out, err = watching.communicate(timeout=200)
    # Who exports later asks how the other job is, which begins with that
    states = dict(statuses(json.loads(out)))
    assert set(states) == {"Left", "Right"}, err
    assert set(states.values()) <= {"Initializing", "InProgress"}
    assert set(recorded_adjustments(cars)) == {"Left", "Right"}


def test_json_is_all_that_is_printed(cars, monkeypatch):
    """FiftyOne warns of an old database, and logs, on the standard output."""
    monkeypatch.setenv("FIFTYONE_DATABASE_VALIDATION", "true")
    monkeypatch.setenv("FIFTYONE_LOGGING_LEVEL", "DEBUG")
    out, err = start("status", "cars", "--json").communicate(timeout=200)
    expected = {"jobs": [], "notes": [], "message": "0 adjustment jobs"}
    assert json.loads(out) == expected, err


#: Ends itself, as a killed process does, before or after it calls a function.
KILLED = """
import os, signal, sys
from fiftyone_track_audit.plugin.cli import last_settings, main
from fiftyone_track_audit.plugin.sending import groundtruth as sending

name, when = sys.argv[1:3]
function = getattr(sending, name)

def call_and_die(*arguments, **options):
    if when == "after":
        function(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(sending, name, call_and_die)
main(sys.argv[3:])
"""


@pytest.mark.parametrize(
    ("function", "when", "started", "go_on"),
    [
        ("write_packages", "before", 0, "export"),
        ("write_packages", "after", 0, "export"),
        ("write_packages", "after", 0, "launch"),
        ("upload_package", "after", 0, "launch"),
        ("record_adjustment", "before", 0, "export"),
        ("launch_job", "before", 0, "export"),
        ("launch_job", "after", 1, "launch"),
    ],
)
def test_killed_export_goes_on(
    aws, cars, tmp_path, run_json, function, when, started, go_on
):
    name = f"Killed-{function.replace('_', '-')}-{when}"
    export = ["export", "cars", "--name", name, *PLACE, *TEAM]
    export += ["--folder", str(tmp_path / "package")]
    command = [sys.executable, "-c", KILLED, function, when, *export]
    killed = subprocess.run(command, capture_output=True, timeout=200)
    assert killed.returncode == -9, killed.stderr.decode()
    assert len(aws.jobs) == started
    launch = ["launch", "cars", "--job-name", name]
    result = run_json(*(launch if go_on == "launch" else export))
    assert [job["LabelingJobArn"] for job in aws.jobs.values()] == result["job_arns"]
    (record,) = recorded_adjustments(cars).values()
    assert [job.arn for job in record.jobs] == result["job_arns"]


def test_only_the_package_on_record_is_started(aws, cars, tmp_path, run, run_json):
    export = ["export", "cars", "--name", "Fix-1", "--folder", tmp_path / "package"]
    run_json(*export, *PLACE)
    again = [*map(str, export), "--view-name", "first", *PLACE, *TEAM]
    command = [sys.executable, "-c", KILLED, "write_packages", "before", *again]
    killed = subprocess.run(command, capture_output=True, timeout=200)
    assert killed.returncode == -9, killed.stderr.decode()
    code, _, err = run("launch", "cars", "--job-name", "Fix-1")
    assert (code, "the last export of 'Fix-1' was interrupted" in err) == (2, True)
    assert aws.jobs == {}
    run_json(*again)
    (job,) = aws.jobs.values()
    (record,) = recorded_adjustments(cars).values()
    assert record.jobs[0].arn == job["LabelingJobArn"]


def test_exported_again_with_what_was_missing(aws, cars, tmp_path, run, run_json):
    export = ["export", "cars", "--name", "Fix-1"]
    result = run_json(*export)
    assert result["next"].startswith("Export again with bucket")
    uploaded = run_json(*export, *PLACE)
    assert "uploaded 12 files" in uploaded["message"]
    assert uploaded["next"].startswith("Export again with role ARN")
    again = run_json(*export, "--title", "Other", *PLACE, *TEAM)
    assert again["folder"] == result["folder"]
    (job,) = aws.jobs.values()
    assert again["job_arns"] == [job["LabelingJobArn"]]
    assert job["HumanTaskConfig"]["TaskTitle"] == "Other"
    code, _, err = run(*export)
    assert code == 2
    assert "the job 'Fix-1' was already started" in err


def test_a_folder_of_something_else_is_left_alone(cars, tmp_path, run):
    export = ["export", "cars", "--name", "Fix-1", "--folder", tmp_path]
    (tmp_path / "notes.txt").write_text("mine")
    code, _, err = run(*export)
    assert (code, "exists and is not empty" in err) == (2, True)
    assert recorded_adjustments(cars) == {}
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "operation",
    ["GetCallerIdentity", "HeadBucket", "PutObject", "CreateLabelingJob"],
)
@pytest.mark.parametrize("fault", ["access denied", "expired", "server error"])
def test_nothing_secret_is_told(
    aws, cars, tmp_path, run, monkeypatch, caplog, operation, fault
):
    monkeypatch.setattr(clients, "ATTEMPTS", 1)
    caplog.set_level("INFO")
    folder = tmp_path / "package"
    arguments = ["export", "cars", "--name", "Fix-1", "--folder", folder]
    aws.fail(operation, fault, after=operation == "PutObject")
    code, out, err = run(*arguments, *PLACE, *TEAM)
    assert code == 2
    assert aws.faults.orders[operation] == []
    _, launched, noted = run("launch", "cars", "--job-name", "Fix-1")
    runs = [cars.get_run_info(key).config.serialize() for key in cars.list_runs()]
    texts = [out, err, launched, noted, caplog.text, json.dumps(runs)]
    texts += [path.read_text() for path in folder.rglob("*") if path.is_file()]
    told = "\n".join(texts)
    for secret in (SECRET, TOKEN, "AKIAIOSFODNN7EXAMPLE", "Signature="):
        assert secret not in told.replace("Signature=[hidden]", "")
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == SECRET
