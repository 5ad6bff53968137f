# SPDX-License-Identifier: Apache-2.0
"""Keep the labels that were set aside on import with their samples."""

from __future__ import annotations

from collections.abc import Iterable

import fiftyone as fo
import pandas as pd

from ..tracks import INVALID_COLUMNS, make_invalid
from .bulk import Document
from .sequences import SampleSpan

#: The sample field with a record of each label.
FIELD = "invalid_labels"
#: The most labels of a sample that are kept, so that its document stays small.
MOST = 2_000


def declare_set_aside(dataset: fo.Dataset) -> None:
    """Add the field to a dataset if it lacks it.

    Args:
        dataset: a video dataset

    Raises:
        ValueError: if a field of that name holds something else
    """
    field = dataset.get_field(FIELD)
    if field is None:
        dataset.add_sample_field(FIELD, fo.ListField, subfield=fo.DictField)
    elif not isinstance(getattr(field, "field", None), fo.DictField):
        raise ValueError(
            f"the sample field '{FIELD}' of '{dataset.name}' holds something else; "
            "rename it first"
        )


def make_records(
    invalid: pd.DataFrame, label_field: str, first: int, last: int
) -> list[Document]:
    """Return what is stored of the labels of one sample.

    Args:
        invalid: the labels of the sample's sequence, see ``Tracks.invalid``
        label_field: the frame field of the tracks
        first: the position of the sample's first frame in the sequence, from 1
        last: the position of its last frame

    Returns:
        a record per label, with ``frame`` counted in the sample; those of no frame
        belong to the sequence's first sample
    """
    frame = invalid["frame"]
    own = frame.between(first, last).fillna(first == 1).to_numpy(bool)
    chosen = invalid[own].head(MOST).drop(columns="sequence")
    chosen = chosen.assign(frame=chosen["frame"] - first + 1, label_field=label_field)
    plain = chosen.astype(object).where(chosen.notna(), None)
    names = [str(name) for name in plain]
    rows = plain.itertuples(index=False, name=None)
    return [dict(zip(names, row, strict=True)) for row in rows]


def read_set_aside(
    dataset: fo.Dataset, label_field: str, sequence: str, spans: Iterable[SampleSpan]
) -> pd.DataFrame:
    """Read the labels of a sequence that were set aside on import.

    Args:
        dataset: the dataset
        label_field: the frame field of the tracks
        sequence: the name of the sequence
        spans: its samples

    Returns:
        the labels, see ``Tracks.invalid``
    """
    if not dataset.has_field(FIELD):
        return make_invalid()
    offsets = {span.sample_id: span.offset for span in spans}
    ids, stored = dataset.select(list(offsets)).values(["id", FIELD])
    records = [
        {**record, "frame": record["frame"] and record["frame"] + offsets[sample]}
        for sample, found in zip(ids, stored, strict=True)
        for record in found or ()
        if record.get("label_field") == label_field
    ]
    columns = {
        name: [record.get(name) for record in records] for name in INVALID_COLUMNS
    }
    return make_invalid({**columns, "sequence": [sequence] * len(records)})
