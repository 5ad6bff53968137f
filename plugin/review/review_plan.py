# SPDX-License-Identifier: Apache-2.0
"""Plan the review of an audited dataset: pick frames, and save them as clips."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import chain, groupby

import fiftyone as fo
import numpy as np
import pandas as pd

from ...importers import store
from ...importers.store.locks import exclusive
from ..audit.plan import frames_in_minutes, plan_frames
from ..audit.ranges import are_at
from .audit_records import describe_unfinished
from .decisions import DISMISSED, FIXED
from .issues import read_issues
from .saved_views import SAVING, is_own_view

logger = logging.getLogger(__name__)
#: The name of the saved view, and how its description begins.
REVIEW_PLAN = "review plan"
_DESCRIPTION = r"The \d+ frames to look at first"


@dataclass(frozen=True)
class ReviewPlan:
    """The frames to review first.

    Attributes:
        frames: number of frames in the plan
        issues: number of issues that are seen in them
        issues_in_total: number of issues that were planned for
        mistakes_expected: expected number of mistakes in the plan's frames
        view: the name of the saved view
        note: says that the issues may be incomplete, because an audit has not
            finished; empty otherwise
    """

    frames: int
    issues: int
    issues_in_total: int
    mistakes_expected: float
    view: str = REVIEW_PLAN
    note: str = ""


def plan_review(
    samples: fo.core.collections.SampleCollection,
    budget: int | None = None,
    minutes: float | None = None,
    context: int = 1,
    label_field: str | None = None,
) -> ReviewPlan:
    """Pick the frames to review first, and save them as the view ``review plan``.

    Dismissed and fixed issues do not count.

    Args:
        samples: an audited dataset, or a view of it; only the issues of its
            samples count
        budget (None): the maximum number of frames to look at, including context
        minutes (None): the time available, instead of a budget
        context (1): number of frames to look at before and after each picked one
        label_field (None): the frame field of the tracks; by default the only one

    Returns:
        the :class:`ReviewPlan`

    Raises:
        ValueError: if neither or both of budget and minutes are given, if one is
            out of range, if the samples have no such issues, if a user saved a view
            of that name, or if another process does not finish writing to the dataset

    Example:
        >>> plan = fta.plan_review(dataset, budget=3)
        >>> plan.frames, plan.issues
        (3, 1)
    """
    if (budget is None) == (minutes is None):
        raise ValueError("expected either a budget of frames or minutes")
    if budget is None:
        budget = frames_in_minutes(0 if minutes is None else minutes)
    dataset = store.dataset_of(samples)
    field = store.find_label_field(dataset, label_field)
    with exclusive(dataset, "planning a review of"), exclusive(dataset, *SAVING):
        check_plan_view(dataset)
        return _plan(dataset, field, store.sample_ids(samples), budget, context)


def check_plan_view(dataset: fo.Dataset) -> None:
    """Check that the view of a plan replaces no view that a user saved.

    Raises:
        ValueError: if it would
    """
    if not is_own_view(dataset, REVIEW_PLAN, _DESCRIPTION):
        raise ValueError(
            f"you saved a view named '{REVIEW_PLAN}' yourself; rename it first, since "
            "the plan is saved under that name"
        )


def _plan(
    dataset: fo.Dataset, field: str, samples: list[str], budget: int, context: int
) -> ReviewPlan:
    """Save the plan for the issues of some samples."""
    note = describe_unfinished(dataset, field)
    if note:
        logger.warning(note)
    issues = _read_issues(dataset, samples, field)
    if issues.empty:
        raise ValueError(
            "the samples have no issues left to review; audit their tracks first"
        )
    ids = list(dict.fromkeys(issues["sequence"]))
    spans = chain.from_iterable(store.read_spans(dataset.select(ids)).values())
    lengths = {span.sample_id: span.length for span in spans}
    lengths = {sample: lengths[sample] for sample in ids}
    plan = plan_frames(issues, lengths, budget, context)
    supports = {
        str(sample): _ranges(rows["frame"].to_numpy())
        for sample, rows in plan.groupby("sequence", sort=False)
    }
    if store.are_images(dataset):
        keys = {"sequence": "sample_id", "frame": "first_frame"}
        planned = plan.rename(columns=keys).assign(last_frame=plan["frame"])
        chosen = store.images_of_issues(dataset, planned)
        clips = dataset.select(chosen, ordered=True)
    else:
        chosen = store.in_slice(dataset).select(list(supports), ordered=True)
        clips = chosen.to_clips(list(supports.values()))
    dataset.save_view(
        REVIEW_PLAN,
        clips,
        description=f"The {len(plan)} frames to look at first"
        + (f". {note}" if note else ""),
        overwrite=True,
    )
    return ReviewPlan(
        frames=len(plan),
        issues=int(are_at(plan, issues, ["sequence"]).sum()),
        issues_in_total=len(issues),
        mistakes_expected=round(float(plan["expected"].sum()), 1),
        note=note,
    )


def _read_issues(dataset: fo.Dataset, ids: list[str], field: str) -> pd.DataFrame:
    """Read the issues that are not settled; each sample is a sequence of its own."""
    spans = chain.from_iterable(store.read_spans(dataset.select(ids)).values())
    issues = read_issues(dataset, field, [each._replace(offset=0) for each in spans])
    open_ones = issues[~issues["decision"].isin([DISMISSED, FIXED])]
    return open_ones.assign(sequence=open_ones["sample_id"]).reset_index(drop=True)


def _ranges(frames: np.ndarray) -> list[tuple[int, int]]:
    """Join consecutive frames into ranges."""
    numbered = groupby(enumerate(frames.tolist()), lambda pair: pair[1] - pair[0])
    groups = [[frame for _, frame in group] for _, group in numbered]
    return [(group[0], group[-1]) for group in groups]
