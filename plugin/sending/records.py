# SPDX-License-Identifier: Apache-2.0
"""Record what went out as runs of the dataset."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import fiftyone as fo
import pandas as pd

from ...importers.store import runs
from ...importers.tracks import BOX
from ..plain import count
from .chosen_frames import dismissed_text

#: The method of the runs that record adjustments.
ADJUSTMENT_METHOD = "track_audit/adjustment"


adjustment_key = partial(runs.run_key, "adjustment")
sent_key = partial(runs.run_key, "sent")


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
    runs.save_record(
        dataset, adjustment_key(record.name), ADJUSTMENT_METHOD, asdict(record)
    )


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
            runs.delete_record(dataset, adjustment_key(record.name))
        raise


def recorded_adjustments(dataset: fo.Dataset) -> dict[str, AdjustmentRecord]:
    """Returns the adjustments that were recorded with a dataset.

    Args:
        dataset: the dataset

    Returns:
        the records by name, the latest last
    """
    stored = runs.read_records(dataset, ADJUSTMENT_METHOD)
    records = [_read_record(each.content) for each in stored]
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


def _read_record(config: dict[str, Any]) -> AdjustmentRecord:
    jobs = [JobRecord(**job) for job in config["jobs"]]
    names = AdjustmentRecord.__dataclass_fields__
    known = {name: config[name] for name in names if name != "jobs"}
    return AdjustmentRecord(**known, jobs=jobs)


#: The method of the runs that record what went out without AWS.
SENT_METHOD = "track_audit/sent"
#: The two ways: a folder of MOT sequences, and FiftyOne's annotation backends.
MOT = "mot"
ANNOTATION = "annotation"
#: The file in a folder of MOT sequences that says which frames they are.
FRAMES_FILE = "frames.csv"
_COLUMNS = [
    "sequence",
    "frame",
    "track",
    "label",
    *BOX,
    "object_id",
    "object_name",
    "id",
]


@dataclass(frozen=True)
class SentFrames:
    """Frames that went out to be corrected.

    Attributes:
        name: the name under which what comes back is loaded
        way: :data:`MOT` or :data:`ANNOTATION`
        label_field: the frame field of the tracks that were sent
        folder: the folder of MOT sequences, None for annotation runs
        frames: the numbers of the frames in the dataset's sequences, by sequence
        image_sizes: width and height of the images that were sent, by sequence
        left_out: the number of frames that were not sent because dismissed issues
            alone are about them
    """

    name: str
    way: str
    label_field: str
    folder: str | None
    frames: dict[str, list[int]]
    image_sizes: dict[str, tuple[int, int]]
    left_out: int = 0


@contextmanager
def recording_sent(
    dataset: fo.Dataset, record: SentFrames, boxes: pd.DataFrame
) -> Iterator[None]:
    """Records what goes out with its dataset, and forgets it where that fails.

    Args:
        dataset: the dataset
        record: what goes out
        boxes: its boxes, see ``select_boxes()``
    """
    key = sent_key(record.name)
    runs.delete_record(dataset, key)  # of sending that was interrupted
    runs.save_record(dataset, key, SENT_METHOD, {**asdict(record), "out": False})
    try:
        sent = boxes[_COLUMNS].astype({"id": str}).to_dict("list")
        runs.save_results(dataset, key, sent=sent)
        yield
        runs.save_record(dataset, key, SENT_METHOD, {**asdict(record), "out": True})
    except BaseException:
        runs.delete_record(dataset, key)
        raise


def recorded_sent(dataset: fo.Dataset) -> dict[str, SentFrames]:
    """Returns what went out without AWS.

    Args:
        dataset: the dataset

    Returns:
        the records by name, the latest last
    """
    names = SentFrames.__dataclass_fields__
    records = []
    for stored in runs.read_records(dataset, SENT_METHOD):
        config = stored.content
        sizes = {name: tuple(size) for name, size in config["image_sizes"].items()}
        known = {name: config[name] for name in names if name in config}
        known["image_sizes"] = sizes
        record = SentFrames(**known)
        # A process may have been killed when all was out but for the note of it
        if config["out"] or _is_out(dataset, record):
            records.append(record)
    return {record.name: record for record in records}


def _is_out(dataset: fo.Dataset, record: SentFrames) -> bool:
    if record.folder is None:
        return record.name in dataset.list_annotation_runs()
    return Path(record.folder, FRAMES_FILE).is_file()


def check_new_name(dataset: fo.Dataset, name: str, job: bool = False) -> None:
    """Checks that nothing of a name went out yet.

    Names whose runs would have the same key are the same name.

    Args:
        dataset: the dataset
        name: the name
        job (False): whether it is that of a labeling job, which may be exported
            again until it is started

    Raises:
        ValueError: if something did
    """
    known = [*recorded_sent(dataset), *([] if job else recorded_adjustments(dataset))]
    if adjustment_key(name) in map(adjustment_key, known):
        raise ValueError(f"'{name}' went out already; choose another name")


def sent_boxes(dataset: fo.Dataset, record: SentFrames) -> pd.DataFrame:
    """Returns the boxes that went out.

    Args:
        dataset: the dataset
        record: what went out

    Returns:
        the tracks table as it was sent, in pixels of the images that were sent, with
        ``object_id``, ``object_name`` and the ``id`` of each label
    """
    key = sent_key(record.name)
    sent = runs.read_results(dataset, key, "sent")
    boxes = pd.DataFrame(sent, columns=_COLUMNS)
    # Where there are none, the columns have no type of their own
    text = ["sequence", "label", "object_id", "object_name", "id"]
    numbers = dict.fromkeys(BOX, "int64")
    return boxes.astype(dict.fromkeys(text, object) | numbers | {"track": "int64"})


def describe_sent(record: SentFrames) -> dict[str, Any]:
    """Says what went out as MOT sequences.

    Args:
        record: what went out

    Returns:
        the record, with ``message``, ``notes`` and ``next``
    """
    number = sum(map(len, record.frames.values()))
    sequences = count(len(record.frames), "sequence")
    return {
        **asdict(record),
        "message": f"{count(number, 'frame')} of {sequences} written",
        "notes": dismissed_text(record.left_out) if record.left_out else "",
        "next": f"Correct gt/gt.txt, then load adjustments of '{record.name}'",
    }
