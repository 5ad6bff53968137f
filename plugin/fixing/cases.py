# SPDX-License-Identifier: Apache-2.0
"""A case: what there is to know to fix one issue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers.tracks import BOX
from ..audit.boxes import Floats, iou
from .box_edits import Frames
from .paths import BETWEEN, MARGIN, smooth_path, weigh

#: The fewest boxes beside a stretch that tell where its boxes should be.
_FEWEST = 3


@dataclass(frozen=True)
class Case:
    """An issue, and the tracks that it is about.

    Attributes:
        own: the rows of the tracks table of the issue's track, by frame
        other: the rows of the other track that is involved, empty without one
        first: the first frame of the mistake
        last: the last frame of the mistake
        peak: the frame that shows it best
        step: the number of frames from one labeled frame to the next
        frames: the number of frames of the sequence
        size: the width and height of the images in pixels, None if unknown
        new_track: an ID that no track has or had
        near: the boxes of all tracks around the peak, by track and frame, or all boxes
            if the issue is about an object without a track
        predicted: the predictions of a detector around the stretch: ``frame``, the
            box, ``label`` and ``confidence``; empty without any
        expected: the box that is expected at the peak, array ``(4,)``, None if unknown
        tracks: returns all boxes of some tracks
    """

    own: pd.DataFrame
    other: pd.DataFrame
    first: int
    last: int
    peak: int
    step: int
    frames: int
    size: tuple[int, int] | None
    new_track: int
    near: pd.DataFrame
    predicted: pd.DataFrame
    expected: Floats | None
    tracks: Callable[[Iterable[int]], pd.DataFrame]

    @property
    def stretch(self) -> pd.DataFrame:
        """The rows of the mistake itself."""
        return self.own[self.own["frame"].between(self.first, self.last)]

    @property
    def missing(self) -> Frames:
        """The labeled frames within the stretch in which the track has no box."""
        return missing_frames(self.stretch["frame"].to_numpy(np.int64), self.step)

    def path(
        self, frames: Frames, weight: float = 0.0, evenness: float = BETWEEN
    ) -> Floats | None:
        """Return where boxes should be, judging by the boxes around the stretch.

        Args:
            frames: int array ``(m,)``
            weight (0.0): how much the boxes of the stretch itself count, in [0, 1]
            evenness (1): see :func:`.paths.smooth_path`

        Returns:
            array ``(m, 4)``, None if too few boxes are around
        """
        near, inside = self._around(frames)
        if (~inside).sum() < _FEWEST:
            return None
        weights = np.where(inside, weight, 1.0)
        return path_of(near, weights, frames, self.step, evenness)

    def steady_path(self, least: float = 0.0) -> Floats | None:
        """Return where the boxes of the stretch should be, judging by all near it.

        The farther a box of the stretch is off, the less it counts.

        Args:
            least (0.0): the least IoU with the path, in [0, 1], of boxes that count in
                the end

        Returns:
            array ``(m, 4)``, None if too few boxes are around
        """
        frames = self.stretch["frame"].to_numpy(np.int64)
        if not len(frames):
            return None
        near, inside = self._around(frames)
        if (~inside).sum() < _FEWEST:
            return None
        frame, boxes = near["frame"].to_numpy(np.int64), near[BOX].to_numpy()
        time = (frame - frame[0]) // self.step
        weights = weigh(time, boxes, inside)
        places = smooth_path(time, boxes, weights, time)
        if least:
            weights[inside & (iou(boxes, places) < least)] = 0
            places = smooth_path(time, boxes, weights, time)
        return places[inside]

    def _around(self, frames: Frames) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
        """Return the boxes of the stretch and around, and which ones are in it."""
        frame = self.own["frame"].to_numpy(np.int64)
        reach = MARGIN * self.step
        near = (frame >= min(self.first, *frames) - reach) & (
            frame <= max(self.last, *frames) + reach
        )
        known = frame[near]
        return self.own[near], (known >= self.first) & (known <= self.last)


def path_of(
    boxes: pd.DataFrame,
    weights: Floats,
    frames: Frames,
    step: int,
    evenness: float = BETWEEN,
) -> Floats:
    """Return the boxes of a smooth path at some frames.

    Args:
        boxes: rows of the tracks table of one object, by frame
        weights: array ``(n,)``, how much each of them counts
        frames: int array ``(m,)``
        step: the number of frames from one labeled frame to the next
        evenness (1): see :func:`.paths.smooth_path`

    Returns:
        array ``(m, 4)``
    """
    frame = boxes["frame"].to_numpy(np.int64)
    time = (frame - frame[0]) // step
    return smooth_path(
        time, boxes[BOX].to_numpy(), weights, (frames - frame[0]) // step, evenness
    )


def missing_frames(frames: Frames, step: int) -> Frames:
    """Return the labeled frames between those of a track.

    Args:
        frames: int array ``(n,)``, ascending
        step: the number of frames from one labeled frame to the next

    Returns:
        int array
    """
    gaps = np.flatnonzero(np.diff(frames) > step)
    parts = [
        np.arange(frames[gap] + step, frames[gap + 1] - step / 2, step, dtype=np.int64)
        for gap in gaps
    ]
    return np.concatenate([np.empty(0, np.int64), *parts])
