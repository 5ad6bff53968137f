# SPDX-License-Identifier: Apache-2.0
"""The command that shows and clears the cache."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from .commands import OTHER, AsJson, app, print_json

if TYPE_CHECKING:
    from ...importers.disk_cache import Entry


@dataclass(frozen=True)
class CacheStatus:
    """What a folder of the cache holds.

    Attributes:
        content: what is cached
        folder: the folder
        entries: the number of files
        size: their size in bytes
        removable: the size in bytes of those that clearing removes
        limit: the size limit in bytes
    """

    content: str
    folder: str
    entries: int
    size: int
    removable: int
    limit: int


@app.command(group=OTHER)
def cache(*, clear: bool = False, as_json: AsJson = False) -> None:
    """Show or clear the cache of embeddings, videos and frames.

    Embeddings of crops, the videos that imports encode from frames, and the frames
    that are decoded from videos without any, are kept to save time. The least
    recently used files are removed when a folder exceeds the limit that the
    environment variable TRACK_AUDIT_CACHE_SIZE sets, such as 500MB (default: 20GB). A
    video is never removed while a dataset uses it, nor within a day after an import
    used it.

    For example:

      track-audit cache
      track-audit cache --clear

    Args:
        clear: remove all embeddings and decoded frames, and the videos that no
            dataset uses (none if several FiftyOne databases share the folder)
    """
    from ...importers.disk_cache import size_limit, trim

    limit, found = size_limit(), []
    for content, folder, entries, removable in _list_caches():
        size = sum(entry.size for entry in removable)
        if clear:
            trim(removable, size)
            removed = {entry.path for entry in removable if not entry.path.exists()}
            entries = [entry for entry in entries if entry.path not in removed]
            size = sum(one.size for one in removable if one.path not in removed)
        total = sum(entry.size for entry in entries)
        found.append(CacheStatus(content, folder, len(entries), total, size, limit))
    if as_json:
        size = sum(one.size for one in found)
        print_json({"caches": [asdict(one) for one in found]}, _megabytes(size))
        return
    for one in found:
        print(f"{one.content}: {one.entries:,} files, {_megabytes(one.size)}")
        print(f"  removable: {_megabytes(one.removable)}")
        print(f"  limit:     {_megabytes(one.limit)}")
        print(f"  folder:    {one.folder}")


def _list_caches() -> list[tuple[str, str, list[Entry], list[Entry]]]:
    """Return the content, folder, entries and removable entries of each cache."""
    # FiftyOne logs to the standard output that it finds, which is for results
    with redirect_stdout(sys.stderr):
        from ...importers.video_samples import media_dir
    from ...importers.store.media import list_videos, select_unused
    from ...importers.video_frames import default_frames_dir, list_decoded
    from ..embedding.cache import default_cache_dir, list_vectors

    folder = media_dir(None)
    vectors, videos = list_vectors(default_cache_dir()), list_videos(folder)
    frames = list_decoded(default_frames_dir())
    return [
        ("embeddings", str(default_cache_dir()), vectors, vectors),
        ("videos", str(folder), videos, select_unused(folder, videos)),
        ("frames", str(default_frames_dir()), frames, frames),
    ]


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
