# SPDX-License-Identifier: Apache-2.0
"""Link the detections of a dataset that have no identity into tracks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import fiftyone as fo
import fiftyone.core.utils as fou
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers import store
from ...importers.dataset import Progress
from ...importers.store.locks import exclusive
from ...importers.tracks import Tracks
from ..audit.linking import LEAST_IOU, PATIENCE, link_boxes

#: The attribute that holds the track of a detection.
TRACK_FIELD = "track_id"


@dataclass(frozen=True)
class Linked:
    """What was linked.

    Attributes:
        sequences: number of sequences
        detections: number of detections that got a track
        tracks: number of tracks
        changed_frames: number of frames that were left alone because their labels
            changed meanwhile
        notes: sentences for the user, such as which tracks no longer count
    """

    sequences: int
    detections: int
    tracks: int
    changed_frames: int = 0
    notes: tuple[str, ...] = ()


def link_detections(
    samples: fo.core.collections.SampleCollection,
    label_field: str | None = None,
    track_field: str = TRACK_FIELD,
    least_iou: float = LEAST_IOU,
    patience: int = PATIENCE,
    progress: Progress = None,
    model: str | None = None,
) -> Linked:
    """Link detections into tracks by their overlap, and by their looks if you like.

    The number of each track is stored in an attribute of the detections, which audits
    take for the identity from then on. Nothing else about the labels changes.

    Args:
        samples: a dataset or view; sequences that it shows a part of are linked whole
        label_field (None): the frame field of the detections; by default the only one
        track_field ("track_id"): the attribute to store tracks in; earlier ones that
            were stored in it are replaced
        least_iou (0.3): the least IoU of a box with where its track is expected
        patience (10): for how many frames a track may be missing
        progress (None): True or False for a progress bar, a function that gets it, or
            None for FiftyOne's default
        model (None): the model that embeds crops, such as ``resnet18``. With it, boxes
            that overlap no prediction are linked if they look alike, which needs the
            frames

    Returns:
        the :class:`Linked`

    Raises:
        ValueError: if there are no detections or frames, or a parameter is out of
            range

    Example:
        >>> linked = fta.link_detections(dataset)
        >>> linked.sequences, linked.changed_frames
        (1, 0)
    """
    dataset = store.dataset_of(samples)
    field = store.find_label_field(dataset, label_field)
    links = _Links(field, track_field, least_iou, patience, model)
    with exclusive(dataset, "linking detections of"):
        ids = store.sample_ids(samples)
        store.add_metadata(dataset.select(ids), progress)
        total = store.count_frames(dataset.select(ids))
        with fou.ProgressBar(total=total, progress=progress) as bar:
            linked, tracked = _link(dataset, ids, links, bar.update)
        if not linked.detections:
            raise ValueError(f"there are no detections in '{field}' to link")
        before = store.read_identity(dataset, field).attribute
        store.set_track_attribute(dataset, field, track_field)
    dataset.reload()
    notes = _describe_switch(before, track_field) if tracked else ()
    return replace(linked, notes=notes)


class _Links(NamedTuple):
    """How to link, see :func:`link_detections`."""

    label_field: str
    track_field: str
    least_iou: float
    patience: int
    model: str | None


def _link(
    dataset: fo.Dataset, ids: list[str], links: _Links, step: store.Step
) -> tuple[Linked, bool]:
    """Link one sequence after the other; tell whether boxes had tracks before."""
    linked, tracked = Linked(0, 0, 0), False
    for stored in store.read_sequences(dataset.select(ids), links.label_field):
        table = stored.tracks.table
        looks = _embed(stored.tracks, links.model) if links.model else None
        numbers = link_boxes(table, links.least_iou, links.patience, looks)
        column = pd.DataFrame({links.track_field: numbers})
        changed = store.write_columns(dataset, links.label_field, stored, column, step)
        tracked |= bool((table["track"] >= 0).any())
        linked = Linked(
            linked.sequences + 1,
            linked.detections + len(numbers),
            linked.tracks + int(numbers.max(initial=0)),
            linked.changed_frames + changed,
        )
    return linked, tracked


def _embed(tracks: Tracks, model: str) -> NDArray[np.float32]:
    """Embed the crops of all boxes."""
    # torch takes seconds to load, and most links do without it
    from ..embedding.embed import embed_tracks

    return embed_tracks(tracks, model=model)


def _describe_switch(before: str | None, now: str) -> tuple[str, ...]:
    """Say which tracks of the boxes count from now on, if they had some."""
    if before == now:
        return (f"the earlier tracks in the attribute '{now}' were replaced",)
    old = f"the attribute '{before}'" if before else "their instance or index"
    back = f"track_field='{before or 'index'}'"
    return (
        f"the boxes had tracks by {old}; from now on, tracks are told apart by the "
        f"attribute '{now}'. Audit with {back} to go back",
    )
