# SPDX-License-Identifier: Apache-2.0
"""Send frames to one of FiftyOne's annotation backends, such as CVAT.

The frames are sent as images rather than as parts of videos: backends take a video
as a whole or as a range of frames, and each counts frames in its own way. Each
sequence is sent by itself, so that the frames of a task belong together. Boxes are
matched by the IDs of their labels, so annotators can move, resize, relabel, add and
delete boxes, and change their attributes. In CVAT and Label Studio, they also see and
change the numbers of tracks.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any

import fiftyone as fo
import pandas as pd
from fiftyone.utils.annotations import AnnotationBackendConfig, AnnotationResults

from ...importers import store
from ...importers.pixels import boxes_to_send, image_sizes
from ...importers.store.attributes import fields_of
from ...importers.tracks import InputError
from ..plain import Json
from .chosen_frames import (
    DETECTION_ID,
    FramesToSend,
    Selection,
    dismissed_text,
    select_to_send,
)
from .guides import add_guide
from .records import ANNOTATION, SentFrames, recording_sent, sendable_attributes

logger = logging.getLogger(__name__)

#: The attribute of detections that holds the number of their track.
INDEX = "index"
_TASK_NAME = "task_name"
#: The setting that names the unit of work, by the class of a backend's configuration.
_TITLES = {
    "CVATBackendConfig": _TASK_NAME,
    "LabelStudioBackendConfig": "project_name",
}
#: What backends need to log in, if they need it.
_CREDENTIALS = ("url", "username", "password", "api_key")


def annotate_frames(
    view: fo.core.collections.SampleCollection,
    anno_key: str,
    label_field: str | None = None,
    context: int = 0,
    include_dismissed: bool = False,
    only_tracks: bool = False,
    **kwargs: Any,  # noqa: ANN401 - handed on
) -> AnnotationResults:
    """Send the frames that a view shows to an annotation backend.

    ``load_adjustment(dataset, anno_key)`` compares what comes back with it. Each
    sequence is sent as an annotation run of its own, in tasks (in Label Studio: in a
    project) of its own: the first one's key is ``anno_key``, and others have a number
    at the end, such as ``fix_2``. In CVAT and Label Studio, instructions list the
    flagged frames with their reasons, and the number of each box's track is shown: in
    CVAT as the attribute ``index``, in Label Studio as the text of the box.

    Args:
        view: a dataset, or a view of its videos, clips, frames or patches
        anno_key: the annotation key
        label_field (None): the frame field of the tracks; may be omitted if the
            dataset has only one
        context (0): the number of labeled frames to send before and after each
            chosen frame
        include_dismissed (False): whether to send frames with dismissed issues only
        only_tracks (False): whether to send only the tracks that the issues and the
            flagged boxes of the chosen frames are about, instead of all tracks
        **kwargs: arguments of ``annotate()``, such as ``backend``

    Returns:
        the :class:`fiftyone.utils.annotations.AnnotationResults` of the first sequence

    Raises:
        ValueError: if the view shows no frames, the key is taken, or the backend is
            ``groundtruth``, which works with ``view.annotate()`` itself
        InputError: if a box cannot be sent

    Example:
        >>> results = fta.annotate_frames(view, "walkers", backend="cvat", context=2)
        >>> fta.load_adjustment(dataset, "walkers").changes
        {}
    """
    chosen = FramesToSend(
        view,
        label_field,
        context,
        include_dismissed=include_dismissed,
        only_tracks=only_tracks,
    )
    return send_to_backend(chosen, anno_key, kwargs)


def send_to_backend(
    chosen: FramesToSend,
    anno_key: str,
    settings: Json,
) -> AnnotationResults:
    """Send frames to an annotation backend, see :func:`annotate_frames`.

    Args:
        chosen: which frames to send
        anno_key: the annotation key
        settings: arguments of ``annotate()``, such as ``backend``

    Returns:
        the results of the first sequence

    Raises:
        ValueError: if there are no frames to send, the key is taken, or the backend is
            ``groundtruth``
        InputError: if a box cannot be sent
    """
    kwargs = dict(settings)
    backend = kwargs.get("backend")
    if backend == "groundtruth":
        raise ValueError("use view.annotate() for the backend 'groundtruth'")
    dataset, field = chosen.dataset, chosen.field
    selection = select_to_send(chosen)
    if selection.left_out:
        logger.info(dismissed_text(selection.left_out))
    title = _title_setting(backend)
    shows_tracks = title is not None and not selection.stored.identities.numbered
    record, boxes = _record(anno_key, chosen, selection, shows_tracks)
    known = [*fields_of(dataset, field, selection.attributes)]
    has_index = shows_tracks and title == _TASK_NAME
    kwargs["attributes"] = _attributes(kwargs.get("attributes", known), has_index)
    kwargs.setdefault("classes", store.known_classes(dataset, field))
    tracks = _track_numbers(boxes) if shows_tracks else {}
    with recording_sent(dataset, record, boxes), _deleted_on_error(dataset, record):
        return _send(dataset, record, selection, tracks, kwargs, title)


def _track_numbers(boxes: pd.DataFrame) -> dict[str, int]:
    """Return the numbers of tracks by the IDs of the labels."""
    ids = boxes[DETECTION_ID].astype(str)
    return dict(zip(ids, boxes["track"].tolist(), strict=True))


def check_credentials(config: AnnotationBackendConfig) -> None:
    """Check that nobody would be asked for credentials.

    Args:
        config: the configuration of an annotation run

    Raises:
        InputError: if the backend needs credentials that are not set
    """
    missing = [
        f"FIFTYONE_{config.name}_{each}".upper()
        for each in _CREDENTIALS
        if hasattr(config, each) and getattr(config, each) is None
    ]
    if missing:
        message = f"no credentials; set {' and '.join(missing)} in the environment"
        raise InputError(config.name, message)


def _title_setting(backend: str | None) -> str | None:
    """Return the setting that names CVAT's tasks or Label Studio's projects."""
    name = backend or fo.annotation_config.default_backend
    config = fo.annotation_config.backends.get(name, {})
    kind = str(config.get("config_cls", "")).rpartition(".")[2]
    return _TITLES.get(kind)


def _run_names(dataset: fo.Dataset, anno_key: str, number: int) -> list[str]:
    """Return free keys of as many annotation runs, the first one as it was asked for.

    Raises:
        ValueError: if that is taken
    """
    taken = dataset.list_annotation_runs()
    if anno_key in taken:
        raise ValueError(f"'{anno_key}' was already sent; choose another name")
    names = (f"{anno_key}_{position}" for position in count(2))
    free = (name for name in names if name not in taken)
    return [anno_key, *(next(free) for _ in range(number - 1))]


def _attributes(
    asked: Collection[str] | Mapping[str, object] | bool | None, has_index: bool
) -> Collection[str] | Mapping[str, object] | bool | None:
    """Return the attributes to send, with the number of the track if that is one."""
    if not has_index or asked is None or isinstance(asked, bool):
        return asked
    names = [asked] if isinstance(asked, str) else asked
    named = names if isinstance(names, Mapping) else {name: {} for name in names}
    return {INDEX: {"type": "text", "values": []}, **named}


def _with_documents(selection: Selection) -> pd.DataFrame:
    """Return the frames with their ``id`` and ``frame_name``, in order."""
    documents = selection.stored.documents.assign(
        id=selection.stored.documents["_id"].astype(str)
    )
    frames = selection.frames.merge(
        documents[["sequence", "frame", "id"]], on=["sequence", "frame"], how="left"
    )
    sequences = selection.stored.tracks.sequences
    names = [
        sequences[name].frame_names[frame - 1]
        for name, frame in zip(frames["sequence"], frames["frame"], strict=True)
    ]
    return frames.assign(frame_name=names)


def _record(
    anno_key: str, chosen: FramesToSend, selection: Selection, shows_tracks: bool
) -> tuple[SentFrames, pd.DataFrame]:
    """Return the record of what is sent, and its boxes."""
    tracks, numbers = selection.stored.tracks, selection.numbers
    sizes = image_sizes(tracks.sequences[name] for name in numbers)
    boxes = boxes_to_send(anno_key, tracks, selection.frames, sizes)
    record = SentFrames(
        name=anno_key,
        way=ANNOTATION,
        label_field=chosen.field,
        folder=None,
        frames=numbers,
        image_sizes=sizes,
        left_out=selection.left_out,
        box_attributes=sendable_attributes(selection.attributes, boxes),
        runs=_run_names(chosen.dataset, anno_key, len(numbers)),
        shows_tracks=shows_tracks,
    )
    return record, boxes


def _send(
    dataset: fo.Dataset,
    record: SentFrames,
    selection: Selection,
    tracks: Mapping[str, int],
    settings: Mapping[str, object],
    title: str | None,
) -> AnnotationResults:
    """Send each sequence as an annotation run, and then the instructions.

    Args:
        dataset: the dataset
        record: what is sent
        selection: the frames that are sent, and their tracks
        tracks: the numbers of tracks by the IDs of labels, if annotators see them
        settings: the arguments of ``annotate()``
        title: the setting that names the unit of work, None if there is none
    """
    sent = []
    frames = _with_documents(selection)
    for run, name in zip(record.runs, record.frames, strict=True):
        own = frames[frames["sequence"] == name]
        named = {title: f"{settings.get(title) or run} {name}"} if title else {}
        view = store.frames_as_samples(dataset, own["id"].tolist())
        if selection.only_tracks:
            ids = selection.stored.tracks.table[DETECTION_ID].map(str).tolist()
            view = view.select_labels(
                ids=ids, fields=record.label_field, omit_empty=False
            )
        options = {**settings, **named}
        results = view.annotate(run, label_field=record.label_field, **options)
        sent.append((results, own))
    for results, own in sent:
        add_guide(results, own, tracks)
    return sent[0][0]


@contextmanager
def _deleted_on_error(dataset: fo.Dataset, record: SentFrames) -> Iterator[None]:
    """Delete the annotation runs if sending fails."""
    try:
        yield
    except BaseException:
        for run in set(record.runs) & set(dataset.list_annotation_runs()):
            dataset.delete_annotation_run(run)
        raise
