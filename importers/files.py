# SPDX-License-Identifier: Apache-2.0
"""Read and write files on this machine, and read files in S3."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias
from uuid import uuid4

import pandas as pd
from filelock import FileLock, Timeout
from tqdm import tqdm

from .frames import LONGEST_NAME, is_plain_name
from .local_files import is_pipe, read_file, read_pipe, writing_to
from .s3_objects import is_s3, object_version, read_object
from .tracks import InputError

logger = logging.getLogger(__name__)

#: A JSON object.
Json: TypeAlias = dict[str, Any]
#: Frames downloaded at the same time: the size of boto3's connection pool.
_WORKERS = 10

#: The suffix of a folder that is being replaced.
_REPLACED = ".replaced"

_CONFLICT = re.compile(rb"^(<{7}|={7}|>{7})(\s|$)", re.MULTILINE)

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def expand_home(path: Path | str) -> Path:
    """Replace a leading ``~`` or ``~user`` by that user's home folder.

    Raises:
        InputError: if there is no such user, or a name is too long for a file
    """
    if any(
        len(part.encode(errors="replace")) > LONGEST_NAME for part in Path(path).parts
    ):
        raise InputError(path, "File name too long; expected a path")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        user = Path(path).parts[0]
        message = f"the home folder of {user} is unknown; expected another path"
        raise InputError(path, message) from error


def resolve_path(path: Path | str) -> Path:
    """Return the absolute path of a file, without ``~`` and symbolic links.

    Args:
        path: a local path; the file need not exist

    Raises:
        InputError: if there is no such user, or the links form a loop
    """
    expanded = expand_home(path)
    try:
        return expanded.resolve()
    except RuntimeError as error:  # up to Python 3.12
        raise InputError(path, "a loop of symbolic links; expected a path") from error


def resolve(
    uri: str, base: Path | str, mirrors: Mapping[str, Path] = MappingProxyType({})
) -> str:
    """Complete a path that a file gives relative to its own folder.

    Args:
        uri: an S3 URI, an absolute path or a relative path
        base: the local path or S3 URI of that file
        mirrors ({}): local folders that hold copies of what is in S3, by the S3
            URI of the folder, with a slash at its end

    Returns:
        an S3 URI or a local path
    """
    for folder, mirror in mirrors.items():
        names = uri.removeprefix(folder).split("/")
        if uri.startswith(folder) and all(map(is_plain_name, names)):
            copy = mirror.joinpath(*names)
            if copy.is_file():
                return str(copy)
    if is_s3(uri) or Path(uri).is_absolute():
        return uri
    if is_s3(base):
        return f"{str(base).rpartition('/')[0]}/{uri}"
    return str(Path(base).parent / uri)


def read_bytes(uri: Path | str) -> bytes:
    """Read a whole file.

    Args:
        uri: a local path or an S3 URI

    Raises:
        InputError: if it cannot be read
    """
    if is_s3(uri):
        return read_object(str(uri))
    expected = "a file to read"
    # Shells hand over the output of a command as a pipe: score <(aws s3 cp ...)
    read = read_pipe if is_pipe(uri) else read_file
    return read(uri, expected)


def read_json(uri: Path | str) -> Any:  # noqa: ANN401 - what JSON holds is checked by use
    """Read a JSON file.

    Args:
        uri: a local path or an S3 URI

    Raises:
        InputError: if it cannot be read or is not JSON
    """
    return parse_json(read_bytes(uri), uri)


def parse_json(data: bytes, uri: Path | str, line: int | None = None) -> Any:  # noqa: ANN401 - as above
    """Parse JSON, with errors that name the line.

    Args:
        data: the text, UTF-8
        uri: the file that it comes from
        line (None): the 1-based line of the file, if ``data`` is only that line

    Raises:
        InputError: if it is not JSON; merge conflicts are named as such
    """
    try:
        content = json.loads(data.decode("utf-8-sig"))
        if _SURROGATE.search(data):
            json.dumps(content, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        if conflict := _CONFLICT.search(data):
            marker = conflict[1].decode()
            place = line or data.count(b"\n", 0, conflict.start()) + 1
            message = f"an unresolved merge conflict ({marker}); expected JSON"
            raise InputError(uri, message, place) from error
        message = f"not JSON: {error.msg} (column {error.colno})"
        raise InputError(uri, message, line or error.lineno) from error
    except UnicodeEncodeError as error:
        message = "half of a \\ud800 pair, which is no character; expected text"
        raise InputError(uri, message, line) from error
    except UnicodeDecodeError as error:
        place = line or data.count(b"\n", 0, error.start) + 1
        raise InputError(uri, "not UTF-8 text; expected JSON", place) from error
    except (RecursionError, ValueError) as error:
        message = "nested too deeply, or a number too long; expected JSON"
        raise InputError(uri, message, line) from error
    return content


def write_bytes(path: Path, data: bytes) -> None:
    """Write a local file, completely or not at all.

    Args:
        path: the path to write; its folder must exist
        data: the content
    """
    part = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        with writing_to(path):
            part.write_bytes(data)
        os.replace(part, path)  # noqa: PTH105 - the standard name of the atomic step
    finally:
        part.unlink(missing_ok=True)


def check_new_folder(folder: Path) -> None:
    """Check that a folder is new or empty.

    Raises:
        InputError: if the folder is not empty, or is a file
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(folder, "exists and is not empty; expected a new folder")


@contextmanager
def whole_folder(
    folder: Path, check: Callable[[Path], None] = check_new_folder
) -> Iterator[Path]:
    """Provide a folder to write to, which gets its name once it is complete.

    What killed processes left behind in the parent folder is cleared first: folders
    that are not complete are removed, and a folder that was about to be replaced gets
    its name back. A lock distinguishes them from what other processes are writing.

    Args:
        folder: the folder
        check (check_new_folder): raises an error if the folder is one that may not be
            replaced

    Yields:
        the folder to write to; if writing fails, it is removed, and nothing has changed

    Raises:
        InputError: if the folder may not be replaced
    """
    for lock in folder.parent.glob(".*.partial.lock"):
        _clear(lock)
    check(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{folder.name}-{uuid4().hex[:8]}.partial")
    lock = partial.with_name(f"{partial.name}.lock")
    try:
        with FileLock(lock):
            partial.mkdir()
            try:
                with writing_to(folder):
                    yield partial
                if folder.exists():
                    folder.rename(partial.with_suffix(_REPLACED))
                partial.rename(folder)
            finally:
                _settle(partial)
    finally:
        lock.unlink(missing_ok=True)


def _clear(lock: Path) -> None:
    """Clear what a process left of a folder, unless it is still writing it."""
    try:
        with FileLock(lock, timeout=0):
            _settle(lock.with_suffix(""))
    except Timeout:
        logger.debug("another process is writing to %s", lock.with_suffix(""))
    else:
        lock.unlink(missing_ok=True)


def _settle(partial: Path) -> None:
    """Keep one folder, the old one or the new one, and remove what is left."""
    folder = partial.with_name(partial.name[1:].rpartition("-")[0])
    replaced = partial.with_suffix(_REPLACED)
    if replaced.exists() and not folder.exists():
        replaced.rename(folder)
    for left in (partial, replaced):
        shutil.rmtree(left, ignore_errors=True)


def read_text_csv(path: Path) -> pd.DataFrame:
    """Read a CSV file whose values are all text.

    Names such as ``0001`` and ``NA`` stay as they are.

    Returns:
        a table of strings; missing values are empty strings

    Raises:
        FileNotFoundError: if there is no such file
        ValueError: if it is not a CSV file
    """
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def download(
    prefix: str, names: Sequence[str], folder: Path, progress: bool = True
) -> None:
    """Download files from S3 in parallel.

    Local files of the same size are kept.

    Args:
        prefix: the S3 URI of the folder, ending in ``/``
        names: the files' names below it
        folder: the local folder to download to, created if necessary
        progress (True): whether to show a progress bar

    Raises:
        InputError: if a file cannot be read; the files before it are kept
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(_WORKERS) as pool:
        jobs = [
            pool.submit(_download_file, prefix + name, folder / name) for name in names
        ]
        bar = tqdm(
            total=len(jobs),
            desc=prefix,
            unit="file",
            disable=None if progress else True,
        )
        try:
            for job in as_completed(jobs):
                job.result()
                bar.update()
        finally:
            bar.close()
            pool.shutdown(cancel_futures=True)


def _download_file(uri: str, path: Path) -> None:
    if not path.is_file() or path.stat().st_size != object_version(uri)[0]:
        write_bytes(path, read_object(uri))
