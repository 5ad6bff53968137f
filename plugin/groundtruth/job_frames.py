# SPDX-License-Identifier: Apache-2.0
"""Sort and check the frames of a labeling job, and find their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from ...importers.frames import is_plain_name, missing_frames
from ...importers.problems import Finding, Report, error, warning
from ...importers.tracks import Sequence, Tracks
from ...importers.video_frames import bring_frames

FRAME_COLUMNS = ["sequence", "frame", "reason"]
FRAMES_PER_SEQUENCE = 2_000
SEQUENCES_PER_JOB = 10
_OWN_FILES = {"frames.csv", "job.json", "label-categories.json", "manifest.jsonl"}
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
_RENAME = "rename it: no slashes, '..', leading dots or control characters"


def is_file_name(name: str) -> bool:
    """Return whether a name is safe as the name of a file or folder.

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
    """Sort the chosen frames and find their files.

    Args:
        tracks: the tracks of whole sequences
        frames: the chosen frames with ``sequence``, 1-based ``frame`` and
            ``reason``, which is empty for context frames
        report: collects what is wrong with the frames

    Returns:
        one row for each frame that exists, sorted by sequence and frame, with
        ``sequence``, ``position`` (0-based, among the sequence's chosen frames),
        ``frame``, ``frame_name``, ``reason``, ``path`` (of the local file, or empty)
        and ``source`` (the frame's S3 URI, or empty)

    Raises:
        ValueError: if a column is missing
    """
    missing = [name for name in FRAME_COLUMNS if name not in frames.columns]
    if missing:
        raise ValueError(f"frames has no column {missing}, expected {FRAME_COLUMNS}")
    chosen = frames[FRAME_COLUMNS].copy()
    chosen["sequence"] = chosen["sequence"].astype(str)
    # On one line, because a carriage return would end a line of frames.csv
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
        what = f"{len(parts)} sequences are chosen, at most {SEQUENCES_PER_JOB} per job"
        report.findings.append(error(what, "divide them into several jobs"))
    columns = ["sequence", "position", "frame", "frame_name", "reason", "path"]
    columns.append("source")
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
                f"choose from {', '.join(sequences) or 'none'}",
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
    bring_frames(replace(sequence, frame_names=tuple(names)))
    paths = [str(folder.resolve() / name) if folder else "" for name in names]
    uri, sources = sequence.frames_uri, [""] * len(names)
    if uri:
        # On another machine, the frames are only in S3
        paths = [path if path and Path(path).is_file() else "" for path in paths]
        sources = [uri + name for name in names]
    else:
        report.findings += _missing_findings(sequence.name, folder, names)
        names = _in_one_folder(names, chosen["frame"].tolist())
    report.findings += _name_errors(sequence.name, names)
    report.findings += _order_warnings(sequence.name, names)
    if len(names) > FRAMES_PER_SEQUENCE:
        what = (
            f"{sequence.name} has {len(names)} frames, but a job takes at most "
            f"{FRAMES_PER_SEQUENCE} of a sequence"
        )
        report.findings.append(error(what, "divide them into several jobs"))
    return chosen.assign(
        position=range(len(names)), frame_name=names, path=paths, source=sources
    )


def _in_one_folder(names: list[str], frames: list[int]) -> list[str]:
    """Name frames by their numbers if they lie in several folders.

    A sequence file has one folder for all frames of its sequence.
    """
    parts = [PurePosixPath(name).parts for name in names]
    if all(len(each) == 1 for each in parts):
        return names
    if not all(is_file_name(part) for each in parts for part in each):
        return names
    suffixes = [PurePosixPath(name).suffix for name in names]
    return [
        f"{frame:06d}{suffix}" for frame, suffix in zip(frames, suffixes, strict=True)
    ]


def _name_errors(sequence: str, names: list[str]) -> list[Finding]:
    errors = []
    if not is_file_name(sequence):
        errors.append(
            error(f"The sequence name {sequence!r} is not a valid folder name", _RENAME)
        )
    if sequence in _OWN_FILES:
        errors.append(
            error(
                f"The sequence name {sequence!r} is also the name of a package's file",
                "rename the sequence",
            )
        )
    unsafe = [name for name in names if not is_file_name(name)]
    if unsafe:
        errors.append(
            error(f"{sequence}: frame {unsafe[0]!r} is not a valid file name", _RENAME)
        )
    other = [name for name in names if not name.lower().endswith(IMAGE_SUFFIXES)]
    if other:
        errors.append(
            error(
                f"{sequence}: Ground Truth does not support the format of frame "
                f"{other[0]!r}",
                f"convert it to {', '.join(IMAGE_SUFFIXES)}",
            )
        )
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        errors.append(
            error(
                f"{sequence}: two frames are named {twice!r}",
                "give each frame its own name",
            )
        )
    return errors


def _order_warnings(sequence: str, names: list[str]) -> list[Finding]:
    if names == sorted(names, key=lambda name: name.encode(errors="replace")):
        return []
    return [
        warning(
            f"{sequence}: the frames' names are not in alphabetical order, so that the "
            "worker's page may show them in the wrong order",
            "rename them with leading zeros",
        )
    ]


def _missing_findings(
    sequence: str, folder: Path | None, names: list[str]
) -> list[Finding]:
    if folder is None:
        what = f"{sequence}: the frames are not on this machine"
        todo = "upload them to the bucket first, or set their folder"
        return [warning(what, todo)]
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
