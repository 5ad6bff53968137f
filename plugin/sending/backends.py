# SPDX-License-Identifier: Apache-2.0
"""Send frames to one of FiftyOne's annotation backends, such as CVAT.

The frames are sent as images rather than as parts of videos: backends take a video
as a whole or as a range of frames, and each counts frames in its own way. Boxes are
matched by the IDs of their labels, so annotators can move, resize, relabel, add and
delete boxes, and change their attributes. To correct track identities, send MOT
sequences.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import fiftyone as fo
from fiftyone.utils.annotations import AnnotationResults

from ...importers import store
from ...importers.pixels import boxes_to_send, image_sizes
from .chosen_frames import FramesToSend, dismissed_text, select_to_send
from .records import ANNOTATION, SentFrames, recording_sent, sendable_attributes

logger = logging.getLogger(__name__)


def annotate_frames(
    view: fo.core.collections.SampleCollection,
    anno_key: str,
    label_field: str | None = None,
    context: int = 0,
    include_dismissed: bool = False,
    **kwargs: Any,  # noqa: ANN401 - handed on
) -> AnnotationResults:
    """Send the frames that a view shows to an annotation backend.

    ``load_adjustment(dataset, anno_key)`` compares what comes back with it.

    Args:
        view: a dataset, or a view of its videos, clips, frames or patches
        anno_key: the annotation key
        label_field (None): the frame field of the tracks; may be omitted if the
            dataset has only one
        context (0): the number of labeled frames to send before and after each
            chosen frame
        include_dismissed (False): whether to send frames with dismissed issues only
        **kwargs: arguments of ``annotate()``, such as ``backend``

    Returns:
        a :class:`fiftyone.utils.annotations.AnnotationResults`

    Raises:
        ValueError: if the view shows no frames, the key is taken, or the backend is
            ``groundtruth``, which works with ``view.annotate()`` itself
        InputError: if a box cannot be sent

    Example:
        >>> results = fta.annotate_frames(view, "walkers", backend="cvat", context=2)
        >>> fta.load_adjustment(dataset, "walkers").changes
        {}
    """
    if kwargs.get("backend") == "groundtruth":
        raise ValueError("use view.annotate() for the backend 'groundtruth'")
    chosen = FramesToSend(
        view, label_field, context, include_dismissed=include_dismissed
    )
    dataset, field = chosen.dataset, chosen.field
    selection = select_to_send(chosen)
    if selection.left_out:
        logger.info(dismissed_text(selection.left_out))
    tracks, numbers = selection.stored.tracks, selection.numbers
    sizes = image_sizes(tracks.sequences[name] for name in numbers)
    boxes = boxes_to_send(anno_key, tracks, selection.frames, sizes)
    ids = list(map(str, store.find_frames(dataset, numbers)))
    kwargs.setdefault("attributes", selection.attributes)
    record = SentFrames(
        anno_key, ANNOTATION, field, None, numbers, sizes, selection.left_out
    )
    names = sendable_attributes(selection.attributes, boxes)
    record = replace(record, box_attributes=names)
    with recording_sent(dataset, record, boxes), _deleted_on_error(dataset, anno_key):
        frames = store.frames_as_samples(dataset, ids)
        return frames.annotate(anno_key, label_field=field, **kwargs)


@contextmanager
def _deleted_on_error(dataset: fo.Dataset, anno_key: str) -> Iterator[None]:
    """Delete an annotation run if sending fails."""
    try:
        yield
    except BaseException:
        if anno_key in dataset.list_annotation_runs():
            dataset.delete_annotation_run(anno_key)
        raise
