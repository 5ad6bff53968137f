# SPDX-License-Identifier: Apache-2.0
"""FiftyOne's dataset types and importers for label files of tracks."""

from __future__ import annotations

import inspect
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import fiftyone as fo
import fiftyone.types as fot
import fiftyone.utils.data as foud

from .dataset import Progress, add_tracks
from .description import describe
from .files import expand_home
from .formats import read_labels
from .groundtruth import read_manifest, read_seq_label
from .mot import read_mot, read_mot_detections
from .s3_objects import is_s3
from .store.unfinished import hidden
from .tracks import InputError, Tracks

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from .export import MOTChallengeExporter
    from .groundtruth_exporter import GroundTruthExporter


class MOTChallengeDataset(fot.Dataset):  # type: ignore[misc]
    """MOT Challenge sequences on disk: one sequence's folder, or several in one.

    See https://motchallenge.net/instructions for the format.

    Example:
        >>> dataset = fo.Dataset.from_dir("street", fta.MOTChallengeDataset)
        >>> dataset.values("sequence")
        ['street']
    """

    def get_dataset_importer_cls(self) -> type[MOTChallengeImporter]:
        """Return the importer class."""
        return MOTChallengeImporter

    def get_dataset_exporter_cls(self) -> type[MOTChallengeExporter]:
        """Return the exporter class."""
        from .export import MOTChallengeExporter

        return MOTChallengeExporter


class GroundTruthDataset(fot.Dataset):  # type: ignore[misc]
    """Video frame labels of SageMaker Ground Truth: SeqLabel.json or manifest.

    Example:
        >>> dataset = fo.Dataset.from_dir(
        ...     "street/img1", fta.GroundTruthDataset, labels_path="SeqLabel.json"
        ... )
        >>> dataset.count("frames.ground_truth.detections")
        1
    """

    def get_dataset_importer_cls(self) -> type[GroundTruthImporter]:
        """Return the importer class."""
        return GroundTruthImporter

    def get_dataset_exporter_cls(self) -> type[GroundTruthExporter]:
        """Return the exporter class."""
        from .groundtruth_exporter import GroundTruthExporter

        return GroundTruthExporter


class TrackLabelsDataset(fot.Dataset):  # type: ignore[misc]
    """Label files of any format that is known, and their frames.

    Example:
        >>> dataset = fo.Dataset.from_dir("street", fta.TrackLabelsDataset)
        >>> dataset.values("sequence")
        ['street']
    """

    def get_dataset_importer_cls(self) -> type[TrackLabelsImporter]:
        """Return the importer class."""
        return TrackLabelsImporter


class _TracksImporter(foud.BatchDatasetImporter):  # type: ignore[misc]
    """Base of the importers, which read tracks and store them in bulk."""

    field: str
    video_dir: str | None = None

    def read(self) -> tuple[Tracks, dict[str, Tracks]]:
        """Return the tracks, and the tracks of further label fields by field."""
        raise NotImplementedError("subclass must implement read()")

    def import_samples(
        self,
        dataset: fo.Dataset,
        tags: list[str] | None = None,
        progress: Progress = None,
    ) -> list[str]:
        """Import the sequences into the given dataset.

        Args:
            dataset: a :class:`fiftyone.core.dataset.Dataset`
            tags (None): an optional list of tags to attach to each sample
            progress (None): whether to render a progress bar (True/False), use
                the default value ``fiftyone.config.show_progress_bars``
                (None), or a progress callback function to invoke instead

        Returns:
            the IDs of the samples that were added to the dataset

        Raises:
            InputError: if a file is missing or invalid; nothing is written then
        """
        if not _is_being_created(dataset):
            return self._import(dataset, tags, progress)
        try:
            with hidden(dataset):
                return self._import(dataset, tags, progress)
        except BaseException:
            dataset.delete()
            raise

    def _import(
        self, dataset: fo.Dataset, tags: list[str] | None, progress: Progress
    ) -> list[str]:
        tracks, further = self.read()
        return add_tracks(
            dataset,
            tracks,
            field=self.field,
            further=further,
            video_dir=self.video_dir,
            tags=tags,
            progress=progress,
        )


class MOTChallengeImporter(_TracksImporter):
    """Importer for :class:`MOTChallengeDataset`.

    Args:
        dataset_dir: a sequence's folder (with ``seqinfo.ini``), or a folder of
            sequences' folders
        field ("ground_truth"): the frame field for the tracks
        include_ignored (False): whether to import the rows whose flag is 0
        det_field (None): a further frame field for the detections of
            ``det/det.txt``; by default they are not imported
        video_dir (None): the folder for the videos that are encoded from the
            frames; by default below FiftyOne's default dataset folder
        size (None): width and height in pixels of the images that were labeled, see
            :func:`read_mot`
        frame_rate (None): frames per second, see :func:`read_mot`
        strict (False): whether to refuse files with rows that no audit can use
    """

    def __init__(
        self,
        dataset_dir: str | Path,
        field: str = "ground_truth",
        include_ignored: bool = False,
        det_field: str | None = None,
        video_dir: str | None = None,
        size: tuple[int, int] | None = None,
        frame_rate: float | None = None,
        strict: bool = False,
    ) -> None:
        """Create the importer."""
        super().__init__(dataset_dir=dataset_dir)
        self.field = field
        self.include_ignored = include_ignored
        self.det_field = det_field
        self.video_dir = video_dir
        self.size = size
        self.frame_rate = frame_rate
        self.strict = strict

    def read(self) -> tuple[Tracks, dict[str, Tracks]]:
        """Read the tracks, and the detections if there is a field for them."""
        tracks = read_mot(
            self.dataset_dir,
            self.include_ignored,
            size=self.size,
            frame_rate=self.frame_rate,
            strict=self.strict,
        )
        if self.det_field is None:
            return tracks, {}
        if self.det_field == self.field:
            raise ValueError(f"the detections need a field other than '{self.field}'")
        found = read_mot_detections(self.dataset_dir, self.size, self.frame_rate)
        return tracks, {self.det_field: found}


class GroundTruthImporter(_TracksImporter):
    """Importer for :class:`GroundTruthDataset`.

    Args:
        dataset_dir (None): the folder of the frames, the folder of the MOT
            sequence that they are from, or, for a manifest, a folder of one
            folder per sequence
        labels_path (None): the local path or S3 URI of a ``SeqLabel.json`` or
            of a job's ``output.manifest``; by default the ``output.manifest`` or
            ``SeqLabel.json`` in ``dataset_dir``
        data_path (None): the folder of the frames, if it is not
            ``dataset_dir``
        field ("ground_truth"): the frame field for the tracks
        label_attribute (None): the manifest's labels to import, such as
            ``vehicle-ref``; by default the newest
        class_map (None): class names by class id, for a ``SeqLabel.json`` whose
            object names do not contain them
        frame_rate (None): frames per second of the whole video; by default that
            of the MOT sequence, or 25
        video_dir (None): the folder for the videos that are encoded from the
            frames; by default below FiftyOne's default dataset folder. Frames in S3
            are read there, and no copy of them is left
    """

    def __init__(
        self,
        dataset_dir: str | Path | None = None,
        labels_path: str | Path | None = None,
        data_path: str | Path | None = None,
        field: str = "ground_truth",
        label_attribute: str | None = None,
        class_map: dict[str, str] | None = None,
        frame_rate: float | None = None,
        video_dir: str | None = None,
    ) -> None:
        """Create the importer."""
        super().__init__(dataset_dir=dataset_dir)
        self.labels_path = _expand(labels_path)
        self.data_path = _expand(data_path) or self.dataset_dir
        self.field = field
        self.label_attribute = label_attribute
        self.class_map = class_map
        self.frame_rate = frame_rate
        self.video_dir = video_dir

    def read(self) -> tuple[Tracks, dict[str, Tracks]]:
        """Read the tracks."""
        labels_path = self.labels_path or self._find_labels()
        if labels_path.endswith(".manifest"):
            tracks = read_manifest(
                labels_path,
                frames_dir=self.data_path,
                label_attribute=self.label_attribute,
                frame_rate=self.frame_rate,
            )
        else:
            tracks = read_seq_label(
                labels_path,
                frames_dir=self.data_path,
                class_map=self.class_map,
                frame_rate=self.frame_rate,
            )
        return tracks, {}

    def _find_labels(self) -> str:
        if self.dataset_dir is None:
            raise ValueError("expected a dataset_dir or a labels_path")
        for name in ("output.manifest", "SeqLabel.json"):
            path = Path(self.dataset_dir, name)
            if path.is_file():
                return str(path)
        raise InputError(
            self.dataset_dir, "expected an output.manifest or a SeqLabel.json in it"
        )


class TrackLabelsImporter(_TracksImporter):
    """Importer for :class:`TrackLabelsDataset`.

    Args:
        dataset_dir (None): the folder of the labels and, if there is a ``labels_path``,
            of the frames
        labels_path (None): the label file, a zip file, or the folder of the labels; by
            default ``dataset_dir``
        data_path (None): the folder of the frames, or of one folder per sequence
        format (None): the name of the labels' format, such as ``"cvat"``; by default
            it is recognized by the content
        size (None): width and height in pixels of the images that were labeled, if
            neither the labels nor the frames tell
        frame_rate (None): frames per second, if the labels do not tell
        strict (False): whether to refuse files with wrong rows
        field ("ground_truth"): the frame field for the tracks
        video_dir (None): the folder for the videos that are encoded from the
            frames; by default below FiftyOne's default dataset folder
    """

    def __init__(
        self,
        dataset_dir: str | Path | None = None,
        labels_path: str | Path | None = None,
        data_path: str | Path | None = None,
        format: str | None = None,
        size: tuple[int, int] | None = None,
        frame_rate: float | None = None,
        strict: bool = False,
        field: str = "ground_truth",
        video_dir: str | None = None,
    ) -> None:
        """Create the importer."""
        super().__init__(dataset_dir=dataset_dir)
        self.labels_path = _expand(labels_path) or self.dataset_dir
        self.data_path = _expand(data_path) or (
            self.dataset_dir if labels_path else None
        )
        self.format = format
        self.size = size
        self.frame_rate = frame_rate
        self.strict = strict
        self.field = field
        self.video_dir = video_dir

    def read(self) -> tuple[Tracks, dict[str, Tracks]]:
        """Read the tracks, and log what was understood."""
        if self.labels_path is None:
            raise ValueError("expected a dataset_dir or a labels_path")
        tracks = read_labels(
            self.labels_path,
            self.format,
            self.data_path,
            self.size,
            self.frame_rate,
            self.strict,
        )
        logger.info(describe(tracks))
        return tracks, {}


def _expand(path: str | Path | None) -> str | None:
    """Expand ``~`` in a local path, and leave an S3 URI as it is."""
    if not path:
        return None
    return str(path) if is_s3(path) else str(expand_home(path))


def _is_being_created(dataset: fo.Dataset) -> bool:
    """Return whether ``Dataset.from_dir()`` created the dataset for this import.

    FiftyOne creates the dataset before it calls the importer, and does not delete it
    if the import fails. A dataset of the user, on which ``add_dir()`` is called, must
    stay even if it is empty; only the call stack distinguishes the two.
    """
    if len(dataset):
        return False
    makers = {
        fo.Dataset.from_dir.__func__.__code__,
        fo.Dataset.from_importer.__func__.__code__,
    }
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code in makers:
            return True
        frame = frame.f_back
    return False
