# SPDX-License-Identifier: Apache-2.0
"""Make video samples of sequences of frames."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import fiftyone as fo
import numpy as np

from . import store
from .files import resolve_path
from .images import image_size
from .s3_frames import in_s3
from .tracks import InputError, Sequence, Tracks
from .video import encode_video
from .video_files import encode_part, read_video

#: What MongoDB allows a document, and FiftyOne joins the frames of a sample into one.
BYTES_PER_DOCUMENT = 16 * 1024 * 1024
#: A detection takes some 500 bytes with all signals of an audit with crops, and its
#: corrected copy in a second field some 300. More than this would make a dataset that
#: opens when it is new, and no longer when it was audited and corrected.
MAX_DETECTIONS_PER_SAMPLE = 20_000
#: The App loses the labels of videos with more than some 5,100 frames.
MAX_FRAMES_PER_SAMPLE = 4_000


@dataclass(frozen=True)
class Part:
    """The frames of a sequence that become one sample.

    Attributes:
        sequence: the sequence
        first: the position of the first frame in the sequence, from 1
        last: the position of the last frame
    """

    sequence: Sequence
    first: int
    last: int

    def __len__(self) -> int:
        """Return the number of frames."""
        return self.last - self.first + 1


def split_sequences(tracks: Tracks) -> list[Part]:
    """Split sequences into parts that FiftyOne can hold as one sample each.

    Returns:
        the parts, in order
    """
    return [
        Part(sequence, first, last)
        for sequence in tracks.sequences.values()
        for first, last in split_frames(tracks, sequence)
    ]


def split_frames(tracks: Tracks, sequence: Sequence) -> list[tuple[int, int]]:
    """Split the frames of a sequence into ranges of similar numbers of detections.

    Args:
        tracks: the tracks
        sequence: one of their sequences

    Returns:
        the first and last frame of each range
    """
    count = len(sequence.frame_names)
    frames = tracks.table.loc[tracks.table["sequence"] == sequence.name, "frame"]
    per_frame = np.bincount(frames, minlength=count + 1)[1:]
    # How much of a sample each frame fills
    fill = np.maximum(per_frame / MAX_DETECTIONS_PER_SAMPLE, 1 / MAX_FRAMES_PER_SAMPLE)
    filled = np.cumsum(fill)
    ranges = math.ceil(filled[-1] - 1e-9)
    ends = np.searchsorted(filled, filled[-1] * np.arange(1, ranges) / ranges)
    limits = np.unique(np.r_[0, ends, count]).tolist()
    return [(first + 1, last) for first, last in pairwise(limits)]


def frames_dir(sequence: Sequence) -> Path:
    """Return the folder of a sequence's frames.

    Raises:
        InputError: if the frames are not on this machine
    """
    if sequence.frames_dir is None:
        raise InputError(
            sequence.name,
            "the frames were not found; expected the folder of images beside "
            "seqinfo.ini, or the folder of the frames for other labels",
        )
    return sequence.frames_dir


@dataclass(frozen=True)
class Encoded:
    """A video of the frames of a sample.

    Attributes:
        path: the video
        size_bytes: the size of its file
        size: the width and the height of the frames
    """

    path: Path
    size_bytes: int
    size: tuple[int, int]


def encode_video_of(
    part: Part, folder: Path, step: Callable[[int], None] | None = None
) -> Encoded:
    """Encode frames as a video, unless there is one that plays.

    Args:
        part: the frames
        folder: the folder for the video
        step (None): called with the number of frames encoded since the last call

    Raises:
        InputError: if a frame is missing or cannot be read
    """
    video, size = _make_video(part, folder, step or (lambda _: None))
    return Encoded(video, video.stat().st_size, size)


def make_sample(part: Part, video: Encoded, tags: list[str] | None) -> fo.Sample:
    """Make the sample of frames.

    Args:
        part: the frames
        video: their video
        tags: the tags of the sample, or None

    Returns:
        a sample that is in no dataset yet
    """
    sequence, (width, height) = part.sequence, video.size
    metadata = fo.VideoMetadata(
        size_bytes=video.size_bytes,
        mime_type="video/mp4",
        # The video is padded to even sizes
        frame_width=width + width % 2,
        frame_height=height + height % 2,
        frame_rate=sequence.frame_rate,
        total_frame_count=len(part),
        duration=len(part) / sequence.frame_rate,
        encoding_str="avc1",
    )
    record = {
        store.SEQUENCE: sequence.name,
        store.FRAME_OFFSET: part.first - 1,
        store.IMAGE_WIDTH: sequence.width,
        store.IMAGE_HEIGHT: sequence.height,
    }
    if sequence.frames_uri:
        record[store.FRAMES_URI] = sequence.frames_uri
    return fo.Sample(filepath=str(video.path), metadata=metadata, tags=tags, **record)


def _make_video(
    part: Part, folder: Path, step: Callable[[int], None]
) -> tuple[Path, tuple[int, int]]:
    """Return a video of frames that the App plays, and the size of its frames."""
    sequence, rate = part.sequence, part.sequence.frame_rate
    if not sequence.videos:
        frames = _find_frames(part)
        return encode_video(frames, rate, folder, step), image_size(frames[0])
    (source,) = sequence.videos
    known = read_video(source.path)
    whole = len(part) == known.frames and math.isclose(rate, known.frame_rate)
    if whole and known.plays:
        step(len(part))
        return resolve_path(source.path), known.size
    video = encode_part(Path(source.path), part.first, part.last, rate, folder, step)
    return video, known.size


def _find_frames(part: Part) -> list[Path | str]:
    """Return the paths of frames, or their URIs if they are read in S3."""
    sequence = part.sequence
    names = sequence.frame_names[part.first - 1 : part.last]
    if in_s3(sequence):
        return [f"{sequence.frames_uri}{name}" for name in names]
    return [frames_dir(sequence) / name for name in names]


def media_dir(video_dir: str | Path | None) -> Path:
    """Return the folder for the videos that are encoded from frames.

    Args:
        video_dir (None): the folder to use

    Returns:
        its absolute path; by default a folder below FiftyOne's default dataset folder
    """
    if video_dir is not None:
        return resolve_path(video_dir)
    return Path(fo.config.default_dataset_dir, "track-audit")
