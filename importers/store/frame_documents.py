# SPDX-License-Identifier: Apache-2.0
"""The documents that hold the labels of frames, and their schema.

In a video dataset, these are the frames of its samples. In an image dataset, each
sample is a frame. Everything else here is the same for both.
"""

from __future__ import annotations

from collections.abc import Mapping

import fiftyone as fo
from pymongo.collection import Collection

from .bulk import Document


def are_images(dataset: fo.Dataset) -> bool:
    """Tell whether the samples of a dataset are frames.

    Args:
        dataset: a dataset

    Returns:
        True for image datasets, and for grouped ones whose active slice holds images
    """
    return bool(_media_type(dataset) == fo.core.media.IMAGE)


def are_videos(dataset: fo.Dataset) -> bool:
    """Tell whether the samples of a dataset are videos.

    Args:
        dataset: a dataset

    Returns:
        True for video datasets, and for grouped ones whose active slice holds videos
    """
    return bool(_media_type(dataset) == fo.core.media.VIDEO)


def _media_type(dataset: fo.Dataset) -> str | None:
    """Return the media type of the samples, or of the active slice of a group."""
    media: str | None = dataset.media_type
    if media == fo.core.media.GROUP:
        media = dataset.group_media_types.get(dataset.group_slice)
    return media


def frame_documents(dataset: fo.Dataset) -> Collection[Document]:
    """Return the collection of the documents of frames.

    Args:
        dataset: a dataset

    Returns:
        a collection of MongoDB
    """
    images = are_images(dataset)
    found: Collection[Document]
    found = dataset._sample_collection if images else dataset._frame_collection
    return found


def reload_frames(dataset: fo.Dataset) -> None:
    """Let frames in memory see what was written to their documents.

    Args:
        dataset: a dataset
    """
    if are_images(dataset):
        fo.Sample._reload_docs(dataset._sample_collection_name)
    else:
        fo.core.frame.Frame._reload_docs(dataset._frame_collection_name)


def frame_schema(
    dataset: fo.Dataset,
    flat: bool = False,
    **which: object,
) -> dict[str, fo.Field]:
    """Return the fields of frames.

    Args:
        dataset: a dataset
        flat (False): whether to return the fields of embedded documents as well
        **which: which fields, see ``get_field_schema()``

    Returns:
        the fields by path, without ``frames.``
    """
    get = dataset.get_frame_field_schema
    if are_images(dataset):
        get = dataset.get_field_schema
    found: dict[str, fo.Field] = get(flat=flat, **which) or {}
    return found


def add_frame_fields(dataset: fo.Dataset, fields: Mapping[str, fo.Field]) -> None:
    """Declare the fields of frames that are not declared, whatever type others have.

    FiftyOne reloads the dataset each time, so this adds them all at once.

    Args:
        dataset: a dataset
        fields: the fields by path, without ``frames.``
    """
    declared = frame_schema(dataset, flat=True)
    missing = {path: fields[path] for path in fields if path not in declared}
    add = dataset.add_dynamic_frame_fields
    if are_images(dataset):
        add = dataset.add_dynamic_sample_fields
    if missing:
        add(missing)


def delete_frame_field(dataset: fo.Dataset, path: str) -> None:
    """Delete a field of frames.

    Args:
        dataset: a dataset
        path: the path, without ``frames.``
    """
    images = are_images(dataset)
    delete = dataset.delete_sample_field if images else dataset.delete_frame_field
    delete(path)


def frame_path(dataset: fo.Dataset, path: str) -> str:
    """Return the path of a field of frames as FiftyOne's views know it.

    Args:
        dataset: a dataset
        path: the path, without ``frames.``

    Returns:
        the path, with ``frames.`` in a video dataset
    """
    return path if are_images(dataset) else f"frames.{path}"


def as_list(path: str) -> Document:
    """Return the expression of a list in MongoDB, which is empty if there is none.

    Args:
        path: the path of a field, which may hold something else
    """
    return {"$cond": [{"$isArray": f"${path}"}, f"${path}", []]}
