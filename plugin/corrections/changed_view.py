# SPDX-License-Identifier: Apache-2.0
"""The saved view of what reviewers changed."""

from __future__ import annotations

import fiftyone as fo
from fiftyone import ViewField as F

from ...importers.store.locks import exclusive
from ..review.saved_views import SAVING
from .comparing import ATTRIBUTES, CORRECTIONS

CHANGED = "changed by reviewers"


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
    with exclusive(dataset, *SAVING):
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
