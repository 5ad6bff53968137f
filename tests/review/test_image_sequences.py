# SPDX-License-Identifier: Apache-2.0
"""Image datasets whose samples are frames: audited and corrected like videos."""

from pathlib import Path
from types import SimpleNamespace

import fiftyone as fo
import pandas as pd
import pytest
from fiftyone import ViewField as F
from fiftyone_track_audit.importers import store
from fiftyone_track_audit.plugin.corrections.applying import (
    apply_adjustment,
    undo_adjustment,
)
from fiftyone_track_audit.plugin.corrections.loading import load_adjustment
from fiftyone_track_audit.plugin.groundtruth.request import AdjustmentJob
from fiftyone_track_audit.plugin.panel.panel import TrackAuditPanel
from fiftyone_track_audit.plugin.review.audits import audit_dataset
from fiftyone_track_audit.plugin.review.review_plan import plan_review
from fiftyone_track_audit.plugin.review.saved_views import save_outlier_views
from fiftyone_track_audit.plugin.sending.groundtruth import export_adjustment
from fiftyone_track_audit.plugin.sending.groundtruth_plan import plan_adjustment
from fiftyone_track_audit.plugin.sending.mot import export_mot
from own_datasets import (
    FRAMES,
    SHIFTED,
    call,
    first_issue,
    image_dataset,
    put_back,
    spell_instances,
)

pytestmark = pytest.mark.usefixtures("database")
FIELD = "detections"


def street(number):
    return "street"


def itself(number):
    return number


def image_at(dataset, number):
    (image,) = dataset.match(F("filepath").ends_with(f"/{number}.png"))
    return image


def whole_way(dataset, shown, folder):
    """Audit, look at the mistake, send its frames, load and apply the correction."""
    summary = audit_dataset(shown)
    assert (summary.sequences, summary.detections) == (1, 2 * FRAMES)
    loaded = call(dataset, "load")
    assert loaded["status"] == "ready"
    (sequence,) = loaded["sequences"]
    assert (sequence["name"], sequence["frames"]) == ("street", FRAMES)
    wrong = image_at(dataset, SHIFTED)
    assert sequence["samples"][SHIFTED - 1] == {
        "id": wrong.id,
        "offset": SHIFTED - 1,
        "length": 1,
    }
    issue = first_issue(dataset)
    seen = call(dataset, "show_issue", id=issue["id"])
    assert seen["problem"] is None
    assert SHIFTED in [crop["frame"] for crop in seen["strip"]]
    assert wrong[FIELD].detections[0].outlier_reasons
    sent = export_mot(dataset.select(wrong.id), folder, context=1)
    assert sent.frames == {"street": [SHIFTED - 1, SHIFTED, SHIFTED + 1]}
    put_back(folder)
    review = load_adjustment(dataset, folder.name)
    assert review.changes == {"moved": 1}
    assert len(dataset.load_saved_view("changed by reviewers")) == 1
    assert apply_adjustment(dataset, folder.name).changed == 1
    moved = image_at(dataset, SHIFTED)[FIELD].detections[0].bounding_box
    assert moved[1] == pytest.approx(0.1, abs=0.01)
    assert undo_adjustment(dataset, folder.name).changed == 1
    return summary


def test_dynamic_groups(tmp_path):
    fields = {"scene": street, "time": itself}
    with image_dataset(tmp_path / "frames", **fields) as dataset:
        groups = dataset.group_by("scene", order_by="time")
        whole_way(dataset, groups, tmp_path / "fix")
        assert store.read_order(dataset) == store.FrameOrder("scene", "time")


def test_a_sequence_and_a_frame_field(tmp_path):
    fields = {"sequence": street, "frame_number": itself}
    with image_dataset(tmp_path / "frames", **fields) as dataset:
        (note,) = whole_way(dataset, dataset, tmp_path / "fix").notes
        assert note == (
            "the images are 1 sequence by the field 'sequence', in the order of the "
            "field 'frame_number'"
        )


def test_a_sequence_in_several_folders(tmp_path):
    fields = {"sequence": street, "frame_number": itself}
    with image_dataset(tmp_path / "frames", **fields) as dataset:
        for image in dataset.iter_samples(autosave=True):
            path = Path(image.filepath)
            moved = path.parent / ("early" if int(path.stem) < SHIFTED else "late")
            moved.mkdir(exist_ok=True)
            image.filepath = str(path.rename(moved / path.name))
        whole_way(dataset, dataset, tmp_path / "fix")
        # A job of Ground Truth has one folder, so that frames are named by number
        chosen = dataset.select(image_at(dataset, SHIFTED).id)
        plan = plan_adjustment(chosen, AdjustmentJob("job"), context=1)
        export_adjustment(dataset, plan, tmp_path / "job")
        frames = pd.read_csv(tmp_path / "job/frames.csv")
        assert frames["frame_name"].tolist() == [
            f"{number:06d}.png" for number in (SHIFTED - 1, SHIFTED, SHIFTED + 1)
        ]
        assert frames["path"].map(lambda path: Path(path).is_file()).all()
        assert Path(frames["path"][0]).parent.name == "early"


def test_folders_and_file_names_with_instances(tmp_path):
    with image_dataset(tmp_path / "street", spell_instances()) as dataset:
        summary = whole_way(dataset, dataset, tmp_path / "fix")
        assert summary.notes == (
            "the images are 1 sequence by their folders, in the order of their file "
            "names; pass sequence_field and frame_field if that is wrong",
            "tracks are told apart by instance",
        )


def test_fields_of_any_name(tmp_path):
    fields = {"a": street, "b": itself}
    with image_dataset(tmp_path / "frames", **fields) as dataset:
        with pytest.raises(ValueError, match="no sample field 'c'"):
            audit_dataset(dataset, sequence_field="c")
        audit_dataset(dataset, sequence_field="a", frame_field="b")
        spans = store.read_spans(dataset)["street"]
        assert [(span.offset, span.length) for span in spans] == [(0, FRAMES)]
        assert spans[0].sample_id == image_at(dataset, 1).id


def test_views_and_decisions(tmp_path):
    with image_dataset(tmp_path / "street") as dataset:
        audit_dataset(dataset)
        counts = save_outlier_views(dataset)
        assert counts["outliers"] >= 1
        wrong = image_at(dataset, SHIFTED).id
        assert wrong in dataset.load_saved_view("outliers").values("id")
        assert wrong in dataset.load_saved_view("issues").values("id")
        issue = first_issue(dataset)["id"]
        ctx = {"ids": [issue], "decision": "confirmed"}
        assert call(dataset, "decide", **ctx)["decided"] == 1
        assert wrong in dataset.load_saved_view("issues").values("id")
        assert plan_review(dataset, budget=3).frames == 3
        assert wrong in dataset.load_saved_view("review plan").values("id")
        # What a view shows
        one = SimpleNamespace(
            user=None,
            dataset=dataset,
            params={"in_view": True},
            view=dataset.select(wrong),
        )
        listed = TrackAuditPanel().list_issues(one)["issues"]
        assert issue in [each["id"] for each in listed]
        assert all(
            each["first_frame"] <= SHIFTED <= each["last_frame"] for each in listed
        )


def test_images_that_are_no_frames(tmp_path):
    def unlinked(name, number, box):
        return fo.Detection(label="person", bounding_box=box)

    with (
        image_dataset(tmp_path / "images", unlinked) as dataset,
        pytest.raises(ValueError, match="have no track ids"),
    ):
        audit_dataset(dataset)
