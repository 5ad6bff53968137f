# SPDX-License-Identifier: Apache-2.0
"""Audits of a dataset: all or nothing, one at a time, and recorded as such."""

import fiftyone as fo
import fiftyone.core.odm as odm
import fiftyone.operators as foo
import numpy as np
import pandas as pd
import pytest
from fiftyone.operators.executor import ExecutionContext
from fiftyone_track_audit.importers.dataset import create_dataset
from fiftyone_track_audit.importers.store import (
    locks,
    reading,
    runs,
    sequences,
)
from fiftyone_track_audit.importers.tracks import InputError, Tracks, make_table
from fiftyone_track_audit.plugin.audit import Thresholds
from fiftyone_track_audit.plugin.review import audits
from fiftyone_track_audit.plugin.review.audit_records import (
    METHOD,
    describe_unfinished,
    last_thresholds,
    list_audits,
    read_overview,
)
from fiftyone_track_audit.plugin.review.audits import audit_dataset
from fiftyone_track_audit.plugin.review.issues import read_dataset_issues
from fiftyone_track_audit.plugin.review.review_plan import plan_review
from fiftyone_track_audit.plugin.review.saved_views import save_outlier_views
from killed import do_at_once, is_killed
from PIL import Image
from small_datasets import HEIGHT, WIDTH, small_model, table, walkers

pytestmark = pytest.mark.usefixtures("database")
FIELD = "ground_truth"
PLUGIN = "@track-audit/video"
OTHER = Thresholds(size=0.4, iou=0.3)


@pytest.fixture(scope="module")
def source(database, tmp_path_factory):
    """Two sequences that were not audited yet."""
    folder = tmp_path_factory.mktemp("frames")
    parts = [walkers(name, folder / name) for name in ("a", "b")]
    rows = pd.concat([part.table.astype({"sequence": str}) for part in parts])
    records = parts[0].sequences | parts[1].sequences
    made = create_dataset(Tracks(make_table(rows), records), "audits-source")
    yield made
    made.delete()


@pytest.fixture
def dataset(source):
    copy = source.clone("audits")
    yield copy
    copy.delete()


@pytest.fixture(scope="module")
def audited_source(source):
    copy = source.clone("audited-source")
    audit_dataset(copy)
    yield copy
    copy.delete()


@pytest.fixture
def audited(audited_source):
    copy = audited_source.clone("audited")
    yield copy
    copy.delete()


def frames_of(dataset):
    return list(dataset._frame_collection.find(sort=[("_id", 1)]))


def break_second(dataset, monkeypatch):
    """Makes an audit fail when it stores the second sequence."""
    write, written = audits.store.write_own, []

    def fail_later(*args, **more):
        if written:
            raise OSError("the disk is full")
        written.append(write(*args, **more))
        return written[0]

    monkeypatch.setattr(audits.store, "write_own", fail_later)


# Check first


def test_boxes_without_ids_in_a_later_sequence_change_nothing(dataset):
    last = dataset.last()
    for frame in last.frames.values():
        for detection in frame.ground_truth.detections:
            detection.index = None
    last.save()
    before, schema = frames_of(dataset), set(dataset.get_frame_field_schema(flat=True))
    with pytest.raises(
        ValueError, match=r"^b: the boxes in 'ground_truth' have no track"
    ):
        audit_dataset(dataset)
    assert frames_of(dataset) == before
    assert set(dataset.get_frame_field_schema(flat=True)) == schema
    assert not dataset.has_field("issues")
    assert dataset.list_runs() == []


def test_an_id_out_of_range_gets_a_number(dataset):
    last = dataset.last()
    for frame in last.frames.values():
        frame.ground_truth.detections[0].index = 2**40
    last.save()
    assert "shift" in audit_dataset(dataset).issues
    assert set(table(dataset.select(last.id), FIELD).index.unique("track")) == {2, 3}


def test_missing_frames_of_a_later_sequence_change_nothing(dataset, tmp_path):
    last = dataset.last()
    for number, frame in last.frames.items():
        frame.filepath = str(tmp_path / f"{number:06d}.png")
    last.save()
    before = frames_of(dataset)
    with pytest.raises(ValueError, match="30 of 30 frames of b are missing"):
        audit_dataset(dataset, kinds=("appearance",), model="resnet18")
    assert frames_of(dataset) == before
    assert dataset.list_runs() == []


def test_the_cache_of_embeddings_is_trimmed_once(dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TRACK_AUDIT_CACHE_SIZE", "0")
    trimmed, trim = [], audits.trim_vectors

    def count(folder, limit):
        trimmed.append((len(list(folder.rglob("*.npz"))), limit))
        trim(folder, limit)

    monkeypatch.setattr(audits, "trim_vectors", count)
    model = small_model(tmp_path)
    summary = audit_dataset(dataset, kinds=("appearance",), model=model)
    assert summary.sequences == 2
    # All frames of both sequences were there, and none is left
    assert trimmed == [(60, 0)]
    assert not list((tmp_path / "cache").rglob("*.npz"))


def test_frames_that_change_or_vanish_after_the_import(tmp_path):
    folder = tmp_path / "frames"
    made = create_dataset(walkers("a", folder), "changing", video_dir=tmp_path / "v")
    try:
        how = {"kinds": ("appearance",), "model": small_model(tmp_path)}
        audit_dataset(made, **how)
        before = table(made, FIELD, "embedding_distance")
        noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH), np.uint8)
        Image.fromarray(noise).save(folder / "000005.png")
        audit_dataset(made, **how)
        after = table(made, FIELD, "embedding_distance")
        changed = (before != after)["embedding_distance"]
        assert changed.loc[("a", 5)].all()
        (folder / "000006.png").unlink()
        stored = frames_of(made)
        with pytest.raises(InputError, match=r"1 of 30 frames of a are missing"):
            audit_dataset(made, **how)
        assert frames_of(made) == stored
        assert describe_unfinished(made, FIELD) == ""
    finally:
        made.delete()


def test_a_wrong_limit_of_the_cache_changes_nothing(dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("TRACK_AUDIT_CACHE_SIZE", "much")
    before = frames_of(dataset)
    with pytest.raises(ValueError, match="'much' is not a size"):
        audit_dataset(dataset, kinds=("appearance",), model=small_model(tmp_path))
    assert frames_of(dataset) == before
    assert dataset.list_runs() == []


def test_an_attribute_of_the_name_of_a_signal_is_kept(dataset):
    sample = dataset.first()
    sample.frames[1].ground_truth.detections[0]["size_outlier"] = "perhaps"
    sample.save()
    dataset.add_dynamic_frame_fields()
    audit_dataset(dataset)
    assert (
        dataset.first().frames[1].ground_truth.detections[0].size_outlier == "perhaps"
    )
    assert save_outlier_views(dataset)["size outliers"] == 2
    issues = load_panel(dataset, "list_issues")["issues"]
    shown = load_panel(dataset, "show_issue", id=issues[0]["id"])
    assert shown["panels"]


def test_a_field_that_cannot_hold_issues_changes_nothing(dataset):
    dataset.add_sample_field("issues", fo.StringField)
    before = frames_of(dataset)
    with pytest.raises(ValueError, match="'issues' of 'audits' holds something else"):
        audit_dataset(dataset)
    assert frames_of(dataset) == before
    assert dataset.list_runs() == []


def test_an_empty_view_is_refused(dataset):
    with pytest.raises(ValueError, match="view is empty"):
        audit_dataset(dataset.limit(0))
    assert dataset.list_runs() == []
    request = {"dataset_name": dataset.name, "params": {}}
    request["view"] = dataset.limit(0)._serialize()
    form = foo.get_operator(f"{PLUGIN}/audit_tracks").resolve_input(
        ExecutionContext(request_params=request)
    )
    assert "view is empty" in str(form.to_json())


# Tell what did not finish


def test_an_audit_that_fails_is_told_until_the_next_one(audited, monkeypatch):
    break_second(audited, monkeypatch)
    with pytest.raises(OSError, match="the disk is full"):
        audit_dataset(audited, thresholds=OTHER)
    monkeypatch.undo()
    told = describe_unfinished(audited, FIELD)
    assert "'ground_truth' has not finished" in told
    assert last_thresholds(audited, FIELD) == Thresholds()
    assert set(read_overview(audited, FIELD)) == {"a", "b"}
    for name in ("audit_tracks", "plan_review", "suggest_thresholds", "decide_issues"):
        request = {"dataset_name": audited.name, "params": {}}
        form = foo.get_operator(f"{PLUGIN}/{name}").resolve_input(
            ExecutionContext(request_params=request)
        )
        assert "has not finished" in str(form.to_json()), name
    assert load_panel(audited)["message"] == told
    (name, *_) = save_outlier_views(audited)
    assert told in audited.get_saved_view_info(name)["description"]
    # An audit of another part does not make it whole
    audit_dataset(audited.limit(1), thresholds=OTHER)
    assert describe_unfinished(audited, FIELD) == told
    audit_dataset(audited.skip(1), thresholds=OTHER)
    assert describe_unfinished(audited, FIELD) == ""
    assert load_panel(audited)["message"] == ""
    save_outlier_views(audited)
    assert told not in audited.get_saved_view_info(name)["description"]


def test_a_first_audit_that_fails_is_told(dataset, monkeypatch):
    break_second(dataset, monkeypatch)
    with pytest.raises(OSError, match="the disk is full"):
        audit_dataset(dataset)
    found = load_panel(dataset)
    assert found["status"] == "not_audited"
    told = describe_unfinished(dataset, FIELD)
    assert found["message"] == told != ""
    assert load_panel(dataset, "list_issues")["message"] == told
    assert plan_review(dataset, budget=3).note == told
    assert told in dataset.get_saved_view_info("review plan")["description"]
    planned = foo.get_operator(f"{PLUGIN}/plan_review")(dataset, budget=3)
    assert planned["note"] == told
    # What is gone need not be audited again
    dataset.delete_samples(dataset)
    assert describe_unfinished(dataset, FIELD) == ""


def load_panel(dataset, method="load", **params):
    params |= {"__method__": method, "panel_id": "1", "panel_state": {}}
    ctx = {"dataset": dataset, "view": dataset.view(), "params": params}
    return foo.execute_operator(f"{PLUGIN}/track_audit", ctx).result


# Killed


def test_an_audit_that_is_killed_leaves_the_one_before_or_its_own(audited):
    expected = audited.clone("expected")
    audit_dataset(expected, thresholds=OTHER)
    issues = comparable_issues(expected)
    scores = table(expected, FIELD, "outlier_score", "size_outlier")
    write, seen = 1, set()
    while is_killed(write, audited, audit_dataset, None, OTHER):
        audited.reload()
        (audit,) = list_audits(audited, FIELD)
        assert set(read_overview(audited, FIELD)) == {"a", "b"}
        told = describe_unfinished(audited, FIELD)
        if audit.settings.thresholds == OTHER:
            pd.testing.assert_frame_equal(comparable_issues(audited), issues)
        elif not told:
            assert seen <= {(Thresholds(), False)}
        seen.add((audit.settings.thresholds, bool(told)))
        write += 2
    audited.reload()
    assert seen >= {(Thresholds(), False), (Thresholds(), True), (OTHER, True)}
    assert describe_unfinished(audited, FIELD) == ""
    assert last_thresholds(audited, FIELD) == OTHER
    pd.testing.assert_frame_equal(comparable_issues(audited), issues)
    found = table(audited, FIELD, "outlier_score", "size_outlier")
    pd.testing.assert_frame_equal(found, scores)
    # Nothing is left over of those that were killed
    assert len(audited.list_runs()) == len(expected.list_runs())
    expected.delete()


def comparable_issues(dataset):
    issues = read_dataset_issues(dataset, FIELD)
    columns = ["sample_id", "kind", "track", "first_frame", "last_frame", "score"]
    issues = issues[columns].sort_values(columns).reset_index(drop=True)
    return issues.astype({"score": float})


def test_a_dataset_that_is_deleted_meanwhile_stays_deleted(source, monkeypatch):
    copy = source.clone("deleted meanwhile")
    own = {copy._sample_collection_name, copy._frame_collection_name}
    write = audits.store.write_own

    def delete_first(*args, **more):
        if copy.name in fo.list_datasets():
            do_at_once(copy, (fo.Dataset.delete,))
        return write(*args, **more)

    monkeypatch.setattr(audits.store, "write_own", delete_first)
    with pytest.raises(InputError, match=r"meanwhile: was deleted while auditing it$"):
        audit_dataset(copy)
    assert copy.name not in fo.list_datasets()
    # No collection is made again, and no document of a run
    database = odm.get_db_conn()
    assert not own.intersection(database.list_collection_names())
    assert not database.runs.count_documents({"dataset_id": copy._doc.id})


# Older datasets


def keep_as_before(dataset):
    """Stores the record of the last audit as earlier versions did."""
    overview = read_overview(dataset, FIELD)
    (stored,) = runs.read_records(dataset, METHOD)
    content = stored.content
    names = ("label_field", "thresholds", "kinds", "model", "suspects", "summary")
    dataset.delete_runs()
    config = dataset.init_run(
        method=content["method"], **{name: content[name] for name in names}
    )
    dataset.register_run(stored.key, config)
    results = dataset.init_run_results(stored.key, sequences=overview)
    dataset.save_run_results(stored.key, results)
    return stored.key, overview


def test_audits_of_earlier_versions_are_read_and_replaced(dataset):
    audit_dataset(dataset, thresholds=OTHER)
    key, overview = keep_as_before(dataset)
    (audit,) = list_audits(dataset, FIELD)
    assert audit.name == "audit_tracks"
    assert audit.settings.thresholds == OTHER
    assert read_overview(dataset, FIELD) == overview
    audit_dataset(dataset.limit(1), run_key="compute_size_outliers")
    assert last_thresholds(dataset, FIELD) == Thresholds()
    assert set(read_overview(dataset, FIELD)) == {"a", "b"}
    audit_dataset(dataset)
    assert key in dataset.list_runs()
    assert [audit.name for audit in list_audits(dataset, FIELD)] == [
        "compute_size_outliers",
        "audit_tracks",
    ]


@pytest.mark.parametrize("gone", ["results", "run"])
def test_runs_that_earlier_versions_left_broken_are_mended(dataset, gone):
    audit_dataset(dataset)
    keep_as_before(dataset)
    (document,) = dataset._doc.runs.values()
    if gone == "results":
        document.results.delete()
    else:
        document.delete()
    dataset.reload()
    assert read_overview(dataset, FIELD) == {}
    assert load_panel(dataset)["status"] == (
        "ready" if gone == "results" else "not_audited"
    )
    audit_dataset(dataset, thresholds=OTHER)
    assert last_thresholds(dataset, FIELD) == OTHER
    assert set(read_overview(dataset, FIELD)) == {"a", "b"}


# One at a time


def test_two_audits_at_once_follow_one_another(dataset):
    do_at_once(
        dataset,
        (audit_dataset, None, None, ("size_change",), "compute_size_outliers"),
        (audit_dataset, None, None, ("shift", "low_iou"), "compute_iou_outliers"),
    )
    dataset.reload()
    assert {audit.name for audit in list_audits(dataset, FIELD)} == {
        "compute_size_outliers",
        "compute_iou_outliers",
    }
    kinds = set(read_dataset_issues(dataset, FIELD)["kind"])
    assert kinds == {"size_change", "shift"}
    stored = table(dataset, FIELD, "size_outlier", "iou_outlier", "outlier_score")
    assert stored["size_outlier"].eq(True).any()
    assert stored["iou_outlier"].eq(True).any()
    assert (stored["outlier_score"] > 0.5).sum() >= 2


def test_an_audit_says_that_another_process_is_writing(dataset, monkeypatch):
    monkeypatch.setattr(locks, "_WAIT", 0.1)
    with (
        locks.exclusive(dataset, "loading corrections into"),
        pytest.raises(locks.LockedError, match="writing to 'audits'"),
    ):
        audit_dataset(dataset)
    assert dataset.list_runs() == []


# Read once


def test_samples_are_read_as_often_for_any_number_of_sequences(audited, monkeypatch):
    read, calls = sequences.read_samples, []

    def count_reads(*args):
        calls.append(args)
        return read(*args)

    for module in (sequences, reading):
        monkeypatch.setattr(module, "read_samples", count_reads)
    audit_dataset(audited.limit(1))
    of_one = len(calls)
    calls.clear()
    assert audit_dataset(audited).sequences == 2
    assert len(calls) == of_one


# A detector as a witness


def add_predictions(dataset, field="yolo"):
    """What a detector finds: the labels, and an object that nobody labeled."""
    dataset.add_frame_field(
        field, fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections
    )
    for sample in dataset:
        for frame in sample.frames.values():
            boxes = [each.bounding_box for each in frame.ground_truth.detections]
            found = [*boxes, [0.4, 0.05, 0.1, 0.3]]
            frame[field] = fo.Detections(
                detections=[
                    fo.Detection(label="walker", bounding_box=box, confidence=0.9)
                    for box in found
                ]
            )
        sample.save()


def test_the_only_field_with_confidences_is_the_witness(dataset):
    add_predictions(dataset)
    summary = audit_dataset(dataset)
    assert summary.issues["overlooked"] == 2
    issues = read_dataset_issues(dataset, FIELD)
    overlooked = issues[issues["kind"] == "overlooked"]
    assert overlooked["track"].tolist() == [-1, -1]
    assert overlooked["first_frame"].tolist() == [1, 1]
    (record,) = list_audits(dataset, FIELD)
    assert record.settings.predictions == "yolo"


def test_predictions_can_be_chosen_and_left_out(dataset):
    add_predictions(dataset)
    add_predictions(dataset, "other")
    assert "overlooked" not in audit_dataset(dataset).issues
    chosen = audit_dataset(dataset, predictions_field="other")
    assert chosen.issues["overlooked"] == 2
    assert "overlooked" not in audit_dataset(dataset, predictions_field="").issues
    with pytest.raises(ValueError, match="holds the tracks; expected another field"):
        audit_dataset(dataset, predictions_field=FIELD)
