# SPDX-License-Identifier: Apache-2.0
"""Record the loads of corrections as runs of the dataset."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from functools import partial

import fiftyone as fo
import pandas as pd

from ...importers import store
from ...importers.store import runs
from ...importers.store.bulk import database_time
from ..plain import count
from .precision import Precision, join_precision

#: The method of the runs that record reviews.
METHOD = "track_audit/review"

review_key = partial(runs.run_key, "review")


@dataclass(frozen=True)
class Review:
    """What reviewers changed, and how often the audit was right.

    Attributes:
        name: the adjustment's name
        label_field: the frame field of the labels that were sent
        adjusted_field: the frame field of the corrected labels
        frames: the numbers of the frames that came back, by sequence
        boxes: the number of boxes in these frames
        changes: the number of boxes with each kind of change; ``nudged`` is noise
        frame_attributes: the number of frames whose attributes were changed
        corrected: the number of boxes that were wrong, see :func:`is_corrected`
        missed: how many of these the audit had not flagged
        precision: how often the audit was right about each kind of mistake
        notes: what did not come back, and what else users should know
    """

    name: str
    label_field: str
    adjusted_field: str
    frames: dict[str, list[int]]
    boxes: int
    changes: dict[str, int]
    frame_attributes: int
    corrected: int
    missed: int
    precision: list[Precision]
    notes: list[str]


@contextmanager
def recording_review(dataset: fo.Dataset, review: Review) -> Iterator[None]:
    """Record a review in place of an earlier one of the same adjustment.

    The review counts once the work on the labels is done. If that fails, the earlier
    review counts again; if the process is killed, neither counts until the corrections
    have been loaded again.
    """
    now = database_time()
    with runs.restored_on_error(dataset, review_key(review.name)):
        _record(dataset, review, now, complete=False)
        yield
        _record(dataset, review, now)


def replace_reviews(dataset: fo.Dataset, reviews: Collection[Review]) -> None:
    """Replace the records of reviews; the times of their loads stay.

    Args:
        dataset: the dataset
        reviews: the reviews, which are recorded
    """
    times = {each.review.name: each.time for each in _read(dataset)}
    for review in reviews:
        _record(dataset, review, times[review.name])


@dataclass(frozen=True)
class _Load:
    """A review, and the time of its last load."""

    review: Review
    time: datetime


def _record(
    dataset: fo.Dataset, review: Review, time: datetime, complete: bool = True
) -> None:
    values = {**asdict(review), "complete": complete, "loaded": time.isoformat()}
    runs.save_record(dataset, review_key(review.name), METHOD, values)


def _read(dataset: fo.Dataset) -> list[_Load]:
    """Read the reviews that count, the one that was loaded last at the end."""
    loads = []
    for stored in runs.read_records(dataset, METHOD, complete=True):
        values = {field.name: stored.content[field.name] for field in fields(Review)}
        values["precision"] = [Precision(**each) for each in values["precision"]]
        # Updating a run keeps its time; older records have no other
        loaded = stored.content.get("loaded")
        time = datetime.fromisoformat(loaded) if loaded else stored.time
        time = time if time.tzinfo else time.replace(tzinfo=UTC)
        loads.append(_Load(Review(**values), time))
    return sorted(loads, key=lambda load: load.time)


def find_overlapping(review: Review, others: Collection[Review]) -> list[Review]:
    """Find the reviews of other adjustments that have frames of a review.

    Returns:
        those of the same label field, without the review itself
    """
    return [
        other
        for other in others
        if other.name != review.name
        and other.label_field == review.label_field
        and any(
            set(numbers) & set(other.frames.get(sequence, ()))
            for sequence, numbers in review.frames.items()
        )
    ]


def without_frames(other: Review, review: Review) -> Review:
    """Return a review without the frames that a later review took over.

    Args:
        other: the earlier review
        review: the later review: a frame holds the corrections of one review only

    Returns:
        the earlier review with fewer frames, and a note
    """
    left = {
        sequence: sorted(set(numbers) - set(review.frames.get(sequence, ())))
        for sequence, numbers in other.frames.items()
    }
    frames = {sequence: numbers for sequence, numbers in left.items() if numbers}
    note = f"some frames now hold the corrections of '{review.name}'"
    return replace(
        other, frames=frames, notes=list(dict.fromkeys([*other.notes, note]))
    )


def recorded_review(dataset: fo.Dataset, name: str) -> Review:
    """Return the review of an adjustment.

    Raises:
        ValueError: if its corrections were not loaded, or not completely
    """
    reviews = recorded_reviews(dataset)
    if name not in reviews:
        known = ", ".join(reviews) or "none"
        raise ValueError(
            f"no corrections of '{name}' were loaded into '{dataset.name}', or loading "
            f"them was interrupted; expected one of: {known}"
        )
    return reviews[name]


def recorded_reviews(dataset: fo.Dataset) -> dict[str, Review]:
    """Return the reviews of a dataset's adjustments.

    Returns:
        each :class:`Review` by the adjustment's name, in the order of their last loads
    """
    return {load.review.name: load.review for load in _read(dataset)}


def reviewed_precision(
    dataset: fo.Dataset, label_field: str | None = None
) -> pd.DataFrame:
    """Return how often the audit was right, by all reviews of a dataset.

    Another audit does not change the result.

    Args:
        dataset: the dataset
        label_field (None): the frame field of the labels that were sent; by default
            the dataset's only one

    Returns:
        one row per kind of ``issue`` and of flagged ``box``, see
        :func:`.precision.join_precision`; no rows if no corrections were loaded

    Raises:
        ValueError: if the dataset has no such field

    Example:
        >>> review = fta.load_adjustment(dataset, "fix")
        >>> precision = fta.reviewed_precision(dataset)
        >>> precision[["of", "kind", "reviewed", "corrected"]].values.tolist()
        [['issue', 'shift', 1, 0], ['issue', 'size change', 1, 1], ...]
    """
    field = store.find_label_field(dataset, label_field)
    return join_precision(
        each
        for review in recorded_reviews(dataset).values()
        if review.label_field == field
        for each in review.precision
    )


def describe_review(review: Review) -> str:
    """Summarize a review in one line.

    Returns:
        what was loaded, and what reviewers changed
    """
    frames = sum(map(len, review.frames.values()))
    changes = ", ".join(f"{number:,} {kind}" for kind, number in review.changes.items())
    if review.frame_attributes:
        changed = count(review.frame_attributes, "frame")
        changes = f"{changes or 'no box'}, attributes of {changed}"
    return (
        f"{count(review.boxes, 'box')} in {count(frames, 'frame')} loaded into "
        f"'{review.adjusted_field}'; "
        + (f"changes: {changes}" if changes else "nothing changed")
    )
