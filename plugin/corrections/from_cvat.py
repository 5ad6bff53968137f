# SPDX-License-Identifier: Apache-2.0
"""Read corrected files of CVAT.

CVAT numbers tracks anew when it exports them, so an object is recognized by the places
of its boxes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import fiftyone as fo
import numpy as np
import pandas as pd

from ...importers.cvat import NoTracks
from ...importers.cvat_writer import ANNOTATIONS
from ...importers.formats import read_labels
from ...importers.tracks import (
    COLUMNS,
    InputError,
    Sequence,
    Tracks,
    concatenate,
    make_table,
)
from ..sending.records import SentFrames, sent_boxes
from .came_back import find_files
from .corrected import Corrections
from .from_mot import check_frames, to_corrections
from .renumbered import recognize_tracks

#: Where the file is in the folder of a sequence.
_PLACES = (ANNOTATIONS,)


def read_corrected_cvat(
    dataset: fo.Dataset, record: SentFrames, folder: Path | str | None = None
) -> Corrections:
    """Read what was corrected in CVAT.

    Args:
        dataset: the dataset that the frames are from
        record: the adjustment
        folder (None): the folder with the corrected ``annotations.xml`` or a zip file
            of it, for each sequence in a folder of its name, or as ``<sequence>.xml``
            or ``<sequence>.zip``; by default the folder that they were exported to. If
            one sequence was sent, its own folder or file will do

    Returns:
        what came back

    Raises:
        InputError: if a file is damaged or has other frames
    """
    path = Path(folder or record.folder or "")
    check_frames(path, record)
    sent = sent_boxes(dataset, record)
    parts = [
        _read_sequence(file, name, record, sent)
        for name, file in find_files(path, record.frames, _PLACES).items()
    ]
    back = to_corrections(record, sent, concatenate(parts))
    emptied = [
        f"{name} came back without any track, so all of its boxes count as deleted"
        for part in parts
        if part.table.empty
        for name in part.sequences
    ]
    return replace(back, notes=(*back.notes, *emptied))


def _read_sequence(
    file: Path, name: str, record: SentFrames, sent: pd.DataFrame
) -> Tracks:
    """Read the tracks of a sequence, numbered as they were sent."""
    length = len(record.frames[name])
    names = tuple(f"{number:06d}" for number in range(1, length + 1))
    size = record.image_sizes[name]
    try:
        tracks = read_labels(file, format="cvat", size=size, strict=True)
    except NoTracks:
        nothing = make_table(
            {column: pd.Series(dtype=k) for column, k in COLUMNS.items()}
        )
        return Tracks(nothing, {name: Sequence(name, *size, 1.0, names)})
    (sequence, *others) = tracks.sequences.values()
    last = int(tracks.table["frame"].max()) if len(tracks.table) else 0
    if others or last > length:
        found = f"{len(others) + 1} tasks" if others else f"a box in frame {last - 1}"
        message = f"{found}; expected one task of the {length} frames of {name}"
        raise InputError(file, message)
    own = sent[sent["sequence"] == name]
    positions = pd.Series(np.arange(1, length + 1), record.frames[name])
    placed = own.assign(frame=own["frame"].map(positions))
    numbers = recognize_tracks(tracks.table, placed)
    table = tracks.table.assign(
        sequence=pd.Categorical([name] * len(tracks.table)),
        track=tracks.table["track"].map(numbers).astype(np.int32),
    )
    sequence = replace(sequence, name=name, frame_names=names)
    return replace(tracks, table=table, sequences={name: sequence})
