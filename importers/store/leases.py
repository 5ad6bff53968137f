# SPDX-License-Identifier: Apache-2.0
"""Leases in FiftyOne's database, of which one process at a time can have each.

The holder renews its lease, which ends by itself if the holder dies. The clock that
counts is that of the database.
"""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from threading import Event, Thread, local
from typing import TYPE_CHECKING
from uuid import uuid4

import fiftyone.core.odm as foo
from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError, PyMongoError

from ..processes import is_dead, machine
from ..tracks import InputError

if TYPE_CHECKING:
    from .bulk import Document

#: How long a lease lasts unless it is renewed, in seconds.
_LASTS = 30
#: How often the holder renews its lease and looks if it is interrupted, in seconds.
_RENEWED = 1
#: How often to look whether another writer has finished, in seconds.
_POLL = 0.05
_LEASES = "track_audit.leases"


class LockedError(ValueError):
    """Another process is writing to a dataset."""


def confirm_held() -> None:
    """Check, before a write, that this thread still holds its locks and may go on.

    A process that was stopped for longer than a lease lasts may have lost it.

    Raises:
        LockedError: if another process may be writing now
        InputError: if somebody interrupted the work
    """
    for lease in _held.leases:
        lease.confirm()


@dataclass(eq=False)
class Lease:
    """A lease on a dataset, or on a part of it.

    Attributes:
        key: what is leased
        name: the name of the dataset, for errors
        what: what the holder does, for errors
        holder: a name of its own for the holder
        until: when the lease may end, by the clock of this process
        interrupted: whether somebody wants the holder to end its work
        told: whether the holder was told so
    """

    key: str
    name: str
    what: str
    holder: str = field(default_factory=lambda: uuid4().hex)
    until: float = 0.0
    interrupted: bool = False
    told: bool = False

    def acquire(self, wait: float) -> None:
        """Wait until the lease is free, and take it.

        Args:
            wait: how long to wait, in seconds

        Raises:
            LockedError: if it is not free by then
        """
        # MongoDB removes the leases of datasets that nobody writes to any more
        _leases().create_index("until", expireAfterSeconds=3600)
        end = _clock() + wait
        other = self._take()
        while other is not None:
            if _clock() >= end:
                raise LockedError(
                    f"another process is writing to '{self.name}' (process "
                    f"{other['process']} on {other['host']}); try {self.what} it again "
                    "when it has finished"
                )
            time.sleep(_POLL)
            other = self._take()

    def _take(self) -> Document | None:
        """Take the lease if it is free; return who has it otherwise."""
        started = _clock()
        mine = {
            "holder": self.holder,
            "machine": machine(),
            "host": platform.node(),
            "process": os.getpid(),
            "what": self.what,
            "interrupted": False,
            "until": _ahead(),
        }
        free = {"$lt": [{"$ifNull": ["$until", 0]}, "$$NOW"]}
        claim = {
            name: {"$cond": ["$free", value, f"${name}"]}
            for name, value in mine.items()
        }
        steps: list[Document] = [
            {"$set": {"free": free}},
            {"$set": claim},
            {"$unset": "free"},
        ]
        # Who inserts the lease at the same moment has it, or has had it
        with suppress(DuplicateKeyError):
            found: Document = _leases().find_one_and_update(
                {"_id": self.key},
                steps,
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
            if found["holder"] == self.holder:
                self.until = started + _LASTS
                return None
            dead = is_dead(found["machine"], found["process"])
            if dead and not self._has_workers():
                _leases().delete_one({"_id": self.key, "holder": found["holder"]})
            return found
        return {"process": "just begun", "host": "some machine"}

    def _has_workers(self) -> bool:
        """Return whether others still work on behalf of the holder, as on a cluster."""
        part = {"$regex": f"^{re.escape(self.key)}/"}
        return _leases().find_one(_alive(part)) is not None

    def _renew(self) -> bool:
        """Let the lease last longer; return whether it was still held."""
        started = _clock()
        mine = {"_id": self.key, "holder": self.holder}
        later = [{"$set": {"until": _ahead()}}]
        renewed: Document | None = _leases().find_one_and_update(mine, later)
        if renewed is None:
            return False
        self.until = started + _LASTS
        self.interrupted = renewed.get("interrupted", False)
        return True

    def _keep(self, ended: Event) -> None:
        """Renew the lease until an event is set or the lease is lost."""
        while not ended.wait(min(_RENEWED, _LASTS / 3)):
            # Where the database does not answer now, it may before the lease ends
            with suppress(PyMongoError):
                if not self._renew():
                    return

    def confirm(self) -> None:
        """Check that the lease is held, without asking the database too often."""
        if self.interrupted and not self.told:
            # What is half done may be undone after that
            self.told = True
            message = f"{self.what} it was interrupted; run it again to finish"
            raise InputError(self.name, message)
        if _clock() > self.until - _LASTS / 3 and not self._renew():
            raise LockedError(
                f"this process stopped for more than {_LASTS} seconds, and another "
                f"one may have written to '{self.name}' meanwhile; try {self.what} it "
                "again"
            )

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep a lease that was acquired, and release it at the end."""
        ended = Event()
        renewer = Thread(target=self._keep, args=(ended,), daemon=True)
        _held.leases.append(self)
        try:
            renewer.start()
            yield
        finally:
            ended.set()
            if self in _held.leases:
                _held.leases.remove(self)
            renewer.join()
            self._release()

    def _release(self) -> None:
        """Let others have the lease."""
        # What cannot be released ends by itself
        with suppress(PyMongoError):
            _leases().delete_one({"_id": self.key, "holder": self.holder})


@contextmanager
def on_behalf(lease: Lease, unit: str) -> Iterator[None]:
    """Do a unit of the work that the holder of a lease gave out, as the only one.

    A process that was given up, and whose unit another one does, writes no more: it
    has lost the lease on the unit. Nor does any if the holder has lost its own.

    Args:
        lease: the lease, as another process sent it
        unit: a name of the unit

    Raises:
        LockedError: if the holder's lease ended, or the unit is still being done
    """
    # The clock is another one here
    lent = replace(lease, until=0.0)
    own = Lease(f"{lease.key}/{unit}", lease.name, lease.what)
    own.acquire(2 * _LASTS)
    _held.leases.append(lent)
    try:
        with own.kept():
            confirm_held()
            yield
    finally:
        _held.leases.remove(lent)


def find_holder(key: str) -> Document | None:
    """Return who has a lease: ``process``, ``host`` and ``what`` it does."""
    return _if_alive(_leases().find_one(_alive(key)))


def interrupt_holder(key: str) -> Document | None:
    """Let the holder of a lease end its work; return who it is, if there is one."""
    interrupted = {"$set": {"interrupted": True}}
    return _if_alive(_leases().find_one_and_update(_alive(key), interrupted))


def _if_alive(found: Document | None) -> Document | None:
    dead = found is not None and is_dead(found["machine"], found["process"])
    return None if dead else found


def _alive(key: str | Document) -> Document:
    """Return the filter for leases that have not ended, by their key."""
    return {"_id": key, "$expr": {"$gt": ["$until", "$$NOW"]}}


class _Held(local):
    """The leases that a thread holds."""

    def __init__(self) -> None:
        self.leases: list[Lease] = []


_held = _Held()


def _leases() -> Collection[Document]:
    """Return the collection of leases."""
    leases: Collection[Document] = foo.get_db_conn()[_LEASES]
    return leases


def _ahead() -> Document:
    """Return when a lease ends that is taken or renewed now."""
    return {"$add": ["$$NOW", int(_LASTS * 1000)]}


def _clock() -> float:
    """Return seconds that nobody sets, and that go on while the machine sleeps."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)
