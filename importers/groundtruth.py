# SPDX-License-Identifier: Apache-2.0
"""Read the labels of SageMaker Ground Truth as tracks of their frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from . import files
from .broken_boxes import set_aside_boxes
from .content import Content
from .frames import check_frames, is_plain_name, list_images, missing_frames
from .images import image_size
from .manifest import Video, read_videos
from .s3_objects import is_s3, split_s3
from .seq_label import Labels, make_columns, make_frame_attributes, read_labels
from .seqinfo import SeqInfo, read_seqinfo
from .tracks import InputError, Sequence, Tracks, concatenate, make_table, outside_note
from .worker_responses import read_worker

#: Frames per second if nothing else specifies them.
DEFAULT_FRAME_RATE = 25.0


def is_seq_label(content: Content) -> bool:
    """Tell whether a file holds the labels of one video."""
    keys = content.document if isinstance(content.document, dict) else ()
    known = {"tracking-annotations", "detection-annotations", "answers"}
    return any(key in known for key in keys)


def is_manifest(content: Content) -> bool:
    """Tell whether a file is the manifest of a labeling job."""
    return content.path.suffix == ".manifest" or b'"source-ref"' in content.head


def read_seq_label(
    path: Path | str,
    frames_dir: Path | str | None = None,
    class_map: Mapping[str, str] | None = None,
    frame_rate: float | None = None,
    name: str | None = None,
    strict: bool = False,
) -> Tracks:
    """Read the labels of one video, a ``SeqLabel.json``.

    Args:
        path: a local path or S3 URI
        frames_dir (None): the folder of the labeled frames, or the folder of the
            MOT sequence that they are from; it may hold more frames than labeled
        class_map (None): the class names by class id; by default they are taken
            from the objects' names
        frame_rate (None): frames per second of the whole video, all images of
            ``frames_dir``; by default the MOT sequence's, or 25
        name (None): the sequence's name; by default the MOT sequence's, or that
            of ``frames_dir``, or the file's
        strict (False): whether to refuse boxes that no audit can use, such as an
            object's second box in a frame. By default they are set aside

    Returns:
        the :class:`Tracks`, with the extra columns ``object_id``,
        ``object_name``, ``assignee`` (the ID of the worker, if the file is in the
        folder of its job) and one per label category attribute; boxes of a
        detection job have no identity (track -1)

    Raises:
        InputError: if the file or the frames are missing or invalid

    Example:
        >>> tracks = fta.read_seq_label("SeqLabel.json", name="street")
        >>> tracks.table[["frame", "track", "label"]].values.tolist()
        [[1, 1, 'Car']]
    """
    labels = read_labels(str(path))
    labels = labels if strict else set_aside_boxes(labels)
    columns = make_columns(labels, class_map)
    folder = files.resolve_path(frames_dir) if frames_dir is not None else None
    if folder and labels.folder and (folder / labels.folder).is_dir():
        folder = folder / labels.folder
    default_name = folder.name if folder else Path(path).stem
    sequence = _make_sequence(labels.names, folder, frame_rate, name, default_name)
    if labels.numbers is not None:
        told = tuple(number + 1 for number in labels.numbers)
        sequence = replace(sequence, told_numbers=told)
    return _to_tracks(labels, columns, sequence)


def read_manifest(
    path: Path | str,
    frames_dir: Path | str | None = None,
    label_attribute: str | None = None,
    cache_dir: Path | str | None = None,
    progress: bool = True,
    frame_rate: float | None = None,
    strict: bool = False,
) -> Tracks:
    """Read the labels of all videos of a labeling job.

    Args:
        path: the local path or S3 URI of the job's ``output.manifest``; local
            paths in it are relative to its folder
        frames_dir (None): the folder of the frames, or of one folder per
            sequence; by default the folder that the sequence file names
        label_attribute (None): the labels to read, such as ``vehicle-ref``; by
            default the labels with the newest creation date
        cache_dir (None): the folder for frames that are downloaded from S3; by
            default frames in S3 are not downloaded and only labels are read
        progress (True): whether to show the progress of downloads
        frame_rate (None): frames per second, as in :func:`read_seq_label`
        strict (False): as in :func:`read_seq_label`

    Returns:
        the :class:`Tracks`, as by :func:`read_seq_label`; the notes name the
        lines without labels

    Raises:
        InputError: if a file or the frames are missing or invalid

    Example:
        >>> tracks = fta.read_manifest("output.manifest")
        >>> tracks.table[["frame", "track", "label"]].values.tolist()
        [[1, 1, 'Car']]
    """
    videos, left_out = read_videos(path, label_attribute, strict=strict)
    notes = list(left_out)
    parts = []
    for video in videos:
        folder = _find_frames(video, path, frames_dir, cache_dir, progress)
        sequence = _make_sequence(video.labels.names, folder, frame_rate, video.name)
        if is_s3(video.prefix):
            sequence = replace(sequence, frames_uri=video.prefix)
        if video.image_size:
            width, height = video.image_size
            sequence = replace(
                sequence, width=width, height=height, size_from="the labels"
            )
        tracks = _to_tracks(video.labels, video.columns, sequence)
        parts.append(replace(tracks, classes=video.classes))
        notes += video.notes
    tracks = concatenate(parts)
    return replace(tracks, notes=(*notes, *tracks.notes))


def _to_tracks(
    labels: Labels, columns: Mapping[str, object], sequence: Sequence
) -> Tracks:
    sequence = replace(sequence, frame_attributes=make_frame_attributes(labels))
    codes = np.zeros(len(labels.boxes), dtype=np.intp)
    names = pd.Categorical.from_codes(codes, pd.Index([sequence.name]))
    assignee, unknown = _read_assignee(labels, sequence)
    table = make_table({**columns, **assignee, "sequence": names})
    invalid = labels.invalid.assign(sequence=sequence.name)
    notes = (
        *unknown,
        *_identity_note(labels, sequence),
        *outside_note(table, sequence),
        *_scale_note(table, sequence),
    )
    if len(invalid):
        counts = f"{len(invalid)} of {len(table) + len(invalid)} boxes"
        message = f"{counts} cannot be used and are set aside"
        notes = (f"{labels.path}: {message}; {invalid['reason'][0]}", *notes)
    return Tracks(table, {sequence.name: sequence}, notes, invalid)


def _read_assignee(
    labels: Labels, sequence: Sequence
) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Return the column of who made the labels, or a note if that cannot be read."""
    try:
        worker = read_worker(labels.path)
    except InputError as error:
        return {}, (f"{sequence.name}: it is not known who labeled it; {error}",)
    return {"assignee": [worker] * len(labels.boxes)} if worker else {}, ()


def _identity_note(labels: Labels, sequence: Sequence) -> tuple[str, ...]:
    """Warn that the boxes of a detection job are no tracks."""
    if labels.tracking or not labels.boxes:
        return ()
    return (
        f"{sequence.name}: no box has an identity, since these are the results of a "
        "video object detection job; run a video object tracking job, or link the "
        "boxes with a tracker, and audit its tracks",
    )


def _scale_note(table: pd.DataFrame, sequence: Sequence) -> tuple[str, ...]:
    """Warn if boxes may be in pixels of frames that were scaled down."""
    if sequence.frames_dir is None or table.empty:
        return ()
    size = image_size(sequence.frames_dir / sequence.frame_names[0])
    right, bottom = table["left"] + table["width"], table["top"] + table["height"]
    fit = right.max() <= size[0] and bottom.max() <= size[1]
    if size == (sequence.width, sequence.height) or not fit:
        return ()
    return (
        f"{sequence.name}: the boxes were read as pixels of "
        f"{sequence.width}x{sequence.height} images, as in seqinfo.ini, but all "
        f"of them fit into the frames of {size[0]}x{size[1]}; import the job's "
        "manifest if they were drawn on these frames",
    )


def _make_sequence(
    frame_names: tuple[str, ...],
    frames_dir: Path | None,
    frame_rate: float | None,
    name: str | None,
    default_name: str = "",
) -> Sequence:
    """Make the record of a sequence, and check that its frames exist."""
    rate = frame_rate or DEFAULT_FRAME_RATE
    if frames_dir is None:
        alone = Sequence(name or default_name, None, None, rate, frame_names)
        return replace(alone, rate_from="your setting" if frame_rate else "assumed")
    mot = _mot_sequence(frames_dir)
    folder = mot.frames_dir if mot and mot.frames_dir else frames_dir
    if mot:
        name = name or mot.name
        rate = frame_rate or mot.frame_rate or rate
    sequence = Sequence(name or default_name, None, None, rate, frame_names, folder)
    check_frames(sequence)
    # The boxes are in pixels of the published video, not of downscaled frames.
    size = (mot and mot.size) or image_size(folder / frame_names[0])
    rate /= _labeling_step(frame_names, folder)
    known_rate = "seqinfo.ini" if mot and mot.frame_rate else "assumed"
    return replace(
        sequence,
        width=size[0],
        height=size[1],
        frame_rate=rate,
        size_from="seqinfo.ini" if mot and mot.size else "the frames",
        rate_from="your setting" if frame_rate else known_rate,
    )


def _mot_sequence(folder: Path) -> SeqInfo | None:
    """Read the MOT sequence of a folder, which may be its folder of images."""
    if (folder / "seqinfo.ini").is_file():
        return read_seqinfo(folder)
    if (folder.parent / "seqinfo.ini").is_file():
        mot = read_seqinfo(folder.parent)
        if mot.frames_dir and folder.is_dir() and mot.frames_dir.samefile(folder):
            return mot
    return None


def _labeling_step(frame_names: tuple[str, ...], folder: Path) -> float:
    """Return the distance from one labeled frame to the next, in frames of a folder."""
    if len(frame_names) < 2:
        return 1.0
    positions = {name: position for position, name in enumerate(list_images(folder))}
    steps = np.diff([positions[name] for name in frame_names])
    return float(np.median(np.abs(steps)))


def _find_frames(
    video: Video,
    manifest: Path | str,
    frames_dir: Path | str | None,
    cache_dir: Path | str | None,
    progress: bool,
) -> Path | None:
    """Find the folder of a video's frames, and download them if necessary."""
    if frames_dir is not None:
        return _search_frames(Path(frames_dir), video)
    if not is_s3(video.prefix):
        folder = Path(video.prefix)
        return folder if folder.is_dir() else None
    if cache_dir is None:
        return None
    bucket, key = split_s3(video.prefix)
    folder_names = key.rstrip("/").split("/")
    if not all(map(is_plain_name, [bucket, *folder_names])):
        message = f"the frames' prefix is {video.prefix!r:.200}; expected plain folders"
        raise InputError(manifest, message)
    # Frames of two videos often share their names, never their prefix.
    folder = Path(cache_dir, bucket, *folder_names)
    files.download(video.prefix, video.labels.names, folder, progress)
    return folder


def _search_frames(frames_dir: Path, video: Video) -> Path:
    """Find a video's frames in a folder or its subfolders."""
    if not frames_dir.is_dir():
        raise InputError(frames_dir, "no such folder; expected the frames")
    for folder in (frames_dir / video.name, frames_dir):
        if folder.is_dir() and not _missing(folder, video):
            return folder
    matches = [
        folder
        for folder in sorted(frames_dir.iterdir())
        if folder.is_dir() and not _missing(folder, video)
    ]
    if len(matches) > 1:
        message = f"the frames of {video.name} are in {matches[0].name} and in"
        message = f"{message} {matches[1].name}; expected one folder"
        raise InputError(frames_dir, f"{message}, or one named {video.name}")
    if matches:
        return matches[0]
    own = frames_dir / video.name
    return own if own.is_dir() else frames_dir


def _missing(folder: Path, video: Video) -> list[str]:
    mot = _mot_sequence(folder)
    frames_dir = mot.frames_dir if mot and mot.frames_dir else folder
    return missing_frames(frames_dir, video.labels.names)
