# SPDX-License-Identifier: Apache-2.0
"""Saved views that show the outliers of an audited dataset."""

from __future__ import annotations

import fiftyone as fo
from fiftyone import ViewField as F

from ..importers import store
from .comparing import ATTRIBUTES, CORRECTIONS
from .issues import ISSUES

#: Names of the saved views.
SIZE_OUTLIERS = "size outliers"
LOW_IOU = "low IoU"
OUTLIERS = "outliers"
ISSUE_CLIPS = "issues"
CHANGED = "changed by reviewers"

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


def save_changed_view(dataset: fo.Dataset, field: str, adjusted: str) -> int:
    """Saves the view ``changed by reviewers``, replacing an earlier one.

    It holds the frames in which reviewers changed a label, and of both fields the
    labels that they changed: before and after. Boxes that were but drawn again
    where they were are left out.

    Args:
        dataset: a dataset into which corrections were loaded
        field: the frame field of the tracks that were sent
        adjusted: the frame field of the corrected tracks

    Returns:
        the number of changed labels in the second field
    """
    view = changed_view(dataset, field, adjusted)
    description = "Labels that reviewers changed, before and after"
    dataset.save_view(CHANGED, view, description=description, overwrite=True)
    return int(view.count(f"frames.{adjusted}.detections"))


def changed_view(dataset: fo.Dataset, field: str, adjusted: str) -> fo.DatasetView:
    """Returns the frames that reviewers changed, and in them the changed labels.

    Args:
        dataset: a dataset into which corrections were loaded
        field: the frame field of the tracks that were sent
        adjusted: the frame field of the corrected tracks

    Returns:
        a :class:`fiftyone.core.view.DatasetView`
    """
    told = [*CORRECTIONS, ATTRIBUTES]
    changed = F("changes").contains(told)
    view = dataset.view()
    for name in (field, adjusted):
        view = view.filter_labels(f"frames.{name}", changed, only_matches=False)
    before, after = (F(f"{name}.detections").length() > 0 for name in (field, adjusted))
    return view.match_frames(before | after)
