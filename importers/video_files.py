# SPDX-License-Identifier: Apache-2.0
"""Videos that hold the frames of a sequence in place of images.

The App plays H.264 in mp4 at a constant rate as it is, and shows labels by time. Other
videos, and parts of long ones, are encoded again: each frame once, in order.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

from .disk_cache import mark_used
from .s3_objects import is_s3
from .tracks import InputError
from .video import OUTPUT, PADDING, unfinished_video
from .video_frames import read_video_info, video_version

VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm"})
_PLAYED = frozenset({".m4v", ".mp4"})
#: What ffmpeg writes where a packet has no time.
_NO_TIME = -(2**63)
#: Part of the cache key: raise it when the same frames should encode differently.
_ENCODING = 1


@dataclass(frozen=True)
class VideoFile:
    """What is known of a video.

    Attributes:
        size: width and height of its frames in pixels
        frame_rate: frames per second, on average
        frames: number of frames
        plays: whether the App plays it, and finds its frames by their times
    """

    size: tuple[int, int]
    frame_rate: float
    frames: int
    plays: bool


def is_video(path: Path) -> bool:
    """Tell whether a path is a file that is named like a video.

    Args:
        path: the path

    Returns:
        True/False
    """
    return path.suffix.lower() in VIDEO_SUFFIXES and path.is_file()


def video_in_s3(uri: str, name: str) -> str:
    """Return the S3 URI of a sequence's video.

    Args:
        uri: that of the video, or of a folder with a video ``NAME.mp4`` per sequence
        name: the name of the sequence
    """
    if Path(uri).suffix.lower() in VIDEO_SUFFIXES:
        return uri
    return f"{uri.rstrip('/')}/{name}.mp4"


def videos_named(folder: Path, name: str, alone: bool = False) -> list[Path]:
    """Find the videos of a sequence in a folder.

    Args:
        folder: the folder, which need not exist
        name: the name of the sequence
        alone (False): whether a folder's only video counts, whatever its name

    Returns:
        the videos of that name
    """
    if not folder.is_dir():
        return []
    videos = [path for path in sorted(folder.iterdir()) if is_video(path)]
    named = [path for path in videos if path.stem == name]
    return videos if alone and not named and len(videos) == 1 else named


def read_video(path: Path | str) -> VideoFile:
    """Read what is known of a video, without decoding it.

    Args:
        path: the video, or its S3 URI

    Returns:
        the :class:`VideoFile`

    Raises:
        InputError: if the file is missing, or not a video
    """
    return _read_video(path, video_version(path))


@lru_cache(maxsize=64)
def _read_video(path: Path | str, version: tuple[int, int | str]) -> VideoFile:
    if is_s3(path):
        told = read_video_info(path)
        size = (told.width, told.height)
        return VideoFile(size, told.frame_rate, told.frames, plays=False)
    return _probe(Path(path))


def _probe(path: Path) -> VideoFile:
    try:
        reader = imageio_ffmpeg.read_frames(str(path))
        header = next(reader)
        reader.close()
    except (OSError, RuntimeError, StopIteration) as error:
        raise InputError(path, "cannot be read; expected a video") from error
    times = _packet_times(path)
    if not len(times):
        raise InputError(path, "it has no frames; expected a video")
    rate = float(header["fps"])
    span = times[-1] - times[0]
    average = float((len(times) - 1) / span) if span > 0 else rate
    steady = times[0] + np.arange(len(times)) / rate
    constant = bool((np.abs(times - steady) < 0.5 / rate).all())
    width, height = header["size"]
    return VideoFile(
        size=(int(width), int(height)),
        frame_rate=rate if constant else average,
        frames=len(times),
        plays=constant
        and path.suffix.lower() in _PLAYED
        and header["codec"] == "h264"
        and header["pix_fmt"].startswith("yuv420p")
        and not header.get("rotate"),
    )


def _packet_times(path: Path) -> npt.NDArray[np.float64]:
    """Return the times of a video's frames in seconds, ascending."""
    table = _run(path, ["-map", "0:v:0", "-c", "copy", "-f", "framecrc", "-"])
    base, ticks = 1.0, []
    for line in table.splitlines():
        if line.startswith("#tb 0:"):
            numerator, _, denominator = line.removeprefix("#tb 0:").partition("/")
            base = int(numerator) / int(denominator)
        elif not line.startswith("#"):
            _, decoded, shown, *_ = map(str.strip, line.split(","))
            ticks.append(int(shown) if int(shown) > _NO_TIME else int(decoded))
    return np.sort(np.array(ticks, np.float64)) * base


def encode_part(
    path: Path,
    first: int,
    last: int,
    frame_rate: float,
    folder: Path,
    step: Callable[[int], None] | None = None,
) -> Path:
    """Encode frames of a video as one that the App plays, unless that was done before.

    Args:
        path: the video
        first: the number of the first frame, from 1
        last: the number of the last frame
        frame_rate: frames per second of the new video
        folder: the folder for it; the file name is derived from these arguments
        step (None): called with the number of frames once they are done

    Returns:
        the path to the new video

    Raises:
        InputError: if the video cannot be decoded
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = (str(path.resolve()), *video_version(path))
    about = (_ENCODING, *source, first, last, frame_rate)
    key = hashlib.blake2b(repr(about).encode(), digest_size=16).hexdigest()
    target = folder / f"{key}.mp4"
    count = last - first + 1
    if target.exists():
        mark_used(target)
    else:
        filters = (
            f"trim=start_frame={first - 1}:end_frame={last},settb=AVTB,"
            f"setpts=N/({frame_rate!r}*TB),{PADDING}"
        )
        rate = ["-r", repr(frame_rate), "-g", str(max(1, round(frame_rate)))]
        codec = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-an", *OUTPUT]
        with unfinished_video(folder) as unfinished:
            _run(path, ["-map", "0:v:0", "-vf", filters, *rate, *codec, unfinished])
            found = read_video(Path(unfinished)).frames
            if found != count:
                message = f"{found} of {count} frames can be decoded"
                raise InputError(path, f"{message}; expected a whole video")
            Path(unfinished).replace(target)
    if step:
        step(count)
    return target


def _run(path: Path, arguments: list[str]) -> str:
    """Run ffmpeg on a video; return what it prints."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y"]
    done = subprocess.run(
        [*command, "-i", os.fspath(path), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise InputError(path, f"{lines[-1]}; expected a video")
    return done.stdout
