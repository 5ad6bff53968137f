# SPDX-License-Identifier: Apache-2.0
"""Plan what loading corrections stores.

Pure functions over what the dataset holds and what came back: nothing here reads or
writes a dataset.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ...importers.pixels import scale_images
from ...importers.store.attributes import cast_values
from ...importers.tracks import BOX, Tracks, make_table
from ..audit.boxes import Floats
from .changed_view import CHANGED
from .comparing import (
    CHANGES,
    MOVED,
    NUDGED,
    RESIZED,
    compare_tracks,
    is_corrected,
    name_changes,
)
from .corrected import Corrections
from .frame_attributes import FrameAttributes, plan_frame_attributes
from .known import Known, find_documents
from .originals import boxes_as_sent, count_conflicts, find_originals, number_objects
from .precision import judge_issues, measure_precision
from .reviews import Review, find_overlapping, without_frames


@dataclass(frozen=True)
class LoadingPlan:
    """Everything that loading corrections stores.

    Attributes:
        review: the record of the load
        others: earlier reviews, without the frames that this one takes over
        marks: ``changes`` and ``change_iou`` of the labels that were sent, by the row
            of ``Known.stored``
        tracks: the corrected labels
        lost: the frames that had corrections before and now have none, rows of
            ``Known.stored.documents``
        frame_attributes: the corrected attributes of frames
        issues: ``id`` and ``corrected`` of each issue whose frames came back
    """

    review: Review
    others: list[Review]
    marks: pd.DataFrame
    tracks: Tracks
    lost: pd.DataFrame
    frame_attributes: FrameAttributes
    issues: pd.DataFrame


def plan_loading(name: str, known: Known, corrections: Corrections) -> LoadingPlan:
    """Plan what loading corrections stores.

    Raises:
        ValueError: if another field has the name of a corrected attribute's
    """
    current = boxes_as_sent(known.stored, corrections)
    corrections = number_objects(known, current, corrections)
    changes = compare_tracks(
        corrections.sent, corrections.corrected, corrections.attributes
    )
    changes["original"] = find_originals(current, corrections, changes)
    judged = judge_issues(known.issues, changes, corrections.frames)
    issues = known.issues.assign(corrected=judged)
    attributes = plan_frame_attributes(known, corrections)
    conflicts = count_conflicts(current, corrections, changes) + attributes.conflicts
    review = _make_review(name, known, corrections, changes, issues, attributes)
    others = find_overlapping(review, known.reviews.values())
    notes = [*review.notes, *_notes(known, conflicts, others)]
    review = replace(review, notes=notes)
    lost = _lost_frames(known, review)
    return LoadingPlan(
        review=review,
        others=[without_frames(other, review) for other in others],
        marks=_marks(known, lost, changes),
        tracks=_adjusted_tracks(known, corrections, changes),
        lost=lost,
        frame_attributes=attributes,
        issues=issues[["id", "corrected"]].dropna(),
    )


def _make_review(
    name: str,
    known: Known,
    corrections: Corrections,
    changes: pd.DataFrame,
    issues: pd.DataFrame,
    attributes: FrameAttributes,
) -> Review:
    corrected = is_corrected(changes)
    reasons = _reasons(known, changes)
    flagged = changes.index.isin(reasons.index)
    counts = Counter(kind for kinds in name_changes(changes) for kind in kinds)
    return Review(
        name=name,
        label_field=known.label_field,
        adjusted_field=known.adjusted_field,
        frames={
            str(sequence): frames.tolist()
            for sequence, frames in corrections.frames.groupby("sequence")["frame"]
        },
        boxes=len(corrections.corrected),
        changes={kind: counts[kind] for kind in CHANGES if counts[kind]},
        frame_attributes=attributes.changed,
        corrected=int(corrected.sum()),
        missed=int((corrected & ~flagged & (changes["sent"] >= 0)).sum()),
        precision=[
            *measure_precision("issue", issues["kind"], issues["corrected"]),
            *measure_precision("box", reasons, corrected.reindex(reasons.index)),
        ],
        notes=list(corrections.notes),
    )


def _notes(known: Known, conflicts: int, others: list[Review]) -> list[str]:
    notes = []
    if conflicts:
        notes.append(
            f"{conflicts} of the labels in '{known.label_field}' were changed in the "
            "dataset since they were sent; their corrections cannot be applied"
        )
    notes += [
        f"in some frames, these replace the corrections of '{other.name}'"
        for other in others
    ]
    if not known.view_is_free:
        notes.append(
            f"the view of the changes was not saved, because the dataset has another "
            f"view named '{CHANGED}'; rename that view and load again to get both"
        )
    return notes


def _reasons(known: Known, changes: pd.DataFrame) -> pd.Series[str]:
    """Return the reasons why labels were flagged, by the row of ``changes``."""
    if known.reasons is None:
        return pd.Series([], dtype=object)
    sent = changes[changes["original"] >= 0]
    reasons = known.stored.tracks.table[known.reasons].to_numpy(object)
    reasons = reasons[sent["original"]]
    return pd.Series(reasons, sent.index, dtype=object).explode().dropna()


def _lost_frames(known: Known, review: Review) -> pd.DataFrame:
    """Return the frames that had corrections before and now have none."""
    earlier = known.reviews.get(review.name)
    lost = [
        (name, number)
        for name, numbers in (earlier.frames if earlier else {}).items()
        for number in sorted(set(numbers) - set(review.frames.get(name, ())))
    ]
    return find_documents(
        known.stored, pd.DataFrame(lost, columns=["sequence", "frame"])
    )


def _marks(known: Known, lost: pd.DataFrame, changes: pd.DataFrame) -> pd.DataFrame:
    """Return what to note on the labels that were sent; nothing if unchanged."""
    rows = known.stored.rows["document"]
    rows = rows[rows.isin([*known.documents.index, *lost.index])]
    marks = pd.DataFrame(
        {
            "changes": pd.Series([[] for _ in range(len(rows))], rows.index),
            "change_iou": np.full(len(rows), np.nan),
        }
    )
    sent = changes[changes["original"] >= 0]
    names = pd.Series(name_changes(sent), sent["original"], dtype=object)
    marks.loc[names.index, "changes"] = names
    marks.loc[names.index, "change_iou"] = sent["iou"].to_numpy()
    return marks


def _adjusted_tracks(
    known: Known, corrections: Corrections, changes: pd.DataFrame
) -> Tracks:
    """Return the corrected labels, in pixels of the labels' own images."""
    rows = changes[changes["corrected"] >= 0]
    stored = known.stored.tracks
    table = corrections.corrected.rename(columns=known.names.labels)
    table = table.iloc[rows["corrected"]].reset_index(drop=True)
    for path in known.names.labels.values():
        own = known.schema.get(f"{known.label_field}.detections.{path}")
        table[path] = cast_values(table[path], own)
    scales = scale_images(stored.sequences, corrections.image_sizes)
    original = rows["original"].to_numpy()
    edges = _edges(table) / scales.loc[table["sequence"], list("xyxy")].to_numpy()
    # What nobody touched stays as exact as it was, edge by edge
    there = original >= 0
    sent = _edges(corrections.sent.iloc[rows["sent"].to_numpy()[there]])
    untouched = sent == _edges(table[there])
    before = _edges(stored.table.iloc[original[there]])
    edges[there] = np.where(untouched, before, edges[there])
    boxes = np.hstack([edges[:, :2], edges[:, 2:] - edges[:, :2]])
    same = ~rows[[MOVED, RESIZED, NUDGED]].any(axis=1).to_numpy() & there
    boxes[same] = stored.table[BOX].to_numpy()[original[same]]
    ids = stored.table["id"].astype(str).to_numpy(object)
    id_of = np.where(original >= 0, ids[original] if len(ids) else None, None)
    columns = {
        **{str(name): table[name] for name in table},
        **dict(zip(BOX, boxes.T, strict=True)),
        "changes": pd.Series(name_changes(rows), dtype=object),
        "change_iou": rows["iou"].to_numpy(),
        "original_id": pd.Series(id_of, dtype=object),
    }
    # Attributes of whole frames have fields of their own
    sequences = {
        name: replace(sequence, frame_attributes=None)
        for name, sequence in stored.sequences.items()
    }
    return Tracks(make_table(columns), sequences)


def _edges(boxes: pd.DataFrame) -> Floats:
    """Return the left, top, right and bottom edges of boxes, ``(n, 4)``."""
    places = boxes[BOX].to_numpy(np.float64)
    return np.hstack([places[:, :2], places[:, :2] + places[:, 2:]])
