# SPDX-License-Identifier: Apache-2.0
"""Vectors on disk, by the frame, box and model that they were computed from."""

from __future__ import annotations

import io
import logging
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ...importers.disk_cache import Entry, list_entries, mark_used, trim
from ...importers.files import expand_home, write_bytes

logger = logging.getLogger(__name__)


def default_cache_dir() -> Path:
    """Return the user's folder for vectors: ``~/.cache/track-audit/embeddings``."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return expand_home(base) / "track-audit" / "embeddings"


def list_vectors(folder: Path) -> list[Entry]:
    """List the files of vectors, of all models."""
    return list_entries(folder.glob("*/*"))


def trim_vectors(folder: Path, limit: int) -> None:
    """Remove the least recently used vectors that exceed a limit."""
    entries = list_vectors(folder)
    trim(entries, sum(entry.size for entry in entries) - limit)


@cache
def _warn(folder: Path, reason: str) -> None:
    """Warn once that embeddings cannot be saved."""
    logger.warning("embeddings are not saved, %s cannot be written: %s", folder, reason)


@dataclass(frozen=True)
class VectorCache:
    """A folder with one file per frame, named after the content of its image.

    A file holds ``boxes``, int32 ``(c, 4)``, and ``vectors``, float16 ``(c, d)``.
    It is replaced as a whole, so a run that is killed loses no finished frame. A file
    that cannot be read counts as empty.

    Attributes:
        folder: the folder, which is that of a single model
        dimension: ``d``, the length of the model's vectors
    """

    folder: Path
    dimension: int

    def load(self, digest: str) -> tuple[NDArray[np.int32], NDArray[np.float16]]:
        """Load the vectors of a frame.

        Returns:
            a tuple of

            -   its boxes, ``(c, 4)``, all different
            -   their vectors, ``(c, d)``
        """
        try:
            with np.load(self._path(digest), allow_pickle=False) as content:
                boxes, vectors = content["boxes"], content["vectors"]
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return self._empty()
        fits = (
            (boxes.dtype, vectors.dtype) == (np.int32, np.float16)
            and boxes.shape == (len(boxes), 4)
            and vectors.shape == (len(boxes), self.dimension)
        )
        if not fits:
            return self._empty()
        mark_used(self._path(digest))
        return boxes, vectors

    def save(
        self, digest: str, boxes: NDArray[np.int32], vectors: NDArray[np.float16]
    ) -> None:
        """Save the vectors of a frame, or warn if the folder cannot be written.

        Args:
            digest: the digest of the image file's content
            boxes: array ``(c, 4)``, all different
            vectors: array ``(c, d)``
        """
        content = io.BytesIO()
        np.savez(content, boxes=boxes, vectors=vectors)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_bytes(self._path(digest), content.getvalue())
        except OSError as error:
            _warn(self.folder, error.strerror or str(error))

    def _path(self, digest: str) -> Path:
        return self.folder / f"{digest}.npz"

    def _empty(self) -> tuple[NDArray[np.int32], NDArray[np.float16]]:
        return np.empty((0, 4), np.int32), np.empty((0, self.dimension), np.float16)
