# SPDX-License-Identifier: Apache-2.0
"""The sequences that the score is fitted and measured on, by domain.

A domain is a data set: dancers, football, ice hockey, cars, drones, cows and more. What
a video is like differs much more between domains than within one, so only a domain
that was left out whole tells how the score does on footage that it never saw.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TypeAlias

from fiftyone_track_audit.importers.mot import read_mot
from fiftyone_track_audit.importers.tracks import Tracks

#: Labels that other people corrected later, which are taken as right instead.
CORRECTED = {"ETHPerson-seq0_assc_gt": "pairs/ETH-seq0_gaps-and-ids/after"}
#: The sequences of each domain.
Domains: TypeAlias = dict[str, list[Tracks]]


def read_domains(data: Path) -> Domains:
    """Read the labels of all domains, which are assumed to be correct.

    Args:
        data: the folder of real labels, with ``tracks/<domain>/<sequence>/`` in the
            layout of MOT, and the labels of :data:`CORRECTED`

    Returns:
        the tracks of each sequence, by domain
    """
    folders = sorted(path for path in (data / "tracks").glob("*") if path.is_dir())
    if not folders:
        sys.exit(f"expected folders of sequences in {data / 'tracks'}")
    return {
        folder.name: [
            read_mot(data / CORRECTED.get(path.name, path))
            for path in sorted(folder.iterdir())
        ]
        for folder in folders
    }
