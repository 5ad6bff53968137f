# SPDX-License-Identifier: Apache-2.0
"""Send frames as MOT sequences, which any tool that reads MOT files can correct.

The folder of each sequence is complete, and its frames are numbered from 1.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import fiftyone as fo
import pandas as pd

from ...importers import store
from ...importers.files import resolve_path, whole_folder
from ...importers.frames import bring
from ...importers.mot_writer import mot_classes, take_frames, write_mot
from ...importers.pixels import (
    at_image_sizes,
    boxes_to_send,
    image_findings,
    image_sizes,
)
from ...importers.problems import sentences
from ...importers.tracks import BOX, InputError, Tracks, make_table
from .chosen_frames import FramesToSend, select_to_send
from .records import (
    FRAMES_FILE,
    MOT,
    SentFrames,
    recording_sent,
    sendable_attributes,
)


def export_mot(
    view: fo.core.collections.SampleCollection,
    folder: Path | str,
    label_field: str | None = None,
    context: int = 0,
    name: str | None = None,
    include_dismissed: bool = False,
    only_tracks: bool = False,
) -> SentFrames:
    """Write the frames that a view shows as MOT sequences to correct.

    The boxes are in whole pixels of the images that are sent. What is sent is recorded
    with the dataset, so that ``load_adjustment()`` can compare it with what comes back.

    Args:
        view: a dataset, or a view of its videos, clips, frames or patches
        folder: a folder that is new or empty
        label_field (None): the frame field of the tracks; may be omitted if the
            dataset has only one
        context (0): the number of labeled frames to send before and after each
            chosen frame
        name (None): the name under which corrections are loaded, by default the
            folder's
        include_dismissed (False): whether to send frames that only have dismissed
            issues
        only_tracks (False): whether to send only the tracks that the issues and the
            flagged boxes of the chosen frames are about, instead of all tracks

    Returns:
        the record of what was sent

    Raises:
        ValueError: if the view shows no frames, or the name is taken
        InputError: if frames are missing, or the folder is not empty; nothing is
            written then

    Example:
        >>> sent = fta.export_mot(view, "to-correct", context=1)
        >>> sent.frames
        {'a': [9, 10, 11, 19, 20, 21]}
    """
    chosen = FramesToSend(
        view,
        label_field,
        context,
        include_dismissed=include_dismissed,
        only_tracks=only_tracks,
    )
    return send_as_mot(chosen, folder, name)


def send_as_mot(
    chosen: FramesToSend, folder: Path | str, name: str | None = None
) -> SentFrames:
    """Write frames as MOT sequences to correct, see :func:`export_mot`.

    Args:
        chosen: which frames to send
        folder: a folder that is new or empty
        name (None): the name under which corrections are loaded, by default the
            folder's

    Returns:
        the record of what was sent

    Raises:
        ValueError: if there are no frames to send, or the name is taken
        InputError: if frames are missing, or the folder is not empty
    """
    return send_as_files(chosen, folder, name, MOT, write_mot)


def send_as_files(
    chosen: FramesToSend,
    folder: Path | str,
    name: str | None,
    way: str,
    write: Callable[[Tracks, Path, Collection[str]], None],
) -> SentFrames:
    """Write frames as files to correct, and record them.

    Args:
        chosen: which frames to send
        folder: a folder that is new or empty
        name: the name under which corrections are loaded, None for the folder's
        way: how they are sent, for the record
        write: a function that writes tracks, in pixels of the images, into a folder;
            boxes can be given the classes that are its third argument

    Returns:
        the record of what was sent

    Raises:
        ValueError: if there are no frames to send, or the name is taken
        InputError: if frames are missing, or the folder is not empty
    """
    dataset = chosen.dataset
    folder = resolve_path(folder)
    name = name or folder.name
    selection = select_to_send(chosen, with_unrecorded=True)
    frames, numbers = selection.frames, selection.numbers
    taken = take_frames(selection.stored.tracks, numbers)
    _check_images(folder, taken)
    sizes = image_sizes(taken.sequences.values())
    boxes = boxes_to_send(folder, selection.stored.tracks, frames, sizes)
    boxes["track"] = _count_from_one(boxes["sequence"], boxes["track"])
    classes = store.known_classes(dataset, chosen.field)
    tracks = _in_images(taken, boxes, sizes, selection.attributes)
    record = SentFrames(
        name=name,
        way=way,
        label_field=chosen.field,
        folder=str(folder),
        frames=numbers,
        image_sizes=sizes,
        left_out=selection.left_out,
        classes=list(mot_classes(classes)),
        box_attributes=sendable_attributes(selection.attributes, boxes),
    )
    with recording_sent(dataset, record, boxes), whole_folder(folder) as partial:
        write(tracks, partial, classes)
        _list_frames(frames).to_csv(partial / FRAMES_FILE, index=False)
    return record


def _count_from_one(sequence: pd.Series[str], track: pd.Series[int]) -> pd.Series[int]:
    """Return the numbers of tracks, the next free one in place of 0.

    CVAT takes 0 to mean that a box has no track.
    """
    free = track.groupby(sequence).transform("max") + 1
    return track.mask(track == 0, free)


def _list_frames(frames: pd.DataFrame) -> pd.DataFrame:
    """Return the frames with the numbers that their images have in the new folders."""
    return frames.assign(
        image=frames.groupby("sequence").cumcount() + 1,
        role=frames["role"].replace("", "context"),
    )


def _check_images(folder: Path, taken: Tracks) -> None:
    """Check that the images of each sequence can be read and have the same size."""
    for sequence in taken.sequences.values():
        bring(sequence)
    paths = [
        (name, str(sequence.frames_dir / frame))
        for name, sequence in taken.sequences.items()
        if sequence.frames_dir
        for frame in sequence.frame_names
    ]
    findings = image_findings(pd.DataFrame(paths, columns=["sequence", "path"]))
    if findings:
        errors = "\n".join(sentences(findings, "error"))
        raise InputError(folder, f"nothing was written:\n{errors}")


def _in_images(
    taken: Tracks,
    boxes: pd.DataFrame,
    sizes: dict[str, tuple[int, int]],
    attributes: list[str],
) -> Tracks:
    """Return the tracks to write, in pixels of the images and with 1-based frames."""
    names = ["sequence", "position", "frame_name", "track", "label", *BOX]
    extra = [name for name in ("considered", "visibility") if name in boxes]
    extra += [name for name in attributes if name in boxes and name not in extra]
    table = boxes[[*names, *extra]].rename(columns={"position": "frame"})
    table["frame"] += 1
    sequences = at_image_sizes(taken.sequences, sizes)
    return Tracks(make_table({str(name): table[name] for name in table}), sequences)
