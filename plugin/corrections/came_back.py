# SPDX-License-Identifier: Apache-2.0
"""Find the files that came back, wherever a tool's export was put."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ...importers.archives import unpacked
from ...importers.tracks import InputError

#: The suffixes of the label files in an export.
_LABELS = frozenset({".ini", ".txt", ".xml"})


def find_files(
    path: Path, sequences: Collection[str], names: Sequence[str]
) -> dict[str, Path]:
    """Find what came back of each sequence.

    A zip file beside the files that were sent is an export that was put there, so it
    counts rather than those.

    Args:
        path: the folder of the corrected files; or, if one sequence was sent, its
            folder or its file
        sequences: the names of the sequences that were sent
        names: the places of the file in the folder of a sequence

    Returns:
        the file of each sequence that came back

    Raises:
        InputError: if nothing came back, or it is not clear which file it is
    """
    only = next(iter(sequences)) if len(sequences) == 1 else None
    if path.is_file():
        if only is None and path.stem not in sequences:
            sent = ", ".join(sequences)
            message = f"one file, but several sequences were sent: {sent}"
            raise InputError(path, f"{message}; expected a folder of them")
        return {only or path.stem: path}
    found = {}
    for name in sequences:
        beside = [path / f"{name}.zip", path / f"{name}{Path(names[0]).suffix}"]
        files = [file for file in beside if file.is_file()]
        files += _in_folder(path / name, names)
        if not files and (only or path.name == name):
            files += _in_folder(path, names)
        if files:
            found[name] = files[0]
    if not found:
        expected = f"{next(iter(sequences))}/{names[0]}"
        raise InputError(path, f"nothing came back; expected {expected}, or a zip file")
    return found


def _in_folder(folder: Path, names: Sequence[str]) -> list[Path]:
    zips = sorted(folder.glob("*.zip"))
    if len(zips) > 1:
        listed = ", ".join(each.name for each in zips)
        raise InputError(folder, f"several zip files: {listed}; expected one")
    return [*zips, *(folder / name for name in names if (folder / name).is_file())]


@contextmanager
def opened(file: Path, names: Sequence[str]) -> Iterator[Path]:
    """Unpack a file if it is a zip file, for as long as the context lasts.

    Args:
        file: the file, or a zip file with it
        names: the places of the file in an export

    Yields:
        the file

    Raises:
        InputError: if the zip file is damaged, or does not hold one such file
    """
    if file.suffix.lower() != ".zip":
        yield file
        return
    with unpacked(file, _LABELS) as folder:
        wanted = {Path(name).name for name in names}
        found = [each for each in sorted(folder.rglob("*")) if each.name in wanted]
        if len(found) != 1:
            message = f"{len(found)} files named {' or '.join(sorted(wanted))} in it"
            raise InputError(file, f"{message}; expected one")
        yield found[0]
