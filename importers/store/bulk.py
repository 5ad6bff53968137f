# SPDX-License-Identifier: Apache-2.0
"""Send documents to the database in bulk."""

from __future__ import annotations

import gc
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeAlias

from bson import ObjectId

from .leases import confirm_held

_CONNECTIONS = 3
#: A document of MongoDB.
Document: TypeAlias = dict[str, Any]
#: Called with the number of frames done since the last call.
Step = Callable[[int], None]


def database_time() -> datetime:
    """Return the current time in milliseconds, the precision of the database."""
    time = datetime.now(UTC)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def object_ids(count: int) -> list[ObjectId]:
    """Return new IDs, about ten times as fast as one by one."""
    prefix = ObjectId().binary[:4] + os.urandom(5)
    return [ObjectId(prefix + i.to_bytes(3, "big")) for i in range(count)]


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the garbage collector.

    Documents have no reference cycles, and searching millions of them for cycles
    takes twice as long as making them.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Writer:
    """Send batches over several connections while the next ones are being built.

    The database processes the batches of one connection one after the other.
    """

    def __init__(self, call: Callable[..., Any], step: Step | None = None) -> None:
        """Start the threads.

        Args:
            call: the collection's method that takes a batch
            step (None): called with the size of each batch that was written
        """
        self._call = call
        self._step = step
        self._threads = ThreadPoolExecutor(_CONNECTIONS)
        self._sent: deque[tuple[int, Future[Any]]] = deque()
        self.matched = 0

    def __enter__(self) -> Writer:
        """Return the writer."""
        return self

    def send(self, batch: Sequence[object]) -> None:
        """Send a batch; wait for the oldest one if many are in flight.

        Raises:
            LockedError: if a lock of this thread was lost
        """
        confirm_held()
        if len(self._sent) > _CONNECTIONS:
            self._receive()
        future = self._threads.submit(self._call, batch, ordered=False)
        self._sent.append((len(batch), future))

    def _receive(self) -> None:
        count, future = self._sent.popleft()
        self.matched += getattr(future.result(), "matched_count", 0)
        if self._step:
            self._step(count)

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        """Wait for the batches in flight, or drop them if the work failed."""
        try:
            while self._sent and not failure:
                self._receive()
        finally:
            self._threads.shutdown(cancel_futures=True)
