# SPDX-License-Identifier: Apache-2.0
"""A plan of what to review in an audited dataset, as a view of clips."""

from __future__ import annotations

from itertools import chain, groupby
from typing import Any

import fiftyone as fo
import numpy as np
import pandas as pd

from ...importers import store
from ..audit.plan import frames_in_minutes, plan_frames
from .decisions import DISMISSED
from .issues import read_issues

#: The name of the saved view.
REVIEW_PLAN = "review plan"


def plan_review(
    samples: fo.core.collections.SampleCollection,
    budget: int | None = None,
    minutes: float | None = None,
    context: int = 1,
    label_field: str | None = None,
) -> dict[str, Any]:
    """Picks the frames to review first, and saves them as the view ``review plan``.

    Issues that were dismissed do not count.

    Args:
        samples: an audited dataset, or a view of it; only the issues of its
            samples count
        budget (None): the most frames to look at, context among them
        minutes (None): the time that there is, instead of a budget
        context (1): frames to look at before and after each picked one
        label_field (None): the frame field of the tracks; found where there is
            only one

    Returns:
        a dict of the numbers of ``frames`` and of ``issues`` in them, of all
        ``issues_in_total``, the ``mistakes_expected`` and the ``view``

    Raises:
        ValueError: if neither or both of budget and minutes are given, if one is
            out of range, or if the samples have no such issues
    """
    if (budget is None) == (minutes is None):
        raise ValueError("expected either a budget of frames or minutes")
    if budget is None:
        budget = frames_in_minutes(minutes or 0)
    dataset = store.dataset_of(samples)
    field = store.find_label_field(dataset, label_field)
    issues = _read_issues(dataset, store.sample_ids(samples), field)
    if issues.empty:
        raise ValueError(
            "the samples have no issues left to review; audit their tracks first"
        )
    ids = list(dict.fromkeys(issues["sequence"]))
    videos = dataset.select(ids, ordered=True)
    lengths = dict(zip(ids, videos.values("metadata.total_frame_count"), strict=True))
    plan = plan_frames(issues, lengths, budget, context)
    supports = {
        str(sample): _ranges(rows["frame"].to_numpy())
        for sample, rows in plan.groupby("sequence", sort=False)
    }
    clips = dataset.select(list(supports), ordered=True).to_clips(
        list(supports.values())
    )
    dataset.save_view(
        REVIEW_PLAN,
        clips,
        description=f"The {len(plan)} frames to look at first",
        overwrite=True,
    )
    shown = issues.merge(plan, on="sequence")
    within = shown["frame"].between(shown["first_frame"], shown["last_frame"])
    return {
        "frames": len(plan),
        "issues": int(shown[within]["issue"].nunique()),
        "issues_in_total": len(issues),
        "mistakes_expected": round(float(plan["expected"].sum()), 1),
        "view": REVIEW_PLAN,
    }


def _read_issues(dataset: fo.Dataset, ids: list[str], field: str) -> pd.DataFrame:
    """Reads the issues of samples, with the sample's id as their sequence."""
    spans = chain.from_iterable(store.read_spans(dataset.select(ids)).values())
    issues = read_issues(dataset, field, [each._replace(offset=0) for each in spans])
    open_ones = issues[issues["decision"].ne(DISMISSED)]
    numbered = open_ones.assign(sequence=open_ones["sample_id"]).reset_index(drop=True)
    return numbered.rename_axis("issue").reset_index()


def _ranges(frames: np.ndarray) -> list[tuple[int, int]]:
    """Joins consecutive frames to ranges."""
    numbered = groupby(enumerate(frames.tolist()), lambda pair: pair[1] - pair[0])
    groups = [[frame for _, frame in group] for _, group in numbered]
    return [(group[0], group[-1]) for group in groups]
