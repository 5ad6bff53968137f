# SPDX-License-Identifier: Apache-2.0
"""The frames to send and their boxes, in pixels of the images that are sent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import pandas as pd

from ...importers.frames import image_size, is_plain_name, missing_frames
from ...importers.tracks import BOX, InputError, Sequence, Tracks
from .findings import Finding, Report, error, warning

FRAME_COLUMNS = ["sequence", "frame", "reason"]
FRAMES_PER_SEQUENCE = 2_000
SEQUENCES_PER_JOB = 10
_OWN_FILES = {"frames.csv", "job.json", "label-categories.json", "manifest.jsonl"}
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
_RENAME = "rename it without slashes, two dots, a dot in front or control characters"


def is_file_name(name: str) -> bool:
    """Tells whether a name can be used as a file's without leaving its folder.

    Args:
        name: the name of a frame or sequence

    Returns:
        False for names with a path separator, ``..`` or control characters
    """
    return (
        is_plain_name(name)
        and not name.startswith(".")
        and ".." not in name
        and name.isprintable()
    )


def select_frames(tracks: Tracks, frames: pd.DataFrame, report: Report) -> pd.DataFrame:
    """Sorts the chosen frames and finds their files.

    Args:
        tracks: the tracks of whole sequences
        frames: the chosen frames with ``sequence``, 1-based ``frame`` and
            ``reason``, which is empty for context frames
        report: takes up what is wrong with the frames

    Returns:
        one row per frame that exists, by sequence and frame, with ``sequence``,
        ``position`` (0-based among the sequence's chosen frames), ``frame``,
        ``frame_name``, ``reason`` and ``path`` (of the local file or empty)

    Raises:
        ValueError: if a column is missing
    """
    missing = [name for name in FRAME_COLUMNS if name not in frames.columns]
    if missing:
        raise ValueError(f"frames has no column {missing}, expected {FRAME_COLUMNS}")
    chosen = frames[FRAME_COLUMNS].copy()
    chosen["sequence"] = chosen["sequence"].astype(str)
    # One line each: a lone carriage return would end a line of frames.csv.
    chosen["reason"] = chosen["reason"].fillna("").astype(str).map(_one_line)
    chosen = _existing(chosen, tracks.sequences, report)
    twice = chosen.duplicated(["sequence", "frame"])
    if twice.any():
        first = chosen[twice].iloc[0]
        what = f"{first['sequence']}: frame {first['frame']} is listed twice"
        report.findings.append(error(what, "list each frame once"))
    chosen = chosen[~twice].sort_values(["sequence", "frame"], ignore_index=True)
    if chosen.empty:
        report.findings.append(error("No frames are chosen", "choose at least one"))
    parts = [
        _with_files(part, tracks.sequences[str(name)], report)
        for name, part in chosen.groupby("sequence")
    ]
    if len(parts) > SEQUENCES_PER_JOB:
        what = f"{len(parts)} sequences are chosen, at most {SEQUENCES_PER_JOB} fit"
        report.findings.append(error(what, "make several jobs"))
    columns = ["sequence", "position", "frame", "frame_name", "reason", "path"]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True)[columns]


def _one_line(text: str) -> str:
    return " ".join(text.replace("\0", " ").split())


def _existing(
    chosen: pd.DataFrame, sequences: Mapping[str, Sequence], report: Report
) -> pd.DataFrame:
    lengths = {name: len(sequence.frame_names) for name, sequence in sequences.items()}
    length = chosen["sequence"].map(lengths).astype("float64")
    for name in chosen.loc[length.isna(), "sequence"].unique():
        report.findings.append(
            error(
                f"There are no tracks of sequence {name!r}",
                f"choose among {', '.join(sequences) or 'none'}",
            )
        )
    chosen = chosen[length.notna()]
    frame = pd.to_numeric(chosen["frame"], errors="coerce")
    exists = frame.between(1, length[length.notna()]) & (frame % 1 == 0)
    for name, bad in chosen[~exists].groupby("sequence"):
        report.findings.append(
            error(
                f"{name!s}: there is no frame {bad['frame'].iloc[0]}",
                f"choose frames from 1 to {lengths[str(name)]}",
            )
        )
    return chosen[exists].assign(frame=frame[exists].astype("int64"))


def _with_files(
    chosen: pd.DataFrame, sequence: Sequence, report: Report
) -> pd.DataFrame:
    names = np.asarray(sequence.frame_names, dtype=object)[chosen["frame"] - 1].tolist()
    folder = sequence.frames_dir
    paths = [str(folder.resolve() / name) if folder else "" for name in names]
    report.findings += _name_errors(sequence.name, names)
    report.findings += _order_warnings(sequence.name, names)
    if len(names) > FRAMES_PER_SEQUENCE:
        what = (
            f"{sequence.name}: {len(names)} frames, at most {FRAMES_PER_SEQUENCE} fit"
        )
        report.findings.append(error(what, "make several jobs"))
    if folder is None:
        report.findings.append(
            warning(
                f"{sequence.name}: the frames are not on this machine",
                "put them in the bucket before the upload, or give their folder",
            )
        )
    else:
        report.findings += _missing_errors(sequence.name, folder, names)
    return chosen.assign(position=range(len(names)), frame_name=names, path=paths)


def _name_errors(sequence: str, names: list[str]) -> list[Finding]:
    errors = []
    if not is_file_name(sequence):
        errors.append(
            error(f"The sequence name {sequence!r} cannot be a folder's", _RENAME)
        )
    if sequence in _OWN_FILES:
        errors.append(
            error(
                f"The sequence name {sequence!r} is that of a file of the package",
                "rename the sequence",
            )
        )
    unsafe = [name for name in names if not is_file_name(name)]
    if unsafe:
        errors.append(
            error(f"{sequence}: frame {unsafe[0]!r} is not a plain file name", _RENAME)
        )
    other = [name for name in names if not name.lower().endswith(IMAGE_SUFFIXES)]
    if other:
        errors.append(
            error(
                f"{sequence}: frame {other[0]!r} is not an image that Ground Truth "
                "takes",
                f"convert it to {', '.join(IMAGE_SUFFIXES)}",
            )
        )
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        errors.append(
            error(
                f"{sequence}: two frames are named {twice!r}",
                "give each a name of its own",
            )
        )
    return errors


def _order_warnings(sequence: str, names: list[str]) -> list[Finding]:
    if names == sorted(names, key=lambda name: name.encode(errors="replace")):
        return []
    return [
        warning(
            f"{sequence}: the frames' names do not sort in the frames' order, as the "
            "worker's page may do",
            "rename them with leading zeros",
        )
    ]


def _missing_errors(sequence: str, folder: Path, names: list[str]) -> list[Finding]:
    missing = missing_frames(folder, names) if folder.is_dir() else names
    if not missing:
        return []
    return [
        error(
            f"{sequence}: {len(missing)} of {len(names)} frames are missing in "
            f"{folder}, such as {missing[0]!r}",
            "add them, or choose other frames",
        )
    ]


def image_scales(tracks: Tracks, frames: pd.DataFrame, report: Report) -> pd.DataFrame:
    """Finds the size of each sequence's images, and how its boxes fit them.

    Args:
        tracks: the tracks of whole sequences
        frames: the chosen frames of :func:`select_frames`
        report: takes up images that cannot be read, and what is scaled

    Returns:
        columns ``x`` and ``y`` (the factors from the labels' pixels to the
        images'), ``image_width`` and ``image_height`` (pixels, NaN where not
        known), indexed by sequence
    """
    rows = {}
    for name, path in frames.groupby("sequence")["path"].first().items():
        sequence = tracks.sequences[str(name)]
        size = _image_size(path, report) if path else None
        drawn = (sequence.width, sequence.height)
        if drawn[0] is None or drawn[1] is None:
            rows[name] = (1.0, 1.0, *(size or (np.nan, np.nan)))
        elif size is None:
            rows[name] = (1.0, 1.0, *drawn)
        else:
            rows[name] = (size[0] / drawn[0], size[1] / drawn[1], *size)
        if size and None not in drawn and size != drawn:
            report.notes.append(
                f"{name}: boxes drawn on {drawn[0]}x{drawn[1]} images are scaled to "
                f"the {size[0]}x{size[1]} images that are sent."
            )
    columns = ["x", "y", "image_width", "image_height"]
    return pd.DataFrame.from_dict(
        rows, orient="index", columns=columns, dtype="float64"
    )


def _image_size(path: str, report: Report) -> tuple[int, int] | None:
    if not Path(path).is_file():
        return None  # reported among the missing frames
    try:
        return image_size(Path(path))
    except InputError as unreadable:
        report.findings.append(error(str(unreadable), "replace it"))
        return None


def image_findings(frames: pd.DataFrame) -> list[Finding]:
    """Opens every frame that is on this machine, and compares their sizes.

    Args:
        frames: the chosen frames of :func:`select_frames`

    Returns:
        an error per sequence with images that cannot be read or differ in size
    """
    found: list[Finding] = []
    for name, paths in frames[frames["path"] != ""].groupby("sequence")["path"]:
        sizes = {path: _size(path) for path in paths if Path(path).is_file()}
        unreadable = [path for path, size in sizes.items() if size is None]
        if unreadable:
            what = f"{len(unreadable)} frames cannot be read, such as {unreadable[0]}"
            found.append(error(f"{name}: {what}", "replace them"))
        by_size = {size: path for path, size in sizes.items() if size is not None}
        if len(by_size) > 1:
            shown = [f"{path} of {w}x{h}" for (w, h), path in by_size.items()]
            what = f"{name}: frames differ in size, such as {' and '.join(shown[:2])}"
            found.append(error(what, "send images of one size"))
    return found


def _size(path: str) -> tuple[int, int] | None:
    try:
        return image_size(Path(path))
    except InputError:
        return None


def select_boxes(
    tracks: Tracks, frames: pd.DataFrame, scales: pd.DataFrame, report: Report
) -> pd.DataFrame:
    """Takes the boxes of the chosen frames, in pixels of the images that are sent.

    Args:
        tracks: the tracks of whole sequences
        frames: the chosen frames of :func:`select_frames`
        scales: the sequences' scales of :func:`image_scales`
        report: takes up what is wrong with the boxes

    Returns:
        the rows of the tracks table in those frames, by sequence, position and
        track, with ``position``, whole-pixel int64 boxes, and ``object_id`` and
        ``object_name`` in every row
    """
    sequences = pd.Categorical(
        frames["sequence"], categories=tracks.table["sequence"].cat.categories
    )
    keys = pd.DataFrame(
        {
            "sequence": sequences,
            "frame": frames["frame"].astype("int32"),
            "position": frames["position"].astype("int64"),
        }
    )
    boxes = tracks.table.merge(keys, on=["sequence", "frame"])
    boxes = boxes.sort_values(["sequence", "position", "track"], ignore_index=True)
    unlabelled = boxes["label"].isna()
    unplaced = boxes[BOX].isin([np.nan, np.inf, -np.inf]).any(axis=1)
    for bad, what in [(unlabelled, "no label"), (unplaced, "no finite position")]:
        if bad.any():
            place = _place(boxes.loc[bad])
            report.findings.append(error(f"{place} has {what}", "correct the box"))
    boxes = boxes.loc[~(unlabelled | unplaced)].reset_index(drop=True)
    boxes = _with_objects(boxes, tracks.table, report)
    return _in_pixels(boxes, scales, report)


def _place(boxes: pd.DataFrame) -> str:
    first = boxes.iloc[0]
    return f"{first['sequence']}: track {first['track']} in frame {first['frame']}"


def _with_objects(
    boxes: pd.DataFrame, table: pd.DataFrame, report: Report
) -> pd.DataFrame:
    """Keeps the objects' ids and names, and makes those that are missing.

    They are made from the whole track, so that they are the same in every job.
    """
    known = [name for name in ("object_id", "object_name") if name in table]
    track = ["sequence", "track"]
    chosen = boxes[track].drop_duplicates()
    whole = table.merge(chosen, on=track)[[*track, "label", *known]]
    objects = whole.groupby(track, observed=True).first().reset_index()
    objects = objects.reindex(columns=[*track, "label", "object_id", "object_name"])
    sequence, number = objects["sequence"].astype(str), objects["track"].astype(str)
    made = {
        "object_id": [
            str(uuid5(NAMESPACE_URL, f"track-audit:{key}"))
            for key in sequence + ":" + number
        ],
        "object_name": objects["label"].astype(str) + ":" + number,
    }
    for name, values in made.items():
        filled = objects[name].astype(object)
        objects[name] = filled.where(filled.notna(), pd.Series(values, dtype=object))
    boxes = boxes.merge(
        objects.drop(columns="label"), on=track, how="left", suffixes=("", "_of_track")
    )
    for name in known:
        own = boxes[name].astype(object)
        boxes[name] = own.where(own.notna(), boxes.pop(f"{name}_of_track"))
    boxes = boxes.astype({"object_id": str, "object_name": str})
    _check_objects(boxes, report)
    return boxes


def _check_objects(boxes: pd.DataFrame, report: Report) -> None:
    twice = boxes.duplicated(["sequence", "position", "object_id"])
    if twice.any():
        report.findings.append(
            error(
                f"{_place(boxes[twice])} is a second box of object "
                f"{boxes.loc[twice, 'object_name'].iloc[0]!r}",
                "keep one box per object and frame",
            )
        )
    objects = boxes[["sequence", "object_id", "object_name"]].drop_duplicates()
    shared = objects.duplicated(["sequence", "object_name"])
    if shared.any():
        first = objects[shared].iloc[0]
        report.findings.append(
            warning(
                f"{first['sequence']}: two objects are named {first['object_name']!r}, "
                "so the worker cannot tell them apart",
                "rename one",
            )
        )


def _in_pixels(
    boxes: pd.DataFrame, scales: pd.DataFrame, report: Report
) -> pd.DataFrame:
    scale = scales.reindex(boxes["sequence"].astype(str))
    x, y = scale["x"].to_numpy(), scale["y"].to_numpy()
    # Edges are rounded, not sizes, so that no edge moves by more than half a pixel.
    left, top = np.rint(boxes["left"] * x), np.rint(boxes["top"] * y)
    right = np.rint((boxes["left"] + boxes["width"]) * x)
    bottom = np.rint((boxes["top"] + boxes["height"]) * y)
    empty = (right <= left) | (bottom <= top)
    if empty.any():
        report.findings.append(
            error(
                f"{_place(boxes[empty])} covers no pixel, as {int(empty.sum())} boxes "
                "in all",
                "enlarge or remove them",
            )
        )
    pixels = pd.DataFrame(
        {"left": left, "top": top, "width": right - left, "height": bottom - top}
    )
    boxes[BOX] = pixels.astype("int64")
    outside = (left < 0) | (top < 0) | (right > scale["image_width"].to_numpy())
    outside |= bottom > scale["image_height"].to_numpy()
    for name, group in boxes[outside].groupby("sequence", observed=True):
        report.findings.append(
            warning(
                f"{name}: {len(group)} boxes reach outside the image and are sent as "
                "they are",
                "where all labels do, check the image size that they were drawn on",
            )
        )
    return boxes
