# SPDX-License-Identifier: Apache-2.0
"""Operators that audit tracks and show what the audit found."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ...importers import store
from ...importers.files import expand_home
from ..audit import APPEARANCE, IOU_KINDS, KINDS, SIZE_KINDS, Thresholds, kind_name
from ..plain import count
from ..review.audits import MODEL, AuditSummary, audit_dataset, last_thresholds
from .forms import (
    TrackOperator,
    add_label_field,
    add_notice,
    button,
    has_tracks,
    is_audited,
)
from .progress import run_with_progress

_SIZE = Thresholds().size
_IOU = Thresholds().iou
_PARAMETERS = ("label_field", "size_threshold", "iou_threshold", "model", "suspects")


class _AuditOperator(TrackOperator):
    """Computes signals of some kinds, and flags the outliers."""

    kinds: tuple[str, ...]
    outputs: ClassVar = {"message": "Result", "next": "What next"}

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Adds the thresholds, those of the last audit where there was one."""
        field = add_label_field(ctx, inputs)
        last = last_thresholds(ctx.dataset, field)
        if set(SIZE_KINDS) & set(self.kinds):
            inputs.float(
                "size_threshold",
                default=last.size,
                min=0.01,
                label="Size threshold",
                description=(
                    "Relative change of a box's area from frame to frame that is "
                    "suspicious: 0.25 is a quarter more, or the same ratio less"
                ),
            )
        if set(IOU_KINDS) & set(self.kinds):
            inputs.float(
                "iou_threshold",
                default=last.iou,
                min=0.01,
                max=0.99,
                label="IoU threshold",
                description=(
                    "IoU of a box with the same track's box in the next frame "
                    "below which it is suspicious"
                ),
            )

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Says what will be judged, and what is replaced."""
        field = store.find_label_field(ctx.dataset, ctx.params.get("label_field"))
        videos = ctx.dataset.select(store.sample_ids(ctx.target_view()))
        frames = int(videos.sum("metadata.total_frame_count"))
        earlier = (
            "What an earlier audit found there is replaced; what you decided is kept."
            if is_audited(ctx.dataset, field)
            else "Scores and issues are added."
        )
        add_notice(
            inputs,
            "notice",
            f"Will judge every box of {count(len(videos), 'video')} "
            f"({count(frames, 'frame')}) against its own track. Labels stay as they "
            f"are. {earlier}",
        )

    def execute(self, ctx: ExecutionContext) -> Any:  # noqa: ANN401 - result or stream
        """Audits the target view."""
        view = ctx.target_view()
        params = {
            name: ctx.params[name]
            for name in _PARAMETERS
            if ctx.params.get(name) is not None
        }
        return run_with_progress(
            ctx,
            "Judging tracks",
            lambda progress: self._audit(view, progress=progress, **params),
            self.describe,
            lambda: ctx.trigger("reload_dataset"),
        )

    def _audit(
        self,
        samples: fo.core.collections.SampleCollection,
        label_field: str | None = None,
        size_threshold: float = _SIZE,
        iou_threshold: float = _IOU,
        model: str | None = None,
        suspects: bool = False,
        progress: Any = None,  # noqa: ANN401 - FiftyOne's convention
    ) -> dict[str, Any]:
        summary = audit_dataset(
            samples,
            label_field,
            Thresholds(size_threshold, iou_threshold),
            kinds=self.kinds,
            run_key=self.config.name,
            model=model or (MODEL if APPEARANCE in self.kinds else None),
            suspects=suspects,
            progress=progress,
        )
        return {**asdict(summary), **_describe(summary)}

    def _call(
        self,
        samples: fo.core.collections.SampleCollection,
        delegate: bool,
        progress: Any,  # noqa: ANN401 - FiftyOne's convention
        **params: Any,  # noqa: ANN401 - the operator's parameters
    ) -> Any:  # noqa: ANN401 - result or queued operation
        if delegate:
            ctx = {"view": samples.view(), "params": params}
            return foo.execute_operator(self.uri, ctx, request_delegation=True)
        return self._audit(samples, progress=progress, **params)


def _describe(summary: AuditSummary) -> dict[str, str]:
    issues = ", ".join(
        f"{number:,} {kind_name(kind)}" for kind, number in summary.issues.items()
    )
    message = (
        f"{count(summary.outliers, 'outlier')} among "
        f"{count(summary.detections, 'box')} of {count(summary.sequences, 'sequence')}"
    )
    if issues:
        found = count(sum(summary.issues.values()), "issue")
        message += f"; they make {found}: {issues}"
    if summary.changed_frames:
        message += (
            f". The labels of {count(summary.changed_frames, 'frame')} changed "
            "meanwhile: run this again"
        )
    if summary.lost:
        message += (
            f". Not found again: {count(summary.lost, 'confirmed issue')}; what was "
            "decided is kept for when the same mistake is found"
        )
    if summary.outdated_views:
        message += (
            ". Somebody else was saving views: the saved views of issues still show "
            "an earlier audit until 'Save outlier views' or the next decision"
        )
    return {
        "message": message,
        "next": "Go through the issues in the panel 'Track audit'",
    }


class ComputeSizeOutliers(_AuditOperator):
    """Flags boxes whose size departs from their track."""

    kinds = SIZE_KINDS

    @property
    def config(self) -> foo.OperatorConfig:
        """The operator's configuration."""
        return foo.OperatorConfig(
            name="compute_size_outliers",
            label="Compute size outliers",
            description="Flag boxes whose size departs from their track",
            icon="photo_size_select_small",
            dynamic=True,
            execute_as_generator=True,
            allow_delegated_execution=True,
            risk_level=types.RiskLevel.MEDIUM,
        )

    def __call__(
        self,
        sample_collection: fo.core.collections.SampleCollection,
        label_field: str | None = None,
        size_threshold: float = _SIZE,
        delegate: bool = False,
        progress: Any = None,  # noqa: ANN401 - FiftyOne's convention
    ) -> Any:  # noqa: ANN401 - result or queued operation
        """Sets ``size_change`` and ``size_outlier`` on every detection.

        Args:
            sample_collection: a dataset or view
            label_field (None): the frame field of the tracks; found where there
                is only one
            size_threshold (0.25): the relative change of area that makes an
                outlier
            delegate (False): whether to queue the operation
            progress (None): whether to render a progress bar (True/False), use
                the default value ``fiftyone.config.show_progress_bars`` (None),
                or a progress callback function to invoke instead

        Returns:
            a dict of counts
        """
        return self._call(
            sample_collection,
            delegate,
            progress,
            label_field=label_field,
            size_threshold=size_threshold,
        )


class ComputeIoUOutliers(_AuditOperator):
    """Flags boxes that are not where their track suggests."""

    kinds = IOU_KINDS

    @property
    def config(self) -> foo.OperatorConfig:
        """The operator's configuration."""
        return foo.OperatorConfig(
            name="compute_iou_outliers",
            label="Compute IoU outliers",
            description="Flag boxes that are not where their track suggests",
            icon="compare_arrows",
            dynamic=True,
            execute_as_generator=True,
            allow_delegated_execution=True,
            risk_level=types.RiskLevel.MEDIUM,
        )

    def __call__(
        self,
        sample_collection: fo.core.collections.SampleCollection,
        label_field: str | None = None,
        iou_threshold: float = _IOU,
        delegate: bool = False,
        progress: Any = None,  # noqa: ANN401 - FiftyOne's convention
    ) -> Any:  # noqa: ANN401 - result or queued operation
        """Sets ``iou_prev``, ``iou_next`` and ``iou_outlier`` on every detection.

        Args:
            sample_collection: a dataset or view
            label_field (None): the frame field of the tracks; found where there
                is only one
            iou_threshold (0.5): the IoU with the neighbouring frames below which
                a box is an outlier
            delegate (False): whether to queue the operation
            progress (None): whether to render a progress bar (True/False), use
                the default value ``fiftyone.config.show_progress_bars`` (None),
                or a progress callback function to invoke instead

        Returns:
            a dict of counts
        """
        return self._call(
            sample_collection,
            delegate,
            progress,
            label_field=label_field,
            iou_threshold=iou_threshold,
        )


class AuditTracks(_AuditOperator):
    """Computes all signals, one score and the issues."""

    kinds = KINDS

    @property
    def config(self) -> foo.OperatorConfig:
        """The operator's configuration."""
        return foo.OperatorConfig(
            name="audit_tracks",
            label="Audit tracks",
            description="Judge every box against its own track and list the issues",
            icon="/assets/icon.svg",
            light_icon="/assets/icon-light.svg",
            dark_icon="/assets/icon-dark.svg",
            dynamic=True,
            execute_as_generator=True,
            allow_delegated_execution=True,
            risk_level=types.RiskLevel.MEDIUM,
        )

    def resolve_placement(self, ctx: ExecutionContext) -> types.Placement | None:
        """Puts a button above the grid of a dataset with tracks."""
        return button(self, ctx) if has_tracks(ctx) else None

    def __call__(
        self,
        sample_collection: fo.core.collections.SampleCollection,
        label_field: str | None = None,
        size_threshold: float = _SIZE,
        iou_threshold: float = _IOU,
        delegate: bool = False,
        progress: Any = None,  # noqa: ANN401 - FiftyOne's convention
    ) -> Any:  # noqa: ANN401 - result or queued operation
        """Sets all signals, ``outlier_score`` and ``outlier_reasons``, and issues.

        Args:
            sample_collection: a dataset or view
            label_field (None): the frame field of the tracks; found where there
                is only one
            size_threshold (0.25): the relative change of area that makes an
                outlier
            iou_threshold (0.5): the IoU with the neighbouring frames below which
                a box is an outlier
            delegate (False): whether to queue the operation
            progress (None): whether to render a progress bar (True/False), use
                the default value ``fiftyone.config.show_progress_bars`` (None),
                or a progress callback function to invoke instead

        Returns:
            a dict of counts
        """
        return self._call(
            sample_collection,
            delegate,
            progress,
            label_field=label_field,
            size_threshold=size_threshold,
            iou_threshold=iou_threshold,
        )


class ComputeEmbeddingOutliers(_AuditOperator):
    """Flags boxes that look unlike the rest of their track."""

    kinds = (APPEARANCE,)

    @property
    def config(self) -> foo.OperatorConfig:
        """The operator's configuration."""
        return foo.OperatorConfig(
            name="compute_embedding_outliers",
            label="Compute embedding outliers",
            description="Flag boxes that look unlike the rest of their track",
            icon="image_search",
            dynamic=True,
            execute_as_generator=True,
            allow_delegated_execution=True,
            risk_level=types.RiskLevel.MEDIUM,
        )

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Adds the model, and which tracks it looks at."""
        super().build_form(ctx, inputs)
        inputs.str(
            "model",
            default=MODEL,
            label="Model",
            description=(
                "A classification model of torchvision by name, whose weights are "
                "downloaded at first use, or NAME:FILE with a local file of weights"
            ),
        )
        inputs.bool(
            "suspects",
            default=False,
            label="Suspected tracks only",
            description="Look at the tracks that have other outliers, and not at all",
        )

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Says what will be judged, where the weights are at hand."""
        _, _, weights = (ctx.params.get("model") or MODEL).partition(":")
        if weights and not expand_home(weights).is_file():
            raise ValueError(f"there is no file of weights {weights}")
        super().preview(ctx, inputs)

    def __call__(
        self,
        sample_collection: fo.core.collections.SampleCollection,
        label_field: str | None = None,
        model: str = MODEL,
        suspects: bool = False,
        delegate: bool = False,
        progress: Any = None,  # noqa: ANN401 - FiftyOne's convention
    ) -> Any:  # noqa: ANN401 - result or queued operation
        """Sets ``embedding_distance`` and ``embedding_outlier`` on the detections.

        Args:
            sample_collection: a dataset or view, whose frames have a ``filepath``
            label_field (None): the frame field of the tracks; found where there
                is only one
            model ("resnet18"): the name of a classification model of torchvision,
                or ``NAME:FILE`` with a local file of weights
            suspects (False): whether to look only at the tracks that have other
                outliers
            delegate (False): whether to queue the operation
            progress (None): whether to render a progress bar (True/False), use
                the default value ``fiftyone.config.show_progress_bars`` (None),
                or a progress callback function to invoke instead

        Returns:
            a dict of counts
        """
        return self._call(
            sample_collection,
            delegate,
            progress,
            label_field=label_field,
            model=model,
            suspects=suspects,
        )
