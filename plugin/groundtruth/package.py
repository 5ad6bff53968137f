# SPDX-License-Identifier: Apache-2.0
"""Write the packages of adjustment jobs.

A package is a folder that mirrors the job's folder in S3::

    manifest.jsonl                    the input manifest, one sequence per line
    label-categories.json             the label category configuration
    <sequence>/<sequence>-seq.json    the sequence file
    <sequence>/SeqLabel.json          the labels to adjust
    <sequence>/frames/                the frames, only if they were copied
    frames.csv                        each frame's number, reason and local file
    job.json                          the CreateLabelingJob request

The last two are only uploaded if the package is to be in S3 alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ...importers.files import whole_folder
from ...importers.groundtruth_writer import seq_label, sequence_file
from ...importers.problems import Finding, error
from ...importers.tracks import InputError
from .contents import compact
from .folder import (
    FRAMES_FILE,
    Package,
    check_folder,
    folder_findings,
    write_job,
)
from .objects import folder_uri
from .package_plan import Plan


def package_findings(
    plans: Sequence[Plan], folder: Path | str, copy_frames: bool = False
) -> list[Finding]:
    """Find what prevents packages from being written, on this machine.

    Args:
        plans: the plans
        folder: where to write to, see :func:`write_packages`, or an S3 URI
        copy_frames (False): whether to copy the frames into the packages

    Returns:
        the findings of the plans, and those of the folder and the frames
    """
    found = [finding for plan in plans for finding in plan.findings]
    absent = sum(int((plan.frames["path"] == "").sum()) for plan in plans)
    if copy_frames and absent:
        what = f"{absent} frames to copy are not on this machine"
        found.append(error(what, "put them there, or do not copy frames"))
    if isinstance(folder, str):
        return found
    return [*found, *folder_findings(folder, plans[0].owner)]


def planned_packages(
    plans: Sequence[Plan], folder: Path, *, in_s3: bool = False
) -> list[Package]:
    """Return the packages that :func:`write_packages` writes.

    Args:
        plans: the plans
        folder: the package's folder; several packages are in its folders ``1``, ``2``
            and so on
        in_s3 (False): whether the packages are going to be in S3 alone
    """
    folders = [folder]
    if len(plans) > 1:
        folders = [folder / f"{number}" for number in range(1, len(plans) + 1)]
    return [
        Package(
            part,
            plan.request,
            plan.job.job_region,
            plan.job.fill_in,
            plan.owner,
            in_s3,
        )
        for plan, part in zip(plans, folders, strict=True)
    ]


def write_packages(
    plans: Sequence[Plan],
    folder: Path,
    *,
    copy_frames: bool = False,
    in_s3: bool = False,
) -> list[Package]:
    """Write the packages of the jobs of one selection, all or none.

    Check the plans with :func:`package_findings` first.

    Args:
        plans: the plans
        folder: a folder that is new or empty, or holds earlier packages of the same
            owner, which are replaced; see :func:`planned_packages`
        copy_frames (False): whether to copy the frames into the packages.
            Otherwise ``frames.csv`` names the local files
        in_s3 (False): whether the packages are going to be in S3 alone

    Raises:
        InputError: if the folder holds something else or cannot be written
    """
    folder = Path(folder)
    check = partial(check_folder, owner=plans[0].owner)
    try:
        with whole_folder(folder, check) as new:
            written = planned_packages(plans, new, in_s3=in_s3)
            for plan, package in zip(plans, written, strict=True):
                package.folder.mkdir(exist_ok=True)
                _write_files(plan, package, copy_frames)
    except OSError as failure:
        place, reason = failure.filename or folder, failure.strerror or failure
        raise InputError(place, f"{reason}; nothing was written") from failure
    return planned_packages(plans, folder, in_s3=in_s3)


def _write_files(plan: Plan, package: Package, copy_frames: bool) -> None:
    folder, frames = package.folder, plan.frames
    for number, (name, part) in enumerate(frames.groupby("sequence"), 1):
        sequence = str(name)
        (folder / sequence).mkdir()
        prefix = folder_uri(part["uri"].iloc[0])
        content = sequence_file(prefix, number, part["frame_name"].tolist())
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
    write_job(package)


def _write(path: Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8")
