# SPDX-License-Identifier: Apache-2.0
"""Export the tracks of a dataset in Ground Truth's own format.

::

    view.export(export_dir="labels", dataset_type=fta.GroundTruthDataset)
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import fiftyone as fo
import fiftyone.utils.data as foud
import pandas as pd

from . import store
from .files import Json, parse_json, read_bytes, whole_folder
from .groundtruth_writer import class_ids, labels_metadata, seq_label, sequence_file
from .manifest import ORIGIN, read_videos
from .pixels import with_objects
from .problems import Report
from .s3_objects import is_s3
from .store.attributes import attribute_fields, rename_attributes
from .store.shown_frames import FRAME_KEYS, frames_to_export
from .tracks import BOX, FORMAT_COLUMNS, InputError, Tracks

#: The manifest of an export, which :func:`.groundtruth.read_manifest` reads.
MANIFEST = "output.manifest"


class GroundTruthExporter(foud.BatchDatasetExporter):  # type: ignore[misc]
    """Exporter for :class:`.dataset_types.GroundTruthDataset`.

    Each sequence gets a folder with its ``SeqLabel.json`` and its sequence file, and a
    line in ``output.manifest``. Boxes are in pixels of the images that were labeled,
    with the attributes of boxes and frames.

    Args:
        export_dir: a folder that is new or empty
        field (None): the frame field of the tracks; by default the only one
        label_attribute ("tracks-audit-ref"): the label attribute of the labels, which
            ends in ``-ref``
        manifest (None): the manifest of the original job, a path or an S3 URI. Its
            lines are kept, and the labels are chained on to those whose sequences are
            exported
        root (None): the S3 URI that the folder is going to be copied to, which the
            manifest refers to; by default paths relative to it
        frames_root (None): the S3 URI or the folder of the frames' folders, each named
            after its sequence; by default the S3 folder that they were imported from,
            or their local folder
    """

    def __init__(
        self,
        export_dir: str | Path,
        field: str | None = None,
        label_attribute: str = "tracks-audit-ref",
        manifest: str | Path | None = None,
        root: str | None = None,
        frames_root: str | None = None,
    ) -> None:
        """Create the exporter."""
        super().__init__(export_dir=export_dir)
        if not label_attribute.endswith("-ref"):
            message = f"label_attribute is {label_attribute!r}; expected a name in -ref"
            raise ValueError(message)
        self.field = field
        self.label_attribute = label_attribute
        self.manifest = manifest
        self.root = f"{root.rstrip('/')}/" if root else ""
        self.frames_root = frames_root

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
            InputError: if the folder is not empty, or the manifest cannot be read;
                nothing is written then
            ValueError: if the dataset has no such field of tracks
        """
        dataset = store.dataset_of(sample_collection)
        field = store.find_label_field(dataset, self.field)
        samples, frames = frames_to_export(sample_collection, field)
        tracks, attributes, shown = _read(dataset, samples, field, frames)
        classes = class_ids(store.known_classes(dataset, field))
        lines = self._original_lines(set(shown["sequence"]))
        with whole_folder(Path(self.export_dir)) as folder:
            for number, (name, part) in enumerate(shown.groupby("sequence"), 1):
                sequence = str(name)
                (folder / sequence).mkdir()
                boxes = _boxes_in(tracks, part.reset_index(drop=True))
                said = tracks.sequences[sequence].frame_attributes
                labels = seq_label(part, boxes, classes, attributes, said)
                _write(folder / sequence / "SeqLabel.json", labels)
                line = lines.setdefault(sequence, {})
                if "source-ref" not in line:
                    names = part["frame_name"].tolist()
                    prefix = self._prefix(tracks, sequence)
                    content = sequence_file(prefix, number, names)
                    _write(folder / sequence / f"{sequence}-seq.json", content)
                    line["source-ref"] = f"{self.root}{sequence}/{sequence}-seq.json"
                    if Path(prefix).name != sequence:
                        line[ORIGIN] = {"sequence": sequence}
                job = self.label_attribute.removesuffix("-ref")
                line[self.label_attribute] = f"{self.root}{sequence}/SeqLabel.json"
                line[f"{self.label_attribute}-metadata"] = labels_metadata(
                    classes, job, datetime.now(UTC)
                )
            texts = [json.dumps(line, separators=(",", ":")) for line in lines.values()]
            (folder / MANIFEST).write_text("\n".join([*texts, ""]), encoding="utf-8")

    def _prefix(self, tracks: Tracks, sequence: str) -> str:
        """Return the folder of a sequence's frames, with a slash at its end."""
        if self.frames_root:
            return f"{self.frames_root.rstrip('/')}/{sequence}/"
        record = tracks.sequences[sequence]
        if record.frames_uri:
            return record.frames_uri
        folder = record.frames_dir
        return f"{folder.absolute()}/" if folder else f"{sequence}/frames/"

    def _original_lines(self, exported: set[str]) -> dict[str, Json]:
        """Return the lines of the original manifest by the names of their sequences."""
        if self.manifest is None:
            return {}
        path = self.manifest
        texts = read_bytes(path).split(b"\n")
        videos, _ = read_videos(path, strict=False)
        names = {video.line: video.name for video in videos}
        lines = {}
        for number, text in enumerate(texts, start=1):
            if text.strip():
                line = parse_json(text, path, number)
                name = names.get(number, f"line {number}")
                if self.label_attribute in line:
                    message = f"{self.label_attribute} is there already"
                    raise InputError(path, f"{message}; expected a new name", number)
                lines[name] = _absolute(line, path)
        lacking = exported - set(lines)
        if lacking:
            message = f"no line of {sorted(lacking)[0]}"
            raise InputError(path, f"{message}; expected one for each sequence")
        return lines


def _absolute(line: Json, path: Path | str) -> Json:
    """Complete the relative paths of a line, which moves to another manifest."""
    if is_s3(path):
        return line
    folder = Path(path).absolute().parent
    return {
        key: str(folder / value)
        if key.endswith("-ref")
        and isinstance(value, str)
        and (folder / value).is_file()
        else value
        for key, value in line.items()
    }


def _read(
    dataset: fo.Dataset, samples: fo.DatasetView, field: str, frames: pd.DataFrame
) -> tuple[Tracks, list[str], pd.DataFrame]:
    """Read the tracks, the names of their attributes, and the frames to export."""
    labels, said = attribute_fields(dataset, [field])
    declared = store.frame_schema(dataset, flat=True)
    wanted = [
        name
        for name in dict.fromkeys([*sorted(FORMAT_COLUMNS), *labels])
        if f"{field}.detections.{name}" in declared
    ]
    stored = store.read_tracks(samples, field, wanted, list(said))
    tracks = rename_attributes(stored.tracks, labels, said)
    shown = stored.documents.merge(frames, on=FRAME_KEYS)
    names = {
        (name, position): frame_name
        for name, sequence in tracks.sequences.items()
        for position, frame_name in enumerate(sequence.frame_names, start=1)
    }
    keys = zip(shown["sequence"], shown["frame"], strict=True)
    shown = shown.assign(frame_name=[names[key] for key in keys])
    columns = ["sequence", "frame", "frame_name"]
    shown = shown[columns].sort_values(columns[:2], ignore_index=True)
    return tracks, [labels[path] for path in wanted if path in labels], shown


def _boxes_in(tracks: Tracks, frames: pd.DataFrame) -> pd.DataFrame:
    """Return the boxes of some frames of a sequence, by their position among these."""
    own = tracks.table[tracks.table["sequence"] == frames["sequence"][0]]
    position = pd.Series(frames.index, frames["frame"])
    boxes = own.assign(position=own["frame"].map(position)).dropna(subset="position")
    boxes = boxes.astype({"position": "int64", "sequence": object})
    boxes = boxes.sort_values(["position", "track"], ignore_index=True)
    boxes = with_objects(boxes, own.astype({"sequence": object}), Report())
    # FiftyOne stores boxes relative to the image
    boxes[BOX] = boxes[BOX].round(4)
    whole = (boxes[BOX] % 1 == 0).all().all()
    return boxes.astype(dict.fromkeys(BOX, "int64")) if whole else boxes


def _write(path: Path, content: Json) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")
