# SPDX-License-Identifier: Apache-2.0
"""The way out without AWS: frames to correct as MOT sequences, and back again.

Any tool that reads and writes MOT Challenge files can correct them: the folder of
each sequence is complete, with its frames numbered from 1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fiftyone as fo
import pandas as pd

from ...importers import store
from ...importers.files import resolve_path, whole_folder
from ...importers.mot_writer import take_frames, write_mot
from ...importers.pixels import (
    at_image_sizes,
    boxes_to_send,
    image_findings,
    image_sizes,
)
from ...importers.problems import sentences
from ...importers.tracks import BOX, InputError, Tracks, make_table
from .chosen_frames import Selection, select_to_send
from .records import (
    FRAMES_FILE,
    MOT,
    SentFrames,
    check_new_name,
    recording_sent,
)


def export_mot(
    view: fo.core.collections.SampleCollection,
    folder: Path | str,
    label_field: str | None = None,
    context: int = 0,
    name: str | None = None,
    selected_labels: list[dict[str, Any]] | None = None,
    include_dismissed: bool = False,
) -> SentFrames:
    """Writes the frames that a view shows as MOT sequences to correct.

    Boxes are in whole pixels of the images that are sent. What went out is recorded
    with the dataset: ``load_adjustment()`` compares it with what comes back.

    Args:
        view: a dataset, or a view of its videos, clips, frames or patches
        folder: a folder that is new or empty
        label_field (None): the frame field of the tracks; found where there is
            only one
        context (0): the number of labelled frames to send along before and after
            each chosen frame
        name (None): the name to load it by, by default the folder's
        selected_labels (None): labels selected in the App, whose frames are sent
            instead of the view's
        include_dismissed (False): whether to send frames that dismissed issues
            alone are about, too

    Returns:
        the record

    Raises:
        ValueError: if the view shows no frames, or the name is taken
        InputError: if frames are missing, or the folder is not empty; nothing is
            written then
    """
    dataset = store.dataset_of(view)
    folder = resolve_path(folder)
    field = store.find_label_field(dataset, label_field)
    name = name or folder.name
    check_new_name(dataset, name)
    selection = select_to_send(view, field, context, selected_labels, include_dismissed)
    frames, numbers = selection.frames, selection.numbers
    taken = take_frames(selection.stored.tracks, numbers)
    _check_images(folder, taken)
    sizes = image_sizes(taken.sequences.values())
    boxes = boxes_to_send(folder, selection.stored.tracks, frames, sizes)
    tracks = _in_images(taken, boxes, sizes)
    record = SentFrames(
        name, MOT, field, str(folder), numbers, sizes, selection.left_out
    )
    with recording_sent(dataset, record, boxes), whole_folder(folder) as partial:
        write_mot(tracks, partial)
        frames.to_csv(partial / FRAMES_FILE, index=False)
    return record


def preview_mot(
    view: fo.core.collections.SampleCollection,
    label_field: str | None = None,
    context: int = 0,
    selected_labels: list[dict[str, Any]] | None = None,
    include_dismissed: bool = False,
) -> Selection:
    """Returns the frames that :func:`export_mot` would write.

    Args:
        view: as of :func:`export_mot`
        label_field (None): as of :func:`export_mot`
        context (0): as of :func:`export_mot`
        selected_labels (None): as of :func:`export_mot`
        include_dismissed (False): as of :func:`export_mot`

    Returns:
        the :class:`Selection`

    Raises:
        ValueError: if the view shows no frames
    """
    field = store.find_label_field(store.dataset_of(view), label_field)
    return select_to_send(view, field, context, selected_labels, include_dismissed)


def _check_images(folder: Path, taken: Tracks) -> None:
    """Checks that the images of each sequence can be read, and are of one size."""
    paths = [
        (name, str(sequence.frames_dir / frame))
        for name, sequence in taken.sequences.items()
        if sequence.frames_dir
        for frame in sequence.frame_names
    ]
    findings = image_findings(pd.DataFrame(paths, columns=["sequence", "path"]))
    if findings:
        told = "\n".join(sentences(findings, "error"))
        raise InputError(folder, f"nothing was written:\n{told}")


def _in_images(
    taken: Tracks, boxes: pd.DataFrame, sizes: dict[str, tuple[int, int]]
) -> Tracks:
    """The tracks to write, in pixels of the images and counted from 1."""
    names = ["sequence", "position", "frame_name", "track", "label", *BOX]
    extra = [name for name in ("considered", "visibility") if name in boxes]
    table = boxes[[*names, *extra]].rename(columns={"position": "frame"})
    table["frame"] += 1
    sequences = at_image_sizes(taken.sequences, sizes)
    return Tracks(make_table({str(name): table[name] for name in table}), sequences)
