# SPDX-License-Identifier: Apache-2.0
"""Save the view of the labels that annotators changed."""

from __future__ import annotations

import fiftyone as fo
from fiftyone import ViewField as F

from ...importers.store.locks import exclusive
from ..review.saved_views import SAVING, is_own_view
from .comparing import ATTRIBUTES, CORRECTIONS

#: The name of the view, and its description, by which it is recognized.
CHANGED = "changed by reviewers"
_DESCRIPTION = "Labels that reviewers changed, before and after"


def save_changed_view(dataset: fo.Dataset, field: str, adjusted: str) -> int:
    """Save the view ``changed by reviewers``, replacing an earlier one.

    The view shows the frames in which annotators changed a label, and the labels that
    they changed in both fields: before and after. Boxes that were only redrawn in place
    are left out. If a user saved a view of that name, that view is left as it is.

    Args:
        dataset: a dataset into which corrections were loaded
        field: the frame field of the tracks that were sent
        adjusted: the frame field of the corrected tracks

    Returns:
        the number of changed labels in the second field
    """
    view = changed_view(dataset, field, adjusted)
    with exclusive(dataset, *SAVING):
        if is_own_view(dataset, CHANGED, _DESCRIPTION):
            dataset.save_view(CHANGED, view, description=_DESCRIPTION, overwrite=True)
    return int(view.count(f"frames.{adjusted}.detections"))


def changed_view(dataset: fo.Dataset, field: str, adjusted: str) -> fo.DatasetView:
    """Return the frames that annotators changed, and in them the changed labels.

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
