# SPDX-License-Identifier: Apache-2.0
"""Let only one process of this machine write to a dataset at a time."""

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
    """Another process is writing to a dataset."""


@contextmanager
def exclusive(dataset: fo.Dataset, what: str, part: str = "") -> Iterator[None]:
    """Keep other processes of this machine from writing to a dataset.

    FiftyOne writes a dataset's fields and runs from what each process knows of them:
    two processes that declare fields at once leave a dataset that cannot be loaded.
    The lock ends with its process. The dataset is reloaded once the lock is held.

    Args:
        dataset: the dataset
        what: what the caller does to it, for the error: ``loading corrections into``
        part (""): the part of the dataset that is written, if others may write the
            rest meanwhile

    Raises:
        LockedError: if another process does not finish within ten seconds
    """
    folder = Path(fo.config.default_dataset_dir).expanduser() / ".track-audit"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{id_of(dataset)}{part}.lock")
    try:
        lock.acquire(timeout=_WAIT)
    except Timeout as error:
        raise LockedError(
            f"another process is writing to '{dataset.name}'; try {what} it again "
            "when it has finished"
        ) from error
    try:
        dataset.reload()
        yield
    finally:
        lock.release()
