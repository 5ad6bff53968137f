# SPDX-License-Identifier: Apache-2.0
"""Keep records with a dataset, as FiftyOne's custom runs.

FiftyOne stores a run's document, its results and the dataset that names it one after
the other, so a process that is killed can leave one without the others.
:func:`mend_references` repairs what refers to nothing, and :func:`save_record` never
deletes a run to replace it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import fiftyone as fo
import fiftyone.core.odm as odm
from bson import ObjectId, json_util
from gridfs import GridFS, NoFile

from ..version import __version__
from .bulk import Document
from .leases import confirm_held

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoredRecord:
    """A record that was stored with a dataset.

    Attributes:
        key: the key of its run
        time: when the run was registered, in UTC
        content: what was recorded, by name, as JSON types
    """

    key: str
    time: datetime
    content: Document


def run_key(kind: str, name: str) -> str:
    """Return the key of the run that keeps a record.

    Args:
        kind: what is recorded, such as ``adjustment``
        name: the name of the record, any text

    Returns:
        a key that is valid in FiftyOne; names that differ only in characters other
        than letters, digits and underscores share a key
    """
    return re.sub(r"\W", "_", f"{kind}_{name}")


def save_record(
    dataset: fo.Dataset, key: str, method: str, values: Mapping[str, object]
) -> None:
    """Store a record, or replace the one that the run holds.

    An update touches this run's document alone, whoever writes another one.

    Args:
        dataset: the dataset
        key: the key of the run
        method: the method of the run, such as ``track_audit/adjustment``
        values: what to record, by name, as JSON types
    """
    confirm_held()
    config = dataset.init_run(method=method, version=__version__, **values)
    if dataset.has_run(key):
        dataset.update_run_config(key, config)
    else:
        dataset.register_run(key, config)


def read_records(
    dataset: fo.Dataset, method: str, **matching: object
) -> list[StoredRecord]:
    """Read the records of a method, whichever process stored them.

    They come from the database: to reload the dataset takes many times as long. What
    a killed process left unreadable is left out.

    Args:
        dataset: the dataset
        method: the method of the runs; ``a/b`` is a method of ``a``, too
        **matching: values that the records must have

    Returns:
        the records, the oldest first
    """
    wanted = {
        "_id": {"$in": list(_run_ids(dataset).values())},
        "config.method": {"$regex": f"^{re.escape(method)}(/|$)"},
    }
    found = odm.get_db_conn().runs.find(wanted)
    return [
        StoredRecord(run["key"], run["timestamp"], run["config"])
        for run in found.sort([("timestamp", 1), ("_id", 1)])
        if all(run["config"].get(name) == value for name, value in matching.items())
    ]


def _run_ids(dataset: fo.Dataset) -> dict[str, ObjectId]:
    """Return the IDs of a dataset's runs in the database, by key."""
    found = odm.get_db_conn().datasets.find_one({"_id": dataset._doc.id}, ["runs"])
    return (found or {}).get("runs") or {}


def save_results(dataset: fo.Dataset, key: str, **values: object) -> None:
    """Store the results of a run that has none yet.

    FiftyOne deletes the results of a run before it stores others, so results are
    written once; what replaces them belongs to a run of its own.

    Args:
        dataset: the dataset
        key: the key of the run
        **values: the results, as JSON types
    """
    confirm_held()
    results = dataset.init_run_results(key, **values)
    dataset.save_run_results(key, results, cache=False)


def read_results(dataset: fo.Dataset, key: str, name: str) -> Any:  # noqa: ANN401
    """Read one of the results of a run, whichever process stored them.

    Returns:
        the value, or None if there is no such run or result
    """
    database = odm.get_db_conn()
    run = database.runs.find_one({"_id": _run_ids(dataset).get(key)}, ["results"])
    if run is None or run.get("results") is None:
        return None
    try:
        stored = GridFS(database).get(run["results"]).read()
    except NoFile:
        # A killed process deleted the results' file and not what names it
        return None
    return json_util.loads(stored.decode()).get(name)


def delete_record(dataset: fo.Dataset, key: str) -> None:
    """Delete a record and its results, if it is there."""
    if dataset.has_run(key):
        confirm_held()
        dataset.delete_run(key)


@contextmanager
def restored_on_error(dataset: fo.Dataset, key: str) -> Iterator[None]:
    """Restore a record as it was, or delete it if there was none, if work fails.

    Args:
        dataset: the dataset
        key: the key of the run that the work records
    """
    earlier = dataset.get_run_info(key).config if dataset.has_run(key) else None
    try:
        yield
    except BaseException:
        if earlier:
            dataset.update_run_config(key, earlier)
        else:
            delete_record(dataset, key)
        raise


def mend_references(dataset: fo.Dataset) -> None:
    """Repair what a killed process can leave of a dataset's runs and views.

    FiftyOne stores them apart from the dataset, which names them, one after the
    other; these are its own repairs.
    """
    odm.patch_runs(dataset.name)
    odm.patch_saved_views(dataset.name)
    dataset.reload()
