# SPDX-License-Identifier: Apache-2.0
"""The labels as they were before anything was fixed or applied."""

from __future__ import annotations

from collections.abc import Mapping

import fiftyone as fo
import numpy as np
import pandas as pd
from bson import ObjectId

from ...importers import store
from ...importers.store.reading import StoredTracks
from ...importers.store.track_numbers import name_of
from ...importers.tracks import BOX, COLUMNS, Tracks, make_table
from .edits import Edit, Edits, Label, join_edits
from .fixes import list_fixed
from .old_labels import applied_names, read_old_labels
from .reviews import recorded_reviews


def read_all_edits(dataset: fo.Dataset, field: str) -> Edits:
    """Read everything that was fixed and applied, and can be undone.

    Args:
        dataset: the dataset
        field: the frame field of the tracks

    Returns:
        the edits, with the oldest state of each label
    """
    joined: Edits = {}
    fields = {
        name: str(record["label_field"]) for name, record in list_fixed(dataset).items()
    } | {name: each.label_field for name, each in recorded_reviews(dataset).items()}
    for name in applied_names(dataset):
        if fields.get(name) != field:
            continue
        for frame, later in read_old_labels(dataset, name).items():
            joined[frame] = join_edits(joined.get(frame, Edit()), later)
    return joined


def labels_before(
    dataset: fo.Dataset, field: str, stored: StoredTracks, edits: Edits
) -> Tracks:
    """Return the tracks of a sequence as they were before edits.

    Args:
        dataset: the dataset
        field: the frame field of the tracks
        stored: the tracks as they are, with the ``id`` of each label
        edits: what was done

    Returns:
        the tracks; boxes whose object has no box any more have further numbers
    """
    frames = dict(
        zip(stored.documents["_id"], stored.documents["frame"].tolist(), strict=True)
    )
    own = {frame: edit for frame, edit in edits.items() if frame in frames}
    if not own:
        return stored.tracks
    changed = {
        label["_id"]
        for edit in own.values()
        for label in (*edit.changed, *edit.applied)
    }
    table = stored.tracks.table
    kept = table[~table["id"].isin(changed)]
    old = [
        (frames[frame], label)
        for frame, edit in own.items()
        for label in (*edit.changed, *edit.deleted)
    ]
    further = [str(name) for name in table if name not in (*COLUMNS, "id")]
    columns = ["frame", "frame_name", "track", "label", *BOX, *further]
    rows = pd.DataFrame(_rows(dataset, field, stored, old, further), columns=columns)
    (sequence,) = stored.tracks.sequences.values()
    plain = kept.astype({"sequence": object, "label": object, "frame_name": object})
    parts = [part for part in (plain, rows) if len(part)]
    both = pd.concat(parts, ignore_index=True) if parts else plain
    both["sequence"] = sequence.name
    before = make_table({str(name): both[name] for name in [*columns, "sequence"]})
    return Tracks(before, stored.tracks.sequences)


def _rows(
    dataset: fo.Dataset,
    field: str,
    stored: StoredTracks,
    labels: list[tuple[int, Label]],
    further: list[str],
) -> list[list[object]]:
    """Return the rows of labels in frames."""
    (sequence,) = stored.tracks.sequences.values()
    size = np.tile([sequence.width or 1, sequence.height or 1], 2)
    numbers = _Numbers(dataset, field, stored)
    return [
        [
            frame,
            sequence.frame_names[frame - 1],
            numbers.of(label),
            label.get("label"),
            *(np.array(label["bounding_box"]) * size).tolist(),
            *map(label.get, further),
        ]
        for frame, label in labels
        if label.get("bounding_box")
    ]


class _Numbers:
    """The numbers of the tracks of labels."""

    def __init__(self, dataset: fo.Dataset, field: str, stored: StoredTracks) -> None:
        self._mark = store.read_identity(dataset, field)
        table = stored.identities.table
        self._known: dict[str, int] = dict(
            zip(table["name"], table["track"].astype(int), strict=True)
        )
        self._known |= store.read_numbers(dataset, field).get(
            next(iter(stored.tracks.sequences)), {}
        )
        last = (
            int(stored.tracks.table["track"].max()) if len(stored.tracks.table) else 0
        )
        self._last = max([last, *self._known.values()])

    def of(self, label: Label) -> int:
        """Return the number of a label's track, a new one if it is not known."""
        index = label.get("index")
        if self._mark.plain or not self._known:
            return -1 if index is None else int(index)
        name = name_of(label, self._mark.attribute)
        if name not in self._known:
            self._last += 1
            self._known[name] = self._last
        return self._known[name]


def count_labels(edits: Mapping[ObjectId, Edit]) -> int:
    """Count the labels that edits changed, added or deleted."""
    return sum(
        len({label["_id"] for label in (*edit.changed, *edit.deleted)} | {*edit.added})
        for edit in edits.values()
    )
