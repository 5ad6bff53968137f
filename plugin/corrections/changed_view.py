# SPDX-License-Identifier: Apache-2.0
"""Save the view of the labels that reviewers changed."""

from __future__ import annotations

import fiftyone as fo
from fiftyone import ViewField as F

from ...importers import store
from ...importers.store.locks import exclusive
from ..review.saved_views import SAVING, is_own_view
from .comparing import ATTRIBUTES, CORRECTIONS

#: The name of the saved view.
CHANGED = "changed by reviewers"
#: Its description, by which it is told from a user's own view of that name.
_DESCRIPTION = "Labels that reviewers changed, before and after"


def is_view_free(dataset: fo.Dataset) -> bool:
    """Return whether the view of the changes can be saved.

    Returns:
        False if a user saved a view of that name
    """
    return is_own_view(dataset, CHANGED, _DESCRIPTION)


def save_changed_view(dataset: fo.Dataset, field: str, adjusted: str) -> None:
    """Save the view ``changed by reviewers`` in place of an earlier one.

    A view that is saved already is not saved again: FiftyOne deletes a view before it
    saves another in its place. A user's own view of that name stays.

    Args:
        dataset: a dataset into which corrections were loaded
        field: the frame field of the labels that were sent
        adjusted: the frame field of the corrected labels
    """
    view = changed_view(dataset, field, adjusted)
    with exclusive(dataset, *SAVING):
        if not is_view_free(dataset):
            return
        saved = dataset.has_saved_view(CHANGED) and dataset.load_saved_view(CHANGED)
        if saved != view:
            dataset.save_view(CHANGED, view, description=_DESCRIPTION, overwrite=True)


def changed_view(dataset: fo.Dataset, field: str, adjusted: str) -> fo.DatasetView:
    """Return the frames that reviewers changed, and in them the changed labels.

    The view shows the labels of both fields, before and after. Boxes that were only
    redrawn in the same place are left out.

    Args:
        dataset: a dataset into which corrections were loaded
        field: the frame field of the labels that were sent
        adjusted: the frame field of the corrected labels
    """
    view = store.in_slice(dataset)
    for name in (field, adjusted):
        changes = store.own_attributes(dataset, name).get("changes", "changes")
        changed = F(changes).contains([*CORRECTIONS, ATTRIBUTES])
        path = store.frame_path(dataset, name)
        view = view.filter_labels(path, changed, only_matches=False)
    before, after = (F(f"{name}.detections").length() > 0 for name in (field, adjusted))
    if store.are_images(dataset):
        return view.match(before | after)
    return view.match_frames(before | after)
