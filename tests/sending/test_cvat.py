# SPDX-License-Identifier: Apache-2.0
"""Sequences as CVAT's files: writing them, and reading what CVAT makes of them."""

import shutil
from dataclasses import replace
from xml.etree.ElementTree import ElementTree, parse
from zipfile import ZipFile

import fiftyone as fo
import fiftyone.utils.cvat as fouc
import fiftyone_track_audit as fta
import numpy as np
import pytest
from fiftyone_track_audit.importers.cvat_writer import write_cvat
from fiftyone_track_audit.importers.formats import read_labels
from fiftyone_track_audit.importers.tracks import BOX, InputError
from fiftyone_track_audit.plugin.corrections.applying import Applied
from own_datasets import detection, video_dataset
from small_datasets import SHIFTED, SHORT, copy_of, outliers, walkers

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def dataset(two_walks):
    with copy_of(two_walks) as copy:
        yield copy


def box_of(root, track, frame):
    (box,) = root.findall(f"track[@id='{track}']/box[@frame='{frame}']")
    return box


def test_cvat_s_own_parser_of_fiftyone_reads_what_is_written(tmp_path):
    tracks = walkers("a", tmp_path / "frames")
    table = tracks.table
    gone = (table["track"] == 1) & table["frame"].between(5, 7)
    tracks = replace(tracks, table=table[~gone].reset_index(drop=True))
    write_cvat(tracks, tmp_path)
    *_, found = fouc.load_cvat_video_annotations(str(tmp_path / "a/annotations.xml"))
    boxes = {
        (int(track.id), frame + 1): box
        for track in found
        for frame, box in track.boxes.items()
        if box.outside != 1
    }
    expected = tracks.table.set_index(["track", "frame"])
    assert set(boxes) == set(expected.index)
    for key, box in boxes.items():
        left, top, width, height = expected.loc[key, BOX]
        # It rounds to whole pixels
        corners = (left, top, left + width, top + height)
        assert (box.xtl, box.ytl, box.xbr, box.ybr) == pytest.approx(corners, abs=0.51)
    again = read_labels(tmp_path / "a")
    assert again.table[["track", "frame"]].to_numpy().tolist() == (
        tracks.table[["track", "frame"]].to_numpy().tolist()
    )
    sequence = again.sequences["a"]
    assert (sequence.width, sequence.height) == (200, 100)
    assert len(sequence.frame_names) == len(tracks.sequences["a"].frame_names)


def test_keyframes_are_kept(tmp_path):
    tracks = walkers("a", tmp_path / "frames")
    tracks.table["keyframe"] = tracks.table["frame"] % 5 == 0
    write_cvat(tracks, tmp_path)
    again = read_labels(tmp_path / "a").table
    first, last = again["frame"].min(), again["frame"].max()
    expected = (again["frame"] % 5 == 0) | again["frame"].isin([first, last])
    assert again["keyframe"].tolist() == expected.tolist()


def test_attributes_are_written_as_cvat_declares_them(tmp_path):
    tracks = walkers("a", tmp_path / "frames")
    table = tracks.table
    table["posed"] = table["frame"].to_numpy() > 10
    table["lane"] = np.where(table["track"] == 1, 2.0, np.nan)
    table["seen_by"] = [["anna", "ben"]] * len(table)
    table["occluded"] = table["frame"] == 3
    table["keyframe"] = True
    write_cvat(tracks, tmp_path)
    root = parse(tmp_path / "a/annotations.xml").getroot()
    declared = {
        attribute.findtext("name"): (
            attribute.findtext("mutable"),
            attribute.findtext("input_type"),
        )
        for attribute in root.findall("meta/task/labels/label/attributes/attribute")
    }
    assert declared == {
        "color": ("False", "text"),
        "posed": ("True", "checkbox"),
        "lane": ("False", "text"),
        "seen_by": ("False", "text"),
    }
    constant = root.findall("track[@id='1']/attribute")
    assert {each.get("name"): each.text for each in constant} == {
        "color": "red",
        "lane": "2",
        "seen_by": "anna, ben",
    }
    again = read_labels(tmp_path / "a").table
    assert set(again["color"]) == {"red"}
    assert again["posed"].tolist() == [str(b).lower() for b in table["posed"]]
    assert again.loc[again["track"] == 2, "lane"].isna().all()
    assert again["occluded"].tolist() == table["occluded"].tolist()


def test_levels_of_occlusion_are_an_attribute(tmp_path):
    tracks = walkers("a", tmp_path / "frames")
    tracks.table["occluded"] = tracks.table["frame"] % 3
    write_cvat(tracks, tmp_path)
    box = parse(tmp_path / "a/annotations.xml").getroot().find("track/box")
    assert box.get("occluded") == "0"
    assert box.find("attribute[@name='occluded']").text == "1"


def test_boxes_without_tracks_are_refused(tmp_path):
    tracks = walkers("a", tmp_path / "frames")
    tracks.table["track"] = -1
    with pytest.raises(InputError, match="boxes have no track id"):
        write_cvat(tracks, tmp_path)
    assert not (tmp_path / "a").exists()


def correct_in_cvat(folder, sequence):
    """Correct four boxes, and number tracks anew, as CVAT does."""
    path = folder / sequence / "annotations.xml"
    root = parse(path).getroot()
    # Frames 0 to 5 are 9, 10, 11, 19, 20 and 21 of the dataset
    short, shifted = box_of(root, 1, 1), box_of(root, 2, 4)
    short.set("ybr", str(float(short.get("ytl")) + 36))
    for side in ("xtl", "xbr"):
        shifted.set(side, str(float(shifted.get(side)) - 16))
    box_of(root, 2, 2).set("outside", "1")
    ends = {"xtl": "3", "ytl": "3", "xbr": "12", "ybr": "12", "keyframe": "1"}
    new = root.makeelement("track", {"id": "9", "label": "person"})
    for frame, outside in (("0", "0"), ("1", "1")):
        new.append(new.makeelement("box", {"frame": frame, "outside": outside, **ends}))
    tracks = [*root.findall("track"), new]
    for track in root.findall("track"):
        root.remove(track)
    for number, track in enumerate(reversed(tracks)):
        track.set("id", str(number))
        root.append(track)
    root.find("meta/task/name").text = "my task"
    ElementTree(root).write(path)


def test_corrected_files_load_and_apply(dataset, tmp_path):
    record = fta.export_cvat(outliers(dataset), tmp_path / "out", context=1)
    assert record.frames["a"] == [9, 10, 11, 19, 20, 21]
    images = sorted(path.name for path in (tmp_path / "out/a/images").iterdir())
    assert images == [f"frame_{number:06d}.png" for number in range(6)]
    root = parse(tmp_path / "out/a/annotations.xml").getroot()
    assert {each.text for each in root.findall("track/box/attribute")} == {"red"}
    correct_in_cvat(tmp_path / "out", "a")
    review = fta.load_adjustment(dataset, "out")
    assert review.changes == {"moved": 1, "resized": 1, "added": 1, "deleted": 1}
    assert review.notes == []
    frames = dataset.match({"sequence": "a"}).first().frames
    adjusted = {
        box.index: box for box in frames[SHORT].ground_truth_adjusted.detections
    }
    assert adjusted[1].changes == ["resized"]
    moved = {box.index: box for box in frames[SHIFTED].ground_truth_adjusted.detections}
    assert moved[2].changes == ["moved"]
    assert fta.apply_adjustment(dataset, "out") == Applied(2, 1, 1, 4)


def test_untouched_files_change_nothing_and_may_lie_elsewhere(dataset, tmp_path):
    fta.export_cvat(outliers(dataset), tmp_path / "out")
    (tmp_path / "back").mkdir()
    shutil.copy(tmp_path / "out/a/annotations.xml", tmp_path / "back/a.xml")
    review = fta.load_adjustment(dataset, "out", tmp_path / "back")
    assert review.changes == {}
    assert review.notes == ["b did not come back"]


def test_a_file_without_tracks_deletes_all_boxes(dataset, tmp_path):
    record = fta.export_cvat(outliers(dataset), tmp_path / "out")
    for name in record.frames:
        path = tmp_path / "out" / name / "annotations.xml"
        root = parse(path).getroot()
        for track in root.findall("track"):
            root.remove(track)
        ElementTree(root).write(path)
    # As CVAT exports it
    with ZipFile(tmp_path / "out/b/annotations.zip", "w") as archive:
        archive.write(path, "annotations.xml")
    path.unlink()
    sent = sum(len(frames) for frames in record.frames.values()) * 2
    review = fta.load_adjustment(dataset, "out")
    assert review.changes == {"deleted": sent}
    assert [note.split(" so ")[0] for note in review.notes] == [
        "a came back without any track,",
        "b came back without any track,",
    ]


def test_a_file_that_is_not_of_a_video_does_not_delete(dataset, tmp_path):
    fta.export_cvat(outliers(dataset), tmp_path / "out")
    path = tmp_path / "out/a/annotations.xml"
    path.write_text("<annotations><version>1.1</version></annotations>")
    with pytest.raises(InputError, match="no tracks; expected tracks of boxes"):
        fta.load_adjustment(dataset, "out")


def test_files_of_other_frames_are_refused(dataset, tmp_path):
    fta.export_cvat(outliers(dataset), tmp_path / "out")
    with pytest.raises(InputError, match="nothing came back; expected a/annotations"):
        fta.load_adjustment(dataset, "out", tmp_path)
    path = tmp_path / "out/a/annotations.xml"
    text = path.read_text().replace('frame="1"', 'frame="7"')
    path.write_text(text)
    with pytest.raises(
        InputError, match="a box in frame 7; expected one task of the 2"
    ):
        fta.load_adjustment(dataset, "out")
    assert not fo.Dataset.has_frame_field(dataset, "ground_truth_adjusted")


def test_changed_attributes_come_back(dataset, tmp_path):
    record = fta.export_cvat(outliers(dataset), tmp_path / "out")
    assert record.box_attributes == ["color"]
    path = tmp_path / "out/a/annotations.xml"
    root = parse(path).getroot()
    box_of(root, 1, 1).find("attribute[@name='color']").text = "green"
    # As of a task whose label does not define it
    for part in (root.find("track[@id='2']"), *root.findall("track[@id='2']/box")):
        for attribute in part.findall("attribute"):
            part.remove(attribute)
    ElementTree(root).write(path)
    assert fta.load_adjustment(dataset, "out").changes == {"attributes": 1}
    fta.apply_adjustment(dataset, "out")
    frame = dataset.match({"sequence": "a"}).first().frames[SHIFTED]
    assert {box.index: box.color for box in frame.ground_truth.detections} == {
        1: "green",
        2: "red",
    }


def test_attributes_of_a_dataset_made_elsewhere_come_back(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def spell(name, frame, box):
        known = {"color": "red", "occluded": frame > 30, "speed": 1.5, "parts": [1]}
        return detection(box, index={"first": 1, "second": 2}[name], **known)

    with video_dataset(tmp_path, spell) as dataset:
        dataset.add_dynamic_frame_fields()
        fta.audit_dataset(dataset)
        record = fta.export_cvat(dataset.limit(1), tmp_path / "out")
        assert sorted(record.box_attributes) == ["color", "occluded", "speed"]
        (path,) = (tmp_path / "out").glob("*/annotations.xml")
        root = parse(path).getroot()
        assert fta.load_adjustment(dataset, "out").changes == {}
        box_of(root, 1, 1).find("attribute[@name='color']").text = "green"
        ElementTree(root).write(path)
        assert fta.load_adjustment(dataset, "out").changes == {"attributes": 1}
        fta.apply_adjustment(dataset, "out")
        boxes = dataset.first().frames[2].detections.detections
        assert {(box.index, box.color) for box in boxes} == {(1, "green"), (2, "red")}
