# SPDX-License-Identifier: Apache-2.0
"""The samples that the panel opens at the frames of a sequence."""

from __future__ import annotations

import fiftyone as fo

from ...importers import store
from ..plain import Json


def list_samples(
    dataset: fo.Dataset, sequences: dict[str, list[store.SampleSpan]]
) -> dict[str, list[Json]]:
    """List the samples to open at the frames of each sequence.

    Args:
        dataset: the dataset
        sequences: the spans of each sequence, by its name

    Returns:
        the ``id`` of each sample, its ``offset`` in the sequence and its ``length``
    """
    if store.are_images(dataset):
        images = store.read_images(dataset).reset_index()
        return {
            str(name): [
                {"id": image, "offset": place, "length": 1}
                for place, image in enumerate(own["id"])
            ]
            for name, own in images.groupby("sequence", sort=False)
        }
    return {
        name: [
            {"id": span.sample_id, "offset": span.offset, "length": span.length}
            for span in spans
        ]
        for name, spans in sequences.items()
    }
