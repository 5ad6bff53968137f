# SPDX-License-Identifier: Apache-2.0
"""The command that interrupts what is writing to a dataset."""

from __future__ import annotations

from .commands import DATASETS, AsJson, DatasetName, app, print_done
from .sending import open_dataset


@app.command(group=DATASETS)
def interrupt(dataset: DatasetName, /, *, as_json: AsJson = False) -> None:
    """Interrupt what is writing to a dataset, in any process on any machine.

    It ends before its next write, and running it again finishes it.

    For example:

      track-audit interrupt station
    """
    with open_dataset(dataset) as opened:
        from ...importers.store import locks

        found = locks.interrupt(opened)
        nothing = f"nothing is writing to '{dataset}'"
        message = nothing if found is None else f"asked to end: {found}"
    print_done({"interrupted": found, "message": message}, as_json)
