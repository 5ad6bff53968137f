# SPDX-License-Identifier: Apache-2.0
"""Write MOT Challenge sequences, as :mod:`.mot` reads them.

All classes are named in ``gt/labels.txt``, one per line in the order of their ids, as
CVAT does. The benchmark's classes keep their ids.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from .files import write_bytes
from .frames import bring, check_frames_to_write, check_labels_to_write
from .mot_meaning import CLASSES, LABELS
from .numbered_frames import ASSUMED, BOXES
from .tracks import InputError, Sequence, Tracks, make_table


def take_frames(tracks: Tracks, frames: Mapping[str, Collection[int]]) -> Tracks:
    """Extract some frames of sequences as new sequences.

    Args:
        tracks: the tracks
        frames: the positions of the frames to take, by sequence

    Returns:
        the tracks in these frames, which count from 1 again
    """
    sequences = {}
    parts = []
    for name, chosen in frames.items():
        numbers = np.unique(np.fromiter(chosen, np.int64))
        sequence = tracks.sequences[name]
        names = tuple(sequence.frame_names[number - 1] for number in numbers)
        sequences[name] = replace(
            sequence,
            frame_names=names,
            frame_attributes=None,
            numbers=None,
            told_numbers=None,
        )
        table = tracks.table[tracks.table["sequence"] == name]
        position = pd.Series(np.arange(1, len(numbers) + 1), numbers)
        table = table.assign(frame=table["frame"].map(position)).dropna(subset="frame")
        parts.append(table)
    table = pd.concat(parts, ignore_index=True)
    return Tracks(make_table({str(name): table[name] for name in table}), sequences)


def write_mot(tracks: Tracks, folder: Path, classes: Collection[str] = ()) -> None:
    """Write sequences with their frames, each into its own folder.

    Attributes of annotators have no place in the format.

    Args:
        tracks: the tracks, with the frames' folders
        folder: the folder for the sequences' folders, which exists
        classes (()): classes that boxes can be given, beside those that they have

    Raises:
        InputError: if frames are missing or are of several types, boxes have no
            track, or a sequence's name cannot be a folder's
    """
    for sequence in tracks.sequences.values():
        _check(tracks, sequence)
    for sequence in tracks.sequences.values():
        table = tracks.table[tracks.table["sequence"] == sequence.name]
        _write_sequence(table, sequence, folder / sequence.name, classes)


def mot_classes(labels: Collection[str]) -> tuple[str, ...]:
    """List classes in the order of their ids.

    Args:
        labels: the classes

    Returns:
        all classes of the benchmark if it knows these, otherwise these in order
    """
    return CLASSES if set(labels) <= set(CLASSES) else tuple(sorted(set(labels)))


def write_mot_labels(
    tracks: Tracks, folder: Path, classes: Collection[str] = ()
) -> None:
    """Write the labels of sequences without their frames, each into its own folder.

    Sizes and rates that were only assumed are left out, and confidences are kept.

    Args:
        tracks: the tracks
        folder: the folder for the sequences' folders, which exists
        classes (()): the classes in the order of their numbers; by default MOT's, or
            those of the labels

    Raises:
        InputError: if boxes have no track, or a sequence's name cannot be a folder's
    """
    for sequence in tracks.sequences.values():
        _check_labels(tracks, sequence)
    for sequence in tracks.sequences.values():
        table = tracks.table[tracks.table["sequence"] == sequence.name]
        known = replace(
            sequence,
            width=None if sequence.size_from == BOXES else sequence.width,
            height=None if sequence.size_from == BOXES else sequence.height,
            frame_rate=0 if sequence.rate_from == ASSUMED else sequence.frame_rate,
        )
        names = _order_classes(table, classes)
        _write_labels(table, known, folder / sequence.name, names)


def _check(tracks: Tracks, sequence: Sequence) -> None:
    _check_labels(tracks, sequence)
    folder = check_frames_to_write(sequence)
    suffixes = {Path(name).suffix for name in sequence.frame_names}
    if len(suffixes) > 1:
        message = f"frames of types {', '.join(sorted(suffixes))}; expected one type"
        raise InputError(folder, message)


def _check_labels(tracks: Tracks, sequence: Sequence) -> None:
    check_labels_to_write(tracks, sequence)
    table = tracks.table[tracks.table["sequence"] == sequence.name]
    for label in table["label"].dropna().astype(str).unique():
        if label.splitlines() != [label]:
            message = f"the label {label!r:.80}; expected one line of text"
            raise InputError(sequence.name, message)


def _write_sequence(
    table: pd.DataFrame, sequence: Sequence, folder: Path, classes: Collection[str]
) -> None:
    suffix = Path(sequence.frame_names[0]).suffix
    # A small cache does not hold the frames of several sequences at a time
    bring(sequence)
    (folder / "img1").mkdir(parents=True)
    source = sequence.frames_dir or Path()
    for number, name in enumerate(sequence.frame_names, start=1):
        shutil.copyfile(source / name, folder / "img1" / f"{number:06d}{suffix}")
    # CVAT and others read whole numbers alone
    whole = replace(sequence, frame_rate=max(1, round(sequence.frame_rate)))
    _write_labels(table, whole, folder, mot_classes({*classes, *_labels(table)}))


def _write_labels(
    table: pd.DataFrame, sequence: Sequence, folder: Path, names: Collection[str]
) -> None:
    """Write the labels of a sequence, whose classes have these names, unless none."""
    (folder / "gt").mkdir(parents=True)
    ids = {name: number for number, name in enumerate(names or CLASSES, 1)}
    if all(name.isdecimal() for name in ids):
        # The file that was read did not name its classes either
        ids, names = {name: int(name) for name in ids}, ()
    if names:
        write_bytes(folder / LABELS, "".join(f"{name}\n" for name in names).encode())
    rows = _rows(table, ids)
    text = rows.to_csv(header=False, index=False, float_format="%.10g")
    write_bytes(folder / "gt/gt.txt", text.encode())
    info = {
        "name": sequence.name,
        "imDir": "img1",
        "frameRate": f"{sequence.frame_rate:g}" if sequence.frame_rate else None,
        "seqLength": len(sequence.frame_names),
        "imWidth": sequence.width,
        "imHeight": sequence.height,
        "imExt": Path(sequence.frame_names[0]).suffix,
    }
    known = {key: value for key, value in info.items() if value is not None}
    lines = ["[Sequence]", *(f"{key}={value}" for key, value in known.items())]
    write_bytes(folder / "seqinfo.ini", "\n".join([*lines, ""]).encode())


def _order_classes(table: pd.DataFrame, classes: Collection[str]) -> Collection[str]:
    """Return classes in the order of their numbers; none for MOT's own."""
    used = _labels(table)
    names = [*classes, *sorted(used.difference(classes))]
    if used <= set(CLASSES) and (not classes or names == [*CLASSES]):
        return ()
    return names


def _labels(table: pd.DataFrame) -> set[str]:
    return set(table["label"].dropna().astype(str))


def _rows(table: pd.DataFrame, ids: Mapping[str, int]) -> pd.DataFrame:
    nothing = pd.Series(1.0, table.index)
    considered = table.get("considered", nothing).astype("Float64").fillna(1)
    visibility = table.get("visibility", nothing).astype("Float64").fillna(1)
    flags = considered.astype("float64")
    if "confidence" in table and table["confidence"].notna().any():
        flags = table["confidence"].astype("float64").fillna(-1)
    return pd.DataFrame(
        {
            "frame": table["frame"].astype("int64"),
            "id": table["track"],
            "left": table["left"] + 1,
            "top": table["top"] + 1,
            "width": table["width"],
            "height": table["height"],
            "considered": flags,
            "class": table["label"].astype(str).map(ids).astype("int64"),
            "visibility": visibility.astype("float64"),
        }
    ).sort_values(["id", "frame"])
