# SPDX-License-Identifier: Apache-2.0
"""Encode frames as videos that play in a browser.

The encoder is the ffmpeg of the package ``imageio-ffmpeg``.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from .disk_cache import mark_used
from .images import image_size, read_image
from .local_files import read_file
from .processes import is_dead, machine
from .s3_objects import is_s3, object_version
from .tracks import InputError

#: Part of the cache key: raise it when the same frames should encode differently.
_ENCODING = 1
#: Browsers play H.264 only as yuv420p, which needs even sizes. A key frame each
#: second makes jumping to a frame quick, faststart lets playing begin at once.
PADDING = "pad=ceil(iw/2)*2:ceil(ih/2)*2"
OUTPUT = [
    *("-preset", "veryfast", "-crf", "23"),
    *("-movflags", "+faststart"),
]
_AHEAD = 4
_UNFINISHED = ".unfinished-"

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def encode_video(
    frames: Sequence[Path | str],
    frame_rate: float,
    folder: Path,
    step: Callable[[int], None] | None = None,
) -> Path:
    """Encode frames as an H.264 mp4, unless the folder already has their video.

    Args:
        frames: the paths or S3 URIs of the images, in order, all of one size. Those in
            S3 are read a few ahead, and are never on the disk
        frame_rate: frames per second
        folder: the folder of the videos; the file name is derived from the content
            of the images, and in S3 from their places and tags, so that the same
            frames are never encoded twice
        step (None): called with the number of frames done since the last call

    Raises:
        InputError: if an image cannot be read, or differs in size from the first, or
            the disk is full
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_content_key(frames, frame_rate)}.mp4"
    if path.exists():
        mark_used(path)
        if step:
            step(len(frames))
        return path
    with unfinished_video(folder) as unfinished:
        try:
            _write(frames, frame_rate, unfinished, step)
            _check_complete(unfinished, len(frames), frame_rate)
        except OSError as error:
            # The encoder is another process, whose account fills a page
            message = "the video cannot be written; is the disk full?"
            raise InputError(folder, message) from error
        Path(unfinished).replace(path)
    return path


@contextlib.contextmanager
def unfinished_video(folder: Path) -> Iterator[str]:
    """Yield the path for a video that is renamed when it is complete.

    A process that is killed leaves no partial video behind under its final name.

    Args:
        folder: the folder of the videos

    Yields:
        a path at which there is no file; it is removed at the end
    """
    _remove_abandoned(folder)
    prefix = f"{_UNFINISHED}{machine()}-{os.getpid()}-"
    handle, unfinished = tempfile.mkstemp(".mp4", prefix, folder)
    os.close(handle)
    # Only its owner can read such a file; the encoder's has the default mode
    Path(unfinished).unlink()
    try:
        yield unfinished
    finally:
        Path(unfinished).unlink(missing_ok=True)


def _remove_abandoned(folder: Path) -> None:
    """Remove unfinished files of processes that were killed.

    Those of this machine are known to be dead, others after a day.
    """
    yesterday = time.time() - 24 * 60 * 60
    for path in folder.glob(f"{_UNFINISHED}*.mp4"):
        # Another process may finish or remove it meanwhile
        with contextlib.suppress(FileNotFoundError):
            writer = path.name.removeprefix(_UNFINISHED).split("-")
            dead = len(writer) > 2 and is_dead(writer[0], int(writer[1]))
            if dead or path.stat().st_mtime < yesterday:
                path.unlink()


def _write(
    frames: Sequence[Path | str],
    frame_rate: float,
    path: str,
    step: Callable[[int], None] | None,
) -> None:
    size = image_size(frames[0])
    key_frames = ["-g", str(max(1, round(frame_rate)))]
    encoder = imageio_ffmpeg.write_frames(
        path,
        size,
        fps=frame_rate,
        codec="libx264",
        quality=None,
        macro_block_size=1,
        output_params=["-vf", PADDING, *OUTPUT, *key_frames],
    )
    encoder.send(None)
    try:
        for frame, pixels in zip(frames, _ahead(_read_pixels, frames), strict=True):
            if pixels.shape[1::-1] != size:
                raise InputError(
                    frame,
                    f"the image is {pixels.shape[1]}x{pixels.shape[0]}; expected "
                    f"{size[0]}x{size[1]} like {Path(frames[0]).name}",
                )
            encoder.send(pixels)
            if step:
                step(1)
    finally:
        encoder.close()


def _check_complete(path: str, count: int, frame_rate: float) -> None:
    """Raise OSError if the encoder, which is another process, failed."""
    try:
        duration = next(imageio_ffmpeg.read_frames(path))["duration"]
    except (KeyError, StopIteration) as error:
        raise OSError("there is no video") from error
    if abs(duration * frame_rate - count) > 1:
        raise OSError(f"only {duration * frame_rate:.0f} of {count} frames are in it")


def _content_key(frames: Sequence[Path | str], frame_rate: float) -> str:
    """Return a name that changes with the content of any frame."""
    key = hashlib.blake2b(f"{_ENCODING} {frame_rate!r}".encode(), digest_size=16)
    for digest in _ahead(_digest, frames):
        key.update(digest)
    return key.hexdigest()


def _digest(path: Path | str) -> bytes:
    if is_s3(path):
        return repr((path, object_version(str(path)))).encode()
    return hashlib.blake2b(read_file(path, "an image")).digest()


def _read_pixels(path: Path | str) -> NDArray[np.uint8]:
    return np.asarray(read_image(path))


def _ahead(function: Callable[[_In], _Out], items: Iterable[_In]) -> Iterator[_Out]:
    """Map in order, a few items ahead of the current one."""
    with ThreadPoolExecutor(_AHEAD) as threads:
        waiting = deque()  # type: ignore[var-annotated]
        for item in items:
            waiting.append(threads.submit(function, item))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
