# SPDX-License-Identifier: Apache-2.0
"""The methods of the panel that work together with the App's own annotator."""

from __future__ import annotations

from collections.abc import Callable

import fiftyone as fo
import pandas as pd
from fiftyone.operators.executor import ExecutionContext

from ...importers import store
from ...importers.store.locks import exclusive
from ..operators.forms import author
from ..plain import Json
from ..review.issues import read_dataset_issues
from ..review.rejudging import judge_edits
from .answering import asked_dataset, find_field, told
from .params import check_id, read_text
from .track import Issue

#: Number of frames around that of an issue in which a box of its track is searched.
_AROUND = 50


class AnnotatingMethods:
    """The methods for editing labels in the App's annotator, and judging the edits."""

    @told
    def annotate(self, ctx: ExecutionContext) -> Json:
        """Return where the annotator should begin, and let it edit the labels."""
        dataset, field = ctx.dataset, find_field(ctx)
        wanted = check_id(read_text(ctx.params, "id"))
        issues = read_dataset_issues(dataset, field)
        issues = issues[issues["id"] == wanted]
        if issues.empty:
            raise ValueError("this issue no longer exists; reload the list")
        frame, names = _find_box(dataset, field, issues.iloc[0])
        with exclusive(dataset, "editing labels of"):
            is_new = store.set_up_annotator(dataset, field)
        return {"frame": frame, "names": names, "is_new": is_new}

    @told
    def judge_edits(self, ctx: ExecutionContext) -> Json:
        """Judge again what was edited in the App."""
        dataset, field, by = asked_dataset(ctx), find_field(ctx), author(ctx)

        def judge() -> Json:
            return {"frames": judge_edits(dataset, field, by)}

        return with_version(ctx, dataset, judge)


def with_version(
    ctx: ExecutionContext, dataset: fo.Dataset, change: Callable[[], Json]
) -> Json:
    """Make a change, and tell the annotator which version of its sample is the latest.

    The annotator saves nothing if somebody else changed the sample in the meantime. A
    change of issues leaves the labels alone, so it must not prevent that.

    Args:
        ctx: the context; ``annotated`` in its parameters is the ``sample`` that the
            annotator shows, and the ``version`` that it knows
        dataset: the dataset
        change: makes the change, and returns the answer

    Returns:
        the answer and the new ``version``, null if the annotator does not know the one
        before
    """
    shown = ctx.params.get("annotated")
    if not isinstance(shown, dict):
        return change()
    sample = check_id(read_text(shown, "sample"))
    is_known = _read_version(dataset, sample) == shown.get("version")
    answer = change()
    return {**answer, "version": _read_version(dataset, sample) if is_known else None}


def _read_version(dataset: fo.Dataset, sample: str) -> int | None:
    """Return when a sample was last modified, in milliseconds."""
    (time,) = dataset.select(sample).values("last_modified_at") or [None]
    return None if time is None else round(pd.Timestamp(time).timestamp() * 1000)


def _find_box(dataset: fo.Dataset, field: str, issue: Issue) -> tuple[int, list[str]]:
    """Return the frame of an issue's most telling box, and the annotator's names of it.

    The annotator names a box by its instance, or else by its index, or else by itself.
    """
    peak, name = int(issue["peak_frame"]), _sequence_of(dataset, issue)
    around = peak - _AROUND, peak + _AROUND
    boxes = store.read_part(dataset, field, name, [issue["track"]], around, ["id"])[0]
    table = boxes.table
    if table.empty:
        return peak, []
    row = table.iloc[int((table["frame"] - peak).abs().to_numpy().argmin())]
    frame = int(row["frame"])
    (document,) = store.place_frames(dataset, name, [frame]).values()
    labels = store.read_detections(dataset, field, [document])[document]
    label = next(each for each in labels if each["_id"] == row["id"])
    instance, index = label.get("instance") or {}, label.get("index")
    names = [instance.get("_id"), None if index is None else f"track-{index}"]
    return frame, [str(each) for each in (*names, label["_id"]) if each is not None]


def _sequence_of(dataset: fo.Dataset, issue: Issue) -> str:
    return next(
        name
        for name, spans in store.read_spans(dataset).items()
        if any(span.sample_id == issue["sample_id"] for span in spans)
    )
