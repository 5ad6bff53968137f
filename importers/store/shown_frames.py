# SPDX-License-Identifier: Apache-2.0
"""Find the frames that a view shows."""

from __future__ import annotations

from collections.abc import Collection

import fiftyone as fo
import numpy as np
import pandas as pd

from .bulk import Document
from .frame_documents import are_images
from .image_sequences import is_image_dataset, locate_images, shown_images
from .sequences import frame_counts, sample_ids
from .views import dataset_of, kind_of

#: The columns that name a frame of a dataset.
FRAME_KEYS = ["sample_id", "frame_number"]


def frames_of_view(
    view: fo.core.collections.SampleCollection, field: str
) -> pd.DataFrame:
    """Return the frames that a collection shows.

    These are the frames of clips, frames or patches; of videos whose labels are
    filtered, the frames that still have labels; and of other videos, all frames.

    Args:
        view: a dataset, or a view of its videos, clips, frames or patches
        field: the frame field of the tracks

    Returns:
        ``sample_id`` and ``frame_number``, each pair once
    """
    if is_image_dataset(view):
        return locate_images(dataset_of(view), pd.Series(shown_images(view)))
    if kind_of(view) == "clips":
        return _frames_of_clips(view)
    if kind_of(view) in ("frames", "patches"):
        values = view.values(FRAME_KEYS)
        return pd.DataFrame(
            dict(zip(FRAME_KEYS, values, strict=True))
        ).drop_duplicates()
    return _frames_of_videos(view, field)


def frames_to_export(
    samples: fo.core.collections.SampleCollection, field: str
) -> tuple[fo.DatasetView, pd.DataFrame]:
    """Return the frames that a collection shows, and their samples.

    Args:
        samples: a dataset, or a view of its videos, clips, frames or patches
        field: the frame field of the tracks

    Returns:
        a tuple of the samples of the dataset, and their frames, see
        :func:`frames_of_view`

    Raises:
        ValueError: if the collection shows no frames
    """
    frames = frames_of_view(samples, field)
    if frames.empty:
        raise ValueError("the view shows no frames; nothing to export")
    ids = frames["sample_id"].unique().tolist()
    return dataset_of(samples).select(ids), frames


def frames_of_labels(dataset: fo.Dataset, labels: list[Document]) -> pd.DataFrame:
    """Return the frames of labels that are selected in the App.

    Args:
        dataset: the dataset
        labels: dicts with ``sample_id`` and ``frame_number``, as in
            ``ctx.selected_labels``

    Returns:
        ``sample_id`` and ``frame_number``, each pair once
    """
    frames = pd.DataFrame(labels).reindex(columns=FRAME_KEYS)
    if are_images(dataset):
        # The App names the image, others the frame of a sequence
        images = frames.loc[frames["frame_number"].isna(), "sample_id"]
        frames = pd.concat([frames, locate_images(dataset, images)])
    frames = frames.dropna()
    return frames.astype({"frame_number": "int64"}).drop_duplicates()


def frames_of_ranges(
    sample_ids: Collection[str], ranges: Collection[tuple[int, int]]
) -> pd.DataFrame:
    """Return the frames of ranges.

    Returns:
        ``sample_id`` and ``frame_number``, each pair once
    """
    lengths = [last - first + 1 for first, last in ranges]
    frames = [np.arange(first, last + 1) for first, last in ranges]
    columns = {
        "sample_id": np.repeat(np.array(sample_ids, object), lengths),
        "frame_number": np.concatenate([np.empty(0, np.int64), *frames]),
    }
    return pd.DataFrame(columns).drop_duplicates()


def _frames_of_clips(clips: fo.DatasetView) -> pd.DataFrame:
    ids, supports = clips.values(["sample_id", "support"])
    return frames_of_ranges(ids, supports)


def _frames_of_videos(
    view: fo.core.collections.SampleCollection, field: str
) -> pd.DataFrame:
    shown = frame_counts(view, field)
    stored = frame_counts(dataset_of(view).select(sample_ids(view)), field)
    both = shown.merge(stored, on=FRAME_KEYS, suffixes=("", "_stored"))
    filtered = (both["count"] != both["count_stored"]).any()
    return (both[both["count"] > 0] if filtered else both)[FRAME_KEYS]
