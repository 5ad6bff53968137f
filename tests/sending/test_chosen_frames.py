# SPDX-License-Identifier: Apache-2.0
"""What goes out to be corrected, where some of what is shown was dismissed."""

from dataclasses import replace

import fiftyone.operators as foo
import numpy as np
import pandas as pd
import pytest
from fiftyone import ViewField as F
from fiftyone.operators.executor import ExecutionContext
from fiftyone_track_audit.importers import store
from fiftyone_track_audit.importers.dataset import create_dataset
from fiftyone_track_audit.plugin.corrections.applying import apply_adjustment
from fiftyone_track_audit.plugin.corrections.loading import load_adjustment
from fiftyone_track_audit.plugin.groundtruth.request import AdjustmentJob
from fiftyone_track_audit.plugin.plain import count
from fiftyone_track_audit.plugin.review.audits import audit_dataset
from fiftyone_track_audit.plugin.review.deciding import decide_issues
from fiftyone_track_audit.plugin.review.decisions import (
    CONFIRMED,
    DISMISSED,
    only_dismissed,
)
from fiftyone_track_audit.plugin.review.issues import read_dataset_issues
from fiftyone_track_audit.plugin.review.saved_views import (
    save_issue_views,
    save_outlier_views,
)
from fiftyone_track_audit.plugin.sending.backends import annotate_frames
from fiftyone_track_audit.plugin.sending.chosen_frames import (
    FramesToSend,
    select_to_send,
)
from fiftyone_track_audit.plugin.sending.groundtruth_plan import plan_adjustment
from fiftyone_track_audit.plugin.sending.mot import export_mot
from small_datasets import SHIFTED, SHORT, copy_of, walkers

pytestmark = pytest.mark.usefixtures("database")

FIELD = "ground_truth"


@pytest.fixture(scope="module")
def source(one_walk):
    """A sequence whose walkers have a wrong size and a wrong place, with its views."""
    with copy_of(one_walk, "selection source") as copy:
        save_outlier_views(copy)
        yield copy


@pytest.fixture
def audited(source):
    with copy_of(source, "selection") as copy:
        yield copy


@pytest.fixture(scope="module")
def dismissed(source):
    """The wrong size was dismissed; nothing was decided of the wrong place."""
    with copy_of(source, "dismissed") as copy:
        dismiss_sizes(copy)
        save_issue_views(copy, FIELD)
        yield copy


def dismiss_sizes(dataset):
    issues = read_dataset_issues(dataset, FIELD)
    sizes = issues["id"][issues["kind"] == "size_change"]
    assert decide_issues(dataset, sizes, DISMISSED, "ann") == 1


@pytest.mark.parametrize(
    ("issues", "frames"),
    [
        ([], []),
        ([("a", 3, 5, DISMISSED)], [3, 4, 5]),
        ([("a", 3, 5, None)], []),
        ([("a", 3, 5, DISMISSED), ("a", 5, 7, None)], [3, 4]),
        ([("a", 3, 5, DISMISSED), ("a", 4, 7, CONFIRMED)], [3]),
        ([("a", 3, 5, DISMISSED), ("a", 4, 4, DISMISSED)], [3, 4, 5]),
        ([("a", 3, 5, DISMISSED), ("b", 1, 9, CONFIRMED)], [3, 4, 5]),
        ([("b", 1, 9, DISMISSED), ("a", 9, 9, None)], []),
        (
            [("a", 1, 2, DISMISSED), ("a", 3, 5, DISMISSED), ("a", 3, 3, None)],
            [1, 2, 4, 5],
        ),
    ],
)
def test_places_of_dismissed_issues_alone(issues, frames):
    columns = ["sequence", "first_frame", "last_frame", "decision"]
    issues = pd.DataFrame(issues, columns=columns)
    places = pd.DataFrame({"sequence": "a", "frame": np.arange(1, 10)})
    found = only_dismissed(places, issues, ["sequence"])
    assert places["frame"][found].tolist() == frames
    assert only_dismissed(places[:0], issues, ["sequence"]).tolist() == []


def show(name):
    return lambda dataset: dataset.load_saved_view(name)


def patches(dataset):
    wrong = F("ground_truth.outlier_score") > 0.5
    return dataset.to_frames().to_patches(FIELD).match(wrong)


WHOLE = [*range(1, 31)]


@pytest.mark.parametrize(
    ("view", "frames", "left_out"),
    [
        (show("outliers"), [SHIFTED], 1),
        (show("issues"), [*range(15, 26)], 10),
        (show("issues to review"), [*range(15, 26)], 0),
        (patches, [SHIFTED], 1),
        (lambda dataset: dataset.to_frames(), WHOLE[:9] + WHOLE[10:], 1),
        (lambda dataset: dataset.to_clips([[(8, 12), (29, 30)]]), [29, 30], 5),
        (lambda dataset: dataset.to_clips([[(11, 14)]]), [11, 12, 13, 14], 0),
        (lambda dataset: dataset, WHOLE, 0),
        (lambda dataset: dataset.limit(1), WHOLE, 0),
    ],
)
def test_what_was_dismissed_is_not_sent(dismissed, view, frames, left_out):
    selection = select_to_send(FramesToSend(view(dismissed)))
    assert selection.numbers == {"a": frames}
    assert selection.left_out == left_out
    reasons = selection.frames.set_index("frame")["reason"]
    assert reasons.get(SHIFTED, "walker:2").startswith("walker:2")
    assert reasons.get(SHORT, "") == ""
    everything = select_to_send(FramesToSend(view(dismissed), include_dismissed=True))
    assert len(everything.frames) == len(frames) + left_out
    assert everything.left_out == 0
    reasons = everything.frames.set_index("frame")["reason"]
    assert reasons.get(SHORT, "walker:1 size").startswith("walker:1 size")


def test_frames_of_datasets_without_issues(source):
    fresh = source.clone("fresh")
    try:
        fresh.delete_sample_field("issues")
        fresh.delete_frame_field("ground_truth.detections.outlier_reasons")
        sent = select_to_send(FramesToSend(fresh.to_clips([[(2, 4)]])))
        assert sent.numbers == {"a": [2, 3, 4]}
        sent = select_to_send(
            FramesToSend(fresh.to_clips([[(2, 4), (6, 6)]]), context=1)
        )
        assert sent.numbers == {"a": [*range(1, 8)]}
    finally:
        fresh.delete()


def test_context_of_what_is_sent_stays(dismissed):
    selection = select_to_send(
        FramesToSend(dismissed.load_saved_view("outliers"), context=10)
    )
    assert selection.numbers == {"a": WHOLE[9:]}
    assert selection.left_out == 1
    assert selection.frames.set_index("frame")["reason"][SHORT] == ""


def test_selected_labels_are_sent_in_any_case(dismissed):
    sample = dismissed.first()
    labels = [{"sample_id": sample.id, "frame_number": SHORT}]
    selection = select_to_send(FramesToSend(dismissed, selected_labels=labels))
    assert selection.frames[["frame", "reason"]].to_numpy().tolist() == [
        [SHORT, "selected"]
    ]


def test_nothing_left_is_an_error(dismissed):
    with pytest.raises(ValueError, match="only have dismissed issues; nothing"):
        select_to_send(FramesToSend(dismissed.load_saved_view(DISMISSED)))


def test_all_ways_out(audited, tmp_path):
    dismiss_sizes(audited)
    view = audited.load_saved_view("outliers")
    (note, *_) = plan_adjustment(view, AdjustmentJob("fix")).notes
    assert note == "1 frame left out that only has dismissed issues"
    both = plan_adjustment(view, AdjustmentJob("fix"), include_dismissed=True)
    assert (both.counts.frames, both.left_out) == (2, 0)
    assert select_to_send(FramesToSend(view)).numbers == {"a": [SHIFTED]}
    record = export_mot(view, tmp_path / "mot")
    assert (record.frames, record.left_out) == ({"a": [SHIFTED]}, 1)
    record = export_mot(view, tmp_path / "both", include_dismissed=True)
    assert (record.frames, record.left_out) == ({"a": [SHORT, SHIFTED]}, 0)
    save_issue_views(audited, FIELD)
    with pytest.raises(ValueError, match="only have dismissed issues"):
        annotate_frames(audited.load_saved_view(DISMISSED), "fix", backend="cvat")


def test_only_the_tracks_in_question_are_chosen(audited):
    issues = read_dataset_issues(audited, FIELD)
    chosen = FramesToSend(audited.load_saved_view("outliers"), only_tracks=True)
    everything = select_to_send(replace(chosen, only_tracks=False))
    both = select_to_send(chosen)
    assert both.frames.equals(everything.frames)
    assert both.stored.tracks.table.equals(everything.stored.tracks.table)
    shift = issues[issues["kind"] == "shift"]
    one = select_to_send(replace(chosen, issues=shift["id"].tolist()))
    assert one.frames.equals(everything.frames)
    kept = one.stored.tracks.table
    assert set(kept["track"]) == set(shift["track"]) == {2}
    assert len(kept) == len(one.stored.rows) == 30
    dismiss_sizes(audited)
    rest = select_to_send(chosen)
    assert set(rest.stored.tracks.table["track"]) == {2}


def test_only_the_tracks_in_question_come_back(audited, tmp_path):
    dismiss_sizes(audited)
    view = audited.load_saved_view("outliers")
    export_mot(view, tmp_path / "fix", context=1, only_tracks=True)
    file = tmp_path / "fix" / "a" / "gt" / "gt.txt"
    lines = [line.split(",") for line in file.read_text().splitlines()]
    assert {line[1] for line in lines} == {"2"}
    lines[1][2] = str(float(lines[1][2]) - 16)
    file.write_text("\n".join(map(",".join, lines)))
    before = store.read_tracks(audited, FIELD).tracks.table
    assert load_adjustment(audited, "fix").changes == {"moved": 1}
    assert apply_adjustment(audited, "fix").changed == 1
    after = store.read_tracks(audited, FIELD).tracks.table
    moved = before["left"] != after["left"]
    assert after.loc[moved, "track"].tolist() == [2]


def test_nothing_is_in_question_without_issues(audited):
    frame = audited.match_frames(F("frame_number") == 1)
    with pytest.raises(ValueError, match="no tracks in question"):
        select_to_send(FramesToSend(frame, only_tracks=True))


def form(operator, view, **request):
    """What a form says: its messages, and the errors that block it."""
    request = {
        "dataset_name": view._root_dataset.name,
        "view": view.view()._serialize(),
        "params": {},
        **request,
    }
    ctx = ExecutionContext(request_params=request)
    shown = foo.get_operator(operator).resolve_input(ctx).to_json()
    properties = shown["type"]["properties"]
    errors = [each["error_message"] for each in properties.values() if each["invalid"]]
    return properties, errors


@pytest.mark.parametrize("name", ["export_adjustment_job", "export_mot_sequences"])
def test_forms_tell_what_is_left_out(dismissed, audited, name):
    operator = f"@track-audit/video/{name}"
    properties, _ = form(operator, show("outliers")(dismissed))
    assert "include_dismissed" in properties
    assert "1 frame left out that only has dismissed issues" in str(properties)
    _, errors = form(operator, show(DISMISSED)(dismissed))
    assert "only have dismissed issues; nothing would be sent" in errors[0]
    ticked = {"include_dismissed": True}
    properties, errors = form(operator, show(DISMISSED)(dismissed), params=ticked)
    assert errors == []
    assert "left out" not in str(properties)
    properties, _ = form(operator, show("outliers")(audited))
    assert "include_dismissed" not in properties


@pytest.mark.parametrize("name", ["export_adjustment_job", "export_mot_sequences"])
def test_forms_take_the_issues_of_the_panel(dismissed, name):
    operator = f"@track-audit/video/{name}"
    assert dismissed.list_saved_views()
    issues = read_dataset_issues(dismissed, FIELD)
    issue = issues[issues["decision"].isna()].iloc[0]
    params = {"issues": [issue["id"]], "context": 0}
    # Whatever the App shows, has open, or has selected
    elsewhere = {"current_sample": dismissed.last().id, "params": params}
    properties, errors = form(operator, dismissed.limit(0), **elsewhere)
    assert errors == []
    frames = count(issue["last_frame"] - issue["first_frame"] + 1, "frame")
    assert "The frames of 1 issue from the panel's list" in str(properties)
    assert properties["preview"]["view"]["label"].startswith(f"{frames} ")
    others = {"open_sample", "view_name", "view_target", "include_dismissed"}
    assert others.isdisjoint(properties)
    for wrong, expected in (
        ([], "no issues are selected"),
        (["0" * 24], "has no issue 000000000000000000000000"),
        (["x"], "has no issue x"),
        ([1], "expected a list of texts, not [1]"),
        (5, "expected a list of texts, not 5"),
    ):
        params = {"issues": wrong}
        _, errors = form(operator, dismissed.view(), params=params)
        assert len(errors) == 1
        assert expected in errors[0]
    # Those of other tracks
    dismissed.clone_frame_field(FIELD, "predictions")
    params = {"issues": [issue["id"]], "label_field": "predictions"}
    _, errors = form(operator, dismissed.view(), params=params)
    assert f"has no issue {issue['id']}" in errors[0]
    dismissed.delete_frame_field("predictions")


def test_results_tell_what_was_left_out(audited, tmp_path):
    dismiss_sizes(audited)
    view = show("outliers")(audited)
    for name in ("export_adjustment_job", "export_mot_sequences"):
        operator = foo.get_operator(f"@track-audit/video/{name}")
        result = operator(view, folder=str(tmp_path / name))
        assert "1 frame left out that only has dismissed" in result["notes"]
        both = operator(
            view, folder=str(tmp_path / f"{name}-2"), include_dismissed=True
        )
        assert "left out" not in both["notes"]


NAMES = ["occlusion", "outlier_reasons", "perspective", "id"]


@pytest.mark.parametrize("value", ["partial", 2.0])
def test_attributes_of_annotators_are_sent_and_not_the_audits(tmp_path, value):
    tracks = walkers("a", tmp_path / "a")
    tracks.table[NAMES] = value
    dataset = create_dataset(tracks, video_dir=tmp_path / "videos")
    try:
        audit_dataset(dataset)
        for name in NAMES:
            path = f"frames.{FIELD}.detections.{name}_attribute"
            assert dataset.distinct(path) == [value]
        chosen = select_to_send(FramesToSend(dataset))
        assert set(chosen.attributes) == {*NAMES, "color"}
        assert (chosen.stored.tracks.table[NAMES] == value).all(axis=None)
        assert "walker:1" in "".join(chosen.frames["reason"])
        plan = plan_adjustment(dataset, AdjustmentJob("fix"))
        assert plan.counts.boxes == len(tracks.table)
        assert not [error for error in plan.errors if "attribute" in error]
    finally:
        dataset.delete()


@pytest.mark.parametrize("declared", [True, False])
def test_attributes_of_a_users_own_dataset_stay_as_they_are(source, declared):
    dataset = source.clone()
    attributes = {"occlusion": "partial", "outlier_score": "low", "changes": 2}
    try:
        path = f"{FIELD}.detections"
        audited = store.own_attributes(dataset, FIELD).values()
        dataset.delete_frame_fields([f"{path}.{name}" for name in audited])
        for sample in dataset.iter_samples(autosave=True):
            for frame in sample.frames.values():
                for label in frame[FIELD].detections:
                    for name, value in attributes.items():
                        label[name] = value
        if declared:
            dataset.add_dynamic_frame_fields()
        for _ in range(2):
            summary = audit_dataset(dataset)
            dataset.add_dynamic_frame_fields()
            dataset.reload()
            for name, value in attributes.items():
                assert dataset.distinct(f"frames.{path}.{name}") == [value]
        scores = dataset.values(f"frames.{path}.audit_outlier_score", unwind=True)
        outliers = sum(score > 0.5 for score in scores if score is not None)
        assert summary.outliers == outliers > 0
        counts = save_outlier_views(dataset)
        assert counts["outliers"] == outliers
        chosen = select_to_send(FramesToSend(dataset.load_saved_view("outliers")))
        assert "walker:1" in "".join(chosen.frames["reason"])
    finally:
        dataset.delete()
