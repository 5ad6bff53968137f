# SPDX-License-Identifier: Apache-2.0
"""Plan the packages of adjustment jobs, and find what would make the jobs fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256

import numpy as np
import pandas as pd

from ...importers.groundtruth_writer import class_ids
from ...importers.pixels import image_scales, select_boxes
from ...importers.problems import Finding, Report, error, sentences
from ...importers.tracks import Tracks
from ..plain import Json
from . import instructions
from .checks import job_findings
from .contents import (
    LABELS,
    URI,
    compact,
    label_categories,
    label_category_findings,
    manifest_errors,
    manifest_line,
    sequence_folder,
)
from .division import divide_frames, divide_job
from .job_frames import select_frames
from .label_categories import LabelCategories, merge_label_categories
from .request import AdjustmentJob, labeling_job_request


@dataclass(frozen=True)
class Source:
    """Where the frames of a package are from.

    Attributes:
        dataset (None): the dataset's name, passed through to the job's output
        sample_ids ({}): the IDs of the samples by sequence, passed through likewise
        owner (None): identifies whose package it is: a later one of the same owner
            may replace its folder, and its files in the bucket
        known (None): ``label`` and a column per attribute: what boxes can have, beside
            what they have, in any number of rows
        listed (()): the labels that the dataset lists as classes, such as those of the
            original job, which are offered before others of ``known``
    """

    dataset: str | None = None
    sample_ids: Mapping[str, str] = field(default_factory=dict)
    owner: str | None = None
    known: pd.DataFrame | None = None
    listed: Sequence[str] = ()


@dataclass(frozen=True)
class Plan:
    """The contents of an adjustment job, and what would make it fail.

    Attributes:
        job: the job's settings
        frames: the frames to send: ``sequence``, ``position``, ``frame``,
            ``frame_name``, ``reason``, ``path``, ``source``, and ``uri``, from which
            the job reads the frame
        boxes: their boxes in pixels of the images that are sent
        classes: the class IDs by label
        attributes: the columns of ``boxes`` that are label category attributes
        frame_attributes: the frame attributes by sequence
        label_categories: the label category configuration
        manifest: the lines of the input manifest
        request: the CreateLabelingJob request
        findings: what would make the job fail, or might
        notes: what was changed in the labels
        owner: identifies whose package it is, None for nobody's
    """

    job: AdjustmentJob
    frames: pd.DataFrame
    boxes: pd.DataFrame
    classes: dict[str, str]
    attributes: tuple[str, ...]
    frame_attributes: Mapping[str, pd.DataFrame]
    label_categories: Json
    manifest: tuple[Json, ...]
    request: Json
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    owner: str | None = None

    @property
    def errors(self) -> tuple[str, ...]:
        """What must be changed before the package can be written."""
        return sentences(self.findings, "error")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What might make the job fail."""
        return sentences(self.findings, "warning")


def plan_package(
    tracks: Tracks,
    frames: pd.DataFrame,
    job: AdjustmentJob,
    *,
    attributes: Sequence[str] = (),
    source: Source | None = None,
    given: LabelCategories | None = None,
) -> Plan:
    """Plan an adjustment job and find its problems, without writing anything.

    Args:
        tracks: the tracks of whole sequences
        frames: the frames to send with ``sequence``, 1-based ``frame`` and
            ``reason``, which is empty for context frames
        job: the job's settings
        attributes (()): the columns of the tracks table that are label category
            attributes
        source (None): where the frames are from
        given (None): the labels and attributes of the original job

    Raises:
        ValueError: if ``frames`` or the tracks table lack a column
    """
    if unknown := [name for name in attributes if name not in tracks.table]:
        raise ValueError(f"the tracks table has no column {unknown}")
    source, report = source or Source(), Report()
    chosen = _with_uris(select_frames(tracks, frames, report), job)
    scales = image_scales(tracks, chosen, report)
    boxes = select_boxes(tracks, chosen, scales, report)
    offered = _offered(tracks.table, attributes, source, report)
    given = given or LabelCategories({})
    classes = class_ids([*offered["label"].unique(), *job.labels, *given.labels])
    statements = {
        name: sequence.frame_attributes
        for name, sequence in tracks.sequences.items()
        if sequence.frame_attributes is not None
    }
    configuration = _label_categories(job, tracks, classes, offered, chosen)
    configuration = merge_label_categories(configuration, given)
    manifest = _manifest(job, chosen, scales, classes, source)
    token = sha256("\n".join(map(compact, manifest)).encode()).hexdigest()
    request = labeling_job_request(job, instructions.task_description(chosen), token)
    report.findings += label_category_findings(configuration)
    report.findings += [found for line in manifest for found in manifest_errors(line)]
    report.findings += _uri_errors(chosen) + job_findings(job, request)
    return Plan(
        job=job,
        frames=chosen,
        boxes=boxes,
        classes=classes,
        attributes=tuple(attributes),
        frame_attributes=statements,
        label_categories=configuration,
        manifest=manifest,
        request=request,
        findings=tuple(report.findings),
        notes=tuple(report.notes),
        owner=source.owner,
    )


def _with_uris(chosen: pd.DataFrame, job: AdjustmentJob) -> pd.DataFrame:
    """Add the place of each frame in the package."""
    folders = chosen["sequence"].map(partial(sequence_folder, job))
    return chosen.assign(uri=folders + "frames/" + chosen["frame_name"])


def _offered(
    table: pd.DataFrame,
    attributes: Sequence[str],
    source: Source,
    report: Report,
) -> pd.DataFrame:
    """Return the labels and the values of attributes that workers can choose.

    AWS asks that they are all labels of the original job, which an import lists.
    """
    known = source.known
    used = table[["label", *attributes]].dropna(subset="label")
    used = used.astype({"label": object})
    if known is None:
        return used
    needed = set(used["label"].unique())
    labels = {*needed, *known["label"]}
    if len(labels) > LABELS:
        told = "the sequences that are sent"
        if source.listed and len({*needed, *source.listed}) <= LABELS:
            needed |= set(source.listed)
            told += " and those that the dataset lists as classes"
        report.notes.append(
            f"the dataset has {len(labels)} labels, but a job takes {LABELS}, so "
            f"workers can only choose those of {told}"
        )
        known = known[known["label"].isin(needed)]
    return pd.concat([used, known], ignore_index=True)


def _label_categories(
    job: AdjustmentJob,
    tracks: Tracks,
    classes: dict[str, str],
    offered: pd.DataFrame,
    chosen: pd.DataFrame,
) -> Json:
    statements = [sequence.frame_attributes for sequence in tracks.sequences.values()]
    return label_categories(
        job,
        classes,
        offered,
        [str(name) for name in offered if name != "label"],
        [each for each in statements if each is not None],
        {
            "shortInstruction": instructions.short_instruction(chosen),
            "fullInstruction": instructions.full_instruction(chosen),
        },
    )


def _manifest(
    job: AdjustmentJob,
    chosen: pd.DataFrame,
    scales: pd.DataFrame,
    classes: dict[str, str],
    source: Source,
) -> tuple[Json, ...]:
    """Make the manifest, which passes the origin of each sequence to the job's output.

    The origin is ``dataset``, ``sample``, ``sequence``, ``frames`` (1-based frame
    numbers) and ``image-size`` (width and height in pixels of the images, to which the
    boxes of the job's output refer).
    """
    created = datetime.now(UTC)
    lines = []
    for name, part in chosen.groupby("sequence"):
        origin = {
            "dataset": source.dataset,
            "sample": source.sample_ids.get(str(name)),
            "sequence": name,
            "frames": part["frame"].tolist(),
            "image-size": _image_size(scales, str(name)),
        }
        known = {key: value for key, value in origin.items() if value is not None}
        lines.append(manifest_line(job, str(name), classes, created, known))
    return tuple(lines)


def plan_packages(
    tracks: Tracks,
    frames: pd.DataFrame,
    job: AdjustmentJob,
    *,
    attributes: Sequence[str] = (),
    source: Source | None = None,
    given: LabelCategories | None = None,
) -> tuple[Plan, ...]:
    """Plan as many jobs as a selection of frames needs.

    Args:
        tracks: the tracks of whole sequences
        frames: the frames to send, see :func:`plan_package`
        job: the settings; see :func:`divide_job` for those of several jobs
        attributes (()): see :func:`plan_package`
        source (None): where the frames are from
        given (None): the labels and attributes of the original job

    Returns:
        the plan of each job, at least one

    Raises:
        ValueError: if ``frames`` or the tracks table lack a column
    """
    parts = divide_frames(frames)
    return tuple(
        plan_package(
            tracks, part, one, attributes=attributes, source=source, given=given
        )
        for part, one in zip(parts, divide_job(job, len(parts)), strict=True)
    )


def _image_size(scales: pd.DataFrame, sequence: str) -> list[int] | None:
    size = scales.loc[[sequence], ["image_width", "image_height"]].to_numpy()[0]
    return None if np.isnan(size).any() else size.astype(int).tolist()


def _uri_errors(frames: pd.DataFrame) -> list[Finding]:
    longest = max((len(uri.encode()) for uri in frames["uri"]), default=0)
    if longest <= URI:
        return []
    what = f"A frame's S3 URI has {longest} bytes"
    return [error(what, f"shorten the prefix to fit {URI}")]
