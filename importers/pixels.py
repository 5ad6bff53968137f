# SPDX-License-Identifier: Apache-2.0
"""Scale boxes to the sizes of images, in particular of images that are sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import pandas as pd

from .frames import bring
from .images import image_size
from .problems import Finding, Report, error, sentences, warning
from .s3_objects import is_s3
from .tracks import BOX, InputError, Sequence, Tracks


def image_sizes(sequences: Iterable[Sequence]) -> dict[str, tuple[int, int]]:
    """Read the image size of sequences, which may differ from that of their labels.

    Args:
        sequences: the sequences' records

    Returns:
        width and height in pixels, by sequence

    Raises:
        InputError: if the frames are not at hand
    """
    sizes = {}
    for sequence in sequences:
        if sequence.frames_dir is None:
            message = "the frames were not found; expected their folder"
            raise InputError(sequence.name, message)
        first = sequence.frame_names[0]
        bring(replace(sequence, frame_names=(first,)))
        sizes[sequence.name] = image_size(sequence.frames_dir / first)
    return sizes


def scale_images(
    sequences: Mapping[str, Sequence], sizes: Mapping[str, tuple[int, int]]
) -> pd.DataFrame:
    """Compute the scale from the labels of sequences to the images that are sent.

    Args:
        sequences: the sequences' records, with the size that boxes were drawn on
        sizes: width and height of the images, by sequence; a sequence that is
            not in it is sent in the size of its labels

    Returns:
        columns ``x`` and ``y`` (the factors from the labels' pixels to the images'),
        ``image_width`` and ``image_height``, indexed by sequence
    """
    rows = {}
    for name, sequence in sequences.items():
        drawn = sequence.width or 1, sequence.height or 1
        size = sizes.get(name, drawn)
        rows[name] = (size[0] / drawn[0], size[1] / drawn[1], *size)
    columns = ["x", "y", "image_width", "image_height"]
    return pd.DataFrame.from_dict(
        rows, orient="index", columns=columns, dtype="float64"
    )


def at_image_sizes(
    sequences: Mapping[str, Sequence], sizes: Mapping[str, tuple[int, int]]
) -> dict[str, Sequence]:
    """Set the sizes in records of sequences to those of their images.

    Args:
        sequences: the sequences' records
        sizes: width and height of the images, by sequence

    Returns:
        the records of the labels once they are scaled to the images
    """
    return {
        name: replace(sequence, width=sizes[name][0], height=sizes[name][1])
        for name, sequence in sequences.items()
    }


def in_image_pixels(tracks: Tracks) -> Tracks:
    """Scale tracks to their images, which may be smaller than they were drawn on.

    Args:
        tracks: the tracks, with the frames' folders

    Returns:
        the same, in pixels of the images

    Raises:
        InputError: if the frames are not at hand
    """
    sizes = image_sizes(tracks.sequences.values())
    scales = scale_images(tracks.sequences, sizes)
    table = tracks.table.copy()
    of_rows = scales.loc[table["sequence"].astype(object), ["x", "y", "x", "y"]]
    table[BOX] *= of_rows.to_numpy()
    sequences = at_image_sizes(tracks.sequences, sizes)
    return Tracks(table, sequences, tracks.notes)


def image_scales(tracks: Tracks, frames: pd.DataFrame, report: Report) -> pd.DataFrame:
    """Find the image size of each sequence, and the scale of its boxes.

    Args:
        tracks: the tracks of whole sequences
        frames: the chosen frames of :func:`select_frames`
        report: collects images that cannot be read, and what is scaled

    Returns:
        columns ``x`` and ``y`` (the factors from the labels' pixels to the
        images'), ``image_width`` and ``image_height`` (pixels, NaN where not
        known), indexed by sequence
    """
    rows = {}
    first = frames.drop_duplicates("sequence").set_index("sequence")
    for name, path, source in first[["path", "source"]].itertuples():
        sequence = tracks.sequences[str(name)]
        size = _image_size(path or source, report)
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
    if not path or not (is_s3(path) or Path(path).is_file()):
        return None  # reported among the missing frames
    try:
        return image_size(path)
    except InputError as unreadable:
        if is_s3(path):
            todo = "boxes are sent in the size of the labels, so make sure that it fits"
            report.findings.append(warning(str(unreadable), todo))
        else:
            report.findings.append(error(str(unreadable), "replace it"))
        return None


def image_findings(frames: pd.DataFrame) -> list[Finding]:
    """Open every frame that is on this machine, and compare their sizes.

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
    """Select the boxes of the chosen frames, in pixels of the images that are sent.

    Args:
        tracks: the tracks of whole sequences
        frames: the chosen frames of :func:`select_frames`
        scales: the sequences' scales of :func:`image_scales`
        report: collects problems of the boxes

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
    unlabeled = boxes["label"].isna()
    unplaced = boxes[BOX].isin([np.nan, np.inf, -np.inf]).any(axis=1)
    for bad, what in [(unlabeled, "no label"), (unplaced, "no finite position")]:
        if bad.any():
            place = _place(boxes.loc[bad])
            report.findings.append(error(f"{place} has {what}", "correct the box"))
    boxes = boxes.loc[~(unlabeled | unplaced)].reset_index(drop=True)
    boxes = with_objects(boxes, tracks.table, report)
    return _in_pixels(boxes, scales, report)


def _place(boxes: pd.DataFrame) -> str:
    first = boxes.iloc[0]
    return f"{first['sequence']}: track {first['track']} in frame {first['frame']}"


def with_objects(
    boxes: pd.DataFrame, table: pd.DataFrame, report: Report
) -> pd.DataFrame:
    """Keep the objects' ids and names, and generate the missing ones.

    They depend on the whole track, so that they are the same in every job.
    """
    known = [name for name in ("object_id", "object_name") if name in table]
    track = ["sequence", "track"]
    chosen = boxes[track].drop_duplicates()
    objects = track_objects(table.merge(chosen, on=track))
    boxes = boxes.merge(objects, on=track, how="left", suffixes=("", "_of_track"))
    for name in known:
        own = boxes[name].astype(object)
        boxes[name] = own.where(own.notna(), boxes.pop(f"{name}_of_track"))
    boxes = boxes.astype({"object_id": str, "object_name": str})
    _check_objects(boxes, report)
    return boxes


def track_objects(table: pd.DataFrame) -> pd.DataFrame:
    """Return the ``object_id`` and ``object_name`` of each ``sequence`` and ``track``.

    Args:
        table: the tracks table of whole tracks
    """
    track = ["sequence", "track"]
    known = [name for name in ("object_id", "object_name") if name in table]
    whole = table[[*track, "label", *known]]
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
    return objects.drop(columns="label")


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
                f"{_place(boxes[empty])} covers no pixel ({int(empty.sum())} boxes "
                "in total)",
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
                f"{name}: {len(group)} boxes extend beyond the image and are sent as "
                "they are",
                "if all labels do, check the image size that they were drawn on",
            )
        )
    return boxes


def boxes_to_send(
    place: Path | str,
    tracks: Tracks,
    frames: pd.DataFrame,
    sizes: dict[str, tuple[int, int]],
) -> pd.DataFrame:
    """Select the boxes of the frames to send, in whole pixels of the images.

    Args:
        place: the destination, for errors
        tracks: the tracks of whole sequences
        frames: ``sequence`` and ``frame`` of the frames
        sizes: width and height of the images, by sequence

    Returns:
        the boxes, see ``select_boxes()``

    Raises:
        InputError: if a box cannot be sent
    """
    scales = scale_images(tracks.sequences, sizes)
    positions = frames.assign(position=frames.groupby("sequence").cumcount())
    report = Report()
    boxes = select_boxes(tracks, positions, scales, report)
    errors = sentences(report.findings, "error")
    if errors:
        raise InputError(place, "nothing was written:\n" + "\n".join(errors))
    return boxes.astype({"sequence": object, "label": object})
