# SPDX-License-Identifier: Apache-2.0
"""Read corrections from FiftyOne's annotation backends."""

from __future__ import annotations

import fiftyone as fo
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers import store
from ...importers.pixels import scale_images
from ...importers.store.attributes import fields_of, rename_attributes
from ...importers.store.locks import exclusive
from ...importers.tracks import BOX
from ..sending.records import (
    SentFrames,
    sent_boxes,
)
from .corrected import Corrections
from .returned_attributes import with_attributes

#: How far rounding may move an edge, in pixels: half a pixel, as boxes are compared in
#: whole pixels, and what tools round.
_ROUNDING = 0.6
#: The frame field that holds a backend's labels until they are compared.
_INCOMING = "track_audit_incoming"


def read_annotations(dataset: fo.Dataset, record: SentFrames) -> Corrections:
    """Read corrections from an annotation backend.

    Raises:
        ValueError: if the dataset lacks a sequence that was sent
    """
    samples = store.select_sequences(dataset, record.frames)
    with exclusive(dataset, "loading annotations into"):
        _drop_incoming(dataset)  # a killed process may have left it
        try:
            dataset.load_annotations(
                record.name, dest_field=_INCOMING, unexpected="ignore"
            )
            corrected = _read_incoming(samples, record)
        finally:
            _drop_incoming(dataset)
    sent = sent_boxes(dataset, record)
    table = _with_objects(corrected, sent, record)
    sent, table = with_attributes(sent, table, record.box_attributes)
    frames = [
        pd.DataFrame({"sequence": name, "frame": numbers})
        for name, numbers in record.frames.items()
    ]
    return Corrections(
        sent=sent.drop(columns="id"),
        corrected=table,
        frames=pd.concat(frames, ignore_index=True),
        image_sizes=record.image_sizes,
    )


def _drop_incoming(dataset: fo.Dataset) -> None:
    if _INCOMING in store.frame_schema(dataset):
        store.delete_frame_field(dataset, _INCOMING)


def _read_incoming(samples: fo.DatasetView, record: SentFrames) -> pd.DataFrame:
    dataset = store.dataset_of(samples)
    if _INCOMING not in store.frame_schema(dataset):
        store.add_frame_field(
            dataset,
            _INCOMING,
            fo.EmbeddedDocumentField,
            embedded_doc_type=fo.Detections,
        )
    declared = store.frame_schema(dataset, flat=True)
    sent = fields_of(dataset, record.label_field, record.box_attributes)
    paths = {
        path: name
        for path, name in sent.items()
        if f"{_INCOMING}.detections.{path}" in declared
    }
    tracks = store.read_tracks(samples, _INCOMING, ["id", *paths]).tracks
    tracks = rename_attributes(tracks, paths, {})
    table = tracks.table.astype(
        {"sequence": object, "label": object, "frame_name": object, "id": str}
    )
    scales = scale_images(tracks.sequences, record.image_sizes)
    table[BOX] *= scales.loc[table["sequence"], ["x", "y", "x", "y"]].to_numpy()
    return table


def _with_objects(
    table: pd.DataFrame, sent: pd.DataFrame, record: SentFrames
) -> pd.DataFrame:
    """Find the objects of boxes by their labels' IDs; a new ID is a new object."""
    keys = ["sequence", "frame", "id"]
    before = sent[[*keys, *BOX, "object_id", "object_name"]]
    table = table.merge(before, on=keys, how="left", suffixes=("", "_sent"))
    own = [f"{name}_sent" for name in BOX]
    edges = _edges(table[BOX].to_numpy(np.float64))
    expected = _edges(table[own].to_numpy(np.float64))
    same = (np.abs(edges - expected) <= _ROUNDING).all(axis=1, keepdims=True)
    edges = np.where(same, expected, np.rint(edges))
    table[BOX] = np.hstack([edges[:, :2], edges[:, 2:] - edges[:, :2]])
    name = table["label"] + ":" + table["id"]
    table["object_id"] = table["object_id"].fillna(f"{record.name}:" + table["id"])
    table["object_name"] = table["object_name"].fillna(name)
    return table.drop(columns=[*own, "id"])


def _edges(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn ``[left, top, width, height]`` into ``[left, top, right, bottom]``."""
    return np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
