# SPDX-License-Identifier: Apache-2.0
"""Export the tracks of a dataset in the MOT Challenge format.

::

    view.export(export_dir="sequences", dataset_type=fta.MOTChallengeDataset)
"""

from __future__ import annotations

from pathlib import Path

import fiftyone as fo
import fiftyone.utils.data as foud

from . import store
from .files import whole_folder
from .mot_writer import take_frames, write_mot
from .pixels import in_image_pixels
from .store.shown_frames import FRAME_KEYS, frames_to_export


class MOTChallengeExporter(foud.BatchDatasetExporter):  # type: ignore[misc]
    """Exporter for :class:`.dataset.MOTChallengeDataset`.

    Each sequence gets the frames that the collection shows, numbered from 1, and all
    labels of these frames, in pixels of the images.

    Args:
        export_dir: a folder that is new or empty
        field (None): the frame field of the tracks; by default the only one
    """

    def __init__(self, export_dir: str | Path, field: str | None = None) -> None:
        """Create the exporter."""
        super().__init__(export_dir=export_dir)
        self.field = field

    def export_samples(
        self,
        sample_collection: fo.core.collections.SampleCollection,
        progress: object = None,
    ) -> None:
        """Export the collection.

        Args:
            sample_collection: a dataset, or a view of its videos, clips, frames or
                patches
            progress (None): not used

        Raises:
            InputError: if the folder is not empty or frames are missing; nothing is
                written then
            ValueError: if the dataset has no such field of tracks
        """
        dataset = store.dataset_of(sample_collection)
        field = store.find_label_field(dataset, self.field)
        samples, frames = frames_to_export(sample_collection, field)
        declared = store.frame_schema(dataset, flat=True)
        extra = [
            name
            for name in ("considered", "visibility")
            if f"{field}.detections.{name}" in declared
        ]
        stored = store.read_tracks(samples, field, extra)
        chosen = stored.documents.merge(frames, on=FRAME_KEYS)
        numbers = {
            str(name): part.tolist()
            for name, part in chosen.groupby("sequence")["frame"]
        }
        with whole_folder(Path(self.export_dir)) as folder:
            taken = take_frames(stored.tracks, numbers)
            classes = store.known_classes(dataset, field)
            write_mot(in_image_pixels(taken), folder, classes)
