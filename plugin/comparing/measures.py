# SPDX-License-Identifier: Apache-2.0
"""How well two sets of labels agree, in the measures of multi-object tracking."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import pandas as pd

from ...importers.tracks import BOX
from ..audit.boxes import iou
from ..plain import Json
from .pairing import Pair

#: The measures, which are null where they are not defined.
MEASURES = ("HOTA", "DetA", "AssA", "IDF1", "MOTA", "IDSW")
COLUMNS = ("sequence", "label", "boxes", "other_boxes", *MEASURES)
_MISSING = (
    "the measures are computed by TrackEval, which is not installed; run: "
    "pip install --no-deps trackeval"
)


class Measures:
    """How well two sets of labels agree, per sequence and class.

    The other labels are taken as the truth, which matters to MOTA alone. HOTA, DetA and
    AssA are means over 19 thresholds of the IoU, from 0.05 to 0.95; IDF1, MOTA and IDSW
    are at an IoU of 0.5. Where the two have no class in common, classes are ignored.
    """

    def __init__(self) -> None:
        """Load TrackEval.

        Raises:
            ValueError: if it is not installed
        """
        try:
            # It prints which of its data sets lack a package
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                from trackeval.metrics import CLEAR, HOTA, Identity
        except ImportError as error:
            raise ValueError(_MISSING) from error
        quiet = {"PRINT_CONFIG": False}
        self._metrics = {
            "HOTA": HOTA(),
            "CLEAR": CLEAR(quiet),
            "Identity": Identity(quiet),
        }
        self._parts: dict[tuple[str, str | None], Json] = {}

    def add(self, pair: Pair) -> None:
        """Measure one sequence.

        Args:
            pair: the two sets of labels
        """
        for label, data in _by_class(pair):
            self._parts[pair.sequence.name, label] = {
                "boxes": data["num_tracker_dets"],
                "other_boxes": data["num_gt_dets"],
                **{
                    name: metric.eval_sequence(data)
                    for name, metric in self._metrics.items()
                },
            }

    def tabulate(self) -> pd.DataFrame:
        """Return the measures of all sequences.

        Returns:
            one row per sequence and class, then one per sequence, one per class, and
            one of everything, with :data:`COLUMNS`; ``sequence`` and ``label`` are null
            in rows about all of them. ``boxes`` and ``other_boxes`` are the numbers of
            boxes that were compared
        """
        groups: dict[tuple[str | None, str | None], list[Json]] = {}
        for (sequence, label), part in self._parts.items():
            keys = [(sequence, label), (sequence, None), (None, label), (None, None)]
            # Without classes, some are the same group
            for key in dict.fromkeys(keys):
                groups.setdefault(key, []).append(part)
        order = sorted(groups, key=lambda key: (key[0] is None, key[1] is None))
        rows = [
            {"sequence": key[0], "label": key[1], **self._combine(groups[key])}
            for key in order
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def _combine(self, parts: list[Json]) -> Json:
        """Combine the results of sequences and classes, each box counting once."""
        joint = {
            name: metric.combine_sequences(
                dict(enumerate(part[name] for part in parts))
            )
            for name, metric in self._metrics.items()
        }
        boxes, others = (
            sum(part[name] for part in parts) for name in ("boxes", "other_boxes")
        )
        hota = joint["HOTA"]
        return {
            "boxes": boxes,
            "other_boxes": others,
            **{name: float(np.mean(hota[name])) for name in ("HOTA", "DetA", "AssA")},
            "IDF1": float(joint["Identity"]["IDF1"]),
            "MOTA": float(joint["CLEAR"]["MOTA"]) if others else None,
            "IDSW": int(joint["CLEAR"]["IDSW"]),
        }


def _by_class(pair: Pair) -> Iterator[tuple[str | None, Json]]:
    """Yield each class, None for all, and its boxes as TrackEval takes them."""
    names = [table["label"].astype(str) for table in (pair.labels, pair.others)]
    folded = [each.str.casefold() for each in names]
    spelling = pd.Series(pd.concat(names).to_numpy(), pd.concat(folded))
    spelled = spelling[~spelling.index.duplicated()].to_dict()
    if len(names[0]) and len(names[1]) and not set(folded[0]) & set(folded[1]):
        yield None, _to_data(pair.labels, pair.others)
        return
    for label in sorted(map(str, spelled)):
        parts = (pair.labels[folded[0] == label], pair.others[folded[1] == label])
        yield spelled[label], _to_data(*parts)


def _to_data(labels: pd.DataFrame, others: pd.DataFrame) -> Json:
    """Return boxes of one sequence and class as TrackEval takes them."""
    frames = np.union1d(labels["frame"], others["frame"])
    data: Json = {"num_timesteps": len(frames)}
    boxes = []
    for side, table in (("gt", others), ("tracker", labels)):
        table = table.sort_values("frame", kind="stable")
        ids, known = pd.factorize(table["track"])
        cuts = np.searchsorted(table["frame"].to_numpy(), frames[1:])
        data[f"{side}_ids"] = np.split(ids, cuts)
        data[f"num_{side}_dets"], data[f"num_{side}_ids"] = len(table), len(known)
        boxes.append(np.split(table[BOX].to_numpy(float), cuts))
    data["similarity_scores"] = [
        iou(one[:, None], two[None]) for one, two in zip(*boxes, strict=True)
    ]
    return data
