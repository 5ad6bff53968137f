# SPDX-License-Identifier: Apache-2.0
"""Videos that imports encoded and that no dataset uses any more.

A folder of videos may serve several databases, and only the current one can be asked
what it uses. So each database leaves a mark in the folder: videos of a folder with
several marks are never removed, and those older than the mark only on request.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import fiftyone as fo
import fiftyone.core.odm as foo

from ..disk_cache import Entry, list_entries, size_limit, trim

_MARK = ".database-"
#: An import that is still running may need videos that were used within this time, in
#: seconds.
_GRACE = 24 * 60 * 60


def list_videos(folder: Path) -> list[Entry]:
    """List the videos that imports encoded."""
    return list_entries(folder.glob("*.mp4"))


def select_unused(folder: Path, videos: list[Entry]) -> list[Entry]:
    """Select the videos that no dataset uses.

    Args:
        folder: the folder of the videos
        videos: videos in it

    Returns:
        those that are in no dataset and were not used for a day; none if another
        database has left its mark, since its datasets are unknown
    """
    if set(folder.glob(f"{_MARK}*")) - {_mark(folder)}:
        return []
    recent = time.time() - _GRACE
    old = [video for video in videos if video.used < recent]
    used = _used_names() if old else set()
    return [video for video in old if video.path.name not in used]


def mark_folder(folder: Path) -> None:
    """Leave the mark of this database in a folder of videos.

    Args:
        folder: the folder, which is created if need be
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not _mark(folder).exists():
        _mark(folder).touch()


def trim_videos(folder: Path, size: str | int | None = None) -> None:
    """Remove videos that no dataset uses, if the folder exceeds the size limit.

    Only videos that were encoded for this database are removed, the least recently
    used first.

    Args:
        folder: the folder, which :func:`mark_folder` marked
        size (None): the limit, as for ``size_limit()``

    Raises:
        InputError: if the limit is no size
    """
    videos = list_videos(folder)
    excess = sum(video.size for video in videos) - size_limit(size)
    if excess > 0:
        since = _mark(folder).stat().st_mtime
        own = [video for video in videos if video.created >= since]
        trim(select_unused(folder, own), excess)


def _mark(folder: Path) -> Path:
    config = fo.config
    database = f"{config.database_uri or config.database_dir} {config.database_name}"
    digest = hashlib.blake2b(database.encode(), digest_size=8).hexdigest()
    return folder / f"{_MARK}{digest}"


def _used_names() -> set[str]:
    """Return the names of all videos in the database, wherever they are."""
    database = foo.get_db_conn()
    videos = {"filepath": {"$regex": r"[0-9a-f]{32}\.mp4$"}}
    return {
        Path(sample["filepath"]).name
        for name in database.list_collection_names()
        if not name.startswith("frames.")
        for sample in database[name].find(videos, {"filepath": True})
    }
