# SPDX-License-Identifier: Apache-2.0
"""What went out without AWS, as runs of the dataset."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import fiftyone as fo
import pandas as pd
from fiftyone.core.runs import RunConfig

from .. import __version__
from ..importers.tracks import BOX
from .runs import recorded_adjustments, run_key
from .selection import dismissed_text
from .texts import count

#: The method of the runs that record what went out without AWS.
METHOD = "track_audit/sent"

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
    key = _run_key(record.name)
    config = _config(dataset, record, out=False)
    if dataset.has_run(key):  # of sending that was broken off
        dataset.delete_run(key)
    dataset.register_run(key, config)
    try:
        sent = boxes[_COLUMNS].astype({"id": str}).to_dict("list")
        results = dataset.init_run_results(key, sent=sent)
        dataset.save_run_results(key, results, cache=False)
        yield
        dataset.update_run_config(key, _config(dataset, record, out=True))
    except BaseException:
        dataset.delete_run(key)
        raise


def recorded_sent(dataset: fo.Dataset) -> dict[str, SentFrames]:
    """Returns what went out without AWS.

    Args:
        dataset: the dataset

    Returns:
        the records by name, the latest last
    """
    dataset.reload()  # another process may have sent something
    runs = [dataset.get_run_info(key) for key in dataset.list_runs(method=METHOD)]
    runs.sort(key=lambda run: run.timestamp)
    names = SentFrames.__dataclass_fields__
    records = []
    for run in runs:
        config = run.config.serialize()
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


def _config(dataset: fo.Dataset, record: SentFrames, out: bool) -> RunConfig:
    return dataset.init_run(
        method=METHOD, version=__version__, out=out, **asdict(record)
    )


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
    if run_key(name) in map(run_key, known):
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
    key = _run_key(record.name)
    results = dataset.load_run_results(key, cache=False, load_view=False)
    boxes = pd.DataFrame(results.sent, columns=_COLUMNS)
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


def _run_key(name: str) -> str:
    return "sent_" + re.sub(r"\W", "_", name)
