# SPDX-License-Identifier: Apache-2.0
"""Store the boxes around polylines, which can be audited."""

from __future__ import annotations

import fiftyone as fo

from .bulk import Document
from .fields import DETECTIONS
from .frame_documents import (
    add_frame_fields,
    as_list,
    frame_documents,
    frame_schema,
    reload_frames,
)
from .locks import exclusive

POLYLINES = {"ftype": fo.EmbeddedDocumentField, "embedded_doc_type": fo.Polylines}
#: What only polylines have.
_SHAPE = ("points", "closed", "filled")


def box_polylines(
    dataset: fo.Dataset, polylines_field: str | None = None, field: str | None = None
) -> str:
    """Store the boxes around the polylines of frames in a field of their own.

    A box gets everything that its polyline has except the points: the label, the
    index, the instance and all attributes. Polylines without points get no box. The
    polylines do not change; call this again after they did.

    Args:
        dataset: a video dataset, or an image dataset whose samples are frames
        polylines_field (None): the frame field of ``fo.Polylines``; by default the only
            one
        field (None): the frame field for the boxes, which is replaced if it exists; by
            default the name of the polylines with ``_boxes``

    Returns:
        the name of the field of the boxes

    Raises:
        ValueError: if there is no such field of polylines, or the field for the boxes
            holds something else

    Example:
        >>> import fiftyone as fo
        >>> square = [(0.25, 0.5), (0.5, 0.5), (0.5, 0.75), (0.25, 0.75)]
        >>> outline = fo.Polyline(label="car", index=1, points=[square], closed=True)
        >>> sample = fo.Sample("000001.jpg", outlines=fo.Polylines(polylines=[outline]))
        >>> outlines = fo.Dataset()
        >>> ids = outlines.add_samples([sample], progress=False)
        >>> fta.box_polylines(outlines)
        'outlines_boxes'
        >>> outlines.first().outlines_boxes.detections[0].bounding_box
        [0.25, 0.5, 0.25, 0.25]
    """
    source = _find_polylines(dataset, polylines_field)
    field = (field or f"{source}_boxes").removeprefix("frames.")
    schema = frame_schema(dataset, flat=True)
    if field in schema and field not in frame_schema(dataset, **DETECTIONS):
        raise ValueError(f"'{field}' holds {schema[field]}; expected a new field")
    with exclusive(dataset, "storing boxes in"):
        _declare(dataset, source, field)
        boxes = {"_cls": "Detections", "detections": _boxes(f"{source}.polylines")}
        frame_documents(dataset).update_many(
            {f"{source}.polylines": {"$type": "array"}}, [{"$set": {field: boxes}}]
        )
    reload_frames(dataset)
    return field


def _find_polylines(dataset: fo.Dataset, field: str | None) -> str:
    fields = list(frame_schema(dataset, **POLYLINES))
    if field is None and len(fields) == 1:
        return fields[0]
    name = (field or "").removeprefix("frames.")
    if name not in fields:
        known = ", ".join(fields) or "none"
        raise ValueError(
            f"expected a frame field of polylines in '{dataset.name}'"
            f"{f', not {name!r}' if name else ''} (it has: {known})"
        )
    return name


def _declare(dataset: fo.Dataset, source: str, field: str) -> None:
    """Declare the boxes, with the attributes that are declared for the polylines."""
    declared = frame_schema(dataset, flat=True)
    add_frame_fields(dataset, {field: fo.EmbeddedDocumentField(fo.Detections)})
    own = f"{source}.polylines."
    wanted = {}
    for path, kind in declared.items():
        name = path.removeprefix(own)
        if path.startswith(own) and "." not in name and name not in _SHAPE:
            wanted[f"{field}.detections.{name}"] = kind.copy()
    add_frame_fields(dataset, wanted)


def _boxes(path: str) -> Document:
    """Return the expression of MongoDB for the boxes around polylines."""
    points = {
        "$reduce": {
            "input": {"$ifNull": ["$$this.points", []]},
            "initialValue": [],
            "in": {"$concatArrays": ["$$value", "$$this"]},
        }
    }
    ends: Document = {
        name: {"$map": {"input": points, "as": "point", "in": _nth("$$point", axis)}}
        for name, axis in (("across", 0), ("down", 1))
    }
    corner = [{"$min": "$$across"}, {"$min": "$$down"}]
    size = [
        {"$subtract": [{"$max": f"$${name}"}, {"$min": f"$${name}"}]} for name in ends
    ]
    rest = {
        "$arrayToObject": {
            "$filter": {
                "input": {"$objectToArray": "$$this"},
                "as": "entry",
                "cond": {"$not": {"$in": ["$$entry.k", list(_SHAPE)]}},
            }
        }
    }
    box = {
        "$mergeObjects": [rest, {"_cls": "Detection", "bounding_box": corner + size}]
    }
    made = {
        "$map": {
            "input": as_list(path),
            "as": "this",
            "in": {"$let": {"vars": ends, "in": box}},
        }
    }
    return {
        "$filter": {
            "input": made,
            "as": "box",
            "cond": {"$isNumber": _nth("$$box.bounding_box", 0)},
        }
    }


def _nth(path: str, place: int) -> Document:
    return {"$arrayElemAt": [path, place]}
