# SPDX-License-Identifier: Apache-2.0
"""Let only one process at a time write to a dataset, on whatever machine it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import fiftyone as fo

from .leases import Lease, LockedError
from .views import id_of

__all__ = ["LockedError", "exclusive"]

#: How long to wait for another writer, in seconds.
_WAIT = 10


@contextmanager
def exclusive(dataset: fo.Dataset, what: str, part: str = "") -> Iterator[None]:
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

    Raises:
        LockedError: if another process does not finish within ten seconds
    """
    lease = Lease(f"{id_of(dataset)}{part}", dataset.name, what)
    lease.acquire(_WAIT)
    with lease.kept():
        dataset.reload()
        yield
