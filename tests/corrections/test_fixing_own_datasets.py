# SPDX-License-Identifier: Apache-2.0
"""Fixing datasets that Track Audit did not make, with identities of any spelling."""

from contextlib import ExitStack

import fiftyone as fo
import fiftyone_track_audit as fta
import numpy as np
import pytest
from fiftyone_track_audit.importers import store
from fiftyone_track_audit.importers.tracks import BOX
from fiftyone_track_audit.plugin.review.issues import read_dataset_issues
from fiftyone_track_audit.plugin.review.rejudging import count_changed
from own_datasets import (
    FRAMES,
    HEIGHT,
    SHIFTED,
    detection,
    image_dataset,
    spell_instances,
    video_dataset,
)

pytestmark = pytest.mark.usefixtures("database")
FIELD = "detections"
#: The last frame in which nobody labeled the second object.
UNSEEN = 25


def by_text(name, frame, box):
    return detection(box, tid=f"object {name}")


@pytest.fixture(params=["instance", "attribute", "image"])
def dataset(request, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with ExitStack() as stack:
        if request.param == "image":
            made = image_dataset(tmp_path / "street", spell_instances())
        else:
            text = request.param == "attribute"
            made = video_dataset(tmp_path, by_text if text else spell_instances())
        dataset = stack.enter_context(made)
        fta.audit_dataset(
            dataset, track_field="tid" if "attr" in request.param else None
        )
        yield dataset


def table(dataset):
    own = store.read_tracks(dataset, FIELD, ["id"]).tracks.table
    return own.set_index(["track", "frame"]).sort_index()


def first_shift(dataset):
    found = read_dataset_issues(dataset, FIELD)
    return found[found["first_frame"] == SHIFTED].iloc[0]


def test_a_box_is_redrawn_and_taken_back(dataset):
    before = table(dataset)
    issue = first_shift(dataset)
    fixed = fta.fix_issues(dataset, ids=[issue["id"]])
    assert str(fixed) == "1 issue fixed, boxes: 1 moved"
    after = table(dataset)
    assert after["id"].equals(before["id"])
    moved = after.loc[(issue["track"], SHIFTED)]
    assert moved["top"] == pytest.approx(0.1 * HEIGHT, abs=0.1)
    assert (after[BOX] != before[BOX]).any(axis=1).sum() == 1
    assert count_changed(dataset, FIELD) == 0
    undone = fta.undo_fixes(dataset)
    assert str(undone) == "1 issue reopened, boxes: 1 moved back"
    np.testing.assert_allclose(table(dataset)[BOX], before[BOX])


def test_tracks_keep_their_numbers_when_one_is_deleted_or_new(dataset):
    before, issue = table(dataset), first_shift(dataset)
    gone = int(issue["track"])
    (other,) = set(before.index.get_level_values("track")) - {gone}
    path = "issues.detections"
    dataset.set_label_values(f"{path}.label", {issue["id"]: "short_track"})
    fta.fix_issues(dataset, ids=[issue["id"]])
    assert set(table(dataset).index.get_level_values("track")) == {other}
    fta.undo_fixes(dataset)
    assert table(dataset)["id"].equals(before["id"])
    # Cut in two: the second part is one new object
    issue = first_shift(dataset)
    dataset.set_label_values(f"{path}.label", {issue["id"]: "identity_switch"})
    dataset.set_label_values(f"{path}.other_track", {issue["id"]: other})
    fta.fix_issues(dataset, ids=[issue["id"]], fixes={issue["id"]: "cut"})
    counts = table(dataset).groupby("track").size().to_dict()
    assert counts == {gone: SHIFTED - 1, other: FRAMES, 3: FRAMES - SHIFTED + 1}
    fta.undo_fixes(dataset)
    assert table(dataset)["id"].equals(before["id"])


def test_an_exchange_gives_each_box_the_identity_of_the_other_track(dataset):
    before, issue = table(dataset), first_shift(dataset)
    one, two = sorted(set(before.index.get_level_values("track")))
    path = "issues.detections"
    dataset.set_label_values(f"{path}.label", {issue["id"]: "fragmentation"})
    dataset.set_label_values(f"{path}.label", {issue["id"]: "identity_switch"})
    other = two if issue["track"] == one else one
    dataset.set_label_values(f"{path}.other_track", {issue["id"]: other})
    dataset.set_label_values(f"{path}.peak_frame", {issue["id"]: 30})
    told = fta.fix_issues(dataset, ids=[issue["id"]])
    assert told.boxes.identities == 2 * (FRAMES - 29)
    after = table(dataset)
    assert after.loc[(one, 30), "id"] == before.loc[(two, 30), "id"]
    assert after.loc[(one, 29), "id"] == before.loc[(one, 29), "id"]


def test_an_overlooked_object_gets_a_track_with_an_identity_of_its_own(tmp_path):
    def missing(name, frame, box):
        instance = instances[name]
        late = name == "first" or frame > UNSEEN
        return detection(box, instance=instance) if late else None

    instances = {"first": fo.Instance(), "second": fo.Instance()}
    with video_dataset(tmp_path, missing) as dataset:
        dataset.add_frame_field(
            "yolo", fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections
        )
        for sample in dataset:
            for number, frame in sample.frames.items():
                boxes = [frame[FIELD].detections[0].bounding_box]
                boxes.append([0.8 - 0.01 * number, 0.55, 0.15, 0.3])
                frame["yolo"] = fo.Detections(
                    detections=[detection(box, confidence=0.9) for box in boxes]
                )
            sample.save()
        fta.audit_dataset(dataset, FIELD)
        found = read_dataset_issues(dataset, FIELD)
        ids = found.loc[found["kind"] == "overlooked", "id"].tolist()
        fixed = fta.fix_issues(dataset, ids=ids, label_field=FIELD)
        assert (fixed.issues, fixed.boxes.added) == (1, UNSEEN)
        added = table(dataset).loc[3]
        assert added["left"].iloc[0] == pytest.approx(0.79 * 160, abs=0.5)
        labels = dataset.first().frames[5][FIELD].detections
        assert len({label.instance.id for label in labels}) == 2
        assert labels[1].predicted
        fta.undo_fixes(dataset)
        assert len(table(dataset)) == 2 * FRAMES - UNSEEN
