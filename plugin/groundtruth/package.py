# SPDX-License-Identifier: Apache-2.0
"""The package of an adjustment job: planned and checked first, then written.

A package is a folder that mirrors the job's folder in S3::

    manifest.jsonl                    the input manifest, one sequence per line
    label-categories.json             the label category configuration
    <sequence>/<sequence>-seq.json    the sequence file
    <sequence>/SeqLabel.json          the labels to adjust
    <sequence>/frames/                the frames, only where they were copied
    frames.csv                        each frame's number, reason and local file
    job.json                          the CreateLabelingJob request

The last two stay on this machine.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...importers.pixels import image_scales, select_boxes
from ...importers.problems import Finding, Report, error, sentences
from ...importers.tracks import InputError, Tracks
from . import instructions
from .checks import job_findings
from .contents import (
    URI,
    class_ids,
    compact,
    label_categories,
    label_category_findings,
    manifest_errors,
    manifest_line,
    seq_label,
    sequence_file,
)
from .division import divide_frames, divide_job
from .folder import FRAMES_FILE, JOB_FILE, folder_findings, replaced_folder
from .job_frames import select_frames
from .request import AdjustmentJob, labeling_job_request


@dataclass(frozen=True)
class Plan:
    """What an adjustment job will hold, and what stands in its way.

    Attributes:
        job: the job's settings
        frames: the frames to send: ``sequence``, ``position``, ``frame``,
            ``frame_name``, ``reason``, ``path``
        boxes: their boxes in pixels of the images that are sent
        classes: the class ids by label
        attributes: the columns of ``boxes`` that are label category attributes
        frame_attributes: the frame attributes by sequence
        label_categories: the label category configuration
        manifest: the lines of the input manifest
        request: the CreateLabelingJob request
        findings: what stands in the job's way
        notes: what was done to the labels
        owner: what tells whose package it is, None for nobody's
    """

    job: AdjustmentJob
    frames: pd.DataFrame
    boxes: pd.DataFrame
    classes: dict[str, str]
    attributes: tuple[str, ...]
    frame_attributes: Mapping[str, pd.DataFrame]
    label_categories: dict[str, Any]
    manifest: tuple[dict[str, Any], ...]
    request: dict[str, Any]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    owner: str | None = None

    @property
    def errors(self) -> tuple[str, ...]:
        """What must be changed before the package can be written."""
        return sentences(self.findings, "error")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may go wrong all the same."""
        return sentences(self.findings, "warning")

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of sequences, frames, flagged frames, boxes and labels."""
        return {
            "sequences": len(self.manifest),
            "frames": len(self.frames),
            "flagged": int((self.frames["reason"] != "").sum()),
            "boxes": len(self.boxes),
            "labels": len(self.classes),
        }


def plan_package(
    tracks: Tracks,
    frames: pd.DataFrame,
    job: AdjustmentJob,
    *,
    attributes: Sequence[str] = (),
    dataset: str | None = None,
    sample_ids: Mapping[str, str] | None = None,
    owner: str | None = None,
) -> Plan:
    """Plans an adjustment job and finds its problems, without writing anything.

    The manifest passes through to the job's output, under ``track-audit``, where
    each sequence came from: ``dataset``, ``sample``, ``sequence``, ``frames`` (the
    1-based frame numbers) and ``image-size`` (width and height in pixels of the
    images that the boxes are drawn on from now on).

    Args:
        tracks: the tracks of whole sequences
        frames: the frames to send with ``sequence``, 1-based ``frame`` and
            ``reason``, which is empty for context frames
        job: the job's settings
        attributes (()): the columns of the tracks table that are label category
            attributes
        dataset (None): the dataset's name, passed through to the job's output
        sample_ids (None): the samples' ids by sequence, passed through likewise
        owner (None): what tells whose package it is: a later one of the same owner
            may replace its folder, and its files in the bucket

    Returns:
        the plan

    Raises:
        ValueError: if ``frames`` or the tracks table lack a column
    """
    unknown = [name for name in attributes if name not in tracks.table]
    if unknown:
        raise ValueError(f"the tracks table has no column {unknown}")
    report = Report()
    chosen = select_frames(tracks, frames, report)
    scales = image_scales(tracks, chosen, report)
    boxes = select_boxes(tracks, chosen, scales, report)
    classes = class_ids([*tracks.table["label"].dropna().unique(), *job.labels])
    statements = {
        name: sequence.frame_attributes
        for name, sequence in tracks.sequences.items()
        if sequence.frame_attributes is not None
    }
    configuration = label_categories(
        job,
        classes,
        tracks.table,
        attributes,
        list(statements.values()),
        {
            "shortInstruction": instructions.short_instruction(chosen),
            "fullInstruction": instructions.full_instruction(chosen),
        },
    )
    created = datetime.now(timezone.utc)
    manifest = []
    for name, part in chosen.groupby("sequence"):
        origin = {
            "dataset": dataset,
            "sample": (sample_ids or {}).get(str(name)),
            "sequence": name,
            "frames": part["frame"].tolist(),
            "image-size": _image_size(scales, str(name)),
        }
        known = {key: value for key, value in origin.items() if value is not None}
        manifest.append(manifest_line(job, str(name), classes, created, known))
    token = sha256("\n".join(map(compact, manifest)).encode()).hexdigest()
    description = instructions.task_description(chosen)
    request = labeling_job_request(job, description, token)
    report.findings += label_category_findings(configuration)
    for line in manifest:
        report.findings += manifest_errors(line)
    report.findings += _uri_errors(job, chosen)
    report.findings += job_findings(job, request)
    return Plan(
        job=job,
        frames=chosen,
        boxes=boxes,
        classes=classes,
        attributes=tuple(attributes),
        frame_attributes=statements,
        label_categories=configuration,
        manifest=tuple(manifest),
        request=request,
        findings=tuple(report.findings),
        notes=tuple(report.notes),
        owner=owner,
    )


def plan_packages(
    tracks: Tracks,
    frames: pd.DataFrame,
    job: AdjustmentJob,
    *,
    attributes: Sequence[str] = (),
    dataset: str | None = None,
    sample_ids: Mapping[str, str] | None = None,
    owner: str | None = None,
) -> tuple[Plan, ...]:
    """Plans as many jobs as a selection of frames needs.

    Args:
        tracks: the tracks of whole sequences
        frames: the frames to send, as of :func:`plan_package`
        job: the settings; where there are several jobs, theirs are of
            :func:`divide_job`
        attributes (()): as of :func:`plan_package`
        dataset (None): as of :func:`plan_package`
        sample_ids (None): as of :func:`plan_package`
        owner (None): as of :func:`plan_package`

    Returns:
        the plan of each job, at least one

    Raises:
        ValueError: if ``frames`` or the tracks table lack a column
    """
    parts = divide_frames(frames)
    return tuple(
        plan_package(
            tracks,
            part,
            one,
            attributes=attributes,
            dataset=dataset,
            sample_ids=sample_ids,
            owner=owner,
        )
        for part, one in zip(parts, divide_job(job, len(parts)), strict=True)
    )


def _image_size(scales: pd.DataFrame, sequence: str) -> list[int] | None:
    size = scales.loc[[sequence], ["image_width", "image_height"]].to_numpy()[0]
    return None if np.isnan(size).any() else size.astype(int).tolist()


def _uri_errors(job: AdjustmentJob, frames: pd.DataFrame) -> list[Finding]:
    names = frames["sequence"] + "/frames/" + frames["frame_name"]
    longest = max((len(f"{job.root}{name}".encode()) for name in names), default=0)
    if longest <= URI:
        return []
    what = f"A frame's S3 URI has {longest} bytes"
    return [error(what, f"shorten the prefix to fit {URI}")]


def package_folders(plans: Sequence[Plan], folder: Path) -> list[Path]:
    """Returns where :func:`write_packages` writes to.

    Args:
        plans: the plans
        folder: the package's folder, or where there are several packages, that of
            their folders ``1``, ``2`` and so on

    Returns:
        the folder of each package
    """
    if len(plans) == 1:
        return [folder]
    return [folder / f"{number}" for number in range(1, len(plans) + 1)]


def package_findings(
    plans: Sequence[Plan], folder: Path, copy_frames: bool = False
) -> list[Finding]:
    """Finds what keeps packages from being written, on this machine.

    Args:
        plans: the plans
        folder: where to write to, see :func:`package_folders`
        copy_frames (False): whether the frames are to be copied into the packages

    Returns:
        the findings of the plans, and those of the folder and the frames
    """
    found = [finding for plan in plans for finding in plan.findings]
    absent = sum(int((plan.frames["path"] == "").sum()) for plan in plans)
    if copy_frames and absent:
        what = f"{absent} frames to copy are not on this machine"
        found.append(error(what, "put them there, or do not copy frames"))
    return [*found, *folder_findings(folder, plans[0].owner)]


def write_packages(
    plans: Sequence[Plan], folder: Path, *, copy_frames: bool = False
) -> list[Path]:
    """Writes the packages of the jobs of one selection, all or none.

    Args:
        plans: the plans
        folder: a folder that is new or empty, or holds earlier packages of the same
            owner, which are replaced; see :func:`package_folders`
        copy_frames (False): whether to copy the frames into the packages.
            Otherwise ``frames.csv`` names the local files

    Returns:
        the folder of each package

    Raises:
        InputError: if a plan has errors, the folder holds something else or cannot
            be written, or frames to copy are not on this machine
    """
    folder = Path(folder)
    errors = sentences(package_findings(plans, folder, copy_frames), "error")
    if errors:
        raise InputError(folder, "nothing was written:\n" + "\n".join(errors))
    try:
        with replaced_folder(folder) as partial:
            for plan, part in zip(plans, package_folders(plans, partial), strict=True):
                part.mkdir(exist_ok=True)
                _write_files(plan, part, copy_frames)
    except OSError as failure:
        place, reason = failure.filename or folder, failure.strerror or failure
        raise InputError(place, f"{reason}; nothing was written") from failure
    return package_folders(plans, folder)


def _write_files(plan: Plan, folder: Path, copy_frames: bool) -> None:
    frames = plan.frames
    for number, (name, part) in enumerate(frames.groupby("sequence"), 1):
        sequence = str(name)
        (folder / sequence).mkdir()
        content = sequence_file(plan.job, sequence, number, part["frame_name"].tolist())
        labels = seq_label(
            part,
            plan.boxes[plan.boxes["sequence"] == sequence],
            plan.classes,
            plan.attributes,
            plan.frame_attributes.get(sequence),
        )
        _write(folder / sequence / f"{sequence}-seq.json", compact(content))
        _write(folder / sequence / "SeqLabel.json", compact(labels))
    if copy_frames:
        local = frames["sequence"] + "/frames/" + frames["frame_name"]
        for source, target in zip(frames["path"], local, strict=True):
            (folder / target).parent.mkdir(exist_ok=True)
            shutil.copyfile(source, folder / target)
        frames = frames.assign(path=local)
    frames.to_csv(folder / FRAMES_FILE, index=False)
    _write(folder / "label-categories.json", compact(plan.label_categories))
    _write(folder / "manifest.jsonl", "\n".join(map(compact, plan.manifest)))
    started = {
        "region": plan.job.job_region,
        "fill_in": list(plan.job.fill_in),
        "owner": plan.owner,
        "request": plan.request,
    }
    _write(folder / JOB_FILE, json.dumps(started, indent=2))


def _write(path: Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8")
