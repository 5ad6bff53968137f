# SPDX-License-Identifier: Apache-2.0
"""Objects that a model sees, and that nobody labeled."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from ...importers.tracks import BOX
from .boxes import Floats, Rows, iou
from .grouping import COLUMNS, EXPECTED
from .kinds import BY_NAME, OVERLOOKED
from .scene import Scene
from .score import odds_to_score, read_model
from .sentences import Issue
from .witness import Witness

#: IoU of two predictions of one run, and labeled frames that it may be interrupted.
_SAME, _BREAK = 0.4, 3
#: Predictions that a run must have.
_LEAST = 5
#: Log odds above which a run is worth a look.
_LIKELY = -0.6


def overlooked_issues(scene: Scene) -> pd.DataFrame:
    """Make an issue of each run of predictions that is likely an object.

    Args:
        scene: the scene, with a witness

    Returns:
        the issues, see ``find_issues()``; ``track`` is -1, and the expected box is the
        first prediction
    """
    witness = scene.witness
    if witness is None:
        return pd.DataFrame(columns=COLUMNS)
    runs = find_runs(witness, int(scene.neighbors.step[0]))
    intercept, weight = read_model().given[OVERLOOKED]
    runs = runs.assign(odds=intercept + weight * np.log(runs["strength"]))
    runs = runs[(runs["odds"] > _LIKELY) & ~runs["odds"].isna()]
    names = scene.call_frames(witness.table)
    rows = runs[["first", "last", "count"]].to_numpy()
    told = [_tell(witness, names, *run) for run in rows]
    kind, frame = BY_NAME[OVERLOOKED], witness.table["frame"].to_numpy(np.int64)
    first = frame[runs["first"]]
    box = witness.boxes[runs["first"]]
    return pd.DataFrame(
        {
            "sequence": str(scene.table["sequence"].iloc[0]),
            "kind": OVERLOOKED,
            "track": np.full(len(runs), -1),
            "other_track": pd.array([pd.NA] * len(runs), "Int64"),
            "first_frame": first,
            "last_frame": frame[runs["last"]],
            "score": odds_to_score(runs["odds"].to_numpy(), np.ones(len(runs))),
            "reason": [f"{issue}: {kind.reason(issue)}" for issue in told],
            "suggestion": [kind.suggestion(issue) for issue in told],
            "size_limit": np.nan,
            "iou_limit": np.nan,
            "peak_frame": first,
            **dict(zip(EXPECTED, box.T, strict=True)),
        },
        columns=COLUMNS,
    )


def _tell(
    witness: Witness, names: NDArray[np.object_], first: int, last: int, count: int
) -> Issue:
    """Return what there is to say about a run of predictions."""
    label = str(witness.table["label"].iloc[first])
    nothing = {field.name: math.nan for field in fields(Issue)}
    known = {
        "track": -1,
        "label": label,
        "usual_label": label,
        "first_name": names[first],
        "last_name": names[last],
        "peak_name": names[first],
        "count": count,
        **dict(zip(BOX, witness.boxes[first].tolist(), strict=True)),
    }
    return Issue(**{**nothing, **known})


def find_runs(witness: Witness, step: int) -> pd.DataFrame:
    """Find runs of predictions that no label covers.

    Predictions are assigned to the runs of the three labeled frames before by the
    largest sum of IoUs.

    Args:
        witness: the predictions
        step: frames from one labeled frame to the next

    Returns:
        one row per run of five predictions and more: ``first`` and ``last``, rows of
        the predictions; ``count``, their number; and ``strength``, the sum of the log
        odds that predictions as confident agree with a label
    """
    rows = np.flatnonzero(~witness.covered)
    run = _link(witness.boxes, witness.table["frame"].to_numpy(np.int64), rows, step)
    trust = witness.agreement[rows].clip(0.01, 0.99)
    table = pd.DataFrame({"row": rows, "run": run, "odds": np.log(trust / (1 - trust))})
    runs = table.groupby("run").agg(
        first=("row", "first"),
        last=("row", "last"),
        count=("row", "size"),
        strength=("odds", "sum"),
    )
    return runs[runs["count"] >= _LEAST].reset_index(drop=True)


def _link(
    boxes: Floats, frame: NDArray[np.int64], rows: Rows, step: int
) -> NDArray[np.int64]:
    """Number the runs of predictions, int array of the length of ``rows``."""
    order = rows[np.argsort(frame[rows], kind="stable")]
    run = np.full(len(boxes), -1)
    count, alive = 0, np.empty(0, np.intp)
    for group in np.split(order, np.flatnonzero(np.diff(frame[order])) + 1):
        if not len(group):
            continue
        alive = alive[frame[alive] >= frame[group[0]] - _BREAK * step]
        overlap = iou(boxes[alive, None], boxes[None, group])
        overlap[overlap < _SAME] = 0
        one, two = linear_sum_assignment(overlap, maximize=True)
        linked = overlap[one, two] > 0
        run[group[two[linked]]] = run[alive[one[linked]]]
        new = group[run[group] < 0]
        run[new] = count + np.arange(len(new))
        count += len(new)
        alive = np.concatenate([np.delete(alive, one[linked]), group])
    return run[rows]
