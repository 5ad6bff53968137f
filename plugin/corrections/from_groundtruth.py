# SPDX-License-Identifier: Apache-2.0
"""Read corrections from the labeling jobs of an adjustment.

A job's output is a folder in S3, or a local copy of it::

    manifests/output/output.manifest
    annotations/consolidated-annotation/output/<line>/SeqLabel.json
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from botocore.exceptions import ClientError

from ...importers.manifest import NoLabels, Video, read_videos
from ...importers.s3_objects import is_s3, split_s3
from ...importers.tracks import InputError
from ..groundtruth.aws import (
    GroundTruthError,
    NotFinished,
    aws_errors,
    is_absent,
    s3_client,
    sagemaker_client,
)
from ..groundtruth.labeling_job import NOT_STARTED, own_status
from ..sending.records import AdjustmentRecord, JobRecord
from .corrected import FRAME_ATTRIBUTES, Corrections, join_corrections

_EMPTY = "came back without labels"
MANIFEST = "manifests/output/output.manifest"


def read_output(
    record: AdjustmentRecord,
    output: Path | str | None = None,
    samples: Collection[str] = (),
) -> Corrections:
    """Read the corrected labels of an adjustment's labeling jobs.

    Args:
        record: the adjustment
        output (None): the ``output.manifest`` of its only job (a path or an S3
            URI), or a local copy of the jobs' output folder; by default it is
            read from S3
        samples (()): the IDs of the dataset's samples, to refuse labels of another
            dataset; if empty, this is not checked

    Returns:
        what came back, and as notes what did not

    Raises:
        InputError: if nothing came back, or a file is damaged or belongs to
            another job
        GroundTruthError: if AWS cannot be reached
    """
    if output is None:
        manifests, notes = _manifests_in_s3(record)
    else:
        manifests, notes = _manifests_at(record, str(output))
    parts = []
    for manifest, job, mirrors, whole in manifests:
        attributes = record.label_attribute, record.audited_attribute
        try:
            part = read_job_output(
                manifest, job, *attributes, mirrors, samples, complete=whole
            )
            parts.append(part)
        except NoLabels as nothing:
            if len(record.jobs) == 1:
                raise
            notes.append(str(nothing))
    if not parts:
        raise InputError(output or record.name, "; ".join(notes))
    joined = join_corrections(parts)
    return replace(joined, notes=(*notes, *joined.notes))


#: The manifest, its job, local copies of S3 folders, and whether the job is complete.
_Manifest = tuple[str, JobRecord, Mapping[str, Path], bool]


def _manifests_in_s3(record: AdjustmentRecord) -> tuple[list[_Manifest], list[str]]:
    found: list[_Manifest] = []
    notes, going = [], False
    for job in record.jobs:
        if not job.arn or not job.s3_root:
            notes.append(f"{job.name} was not started")
            continue
        client = sagemaker_client(record.region)
        status = own_status(job.name, client, job.arn, job.tag)
        uri = f"{job.s3_root}output/{job.name}/{MANIFEST}"
        uri = status.output_uri or uri
        going |= not status.finished and status.status != NOT_STARTED
        if status.status != "Completed":
            reason = f" ({status.failure_reason})" if status.failure_reason else ""
            notes.append(f"{job.name} is {status.status}{reason}")
        if _exists(uri, record.region):
            found.append((uri, job, {}, status.status == "Completed"))
        else:
            notes.append(f"{job.name} has no output yet")
    if not found:
        todo = "launch the missing jobs, or send the frames again under another name"
        what = f"Nothing came back from {record.name}: {'; '.join(notes)}"
        if going:
            raise NotFinished(what, "wait for the workers to finish")
        raise GroundTruthError(what, todo)
    return found, notes


def _exists(uri: str, region: str | None) -> bool:
    bucket, key = split_s3(uri)
    client = s3_client(region)
    with aws_errors(f"Reading {uri}"):
        try:
            client.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if not is_absent(error):
                raise
            return False
    return True


def _manifests_at(
    record: AdjustmentRecord, output: str
) -> tuple[list[_Manifest], list[str]]:
    """Find the manifests of the jobs in a local folder, or the given manifest."""
    if is_s3(output) or Path(output).is_file():
        job = _job_of(record, output)
        others = [each.name for each in record.jobs if each is not job]
        notes = [f"{name} is not in {output}" for name in others]
        return [(output, job, _mirrors(job, output), False)], notes
    found: list[_Manifest] = []
    notes = []
    for job in record.jobs:
        names = [f"{job.name}/{MANIFEST}", MANIFEST, "output.manifest"]
        paths = [Path(output, name) for name in names]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            notes.append(f"{job.name} has no output in {output}")
        else:
            found.append((str(path), job, _mirrors(job, str(path)), False))
    if not found:
        raise InputError(output, f"expected {MANIFEST} of {record.jobs[0].name}")
    return found, notes


def _job_of(record: AdjustmentRecord, manifest: str) -> JobRecord:
    """Find the job of a manifest, by default the first."""
    if len(record.jobs) == 1:
        return record.jobs[0]
    mirrors = {
        place: folder
        for job in record.jobs
        for place, folder in _mirrors(job, manifest).items()
    }
    videos, _ = read_videos(manifest, record.label_attribute, mirrors)
    names = {str(video.job).lower() for video in videos}
    found = (job for job in record.jobs if job.name.lower() in names)
    return next(found, record.jobs[0])


def _mirrors(job: JobRecord, manifest: str) -> dict[str, Path]:
    """Return the local copies of the S3 folders that a local manifest refers to."""
    if is_s3(manifest) or not job.s3_root:
        return {}
    mirrors = {} if is_s3(job.package) else {job.s3_root: Path(job.package)}
    if manifest.endswith(MANIFEST):
        folder = Path(manifest).parents[2]
        mirrors[f"{job.s3_root}output/{job.name}/"] = folder
    return mirrors


def read_job_output(
    manifest: str,
    job: JobRecord,
    label_attribute: str,
    audited_attribute: str,
    mirrors: Mapping[str, Path],
    samples: Collection[str] = (),
    complete: bool = False,
) -> Corrections:
    """Read the corrected labels of one labeling job.

    Args:
        manifest: the local path or S3 URI of its ``output.manifest``
        job: the job
        label_attribute: the label attribute of the corrected labels
        audited_attribute: the label attribute of the labels that were sent
        mirrors: the local copies of S3 folders, by S3 URI
        samples (()): see :func:`read_output`
        complete (False): whether workers have finished all sequences, not only those
            whose lines say so; frames that such a sequence lacks have no labels

    Raises:
        InputError: if a file is damaged or belongs to another job
    """
    videos, left_out = read_videos(manifest, label_attribute, mirrors)
    sent, _ = read_videos(manifest, audited_attribute, mirrors)
    before = {video.line: video for video in sent}
    notes = list(left_out)
    names = ("sent", "corrected", "frames", "frame_attributes")
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in names}
    sizes = {}
    for video in videos:
        sequence = _check_origin(manifest, video, job, samples)
        if sequence in sizes or video.line not in before:
            message = f"expected one line of {sequence}, with the labels that were sent"
            raise InputError(manifest, message, video.line)
        _check_objects(manifest, before[video.line], video)
        numbers = np.array(job.frames[sequence])
        labeled = numbers[list(video.labels.frame_attributes)]
        came_back = numbers if complete or video.adjusted else labeled
        frames = pd.DataFrame({"sequence": sequence, "frame": came_back})
        original = _table(before[video.line], sequence, numbers)
        tables["sent"].append(original[original["frame"].isin(came_back)])
        tables["corrected"].append(_table(video, sequence, numbers))
        tables["frames"].append(frames)
        attributes = _frame_attributes(before[video.line], video, sequence, numbers)
        tables["frame_attributes"].append(attributes)
        sizes[sequence] = video.image_size
        if len(labeled) < len(numbers):
            lost = len(numbers) - len(labeled)
            what = "did not come back" if came_back is labeled else _EMPTY
            notes.append(f"{sequence}: {lost} of {len(numbers)} frames {what}")
    known = {f"{number}" for number in job.frames} - set(sizes)
    notes += [f"{sequence} did not come back" for sequence in sorted(known)]
    return Corrections(
        **{name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()},
        image_sizes={name: size for name, size in sizes.items() if size},
        notes=tuple(notes),
    )


def _check_origin(
    manifest: str, video: Video, job: JobRecord, samples: Collection[str]
) -> str:
    """Check that a line belongs to the job, and return the sequence's name."""
    if video.job is None or video.job.lower() != job.name.lower():
        message = f"labels of job {video.job!r:.80}; expected those of {job.name!r}"
        raise InputError(manifest, message, video.line)
    sequence = video.origin.get("sequence")
    if not isinstance(sequence, str) or sequence not in job.frames:
        names = ", ".join(job.frames)
        message = f"sequence {sequence!r:.80}; expected {names}"
        raise InputError(manifest, message, video.line)
    frames = job.frames[sequence]
    if video.origin.get("frames") != frames or len(video.labels.names) != len(frames):
        message = f"frames of {sequence} other than the {len(frames)} that were sent"
        raise InputError(manifest, f"{message}; expected these", video.line)
    sample = video.origin.get("sample")
    if samples and sample is not None and sample not in samples:
        message = f"{sequence} of another dataset; expected one of this dataset"
        raise InputError(manifest, message, video.line)
    return sequence


def _check_objects(manifest: str, before: Video, video: Video) -> None:
    """Check that at least one of the objects that were sent came back."""
    sent, came = (
        set(pd.DataFrame(each.columns).get("object_id", ())) for each in (before, video)
    )
    if sent and came and not sent & came:
        message = f"none of the {len(sent)} objects of {video.name} that were sent"
        raise InputError(manifest, f"{message}; expected some of them", video.line)


def _frame_attributes(
    before: Video, video: Video, sequence: str, numbers: np.typing.NDArray[np.int64]
) -> pd.DataFrame:
    """Return the frames' attributes that reviewers changed; omitted ones stay."""
    rows = []
    for position, attributes in video.labels.frame_attributes.items():
        sent = before.labels.frame_attributes.get(position, {})
        rows += [
            (sequence, int(numbers[position]), name, sent.get(name), value)
            for name, value in attributes.items()
            if sent.get(name) != value
        ]
    return pd.DataFrame(rows, columns=FRAME_ATTRIBUTES, dtype=object)


def _table(
    video: Video, sequence: str, numbers: np.typing.NDArray[np.int64]
) -> pd.DataFrame:
    table = pd.DataFrame(video.columns).assign(sequence=sequence)
    table["frame"] = numbers[video.labels.positions]
    return table.astype({"frame_name": object, "label": object})
