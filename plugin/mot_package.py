# SPDX-License-Identifier: Apache-2.0
"""The way out without AWS: frames to correct as MOT sequences, and back again.

Any tool that reads and writes MOT Challenge files can correct them: the folder of
each sequence is complete, with its frames numbered from 1.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
import pandas as pd

from .. import __version__
from ..importers import store
from ..importers.files import whole_folder
from ..importers.frames import image_size
from ..importers.mot import read_mot
from ..importers.mot_writer import take_frames, write_mot
from ..importers.tracks import BOX, InputError, Sequence, Tracks, make_table
from .corrections import Corrections
from .groundtruth.findings import Report, sentences
from .groundtruth.selection import select_boxes
from .selection import select_to_send

#: The method of the runs that record what went out as MOT files.
METHOD = "track_audit/mot"

_SENT = ["sequence", "frame", "track", "label", *BOX, "object_id", "object_name"]


@dataclass(frozen=True)
class MOTRecord:
    """Frames that went out as MOT sequences.

    Attributes:
        name: the name under which they can be loaded again
        label_field: the frame field of the tracks that were sent
        folder: the folder of the sequences
        frames: the numbers of the frames in the dataset's sequences, by sequence
        image_sizes: width and height of the images that were sent, by sequence
    """

    name: str
    label_field: str
    folder: str
    frames: dict[str, list[int]]
    image_sizes: dict[str, list[int]]


def export_mot(
    view: fo.core.collections.SampleCollection,
    folder: Path | str,
    label_field: str | None = None,
    context: int = 0,
    name: str | None = None,
    selected_labels: list[dict[str, Any]] | None = None,
) -> MOTRecord:
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
    if name in recorded_mot(dataset):
        raise ValueError(f"'{name}' went out already; choose another name")
    selection = select_to_send(view, field, context, selected_labels)
    frames, numbers = selection.frames, selection.numbers
    taken = take_frames(selection.stored.tracks, numbers)
    sizes = _image_sizes(taken)
    boxes = _boxes_to_send(folder, selection.stored.tracks, frames, sizes)
    tracks = _in_images(taken, boxes, sizes)
    with whole_folder(folder) as partial:
        write_mot(tracks, partial)
        frames.to_csv(partial / "frames.csv", index=False)
        record = MOTRecord(name, field, str(folder), numbers, sizes)
        _record(dataset, record, boxes)
    return record


def preview_mot(
    view: fo.core.collections.SampleCollection,
    label_field: str | None = None,
    context: int = 0,
    selected_labels: list[dict[str, Any]] | None = None,
) -> dict[str, list[int]]:
    """Returns the frames that :func:`export_mot` would write.

    Args:
        view: as of :func:`export_mot`
        label_field (None): as of :func:`export_mot`
        context (0): as of :func:`export_mot`
        selected_labels (None): as of :func:`export_mot`

    Returns:
        the numbers of the frames, by sequence

    Raises:
        ValueError: if the view shows no frames
    """
    field = store.find_label_field(view._root_dataset, label_field)
    return select_to_send(view, field, context, selected_labels).numbers


def _image_sizes(tracks: Tracks) -> dict[str, list[int]]:
    sizes = {}
    for name, sequence in tracks.sequences.items():
        if sequence.frames_dir is None:
            message = "the frames are not at hand; expected their folder"
            raise InputError(name, message)
        first = sequence.frames_dir / sequence.frame_names[0]
        sizes[name] = list(image_size(first))
    return sizes


def _boxes_to_send(
    folder: Path, tracks: Tracks, frames: pd.DataFrame, sizes: dict[str, list[int]]
) -> pd.DataFrame:
    scales = pd.DataFrame.from_dict(
        {
            name: [
                size[0] / (tracks.sequences[name].width or 1),
                size[1] / (tracks.sequences[name].height or 1),
                *size,
            ]
            for name, size in sizes.items()
        },
        orient="index",
        columns=["x", "y", "image_width", "image_height"],
    )
    positions = frames.assign(position=frames.groupby("sequence").cumcount())
    report = Report()
    boxes = select_boxes(tracks, positions, scales, report)
    errors = sentences(report.findings, "error")
    if errors:
        raise InputError(folder, "nothing was written:\n" + "\n".join(errors))
    return boxes.astype({"sequence": object, "label": object})


def _in_images(
    taken: Tracks, boxes: pd.DataFrame, sizes: dict[str, list[int]]
) -> Tracks:
    """The tracks to write, in pixels of the images and counted from 1."""
    names = ["sequence", "position", "frame_name", "track", "label", *BOX]
    extra = [name for name in ("considered", "visibility") if name in boxes]
    table = boxes[[*names, *extra]].rename(columns={"position": "frame"})
    table["frame"] += 1
    sequences = {
        name: replace(sequence, width=sizes[name][0], height=sizes[name][1])
        for name, sequence in taken.sequences.items()
    }
    return Tracks(make_table({str(name): table[name] for name in table}), sequences)


def _record(dataset: fo.Dataset, record: MOTRecord, boxes: pd.DataFrame) -> None:
    key = _run_key(record.name)
    config = dataset.init_run(method=METHOD, version=__version__, **asdict(record))
    dataset.register_run(key, config)
    sent = boxes[_SENT].to_dict("list")
    results = dataset.init_run_results(key, sent=sent)
    dataset.save_run_results(key, results, cache=False)


def recorded_mot(dataset: fo.Dataset) -> dict[str, MOTRecord]:
    """Returns what went out as MOT files.

    Args:
        dataset: the dataset

    Returns:
        the records by name, the latest last
    """
    dataset.reload()  # another process may have sent one
    runs = [dataset.get_run_info(key) for key in dataset.list_runs(method=METHOD)]
    runs.sort(key=lambda run: run.timestamp)
    names = MOTRecord.__dataclass_fields__
    records = []
    for run in runs:
        config = run.config.serialize()
        records.append(MOTRecord(**{name: config[name] for name in names}))
    return {record.name: record for record in records}


def read_corrected_mot(
    dataset: fo.Dataset, record: MOTRecord, folder: Path | str | None = None
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
    path = Path(folder or record.folder)
    corrected = read_mot(path, include_ignored=True)
    for sequence in corrected.sequences.values():
        _check_sequence(path, sequence, record)
    lacking = sorted(set(record.frames) - set(corrected.sequences))
    sent = _sent_boxes(dataset, record)
    table = _with_objects(corrected.table, sent, record)
    frames = [
        pd.DataFrame({"sequence": name, "frame": record.frames[name]})
        for name in corrected.sequences
    ]
    return Corrections(
        sent=sent[sent["sequence"].isin(list(corrected.sequences))],
        corrected=table,
        frames=pd.concat(frames, ignore_index=True),
        image_sizes={n: (size[0], size[1]) for n, size in record.image_sizes.items()},
        notes=tuple(f"{name} did not come back" for name in lacking),
    )


def _check_sequence(path: Path, sequence: Sequence, record: MOTRecord) -> None:
    """Checks that a sequence is one of those that were sent."""
    name, length = sequence.name, len(sequence.frame_names)
    size = [sequence.width, sequence.height]
    frames = record.frames.get(name)
    if frames and length == len(frames) and size == record.image_sizes[name]:
        return
    sent = ", ".join(f"{name} of {len(each)}" for name, each in record.frames.items())
    message = f"sequence {name} of {length} frames of {size[0]}x{size[1]}"
    raise InputError(path, f"{message}; expected as were sent: {sent} frames")


def _sent_boxes(dataset: fo.Dataset, record: MOTRecord) -> pd.DataFrame:
    key = _run_key(record.name)
    results = dataset.load_run_results(key, cache=False, load_view=False)
    return pd.DataFrame(results.sent, columns=_SENT)


def _with_objects(
    table: pd.DataFrame, sent: pd.DataFrame, record: MOTRecord
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


def _run_key(name: str) -> str:
    return "mot_" + re.sub(r"\W", "_", name)
