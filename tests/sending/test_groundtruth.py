# SPDX-License-Identifier: Apache-2.0
"""Adjustments of a dataset: whose jobs, files and folders are whose."""

import io
import json
import tempfile
from dataclasses import fields, replace
from threading import Event, Thread

import fiftyone as fo
import fiftyone.operators.types as types
import pandas as pd
import pytest
from fiftyone.operators import get_operator
from fiftyone.operators.executor import ExecutionContext
from fiftyone_track_audit.importers.dataset import create_dataset
from fiftyone_track_audit.importers.dataset_types import GroundTruthDataset
from fiftyone_track_audit.importers.store import locks
from fiftyone_track_audit.importers.tracks import InputError
from fiftyone_track_audit.plugin.cli import main
from fiftyone_track_audit.plugin.corrections.applying import apply_adjustment
from fiftyone_track_audit.plugin.corrections.loading import load_adjustment
from fiftyone_track_audit.plugin.groundtruth import aws as clients
from fiftyone_track_audit.plugin.groundtruth.aws import GroundTruthError
from fiftyone_track_audit.plugin.groundtruth.labeling_job import NAMESAKE
from fiftyone_track_audit.plugin.groundtruth.request import AdjustmentJob, job_in
from fiftyone_track_audit.plugin.operators.jobs import StopAdjustmentJob
from fiftyone_track_audit.plugin.operators.sending import ExportAdjustmentJob
from fiftyone_track_audit.plugin.sending import groundtruth as sending
from fiftyone_track_audit.plugin.sending.groundtruth import (
    export_adjustment,
    launch_adjustment,
)
from fiftyone_track_audit.plugin.sending.groundtruth_checks import check_adjustment
from fiftyone_track_audit.plugin.sending.groundtruth_jobs import (
    adjustment_status,
    stop_adjustment,
)
from fiftyone_track_audit.plugin.sending.groundtruth_plan import (
    last_settings,
    plan_adjustment,
)
from fiftyone_track_audit.plugin.sending.records import recorded_adjustments
from labeling_jobs import BUCKET, READY, small_video
from moto.sagemaker.exceptions import ResourceNotFound, ValidationError

pytestmark = pytest.mark.usefixtures("database")

LOCAL = dict.fromkeys(READY)
UPLOAD = READY | {"role_arn": None, "workteam_arn": None}
REGION = LOCAL | {"region": READY["region"]}


@pytest.fixture(autouse=True)
def one_attempt(monkeypatch):
    monkeypatch.setattr(clients, "ATTEMPTS", 1)


@pytest.fixture
def theirs(cars_source):
    copy = cars_source.clone("theirs")
    yield copy
    copy.delete()


def plan(dataset, frames=(3,), name="fix", **settings):
    view = dataset.to_clips([[(frame, frame) for frame in frames]])
    return plan_adjustment(view, AdjustmentJob(name, **(READY | settings)))


def send(dataset, folder, frames=(3,), **settings):
    return export_adjustment(dataset, plan(dataset, frames, **settings), folder)


def stored(aws, key="track-audit/fix/manifest.jsonl"):
    return aws.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()


def put(aws, key, body=b"theirs"):
    aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)


def status_of(dataset, name=None):
    jobs = adjustment_status(dataset, name)
    return [(job.name, job.status, job.failure_reason) for job in jobs]


def test_a_namesake_is_neither_reported_nor_stopped(aws, cars, theirs, tmp_path):
    send(theirs, tmp_path / "theirs", prefix="theirs")
    send(cars, tmp_path / "mine", name="Fix", **UPLOAD)
    assert status_of(cars) == [("Fix", "NotStarted", NAMESAKE)]
    with pytest.raises(GroundTruthError, match=f"Fix is NotStarted .{NAMESAKE}"):
        stop_adjustment(cars, "Fix")
    assert status_of(theirs)[0][1] == "InProgress"
    assert stop_adjustment(theirs, "fix")[0].status == "Stopping"


def test_a_part_of_another_adjustment_is_not_stopped(aws, cars, tmp_path, monkeypatch):
    module = "fiftyone_track_audit.plugin.groundtruth.division"
    with monkeypatch.context() as patch:
        patch.setattr(f"{module}.FRAMES_PER_SEQUENCE", 4)
        send(cars, tmp_path / "divided", range(1, 9))
    send(cars, tmp_path / "single", name="fix-1", **UPLOAD)
    with pytest.raises(GroundTruthError, match=NAMESAKE):
        stop_adjustment(cars, "fix-1")
    running = {job.name: job.status for job in stop_adjustment(cars, "fix")}
    assert running == {"fix-1": "Stopping", "fix-2": "Stopping"}


@pytest.mark.parametrize("settings", [LOCAL, REGION])
def test_what_cannot_be_started_is_not_asked_for(aws, cars, tmp_path, settings):
    send(cars, tmp_path / "package", **settings)
    assert status_of(cars) == [("fix", "NotStarted", None)]
    assert aws.faults.calls == []


@pytest.mark.parametrize("absent", [ResourceNotFound, ValidationError])
def test_no_job_however_that_is_told(aws, cars, tmp_path, absent):
    aws.absent = absent
    send(cars, tmp_path / "uploaded", name="other", **UPLOAD)
    assert status_of(cars) == [("other", "NotStarted", None)]
    assert len(send(cars, tmp_path / "package").job_arns) == 1


@pytest.mark.parametrize("settings", [READY, LOCAL])
def test_a_plan_of_before_another_export_is_refused(aws, cars, tmp_path, settings):
    old = plan(cars, **LOCAL)
    send(cars, tmp_path / "first", **settings)
    before = recorded_adjustments(cars)["fix"]
    with pytest.raises(ValueError, match="'fix' was exported or started since"):
        export_adjustment(cars, old, tmp_path / "second")
    assert recorded_adjustments(cars)["fix"] == before
    assert (tmp_path / "first" / "job.json").is_file()
    assert not (tmp_path / "second").exists()


@pytest.fixture
def killed_after_create(monkeypatch):
    """Sends, and is broken off when the job was created."""

    def send_and_die(*arguments, **settings):
        def launch_and_die(*started):
            launch(*started)
            raise KeyboardInterrupt

        launch = sending.launch_job
        with monkeypatch.context() as patch:
            patch.setattr(sending, "launch_job", launch_and_die)
            with pytest.raises(KeyboardInterrupt):
                send(*arguments, **settings)

    return send_and_die


@pytest.mark.parametrize("settings", [UPLOAD, LOCAL, {"prefix": "other"}, {}])
def test_a_job_whose_start_was_not_noted_is_kept(
    aws, cars, tmp_path, killed_after_create, settings
):
    killed_after_create(cars, tmp_path / "package")
    record, manifest = recorded_adjustments(cars)["fix"], stored(aws)
    with pytest.raises(InputError, match="'fix' was already started: launch 'fix' to"):
        send(cars, tmp_path / "package", [5, 6], **settings)
    assert recorded_adjustments(cars)["fix"] == record
    assert stored(aws) == manifest
    assert status_of(cars)[0][1] == "InProgress"
    result = launch_adjustment(cars, "fix")
    assert [job["LabelingJobArn"] for job in aws.jobs.values()] == result.job_arns


def test_a_running_job_whose_record_is_gone_is_kept(aws, cars, tmp_path):
    send(cars, tmp_path / "package")
    manifest = stored(aws)
    cars.delete_run(cars.list_runs()[0])
    with pytest.raises(InputError, match="Another labeling job is named 'fix'"):
        send(cars, tmp_path / "other", [5, 6], **UPLOAD)
    assert stored(aws) == manifest


def test_a_start_that_was_refused_can_be_exported_again(aws, cars, tmp_path):
    aws.fail("CreateLabelingJob", "access denied")
    with pytest.raises(GroundTruthError, match="sagemaker:CreateLabelingJob"):
        send(cars, tmp_path / "package")
    assert len(send(cars, tmp_path / "package", [5, 6]).job_arns) == 1


def test_only_ones_own_files_are_replaced(aws, cars, tmp_path):
    put(aws, "B/a/SeqLabel.json")
    send(cars, tmp_path / "package", prefix="A", **UPLOAD)
    for _ in range(2):
        with pytest.raises(GroundTruthError, match=r"1 files of somebody else"):
            send(cars, tmp_path / "package", prefix="B", **UPLOAD)
        assert stored(aws, "B/a/SeqLabel.json") == b"theirs"
    before = stored(aws, "A/a/SeqLabel.json")
    send(cars, tmp_path / "package", [5], prefix="A", **UPLOAD)
    assert stored(aws, "A/a/SeqLabel.json") != before


def test_another_datasets_place_is_taken(aws, cars, theirs, tmp_path):
    send(theirs, tmp_path / "theirs", **UPLOAD)
    with pytest.raises(InputError, match=r"fix/manifest.jsonl already exists"):
        send(cars, tmp_path / "mine", **UPLOAD)
    assert recorded_adjustments(cars) == {}


def test_launch_goes_on_with_a_second_export(aws, cars, tmp_path):
    send(cars, tmp_path / "package", **UPLOAD)
    before = stored(aws)
    aws.fail("PutObject", "expired", after=2)
    with pytest.raises(GroundTruthError, match="rejected the credentials"):
        send(cars, tmp_path / "package", [5, 6])
    aws.faults.orders.clear()
    assert len(launch_adjustment(cars, "fix").job_arns) == 1
    assert stored(aws) != before


def test_what_was_exported_again_meanwhile_is_not_started(
    aws, cars, tmp_path, monkeypatch
):
    upload = sending.upload_package

    def upload_while_another_exports(*arguments, **options):
        monkeypatch.setattr(sending, "upload_package", upload)
        send(cars, tmp_path / "package", [5], **UPLOAD)
        return upload(*arguments, **options)

    monkeypatch.setattr(sending, "upload_package", upload_while_another_exports)
    with pytest.raises(ValueError, match="was exported again by another process"):
        send(cars, tmp_path / "package")
    assert aws.jobs == {}


def test_exports_wait_for_each_other(cars, tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "_WAIT", 0.1)
    entered, left = Event(), Event()

    def occupy():
        with locks.exclusive(cars, "exporting frames of"):
            entered.set()
            left.wait()

    other = Thread(target=occupy)
    other.start()
    entered.wait()
    try:
        with pytest.raises(ValueError, match="another process is writing to 'cars'"):
            send(cars, tmp_path / "package", **LOCAL)
    finally:
        left.set()
        other.join()
    assert recorded_adjustments(cars) == {}
    assert send(cars, tmp_path / "package", **LOCAL).counts.frames == 1


def context(dataset, **params):
    request = {"dataset_name": dataset.name, "params": params}
    return ExecutionContext(request_params=request)


def preview(operator, dataset, **params):
    shown = types.Object()
    operator().preview(context(dataset, **params), shown)
    return json.dumps(shown.to_json())


def test_the_form_replaces_what_python_replaces(cars, tmp_path):
    send(cars, tmp_path / "package", **LOCAL)
    folder = str(tmp_path / "package")
    shown = preview(ExportAdjustmentJob, cars, name="fix", folder=folder)
    assert "8 frames with" in shown
    with pytest.raises(ValueError, match="exists and is not empty"):
        preview(ExportAdjustmentJob, cars, name="other", folder=folder)
    (tmp_path / "package" / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"notes\.txt is not a file of the package"):
        preview(ExportAdjustmentJob, cars, name="fix", folder=folder)
    with pytest.raises(ValueError, match="'fix' was not started"):
        preview(StopAdjustmentJob, cars, job_name="fix")


def test_the_bucket_is_left_alone_where_nothing_can_be_written(aws, cars, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="exists and is not empty"):
        export_adjustment(cars, plan(cars), tmp_path, add_cors=True)
    assert "PutBucketCors" not in aws.faults.calls
    assert recorded_adjustments(cars) == {}


def test_the_check_looks_at_the_folder_and_the_frames(cars, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    bad = plan(cars, **LOCAL)
    for one in bad.plans:
        one.frames["path"] = ""
    found = check_adjustment(bad, tmp_path, copy_frames=True)
    assert [finding.what for finding in found if finding.severity == "error"] == [
        "1 frames to copy are not on this machine",
        f"{tmp_path} exists and is not empty",
    ]


@pytest.mark.parametrize("name", ["file/package", "~nobody-has-this/package"])
def test_a_folder_that_cannot_be_made(cars, tmp_path, name):
    (tmp_path / "file").write_text("")
    folder = name if name.startswith("~") else tmp_path / name
    with pytest.raises(InputError, match=r"file is not writable|home"):
        send(cars, folder, **LOCAL)
    assert recorded_adjustments(cars) == {}


def test_a_folder_that_the_system_refuses(cars, tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: True)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file: File exists; nothing was written"):
        send(cars, tmp_path / "file" / "package", **LOCAL)
    assert recorded_adjustments(cars) == {}


def test_datasets_have_folders_of_their_own(cars, theirs):
    folders = [send(dataset, None, **LOCAL).folder for dataset in (cars, theirs)]
    assert len(set(folders)) == 2


def test_another_machine_exports_frames_that_stay_in_s3(aws, tmp_path):
    uri = f"s3://{BUCKET}/data/a/"
    tracks = small_video("a", tmp_path / "a", frames_uri=uri)
    tracks = replace(tracks, classes=("Tram",))  # as its manifest's class-map has them
    for path in (tmp_path / "a").iterdir():
        put(aws, f"data/a/{path.name}", path.read_bytes())
    dataset = create_dataset(tracks, "remembers", video_dir=tmp_path / "videos")
    (tmp_path / "a").rename(tmp_path / "elsewhere")
    planned = plan(dataset, (3, 4))
    offered = planned.plans[0].label_categories["labels"]
    assert [entry["label"] for entry in offered] == ["Bus", "Car", "Tram"]
    found = check_adjustment(planned, tmp_path / "package")
    assert [finding.severity for finding in found] == ["warning"]  # CORS
    result = export_adjustment(dataset, planned, tmp_path / "package", add_cors=True)
    assert result.notes == f"a: the job reads its frames from {uri}"
    assert "uploaded 4 files" in result.message
    aws.complete("fix")
    assert load_adjustment(dataset, "fix").frames == {"a": [3, 4]}
    dataset.export(str(tmp_path / "out"), dataset_type=GroundTruthDataset)
    content = json.loads((tmp_path / "out" / "a" / "a-seq.json").read_text())
    assert content["prefix"] == uri
    dataset.delete()


def test_a_package_in_s3_alone(aws, cars, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    planned = plan(cars, (3, 4), prefix="only/fix")
    aws.fail("CreateLabelingJob", "access denied")
    with pytest.raises(GroundTruthError, match="access was denied"):
        export_adjustment(cars, planned, f"s3://{BUCKET}/only/fix")
    (job,) = recorded_adjustments(cars)["fix"].jobs
    assert job.package == f"s3://{BUCKET}/only/fix/"
    table = pd.read_csv(io.BytesIO(stored(aws, "only/fix/frames.csv")))
    assert table["path"].isna().all()
    frames = cars.first().frames.values()
    away = [[f"/elsewhere/{frame.frame_name}" for frame in frames]]
    cars.set_values("frames.filepath", away)
    launched = launch_adjustment(cars, "fix")
    assert (len(launched.job_arns), launched.folder) == (1, None)
    assert "uploaded 0 files" in launched.message
    assert last_settings(cars)["role_arn"] == READY["role_arn"]
    aws.complete("fix")
    assert load_adjustment(cars, "fix").frames == {"a": [3, 4]}
    assert apply_adjustment(cars, "fix").changed == 0
    assert [*scratch.iterdir()] == []


def test_a_package_in_s3_whose_upload_broke_off(aws, cars):
    folder = f"s3://{BUCKET}/only/fix"
    planned = plan(cars, prefix="only/fix")
    aws.fail("PutObject", "access denied", after=2)
    with pytest.raises(GroundTruthError):
        export_adjustment(cars, planned, folder)
    with pytest.raises(InputError, match=r"job\.json: .* export it again"):
        launch_adjustment(cars, "fix")
    again = export_adjustment(cars, plan(cars, prefix="only/fix"), folder)
    assert (len(again.job_arns), again.folder) == (1, f"{folder}/")


@pytest.mark.parametrize("settings", [{}, {"bucket": None}])
def test_the_package_in_s3_is_that_of_the_job(aws, cars, settings):
    with pytest.raises(InputError, match="that bucket and prefix of the job name"):
        export_adjustment(cars, plan(cars, **settings), "s3://sagemaker-tracks/other")


@pytest.mark.parametrize(
    ("folder", "settings", "root"),
    [
        ("s3://b-1/to/fix/", {}, "s3://b-1/to/fix/"),
        ("s3://b-1", {"bucket": "b-1"}, "s3://b-1/track-audit/fix/"),
        ("s3://b-1", {"prefix": "to"}, "s3://b-1/to/"),
        ("local", {"bucket": "b-2"}, "s3://b-2/track-audit/fix/"),
        ("s3://b-1/to", {"bucket": "b-2"}, None),
        ("s3://b-1/to", {"prefix": "other"}, None),
    ],
)
def test_the_folder_names_bucket_and_prefix(folder, settings, root):
    job = AdjustmentJob("fix", **settings)
    if root is None:
        with pytest.raises(InputError, match="the settings of the job name s3://"):
            job_in(folder, job)
    else:
        assert job_in(folder, job).root == root


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_an_interrupt_while_runs_are_read_starts_nothing(
    aws, cars, tmp_path, monkeypatch, nth
):
    send(cars, tmp_path / "other", name="other", **UPLOAD)
    reload, calls = fo.Dataset.reload, []

    def interrupt(dataset):
        calls.append(dataset)
        if len(calls) == nth:
            raise KeyboardInterrupt
        return reload(dataset)

    monkeypatch.setattr(fo.Dataset, "reload", interrupt)
    with pytest.raises(KeyboardInterrupt):
        send(cars, tmp_path / "package")
    assert "CreateLabelingJob" not in aws.faults.calls


def test_the_form_has_every_setting_of_a_job(aws, cars, tmp_path):
    categories = tmp_path / "categories.json"
    categories.write_text('{"labels": [{"label": "Van"}]}')
    settings = {
        "title": "Fix cars",
        "description": "Look closely",
        "keywords": ["cars"],
        "labels": ["Tram"],
        "task_time_limit": 600,
        "task_availability_lifetime": 700,
        "max_concurrent_tasks": 8,
        "kms_key_id": "team-key",
        "label_categories": str(categories),
        "content_classifiers": ["FreeOfAdultContent"],
        "max_labeled_objects": 9,
        "max_labeled_percentage": 50,
    }
    params = {**READY, **settings, "tags": ["team=a=b"], "name": "fix"}
    ctx = context(cars, more_settings=True, **params)
    form = ExportAdjustmentJob().resolve_input(ctx).type.properties
    assert set(settings) | {"tags"} <= set(form)
    assert {field.name for field in fields(AdjustmentJob)} <= set(form)
    ExportAdjustmentJob().execute(context(cars, folder=str(tmp_path / "p"), **params))
    request = json.loads((tmp_path / "p" / "job.json").read_text())["request"]
    task = request["HumanTaskConfig"]
    assert [task["TaskTitle"], task["TaskDescription"], task["TaskKeywords"]] == [
        "Fix cars",
        "Look closely",
        ["cars"],
    ]
    assert (task["TaskTimeLimitInSeconds"], task["MaxConcurrentTaskCount"]) == (600, 8)
    assert task["TaskAvailabilityLifetimeInSeconds"] == 700
    assert request["OutputConfig"]["KmsKeyId"] == "team-key"
    classifiers = request["InputConfig"]["DataAttributes"]["ContentClassifiers"]
    assert classifiers == ["FreeOfAdultContent"]
    assert request["StoppingConditions"] == {
        "MaxHumanLabeledObjectCount": 9,
        "MaxPercentageOfInputDatasetLabeled": 50,
    }
    assert {"Key": "team", "Value": "a=b"} in request["Tags"]
    offered = json.loads((tmp_path / "p" / "label-categories.json").read_text())
    labels = {entry["label"] for entry in offered["labels"]}
    assert labels == {"Van", "Tram", "Car", "Bus"}


def test_a_folder_in_s3_is_enough_for_operator_form_and_command(aws, cars, capsys):
    folder = f"s3://{BUCKET}/by"
    operator = get_operator("@track-audit/video/export_adjustment_job")
    result = operator(cars, name="fix-1", folder=f"{folder}/1", region="eu-west-1")
    assert (result["folder"], result["job_arns"]) == (f"{folder}/1/", [])
    settings = {"name": "fix-2", "folder": f"{folder}/2", "region": "eu-west-1"}
    form = ExportAdjustmentJob().resolve_input(context(cars, **settings)).type
    shown = json.dumps(form.to_json())
    assert f"will be uploaded to {folder}/2/." in shown
    assert "role_arn" in form.properties
    line = f"export cars --name fix-3 --folder {folder}/3 --region eu-west-1 --json"
    assert main(line.split()) == 0
    assert json.loads(capsys.readouterr().out)["folder"] == f"{folder}/3/"
    assert main(["launch", "cars", "--job-name", "fix-3"]) == 0
    assert "Exported 8 frames" in capsys.readouterr().out
