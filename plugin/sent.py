# SPDX-License-Identifier: Apache-2.0
"""What went out without AWS, as runs of the dataset."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass

import fiftyone as fo
import pandas as pd

from .. import __version__
from ..importers.tracks import BOX
from .runs import recorded_adjustments

#: The method of the runs that record what went out without AWS.
METHOD = "track_audit/sent"

#: The two ways: a folder of MOT sequences, and FiftyOne's annotation backends.
MOT = "mot"
ANNOTATION = "annotation"

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
    """

    name: str
    way: str
    label_field: str
    folder: str | None
    frames: dict[str, list[int]]
    image_sizes: dict[str, tuple[int, int]]


def record_sent(dataset: fo.Dataset, record: SentFrames, boxes: pd.DataFrame) -> None:
    """Records what went out with its dataset.

    Args:
        dataset: the dataset
        record: what went out
        boxes: its boxes, see ``select_boxes()``
    """
    key = _run_key(record.name)
    config = dataset.init_run(method=METHOD, version=__version__, **asdict(record))
    dataset.register_run(key, config)
    sent = boxes[_COLUMNS].astype({"id": str}).to_dict("list")
    results = dataset.init_run_results(key, sent=sent)
    dataset.save_run_results(key, results, cache=False)


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
        known = {name: config[name] for name in names} | {"image_sizes": sizes}
        records.append(SentFrames(**known))
    return {record.name: record for record in records}


def check_new_name(dataset: fo.Dataset, name: str) -> None:
    """Checks that nothing of a name went out yet, whichever way.

    Args:
        dataset: the dataset
        name: the name

    Raises:
        ValueError: if something did
    """
    if name in {**recorded_sent(dataset), **recorded_adjustments(dataset)}:
        raise ValueError(f"'{name}' went out already; choose another name")


def forget_sent(dataset: fo.Dataset, name: str) -> None:
    """Forgets what went out.

    Args:
        dataset: the dataset
        name: its name
    """
    dataset.delete_run(_run_key(name))


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
    return pd.DataFrame(results.sent, columns=_COLUMNS)


def _run_key(name: str) -> str:
    return "sent_" + re.sub(r"\W", "_", name)
