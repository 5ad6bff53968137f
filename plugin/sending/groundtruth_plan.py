# SPDX-License-Identifier: Apache-2.0
"""Plan the Ground Truth jobs that correct the chosen frames."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import fiftyone as fo
import pandas as pd

from ...importers import store
from ...importers.files import resolve_path
from ...importers.problems import Finding, sentences
from ...importers.s3_objects import is_s3
from ...importers.store.attributes import fields_of
from ...importers.tracks import InputError
from ..groundtruth.account import with_defaults
from ..groundtruth.aws import s3_client
from ..groundtruth.folder import read_package
from ..groundtruth.frames_in_place import place_frames, place_nothing
from ..groundtruth.label_categories import read_label_categories
from ..groundtruth.package_plan import Plan, Source, plan_packages
from ..groundtruth.request import AdjustmentJob, job_in
from .chosen_frames import FramesToSend, dismissed_text, select_to_send
from .records import (
    AdjustmentRecord,
    Counts,
    check_new_name,
    recorded_adjustments,
)


@dataclass(frozen=True)
class Adjustment:
    """Chosen frames, planned as one or more labeling jobs.

    Attributes:
        job: the settings of the whole
        label_field: the frame field of the tracks
        plans: the plan of each job
        folder: where their packages go by default
        earlier: an export of the same name that was not started, which this one
            replaces
        left_out: the number of frames that are not sent, because they only have
            dismissed issues
        others: the other adjustments of the dataset whose jobs were started
        said: what was filled in from the account
        placed: whether it was decided from where the jobs read the frames
    """

    job: AdjustmentJob
    label_field: str
    plans: tuple[Plan, ...]
    folder: Path
    earlier: AdjustmentRecord | None = None
    left_out: int = 0
    others: tuple[AdjustmentRecord, ...] = ()
    said: tuple[str, ...] = ()
    placed: bool = False

    def package_folder(self, folder: Path | str | None = None) -> Path | str:
        """Return where the packages go, by default to :attr:`folder`.

        Raises:
            InputError: if the folder is in S3, but is not that of the job
        """
        if folder is None or not is_s3(folder):
            return resolve_path(folder) if folder else self.folder
        if not self.job.bucket or job_in(folder, self.job) != self.job:
            message = "expected the folder that bucket and prefix of the job name"
            raise InputError(folder, message)
        return self.job.root

    def place_frames(self, copy_frames: bool = False) -> Adjustment:
        """Decide from where the jobs read frames that are in S3; AWS is asked for that.

        Args:
            copy_frames (False): whether frames are copied into the packages, so that
                those in S3 do not count
        """
        if self.placed:
            return self
        in_s3 = any((plan.frames["source"] != "").any() for plan in self.plans)
        if in_s3 and self.job.bucket and not copy_frames:
            client = s3_client(self.job.job_region)
            plans = [place_frames(plan, client) for plan in self.plans]
        else:
            plans = list(map(place_nothing, self.plans))
        return replace(self, plans=tuple(plans), placed=True)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What would make the jobs fail, or might, without duplicates."""
        found = (finding for plan in self.plans for finding in plan.findings)
        return tuple(dict.fromkeys(found))

    @property
    def errors(self) -> tuple[str, ...]:
        """What must be changed before anything can be written."""
        return sentences(self.findings, "error")

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, and changed in the labels."""
        notes = [*self.said]
        notes += [dismissed_text(self.left_out)] if self.left_out else []
        notes += [note for plan in self.plans for note in plan.notes]
        return tuple(dict.fromkeys(notes))

    @property
    def counts(self) -> Counts:
        """What is sent; sequences and labels of several jobs count once."""
        frames = pd.concat([plan.frames for plan in self.plans])
        return Counts(
            sequences=frames["sequence"].nunique(),
            frames=len(frames),
            flagged=int((frames["reason"] != "").sum()),
            boxes=sum(len(plan.boxes) for plan in self.plans),
            labels=len({label for plan in self.plans for label in plan.classes}),
        )


def plan_adjustment(
    view: fo.core.collections.SampleCollection,
    job: AdjustmentJob,
    label_field: str | None = None,
    context: int = 0,
    include_dismissed: bool = False,
    only_tracks: bool = False,
) -> Adjustment:
    """Plan the labeling jobs that correct the frames that a view shows.

    Args:
        view: a dataset, or a view of its videos, clips, frames or patches
        job: the job's settings
        label_field (None): the frame field of the tracks; may be omitted if the
            dataset has only one
        context (0): the number of labeled frames to send before and after each
            chosen frame, so that workers see the motion
        include_dismissed (False): whether to send frames that only have dismissed
            issues
        only_tracks (False): whether to send only the tracks that the issues and the
            flagged boxes of the chosen frames are about, instead of all tracks

    Returns:
        the plan, with its errors and warnings; nothing is written

    Raises:
        ValueError: if the view shows no frames, or has no such field of tracks, or
            the name is taken
        GroundTruthError: if the account has no default bucket or role, but the job
            asks for it

    Example:
        >>> job = fta.AdjustmentJob("street-1", bucket="my-bucket", region="eu-west-1")
        >>> plan = fta.plan_adjustment(view, job, context=2)
        >>> plan.counts.flagged, plan.counts.frames
        (2, 10)
    """
    chosen = FramesToSend(
        view,
        label_field,
        context,
        include_dismissed=include_dismissed,
        only_tracks=only_tracks,
    )
    return plan_jobs(chosen, job)


def plan_jobs(chosen: FramesToSend, job: AdjustmentJob) -> Adjustment:
    """Plan the labeling jobs of chosen frames, see :func:`plan_adjustment`.

    Args:
        chosen: which frames to send
        job: the job's settings

    Returns:
        the plan, with its errors and warnings; nothing is written

    Raises:
        ValueError: if there are no frames to send, or the name is taken
    """
    dataset = chosen.dataset
    job, said = with_defaults(job)
    check_new_name(dataset, job.name, job=True)
    recorded = recorded_adjustments(dataset)
    earlier = recorded.pop(job.name, None)
    if earlier and earlier.started:
        raise ValueError(f"the job '{job.name}' was already started; choose a new name")
    selection = select_to_send(chosen)
    stored = selection.stored
    first = stored.documents.drop_duplicates("sequence")
    source = Source(
        dataset.name,
        dict(zip(first["sequence"], first["sample_id"], strict=True)),
        owner=f"{store.id_of(dataset)}/{job.name}",
        known=store.known_values(
            dataset,
            chosen.field,
            fields_of(dataset, chosen.field, selection.attributes),
        ),
        listed=store.listed_classes(dataset, chosen.field),
    )
    given = (
        read_label_categories(job.label_categories) if job.label_categories else None
    )
    plans = plan_packages(
        stored.tracks,
        selection.frames,
        job,
        attributes=selection.attributes,
        source=source,
        given=given,
    )
    jobs = Path(fo.config.default_dataset_dir, "track-audit", "jobs")
    folder = jobs / dataset.slug / job.name
    return Adjustment(
        job=job,
        label_field=chosen.field,
        plans=plans,
        folder=folder,
        earlier=earlier,
        left_out=selection.left_out,
        said=tuple(said),
        others=tuple(each for each in recorded.values() if each.started),
    )


def last_settings(dataset: fo.Dataset) -> dict[str, str]:
    """Return the settings of the last adjustment that had a bucket.

    Returns:
        the known settings by their names in :class:`AdjustmentJob`; empty if there
        was no such adjustment
    """
    sent = [
        record
        for record in recorded_adjustments(dataset).values()
        if record.jobs[0].s3_root
    ]
    if not sent:
        return {}
    last = sent[-1]
    settings = {
        "bucket": urlsplit(last.jobs[0].s3_root).netloc,
        "region": last.region,
        "audited_attribute": last.audited_attribute,
        "label_attribute": last.label_attribute,
        "role_arn": last.role_arn,
        "workteam_arn": last.workteam_arn,
    }
    if not is_s3(last.jobs[0].package):
        settings |= _arns(Path(last.jobs[0].package))  # records of before lack them
    return {name: str(value) for name, value in settings.items() if value}


def _arns(package: Path) -> dict[str, str]:
    try:
        found = read_package(package)
    except InputError:
        return {}  # the package was moved or deleted, and these are only defaults
    arns = {
        "role_arn": found.request["RoleArn"],
        "workteam_arn": found.request["HumanTaskConfig"]["WorkteamArn"],
    }
    return {name: arn for name, arn in arns.items() if name not in found.fill_in}


def default_job_name(dataset: fo.Dataset) -> str:
    """Return a valid name for a job that is not taken.

    Returns:
        the dataset's name and the time, made of letters, digits and hyphens
    """
    name = re.sub(r"[^a-zA-Z0-9]+", "-", dataset.name).strip("-")
    now = datetime.now(UTC)
    name = f"{name[:42].rstrip('-') or 'tracks'}-{now:%Y%m%d-%H%M%S}"
    names = (name, *(f"{name}-{number}" for number in range(2, 1000)))
    taken = recorded_adjustments(dataset)
    return next(name for name in names if name not in taken)
