# SPDX-License-Identifier: Apache-2.0
"""The scene: everything that detectors know about one sequence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers.tracks import InputError, Tracks
from .boxes import Floats, Rows, Vectors, area
from .expectation import Expectation, expect_boxes, to_states
from .neighbors import Neighbors, find_neighbors
from .outliers import (
    Judgment,
    Pairs,
    Thresholds,
    compare_pairs,
    judge_ious,
    judge_sizes,
)
from .overlaps import Overlaps, find_overlaps, occlusion
from .signals import box_array
from .witness import Witness, make_witness

_Value = TypeVar("_Value")
#: The most boxes of a frame, whose pairs that overlap are all kept.
MOST_BOXES = 10_000
#: Frames per second if a sequence does not say.
_FRAME_RATE = 25.0


@dataclass(frozen=True)
class Scene:
    """The ``n`` boxes of one sequence, in ``k`` tracks.

    Boxes without an ID are tracks of one box.

    Attributes:
        table: the tracks table of the sequence
        boxes: array ``(n, 4)``, ``[left, top, width, height]`` in pixels
        neighbors: the neighbors of the rows
        clipped: bool array ``(n, 2)``, whether the image border cuts the box
            horizontally and vertically
        extent: array ``(4,)``, the left, top, right and bottom edges of the image in
            pixels, or of all boxes if its size is unknown
        frames: number of frames of the sequence
        thresholds: the thresholds that make a box an outlier
        vectors: array ``(n, d)``, the embeddings of the crops, NaN where unknown;
            None without embeddings
        frame_rate: frames per second
        predictions: the predictions of a detector, see :func:`make_witness`; None
            without any
        named: whether frames are called by the names of their images, rather than by
            their position in a video
    """

    table: pd.DataFrame
    boxes: Floats
    neighbors: Neighbors
    clipped: NDArray[np.bool_]
    extent: Floats
    frames: int
    thresholds: Thresholds = field(default_factory=Thresholds)
    vectors: Vectors | None = None
    frame_rate: float = _FRAME_RATE
    predictions: pd.DataFrame | None = None
    named: bool = True
    _computed: dict[object, object] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def once(self, compute: Callable[[Scene], _Value]) -> _Value:
        """Compute something about the scene, unless that was done before.

        Args:
            compute: the function; nobody may change what it returns

        Returns:
            what it returns
        """
        if compute not in self._computed:
            self._computed[compute] = compute(self)
        return cast("_Value", self._computed[compute])

    @cached_property
    def frame(self) -> NDArray[np.int64]:
        """Frame positions, int array ``(n,)``."""
        return self.table["frame"].to_numpy(np.int64)

    def call_frames(self, table: pd.DataFrame) -> NDArray[np.object_]:
        """Return what the frame of each row of a table is called in sentences."""
        if self.named:
            return table["frame_name"].astype(object).to_numpy()
        return table["frame"].map("frame {}".format).astype(object).to_numpy()

    @property
    def begin(self) -> int:
        """The first frame that has a box."""
        return int(self.frame.min()) if len(self.frame) else 0

    @property
    def end(self) -> int:
        """The last frame that has a box."""
        return int(self.frame.max()) if len(self.frame) else 0

    @cached_property
    def time(self) -> Floats:
        """Frame positions in labeling steps, array ``(n,)``."""
        return (self.frame - 1) / self.neighbors.step

    @cached_property
    def states(self) -> Floats:
        """Centers and log sizes, array ``(n, 4)``, see :func:`to_states`."""
        return to_states(self.boxes)

    @cached_property
    def scale(self) -> Floats:
        """Square root of the area in pixels, array ``(n,)``."""
        return np.sqrt(area(self.boxes))

    @cached_property
    def expectation(self) -> Expectation:
        """How the boxes compare with the predictions of their tracks."""
        return expect_boxes(self.boxes, self.neighbors, self.clipped)

    @cached_property
    def pairs(self) -> Pairs:
        """How the boxes compare with the previous ones of their tracks."""
        velocity = self.expectation.velocity
        return compare_pairs(
            self.boxes, self.states, velocity, self.neighbors, self.clipped
        )

    @cached_property
    def size_judgment(self) -> Judgment:
        """How the sizes compare with their threshold."""
        return judge_sizes(
            self.pairs, self.expectation, self.neighbors, self.thresholds.size
        )

    @cached_property
    def iou_judgment(self) -> Judgment:
        """How the IoUs compare with their threshold."""
        return judge_ious(
            self.pairs, self.expectation, self.neighbors, self.thresholds.iou
        )

    @cached_property
    def overlaps(self) -> Overlaps:
        """The boxes that overlap."""
        return find_overlaps(self.boxes, self.frame)

    @cached_property
    def occlusion(self) -> Floats:
        """The occluded share of each box, array ``(n,)`` in [0, 1]."""
        return occlusion(self.boxes, self.overlaps)

    @cached_property
    def witness(self) -> Witness | None:
        """How the predictions compare with the boxes; None without any to trust."""
        if self.predictions is None:
            return None
        return make_witness(self.boxes, self.frame, self.occlusion, self.predictions)

    @cached_property
    def first(self) -> Rows:
        """The first row of each track, int array ``(k,)``."""
        return self.neighbors.first

    @cached_property
    def last(self) -> Rows:
        """The last row of each track, int array ``(k,)``."""
        return self.neighbors.end[self.first] - 1

    @cached_property
    def track(self) -> Rows:
        """The number of each row's track, int array ``(n,)`` in [0, k)."""
        return self.neighbors.number

    @property
    def embeddings(self) -> Vectors:
        """The embeddings of the crops, array ``(n, d)``."""
        if self.vectors is None:
            raise ValueError("appearance cannot be judged without embeddings")
        return self.vectors

    @cached_property
    def label(self) -> NDArray[np.int64]:
        """The category codes of the labels, int array ``(n,)``."""
        return np.asarray(self.table["label"].cat.codes, np.int64)

    @cached_property
    def usual_label(self) -> NDArray[np.int64]:
        """The code of the most frequent label of each track, int array ``(k,)``."""
        kinds = int(self.label.max(initial=0)) + 1
        # Counting over pairs of track and label keeps many labels cheap
        pairs, count = np.unique(self.track * kinds + self.label, return_counts=True)
        track, label = np.divmod(pairs, kinds)
        order = np.lexsort((count, track))
        last = np.diff(track[order], append=-1) != 0
        usual: NDArray[np.int64] = label[order][last]
        return usual

    @cached_property
    def identified(self) -> NDArray[np.bool_]:
        """Whether a row has a track ID, bool array ``(n,)``."""
        return self.table["track"].to_numpy() >= 0


def make_scene(
    tracks: Tracks,
    thresholds: Thresholds | None = None,
    vectors: Vectors | None = None,
    predictions: pd.DataFrame | None = None,
) -> Scene:
    """Prepare the tracks of one sequence for the detectors.

    Args:
        tracks: the tracks of one sequence, or of none
        thresholds (None): the :class:`Thresholds`, by default the standard ones
        vectors (None): array ``(n, d)``, the embeddings of the crops
        predictions (None): the predictions of a detector for the same frames

    Returns:
        the :class:`Scene`

    Raises:
        InputError: if a frame has more than :data:`MOST_BOXES`
    """
    table = tracks.table
    boxes = box_array(table)
    name = str(table["sequence"].iloc[0]) if len(table) else ""
    _check_density(name, table["frame"].to_numpy())
    sequence = tracks.sequences.get(name)
    size = (sequence.width, sequence.height) if sequence else (None, None)
    known = size[0] is not None and size[1] is not None
    extent = np.array([0, 0, *size], float) if known else _covered(boxes)
    clipped = np.zeros((len(boxes), 2), bool)
    if known:
        # Tools that clip boxes to the image end some of them a pixel early
        end = boxes[:, :2] + boxes[:, 2:]
        clipped = (boxes[:, :2] <= 1) | (end >= extent[2:] - 1)
    frames = len(sequence.frame_names) if sequence else 0
    return Scene(
        table,
        boxes,
        find_neighbors(table),
        clipped,
        extent,
        frames,
        thresholds or Thresholds(),
        vectors,
        sequence.frame_rate if sequence else _FRAME_RATE,
        predictions,
        named=not (sequence and sequence.videos),
    )


def _check_density(name: str, frame: NDArray[np.integer]) -> None:
    """Refuse frames with so many boxes that their pairs would fill the memory."""
    if len(frame) <= MOST_BOXES:
        return
    counts = np.bincount(frame)
    if counts.max() > MOST_BOXES:
        raise InputError(
            name,
            f"frame {counts.argmax()} has {counts.max():,} boxes; expected at most "
            f"{MOST_BOXES:,}",
        )


def _covered(boxes: Floats) -> Floats:
    """Return the edges of the area that boxes cover, ``(4,)``."""
    known = boxes[~np.isnan(boxes).any(axis=1)]
    if not len(known):
        return np.zeros(4)
    end = known[:, :2] + known[:, 2:]
    return np.concatenate([known[:, :2].min(axis=0), end.max(axis=0)])
