# SPDX-License-Identifier: Apache-2.0
"""What CVAT makes of files: its numbers of tracks and classes, and its zip files.

CVAT reads and writes MOT files with Datumaro. :func:`through_cvat` does what the two do
with the rows: tracks are numbered from 1 in the order in which they appear, classes in
the order of the task's labels, and nothing but ``gt`` comes back. A real Datumaro can
judge the same: set ``TRACK_AUDIT_DATUMARO`` to the Python interpreter of an environment
that has it. It needs older releases of pandas than this package is tested with.
"""

import os
import subprocess
from zipfile import ZipFile

import pandas as pd
import pytest

#: Rows in the columns of ``gt.txt``.
COLUMNS = ["frame", "id", "left", "top", "width", "height", "flag", "class", "seen"]

_JUDGE = """
import sys
from datumaro.components.dataset import Dataset
source, target, format = sys.argv[1:]
names = {"mot": ("mot_seq", "mot_seq_gt"), "cvat": ("cvat", "cvat")}
reader, writer = names[format]
Dataset.import_from(source, reader).export(target, writer, save_media=False)
"""


def through_cvat(sequence, target, labels=None, edit=lambda rows: rows):
    """Do what CVAT does when a MOT sequence is uploaded and exported again.

    Args:
        sequence: the folder of the sequence
        target: the zip file to write
        labels: the labels of the task in its order, by default those of the file; the
            labels file is left out if it is False
        edit: gets the rows as the annotator sees them, and gives them back corrected
    """
    names = (sequence / "gt/labels.txt").read_text().splitlines()
    rows = pd.read_csv(sequence / "gt/gt.txt", header=None, names=COLUMNS)
    rows["class"] = [names[number - 1] for number in rows["class"]]
    order = rows.sort_values(["frame"], kind="stable")["id"].unique()
    rows["id"] = rows["id"].map({track: place for place, track in enumerate(order)})
    rows = edit(rows).sort_values(["frame", "id"])
    tracks = rows.loc[rows["id"] >= 0, "id"].unique()
    numbers = {track: place for place, track in enumerate(tracks, start=1)}
    rows["id"] = rows["id"].map({-1: -1, **numbers})
    order = labels or names
    rows["class"] = [order.index(label) + 1 for label in rows["class"]]
    rows["frame"] = rows["frame"].astype(int)
    with ZipFile(target, "w") as archive:
        text = rows.astype({"left": float}).to_csv(header=False, index=False)
        archive.writestr("gt/gt.txt", text.replace("\n", "\r\n"))
        if labels is not False:
            archive.writestr("gt/labels.txt", "\n".join(order))
        archive.writestr("img1/000001.jpg", b"an image")


def through_datumaro(source, target, format):
    """Let Datumaro import and export a folder; skips where there is none."""
    python = os.environ.get("TRACK_AUDIT_DATUMARO")
    if not python:
        pytest.skip("no Datumaro: TRACK_AUDIT_DATUMARO names no Python that has it")
    arguments = [python, "-c", _JUDGE, str(source), str(target), format]
    subprocess.run(arguments, check=True, capture_output=True, timeout=120)
