# SPDX-License-Identifier: Apache-2.0
"""Import sequences from the App."""

from __future__ import annotations

import re
from functools import partial
from typing import Any, ClassVar

import fiftyone as fo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ...importers.dataset import Progress, check_new_name, create_dataset
from ...importers.dataset_types import (
    GroundTruthImporter,
    MOTChallengeImporter,
    TrackLabelsImporter,
)
from ...importers.description import describe
from ...importers.files import expand_home
from ...importers.formats import BY_NAME, recognize
from ...importers.mot import find_sequences
from ...importers.s3_objects import is_s3
from ..plain import count
from .forms import LONG, TrackOperator, add_notice
from .progress import Outcome, run_with_progress

MOT = "MOT Challenge"
GROUND_TRUTH = "SageMaker Ground Truth"
OTHER = "Other formats"


class ImportSequences(TrackOperator):
    """Import frames and tracks into a new video dataset."""

    needs_dataset = False
    outputs: ClassVar = {
        "message": "Result",
        "understood": "What was read",
        "notes": "Please note",
        "next": "What next",
    }

    about: ClassVar = {
        "name": "import_sequences",
        "label": "Import sequences",
        "description": (
            "Import MOT Challenge sequences, SageMaker Ground Truth tracking results "
            "or label files of other formats into a new video dataset"
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
            [MOT, GROUND_TRUTH, OTHER],
            default=MOT,
            label="Format",
            description="The format of the files",
            view=types.TabsView(),
        )
        ask = {GROUND_TRUTH: _ask_for_ground_truth, OTHER: _ask_for_other}
        ask.get(ctx.params.get("format", MOT), _ask_for_mot)(inputs)
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
        if is_local and ctx.params["format"] == OTHER:
            recognize(labels)
        elif is_local and not expand_home(labels).is_file():
            raise ValueError(f"there is no file {labels}")
        _parse_size(ctx.params.get("size"))
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
        label_format: str | None = None,
        size: str | None = None,
        strict: bool = False,
        progress: Progress = None,
        engine: str | None = None,
    ) -> dict[str, Any]:
        """Import sequences into a new, persistent video dataset.

        Args:
            name: the dataset's name
            dataset_dir (None): the MOT sequence's folder or a folder of sequences;
                for Ground Truth, the frames' folder
            labels_path (None): a Ground Truth ``SeqLabel.json`` or
                ``output.manifest``, local or in S3, or a label file of another
                format; without it, MOT's ``gt.txt`` is read
            include_ignored (False): whether to import MOT rows whose flag is 0
            det_field (None): a frame field for MOT's ``det.txt``
            label_attribute (None): the manifest's labels; by default the newest
            frame_rate (None): frames per second of the video that Ground Truth
                frames are from
            label_format (None): the name of the labels' format, such as ``"cvat"``;
                by default Ground Truth's, or as recognized by the content
            size (None): the size of the images that were labeled, such as
                ``"1920x1080"``, if neither the labels nor the frames tell
            strict (False): whether to refuse files with wrong rows
            progress (None): whether to render a progress bar (True/False), use
                the default value ``fiftyone.config.show_progress_bars`` (None),
                or a progress callback function to invoke instead
            engine (None): ``"ray"`` to import by sequence on a Ray cluster

        Returns:
            a dict with ``dataset``, counts, and ``notes``
        """
        return _import(
            name=name,
            format=_choose_format(labels_path, label_format),
            dataset_dir=dataset_dir,
            labels_path=labels_path,
            include_ignored=include_ignored,
            det_field=det_field,
            label_attribute=label_attribute,
            frame_rate=frame_rate,
            label_format=label_format,
            size=size,
            strict=strict,
            progress=progress,
            engine=engine,
        )


def _choose_format(labels_path: str | None, label_format: str | None) -> str:
    if labels_path is None:
        return OTHER if label_format else MOT
    if label_format or is_s3(labels_path) or not expand_home(labels_path).exists():
        return OTHER if label_format else GROUND_TRUTH
    known = {"groundtruth", "manifest"}
    return GROUND_TRUTH if recognize(labels_path).name in known else OTHER


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
            "are read in S3 if this is empty"
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


def _ask_for_other(inputs: types.Object) -> None:
    inputs.str(
        "labels_path",
        required=True,
        label="Labels",
        description="A label file, a zip file of labels, or the folder of the labels",
    )
    inputs.str(
        "dataset_dir",
        label="Folder of frames",
        description=(
            "The folder of the frames, or of one folder per sequence; by default they "
            "are looked for beside the labels"
        ),
    )
    inputs.enum(
        "label_format",
        list(BY_NAME),
        label="Format of the labels",
        description="By default the format is recognized by the content",
    )
    inputs.str(
        "size",
        label="Image size",
        description="Such as 1920x1080, if neither the labels nor the frames tell",
    )
    inputs.float(
        "frame_rate",
        min=0.01,
        label="Frame rate",
        description="Frames per second, if the labels do not tell",
    )
    inputs.bool(
        "strict",
        default=False,
        label="Refuse wrong rows",
        description="By default wrong rows are set aside, and listed as issues",
    )


def _parse_size(text: str | None) -> tuple[int, int] | None:
    if not text:
        return None
    match = re.fullmatch(r"([1-9]\d{0,5})x([1-9]\d{0,5})", text.strip())
    if match is None:
        raise ValueError(f"the size is {text!r}; expected one such as 1920x1080")
    return int(match[1]), int(match[2])


_PARAMETERS = {
    "label_format",
    "size",
    "strict",
    "format",
    "name",
    "dataset_dir",
    "labels_path",
    "include_ignored",
    "det_field",
    "label_attribute",
    "frame_rate",
    "engine",
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
    label_format: str | None = None,
    size: str | None = None,
    strict: bool = False,
    progress: Progress = None,
    engine: str | None = None,
) -> dict[str, Any]:
    check_new_name(name)
    importer: GroundTruthImporter | MOTChallengeImporter | TrackLabelsImporter
    if format == OTHER:
        importer = TrackLabelsImporter(
            None if labels_path else dataset_dir,
            labels_path=labels_path,
            data_path=dataset_dir if labels_path else None,
            format=label_format,
            size=_parse_size(size),
            frame_rate=frame_rate,
            strict=strict,
        )
    elif format == GROUND_TRUTH or (format is None and labels_path):
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
    create = partial(create_dataset, tracks, name, progress=progress, engine=engine)
    create(field=importer.field, further=further)
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
        "understood": describe(tracks),
        "notes": "\n".join(tracks.notes),
        "next": "Audit the tracks",
    }
