# SPDX-License-Identifier: Apache-2.0
"""Read tracks in COCO's JSON for videos.

A file has ``videos``, ``images`` with a video and a number, and ``annotations`` with an
image and the ID of an instance or a track, as in MMTracking's CocoVID and TAO. CVAT and
Datumaro write the ID of the track as an attribute. YouTube-VIS lists the boxes of all
frames in one annotation. Boxes are in pixels.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from .content import Content
from .files import Json, read_json
from .numbered_frames import Frames
from .numbered_rows import LAST_TRACK, LabeledVideo, make_tracks
from .tracks import BOX, InputError, Tracks, attribute_columns, concatenate
from .words import count

_EXPECTED = "COCO's videos, images, annotations and categories"
#: What the ID of a track, and the number of an image in its video, are called.
_TRACKS = ("track_id", "instance_id")
_NUMBERS = ("frame_id", "frame_index", "frame_number", "mot_frame_id")
#: Keys of an annotation that are no attributes.
_OWN = {*_TRACKS, "id", "image_id", "video_id", "category_id", "bbox", "area"}
_OWN |= {"iscrowd", "segmentation", "attributes", "keypoints", "num_keypoints"}
#: What values raise that are not of the kind that they should be.
_DAMAGED = (KeyError, TypeError, ValueError, AttributeError, OverflowError)


def is_coco_vid(content: Content) -> bool:
    """Tell whether a file is COCO's JSON."""
    keys = content.document if isinstance(content.document, dict) else ()
    return "annotations" in keys and ("images" in keys or "videos" in keys)


def read_coco_vid(path: Path, frames: Frames, strict: bool = False) -> Tracks:
    """Read the tracks of a JSON file of COCO for videos.

    Args:
        path: the path to the file
        frames: what is known of the frames beside the labels
        strict (False): whether to refuse a file with wrong boxes

    Returns:
        the :class:`Tracks`, with a column per further value of the annotations; crowd
        regions are left out. Boxes without a track have no identity (track -1)

    Raises:
        InputError: if the file is damaged
    """
    document = read_json(path)
    try:
        images, videos = _read_images(document, path.stem)
        boxes, crowds, strays = _read_boxes(document, images)
        labeled = {
            key: _make_video(videos[key], of_video.sort_values("number"))
            for key, of_video in images.groupby("video", sort=False)
        }
    except _DAMAGED as error:
        message = f"{type(error).__name__} ({error})"
        raise InputError(path, f"{message}; expected {_EXPECTED}") from error
    parts = []
    for key, video in labeled.items():
        rows = boxes[boxes["video"] == key].drop(columns="video")
        if rows.empty:
            continue
        unsaid = rows.columns[rows.isna().all()].difference(BOX)
        rows = rows.drop(columns=unsaid).reset_index(drop=True)
        parts.append(make_tracks(path, rows, video, frames, strict))
    if not parts:
        raise InputError(path, f"no boxes; expected {_EXPECTED}")
    tracks = concatenate(parts)
    notes = [f"{path}: {crowds} crowd regions were left out"] if crowds else []
    if strays:
        found = f"{count(strays, 'box')} in images that are not listed"
        if strict:
            raise InputError(path, found)
        notes.append(f"{path}: {found}, left out")
    notes += tracks.notes
    return Tracks(tracks.table, tracks.sequences, tuple(notes), tracks.invalid)


def _read_images(document: Json, stem: str) -> tuple[pd.DataFrame, dict[object, Json]]:
    """Return a row per image, and the videos by their IDs, each named differently."""
    videos = {video["id"]: dict(video) for video in document.get("videos", [])}
    images: list[Json] = []
    for image in document.get("images") or _images_of(videos.values()):
        name = PurePosixPath(image["file_name"])
        key = image.get("video_id", str(name.parent))
        known = {"name": str(name.parent), **image} if "video_id" not in image else {}
        video = videos.setdefault(key, known)
        video.setdefault("width", image.get("width"))
        video.setdefault("height", image.get("height"))
        number = next((int(image[n]) for n in _NUMBERS if n in image), None)
        images.append(
            {
                "image": image["id"],
                "video": key,
                "number": number,
                "name": name.name,
                "folder": str(name.parent),
            }
        )
    table = pd.DataFrame(images)
    if table["number"].isna().any():
        order = table.sort_values("name").groupby("video").cumcount()
        table["number"] = order.reindex(table.index)
    taken: set[str] = set()
    for key, video in videos.items():
        name = PurePosixPath(str(video.get("name") or video.get("file_name") or key))
        base = name.stem if name.suffix in {".mp4", ".avi", ".mov"} else name.name
        names = itertools.chain(
            [base or stem], (f"{base}-{i}" for i in itertools.count(2))
        )
        video["name"] = next(each for each in names if each not in taken)
        taken.add(video["name"])
    return table.astype({"number": np.int64}), videos


def _images_of(videos: Iterable[Json]) -> list[Json]:
    """Return the images that YouTube-VIS lists with its videos."""
    return [
        {
            "id": (video["id"], i),
            "video_id": video["id"],
            "file_name": name,
            "frame_id": i,
        }
        for video in videos
        for i, name in enumerate(video["file_names"])
    ]


def _read_boxes(document: Json, images: pd.DataFrame) -> tuple[pd.DataFrame, int, int]:
    """Return a row per box, and the numbers of crowd regions and of other strays."""
    names = {each["id"]: each["name"] for each in document.get("categories", [])}
    found = list(
        itertools.chain.from_iterable(map(_of_frames, document["annotations"]))
    )
    listed = set(images["image"])
    placed = [box for box in found if box["image_id"] in listed]
    boxes = [box for box in placed if not box.get("iscrowd")]
    attributes = [_attributes(box) for box in boxes]
    ids = [
        next((box[n] for n in _TRACKS if n in box), attribute.pop("track_id", None))
        for box, attribute in zip(boxes, attributes, strict=True)
    ]
    of_boxes = pd.Index([box["image_id"] for box in boxes])
    places = images.set_index("image").loc[of_boxes]
    corners = [_corners(box["bbox"]) or [math.nan] * 4 for box in boxes]
    rows = pd.DataFrame(corners, columns=BOX, dtype=np.float64).assign(
        number=places["number"].to_numpy(),
        video=places["video"].to_numpy(),
        track=_whole_ids(ids),
        label=[str(names.get(box["category_id"], box["category_id"])) for box in boxes],
        problem=pd.Series([_problem(box, names) for box in boxes], dtype=object),
    )
    columns = attribute_columns(attributes, taken=rows.columns)
    if "keyframe_attribute" in columns:
        columns["keyframe"] = columns.pop("keyframe_attribute").astype(bool)
    return rows.assign(**columns), len(placed) - len(boxes), len(found) - len(placed)


def _problem(box: Json, names: Json) -> str | None:
    """Say why a box cannot be used, None if it can."""
    if _corners(box["bbox"]) is None:
        found = f"{box['bbox']!r:.60}"
        return f"its bbox is {found}; expected left, top, width and height"
    if names and box["category_id"] not in names:
        found = f"{box['category_id']!r:.60}"
        return f"its category_id is {found}; expected one of the categories"
    return None


def _corners(bbox: object) -> list[float] | None:
    """Return the four numbers of a box, None if it is anything else."""
    if not isinstance(bbox, list) or len(bbox) != len(BOX):
        return None
    return bbox if all(isinstance(side, int | float) for side in bbox) else None


def _of_frames(annotation: Json) -> list[Json]:
    """Return the boxes of an annotation, which YouTube-VIS lists frame by frame."""
    if "bboxes" not in annotation:
        return [annotation] if annotation.get("bbox") else []
    rest = {"track_id": annotation["id"], "category_id": annotation["category_id"]}
    return [
        {**rest, "image_id": (annotation["video_id"], i), "bbox": box}
        for i, box in enumerate(annotation["bboxes"])
        if box
    ]


def _attributes(annotation: Json) -> dict[str, object]:
    found = {**annotation, **(annotation.get("attributes") or {})}
    return {
        name: value
        for name, value in found.items()
        if (name not in _OWN or name == "track_id")
        and isinstance(value, str | int | float | bool)
    }


def _whole_ids(ids: list[object]) -> pd.Series[int]:
    """Return IDs as numbers: others are numbered, and those that miss are -1."""
    values = pd.Series(ids, dtype=object)
    numbers = pd.to_numeric(values, errors="coerce")
    usable = numbers.between(0, LAST_TRACK) & (numbers % 1 == 0)
    if (usable | values.isna()).all():
        return numbers.fillna(-1).astype(np.int64)
    return pd.Series(pd.factorize(values)[0], dtype=np.int64)


def _make_video(video: Json, images: pd.DataFrame) -> LabeledVideo:
    width, height = video.get("width"), video.get("height")
    rate = video.get("fps") or video.get("frame_rate")
    folders = images["folder"].unique()
    folder = folders[0] if len(folders) == 1 else "."
    return LabeledVideo(
        video["name"],
        size=(int(width), int(height)) if width and height else None,
        rate=float(rate) if rate else None,
        known=images["number"].to_numpy(np.int64),
        names=tuple(images["name"]),
        beside=(folder, f"../{folder}", f"../images/{folder}", f"images/{folder}"),
    )
