# SPDX-License-Identifier: Apache-2.0
"""Turn a plan of fixes into edits of the labels of one sequence, as they are stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import fiftyone as fo
import numpy as np
import pandas as pd
from bson import ObjectId

from ...importers import store
from ...importers.audit_fields import STORED_FIELDS
from ...importers.store.reading import StoredTracks
from ...importers.tracks import BOX, Tracks
from ..audit.neighbors import find_neighbors
from ..fixing.paths import MARGIN
from ..fixing.planning import Plan, plan_fixes
from ..fixing.predicted import EXTENT
from ..fixing.turns import find_turn
from ..plain import to_records
from ..review.witnesses import read_predictions_near
from .edits import Edits, Label, Labels, edit_labels

#: The fields of a label that tell its object, beside ``index``.
_IDENTITY = ("index", "instance", "object_id", "object_name")
#: Two relative coordinates that differ by less are the same.
_SAME = 1e-9
#: All frames of a sequence.
_ALL = (1, int(np.iinfo(np.int32).max))


@dataclass(frozen=True)
class SequenceFixes:
    """What fixing the issues of one sequence would do.

    Attributes:
        sequence: its name
        plan: the plan, for issues at positions of the sequence
        tracks: the tracks that it is about, with the ``id`` of each label
        whole (None): the sequence as it was read, if tracks have other numbers than
            their indexes
    """

    sequence: str
    plan: Plan
    tracks: Tracks
    whole: StoredTracks | None = None

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
    name, whole = str(issues["sequence"].iloc[0]), None
    if store.read_identity(dataset, field).plain:
        tracks = _read_named(dataset, field, name, issues)
    else:
        whole = store.read_whole(dataset, field, name, ["id"])
        tracks = whole.tracks
    reach = EXTENT * _step(tracks)
    ends = int(issues["first_frame"].min()), int(issues["last_frame"].max())
    around = ends[0] - reach, ends[1] + reach
    seen = read_predictions_near(dataset, field, name, around)
    plan = plan_fixes(tracks, issues, chosen, taken, seen)
    there = store.place_frames(dataset, name, _frames_of(plan.edits))
    edits = plan.edits[plan.edits["frame"].isin(there)].reset_index(drop=True)
    return SequenceFixes(name, Plan(edits, plan.fixes, plan.log), tracks, whole)


def _step(tracks: Tracks) -> int:
    """Return the number of frames from one labeled frame to the next."""
    steps = find_neighbors(tracks.table).step
    return int(steps[0]) if len(steps) else 1


def _read_named(
    dataset: fo.Dataset, field: str, name: str, issues: pd.DataFrame
) -> Tracks:
    """Read the tracks that issues are about, where tracks are indexes."""
    ids = pd.concat([issues["track"], issues["other_track"]]).dropna().unique().tolist()
    tracks, _ = store.read_part(dataset, field, name, ids, _ALL, ["id"])
    reach, more = MARGIN * _step(tracks), set()
    for issue in to_records(issues):
        peak = int(issue["peak_frame"])
        around = peak - reach, peak + reach
        if issue["kind"] == "identity_switch":
            near = store.read_range(dataset, field, name, around).tracks.table
            near = near[near["track"] >= 0].sort_values(["track", "frame"])
            more |= {*find_turn(near, peak, reach // MARGIN, issue["track"])}
        elif issue["track"] < 0:
            # A track of each class, to copy from
            near = store.read_range(dataset, field, name, around).tracks.table
            more |= {*near.drop_duplicates("label")["track"].tolist()}
    if more <= {*ids}:
        return tracks
    every = sorted({*ids, *more} - {-1})
    return store.read_part(dataset, field, name, every, _ALL, ["id"])[0]


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
    frames = {*_frames_of(edits)}
    frames |= {*table["frame"].iloc[edits["like"].astype(int)].tolist()}
    first = table.drop_duplicates("track").set_index("track")
    first = first[first.index.isin(fixes.touched)]
    frames |= {*first["frame"].tolist()}
    places = store.place_frames(dataset, fixes.sequence, sorted(frames))
    modified = store.read_modified(dataset, list(places.values()))
    now = store.read_detections(dataset, field, list(places.values()))
    known: dict[object, Label] = {
        label["_id"]: label for labels in now.values() for label in labels
    }
    _check_unchanged(known, fixes, modified)
    objects = _Objects(
        store.read_identity(dataset, field), _labels_of(first["id"], known)
    )
    own = store.own_attributes(dataset, field)
    kept = {own.get(name, name) for name in STORED_FIELDS} | {"_id", "confidence"}
    changed: dict[int, dict[ObjectId, Label]] = defaultdict(dict)
    added: dict[int, list[tuple[Label, Label]]] = defaultdict(list)
    deleted: dict[int, set[ObjectId]] = defaultdict(set)
    usable = {*table["id"]}
    for edit in _to_records(edits, fixes.tracks):
        frame, label = int(edit["frame"]), known[edit["id"]]
        values = objects.values_of(edit, label)
        if edit["deleted"]:
            deleted[frame].add(label["_id"])
        elif edit["row"] >= 0:
            changed[frame][label["_id"]] = values
        else:
            template = {k: v for k, v in label.items() if k not in kept}
            if edit["track"] not in first.index:
                # What is said of another object is not known of a new one
                template = {"_cls": label["_cls"], "attributes": {}}
            added[frame].append(({**template, "tags": [], edit["mark"]: True}, values))
            # A label of the object that could not be used gives way to it
            there = [each for each in now[places[frame]] if each["_id"] not in usable]
            deleted[frame] |= objects.find_same(there, values)
    made: Edits = {}
    new: Labels = {}
    for frame in _frames_of(edits):
        place = places[frame]
        new[place], made[place] = edit_labels(
            now[place], changed[frame], added[frame], deleted[frame]
        )
    return LabelEdits(made, new, {place: modified[place] for place in new})


def _labels_of(ids: pd.Series[str], known: Mapping[object, Label]) -> dict[int, Label]:
    """Return the label of each track, by its ID, as far as they are still there."""
    pairs = zip(ids.index.tolist(), ids.tolist(), strict=True)
    return {track: known[label] for track, label in pairs if label in known}


class _Objects:
    """The identities of tracks, as labels spell them."""

    def __init__(self, mark: store.IdentityMark, labels: Mapping[int, Label]) -> None:
        """Take the identities of labels.

        Args:
            mark: how the tracks of the field are told apart
            labels: a label of each track, by its ID
        """
        self._per_class = mark.per_class
        self._attribute = mark.attribute
        self._names = (*_IDENTITY, *filter(None, [mark.attribute]))
        self._labels = {track: label["label"] for track, label in labels.items()}
        self._known: dict[object, Label] = {
            track: {name: label.get(name) for name in self._names}
            for track, label in labels.items()
        }

    def values_of(self, edit: Label, label: Label) -> Label:
        """Return the values that an edit gives to a label."""
        values: Label = {"label": edit["label"]}
        if edit["moved"] or edit["row"] < 0:
            values["bounding_box"] = edit["box"]
        if edit["renamed"] or edit["row"] < 0:
            track = int(edit["track"])
            if track not in self._known:
                self._known[track] = self._new(track, label)
            elif self._per_class:
                # There, an index alone tells no object
                values["label"] = self._labels[track]
            own = self._known[track]
            names = [name for name in self._names if name in label or own.get(name)]
            values |= {name: own.get(name) for name in names}
        return values

    def find_same(self, labels: Iterable[Label], values: Label) -> set[ObjectId]:
        """Return the IDs of the labels whose identity is that of some values."""
        names = [name for name in self._names if values.get(name) is not None]
        names += ["label"] * self._per_class
        return {
            label["_id"]
            for label in labels
            if all(label.get(name) == values[name] for name in names)
        }

    def _new(self, track: int, label: Label) -> Label:
        """Return the identity of an object that nobody had."""
        identity: Label = {"index": track}
        if label.get("instance"):
            identity["instance"] = {**label["instance"], "_id": ObjectId()}
        if self._attribute is not None:
            is_text = isinstance(label.get(self._attribute), str)
            identity[self._attribute] = str(track) if is_text else track
        return identity


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


def _check_unchanged(
    known: Mapping[object, Label],
    fixes: SequenceFixes,
    modified: Mapping[ObjectId, datetime | None],
) -> None:
    """Check that the labels are still those that the plan was made for."""
    (sequence,) = fixes.tracks.sequences.values()
    size = np.tile([sequence.width, sequence.height], 2).astype(float)
    rows = fixes.plan.edits["row"]
    read = fixes.tracks.table.iloc[rows[rows >= 0].astype(int)]
    labels = [known.get(label, {}) for label in read["id"]]
    boxes = [label.get("bounding_box") or [np.nan] * 4 for label in labels]
    off = np.abs(np.array(boxes, float).reshape(-1, 4) - read[BOX].to_numpy() / size)
    same = bool((off < _SAME).all())
    if fixes.whole is None:
        tracks = [label.get("index") for label in labels]
        same = same and tracks == read["track"].tolist()
    else:
        documents = fixes.whole.documents
        was = dict(zip(documents["_id"], documents["last_modified_at"], strict=True))
        same = same and all(
            modified[place] == was[place] for place in modified if place in was
        )
    if not same:
        raise ValueError("labels were changed while fixes were being made; try again")
