# SPDX-License-Identifier: Apache-2.0
"""The frames to send for correction, and the tracks in them.

Dismissed issues are neither sent nor given as a reason, unless that is asked for.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import fiftyone as fo
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers import store
from ...importers.store.attributes import (
    attribute_fields,
    rename_attributes,
    unrecorded_attributes,
)
from ...importers.store.shown_frames import FRAME_KEYS, frames_of_labels, frames_of_view
from ...importers.tracks import FORMAT_COLUMNS
from ..audit import kind_name
from ..audit.ranges import are_at, count_ranges
from ..plain import count
from ..review.decisions import DISMISSED, only_dismissed
from ..review.issues import read_sequence_issues

#: The column of the detections' IDs; annotators may have an attribute named ``id``.
DETECTION_ID = "Detection.id"
#: The columns that name a frame.
FRAME_OF = ["sequence", "frame"]


@dataclass(frozen=True)
class FramesToSend:
    """Which frames to send for correction.

    Attributes:
        view: a dataset, or a view of its videos, clips, frames or patches
        label_field (None): the frame field of the tracks; may be omitted if the
            dataset has only one
        context (0): the number of labeled frames to send before and after each
            chosen frame, so that annotators see the motion
        selected_labels (None): labels that are selected in the App; if there are
            any, their frames are sent instead of the view's
        include_dismissed (False): whether to send frames that only have dismissed
            issues, and to give dismissed issues as reasons
        only_tracks (False): whether to send only the tracks that the issues and the
            flagged boxes of the chosen frames are about, instead of all tracks
        issues (None): the IDs of the issues whose tracks those are, by default all
            issues of the chosen frames
    """

    view: fo.core.collections.SampleCollection
    label_field: str | None = None
    context: int = 0
    selected_labels: list[dict[str, Any]] | None = None
    include_dismissed: bool = False
    only_tracks: bool = False
    issues: Collection[str] | None = None

    @cached_property
    def dataset(self) -> fo.Dataset:
        """The dataset that the frames are from."""
        return store.dataset_of(self.view)

    @cached_property
    def field(self) -> str:
        """The frame field of the tracks.

        Raises:
            ValueError: if there is no such field, or more than one to choose from
        """
        return store.find_label_field(self.dataset, self.label_field)


@dataclass(frozen=True)
class Selection:
    """The frames that are sent, and the tracks of their sequences.

    Attributes:
        stored: the tracks of whole sequences, as they are in the dataset
        frames: ``sequence``, ``frame`` (1-based position in it) and ``reason``,
            which is empty for context frames
        attributes: the columns of the tracks table that hold the annotators'
            attributes
        left_out: the number of frames that the view shows but that are not sent,
            because they only have dismissed issues
        only_tracks: whether ``stored`` has only the boxes of the tracks in question
    """

    stored: store.StoredTracks
    frames: pd.DataFrame
    attributes: list[str]
    left_out: int = 0
    only_tracks: bool = False

    @property
    def numbers(self) -> dict[str, list[int]]:
        """The positions of the frames in their sequences, by sequence."""
        groups = self.frames.groupby("sequence")["frame"]
        return {str(sequence): part.tolist() for sequence, part in groups}


def select_to_send(chosen: FramesToSend, *, with_unrecorded: bool = False) -> Selection:
    """Select the frames to send, and read the tracks of their sequences.

    Frames that only have dismissed issues are left out. In a view of clips, an issue
    that the view shows applies to its whole clip. Nothing is left out of selected
    labels, or of a view that shows every frame of its videos.

    Args:
        chosen: which frames to send
        with_unrecorded (False): whether boxes have their attributes in a dataset that
            was made by other means, too, see ``unrecorded_attributes()``

    Raises:
        ValueError: if there are no frames, all of them only have dismissed issues, or
            no track is in question although only such tracks are to be sent
    """
    if chosen.context < 0:
        raise ValueError(f"expected 0 or more context frames, not {chosen.context}")
    if chosen.selected_labels:
        shown = frames_of_labels(chosen.dataset, chosen.selected_labels)
    else:
        shown = frames_of_view(chosen.view, chosen.field)
    if shown.empty:
        raise ValueError("the view shows no frames; nothing would be sent")
    more = with_unrecorded and unrecorded_attributes(chosen.dataset, chosen.field)
    stored, attributes, kinds = _read(chosen.dataset, chosen.field, shown, more or {})
    frames = stored.documents.merge(shown, on=FRAME_KEYS)[["sequence", "frame"]]
    issues = read_sequence_issues(chosen.dataset, chosen.field, stored)
    everything = chosen.include_dismissed or chosen.selected_labels
    if everything or _shows_all(chosen.view, stored, shown):
        dismissed = np.zeros(len(frames), bool)
    else:
        dismissed = _only_dismissed(chosen.view, frames, issues)
    if dismissed.any() and dismissed.all():
        raise ValueError(
            "all frames of the view only have dismissed issues; nothing would be "
            "sent. Choose another view, or include dismissed issues"
        )
    frames = _with_context(frames[~dismissed], stored.documents, chosen.context)
    decided = None if chosen.include_dismissed else issues
    reasons = _reasons(stored.tracks.table, kinds, decided)
    frames = frames.merge(reasons, on=["sequence", "frame"], how="left")
    if chosen.selected_labels or frames["reason"].isna().all():
        frames["reason"] = frames["reason"].fillna(frames["role"])
    frames = frames.fillna({"reason": ""})
    if chosen.only_tracks:
        table = stored.tracks.table
        flagged = table[:0] if kinds is None else table[kinds.map(bool).astype(bool)]
        in_question = _in_question(chosen, frames, issues, flagged)
        stored = _keep_tracks(stored, in_question)
    left_out = int(dismissed.sum())
    return Selection(stored, frames, attributes, left_out, chosen.only_tracks)


def _in_question(
    chosen: FramesToSend,
    frames: pd.DataFrame,
    issues: pd.DataFrame,
    flagged: pd.DataFrame,
) -> pd.DataFrame:
    """Return the ``sequence`` and ``track`` of the tracks that are in question."""
    selected = frames[frames["role"] != ""]
    if chosen.issues is not None:
        issues = issues[issues["id"].isin(list(chosen.issues))]
    elif not chosen.include_dismissed:
        issues = issues[issues["decision"].fillna("") != DISMISSED]
    issues = issues[are_at(selected, issues, ["sequence"])]
    of_other = issues.assign(track=issues["other_track"]).dropna(subset="track")
    found = [issues, of_other]
    if chosen.issues is None:
        found.append(flagged.merge(selected[FRAME_OF], on=FRAME_OF))
    columns = ["sequence", "track"]
    tracks = pd.concat([part[columns].astype(object) for part in found])
    tracks = tracks[tracks["track"] >= 0].drop_duplicates()
    if tracks.empty:
        raise ValueError(
            "the chosen frames have no issues of tracks, so there are no tracks in "
            "question; send all tracks"
        )
    return tracks


def _keep_tracks(
    stored: store.StoredTracks, wanted: pd.DataFrame
) -> store.StoredTracks:
    """Keep the boxes of some tracks, and all frames."""
    table = stored.tracks.table
    known = pd.MultiIndex.from_frame(wanted.astype({"sequence": str, "track": int}))
    own = pd.MultiIndex.from_arrays([table["sequence"].astype(str), table["track"]])
    kept = own.isin(known)
    tracks = replace(stored.tracks, table=table[kept].reset_index(drop=True))
    rows = stored.rows[kept].reset_index(drop=True)
    return replace(stored, tracks=tracks, rows=rows)


def dismissed_text(left_out: int) -> str:
    """Describe the frames that are not sent."""
    have = "has" if left_out == 1 else "have"
    return f"{count(left_out, 'frame')} left out that only {have} dismissed issues"


def _only_dismissed(
    view: fo.core.collections.SampleCollection,
    frames: pd.DataFrame,
    issues: pd.DataFrame,
) -> NDArray[np.bool_]:
    """Return which frames of a view only have dismissed issues."""
    issues = issues[are_at(frames, issues, ["sequence"])]
    if store.kind_of(view) == "clips":
        clips = {"first_frame": issues["clip_first"], "last_frame": issues["clip_last"]}
        issues = issues.assign(**clips)
    return only_dismissed(frames, issues, ["sequence"])


def _shows_all(
    view: fo.core.collections.SampleCollection,
    stored: store.StoredTracks,
    shown: pd.DataFrame,
) -> bool:
    """Return whether a view shows every frame of its videos, and so selects none."""
    if store.kind_of(view) != "videos":
        return False
    videos = stored.documents["sample_id"].isin(shown["sample_id"])
    return len(shown) == int(videos.sum())


def _read(
    dataset: fo.Dataset, field: str, shown: pd.DataFrame, more: dict[str, str]
) -> tuple[store.StoredTracks, list[str], pd.Series[Any] | None]:
    """Read the tracks, the names of annotators' attributes, and the outlier reasons."""
    labels, frames = attribute_fields(dataset, [field])
    labels |= more
    reasons = store.own_attributes(dataset, field).get("outlier_reasons")
    declared = store.frame_schema(dataset, flat=True)
    wanted = [
        name
        for name in dict.fromkeys([*sorted(FORMAT_COLUMNS), reasons, *labels])
        if name and f"{field}.detections.{name}" in declared
    ]
    samples = dataset.select(shown["sample_id"].unique().tolist())
    store.add_metadata(samples)
    stored = store.read_tracks(samples, field, ["id", *wanted], list(frames))
    # Annotators may have an attribute of the same name
    kinds = stored.tracks.table.pop(reasons) if reasons else None
    tracks = rename_attributes(stored.tracks, {**labels, "id": DETECTION_ID}, frames)
    names = [labels[path] for path in wanted if path in labels]
    return replace(stored, tracks=tracks), names, kinds


def _reasons(
    table: pd.DataFrame, reasons: pd.Series[Any] | None, issues: pd.DataFrame | None
) -> pd.DataFrame:
    """List the outlier boxes of each frame with the kinds of their mistakes.

    Boxes of tracks that only have dismissed issues are not listed.
    """
    if reasons is None:
        return pd.DataFrame({"sequence": [], "frame": [], "reason": []})
    flagged = table[reasons.map(bool).astype(bool)].astype(
        {"sequence": object, "label": object}
    )
    if issues is not None:
        of_other = issues.assign(track=issues["other_track"]).dropna(subset="track")
        of_tracks = pd.concat([issues, of_other])
        flagged = flagged[~only_dismissed(flagged, of_tracks, ["sequence", "track"])]
    kinds = reasons[flagged.index].map(lambda kinds: ", ".join(map(kind_name, kinds)))
    name = flagged["label"] + ":" + flagged["track"].astype(str)
    if "object_name" in flagged:
        name = flagged["object_name"].fillna(name)
    named = (name + " " + kinds).groupby([flagged["sequence"], flagged["frame"]])
    return named.agg("; ".join).rename("reason").reset_index()


def _with_context(
    frames: pd.DataFrame, documents: pd.DataFrame, context: int
) -> pd.DataFrame:
    """Add the context frames, and ``role``: ``selected``, or empty for context."""
    labeled = documents[["sequence", "frame"]]
    around = frames[["sequence"]].assign(
        first_frame=frames["frame"] - context, last_frame=frames["frame"] + context
    )
    taken = labeled[count_ranges(labeled, around, ["sequence"]) > 0]
    chosen = frames[["sequence", "frame"]].assign(role="selected")
    return (
        taken.merge(chosen, on=["sequence", "frame"], how="left")
        .fillna({"role": ""})
        .sort_values(["sequence", "frame"], ignore_index=True)
    )
