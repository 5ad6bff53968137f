# SPDX-License-Identifier: Apache-2.0
"""Keep the numbers of tracks when objects appear and disappear.

The numbers of tracks without an index follow from all identities of a sequence, so a
track that is deleted or new would renumber others, and issues name tracks by number.
Whoever is about to change identities keeps the numbers first, in the info of the field.
"""

from __future__ import annotations

from collections import defaultdict

import fiftyone as fo

from .frame_documents import frame_path, frame_schema
from .track_numbers import Identities, Numbers

_KEPT = "track_audit_numbers"


def read_numbers(dataset: fo.Dataset, field: str) -> Numbers:
    """Read the numbers of tracks that are kept.

    Args:
        dataset: the dataset
        field: the frame field of the detections

    Returns:
        the numbers, by sequence and by the name of the track's identity
    """
    found = frame_schema(dataset).get(field)
    numbers: dict[str, dict[str, int]] = defaultdict(dict)
    # Keys of documents may not be any text, so each number is a row
    for sequence, name, number in ((found and found.info) or {}).get(_KEPT, ()):
        numbers[sequence][name] = number
    return numbers


def keep_numbers(dataset: fo.Dataset, field: str, identities: Identities) -> None:
    """Keep the numbers of the tracks of sequences.

    Args:
        dataset: the dataset, whose lock is held
        field: the frame field of the detections
        identities: the identities of the sequences' boxes; plain indexes need nothing
    """
    table = identities.table
    known = read_numbers(dataset, field)
    rows = [[s, name, n] for s, own in known.items() for name, n in own.items()]
    new = [
        [str(sequence), name, int(track)]
        for sequence, name, track in table[["sequence", "name", "track"]].to_numpy()
        if name not in known.get(str(sequence), {})
    ]
    if new:
        kept = dataset.get_field(frame_path(dataset, field))
        kept.info = {**(kept.info or {}), _KEPT: rows + new}
        kept.save()
