# SPDX-License-Identifier: Apache-2.0
"""Corrected labels into a second label field, beside the labels that were sent."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
import pandas as pd

from ...importers import store
from ...importers.dataset import check_fields
from ...importers.files import expand_home, is_s3
from ...importers.pixels import scale_images
from ...importers.store import runs
from ...importers.store.attributes import attribute_fields, cast_values, name_fields
from ...importers.store.locks import exclusive
from ...importers.tracks import BOX, Tracks, make_table
from ..audit import kind_name
from ..review.issues import mark_issues, read_issues
from ..sending.records import (
    MOT,
    AdjustmentRecord,
    SentFrames,
    recorded_adjustment,
    recorded_adjustments,
    recorded_sent,
)
from .changed_view import CHANGED, changed_view, save_changed_view
from .comparing import (
    CHANGES,
    MOVED,
    NUDGED,
    RESIZED,
    compare_tracks,
    is_corrected,
    judge_issues,
    name_changes,
    precision,
)
from .corrected import Corrections
from .frame_attributes import (
    FrameAttributes,
    adjusted_attributes,
    plan_frame_attributes,
    store_frame_attributes,
)
from .from_backends import read_annotations
from .from_groundtruth import read_output
from .from_mot import read_corrected_mot
from .originals import boxes_as_sent, count_conflicts, find_originals, number_objects
from .reviews import (
    Review,
    other_reviews,
    recorded_reviews,
    recording_review,
    take_over_frames,
)

_REASONS = "outlier_reasons"


def load_adjustment(
    dataset: fo.Dataset,
    name: str,
    output: Path | str | None = None,
    adjusted_field: str | None = None,
) -> Review:
    """Loads what came back of an adjustment, whichever way it went out.

    The corrected tracks go into a second label field, on exactly the frames that
    came back. Jobs that are not finished, were stopped or failed give what they
    have. What was loaded before is replaced.

    Args:
        dataset: the dataset that the frames are from
        name: the adjustment's name
        output (None): the ``output.manifest``, or a local copy of the jobs'
            output folder; by default it is read from S3. Of MOT files their
            folder, by default the one that they were written to
        adjusted_field (None): the frame field for the corrected tracks, by
            default ``<label field>_adjusted``

    Returns:
        the :class:`Review`

    Raises:
        ValueError: if no adjustment of that name is recorded
        InputError: if a file is damaged or belongs to another job
        GroundTruthError: if nothing came back yet, or AWS cannot be asked
    """
    record = sent_adjustments(dataset).get(name)
    if output is not None and not is_s3(str(output)):
        output = expand_home(output)
    if isinstance(record, SentFrames):
        if record.way == MOT:
            corrections = read_corrected_mot(dataset, record, output)
        else:
            corrections = read_annotations(dataset, record)
    else:
        record = recorded_adjustment(dataset, name)
        corrections = read_output(record, output, dataset.values("id"))
    return store_corrections(
        dataset, name, record.label_field, corrections, adjusted_field
    )


def sent_adjustments(dataset: fo.Dataset) -> dict[str, AdjustmentRecord | SentFrames]:
    """Returns everything that was sent to be corrected.

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
    """Compares corrected labels with those that were sent, and stores both.

    Everything is checked first; where storing fails, nothing has changed. Where it is
    broken off, it goes on by doing it again.

    Args:
        dataset: the dataset that the frames are from
        name: the adjustment's name
        label_field: the frame field of the tracks that were sent
        corrections: what came back
        adjusted_field (None): the frame field for the corrected tracks, by
            default ``<label field>_adjusted``

    Returns:
        the :class:`Review`

    Raises:
        ValueError: if the dataset lacks the frames, or cannot have the field
    """
    with exclusive(dataset, "loading corrections into"):
        runs.mend_references(dataset)
        return _store(dataset, name, label_field, corrections, adjusted_field)


def _store(
    dataset: fo.Dataset,
    name: str,
    label_field: str,
    corrections: Corrections,
    adjusted_field: str | None,
) -> Review:
    field = store.find_label_field(dataset, label_field)
    adjusted = (adjusted_field or f"{field}_adjusted").removeprefix("frames.")
    _check_adjusted(dataset, field, adjusted)
    earlier = recorded_reviews(dataset).get(name)
    stored = _read_stored(dataset, field, corrections, earlier)
    current = boxes_as_sent(stored, corrections)
    corrections = number_objects(dataset, adjusted, stored, current, corrections)
    changes = compare_tracks(
        corrections.sent, corrections.corrected, corrections.attributes
    )
    changes["original"] = find_originals(current, corrections, changes)
    issues = _judged_issues(dataset, field, stored, corrections, changes)
    documents = _documents(stored, corrections.frames)
    said = plan_frame_attributes(dataset, adjusted, documents, corrections)
    conflicts = count_conflicts(current, corrections, changes) + said.conflicts
    review = _make_review(
        name, field, adjusted, stored, corrections, changes, issues, conflicts, said
    )
    others = other_reviews(dataset, review)
    review = replace(review, notes=[*review.notes, *map(_replaces, others)])
    fields = [field, adjusted, *said.kinds, *adjusted_attributes(dataset, adjusted)]
    lost = _lost_frames(earlier, review, stored)
    marked = pd.concat([documents, lost])
    kept = store.all_or_nothing(dataset, fields, list(marked["_id"]))
    with recording_review(dataset, review), kept as stamp:
        store.declare_corrections(dataset, adjusted)
        marks = _marks(stored, marked, changes)
        if store.write_columns(dataset, field, stored, marks, stamp=stamp):
            raise ValueError(
                f"somebody is changing the labels in '{field}' right now; try again"
            )
        tracks = _adjusted_tracks(
            dataset, field, adjusted, stored, corrections, changes
        )
        made = store.make_detections(dataset, tracks, adjusted, documents)
        store.replace_detections(dataset, adjusted, made, stamp=stamp)
        empty = {frame: {adjusted: None} for frame in lost["_id"]}
        store.set_frame_values(dataset, empty, stamp)
        store_frame_attributes(dataset, said, stamp)
        mark_issues(dataset, issues[["id", "corrected"]].dropna())
        _save_view(dataset, field, adjusted)
        take_over_frames(dataset, review, others)
    dataset.reload()
    return review


def _check_adjusted(dataset: fo.Dataset, field: str, adjusted: str) -> None:
    """Checks that a field is new, or holds corrections that can be replaced."""
    check_fields(dataset, [adjusted])
    replaceable = store.holds_corrections(dataset, adjusted) and adjusted != field
    if dataset.has_frame_field(adjusted) and not replaceable:
        raise ValueError(
            f"the frame field '{adjusted}' holds labels that are no corrections; "
            "choose another name for the field of the corrected labels"
        )


def _replaces(other: Review) -> str:
    return f"in some frames, these replace the corrections of '{other.name}'"


def _read_stored(
    dataset: fo.Dataset,
    field: str,
    corrections: Corrections,
    earlier: Review | None,
) -> store.StoredTracks:
    """Reads the tracks of the sequences, with what tells their objects apart."""
    also = earlier.frames if earlier else ()
    samples = store.select_sequences(dataset, corrections.frames["sequence"], also)
    declared = dataset.get_frame_field_schema(flat=True) or {}
    names = [
        name
        for name in ("object_id", "object_name", _REASONS)
        if f"{field}.detections.{name}" in declared
    ]
    return store.read_tracks(samples, field, ["id", *names])


def _adjusted_tracks(
    dataset: fo.Dataset,
    field: str,
    adjusted: str,
    stored: store.StoredTracks,
    corrections: Corrections,
    changes: pd.DataFrame,
) -> Tracks:
    """Makes the tracks of the second field, in pixels of the labels' own images."""
    rows = changes[changes["corrected"] >= 0]
    named = name_fields(dataset, Tracks(corrections.corrected, {}), [adjusted]).table
    table = named.iloc[rows["corrected"]].reset_index(drop=True)
    schema = dataset.get_frame_field_schema(flat=True) or {}
    for path in attribute_fields(dataset)[0]:
        if path in table:
            own = schema.get(f"{field}.detections.{path}")
            table[path] = cast_values(table[path], own)
    scales = scale_images(stored.tracks.sequences, corrections.image_sizes)
    boxes = table[BOX].to_numpy(np.float64)
    boxes = boxes / scales.loc[table["sequence"], ["x", "y", "x", "y"]].to_numpy()
    # What nobody touched stays as exact as it was
    same = ~rows[[MOVED, RESIZED, NUDGED]].any(axis=1) & (rows["original"] >= 0)
    originals = stored.tracks.table
    kept = originals[BOX].to_numpy()[rows.loc[same, "original"]]
    boxes[same.to_numpy()] = kept
    ids = originals["id"].astype(str).to_numpy(object)
    original = rows["original"].to_numpy()
    id_of = np.where(original >= 0, ids[original] if len(ids) else None, None)
    columns = {
        **{str(name): table[name] for name in table},
        **dict(zip(BOX, boxes.T, strict=True)),
        "changes": pd.Series(name_changes(rows), dtype=object),
        "change_iou": rows["iou"].to_numpy(),
        "original_id": pd.Series(id_of, dtype=object),
    }
    # What annotators said about whole frames is in fields of its own
    sequences = {
        name: replace(sequence, frame_attributes=None)
        for name, sequence in stored.tracks.sequences.items()
    }
    return Tracks(make_table(columns), sequences)


def _lost_frames(
    earlier: Review | None, review: Review, stored: store.StoredTracks
) -> pd.DataFrame:
    """The frames of which there were corrections, and now are none."""
    frames = earlier.frames if earlier else {}
    lost = [
        (name, number)
        for name, numbers in frames.items()
        for number in sorted(set(numbers) - set(review.frames.get(name, ())))
    ]
    return _documents(stored, pd.DataFrame(lost, columns=["sequence", "frame"]))


def _save_view(dataset: fo.Dataset, field: str, adjusted: str) -> None:
    """Saves the view of the changes, but where it is saved already.

    FiftyOne deletes a view before it saves another in its place.
    """
    saved = dataset.has_saved_view(CHANGED) and dataset.load_saved_view(CHANGED)
    if saved != changed_view(dataset, field, adjusted):
        save_changed_view(dataset, field, adjusted)


def _documents(stored: store.StoredTracks, frames: pd.DataFrame) -> pd.DataFrame:
    """Frames as rows of ``stored.documents``."""
    documents = stored.documents
    keys = pd.MultiIndex.from_frame(documents[["sequence", "frame"]])
    return documents[keys.isin(pd.MultiIndex.from_frame(frames[["sequence", "frame"]]))]


def _marks(
    stored: store.StoredTracks, documents: pd.DataFrame, changes: pd.DataFrame
) -> pd.DataFrame:
    """What to note on the boxes that were sent."""
    rows = stored.rows[stored.rows["document"].isin(documents.index)]
    marks = pd.DataFrame(
        {
            "changes": pd.Series([[] for _ in range(len(rows))], rows.index),
            "change_iou": np.full(len(rows), np.nan),
        }
    )
    known = changes[changes["original"] >= 0]
    names = pd.Series(name_changes(known), known["original"], dtype=object)
    marks.loc[names.index, "changes"] = names
    marks.loc[names.index, "change_iou"] = known["iou"].to_numpy()
    return marks


def _judged_issues(
    dataset: fo.Dataset,
    field: str,
    stored: store.StoredTracks,
    corrections: Corrections,
    changes: pd.DataFrame,
) -> pd.DataFrame:
    issues = read_issues(dataset, field, stored.spans)
    samples = stored.documents.drop_duplicates("sample_id").set_index("sample_id")
    issues["sequence"] = issues["sample_id"].map(samples["sequence"])
    corrected = judge_issues(issues, changes, corrections.frames)
    return issues.assign(corrected=corrected)


def _make_review(
    name: str,
    field: str,
    adjusted: str,
    stored: store.StoredTracks,
    corrections: Corrections,
    changes: pd.DataFrame,
    issues: pd.DataFrame,
    conflicts: int,
    said: FrameAttributes,
) -> Review:
    corrected = is_corrected(changes)
    reasons = _reasons(stored, changes)
    right = corrected.reindex(reasons.index)
    found = {
        "issue": precision(issues["kind"], issues["corrected"]),
        "box": precision(reasons, right),
    }
    flagged = changes.index.isin(reasons.index)
    notes = list(corrections.notes)
    if conflicts:
        notes.append(
            f"{conflicts} of the labels in '{field}' were changed here since they "
            "were sent: what reviewers did to them cannot be applied"
        )
    counts = Counter(kind for kinds in name_changes(changes) for kind in kinds)
    return Review(
        name=name,
        label_field=field,
        adjusted_field=adjusted,
        frames={
            str(sequence): frames.tolist()
            for sequence, frames in corrections.frames.groupby("sequence")["frame"]
        },
        boxes=len(corrections.corrected),
        changes={kind: counts[kind] for kind in CHANGES if counts[kind]},
        frame_attributes=said.changed,
        corrected=int(corrected.sum()),
        missed=int((corrected & ~flagged & (changes["sent"] >= 0)).sum()),
        precision=[
            {"of": of, "kind": kind_name(str(row["index"])), **_numbers(row)}
            for of, table in found.items()
            for row in table.rename_axis("index").reset_index().to_dict("records")
        ],
        notes=notes,
    )


def _numbers(row: dict[Any, Any]) -> dict[str, Any]:
    share = row["precision"]
    counts = {name: int(row[name]) for name in ("found", "reviewed", "corrected")}
    return {**counts, "precision": None if np.isnan(share) else float(share)}


def _reasons(stored: store.StoredTracks, changes: pd.DataFrame) -> pd.Series[str]:
    """The reasons why boxes were flagged, by the row of ``changes``."""
    table = stored.tracks.table
    known = changes[changes["original"] >= 0]
    if _REASONS not in table:
        return pd.Series([], dtype=object)
    reasons = table[_REASONS].to_numpy(object)[known["original"]]
    return pd.Series(reasons, known.index, dtype=object).explode().dropna()
