# SPDX-License-Identifier: Apache-2.0
"""How far labels agree with others: HOTA, IDF1 and MOTA, as TrackEval computes them.

HOTA is by Luiten et al. (IJCV 2021), IDF1 by Ristani et al. (2016), and MOTA by
Bernardin and Stiefelhagen (2008). Classes are not compared.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers.tracks import BOX, InputError
from ..plain import Json
from .boxes import iou

#: What is missing without TrackEval, which brings along a second build of OpenCV.
MISSING = (
    "TrackEval is not installed; expected the Python package 'trackeval' (pip install "
    "--no-deps trackeval)"
)


@dataclass(frozen=True)
class Agreement:
    """How far labels agree with others, each from 0 to 1; MOTA may be negative.

    Attributes:
        hota: the mean HOTA over the IoU thresholds 0.05 to 0.95
        idf1: IDF1 at an IoU of 0.5
        mota: MOTA at an IoU of 0.5
    """

    hota: float
    idf1: float
    mota: float


def can_measure() -> bool:
    """Tell whether TrackEval is installed."""
    try:
        _metrics()
    except ImportError:
        return False
    return True


def measure_agreement(truth: pd.DataFrame, labels: pd.DataFrame) -> Agreement:
    """Measure how far labels agree with others.

    Args:
        truth: the tracks table of what is right; boxes without a track do not count
        labels: the tracks table to compare with it

    Returns:
        the :class:`Agreement` over all sequences

    Raises:
        InputError: if TrackEval is not installed
    """
    try:
        metrics = _metrics()
    except ImportError as error:
        raise InputError("trackeval", MISSING) from error
    parts = [part[part["track"] >= 0] for part in (truth, labels)]
    names = sorted({name for part in parts for name in part["sequence"].unique()})
    found: dict[str, Json] = {name: {} for name in metrics}
    for name in names:
        data = _data(*(part[part["sequence"] == name] for part in parts))
        for each, metric in metrics.items():
            found[each][str(name)] = metric.eval_sequence(data)
    hota, clear, identity = (
        metric.combine_sequences(found[each]) for each, metric in metrics.items()
    )
    return Agreement(
        float(np.mean(hota["HOTA"])), float(identity["IDF1"]), float(clear["MOTA"])
    )


def _metrics() -> Json:
    # It prints what it cannot import, and the settings of its metrics
    with contextlib.redirect_stdout(io.StringIO()):
        from trackeval.metrics import CLEAR, HOTA, Identity

        quiet = {"PRINT_CONFIG": False}
        return {"HOTA": HOTA(), "CLEAR": CLEAR(quiet), "Identity": Identity(quiet)}


def _data(truth: pd.DataFrame, labels: pd.DataFrame) -> Json:
    """Return one sequence as TrackEval takes it: a list entry per frame."""
    frames = np.union1d(truth["frame"], labels["frame"])
    own, theirs = (_by_frame(part, frames) for part in (truth, labels))
    return {
        "num_timesteps": len(frames),
        "gt_ids": own[0],
        "tracker_ids": theirs[0],
        "similarity_scores": [
            np.nan_to_num(iou(one[:, None], two[None]))
            for one, two in zip(own[1], theirs[1], strict=True)
        ],
        "num_gt_dets": len(truth),
        "num_tracker_dets": len(labels),
        "num_gt_ids": truth["track"].nunique(),
        "num_tracker_ids": labels["track"].nunique(),
    }


def _by_frame(
    table: pd.DataFrame, frames: NDArray[np.int64]
) -> tuple[list[NDArray[np.int64]], list[NDArray[np.float64]]]:
    """Return the tracks, numbered from 0, and the boxes of each frame."""
    table = table.sort_values("frame", kind="stable")
    starts = np.searchsorted(table["frame"].to_numpy(), frames[1:])
    tracks = pd.factorize(table["track"])[0].astype(np.int64)
    return np.split(tracks, starts), np.split(table[BOX].to_numpy(float), starts)
