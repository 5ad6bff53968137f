# SPDX-License-Identifier: Apache-2.0
"""Sequences as CVAT's files: writing them, and reading what CVAT makes of them."""

import shutil
from dataclasses import replace
from xml.etree.ElementTree import ElementTree, parse

import fiftyone as fo
import fiftyone.utils.cvat as fouc
import fiftyone_track_audit as fta
import pytest
from fiftyone import ViewField as F
from fiftyone_track_audit.importers.cvat_writer import write_cvat
from fiftyone_track_audit.importers.formats import read_labels
from fiftyone_track_audit.importers.tracks import BOX, InputError
from fiftyone_track_audit.plugin.corrections.applying import Applied
from small_datasets import SHIFTED, SHORT, copy_of, walkers

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def dataset(two_walks):
    with copy_of(two_walks) as copy:
        yield copy


def outliers(dataset):
    boxes = F("ground_truth.detections")
    return dataset.filter_labels(
        "frames.ground_truth", F("outlier_score") > 0.5
    ).match_frames(boxes.length() > 0)


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
