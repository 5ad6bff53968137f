# SPDX-License-Identifier: Apache-2.0
"""Read what a detector found."""

from __future__ import annotations

from pathlib import Path

from .formats import read_labels
from .tracks import InputError, Tracks


def read_predictions(path: Path | str) -> Tracks:
    r"""Read the detections of a model, with their confidences.

    Args:
        path: a file in MOT Challenge's det format, or labels in any format that has
            confidences, see :func:`read_labels`

    Returns:
        the :class:`Tracks`, with the column ``confidence``

    Raises:
        InputError: if there are none, or they have no confidences

    Example:
        >>> from pathlib import Path
        >>> rows = ["1,-1,11,21,30,60,0.9", "1,-1,201,21,30,60,0.4"]
        >>> _ = Path("found.txt").write_text("\n".join(rows))
        >>> predictions = fta.read_predictions("found.txt")
        >>> predictions.table["confidence"].tolist()
        [0.9, 0.4]
    """
    tracks = read_labels(path)
    if "confidence" not in tracks.table or tracks.table["confidence"].isna().all():
        raise InputError(path, "there are no confidences; expected those of a detector")
    return tracks
