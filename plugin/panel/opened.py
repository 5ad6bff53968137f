# SPDX-License-Identifier: Apache-2.0
"""The samples that the panel opens at the frames of a sequence."""

from __future__ import annotations

import fiftyone as fo
from fiftyone.operators.executor import ExecutionContext

from ...importers import store
from ..plain import Json
from .answering import told
from .params import check_id, read_text, read_whole


class OpeningMethods:
    """The method that opens samples."""

    @told
    def open_sample(self, ctx: ExecutionContext) -> Json:
        """Open a video at a frame, or clear the view if it does not show the video.

        The App only finds samples that it has loaded, so the component asks again once
        the whole dataset is shown. With ``stay``, the view is not cleared.
        """
        sample = check_id(read_text(ctx.params, "sample_id"))
        frame = read_whole(ctx.params, "frame", least=1)
        if not len(ctx.dataset.select(sample)):
            raise ValueError("this video no longer exists; reload the list")
        wanted = _find_shown(ctx.view, sample, frame, ctx.params.get("issue"))
        if wanted is not None:
            # FiftyOne's own call leaves out the mode, which ends annotating
            mode = "annotate" if ctx.params.get("annotate") else "explore"
            ctx.trigger("open_sample", {"id": wanted, "mode": mode})
        elif not ctx.params.get("stay"):
            ctx.ops.close_sample()
            ctx.ops.clear_view()
            # The panel above the grid asks again
            ctx.ops.open_panel("track_audit", layout="horizontal")
        return {"opened": wanted is not None}


def list_samples(
    dataset: fo.Dataset, sequences: dict[str, list[store.SampleSpan]]
) -> dict[str, list[Json]]:
    """List the samples to open at the frames of each sequence.

    Args:
        dataset: the dataset
        sequences: the spans of each sequence, by its name

    Returns:
        the ``id`` of each sample, its ``offset`` in the sequence and its ``length``
    """
    if store.are_images(dataset):
        images = store.read_images(dataset).reset_index()
        return {
            str(name): [
                {"id": image, "offset": place, "length": 1}
                for place, image in enumerate(own["id"])
            ]
            for name, own in images.groupby("sequence", sort=False)
        }
    return {
        name: [
            {"id": span.sample_id, "offset": span.offset, "length": span.length}
            for span in spans
        ]
        for name, spans in sequences.items()
    }


def _find_shown(
    view: fo.DatasetView, sample_id: str, frame: int, issue: str | None
) -> str | None:
    """Find the video or clip of a view that shows a frame.

    If several clips do, that of the issue is preferred.
    """
    if store.kind_of(view) in ("frames", "patches"):
        return None
    if store.kind_of(view) != "clips":
        return sample_id if len(view.select(sample_id)) else None
    clips = zip(*view.values(["id", "sample_id", "support"]), strict=True)
    fits = [
        clip
        for clip, sample, (first, last) in clips
        if sample == sample_id and first <= frame <= last
    ]
    return issue if issue in fits else next(iter(fits), None)
