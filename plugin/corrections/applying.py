# SPDX-License-Identifier: Apache-2.0
"""Apply corrections to the labels that were sent, and undo that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

import fiftyone as fo
from bson import ObjectId

from ...importers import store
from ...importers.store import runs
from ...importers.store.locks import exclusive
from ...importers.store.shown_frames import frames_of_view
from ..plain import count
from .comparing import ATTRIBUTES, CHANGES, CORRECTIONS, DELETED
from .edits import (
    Applied,
    Edit,
    Edits,
    Label,
    Labels,
    apply_corrections,
    count_edits,
    take_back,
)
from .known import adjusted_attributes
from .old_labels import (
    applied_after,
    applied_names,
    drop_runs,
    keep_old_labels,
    read_old_labels,
)
from .reviews import Review, recorded_review, recorded_reviews

#: The kinds of changes that are applied by default: all but noise.
APPLIED = (*CORRECTIONS, ATTRIBUTES)

#: Fields that stay a label's own, and fields that describe the correction.
_KEPT = frozenset(
    {"_id", "_cls", "tags", "attributes", "changes", "change_iou", "original_id"}
)


def apply_adjustment(
    dataset: fo.Dataset,
    name: str,
    kinds: Collection[str] = APPLIED,
    view: fo.core.collections.SampleCollection | None = None,
) -> Applied:
    """Apply corrections to the labels that were sent.

    The old labels are kept for :func:`undo_adjustment`, until
    :func:`drop_old_labels`. Corrections that were applied before are not applied
    again, so a call that was interrupted can be repeated.

    Args:
        dataset: a dataset into which corrections were loaded
        name: the adjustment's name
        kinds (...): the kinds of changes to apply, a subset of
            :data:`.comparing.CHANGES`: a label with any of them is changed; by
            default all but boxes that were redrawn in the same place
        view (None): a view; only corrected labels that it shows are applied, deleted
            ones if it shows their originals, and attributes of the frames that it
            shows

    Returns:
        what was applied

    Raises:
        ValueError: if no corrections were loaded, a kind is unknown, or a track would
            get two boxes in a frame

    Example:
        >>> review = fta.load_adjustment(dataset, "fix")
        >>> fta.apply_adjustment(dataset, "fix").changed
        1
    """
    unknown = set(kinds) - set(CHANGES)
    if unknown:
        raise ValueError(
            f"unknown kinds of changes: {', '.join(sorted(unknown))}; expected some of "
            f"{', '.join(CHANGES)}"
        )
    with exclusive(dataset, "applying corrections to"):
        runs.mend_references(dataset)
        review = recorded_review(dataset, name)
        _check_fields(dataset, review, review.label_field, review.adjusted_field)
        return _apply(dataset, review, set(kinds), view)


def undo_adjustment(dataset: fo.Dataset, name: str) -> Applied:
    """Restore the labels of before corrections were applied.

    Labels that somebody deleted or changed since stay as they are, and so do fields
    that labels got since. A call that was interrupted can be repeated.

    Args:
        dataset: the dataset
        name: the adjustment's name

    Returns:
        what was undone

    Raises:
        ValueError: if no old labels are kept, or other corrections were applied to
            the same frames later

    Example:
        >>> review = fta.load_adjustment(dataset, "fix")
        >>> applied = fta.apply_adjustment(dataset, "fix")
        >>> fta.undo_adjustment(dataset, "fix").changed
        1
    """
    with exclusive(dataset, "undoing corrections of"):
        runs.mend_references(dataset)
        review = recorded_review(dataset, name)
        _check_fields(dataset, review, review.label_field)
        return _undo(dataset, review)


def drop_old_labels(dataset: fo.Dataset, name: str) -> None:
    """Delete the labels of before corrections were applied.

    Args:
        dataset: the dataset
        name: the adjustment's name

    Raises:
        ValueError: if no corrections were loaded

    Example:
        >>> review = fta.load_adjustment(dataset, "fix")
        >>> applied = fta.apply_adjustment(dataset, "fix")
        >>> fta.drop_old_labels(dataset, "fix")
    """
    with exclusive(dataset, "deleting old labels of"):
        drop_runs(dataset, recorded_review(dataset, name).name)


def applied_reviews(dataset: fo.Dataset) -> dict[str, Review]:
    """Return the reviews whose corrections were applied and can be undone.

    Args:
        dataset: the dataset

    Returns:
        each :class:`Review` by the adjustment's name, the last applied one at the end
    """
    reviews = recorded_reviews(dataset)
    return {name: reviews[name] for name in applied_names(dataset) if name in reviews}


def describe_applied(applied: Applied) -> str:
    """Summarize in one line what was applied or undone.

    Args:
        applied: what was applied or undone

    Returns:
        the numbers of labels and frames
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
        if name not in store.frame_schema(dataset):
            raise ValueError(
                f"'{dataset.name}' no longer has the frame field '{name}' that the "
                f"corrections of '{review.name}' refer to; rename the field back"
            )


def _apply(
    dataset: fo.Dataset,
    review: Review,
    kinds: set[str],
    view: fo.core.collections.SampleCollection | None,
) -> Applied:
    if not review.frames:
        raise ValueError(
            f"all frames of '{review.name}' hold corrections that were loaded later; "
            f"load those of '{review.name}' again"
        )
    frames = store.find_frames(dataset, review.frames)
    modified = store.read_modified(dataset, frames)
    corrected = _choose(dataset, review.adjusted_field, frames, kinds, view)
    deleted = _choose(dataset, review.label_field, frames, kinds & {DELETED}, view)
    names = _taken_fields(dataset, review)
    said = {}
    if ATTRIBUTES in kinds:
        said = _choose_attributes(dataset, review, frames, view)
    edits: Edits = {}
    labels: Labels = {}
    left = 0
    marks = store.own_attributes(dataset, review.label_field)
    identity = store.read_identity(dataset, review.label_field).key_of
    before = store.read_detections(dataset, review.label_field, frames)
    for frame, now in before.items():
        own = corrected.get(frame, []), deleted.get(frame, [])
        new, edit, skipped = apply_corrections(now, *own, names, marks, identity)
        edit.said = {path: old for path, (old, _) in said.get(frame, {}).items()}
        left += skipped
        if edit != Edit():
            edits[frame], labels[frame] = edit, new
    _check_tracks(review, labels, identity)
    if edits:
        _declare_taken(dataset, review, names)
        # Before the labels change: so a process that is killed can be undone
        kept = keep_old_labels(dataset, review.name, edits)
        try:
            values = {
                frame: {path: new for path, (_, new) in each.items()}
                for frame, each in said.items()
            }
            _replace(dataset, review, labels, values, modified)
        except BaseException:
            runs.delete_record(dataset, kept)
            raise
    return count_edits(edits, left)


def _undo(dataset: fo.Dataset, review: Review) -> Applied:
    edits = read_old_labels(dataset, review.name)
    if not edits:
        raise ValueError(f"no old labels of '{review.name}' are kept to restore")
    later = applied_after(dataset, review.name, edits)
    if later:
        raise ValueError(
            f"'{later}' was applied to the same frames after '{review.name}'; "
            f"undo '{later}' first"
        )
    modified = store.read_modified(dataset, list(edits))
    before = store.read_detections(dataset, review.label_field, list(edits))
    labels: Labels = {}
    left = 0
    for frame, edit in edits.items():
        now = before.get(frame, [])
        there = {label["_id"] for label in now}
        edit.added = [label for label in edit.added if label in there]
        labels[frame], stayed = take_back(now, edit)
        left += stayed
    values = {frame: edit.said for frame, edit in edits.items()}
    _replace(dataset, review, labels, values, modified)
    drop_runs(dataset, review.name)
    return count_edits(edits, left)


def _choose(
    dataset: fo.Dataset,
    label_field: str,
    frames: list[ObjectId],
    kinds: set[str],
    view: fo.core.collections.SampleCollection | None,
) -> Labels:
    """Return the labels that have a kind of change and that a view shows."""
    shown = None if view is None else store.label_ids(view, label_field)
    changes = store.own_attributes(dataset, label_field).get("changes", "changes")
    labels = store.read_detections(dataset, label_field, frames) if kinds else {}
    return {
        frame: [
            label
            for label in each
            if kinds & set(label.get(changes) or ())
            and (shown is None or str(label["_id"]) in shown)
        ]
        for frame, each in labels.items()
    }


def _choose_attributes(
    dataset: fo.Dataset,
    review: Review,
    frames: list[ObjectId],
    view: fo.core.collections.SampleCollection | None,
) -> dict[ObjectId, dict[str, tuple[object, object]]]:
    """Return the old and new values of the frames' attributes that differ."""
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


def _taken_fields(dataset: fo.Dataset, review: Review) -> dict[str, fo.Field | None]:
    """Return the fields to take from corrected labels, and the types of added ones."""
    schema = store.frame_schema(dataset, flat=True)
    start = f"{review.adjusted_field}.detections."
    added = {
        path.removeprefix(start): kind
        for path, kind in schema.items()
        if path.startswith(start)
    }
    own = ["bounding_box", "label", "index", "instance"]
    attribute = store.read_identity(dataset, review.label_field).attribute
    own += [attribute] if attribute else []
    return dict.fromkeys(own) | {
        name: kind
        for name, kind in added.items()
        if name not in _KEPT and not hasattr(fo.Detection, name)
    }


def _declare_taken(
    dataset: fo.Dataset, review: Review, names: Mapping[str, fo.Field | None]
) -> None:
    path = f"{review.label_field}.detections"
    taken = {f"{path}.{name}": type(kind)() for name, kind in names.items() if kind}
    store.add_frame_fields(dataset, taken)


def _check_tracks(
    review: Review, labels: Labels, identity: Callable[[Label], object]
) -> None:
    """Check that no track gets a second box in a frame."""
    for each in labels.values():
        counts = Counter(map(identity, each))
        counts.pop(None, None)
        twice = [track for track, number in counts.items() if number > 1]
        if twice:
            raise ValueError(
                f"track {twice[0]} in '{review.label_field}' would get two boxes in a "
                "frame; apply the identity changes of both tracks, or of neither"
            )


def _replace(
    dataset: fo.Dataset,
    review: Review,
    labels: Labels,
    said: Mapping[ObjectId, Mapping[str, object]],
    modified: Mapping[ObjectId, datetime | None],
) -> None:
    """Replace labels and frame attributes, unless they changed since they were read."""
    own = review.label_field
    fields = {name for each in said.values() for name in each}
    _declare_attributes(dataset, review, fields)
    with store.all_or_nothing(dataset, [own, *fields], list(labels)) as stamp:
        if store.replace_detections(dataset, own, labels, modified, stamp):
            raise ValueError(
                f"labels in '{own}' were changed while corrections were being applied "
                "or undone; try again"
            )
        store.set_frame_values(dataset, said, stamp)
    dataset.reload()


def _declare_attributes(
    dataset: fo.Dataset, review: Review, fields: Collection[str]
) -> None:
    """Declare attributes that frames did not have before."""
    schema = store.frame_schema(dataset)
    corrected = adjusted_attributes(dataset, review.adjusted_field)
    taken = {
        own: type(schema[name])() for name, own in corrected.items() if own in fields
    }
    store.add_frame_fields(dataset, taken)
