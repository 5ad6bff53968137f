# SPDX-License-Identifier: Apache-2.0
"""Formats of label files: small made ones, and real ones of other people."""

import json
import re
import warnings
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from fiftyone_track_audit.importers.description import describe, further_notes
from fiftyone_track_audit.importers.formats import BY_NAME, read_labels, recognize
from fiftyone_track_audit.importers.tracks import COLUMNS, InputError, Tracks
from PIL import Image

CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><id>5</id><name>street</name><size>4</size><mode>interpolation</mode>
    <start_frame>10</start_frame><stop_frame>19</stop_frame>
    <frame_filter>step=3</frame_filter>
    <original_size><width>64</width><height>48</height></original_size></task></meta>
  <track id="0" label="car">
    <box frame="10" outside="0" occluded="1" keyframe="1" xtl="3" ytl="4" xbr="10.5"
      ybr="5"><attribute name="color">red</attribute></box>
    <box frame="13" outside="0" occluded="0" keyframe="0" xtl="4" ytl="4" xbr="11"
      ybr="5"><attribute name="label">x</attribute></box>
    <box frame="16" outside="1" occluded="0" keyframe="1" xtl="4" ytl="4" xbr="11"
      ybr="5"></box>
  </track>
  <track id="7" label="bus">
    <box frame="19" outside="0" occluded="0" keyframe="1" xtl="0" ytl="0" xbr="8"
      ybr="9" rotation="30"/>
  </track>
  <track id="8" label="bus">
    <polygon frame="19" outside="0" occluded="0" keyframe="1" points="1,2;3,4;5,6"/>
  </track>
</annotations>
"""
BOX3D = "1.7 0.6 1.8 -0.05 1.6 12.3 -0.1"
KITTI = f"""0 -1 DontCare -1 -1 -10 7 1 9 4 {BOX3D}
0 0 Cyclist 0 1 -0.1 5.5 2 16 30 {BOX3D}
1 0 Cyclist 0 2 -0.1 6.5 2 17 30 {BOX3D}
3 12 Car 1 0 -0.1 0 0 8 9.5 {BOX3D}
"""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def save_frames(folder: Path, *names: str, size: tuple[int, int] = (64, 48)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", size).save(folder / name)
    return folder


def boxes(tracks: Tracks) -> list[list[object]]:
    names = ["frame", "track", "label", "left", "top", "width", "height"]
    return tracks.table[names].to_numpy().tolist()


def sizes(tracks: Tracks) -> list[tuple[object, ...]]:
    return [
        (one.name, one.width, one.height, one.frame_rate, len(one.frame_names))
        for one in tracks.sequences.values()
    ]


def test_cvat_for_video(tmp_path):
    tracks = read_labels(write(tmp_path / "annotations.xml", CVAT))
    assert tracks.format == "CVAT for video 1.1"
    assert boxes(tracks) == [
        [1, 0, "car", 3, 4, 7.5, 1],
        [2, 0, "car", 4, 4, 7, 1],
        [4, 7, "bus", 0, 0, 8, 9],
        [4, 8, "bus", 1, 2, 4, 4],
    ]
    table = tracks.table
    assert {c: str(table[c].dtype) for c in COLUMNS} == dict(COLUMNS)
    assert table["keyframe"].tolist() == [True, False, True, True]
    assert table["occluded"].tolist() == [True, False, False, False]
    assert table["color"].tolist() == ["red", None, None, None]
    assert table["label_attribute"].tolist() == [None, "x", None, None]
    assert "outside" not in table
    assert table["frame_name"].tolist()[-1] == "frame_000019.PNG"
    assert sizes(tracks) == [("street", 64, 48, 30, 4)]
    text = " ".join(tracks.notes)
    assert "street: the boxes around other shapes are used (polygon 1)" in text
    assert "street: the rotation of 1 box was ignored" in text


def test_who_is_assigned_to_a_task_of_cvat_is_known(tmp_path):
    assigned = "<id>5</id><assignee><username>anna</username></assignee>"
    text = CVAT.replace("<id>5</id>", assigned)
    tracks = read_labels(write(tmp_path / "annotations.xml", text))
    assert tracks.table["assignee"].tolist() == ["anna"] * 4
    nobody = write(
        tmp_path / "nobody.xml", CVAT.replace("<id>5</id>", "<id>5</id><assignee/>")
    )
    assert "assignee" not in read_labels(nobody).table


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ('polyline points="8,2;1,9.5"', [1, 2, 7, 7.5]),
        ('points points="3,4;5,7;4,4"', [3, 4, 2, 3]),
        ('mask left="2" top="3" width="7" height="4" rle="1, 2"', [2, 3, 7, 4]),
        ('ellipse cx="9" cy="8" rx="3" ry="2"', [6, 6, 6, 4]),
        (
            'cuboid xtl1="4" ytl1="3" xbl1="4" ybl1="9" xtr1="8" ytr1="3" xbr1="8" '
            'ybr1="9" xtl2="6" ytl2="1" xbl2="6" ybl2="7" xtr2="11" ytr2="1" '
            'xbr2="11" ybr2="7"',
            [4, 1, 7, 8],
        ),
    ],
)
def test_other_shapes_of_cvat_are_judged_by_the_boxes_around_them(
    tmp_path, shape, expected
):
    text = (
        f'<annotations><track id="3" label="a"><{shape} frame="0" outside="0" '
        'keyframe="1"/></track></annotations>'
    )
    tracks = read_labels(write(tmp_path / "walk.xml", text))
    assert boxes(tracks) == [[1, 3, "a", *expected]]


def test_skeletons_of_cvat_are_judged_by_their_points_in_view(tmp_path):
    parts = "".join(
        f'<points label="{name}" outside="{outside}" points="{place}"/>'
        for name, outside, place in [
            ("head", 0, "3,4"),
            ("foot", 0, "5,9"),
            ("hand", 1, "90,90"),
        ]
    )
    text = (
        '<annotations><track id="3" label="a"><skeleton frame="0" outside="0" '
        f'keyframe="1">{parts}</skeleton></track></annotations>'
    )
    tracks = read_labels(write(tmp_path / "walk.xml", text))
    assert boxes(tracks) == [[1, 3, "a", 3, 4, 2, 5]]


def test_skeletons_of_cvat_end_where_all_of_their_points_are_outside(tmp_path):
    part = '<points label="{}" outside="{}" points="{}"/>'
    shapes = "".join(
        f'<skeleton frame="{frame}" keyframe="1">{part.format("head", outside, "3,4")}'
        f'{part.format("foot", outside, "5,9")}<attribute name="a">b</attribute>'
        "</skeleton>"
        for frame, outside in enumerate([0, 0, 1])
    )
    text = f'<annotations><track id="3" label="a">{shapes}</track></annotations>'
    tracks = read_labels(write(tmp_path / "walk.xml", text))
    assert boxes(tracks) == [[1, 3, "a", 3, 4, 2, 5], [2, 3, "a", 3, 4, 2, 5]]
    assert tracks.invalid.empty


def test_points_and_lines_of_cvat_without_an_area_are_left_out(tmp_path):
    flat = "".join(
        f'<track id="{number}" label="bus"><{shape} frame="10" outside="0" '
        'keyframe="1"/></track>'
        for number, shape in enumerate(
            ['points points="3,4"', 'polyline points="1,5;9,5"'], 20
        )
    )
    text = CVAT.replace("</annotations>", f"{flat}</annotations>")
    tracks = read_labels(write(tmp_path / "annotations.xml", text))
    assert (len(tracks.table), len(tracks.invalid)) == (4, 0)
    assert (
        "street: shapes without an area were left out (points 1, polyline 1)"
        in tracks.notes
    )


@pytest.mark.parametrize(
    "place", ['points="1,2;x,4;5,6"', 'points="1,2;3"', "", 'points=";"']
)
def test_shapes_of_cvat_without_a_place_are_set_aside(tmp_path, place):
    text = CVAT.replace('points="1,2;3,4;5,6"', place)
    tracks = read_labels(write(tmp_path / "annotations.xml", text))
    assert len(tracks.table) == 3
    (problem,) = tracks.invalid["reason"]
    assert "a polygon of track '8' with label 'bus'" in problem


def test_cvat_s_interpolation_is_filled_in(tmp_path):
    """CVAT itself needs keyframes alone, as other tools write them."""
    box = '<box frame="{}" outside="{}" keyframe="1" xtl="{}" ytl="0" xbr="9" ybr="9"/>'
    shapes = [box.format(0, 0, 0), box.format(4, 0, 8), box.format(5, 1, 8)]
    text = (
        f'<annotations><track id="3" label="a">{"".join(shapes)}</track></annotations>'
    )
    tracks = read_labels(write(tmp_path / "walk.xml", text))
    assert tracks.table["frame"].tolist() == [1, 2, 3, 4, 5]
    assert tracks.table["left"].tolist() == [0, 2, 4, 6, 8]
    assert tracks.table["keyframe"].tolist() == [True, False, False, False, True]


def test_several_tasks_of_cvat_are_several_sequences(tmp_path):
    box = '<box frame="0" outside="0" keyframe="1" xtl="0" ytl="0" xbr="9" ybr="9"/>'
    text = "<annotations><meta><project><tasks>"
    text += "".join(f"<task><id>{i}</id><name>a</name></task>" for i in (4, 5))
    text += "</tasks></project></meta>"
    for task in (4, 5, 5):
        number = text.count("<track")
        text += f'<track id="{number}" label="c" task_id="{task}">{box}</track>'
    tracks = read_labels(write(tmp_path / "x.xml", f"{text}</annotations>"))
    assert list(tracks.sequences) == ["a", "a-2"]
    assert tracks.table["sequence"].tolist() == ["a", "a-2", "a-2"]


def test_kitti(tmp_path):
    path = write(tmp_path / "label_02" / "0012.txt", KITTI)
    tracks = read_labels(path)
    assert tracks.format == "KITTI tracking"
    assert boxes(tracks) == [
        [1, 0, "Cyclist", 5.5, 2, 10.5, 28],
        [2, 0, "Cyclist", 6.5, 2, 10.5, 28],
        [4, 12, "Car", 0, 0, 8, 9.5],
    ]
    assert tracks.table["occluded"].tolist() == [1, 2, 0]
    assert tracks.table["truncated"].tolist() == [0, 0, 1]
    assert sizes(tracks) == [("0012", 17, 30, 10, 4)]
    assert "0012: 1 regions labeled DontCare were left out" in tracks.notes


def test_frames_beside_kitti_s_labels_are_found(tmp_path):
    path = write(tmp_path / "label_02" / "0012.txt", KITTI)
    write(tmp_path / "label_02" / "0013.txt", KITTI)
    names = [f"{number:06d}.png" for number in range(6)]
    folder = save_frames(tmp_path / "image_02" / "0012", *names)
    tracks = read_labels(path.parent)
    assert sizes(tracks) == [("0012", 64, 48, 10, 6), ("0013", 17, 30, 10, 4)]
    assert tracks.sequences["0012"].frames_dir == (
        path.parent / f"../{folder.parent.name}/0012"
    )
    other = save_frames(tmp_path / "own" / "0013", *names, size=(80, 60))
    given = read_labels(path.parent / "0013.txt", frames=other.parent)
    assert sizes(given) == [("0013", 80, 60, 10, 6)]


VATIC = """7 1 2 5 8 0 0 0 0 "Biker"
7 2 2 6 8 1 0 1 1 "Biker" "Fast" "On road"
7 3 2 7 8 2 1 0 1 "Biker"
9 0 0 4 4 5 0 0 1 Car
"""


def test_vatic(tmp_path):
    tracks = read_labels(write(tmp_path / "video0.txt", VATIC))
    assert tracks.format == "VATIC"
    assert boxes(tracks) == [
        [1, 7, "Biker", 1, 2, 4, 6],
        [2, 7, "Biker", 2, 2, 4, 6],
        [6, 9, "Car", 0, 0, 4, 4],
    ]
    assert tracks.table["occluded"].tolist() == [False, True, False]
    assert tracks.table["keyframe"].tolist() == [True, False, False]
    assert tracks.table["Fast"].tolist() == [False, True, False]
    assert tracks.table["On road"].tolist() == [False, True, False]
    assert sizes(tracks) == [("video0", 6, 8, 30, 6)]
    assert "video0: 1 box of lost objects left out" in tracks.notes


VISDRONE = """1,0,10,20,30,40,1,4,0,1
2,0,11,20,30,40,0,11,1,2
1,1,0,0,300,40,0,0,0,0
"""


def test_visdrone(tmp_path):
    path = write(tmp_path / "annotations" / "uav0137.txt", VISDRONE)
    names = ["0000001.jpg", "0000002.jpg", "0000003.jpg"]
    save_frames(tmp_path / "sequences" / "uav0137", *names)
    tracks = read_labels(tmp_path)
    assert tracks.format == "VisDrone-MOT"
    assert boxes(tracks) == [
        [1, 0, "car", 10, 20, 30, 40],
        [2, 0, "others", 11, 20, 30, 40],
    ]
    assert tracks.table["considered"].tolist() == [True, False]
    assert tracks.table["truncated"].tolist() == [0, 1]
    assert tracks.table["occluded"].tolist() == [1, 2]
    assert tracks.table["frame_name"].tolist() == names[:2]
    assert sizes(tracks) == [("uav0137", 64, 48, 30, 3)]
    assert "uav0137: 1 ignored regions (category 0) were left out" in tracks.notes
    assert path.exists()


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("M0203_gt_whole.txt", "1,5,10,20,30,40,1,1,1\n3,5,9,20,30,40,1,1,1\n"),
        ("M0203.txt", "1,5,10,20,30,40,1,1,1\n3,5,9,20,30,40,2,4,1\n"),
    ],
)
def test_uavdt(tmp_path, name, rows):
    tracks = read_labels(write(tmp_path / name, rows))
    assert tracks.format == "UAVDT"
    assert boxes(tracks) == [
        [1, 5, "car", 10, 20, 30, 40],
        [3, 5, "car", 9, 20, 30, 40],
    ]
    assert tracks.table["frame_name"].tolist() == ["img000001.jpg", "img000003.jpg"]
    assert sizes(tracks) == [("M0203", 40, 60, 30, 3)]
    assert set(tracks.table) >= {"out_of_view", "occluded"}


@pytest.mark.parametrize(
    "rows",
    [
        "1,5,10,20,30,40,1,1,1\n",
        "1,5,10,20,30,40,1,3,0.5\n",
        "1,5,10,20,30,40,1,-1,-1,-1\n",
        "1,-1,10,20,30,40,99.5,-1,-1,-1\n",
        "1 5 10 20 30 40 1 1 1\n",
    ],
)
def test_mot_is_not_taken_for_other_benchmarks(tmp_path, rows):
    assert recognize(write(tmp_path / "gt.txt", rows)).name == "mot"


def test_yolo(tmp_path):
    labels = tmp_path / "walk" / "labels"
    write(labels / "f_01.txt", "0 0.5 0.5 0.25 0.5 3\n1 0.5 0.5 0.25 0.5 12\n")
    write(labels / "f_02.txt", "0 0.5 0.5 0.25 0.5 3\n")
    write(labels / "f_03.txt", "")
    write(tmp_path / "walk" / "classes.txt", "person\ncar\n")
    with pytest.raises(InputError, match="expected the folder of the frames, or the"):
        read_labels(tmp_path)
    tracks = read_labels(tmp_path, size=(64, 48))
    assert tracks.format == "YOLO with tracks"
    assert boxes(tracks) == [
        [1, 3, "person", 24, 12, 16, 24],
        [2, 3, "person", 24, 12, 16, 24],
        [1, 12, "car", 24, 12, 16, 24],
    ]
    assert sizes(tracks) == [("walk", 64, 48, 30, 3)]
    save_frames(tmp_path / "walk" / "images", "f_01.jpg", "f_02.jpg", "f_03.jpg")
    assert sizes(read_labels(tmp_path)) == [("walk", 64, 48, 30, 3)]
    assert read_labels(tmp_path).table["frame_name"].tolist()[0] == "f_01.jpg"


@pytest.mark.parametrize(
    ("row", "track", "confidence"),
    [
        ("0 .5 .5 .2 .2 4 0.75", 4, 0.75),
        ("0 .5 .5 .2 .2 0.75 4", 4, 0.75),
        ("0 .5 .5 .2 .2 4 1", 4, 1),
        ("0 .5 .5 .2 .2 0.75", -1, 0.75),
        ("0 .5 .5 .2 .2", -1, None),
    ],
)
def test_yolo_s_tracks_and_confidences_are_told_apart(tmp_path, row, track, confidence):
    write(tmp_path / "1.txt", f"{row}\n")
    table = read_labels(tmp_path, size=(64, 48)).table
    assert table["track"].tolist() == [track]
    assert table["label"].tolist() == ["0"]
    assert table.get("confidence", pd.Series([None])).tolist() == [confidence]


def coco(**more: object) -> dict[str, object]:
    images = [
        {"id": 10, "video_id": 1, "frame_id": 0, "file_name": "v/0001.jpg"},
        {"id": 11, "video_id": 1, "frame_id": 1, "file_name": "v/0005.jpg"},
    ]
    box = {"category_id": 2, "bbox": [1, 2, 3, 4.5]}
    annotations = [
        {"id": 1, "image_id": 10, "instance_id": 5, "occluded": True, **box},
        {"id": 2, "image_id": 11, "instance_id": 5, "iscrowd": 0, **box},
        {"id": 3, "image_id": 11, "instance_id": 6, "iscrowd": 1, **box},
    ]
    return {
        "videos": [{"id": 1, "name": "v", "width": 64, "height": 48, "fps": 12}],
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 2, "name": "car"}],
        **more,
    }


def test_coco_vid(tmp_path):
    path = write(tmp_path / "annotations" / "train.json", json.dumps(coco()))
    tracks = read_labels(path)
    assert tracks.format == "COCO for videos"
    assert boxes(tracks) == [[1, 5, "car", 1, 2, 3, 4.5], [2, 5, "car", 1, 2, 3, 4.5]]
    assert tracks.table["frame_name"].tolist() == ["0001.jpg", "0005.jpg"]
    assert tracks.table["occluded"].tolist() == [True, None]
    assert sizes(tracks) == [("v", 64, 48, 12, 2)]
    assert tracks.notes == (f"{path}: 1 crowd regions were left out",)
    folder = save_frames(tmp_path / "v", "0001.jpg", "0005.jpg", "0009.jpg")
    found = read_labels(path).sequences["v"]
    assert found.frames_dir.resolve() == folder
    assert found.frame_names == ("0001.jpg", "0005.jpg")


def test_coco_s_tracks_have_several_names(tmp_path):
    """CVAT and Datumaro write an attribute; TAO has no list of videos."""
    content = coco(videos=[])
    for image in content["images"]:
        image["frame_index"] = image.pop("frame_id")
    for number, annotation in enumerate(content["annotations"]):
        annotation.pop("instance_id")
        annotation["iscrowd"] = 0
        annotation["attributes"] = {"track_id": f"t{number // 2}", "keyframe": True}
    tracks = read_labels(write(tmp_path / "a.json", json.dumps(content)))
    assert tracks.table["track"].tolist() == [0, 0, 1]
    assert tracks.table["keyframe"].tolist() == [True, True, True]
    assert list(tracks.sequences) == ["1"]


def test_youtube_vis_lists_boxes_by_frame(tmp_path):
    video = {"id": 3, "file_names": ["a/1.jpg", "a/2.jpg"], "width": 64, "height": 48}
    annotation = {"id": 9, "video_id": 3, "category_id": 2}
    annotation["bboxes"] = [None, [1, 2, 3, 4]]
    content = coco(videos=[video], annotations=[annotation])
    del content["images"]
    tracks = read_labels(write(tmp_path / "a.json", json.dumps(content)))
    assert boxes(tracks) == [[2, 9, "car", 1, 2, 3, 4]]
    assert sizes(tracks) == [("3", 64, 48, 30, 2)]


def test_coco_boxes_in_images_that_are_not_listed(tmp_path):
    content = coco()
    content["annotations"][0]["image_id"] = 999
    path = write(tmp_path / "a.json", json.dumps(content))
    tracks = read_labels(path)
    assert len(tracks.table) == 1
    assert f"{path}: 1 box in images that are not listed, left out" in tracks.notes
    with pytest.raises(InputError, match="1 box in images that are not listed"):
        read_labels(path, strict=True)


def test_sequences_of_one_name_are_named_by_their_folders(tmp_path):
    for name in ("a/annotations", "b/c/annotations"):
        write(tmp_path / f"{name}.xml", CVAT.replace("<name>street</name>", ""))
    frames = tmp_path / "frames"
    for folder in ("a", "b/c"):
        save_frames(frames / folder, "frame_000010.PNG")
    tracks = read_labels(tmp_path, frames=frames)
    assert [(name, one.name) for name, one in tracks.sequences.items()] == [
        ("a", "a"),
        ("b-c", "b-c"),
    ]
    assert tracks.table["sequence"].tolist() == ["a"] * 4 + ["b-c"] * 4
    assert tracks.sequences["a"].frames_dir == frames / "a"
    assert tracks.notes[0].startswith("a: the boxes around other")
    for name in ("x", "y"):
        write(tmp_path / "coco" / f"{name}.json", json.dumps(coco()))
    with pytest.raises(InputError, match="two sequences named 'v'; expected different"):
        read_labels(tmp_path / "coco")


def coco_with(**values):
    content = coco()
    content["annotations"].append({**content["annotations"][0], "id": 99, **values})
    return json.dumps(content)


@pytest.mark.parametrize(
    ("name", "text", "frame", "reason"),
    [
        ("0012.txt", KITTI + "1 5 Car 0 0\n", 2, "no alpha; expected KITTI's 17"),
        ("0012.txt", KITTI + f"1 5 Car 0 0 0 a 0 8 9 {BOX3D}\n", 2, "left is 'a'; exp"),
        ("0012.txt", KITTI + f"x 5 Car 0 0 0 0 0 8 9 {BOX3D}\n", None, "frame is 'x'"),
        ("0012.txt", KITTI + f"1 5 Car 0 0 0 0 0 8 9 {BOX3D} 1 2\n", 2, "too many col"),
        ("video0.txt", VATIC + '3 2 6 8 1 0 0 0 0 "Biker"', 1, "top is 'x'"),
        ("a.json", coco_with(bbox=[1, 2, 3], track_id=8), 1, "its bbox is [1, 2, 3]"),
        ("a.json", coco_with(bbox=[1, 2, "x", 3]), 1, "its bbox is [1, 2, 'x', 3]; e"),
        ("a.json", coco_with(category_id=77), 1, "its category_id is 77; expected one"),
        ("x.xml", CVAT.replace('xtl="4"', 'xtl="q"', 1), 2, "a box of track '0' with"),
        ("x.xml", CVAT.replace('frame="13"', 'frame="q"'), None, "frame 'q', xtl '4'"),
    ],
)
def test_one_row_that_cannot_be_used_is_set_aside(tmp_path, name, text, frame, reason):
    path = write(tmp_path / name, text.replace("3 2 6 8 1", "3 2 x 8 1"))
    tracks = read_labels(path)
    (row,) = tracks.invalid.to_dict("records")
    assert reason in row["reason"]
    assert (None if pd.isna(row["frame"]) else row["frame"]) == frame
    assert len(tracks.table) >= 2
    with pytest.raises(InputError, match=re.escape(reason)):
        read_labels(path, strict=True)


@pytest.mark.parametrize("format", ["kitti", "vatic", "visdrone"])
def test_a_wrong_format_is_refused_in_a_sentence(tmp_path, format):
    path = write(tmp_path / "annotations.xml", CVAT)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match=r"xml, line \d+: .*; expected .* columns"):
            read_labels(path, format)


def test_a_size_that_contradicts_the_labels_is_told(tmp_path):
    path = write(tmp_path / "annotations.xml", CVAT)
    told = "street: the image size is 10x20, as you set it; in the labels it is 64x48"
    assert told in read_labels(path, size=(10, 20)).notes
    assert "as you set it" not in "".join(read_labels(path, size=(64, 48)).notes)


def test_boxes_without_identity_are_told(tmp_path):
    content = coco()
    for box in content["annotations"]:
        del box["instance_id"]
    tracks = read_labels(write(tmp_path / "a.json", json.dumps(content)))
    assert tracks.notes[-1].startswith("v: no box has an identity (id -1): these are")


def test_the_folder_of_a_sequence_has_its_frames(tmp_path):
    names = ["000001.jpg", "000002.jpg", "000003.jpg", "000004.jpg"]
    frames = save_frames(tmp_path / "MOT17-09" / "img1", *names)
    mot = write(tmp_path / "results" / "MOT17-09.txt", "1,1,5,5,9,9,1,-1,-1,-1\n" * 1)
    kitti = write(tmp_path / "label_02" / "0012.txt", KITTI)
    for path in (mot, kitti):
        (sequence,) = read_labels(path, frames=frames.parent).sequences.values()
        assert (sequence.frames_dir, sequence.width) == (frames, 64)


def test_damaged_coco_is_refused(tmp_path):
    content = coco()
    del content["annotations"][0]["category_id"]
    path = write(tmp_path / "a.json", json.dumps(content))
    with pytest.raises(InputError, match=r"a.json: KeyError .'category_id'.; expected"):
        read_labels(path)


def label_studio(**more: object) -> dict[str, object]:
    def key(frame: int, x: float, enabled: bool) -> dict[str, object]:
        box = {"x": x, "y": 50, "width": 25, "height": 50, "rotation": 0}
        return {"frame": frame, "enabled": enabled, "time": frame / 25, **box}

    first = [key(3, 20, False), key(1, 0, True), key(5, 25, True), key(7, 75, True)]
    value = {"framesCount": 8, "duration": 0.32, "labels": ["Car", "Red"]}
    only = {**value, "labels": ["Bus"], "sequence": [key(4, 10, False)]}
    tag = {"from_name": "box", "to_name": "video", "type": "videorectangle"}
    results = [
        {"id": "a", **tag, "value": {**value, "sequence": first}},
        {
            "id": "a",
            "from_name": "side",
            "type": "choices",
            "value": {"choices": ["left"]},
        },
        {"id": "b", **tag, "value": only},
    ]
    return {
        "id": 7,
        "data": {"video": "/data/local-files/?d=clips/street%201.mp4"},
        "annotations": [{"was_cancelled": True, "result": []}, {"result": results}],
        **more,
    }


def test_label_studio_s_keyframes_are_interpolated(tmp_path):
    path = write(tmp_path / "export.json", json.dumps([label_studio()]))
    with pytest.raises(InputError, match="expected the folder of the frames, or the"):
        read_labels(path)
    tracks = read_labels(path, size=(64, 48))
    assert tracks.format == "Label Studio"
    car = tracks.table[tracks.table["track"] == 1]
    assert car["frame"].tolist() == [1, 2, 3, 5, 6, 7, 8]
    assert (car["left"] * 100 / 64).tolist() == [0, 10, 20, 25, 50, 75, 75]
    assert car["keyframe"].tolist() == [True, False, True, True, False, True, False]
    assert boxes(tracks)[-1] == [4, 2, "Bus", 6.4, 24, 16, 24]
    assert tracks.table["further_labels"].tolist() == ["Red"] * 7 + [None]
    assert tracks.table["side"].tolist() == ["left"] * 7 + [None]
    assert sizes(tracks) == [("street 1", 64, 48, 25, 8)]


def test_label_studio_s_other_shapes_of_export(tmp_path):
    task = label_studio()
    values = [each["value"] for each in task["annotations"][1]["result"]]
    small = {"id": 7, "video": "/data/upload/1/0123abcd-walk.mp4", "box": values[::2]}
    path = write(tmp_path / "min.json", json.dumps([small, {**small, "id": 8}]))
    tracks = read_labels(path, size=(64, 48))
    assert list(tracks.sequences) == ["walk", "walk-8"]
    assert len(tracks.table) == 16
    predicted = label_studio(annotations=[], predictions=task["annotations"][1:])
    path = write(tmp_path / "one.json", json.dumps(predicted))
    assert "the predictions were read" in read_labels(path, size=(6, 4)).notes[0]


@pytest.mark.parametrize("inner", ["annotations.xml", "job/annotations.xml"])
def test_zip_files_are_looked_into(tmp_path, inner):
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(inner, CVAT)
        archive.writestr("images/frame_000010.PNG", b"not read")
    assert recognize_name(path) == "CVAT for video 1.1"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(inner, CVAT.replace("xtl", "x").replace("points", "p"))
    with pytest.raises(
        InputError, match=rf"export.zip/{inner}.*a box of track .*x '3'"
    ):
        read_labels(path)


def recognize_name(path: Path) -> str:
    return read_labels(path).format


def test_a_format_can_be_forced(tmp_path):
    path = write(tmp_path / "labels.txt", KITTI)
    assert recognize(path).name == "kitti"
    with pytest.raises(InputError, match="expected CVAT for video"):
        read_labels(path, format="cvat")
    with pytest.raises(InputError, match=f"one of {', '.join(BY_NAME)}"):
        read_labels(path, format="unknown")


def test_size_and_rate_can_be_given(tmp_path):
    path = write(tmp_path / "0012.txt", KITTI)
    tracks = read_labels(path, size=(640, 480), frame_rate=12.5)
    assert sizes(tracks) == [("0012", 640, 480, 12.5, 4)]
    assert describe(tracks) == (
        "KITTI tracking: 0012, 4 frames, 3 boxes of 2 tracks (Cyclist 2, Car 1), "
        "640x480 (your setting), 12.5 fps (your setting)"
    )


def test_what_was_assumed_is_told_once(tmp_path):
    rows = "1,1,5,6,40,30,1,1,1\n2,1,8,6,40,30,1,1,1\n"
    tracks = read_labels(write(tmp_path / "walk.txt", rows))
    assert "47x35 (not known, holds all boxes), 30 fps (assumed)" in describe(tracks)
    assumed = [note for note in tracks.notes if "is not known" in note]
    assert len(assumed) == 2
    assert [*further_notes(tracks), *assumed] == list(tracks.notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello\nworld\n", "an unknown format; expected .*CVAT for video.*KITTI"),
        ("", "an unknown format"),
        ('{"a": 1}', "an unknown format"),
        ("<annotation></annotation>", "an unknown format"),
        ("<annotations></annotations>", "no tracks; expected tracks of boxes"),
        ("<annotations><image/></annotations>", "the boxes of images, which have no"),
        ("<annotations>", "line 1: no element found"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>', "Entit"),
        (KITTI.replace("Car 1 0", "Car 1 x"), "line 4: occluded is 'x'"),
        (
            KITTI.replace("3 12", "0.5 12"),
            "line 4: frame is 0.5; expected a whole number",
        ),
        (
            KITTI.replace("1 0 Cyc", "0 0 Cyc"),
            "line 3: track 0 has another box in frame 0",
        ),
        (
            KITTI.replace("0 0 8 9.5", "8 0 0 9.5"),
            "line 4: width is -8; expected pixels",
        ),
    ],
)
def test_wrong_content_is_one_clear_error(tmp_path, text, message):
    path = write(tmp_path / "labels.txt", text)
    with pytest.raises(InputError, match=message) as caught:
        read_labels(path, strict=True)
    assert caught.value.path == str(path)


def test_wrong_rows_are_set_aside(tmp_path):
    text = KITTI.replace("1 0 Cyc", "0 0 Cyc").replace("0 0 8 9.5", "8 0 0 9.5")
    path = write(
        tmp_path / "a.txt", text + KITTI.splitlines()[3].replace("3 12", "0 12")
    )
    tracks = read_labels(path)
    assert boxes(tracks) == [
        [1, 0, "Cyclist", 5.5, 2, 10.5, 28],
        [1, 12, "Car", 0, 0, 8, 9.5],
    ]
    columns = ["line", "frame", "track", "width", "reason"]
    assert tracks.invalid[columns].to_numpy().tolist() == [
        [3, 1, 0, 10.5, "track 0 has another box in frame 0; expected one"],
        [4, pd.NA, 12, -8, "width is -8; expected pixels from 0.001 to 10000000"],
    ]
    assert any("2 of 4 rows cannot be used" in note for note in tracks.notes)


def test_wrong_boxes_of_cvat_are_set_aside_with_their_lines(tmp_path):
    tracks = read_labels(write(tmp_path / "a.xml", CVAT.replace('ybr="9"', 'ybr="0"')))
    assert len(tracks.table) == 3
    assert tracks.invalid[["line", "track"]].to_numpy().tolist() == [[18, 7]]
    assert any("are set aside; line 18: height is 0" in note for note in tracks.notes)


def test_folders_of_several_formats_or_none_are_refused(tmp_path):
    with pytest.raises(InputError, match="no labels were found"):
        read_labels(tmp_path)
    write(tmp_path / "a.txt", KITTI)
    write(tmp_path / "b.xml", CVAT)
    with pytest.raises(
        InputError, match=r"KITTI tracking \(a.txt\) and CVAT.*\(b.xml\)"
    ):
        read_labels(tmp_path)
    assert sizes(read_labels(tmp_path, format="cvat"))[0][0] == "street"
    with pytest.raises(InputError, match="no labels were found in it; expected a Seq"):
        read_labels(tmp_path, format="groundtruth")


def test_a_folder_with_a_seq_label_is_recognized(tmp_path):
    box = {"left": 1, "top": 2, "width": 3, "height": 4, "class-id": "0"}
    car = box | {"object-id": "a", "object-name": "Car:1"}
    frame = {"frame-no": "0", "frame": "1.jpg", "annotations": [car]}
    labels = {"tracking-annotations": [frame]}
    write(tmp_path / "SeqLabel.json", json.dumps(labels))
    tracks = read_labels(tmp_path)
    assert tracks.format == "Ground Truth"
    assert boxes(tracks) == [[1, 1, "Car", 1, 2, 3, 4]]


@pytest.mark.parametrize(
    ("sample", "format", "numbers"),
    [
        ("cvat-for-video", "CVAT for video 1.1", (3, 3, 4)),
        ("groundtruth-helmets", "Ground Truth", (648, 12, 54)),
        ("kitti-tracking", "KITTI tracking", (960, 19, 232)),
        ("vatic", "VATIC", (7290, 15, 1072)),
    ],
)
def test_real_files_load_whole(real_data, sample, format, numbers):
    folder = real_data / "formats" / sample
    if not folder.is_dir():
        pytest.skip(f"no {folder} here")
    tracks = read_labels(folder)
    assert tracks.format == format
    pairs = tracks.table[["sequence", "track"]].drop_duplicates()
    frames = sum(len(one.frame_names) for one in tracks.sequences.values())
    assert (len(tracks.table), len(pairs), frames) == numbers
