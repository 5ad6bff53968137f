# SPDX-License-Identifier: Apache-2.0
"""Frames that lie in S3, which come into the cache of frames when they are needed.

Only those that are looked at are downloaded, and the least recently used ones of others
are removed if the cache exceeds its limit.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from .disk_cache import mark_used
from .images import image_size
from .tracks import InputError, Sequence, Tracks, outside_note
from .video_frames import S3_FOLDER, default_frames_dir, make_room


def with_frames_in_s3(tracks: Tracks) -> Tracks:
    """Let sequences whose frames lie in S3 have those frames.

    Nothing is downloaded yet, see :func:`bring_objects`.

    Args:
        tracks: the tracks

    Returns:
        the same; sequences without a local folder of frames have one in the cache

    Raises:
        InputError: if no sequence tells where its frames lie in S3
    """
    records = tracks.sequences
    if not any(record.frames_uri for record in records.values()):
        message = "the labels name none in S3; expected those of a Ground Truth job"
        raise InputError("frames", message)
    sequences = {
        name: replace(record, frames_dir=cache_folder(record.frames_uri))
        if record.frames_uri and in_s3(record)
        else record
        for name, record in records.items()
    }
    return replace(tracks, sequences=sequences)


def with_image_sizes(tracks: Tracks) -> Tracks:
    """Read the size of frames in S3 where the labels do not tell it.

    Args:
        tracks: the tracks

    Returns:
        the same, with the sizes of all sequences whose frames lie in S3

    Raises:
        InputError: if S3 does not give the first frame of a sequence
    """
    sequences, notes = dict(tracks.sequences), tracks.notes
    for name, record in tracks.sequences.items():
        if in_s3(record) and record.width is None:
            size = image_size(f"{record.frames_uri}{record.frame_names[0]}")
            width, height = size
            sized = replace(record, width=width, height=height, size_from="the frames")
            table = tracks.table[tracks.table["sequence"] == name]
            sequences[name], notes = sized, (*notes, *outside_note(table, sized))
    return replace(tracks, sequences=sequences, notes=notes)


def in_s3(sequence: Sequence) -> bool:
    """Tell whether the frames of a sequence are in S3, and in no folder but the cache.

    Args:
        sequence: the record of the sequence

    Returns:
        True/False
    """
    uri, folder = sequence.frames_uri, sequence.frames_dir
    return uri is not None and (folder is None or folder == cache_folder(uri))


def bring_objects(sequence: Sequence) -> None:
    """Download those frames of a sequence that are not in the cache yet.

    Nothing is done for a sequence that has a folder of its own.

    Args:
        sequence: the record of the sequence, whose ``frame_names`` are the frames to
            download

    Raises:
        InputError: if S3 does not give a frame
    """
    # Most labels have nothing to do with S3
    from .files import download

    uri, folder = sequence.frames_uri, sequence.frames_dir
    if uri is None or folder is None or not in_s3(sequence):
        return
    missing = []
    for name in sequence.frame_names:
        if (folder / name).is_file():
            mark_used(folder / name)
        else:
            missing.append(name)
    if not missing:
        return
    download(uri, missing, folder, progress=False)
    make_room(folder, sequence.frame_names)


def cache_folder(frames_uri: str) -> Path:
    """Return the folder in the cache for the frames of a sequence.

    Args:
        frames_uri: the S3 URI of the frames' folder

    Returns:
        the folder, which need not exist yet
    """
    key = hashlib.blake2b(frames_uri.encode(), digest_size=16).hexdigest()
    return default_frames_dir() / f"{S3_FOLDER}{key}"
