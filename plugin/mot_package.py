# SPDX-License-Identifier: Apache-2.0
"""The way out without AWS: frames to correct as MOT sequences, and back again.

Any tool that reads and writes MOT Challenge files can correct them: the folder of
each sequence is complete, with its frames numbered from 1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
import pandas as pd

from ..importers import store
from ..importers.files import whole_folder
from ..importers.frames import at_image_sizes, image_sizes, scale_images
from ..importers.mot import read_mot
from ..importers.mot_writer import take_frames, write_mot
from ..importers.tracks import BOX, InputError, Sequence, Tracks, make_table
from .corrections import Corrections
from .groundtruth.findings import Report, sentences
from .groundtruth.selection import image_findings, select_boxes
from .selection import Selection, select_to_send
from .sent import (
    FRAMES_FILE,
    MOT,
    SentFrames,
    check_new_name,
    recording_sent,
    sent_boxes,
)


def export_mot(
    view: fo.core.collections.SampleCollection,
    folder: Path | str,
    label_field: str | None = None,
    context: int = 0,
    name: str | None = None,
    selected_labels: list[dict[str, Any]] | None = None,
    include_dismissed: bool = False,
) -> SentFrames:
    """Writes the frames that a view shows as MOT sequences to correct.

    Boxes are in whole pixels of the images that are sent. What went out is recorded
    with the dataset: ``load_adjustment()`` compares it with what comes back.

    Args:
        view: a dataset, or a view of its videos, clips, frames or patches
        folder: a folder that is new or empty
        label_field (None): the frame field of the tracks; found where there is
            only one
        context (0): the number of labelled frames to send along before and after
            each chosen frame
        name (None): the name to load it by, by default the folder's
        selected_labels (None): labels selected in the App, whose frames are sent
            instead of the view's
        include_dismissed (False): whether to send frames that dismissed issues
            alone are about, too

    Returns:
        the record

    Raises:
        ValueError: if the view shows no frames, or the name is taken
        InputError: if frames are missing, or the folder is not empty; nothing is
            written then
    """
    dataset = view._root_dataset
    folder = Path(folder).expanduser().resolve()
    field = store.find_label_field(dataset, label_field)
    name = name or folder.name
    check_new_name(dataset, name)
    selection = select_to_send(view, field, context, selected_labels, include_dismissed)
    frames, numbers = selection.frames, selection.numbers
    taken = take_frames(selection.stored.tracks, numbers)
    _check_images(folder, taken)
    sizes = image_sizes(taken.sequences.values())
    boxes = boxes_to_send(folder, selection.stored.tracks, frames, sizes)
    tracks = _in_images(taken, boxes, sizes)
    record = SentFrames(
        name, MOT, field, str(folder), numbers, sizes, selection.left_out
    )
    with recording_sent(dataset, record, boxes), whole_folder(folder) as partial:
        write_mot(tracks, partial)
        frames.to_csv(partial / FRAMES_FILE, index=False)
    return record


def preview_mot(
    view: fo.core.collections.SampleCollection,
    label_field: str | None = None,
    context: int = 0,
    selected_labels: list[dict[str, Any]] | None = None,
    include_dismissed: bool = False,
) -> Selection:
    """Returns the frames that :func:`export_mot` would write.

    Args:
        view: as of :func:`export_mot`
        label_field (None): as of :func:`export_mot`
        context (0): as of :func:`export_mot`
        selected_labels (None): as of :func:`export_mot`
        include_dismissed (False): as of :func:`export_mot`

    Returns:
        the :class:`Selection`

    Raises:
        ValueError: if the view shows no frames
    """
    field = store.find_label_field(view._root_dataset, label_field)
    return select_to_send(view, field, context, selected_labels, include_dismissed)


def _check_images(folder: Path, taken: Tracks) -> None:
    """Checks that the images of each sequence can be read, and are of one size."""
    paths = [
        (name, str(sequence.frames_dir / frame))
        for name, sequence in taken.sequences.items()
        if sequence.frames_dir
        for frame in sequence.frame_names
    ]
    findings = image_findings(pd.DataFrame(paths, columns=["sequence", "path"]))
    if findings:
        told = "\n".join(sentences(findings, "error"))
        raise InputError(folder, f"nothing was written:\n{told}")


def boxes_to_send(
    place: Path | str,
    tracks: Tracks,
    frames: pd.DataFrame,
    sizes: dict[str, tuple[int, int]],
) -> pd.DataFrame:
    """Takes the boxes of the frames to send, in whole pixels of the images.

    Args:
        place: where they go, for errors
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


def _in_images(
    taken: Tracks, boxes: pd.DataFrame, sizes: dict[str, tuple[int, int]]
) -> Tracks:
    """The tracks to write, in pixels of the images and counted from 1."""
    names = ["sequence", "position", "frame_name", "track", "label", *BOX]
    extra = [name for name in ("considered", "visibility") if name in boxes]
    table = boxes[[*names, *extra]].rename(columns={"position": "frame"})
    table["frame"] += 1
    sequences = at_image_sizes(taken.sequences, sizes)
    return Tracks(make_table({str(name): table[name] for name in table}), sequences)


def read_corrected_mot(
    dataset: fo.Dataset, record: SentFrames, folder: Path | str | None = None
) -> Corrections:
    """Reads corrected MOT sequences.

    Args:
        dataset: the dataset that the frames are from
        record: what went out
        folder (None): the folder of the corrected sequences, by default the one
            that they were written to

    Returns:
        what came back

    Raises:
        InputError: if a file is damaged or is of other frames
    """
    path = Path(folder or record.folder or "")
    corrected = read_mot(path, include_ignored=True, allow_empty=True)
    _check_frames(path, record)
    for sequence in corrected.sequences.values():
        _check_sequence(path, sequence, record)
    lacking = sorted(set(record.frames) - set(corrected.sequences))
    sent = sent_boxes(dataset, record)
    table = _with_objects(corrected.table, sent, record)
    frames = [
        pd.DataFrame({"sequence": name, "frame": record.frames[name]})
        for name in corrected.sequences
    ]
    return Corrections(
        sent=sent[sent["sequence"].isin(list(corrected.sequences))].drop(columns="id"),
        corrected=table,
        frames=pd.concat(frames, ignore_index=True),
        image_sizes=record.image_sizes,
        notes=tuple(f"{name} did not come back" for name in lacking),
    )


def _check_frames(folder: Path, record: SentFrames) -> None:
    """Checks the folder's own list of frames, where it has one."""
    file = folder / FRAMES_FILE
    if not file.is_file():
        return
    listed = pd.read_csv(file).groupby("sequence")["frame"]
    frames = {str(name): numbers.tolist() for name, numbers in listed}
    if frames != record.frames:
        message = f"frames other than those that were sent as {record.name!r}"
        raise InputError(file, f"{message}; expected these")


def _check_sequence(path: Path, sequence: Sequence, record: SentFrames) -> None:
    """Checks that a sequence is one of those that were sent."""
    name, length = sequence.name, len(sequence.frame_names)
    size = (sequence.width, sequence.height)
    frames = record.frames.get(name)
    if frames and length == len(frames) and size == record.image_sizes[name]:
        return
    sent = ", ".join(f"{name} of {len(each)}" for name, each in record.frames.items())
    message = f"sequence {name} of {length} frames of {size[0]}x{size[1]}"
    raise InputError(path, f"{message}; expected as were sent: {sent} frames")


def _with_objects(
    table: pd.DataFrame, sent: pd.DataFrame, record: SentFrames
) -> pd.DataFrame:
    """Names objects as they were sent; an id that was not sent is a new object."""
    names = ["sequence", "frame", "frame_name", "track", "label", *BOX]
    table = table[names].astype(
        {"sequence": object, "frame": int, "label": object, "frame_name": object}
    )
    objects = sent[["sequence", "track", "object_id", "object_name"]]
    objects = objects.drop_duplicates(["sequence", "track"])
    table = table.merge(objects, on=["sequence", "track"], how="left")
    number = table["track"].astype(str)
    table["object_id"] = table["object_id"].fillna(f"{record.name}:" + number)
    table["object_name"] = table["object_name"].fillna(table["label"] + ":" + number)
    for name, frames in record.frames.items():
        own = table["sequence"] == name
        table.loc[own, "frame"] = np.array(frames)[table.loc[own, "frame"] - 1]
    return table
