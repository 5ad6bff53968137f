# SPDX-License-Identifier: Apache-2.0
"""Corrected labels back from a labeling job, into a second label field."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import fiftyone as fo
import pandas as pd
import pytest
from fiftyone import ViewField as F
from fiftyone_track_audit.importers import store
from fiftyone_track_audit.importers.dataset import create_dataset
from fiftyone_track_audit.importers.store import runs
from fiftyone_track_audit.importers.tracks import InputError, Tracks
from fiftyone_track_audit.plugin.corrections import reviews
from fiftyone_track_audit.plugin.corrections.applying import (
    Applied,
    apply_adjustment,
    undo_adjustment,
)
from fiftyone_track_audit.plugin.corrections.loading import (
    load_adjustment,
    store_corrections,
)
from fiftyone_track_audit.plugin.corrections.reviews import (
    Review,
    recorded_reviews,
    reviewed_precision,
)
from fiftyone_track_audit.plugin.groundtruth.aws import GroundTruthError
from fiftyone_track_audit.plugin.groundtruth.request import AdjustmentJob
from fiftyone_track_audit.plugin.review.audits import audit_dataset
from fiftyone_track_audit.plugin.sending.groundtruth import export_adjustment
from fiftyone_track_audit.plugin.sending.groundtruth_plan import plan_adjustment
from killed import do_at_once, is_killed, kill_at_each_write
from labeling_jobs import BUCKET, READY
from small_datasets import (
    SHIFTED,
    SHORT,
    copy_of,
    corrections,
    outliers,
    table,
    walkers,
)

#: Loading has more writes to the database than that.
KILLS = 8

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def dataset(two_walks):
    with copy_of(two_walks) as copy:
        yield copy


def send(dataset, folder, name="fix", view=None, context=2, **settings):
    prefix = f"{folder.parent.name}/{name}"
    job = AdjustmentJob(name, **(READY | {"prefix": prefix} | settings))
    plan = plan_adjustment(view or outliers(dataset), job, context=context)
    export_adjustment(dataset, plan, folder)
    return plan


def entries(labels):
    """The boxes of a SeqLabel.json by frame name and object's number."""
    return {
        (entry["frame"], int(box["object-name"].rpartition(":")[2])): (entry, box)
        for entry in labels["tracking-annotations"]
        for box in entry["annotations"]
    }


def correct(labels):
    """Corrects what is wrong in "a", and does a few things more."""
    found = entries(labels)
    first = next(iter(found.values()))[1]
    if first["object-name"].startswith("rider"):
        return labels
    found[f"{SHORT:06d}.png", 1][1]["height"] = 36
    found[f"{SHIFTED:06d}.png", 2][1]["left"] -= 16
    found[f"{SHORT + 1:06d}.png", 1][1]["left"] += 1
    entry, box = found[f"{SHORT:06d}.png", 2]
    entry["annotations"].remove(box)
    new = dict(box, left=1, top=1, width=9, height=9)
    new |= {"object-id": "new", "object-name": "walker:3"}
    for number in (SHORT, SHORT + 1):
        found[f"{number:06d}.png", 1][0]["annotations"].append(dict(new))
    found[f"{SHIFTED + 1:06d}.png", 1][1]["label-category-attributes"] = {
        "color": "blue"
    }
    return labels


def test_corrections_go_into_a_second_field(dataset, aws, tmp_path):
    before = table(dataset, "ground_truth", "id")
    send(dataset, tmp_path / "job")
    aws.complete("fix", correct)
    review = load_adjustment(dataset, "fix")

    sent = {"a": [8, 9, 10, 11, 12, 18, 19, 20, 21, 22]}
    assert review.frames["a"] == sent["a"]
    assert review.changes == {
        "moved": 1,
        "resized": 1,
        "added": 2,
        "deleted": 1,
        "attributes": 1,
        "nudged": 1,
    }
    assert (review.corrected, review.missed) == (5, 1)
    after = table(dataset, "ground_truth", "id", "changes", "change_iou")
    pd.testing.assert_frame_equal(after[before.columns], before)
    adjusted = table(
        dataset, "ground_truth_adjusted", "changes", "change_iou", "original_id"
    )
    frames = adjusted.loc["a"].index.get_level_values("frame").unique()
    assert sorted(frames) == sent["a"]
    # Corrected: as the reviewer drew it; untouched: as exact as it was
    # The upper edge, which nobody moved, stays between two pixels
    assert adjusted.loc[("a", SHORT, 1), "height"] == pytest.approx(36 - 0.25)
    assert adjusted.loc[("a", SHORT, 1), "changes"] == ["resized"]
    assert adjusted.loc[("a", SHORT, 1), "change_iou"] == pytest.approx(22 / 36)
    assert adjusted.loc[("a", SHIFTED, 2), "changes"] == ["moved"]
    assert adjusted.loc[("a", SHIFTED, 1), "left"] == pytest.approx(50.3)
    assert adjusted.loc[("a", SHIFTED, 1), "changes"] == []
    # New objects are one new track; deleted ones are noted where they were
    assert adjusted.loc[("a", SHORT, 3), "changes"] == ["added"]
    assert pd.isna(adjusted.loc[("a", SHORT + 1, 3), "original_id"])
    assert ("a", SHORT, 2) not in adjusted.index
    assert after.loc[("a", SHORT, 2), "changes"] == ["deleted"]
    assert after.loc[("a", SHORT, 1), "changes"] == ["resized"]
    assert pd.isna(after.loc[("a", 25, 1), "changes"])
    kept = adjusted[adjusted["original_id"].notna()]
    ids = before["id"].astype(str)[kept.index]
    assert kept["original_id"].tolist() == ids.tolist()
    colors = dataset.values("frames.ground_truth_adjusted.detections.color")
    assert str(colors).count("blue") == 1


def test_the_view_shows_before_and_after(dataset, aws, tmp_path):
    send(dataset, tmp_path / "job")
    aws.complete("fix", correct)
    load_adjustment(dataset, "fix")
    view = dataset.load_saved_view("changed by reviewers")
    shown = {
        field: view.count(f"frames.{field}.detections")
        for field in ("ground_truth", "ground_truth_adjusted")
    }
    assert shown == {"ground_truth": 4, "ground_truth_adjusted": 5}
    assert view.count("frames") == 4


def test_issues_are_judged(dataset, aws, tmp_path):
    send(dataset, tmp_path / "job")
    aws.complete("fix", correct)
    review = load_adjustment(dataset, "fix")
    issues = dataset.values("issues.detections", unwind=True)
    verdicts = {
        (issue.label, issue.first_frame, issue.corrected)
        for issue in issues
        if issue.track == 1 and issue.first_frame == SHORT
    }
    assert ("size_change", SHORT, True) in verdicts
    by_kind = {(row.of, row.kind): row for row in review.precision}
    row = by_kind["box", "size change"]
    assert (row.found, row.corrected, row.precision) == (2, 1, 0.5)
    assert recorded_reviews(dataset) == {"fix": review}


def test_precision_adds_up_over_reviews_and_survives_another_audit(
    dataset, aws, tmp_path
):
    assert reviewed_precision(dataset).empty
    for name in ("first", "second"):
        send(dataset, tmp_path / name, name)
        aws.complete(name, correct)
        load_adjustment(dataset, name)
    audit_dataset(dataset)
    found = reviewed_precision(dataset, "ground_truth").set_index(["of", "kind"])
    assert found.loc[("box", "size change")].tolist() == [4, 2, 0.5]
    assert found["precision"].between(0, 1).all()
    assert reviewed_precision(dataset, "ground_truth_adjusted").empty


def test_boxes_of_scaled_images_keep_their_own_pixels(dataset, aws, tmp_path):
    """The images of "b" were scaled down to half the size of its labels."""
    before = table(dataset, "ground_truth")
    send(dataset, tmp_path / "job", context=0)

    def shift(labels):
        for (frame, track), (_, box) in entries(labels).items():
            if (frame, track) == (f"{SHORT:06d}.png", 1):
                box["left"] += 9
        return labels

    aws.complete("fix", shift)
    load_adjustment(dataset, "fix")
    adjusted = table(dataset, "ground_truth_adjusted", "changes").loc["b"]
    assert adjusted.loc[(SHORT, 1), "left"] == pytest.approx(2 * (15 + 9))
    assert adjusted.loc[(SHORT, 1), "changes"] == ["moved"]
    rest = adjusted.drop((SHORT, 1))
    columns = ["left", "top", "width", "height"]
    pd.testing.assert_frame_equal(
        rest[columns], before.loc["b"].loc[rest.index][columns]
    )
    assert set(adjusted["label"]) == {"rider"}


def test_each_line_has_a_class_map_of_its_own(dataset, finished):
    """The same class id is a walker in one line and a rider in the other."""

    def renumber(lines):
        for number, (line, label) in enumerate(
            zip(lines, ("walker", "rider"), strict=True)
        ):
            line[METADATA]["class-map"] = {"5": label, "6": f"tall {label}"}
            path = finished / LABELS.replace("/0/", f"/{number}/")
            path.write_text(
                re.sub(r'"class-id": "\d"', '"class-id": "5"', path.read_text())
            )
        text = path.read_text()
        path.write_text(text.replace('"class-id": "5"', '"class-id": "6"', 1))

    edit_manifest(renumber)(finished)
    review = load_adjustment(dataset, "fix", finished)
    assert review.changes == {"resized": 1, "label": 1}
    adjusted = table(dataset, "ground_truth_adjusted")
    assert adjusted.loc["a", "label"].tolist() == ["walker"] * 4
    assert adjusted.loc["b", "label"].value_counts().to_dict() == {
        "rider": 3,
        "tall rider": 1,
    }


# What annotators said: about whole frames, and in other types than Ground Truth has


@pytest.fixture
def weather(database, tmp_path):
    """A dataset whose frames have attributes, and whose boxes true or false ones."""
    tracks = walkers("a", tmp_path / "a")
    frames = pd.RangeIndex(1, 31, name="frame")
    said = pd.DataFrame({"weather": "dry", "wet.": False}, frames, dtype=object)
    sequence = replace(tracks.sequences["a"], frame_attributes=said)
    tracks = Tracks(tracks.table.assign(hidden=False), {"a": sequence})
    dataset = create_dataset(tracks, "weather", video_dir=tmp_path / "videos")
    yield dataset
    dataset.delete()


def rain(labels):
    """Other weather in two frames, a new attribute in one, a box that is hidden."""
    first, second = labels["tracking-annotations"][:2]
    first["frame-attributes"] |= {"weather": "rain", "wet.": "True"}
    second["frame-attributes"] |= {"weather": "rain", "night": "no"}
    attributes = first["annotations"][0]["label-category-attributes"]
    assert attributes["hidden"] == "False"
    attributes["hidden"] = "True"
    first["annotations"][1]["left"] += 16
    return labels


def said(dataset, *names):
    values = dataset.values([f"frames.{name}" for name in names])
    return {name: column[0][8:11] for name, column in zip(names, values, strict=True)}


def test_attributes_of_frames_come_back(weather, aws, tmp_path):
    dataset = weather
    view = dataset.match_frames(F("frame_number").is_in([9, 10]))
    send(dataset, tmp_path / "job", view=view, context=0)
    aws.complete("fix", rain)
    own, before = ("weather", "wet_"), said(dataset, "weather", "wet_")
    labels = table(dataset, "ground_truth", "hidden")
    review = load_adjustment(dataset, "fix")
    assert review.frame_attributes == 2
    assert review.changes == {"moved": 1, "attributes": 1}
    assert said(dataset, *own) == before
    adjusted = [f"ground_truth_adjusted_{name}" for name in (*own, "night")]
    assert list(said(dataset, *adjusted).values()) == [
        ["rain", "rain", None],
        [True, None, None],
        [None, "no", None],
    ]
    assert apply_adjustment(dataset, "fix", ["moved"]).frame_attributes == 0
    assert said(dataset, *own) == before
    shown = dataset.match_frames(F("frame_number") == 9)
    assert apply_adjustment(dataset, "fix", view=shown) == Applied(1, 0, 0, 1, 1)
    assert apply_adjustment(dataset, "fix") == Applied(0, 0, 0, 1, 1)
    assert said(dataset, *own, "night") == {
        "weather": ["rain", "rain", "dry"],
        "wet_": [True, False, False],
        "night": [None, "no", None],
    }
    hidden = table(dataset, "ground_truth", "hidden")["hidden"]
    assert hidden.loc["a"].loc[9].tolist() == [True, False]
    undone = undo_adjustment(dataset, "fix")
    assert (undone.changed, undone.frame_attributes) == (2, 2)
    assert said(dataset, *own, "night") == before | {"night": [None] * 3}
    pd.testing.assert_frame_equal(table(dataset, "ground_truth", "hidden"), labels)

    aws.complete("fix")
    assert load_adjustment(dataset, "fix").frame_attributes == 0
    assert list(said(dataset, *adjusted).values()) == [[None] * 3] * 3


def test_attributes_of_frames_that_cannot_be_loaded(weather, aws, tmp_path):
    dataset = weather
    view = dataset.match_frames(F("frame_number").is_in([9, 10]))
    send(dataset, tmp_path / "job", view=view, context=0)
    aws.complete("fix", rain)
    sample = dataset.first()
    sample.frames[9]["weather"] = "snow"
    sample.save()
    review = load_adjustment(dataset, "fix")
    assert review.notes[-1].startswith("1 of the labels in 'ground_truth' were changed")
    (weathers,) = said(dataset, "ground_truth_adjusted_weather").values()
    assert weathers == [None, "rain", None]
    dataset.add_frame_field("second_weather", fo.StringField)
    with pytest.raises(ValueError, match="'second_weather' is in the way"):
        load_adjustment(dataset, "fix", adjusted_field="second")
    assert not dataset.has_frame_field("second")


# What does not come back, or not as it should


def output_folder(aws, name, job, folder):
    """A local copy of a job's output."""
    client = aws.client("s3")
    root = job["OutputConfig"]["S3OutputPath"].removeprefix(f"s3://{BUCKET}/")
    prefix = f"{root}{name}/"
    found = client.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]
    for entry in found:
        path = folder / entry["Key"].removeprefix(prefix)
        path.parent.mkdir(parents=True, exist_ok=True)
        client.download_file(BUCKET, entry["Key"], str(path))
    return folder


@pytest.fixture
def finished(dataset, aws, tmp_path):
    """A job that is done, and the local copy of its output."""
    send(dataset, tmp_path / "job", context=0)
    aws.complete("fix", correct_short)
    return output_folder(aws, "fix", aws.find("fix"), tmp_path / "output")


def correct_short(labels):
    for (frame, track), (_, box) in entries(labels).items():
        if (frame, track, box["height"]) == (f"{SHORT:06d}.png", 1, 22):
            box["height"] = 36
    return labels


def miss_line(lines):
    lines[1].pop("tracks-audit-ref")
    lines[1][METADATA]["failure-reason"] = "too slow"


def lose_origin(lines):
    del lines[0]["track-audit"]


def rename_objects(frames):
    for frame in frames:
        for label in frame["annotations"]:
            label["object-id"] += "-of-others"


MANIFEST = "manifests/output/output.manifest"
LABELS = "annotations/consolidated-annotation/output/0/SeqLabel.json"


def edit_manifest(change):
    def edit(folder):
        path = folder / MANIFEST
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        lines = change(lines) or lines
        path.write_text("\n".join(map(json.dumps, lines)))

    return edit


def edit_labels(change):
    def edit(folder):
        labels = json.loads((folder / LABELS).read_text())
        change(labels["tracking-annotations"])
        (folder / LABELS).write_text(json.dumps(labels))

    return edit


def cut_off(name):
    def edit(folder):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) * 3 // 4])

    return edit


METADATA = "tracks-audit-ref-metadata"

DAMAGES = {
    "manifest cut off": (cut_off(MANIFEST), "not JSON"),
    "labels cut off": (cut_off(LABELS), "not JSON"),
    "another job": (
        edit_manifest(lambda ls: ls[0][METADATA].update({"job-name": "x"})),
        "line 1: labels of job 'x'; expected those of 'fix'",
    ),
    "another sequence": (
        edit_manifest(lambda ls: ls[0]["track-audit"].update(sequence="c")),
        "line 1: sequence 'c'; expected a, b",
    ),
    "other frames": (
        edit_manifest(lambda ls: ls[1]["track-audit"].update(frames=[1])),
        "line 2: frames of b other than the 2 that were sent",
    ),
    "another dataset": (
        edit_manifest(lambda ls: ls[0]["track-audit"].update(sample="0" * 24)),
        "line 1: a of another dataset; expected one of this dataset",
    ),
    "other objects": (
        edit_labels(rename_objects),
        "line 1: none of the 2 objects of a that were sent",
    ),
    "no origin": (
        edit_manifest(lose_origin),
        "line 1: sequence None",
    ),
    "a line twice": (
        edit_manifest(lambda ls: ls + ls[:1]),
        "line 3: expected one line of a",
    ),
    "unknown class": (
        edit_labels(lambda es: es[0]["annotations"][0].update({"class-id": "7"})),
        "class-id '7'; expected one of",
    ),
    "text for a number": (
        edit_labels(lambda es: es[0]["annotations"][0].update(left="ten")),
        "'left' is 'ten'",
    ),
    "a box twice": (
        edit_labels(lambda es: es[0]["annotations"].append(es[0]["annotations"][0])),
        "a second box",
    ),
    "another frame": (
        edit_labels(lambda es: es[0].update(frame="0.png")),
        "frame '0.png'; expected a frame of",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_output_changes_nothing(dataset, finished, damage):
    edit, message = DAMAGES[damage]
    edit(finished)
    before = list(dataset._frame_collection.find())
    with pytest.raises(InputError) as caught:
        load_adjustment(dataset, "fix", finished)
    assert message in str(caught.value)
    assert str(finished) in str(caught.value)
    assert list(dataset._frame_collection.find()) == before
    assert not dataset.has_field("frames.ground_truth_adjusted")
    assert recorded_reviews(dataset) == {}
    assert dataset.list_saved_views() == []


@pytest.mark.parametrize("path", ["", MANIFEST])
def test_a_local_copy_needs_no_aws(dataset, finished, path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    review = load_adjustment(dataset, "fix", finished / path)
    assert review.changes == {"resized": 1}


def drop_labels(line):
    for key in ("tracks-audit-ref", METADATA):
        line.pop(key)


def miss_frame(folder):
    """A line that is not marked as finished may lack frames."""
    edit_labels(lambda es: es.pop())(folder)
    edit_manifest(lambda ls: ls[0][METADATA].pop("adjustment-status") and None)(folder)


@pytest.mark.parametrize(
    ("edit", "frames", "note"),
    [
        (
            edit_manifest(lambda ls: drop_labels(ls[1])),
            {"a": [SHORT, SHIFTED]},
            "no 'tracks-audit-ref' labels",
        ),
        (
            edit_manifest(lambda ls: ls[:1]),
            {"a": [SHORT, SHIFTED]},
            "b did not come back",
        ),
        (
            edit_manifest(miss_line),
            {"a": [SHORT, SHIFTED]},
            "failed (too slow)",
        ),
        (
            miss_frame,
            {"a": [SHORT], "b": [SHORT, SHIFTED]},
            "a: 1 of 2 frames did not come back",
        ),
    ],
)
def test_what_is_there_is_loaded(dataset, finished, edit, frames, note):
    edit(finished)
    review = load_adjustment(dataset, "fix", finished)
    assert review.frames == frames
    assert note in " ".join(review.notes)
    adjusted = table(dataset, "ground_truth_adjusted", "changes")
    assert set(adjusted.index.droplevel("track")) == {
        (sequence, frame) for sequence, numbers in frames.items() for frame in numbers
    }
    assert adjusted["changes"].map(len).sum() == 1
    assert "deleted" not in review.changes


def test_frames_that_a_completed_job_leaves_out_are_empty(dataset, aws, tmp_path):
    send(dataset, tmp_path / "job", context=0)

    def leave_out(labels):
        if "walker" in str(labels):
            labels["tracking-annotations"].pop()
        return labels

    aws.complete("fix", leave_out)
    review = load_adjustment(dataset, "fix")
    assert review.frames["a"] == [SHORT, SHIFTED]
    assert "a: 1 of 2 frames came back without labels" in review.notes
    assert review.changes == {"deleted": 2}
    left = table(dataset, "ground_truth_adjusted").loc["a"]
    assert set(left.index.get_level_values("frame")) == {SHORT}


def test_frames_that_a_finished_line_leaves_out_are_empty(dataset, finished):
    """A local copy does not say how its job stands, but each line does."""
    edit_labels(lambda es: es.pop())(finished)
    review = load_adjustment(dataset, "fix", finished)
    assert review.frames["a"] == [SHORT, SHIFTED]
    assert "a: 1 of 2 frames came back without labels" in review.notes
    assert review.changes["deleted"] == 2


@pytest.mark.parametrize("status", ["Stopped", "Failed", "InProgress"])
def test_unfinished_jobs_say_how_they_stand(dataset, aws, tmp_path, status):
    send(dataset, tmp_path / "job", context=0)
    aws.advance("fix", status, FailureReason="no workers")
    with pytest.raises(GroundTruthError, match=f"fix is {status}"):
        load_adjustment(dataset, "fix")
    aws.complete("fix", correct_short)
    aws.advance("fix", status)
    review = load_adjustment(dataset, "fix")
    assert review.changes == {"resized": 1}
    assert review.notes[0].startswith(f"fix is {status}")


def test_what_was_not_sent_cannot_be_loaded(dataset, tmp_path):
    with pytest.raises(ValueError, match="no adjustment 'fix' is recorded"):
        load_adjustment(dataset, "fix")
    send(dataset, tmp_path / "job", bucket=None)
    with pytest.raises(GroundTruthError, match="fix was not started"):
        load_adjustment(dataset, "fix")
    with pytest.raises(InputError, match=r"expected .*output\.manifest of fix"):
        load_adjustment(dataset, "fix", tmp_path)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("ground_truth", "holds labels that are not corrections"),
        ("predictions", "holds labels that are not corrections"),
        ("filepath", "every frame has a"),
        ("a.b", "cannot name a field"),
    ],
)
def test_fields_that_cannot_hold_corrections(dataset, finished, field, message):
    dataset.clone_frame_field("ground_truth", "predictions")
    with pytest.raises(ValueError, match=message):
        load_adjustment(dataset, "fix", finished, field)


def test_the_second_field_is_no_choice_of_tracks(dataset, aws, tmp_path):
    dataset.rename_frame_field("ground_truth", "people")
    view = dataset.match_frames(F("frame_number") == SHORT)
    send(dataset, tmp_path / "job", view=view, context=0)
    aws.complete("fix")
    assert load_adjustment(dataset, "fix").adjusted_field == "people_adjusted"
    assert store.label_fields(dataset) == ["people"]
    assert store.find_label_field(dataset) == "people"
    assert store.find_label_field(dataset, "people_adjusted") == "people_adjusted"
    again = send(dataset, tmp_path / "again", "again", view, context=0)
    assert again.label_field == "people"
    job = AdjustmentJob("third", bucket=None)
    corrected = plan_adjustment(view, job, "people_adjusted")
    assert corrected.label_field == "people_adjusted"


def test_loading_again_replaces(dataset, finished):
    load_adjustment(dataset, "fix", finished)
    first = table(dataset, "ground_truth_adjusted", "changes", "original_id")
    edit_labels(lambda es: es[0]["annotations"].pop())(finished)
    review = load_adjustment(dataset, "fix", finished)
    again = table(dataset, "ground_truth_adjusted", "changes", "original_id")
    assert len(again) == len(first) - 1
    assert review.changes["deleted"] == 1
    assert dataset.list_saved_views() == ["changed by reviewers"]


def test_a_failure_while_storing_leaves_all_as_it_was(dataset, finished, monkeypatch):
    load_adjustment(dataset, "fix", finished)
    before = list(dataset._frame_collection.find())
    edit_labels(lambda es: es[0]["annotations"].pop())(finished)

    def fail(*_):
        raise OSError("the disk is full")

    reviews = recorded_reviews(dataset)
    module = "fiftyone_track_audit.plugin.corrections.loading"
    monkeypatch.setattr(f"{module}.mark_issues", fail)
    with pytest.raises(OSError, match="the disk is full"):
        load_adjustment(dataset, "fix", finished)
    assert list(dataset._frame_collection.find()) == before
    assert recorded_reviews(dataset) == reviews


def test_labels_that_changed_here_meanwhile(dataset, finished):
    place = dataset.match(F("sequence") == "a").first()
    labels = place.frames[SHORT].ground_truth.detections
    changed = next(label for label in labels if label.index == 1)
    changed.bounding_box = [0.5, 0.5, 0.1, 0.1]
    place.save()
    review = load_adjustment(dataset, "fix", finished)
    assert (
        "1 of the labels in 'ground_truth' were changed in the dataset"
        in (review.notes[-1])
    )
    adjusted = table(dataset, "ground_truth_adjusted", "original_id", "changes")
    assert adjusted.loc[("a", SHORT, 1), "changes"] == ["resized"]
    assert pd.isna(adjusted.loc[("a", SHORT, 1), "original_id"])
    assert adjusted.loc[("a", SHORT, 2), "original_id"] is not None


def test_a_double_that_came_here_meanwhile(dataset, finished):
    sample = dataset.match(F("sequence") == "a").first()
    labels = sample.frames[SHORT].ground_truth
    labels.detections.insert(0, labels.detections[0].copy())
    sample.save()
    review = load_adjustment(dataset, "fix", finished)
    assert review.changes == {"resized": 1}
    adjusted = table(dataset, "ground_truth_adjusted", "changes")
    assert adjusted.loc[("a", SHORT, 1), "changes"] == ["resized"]


def test_two_jobs_at_once_number_their_new_objects_apart(dataset, aws, tmp_path):
    def add(labels):
        for entry in labels["tracking-annotations"]:
            box = dict(entry["annotations"][0], left=1, top=1, width=9, height=9)
            name = f"new in {entry['frame']}"
            entry["annotations"].append(box | {"object-id": name, "object-name": "n:1"})
        return labels

    frames = {"first": SHORT, "second": SHIFTED}
    only_a = F("sequence") == "a"
    for name, frame in frames.items():
        view = dataset.match(only_a).match_frames(F("frame_number") == frame)
        send(dataset, tmp_path / name, name, view, context=0)
    for name in frames:
        aws.complete(name, add)
    for name in frames:
        load_adjustment(dataset, name)
    adjusted = table(dataset, "ground_truth_adjusted")
    assert sorted(adjusted.index) == [
        ("a", frame, track)
        for frame, new in ((SHORT, 3), (SHIFTED, 4))
        for track in (1, 2, new)
    ]
    assert list(recorded_reviews(dataset)) == ["first", "second"]
    load_adjustment(dataset, "first")
    assert sorted(table(dataset, "ground_truth_adjusted").index) == sorted(
        adjusted.index
    )
    assert list(recorded_reviews(dataset)) == ["second", "first"]


@pytest.mark.parametrize(
    ("name", "given"), [("walker:2", "walker:3"), ("walker:9", "walker:9")]
)
def test_new_objects_take_nobodys_name(dataset, name, given):
    """Annotators see the names of the frames that they got alone."""

    def add(labels):
        new = labels.iloc[:1].assign(left=90.0, object_id="new", object_name=name)
        return pd.concat([labels[labels["track"] == 1], new], ignore_index=True)

    came = corrections(dataset, [SHORT], add)
    came = replace(came, sent=came.sent[came.sent["track"] == 1])
    store_corrections(dataset, "fix", "ground_truth", came)
    names = table(dataset, "ground_truth_adjusted", "object_name")["object_name"]
    assert names.loc[("a", SHORT)].to_dict() == {1: "walker:1", 3: given}


def test_reviews_are_listed_by_their_last_load(dataset):
    """Also beside a record of an older version, which has only the time of its run."""
    came = {
        name: corrections(dataset, [frame], shrink)
        for name, frame in {"a": SHORT, "b": SHIFTED, "c": SHIFTED + 1}.items()
    }
    for name in came:
        store_corrections(dataset, name, "ground_truth", came[name])
    (old,) = (
        record
        for record in runs.read_records(dataset, reviews.METHOD)
        if record.content["name"] == "b"
    )
    content = {
        name: value
        for name, value in old.content.items()
        if name in {*Review.__dataclass_fields__, "complete"}
    }
    runs.save_record(dataset, old.key, reviews.METHOD, content)
    assert list(recorded_reviews(dataset)) == ["a", "b", "c"]
    store_corrections(dataset, "a", "ground_truth", came["a"])
    assert list(recorded_reviews(dataset)) == ["b", "c", "a"]
    # Frames that are taken over are no load of the review that loses them
    both = corrections(dataset, [SHIFTED, SHIFTED + 1], shrink)
    store_corrections(dataset, "d", "ground_truth", both)
    assert list(recorded_reviews(dataset)) == ["b", "c", "a", "d"]


def test_a_users_own_view_stays(dataset, finished):
    own = dataset.limit(1)
    dataset.save_view("changed by reviewers", own, description="my own")
    review = load_adjustment(dataset, "fix", finished)
    assert "another view named 'changed by reviewers'" in (review.notes[-1])
    assert dataset.load_saved_view("changed by reviewers") == own
    dataset.delete_saved_view("changed by reviewers")
    assert load_adjustment(dataset, "fix", finished).notes == []
    assert dataset.load_saved_view("changed by reviewers").count("frames") == 1


def test_an_attribute_of_the_labels_called_changes_stays(dataset):
    for sample in dataset.iter_samples(autosave=True):
        for frame in sample.frames.values():
            for label in frame.ground_truth.detections:
                label["changes"] = "mine"

    def edit(labels):
        new = labels.iloc[:1].assign(left=90.0, object_id="new", object_name="n:1")
        return pd.concat([labels[labels["track"] == 1], new], ignore_index=True)

    came = corrections(dataset, [SHORT], edit)
    store_corrections(dataset, "fix", "ground_truth", came)
    marked = table(dataset, "ground_truth", "changes", "audit_changes").loc["a", SHORT]
    assert marked["changes"].tolist() == ["mine", "mine"]
    assert marked["audit_changes"].tolist() == [[], ["deleted"]]
    view = dataset.load_saved_view("changed by reviewers")
    assert view.count("frames.ground_truth.detections") == 1
    assert apply_adjustment(dataset, "fix") == Applied(0, 1, 1, 1)
    marked = table(dataset, "ground_truth", "changes", "audit_changes").loc["a", SHORT]
    assert marked["audit_changes"].to_dict() == {1: [], 3: ["added"]}
    assert marked["changes"].dropna().to_dict() == {1: "mine"}


def loaded(dataset):
    """All that loading stores, but for the IDs of what is new."""
    columns = ("changes", "change_iou", "original_id")
    return [
        table(dataset, "ground_truth", *columns[:2]).to_csv(),
        table(dataset, "ground_truth_adjusted", *columns).to_csv(),
        dataset.values("issues.detections.corrected"),
        recorded_reviews(dataset),
        dataset.load_saved_view("changed by reviewers").count("frames"),
    ]


@pytest.mark.parametrize("again", [False, True])
def test_loading_goes_on_after_a_kill_at_any_write(dataset, finished, again):
    """Loaded for the first time, and in place of what was loaded before."""
    if again:
        load_adjustment(dataset, "fix", finished)
        edit_labels(lambda es: es[0]["annotations"].pop())(finished)
    other = dataset.clone("undisturbed")
    try:
        load_adjustment(other, "fix", finished)
        expected = loaded(other)
    finally:
        other.delete()
    assert (
        kill_at_each_write(dataset, load_adjustment, "fix", finished, every=5) > KILLS
    )
    assert loaded(dataset) == expected


@pytest.mark.parametrize("round", range(2))
def test_two_processes_load_at_once(dataset, round):
    one = corrections(dataset, [SHORT, SHORT + 1], shrink)
    two = corrections(dataset, [SHORT, SHIFTED], shrink)
    do_at_once(
        dataset,
        (store_corrections, "one", "ground_truth", one),
        (store_corrections, "two", "ground_truth", two),
    )
    dataset.reload()
    reviews = recorded_reviews(dataset).values()
    frames = sorted(frame for review in reviews for frame in review.frames["a"])
    assert (len(reviews), frames) == (2, [SHORT, SHORT + 1, SHIFTED])
    loaded = table(dataset, "ground_truth_adjusted")
    assert loaded.index.unique(1).tolist() == frames


def test_frames_that_do_not_come_back_again(dataset):
    for frames in ([SHORT, SHIFTED], [SHORT]):
        came = corrections(dataset, frames, shrink)
        store_corrections(dataset, "fix", "ground_truth", came)
    assert set(table(dataset, "ground_truth_adjusted").index.unique(1)) == {SHORT}
    marked = table(dataset, "ground_truth", "changes")
    assert set(marked[marked["changes"].map(bool)].index.unique(1)) == {SHORT}


def shrink(labels):
    return labels.assign(height=labels["height"] - 9)


def test_what_was_loaded_in_part_is_not_applied(dataset, finished):
    load_adjustment(dataset, "fix", finished)
    apply_adjustment(dataset, "fix")
    before = table(dataset, "ground_truth")
    write = 1
    while is_killed(write, dataset, load_adjustment, "fix", finished):
        write += 1
        if "fix" not in recorded_reviews(dataset):
            break
    with pytest.raises(ValueError, match="was interrupted"):
        apply_adjustment(dataset, "fix")
    pd.testing.assert_frame_equal(table(dataset, "ground_truth"), before)
    load_adjustment(dataset, "fix", finished)
    assert undo_adjustment(dataset, "fix").changed == 1


LOAD = """
import sys, fiftyone as fo
from fiftyone_track_audit.plugin.corrections.loading import load_adjustment
review = load_adjustment(fo.load_dataset(sys.argv[1]), "fix", sys.argv[2])
print(review.changes)
"""


def test_another_process_loads(dataset, finished, tmp_path):
    shutil.move(finished, tmp_path / "elsewhere")
    command = [sys.executable, "-c", LOAD, dataset.name, tmp_path / "elsewhere"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "{'resized': 1}\n"
    dataset.reload()
    assert table(dataset, "ground_truth_adjusted").loc["a"].index.tolist() == [
        (frame, track) for frame in (SHORT, SHIFTED) for track in (1, 2)
    ]


def test_the_real_labels_with_their_planted_flaws(real_data, aws, tmp_path):
    """Boxes 24, 25 and 27 are wrong; workers get them and two frames around each."""
    from fiftyone_track_audit.importers.groundtruth import read_seq_label

    tracks = read_seq_label(
        real_data / "groundtruth/MOT20-01-SeqLabel.json",
        real_data / "MOT20/train/MOT20-01",
    )
    dataset = create_dataset(tracks, "real labels", video_dir=tmp_path / "videos")
    try:
        audit_dataset(dataset)
        before = table(dataset, "ground_truth")
        plan = send(dataset, tmp_path / "job", "real")
        assert plan.counts.flagged == 3
        wrong = {("24", 2): (226, 0), ("25", 2): (228, 0), ("27", 1): (None, 1)}
        names = {
            str(position): name
            for position, name in enumerate(tracks.sequences["MOT20-01"].frame_names)
        }

        def repair(labels):
            found = entries(labels)
            height = found[names["23"], 2][1]["height"]
            for position in ("24", "25"):
                found[names[position], 2][1]["height"] = height // 2 + 1
            left = [found[names[n], 1][1]["left"] for n in ("26", "28")]
            found[names["27"], 1][1]["left"] = sum(left) // 2
            return labels

        aws.complete("real", repair)
        review = load_adjustment(dataset, "real")
        assert review.changes == {"resized": 2, "moved": 1}
        assert review.missed == 0
        assert {row.precision for row in review.precision} == {1.0}
        changed = table(dataset, "ground_truth_adjusted", "changes")
        changed = changed[changed["changes"].map(len) > 0]
        places = {(str(frame - 1), track) for _, frame, track in changed.index}
        assert places == set(wrong)
        pd.testing.assert_frame_equal(table(dataset, "ground_truth"), before)
    finally:
        dataset.delete()
