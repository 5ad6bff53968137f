# SPDX-License-Identifier: Apache-2.0
"""The scripts of ``docs/weekly.md``, command by command, as a shell would run them."""

import json
import re
import shlex
import shutil
import socket
import time
from pathlib import Path
from types import SimpleNamespace

import fiftyone as fo
import fiftyone_track_audit as fta
import pytest
from cvat_files import through_cvat
from fiftyone_track_audit.importers.formats import read_labels
from fiftyone_track_audit.importers.groundtruth import read_manifest
from fiftyone_track_audit.importers.groundtruth_exporter import GroundTruthExporter
from fiftyone_track_audit.plugin.audit import Thresholds
from fiftyone_track_audit.plugin.cli import jobs, main
from fiftyone_track_audit.plugin.cli.commands import app
from fiftyone_track_audit.plugin.review.audit_records import list_audits
from labeling_jobs import BUCKET
from small_datasets import HEIGHT, enlarge, walkers

PAGE = Path(__file__).parents[2] / "docs" / "weekly.md"
NAME = "week-48"

pytestmark = pytest.mark.usefixtures("database")


def blocks(kind):
    return re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture
def run(capsys):
    """Runs the commands of a script, which stops at the first one that fails.

    All of them print one JSON document of the same shape.
    """

    def run(script):
        for line in script.splitlines():
            words = shlex.split(line)
            if words[0] == "track-audit":
                assert main([*words[1:], "--json"]) == 0, line
                told = json.loads(capsys.readouterr().out)
                assert isinstance(told["message"], str), line
                assert isinstance(told["notes"], list), line

    return run


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to run scripts in, with the page's settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fo.config, "default_dataset_dir", str(tmp_path / "fiftyone"))
    (settings,) = blocks("toml")
    (tmp_path / "track-audit.toml").write_text(settings)
    yield tmp_path
    if fo.dataset_exists(NAME):
        fo.delete_dataset(NAME)


def write_manifest(folder, tracks):
    """A job's output whose labels are those of a sequence, in whole pixels."""
    (name,) = tracks.sequences
    source = fta.create_dataset(tracks, "source", video_dir=folder.parent / "v")
    try:
        source.export(str(folder), dataset_type=fta.GroundTruthDataset)
    finally:
        source.delete()
    path = folder / "output.manifest"
    labels = folder / name / "SeqLabel.json"
    content = json.loads(labels.read_text())
    for entry in content["tracking-annotations"]:
        for box in entry["annotations"]:
            for side in ("left", "top", "width", "height"):
                box[side] = round(box[side])
    labels.write_text(json.dumps(content))
    path.write_text(path.read_text().replace("tracks-audit-ref", "vehicle-ref"))
    return path


def test_with_ground_truth(place, run, aws, monkeypatch):
    manifest = write_manifest(place / "labels", walkers("a", place / "a"))
    waited = []

    def work(seconds):
        waited.append(seconds)
        aws.complete("week-48-fix", enlarge)

    clock = SimpleNamespace(sleep=work, monotonic=time.monotonic)
    monkeypatch.setattr(jobs, "time", clock)
    run(blocks("shell")[0])
    assert waited == [60]
    dataset = fo.load_dataset(NAME)
    short = dataset.first().frames[10].ground_truth.detections[0]
    assert short.bounding_box[3] * HEIGHT == pytest.approx(36)
    (line,) = (place / "audited/output.manifest").read_text().splitlines()
    assert set(json.loads(line)) == {
        "source-ref",
        "vehicle-ref",
        "vehicle-ref-metadata",
        "tracks-audit-ref",
        "tracks-audit-ref-metadata",
    }
    before = read_manifest(manifest).table
    path = place / "audited/output.manifest"
    after = read_manifest(path, label_attribute="tracks-audit-ref").table
    assert len(after) == len(before)
    columns = ["frame", "track", "left", "top", "width", "height"]
    same = (after[columns] == before[columns]).all(axis=1)
    assert after.loc[~same, ["frame", "track"]].to_numpy().tolist() == [[10, 1]]
    old = read_manifest(path, label_attribute="vehicle-ref").table
    assert (old[columns] == before[columns]).all(axis=None)


def test_with_ground_truth_on_real_labels(place, run, aws, monkeypatch, real_data):
    labels = real_data / "groundtruth/MOT20-01-SeqLabel.json"
    frames = real_data / "MOT20/train/MOT20-01"
    tracks = read_labels(str(labels), frames=str(frames))
    manifest = write_manifest(place / "labels", tracks)
    before, edited, heights = read_manifest(manifest).table, [], []

    def correct(content):
        entry = content["tracking-annotations"][0]
        box = entry["annotations"][0]
        box["height"] += 20
        edited.append((entry["frame"], int(box["object-name"].split(":")[1])))
        heights.append(box["height"])
        return content

    work = SimpleNamespace(
        sleep=lambda _: aws.complete("week-48-fix", correct), monotonic=time.monotonic
    )
    monkeypatch.setattr(jobs, "time", work)
    run(blocks("shell")[0])
    after = read_manifest(
        place / "audited/output.manifest", label_attribute="tracks-audit-ref"
    ).table
    assert len(after) == len(before) == 84
    columns = ["frame_name", "track", "left", "top", "width", "height"]
    moved = after[columns].astype(object).ne(before[columns].astype(object)).any(axis=1)
    assert [*after.loc[moved, columns[:2]].itertuples(index=False, name=None)] == edited
    # The frames are half the size of those that were labeled
    assert after.loc[moved, "height"].tolist() == [2 * height for height in heights]


def write_walk(place, folder):
    """Writes two walkers as a MOT sequence."""
    tracks = walkers("a", place / "frames")
    made = fta.create_dataset(tracks, "source", video_dir=place / "videos")
    try:
        made.export(str(folder), dataset_type=fta.MOTChallengeDataset)
    finally:
        made.delete()


def test_with_cvat(place, run):
    write_walk(place, place / "station")
    out, back = blocks("shell")[1:]
    run(out)

    def correct(rows):
        rows.loc[rows["height"] < 30, "height"] = 36
        return rows

    (place / "from-cvat").mkdir()
    through_cvat(place / "to-cvat/a", place / "from-cvat/a.zip", edit=correct)
    run(back)
    dataset = fo.load_dataset(NAME)
    boxes = dataset.values("frames[].ground_truth.detections[].bounding_box")
    # The upper edge, which nobody moved, stays between two pixels
    assert min(box[3] * HEIGHT for box in boxes) == pytest.approx(36 - 0.25)


# The exporter


def test_ground_truth_labels_are_exported_as_they_were_read(place):
    """Attributes of boxes and frames, objects and gaps between frames stay."""
    manifest = write_manifest(place / "labels", walkers("a", place / "a"))
    labels = place / "labels/a/SeqLabel.json"
    content = json.loads(labels.read_text())
    entries = content["tracking-annotations"]
    entries[4]["frame-attributes"] = {"weather": "fog"}
    entries[5]["annotations"][0]["label-category-attributes"] = {"speed": 3}
    labels.write_text(json.dumps(content))
    assert main(["import", NAME, str(manifest)]) == 0
    dataset = fo.load_dataset(NAME)
    assert dataset.classes["frames.ground_truth"] == ["walker"]
    dataset.export(str(place / "again"), dataset_type=fta.GroundTruthDataset)
    again = json.loads((place / "again/a/SeqLabel.json").read_text())
    for old, new in zip(entries, again["tracking-annotations"], strict=True):
        assert new["frame"] == old["frame"]
        assert new["frame-attributes"] == old.get("frame-attributes", {})
        assert sorted(new["annotations"], key=by_name) == sorted(
            old["annotations"], key=by_name
        )


def by_name(box):
    return box["object-name"]


def test_wrong_exports_write_nothing(place):
    manifest = write_manifest(place / "labels", walkers("a", place / "a"))
    assert main(["import", NAME, str(manifest)]) == 0
    with pytest.raises(ValueError, match="vehicle-ref is there already"):
        fo.load_dataset(NAME).export(
            str(place / "again"),
            dataset_type=fta.GroundTruthDataset,
            manifest=manifest,
            label_attribute="vehicle-ref",
        )
    with pytest.raises(ValueError, match="expected a name in -ref"):
        GroundTruthExporter(place / "again", label_attribute="vehicle")
    assert not (place / "again").exists()


# Settings


@pytest.fixture
def labels(place):
    """A SeqLabel.json whose frames are numbered 0, 3, 6 and so on."""
    write_manifest(place / "labels", walkers("a", place / "a"))
    path = place / "labels/a/SeqLabel.json"
    content = json.loads(path.read_text())
    for position, entry in enumerate(content["tracking-annotations"]):
        entry["frame-no"] = str(3 * position)
    path.write_text(json.dumps(content))
    return path


def test_frames_have_the_numbers_of_their_file(labels, capsys):
    assert main(["score", str(labels), "--issues", "-"]) == 0
    out, _ = capsys.readouterr()
    header, *rows = out.splitlines()
    column = header.split(",").index("first_frame")
    assert "28" in {row.split(",")[column] for row in rows}
    assert main(["score", str(labels), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"summary", "issues", "notes", "message"}
    assert 28 in {issue["first_frame"] for issue in found["issues"]}


def flagged(labels, capsys, *options):
    assert main(["score", str(labels), "--output", "-", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    column = lines[0].split(",").index("size_outlier")
    return sum(line.split(",")[column] == "true" for line in lines[1:])


def test_settings_come_from_options_variables_and_files(labels, capsys, monkeypatch):
    usual = flagged(labels, capsys)
    other = Path("other.toml")
    other.write_text("[all]\nsize-thresh = 0.9\n[score]\niou-thresh = 0.1\n")
    assert flagged(labels, capsys, "--config", str(other)) < usual
    monkeypatch.setenv("TRACK_AUDIT_SIZE_THRESH", "0.25")
    assert flagged(labels, capsys, f"--config={other}") == usual
    monkeypatch.setenv("TRACK_AUDIT_SCORE_SIZE_THRESH", "0.9")
    assert flagged(labels, capsys) < usual
    assert flagged(labels, capsys, "--size-thresh", "0.25") == usual


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[score]\nsize-thres = 1\n", "size-thres"),
        ("[score]\nsize-thresh = 'much'\n", "much"),
        ("[score\n", "not valid TOML"),
        (None, "Expected a file of settings for --config, not 'no.toml'"),
    ],
)
def test_wrong_settings(labels, capsys, content, message):
    path = Path("no.toml")
    if content is not None:
        path = Path("wrong.toml")
        path.write_text(content)
    assert main(["score", str(labels), "--config", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert len(err.splitlines()) == 1


def test_an_audit_has_the_settings_of_the_one_before(
    walkers_dataset, capsys, monkeypatch
):
    def audit(*options):
        assert main(["audit", NAME, *options]) == 0
        (last,) = list_audits(fo.load_dataset(NAME), "ground_truth")
        notes = [
            line for line in capsys.readouterr().err.splitlines() if "last" in line
        ]
        return last.settings.thresholds, notes

    assert audit() == (Thresholds(), [])
    assert audit("--size-thresh", "0.4") == (Thresholds(size=0.4), [])
    (said,) = audit()[1]
    assert said.startswith("track-audit: note: using the last settings of this dataset")
    assert said.endswith(": --size-thresh 0.4 (--no-last-settings ignores them)")
    # Files and variables count before
    Path("track-audit.toml").write_text("[audit]\nsize-thresh = 0.3\n")
    assert audit() == (Thresholds(size=0.3), [])
    monkeypatch.setenv("TRACK_AUDIT_SIZE_THRESH", "0.5")
    monkeypatch.setenv("TRACK_AUDIT_AUDIT_IOU_THRESH", "0.4")
    assert audit() == (Thresholds(0.5, 0.4), [])
    monkeypatch.delenv("TRACK_AUDIT_SIZE_THRESH")
    monkeypatch.delenv("TRACK_AUDIT_AUDIT_IOU_THRESH")
    assert audit("--no-last-settings") == (Thresholds(size=0.3), [])
    Path("track-audit.toml").unlink()
    assert audit("--no-last-settings") == (Thresholds(), [])


def test_results_in_s3_are_encrypted_with_the_key(labels, aws, capsys):
    """A bucket may only take what KMS encrypts."""
    aws.faults.only_kms = True
    uri = f"s3://{BUCKET}/results/issues.csv"
    assert main(["score", str(labels), "--issues", uri]) == 2
    assert "AccessDenied" in capsys.readouterr().err
    Path("track-audit.toml").write_text('[all]\nkms-key-id = "team-key"\n')
    check = ["run-quality-check", "--lab-path", str(labels), "--save-path"]
    for key, command in {
        "results/issues.csv": ["score", str(labels), "--issues"],
        "plan.csv": ["plan-review", str(labels), "--budget", "9", "--output"],
        "page.html": ["report", str(labels), "--output"],
        "differences.csv": ["compare", str(labels), str(labels), "--output"],
        "rules.toml": ["rules", str(labels), "--output"],
        "quality.json": check,
    }.items():
        assert main([*command, f"s3://{BUCKET}/{key}"]) == 0
        found = aws.client("s3").head_object(Bucket=BUCKET, Key=key)
        assert found["SSEKMSKeyId"].endswith("team-key")


def test_access_points_are_read_and_written(labels, aws, monkeypatch, capsys):
    """The server finds the bucket by the host, as S3 finds the access point."""
    find = socket.getaddrinfo

    def here(host, *more, **options):
        known = "127.0.0.1" if str(host).endswith(".localhost") else host
        return find(known, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    url = aws.url.replace("127.0.0.1", "localhost")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
    bucket, client = "team-123456789012", aws.client("s3")
    place = {"LocationConstraint": "eu-west-1"}
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    body = labels.read_bytes()
    client.put_object(Bucket=bucket, Key="job/SeqLabel.json", Body=body)
    point = "s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/team"
    words = [f"{point}/job/SeqLabel.json", "--issues", f"{point}/job/issues.csv"]
    assert main(["score", *words]) == 0
    saved = client.get_object(Bucket=bucket, Key="job/issues.csv")["Body"].read()
    assert saved.startswith(b"sequence,")


# Commands on datasets


@pytest.fixture
def walkers_dataset(one_walk, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    copy = one_walk.clone(NAME)
    yield copy
    copy.delete()


def test_a_list_of_what_was_not_audited_is_refused(place, capsys):
    fta.create_dataset(walkers("a", place / "frames"), NAME, video_dir=place / "videos")
    for words in (["list", NAME], ["decide", NAME, "confirmed", "--kinds", "gap"]):
        assert main(words) == 2
        assert "were not audited; audit them first" in capsys.readouterr().err


def test_issues_are_listed_and_decided(walkers_dataset, capsys):
    def listed(*options):
        capsys.readouterr()
        assert main(["list", NAME, "--json", *options]) == 0
        return json.loads(capsys.readouterr().out)["issues"]

    issues = listed()
    scores = [issue["score"] for issue in issues]
    assert len(issues) >= 2
    assert scores == sorted(scores, reverse=True)
    assert {issue["sequence"] for issue in issues} == {"a"}
    first = issues[0]
    assert main(["decide", NAME, "confirmed", "--ids", first["id"]]) == 0
    assert capsys.readouterr().out == "1 issue: confirmed\n"
    assert [issue["id"] for issue in listed("--decision", "confirmed")] == [first["id"]]
    assert main(["decide", NAME, "dismissed", "--kinds", issues[1]["kind"]]) == 0
    assert issues[1]["id"] not in {each["id"] for each in listed("--decision", "open")}
    assert main(["decide", NAME, "open", "--min-score", "0.0001"]) == 0
    assert len(listed("--decision", "open", "--limit", "1")) == 1
    capsys.readouterr()
    assert main(["list", NAME, "--sequences", "a", "--min-score", "0.99999"]) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "--kinds", "typo"], "no kind typo; expected"),
        (["list", "--sequences", "z"], "no sequence z in the dataset"),
        (["list", "--limit", "-1"], "--limit is -1; expected 0 or more"),
        (["list", "--min-score", "nan"], "--min-score is nan; expected 0 to 1"),
        (["decide", "confirmed"], "--ids, --kinds, --sequences, --min-score: expected"),
        (["decide", "confirmed", "--ids", "zz"], "no issue with the ID zz"),
        (["plan"], "expected either a budget of frames or minutes"),
        (["import", "no-such-file"], "already a dataset"),
    ],
)
def test_wrong_requests_are_one_line(walkers_dataset, capsys, arguments, message):
    command, *rest = arguments
    assert main([command, NAME, *rest]) == 2
    out, err = capsys.readouterr()
    assert (out, message in err) == ("", True)
    assert len(err.splitlines()) == 1


def test_a_dataset_is_audited_and_planned(walkers_dataset, capsys):
    assert main(["audit", NAME, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["sequences"] == 1
    assert {"message", "notes", "issues"} <= set(summary)
    assert main(["views", NAME, "--json"]) == 0
    assert "outliers" in json.loads(capsys.readouterr().out)["views"]
    assert main(["plan", NAME, "--budget", "6", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert planned["view"] == "review plan"
    assert planned["frames"] <= 6


def test_names_of_jobs_have_one_spelling(walkers_dataset, tmp_path, capsys):
    export = ["export-mot", NAME, "--view-name", "outliers"]
    main(["views", NAME])
    for spelling in ("--name", "--job-name"):
        folder = tmp_path / f"out{spelling}"
        words = [*export, "--folder", str(folder), spelling, f"fix{len(spelling)}"]
        assert main(words) == 0
    assert main(["load", NAME, "--name", "fix6"]) == 0
    assert main(["load", NAME, "--job-name", "fix10", "--json"]) == 0


def test_a_view_that_is_not_saved_is_named(walkers_dataset, capsys):
    assert main(["audit", NAME, "--view-name", "confirmed"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no saved view 'confirmed'; it has none. 'track-audit views'" in line


def test_json_of_every_command_has_one_shape(labels, aws, capsys, monkeypatch):
    """It has a message and notes, and without a terminal there is no progress bar."""
    monkeypatch.setattr(fo.config, "show_progress_bars", True)
    path, manifest, ran = str(labels), "labels/output.manifest", set()
    for command in (
        ["score", path],
        ["report", path, "--output", "page.html"],
        ["plan-review", path, "--budget", "9", "--output", "plan.csv"],
        ["rules", path],
        ["compare", path, path],
        ["run-quality-check", "--lab-path", path, "--save-path", "quality.json"],
        ["fix", path, "--output", "fixed"],
        ["import", NAME, manifest],
        ["audit", NAME],
        ["views", NAME],
        ["list", NAME],
        ["plan", NAME, "--budget", "6"],
        ["decide", NAME, "confirmed", "--min-score", "0.01"],
        ["export", NAME, "--name", "fix"],
        ["launch", NAME, "--name", "fix"],
        ["status", NAME],
        ["stop", NAME, "--name", "fix"],
        ["export-mot", NAME, "--folder", "mot"],
        ["export-cvat", NAME, "--folder", "cvat"],
        ["export-groundtruth", NAME, "--folder", "audited"],
        ["load", NAME, "--name", "mot"],
        ["apply", NAME, "--name", "mot"],
        ["undo", NAME, "--name", "mot"],
        ["quality", NAME],
        ["interrupt", NAME],
        ["cache"],
    ):
        if command[0] == "load":
            rows = Path("mot/a/gt/gt.txt")
            rows.write_text("\n".join(rows.read_text().splitlines()[:-1]))
        assert main([*command, "--json"]) == 0, capsys.readouterr().err
        out, err = capsys.readouterr()
        told = json.loads(out)
        assert isinstance(told["message"], str), command
        assert all(isinstance(note, str) for note in told["notes"]), command
        assert ("\r" in err, "%|" in err) == (False, False), command
        ran.add(command[0])
    assert not fo.config.show_progress_bars
    with_json = {
        name
        for name in app
        if name[0] != "-"
        and any(
            one.name == "--json" for one in app[name].assemble_argument_collection()
        )
    }
    assert ran == with_json


def test_json_and_a_file_share_no_standard_output(labels, capsys):
    path, message = str(labels), "not '-', as --json prints there"
    check = ["run-quality-check", "--lab-path", path, "--save-path", "-"]
    for command in (
        ["score", path, "--issues", "-"],
        ["report", path, "--output", "-"],
        ["plan-review", path, "--budget", "9", "--output", "-"],
        ["rules", path, "--output", "-"],
        ["compare", path, path, "--output", "-"],
        ["quality", NAME, "--output", "-"],
        check,
    ):
        assert main([*command, "--json"]) == 2
        out, err = capsys.readouterr()
        assert (out, message in err, len(err.splitlines())) == ("", True, 1)
    assert main(["score", path, "--issues", "-", "--output", "-"]) == 2
    assert "named twice" in capsys.readouterr().err
    assert main(check) == 0
    assert "problem_frames" in json.loads(capsys.readouterr().out)


# Jobs that are not finished


def test_a_job_that_is_not_finished_has_an_exit_code(
    place, run, aws, capsys, monkeypatch
):
    run("\n".join(blocks("shell")[0].splitlines()[:1]))
    manifest = write_manifest(place / "labels", walkers("a", place / "a"))
    assert main(["import", NAME, str(manifest)]) == 0
    assert main(["export", NAME, "--name", "fix"]) == 0
    assert main(["load", NAME, "--name", "fix"]) == 3
    assert "wait for the workers to finish" in capsys.readouterr().err
    assert main(["export-mot", NAME, "--folder", "mot"]) == 0
    wait = ["status", NAME, "--wait", "--every", "0", "--timeout", "0"]
    assert main(wait) == 3
    assert main(["status", NAME]) == 0
    capsys.readouterr()
    again = main(["export", NAME, "--name", "again", "--check", "--json"])
    found = json.loads(capsys.readouterr().out)["findings"]
    assert again == 0
    assert any(
        "are also in 'fix', which is under way" in each["what"] for each in found
    )
    aws.complete("fix")
    assert main(wait) == 0


def test_a_job_that_was_never_started_is_not_waited_for(place, aws, capsys):
    manifest = write_manifest(place / "labels", walkers("a", place / "a"))
    assert main(["import", NAME, str(manifest)]) == 0
    wait = ["status", NAME, "--wait"]
    assert main(wait) == 2
    assert "there is no job, so" in capsys.readouterr().err
    (place / "track-audit.toml").unlink()
    assert main(["export", NAME, "--name", "fix", "--folder", "package"]) == 0
    for words in (wait, [*wait, "--name", "fix"]):
        capsys.readouterr()
        assert main(words) == 2
        out, err = capsys.readouterr()
        assert (out, "job fix was never started" in err) == ("", True)
    assert main(["status", NAME]) == 0


def test_a_detection_job_gets_no_all_clear(place, capsys, caplog):
    write_manifest(place / "labels", walkers("a", place / "a"))
    path = place / "labels/a/SeqLabel.json"
    content = json.loads(path.read_text())
    entries = content.pop("tracking-annotations")
    for entry in entries:
        for box in entry["annotations"]:
            for key in ("object-id", "object-name"):
                box.pop(key)
    path.write_text(json.dumps({"detection-annotations": entries}))
    assert main(["score", str(path)]) == 4
    assert "no box belongs to a track" in capsys.readouterr().err
    assert main(["import", NAME, str(path), "--frames", str(place / "a")]) == 0
    err = capsys.readouterr().err
    assert (err.count("no box has an identity"), err.count(": note: ")) == (1, 1)
    assert not [each for each in caplog.messages if "no box has an identity" in each]
    assert main(["audit", NAME]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert "'track-audit import --link'" in line
    # The frames are those that the manifest names
    fo.delete_dataset(NAME)
    manifest = place / "labels/output.manifest"
    assert main(["import", NAME, str(manifest), "--link"]) == 0
    assert "a: boxes without track IDs were linked" in capsys.readouterr().err
    assert main(["audit", NAME]) == 0


def test_a_sequence_without_tracks_is_named(place, capsys):
    write_walk(place, place / "mot")
    shutil.copytree(place / "mot/a", place / "mot/b")
    info = place / "mot/b/seqinfo.ini"
    info.write_text(info.read_text().replace("name=a", "name=b"))
    rows = place / "mot/b/gt/gt.txt"
    lines = [line.split(",") for line in rows.read_text().splitlines()]
    text = "\n".join(",".join([frame, "-1", *rest]) for frame, _, *rest in lines)
    rows.write_text(f"{text}\n")
    assert len(read_labels(place / "mot").table) == 120
    assert main(["score", str(place / "mot")]) == 4
    assert "b: no box belongs to a track, so nothing was judged" in (
        capsys.readouterr().err
    )


def test_boxes_without_track_ids_are_linked_on_request(tmp_path, capsys):
    steps = range(1, 31)
    rows = [
        f"{n},-1,{9 * place + n},{90 * place},40,80,1"
        for n in steps
        for place in (0, 3)
    ]
    path = tmp_path / "walk.txt"
    path.write_text("\n".join(rows))
    assert main(["score", str(path)]) == 4
    assert "add --link" in capsys.readouterr().err
    assert main(["score", str(path), "--link", "--json"]) == 0
    out, err = capsys.readouterr()
    (found,) = json.loads(out)["summary"]
    assert (found["tracks"], found["detections"]) == (2, 60)
    assert "linked by overlap (tracks: 2)" in err
