# SPDX-License-Identifier: Apache-2.0
"""What reviewers did, recorded as a run of the dataset."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import fiftyone as fo
import pandas as pd

from ...importers import store
from ...importers.store import runs
from ..plain import count
from .comparing import join_precision

#: The method of the runs that record what was loaded.
METHOD = "track_audit/review"

review_key = partial(runs.run_key, "review")


@dataclass(frozen=True)
class Review:
    """What reviewers did, and how often the audit was right.

    Attributes:
        name: the adjustment's name
        label_field: the frame field of the tracks that were sent
        adjusted_field: the frame field of the corrected tracks
        frames: the numbers of the frames that came back, by sequence
        boxes: the number of boxes in them
        changes: the number of boxes with each kind of change; ``nudged`` is noise
        frame_attributes: the number of frames whose own attributes were changed
        corrected: the number of boxes that were really corrected
        missed: how many of these the audit had not flagged
        precision: for each kind of ``issue`` and of flagged ``box``: ``of``,
            ``kind``, ``found``, ``reviewed``, ``corrected`` and ``precision``
        notes: what did not come back, and what to know
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
    precision: list[dict[str, Any]]
    notes: list[str]


@contextmanager
def recording_review(dataset: fo.Dataset, review: Review) -> Iterator[None]:
    """Records a review with its dataset, in place of an earlier one.

    It counts once the work on its labels is done. Where that fails, the earlier one
    counts again; where it is broken off, neither does until it is done again.

    Args:
        dataset: the dataset
        review: the review
    """
    key = review_key(review.name)
    earlier = recorded_reviews(dataset).get(review.name)
    known = dataset.has_run(key)
    _record(dataset, review, complete=False)
    try:
        yield
        _record(dataset, review, complete=True)
    except BaseException:
        if earlier:
            _record(dataset, earlier, complete=True)
        elif not known:
            runs.delete_record(dataset, key)
        raise


def _record(dataset: fo.Dataset, review: Review, complete: bool) -> None:
    values = {**asdict(review), "complete": complete}
    runs.save_record(dataset, review_key(review.name), METHOD, values)


def other_reviews(dataset: fo.Dataset, review: Review) -> list[Review]:
    """Finds what was loaded of other adjustments of the same frames.

    Args:
        dataset: the dataset
        review: the review

    Returns:
        the others
    """
    return [
        other
        for other in recorded_reviews(dataset).values()
        if other.name != review.name
        and other.label_field == review.label_field
        and any(
            set(numbers) & set(other.frames.get(sequence, ()))
            for sequence, numbers in review.frames.items()
        )
    ]


def take_over_frames(dataset: fo.Dataset, review: Review, others: list[Review]) -> None:
    """Takes frames from other reviews, as a frame's corrections are of one of them.

    Args:
        dataset: the dataset
        review: the review, whose frames they are now
        others: see :func:`other_reviews`
    """
    for other in others:
        left = {
            sequence: sorted(set(numbers) - set(review.frames.get(sequence, ())))
            for sequence, numbers in other.frames.items()
        }
        frames = {sequence: numbers for sequence, numbers in left.items() if numbers}
        note = f"some frames hold the corrections of '{review.name}' by now"
        notes = list(dict.fromkeys([*other.notes, note]))
        _record(dataset, replace(other, frames=frames, notes=notes), complete=True)


def recorded_review(dataset: fo.Dataset, name: str) -> Review:
    """Returns what was loaded of an adjustment.

    Args:
        dataset: the dataset
        name: the adjustment's name

    Returns:
        the :class:`Review`

    Raises:
        ValueError: if nothing was loaded
    """
    reviews = recorded_reviews(dataset)
    if name not in reviews:
        known = ", ".join(reviews) or "none"
        raise ValueError(
            f"no corrections of '{name}' were loaded into '{dataset.name}', or not to "
            f"the end; expected one of: {known}"
        )
    return reviews[name]


def recorded_reviews(dataset: fo.Dataset) -> dict[str, Review]:
    """Returns what was loaded of a dataset's adjustments.

    Args:
        dataset: the dataset

    Returns:
        each :class:`Review` by the adjustment's name, in the order they were loaded
    """
    names = Review.__dataclass_fields__
    reviews = [
        Review(**{name: stored.content[name] for name in names})
        for stored in runs.read_records(dataset, METHOD, complete=True)
    ]
    return {review.name: review for review in reviews}


def reviewed_precision(
    dataset: fo.Dataset, label_field: str | None = None
) -> pd.DataFrame:
    """Returns how often the audit was right, by all that reviewers corrected.

    It is what the reviews say that were loaded: another audit does not change it.

    Args:
        dataset: the dataset
        label_field (None): the frame field of the tracks; found where there is
            only one

    Returns:
        one row per kind of ``issue`` and of flagged ``box``, see
        :func:`.comparing.join_precision`; no row where nothing was loaded

    Raises:
        ValueError: if the dataset has no such field
    """
    field = store.find_label_field(dataset, label_field)
    return join_precision(
        record
        for review in recorded_reviews(dataset).values()
        if review.label_field == field
        for record in review.precision
    )


def describe_review(review: Review) -> str:
    """Says what reviewers did.

    Args:
        review: the review

    Returns:
        one line
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
