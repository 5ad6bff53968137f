# SPDX-License-Identifier: Apache-2.0
"""Edit the labels of frames, and take the edits back.

Pure functions over the documents of labels, as the database stores them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from bson import ObjectId

from .comparing import ADDED

#: The document of a label.
Label: TypeAlias = dict[str, Any]
#: The labels of frames, by the ID of the frame's document.
Labels: TypeAlias = dict[ObjectId, list[Label]]
#: The fields of a label that tell which object it is of.
_IDENTITY = ("index", "instance")


@dataclass
class Edit:
    """What was done to a frame, and what it takes to undo it.

    Attributes:
        changed: the labels that were changed, as they were
        deleted: the labels that were deleted
        added: the IDs of the labels that were added
        applied: the ID and the new values of each label that was changed or added
        said: the frame's own attributes that were changed, as they were
    """

    changed: list[Label] = field(default_factory=list)
    deleted: list[Label] = field(default_factory=list)
    added: list[ObjectId] = field(default_factory=list)
    applied: list[Label] = field(default_factory=list)
    said: dict[str, object] = field(default_factory=dict)


#: The edits by the ID of the frame's document.
Edits: TypeAlias = dict[ObjectId, Edit]


@dataclass(frozen=True)
class Applied:
    """What was applied or undone.

    Attributes:
        changed: the number of labels that were changed
        added: the number of labels that were added
        deleted: the number of labels that were deleted
        frames: the number of frames with any of these
        frame_attributes: the number of frames whose own attributes were changed
        left: the number of labels that were left alone: new ones whose track has
            another box in the frame by now, or on undo, labels that somebody changed
            since
    """

    changed: int
    added: int
    deleted: int
    frames: int
    frame_attributes: int = 0
    left: int = 0


def count_edits(edits: Edits, left: int) -> Applied:
    """Count what edits changed.

    Args:
        edits: the edits
        left: the number of labels that were left alone

    Returns:
        the counts
    """
    return Applied(
        changed=sum(len(edit.changed) for edit in edits.values()),
        added=sum(len(edit.added) for edit in edits.values()),
        deleted=sum(len(edit.deleted) for edit in edits.values()),
        frames=len(edits),
        frame_attributes=sum(bool(edit.said) for edit in edits.values()),
        left=left,
    )


def apply_corrections(
    labels: Iterable[Label],
    corrected: Iterable[Label],
    deleted: Iterable[Label],
    names: Collection[str],
    marks: Mapping[str, str],
    identity: Callable[[Label], object],
) -> tuple[list[Label], Edit, int]:
    """Apply corrections to the labels of a frame.

    Args:
        labels: the labels of the frame
        corrected: the corrected labels
        deleted: those of the labels that reviewers deleted
        names: the fields to take from corrected labels
        marks: the attributes of the labels that hold the audit's own fields, see
            ``store.own_attributes()``
        identity: returns what tells the object of a label from others

    Returns:
        the new labels, what was done, and the number of labels that could not be
        added because their track has another box
    """
    labels = list(labels)
    known = {str(label["_id"]): label for label in labels}
    tracks = {identity(label): label for label in labels}
    changed: dict[ObjectId, Label] = {}
    added: list[tuple[Label, Label]] = []
    left = 0
    for label in corrected:
        values = {name: label[name] for name in names if name in label}
        old = known.get(label.get("original_id") or "")
        if old is not None:
            if identity(old) == identity(label):
                # One instance may have boxes of several indexes
                values = {n: v for n, v in values.items() if n not in _IDENTITY}
            changed[old["_id"]] = values
        elif ADDED in label["changes"] and identity(label) not in tracks:
            own = {marks.get(name, name): value for name, value in label.items()}
            own.pop("original_id", None)
            added.append((own, values))
        elif ADDED in label["changes"]:
            left += _differs(tracks[identity(label)], values)
    new, edit = edit_labels(labels, changed, added, {each["_id"] for each in deleted})
    return new, edit, left


def edit_labels(
    labels: Iterable[Label],
    changed: Mapping[ObjectId, Label],
    added: Iterable[tuple[Label, Label]],
    deleted: Collection[ObjectId],
) -> tuple[list[Label], Edit]:
    """Edit the labels of a frame.

    Args:
        labels: the labels of the frame
        changed: the new values of labels, by their IDs
        added: for each label to add, the label and those of its values that show
            later whether somebody changed it; it gets an ID of its own
        deleted: the IDs of labels to delete

    Returns:
        the new labels, and what was done
    """
    edit, new = Edit(), []
    for label in labels:
        values = changed.get(label["_id"], {})
        if label["_id"] in deleted:
            edit.deleted.append(label)
        elif _differs(label, values):
            # Undoing empties a field that the label lacked
            edit.changed.append({**dict.fromkeys(values), **label})
            edit.applied.append({"_id": label["_id"], **values})
            new.append({**label, **values})
        else:
            new.append(label)
    for label, values in added:
        own = {**label, **values, "_id": ObjectId()}
        new.append(own)
        edit.added.append(own["_id"])
        edit.applied.append({"_id": own["_id"], **values})
    return new, edit


def _differs(label: Label, values: Mapping[str, object]) -> bool:
    return any(label.get(name) != value for name, value in values.items())


def take_back(labels: Iterable[Label], edit: Edit) -> tuple[list[Label], int]:
    """Undo an edit, except for values that somebody changed since.

    Args:
        labels: the labels of the frame
        edit: what was done to them

    Returns:
        the labels as they were, and the number of labels that were left alone
    """
    old = {label["_id"]: label for label in edit.changed}
    applied = {label["_id"]: label for label in edit.applied}
    back, left = [], 0
    for label in labels:
        made = applied.get(label["_id"], {})
        same = [name for name, value in made.items() if label.get(name) == value]
        left += len(same) < len(made)
        if label["_id"] in edit.added and len(same) == len(made):
            continue
        was = old.get(label["_id"])
        back.append(
            {**label, **{name: was.get(name) for name in same}} if was else label
        )
    there = {label["_id"] for label in back}
    back += [label for label in edit.deleted if label["_id"] not in there]
    return back, left


def join_edits(first: Edit, later: Edit) -> Edit:
    """Join two edits of a frame into one that undoes both.

    Args:
        first: the earlier edit
        later: the later edit

    Returns:
        an edit with the oldest state of each label
    """
    changed = {label["_id"]: label for label in first.changed}
    known = {*changed, *first.added, *(label["_id"] for label in first.deleted)}
    applied = {label["_id"]: label for label in first.applied}
    for label in later.applied:
        applied[label["_id"]] = applied.get(label["_id"], {}) | label
    return Edit(
        changed=first.changed + [x for x in later.changed if x["_id"] not in known],
        deleted=first.deleted
        + [
            changed.get(x["_id"], x)
            for x in later.deleted
            if x["_id"] in changed or x["_id"] not in known
        ],
        added=first.added + later.added,
        applied=list(applied.values()),
        said={**later.said, **first.said},
    )
