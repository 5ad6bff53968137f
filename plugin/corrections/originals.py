# SPDX-License-Identifier: Apache-2.0
"""Match objects and boxes that came back to those in the dataset.

Pure functions over tracks tables.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ...importers import store
from ...importers.pixels import scale_images, select_boxes, track_objects
from ...importers.problems import Report
from ...importers.tracks import BOX, Tracks
from .comparing import DELETED
from .corrected import Corrections
from .known import Known

_OBJECT = ["sequence", "object_id"]


def boxes_as_sent(stored: store.StoredTracks, corrections: Corrections) -> pd.DataFrame:
    """Return the stored boxes as they would be sent now.

    Returns:
        the boxes of the frames that came back, see :func:`select_boxes`, with the
        ``row`` of each in ``stored.tracks.table``
    """
    frames = corrections.frames.assign(
        position=corrections.frames.groupby("sequence").cumcount()
    )
    table = stored.tracks.table.assign(row=np.arange(len(stored.tracks.table)))
    tracks = Tracks(table, stored.tracks.sequences)
    scales = scale_images(stored.tracks.sequences, corrections.image_sizes)
    boxes = select_boxes(tracks, frames, scales, Report())
    return boxes.astype({"sequence": object, "label": object})


def number_objects(
    known: Known, current: pd.DataFrame, corrections: Corrections
) -> Corrections:
    """Give each object the number of its track, and new objects the next numbers.

    An object that has a number in the field of the corrected labels keeps it.

    Args:
        known: what the dataset holds
        current: the boxes of :func:`boxes_as_sent`
        corrections: what came back

    Returns:
        the corrections, with ``track`` in both tables
    """
    numbered = [current[[*_OBJECT, "track"]]]
    labels = known.stored.tracks.table
    last = labels.groupby("sequence", observed=True)["track"].max()
    for field, before in known.corrected.items():
        if field == known.adjusted_field:
            numbered.append(before.dropna(subset="object_id")[[*_OBJECT, "track"]])
        newest = before.groupby("sequence", observed=True)["track"].max()
        last = last.combine(newest, max, fill_value=-1)
    # Also those in frames that were not sent
    numbered.append(track_objects(labels)[[*_OBJECT, "track"]])
    objects = pd.concat([_plain(table) for table in numbered])
    objects = objects[objects["track"] >= 0].drop_duplicates(_OBJECT)
    tables = [corrections.sent, corrections.corrected]
    met = pd.concat([table[[*_OBJECT, "frame"]] for table in tables])
    met = met.sort_values("frame", kind="stable").drop_duplicates(_OBJECT)
    met = met.dropna(subset="object_id").merge(objects, on=_OBJECT, how="left")
    new = met["track"].isna()
    number = met[new].groupby("sequence").cumcount() + 1
    base = met.loc[new, "sequence"].map(last.rename(str)).fillna(-1).clip(lower=0)
    met.loc[new, "track"] = base + number
    tracks = met[[*_OBJECT, "track"]].astype({"track": "int64"})
    sent, corrected = (_with_tracks(table, tracks) for table in tables)
    added = corrected["object_id"].isin(met.loc[new, "object_id"])
    corrected["object_name"] = _new_names(corrected, added, labels)
    return replace(corrections, sent=sent, corrected=corrected)


def _new_names(
    corrected: pd.DataFrame, added: pd.Series[bool], stored: pd.DataFrame
) -> pd.Series[str]:
    """Name new objects by their numbers if another object has their name."""
    held = stored["label"].astype(str) + ":" + stored["track"].astype(str)
    if "object_name" in stored:
        held = stored["object_name"].fillna(held)
    keys = pd.MultiIndex.from_arrays([stored["sequence"].astype(str), held])
    own = pd.MultiIndex.from_frame(corrected[["sequence", "object_name"]].astype(str))
    numbered = corrected["label"].astype(str) + ":" + corrected["track"].astype(str)
    return corrected["object_name"].mask(added & own.isin(keys), numbered)


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    return table.astype({"sequence": object, "object_id": object, "track": "int64"})


def _with_tracks(table: pd.DataFrame, tracks: pd.DataFrame) -> pd.DataFrame:
    numbered = table.drop(columns="track").merge(tracks, on=_OBJECT, how="left")
    return numbered.fillna({"track": -1}).astype({"track": "int64"})


def find_originals(
    current: pd.DataFrame, corrections: Corrections, changes: pd.DataFrame
) -> pd.Series[int]:
    """Find the stored box of each change.

    A box that was changed in the dataset since it was sent is somebody's later work,
    which reviewers never saw, unless it was changed to what came back.

    Args:
        current: the boxes of :func:`boxes_as_sent`
        corrections: what came back
        changes: the changes of :func:`compare_tracks`

    Returns:
        the row of the stored labels per change, -1 if there is none any more
    """
    keys = ["sequence", "frame", "object_id"]
    values = [*BOX, "label"]
    now = current[[*keys, *values, "row"]].drop_duplicates(keys)
    sent = corrections.sent[[*keys, *values]].merge(
        now, on=keys, how="left", suffixes=("", "_now")
    )
    sent = sent.iloc[changes["sent"].clip(lower=0)] if len(sent) else sent
    came = corrections.corrected[values].reset_index(drop=True)
    came = came.reindex(changes["corrected"].where(changes["corrected"] >= 0, -1))
    row = np.full(len(changes), -1)
    if len(sent):
        stands = sent[[f"{name}_now" for name in values]].to_numpy(object)
        same = (sent[values].to_numpy(object) == stands).all(axis=1)
        same |= (came.to_numpy(object) == stands).all(axis=1)
        valid = same & (changes["sent"] >= 0).to_numpy() & sent["row"].notna()
        row = np.where(valid, sent["row"].fillna(-1), -1).astype(np.int64)
    return pd.Series(row, changes.index)


def count_conflicts(
    current: pd.DataFrame, corrections: Corrections, changes: pd.DataFrame
) -> int:
    """Count the labels that were changed in the dataset since they were sent.

    Args:
        current: the boxes of :func:`boxes_as_sent`
        corrections: what came back
        changes: the changes of :func:`compare_tracks`, with the rows of
            :func:`find_originals` as ``original``

    Returns:
        the number, without labels that were deleted here and by reviewers
    """
    keys = ["sequence", "frame", "object_id"]
    lost = changes[(changes["sent"] >= 0) & (changes["original"] < 0)]
    places = pd.MultiIndex.from_frame(corrections.sent[keys].iloc[lost["sent"]])
    there = places.isin(pd.MultiIndex.from_frame(current[keys].astype(object)))
    return int((there | ~lost[DELETED]).sum())
