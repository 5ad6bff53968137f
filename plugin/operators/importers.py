# SPDX-License-Identifier: Apache-2.0
"""Import sequences from the App."""

from __future__ import annotations

from typing import Any, ClassVar

import fiftyone as fo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ...importers.dataset import Progress, check_new_name, create_dataset
from ...importers.dataset_types import GroundTruthImporter, MOTChallengeImporter
from ...importers.files import expand_home, is_s3
from ...importers.mot import find_sequences
from ..plain import count
from .forms import LONG, TrackOperator, add_notice
from .progress import Outcome, run_with_progress

MOT = "MOT Challenge"
GROUND_TRUTH = "SageMaker Ground Truth"


class ImportSequences(TrackOperator):
    """Import frames and tracks into a new video dataset."""

    needs_dataset = False
    outputs: ClassVar = {
        "message": "Result",
        "notes": "Please note",
        "next": "What next",
    }

    about: ClassVar = {
        "name": "import_sequences",
        "label": "Import sequences",
        "description": (
            "Import MOT Challenge sequences or SageMaker Ground Truth tracking "
            "results into a new video dataset"
        ),
        "icon": "video_library",
        "risk_level": types.RiskLevel.MEDIUM,
        "view_target": False,
        **LONG,
    }

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Ask for the files and the name of the dataset."""
        inputs.enum(
            "format",
            [MOT, GROUND_TRUTH],
            default=MOT,
            label="Format",
            description="The format of the files",
            view=types.TabsView(),
        )
        (_ask_for_mot if _is_mot(ctx) else _ask_for_ground_truth)(inputs)
        inputs.str(
            "name",
            required=True,
            default=_suggest_name(ctx),
            label="Dataset name",
            description="The name of the new dataset",
        )

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Describe what will be imported, once the files are known."""
        folder, labels = ctx.params.get("dataset_dir"), ctx.params.get("labels_path")
        if folder and not expand_home(folder).is_dir():
            raise ValueError(f"there is no folder {folder}")
        is_local = not _is_mot(ctx) and labels and not is_s3(labels)
        if is_local and not expand_home(labels).is_file():
            raise ValueError(f"there is no file {labels}")
        check_new_name(ctx.params.get("name"))
        found = "The frames"
        if folder and _is_mot(ctx):
            sequences = find_sequences(expand_home(folder))
            frames = sum(len(sequence.frame_names) for sequence in sequences)
            found = f"{count(frames, 'frame')} of {count(len(sequences), 'sequence')}"
        add_notice(
            inputs,
            "notice",
            f"{found} will be encoded as videos in "
            f"{fo.config.default_dataset_dir}; the images are not changed.",
        )

    def execute(self, ctx: ExecutionContext) -> Outcome:
        """Import the sequences, and open the dataset."""
        params = {
            name: value
            for name, value in ctx.params.items()
            if name in _PARAMETERS and value not in (None, "")
        }
        return run_with_progress(
            ctx,
            "Importing sequences",
            lambda progress: _import(**params, progress=progress),
            self.describe,
            lambda: ctx.trigger("open_dataset", {"dataset": params["name"]}),
        )

    def __call__(
        self,
        name: str,
        dataset_dir: str | None = None,
        labels_path: str | None = None,
        include_ignored: bool = False,
        det_field: str | None = None,
        label_attribute: str | None = None,
        frame_rate: float | None = None,
        progress: Progress = None,
    ) -> dict[str, Any]:
        """Import sequences into a new, persistent video dataset.

        Args:
            name: the dataset's name
            dataset_dir (None): the MOT sequence's folder or a folder of sequences;
                for Ground Truth, the frames' folder
            labels_path (None): a Ground Truth ``SeqLabel.json`` or
                ``output.manifest``, local or in S3; without it, MOT's ``gt.txt``
                is read
            include_ignored (False): whether to import MOT rows whose flag is 0
            det_field (None): a frame field for MOT's ``det.txt``
            label_attribute (None): the manifest's labels; by default the newest
            frame_rate (None): frames per second of the video that Ground Truth
                frames are from
            progress (None): whether to render a progress bar (True/False), use
                the default value ``fiftyone.config.show_progress_bars`` (None),
                or a progress callback function to invoke instead

        Returns:
            a dict with ``dataset``, counts, and ``notes``
        """
        return _import(
            name=name,
            format=MOT if labels_path is None else GROUND_TRUTH,
            dataset_dir=dataset_dir,
            labels_path=labels_path,
            include_ignored=include_ignored,
            det_field=det_field,
            label_attribute=label_attribute,
            frame_rate=frame_rate,
            progress=progress,
        )


def _suggest_name(ctx: ExecutionContext) -> str | None:
    """Suggest the name of the chosen folder, unless a dataset has it."""
    chosen = ctx.params.get("dataset_dir")
    if not isinstance(chosen, str):
        return None
    try:
        folder = expand_home(chosen)
        is_new = folder.is_dir() and not fo.dataset_exists(folder.name)
    except (OSError, ValueError):  # the preview reports it
        return None
    return folder.name if is_new and folder.name else None


def _is_mot(ctx: ExecutionContext) -> bool:
    return bool(ctx.params.get("format", MOT) == MOT)


def _ask_for_mot(inputs: types.Object) -> None:
    inputs.str(
        "dataset_dir",
        required=True,
        label="Folder",
        description="A sequence's folder (with seqinfo.ini), or a folder of sequences",
    )
    inputs.bool(
        "include_ignored",
        default=False,
        label="Include ignored boxes",
        description="Also import rows of gt.txt whose flag is 0",
    )
    inputs.str(
        "det_field",
        label="Field for detections",
        description="A second label field for det/det.txt; leave empty to skip it",
    )


def _ask_for_ground_truth(inputs: types.Object) -> None:
    inputs.str(
        "labels_path",
        required=True,
        label="Labels",
        description="A SeqLabel.json or output.manifest: a path or an s3:// URI",
    )
    inputs.str(
        "dataset_dir",
        label="Folder of frames",
        description=(
            "The frames, or the MOT sequence that they are from; frames of a manifest "
            "are downloaded from S3 if this is empty"
        ),
    )
    inputs.str(
        "label_attribute",
        label="Label attribute",
        description="Such as vehicle-ref; by default the newest labels of the manifest",
    )
    inputs.float(
        "frame_rate",
        min=0.01,
        label="Frame rate",
        description=(
            "Frames per second of the video that the frames are from; by "
            "default that of the MOT sequence, or 25"
        ),
    )


_PARAMETERS = {
    "format",
    "name",
    "dataset_dir",
    "labels_path",
    "include_ignored",
    "det_field",
    "label_attribute",
    "frame_rate",
}


def _import(
    name: str,
    format: str | None = None,
    dataset_dir: str | None = None,
    labels_path: str | None = None,
    include_ignored: bool = False,
    det_field: str | None = None,
    label_attribute: str | None = None,
    frame_rate: float | None = None,
    progress: Progress = None,
) -> dict[str, Any]:
    check_new_name(name)
    if format == GROUND_TRUTH or (format is None and labels_path):
        importer = GroundTruthImporter(
            dataset_dir,
            labels_path=labels_path,
            label_attribute=label_attribute,
            frame_rate=frame_rate,
        )
    elif dataset_dir:
        importer = MOTChallengeImporter(
            dataset_dir, include_ignored=include_ignored, det_field=det_field
        )
    else:
        raise ValueError("expected the folder of a MOT sequence (dataset_dir)")
    tracks, further = importer.read()
    create_dataset(
        tracks, name, field=importer.field, further=further, progress=progress
    )
    counts = {
        "sequences": len(tracks.sequences),
        "frames": sum(len(s.frame_names) for s in tracks.sequences.values()),
        "detections": len(tracks.table),
    }
    message = (
        f"{count(counts['detections'], 'box')} in {count(counts['frames'], 'frame')} "
        f"of {count(counts['sequences'], 'sequence')} are now in '{name}'"
    )
    return {
        "dataset": name,
        **counts,
        "message": message,
        "notes": "\n".join(tracks.notes),
        "next": "Audit the tracks",
    }
