# SPDX-License-Identifier: Apache-2.0
"""Save views of the outliers and issues of an audited dataset."""

from __future__ import annotations

import logging
import re
from itertools import chain

import fiftyone as fo
import pandas as pd
from bson import ObjectId
from fiftyone import ViewField as F

from ...importers import store
from ...importers.store.locks import exclusive
from ..audit.kinds import IOU_KINDS, SIZE_KINDS
from .audit_records import describe_unfinished
from .decisions import CONFIRMED, DISMISSED, FIXED
from .issues import ISSUES, read_dataset_issues

logger = logging.getLogger(__name__)
#: Names of the saved views.
SIZE_OUTLIERS = "size outliers"
LOW_IOU = "low IoU"
OUTLIERS = "outliers"
ISSUE_CLIPS = "issues"
TO_REVIEW = "issues to review"
#: What the views show, and how their descriptions begin, by which they are recognized.
_FILTERS = {
    SIZE_OUTLIERS: ("size_outlier", "Boxes whose size departs from their track"),
    LOW_IOU: ("iou_outlier", "Boxes that are not where their track suggests"),
    OUTLIERS: ("outlier_score", "Boxes that the audit takes for mistakes"),
}
#: The kinds of mistakes whose boxes are shown beside those beyond a threshold.
_KINDS = {"size_outlier": SIZE_KINDS, "iou_outlier": IOU_KINDS}
#: The views of issues by decision: None for all issues, "" for open ones.
_ISSUES = {
    ISSUE_CLIPS: (None, "A clip of each issue, the worst first"),
    TO_REVIEW: ("", "Issues that nobody has decided yet, the worst first"),
    CONFIRMED: (CONFIRMED, "Issues that are mistakes, the worst first"),
    DISMISSED: (DISMISSED, "Issues that are no mistakes, the worst first"),
    FIXED: (FIXED, "Issues whose labels were fixed here, the worst first"),
}
#: What :func:`exclusive` is told about saving views.
SAVING = ("saving views of", "-views")


def save_outlier_views(
    dataset: fo.Dataset, label_field: str | None = None
) -> dict[str, int]:
    """Save the views of what the audit found, replacing those of an earlier audit.

    ``size outliers``, ``low IoU`` and ``outliers`` show the frames that have such
    boxes, and only those boxes: the first two those beyond the threshold, and those of
    issues of these kinds. ``issues`` has a clip for each issue, the worst first;
    ``issues to review``, ``confirmed``, ``dismissed`` and ``fixed`` show the issues by
    decision. Views with these names that a user saved are left as they
    are, and a warning names them.

    Args:
        dataset: an audited dataset
        label_field (None): the frame field of the tracks; by default the only one

    Returns:
        the number of boxes or clips in each view, by the view's name

    Raises:
        ValueError: if the dataset was not audited

    Example:
        >>> fta.save_outlier_views(dataset)["issues"]
        2
        >>> dataset.load_saved_view("outliers").count("frames")
        2
    """
    field = store.find_label_field(dataset, label_field)
    own = store.own_attributes(dataset, field)
    audited = {
        name: description
        for name, (stored, description) in _FILTERS.items()
        if stored in own
    }
    if not audited:
        raise ValueError(
            f"the tracks in '{field}' have no signals yet; audit the tracks first"
        )
    counts = {}
    note = describe_unfinished(dataset, field)
    with exclusive(dataset, *SAVING):
        for what, description in audited.items():
            name = view_name(dataset, what, field)
            if is_own_view(dataset, name, description):
                view = outlier_view(dataset, field, _FILTERS[what][0])
                _save(dataset, name, view, description, note)
                boxes = store.frame_path(dataset, f"{field}.detections")
                counts[name] = view.count(boxes)
    if foreign := describe_foreign_views(dataset, field):
        logger.warning(foreign)
    return counts | save_issue_views(dataset, field)


def save_issue_views(dataset: fo.Dataset, field: str) -> dict[str, int]:
    """Save the views of issues, and delete those that would be empty.

    FiftyOne generates the clips of a view when the view is saved, so views have to be
    saved again to follow audits and decisions. Views with these names that a user saved
    are left as they are.

    Returns:
        the number of clips in each view that is not empty, by the view's name
    """
    counts: dict[str, int] = {}
    note = describe_unfinished(dataset, field)
    has_issues = dataset.has_field(ISSUES)
    with exclusive(dataset, *SAVING):
        for what, (decision, description) in _ISSUES.items():
            name = view_name(dataset, what, field)
            if not is_own_view(dataset, name, description):
                continue
            issues = _issues(dataset, field, decision) if has_issues else None
            number = issues.count(f"{ISSUES}.detections") if issues else 0
            if number:
                counts[name] = int(number)
            if not number and dataset.has_saved_view(name):
                dataset.delete_saved_view(name)
            elif number and not _is_current(dataset, name, issues):
                clips = issue_view(dataset, field, decision)
                _save(dataset, name, clips, description, note)
    return counts


def _save(
    dataset: fo.Dataset, name: str, view: fo.DatasetView, description: str, note: str
) -> None:
    text = f"{description}. {note}" if note else description
    dataset.save_view(name, view, description=text, overwrite=True)


def view_name(dataset: fo.Dataset, what: str, field: str) -> str:
    """Return the name of a saved view of a label field.

    Args:
        dataset: a dataset
        what: what the view shows, such as ``issues``
        field: the frame field of the tracks

    Returns:
        the same, followed by the label field unless that is ``ground_truth`` or, in a
        dataset without that, the first one
    """
    fields = store.label_fields(dataset)
    main = "ground_truth" if "ground_truth" in fields else next(iter(fields), field)
    return what if field == main else f"{what} ({field})"


def list_foreign_views(dataset: fo.Dataset, field: str) -> list[str]:
    """List the views that a user saved under names that the audit needs."""
    names = {
        view_name(dataset, what, field): description
        for what, (_, description) in (_FILTERS | _ISSUES).items()
    }
    return [name for name in names if not is_own_view(dataset, name, names[name])]


def describe_foreign_views(dataset: fo.Dataset, field: str) -> str:
    """Return a text for users that names the :func:`list_foreign_views`, or ""."""
    names = ", ".join(f"'{name}'" for name in list_foreign_views(dataset, field))
    if not names:
        return ""
    return (
        f"You saved views named {names} yourself; they will not be replaced. Rename "
        "them to save those of the audit."
    )


def is_own_view(dataset: fo.Dataset, name: str, description: str) -> bool:
    """Return whether a view can be saved without replacing a user's own.

    Args:
        dataset: a dataset
        name: the name of the view
        description: a regular expression for the beginning of the description with
            which it is saved here

    Returns:
        True if there is no saved view of that name, or it was saved here
    """
    if not dataset.has_saved_view(name):
        return True
    saved = dataset.get_saved_view_info(name)["description"] or ""
    return re.match(description, saved) is not None


def _is_current(dataset: fo.Dataset, name: str, issues: fo.DatasetView) -> bool:
    """Return whether a saved view shows the issues and decisions as they are now.

    If so, it need not be saved again, which would leave the clips of before in the
    database until FiftyOne cleans up.
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


def outlier_view(dataset: fo.Dataset, field: str, flag: str) -> fo.DatasetView:
    """Return the frames with outliers, and in them only the outliers.

    Boxes of issues of a kind are its outliers even if they keep to its threshold.

    Args:
        dataset: an audited dataset
        field: the frame field of the tracks
        flag: ``size_outlier``, ``iou_outlier`` or ``outlier_score``, which the
            detections have
    """
    own = store.own_attributes(dataset, field)
    value, reasons = F(own[flag]), F(own.get("outlier_reasons"))
    wrong = value > 0.5 if flag == "outlier_score" else value.is_in([True])
    if flag in _KINDS and "outlier_reasons" in own:
        of_kind = reasons.intersection(list(_KINDS[flag])).length() > 0
        wrong |= reasons.exists() & of_kind
    boxes = F(f"{field}.detections")
    path = store.frame_path(dataset, field)
    shown = store.in_slice(dataset).filter_labels(path, wrong)
    return (
        shown if store.are_images(dataset) else shown.match_frames(boxes.length() > 0)
    )


def issue_view(
    dataset: fo.Dataset, field: str, decision: str | None = None
) -> fo.DatasetView:
    """Return a clip of each issue, the worst first.

    Args:
        dataset: an audited dataset
        field: the frame field of the tracks
        decision (None): ``confirmed``, ``dismissed``, or ``""`` for open issues; by
            default all issues
    """
    if store.are_images(dataset):
        return _images_of_issues(dataset, field, decision)
    clips = _issues(dataset, field, decision).to_clips(ISSUES)
    return clips.sort_by(f"{ISSUES}.confidence", reverse=True)


def view_of_issues(
    dataset: fo.Dataset, field: str, issues: pd.DataFrame
) -> fo.DatasetView:
    """Return a clip of each of some issues, or their images.

    Args:
        dataset: an audited dataset
        field: the frame field of the tracks
        issues: the issues, see ``read_issues()``
    """
    if store.are_images(dataset):
        return dataset.select(store.images_of_issues(dataset, issues), ordered=True)
    wanted = F("_id").is_in([ObjectId(each) for each in issues["id"]])
    clips = dataset.filter_labels(ISSUES, wanted).to_clips(ISSUES)
    return clips.sort_by(f"{ISSUES}.confidence", reverse=True)


def _images_of_issues(
    dataset: fo.Dataset, field: str, decision: str | None
) -> fo.DatasetView:
    """Return the images that issues are about, those of the worst first."""
    table = read_dataset_issues(dataset, field)
    if decision is not None:
        table = table[table["decision"].fillna("") == decision]
    table = table.sort_values("score", ascending=False)
    return dataset.select(store.images_of_issues(dataset, table), ordered=True)


def _issues(dataset: fo.Dataset, field: str, decision: str | None) -> fo.DatasetView:
    about = F("label_field") == field
    if decision is not None:
        about &= F("decision") == (decision or None)
    return store.in_slice(dataset).filter_labels(ISSUES, about)
