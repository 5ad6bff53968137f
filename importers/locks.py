# SPDX-License-Identifier: Apache-2.0
"""Work on a dataset that one process does at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fiftyone as fo
from filelock import FileLock, Timeout

#: Seconds to wait for somebody else.
_WAIT = 10


@contextmanager
def exclusive(dataset: fo.Dataset, what: str) -> Iterator[None]:
    """Keeps others on this machine from working on a dataset meanwhile.

    The dataset is reloaded first: somebody else may have changed it.

    Args:
        dataset: the dataset
        what: what is being done to it, such as ``exporting frames of``

    Raises:
        ValueError: if somebody else does not end in time
    """
    home = Path(fo.config.default_dataset_dir or "~/fiftyone").expanduser()
    path = home / ".track-audit" / f"{dataset._doc.id}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=_WAIT)
    except Timeout as error:
        raise ValueError(
            f"somebody else is {what} '{dataset.name}' right now; try again when that "
            "is done"
        ) from error
    try:
        dataset.reload()
        yield
    finally:
        lock.release()
