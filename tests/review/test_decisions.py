# SPDX-License-Identifier: Apache-2.0
"""Decisions on issues: kept, found again, and learned from."""

from concurrent.futures import ThreadPoolExecutor

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pandas as pd
import pytest
from fiftyone.core.odm.database import get_db_conn
from fiftyone.operators.executor import ExecutionContext, ExecutionError
from fiftyone_track_audit.importers.store import locks, runs
from fiftyone_track_audit.plugin.audit import Thresholds
from fiftyone_track_audit.plugin.review.audit_records import METHOD
from fiftyone_track_audit.plugin.review.audits import audit_dataset
from fiftyone_track_audit.plugin.review.deciding import decide_issues
from fiftyone_track_audit.plugin.review.decisions import (
    CONFIRMED,
    DISMISSED,
    count_lost,
    find_decisions,
    precision,
    suggest_thresholds,
)
from fiftyone_track_audit.plugin.review.issues import read_dataset_issues
from fiftyone_track_audit.plugin.review.saved_views import (
    list_foreign_views,
    save_issue_views,
    save_outlier_views,
)
from small_datasets import SHIFTED, SHORT, copy_of

pytestmark = pytest.mark.usefixtures("database")

FIELD = "ground_truth"
PLUGIN = "@track-audit/video"


def mistake(kind="shift", track=1, other=None, first=10, last=12, field=FIELD):
    return {
        "label_field": field,
        "kind": kind,
        "track": track,
        "other_track": other,
        "first_frame": first,
        "last_frame": last,
    }


@pytest.mark.parametrize(
    ("decided", "found"),
    [
        (mistake(), True),
        (mistake(first=12, last=14), True),
        (mistake(first=13, last=14), False),
        (mistake(first=11, last=16), False),
        (mistake(first=10, last=15), True),
        (mistake(first=10, last=16), False),
        (mistake(first=12, last=40), False),
        (mistake(first=1, last=40), False),
        (mistake(first=11, last=11), True),
        (mistake(first=1, last=9), False),
        (mistake(kind="drift"), False),
        (mistake(track=2), False),
        (mistake(other=2), False),
        (mistake(field="predictions"), False),
    ],
)
def test_the_same_mistake_is_known_again(decided, found):
    assert (found_of(mistake(), [decided]) is decided) is found


def test_two_tracks_are_the_same_in_either_order():
    decided = mistake("identity_switch", 4, 7)
    assert found_of(mistake("identity_switch", 7, 4), [decided]) is decided


def test_what_is_confirmed_holds_for_its_parts():
    wide, part = mistake(first=1, last=40), mistake()
    confirmed = wide | {"decision": CONFIRMED}
    assert found_of(part, [confirmed]) is confirmed
    assert found_of(mistake(first=39, last=42), [confirmed]) is None
    for decision in (DISMISSED, None):
        assert found_of(part, [wide | {"decision": decision}]) is None
    # What was decided of the part itself comes first
    own = part | {"decision": DISMISSED}
    assert found_of(part, [own, confirmed]) is own
    assert found_of(part, [confirmed, own]) is own


def test_the_last_decision_counts():
    first, second = mistake(first=8, last=11), mistake(first=10, last=14)
    assert found_of(mistake(), [first, second]) is second
    assert found_of(mistake(), [second, first]) is first


def found_of(issue, decisions):
    (found,) = find_decisions([issue], decisions)
    return found


@pytest.fixture
def dataset(one_walk):
    with copy_of(one_walk) as copy:
        yield copy


@pytest.fixture
def issues(dataset):
    found = read_dataset_issues(dataset, FIELD).sort_values("first_frame")
    assert found["first_frame"].tolist() == [SHORT, SHIFTED]
    return found.reset_index(drop=True)


def decisions(dataset):
    found = read_dataset_issues(dataset, FIELD).sort_values("first_frame")
    return found["decision"].fillna("").tolist()


def test_decisions_have_author_and_time(dataset, issues):
    assert decide_issues(dataset, issues["id"][:1].tolist(), CONFIRMED, "ann") == 1
    found = read_dataset_issues(dataset, FIELD).set_index("id")
    told = found.loc[issues["id"][0]]
    assert (told["decision"], told["decided_by"]) == (CONFIRMED, "ann")
    assert (pd.Timestamp.now("UTC").tz_localize(None) - told["decided_at"]).days == 0
    assert found.loc[issues["id"][1], "decision"] is None


def test_decisions_survive_an_audit(dataset, issues):
    decide_issues(dataset, issues["id"][:1].tolist(), CONFIRMED, "ann")
    decide_issues(dataset, issues["id"][1:].tolist(), DISMISSED, "bob")
    audit_dataset(dataset)
    again = read_dataset_issues(dataset, FIELD)
    assert not set(again["id"]) & set(issues["id"])
    assert decisions(dataset) == [CONFIRMED, DISMISSED]


def test_decisions_survive_an_audit_that_finds_nothing(dataset, issues):
    decide_issues(dataset, issues["id"].tolist(), DISMISSED)
    blind = Thresholds(size=50, iou=0.01)
    audit_dataset(dataset, thresholds=blind, kinds=("size_change", "low_iou", "shift"))
    kept = read_dataset_issues(dataset, FIELD)
    assert len(kept) <= len(issues)
    audit_dataset(dataset)
    assert decisions(dataset) == [DISMISSED, DISMISSED]


def test_a_decision_can_be_changed_and_taken_back(dataset, issues):
    ids = issues["id"].tolist()
    decide_issues(dataset, ids, CONFIRMED)
    decide_issues(dataset, ids[:1], DISMISSED)
    assert decisions(dataset) == [DISMISSED, CONFIRMED]
    decide_issues(dataset, ids[1:], None)
    assert decisions(dataset) == [DISMISSED, ""]
    audit_dataset(dataset)
    assert decisions(dataset) == [DISMISSED, ""]
    assert [each["decision"] for each in dataset.first().decisions] == [
        DISMISSED,
        None,
    ]


@pytest.mark.parametrize(
    ("ids", "decision", "text"),
    [
        (["5f0000000000000000000000"], CONFIRMED, "no issue 5f0000000000000000000000"),
        (None, "maybe", "expected 'confirmed', 'dismissed' or None, not 'maybe'"),
    ],
)
def test_wrong_decisions_change_nothing(dataset, issues, ids, decision, text):
    with pytest.raises(ValueError, match=text):
        decide_issues(dataset, [*issues["id"], *(ids or ())], decision)
    assert decisions(dataset) == ["", ""]
    assert decide_issues(dataset, [], CONFIRMED) == 0


def test_views_show_what_was_decided(dataset, issues):
    assert save_issue_views(dataset, FIELD) == {"issues": 2, "issues to review": 2}
    ids = issues["id"].tolist()
    decide_issues(dataset, ids[:1], CONFIRMED)
    decide_issues(dataset, ids[1:], DISMISSED)
    counts = save_issue_views(dataset, FIELD)
    assert counts == {"issues": 2, "confirmed": 1, "dismissed": 1}
    assert set(dataset.list_saved_views()) == set(counts)
    assert dataset.load_saved_view("confirmed").values("issues.id") == ids[:1]
    assert dataset.load_saved_view("dismissed").values("issues.id") == ids[1:]


def made_clips():
    """The names of the datasets that views of clips are made of."""
    found = get_db_conn()["datasets"].find(
        {"sample_collection_name": {"$regex": "^clips"}}
    )
    return {each["name"] for each in found}


def test_views_that_are_as_they_should_be_stay(dataset, issues):
    decide_issues(dataset, issues["id"][:1].tolist(), CONFIRMED)
    counts = save_issue_views(dataset, FIELD)
    before = made_clips()
    assert save_issue_views(dataset, FIELD) == counts
    assert made_clips() == before
    decide_issues(dataset, issues["id"].tolist(), DISMISSED)
    assert save_issue_views(dataset, FIELD) == {"issues": 2, "dismissed": 2}
    clips = dataset.load_saved_view("issues")
    assert clips.values("issues.decision") == [DISMISSED, DISMISSED]
    audit_dataset(dataset, thresholds=Thresholds(size=0.3))
    clips = dataset.load_saved_view("dismissed")
    assert set(clips.values("issues.id")) == set(
        read_dataset_issues(dataset, FIELD)["id"]
    )


def test_the_record_does_not_grow_with_audits(dataset, issues):
    for decision in (CONFIRMED, DISMISSED, CONFIRMED):
        audit_dataset(dataset)
        ids = read_dataset_issues(dataset, FIELD)["id"].tolist()
        decide_issues(dataset, ids, decision)
    (record,) = dataset.values("decisions")
    assert {each["issue"] for each in record} == set(ids)
    assert len(record) == len(ids)
    audit_dataset(dataset)
    assert decisions(dataset) == [CONFIRMED, CONFIRMED]


def test_an_audit_tells_of_confirmed_issues_that_it_does_not_find(dataset, issues):
    size_change = issues["id"][issues["kind"] == "size_change"].tolist()
    decide_issues(dataset, size_change, CONFIRMED)
    higher = run("audit_tracks", dataset.view(), params={"size_threshold": 2.0})
    assert higher["lost"] == 1
    assert ". Not found again: 1 confirmed issue" in higher["message"]
    again = run("audit_tracks", dataset.view())
    assert again["lost"] == 0
    assert "Not found again" not in again["message"]
    assert CONFIRMED in decisions(dataset)


def test_a_mistake_is_lost_where_none_of_its_frames_is_found():
    places = [(1, 9, 10, 19), (1, 9, 40, 44), (1, None, 10, 19), (2, None, 10, 19)]
    before = located(*places)
    assert count_lost(before, before) == 0
    # Into two parts, with the tracks the other way round; at its last frame alone
    found = located((9, 1, 11, 12), (1, 9, 15, 16), (1, 9, 44, 60), (2, None, 20, 29))
    assert count_lost(before, found) == 2
    assert count_lost(before, found.assign(kind="gap")) == 4
    assert count_lost(before, found.assign(sample_id="b")) == 4
    assert count_lost(before, found[:0]) == 4
    assert count_lost(before[:0], found) == 0


def located(*places):
    columns = ["track", "other_track", "first_frame", "last_frame"]
    table = pd.DataFrame(places, columns=columns, dtype=object)
    return table.assign(sample_id="a", kind="shift")


def test_an_audit_tells_of_views_that_somebody_else_saves(dataset, issues, monkeypatch):
    save_issue_views(dataset, FIELD)
    monkeypatch.setattr(locks, "_WAIT", 0.1)
    with locks.exclusive(dataset, "saving views of", "-views"):
        assert audit_dataset(dataset, thresholds=Thresholds(size=0.3)).outdated_views
    (audit,) = runs.read_records(dataset, METHOD)
    assert audit.content["summary"]["outdated_views"]
    assert not audit_dataset(dataset).outdated_views
    clips = dataset.load_saved_view("issues").values("issues.id")
    assert set(clips) == set(read_dataset_issues(dataset, FIELD)["id"])


def test_each_label_field_has_its_own_views(dataset, issues):
    dataset.clone_frame_field(FIELD, "model")
    audit_dataset(dataset, "model")
    others = read_dataset_issues(dataset, "model")["id"].tolist()
    decide_issues(dataset, others, DISMISSED)
    of_model = {"issues (model)": 2, "dismissed (model)": 2}
    assert save_issue_views(dataset, "model") == of_model
    decide_issues(dataset, issues["id"].tolist(), CONFIRMED)
    assert save_issue_views(dataset, FIELD) == {"issues": 2, "confirmed": 2}
    clips = dataset.load_saved_view("dismissed (model)")
    assert set(clips.values("issues.id")) == set(others)
    names = save_outlier_views(dataset, "model")
    assert all(name.endswith(" (model)") for name in names)


def test_views_that_are_open_stay_as_they_are(dataset, issues):
    save_issue_views(dataset, FIELD)
    shown = dataset.load_saved_view("issues to review")
    decide_issues(dataset, issues["id"][:1].tolist(), CONFIRMED)
    save_issue_views(dataset, FIELD)
    assert len(shown.values("id")) == 2
    again = fo.DatasetView._build(dataset, shown._serialize())
    assert len(again) == 2


def test_views_of_a_clone_stay_as_they_are(dataset, issues):
    decide_issues(dataset, issues["id"][:1].tolist(), CONFIRMED)
    save_issue_views(dataset, FIELD)
    clone = dataset.clone("decisions clone")
    decide_issues(dataset, issues["id"].tolist(), DISMISSED)
    save_issue_views(dataset, FIELD)
    clips = clone.load_saved_view("confirmed")
    assert clips.values("issues.id") == issues["id"][:1].tolist()
    clone.delete()


def test_views_of_others_stay_as_they_are(dataset, issues, caplog):
    own = dataset.limit(0)
    dataset.save_view("confirmed", own, description="Mine")
    dataset.save_view("outliers", own)
    decide_issues(dataset, issues["id"].tolist(), CONFIRMED)
    assert list_foreign_views(dataset, FIELD) == ["outliers", "confirmed"]
    assert "confirmed" not in save_issue_views(dataset, FIELD)
    assert not caplog.records
    assert "outliers" not in save_outlier_views(dataset, FIELD)
    assert "named 'outliers', 'confirmed' yourself" in caplog.text
    for name in ("confirmed", "outliers"):
        assert len(dataset.load_saved_view(name)) == 0
    form = foo.get_operator(f"{PLUGIN}/save_outlier_views").resolve_input(
        ExecutionContext(request_params={"dataset_name": dataset.name, "params": {}})
    )
    assert "'outliers', 'confirmed'" in str(form.to_json())


def test_views_are_saved_by_one_at_a_time(dataset, issues):
    decide_issues(dataset, issues["id"][:1].tolist(), CONFIRMED)
    with ThreadPoolExecutor(2) as pool:
        each = list(pool.map(lambda _: save_issue_views(dataset, FIELD), range(4)))
    assert all(counts == each[0] for counts in each)
    fresh = get_db_conn()["datasets"].find_one({"name": dataset.name})
    assert len(fresh["saved_views"]) == len(each[0]) == 3
    known = {view["_id"] for view in get_db_conn()["views"].find()}
    assert known.issuperset(fresh["saved_views"])


def test_a_decision_waits_for_who_writes_or_says_so(dataset, issues, monkeypatch):
    decide_issues(dataset, issues["id"].tolist(), CONFIRMED, "alice")
    monkeypatch.setattr(locks, "_WAIT", 0.1)
    with (
        locks.exclusive(dataset, "auditing"),
        pytest.raises(locks.LockedError, match="writing to 'walkers'"),
    ):
        decide_issues(dataset, issues["id"].tolist(), DISMISSED, "bob")
    kept = read_dataset_issues(dataset, FIELD)
    assert set(kept["decision"]) == {CONFIRMED}
    assert set(kept["decided_by"]) == {"alice"}


def test_a_decision_about_issues_that_were_replaced_is_refused(dataset, issues):
    audit_dataset(dataset)
    with pytest.raises(ValueError, match="an audit replaces the issues, so load them"):
        decide_issues(dataset, issues["id"].tolist(), DISMISSED)
    assert decisions(dataset) == ["", ""]


def test_decides_where_the_user_has_no_name(dataset, issues, monkeypatch):
    def getuser():
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("getpass.getuser", getuser)
    decide_issues(dataset, issues["id"].tolist(), CONFIRMED)
    assert set(read_dataset_issues(dataset, FIELD)["decided_by"]) == {"unknown"}


# What can be learned


def judged(*rows):
    names = ("kind", "decision", "size_limit", "iou_limit", "corrected")
    table = pd.DataFrame(rows, columns=names)
    return table.astype({"size_limit": float, "iou_limit": float})


def test_precision_per_kind():
    found = precision(
        judged(
            ("shift", CONFIRMED, None, None, True),
            ("shift", CONFIRMED, None, None, None),
            ("shift", DISMISSED, None, None, False),
            ("shift", None, None, None, None),
            ("drift", None, None, None, None),
        )
    )
    shift, drift = found.loc["shift"], found.loc["drift"]
    assert shift[["issues", "open", "confirmed", "dismissed"]].tolist() == [4, 1, 2, 1]
    assert shift["precision"] == pytest.approx(2 / 3)
    assert shift[["checked", "corrected"]].tolist() == [2, 1]
    assert drift["open"] == 1
    assert np.isnan(drift["precision"])


def sizes(confirmed, dismissed):
    return judged(
        *(("size_change", CONFIRMED, limit, None, None) for limit in confirmed),
        *(("size_change", DISMISSED, limit, None, None) for limit in dismissed),
    )


@pytest.mark.parametrize(
    ("confirmed", "dismissed", "threshold"),
    [
        ([0.6, 0.7, 0.8], [0.3, 0.32, 0.4], 0.5),
        ([0.6, 0.7, 0.35], [0.3, 0.32, 0.4, 0.5], 0.55),
        # As it is where no other is better
        ([0.3, 0.4, 0.5], [0.1, 0.15, 0.2], 0.25),
        ([0.3, 0.4], [0.1, 0.15, 0.2], None),
        ([], [], None),
    ],
)
def test_suggests_a_size_threshold(confirmed, dismissed, threshold):
    found = suggest_thresholds(sizes(confirmed, dismissed), Thresholds())
    assert found.size == (threshold and pytest.approx(threshold))
    assert found.iou is None
    few = f"dismissed issues, there are {len(confirmed)} and {len(dismissed)}. IoU"
    assert (few in found.message) is (threshold is None)


def test_suggests_an_iou_threshold():
    rows = [("low_iou", CONFIRMED, None, iou, None) for iou in (0.1, 0.2, 0.25)]
    rows += [("shift", DISMISSED, None, iou, None) for iou in (0.35, 0.4, 0.45)]
    found = suggest_thresholds(judged(*rows), Thresholds())
    assert found.iou == pytest.approx(0.3)
    assert found.size is None
    said = "0.3 misses 0 of 3 confirmed issues and flags 0 of 3 dismissed; 0.5 0 and 3."
    assert found.message.endswith(f"IoU: {said}")


# Operators

CONFIRM = {"decision": CONFIRMED}


def run(name, view, **ctx):
    ctx |= {"dataset": view._root_dataset, "view": view}
    return foo.execute_operator(f"{PLUGIN}/{name}", ctx).result


def test_decides_the_issues_of_a_view(dataset, issues):
    result = run("decide_issues", dataset.view(), params={"decision": DISMISSED})
    assert (result["decided"], decisions(dataset)) == (2, [DISMISSED, DISMISSED])
    assert result["message"] == "2 issues dismissed"
    assert dataset.has_saved_view("dismissed")
    result = run("decide_issues", dataset.view(), params={"decision": "leave"})
    assert (result["decided"], decisions(dataset)) == (2, ["", ""])
    assert result["next"] == "2 issues to review"


def test_a_decision_is_stored_where_views_are_locked(dataset, issues, monkeypatch):
    save_issue_views(dataset, FIELD)
    monkeypatch.setattr(locks, "_WAIT", 0.1)
    with locks.exclusive(dataset, "saving views of", "-views"):
        result = run("decide_issues", dataset.view(), params=CONFIRM)
    assert decisions(dataset) == [CONFIRMED, CONFIRMED]
    assert result["decided"] == 2
    assert result["message"].startswith("2 issues confirmed. Another process was")
    assert "Save outlier views" in result["next"]


def test_decides_the_selected_clip(dataset, issues):
    save_issue_views(dataset, FIELD)
    clips = dataset.load_saved_view("issues")
    ids = dict(zip(*clips.values(["issues.id", "id"]), strict=True))
    run("decide_issues", clips, selected=[ids[issues["id"][0]]], params=CONFIRM)
    assert decisions(dataset) == [CONFIRMED, ""]


def test_decides_selected_labels(dataset, issues):
    label = {"sample_id": dataset.first().id, "field": "issues"}
    label["label_id"] = issues["id"][1]
    run("decide_issues", dataset.view(), selected_labels=[label], params=CONFIRM)
    assert decisions(dataset) == ["", CONFIRMED]


def test_says_where_no_issues_are(dataset):
    request = {"dataset_name": dataset.name, "params": {}}
    request["view"] = dataset.limit(0)._serialize()
    ctx = ExecutionContext(request_params=request)
    shown = foo.get_operator(f"{PLUGIN}/decide_issues").resolve_input(ctx).to_json()
    told = [entry["error_message"] for entry in shown["type"]["properties"].values()]
    assert "no issues are selected or shown; open the view 'issues'" in told
    with pytest.raises(ExecutionError, match="no issues are selected or shown"):
        run("decide_issues", dataset.limit(0), params=CONFIRM)


def test_suggests_from_python_and_in_the_app(dataset, issues):
    decide_issues(dataset, issues["id"].tolist(), CONFIRMED)
    result = run("suggest_thresholds", dataset.view(), params={})
    assert result["size"] is None
    assert "it takes 3 confirmed and 3 dismissed issues" in result["message"]
    assert foo.get_operator(f"{PLUGIN}/suggest_thresholds")(dataset) == result
