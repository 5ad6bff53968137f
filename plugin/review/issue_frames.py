# SPDX-License-Identifier: Apache-2.0
"""Match issues with the frames that views show."""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain

import fiftyone as fo
import pandas as pd

from ...importers import store
from ...importers.store.shown_frames import frames_of_ranges, frames_of_view
from ..audit.ranges import are_at
from .issues import ISSUES, check_known, read_table


def issues_of_view(
    view: fo.core.collections.SampleCollection, label_field: str
) -> list[str]:
    """Find the issues that a view shows.

    A view of clips of issues shows those issues. A view of videos shows the issues that
    it does not filter out and that are about any of the frames that it does not filter
    out. Other clips, frames and patches show the issues that are about any of their
    frames.

    Args:
        view: a dataset, or a view of its videos, clips, frames or patches
        label_field: the frame field of the tracks that the issues are about
    """
    dataset = store.dataset_of(view)
    if not dataset.has_field(ISSUES):
        return []
    if store.are_images(dataset):
        return _issues_of_images(view, label_field)
    are_videos = store.kind_of(view) == "videos"
    are_issues = store.kind_of(view) == "clips" and not view.has_field(
        f"{ISSUES}.detections"
    )
    key = "id" if are_videos else "sample_id"
    if view.has_field(ISSUES):
        path = f"{ISSUES}.id" if are_issues else f"{ISSUES}.detections.id"
        samples, found = view.values([key, path])
        shown = set(found if are_issues else chain.from_iterable(filter(None, found)))
    else:
        samples, shown, are_issues = view.values(key), None, False
    issues = read_table(dataset.select(list(dict.fromkeys(samples))))
    issues = issues[issues["label_field"] == label_field]
    if shown is not None:
        issues = issues[issues["id"].isin(shown)]
    if not (are_issues or (are_videos and store.shows_all_labels(view))):
        frames = frames_of_view(view, label_field)
        frames = frames.rename(columns={"frame_number": "frame"})
        issues = issues[are_at(frames, issues, ["sample_id"])]
    ids: list[str] = issues["id"].tolist()
    return ids


def _issues_of_images(
    view: fo.core.collections.SampleCollection, label_field: str
) -> list[str]:
    """Find the issues that are about any of the images that a view shows."""
    dataset = store.dataset_of(view)
    issues = read_table(dataset.select(store.sample_ids(view)))
    issues = issues[issues["label_field"] == label_field]
    frames = frames_of_view(view, label_field)
    frames = frames.rename(columns={"frame_number": "frame"})
    ids: list[str] = issues.loc[are_at(frames, issues, ["sample_id"]), "id"].tolist()
    return ids


def frames_of_issues(
    dataset: fo.Dataset, label_field: str, ids: Collection[str]
) -> pd.DataFrame:
    """Return the frames that some issues are about.

    Args:
        dataset: the dataset
        label_field: the frame field of the tracks that the issues are about
        ids: the IDs of the issues

    Returns:
        ``sample_id`` and ``frame_number``, each pair once

    Raises:
        ValueError: if no issues are given, or one does not exist
    """
    if len(ids) == 0:
        raise ValueError("no issues are selected")
    issues = read_table(dataset)
    issues = issues[issues["label_field"] == label_field]
    check_known(dataset, ids, issues["id"])
    issues = issues[issues["id"].isin(ids)]
    ranges = zip(issues["first_frame"], issues["last_frame"], strict=True)
    return frames_of_ranges(issues["sample_id"].tolist(), list(ranges))
