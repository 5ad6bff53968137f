# SPDX-License-Identifier: Apache-2.0
"""Saved views that show the outliers of an audited dataset."""

from __future__ import annotations

from itertools import chain

import fiftyone as fo
from fiftyone import ViewField as F

from ...importers import store
from ...importers.store.locks import exclusive
from .decisions import CONFIRMED, DISMISSED
from .issues import ISSUES

#: Names of the saved views.
SIZE_OUTLIERS = "size outliers"
LOW_IOU = "low IoU"
OUTLIERS = "outliers"
ISSUE_CLIPS = "issues"
TO_REVIEW = "issues to review"
_FILTERS = {
    SIZE_OUTLIERS: ("size_outlier", "Boxes whose size departs from their track"),
    LOW_IOU: ("iou_outlier", "Boxes that are not where their track suggests"),
    OUTLIERS: ("outlier_score", "Boxes that the audit takes for mistakes"),
}
#: The views of issues, by what was decided of them; None for all issues.
_ISSUES = {
    ISSUE_CLIPS: (None, "A clip of each issue, the worst first"),
    TO_REVIEW: ("", "Issues that nobody has decided yet, the worst first"),
    CONFIRMED: (CONFIRMED, "Issues that are mistakes, the worst first"),
    DISMISSED: (DISMISSED, "Issues that are no mistakes, the worst first"),
}
#: What is done, and to which part of a dataset.
SAVING = ("saving views of", "-views")


def save_outlier_views(
    dataset: fo.Dataset, label_field: str | None = None
) -> dict[str, int]:
    """Saves the views of what the audit found, replacing those of an earlier audit.

    ``size outliers``, ``low IoU`` and ``outliers`` hold the frames with such
    boxes, and those boxes alone. ``issues`` has a clip for each issue, the worst
    first; ``issues to review``, ``confirmed`` and ``dismissed`` have those of which
    that was decided.

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
    audited = {
        name: (attribute, description)
        for name, (attribute, description) in _FILTERS.items()
        if dataset.has_field(f"frames.{field}.detections.{attribute}")
    }
    if not audited:
        raise ValueError(
            f"the tracks in '{field}' have no signals yet; audit the tracks first"
        )
    counts = {}
    with exclusive(dataset, *SAVING):
        for what, (attribute, description) in audited.items():
            name = view_name(dataset, what, field)
            if _is_own(dataset, name, description):
                view = outlier_view(dataset, field, attribute)
                dataset.save_view(name, view, description=description, overwrite=True)
                counts[name] = view.count(f"frames.{field}.detections")
    return counts | save_issue_views(dataset, field)


def save_issue_views(dataset: fo.Dataset, field: str) -> dict[str, int]:
    """Saves the views of issues, and deletes those that there are no issues for.

    FiftyOne makes the clips of a view when it is saved: an earlier view would go on
    showing what was an issue then, and what was decided then. Views of such names
    that somebody else saved stay as they are.

    Args:
        dataset: an audited dataset
        field: the frame field of the tracks

    Returns:
        the number of clips, by the view's name; without those that are empty
    """
    counts: dict[str, int] = {}
    has_issues = dataset.has_field(ISSUES)
    with exclusive(dataset, *SAVING):
        for what, (decision, description) in _ISSUES.items():
            name = view_name(dataset, what, field)
            if not _is_own(dataset, name, description):
                continue
            issues = _issues(dataset, field, decision) if has_issues else None
            number = issues.count(f"{ISSUES}.detections") if issues else 0
            if number:
                counts[name] = int(number)
            if not number and dataset.has_saved_view(name):
                dataset.delete_saved_view(name)
            elif number and not _is_current(dataset, name, issues):
                clips = issue_view(dataset, field, decision)
                dataset.save_view(name, clips, description=description, overwrite=True)
    return counts


def view_name(dataset: fo.Dataset, what: str, field: str) -> str:
    """Returns the name of a saved view, which tells label fields apart.

    Args:
        dataset: a dataset
        what: what the view shows, such as ``issues``
        field: the frame field of the tracks

    Returns:
        that; with the field, where it is not ``ground_truth`` or the first one
    """
    fields = store.label_fields(dataset)
    main = "ground_truth" if "ground_truth" in fields else next(iter(fields), field)
    return what if field == main else f"{what} ({field})"


def list_foreign_views(dataset: fo.Dataset, field: str) -> list[str]:
    """Lists the views that somebody else saved under names that are needed here.

    Args:
        dataset: a dataset
        field: the frame field of the tracks

    Returns:
        their names
    """
    names = {
        view_name(dataset, what, field): description
        for what, (_, description) in (_FILTERS | _ISSUES).items()
    }
    return [name for name in names if not _is_own(dataset, name, names[name])]


def _is_own(dataset: fo.Dataset, name: str, description: str) -> bool:
    """Whether there is no saved view of a name, or it was saved here."""
    if not dataset.has_saved_view(name):
        return True
    told = dataset.get_saved_view_info(name)["description"] or ""
    return bool(told.startswith(description))


def _is_current(dataset: fo.Dataset, name: str, issues: fo.DatasetView) -> bool:
    """Whether a saved view has the clips of issues, as they are decided now.

    Clips that are saved anew stay in the database until FiftyOne cleans up: the App
    may show them.
    """
    if not dataset.has_saved_view(name):
        return False
    saved = dataset.load_saved_view(name)
    if store.kind_of(saved) != "clips":
        return False
    shown = saved.values([f"{ISSUES}.id", f"{ISSUES}.decision"])
    paths = [f"{ISSUES}.detections.id", f"{ISSUES}.detections.decision"]
    stored = [
        chain.from_iterable(filter(None, lists)) for lists in issues.values(paths)
    ]
    return set(zip(*shown, strict=True)) == set(zip(*stored, strict=True))


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


def issue_view(
    dataset: fo.Dataset, field: str, decision: str | None = None
) -> fo.DatasetView:
    """Returns a clip of each issue, the worst first.

    Args:
        dataset: an audited dataset
        field: the frame field of the tracks
        decision (None): what was decided of the issues, ``""`` for those that nobody
            has decided; by default all

    Returns:
        a :class:`fiftyone.core.clips.ClipsView`
    """
    clips = _issues(dataset, field, decision).to_clips(ISSUES)
    return clips.sort_by(f"{ISSUES}.confidence", reverse=True)


def _issues(dataset: fo.Dataset, field: str, decision: str | None) -> fo.DatasetView:
    about = F("label_field") == field
    if decision is not None:
        about &= F("decision") == (decision or None)
    return dataset.filter_labels(ISSUES, about)
