# SPDX-License-Identifier: Apache-2.0
"""Read corrected files of CVAT.

CVAT numbers tracks anew when it exports them, so an object is recognized by its boxes:
boxes that nobody touched come back equal to the pixel.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import fiftyone as fo
import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from ...importers.cvat import NoTracks
from ...importers.cvat_writer import ANNOTATIONS
from ...importers.formats import read_labels
from ...importers.tracks import (
    BOX,
    COLUMNS,
    InputError,
    Sequence,
    Tracks,
    concatenate,
    make_table,
)
from ..sending.records import SentFrames, sent_boxes
from .corrected import Corrections
from .from_mot import check_frames, to_corrections

#: What an export of a sequence may be called, in its folder or beside it.
_FILES = (f"{{}}/{ANNOTATIONS}", "{}.xml", "{}.zip", "{}/annotations.zip")


def read_corrected_cvat(
    dataset: fo.Dataset, record: SentFrames, folder: Path | str | None = None
) -> Corrections:
    """Read what was corrected in CVAT.

    Args:
        dataset: the dataset that the frames are from
        record: the adjustment
        folder (None): the folder with the corrected ``annotations.xml`` of each
            sequence in a folder of its name, or as ``<sequence>.xml`` or
            ``<sequence>.zip``; by default the folder that they were exported to

    Returns:
        what came back

    Raises:
        InputError: if a file is damaged or has other frames
    """
    path = Path(folder or record.folder or "")
    check_frames(path, record)
    sent = sent_boxes(dataset, record)
    parts = []
    for name in record.frames:
        places = [path / each.format(name) for each in _FILES]
        file = next((place for place in places if place.is_file()), None)
        if file:
            parts.append(_read_sequence(file, name, record, sent))
    if not parts:
        expected = f"{next(iter(record.frames))}/{ANNOTATIONS}"
        raise InputError(path, f"nothing came back; expected {expected}")
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
    numbers = _recognize(tracks.table, own.assign(frame=own["frame"].map(positions)))
    table = tracks.table.assign(
        sequence=pd.Categorical([name] * len(tracks.table)),
        track=tracks.table["track"].map(numbers).astype(np.int32),
    )
    sequence = replace(sequence, name=name, frame_names=names)
    return replace(tracks, table=table, sequences={name: sequence})


def _recognize(corrected: pd.DataFrame, sent: pd.DataFrame) -> dict[int, int]:
    """Return the number that each corrected track was sent with, or a free one."""
    places = ["frame", *BOX]
    back, names = pd.factorize(corrected["track"])
    # A track that changes its label is sent as two, since CVAT's have one label
    out, pairs = pd.factorize(pd.MultiIndex.from_frame(sent[["track", "label"]]))
    left = corrected[places].round(dict.fromkeys(BOX, 0)).assign(back=back)
    right = sent[places].round(dict.fromkeys(BOX, 0)).assign(out=out)
    both = left.merge(right, on=places)
    counts = np.zeros((len(names), len(pairs)), np.int64)
    np.add.at(counts, (both["back"], both["out"]), 1)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    known = {
        int(names[row]): int(pairs[column][0])
        for row, column in zip(rows, columns, strict=True)
        if counts[row, column]
    }
    free = max([0, *known.values(), *sent["track"].astype(int)]) + 1
    new = [int(track) for track in names if track not in known]
    return known | {track: free + i for i, track in enumerate(new)}
