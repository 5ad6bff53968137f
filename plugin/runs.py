# SPDX-License-Identifier: Apache-2.0
"""Adjustments as runs of the dataset: recorded here, found again in any process."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import fiftyone as fo
import fiftyone.core.odm as odm

from .. import __version__

#: The method of the runs that record adjustments.
METHOD = "track_audit/adjustment"


@dataclass(frozen=True)
class JobRecord:
    """One labeling job of an adjustment.

    Attributes:
        name: the labeling job's name
        package: the local folder of its package
        s3_root: the S3 URI of its package, or None where it stays local
        frames: the 1-based numbers of the frames that it has, by sequence
        arn: the labeling job's ARN, None where it is not known to be started
        tag: the tag that the package and its labeling job share
        tried: whether a start was tried, whose answer may have got lost
    """

    name: str
    package: str
    s3_root: str | None
    frames: dict[str, list[int]]
    arn: str | None = None
    tag: str | None = None
    tried: bool = False


@dataclass(frozen=True)
class AdjustmentRecord:
    """What is known of an adjustment: a selection of frames sent to be corrected.

    Attributes:
        name: the adjustment's name
        label_field: the frame field of the tracks that were sent
        region: the AWS region, None where it is not known
        label_attribute: the label attribute of the corrected labels
        audited_attribute: the label attribute of the labels that were sent
        counts: the numbers of sequences, frames, flagged frames, boxes and labels
        jobs: the labeling jobs
    """

    name: str
    label_field: str
    region: str | None
    label_attribute: str
    audited_attribute: str
    counts: dict[str, int]
    jobs: list[JobRecord] = field(default_factory=list)

    @property
    def started(self) -> bool:
        """Whether a labeling job was started."""
        return any(job.arn for job in self.jobs)

    @property
    def frames(self) -> dict[str, list[int]]:
        """The numbers of the frames that were sent, by sequence."""
        frames: dict[str, list[int]] = {}
        for job in self.jobs:
            for sequence, numbers in job.frames.items():
                frames.setdefault(sequence, []).extend(numbers)
        return frames


def record_adjustment(dataset: fo.Dataset, record: AdjustmentRecord) -> None:
    """Records an adjustment with its dataset, or what has changed of it.

    Args:
        dataset: the dataset
        record: the adjustment
    """
    key = run_key(record.name)
    config = dataset.init_run(method=METHOD, version=__version__, **asdict(record))
    # An update touches this run's document alone, whoever writes another one.
    if dataset.has_run(key):
        dataset.update_run_config(key, config)
    else:
        dataset.register_run(key, config)


@contextmanager
def recording_adjustment(
    dataset: fo.Dataset, record: AdjustmentRecord
) -> Iterator[None]:
    """Records an adjustment, and takes that back where the work on it fails.

    It is recorded first: what a process that is killed leaves behind is then known
    to be the adjustment's own.

    Args:
        dataset: the dataset
        record: the adjustment
    """
    earlier = recorded_adjustments(dataset).get(record.name)
    record_adjustment(dataset, record)
    try:
        yield
    except BaseException:
        if earlier:
            record_adjustment(dataset, earlier)
        else:
            dataset.delete_run(run_key(record.name))
        raise


def recorded_adjustments(dataset: fo.Dataset) -> dict[str, AdjustmentRecord]:
    """Returns the adjustments that were recorded with a dataset.

    Args:
        dataset: the dataset

    Returns:
        the records by name, the latest last
    """
    dataset.reload()  # another process may have sent or started one
    runs = [dataset.get_run_info(key) for key in dataset.list_runs(method=METHOD)]
    runs.sort(key=lambda run: run.timestamp)
    records = [_read_record(run.config.serialize()) for run in runs]
    return {record.name: record for record in records}


def recorded_adjustment(dataset: fo.Dataset, name: str) -> AdjustmentRecord:
    """Returns an adjustment that was recorded with a dataset.

    Args:
        dataset: the dataset
        name: the adjustment's name

    Returns:
        the record

    Raises:
        ValueError: if there is none of that name
    """
    records = recorded_adjustments(dataset)
    if name not in records:
        names = ", ".join(records) or "none"
        raise ValueError(
            f"no adjustment '{name}' is recorded with '{dataset.name}'; expected one "
            f"of: {names}"
        )
    return records[name]


def mend_references(dataset: fo.Dataset) -> None:
    """Mends what a process that was killed can leave of a dataset's runs and views.

    FiftyOne stores them apart from the dataset, which names them, one after the
    other; these are its own repairs.

    Args:
        dataset: the dataset
    """
    odm.patch_runs(dataset.name)
    odm.patch_saved_views(dataset.name)
    dataset.reload()


def run_key(name: str) -> str:
    """Returns the key of the run that records an adjustment.

    Args:
        name: the adjustment's name

    Returns:
        a key that is valid in FiftyOne
    """
    return "adjustment_" + re.sub(r"\W", "_", name)


def _read_record(config: dict[str, Any]) -> AdjustmentRecord:
    jobs = [JobRecord(**job) for job in config["jobs"]]
    names = AdjustmentRecord.__dataclass_fields__
    known = {name: config[name] for name in names if name != "jobs"}
    return AdjustmentRecord(**known, jobs=jobs)
