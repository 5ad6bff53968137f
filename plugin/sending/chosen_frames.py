# SPDX-License-Identifier: Apache-2.0
"""What goes out to be corrected: the frames that a view shows, and their labels.

What was dismissed as no mistake is neither sent nor given as a reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import fiftyone as fo
import pandas as pd

from ...importers import store
from ...importers.store.attributes import attribute_fields, rename_attributes
from ...importers.store.shown_frames import FRAME_KEYS, frames_of_labels, frames_of_view
from ...importers.tracks import FORMAT_COLUMNS
from ..audit import kind_name
from ..audit.ranges import are_at, count_ranges
from ..plain import count
from ..review.decisions import only_dismissed
from ..review.issues import read_issues

_REASONS = "outlier_reasons"


@dataclass(frozen=True)
class Selection:
    """Frames to send, and the tracks of their sequences.

    Attributes:
        stored: the tracks of whole sequences, as they stand in the dataset
        frames: ``sequence``, ``frame`` (position in it) and ``reason``, which is
            empty for context frames
        attributes: the columns of the tracks table that annotators filled in
        left_out: the number of frames that the view shows and that are not among
            these, because dismissed issues alone are about them
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
    include_dismissed: bool = False,
) -> Selection:
    """Selects the frames that a view shows.

    Frames that dismissed issues are about, and no other issues, are left out. In a
    view of clips, an issue that it shows is about all of its clip. Nothing is left
    out of selected labels, and of a view that shows all frames of its videos.

    Args:
        view: a dataset, or a view of its videos, clips, frames or patches
        field: the frame field of the tracks
        context (0): the number of labelled frames to send along before and after
            each chosen frame, so that workers see the motion
        selected_labels (None): labels selected in the App, whose frames are sent
            instead of the view's
        include_dismissed (False): whether to send what was dismissed too, and to
            give it as a reason

    Returns:
        the :class:`Selection`

    Raises:
        ValueError: if the view shows no frames, or dismissed issues alone
    """
    if context < 0:
        raise ValueError(f"expected 0 or more context frames, not {context}")
    if selected_labels:
        chosen = frames_of_labels(selected_labels)
    else:
        chosen = frames_of_view(view, field)
    if chosen.empty:
        raise ValueError("the view shows no frames; nothing would be sent")
    stored, attributes = _read(store.dataset_of(view), field, chosen)
    frames = stored.documents.merge(chosen, on=FRAME_KEYS)[["sequence", "frame"]]
    issues = _read_issues(store.dataset_of(view), field, stored)
    left_out = 0
    if not (include_dismissed or selected_labels or _shows_all(view, stored, chosen)):
        shown = issues[are_at(frames, issues, ["sequence"])]
        if store.kind_of(view) == "clips":
            shown = shown.assign(
                first_frame=shown["clip_first"], last_frame=shown["clip_last"]
            )
        dismissed = only_dismissed(frames, shown, ["sequence"])
        if dismissed.all():
            raise ValueError(
                "the view shows dismissed issues alone; nothing would be sent. "
                "Choose another view, or include what was dismissed"
            )
        frames, left_out = frames[~dismissed], int(dismissed.sum())
    frames = _with_context(frames, stored.documents, context)
    reasons = _reasons(stored, None if include_dismissed else issues)
    frames = frames.merge(reasons, on=["sequence", "frame"], how="left")
    if selected_labels or frames["reason"].isna().all():
        frames["reason"] = frames["reason"].fillna(frames["role"])
    return Selection(stored, frames.fillna({"reason": ""}), attributes, left_out)


def dismissed_text(left_out: int) -> str:
    """Says how many frames are left out.

    Args:
        left_out: the number of frames

    Returns:
        a sentence
    """
    frames = count(left_out, "frame")
    return f"{frames} left out that dismissed issues alone are about"


def _shows_all(
    view: fo.core.collections.SampleCollection,
    stored: store.StoredTracks,
    chosen: pd.DataFrame,
) -> bool:
    """Whether a view shows its videos whole, so that it chooses no frames."""
    if store.kind_of(view) != "videos":
        return False
    videos = stored.documents["sample_id"].isin(chosen["sample_id"])
    return len(chosen) == int(videos.sum())


def _read_issues(
    dataset: fo.Dataset, field: str, stored: store.StoredTracks
) -> pd.DataFrame:
    """Reads the issues of the sequences, with the names of these."""
    issues = read_issues(dataset, field, stored.spans)
    samples = stored.documents.drop_duplicates("sample_id").set_index("sample_id")
    return issues.assign(sequence=issues["sample_id"].map(samples["sequence"]))


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


def _reasons(stored: store.StoredTracks, issues: pd.DataFrame | None) -> pd.DataFrame:
    """Says per frame which boxes the audit takes for mistakes, and why.

    Without the boxes of tracks that dismissed ones of the issues alone are about.
    """
    table = stored.tracks.table
    if _REASONS not in table:
        return pd.DataFrame({"sequence": [], "frame": [], "reason": []})
    flagged = table[table[_REASONS].map(bool).astype(bool)].astype(
        {"sequence": object, "label": object}
    )
    if issues is not None:
        of_other = issues.assign(track=issues["other_track"]).dropna(subset="track")
        of_tracks = pd.concat([issues, of_other])
        flagged = flagged[~only_dismissed(flagged, of_tracks, ["sequence", "track"])]
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
    labelled = documents[["sequence", "frame"]]
    around = frames[["sequence"]].assign(
        first_frame=frames["frame"] - context, last_frame=frames["frame"] + context
    )
    taken = labelled[count_ranges(labelled, around, ["sequence"]) > 0]
    chosen = frames[["sequence", "frame"]].assign(role="selected")
    return (
        taken.merge(chosen, on=["sequence", "frame"], how="left")
        .fillna({"role": ""})
        .sort_values(["sequence", "frame"], ignore_index=True)
    )
