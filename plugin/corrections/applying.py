# SPDX-License-Identifier: Apache-2.0
"""Reviewers' corrections into the labels that were sent, and back out again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import fiftyone as fo
from bson import ObjectId

from ...importers import store
from ...importers.store import runs
from ...importers.store.locks import exclusive
from ...importers.store.shown_frames import frames_of_view
from ..plain import count
from .comparing import ADDED, ATTRIBUTES, CHANGES, CORRECTIONS, DELETED
from .frame_attributes import adjusted_attributes
from .old_labels import (
    Edit,
    Edits,
    Label,
    applied_later,
    bring_back,
    drop_runs,
    keep_old_labels,
    kept_runs,
    read_old_labels,
)
from .reviews import Review, recorded_review

#: What is applied where nothing is chosen: all but noise.
APPLIED = (*CORRECTIONS, ATTRIBUTES)

#: What stays a label's own, and what describes the correction.
_KEPT = frozenset(
    {"_id", "_cls", "tags", "attributes", "changes", "change_iou", "original_id"}
)

_Frames = dict[ObjectId, list[Label]]


@dataclass(frozen=True)
class Applied:
    """What was applied, or taken back.

    Attributes:
        changed: the number of labels that were changed
        added: the number of labels that were added
        deleted: the number of labels that were deleted
        frames: the number of frames that these are in
        frame_attributes: the number of frames whose own attributes were changed
        left: the number of labels that were left alone: to be added where their track
            has another box by now, or changed by somebody since they were applied
    """

    changed: int
    added: int
    deleted: int
    frames: int
    frame_attributes: int = 0
    left: int = 0


def apply_adjustment(
    dataset: fo.Dataset,
    name: str,
    kinds: Collection[str] = APPLIED,
    view: fo.core.collections.SampleCollection | None = None,
) -> Applied:
    """Applies corrections to the labels that were sent.

    The old labels are kept as a run, until :func:`drop_old_labels`;
    :func:`undo_adjustment` brings them back. What was applied already is not
    applied again, so applying that was broken off goes on.

    Args:
        dataset: a dataset into which corrections were loaded
        name: the adjustment's name
        kinds (...): the kinds of changes: labels with any of them are taken; by
            default all but boxes that were drawn again where they were
        view (None): a view; only those corrected labels are taken that it shows,
            and only those deleted whose originals it shows; of the frames'
            attributes those of the frames that it shows

    Returns:
        what was applied

    Raises:
        ValueError: if no corrections were loaded, a kind is none of the kinds of
            changes, or a track would get two boxes in a frame
    """
    unknown = set(kinds) - set(CHANGES)
    if unknown:
        raise ValueError(
            f"no kind of change is called {', '.join(sorted(unknown))}; expected some "
            f"of {', '.join(CHANGES)}"
        )
    with exclusive(dataset, "applying corrections to"):
        runs.mend_references(dataset)
        review = recorded_review(dataset, name)
        _check_fields(dataset, review, review.label_field, review.adjusted_field)
        return _apply(dataset, review, set(kinds), view)


def undo_adjustment(dataset: fo.Dataset, name: str) -> Applied:
    """Brings back the labels of before corrections were applied.

    Labels that somebody deleted or changed since stay as they are; fields that labels
    got since are kept. What was broken off is undone by undoing it again.

    Args:
        dataset: the dataset
        name: the adjustment's name

    Returns:
        what was taken back

    Raises:
        ValueError: if nothing is kept to bring back, or other corrections were
            applied to the same frames later
    """
    with exclusive(dataset, "undoing corrections of"):
        runs.mend_references(dataset)
        review = recorded_review(dataset, name)
        _check_fields(dataset, review, review.label_field)
        return _undo(dataset, review)


def drop_old_labels(dataset: fo.Dataset, name: str) -> None:
    """Drops the labels of before corrections were applied.

    Args:
        dataset: the dataset
        name: the adjustment's name

    Raises:
        ValueError: if no corrections were loaded
    """
    with exclusive(dataset, "dropping old labels of"):
        drop_runs(dataset, recorded_review(dataset, name).name)


def has_old_labels(dataset: fo.Dataset, name: str) -> bool:
    """Tells whether corrections that were applied can be undone.

    Args:
        dataset: the dataset
        name: the adjustment's name

    Returns:
        True/False

    Raises:
        ValueError: if no corrections were loaded
    """
    return bool(kept_runs(dataset, recorded_review(dataset, name).name))


def describe_applied(applied: Applied) -> str:
    """Says what was applied, or taken back.

    Args:
        applied: what was

    Returns:
        one line
    """
    said = ""
    if applied.frame_attributes:
        said = f", attributes of {count(applied.frame_attributes, 'frame')} changed"
    left = f"; {applied.left:,} left alone" if applied.left else ""
    return (
        f"{count(applied.changed, 'label')} changed, {applied.added:,} added, "
        f"{applied.deleted:,} deleted{said} in {count(applied.frames, 'frame')}{left}"
    )


def _check_fields(dataset: fo.Dataset, review: Review, *fields: str) -> None:
    for name in fields:
        if not dataset.has_frame_field(name):
            raise ValueError(
                f"'{dataset.name}' has no frame field '{name}' any more, which the "
                f"corrections of '{review.name}' are about; give it that name again"
            )


def _apply(
    dataset: fo.Dataset,
    review: Review,
    kinds: set[str],
    view: fo.core.collections.SampleCollection | None,
) -> Applied:
    if not review.frames:
        raise ValueError(
            f"the frames of '{review.name}' hold corrections that were loaded later; "
            f"load those of '{review.name}' again"
        )
    frames = store.find_frames(dataset, review.frames)
    modified = store.read_modified(dataset, frames)
    corrected = _choose(dataset, review.adjusted_field, frames, kinds, view)
    gone = _choose(dataset, review.label_field, frames, kinds & {DELETED}, view)
    names = _taken_fields(dataset, review)
    labels = store.read_detections(dataset, review.label_field, frames)
    said = _choose_said(dataset, review, frames, view) if ATTRIBUTES in kinds else {}
    edits, left = {}, 0
    for frame, now in labels.items():
        taken = corrected.get(frame, [])
        edit, skipped = _edit(now, taken, gone.get(frame, []), names)
        edit.said = {path: old for path, (old, _) in said.get(frame, {}).items()}
        left += skipped
        if edit != Edit():
            edits[frame] = edit
    _check_tracks(review, {frame: labels[frame] for frame in edits})
    if edits:
        _declare_taken(dataset, review, names)
        # First what it takes to undo: even a process that is killed can be undone
        kept = keep_old_labels(dataset, review.name, edits)
        try:
            new = {
                frame: {path: value for path, (_, value) in each.items()}
                for frame, each in said.items()
            }
            chosen = {frame: labels[frame] for frame in edits}
            _replace(dataset, review, chosen, new, modified)
        except BaseException:
            dataset.delete_run(kept)
            raise
    return _count(edits, left)


def _undo(dataset: fo.Dataset, review: Review) -> Applied:
    edits = read_old_labels(dataset, review.name)
    if not edits:
        raise ValueError(
            f"no old labels of '{review.name}' are kept; nothing to bring back"
        )
    later = applied_later(dataset, review.name, edits)
    if later:
        raise ValueError(
            f"'{later[-1]}' was applied to the same frames after '{review.name}'; "
            "undo that first"
        )
    modified = store.read_modified(dataset, list(edits))
    labels = store.read_detections(dataset, review.label_field, list(edits))
    left = 0
    for frame, edit in edits.items():
        there = {label["_id"] for label in labels.get(frame, [])}
        edit.added = [label for label in edit.added if label in there]
        labels[frame], stayed = bring_back(labels.get(frame, []), edit)
        left += stayed
    said = {frame: edit.said for frame, edit in edits.items()}
    _replace(dataset, review, labels, said, modified)
    drop_runs(dataset, review.name)
    return _count(edits, left)


def _choose(
    dataset: fo.Dataset,
    label_field: str,
    frames: list[ObjectId],
    kinds: set[str],
    view: fo.core.collections.SampleCollection | None,
) -> _Frames:
    """The labels of a field that have a kind of change, and that a view shows."""
    shown = None if view is None else store.label_ids(view, label_field)
    labels = store.read_detections(dataset, label_field, frames) if kinds else {}
    return {
        frame: [
            label
            for label in each
            if kinds & set(label.get("changes") or ())
            and (shown is None or str(label["_id"]) in shown)
        ]
        for frame, each in labels.items()
    }


def _taken_fields(dataset: fo.Dataset, review: Review) -> dict[str, fo.Field | None]:
    """The fields to take from corrected labels; of other than FiftyOne's the type."""
    schema = dataset.get_frame_field_schema(flat=True) or {}
    taken: dict[str, fo.Field | None] = dict.fromkeys(
        ("bounding_box", "label", "index")
    )
    start = f"{review.adjusted_field}.detections."
    for path, kind in schema.items():
        name = path.removeprefix(start)
        if not path.startswith(start) or name in _KEPT or hasattr(fo.Detection, name):
            continue
        taken[name] = kind
    return taken


def _declare_taken(
    dataset: fo.Dataset, review: Review, names: Mapping[str, fo.Field | None]
) -> None:
    schema = dataset.get_frame_field_schema(flat=True) or {}
    for name, kind in names.items():
        own = f"{review.label_field}.detections.{name}"
        if kind is not None and own not in schema:
            dataset.add_frame_field(own, type(kind))


def _edit(
    labels: list[Label],
    corrected: Iterable[Label],
    gone: Iterable[Label],
    names: Collection[str],
) -> tuple[Edit, int]:
    """Applies corrections to the labels of a frame, in place.

    Returns what was done, and the number of labels that could not be added.
    """
    edit, left = Edit(), 0
    places = {str(label["_id"]): place for place, label in enumerate(labels)}
    tracks = {label.get("index"): label for label in labels}
    for label in corrected:
        values = {name: label[name] for name in names if name in label}
        place = places.get(label.get("original_id") or "")
        if place is not None:
            old = labels[place]
            if any(old.get(name) != value for name, value in values.items()):
                # A field that it lacked is emptied again by undoing
                edit.changed.append({**dict.fromkeys(values), **old})
                edit.applied.append({"_id": old["_id"], **values})
                labels[place] = {**old, **values}
        elif ADDED in label["changes"] and label.get("index") not in tracks:
            new = {**label, **values, "_id": ObjectId()}
            new.pop("original_id", None)
            labels.append(new)
            edit.added.append(new["_id"])
            edit.applied.append({"_id": new["_id"], **values})
        elif ADDED in label["changes"]:
            there = tracks[label.get("index")]
            left += any(there.get(name) != value for name, value in values.items())
    ids = {label["_id"] for label in gone}
    edit.deleted = [label for label in labels if label["_id"] in ids]
    labels[:] = [label for label in labels if label["_id"] not in ids]
    return edit, left


def _check_tracks(review: Review, labels: _Frames) -> None:
    """Checks that no track gets a second box in a frame."""
    for each in labels.values():
        counts = Counter(label.get("index") for label in each)
        counts.pop(None, None)
        twice = [track for track, number in counts.items() if number > 1]
        if twice:
            raise ValueError(
                f"track {twice[0]} in '{review.label_field}' would get two boxes in a "
                "frame; apply the changes of identity of both tracks, or neither"
            )


def _choose_said(
    dataset: fo.Dataset,
    review: Review,
    frames: list[ObjectId],
    view: fo.core.collections.SampleCollection | None,
) -> dict[ObjectId, dict[str, tuple[Any, Any]]]:
    """What frames' attributes are, and what reviewers say, where that differs."""
    fields = adjusted_attributes(dataset, review.adjusted_field)
    if view is not None and fields:
        shown = frames_of_view(view, review.label_field)
        frames = store.find_shown(dataset, frames, shown)
    found = store.read_frame_values(dataset, [*fields, *fields.values()], frames)
    return {
        frame: {
            own: (values[own], values[name])
            for name, own in fields.items()
            if values[name] not in (None, values[own])
        }
        for frame, values in found.items()
    }


def _replace(
    dataset: fo.Dataset,
    review: Review,
    labels: _Frames,
    said: Mapping[ObjectId, Mapping[str, Any]],
    modified: Mapping[ObjectId, datetime | None],
) -> None:
    """Replaces labels, as long as nobody changed them since they were read."""
    own = review.label_field
    fields = {name for each in said.values() for name in each}
    _declare(dataset, review, fields)
    with store.all_or_nothing(dataset, [own, *fields], list(labels)) as stamp:
        if store.replace_detections(dataset, own, labels, modified, stamp):
            raise ValueError(
                f"somebody is changing the labels in '{own}' right now; try again"
            )
        store.set_frame_values(dataset, said, stamp)
    dataset.reload()


def _declare(dataset: fo.Dataset, review: Review, fields: Collection[str]) -> None:
    """Declares attributes that frames did not have before."""
    schema = dataset.get_frame_field_schema() or {}
    corrected = adjusted_attributes(dataset, review.adjusted_field)
    for name, own in corrected.items():
        if own in fields and own not in schema:
            dataset.add_frame_field(own, type(schema[name]))


def _count(edits: Edits, left: int) -> Applied:
    return Applied(
        changed=sum(len(edit.changed) for edit in edits.values()),
        added=sum(len(edit.added) for edit in edits.values()),
        deleted=sum(len(edit.deleted) for edit in edits.values()),
        frames=len(edits),
        frame_attributes=sum(bool(edit.said) for edit in edits.values()),
        left=left,
    )
