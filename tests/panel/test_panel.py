# SPDX-License-Identifier: Apache-2.0
"""What the panel asks Python: lists, crops, plots, timelines, thresholds."""

import base64
import io
import json

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pandas as pd
import pytest
from fiftyone import ViewField as F
from fiftyone_track_audit.importers import store
from fiftyone_track_audit.importers.dataset import create_dataset
from fiftyone_track_audit.importers.tracks import Tracks, make_table
from fiftyone_track_audit.plugin.audit import Thresholds, audit_tracks
from fiftyone_track_audit.plugin.audit.overview import EDGES, make_overview
from fiftyone_track_audit.plugin.panel.listing import Filters, list_issues
from fiftyone_track_audit.plugin.panel.timeline import show_timeline
from fiftyone_track_audit.plugin.review.audit_records import read_overview
from fiftyone_track_audit.plugin.review.audits import audit_dataset
from fiftyone_track_audit.plugin.review.deciding import decide_issues
from fiftyone_track_audit.plugin.review.issues import read_dataset_issues
from fiftyone_track_audit.plugin.review.saved_views import (
    save_issue_views,
    view_of_issues,
)
from PIL import Image
from small_datasets import SHIFTED, SHORT, walkers

pytestmark = pytest.mark.usefixtures("database")

FIELD = "ground_truth"
PANEL = "@track-audit/video/track_audit"


@pytest.fixture(scope="module")
def source(database, tmp_path_factory):
    folder = tmp_path_factory.mktemp("frames")
    one, two = (walkers(name, folder / name) for name in "ab")
    table = make_table(pd.concat([one.table, two.table], ignore_index=True))
    made = create_dataset(Tracks(table, one.sequences | two.sequences), "panel-source")
    audit_dataset(made)
    yield made
    made.delete()


@pytest.fixture
def dataset(source):
    copy = source.clone("panel")
    yield copy
    copy.delete()


def ask(view, method, /, **params):
    """Calls a method of the panel, as its component does."""
    params |= {"__method__": method, "panel_id": "1", "panel_state": {}}
    ctx = {"dataset": view._root_dataset, "view": view, "params": params}
    answer = foo.execute_operator(PANEL, ctx)
    json.dumps(answer.result, allow_nan=False)
    requests = answer.executor.to_json()["requests"]
    names = [request["operator_uri"].rpartition("/")[2] for request in requests]
    return answer.result, [name for name in names if name != "show_panel_output"]


def test_says_what_there_is(dataset):
    found, _ = ask(dataset.view(), "load")
    assert found["status"] == "ready"
    assert found["label_field"] == FIELD
    assert found["by_index"]
    assert found["thresholds"] == {"size": 0.25, "iou": 0.5}
    assert [each["name"] for each in found["sequences"]] == ["a", "b"]
    assert [each["issues"] for each in found["sequences"]] == [2, 2]
    assert [each["frames"] for each in found["sequences"]] == [30, 30]
    for sequence, sample in zip(found["sequences"], dataset, strict=True):
        assert sequence["samples"] == [{"id": sample.id, "offset": 0, "length": 30}]


@pytest.mark.parametrize("tracks", [True, False])
def test_says_what_to_do_first(source, tracks):
    fresh = source.clone("fresh")
    for key in fresh.list_runs():
        fresh.delete_run(key)
    if not tracks:
        fresh.delete_frame_field(FIELD)
    found, _ = ask(fresh.view(), "load")
    fresh.delete()
    status, operator = ("no_tracks", "import_sequences")
    if tracks:
        status, operator = ("not_audited", "audit_tracks")
    assert (found["status"], found["operator"].rpartition("/")[2]) == (status, operator)


def test_lists_what_fits(dataset):
    ids = read_dataset_issues(dataset, FIELD)["id"].tolist()
    scores = [issue["score"] for issue in ask(dataset, "list_issues")[0]["issues"]]
    assert scores == sorted(scores, reverse=True)
    decide_issues(dataset, ids[:1], "confirmed")
    cases = [
        ({}, 4),
        ({"kinds": ["shift"]}, 2),
        ({"sequence": "a"}, 2),
        ({"sequence": "b", "kinds": ["shift"]}, 1),
        ({"track": 1}, 2),
        ({"least_score": 0.999}, 0),
        ({"decision": "open"}, 3),
        ({"decision": "confirmed"}, 1),
        ({"decision": "dismissed"}, 0),
    ]
    for params, count in cases:
        found, _ = ask(dataset.view(), "list_issues", **params)
        assert (found["total"], len(found["issues"])) == (count, count), params


def test_counts_all_and_finds_those_asked_for(dataset):
    ids = read_dataset_issues(dataset, FIELD)["id"].tolist()
    decide_issues(dataset, ids[:1], "confirmed")
    found, _ = ask(dataset.view(), "list_issues", ids=ids, decision="confirmed")
    assert [issue["id"] for issue in found["asked"]] == ids[:1]
    assert found["progress"] == {"open": 3, "confirmed": 1, "dismissed": 0, "fixed": 0}
    assert {kind["kind"] for kind in found["kinds"]} == {"size_change", "shift"}
    assert len({kind["color"] for kind in found["kinds"]}) == 2
    found, _ = ask(dataset.view(), "list_issues", ids=ids[:3], limit=1)
    assert {issue["id"] for issue in found["asked"]} == set(ids[:3])


def test_names_those_that_fit_no_more(dataset):
    ids = read_dataset_issues(dataset, FIELD)["id"].tolist()
    unknown = "5f0000000000000000000000"
    found, _ = ask(dataset.view(), "list_issues", ids=[*ids, unknown], limit=1)
    assert found["gone"] == [unknown]
    decide_issues(dataset, ids[:1], "dismissed")
    found, _ = ask(dataset.view(), "list_issues", ids=ids[:2], decision="dismissed")
    assert (found["gone"], found["to_send"]) == (ids[1:2], 0)
    found, _ = ask(dataset.view(), "list_issues")
    assert (found["gone"], found["total"], found["to_send"]) == ([], 4, 3)


def test_lists_the_worst_of_many(dataset):
    whole, _ = ask(dataset.view(), "list_issues")
    part, _ = ask(dataset.view(), "list_issues", limit=3)
    assert part["issues"] == whole["issues"][:3]
    assert (part["total"], part["counts"]) == (4, {"size_change": 2, "shift": 2})


def test_reviews_the_field_that_was_audited(source):
    copy = source.clone("panel fields")
    for key in copy.list_runs():
        copy.delete_run(key)
    copy.clone_frame_field(FIELD, "predictions")
    copy.clone_frame_field(FIELD, "zebra")
    audit_dataset(copy, "predictions")
    try:
        of_predictions = set(read_dataset_issues(copy, "predictions")["id"])
        assert of_predictions.isdisjoint(read_dataset_issues(copy, FIELD)["id"])
        for wanted in (None, "gone"):
            found, _ = ask(copy.view(), "load", label_field=wanted)
            assert (found["status"], found["label_field"]) == ("ready", "predictions")
            listed, _ = ask(copy.view(), "list_issues", label_field=wanted)
            assert {issue["id"] for issue in listed["issues"]} == of_predictions
        found, _ = ask(copy.view(), "load", label_field="zebra")
        assert (found["status"], found["label_field"]) == ("not_audited", "zebra")
    finally:
        copy.delete()


def test_reviews_beside_a_sequence_without_boxes(source):
    copy = source.clone("panel empty")
    last = copy.last()
    for frame in last.frames.values():
        frame[FIELD] = fo.Detections()
    last.save()
    audit_dataset(copy)
    try:
        found, _ = ask(copy.view(), "load")
        assert {each["name"]: each["issues"] for each in found["sequences"]} == {
            "a": 2,
            "b": 0,
        }
        bars, _ = ask(copy.view(), "show_timeline", sequence="b")
        assert (bars["tracks"], bars["total"]) == ([], 0)
    finally:
        copy.delete()


def test_keeps_up_with_the_view(dataset):
    issues = read_dataset_issues(dataset, FIELD)
    short = issues[issues["first_frame"] == SHORT]
    first = dataset.first()
    frames = dataset.to_frames(sample_frames=False)
    at_short = frames.match(F("frame_number") == SHORT)
    views = {
        "dataset": (dataset.view(), set(issues["id"])),
        "a sample": (
            dataset.select(first.id),
            set(issues["id"][issues["sample_id"] == first.id]),
        ),
        "clips": (dataset.to_clips([[(SHORT, SHORT)], []]), {short["id"].iloc[0]}),
        "frames": (at_short, set(short["id"])),
        "filtered labels": (
            dataset.filter_labels(f"frames.{FIELD}", F("size_outlier").is_in([True])),
            set(short["id"]),
        ),
        "matched frames": (
            dataset.match_frames(F("frame_number") == SHORT),
            set(short["id"]),
        ),
    }
    for name, (view, wanted) in views.items():
        found, _ = ask(view, "list_issues", in_view=True)
        assert {issue["id"] for issue in found["issues"]} == wanted, name


def test_shows_crops_and_plots(dataset):
    issues = read_dataset_issues(dataset, FIELD)
    issue = issues[issues["first_frame"] == SHORT].iloc[0]
    found, _ = ask(dataset.view(), "show_issue", id=issue["id"])
    assert found["issue"]["id"] == issue["id"]
    assert found["issue"]["suggestion"] == issue["suggestion"]
    assert found["problem"] is None
    places = {crop["frame"]: crop["place"] for crop in found["strip"]}
    assert len(places) >= 5
    assert [frame for frame in places if places[frame] == "at"] == [SHORT]
    for crop in found["strip"]:
        image = Image.open(io.BytesIO(base64.b64decode(crop["image"])))
        # Twice as large, for the one that is shown large
        assert list(image.size) == [2 * side for side in crop["size"]]
        assert len(crop["boxes"]) == 1
    (track,) = found["plot"]["tracks"]
    tracks = store.read_tracks(dataset[[issue["sample_id"]]], FIELD).tracks.table
    own = tracks[(tracks["track"] == issue["track"]) & (tracks["sequence"] == "a")]
    assert track["frame"] == own["frame"].tolist()
    assert track["left"] == pytest.approx(own["left"].tolist(), abs=1e-3)
    assert track["size_change"][0] is None
    detections = f"frames.{FIELD}.detections"
    ids, tracks = dataset[[issue["sample_id"]]].values(
        [f"{detections}.id", f"{detections}.index"], unwind=True
    )
    own = {each for each, of in zip(ids, tracks, strict=True) if of == issue["track"]}
    assert set(found["plot"]["labels"]) == own
    sequence = store.read_tracks(dataset, FIELD).tracks.sequences["a"]
    assert found["plot"]["image"] == [sequence.width, sequence.height]
    assert found["plot"]["issue"]["first"] == SHORT
    titles = [panel["title"] for panel in found["panels"]]
    assert {"size, px²", "size change, px²", "size change"} < set(titles)
    wider, _ = ask(dataset.view(), "show_issue", id=issue["id"], context=2)
    for crop, other in zip(found["strip"], wider["strip"], strict=True):
        (box,), (smaller,) = crop["boxes"], other["boxes"]
        assert smaller[2:] == pytest.approx([box[2] / 2, box[3] / 2], abs=0.2)
    assert titles[: found["leading"]] == ["height, px", "width, px", "size change"]


@pytest.mark.parametrize("seen", [True, False])
def test_shows_and_fixes_an_object_that_nobody_labeled(dataset, seen):
    box = [0.4, 0.05, 0.1, 0.3]
    see_everywhere(dataset, box)
    audit_dataset(dataset)
    if not seen:
        # As in a comparison of labels, where there are no predictions
        dataset.delete_frame_field("yolo")
    issues = read_dataset_issues(dataset, FIELD)
    issue = issues[issues["kind"] == "overlooked"].iloc[0]
    found, _ = ask(dataset.view(), "show_issue", id=issue["id"])
    assert (found["issue"]["track"], found["problem"]) == (-1, None)
    assert [fix["name"] for fix in found["fixes"]] == ["add_track"] * seen
    assert {crop["frame"] for crop in found["strip"]} >= {1, 30}
    drawn = {crop["frame"]: crop["suggested_boxes"] for crop in found["strip"]}
    assert len(drawn[1]) == 1
    assert len(drawn[30]) == int(seen)
    assert all(crop["boxes"] == [] for crop in found["strip"])
    assert found["plot"]["tracks"] == []
    width, height = found["plot"]["image"]
    suggested = found["plot"]["suggested"]
    first = [suggested[side][0] for side in ("left", "top", "width", "height")]
    assert first == pytest.approx(
        [0.4 * width, 0.05 * height, 0.1 * width, 0.3 * height]
    )
    if seen:
        fixed, _ = ask(dataset.view(), "fix", ids=[issue["id"]])
        assert fixed["message"] == "1 issue fixed, boxes: 30 added"


def see_everywhere(dataset, box):
    """Adds what a detector finds: the labels, and one more box in each frame."""
    boxes = dataset.values("frames.ground_truth.detections.bounding_box")
    dataset.set_values(
        "frames.yolo",
        [
            [
                fo.Detections(
                    detections=[
                        fo.Detection(label="walker", bounding_box=one, confidence=0.9)
                        for one in [*frame, box]
                    ]
                )
                for frame in sample
            ]
            for sample in boxes
        ],
    )


def test_shows_an_issue_without_frames(dataset):
    frames = dataset.first().frames
    for frame in frames.values():
        frame["filepath"] = "/no/such/frame.png"
        frame.save()
    issue = read_dataset_issues(dataset, FIELD).iloc[0]
    found, _ = ask(dataset.view(), "show_issue", id=issue["id"])
    assert found["strip"] == []
    assert "/no/such" in found["problem"]
    assert len(found["plot"]["tracks"]) == 1


def test_shows_an_issue_whose_other_track_is_gone(dataset):
    issue = read_dataset_issues(dataset, FIELD).iloc[0]
    sample = dataset[issue["sample_id"]]
    for label in sample.issues.detections:
        label.other_track = 99
    sample.save()
    found, _ = ask(dataset.view(), "show_issue", id=issue["id"])
    assert found["issue"]["other_track"] == 99
    assert len(found["plot"]["tracks"]) == 1
    assert all(crop["other_boxes"] == [] for crop in found["strip"])


def test_shows_an_issue_beside_boxes_that_are_nowhere(dataset):
    issue = read_dataset_issues(dataset, FIELD).iloc[0]
    sample = dataset[issue["sample_id"]]
    number = int(issue["first_frame"])
    for frame, box in ((number - 1, None), (number + 1, [np.nan] * 4)):
        for label in sample.frames[frame][FIELD].detections:
            label.bounding_box = box
    sample.save()
    found, _ = ask(dataset.view(), "show_issue", id=issue["id"])
    assert found["problem"] is None
    assert len(found["strip"]) >= 5
    shown = found["plot"]["tracks"][0]
    assert {number - 1, number + 1}.isdisjoint(shown["frame"])
    params = {"sequence": "a", "track": int(issue["track"]), "frame": number + 1}
    assert ask(dataset.view(), "show_crop", **params)[0]["crop"]["boxes"] == []


def test_shows_an_issue_whose_frames_are_gone(dataset):
    issues = read_dataset_issues(dataset, FIELD)
    issue = issues[issues["sample_id"] == dataset.first().id].iloc[-1]
    sample = dataset.first()
    for label in sample.issues.detections:
        label.last_frame = 30
    for number in range(int(issue["first_frame"]) + 1, 31):
        del sample.frames[number]
    sample.save()
    found, _ = ask(dataset.view(), "show_issue", id=issue["id"])
    assert max(crop["frame"] for crop in found["strip"]) == issue["first_frame"]


def test_lists_beside_labels_that_are_no_issues(dataset):
    sample = dataset.first()
    own = fo.TemporalDetection(label="mine", support=[3, 5], label_field=FIELD)
    sample.issues.detections.append(own)
    sample.save()
    found, _ = ask(dataset.view(), "list_issues", in_view=True)
    assert found["total"] == 4


def test_says_what_is_gone(dataset):
    issue = read_dataset_issues(dataset, FIELD).iloc[0]
    dataset.set_values("frames.ground_truth", [[None] * 30] * 2)
    found, _ = ask(dataset.view(), "show_issue", id=issue["id"])
    gone = f"track {issue['track']} no longer has these boxes; audit the tracks again"
    assert found["problem"] == gone
    assert found["issue"]["id"] == issue["id"]
    gone, _ = ask(dataset.view(), "show_issue", id="5f0000000000000000000000")
    assert gone == {"problem": "this issue no longer exists; reload the list"}


def test_cuts_one_crop(dataset):
    found, _ = ask(dataset.view(), "show_crop", sequence="b", track=2, frame=5)
    assert (found["crop"]["frame"], len(found["crop"]["boxes"])) == (5, 1)
    none, _ = ask(dataset.view(), "show_crop", sequence="b", track=9, frame=5)
    assert none == {"crop": None}


def test_plots_any_track(dataset):
    found, _ = ask(dataset.view(), "show_track", sequence="b", track=2)
    (columns,) = found["plot"]["tracks"]
    assert columns["frame"] == [*range(1, 31)]
    shown = found["plot"]["issue"]
    assert (shown["first"], shown["last"], shown["view"]) == (None, None, [1, 30])
    assert len(found["panels"]) == found["leading"] == 10
    how = {"sequence": "b", "track": 2, "window": 3, "trailing": True}
    again, _ = ask(dataset.view(), "show_track", **how)
    (told,) = again["plot"]["tracks"]
    mean = sum(told["left"][7:10]) / 3
    assert told["left_deviation"][9] == pytest.approx(told["left"][9] - mean, abs=0.01)
    assert told["left_deviation"] != columns["left_deviation"]
    for place, told in (
        ({"track": 9}, "b has no track 9"),
        ({"window": 0}, "expected a whole number from 1"),
        (
            {"sequence": "c"},
            "there is no sequence 'c'",
        ),
    ):
        gone, _ = ask(
            dataset.view(), "show_track", **{"sequence": "b", "track": 2} | place
        )
        assert told in json.dumps(gone)


def test_shows_timelines(dataset):
    found, _ = ask(dataset.view(), "show_timeline", sequence="a")
    assert (found["frames"], found["total"]) == (30, 2)
    assert {bar["track"] for bar in found["tracks"]} == {1, 2}
    for bar in found["tracks"]:
        assert bar["runs"] == [[1, 30]]
        (issue,) = bar["issues"]
        assert issue["first"] == (SHORT if bar["track"] == 1 else SHIFTED)
    unknown, _ = ask(dataset.view(), "show_timeline", sequence="c")
    assert unknown == {"problem": "'c' has not been audited yet; audit the tracks"}


def test_knows_no_sequence_that_was_deleted(dataset):
    dataset.delete_samples(dataset.last().id)
    gone, _ = ask(dataset.view(), "show_timeline", sequence="b")
    assert gone == {"problem": "'b' has not been audited yet; audit the tracks"}
    boxes = dataset.count(f"frames.{FIELD}.detections")
    assert ask(dataset.view(), "show_thresholds")[0]["boxes"] == boxes
    audit_dataset(dataset)
    assert set(read_overview(dataset, FIELD)) == {"a"}


def test_orders_tracks():
    runs = {
        "track": [1, 1, 2, 3],
        "label": ["walker"] * 4,
        "first": [1, 20, 1, 5],
        "last": [10, 29, 30, 9],
    }
    columns = ["id", "kind", "track", "first_frame", "last_frame", "score", "decision"]
    rows = [("i", "shift", 3, 6, 7, 0.9, None), ("k", "drift", 1, 2, 9, 0.6, None)]
    issues = pd.DataFrame(rows, columns=columns)
    worst = show_timeline(runs, issues, "worst", 9)["tracks"]
    assert [bar["track"] for bar in worst] == [3, 1, 2]
    assert worst[1]["runs"] == [[1, 10], [20, 29]]
    longest = show_timeline(runs, issues, "longest", 2)["tracks"]
    assert [bar["track"] for bar in longest] == [2, 1]
    with pytest.raises(ValueError, match="expected worst or longest, not 'best'"):
        show_timeline(runs, issues, "best", 9)


@pytest.mark.parametrize(("size", "iou"), [(0.25, 0.5), (0.4, 0.3), (0.05, 0.8)])
def test_thresholds_are_counted_without_an_audit(dataset, size, iou):
    found, _ = ask(dataset.view(), "show_thresholds")
    assert found["boxes"] == 120
    first, second = found["signals"]
    assert (first["name"], first["breaks"]) == ("size", "above")
    assert (second["name"], second["breaks"]) == ("iou", "below")
    above = np.array(first["edges"][:-1]) >= size - 1e-9
    below = np.array(second["edges"][1:]) <= iou + 1e-9
    audit_dataset(dataset, thresholds=Thresholds(size, iou))
    flags = store.read_tracks(dataset, FIELD, ["size_outlier", "iou_outlier"])
    table = flags.tracks.table
    assert np.dot(first["counts"], above) == (table["size_outlier"] == True).sum()  # noqa: E712
    assert np.dot(second["counts"], below) == (table["iou_outlier"] == True).sum()  # noqa: E712


@pytest.mark.parametrize(
    ("method", "params", "problem"),
    [
        (
            "list_issues",
            {"decision": "maybe"},
            "expected one of open, confirmed, dismissed, fixed, not 'maybe'",
        ),
        (
            "list_issues",
            {"track": 1.5},
            "expected a whole number from 0 to 2147483647 as 'track', not 1.5",
        ),
        (
            "list_issues",
            {"limit": 0},
            "expected a whole number from 1 to 2147483647 as 'limit', not 0",
        ),
        (
            "list_issues",
            {"track": "one"},
            "expected a whole number from 0 to 2147483647 as 'track', not 'one'",
        ),
        (
            "list_issues",
            {"least_score": "high"},
            "expected a number as 'least_score', not 'high'",
        ),
        ("find_to_send", {"which": "listed", "filters": "x"}, "expected an object"),
        ("decide", {"ids": []}, "expected a 'decision'"),
        ("show_issue", {}, "expected a string as 'id', not None"),
        ("show_issue", {"id": "x"}, "'x' is not an ID"),
        ("show_crop", {"sequence": "a", "track": 1}, "whole number from 1 to"),
        ("show_timeline", {}, "expected a string as 'sequence', not None"),
        ("decide", {"ids": ["x"], "decision": None}, "'x' is not an ID"),
        ("decide", {"ids": ["0" * 24], "decision": "later"}, "not 'later'"),
        ("find_to_send", {"which": "all"}, "expected 'confirmed' or 'listed'"),
        ("open_sample", {"frame": 1}, "expected a string as 'sample_id', not None"),
    ],
)
def test_wrong_questions_get_one_answer(dataset, method, params, problem):
    answer, triggers = ask(dataset.view(), method, **params)
    assert list(answer) == ["problem"]
    assert problem in answer["problem"]
    assert triggers == []


def test_decides_and_counts(dataset):
    ids = read_dataset_issues(dataset, FIELD)["id"].tolist()
    found, _ = ask(dataset.view(), "decide", ids=ids[:3], decision="dismissed")
    assert found["decided"] == 3
    listed, _ = ask(dataset.view(), "list_issues")
    expected = {"open": 1, "confirmed": 0, "dismissed": 3, "fixed": 0}
    assert listed["progress"] == expected
    assert {kind["precision"] for kind in listed["kinds"]} == {0.0}
    views, _ = ask(dataset.view(), "save_views")
    assert views["views"] == {"issues": 4, "issues to review": 1, "dismissed": 3}
    wrong, _ = ask(dataset.view(), "decide", ids=["0" * 24], decision="dismissed")
    assert "has no issue 000000000000000000000000" in wrong["problem"]
    learned, _ = ask(dataset.view(), "suggest_thresholds")
    assert learned["size"] is None


def test_what_is_decided_as_before_keeps_author_and_time(dataset):
    issues = read_dataset_issues(dataset, FIELD)
    decide_issues(dataset, issues["id"][:1].tolist(), "confirmed", "alice")
    (before,) = ask(dataset.view(), "list_issues", decision="confirmed")[0]["issues"]
    ask(dataset.view(), "decide", ids=[before["id"]], decision="dismissed")
    names = ("decision", "decided_by", "decided_at")
    was = {name: before[name] for name in names}
    ask(dataset.view(), "decide", ids=[before["id"]], **was)
    (after,) = ask(dataset.view(), "list_issues", decision="confirmed")[0]["issues"]
    assert after == before


def test_decides_in_the_dataset_that_was_open(dataset, source):
    ids = read_dataset_issues(dataset, FIELD)["id"].tolist()
    other = source.clone("panel elsewhere")
    params = {"ids": ids[:1], "decision": "confirmed"}
    ask(other.view(), "decide", dataset=dataset.name, **params)
    assert read_dataset_issues(dataset, FIELD)["decision"].notna().sum() == 1
    assert read_dataset_issues(other, FIELD)["decision"].isna().all()
    gone, _ = ask(other.view(), "decide", dataset="gone", **params)
    assert gone == {"problem": "the dataset 'gone' no longer exists"}
    other.delete()


def test_fixes_and_takes_back(dataset):
    issues = read_dataset_issues(dataset, FIELD)
    ids = issues.loc[issues["kind"] == "shift", "id"].tolist()
    shown, _ = ask(dataset.view(), "show_issue", id=ids[0])
    assert [fix["name"] for fix in shown["fixes"]] == ["redraw"]
    drawn = [len(crop["suggested_boxes"]) for crop in shown["strip"]]
    assert drawn == [int(crop["place"] == "at") for crop in shown["strip"]]
    told, _ = ask(dataset.view(), "preview_fix", ids=ids)
    assert told == {"issues": 2, "message": "2 issues fixed, boxes: 2 moved"}
    fixed, _ = ask(dataset.view(), "fix", ids=ids)
    assert fixed["message"] == told["message"]
    listed, _ = ask(dataset.view(), "list_issues", decision="fixed")
    assert [issue["id"] for issue in listed["issues"]] == sorted(
        ids, key=[issue["id"] for issue in listed["issues"]].index
    )
    assert listed["progress"]["fixed"] == 2
    views, _ = ask(dataset.view(), "save_views")
    assert views["views"]["fixed"] == 2
    settled, _ = ask(dataset.view(), "decide", ids=ids[:1], decision="confirmed")
    assert "undo the fixes first" in settled["problem"]
    again, _ = ask(dataset.view(), "fix", ids=ids)
    assert "no fix applies" in again["problem"]
    undone, _ = ask(dataset.view(), "undo_fix", name=fixed["name"])
    assert undone == {"name": fixed["name"]}
    listed, _ = ask(dataset.view(), "list_issues")
    assert listed["progress"] == {"open": 4, "confirmed": 0, "dismissed": 0, "fixed": 0}
    assert set(ids) <= {issue["id"] for issue in listed["issues"]}


def test_tells_that_frames_changed_since_the_audit(dataset):
    assert ask(dataset.view(), "load")[0]["message"] == ""
    frame = dataset.first().frames[3]
    frame[FIELD].detections[0].label = "runner"
    frame.save()
    told = ask(dataset.view(), "load")[0]["message"]
    assert told.startswith("1 frame changed since the audit")


def test_finds_what_to_send(dataset):
    ids = read_dataset_issues(dataset, FIELD)["id"].tolist()
    none, _ = ask(dataset.view(), "find_to_send", which="confirmed")
    assert none == {"problem": "there are no such issues, so there is nothing to send"}
    decide_issues(dataset, ids[:1], "confirmed")
    decide_issues(dataset, ids[1:2], "dismissed")
    other = dataset.exclude(dataset.select_labels(ids=ids[:1]).first().id)
    in_view = {"in_view": True}
    found, triggers = ask(other, "find_to_send", which="confirmed", filters=in_view)
    assert (found, triggers) == ({"issues": ids[:1]}, [])
    found, _ = ask(dataset.view(), "find_to_send", which="listed")
    assert set(found["issues"]) == {ids[0], *ids[2:]}
    scores = read_dataset_issues(dataset, FIELD).set_index("id")["score"]
    assert scores[found["issues"]].is_monotonic_decreasing
    filters = {"kinds": ["shift"], "in_view": True}
    found, _ = ask(other, "find_to_send", which="listed", filters=filters)
    assert len(found["issues"]) == 1


def test_shows_a_picture_of_each_issue(dataset):
    issues = read_dataset_issues(dataset, FIELD)
    ids = issues["id"].tolist()[:3]
    found, _ = ask(dataset.view(), "show_cards", ids=ids)
    assert set(found["cards"]) == set(ids)
    for issue, crop in found["cards"].items():
        row = issues.set_index("id").loc[issue]
        assert crop["frame"] == row["peak_frame"]
        assert len(crop["boxes"]) == 1
        assert crop["image"]


def test_shows_what_is_around_an_issue(dataset):
    issues = read_dataset_issues(dataset, FIELD)
    issue = issues[issues["track"] == 1].iloc[0]
    found, _ = ask(dataset.view(), "show_others", id=issue["id"])
    near = found["boxes"][str(issue["peak_frame"])]
    tracks = store.read_tracks(dataset[[issue["sample_id"]]], FIELD).tracks.table
    others = (tracks["track"] == 2) & (tracks["frame"] == issue["peak_frame"])
    expected = tracks[others][["left", "top", "width", "height"]].to_numpy()
    assert np.allclose(near, expected, atol=0.1)


def test_filters_the_samples(dataset):
    issues = read_dataset_issues(dataset, FIELD)
    found, triggers = ask(dataset.view(), "show_samples", kinds=["shift"])
    assert (found["issues"], triggers) == (2, ["set_view"])
    found, triggers = ask(dataset.view(), "show_samples", all=True)
    assert (found["issues"], triggers) == (None, ["clear_view"])
    found, _ = ask(dataset.view(), "show_samples", kinds=["gap"])
    assert "no such issues" in found["problem"]
    shifts = issues[issues["kind"] == "shift"]
    view = view_of_issues(dataset, FIELD, shifts)
    assert set(view.values("id")) == set(shifts["id"])


def test_notes_and_reports(dataset):
    issue = read_dataset_issues(dataset, FIELD)["id"][0]
    ask(dataset.view(), "note", id=issue, note="ask")
    place = {"sequence": "b", "track": 2, "first": 5, "last": 4}
    found, _ = ask(dataset.view(), "report", note="mirror", **place)
    listed, _ = ask(dataset.view(), "list_issues")
    notes = {each["id"]: each["note"] for each in listed["issues"]}
    assert (notes[issue], listed["total"]) == ("ask", 5)
    own = next(each for each in listed["issues"] if each["id"] == found["id"])
    assert (own["name"], own["first_frame"], own["last_frame"]) == ("reported", 4, 5)
    assert listed["progress"]["confirmed"] == 1
    assert listed["learned"] == ""
    shown, _ = ask(dataset.view(), "show_issue", id=found["id"])
    assert (len(shown["strip"]) > 2, shown["fixes"]) == (True, [])
    sent, _ = ask(dataset.view(), "find_to_send", which="confirmed")
    assert sent["issues"] == [found["id"]]
    found, _ = ask(dataset.view(), "report", note="mirror", **place | {"track": 9})
    assert "track 9 has no box" in found["problem"]


def test_notices_what_others_decide_and_save(dataset):
    issue = read_dataset_issues(dataset, FIELD)["id"][0]
    before, _ = ask(dataset.view(), "watch")
    assert ask(dataset.view(), "watch")[0] == before
    decide_issues(dataset, [issue], "confirmed", "ben")
    save_issue_views(dataset, FIELD)
    after, _ = ask(dataset.view(), "watch")
    assert after["stamp"] > before["stamp"]
    assert set(after["views"]) - set(before["views"]) >= {"confirmed"}
    # The open view has another time once it was saved again, and is left if it is gone
    seen = {"open": "confirmed", "renew": True}
    shown, triggers = ask(dataset.view(), "watch", **seen)
    assert triggers == []
    second = read_dataset_issues(dataset, FIELD)["id"][1:2]
    decide_issues(dataset, second, "confirmed")
    save_issue_views(dataset, FIELD)
    again, triggers = ask(dataset.view(), "watch", **seen)
    assert again["view"] > shown["view"] > "confirmed "
    assert triggers == []
    gone = {"open": "some-other", "renew": True}
    assert ask(dataset.view(), "watch", **gone)[1] == []
    gone["view"] = "some other 2026-01-01T00:00:00"
    assert ask(dataset.view(), "watch", **gone)[1] == ["clear_view"]
    found, _ = ask(
        dataset.view(),
        "decide",
        ids=[issue],
        decision="dismissed",
        known={issue: None},
    )
    assert "was confirmed by ben meanwhile" in found["problem"]


def test_measures_quality(dataset):
    found, _ = ask(dataset.view(), "show_quality")
    assert found["issues"]["open"] == 4
    assert {rate["group"] for rate in found["rates"]} >= {"all", "kind", "sequence"}


def test_opens_a_sample_of_any_view(dataset):
    first, last = dataset.first().id, dataset.last().id
    clips = dataset.to_clips("issues")
    away = ["close_sample", "clear_view", "open_panel"]
    cases = [
        (dataset.view(), first, 5, ["open_sample"]),
        (dataset.select(first), last, 5, away),
        (clips, first, SHORT, ["open_sample"]),
        (clips, first, 30, away),
        (dataset.to_frames(sample_frames=False), first, 5, away),
    ]
    gone, triggers = ask(dataset.view(), "open_sample", sample_id="0" * 24, frame=5)
    assert gone == {"problem": "this video no longer exists; reload the list"}
    assert triggers == []
    for view, sample, frame, wanted in cases:
        found, triggers = ask(view, "open_sample", sample_id=sample, frame=frame)
        assert triggers == wanted
        assert found == {"opened": wanted != away}
    # Or it is left as it is
    params = {"sample_id": last, "frame": 5, "stay": True}
    assert ask(dataset.select(first), "open_sample", **params) == (
        {"opened": False},
        [],
    )


def test_opens_the_clip_of_the_issue(dataset):
    supports = [[[1, 30] for _ in sample.issues.detections] for sample in dataset]
    dataset.set_values("issues.detections.support", supports)
    clips, first = dataset.to_clips("issues"), dataset.first()
    own = [issue.id for issue in first.issues.detections]
    for issue in own:
        params = {"sample_id": first.id, "frame": SHORT, "issue": issue}
        assert open_params(clips, **params) == issue
    assert open_params(dataset.view(), **params) == first.id


def open_params(view, **params):
    """What the App is told to open."""
    params |= {"__method__": "open_sample", "panel_id": "1", "panel_state": {}}
    ctx = {"dataset": view._root_dataset, "view": view, "params": params}
    requests = foo.execute_operator(PANEL, ctx).executor.to_json()["requests"]
    (opened,) = [
        request["params"]["id"]
        for request in requests
        if request["operator_uri"] == "open_sample"
    ]
    return opened


# What the panel is made of


def test_overview_is_kept_for_sequences_that_are_not_audited_again(dataset):
    before = read_overview(dataset, FIELD)
    audit_dataset(dataset.limit(1), thresholds=Thresholds(size=0.5))
    after = read_overview(dataset, FIELD)
    assert set(before) == set(after) == {"a", "b"}
    assert after["b"] == before["b"]


def test_overview_counts_boxes(tmp_path):
    tracks = walkers("a", tmp_path / "a")
    audit = audit_tracks(tracks)
    overview = make_overview(tracks, audit)["a"]
    assert overview["boxes"] == len(tracks.table)
    for name, edges in EDGES.items():
        assert len(overview[name]) == len(edges) - 1
        assert sum(overview[name]) == audit.detections[f"{name}_limit"].notna().sum()


def test_reads_a_part_of_a_track(dataset):
    whole = store.read_tracks(dataset, FIELD, ["size_change"]).tracks.table
    part, labeled = store.read_part(dataset, FIELD, "b", [2], (5, 9), ["size_change"])
    wanted = whole[(whole["sequence"] == "b") & (whole["track"] == 2)]
    wanted = wanted[wanted["frame"].between(5, 9)]
    columns = ["frame", "left", "top", "width", "height", "size_change"]
    pd.testing.assert_frame_equal(
        part.table[columns].reset_index(drop=True),
        wanted[columns].reset_index(drop=True),
    )
    assert labeled.tolist() == [5, 6, 7, 8, 9]
    with pytest.raises(ValueError, match="'panel' has no sequence 'c'"):
        store.read_part(dataset, FIELD, "c", [2], (5, 9))


def test_filters_need_a_known_decision(dataset):
    with pytest.raises(ValueError, match="not 'later'"):
        Filters(decision="later")
    none = read_dataset_issues(dataset, "nothing").assign(sequence="")
    assert list_issues(none, Filters(track=3), 9)["issues"] == []


def test_tells_where_to_edit_an_issue(dataset):
    issues = read_dataset_issues(dataset, FIELD)
    for _, issue in issues.iterrows():
        found, _ = ask(dataset.view(), "annotate", id=issue["id"])
        assert found["frame"] == issue["peak_frame"]
        assert found["names"][0] == f"track-{issue['track']}"
    assert ask(dataset.view(), "annotate", id="0" * 24)[0] == {
        "problem": "this issue no longer exists; reload the list"
    }


def test_tells_the_version_that_a_decision_made(dataset):
    (issue, *_) = read_dataset_issues(dataset, FIELD).to_dict("records")
    sample = issue["sample_id"]

    def version():
        (time,) = dataset.select(sample).values("last_modified_at")
        return round(pd.Timestamp(time).timestamp() * 1000)

    params = {"ids": [issue["id"]], "decision": "confirmed"}
    annotated = {"sample": sample, "version": version()}
    made, _ = ask(dataset.view(), "decide", **params, annotated=annotated)
    assert made == {"decided": 1, "version": version()}
    # Somebody else changed the sample in the meantime
    made, _ = ask(dataset.view(), "decide", **params, annotated=annotated)
    assert made == {"decided": 1, "version": None}


def test_judges_edits(dataset):
    frame = dataset.first().frames[3]
    frame[FIELD].detections[0].label = "runner"
    frame.save()
    assert ask(dataset.view(), "load")[0]["changed"] == 1
    judged, _ = ask(dataset.view(), "judge_edits")
    assert judged == {"frames": 1}
    assert ask(dataset.view(), "load")[0]["changed"] == 0
