# SPDX-License-Identifier: Apache-2.0
"""Turn a plan of fixes into edits of the labels of one sequence, as they are stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import fiftyone as fo
import numpy as np
import pandas as pd
from bson import ObjectId

from ...importers import store
from ...importers.audit_fields import STORED_FIELDS
from ...importers.tracks import BOX, Tracks
from ..fixing.planning import Plan, plan_fixes
from ..plain import to_records
from .edits import Edits, Label, Labels, edit_labels

#: The fields of a label that tell its object, beside ``index``.
_IDENTITY = ("index", "instance", "object_id", "object_name")
#: Two relative coordinates that differ by less are the same.
_SAME = 1e-9


@dataclass(frozen=True)
class SequenceFixes:
    """What fixing the issues of one sequence would do.

    Attributes:
        sequence: its name
        plan: the plan, for issues at positions of the sequence
        tracks: the tracks that it is about, with the ``id`` of each label
    """

    sequence: str
    plan: Plan
    tracks: Tracks

    @property
    def frames(self) -> tuple[int, int]:
        """The first and the last frame that change."""
        frames = self.plan.edits["frame"]
        return int(frames.min()), int(frames.max())

    @property
    def touched(self) -> list[int]:
        """The IDs of the tracks that change, before and after."""
        rows = self.plan.edits["row"]
        before = self.tracks.table["track"].iloc[rows[rows >= 0].astype(int)]
        return sorted({*before.tolist(), *self.plan.edits["track"].tolist()})


def plan_sequence(
    dataset: fo.Dataset,
    field: str,
    issues: pd.DataFrame,
    chosen: Mapping[object, str],
    taken: int,
) -> SequenceFixes:
    """Plan to fix issues of one sequence.

    Args:
        dataset: the dataset
        field: the frame field of the tracks
        issues: the issues, see ``read_issues()``, with their ``sequence``
        chosen: the name of the fix of some issues, by the issues' index
        taken: the greatest track ID that boxes have or had

    Returns:
        the :class:`SequenceFixes`
    """
    name = str(issues["sequence"].iloc[0])
    ids = pd.concat([issues["track"], issues["other_track"]]).dropna().unique()
    last = np.iinfo(np.int32).max
    tracks, _ = store.read_part(dataset, field, name, ids.tolist(), (1, last), ["id"])
    plan = plan_fixes(tracks, issues, chosen, taken)
    there = store.place_frames(dataset, name, _frames_of(plan.edits))
    edits = plan.edits[plan.edits["frame"].isin(there)].reset_index(drop=True)
    return SequenceFixes(name, Plan(edits, plan.fixes, plan.log), tracks)


@dataclass(frozen=True)
class LabelEdits:
    """The labels of frames after some fixes.

    Attributes:
        edits: what is done to each frame
        labels: the labels of each frame afterward
        modified: when each frame was last modified before
    """

    edits: Edits
    labels: Labels
    modified: dict[ObjectId, datetime | None]


def make_edits(dataset: fo.Dataset, field: str, fixes: SequenceFixes) -> LabelEdits:
    """Make the edits of labels that a plan asks for, without storing them.

    Args:
        dataset: the dataset, whose lock is held
        field: the frame field of the tracks
        fixes: the plan

    Returns:
        the :class:`LabelEdits`

    Raises:
        ValueError: if labels changed since the plan was made
    """
    table, edits = fixes.tracks.table, fixes.plan.edits
    identities = table.drop_duplicates("track").set_index("track")
    frames = {*_frames_of(edits), *identities["frame"].tolist()}
    frames |= {*table["frame"].iloc[edits["like"].astype(int)].tolist()}
    places = store.place_frames(dataset, fixes.sequence, sorted(frames))
    modified = store.read_modified(dataset, list(places.values()))
    now = store.read_detections(dataset, field, list(places.values()))
    known = {label["_id"]: label for labels in now.values() for label in labels}
    _check_unchanged(known, fixes)
    own = store.own_attributes(dataset, field)
    kept = {own.get(name, name) for name in STORED_FIELDS} | {"_id", "confidence"}
    objects = {
        track: {name: known[label].get(name) for name in _IDENTITY}
        for track, label in zip(
            identities.index.tolist(), identities["id"], strict=True
        )
        if label in known
    }
    changed: dict[int, dict[ObjectId, Label]] = defaultdict(dict)
    added: dict[int, list[tuple[Label, Label]]] = defaultdict(list)
    deleted: dict[int, set[ObjectId]] = defaultdict(set)
    for edit in _to_records(edits, fixes.tracks):
        frame, label = int(edit["frame"]), known[edit["id"]]
        identity = objects.get(int(edit["track"])) or _new_object(edit, label)
        values = _values_of(edit, label, identity)
        if edit["deleted"]:
            deleted[frame].add(label["_id"])
        elif edit["row"] >= 0:
            changed[frame][label["_id"]] = values
        else:
            template = {k: v for k, v in label.items() if k not in kept}
            added[frame].append(({**template, "tags": [], edit["mark"]: True}, values))
    made: Edits = {}
    new: Labels = {}
    for frame in _frames_of(edits):
        place = places[frame]
        new[place], made[place] = edit_labels(
            now[place], changed[frame], added[frame], deleted[frame]
        )
    return LabelEdits(made, new, {place: modified[place] for place in new})


def _frames_of(edits: pd.DataFrame) -> list[int]:
    return sorted({int(frame) for frame in edits["frame"]})


def _to_records(edits: pd.DataFrame, tracks: Tracks) -> list[Label]:
    """Return edits as records, with the ``id`` of the label to edit or to copy."""
    (sequence,) = tracks.sequences.values()
    size = np.tile([sequence.width, sequence.height], 2).astype(float)
    boxes = edits[BOX].to_numpy(float) / size
    rows = edits["row"].where(edits["row"] >= 0, edits["like"]).astype(int)
    old = tracks.table.iloc[rows]
    return to_records(
        edits.assign(
            box=boxes.tolist(),
            id=old["id"].to_numpy(object),
            moved=(old[BOX].to_numpy() != edits[BOX].to_numpy(float)).any(axis=1),
            renamed=old["track"].to_numpy() != edits["track"].to_numpy(),
        )
    )


def _values_of(edit: Label, label: Label, identity: Label) -> Label:
    """Return the values that an edit gives to a label."""
    values: Label = {"label": edit["label"]}
    if edit["moved"] or edit["row"] < 0:
        values["bounding_box"] = edit["box"]
    if edit["renamed"] or edit["row"] < 0:
        names = [name for name in _IDENTITY if name in label or identity.get(name)]
        values |= {name: identity.get(name) for name in names}
    return values


def _new_object(edit: Label, label: Label) -> Label:
    """Return the identity of an object that nobody had."""
    identity: Label = {"index": int(edit["track"])}
    if label.get("instance"):
        identity["instance"] = {**label["instance"], "_id": ObjectId()}
    return identity


def _check_unchanged(known: Mapping[ObjectId, Label], fixes: SequenceFixes) -> None:
    """Check that the labels are still those that the plan was made for."""
    (sequence,) = fixes.tracks.sequences.values()
    size = np.tile([sequence.width, sequence.height], 2).astype(float)
    rows = fixes.plan.edits["row"]
    read = fixes.tracks.table.iloc[rows[rows >= 0].astype(int)]
    labels = [known.get(label, {}) for label in read["id"]]
    boxes = [label.get("bounding_box") or [np.nan] * 4 for label in labels]
    off = np.abs(np.array(boxes, float).reshape(-1, 4) - read[BOX].to_numpy() / size)
    tracks = [label.get("index") for label in labels]
    if not (off < _SAME).all() or tracks != read["track"].tolist():
        raise ValueError("labels were changed while fixes were being made; try again")
