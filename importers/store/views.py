# SPDX-License-Identifier: Apache-2.0
"""Return the dataset, the kind and the ID of a dataset or view."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias

import fiftyone as fo

from .frame_documents import are_images, frame_path

#: What the samples of a dataset or view are.
Kind: TypeAlias = Literal["videos", "clips", "frames", "patches"]


def dataset_of(samples: fo.core.collections.SampleCollection) -> fo.Dataset:
    """Return the dataset that a view is of.

    The active slice of a grouped dataset becomes the one that the view shows.

    Returns:
        the :class:`fiftyone.core.dataset.Dataset` itself, or that of the view
    """
    dataset = samples._root_dataset
    if samples is not dataset and dataset.media_type == fo.core.media.GROUP:
        _follow_slice(samples, dataset)
    return dataset


def _follow_slice(
    samples: fo.core.collections.SampleCollection, dataset: fo.Dataset
) -> None:
    shown = samples.group_slice
    if shown is None and samples.has_field(dataset.group_field):
        shown = next(iter(samples.limit(1).values(f"{dataset.group_field}.name")), None)
    if shown is not None and shown != dataset.group_slice:
        dataset.group_slice = shown


def kind_of(samples: fo.core.collections.SampleCollection) -> Kind:
    """Return what the samples of a dataset or view are.

    Returns:
        ``videos`` unless the view is made of clips, frames or patches
    """
    if samples._is_clips:
        return "clips"
    if samples._is_frames:
        return "frames"
    return "patches" if samples._is_patches else "videos"


def id_of(dataset: fo.Dataset) -> str:
    """Return the ID of a dataset, which stays when the dataset is renamed."""
    return str(dataset._doc.id)


def in_slice(samples: fo.core.collections.SampleCollection) -> fo.DatasetView:
    """Return a view of the active slice of a grouped dataset, which stages can follow.

    Args:
        samples: a dataset or view

    Returns:
        a view of the slice's samples; of all samples if they are in no groups
    """
    if samples.media_type != fo.core.media.GROUP:
        return samples.view()
    return samples.select_group_slices(samples.group_slice)


def frames_as_samples(dataset: fo.Dataset, frame_ids: list[str]) -> fo.DatasetView:
    """Return a view whose samples are some frames.

    Args:
        dataset: a dataset
        frame_ids: the IDs of the frames' documents, in order
    """
    if are_images(dataset):
        return dataset.select(frame_ids, ordered=True)
    return in_slice(dataset).select_frames(frame_ids).to_frames()


def shows_all_labels(view: fo.core.collections.SampleCollection) -> bool:
    """Return whether a view of videos shows every frame and label of its videos.

    Args:
        view: a dataset, or a view of its videos

    Returns:
        False if a stage of the view selects or filters frames
    """
    if are_images(dataset_of(view)):
        return not view.view()._stages
    return not view.view()._needs_frames()


def label_ids(view: fo.core.collections.SampleCollection, field: str) -> set[str]:
    """Return the IDs of the labels that a view shows.

    Args:
        view: a dataset, or a view of its videos, clips, frames or patches
        field: the frame field of the labels

    Returns:
        the IDs; none if the view lacks the field
    """
    bare = kind_of(view) in ("frames", "patches")
    path = field if bare else frame_path(dataset_of(view), field)
    if not view.has_field(path):
        return set()
    _, ids = view._get_label_field_path(path, "id")
    return set(view.values(ids, unwind=True))


def saved_view_time(dataset: fo.Dataset, name: str) -> datetime:
    """Return when a saved view was saved or edited last.

    Args:
        dataset: the dataset
        name: the name of the view

    Returns:
        the time, in UTC
    """
    time: datetime = dataset._get_saved_view_doc(name).last_modified_at
    return time
