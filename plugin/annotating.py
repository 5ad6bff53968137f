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
import numpy as np
import pandas as pd
from fiftyone.utils.annotations import AnnotationResults
from numpy.typing import NDArray

from ..importers import store
from ..importers.frames import image_sizes, scale_images
from ..importers.locks import exclusive
from ..importers.tracks import BOX
from .corrections import Corrections
from .mot_package import boxes_to_send
from .selection import dismissed_text, select_to_send
from .sent import (
    ANNOTATION,
    SentFrames,
    check_new_name,
    recording_sent,
    sent_boxes,
)

logger = logging.getLogger(__name__)

#: How far a box may move without anybody's doing, in pixels: half of one, as boxes
#: are compared in whole pixels, and what tools round.
_ROUNDING = 0.6

#: Where labels rest between a backend and the comparison.
_INCOMING = "track_audit_incoming"


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
    dataset = view._root_dataset
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


def read_annotations(dataset: fo.Dataset, record: SentFrames) -> Corrections:
    """Reads what came back from an annotation backend.

    Args:
        dataset: the dataset that the frames are from
        record: what was sent

    Returns:
        what came back

    Raises:
        ValueError: if the dataset lacks a sequence that was sent
    """
    samples = store.select_sequences(dataset, record.frames)
    with exclusive(dataset, "loading annotations into"):
        _drop_incoming(dataset)  # what a process that was killed left there
        try:
            dataset.load_annotations(
                record.name, dest_field=_INCOMING, unexpected="ignore"
            )
            corrected = _read_incoming(samples, record)
        finally:
            _drop_incoming(dataset)
    sent = sent_boxes(dataset, record)
    frames = [
        pd.DataFrame({"sequence": name, "frame": numbers})
        for name, numbers in record.frames.items()
    ]
    return Corrections(
        sent=sent.drop(columns="id"),
        corrected=_with_objects(corrected, sent, record),
        frames=pd.concat(frames, ignore_index=True),
        image_sizes=record.image_sizes,
    )


def _drop_incoming(dataset: fo.Dataset) -> None:
    if dataset.has_frame_field(_INCOMING):
        dataset.delete_frame_field(_INCOMING)


def _read_incoming(samples: fo.DatasetView, record: SentFrames) -> pd.DataFrame:
    dataset = samples._root_dataset
    if not dataset.has_frame_field(_INCOMING):
        dataset.add_frame_field(
            _INCOMING, fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections
        )
    tracks = store.read_tracks(samples, _INCOMING, ["id"]).tracks
    table = tracks.table.astype(
        {"sequence": object, "label": object, "frame_name": object, "id": str}
    )
    scales = scale_images(tracks.sequences, record.image_sizes)
    table[BOX] *= scales.loc[table["sequence"], ["x", "y", "x", "y"]].to_numpy()
    return table


def _with_objects(
    table: pd.DataFrame, sent: pd.DataFrame, record: SentFrames
) -> pd.DataFrame:
    """Finds the objects of boxes by their labels' IDs; a new ID is a new object."""
    keys = ["sequence", "frame", "id"]
    before = sent[[*keys, *BOX, "object_id", "object_name"]]
    table = table.merge(before, on=keys, how="left", suffixes=("", "_sent"))
    own = [f"{name}_sent" for name in BOX]
    edges = _edges(table[BOX].to_numpy(np.float64))
    expected = _edges(table[own].to_numpy(np.float64))
    same = (np.abs(edges - expected) <= _ROUNDING).all(axis=1, keepdims=True)
    edges = np.where(same, expected, np.rint(edges))
    table[BOX] = np.hstack([edges[:, :2], edges[:, 2:] - edges[:, :2]])
    name = table["label"] + ":" + table["id"]
    table["object_id"] = table["object_id"].fillna(f"{record.name}:" + table["id"])
    table["object_name"] = table["object_name"].fillna(name)
    return table.drop(columns=[*own, "id"])


def _edges(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turns ``[left, top, width, height]`` into ``[left, top, right, bottom]``."""
    return np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
