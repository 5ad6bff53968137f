# SPDX-License-Identifier: Apache-2.0
"""Load corrections into a second label field, beside the labels that were sent."""

from __future__ import annotations

from pathlib import Path

import fiftyone as fo

from ...importers import store
from ...importers.files import expand_home
from ...importers.s3_objects import is_s3
from ...importers.store import runs
from ...importers.store.attributes import note_fields
from ...importers.store.locks import exclusive
from ..review.issues import mark_issues
from ..sending.records import (
    CVAT,
    MOT,
    AdjustmentRecord,
    SentFrames,
    choose_record,
    recorded_adjustments,
    recorded_sent,
)
from .changed_view import save_changed_view
from .corrected import Corrections
from .frame_attributes import store_frame_attributes
from .from_backends import read_annotations
from .from_cvat import read_corrected_cvat
from .from_groundtruth import read_output
from .from_mot import read_corrected_mot
from .known import Known, read_known
from .loading_plan import LoadingPlan, plan_loading
from .reviews import Review, recording_review, replace_reviews


def load_adjustment(
    dataset: fo.Dataset,
    name: str,
    output: Path | str | None = None,
    adjusted_field: str | None = None,
) -> Review:
    """Load the corrections of an adjustment, whichever way it was sent.

    The corrected labels go into a second label field, on exactly the frames that
    came back. Partial results are loaded from unfinished, stopped or failed jobs.
    Corrections that were loaded before are replaced.

    Args:
        dataset: the dataset that the frames are from
        name: the adjustment's name
        output (None): the ``output.manifest`` of a labeling job, a local copy of the
            jobs' output folder, or the folder of corrected MOT sequences or CVAT
            files; by default a job's output is read from S3, and files from the folder
            that they were exported to
        adjusted_field (None): the frame field for the corrected labels, by
            default ``<label field>_adjusted``

    Returns:
        the :class:`Review`

    Raises:
        ValueError: if no adjustment of that name is recorded
        InputError: if a file is damaged or belongs to another job
        GroundTruthError: if nothing came back yet, or AWS cannot be reached

    Example:
        >>> review = fta.load_adjustment(dataset, "fix")
        >>> review.changes
        {'resized': 1}
    """
    record = choose_record(dataset, sent_adjustments(dataset), name)
    if output is not None and not is_s3(str(output)):
        output = expand_home(output)
    if isinstance(record, SentFrames):
        if record.way == MOT:
            corrections = read_corrected_mot(dataset, record, output)
        elif record.way == CVAT:
            corrections = read_corrected_cvat(dataset, record, output)
        else:
            corrections = read_annotations(dataset, record)
    else:
        corrections = read_output(record, output, dataset.values("id"))
    return store_corrections(
        dataset, name, record.label_field, corrections, adjusted_field
    )


def sent_adjustments(dataset: fo.Dataset) -> dict[str, AdjustmentRecord | SentFrames]:
    """Return the adjustments that were sent, whichever way.

    Args:
        dataset: the dataset

    Returns:
        the records by name, labeling jobs first
    """
    return {**recorded_adjustments(dataset), **recorded_sent(dataset)}


def store_corrections(
    dataset: fo.Dataset,
    name: str,
    label_field: str,
    corrections: Corrections,
    adjusted_field: str | None = None,
) -> Review:
    """Compare corrected labels with those that were sent, and store both.

    Everything is checked first; if storing fails, nothing has changed. If the process
    is killed, loading again completes the work.

    Args:
        dataset: the dataset that the frames are from
        name: the adjustment's name
        label_field: the frame field of the labels that were sent
        corrections: what came back
        adjusted_field (None): the frame field for the corrected labels, by
            default ``<label field>_adjusted``

    Returns:
        the :class:`Review`

    Raises:
        ValueError: if the dataset lacks the frames, or cannot have the field
    """
    with exclusive(dataset, "loading corrections into"):
        runs.mend_references(dataset)
        known = read_known(dataset, name, label_field, adjusted_field, corrections)
        plan = plan_loading(name, known, corrections)
        _store(dataset, known, plan)
    dataset.reload()
    return plan.review


def _store(dataset: fo.Dataset, known: Known, plan: LoadingPlan) -> None:
    """Store a plan, all of it or nothing."""
    field, adjusted = known.label_field, known.adjusted_field
    said, lost = plan.frame_attributes, plan.lost["_id"]
    fields = [field, adjusted, *said.kinds, *known.adjusted_attributes]
    frames = [*known.documents["_id"], *lost]
    kept = store.all_or_nothing(dataset, fields, frames)
    with recording_review(dataset, plan.review), kept as stamp:
        note_fields(dataset, known.names, [adjusted])
        store.declare_corrections(dataset, adjusted)
        store.set_identity(dataset, adjusted, store.read_identity(dataset, field))
        if store.write_own(dataset, field, known.stored, plan.marks, stamp=stamp):
            raise ValueError(
                f"labels in '{field}' were changed while corrections were being "
                "loaded; try again"
            )
        made = store.make_detections(
            dataset, plan.tracks, adjusted, known.documents, known.stored.identities
        )
        store.replace_detections(dataset, adjusted, made, stamp=stamp)
        empty = {frame: {adjusted: None} for frame in lost}
        store.set_frame_values(dataset, empty, stamp)
        store_frame_attributes(dataset, said, stamp)
        mark_issues(dataset, plan.issues)
        save_changed_view(dataset, field, adjusted)
        replace_reviews(dataset, plan.others)
