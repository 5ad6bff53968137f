# SPDX-License-Identifier: Apache-2.0
"""Return the dataset, the kind and the ID of a dataset or view."""

from __future__ import annotations

from typing import Literal, TypeAlias

import fiftyone as fo

#: What the samples of a dataset or view are.
Kind: TypeAlias = Literal["videos", "clips", "frames", "patches"]


def dataset_of(samples: fo.core.collections.SampleCollection) -> fo.Dataset:
    """Return the dataset that a view is of.

    Returns:
        the :class:`fiftyone.core.dataset.Dataset` itself, or that of the view
    """
    return samples._root_dataset


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


def shows_all_labels(view: fo.core.collections.SampleCollection) -> bool:
    """Return whether a view of videos shows every frame and label of its videos.

    Args:
        view: a dataset, or a view of its videos

    Returns:
        False if a stage of the view selects or filters frames
    """
    return not view.view()._needs_frames()


def label_ids(view: fo.core.collections.SampleCollection, field: str) -> set[str]:
    """Return the IDs of the labels that a view shows.

    Args:
        view: a dataset, or a view of its videos, clips, frames or patches
        field: the frame field of the labels

    Returns:
        the IDs; none if the view lacks the field
    """
    path = field if kind_of(view) in ("frames", "patches") else f"frames.{field}"
    if not view.has_field(path):
        return set()
    _, ids = view._get_label_field_path(path, "id")
    return set(view.values(ids, unwind=True))
