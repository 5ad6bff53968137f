# SPDX-License-Identifier: Apache-2.0
"""Read corrected MOT sequences."""

from __future__ import annotations

from pathlib import Path

import fiftyone as fo
import numpy as np
import pandas as pd

from ...importers.files import read_text_csv
from ...importers.mot import read_mot
from ...importers.tracks import BOX, InputError, Sequence, Tracks
from ..sending.records import (
    FRAMES_FILE,
    SentFrames,
    sent_boxes,
)
from .corrected import Corrections


def read_corrected_mot(
    dataset: fo.Dataset, record: SentFrames, folder: Path | str | None = None
) -> Corrections:
    """Read corrected MOT sequences.

    Args:
        dataset: the dataset that the frames are from
        record: the adjustment
        folder (None): the folder of the corrected sequences, by default the one
            that they were exported to

    Raises:
        InputError: if a file is damaged or has other frames
    """
    path = Path(folder or record.folder or "")
    # A row that was set aside would look like a box that the reviewers deleted
    corrected = read_mot(path, include_ignored=True, allow_empty=True, strict=True)
    check_frames(path, record)
    for sequence in corrected.sequences.values():
        _check_sequence(path, sequence, record)
    return to_corrections(record, sent_boxes(dataset, record), corrected)


def to_corrections(
    record: SentFrames, sent: pd.DataFrame, corrected: Tracks
) -> Corrections:
    """Return what came back beside what was sent.

    Args:
        record: what was sent
        sent: its boxes
        corrected: the tracks that came back. Their frames count those that were sent,
            from 1, and their tracks have the numbers that were sent

    Returns:
        what came back
    """
    lacking = sorted(set(record.frames) - set(corrected.sequences))
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


def check_frames(folder: Path, record: SentFrames) -> None:
    """Check the folder's own list of frames if it has one.

    Args:
        folder: the folder of corrected files
        record: what was sent

    Raises:
        InputError: if the list is damaged or of other frames
    """
    file = folder / FRAMES_FILE
    if not file.is_file():
        return
    try:
        listed = read_text_csv(file).groupby("sequence")["frame"]
        frames = {str(name): numbers.astype(int).tolist() for name, numbers in listed}
    except (KeyError, ValueError) as error:
        message = "expected the columns sequence and frame, as they were sent"
        raise InputError(file, message) from error
    if frames != record.frames:
        message = f"frames other than those that were sent as {record.name!r}"
        raise InputError(file, f"{message}; expected these")


def _check_sequence(path: Path, sequence: Sequence, record: SentFrames) -> None:
    """Check that a sequence was sent, with as many frames of the same size."""
    name, length = sequence.name, len(sequence.frame_names)
    size = (sequence.width, sequence.height)
    frames = record.frames.get(name)
    if frames and length == len(frames) and size == record.image_sizes[name]:
        return
    sent = ", ".join(f"{name} of {len(each)}" for name, each in record.frames.items())
    message = f"sequence {name} of {length} frames of {size[0]}x{size[1]}"
    raise InputError(path, f"{message}; expected what was sent: {sent} frames")


def _with_objects(
    table: pd.DataFrame, sent: pd.DataFrame, record: SentFrames
) -> pd.DataFrame:
    """Name objects as they were sent; an ID that was not sent is a new object."""
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
