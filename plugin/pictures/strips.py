# SPDX-License-Identifier: Apache-2.0
"""Strips: crops of the frames before, at and after an issue."""

from __future__ import annotations

import base64
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as ListOf
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from ...importers.frames import check_frames_at
from ...importers.images import read_image
from ...importers.tracks import BOX, Sequence, Tracks
from ..audit.boxes import Floats
from .rows import Span, TrackRows, find_spans

#: How many frames of an issue are shown, and how many on either side.
_AT, _BESIDE = 4, 3
#: A crop's height and its least and greatest width, in pixels.
_HEIGHT, _WIDTHS = 150, (96, 192)
_QUALITY = 78
#: Margin on either side of the boxes, as a share of their size.
_MARGIN = 0.3
#: How far a crop may reach from its center, in typical box sizes.
_REACH = 1.5
#: Number of frames whose median position is the center of a crop. A glitch of up to
#: three frames does not move it, so the box visibly departs from the center.
_STEADY = 7


@dataclass(frozen=True)
class Crop:
    """A part of a frame around a track.

    Attributes:
        sequence: the sequence's name
        frame: the frame's position, from 1
        frame_name: the frame's file name
        place: whether the frame is before, at or after the issue
        size: ``(width, height)`` of the crop in pixels
        window: array ``(4,)``, the part of the frame that is shown, ``[left, top,
            width, height]`` in pixels of the labels; may extend beyond the frame
        boxes: array ``(n, 4)``, the track's boxes, ``[left, top, width,
            height]`` in pixels of the crop
        other_boxes: array ``(m, 4)``, the boxes of the issue's other track
        image: the crop as a JPEG in base64, empty until it is cut
    """

    sequence: str
    frame: int
    frame_name: str
    place: Literal["before", "at", "after"]
    size: tuple[int, int]
    window: Floats
    boxes: Floats
    other_boxes: Floats
    image: str = ""

    def place_boxes(self, boxes: Floats) -> Floats:
        """Return boxes in pixels of the crop.

        Args:
            boxes: array ``(n, 4)``, in pixels of the labels

        Returns:
            array ``(n, 4)``
        """
        return _scale(boxes, self.window)


def cut_strips(
    tracks: Tracks,
    issues: pd.DataFrame,
    rows: TrackRows,
    progress: bool = True,
    labeled: Mapping[str, NDArray[np.integer]] | None = None,
    zoom: int = 1,
    context: float = 1,
) -> list[list[Crop]]:
    """Cut the crops of issues out of their frames, reading each frame once.

    Args:
        tracks: the tracks
        issues: the issues, see :attr:`Audit.issues`
        rows: the rows of each track
        progress (True): whether to show a progress bar if standard error is a terminal
        labeled (None): the frames with labels by sequence; by default those in
            which the tracks have boxes
        zoom (1): how much larger the images are than the crops' size says
        context (1): how much wider and higher the windows are than usual

    Returns:
        the crops of each issue in the order of their frames, all of the same scale;
        none if the sequence's frames are not available

    Raises:
        InputError: if a frame is missing or not an image
    """
    labeled = labeled or {
        str(name): np.unique(frames)
        for name, frames in tracks.table.groupby("sequence", observed=True)["frame"]
    }
    strips: list[list[Crop]] = []
    per_frame = defaultdict(list)
    for issue in find_spans(issues):
        strip: list[Crop] = []
        # A label that was set aside may be in no frame, or alone in its track
        known = issue.first > 0 and (issue.sequence, issue.track) in rows
        if known and tracks.sequences[issue.sequence].frames_dir:
            strip = _plan_strip(tracks, issue, rows, labeled[issue.sequence], context)
        for place, crop in enumerate(strip):
            per_frame[crop.sequence, crop.frame].append((strip, place))
        strips.append(strip)
    hidden = None if progress and per_frame else True  # None: in a terminal only
    for sequence, frame in tqdm(
        _bring(tracks, sorted(per_frame)), "Cutting", len(per_frame), disable=hidden
    ):
        name, image = sequence.name, read_frame(sequence, frame)
        for strip, place in per_frame[name, frame]:
            encoded = _encode(image, sequence, strip[place], zoom)
            strip[place] = replace(strip[place], image=encoded)
    return strips


def cut_crop(
    tracks: Tracks, name: str, frame: int, other: pd.DataFrame | None = None
) -> Crop | None:
    """Cut a track out of one frame.

    Args:
        tracks: the track
        name: the name of its sequence
        frame: the position of the frame
        other (None): the boxes of another track to draw, rows of the tracks table

    Returns:
        the crop, None if the sequence's frames are not available

    Raises:
        InputError: if the frame is missing or not an image
    """
    return next(iter(cut_crops(tracks, name, [frame], other)), None)


def cut_crops(
    tracks: Tracks,
    name: str,
    frames: ListOf[int],
    other: pd.DataFrame | None = None,
) -> list[Crop]:
    """Cut a track out of some frames.

    Args:
        tracks: the track
        name: the name of its sequence
        frames: the positions of the frames
        other (None): the boxes of another track to draw, rows of the tracks table

    Returns:
        a crop per frame, all of the same scale; none if the sequence's frames are not
        available

    Raises:
        InputError: if a frame is missing or not an image
    """
    sequence, table = tracks.sequences[name], tracks.table
    if not sequence.frames_dir or table.empty:
        return []
    check_frames_at(sequence, frames)
    crops = []
    for frame, window in zip(
        frames, _choose_windows(table, np.array(frames)), strict=True
    ):
        others = table[:0] if other is None else other
        crop = _make_crop(sequence, frame, "at", window, table, others)
        image = _encode(read_frame(sequence, frame), sequence, crop)
        crops.append(replace(crop, image=image))
    return crops


def _plan_strip(
    tracks: Tracks,
    issue: Span,
    rows: TrackRows,
    labeled: NDArray[np.integer],
    context: float,
) -> list[Crop]:
    """Choose the frames of an issue, and the windows that show its track."""
    table, name = tracks.table, issue.sequence
    frames = _choose_frames(labeled, issue)
    own = table.iloc[rows[name, issue.track]]
    other = table.iloc[[]]
    if issue.other_track is not None:
        other = table.iloc[rows.get((name, issue.other_track), [])]
    path = own
    if _goes_on(own, other):
        path = pd.concat([own, other]).sort_values("frame")
        away = (other["frame"] - issue.first).abs().to_numpy()
        nearest = other["frame"].iloc[np.argsort(away)[:_BESIDE]]
        frames = np.union1d(frames, nearest)
    # The last frames may have been removed from the dataset
    frames = frames[frames <= len(tracks.sequences[name].frame_names)]
    return [
        _make_crop(
            tracks.sequences[name],
            frame,
            _place(frame, issue.first, issue.last),
            window,
            own,
            other,
        )
        for frame, window in zip(
            frames.tolist(), _choose_windows(path, frames, context), strict=True
        )
    ]


def _goes_on(own: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Return whether one of two tracks starts after the other one has ended."""
    mine, others = own["frame"], other["frame"]
    return bool(mine.max() < others.min() or others.max() < mine.min())


def _make_crop(
    sequence: Sequence,
    frame: int,
    place: Literal["before", "at", "after"],
    window: Floats,
    own: pd.DataFrame,
    other: pd.DataFrame,
) -> Crop:
    return Crop(
        sequence=sequence.name,
        frame=frame,
        frame_name=sequence.frame_names[frame - 1],
        place=place,
        size=(round(_HEIGHT * window[2] / window[3]), _HEIGHT),
        window=window,
        boxes=_boxes_in(own, frame, window),
        other_boxes=_boxes_in(other, frame, window),
    )


def _choose_frames(labeled: NDArray[np.integer], issue: Span) -> NDArray[np.integer]:
    """Choose frames of an issue evenly, its peak, and the labeled ones next to it."""
    start, end = np.searchsorted(labeled, [issue.first, issue.last + 1])
    # A gap may be in frames without any label
    during = labeled[start:end]
    if not len(during):
        during = np.unique([issue.first, issue.last])
    steps = np.linspace(0, len(during) - 1, min(len(during), _AT)).round()
    chosen = during[steps.astype(int)]
    if issue.peak in during:
        chosen = np.union1d(chosen, [issue.peak])
    before = labeled[max(start - _BESIDE, 0) : start]
    after = labeled[end : end + _BESIDE]
    return np.concatenate([before, chosen, after])


def _place(frame: int, first: int, last: int) -> Literal["before", "at", "after"]:
    return "before" if frame < first else "after" if frame > last else "at"


def _choose_windows(
    own: pd.DataFrame, frames: NDArray[np.integer], context: float = 1
) -> Floats:
    """Choose windows of the same size around where the track should be.

    Args:
        own: the rows of the tracks table that are shown, in the order of their frames
        frames: the ``m`` frames to show
        context (1): how much wider and higher the windows are than usual

    Returns:
        array ``(m, 4)``, ``[left, top, width, height]`` in pixels of the labels
    """
    size = own[["width", "height"]].to_numpy()
    places = own[["left", "top"]].to_numpy() + size / 2
    steady = pd.DataFrame(places).rolling(_STEADY, center=True, min_periods=1).median()
    centers = np.stack(
        [np.interp(frames, own["frame"], steady[axis]) for axis in (0, 1)], axis=1
    )
    here = np.isin(own["frame"], frames)
    index = np.searchsorted(frames, own["frame"].to_numpy()[here])
    typical = np.median(size[here] if here.any() else size, axis=0)
    away = np.abs(places[here] - centers[index])
    share = 0.5 + _MARGIN
    half = np.vstack([away + share * size[here], share * typical]).max(axis=0)
    half = np.minimum(half, _REACH * typical)
    # A box that would be outside is shown where it is, rather than not at all
    lost = (away > half).any(axis=1)
    centers[index[lost]] = places[here][lost]
    aspect = np.clip(half[0] / half[1], _WIDTHS[0] / _HEIGHT, _WIDTHS[1] / _HEIGHT)
    half = context * np.maximum(half, [half[1] * aspect, half[0] / aspect])
    return np.concatenate([centers - half, np.broadcast_to(2 * half, centers.shape)], 1)


def _boxes_in(own: pd.DataFrame, frame: int, window: Floats) -> Floats:
    """Return a track's boxes at a frame in pixels of the crop, ``(n, 4)``."""
    boxes = own[BOX][own["frame"] == frame].to_numpy(np.float64)
    return _scale(boxes, window)


def _scale(boxes: Floats, window: Floats) -> Floats:
    scaled: Floats = (boxes - [*window[:2], 0, 0]) * _HEIGHT / window[3]
    return scaled


def _bring(
    tracks: Tracks, frames: Iterable[tuple[str, int]]
) -> Iterator[tuple[Sequence, int]]:
    """Yield frames once those of their sequence are there.

    A small cache does not hold the frames of several sequences at a time.
    """
    for name, own in groupby(frames, lambda each: each[0]):
        sequence, numbers = tracks.sequences[name], [frame for _, frame in own]
        check_frames_at(sequence, numbers)
        yield from ((sequence, frame) for frame in numbers)


def read_frame(sequence: Sequence, frame: int) -> Image.Image:
    """Read a frame, whose position counts from 1."""
    path = Path(sequence.frames_dir or "", sequence.frame_names[frame - 1])
    return read_image(path)


def _encode(
    image: Image.Image, sequence: Sequence, crop: Crop, enlarged: int = 1
) -> str:
    """Cut a crop out of its frame, which may be scaled; the outside is black."""
    limits = np.array(image.size)
    labeled = (sequence.width or image.width, sequence.height or image.height)
    scale = limits / labeled
    corner, span = crop.window[:2] * scale, crop.window[2:] * scale
    start, end = np.clip([corner, corner + span], 0, limits)
    full = (crop.size[0] * enlarged, crop.size[1] * enlarged)
    zoom = np.array(full) / span
    cut = Image.new("RGB", full)
    size = ((end - start) * zoom).round().astype(int)
    if size.min() > 0:
        part = image.resize(
            (size[0], size[1]), Image.Resampling.LANCZOS, box=(*start, *end)
        )
        left, top = ((start - corner) * zoom).round().astype(int)
        cut.paste(part, (left, top))
    content = io.BytesIO()
    cut.save(content, "JPEG", quality=_QUALITY, optimize=True)
    return base64.b64encode(content.getvalue()).decode()
