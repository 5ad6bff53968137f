# SPDX-License-Identifier: Apache-2.0
"""Read corrected MOT sequences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import fiftyone as fo
import numpy as np
import pandas as pd

from ...importers.files import read_text_csv
from ...importers.mot import read_place
from ...importers.mot_folders import Place, sequence_folder
from ...importers.mot_meaning import CLASSES, LABELS
from ...importers.numbered_frames import Frames
from ...importers.seqinfo import SEQINFO, read_seqinfo
from ...importers.tracks import BOX, InputError, Sequence, Tracks, concatenate
from ..plain import count
from ..sending.records import (
    FRAMES_FILE,
    SentFrames,
    sent_boxes,
)
from .came_back import find_files, opened
from .corrected import Corrections
from .renumbered import (
    are_renumbered,
    number_untracked,
    recognize_classes,
    recognize_frames,
    recognize_tracks,
)
from .returned_attributes import with_attributes

#: Where the rows are in the folder of a sequence.
_PLACES = ("gt/gt.txt", "gt.txt")
#: Classes of files that do not name them.
_NUMBERS = tuple(map(str, range(1, 1_000)))


def read_corrected_mot(
    dataset: fo.Dataset, record: SentFrames, folder: Path | str | None = None
) -> Corrections:
    """Read corrected MOT sequences, in the folders that were sent or as CVAT has them.

    CVAT's own export has no ``seqinfo.ini``, and numbers tracks and classes anew: they
    are recognized by their places, and by its ``labels.txt``.

    Args:
        dataset: the dataset that the frames are from
        record: the adjustment
        folder (None): the folder with the corrected sequences, each in a folder or a
            zip file of its name; by default the one that they were exported to. If one
            sequence was sent, its own folder or file will do

    Returns:
        what came back

    Raises:
        InputError: if a file is damaged or has other frames
    """
    path = Path(folder or record.folder or "")
    check_frames(path, record)
    sent = sent_boxes(dataset, record)
    positions = sent.assign(frame=_positions(sent, record))
    parts, notes = [], []
    for name, file in find_files(path, record.frames, _PLACES).items():
        with opened(file, _PLACES) as rows:
            tracks = _read_sequence(rows, file, name, record)
        own = positions[positions["sequence"] == name]
        tracks, note = _recognize(tracks, own, name, record, file)
        if tracks.table.empty and len(own):
            note.append(f"{name}: {file.name} has no boxes; all boxes count as deleted")
        parts.append(tracks)
        notes += note
    back = to_corrections(record, sent, concatenate(parts))
    return replace(back, notes=(*back.notes, *notes))


def _positions(sent: pd.DataFrame, record: SentFrames) -> pd.Series[int]:
    """Return the position of each box's frame among those that were sent."""
    places = {
        (name, frame): position
        for name, frames in record.frames.items()
        for position, frame in enumerate(frames, start=1)
    }
    keys = pd.MultiIndex.from_frame(sent[["sequence", "frame"]])
    return pd.Series([places[key] for key in keys], sent.index, dtype=np.int32)


def _read_sequence(file: Path, shown: Path, name: str, record: SentFrames) -> Tracks:
    """Read the rows of a sequence, whose classes are numbers if no file names them."""
    folder = sequence_folder(file)
    info = read_seqinfo(folder)
    listed = file.with_name(Path(LABELS).name).is_file()
    size = record.image_sizes[name]
    told = replace(
        info,
        name=info.name or name,
        width=info.width or size[0],
        height=info.height or size[1],
        frame_rate=info.frame_rate or 1.0,
    )
    # A row that was set aside would look like a box that the reviewers deleted
    place = Place(
        told.name or name, file, told, Frames(), CLASSES if listed else _NUMBERS
    )
    tracks = read_place(
        place, include_ignored=True, allow_empty=True, strict=True, untracked=True
    )
    (sequence,) = tracks.sequences.values()
    if (folder / SEQINFO).is_file():
        _check_sequence(shown, sequence, record)
    frames = record.frames[name]
    numbers = recognize_frames(tracks.table["frame"], frames)
    if numbers is None:
        last = tracks.table["frame"].max()
        message = f"a box in frame {last}; expected frames 1 to {len(frames)}"
        raise InputError(shown, message)
    names = tuple(f"{number:06d}" for number in range(1, len(frames) + 1))
    sequence = replace(sequence, name=name, frame_names=names)
    table = tracks.table.assign(
        sequence=pd.Categorical([name] * len(numbers)), frame=numbers
    )
    return replace(tracks, table=table, sequences={name: sequence})


def _recognize(
    tracks: Tracks, sent: pd.DataFrame, name: str, record: SentFrames, file: Path
) -> tuple[Tracks, list[str]]:
    """Return tracks with the numbers and the labels that they were sent with."""
    table, notes = tracks.table, []
    track = table["track"]
    if alone := int((track < 0).sum()):
        notes.append(
            f"{name}: {count(alone, 'box')} without a track: each is a new object"
        )
    if are_renumbered(table, sent):
        numbers = recognize_tracks(table, sent)
        if any(new != old for new, old in numbers.items()):
            notes.append(f"{name}: tracks were numbered anew; their places tell them")
        track = track.map(lambda old: numbers.get(old, -1))
    track = number_untracked(track, sent["track"].tolist())
    table = table.assign(track=track)
    if tuple(table["label"].cat.categories) == _NUMBERS:
        labels = recognize_classes(table, sent, record.classes)
        if unknown := [number for number, label in labels.items() if label is None]:
            message = f"class {unknown[0]}, which no {LABELS} names"
            raise InputError(file, f"{message}; expected the file beside it")
        table = table.assign(label=table["label"].astype(object).map(labels))
    return replace(tracks, table=table), notes


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
    sent, table = with_attributes(sent, table, record.box_attributes)
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
    names += [name for name in record.box_attributes if name in table]
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
