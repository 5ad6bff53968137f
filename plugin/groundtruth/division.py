# SPDX-License-Identifier: Apache-2.0
"""Divide frames into as many jobs as Ground Truth's quotas require."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from .job_frames import FRAMES_PER_SEQUENCE, SEQUENCES_PER_JOB
from .request import AdjustmentJob


def divide_frames(frames: pd.DataFrame) -> list[pd.DataFrame]:
    """Divide frames into the smallest number of jobs that keep the quotas.

    A sequence of too many frames is cut into parts of equal length. They go into
    different jobs, so that a job has each sequence once, under its own name.

    Args:
        frames: the frames with ``sequence`` and ``frame``

    Returns:
        the frames of each job, at least one
    """
    frames = frames.sort_values(["sequence", "frame"], kind="stable")
    groups = frames.groupby("sequence", sort=False)["frame"]
    number, size = groups.cumcount(), groups.transform("size")
    cuts = -(-size // FRAMES_PER_SEQUENCE)
    piece = frames.groupby([frames["sequence"], number * cuts // size]).ngroup()
    if piece.empty:
        return [frames]
    jobs = max(-(-(piece.max() + 1) // SEQUENCES_PER_JOB), cuts.max())
    # The parts of a sequence are consecutive, so they go into different jobs
    return [part for _, part in frames.groupby(piece % jobs)]


def divide_job(job: AdjustmentJob, number: int) -> list[AdjustmentJob]:
    """Return the settings of the jobs that a selection is divided into.

    Returns:
        ``job`` itself if it is the only one; otherwise jobs that are numbered from 1,
        with names such as ``<name>-1`` and folders such as ``<folder>/1``
    """
    if number == 1:
        return [job]
    return [
        replace(job, name=f"{job.name}-{part}", prefix=f"{job.folder}/{part}")
        for part in range(1, number + 1)
    ]
