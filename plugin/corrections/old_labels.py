# SPDX-License-Identifier: Apache-2.0
"""The labels of before corrections were applied, kept as runs of the dataset."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import fiftyone as fo
from bson import ObjectId, json_util

from ...importers.store import runs

#: The method of the runs that keep the labels of before.
METHOD = "track_audit/applied"

#: The document of a label.
Label: TypeAlias = dict[str, Any]


@dataclass
class Edit:
    """What was done to the labels of a frame, and what it takes to undo it.

    Attributes:
        changed: the labels that were changed, as they were
        deleted: the labels that were deleted
        added: the IDs of the labels that were added
        applied: of each label that was changed or added its ID, and the values that
            it got
        said: the frame's own attributes that were changed, as they were
    """

    changed: list[Label] = field(default_factory=list)
    deleted: list[Label] = field(default_factory=list)
    added: list[ObjectId] = field(default_factory=list)
    applied: list[Label] = field(default_factory=list)
    said: dict[str, Any] = field(default_factory=dict)


#: The edits by the ID of their frame.
Edits: TypeAlias = dict[ObjectId, Edit]


def keep_old_labels(dataset: fo.Dataset, name: str, edits: Edits) -> str:
    """Keeps old labels as a run of their own.

    Those that are kept already are not written anew: FiftyOne deletes the results
    of a run before it saves others, and a process that is killed then loses both.

    Args:
        dataset: the dataset
        name: the adjustment's name
        edits: what is about to be done

    Returns:
        the key of the run
    """
    key = f"applied_{ObjectId()}"
    runs.save_record(dataset, key, METHOD, {"name": name, "kept": False})
    frames = [{"_id": frame, **vars(edit)} for frame, edit in edits.items()]
    runs.save_results(dataset, key, old_labels=json_util.dumps(frames))
    # Not before: a run whose saving is broken off has no results
    runs.save_record(dataset, key, METHOD, {"name": name, "kept": True})
    return key


def read_old_labels(dataset: fo.Dataset, name: str) -> Edits:
    """Reads what is kept; of a label that was changed twice, the oldest.

    Args:
        dataset: the dataset
        name: the adjustment's name

    Returns:
        what was done since nothing was
    """
    joined: Edits = {}
    for key in kept_runs(dataset, name):
        for frame, later in _read(dataset, key).items():
            edit = joined.setdefault(frame, Edit())
            changed = {label["_id"]: label for label in edit.changed}
            known = {*changed, *edit.added, *(x["_id"] for x in edit.deleted)}
            edit.deleted += [
                changed.get(x["_id"], x)
                for x in later.deleted
                if x["_id"] in changed or x["_id"] not in known
            ]
            edit.changed += [x for x in later.changed if x["_id"] not in known]
            edit.added += later.added
            applied = {label["_id"]: label for label in edit.applied}
            for label in later.applied:
                applied[label["_id"]] = applied.get(label["_id"], {}) | label
            edit.applied = list(applied.values())
            edit.said = {**later.said, **edit.said}
    return joined


def drop_runs(dataset: fo.Dataset, name: str) -> None:
    """Drops what is kept.

    Args:
        dataset: the dataset
        name: the adjustment's name
    """
    # The oldest last: where this is broken off, it is the one to go on with
    for key in reversed(kept_runs(dataset, name)):
        runs.save_record(dataset, key, METHOD, {"name": name, "kept": False})
    # Marked first, as a run whose deletion is broken off has no results any more
    for key in dataset.list_runs(method=METHOD, name=name, kept=False):
        runs.delete_record(dataset, key)


def kept_runs(dataset: fo.Dataset, name: str) -> list[str]:
    """Returns the keys of the runs that keep old labels, the oldest first.

    Args:
        dataset: the dataset
        name: the adjustment's name

    Returns:
        the keys
    """
    dataset.reload()  # another process may have applied something
    return sorted(dataset.list_runs(method=METHOD, name=name, kept=True))


def applied_later(dataset: fo.Dataset, name: str, edits: Edits) -> list[str]:
    """Finds other adjustments that were applied later to the same frames.

    Args:
        dataset: the dataset
        name: the adjustment's name
        edits: what was done by it

    Returns:
        their names, the latest last
    """
    own = kept_runs(dataset, name)
    every = sorted(dataset.list_runs(method=METHOD, kept=True))
    later = [key for key in every if key not in own and own and key > own[0]]
    met = [key for key in later if edits.keys() & _read(dataset, key).keys()]
    names = {run.key: run.content["name"] for run in runs.read_records(dataset, METHOD)}
    return list(dict.fromkeys(names[key] for key in met))


def bring_back(labels: list[Label], edit: Edit) -> tuple[list[Label], int]:
    """Undoes an edit, but what somebody changed since.

    Args:
        labels: the labels of a frame
        edit: what was done to them

    Returns:
        the labels as they were, and the number of those that stay as they are now
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
        if label["_id"] in old:
            was = old[label["_id"]]
            label = {**label, **{name: was.get(name) for name in same}}
        back.append(label)
    there = {label["_id"] for label in back}
    back += [label for label in edit.deleted if label["_id"] not in there]
    return back, left


def _read(dataset: fo.Dataset, key: str) -> Edits:
    kept = runs.read_results(dataset, key, "old_labels")
    frames = json_util.loads(kept) if kept else []
    return {frame.pop("_id"): Edit(**frame) for frame in frames}
