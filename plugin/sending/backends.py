# SPDX-License-Identifier: Apache-2.0
"""The way out over any of FiftyOne's annotation backends, such as CVAT.

The images of the chosen frames are sent, and no parts of videos: backends take a
video as a whole or from a frame to another, and count its frames in ways of their
own. Boxes are known again by the IDs of their labels. So a tool can move, resize,
name, add and delete boxes; identities are for the MOT sequences.
"""

from __future__ import annotations

import logging
from typing import Any

import fiftyone as fo
from fiftyone.utils.annotations import AnnotationResults

from ...importers import store
from ...importers.pixels import boxes_to_send, image_sizes
from .chosen_frames import dismissed_text, select_to_send
from .records import ANNOTATION, SentFrames, check_new_name, recording_sent

logger = logging.getLogger(__name__)


def annotate_frames(
    view: fo.core.collections.SampleCollection,
    anno_key: str,
    label_field: str | None = None,
    context: int = 0,
    include_dismissed: bool = False,
    **kwargs: Any,  # noqa: ANN401 - handed on
) -> AnnotationResults:
    """Sends the frames that a view shows to an annotation backend.

    ``load_adjustment(dataset, anno_key)`` compares what comes back with what was
    sent.

    Args:
        view: a dataset, or a view of its videos, clips, frames or patches
        anno_key: the annotation key
        label_field (None): the frame field of the tracks; found where there is
            only one
        context (0): the number of labelled frames to send along before and after
            each chosen frame
        include_dismissed (False): whether to send frames that dismissed issues
            alone are about, too
        **kwargs: arguments of ``annotate()``, such as ``backend``

    Returns:
        a :class:`fiftyone.utils.annotations.AnnotationResults`

    Raises:
        ValueError: if the view shows no frames, the key is taken, or the backend is
            ``groundtruth``, which ``view.annotate()`` serves by itself
        InputError: if a box cannot be sent
    """
    if kwargs.get("backend") == "groundtruth":
        raise ValueError("use view.annotate() for the backend 'groundtruth'")
    dataset = store.dataset_of(view)
    field = store.find_label_field(dataset, label_field)
    check_new_name(dataset, anno_key)
    selection = select_to_send(
        view, field, context, include_dismissed=include_dismissed
    )
    if selection.left_out:
        logger.info(dismissed_text(selection.left_out))
    tracks, numbers = selection.stored.tracks, selection.numbers
    sizes = image_sizes(tracks.sequences[name] for name in numbers)
    boxes = boxes_to_send(anno_key, tracks, selection.frames, sizes)
    ids = list(map(str, store.find_frames(dataset, numbers)))
    frames = dataset.select_frames(ids).to_frames()
    kwargs.setdefault("attributes", selection.attributes)
    record = SentFrames(
        anno_key, ANNOTATION, field, None, numbers, sizes, selection.left_out
    )
    with recording_sent(dataset, record, boxes):
        try:
            return frames.annotate(anno_key, label_field=field, **kwargs)
        except BaseException:
            if anno_key in dataset.list_annotation_runs():
                dataset.delete_annotation_run(anno_key)
            raise
