# SPDX-License-Identifier: Apache-2.0
"""Remember with a label field how its tracks are told apart.

The info of the field holds it: the attribute that the user chose, and what the last
audit found, so that the panel can read a few tracks without numbering all of them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime

import fiftyone as fo

from .bulk import Document
from .frame_documents import frame_documents, frame_path, frame_schema

_MARK = "track_audit_identity"


@dataclass(frozen=True)
class IdentityMark:
    """How the tracks of a label field are told apart.

    Attributes:
        attribute (None): the attribute of detections that holds the identity
        plain (False): whether the number of each track is known to be its index
        per_class (False): whether an index may count within its class
    """

    attribute: str | None = None
    plain: bool = False
    per_class: bool = False

    def key_of(self, label: Document) -> object:
        """Return what tells an object from the others of a frame.

        Args:
            label: the document of a detection

        Returns:
            a value that can be hashed, None if the detection has no identity
        """
        if self.attribute is not None:
            return label.get(self.attribute)
        if label.get("instance"):
            return label["instance"]["_id"]
        index = label.get("index")
        of_class = self.per_class and index is not None
        return (label.get("label"), index) if of_class else index

    def begun(self, whole: bool) -> IdentityMark:
        """Return the mark of an audit that has not seen any sequence yet.

        Args:
            whole: whether it will see all sequences
        """
        if not whole:
            return self
        return replace(self, plain=self.attribute is None, per_class=False)

    def joined(self, numbered: bool, per_class: bool) -> IdentityMark:
        """Return the mark with what was found in a further sequence.

        Args:
            numbered: whether a track of it may have another number than its index
            per_class: whether an index of it may count within its class
        """
        return replace(
            self,
            plain=self.plain and not numbered,
            per_class=self.per_class or per_class,
        )


def read_identity(dataset: fo.Dataset, field: str) -> IdentityMark:
    """Return how the tracks of a label field are told apart.

    Args:
        dataset: the dataset
        field: the frame field of the detections

    Returns:
        the :class:`IdentityMark`
    """
    found = frame_schema(dataset).get(field)
    return IdentityMark(**((found and found.info) or {}).get(_MARK, {}))


def set_identity(dataset: fo.Dataset, field: str, mark: IdentityMark) -> None:
    """Remember how the tracks of a label field are told apart.

    Args:
        dataset: the dataset
        field: the frame field of the detections
        mark: the :class:`IdentityMark`
    """
    if mark != read_identity(dataset, field):
        kept = dataset.get_field(frame_path(dataset, field))
        kept.info = {**(kept.info or {}), _MARK: asdict(mark)}
        kept.save()


def note_instances(dataset: fo.Dataset, field: str, since: datetime) -> None:
    """Remember that tracks may not be their indexes if labels got instances.

    FiftyOne's annotator gives an instance to a track that it splits or draws.

    Args:
        dataset: the dataset
        field: the frame field of the detections
        since: when the labels were modified at the earliest
    """
    mark = read_identity(dataset, field)
    has_instance = {
        "last_modified_at": {"$gt": since},
        f"{field}.detections.instance._id": {"$exists": True},
    }
    if mark.plain and frame_documents(dataset).find_one(has_instance, ["_id"]):
        set_identity(dataset, field, replace(mark, plain=False))


def set_track_attribute(dataset: fo.Dataset, field: str, attribute: str) -> None:
    """Choose the attribute of detections that holds their identity.

    Args:
        dataset: the dataset
        field: the frame field of the detections
        attribute: the name of the attribute; ``instance`` or ``index`` for the default

    Raises:
        ValueError: if no detection has such an attribute
    """
    chosen = None if attribute in ("instance", "index") else attribute
    if chosen is not None:
        path = f"{field}.detections.{chosen}"
        if not frame_documents(dataset).find_one({path: {"$exists": True}}, ["_id"]):
            raise ValueError(
                f"no detection in '{field}' has an attribute '{attribute}'; expected "
                "the attribute that holds the track ids"
            )
    if chosen != read_identity(dataset, field).attribute:
        set_identity(dataset, field, IdentityMark(chosen))
