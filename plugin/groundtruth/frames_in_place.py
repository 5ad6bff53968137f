# SPDX-License-Identifier: Apache-2.0
"""Find the frames of a job that are in S3 already, and use them from there.

A sequence file names one folder for all frames of its sequence. So the job reads the
frames of a sequence where they are if all of them are there as they are on this
machine, in the job's region, and the role may read them. Otherwise they go into the
package: what is there is copied inside S3, and only the rest is uploaded.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ...importers.problems import Finding, error, warning
from ...importers.s3_objects import split_s3
from ..plain import count
from .aws import THREADS, GroundTruthError, aws_errors, iam_client
from .bucket import cors_findings
from .objects import StoredObject, folder_uri, has_content, list_objects
from .package_plan import Plan
from .request import AdjustmentJob

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class _Placed:
    """The frames of a sequence, with what was found and done."""

    frames: pd.DataFrame
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def place_frames(plan: Plan, client: S3Client) -> Plan:
    """Decide for each sequence of a job from where it reads the frames.

    Nothing is changed in S3.

    Args:
        plan: the plan of a job that has a bucket
        client: an S3 client

    Returns:
        the plan: the job reads each frame from its ``uri``, to which it is copied from
        its ``source`` if that is another one, or uploaded if it has none
    """
    parts: list[_Placed] = []
    taken: set[str] = set()
    for _, part in plan.frames.groupby("sequence"):
        placed = _place_sequence(part, plan.job, client, taken)
        taken.add(folder_uri(placed.frames["uri"].iloc[0]))
        parts.append(placed)
    if not parts:
        return plan
    return replace(
        plan,
        frames=pd.concat([part.frames for part in parts], ignore_index=True),
        findings=(*plan.findings, *(each for part in parts for each in part.findings)),
        notes=(*plan.notes, *(each for part in parts for each in part.notes)),
    )


def place_nothing(plan: Plan) -> Plan:
    """Leave the frames in S3 out of account, as for a package without a bucket.

    Returns:
        the plan, with a warning for each sequence with frames that are only in S3
    """
    found = []
    absent = plan.frames[(plan.frames["path"] == "") & (plan.frames["source"] != "")]
    for name, part in absent.groupby("sequence"):
        what = f"{name}: {_are(part['path'] == '')} not on this machine"
        todo = f"set a bucket, to use them from {folder_uri(part['source'].iloc[0])}"
        found.append(warning(what, todo))
    frames = plan.frames.assign(source="")
    return replace(plan, frames=frames, findings=(*plan.findings, *found))


def _place_sequence(
    frames: pd.DataFrame, job: AdjustmentJob, client: S3Client, taken: set[str]
) -> _Placed:
    if not frames["source"].any():
        return _Placed(frames)
    name, folder = frames["sequence"].iloc[0], folder_uri(frames["source"].iloc[0])
    stored, obstacle = _listed(folder, client)
    unread = obstacle if not stored else None
    same, found = _same_frames(frames, stored, client), list[Finding]()
    if not obstacle and not same.all():
        obstacle = f"{_are(~same)} not there as on this machine"
    elif not obstacle:
        obstacle, found = _obstacle(folder, job, client, taken)
    if obstacle is None:
        note = f"{name}: the job reads its frames from {folder}"
        return _Placed(frames.assign(uri=frames["source"]), tuple(found), (note,))
    away = frames["path"] == ""
    if (away & ~same).any():
        what = f"{name}: {_are(away & ~same)} neither on this machine nor in {folder}"
        what += f" ({unread})" if unread else ""
        return _Placed(frames, (error(what, "add them, or choose other frames"),))
    note = f"{name}: {_are(same)} copied from {folder} and {_are(~same)} uploaded, "
    note += f"since {obstacle}"
    return _Placed(frames.assign(source=frames["source"].where(same, "")), (), (note,))


def _listed(
    folder: str, client: S3Client
) -> tuple[dict[str, StoredObject], str | None]:
    """List what is in a folder, and tell why a job could not read it, if it could not.

    The role of a job does not pay for what it reads.
    """
    try:
        return list_objects(client, folder), None
    except GroundTruthError as failure:
        unread = failure.what
        if not failure.denied:
            return {}, unread
    try:
        return list_objects(client, folder, pay=True), "requesters of their bucket pay"
    except GroundTruthError:
        return {}, unread


def _same_frames(
    frames: pd.DataFrame, stored: dict[str, StoredObject], client: S3Client
) -> pd.Series[bool]:
    """Return which frames are in S3 as they are on this machine, if they are there."""

    def is_there(frame: tuple[str, str]) -> bool:
        path, source = frame
        if source not in stored:
            return False
        return not path or has_content(client, stored[source], Path(path))

    with ThreadPoolExecutor(THREADS) as pool:
        pairs = zip(frames["path"], frames["source"], strict=True)
        return pd.Series(list(pool.map(is_there, pairs)), frames.index, dtype=bool)


def _obstacle(
    folder: str, job: AdjustmentJob, client: S3Client, taken: set[str]
) -> tuple[str | None, list[Finding]]:
    """Return why a job cannot read frames where they are, or what to care about."""
    bucket, key = split_s3(folder)
    if not key:
        return "they are in no folder of their bucket", []
    if folder in taken:
        return "another sequence has its frames there", []
    if bucket == job.bucket:
        return None, []
    found = []
    try:
        with aws_errors(f"Checking bucket {bucket!r}"):
            region = client.head_bucket(Bucket=bucket).get("BucketRegion")
        if region and job.job_region and region != job.job_region:
            return f"their bucket is in {region}", []
        found = cors_findings(client, bucket, job.job_region)
    except GroundTruthError as failure:
        found = [warning(failure.what, failure.todo)]
    if not job.role_arn:
        return None, found
    try:
        if not _may_read(job.role_arn, bucket, key):
            return f"{job.role_arn} may not read them", []
    except GroundTruthError:
        what = f"It could not be checked whether {job.role_arn} may read {folder}"
        found.append(warning(what, "make sure that it may"))
    return None, found


def _may_read(role_arn: str, bucket: str, key: str) -> bool:
    """Ask IAM whether a role's policies let it read a folder."""
    _, partition, *_ = (*role_arn.split(":"), "aws")
    with aws_errors(f"Checking role {role_arn}"):
        answer = iam_client().simulate_principal_policy(
            PolicySourceArn=role_arn,
            ActionNames=["s3:GetObject"],
            ResourceArns=[f"arn:{partition}:s3:::{bucket}/{key}*"],
        )
    decisions = {each["EvalDecision"] for each in answer["EvaluationResults"]}
    return decisions == {"allowed"}


def _are(chosen: pd.Series[bool]) -> str:
    number = int(chosen.sum())
    return f"{count(number, 'frame')} {'is' if number == 1 else 'are'}"
