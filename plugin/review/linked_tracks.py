# SPDX-License-Identifier: Apache-2.0
"""Link the detections of a dataset that have no identity into tracks."""

from __future__ import annotations

from dataclasses import dataclass

import fiftyone as fo
import fiftyone.core.utils as fou
import pandas as pd

from ...importers import store
from ...importers.dataset import Progress
from ...importers.store.locks import exclusive
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
) -> Linked:
    """Link detections into tracks by their overlap from frame to frame.

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

    Returns:
        the :class:`Linked`

    Raises:
        ValueError: if there are no detections, or a parameter is out of range

    Example:
        >>> linked = fta.link_detections(dataset)
        >>> linked.sequences, linked.changed_frames
        (1, 0)
    """
    dataset = store.dataset_of(samples)
    field = store.find_label_field(dataset, label_field)
    sequences, detections, tracks, changed, tracked = 0, 0, 0, 0, False
    with exclusive(dataset, "linking detections of"):
        ids = store.sample_ids(samples)
        store.add_metadata(dataset.select(ids), progress)
        total = store.count_frames(dataset.select(ids))
        with fou.ProgressBar(total=total, progress=progress) as bar:
            for stored in store.read_sequences(dataset.select(ids), field):
                linked = link_boxes(stored.tracks.table, least_iou, patience)
                column = pd.DataFrame({track_field: linked})
                changed += store.write_columns(
                    dataset, field, stored, column, bar.update
                )
                tracked |= bool((stored.tracks.table["track"] >= 0).any())
                sequences += 1
                detections += len(linked)
                tracks += int(linked.max(initial=0))
        if not detections:
            raise ValueError(f"there are no detections in '{field}' to link")
        before = store.read_identity(dataset, field).attribute
        store.set_track_attribute(dataset, field, track_field)
    dataset.reload()
    notes = _describe_switch(before, track_field) if tracked else ()
    return Linked(sequences, detections, tracks, changed, notes)


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
