# SPDX-License-Identifier: Apache-2.0
"""Decode the frames of videos when they are needed, into a cache of images.

The images of a video are in a folder of their own, named after the video's path, size
and time, and are called by the position of their frame: ``000001.jpg``.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

import cv2

from .disk_cache import ANY_NAME, Entry, list_entries, mark_used, size_limit, trim
from .local_files import writing_to
from .s3_objects import RangedObject, is_s3, object_version
from .tracks import InputError, VideoPart
from .tracks import Sequence as TrackSequence

#: Frames up to this far ahead are reached by decoding on, others by a jump.
_NEAR = 60
_QUALITY = 95
#: Bytes of a video in S3 that are read, and held, at a time.
_BLOCK = 1 << 19


@dataclass(frozen=True)
class VideoInfo:
    """What a video's header says.

    Attributes:
        width: width of the frames in pixels
        height: their height
        frame_rate: frames per second
        frames: number of frames
    """

    width: int
    height: int
    frame_rate: float
    frames: int


def read_video_info(path: Path | str) -> VideoInfo:
    """Read the size, the rate and the number of frames of a video.

    Args:
        path: the video, or its S3 URI

    Returns:
        the :class:`VideoInfo`

    Raises:
        InputError: if the file is missing, or not a video
    """
    with _Video(path) as video:
        get = video.capture.get
        found = VideoInfo(
            int(get(cv2.CAP_PROP_FRAME_WIDTH)),
            int(get(cv2.CAP_PROP_FRAME_HEIGHT)),
            float(get(cv2.CAP_PROP_FPS)),
            int(get(cv2.CAP_PROP_FRAME_COUNT)),
        )
    if found.frames < 1 or not found.frame_rate > 0:
        message = "does not tell its number of frames; expected a video such as mp4"
        raise InputError(path, message)
    return found


#: How the names of folders in the cache begin that hold frames from S3.
S3_FOLDER = "s3-"


def default_frames_dir() -> Path:
    """Return the user's folder for decoded frames: ``~/.cache/track-audit/frames``."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "track-audit" / "frames"


def list_decoded(folder: Path) -> list[Entry]:
    """List the frames in the cache, decoded ones and those from S3.

    Args:
        folder: the folder of the cache

    Returns:
        the files
    """
    paths = list(folder.glob("*/*"))
    named = [path for path in paths if path.parent.name.startswith(S3_FOLDER)]
    decoded = [path for path in paths if not path.parent.name.startswith(S3_FOLDER)]
    return list_entries(decoded) + list_entries(named, ANY_NAME)


def frames_folder(videos: Sequence[VideoPart]) -> Path:
    """Return the folder for the decoded frames of a sequence.

    Args:
        videos: the videos of the sequence

    Returns:
        the folder, which need not exist yet; another one once a video has changed

    Raises:
        InputError: if a video is missing
    """
    key = hashlib.blake2b(digest_size=16)
    for video in videos:
        path = video.path
        about = (path if is_s3(path) else Path(path).resolve(), *video_version(path))
        key.update(f"{about} {video.first}".encode())
    return default_frames_dir() / key.hexdigest()


def video_version(path: Path | str) -> tuple[int, int | str]:
    """Return what changes with the content of a video: its size, and its time or tag.

    Args:
        path: the video, or its S3 URI

    Raises:
        InputError: if it is missing
    """
    if is_s3(path):
        return object_version(str(path))
    try:
        status = Path(path).stat()
    except OSError as error:
        raise InputError(path, f"{error.strerror}; expected a video") from error
    return status.st_size, status.st_mtime_ns


def frame_file(position: int) -> str:
    """Return the name of a decoded frame.

    Args:
        position: its position in the sequence, from 1

    Returns:
        the file name
    """
    return f"{position:06d}.jpg"


def bring_frames(sequence: TrackSequence) -> None:
    """Decode those frames of a sequence that are not in its folder yet.

    Nothing is done for a sequence that has images.

    Args:
        sequence: the record of the sequence, whose ``frame_names`` are the frames to
            decode

    Raises:
        InputError: if a video is missing, ends too early or cannot be decoded
    """
    folder = sequence.frames_dir
    if not sequence.videos or folder is None:
        return
    remote = any(is_s3(part.path) for part in sequence.videos)
    if remote and frames_folder(sequence.videos) != folder:
        path = sequence.videos[0].path
        raise InputError(path, "was changed meanwhile; expected the same video")
    folder.mkdir(parents=True, exist_ok=True)
    there = {entry.name for entry in os.scandir(folder)}
    for name in there.intersection(sequence.frame_names):
        mark_used(folder / name)
    positions = sorted(
        int(Path(name).stem) for name in set(sequence.frame_names) - there
    )
    for part in sequence.videos:
        own = [p for p in positions if 0 <= p - part.first < part.length]
        targets = {p - part.first + 1: folder / frame_file(p) for p in own}
        decode_frames(part.path, targets)
    if positions:
        make_room(folder, sequence.frame_names)


def make_room(folder: Path, names: Collection[str]) -> None:
    """Remove the least recently used frames if the cache exceeds its limit.

    Args:
        folder: the folder of a sequence in the cache
        names: its frames that are needed now, and stay
    """
    entries = list_decoded(default_frames_dir())
    needed = {folder / name for name in names}
    others = [entry for entry in entries if entry.path not in needed]
    trim(others, sum(entry.size for entry in entries) - size_limit())


def decode_frames(path: Path | str, targets: Mapping[int, Path]) -> None:
    """Decode frames of a video into images.

    Args:
        path: the video, or its S3 URI; only what the frames need is read there
        targets: the file to write by the 1-based number of the frame

    Raises:
        InputError: if the video is missing, ends too early or cannot be decoded
    """
    if not targets:
        return
    with _Video(path) as video:
        for number in sorted(targets):
            video.write(number, targets[number])


class _Video:
    """A video that is open, and where it stands."""

    def __init__(self, path: Path | str) -> None:
        self.path = path
        self._remote = RangedObject(str(path)) if is_s3(path) else None
        if self._remote:
            self.capture = _open_stream(self._remote)
        elif Path(path).is_file():
            self.capture = cv2.VideoCapture(str(path))
        else:
            raise InputError(path, "no such file; expected a video")
        if not self.capture.isOpened():
            self._fail("cannot be read; expected a video")
        #: The number of the frame that comes next
        self._next = 1

    def __enter__(self) -> _Video:
        return self

    def __exit__(self, *_: object) -> None:
        # OpenCV gives back the stream it reads from, for which it needs the interpreter
        # lock; release() does not hold it
        del self.capture

    def write(self, number: int, target: Path) -> None:
        if number - self._next > _NEAR:
            self.capture.set(cv2.CAP_PROP_POS_FRAMES, number - 1)
            self._next = round(self.capture.get(cv2.CAP_PROP_POS_FRAMES)) + 1
        while self._next < number and self.capture.grab():
            self._next += 1
        done, image = self.capture.read()
        # What S3 refused part of may be decoded with damage
        self._check_remote()
        if not done:
            self._fail(f"frame {number} cannot be decoded; expected a longer video")
        self._next += 1
        _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        # Renamed when complete, so that nobody reads half of an image
        partial = target.with_name(f".{uuid4().hex}.part")
        try:
            with writing_to(target):
                partial.write_bytes(encoded.tobytes())
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    def _fail(self, message: str) -> NoReturn:
        self._check_remote()
        raise InputError(self.path, message)

    def _check_remote(self) -> None:
        if self._remote:
            self._remote.check()


def _open_stream(content: RangedObject) -> cv2.VideoCapture:
    """Open a video by what it is read with."""
    stream = io.BufferedReader(content, _BLOCK)
    try:
        capture: cv2.VideoCapture = cv2.VideoCapture(  # type: ignore[call-overload]
            stream, cv2.CAP_FFMPEG, []
        )
    except (TypeError, cv2.error) as error:
        message = f"OpenCV {cv2.__version__} reads no videos in S3; expected 4.11"
        raise InputError("opencv-python-headless", message) from error
    return capture
