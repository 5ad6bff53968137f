# SPDX-License-Identifier: Apache-2.0
"""Reviewers' corrections into the labels that were sent, and back out again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import fiftyone as fo
from bson import ObjectId, json_util
from fiftyone.core.runs import RunConfig

from .. import __version__
from ..importers import store
from ..importers.selection import frames_of_view
from .comparing import ADDED, ATTRIBUTES, CHANGES, CORRECTIONS, DELETED
from .frame_attributes import adjusted_attributes
from .reviews import Review, recorded_review
from .runs import mend_references
from .texts import count

#: The method of the runs that keep the labels of before.
METHOD = "track_audit/applied"

#: What is applied where nothing is chosen: all but noise.
APPLIED = (*CORRECTIONS, ATTRIBUTES)

#: What stays a label's own, and what describes the correction.
_KEPT = frozenset(
    {"_id", "_cls", "tags", "attributes", "changes", "change_iou", "original_id"}
)

_Label = dict[str, Any]
_Frames = dict[ObjectId, list[_Label]]


@dataclass(frozen=True)
class Applied:
    """What was applied, or taken back.

    Attributes:
        changed: the number of labels that were changed
        added: the number of labels that were added
        deleted: the number of labels that were deleted
        frames: the number of frames that these are in
        frame_attributes: the number of frames whose own attributes were changed
    """

    changed: int
    added: int
    deleted: int
    frames: int
    frame_attributes: int = 0


@dataclass
class _Edit:
    """What was done to the labels of a frame, and what it takes to undo it.

    Attributes:
        changed: the labels that were changed, as they were
        deleted: the labels that were deleted
        added: the IDs of the labels that were added
        said: the frame's own attributes that were changed, as they were
    """

    changed: list[_Label] = field(default_factory=list)
    deleted: list[_Label] = field(default_factory=list)
    added: list[ObjectId] = field(default_factory=list)
    said: dict[str, Any] = field(default_factory=dict)


_Edits = dict[ObjectId, _Edit]


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
    mend_references(dataset)
    review = recorded_review(dataset, name)
    frames = store.find_frames(dataset, review.frames)
    adjusted = review.adjusted_field
    wanted = set(kinds)
    corrected = _choose(dataset, adjusted, frames, wanted, view)
    gone = _choose(dataset, review.label_field, frames, wanted & {DELETED}, view)
    names = _taken_fields(dataset, review)
    labels = store.read_detections(dataset, review.label_field, frames)
    said = _choose_said(dataset, review, frames, view) if ATTRIBUTES in wanted else {}
    edits = {}
    for frame, now in labels.items():
        edit = _edit(now, corrected.get(frame, []), gone.get(frame, []), names)
        edit.said = {path: old for path, (old, _) in said.get(frame, {}).items()}
        if edit != _Edit():
            edits[frame] = edit
    _check_tracks(review, {frame: labels[frame] for frame in edits})
    if edits:
        # First what it takes to undo: even a process that is killed can be undone
        kept = _keep_old_labels(dataset, review, edits)
        try:
            new = {
                frame: {path: value for path, (_, value) in each.items()}
                for frame, each in said.items()
            }
            _replace(dataset, review, {frame: labels[frame] for frame in edits}, new)
        except BaseException:
            dataset.delete_run(kept)
            raise
    return _count(edits)


def undo_adjustment(dataset: fo.Dataset, name: str) -> Applied:
    """Brings back the labels of before corrections were applied.

    Labels that somebody deleted since stay deleted; fields that labels got since
    are kept. What was broken off is undone by undoing it again.

    Args:
        dataset: the dataset
        name: the adjustment's name

    Returns:
        what was taken back

    Raises:
        ValueError: if nothing is kept to bring back
    """
    mend_references(dataset)
    review = recorded_review(dataset, name)
    edits = _old_labels(dataset, review)
    if not edits:
        raise ValueError(f"no old labels of '{name}' are kept; nothing to bring back")
    labels = store.read_detections(dataset, review.label_field, list(edits))
    for frame, edit in edits.items():
        there = {label["_id"] for label in labels.get(frame, [])}
        edit.added = [label for label in edit.added if label in there]
        labels[frame] = _undo(labels.get(frame, []), edit)
    said = {frame: edit.said for frame, edit in edits.items()}
    _replace(dataset, review, labels, said)
    drop_old_labels(dataset, name)
    return _count(edits)


def drop_old_labels(dataset: fo.Dataset, name: str) -> None:
    """Drops the labels of before corrections were applied.

    Args:
        dataset: the dataset
        name: the adjustment's name

    Raises:
        ValueError: if no corrections were loaded
    """
    review = recorded_review(dataset, name)
    # The oldest last: where this is broken off, it is the one to go on with
    for key in reversed(_runs(dataset, review)):
        dataset.update_run_config(key, _config(dataset, review, kept=False))
    # Marked first, as a run whose deletion is broken off has no results any more
    for key in dataset.list_runs(method=METHOD, name=review.name, kept=False):
        dataset.delete_run(key)


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
    return bool(_old_labels(dataset, recorded_review(dataset, name)))


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
    return (
        f"{count(applied.changed, 'label')} changed, {applied.added:,} added, "
        f"{applied.deleted:,} deleted{said} in {count(applied.frames, 'frame')}"
    )


def _choose(
    dataset: fo.Dataset,
    label_field: str,
    frames: list[ObjectId],
    kinds: set[str],
    view: fo.core.collections.SampleCollection | None,
) -> _Frames:
    """The labels of a field that have a kind of change, and that a view shows."""
    shown = None if view is None else _shown(view, label_field)
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


def _shown(view: fo.core.collections.SampleCollection, label_field: str) -> set[str]:
    name = label_field
    if not (view._is_frames or view._is_patches):
        name = f"frames.{label_field}"
    if not view.has_field(name):
        return set()
    _, path = view._get_label_field_path(name, "id")
    return set(view.values(path, unwind=True))


def _taken_fields(dataset: fo.Dataset, review: Review) -> set[str]:
    """The fields to take from corrected labels; declares those that are new."""
    schema = dataset.get_frame_field_schema(flat=True) or {}
    taken = {"bounding_box", "label", "index"}
    start = f"{review.adjusted_field}.detections."
    for path, kind in schema.items():
        name = path.removeprefix(start)
        if not path.startswith(start) or name in _KEPT or hasattr(fo.Detection, name):
            continue
        own = f"{review.label_field}.detections.{name}"
        if own not in schema:
            dataset.add_frame_field(own, type(kind))
        taken.add(name)
    return taken


def _edit(
    labels: list[_Label],
    corrected: Iterable[_Label],
    gone: Iterable[_Label],
    names: Collection[str],
) -> _Edit:
    """Applies corrections to the labels of a frame, in place."""
    edit = _Edit()
    places = {str(label["_id"]): place for place, label in enumerate(labels)}
    tracks = {label.get("index") for label in labels}
    for label in corrected:
        values = {name: label[name] for name in names if name in label}
        place = places.get(label.get("original_id") or "")
        if place is not None:
            old = labels[place]
            if any(old.get(name) != value for name, value in values.items()):
                # A field that it lacked is emptied again by undoing
                edit.changed.append({**dict.fromkeys(values), **old})
                labels[place] = {**old, **values}
        elif ADDED in label["changes"] and label.get("index") not in tracks:
            new = {**label, **values, "_id": ObjectId()}
            new.pop("original_id", None)
            labels.append(new)
            edit.added.append(new["_id"])
    ids = {label["_id"] for label in gone}
    edit.deleted = [label for label in labels if label["_id"] in ids]
    labels[:] = [label for label in labels if label["_id"] not in ids]
    return edit


def _undo(labels: list[_Label], edit: _Edit) -> list[_Label]:
    old = {label["_id"]: label for label in edit.changed}
    added = set(edit.added)
    kept = [
        {**label, **old.get(label["_id"], {})}
        for label in labels
        if label["_id"] not in added
    ]
    there = {label["_id"] for label in kept}
    return [*kept, *(label for label in edit.deleted if label["_id"] not in there)]


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
) -> None:
    fields = {name for each in said.values() for name in each}
    _declare(dataset, review, fields)
    with store.all_or_nothing(dataset, [review.label_field, *fields], list(labels)):
        store.replace_detections(dataset, review.label_field, labels)
        store.set_frame_values(dataset, said)
    dataset.reload()


def _declare(dataset: fo.Dataset, review: Review, fields: Collection[str]) -> None:
    """Declares attributes that frames did not have before."""
    schema = dataset.get_frame_field_schema() or {}
    corrected = adjusted_attributes(dataset, review.adjusted_field)
    for name, own in corrected.items():
        if own in fields and own not in schema:
            dataset.add_frame_field(own, type(schema[name]))


def _count(edits: _Edits) -> Applied:
    return Applied(
        changed=sum(len(edit.changed) for edit in edits.values()),
        added=sum(len(edit.added) for edit in edits.values()),
        deleted=sum(len(edit.deleted) for edit in edits.values()),
        frames=len(edits),
        frame_attributes=sum(bool(edit.said) for edit in edits.values()),
    )


def _keep_old_labels(dataset: fo.Dataset, review: Review, edits: _Edits) -> str:
    """Keeps old labels as a run of their own, and returns its key.

    Those that are kept already are not written anew: FiftyOne deletes the results
    of a run before it saves others, and a process that is killed then loses both.
    """
    key = f"applied_{ObjectId()}"
    dataset.register_run(key, _config(dataset, review, kept=True))
    frames = [{"_id": frame, **vars(edit)} for frame, edit in edits.items()]
    results = dataset.init_run_results(key, old_labels=json_util.dumps(frames))
    dataset.save_run_results(key, results, cache=False)
    return key


def _old_labels(dataset: fo.Dataset, review: Review) -> _Edits:
    """Joins what is kept; of a label that was changed twice, the oldest stays."""
    joined: _Edits = {}
    for key in _runs(dataset, review):
        results = dataset.load_run_results(key, cache=False, load_view=False)
        for frame in json_util.loads(results.old_labels) if results else ():
            edit = joined.setdefault(frame["_id"], _Edit())
            changed = {label["_id"]: label for label in edit.changed}
            known = {*changed, *edit.added, *(x["_id"] for x in edit.deleted)}
            edit.deleted += [
                changed.get(x["_id"], x)
                for x in frame["deleted"]
                if x["_id"] in changed or x["_id"] not in known
            ]
            edit.changed += [x for x in frame["changed"] if x["_id"] not in known]
            edit.added += frame["added"]
            edit.said = {**frame["said"], **edit.said}
    return joined


def _runs(dataset: fo.Dataset, review: Review) -> list[str]:
    """The keys of the runs that keep old labels, the oldest first."""
    dataset.reload()  # another process may have applied something
    return sorted(dataset.list_runs(method=METHOD, name=review.name, kept=True))


def _config(dataset: fo.Dataset, review: Review, kept: bool) -> RunConfig:
    return dataset.init_run(
        method=METHOD, version=__version__, name=review.name, kept=kept
    )
