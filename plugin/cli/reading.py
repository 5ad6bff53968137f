# SPDX-License-Identifier: Apache-2.0
"""The options that say how to read label files."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import CycloptsError, Parameter, Token

from .commands import print_notes

if TYPE_CHECKING:
    from ...importers.engine import Engine
    from ...importers.tracks import Tracks


def _read_size(_: object, tokens: Sequence[Token]) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d{0,5})x([1-9]\d{0,5})", tokens[0].value)
    if match is None:
        message = f"Expected a size such as 1920x1080, not '{tokens[0].value}'."
        raise CycloptsError(msg=message)
    return int(match[1]), int(match[2])


@dataclass(frozen=True)
class Source:
    """How to read label files.

    Attributes:
        frames: the folder of the frames or their video, or a folder with one of these
            per sequence; or the S3 URI of a video, or of a folder with a video NAME.mp4
            per sequence, of which only what the crops need is read
        format: the format of the labels, see the documentation for the names; by
            default it is recognized by the content
        size: the size in pixels of the images that were labeled, if neither the labels
            nor the frames tell
        fps: frames per second, if the labels do not tell
        strict: refuse files with wrong rows instead of setting these rows aside
        label_attribute: the labels of a Ground Truth manifest to read, if it has those
            of several jobs (default: the newest)
        include_ignored: read MOT boxes whose flag is 0, too
        link: link boxes without track IDs into tracks by their overlap from frame to
            frame
        s3_frames: download the frames that are looked at into the cache of frames, if
            they lie in S3, as those of a Ground Truth job do
    """

    frames: Annotated[str | None, Parameter(metavar="DIR")] = None
    format: Annotated[str | None, Parameter(metavar="NAME")] = None
    size: Annotated[
        tuple[int, int] | None,
        Parameter(converter=_read_size, n_tokens=1, metavar="WIDTHxHEIGHT"),
    ] = None
    fps: Annotated[float | None, Parameter(metavar="RATE")] = None
    strict: bool = False
    label_attribute: Annotated[str | None, Parameter(metavar="NAME")] = None
    include_ignored: bool = False
    link: bool = False
    s3_frames: bool = False

    def read(
        self,
        labels: str,
        include_ignored: bool = False,
        engine: Engine | None = None,
    ) -> Tracks:
        """Read labels, and print what was understood on standard error.

        Args:
            labels: a path or an S3 URI
            include_ignored (False): whether to read MOT boxes whose flag is 0 too
            engine (None): the cluster that reads the files of a folder, if any

        Returns:
            the tracks

        Raises:
            InputError: if the labels cannot be read
            NoTracks: if they have no tracks
        """
        from ..audit.unjudged import NoTracks

        tracks = self._load(labels, include_ignored, engine)
        if len(tracks.table) and (tracks.table["track"] < 0).all():
            todo = "label the video as object tracking, or add --link"
            message = f"no box belongs to a track; expected tracks: {todo}"
            raise NoTracks(labels, f"{message} to link boxes that overlap")
        _tell(tracks)
        return tracks

    def read_any(self, labels: str, engine: Engine | None = None) -> Tracks:
        """Read labels with or without tracks, see :meth:`read`.

        Args:
            labels: a path or an S3 URI
            engine (None): the cluster that reads the files of a folder, if any

        Returns:
            the tracks

        Raises:
            InputError: if the labels cannot be read
        """
        from ...importers.tracks import InputError

        if self.s3_frames:
            message = "an import reads all frames, also those in S3; expected none"
            raise InputError("--s3-frames", message)
        tracks = self._load(labels, engine=engine)
        _tell(tracks)
        return tracks

    def _load(
        self,
        labels: str,
        include_ignored: bool = False,
        engine: Engine | None = None,
    ) -> Tracks:
        from ...importers.formats import read_labels
        from ...importers.tracks import InputError

        if self.fps is not None and not 0 < self.fps < float("inf"):
            raise InputError("--fps", f"{self.fps}; expected frames per second")
        tracks = read_labels(
            labels,
            self.format,
            self.frames,
            self.size,
            self.fps,
            self.strict,
            self.label_attribute,
            include_ignored or self.include_ignored,
            engine,
        )
        if self.s3_frames:
            from ...importers.s3_frames import with_frames_in_s3

            tracks = with_frames_in_s3(tracks)
        if self.link:
            from ..audit.linking import link_tracks

            return link_tracks(tracks)
        return tracks


def _tell(tracks: Tracks) -> None:
    """Print what was understood on standard error."""
    from ...importers.description import describe, further_notes

    print(f"track-audit: {describe(tracks)}", file=sys.stderr)
    print_notes(further_notes(tracks))
