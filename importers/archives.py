# SPDX-License-Identifier: Apache-2.0
"""Unpack zip files of labels, as annotation tools export them."""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from .local_files import LARGEST_FILE
from .tracks import InputError

#: What Python raises of damaged zip files.
_DAMAGED = (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


@contextmanager
def unpacked(path: Path, suffixes: Collection[str]) -> Iterator[Path]:
    """Unpack the label files of a zip file for as long as the context lasts.

    Args:
        path: the zip file
        suffixes: the suffixes of the files to unpack, in lower case; others, such as
            images, stay in the zip file

    Yields:
        a folder of the zip file's name

    Raises:
        InputError: if the zip file is damaged; errors that are raised in the context
            name the zip file in place of the folder
    """
    with tempfile.TemporaryDirectory() as outer:
        folder = Path(outer, path.stem)
        folder.mkdir()
        try:
            _unpack(path, folder, suffixes)
            yield folder
        except _DAMAGED as error:
            raise InputError(path, f"{error}; expected a zip file of labels") from error
        except InputError as error:
            inner = str(error.path).replace(str(folder), str(path))
            raise type(error)(inner, error.message, error.line) from error


def _unpack(path: Path, folder: Path, suffixes: Collection[str]) -> None:
    with zipfile.ZipFile(path) as archive:
        files = [
            each
            for each in archive.infolist()
            if PurePosixPath(each.filename).suffix.lower() in suffixes
        ]
        # Python stops reading a member at the size that the zip file says
        if sum(each.file_size for each in files) > LARGEST_FILE:
            message = "unpacks to more than 4 GiB; expected a zip file of labels"
            raise InputError(path, message)
        for each in files:
            archive.extract(each, folder)
