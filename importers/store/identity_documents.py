# SPDX-License-Identifier: Apache-2.0
"""Give detections the identity of their track as FiftyOne spells it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from bson import ObjectId

from .bulk import Document
from .track_numbers import Identities


def set_identities(
    detections: Mapping[int, list[Document]], identities: Identities, sequence: str
) -> None:
    """Set the index and the instance of new detections to those of their tracks.

    A track that is new gets its number as index, and an instance if others have any.

    Args:
        detections: the documents of a sequence's detections by frame, with the number
            of the track as ``index``; changed in place
        identities: what the numbers of the known tracks stand for
        sequence: the name of the sequence
    """
    table = identities.table
    known = table[table["sequence"] == sequence].set_index("track")
    by_track = known.astype(object).where(known.notna(), None).to_dict("index")
    has_instances = bool(known["instance"].notna().any())
    attribute = identities.attribute
    is_text = any(isinstance(value, str) for value in known["attribute"])
    for documents in detections.values():
        for document in documents:
            track = document["index"]
            if track is None:
                continue
            own = by_track.get(track)
            if own is None:
                made = _make_instance(sequence, track) if has_instances else None
                own = {"index": track, "instance": made}
                own["attribute"] = str(track) if is_text else track
            document["index"] = own["index"]
            document["instance"] = own["instance"] and {
                "_id": own["instance"],
                "_cls": "Instance",
            }
            if attribute is not None:
                document[attribute] = own["attribute"]


def _make_instance(sequence: str, track: int) -> ObjectId:
    """Return the same ID whenever the same new track is stored."""
    name = f"track-audit:{sequence}:{track}".encode()
    return ObjectId(hashlib.blake2b(name, digest_size=12).digest())
