# SPDX-License-Identifier: Apache-2.0
"""Operators that audit tracks."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar

import fiftyone as fo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ...importers import store
from ...importers.dataset import Progress
from ...importers.files import expand_home
from ..audit import (
    APPEARANCE,
    IOU_KINDS,
    KINDS,
    RULE_VIOLATION,
    SIZE_KINDS,
    Rules,
    Thresholds,
)
from ..audit.rules import rules_from_dict
from ..plain import Json, count
from ..review.audit_records import describe_audit, last_thresholds
from ..review.audits import MODEL, audit_dataset
from .forms import (
    LONG,
    TrackOperator,
    add_label_field,
    add_notice,
    button,
    has_tracks,
    is_audited,
    warn_unfinished,
)
from .progress import Answer, Outcome, Result, run_or_delegate, run_with_progress
from .rules_form import add_rules, asked_rules, to_params

_SIZE = Thresholds().size
_IOU = Thresholds().iou
#: What the configurations of these operators have in common.
_ABOUT = {**LONG, "risk_level": types.RiskLevel.MEDIUM}
#: What calls from Python return: the result, or the queued operation.
_PARAMETERS = (
    "label_field",
    "size_threshold",
    "iou_threshold",
    "model",
    "suspects",
    "track_field",
    "sequence_field",
    "frame_field",
    "predictions_field",
    "engine",
)


def _add_fields(ctx: ExecutionContext, inputs: types.Object, field: str) -> None:
    """Ask for the fields that tell tracks and, of images, sequences apart."""
    mark = store.read_identity(ctx.dataset, field)
    inputs.str(
        "track_field",
        default=mark.attribute,
        label="Track field",
        description=(
            "The attribute of the boxes that holds the track IDs, such as track_id. "
            "Leave empty for the instance or the index of the boxes"
        ),
    )
    if not store.are_images(ctx.dataset):
        return
    order = store.read_order(ctx.dataset)
    inputs.str(
        "sequence_field",
        default=order.sequence,
        label="Sequence field",
        description=(
            "The sample field that is the same for all frames of a sequence. Leave "
            "empty for the groups of the view, or else the folders of the images"
        ),
    )
    inputs.str(
        "frame_field",
        default=order.frame,
        label="Frame field",
        description=(
            "The sample field that orders the frames of a sequence. Leave empty for "
            "the order of the view, or else the file names"
        ),
    )


class _AuditOperator(TrackOperator):
    """Compute the signals of some kinds of mistakes, and flag the outliers.

    Attributes:
        kinds: the kinds of mistakes to look for
    """

    kinds: ClassVar[tuple[str, ...]]

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Add the thresholds and rules, with those of the last audit as defaults."""
        field = add_label_field(ctx, inputs)
        _add_fields(ctx, inputs, field)
        last = last_thresholds(ctx.dataset, field)
        if set(SIZE_KINDS) & set(self.kinds):
            inputs.float(
                "size_threshold",
                default=last.size,
                min=0.01,
                label="Size threshold",
                description=(
                    "Relative change of a box's area between frames above which it is "
                    "an outlier: at 0.25, a box that grows by a quarter or shrinks by "
                    "the same ratio"
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
                    "IoU with the track's boxes in the neighboring frames below which "
                    "a box is an outlier"
                ),
            )
        if RULE_VIOLATION in self.kinds:
            add_rules(ctx, inputs, field)

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Show what will be audited and replaced."""
        field = store.find_label_field(ctx.dataset, ctx.params.get("label_field"))
        videos = ctx.dataset.select(store.sample_ids(ctx.target_view()))
        frames = store.count_frames(videos)
        if not frames:
            raise ValueError("the view is empty; there are no tracks to audit")
        what = "sequence" if store.are_images(ctx.dataset) else "video"
        earlier = (
            "The scores and issues of earlier audits are replaced; your decisions are "
            "kept."
            if is_audited(ctx.dataset, field)
            else "Scores and issues are added."
        )
        add_notice(
            inputs,
            "notice",
            f"Every box of {count(len(videos), what)} ({count(frames, 'frame')}) "
            "will be judged against its own track. Labels are not changed. " + earlier,
        )
        warn_unfinished(ctx, inputs, field)

    def execute(self, ctx: ExecutionContext) -> Outcome:
        """Audit the target view."""
        view = ctx.target_view()
        params = {
            name: ctx.params[name]
            for name in _PARAMETERS
            if ctx.params.get(name) is not None
        }
        params["rules"] = asked_rules(ctx)
        return run_with_progress(
            ctx,
            "Auditing tracks",
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
        track_field: str | None = None,
        sequence_field: str | None = None,
        frame_field: str | None = None,
        predictions_field: str | None = None,
        progress: Progress = None,
        rules: Json | None = None,
        engine: str | None = None,
    ) -> Result:
        summary = audit_dataset(
            samples,
            label_field,
            Thresholds(size_threshold, iou_threshold),
            kinds=self.kinds,
            run_key=self.config.name,
            model=model or (MODEL if APPEARANCE in self.kinds else None),
            suspects=suspects,
            predictions_field=predictions_field,
            progress=progress,
            track_field=track_field or None,
            sequence_field=sequence_field or None,
            frame_field=frame_field or None,
            rules=None if rules is None else rules_from_dict(rules),
            engine=engine,
        )
        return {
            **asdict(summary),
            "message": describe_audit(summary),
            "notes": "\n".join(summary.notes),
            "next": "Review the issues in the panel 'Track audit'",
        }

    def _call(
        self,
        samples: fo.core.collections.SampleCollection,
        params: dict[str, Any],
        delegate: bool,
        progress: Progress,
    ) -> Answer:
        return run_or_delegate(
            self.uri,
            samples,
            params,
            delegate,
            lambda: self._audit(samples, progress=progress, **params),
        )


class ComputeSizeOutliers(_AuditOperator):
    """Flag boxes whose size departs from their track."""

    kinds = SIZE_KINDS
    about: ClassVar = {
        "name": "compute_size_outliers",
        "label": "Compute size outliers",
        "description": "Flag boxes whose size departs from their track",
        "icon": "photo_size_select_small",
        **_ABOUT,
    }

    def __call__(
        self,
        sample_collection: fo.core.collections.SampleCollection,
        label_field: str | None = None,
        size_threshold: float = _SIZE,
        delegate: bool = False,
        progress: Progress = None,
    ) -> Answer:
        """Set ``size_change`` and ``size_outlier`` on every detection."""
        params = {"label_field": label_field, "size_threshold": size_threshold}
        return self._call(sample_collection, params, delegate, progress)


class ComputeIoUOutliers(_AuditOperator):
    """Flag boxes that are not where their track predicts them."""

    kinds = IOU_KINDS
    about: ClassVar = {
        "name": "compute_iou_outliers",
        "label": "Compute IoU outliers",
        "description": "Flag boxes that are not where their track predicts them",
        "icon": "compare_arrows",
        **_ABOUT,
    }

    def __call__(
        self,
        sample_collection: fo.core.collections.SampleCollection,
        label_field: str | None = None,
        iou_threshold: float = _IOU,
        delegate: bool = False,
        progress: Progress = None,
    ) -> Answer:
        """Set ``iou_prev``, ``iou_next`` and ``iou_outlier`` on every detection."""
        params = {"label_field": label_field, "iou_threshold": iou_threshold}
        return self._call(sample_collection, params, delegate, progress)


class AuditTracks(_AuditOperator):
    """Compute all signals, one score and the issues."""

    kinds = KINDS
    about: ClassVar = {
        "name": "audit_tracks",
        "label": "Audit tracks",
        "description": "Judge every box against its own track and list the issues",
        "icon": "/assets/icon.svg",
        "light_icon": "/assets/icon-light.svg",
        "dark_icon": "/assets/icon-dark.svg",
        **_ABOUT,
    }

    def resolve_placement(self, ctx: ExecutionContext) -> types.Placement | None:
        """Show a button above the grid of a dataset with tracks."""
        return button(self, ctx) if has_tracks(ctx) else None

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Add the thresholds, and the predictions if there may be any."""
        super().build_form(ctx, inputs)
        field = store.find_label_field(ctx.dataset, ctx.params.get("label_field"))
        others = [name for name in store.label_fields(ctx.dataset) if name != field]
        if others:
            inputs.enum(
                "predictions_field",
                others,
                default=store.find_predictions_field(ctx.dataset, field),
                label="Predictions",
                description=(
                    "The frame field of a detector's predictions, which the tracks are "
                    "compared with"
                ),
            )

    def __call__(
        self,
        sample_collection: fo.core.collections.SampleCollection,
        label_field: str | None = None,
        size_threshold: float = _SIZE,
        iou_threshold: float = _IOU,
        delegate: bool = False,
        progress: Progress = None,
        track_field: str | None = None,
        sequence_field: str | None = None,
        frame_field: str | None = None,
        predictions_field: str | None = None,
        rules: Rules | None = None,
        engine: str | None = None,
    ) -> Answer:
        """Set all signals, ``outlier_score`` and ``outlier_reasons``, and issues."""
        params = {
            "label_field": label_field,
            "size_threshold": size_threshold,
            "iou_threshold": iou_threshold,
            "track_field": track_field,
            "sequence_field": sequence_field,
            "frame_field": frame_field,
            "predictions_field": predictions_field,
            "rules": to_params(rules),
            "engine": engine,
        }
        return self._call(sample_collection, params, delegate, progress)


class ComputeEmbeddingOutliers(_AuditOperator):
    """Flag boxes that look unlike the rest of their track."""

    kinds = (APPEARANCE,)
    about: ClassVar = {
        "name": "compute_embedding_outliers",
        "label": "Compute embedding outliers",
        "description": "Flag boxes that look unlike the rest of their track",
        "icon": "image_search",
        **_ABOUT,
    }

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Add the model, and which tracks to embed."""
        super().build_form(ctx, inputs)
        inputs.str(
            "model",
            default=MODEL,
            label="Model",
            description=(
                "The name of a torchvision classification model, whose weights are "
                "downloaded on first use, or NAME:FILE with a local file of weights"
            ),
        )
        inputs.bool(
            "suspects",
            default=False,
            label="Suspected tracks only",
            description="Embed only the tracks that have other outliers",
        )

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Show what will be audited if the file of weights exists."""
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
        progress: Progress = None,
    ) -> Answer:
        """Set ``embedding_distance`` and ``embedding_outlier`` on the detections."""
        params = {"label_field": label_field, "model": model, "suspects": suspects}
        return self._call(sample_collection, params, delegate, progress)
