# SPDX-License-Identifier: Apache-2.0
"""Name the frames of stored sequences by their images."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd


def name_frames(documents: pd.DataFrame) -> pd.Series[str]:
    """Return the file name of each frame, or a name made from its number.

    Frames of one sequence that lie in several folders have their paths below the
    folder that holds all of these.

    Args:
        documents: the frames, see :attr:`StoredTracks.documents`
    """
    names = documents["frame_name"].astype(object)
    unnamed = documents[names.isna() & documents["filepath"].notna()]
    if len(unnamed):
        groups = unnamed.groupby("sequence", sort=False)["filepath"]
        names = names.fillna(pd.concat([_below_folder(paths) for _, paths in groups]))
    return names.fillna(documents["frame"].map("{:06d}.jpg".format))


def _below_folder(paths: pd.Series[str]) -> pd.Series[str]:
    split = paths.map(os.path.split)
    folders = {folder for folder, _ in split}
    if len(folders) == 1:
        return split.str[1]
    common = os.path.commonpath(folders)
    return paths.map(lambda path: Path(path).relative_to(common).as_posix())


def folder_of(path: str, name: str) -> Path:
    """Return the folder below which a frame has its name, or else that of the file.

    Args:
        path: the path of the image
        name: the name of the frame, see :func:`name_frames`
    """
    file = Path(path)
    depth = len(Path(name).parts)
    below = file.parts[-depth:] == Path(name).parts
    return file.parents[depth - 1] if below else file.parent
