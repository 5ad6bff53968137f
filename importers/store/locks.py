# SPDX-License-Identifier: Apache-2.0
"""One writer of a dataset's labels and runs at a time, among the processes here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fiftyone as fo
from filelock import FileLock, Timeout

from .views import id_of

#: How long to wait for another writer, in seconds.
_WAIT = 10


class LockedError(ValueError):
    """Somebody else is writing to a dataset."""


@contextmanager
def exclusive(dataset: fo.Dataset, what: str, part: str = "") -> Iterator[None]:
    """Keeps other processes of this machine from writing to a dataset.

    FiftyOne writes a dataset's fields and runs from what each process knows of them:
    two that declare fields at once leave a dataset that cannot be loaded. The lock is
    gone with its process. What another one wrote before is known afterwards.

    Args:
        dataset: the dataset
        what: what is done to it, for others who wait: ``loading corrections into``
        part (""): what of the dataset is written, where others may write the rest

    Raises:
        LockedError: if another process does not finish in time
    """
    folder = Path(fo.config.default_dataset_dir).expanduser() / ".track-audit"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{id_of(dataset)}{part}.lock")
    try:
        lock.acquire(timeout=_WAIT)
    except Timeout as error:
        raise LockedError(
            f"somebody else is writing to '{dataset.name}'; wait with {what} it until "
            "that is done"
        ) from error
    try:
        dataset.reload()
        yield
    finally:
        lock.release()
