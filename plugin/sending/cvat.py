# SPDX-License-Identifier: Apache-2.0
"""Send frames as files of CVAT, "CVAT for video 1.1", with keyframes."""

from __future__ import annotations

from pathlib import Path

import fiftyone as fo

from ...importers.cvat_writer import write_cvat
from .chosen_frames import FramesToSend
from .mot import send_as_files
from .records import CVAT, SentFrames


def export_cvat(
    view: fo.core.collections.SampleCollection,
    folder: Path | str,
    label_field: str | None = None,
    context: int = 0,
    name: str | None = None,
    include_dismissed: bool = False,
    only_tracks: bool = False,
) -> SentFrames:
    """Write the frames that a view shows as tasks of CVAT to correct.

    Each sequence gets a folder with its frames in ``images`` and their tracks in
    ``annotations.xml``, with every box as a keyframe. The boxes are in whole pixels of
    the images that are sent. What is sent is recorded with the dataset, so that
    ``load_adjustment()`` can compare it with what comes back.

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
        >>> sent = fta.export_cvat(view, "to-correct", context=1)
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
    return send_as_cvat(chosen, folder, name)


def send_as_cvat(
    chosen: FramesToSend, folder: Path | str, name: str | None = None
) -> SentFrames:
    """Write frames as tasks of CVAT to correct, see :func:`export_cvat`.

    Args:
        chosen: which frames to send
        folder: a folder that is new or empty
        name (None): the name under which corrections are loaded, by default the
            folder's

    Returns:
        the record of what was sent
    """
    return send_as_files(chosen, folder, name, CVAT, write_cvat)
