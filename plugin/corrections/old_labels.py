# SPDX-License-Identifier: Apache-2.0
"""Keep the old labels when corrections are applied, as runs of the dataset."""

from __future__ import annotations

from collections.abc import Iterator

import fiftyone as fo
from bson import ObjectId, json_util

from ...importers.store import runs
from ..plain import Json
from .edits import Edit, Edits, join_edits

#: The method of the runs that keep old labels.
METHOD = "track_audit/applied"


def keep_old_labels(
    dataset: fo.Dataset, name: str, edits: Edits, about: Json | None = None
) -> str:
    """Keep the labels of before an edit, as a run of their own.

    Runs that keep older labels are not rewritten: FiftyOne deletes the results of a
    run before it saves others, so a process that is killed would lose both.

    Args:
        dataset: the dataset
        name: the adjustment's name
        edits: what is about to be done
        about (None): what else to record

    Returns:
        the key of the run
    """
    key = f"applied_{ObjectId()}"
    about = {**(about or {}), "name": name}
    runs.save_record(dataset, key, METHOD, {**about, "kept": False})
    frames = [{"_id": frame, **vars(edit)} for frame, edit in edits.items()]
    runs.save_results(dataset, key, old_labels=json_util.dumps(frames))
    # Not before: a run whose saving was interrupted has no results
    runs.save_record(dataset, key, METHOD, {**about, "kept": True})
    return key


def read_old_labels(dataset: fo.Dataset, name: str) -> Edits:
    """Read everything that was done by applying an adjustment.

    Args:
        dataset: the dataset
        name: the adjustment's name

    Returns:
        the edits, with the oldest state of each label
    """
    joined: Edits = {}
    for key in _kept_keys(dataset, name):
        for frame, later in _read(dataset, key).items():
            joined[frame] = join_edits(joined.get(frame, Edit()), later)
    return joined


def drop_runs(dataset: fo.Dataset, name: str) -> None:
    """Delete the old labels that are kept of an adjustment.

    Args:
        dataset: the dataset
        name: the adjustment's name
    """
    # Newest first: if this is interrupted, undoing goes on with the older ones
    for key in reversed(_kept_keys(dataset, name)):
        runs.save_record(dataset, key, METHOD, {"name": name, "kept": False})
    # Marked first, as a run whose deletion was interrupted has no results any more
    for stored in runs.read_records(dataset, METHOD, name=name, kept=False):
        runs.delete_record(dataset, stored.key)


def applied_names(dataset: fo.Dataset) -> list[str]:
    """List the adjustments that can be undone.

    Args:
        dataset: the dataset

    Returns:
        their names, in the order in which they were last applied
    """
    names = [
        str(stored.content["name"])
        for stored in runs.read_records(dataset, METHOD, kept=True)
    ]
    return list(dict.fromkeys(names[::-1]))[::-1]


def applied_after(dataset: fo.Dataset, name: str, edits: Edits) -> str | None:
    """Find the last adjustment that was applied to the same frames after another.

    Args:
        dataset: the dataset
        name: the name of the other adjustment
        edits: what was done by applying it

    Returns:
        its name, None if there is none
    """
    for other, later in _read_later(dataset, name):
        if edits.keys() & later.keys():
            return other
    return None


def changed_after(dataset: fo.Dataset, name: str, edits: Edits) -> str | None:
    """Find the last change of the same labels after a change.

    Args:
        dataset: the dataset
        name: the name of the change
        edits: what was done by it

    Returns:
        the name of the later change, None if there is none
    """
    labels = _touched(edits)
    for other, later in _read_later(dataset, name):
        if labels & _touched(later):
            return other
    return None


def _read_later(dataset: fo.Dataset, name: str) -> Iterator[tuple[str, Edits]]:
    """Yield what was done after a change, the latest first."""
    stored = runs.read_records(dataset, METHOD, kept=True)
    names = [each.content["name"] for each in stored]
    for each in reversed(stored[names.index(name) :]):
        if each.content["name"] != name:
            yield str(each.content["name"]), _read(dataset, each.key)


def _touched(edits: Edits) -> set[ObjectId]:
    """Return the IDs of the labels that edits changed, added or deleted."""
    return {
        label
        for edit in edits.values()
        for label in (
            *(each["_id"] for each in (*edit.changed, *edit.deleted)),
            *edit.added,
        )
    }


def _kept_keys(dataset: fo.Dataset, name: str) -> list[str]:
    """Return the keys of the runs that keep old labels, the oldest first."""
    stored = runs.read_records(dataset, METHOD, name=name, kept=True)
    return [each.key for each in stored]


def _read(dataset: fo.Dataset, key: str) -> Edits:
    kept = runs.read_results(dataset, key, "old_labels")
    frames = json_util.loads(kept) if kept else []
    return {frame.pop("_id"): Edit(**frame) for frame in frames}
