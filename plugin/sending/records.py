# SPDX-License-Identifier: Apache-2.0
"""Record what was sent, as runs of the dataset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import fiftyone as fo
import pandas as pd

from ...importers.store import runs
from ...importers.store.locks import exclusive
from ...importers.tracks import BOX
from ..plain import Json, count
from .chosen_frames import DETECTION_ID, dismissed_text

_Record = TypeVar("_Record")
#: The method of the runs that record adjustments.
ADJUSTMENT_METHOD = "track_audit/adjustment"


adjustment_key = partial(runs.run_key, "adjustment")
sent_key = partial(runs.run_key, "sent")


@dataclass(frozen=True)
class Counts:
    """What is sent.

    Attributes:
        sequences: the number of sequences
        frames: the number of frames
        flagged: the number of frames with a reason to correct them
        boxes: the number of boxes
        labels: the number of different labels
    """

    sequences: int
    frames: int
    flagged: int
    boxes: int
    labels: int


@dataclass(frozen=True)
class JobRecord:
    """One labeling job of an adjustment.

    Attributes:
        name: the labeling job's name
        package: the local folder of its package, or the S3 URI of a package that is
            in S3 alone
        s3_root: the S3 URI of its package, or None if it is not uploaded
        frames: the 1-based numbers of its frames, by sequence
        arn: the labeling job's ARN, None if it is not known to be started
        tag: the tag that the package shares with its labeling job
        tried: whether starting it was tried; the response may have been lost
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
    """Frames that are sent to Ground Truth, as one or more labeling jobs.

    Attributes:
        name: the adjustment's name
        label_field: the frame field of the tracks that were sent
        region: the AWS region, None if it is not known
        label_attribute: the label attribute of the corrected labels
        audited_attribute: the label attribute of the labels that were sent
        counts: what is sent
        jobs: the labeling jobs
        role_arn: the IAM role that Ground Truth assumes, None if it is not known
        workteam_arn: the work team, None if it is not known
    """

    name: str
    label_field: str
    region: str | None
    label_attribute: str
    audited_attribute: str
    counts: Counts
    jobs: list[JobRecord] = field(default_factory=list)
    role_arn: str | None = None
    workteam_arn: str | None = None

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
    """Record an adjustment with its dataset, or update its record."""
    runs.save_record(
        dataset, adjustment_key(record.name), ADJUSTMENT_METHOD, asdict(record)
    )


@contextmanager
def recording_adjustment(
    dataset: fo.Dataset, record: AdjustmentRecord
) -> Iterator[None]:
    """Record an adjustment, and restore the earlier record if the work on it fails.

    It is recorded first, so that files that a killed process leaves behind belong to
    a known adjustment.
    """
    with runs.restored_on_error(dataset, adjustment_key(record.name)):
        record_adjustment(dataset, record)
        yield


def recorded_adjustments(dataset: fo.Dataset) -> dict[str, AdjustmentRecord]:
    """Return the adjustments that are recorded with a dataset.

    Returns:
        the records by name, the latest last
    """
    stored = runs.read_records(dataset, ADJUSTMENT_METHOD)
    records = [_read_record(each.content) for each in stored]
    return {record.name: record for record in records}


def recorded_adjustment(dataset: fo.Dataset, name: str) -> AdjustmentRecord:
    """Return an adjustment that is recorded with a dataset.

    Raises:
        ValueError: if there is no adjustment of that name
    """
    return choose_record(dataset, recorded_adjustments(dataset), name)


def choose_record(
    dataset: fo.Dataset, records: Mapping[str, _Record], name: str
) -> _Record:
    """Return the record of a name, among those of a dataset.

    Args:
        dataset: the dataset
        records: the records to choose from, by name
        name: the adjustment's name

    Raises:
        ValueError: if there is no adjustment of that name
    """
    if name not in records:
        names = ", ".join(records) or "none"
        raise ValueError(
            f"no adjustment '{name}' is recorded with '{dataset.name}'; expected one "
            f"of: {names}"
        )
    return records[name]


def _read_record(content: Json) -> AdjustmentRecord:
    names = AdjustmentRecord.__dataclass_fields__
    known = {name: content[name] for name in names if name in content}
    known["jobs"] = [JobRecord(**job) for job in content["jobs"]]
    known["counts"] = Counts(**content["counts"])
    return AdjustmentRecord(**known)


#: The method of the runs that record what was sent without AWS.
SENT_METHOD = "track_audit/sent"
#: How it was sent: as a folder of MOT sequences or of CVAT's files, or to an annotation
#: backend.
MOT = "mot"
CVAT = "cvat"
ANNOTATION = "annotation"
#: The file in such a folder that lists the frames of the dataset.
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
    """Frames that were sent for correction without AWS.

    Attributes:
        name: the name under which corrections are loaded
        way: :data:`MOT`, :data:`CVAT` or :data:`ANNOTATION`
        label_field: the frame field of the tracks that were sent
        folder: the folder of the sequences, None for annotation runs
        frames: the numbers of the frames in the dataset's sequences, by sequence
        image_sizes: width and height of the images that were sent, by sequence
        left_out: the number of frames that were not sent, because they only have
            dismissed issues
        classes: the classes of the dataset, in the order of their ids in MOT files
        box_attributes: the annotators' attributes of the boxes that were sent
        runs: the annotation runs, one per sequence; older records have one, with
            their own name
        shows_tracks: whether annotators see and change the numbers of tracks
    """

    name: str
    way: str
    label_field: str
    folder: str | None
    frames: dict[str, list[int]]
    image_sizes: dict[str, tuple[int, int]]
    left_out: int = 0
    classes: list[str] = field(default_factory=list)
    box_attributes: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    shows_tracks: bool = False

    def to_dict(self) -> Json:
        """Describe sequences that were written.

        Returns:
            the attributes, and the texts ``message``, ``notes`` and ``next``
        """
        number = sum(map(len, self.frames.values()))
        sequences = count(len(self.frames), "sequence")
        file = "annotations.xml" if self.way == CVAT else "gt/gt.txt"
        return {
            **asdict(self),
            "message": f"Exported {count(number, 'frame')} of {sequences}",
            "notes": dismissed_text(self.left_out) if self.left_out else "",
            "next": (
                f"Correct the {file} of each sequence, then load the adjustment "
                f"'{self.name}'"
            ),
        }


def sendable_attributes(names: Iterable[str], boxes: pd.DataFrame) -> list[str]:
    """Return the attributes of boxes whose names no column of a record has."""
    return [name for name in names if name in boxes and name not in _COLUMNS]


@contextmanager
def recording_sent(
    dataset: fo.Dataset, record: SentFrames, boxes: pd.DataFrame
) -> Iterator[None]:
    """Record what is being sent, and delete the record if sending fails.

    Args:
        dataset: the dataset
        record: what is being sent
        boxes: its boxes, see ``select_boxes()``

    Raises:
        ValueError: if its name is taken, or another process is writing to the dataset
    """
    key = sent_key(record.name)
    with exclusive(dataset, "exporting frames of"):
        check_new_name(dataset, record.name)
        runs.delete_record(dataset, key)  # of an export that was interrupted
        with runs.restored_on_error(dataset, key):
            values = {**asdict(record), "out": False}
            runs.save_record(dataset, key, SENT_METHOD, values)
            sent = boxes.assign(id=boxes[DETECTION_ID].astype(str))
            sent = sent[[*_COLUMNS, *record.box_attributes]]
            runs.save_results(dataset, key, sent=sent.to_dict("list"))
            yield
            runs.save_record(dataset, key, SENT_METHOD, {**values, "out": True})


def recorded_sent(dataset: fo.Dataset) -> dict[str, SentFrames]:
    """Return what was sent without AWS.

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
        # The process may have been killed after sending and before recording it
        if config["out"] or _is_out(dataset, record):
            records.append(record)
    return {record.name: record for record in records}


def _is_out(dataset: fo.Dataset, record: SentFrames) -> bool:
    if record.folder is None:
        return {*(record.runs or [record.name])} <= {*dataset.list_annotation_runs()}
    return Path(record.folder, FRAMES_FILE).is_file()


def check_new_name(dataset: fo.Dataset, name: str, job: bool = False) -> None:
    """Check that nothing was sent under a name yet.

    Names whose runs have the same key count as the same name.

    Args:
        dataset: the dataset
        name: the name
        job (False): whether it is the name of a Ground Truth job, which may be
            exported again until it is started

    Raises:
        ValueError: if the name is taken
    """
    known = [*recorded_sent(dataset), *([] if job else recorded_adjustments(dataset))]
    if adjustment_key(name) in map(adjustment_key, known):
        raise ValueError(f"'{name}' was already sent; choose another name")


def sent_boxes(dataset: fo.Dataset, record: SentFrames) -> pd.DataFrame:
    """Return the boxes that were sent.

    Returns:
        the tracks table as it was sent, in pixels of the images that were sent, with
        ``object_id``, ``object_name``, the ``id`` of each label, and the attributes
    """
    key = sent_key(record.name)
    sent = runs.read_results(dataset, key, "sent")
    boxes = pd.DataFrame(sent, columns=[*_COLUMNS, *record.box_attributes])
    # An empty table's columns have no types
    text = ["sequence", "label", "object_id", "object_name", "id"]
    numbers = dict.fromkeys(BOX, "int64")
    return boxes.astype(dict.fromkeys(text, object) | numbers | {"track": "int64"})
