# SPDX-License-Identifier: Apache-2.0
"""Datasets that users already have: audited, reviewed, sent and corrected."""

import cv2
import fiftyone as fo
import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.importers import store
from fiftyone_track_audit.importers.mot import read_mot
from fiftyone_track_audit.importers.store import box_polylines
from fiftyone_track_audit.plugin.corrections.applying import apply_adjustment
from fiftyone_track_audit.plugin.corrections.loading import load_adjustment
from fiftyone_track_audit.plugin.embedding import embed as embedding
from fiftyone_track_audit.plugin.groundtruth.request import AdjustmentJob
from fiftyone_track_audit.plugin.review.audits import audit_dataset
from fiftyone_track_audit.plugin.review.linked_tracks import link_detections
from fiftyone_track_audit.plugin.review.review_plan import plan_review
from fiftyone_track_audit.plugin.review.saved_views import save_outlier_views
from fiftyone_track_audit.plugin.sending.groundtruth import export_adjustment
from fiftyone_track_audit.plugin.sending.groundtruth_plan import plan_adjustment
from fiftyone_track_audit.plugin.sending.mot import export_mot
from labeling_jobs import READY
from own_datasets import (
    FRAMES,
    HEIGHT,
    SHIFTED,
    WIDTH,
    call,
    detection,
    first_issue,
    grouped_dataset,
    put_back,
    spell_instances,
    video_dataset,
)
from PIL import Image
from small_datasets import small_model

pytestmark = pytest.mark.usefixtures("database")
FIELD = "detections"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def whole_way(dataset, folder):
    """Audit, look at the mistake, send its frames, load and apply the correction."""
    summary = audit_dataset(dataset)
    assert call(dataset, "load")["status"] == "ready"
    issue = first_issue(dataset)
    shown = call(dataset, "show_issue", id=issue["id"])
    assert shown["problem"] is None
    view = dataset.to_clips([[(SHIFTED, SHIFTED)]])
    sent = export_mot(view, folder, context=1)
    assert sent.frames == {"street": [SHIFTED - 1, SHIFTED, SHIFTED + 1]}
    put_back(folder)
    review = load_adjustment(dataset, folder.name)
    assert review.changes == {"moved": 1}
    applied = apply_adjustment(dataset, folder.name)
    assert (applied.changed, applied.added, applied.deleted) == (1, 0, 0)
    return summary, shown


def levels_of(path):
    """The mean brightness of each frame of a video."""
    capture, levels = cv2.VideoCapture(str(path)), []
    while (frame := capture.read())[0]:
        levels.append(frame[1].mean())
    return levels


def numbers(dataset):
    table = store.read_tracks(dataset, FIELD).tracks.table
    return table.groupby("track").size().to_dict()


def test_videos_with_indexes_and_nothing_else(tmp_path):
    """The shape of quickstart-video, without metadata and images of frames."""
    with video_dataset(tmp_path) as dataset:
        summary, shown = whole_way(dataset, tmp_path / "fix")
        assert summary.detections == 2 * FRAMES
        assert set(summary.issues) <= {"shift", "low_iou"}
        assert dataset.first().metadata.total_frame_count == FRAMES
        at = next(crop for crop in shown["strip"] if crop["place"] == "at")
        assert at["frame"] == SHIFTED
        # Frames 19, 20 and 21, as they are when the video is played
        images = sorted((tmp_path / "fix" / "street" / "img1").iterdir())
        levels = [np.asarray(Image.open(image)).mean() for image in images]
        played = levels_of(tmp_path / "street.mp4")
        assert np.allclose(levels, played[SHIFTED - 2 : SHIFTED + 1], atol=1)


def test_polylines_are_judged_by_the_boxes_around_them(tmp_path):
    def outline(box):
        left, top, width, height = box.bounding_box
        ends = [(left, top), (left + width, top + height / 2), (left, top + height)]
        return fo.Polyline(
            label=box.label, index=box.index, points=[ends], closed=True, side="near"
        )

    with video_dataset(tmp_path) as dataset:
        dataset.add_frame_field(
            "outlines", fo.EmbeddedDocumentField, embedded_doc_type=fo.Polylines
        )
        sample = dataset.first()
        boxes = {}
        for number, frame in sample.frames.items():
            boxes[number] = [each.bounding_box for each in frame[FIELD].detections]
            outlines = [outline(each) for each in frame[FIELD].detections]
            empty = fo.Polyline(label="x", index=9, points=[])
            frame["outlines"] = fo.Polylines(polylines=[*outlines, empty])
        sample.save()
        dataset.add_dynamic_frame_fields()
        dataset.delete_frame_field(FIELD)
        with pytest.raises(ValueError, match="box_polylines"):
            audit_dataset(dataset)
        assert box_polylines(dataset) == "outlines_boxes"
        found = {
            number: frame.outlines_boxes.detections
            for number, frame in dataset.first().frames.items()
        }
        for number, expected in boxes.items():
            placed = [each.bounding_box for each in found[number]]
            assert np.allclose(placed, expected)
            assert {each.side for each in found[number]} == {"near"}
        with pytest.raises(ValueError, match="'outlines' holds"):
            box_polylines(dataset, field="outlines")
        with pytest.raises(ValueError, match="not 'gone'"):
            box_polylines(dataset, "gone")
        summary, _ = whole_way(dataset, tmp_path / "fix")
        assert summary.detections == 2 * FRAMES


def test_instances_without_indexes(tmp_path):
    with video_dataset(tmp_path, spell_instances()) as dataset:
        summary, _ = whole_way(dataset, tmp_path / "fix")
        assert numbers(dataset) == {1: FRAMES, 2: FRAMES}
        assert summary.notes == ("tracks are told apart by instance",)
        adjusted = dataset.first().frames[SHIFTED]["detections_adjusted"].detections
        own = dataset.first().frames[SHIFTED]["detections"].detections
        assert {each.instance._id for each in adjusted} == {
            each.instance._id for each in own
        }


def test_one_instance_over_two_indexes_and_boxes_without_any(tmp_path):
    def index(name, frame):
        if name == "second":
            return None if frame % 4 == 0 else 2
        return 1 if frame < 15 else 7

    with video_dataset(tmp_path, spell_instances(index)) as dataset:
        summary, _ = whole_way(dataset, tmp_path / "fix")
        assert numbers(dataset) == {1: FRAMES, 2: FRAMES}
        assert "gap" not in summary.issues
        corrected = dataset.first().frames[SHIFTED]["detections"].detections[0]
        assert corrected.index == 7
        assert corrected.bounding_box[1] == pytest.approx(0.1, abs=0.01)


def test_indexes_that_count_within_each_class(tmp_path):
    def spell(name, frame, box):
        return detection(box, {"first": "person", "second": "bag"}[name], index=1)

    with video_dataset(tmp_path, spell) as dataset:
        summary, _ = whole_way(dataset, tmp_path / "fix")
        assert numbers(dataset) == {1: FRAMES, 2: FRAMES}
        assert "label_change" not in summary.issues
        assert "within each class" in summary.notes[0]
        labels = dataset.first().frames[SHIFTED]["detections"].detections
        assert [(each.label, each.index) for each in labels] == [
            ("person", 1),
            ("bag", 1),
        ]


def test_an_attribute_that_holds_the_identity(tmp_path):
    def spell(name, frame, box):
        return detection(box, track_id=name)

    with video_dataset(tmp_path, spell) as dataset:
        with pytest.raises(ValueError, match="as track_field, or link the boxes"):
            audit_dataset(dataset)
        with pytest.raises(ValueError, match="has an attribute 'tid'"):
            audit_dataset(dataset, track_field="tid")
        audit_dataset(dataset, track_field="track_id")
        # Remembered from here on
        summary, _ = whole_way(dataset, tmp_path / "fix")
        assert summary.notes == ("tracks are told apart by the attribute 'track_id'",)
        labels = dataset.first().frames[SHIFTED]["detections_adjusted"].detections
        assert {each.track_id for each in labels} == {"first", "second"}


def test_a_label_that_changes_within_an_instance(tmp_path):
    instances = {"first": fo.Instance(), "second": fo.Instance()}

    def spell(name, frame, box):
        label = "bag" if name == "second" and frame in (30, 31) else "person"
        return detection(box, label, instance=instances[name])

    with video_dataset(tmp_path, spell) as dataset:
        assert audit_dataset(dataset).issues["label_change"] == 1


BROKEN = {
    4: {"bounding_box": [1.5, 0.2, 0.1, 0.1]},
    3: {"bounding_box": [0.5, float("nan"), 0.1, 0.1]},
    5: {"bounding_box": [0.5, 0.1, -0.1, 0.1]},
    7: {"bounding_box": [0.5, 0.1, 0, 0.1]},
    9: {"bounding_box": [0.5, 0.1]},
    11: {"bounding_box": [0.5, float("inf"), 0.1, 0.1]},
    13: {"index": "one"},
    15: {"index": [1]},
    17: {"label": None},
    19: {"bounding_box": [1e308, 0.1, 1e308, 0.1]},
    21: {"bounding_box": [0.5, 0.1, 1e-320, 0.1]},
    23: {"bounding_box": None},
    24: {"label": ["person", "bag"]},
    25: {"label": ""},
}
#: What stands in the place of the whole list of labels of a frame.
NO_LISTS = {27: "text", 28: {"detections": "text"}, 29: {"detections": {"a": 1}}}


def test_what_no_arithmetic_survives_is_set_aside(tmp_path):
    with video_dataset(tmp_path) as dataset:
        for frame, values in BROKEN.items():
            changes = {f"{FIELD}.detections.1.{k}": v for k, v in values.items()}
            dataset._frame_collection.update_one(
                {"frame_number": frame}, {"$set": changes}
            )
        for frame, value in NO_LISTS.items():
            dataset._frame_collection.update_one(
                {"frame_number": frame}, {"$set": {FIELD: value}}
            )
        path = f"{FIELD}.detections.1.instance"
        dataset._frame_collection.update_one(
            {"frame_number": 31}, {"$set": {path: {"_id": [1]}}}
        )
        dataset.reload()
        summary, _ = whole_way(dataset, tmp_path / "fix")
        assert summary.issues["invalid"] == len(BROKEN)
        listed = call(dataset, "list_issues", kinds=["invalid"])["issues"]
        assert {each["first_frame"] for each in listed} == set(BROKEN)
        for issue in listed:
            assert call(dataset, "show_issue", id=issue["id"])["plot"] is not None
        scores = dataset.values(f"frames.{FIELD}.detections.outlier_score", unwind=True)
        assert not np.isnan([score for score in scores if score is not None]).any()
        # Nothing is lost on the way out
        export_mot(dataset, tmp_path / "all")
        left = 2 * FRAMES - len(BROKEN) - 2 * len(NO_LISTS)
        assert len(read_mot(tmp_path / "all").table) == left


def test_a_frame_that_no_video_has_is_set_aside(tmp_path):
    with video_dataset(tmp_path) as dataset:
        stray = dataset._frame_collection.find_one({"frame_number": 7})
        del stray["_id"]
        stray["frame_number"] = 2**31 - 1
        dataset._frame_collection.insert_one(stray)
        dataset.reload()
        summary = audit_dataset(dataset)
        assert summary.issues["invalid"] == 2
        listed = call(dataset, "list_issues", kinds=["invalid"])["issues"]
        assert "it is in frame 2147483647; the video ends with frame 40" in str(listed)
        (sequence,) = store.read_tracks(dataset, FIELD).tracks.sequences.values()
        # Memory goes with the boxes
        assert len(sequence.frame_names) == FRAMES


def test_boxes_that_no_track_can_have_are_listed(tmp_path):
    """One without an index, a second one of an index, and one beyond the video."""
    with video_dataset(tmp_path) as dataset:
        sample = dataset.first()
        frames = sample.frames
        frames[10][FIELD].detections[1].index = None
        frames[11][FIELD].detections.append(detection([0.1, 0.8, 0.1, 0.1], index=2))
        frames[99] = fo.Frame(
            detections=fo.Detections(
                detections=[detection([0.1, 0.8, 0.1, 0.1], index=2)]
            )
        )
        sample.save()
        audit_dataset(dataset)
        listed = call(dataset, "list_issues", kinds=["invalid"])["issues"]
        told = {each["first_frame"]: each["reason"] for each in listed}
        assert told == {
            10: "the box has no identity, and is not judged; expected one",
            11: "track 2 has another box in this frame; expected one",
            FRAMES: "it is in frame 99; the video ends with frame 40",
        }
        for issue in listed:
            call(dataset, "show_issue", id=issue["id"])
        assert len(store.read_tracks(dataset, FIELD).tracks.sequences) == 1
        found = store.read_tracks(dataset, FIELD).tracks.sequences["street"]
        assert len(found.frame_names) == FRAMES
        # The video has no images that a sentence could name
        assert f"at frame {SHIFTED}:" in first_issue(dataset)["reason"]


def test_the_panel_reads_only_some_boxes_where_indexes_are_the_tracks(tmp_path):
    with video_dataset(tmp_path) as dataset:
        assert not store.read_identity(dataset, FIELD).plain
        audit_dataset(dataset)
        assert store.read_identity(dataset, FIELD).plain
        tracks, labeled = store.read_part(dataset, FIELD, "street", [2], (5, 9))
        assert tracks.table["track"].tolist() == [2] * 5
        assert labeled.tolist() == [5, 6, 7, 8, 9]
        sizes = tracks.sequences["street"]
        assert (sizes.width, sizes.height) == (WIDTH, HEIGHT)


def test_boxes_without_any_identity_are_linked(tmp_path):
    def spell(name, frame, box):
        return detection(box)

    with video_dataset(tmp_path, spell) as dataset:
        with pytest.raises(ValueError, match=r"with link_detections\(\)"):
            audit_dataset(dataset)
        linked = link_detections(dataset)
        assert (linked.sequences, linked.detections) == (1, 2 * FRAMES)
        # The box that is misplaced is a track of its own
        assert numbers(dataset) == {1: FRAMES - 1, 2: FRAMES, 3: 1}
        assert linked.notes == ()
        summary = audit_dataset(dataset)
        assert summary.detections == 2 * FRAMES
        assert call(dataset, "load")["status"] == "ready"
        (note,) = link_detections(dataset, track_field="mine").notes
        assert note.startswith("the boxes had tracks by the attribute 'track_id'; fr")
        assert all(
            each.index is None
            for each in dataset.first().frames[1]["detections"].detections
        )


def test_the_selected_slice_of_a_grouped_dataset(tmp_path):
    with grouped_dataset(tmp_path, ["left", "right"]) as dataset:
        right = dataset.select_group_slices("right").values("id")
        summary = audit_dataset(dataset)
        assert (summary.sequences, summary.detections) == (1, 2 * FRAMES)
        assert dataset.group_slice == "left"
        (sequence,) = call(dataset, "load")["sequences"]
        assert sequence["samples"][0]["id"] not in right
        summary = audit_dataset(dataset.select_group_slices("right"))
        assert (summary.sequences, summary.detections) == (1, 2 * FRAMES)
        (sequence,) = call(dataset, "load")["sequences"]
        assert [each["id"] for each in sequence["samples"]] == right
        save_outlier_views(dataset)
        plan_review(dataset, budget=5)
        views = dataset.list_saved_views()
        shown = {name: len(dataset.load_saved_view(name)) for name in views}
        assert shown["review plan"] == shown["outliers"] == 1
        assert shown["issues"] == 1
        sent = export_mot(dataset, tmp_path / "fix")
        assert sent.frames == {"street": list(range(1, FRAMES + 1))}
        put_back(tmp_path / "fix", SHIFTED)
        assert load_adjustment(dataset, "fix").changes == {"moved": 1}
        assert dataset.load_saved_view("changed by reviewers").values("id") == right
        assert apply_adjustment(dataset, "fix").changed == 1


def test_a_package_of_a_video_has_its_frames(tmp_path):
    """Also if nothing of it is known yet, not even its size."""
    with video_dataset(tmp_path) as dataset:
        job = AdjustmentJob("fix", **dict.fromkeys(READY))
        plan = plan_adjustment(dataset.to_clips([[(3, 5)]]), job)
        export_adjustment(dataset, plan, tmp_path / "job")
        rows = pd.read_csv(tmp_path / "job" / "frames.csv")
        assert rows["frame"].tolist() == [3, 4, 5]
        assert all(Image.open(path).size == (WIDTH, HEIGHT) for path in rows["path"])


def test_crops_of_a_video_are_embedded(tmp_path):
    with video_dataset(tmp_path) as dataset:
        model = small_model(tmp_path)
        audit_dataset(dataset, kinds=("appearance",), model=model)
        path = f"frames.{FIELD}.detections.embedding_distance"
        distances = [each for each in dataset.values(path, unwind=True) if each]
        assert len(distances) > FRAMES


def test_boxes_are_linked_by_their_looks(tmp_path, monkeypatch):
    def spell(name, frame, box):
        return detection(box)

    def embed(tracks, model):
        assert model == "resnet18"
        return np.ones((len(tracks.table), 2), np.float32)

    monkeypatch.setattr(embedding, "embed_tracks", embed)
    with video_dataset(tmp_path, spell) as dataset:
        link_detections(dataset, model="resnet18")
        # The misplaced box looks like the one before
        assert numbers(dataset) == {1: FRAMES, 2: FRAMES}
