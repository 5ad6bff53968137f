# SPDX-License-Identifier: Apache-2.0
"""Saved views that show the outliers of an audited dataset."""

from __future__ import annotations

import fiftyone as fo
from fiftyone import ViewField as F

from ..importers import store
from .issues import ISSUES

#: Names of the saved views.
SIZE_OUTLIERS = "size outliers"
LOW_IOU = "low IoU"
OUTLIERS = "outliers"
ISSUE_CLIPS = "issues"

_FILTERS = {
    SIZE_OUTLIERS: ("size_outlier", "Boxes whose size departs from their track"),
    LOW_IOU: ("iou_outlier", "Boxes that are not where their track suggests"),
    OUTLIERS: ("outlier_score", "Boxes that the audit takes for mistakes"),
}


def save_outlier_views(
    dataset: fo.Dataset, label_field: str | None = None
) -> dict[str, int]:
    """Saves the views of what the audit found, replacing those of an earlier audit.

    ``size outliers``, ``low IoU`` and ``outliers`` hold the frames with such
    boxes, and those boxes alone. ``issues`` has a clip for each issue, the worst
    first.

    Args:
        dataset: an audited dataset
        label_field (None): the frame field of the tracks; found where there is
            only one

    Returns:
        the number of boxes or clips in each view, by the view's name

    Raises:
        ValueError: if the dataset was not audited
    """
    field = store.find_label_field(dataset, label_field)
    counts = {}
    for name, (attribute, description) in _FILTERS.items():
        if dataset.has_field(f"frames.{field}.detections.{attribute}"):
            view = outlier_view(dataset, field, attribute)
            dataset.save_view(name, view, description=description, overwrite=True)
            counts[name] = view.count(f"frames.{field}.detections")
    if not counts:
        raise ValueError(
            f"the tracks in '{field}' have no signals yet; audit the tracks first"
        )
    counts |= save_issue_view(dataset, field)
    return counts


def save_issue_view(dataset: fo.Dataset, field: str) -> dict[str, int]:
    """Saves the view ``issues``, or deletes it where there are none.

    FiftyOne makes the clips of a view when it is saved, so the view of an earlier
    audit would go on showing that audit's issues.

    Args:
        dataset: an audited dataset
        field: the frame field of the tracks

    Returns:
        the number of clips, by the view's name; empty where there are none
    """
    clips = issue_view(dataset, field) if dataset.has_field(ISSUES) else []
    if len(clips):
        description = "A clip of each issue, the worst first"
        dataset.save_view(ISSUE_CLIPS, clips, description=description, overwrite=True)
        return {ISSUE_CLIPS: len(clips)}
    if dataset.has_saved_view(ISSUE_CLIPS):
        dataset.delete_saved_view(ISSUE_CLIPS)
    return {}


def outlier_view(dataset: fo.Dataset, field: str, attribute: str) -> fo.DatasetView:
    """Returns the frames with outliers, and in them the outliers alone.

    Args:
        dataset: an audited dataset
        field: the frame field of the tracks
        attribute: ``size_outlier``, ``iou_outlier`` or ``outlier_score``

    Returns:
        a :class:`fiftyone.core.view.DatasetView`
    """
    is_score = attribute == "outlier_score"
    wrong = F(attribute) > 0.5 if is_score else F(attribute).is_in([True])
    boxes = F(f"{field}.detections")
    return dataset.filter_labels(f"frames.{field}", wrong).match_frames(
        boxes.length() > 0
    )


def issue_view(dataset: fo.Dataset, field: str) -> fo.DatasetView:
    """Returns a clip of each issue, the worst first.

    Args:
        dataset: an audited dataset
        field: the frame field of the tracks

    Returns:
        a :class:`fiftyone.core.clips.ClipsView`
    """
    about = F("label_field") == field
    clips = dataset.filter_labels(ISSUES, about).to_clips(ISSUES)
    return clips.sort_by(f"{ISSUES}.confidence", reverse=True)
