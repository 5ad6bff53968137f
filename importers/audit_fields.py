# SPDX-License-Identifier: Apache-2.0
"""Fields of the audit and of corrections on each detection, in one table.

What declares them in a dataset, what keeps their names free, README and the tests are
made from this table, so a new field is one row here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

#: What the values of a field are.
FieldType: TypeAlias = Literal["float", "bool", "str", "list of str"]
#: The fields that are written together: by every audit, by its judgment of sizes,
#: of IoUs, of the boxes otherwise, of the crops, and by loading corrections.
Group: TypeAlias = Literal["audit", "size", "iou", "boxes", "crops", "corrections"]


@dataclass(frozen=True)
class DetectionField:
    """A field of the audit, or of corrections, on a detection.

    Attributes:
        name: the name
        type: what its values are
        unit: the unit or range of its values, empty if they have none
        meaning: what it says about the detection
        group: what writes it, together with the other fields of the group
        is_stored: whether datasets have it; files have the others as well
    """

    name: str
    type: FieldType
    unit: str
    meaning: str
    group: Group
    is_stored: bool = True


#: What only files have: it follows from the boxes at once, and each field of a
#: dataset's detections costs time and space.
_IN_FILES: tuple[tuple[str, str, str, Group], ...] = (
    ("size_limit", "threshold", "the size threshold that the box just passes", "size"),
    ("iou_limit", "threshold", "the IoU threshold that the box just passes", "iou"),
    ("aspect_change", "share", "change of width / height since the last box", "boxes"),
    *(
        (f"{side}_deviation", "pixels", "offset from the track's rolling mean", "boxes")
        for side in ("left", "top", "width", "height")
    ),
)
#: The fields, in the order in which README lists them.
DETECTION_FIELDS: tuple[DetectionField, ...] = (
    DetectionField(
        "outlier_score",
        "float",
        "0 to 1",
        "ranks the boxes of a sequence and track by how likely they are mistakes; an "
        "outlier is above 0.5, where twice the score minus 1 is the probability",
        "audit",
    ),
    DetectionField(
        "outlier_reasons",
        "list of str",
        "",
        "the kinds of mistakes that the box is an outlier of",
        "audit",
    ),
    DetectionField(
        "size_change",
        "float",
        "share",
        "(area - previous area) / previous area, in the same track",
        "size",
    ),
    DetectionField(
        "size_outlier", "bool", "", "whether this box has the wrong size", "size"
    ),
    DetectionField(
        "iou_prev",
        "float",
        "0 to 1",
        "IoU with the track's box in the previous labeled frame",
        "iou",
    ),
    DetectionField(
        "iou_next",
        "float",
        "0 to 1",
        "IoU with the track's box in the next labeled frame",
        "iou",
    ),
    DetectionField(
        "iou_outlier", "bool", "", "whether this box is in the wrong place", "iou"
    ),
    DetectionField(
        "motion_residual",
        "float",
        "box sizes",
        "distance from where the boxes 1 to 8 frames before and after predict the box, "
        "without the camera's motion",
        "boxes",
    ),
    DetectionField(
        "jitter", "float", "box sizes", "sustained jitter of position and size", "boxes"
    ),
    DetectionField(
        "occlusion",
        "float",
        "0 to 1",
        "share of the box that another box hides",
        "boxes",
    ),
    DetectionField(
        "perspective",
        "float",
        "standard deviations",
        "difference from the usual height of such objects at this place",
        "boxes",
    ),
    DetectionField(
        "embedding_distance",
        "float",
        "0 to 2",
        "cosine distance of the crop from the track's previous crop",
        "crops",
    ),
    DetectionField(
        "embedding_outlier",
        "bool",
        "",
        "whether that distance exceeds the track's mean by two standard deviations",
        "crops",
    ),
    DetectionField(
        "embedding_centre_distance",
        "float",
        "0 to 2",
        "cosine distance of the crop from the rest of its track",
        "crops",
    ),
    DetectionField(
        "embedding_rival_distance",
        "float",
        "-2 to 2",
        "cosine distance of the crop from the track that is in the way, minus "
        "embedding_centre_distance",
        "crops",
    ),
    DetectionField(
        "changes",
        "list of str",
        "",
        "what reviewers changed about the box",
        "corrections",
    ),
    DetectionField(
        "change_iou",
        "float",
        "0 to 1",
        "IoU of the box before and after the correction",
        "corrections",
    ),
    DetectionField(
        "original_id",
        "str",
        "",
        "on a corrected box: the ID of the box that was sent",
        "corrections",
    ),
    *(
        DetectionField(name, "float", unit, meaning, group, is_stored=False)
        for name, unit, meaning, group in _IN_FILES
    ),
)
#: The fields that datasets have, by name.
STORED_FIELDS = {field.name: field for field in DETECTION_FIELDS if field.is_stored}


def fields_table() -> str:
    """Return the fields that datasets have as a table for README.

    Returns:
        the table in Markdown, without a newline at its end
    """
    rows = [
        f"| `{field.name}` | {field.type} | {field.unit} | {field.meaning} |"
        for field in STORED_FIELDS.values()
    ]
    return "\n".join(
        ["| field | type | unit or range | meaning |", "|---|---|---|---|", *rows]
    )
