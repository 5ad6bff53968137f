# SPDX-License-Identifier: Apache-2.0
"""Let only one process at a time write to a dataset, on whatever machine it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import fiftyone as fo
import fiftyone.core.odm as foo
from pymongo.errors import ConnectionFailure

from ..engine import Engine, as_engine
from ..tracks import InputError
from .bulk import Document
from .leases import Lease, LockedError, find_holder, interrupt_holder, on_behalf
from .views import id_of

__all__ = [
    "Lease",
    "LockedError",
    "choose_engine",
    "connected",
    "exclusive",
    "interrupt",
    "no_database",
    "on_behalf",
    "running",
]

#: How long to wait for another writer, in seconds.
_WAIT = 10


def choose_engine(engine: Engine | str | None) -> Engine:
    """Return the engine that a name stands for, which can reach the database.

    Raises:
        InputError: if there is no such engine, or it is a cluster, and FiftyOne started
            the database for this machine only
    """
    chosen = as_engine(engine)
    if chosen.name == "ray" and fo.config.database_uri is None:
        message = "is not set; expected the MongoDB that all machines of a cluster use"
        raise InputError("FIFTYONE_DATABASE_URI", message)
    return chosen


@contextmanager
def exclusive(dataset: fo.Dataset, what: str, part: str = "") -> Iterator[Lease]:
    """Keep other processes from writing to a dataset.

    FiftyOne writes a dataset's fields and runs from what each process knows of them:
    two processes that declare fields at once leave a dataset that cannot be loaded.
    The lock of a process of this machine that died is free at once, and that of one
    elsewhere after half a minute. The dataset is reloaded once the lock is held.

    Args:
        dataset: the dataset
        what: what the caller does to it, for the error: ``loading corrections into``
        part (""): the part of the dataset that is written, if others may write the
            rest meanwhile

    Yields:
        the lease, on whose behalf other processes can write, see :func:`on_behalf`

    Raises:
        LockedError: if another process does not finish within ten seconds
        InputError: if the database stops, or the dataset is deleted meanwhile
    """
    lease = Lease(f"{id_of(dataset)}{part}", dataset.name, what)
    try:
        with connected():
            lease.acquire(_WAIT)
            with lease.kept():
                dataset.reload()
                yield lease
    except foo.DatasetDocument.DoesNotExist as error:
        if fo.dataset_exists(dataset.name):
            raise
        raise InputError(dataset.name, f"was deleted while {what} it") from error


def running(dataset: fo.Dataset) -> str | None:
    """Return what is writing to a dataset, or None.

    Returns:
        such as ``auditing 'walkers' (process 12 on host)``
    """
    return _describe(dataset, find_holder(id_of(dataset)))


def interrupt(dataset: fo.Dataset) -> str | None:
    """Interrupt what is writing to a dataset, in any process on any machine.

    It ends before its next write, and leaves what Ctrl-C leaves: running it again
    gives the undisturbed result.

    Args:
        dataset: the dataset

    Returns:
        what was interrupted, such as ``auditing 'walkers' (process 12 on host)``, or
        None if nothing is writing to the dataset

    Example:
        >>> fta.interrupt(dataset) is None
        True
    """
    return _describe(dataset, interrupt_holder(id_of(dataset)))


def _describe(dataset: fo.Dataset, holder: Document | None) -> str | None:
    if holder is None:
        return None
    what = holder.get("what", "writing to")
    where = f"process {holder['process']} on {holder['host']}"
    return f"{what} '{dataset.name}' ({where})"


@contextmanager
def connected() -> Iterator[None]:
    """Raise what :func:`no_database` returns if the connection to it is lost."""
    try:
        yield
    except ConnectionFailure as error:
        raise no_database() from error


def no_database() -> InputError:
    """Return the error that says what to do if the database stopped."""
    message = "the database does not respond; start it and try again"
    return InputError("MongoDB", message)
