# SPDX-License-Identifier: Apache-2.0
"""What goes out to be corrected: the frames that a view shows, and their labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import fiftyone as fo
import numpy as np
import pandas as pd

from ..importers import store
from ..importers.attributes import attribute_fields, rename_attributes
from ..importers.selection import FRAME_KEYS, frames_of_labels, frames_of_view
from ..importers.tracks import FORMAT_COLUMNS
from .audit import kind_name

_REASONS = "outlier_reasons"


@dataclass(frozen=True)
class Selection:
    """Frames to send, and the tracks of their sequences.

    Attributes:
        stored: the tracks of whole sequences, as they stand in the dataset
        frames: ``sequence``, ``frame`` (position in it) and ``reason``, which is
            empty for context frames
        attributes: the columns of the tracks table that annotators filled in
    """

    stored: store.StoredTracks
    frames: pd.DataFrame
    attributes: list[str]

    @property
    def numbers(self) -> dict[str, list[int]]:
        """The positions of the frames in their sequences, by sequence."""
        groups = self.frames.groupby("sequence")["frame"]
        return {str(sequence): part.tolist() for sequence, part in groups}


def select_to_send(
    view: fo.core.collections.SampleCollection,
    field: str,
    context: int = 0,
    selected_labels: list[dict[str, Any]] | None = None,
) -> Selection:
    """Selects the frames that a view shows.

    Args:
        view: a dataset, or a view of its videos, clips, frames or patches
        field: the frame field of the tracks
        context (0): the number of labelled frames to send along before and after
            each chosen frame, so that workers see the motion
        selected_labels (None): labels selected in the App, whose frames are sent
            instead of the view's

    Returns:
        the :class:`Selection`

    Raises:
        ValueError: if the view shows no frames
    """
    if context < 0:
        raise ValueError(f"expected 0 or more context frames, not {context}")
    if selected_labels:
        chosen = frames_of_labels(selected_labels)
    else:
        chosen = frames_of_view(view, field)
    if chosen.empty:
        raise ValueError("the view shows no frames; nothing would be sent")
    stored, attributes = _read(view._root_dataset, field, chosen)
    frames = stored.documents.merge(chosen, on=FRAME_KEYS)[["sequence", "frame"]]
    frames = _with_context(frames, stored.documents, context)
    frames = frames.merge(_reasons(stored), on=["sequence", "frame"], how="left")
    if selected_labels or frames["reason"].isna().all():
        frames["reason"] = frames["reason"].fillna(frames["role"])
    return Selection(stored, frames.fillna({"reason": ""}), attributes)


def _read(
    dataset: fo.Dataset, field: str, chosen: pd.DataFrame
) -> tuple[store.StoredTracks, list[str]]:
    """Reads the tracks, and the names of the attributes that annotators gave."""
    labels, frames = attribute_fields(dataset)
    declared = dataset.get_frame_field_schema(flat=True) or {}
    wanted = [
        name
        for name in dict.fromkeys([*sorted(FORMAT_COLUMNS), _REASONS, *labels])
        if f"{field}.detections.{name}" in declared
    ]
    samples = dataset.select(chosen["sample_id"].unique().tolist())
    stored = store.read_tracks(samples, field, ["id", *wanted], list(frames))
    tracks = rename_attributes(stored.tracks, labels, frames)
    names = [labels[path] for path in wanted if path in labels]
    return replace(stored, tracks=tracks), names


def _reasons(stored: store.StoredTracks) -> pd.DataFrame:
    """Says per frame which boxes the audit takes for mistakes, and why."""
    table = stored.tracks.table
    if _REASONS not in table:
        return pd.DataFrame({"sequence": [], "frame": [], "reason": []})
    flagged = table[table[_REASONS].map(bool).astype(bool)].astype(
        {"sequence": object, "label": object}
    )
    kinds = flagged[_REASONS].map(lambda kinds: ", ".join(map(kind_name, kinds)))
    name = flagged["label"] + ":" + flagged["track"].astype(str)
    if "object_name" in flagged:
        name = flagged["object_name"].fillna(name)
    said = (name + " " + kinds).groupby([flagged["sequence"], flagged["frame"]])
    return said.agg("; ".join).rename("reason").reset_index()


def _with_context(
    frames: pd.DataFrame, documents: pd.DataFrame, context: int
) -> pd.DataFrame:
    """Adds the frames around each frame, and ``role``: selected or nothing."""
    context = min(context, int(documents["frame"].max()))
    offsets = np.arange(-context, context + 1)
    around = frames.loc[frames.index.repeat(len(offsets))].assign(role="")
    around["frame"] += np.tile(offsets, len(frames))
    around = around.merge(documents[["sequence", "frame"]])
    return (
        pd.concat([frames.assign(role="selected"), around])
        .drop_duplicates(["sequence", "frame"])
        .sort_values(["sequence", "frame"], ignore_index=True)
    )
