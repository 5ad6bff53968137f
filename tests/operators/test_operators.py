# SPDX-License-Identifier: Apache-2.0
"""The plugin as FiftyOne loads it, and each operator from the App and from Python."""

import json
from itertools import chain
from pathlib import Path

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pandas as pd
import pytest
from fiftyone import ViewField as F
from fiftyone.operators.delegated import DelegatedOperationService
from fiftyone.operators.executor import ExecutionContext, ExecutionError
from fiftyone_track_audit.importers.dataset import create_dataset
from fiftyone_track_audit.importers.tracks import (
    Sequence,
    Tracks,
    concatenate,
    make_table,
)
from fiftyone_track_audit.plugin.groundtruth.request import AdjustmentJob
from fiftyone_track_audit.plugin.review.audit_records import list_audits
from fiftyone_track_audit.plugin.review.deciding import decide_issues
from fiftyone_track_audit.plugin.review.issues import read_dataset_issues
from fiftyone_track_audit.plugin.review.review_plan import plan_review
from fiftyone_track_audit.plugin.sending.records import recorded_adjustments
from labeling_jobs import BUCKET, READY
from PIL import Image

pytestmark = pytest.mark.usefixtures("database")

PLUGIN = "@track-audit/video"
WIDTH, HEIGHT = 200, 100
#: Track 1 is too short in frame 10, track 2 at the wrong place in frame 20 of "a";
#: no box of "b" is wrong.
SHORT, SHIFTED = 10, 20


def walkers(sequence, folder, wrong):
    frames = np.arange(1, 31)
    folder.mkdir()
    names = tuple(f"{frame:06d}.png" for frame in frames)
    for shade, name in enumerate(names):
        Image.new("L", (WIDTH, HEIGHT), 5 * shade + wrong).save(folder / name)
    table = pd.DataFrame(
        {
            "sequence": sequence,
            "frame": np.tile(frames, 2),
            "frame_name": names * 2,
            "track": np.repeat([1, 2], 30),
            "label": "walker",
            "left": np.r_[10 + 2.0 * frames, 150 - 2.0 * frames],
            "top": np.repeat([10.0, 50.0], 30),
            "width": 20.0,
            "height": 36.0,
        }
    )
    if wrong:
        first = table["track"] == 1
        table.loc[first & (table["frame"] == SHORT), "height"] *= 0.6
        table.loc[~first & (table["frame"] == SHIFTED), "left"] += 16
    record = Sequence(sequence, WIDTH, HEIGHT, 10.0, names, folder)
    return Tracks(make_table(table), {sequence: record})


@pytest.fixture(scope="module")
def source(database, tmp_path_factory):
    """The dataset that each test gets a copy of."""
    folder = tmp_path_factory.mktemp("walkers")
    parts = [walkers(name, folder / name, name == "a") for name in ("a", "b")]
    dataset = create_dataset(
        concatenate(parts), "source", video_dir=folder / "videos", tags=["new"]
    )
    yield dataset
    dataset.delete()


@pytest.fixture
def dataset(source):
    copy = source.clone("walkers")
    yield copy
    copy.delete()


@pytest.fixture(scope="module")
def audited_source(source):
    copy = source.clone("audited source")
    run("audit_tracks", copy)
    run("save_outlier_views", copy)
    yield copy
    copy.delete()


@pytest.fixture(scope="module")
def shared(audited_source):
    """A copy for tests that do not care for what others recorded with it."""
    copy = audited_source.clone("shared")
    yield copy
    copy.delete()


@pytest.fixture
def audited(audited_source):
    copy = audited_source.clone("audited walkers")
    yield copy
    copy.delete()


def run(operator, samples, /, selected=None, labels=None, **params):
    """Runs an operator as the App does; returns its result and its triggers."""
    ctx = {"params": params, "selected": selected, "selected_labels": labels}
    if isinstance(samples, fo.Dataset):
        ctx["dataset"] = samples
    elif samples is not None:
        ctx |= {"dataset": samples._root_dataset, "view": samples}
    answer = foo.execute_operator(f"{PLUGIN}/{operator}", ctx)
    requests = answer.executor.to_json()["requests"]
    return answer.result, [request["operator_uri"] for request in requests]


def form(operator, dataset, view=None, /, **params):
    """The form that an operator shows, as JSON."""
    request = {"dataset_name": dataset.name, "params": params}
    if view is not None:
        request["view"] = view._serialize()
    ctx = ExecutionContext(request_params=request)
    return foo.get_operator(f"{PLUGIN}/{operator}").resolve_input(ctx).to_json()


def errors(form):
    """The messages that keep a form from being submitted."""
    properties = form["type"]["properties"].values()
    return [entry["error_message"] for entry in properties if entry["invalid"]]


def read(dataset, name):
    return dataset.values(f"frames.ground_truth.detections.{name}")


# Importing


def test_import_mot(write_mot):
    result, triggers = run(
        "import_sequences", None, dataset_dir=str(write_mot()), name="imported"
    )
    try:
        assert result["dataset"] == "imported"
        assert [result[n] for n in ("sequences", "frames", "detections")] == [1, 6, 6]
        assert (
            result["message"]
            == "6 boxes in 6 frames of 1 sequence are now in 'imported'"
        )
        assert triggers == ["open_dataset"]
        dataset = fo.load_dataset("imported")
        assert dataset.persistent
        assert dataset.count("frames.ground_truth.detections") == 6
    finally:
        fo.delete_dataset("imported")


def test_import_from_python(write_mot):
    operator = foo.get_operator(f"{PLUGIN}/import_sequences")
    options = {"include_ignored": True, "det_field": "found"}
    result = operator("imported", dataset_dir=str(write_mot()), **options)
    try:
        assert result["detections"] == 12
        dataset = fo.load_dataset("imported")
        assert dataset.count("frames.found.detections") == 6
    finally:
        fo.delete_dataset("imported")


def test_import_other_formats(tmp_path):
    (tmp_path / "labels").mkdir()
    rows = "0 0.5 0.5 0.25 0.5 3\n"
    for number in (1, 2):
        (tmp_path / f"labels/{number}.txt").write_text(rows)
    (tmp_path / "images").mkdir()
    for number in (1, 2):
        Image.new("RGB", (64, 48)).save(tmp_path / f"images/{number}.png")
    params = {"format": "Other formats", "labels_path": str(tmp_path / "labels")}
    result, _ = run("import_sequences", None, **params, name="other")
    try:
        assert result["understood"] == (
            f"YOLO with tracks: {tmp_path.name}, 2 frames, 2 boxes of 1 track (0 2), "
            "64x48 (the frames), 30 fps (assumed)"
        )
        assert fo.load_dataset("other").count("frames.ground_truth.detections") == 2
    finally:
        fo.delete_dataset("other")


def test_import_real_labels(real_data):
    folder = str(real_data / "MOT20" / "train" / "MOT20-01")
    labels = str(real_data / "groundtruth" / "MOT20-01-SeqLabel.json")
    result, _ = run(
        "import_sequences",
        None,
        format="SageMaker Ground Truth",
        dataset_dir=folder,
        labels_path=labels,
        name="labels",
    )
    try:
        assert (result["frames"], result["detections"]) == (32, 84)
        audit, _ = run("audit_tracks", fo.load_dataset("labels"))
        assert audit["outliers"] == 3
        assert audit["issues"] == {"size_change": 1, "shift": 1}
    finally:
        fo.delete_dataset("labels")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"name": "new", "dataset_dir": "/nowhere"}, "/nowhere"),
        ({"name": "new"}, "dataset_dir. Reason: Required"),
        ({"name": "source", "dataset_dir": "."}, "there is already a dataset 'source'"),
    ],
)
def test_import_errors(source, params, message):
    before = fo.list_datasets()
    with pytest.raises(ExecutionError, match=message):
        run("import_sequences", None, **params)
    assert fo.list_datasets() == before


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"dataset_dir": "/nowhere"}, "there is no folder /nowhere"),
        ({"name": "source"}, "there is already a dataset 'source'"),
        (
            {"format": "SageMaker Ground Truth", "labels_path": "/no.json"},
            "there is no file /no.json",
        ),
        ({"format": "Other formats", "labels_path": "/no"}, "/no: no such file"),
        ({"size": "wide"}, "the size is 'wide'; expected one such as 1920x1080"),
    ],
)
def test_import_form_errors(source, params, message):
    (error,) = errors(form("import_sequences", source, **params))
    assert message in error


def test_import_form_suggests_the_name_of_the_folder(source, write_mot):
    folder = write_mot()
    shown = form("import_sequences", source, dataset_dir=str(folder))
    assert shown["type"]["properties"]["name"]["default"] == folder.name


@pytest.mark.parametrize(
    "folder",
    [7, ["a"], "", "/", "/nowhere", "~nobody-of-this-name", "a\0", "a" * 5000],
    ids=lambda folder: repr(folder)[:20],
)
def test_import_form_suggests_no_name_for_what_is_no_folder(source, folder):
    shown = form("import_sequences", source, dataset_dir=folder)
    assert shown["type"]["properties"]["name"]["default"] is None


# The audit


def test_audit(dataset):
    result, triggers = run("audit_tracks", dataset)
    message = "2 outliers among 120 boxes of 2 sequences; they make 2 issues: "
    assert result["message"].startswith(message)
    assert result["issues"] == {"size_change": 1, "shift": 1}
    assert triggers == ["reload_dataset"]
    wrong = dataset.filter_labels("frames.ground_truth", F("outlier_score") > 0.5)
    frames = wrong.match_frames(F("ground_truth.detections").length() > 0)
    assert frames.values("frames.frame_number") == [[SHORT, SHIFTED]]
    reasons = frames.values("frames.ground_truth.detections.outlier_reasons")
    assert reasons == [[[["size_change"]], [["shift"]]]]
    short, shifted = sorted(dataset.first().issues.detections, key=lambda i: i.track)
    assert (short.label, shifted.label) == ("size_change", "shift")
    assert short.support == [SHORT - 5, SHORT + 5]
    assert (short.first_frame, short.last_frame) == (SHORT, SHORT)
    assert "40% smaller" in short.reason
    assert 0.5 < short.confidence < 1
    assert not dataset.last().issues.detections


def test_audit_leaves_labels_as_they_were(dataset):
    names = ("id", "label", "index", "bounding_box")
    before = [read(dataset, name) for name in names]
    run("audit_tracks", dataset)
    assert [read(dataset, name) for name in names] == before


def test_what_is_not_defined_is_null(shared):
    changes = read(shared, "size_change")
    assert changes[0][0] == [None, None]
    assert None not in chain.from_iterable(changes[0][1:])
    assert read(shared, "iou_next")[0][-1] == [None, None]


SCORES = {"outlier_score", "outlier_reasons"}


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("compute_size_outliers", {"size_change", "size_outlier", *SCORES}),
        ("compute_iou_outliers", {"iou_prev", "iou_next", "iou_outlier", *SCORES}),
    ],
)
def test_one_kind_of_outliers(dataset, name, fields):
    known = set(dataset.get_frame_field_schema(flat=True))
    result, _ = run(name, dataset)
    assert result["outliers"] == 1
    added = set(dataset.get_frame_field_schema(flat=True)) - known
    assert {path.rpartition(".")[2] for path in added} == fields
    again = foo.get_operator(f"{PLUGIN}/{name}")(dataset)
    assert {key: again[key] for key in result} == result


@pytest.mark.parametrize(
    ("name", "params", "outliers"),
    [
        ("audit_tracks", {"size_threshold": 1.0}, 1),
        ("audit_tracks", {"iou_threshold": 0.02}, 2),
        ("audit_tracks", {"size_threshold": 1.0, "iou_threshold": 0.02}, 1),
        ("compute_size_outliers", {"size_threshold": 1.0}, 0),
        ("compute_iou_outliers", {"iou_threshold": 0.02}, 1),
    ],
)
def test_thresholds(dataset, name, params, outliers):
    result, _ = run(name, dataset, **params)
    assert result["outliers"] == outliers
    config = dataset.get_run_info(f"{name}_ground_truth").config
    thresholds = {"size": 0.25, "iou": 0.5}
    thresholds |= {key.removesuffix("_threshold"): v for key, v in params.items()}
    assert config.thresholds == thresholds
    assert config.label_field == "frames.ground_truth"
    assert config.summary["outliers"] == outliers


def test_audit_again_replaces_what_it_found_alone(audited):
    sample = audited.first()
    own = fo.TemporalDetection(label="occluded", support=[3, 8])
    sample.issues.detections.append(own)
    sample["note"] = "mine"
    sample.frames[SHORT].ground_truth.detections[0]["checked"] = True
    sample.save()
    audited.add_dynamic_frame_fields()
    result, _ = run("audit_tracks", audited, size_threshold=1.0)
    assert result["issues"] == {"shift": 1}
    sample.reload()
    labels = sorted(issue.label for issue in sample.issues.detections)
    assert labels == ["occluded", "shift"]
    assert sample.note == "mine"
    assert sample.frames[SHORT].ground_truth.detections[0].checked is True
    assert sum(chain.from_iterable(read(audited, "size_outlier")[0])) == 0
    # The audit, and its overview
    assert len(audited.list_runs()) == 2
    run("audit_tracks", audited)
    labels = sorted(audited.values("issues.detections.label")[0])
    assert labels == ["occluded", "shift", "size_change"]


def test_target_view_is_judged_alone(dataset):
    result, _ = run("audit_tracks", dataset.skip(1))
    assert (result["sequences"], result["detections"], result["outliers"]) == (1, 60, 0)
    assert dataset.values("issues.detections")[0] is None
    assert set(chain.from_iterable(read(dataset, "outlier_score")[0])) == {None}
    assert None not in chain.from_iterable(read(dataset, "outlier_score")[1])


def test_tracks_are_judged_whole_in_a_filtered_view(dataset):
    view = dataset.limit(1).match_frames(F("frame_number") == SHORT)
    result, _ = run("audit_tracks", view)
    assert (result["detections"], result["outliers"]) == (60, 2)


def test_selected_samples_are_judged(dataset):
    ids = dataset.values("id")
    result, _ = run("audit_tracks", dataset, ids[1:], view_target="SELECTED_SAMPLES")
    assert result["detections"] == 60


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"size_threshold": -1}, "size threshold must be above 0|size_threshold"),
        ({"iou_threshold": 2}, "IoU threshold must lie|iou_threshold"),
        ({"label_field": "nope"}, "no frame field 'nope'|label_field"),
    ],
)
def test_audit_errors(dataset, params, message):
    with pytest.raises(ExecutionError, match=message):
        run("audit_tracks", dataset, **params)
    assert dataset.list_runs() == []
    assert not dataset.has_field("issues")


@pytest.fixture
def images():
    dataset = fo.Dataset("images")
    dataset.add_sample(fo.Sample(filepath="/images/1.jpg"))
    yield dataset
    dataset.delete()


NEED_TRACKS = [
    "audit_tracks",
    "compute_size_outliers",
    "compute_iou_outliers",
    "save_outlier_views",
    "plan_review",
    "export_adjustment_job",
]


@pytest.mark.parametrize("name", NEED_TRACKS)
def test_image_dataset_has_no_tracks(images, name):
    (error,) = errors(form(name, images))
    assert "'images' has no frame field of detections" in error
    with pytest.raises(ExecutionError, match="has no frame field of detections"):
        run(name, images)


@pytest.mark.parametrize("name", NEED_TRACKS)
def test_video_dataset_without_tracks(name):
    dataset = fo.Dataset("videos")
    try:
        dataset.add_sample(fo.Sample(filepath="/videos/1.mp4"))
        (error,) = errors(form(name, dataset))
        assert "'videos' has no frame field of detections" in error
        with pytest.raises(
            ExecutionError, match=r"no frame field of detections|found none"
        ):
            run(name, dataset)
    finally:
        dataset.delete()


def test_form_misses_the_file_of_weights(shared, tmp_path):
    model = f"resnet18:{tmp_path}/no.pth"
    (error,) = errors(form("compute_embedding_outliers", shared, model=model))
    assert error == f"there is no file of weights {tmp_path}/no.pth"


def test_forms_say_what_will_happen(shared):
    for name in NEED_TRACKS[:4]:
        shown = form(name, shared)
        assert errors(shown) == []
        assert " will " in json.dumps(shown)


@pytest.mark.parametrize("name", NEED_TRACKS[:3])
def test_delegated(dataset, name):
    ctx = {"dataset": dataset, "params": {}}
    foo.execute_operator(f"{PLUGIN}/{name}", ctx, request_delegation=True)
    service = DelegatedOperationService()
    (operation,) = service.get_queued_operations(dataset_name=dataset.name)
    (result,) = service.execute_queued_operations(dataset_name=dataset.name)
    assert result.error is None
    done = service.get(operation.id)
    assert done.run_state == "completed"
    assert done.status.progress == 1
    assert result.result["detections"] == 120
    dataset.reload()
    assert len(list_audits(dataset, "ground_truth")) == 1
    service.delete_operation(operation.id)


def test_delegated_from_python(dataset):
    operator = foo.get_operator(f"{PLUGIN}/audit_tracks")
    operator(dataset.limit(1), delegate=True, size_threshold=1.0)
    service = DelegatedOperationService()
    (result,) = service.execute_queued_operations(dataset_name=dataset.name)
    assert (result.result["detections"], result.result["outliers"]) == (60, 1)
    (operation,) = service.list_operations(dataset_name=dataset.name)
    service.delete_operation(operation.id)


# Buttons


def button(operator, dataset, **request):
    """The place of an operator's button, None where it has none."""
    ctx = ExecutionContext(request_params={"dataset_name": dataset.name, **request})
    placement = foo.get_operator(f"{PLUGIN}/{operator}").resolve_placement(ctx)
    return placement and placement.to_json()["place"]


def test_buttons_are_where_they_help(audited, tmp_path):
    grid, modal = "samples-grid-secondary-actions", "samples-viewer-actions"
    opened = {"current_sample": audited.first().id}
    assert button("audit_tracks", audited) == grid
    assert button("export_adjustment_job", audited) == grid
    assert button("export_adjustment_job", audited, **opened) == modal
    assert button("load_adjustments", audited) is None
    run("export_mot_sequences", audited.limit(1), folder=str(tmp_path / "fix"))
    assert button("load_adjustments", audited) == grid


# Views


COUNTS = {
    "size outliers": 1,
    "low IoU": 1,
    "outliers": 2,
    "issues": 2,
    "issues to review": 2,
}


def test_review_plan_is_a_view_of_the_frames(audited):
    result, triggers = run("plan_review", audited, budget=5)
    assert "reload_dataset" in triggers[0]
    assert 0 < result["frames"] <= 5
    assert 0 < result["issues"] <= result["issues_in_total"]
    clips = audited.load_saved_view("review plan")
    lengths = [last - first + 1 for first, last in clips.values("support")]
    assert sum(lengths) == result["frames"]
    worst = max(audited.first().issues.detections, key=lambda issue: issue.confidence)
    assert any(
        first <= worst.last_frame and last >= worst.first_frame
        for first, last in clips.values("support")
    )
    again = foo.get_operator(f"{PLUGIN}/plan_review")(audited, minutes=1, context=0)
    assert again["issues"] == again["issues_in_total"]
    with pytest.raises(ValueError, match="either a budget of frames or minutes"):
        foo.get_operator(f"{PLUGIN}/plan_review")(audited)


def test_review_plan_leaves_out_what_was_dismissed(audited):
    ids = read_dataset_issues(audited, "ground_truth")["id"]
    decide_issues(audited, ids[:1], "dismissed")
    assert plan_review(audited, minutes=1).issues_in_total == len(ids) - 1
    decide_issues(audited, ids, "dismissed")
    with pytest.raises(ValueError, match="no issues left to review"):
        plan_review(audited, minutes=1)


def test_review_plan_needs_an_audit(dataset):
    with pytest.raises(ValueError, match="audit their tracks first"):
        foo.get_operator(f"{PLUGIN}/plan_review")(dataset, budget=5)


def test_saved_views_count_what_they_show(audited):
    result, triggers = run("save_outlier_views", audited)
    assert result["views"] == COUNTS
    assert triggers == ["reload_dataset"]
    assert set(audited.list_saved_views()) == set(COUNTS)
    for name, count in COUNTS.items():
        view = audited.load_saved_view(name)
        if name.startswith("issues"):
            assert len(view) == count
            assert set(view.values("issues.label")) == {"size_change", "shift"}
        else:
            assert view.count("frames.ground_truth.detections") == count
            assert view.count("frames") == count
    scores = audited.load_saved_view("issues").values("issues.confidence")
    assert scores == sorted(scores, reverse=True)


def test_saved_views_follow_a_second_audit(audited):
    run("audit_tracks", audited, size_threshold=1.0)
    assert audited.load_saved_view("size outliers").count("frames") == 0
    result, _ = run("save_outlier_views", audited)
    assert result["views"] == {
        "size outliers": 0,
        "low IoU": 1,
        "outliers": 1,
        "issues": 1,
        "issues to review": 1,
    }
    assert len(audited.load_saved_view("issues")) == 1


def test_views_of_kinds_hold_issues_that_keep_to_the_threshold(audited):
    for flag in ("size_outlier", "iou_outlier"):
        path = f"frames.ground_truth.detections.{flag}"
        flags = audited.values(path)
        none = [[[False for _ in frame] for frame in video] for video in flags]
        audited.set_values(path, none)
    result, _ = run("save_outlier_views", audited)
    assert result["views"] == COUNTS


def test_views_need_an_audit(dataset):
    with pytest.raises(ExecutionError, match="no signals yet; audit the tracks first"):
        run("save_outlier_views", dataset)
    assert dataset.list_saved_views() == []


# Adjustment jobs


def package_frames(folder):
    """The sequence, number and reason of each frame of a package."""
    frames = pd.read_csv(Path(folder) / "frames.csv", keep_default_na=False)
    return frames[["sequence", "frame", "reason"]].to_numpy().tolist()


def export(samples, tmp_path, **params):
    params = {"context": 0, "folder": str(tmp_path / "package"), **params}
    result, _ = run("export_adjustment_job", samples, **params)
    return result, [tuple(frame[:2]) for frame in package_frames(result["folder"])]


VIEWS = {
    "outliers": (
        lambda data: data.load_saved_view("outliers"),
        [("a", SHORT), ("a", SHIFTED)],
    ),
    "issues": (
        lambda data: data.load_saved_view("issues"),
        [("a", n) for n in range(SHORT - 5, SHIFTED + 6)],
    ),
    "frames": (
        lambda data: data.to_frames().match(F("frame_number") == 7),
        [("a", 7), ("b", 7)],
    ),
    "patches": (
        lambda data: (
            data.to_frames()
            .to_patches("ground_truth")
            .match(F("ground_truth.size_outlier").is_in([True]))
        ),
        [("a", SHORT)],
    ),
    "sample": (lambda data: data.skip(1), [("b", n) for n in range(1, 31)]),
    "dataset": (lambda data: data, [(s, n) for s in "ab" for n in range(1, 31)]),
    "low IoU": (lambda data: data.load_saved_view("low IoU"), [("a", SHIFTED)]),
}


@pytest.mark.parametrize(("view", "frames"), VIEWS.values(), ids=VIEWS)
def test_frames_of_the_view_are_sent(shared, tmp_path, view, frames):
    result, sent = export(view(shared), tmp_path)
    assert sent == frames
    assert result["frames"] == len(frames)
    wrong = {("a", SHORT), ("a", SHIFTED)} & set(frames)
    assert result["flagged"] == (len(wrong) or len(frames))
    assert result["job_arns"] == []
    assert "bucket" in result["next"]


def test_saved_view_by_name(shared, tmp_path):
    _, sent = export(shared, tmp_path, view_name="outliers")
    assert sent == [("a", SHORT), ("a", SHIFTED)]


def test_selected_samples_are_sent(shared, tmp_path):
    ids = shared.values("id")
    params = {"selected": ids[1:], "view_target": "SELECTED_SAMPLES"}
    _, sent = export(shared, tmp_path, **params)
    assert sent == [("b", n) for n in range(1, 31)]


def test_selected_labels_are_sent(shared, tmp_path):
    sample = shared.first()
    labels = [
        {
            "label_id": sample.frames[number].ground_truth.detections[0].id,
            "sample_id": sample.id,
            "frame_number": number,
            "field": "frames.ground_truth",
        }
        for number in (3, 4)
    ]
    _, sent = export(shared, tmp_path, labels=labels)
    assert sent == [("a", 3), ("a", 4)]


@pytest.mark.parametrize("context", [1, 3])
def test_context_frames(shared, tmp_path, context):
    view = shared.load_saved_view("size outliers")
    result, sent = export(view, tmp_path, context=context)
    assert sent == [("a", SHORT + n) for n in range(-context, context + 1)]
    assert result["flagged"] == 1
    reasons = {frame: reason for _, frame, reason in package_frames(result["folder"])}
    assert reasons[SHORT] == "walker:1 size change"
    assert reasons[SHORT - 1] == reasons[SHORT + 1] == ""


@pytest.mark.parametrize(
    ("params", "frames"),
    [({}, [("b", n) for n in range(1, 31)]), ({"open_sample": False}, None)],
)
def test_open_sample_is_sent(shared, tmp_path, params, frames):
    everything = [(name, n) for name in "ab" for n in range(1, 31)]
    ctx = {
        "dataset": shared,
        "current_sample": shared.last().id,
        "params": {"folder": str(tmp_path / "package"), "context": 0, **params},
    }
    result = foo.execute_operator(f"{PLUGIN}/export_adjustment_job", ctx).result
    sent = [tuple(frame[:2]) for frame in package_frames(result["folder"])]
    assert sent == (frames or everything)


def test_open_clip_is_sent(shared, tmp_path):
    clips = shared.load_saved_view("issues")
    ctx = {
        "dataset": shared,
        "view": clips,
        "current_sample": clips.last().id,
        "params": {"folder": str(tmp_path / "package"), "context": 0},
    }
    result = foo.execute_operator(f"{PLUGIN}/export_adjustment_job", ctx).result
    first, last = clips.last().support
    sent = [frame[1] for frame in package_frames(result["folder"])]
    assert sent == list(range(first, last + 1))


def test_context_ends_with_the_video(shared, tmp_path):
    view = shared.limit(1).to_frames().match(F("frame_number").is_in([1, 30]))
    _, sent = export(view, tmp_path, context=2)
    assert sent == [("a", n) for n in (1, 2, 3, 28, 29, 30)]


def test_export_from_python(audited, tmp_path):
    operator = foo.get_operator(f"{PLUGIN}/export_adjustment_job")
    result = operator(
        audited.load_saved_view("outliers"),
        name="Fix-1",
        folder=str(tmp_path / "package"),
        copy_frames=True,
    )
    assert (result["job_name"], result["frames"], result["flagged"]) == ("Fix-1", 10, 2)
    assert len(list((tmp_path / "package" / "a" / "frames").iterdir())) == 10
    assert list(recorded_adjustments(audited)) == ["Fix-1"]


def test_package_holds_the_boxes(shared, tmp_path):
    export(shared.load_saved_view("size outliers"), tmp_path)
    path = tmp_path / "package" / "a" / "SeqLabel.json"
    (frame,) = json.loads(path.read_text())["tracking-annotations"]
    assert frame["frame"] == f"{SHORT:06d}.png"
    boxes = {box["object-name"]: box for box in frame["annotations"]}
    assert set(boxes) == {"walker:1", "walker:2"}
    assert boxes["walker:1"]["height"] == pytest.approx(0.6 * 36, abs=1)


def test_export_form_shows_what_will_be_sent(shared):
    view = shared.load_saved_view("outliers")
    shown = form("export_adjustment_job", shared, view, context=0)
    assert errors(shown) == []
    preview = shown["type"]["properties"]["preview"]["view"]["label"]
    assert preview.startswith("2 frames with 4 boxes of 1 sequence will be written")
    shown = form("export_adjustment_job", shared, view, context=0, **READY)
    assert "WHICH COSTS MONEY" in json.dumps(shown)


def test_view_that_shows_nothing(shared, tmp_path):
    view = shared.match_tags("no such tag")
    with pytest.raises(ExecutionError, match="nothing would be sent"):
        export(view, tmp_path)
    (error,) = errors(form("export_adjustment_job", shared, view))
    assert "nothing would be sent" in error
    assert not (tmp_path / "package").exists()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"name": "no spaces please"}, "LabelingJobName is"),
        ({"name": "x" * 64}, "LabelingJobName has 64 characters"),
        ({"audited_attribute": "tracks-audit-ref"}, "differ|same|audited"),
        ({"bucket": "Not A Bucket"}, "bucket"),
    ],
)
def test_settings_that_a_job_cannot_have(audited, tmp_path, params, message):
    with pytest.raises(ExecutionError, match=message):
        export(audited, tmp_path, **params)
    (error, *_) = errors(form("export_adjustment_job", audited, **params))
    assert error
    assert not (tmp_path / "package").exists()
    assert recorded_adjustments(audited) == {}


def test_folder_that_exists(audited, tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "mine.txt").write_text("keep")
    with pytest.raises(ExecutionError, match="exists and is not empty"):
        export(audited, tmp_path)
    assert (tmp_path / "package" / "mine.txt").read_text() == "keep"
    assert recorded_adjustments(audited) == {}


def test_job_from_export_to_stop(aws, audited, tmp_path):
    view = audited.load_saved_view("outliers")
    result, sent = export(view, tmp_path, name="Fix-walkers", **READY)
    assert sent == [("a", SHORT), ("a", SHIFTED)]
    (arn,) = result["job_arns"]
    assert arn.endswith("labeling-job/fix-walkers")
    assert "started job Fix-walkers" in result["message"]
    recorded = recorded_adjustments(audited)["Fix-walkers"]
    (job,) = recorded.jobs
    assert (job.arn, job.frames) == (arn, {"a": [SHORT, SHIFTED]})
    assert (recorded.region, recorded.label_field) == ("eu-west-1", "ground_truth")

    shown = form("adjustment_job_status", audited)
    assert errors(shown) == []
    status, _ = run("adjustment_job_status", audited)
    assert statuses(status) == ["Initializing"]
    shown = foo.get_operator(f"{PLUGIN}/adjustment_job_status").describe(status)
    table = shown.to_json()["type"]["properties"]["jobs"]
    columns = [column["key"] for column in table["view"]["columns"]]
    assert columns[:3] == ["job_name", "name", "status"]
    assert set(columns) <= set(status["jobs"][0])
    status = foo.get_operator(f"{PLUGIN}/adjustment_job_status")(audited, "Fix-walkers")
    assert statuses(status) == ["InProgress"]
    assert status["jobs"][0]["unlabeled"] == 1
    stopped, _ = run("stop_adjustment_job", audited, job_name="Fix-walkers")
    assert statuses(stopped) == ["Stopping"]
    assert statuses(run("adjustment_job_status", audited)[0]) == ["Stopped"]
    with pytest.raises(ExecutionError, match="Fix-walkers is Stopped"):
        run("stop_adjustment_job", audited, job_name="Fix-walkers")


def statuses(result):
    return [job["status"] for job in result["jobs"]]


def test_launch_goes_on_with_an_export_that_was_broken_off(aws, audited, tmp_path):
    view = audited.load_saved_view("outliers")
    aws.fail("PutObject", "expired", after=2)  # one frame, and what was looked at
    with pytest.raises(ExecutionError, match="rejected the credentials"):
        export(view, tmp_path, name="Broken-off", **READY)
    aws.faults.orders.clear()
    assert statuses(run("adjustment_job_status", audited)[0]) == ["NotStarted"]
    shown = form("launch_adjustment_job", audited)
    assert errors(shown) == []
    aws.faults.calls.clear()
    for _ in range(2):
        result, _ = run("launch_adjustment_job", audited, job_name="Broken-off")
        assert result["job_arns"][0].endswith("labeling-job/broken-off")
    assert aws.faults.calls.count("CreateLabelingJob") == 2
    assert len([name for _, name in aws.jobs if name == "broken-off"]) == 1


def test_the_form_looks_at_aws_on_request(aws, shared):
    view = shared.load_saved_view("outliers")
    params = {**READY, "role_arn": "arn:aws:iam::123456789012:role/Nobody"}
    assert errors(form("export_adjustment_job", shared, view, **params)) == []
    params["check_aws"] = True
    (error,) = errors(form("export_adjustment_job", shared, view, **params))
    assert "There is no role arn:aws:iam::123456789012:role/Nobody" in error
    shown = form("export_adjustment_job", shared, view, check_aws=True, **READY)
    assert "has no CORS rule" in json.dumps(shown)


def test_check_from_python(aws, audited):
    view = audited.load_saved_view("outliers")
    operator = foo.get_operator(f"{PLUGIN}/export_adjustment_job")
    result = operator(view, name="no_good", context=0, check=True, **READY)
    assert result["frames"] == 2
    severities = [finding["severity"] for finding in result["findings"]]
    assert severities == ["error", "warning"]
    assert result["findings"][0]["what"] == "LabelingJobName is 'no_good'"
    assert recorded_adjustments(audited) == {}


def test_nothing_is_written_where_aws_would_refuse(aws, audited, tmp_path):
    params = {**READY, "role_arn": "arn:aws:iam::123456789012:role/Other"}
    with pytest.raises(ExecutionError, match="may not assume role"):
        export(audited, tmp_path, name="Refused", **params)
    assert not (tmp_path / "package").exists()
    assert recorded_adjustments(audited) == {}


def test_cors_rule_is_added_on_request(aws, audited, tmp_path):
    view = audited.load_saved_view("outliers")
    place = {"bucket": BUCKET, "region": "eu-west-1"}
    result, _ = export(view, tmp_path, name="Without", **place)
    assert "has no CORS rule" in result["notes"]
    folder = str(tmp_path / "other")
    result, _ = export(
        view, tmp_path, name="With", folder=folder, add_cors=True, **place
    )
    assert "CORS" not in result["notes"]
    aws.client("s3").delete_bucket_cors(Bucket=BUCKET)


def test_next_job_is_offered_the_settings_of_the_last(aws, audited, tmp_path):
    view = audited.load_saved_view("outliers")
    assert "the last job" not in json.dumps(form("export_adjustment_job", audited))
    export(view, tmp_path, name="First", prefix="first", **READY)
    shown = form("export_adjustment_job", audited, view, bucket=BUCKET)
    inputs = shown["type"]["properties"]
    assert f"the last job used {BUCKET}" in inputs["bucket"]["view"]["description"]
    for name in ("region", "role_arn", "workteam_arn"):
        assert inputs[name]["default"] == READY[name]
    assert inputs["prefix"]["default"] is None
    assert inputs["bucket"]["default"] is None


def test_upload_alone(aws, audited, tmp_path):
    view = audited.load_saved_view("outliers")
    result, _ = export(view, tmp_path, name="Upload", bucket=BUCKET, region="eu-west-1")
    assert result["job_arns"] == []
    assert "files to s3://sagemaker-tracks/track-audit/Upload/" in result["message"]
    assert "role ARN, work team ARN" in result["next"]
    found = aws.client("s3").list_objects_v2(
        Bucket=BUCKET, Prefix="track-audit/Upload/"
    )
    names = {Path(item["Key"]).name for item in found["Contents"]}
    assert {f"{SHORT:06d}.png", f"{SHIFTED:06d}.png", "SeqLabel.json"} <= names


def test_delegated_export(aws, audited, tmp_path):
    params = {"name": "Later", "folder": str(tmp_path / "later"), "context": 0, **READY}
    ctx = {"view": audited.load_saved_view("outliers"), "params": params}
    uri = f"{PLUGIN}/export_adjustment_job"
    foo.execute_operator(uri, ctx, request_delegation=True)
    service = DelegatedOperationService()
    (result,) = service.execute_queued_operations(dataset_name=audited.name)
    assert result.error is None
    assert result.result["frames"] == 2
    assert (tmp_path / "later" / "manifest.jsonl").is_file()
    (operation,) = service.list_operations(dataset_name=audited.name)
    service.delete_operation(operation.id)


@pytest.mark.parametrize(
    "name",
    ["adjustment_job_status", "launch_adjustment_job", "stop_adjustment_job"],
)
def test_no_job_is_recorded(dataset, name):
    (error,) = errors(form(name, dataset))
    assert error == "no adjustment job of 'walkers' is recorded; export one first"


def test_job_that_was_not_started(aws, audited, tmp_path):
    export(audited.load_saved_view("outliers"), tmp_path, name="Never-started")
    status, _ = run("adjustment_job_status", audited)
    assert statuses(status) == ["NotStarted"]
    with pytest.raises(ExecutionError, match=r"Never-started. was not started"):
        run("stop_adjustment_job", audited, job_name="Never-started")
    with pytest.raises(ExecutionError, match="bucket must be filled in"):
        run("launch_adjustment_job", audited, job_name="Never-started")


def test_settings_of_the_export_are_those_of_the_job():
    assert set(READY) < set(AdjustmentJob.__dataclass_fields__)


def test_a_second_field_keeps_the_issues_of_the_first(dataset):
    run("audit_tracks", dataset)
    before = dataset.values("issues.detections.id", unwind=True)
    dataset.clone_frame_field("ground_truth", "other")
    run("audit_tracks", dataset, label_field="other")
    fields = dataset.values("issues.detections.label_field", unwind=True)
    assert fields.count("ground_truth") == fields.count("other") == len(before)
    assert set(before) <= set(dataset.values("issues.detections.id", unwind=True))


def test_one_kind_keeps_score_reasons_and_issues_in_line(dataset):
    run("audit_tracks", dataset)
    run("compute_size_outliers", dataset, size_threshold=9.0)
    reasons = set(chain.from_iterable(read_flat(dataset, "outlier_reasons")))
    assert reasons == {"shift"}
    assert set(dataset.values("issues.detections.label", unwind=True)) == {"shift"}
    scores = [score for score in read_flat(dataset, "outlier_score") if score]
    assert sum(score > 0.5 for score in scores) == 1


def read_flat(dataset, attribute):
    path = f"frames[].ground_truth.detections[].{attribute}"
    return dataset.values(path)


def test_the_view_of_issues_follows_the_audit(dataset):
    run("audit_tracks", dataset)
    run("save_outlier_views", dataset)
    assert len(dataset.load_saved_view("issues")) == 2
    run("audit_tracks", dataset, size_threshold=9.0, iou_threshold=0.01)
    assert len(dataset.load_saved_view("issues")) == 1
    sample = dataset.first()
    _, shifted = sample.frames[SHIFTED].ground_truth.detections
    shifted.bounding_box[0] -= 16 / WIDTH
    sample.save()
    run("audit_tracks", dataset, size_threshold=9.0, iou_threshold=0.01)
    assert not dataset.has_saved_view("issues")
    views = foo.get_operator(f"{PLUGIN}/save_outlier_views")(dataset)
    assert views == {"size outliers": 0, "low IoU": 0, "outliers": 0}


def test_form_offers_the_thresholds_of_the_last_audit(dataset):
    run("audit_tracks", dataset, size_threshold=0.4)
    inputs = form("audit_tracks", dataset)["type"]["properties"]
    assert inputs["size_threshold"]["default"] == 0.4
    assert inputs["iou_threshold"]["default"] == 0.5
    told = inputs["notice"]["view"]["label"]
    assert "2 videos (60 frames)" in told.replace("\\", "")
    assert "earlier audits are replaced" in told


def test_boxes_without_track_ids_are_refused(dataset):
    dataset.clone_frame_field("ground_truth", "found")
    everywhere = dataset.values("frames.found.detections.index")
    nothing = [[[None] * len(frame) for frame in video] for video in everywhere]
    dataset.set_values("frames.found.detections.index", nothing)
    with pytest.raises(ExecutionError, match="no track ids"):
        run("audit_tracks", dataset, label_field="found")


def test_issues_of_sparse_frames_are_on_their_frames(dataset):
    dataset._frame_collection.delete_many({"frame_number": {"$lt": 5}})
    run("audit_tracks", dataset)
    found = dataset.values("issues.detections.first_frame", unwind=True)
    assert sorted(found) == sorted({SHORT, SHIFTED})
