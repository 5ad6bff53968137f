# SPDX-License-Identifier: Apache-2.0
"""What goes out to be corrected: the frames that a view shows, and their labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import fiftyone as fo
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..importers import store
from ..importers.attributes import attribute_fields, rename_attributes
from ..importers.selection import FRAME_KEYS, frames_of_labels, frames_of_view
from ..importers.tracks import FORMAT_COLUMNS
from .audit import kind_name
from .decisions import DISMISSED
from .issues import read_issues

_REASONS = "outlier_reasons"


@dataclass(frozen=True)
class Selection:
    """Frames to send, and the tracks of their sequences.

    Attributes:
        stored: the tracks of whole sequences, as they stand in the dataset
        frames: ``sequence``, ``frame`` (position in it) and ``reason``, which is
            empty for context frames
        attributes: the columns of the tracks table that annotators filled in
        left_out: number of frames that the view shows for dismissed issues alone
    """

    stored: store.StoredTracks
    frames: pd.DataFrame
    attributes: list[str]
    left_out: int = 0

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

    Frames of issues that were dismissed are left out, unless they are of others too,
    were selected as labels, or the view shows its videos whole.

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
        ValueError: if the view shows no frames, or of dismissed issues alone
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
    issues = _read_issues(view._root_dataset, field, stored)
    whole = len(chosen) == stored.documents["sample_id"].isin(chosen["sample_id"]).sum()
    kept = chosen
    if not selected_labels and not whole:
        kept = _leave_out(chosen, stored.documents, issues, view._is_clips)
    if kept.empty:
        raise ValueError(
            "the view shows frames of dismissed issues alone; take back what was "
            "decided, or choose others"
        )
    frames = stored.documents.merge(kept, on=FRAME_KEYS)[["sequence", "frame"]]
    frames = _with_context(frames, stored.documents, context)
    reasons = _reasons(stored, issues)
    frames = frames.merge(reasons, on=["sequence", "frame"], how="left")
    if selected_labels or frames["reason"].isna().all():
        frames["reason"] = frames["reason"].fillna(frames["role"])
    left_out = len(chosen) - len(kept)
    return Selection(stored, frames.fillna({"reason": ""}), attributes, left_out)


def _read_issues(
    dataset: fo.Dataset, field: str, stored: store.StoredTracks
) -> pd.DataFrame:
    """Reads the issues of sequences, and whether they were dismissed."""
    names = stored.documents.groupby("sample_id")["sequence"].first()
    issues = read_issues(dataset, field, stored.spans)
    return issues.assign(
        sequence=issues["sample_id"].map(names),
        dismissed=issues["decision"].eq(DISMISSED),
    )


def _leave_out(
    frames: pd.DataFrame, documents: pd.DataFrame, issues: pd.DataFrame, clips: bool
) -> pd.DataFrame:
    """Leaves out the frames that are of dismissed issues, and of no others."""
    placed = frames.reset_index().merge(documents[[*FRAME_KEYS, "frame"]])
    met = placed.merge(issues, on="sample_id")
    if clips:
        begin, end = met["support"].str[0], met["support"].str[1]
        met = met[met["frame_number"].between(begin, end)]
    else:
        met = met[met["frame"].between(met["first_frame"], met["last_frame"])]
    only_dismissed = met.groupby("index")["dismissed"].all()
    return frames.drop(index=only_dismissed.index[only_dismissed])


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


def _reasons(stored: store.StoredTracks, issues: pd.DataFrame) -> pd.DataFrame:
    """Says per frame which boxes the audit takes for mistakes, and why.

    What was dismissed is not said.
    """
    table = stored.tracks.table
    if _REASONS not in table:
        return pd.DataFrame({"sequence": [], "frame": [], "reason": []})
    flagged = table[table[_REASONS].map(bool).astype(bool)].astype(
        {"sequence": object, "label": object}
    )
    flagged = flagged[~_is_dismissed(flagged, issues)]
    kinds = flagged[_REASONS].map(lambda kinds: ", ".join(map(kind_name, kinds)))
    name = flagged["label"] + ":" + flagged["track"].astype(str)
    if "object_name" in flagged:
        name = flagged["object_name"].fillna(name)
    said = (name + " " + kinds).groupby([flagged["sequence"], flagged["frame"]])
    return said.agg("; ".join).rename("reason").reset_index()


def _is_dismissed(boxes: pd.DataFrame, issues: pd.DataFrame) -> NDArray[np.bool_]:
    """Returns whether all issues of each box were dismissed, and there are some."""
    keys = boxes[["sequence", "track", "frame"]].reset_index(drop=True).reset_index()
    met = keys.merge(issues, on=["sequence", "track"])
    met = met[met["frame"].between(met["first_frame"], met["last_frame"])]
    dismissed = met.groupby("index")["dismissed"].all()
    result: NDArray[np.bool_] = (
        dismissed.reindex(keys["index"]).fillna(False).to_numpy(bool)
    )
    return result


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
