# SPDX-License-Identifier: Apache-2.0
"""Make the contents of Ground Truth's files: sequence files, labels and manifests.

The formats are those of the SageMaker developer guide, "Create a video frame input
manifest file" and "Labeling job output data".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from .files import Json


def sequence_file(prefix: str, number: int, frame_names: Sequence[str]) -> Json:
    """Make a sequence file.

    Args:
        prefix: the S3 URI or path of the frames' folder, with a slash at its end
        number: the 1-based number of the sequence in the job
        frame_names: the file names of the frames, in order
    """
    return {
        "version": "2020-07-01",
        "seq-no": number,
        "prefix": prefix,
        "number-of-frames": len(frame_names),
        "frames": [
            {"frame-no": position, "frame": name}
            for position, name in enumerate(frame_names)
        ],
    }


def labels_metadata(classes: dict[str, str], job_name: str, created: datetime) -> Json:
    """Make the metadata of labels in a manifest.

    Args:
        classes: the class IDs by label
        job_name: the name of the labeling job that made the labels
        created: when they were written, in UTC
    """
    return {
        "class-map": {number: label for label, number in classes.items()},
        "job-name": f"labeling-job/{job_name}",
        "human-annotated": "yes",
        "creation-date": created.strftime("%Y-%m-%dT%H:%M:%S.%f"),
        "type": "groundtruth/video-object-tracking",
    }


def seq_label(
    frames: pd.DataFrame,
    boxes: pd.DataFrame,
    classes: dict[str, str],
    attributes: Sequence[str],
    frame_attributes: pd.DataFrame | None,
) -> Json:
    """Make the labels of one sequence.

    Args:
        frames: the sequence's chosen frames, in order
        boxes: their boxes in whole pixels, by position
        classes: the class IDs by label
        attributes: the columns of ``boxes`` that are label category attributes
        frame_attributes: the sequence's frame attributes, indexed by 1-based
            frame number

    Returns:
        the JSON object of ``SeqLabel.json``, one entry per frame
    """
    annotations = [
        {**box, "label-category-attributes": _present(values)}
        for box, values in zip(
            _box_records(boxes, classes), _records(boxes[list(attributes)]), strict=True
        )
    ]
    starts = np.searchsorted(boxes["position"], range(len(frames) + 1)).tolist()
    if frame_attributes is None:
        frame_attributes = pd.DataFrame(index=frames["frame"])
    statements = _records(frame_attributes.reindex(frames["frame"]))
    return {
        "tracking-annotations": [
            {
                "annotations": annotations[starts[position] : starts[position + 1]],
                "frame-no": str(position),
                "frame": name,
                "frame-attributes": _present(statements[position]),
            }
            for position, name in enumerate(frames["frame_name"])
        ]
    }


def _box_records(boxes: pd.DataFrame, classes: dict[str, str]) -> list[Json]:
    return _records(
        pd.DataFrame(
            {
                "height": boxes["height"],
                "width": boxes["width"],
                "top": boxes["top"],
                "left": boxes["left"],
                "class-id": boxes["label"].astype(str).map(classes),
                "object-id": boxes["object_id"],
                "object-name": boxes["object_name"],
            }
        )
    )


def _records(table: pd.DataFrame) -> list[Json]:
    if not len(table.columns):
        return [{} for _ in range(len(table))]
    names = [str(name) for name in table.columns]
    columns = [table[name].tolist() for name in table.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _present(values: Json) -> Json:
    return {
        name: attribute_value(value)
        for name, value in values.items()
        if not pd.isna(value)
    }


def attribute_value(value: object) -> int | float | str:
    """Return an attribute's value as it is sent.

    Args:
        value: the value, which is not null

    Returns:
        a number, or text
    """
    # A column with gaps holds whole numbers as floats.
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value) if float(value).is_integer() else float(value)
    return str(value)


def class_ids(labels: Iterable[str]) -> dict[str, str]:
    """Number the labels.

    Returns:
        the class IDs by label, in alphabetical order
    """
    return {label: str(number) for number, label in enumerate(sorted(set(labels)))}
