# SPDX-License-Identifier: Apache-2.0
"""Track Audit: find the mistakes in video tracking annotations.

FiftyOne loads this module as a plugin, and ``pip`` installs it as the package
``fiftyone_track_audit``. Its public names are imported when they are first used, so
that the command line reads and scores files without waiting for FiftyOne or torch.

    >>> import fiftyone_track_audit as fta
    >>> fta.Thresholds(size=0.3)
    Thresholds(size=0.3, iou=0.5)
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from .importers.version import __version__

if TYPE_CHECKING:
    from .importers.dataset import create_dataset
    from .importers.dataset_types import (
        GroundTruthDataset,
        MOTChallengeDataset,
        TrackLabelsDataset,
    )
    from .importers.formats import read_labels
    from .importers.groundtruth import read_manifest, read_seq_label
    from .importers.mot import read_mot
    from .importers.predictions import read_predictions
    from .importers.store import box_polylines
    from .importers.store.locks import interrupt
    from .plugin.audit import Audit, Rules, Thresholds, audit_tracks, propose_rules
    from .plugin.audit.linking import link_tracks
    from .plugin.comparing import Comparison, compare_tracks
    from .plugin.corrections.applying import (
        apply_adjustment,
        drop_old_labels,
        undo_adjustment,
    )
    from .plugin.corrections.fixes import Fixed, fix_issues, preview_fixes, undo_fixes
    from .plugin.corrections.loading import load_adjustment
    from .plugin.corrections.quality import Quality, measure_quality
    from .plugin.corrections.reviews import reviewed_precision
    from .plugin.groundtruth.request import AdjustmentJob
    from .plugin.pictures.figures import (
        plot_crops,
        plot_frame,
        plot_overlaps,
        plot_track,
    )
    from .plugin.review.annotator_statistics import annotator_statistics
    from .plugin.review.audits import audit_dataset
    from .plugin.review.compared_labels import compare_labels
    from .plugin.review.deciding import decide_issues, note_issue
    from .plugin.review.linked_tracks import link_detections
    from .plugin.review.reporting import report_issue
    from .plugin.review.review_plan import plan_review
    from .plugin.review.saved_views import save_outlier_views
    from .plugin.sending.backends import annotate_frames
    from .plugin.sending.cvat import export_cvat
    from .plugin.sending.groundtruth import export_adjustment, launch_adjustment
    from .plugin.sending.groundtruth_jobs import adjustment_status, stop_adjustment
    from .plugin.sending.groundtruth_plan import plan_adjustment
    from .plugin.sending.mot import export_mot

#: The modules that define the public names.
_HOMES = {
    "importers.dataset": ["create_dataset"],
    "importers.dataset_types": [
        "GroundTruthDataset",
        "MOTChallengeDataset",
        "TrackLabelsDataset",
    ],
    "importers.formats": ["read_labels"],
    "importers.groundtruth": ["read_manifest", "read_seq_label"],
    "importers.mot": ["read_mot"],
    "importers.predictions": ["read_predictions"],
    "importers.store": ["box_polylines"],
    "importers.store.locks": ["interrupt"],
    "plugin.audit.linking": ["link_tracks"],
    "plugin.audit": ["Audit", "Rules", "Thresholds", "audit_tracks", "propose_rules"],
    "plugin.comparing": ["Comparison", "compare_tracks"],
    "plugin.corrections.applying": [
        "apply_adjustment",
        "drop_old_labels",
        "undo_adjustment",
    ],
    "plugin.corrections.fixes": [
        "Fixed",
        "fix_issues",
        "preview_fixes",
        "undo_fixes",
    ],
    "plugin.corrections.loading": ["load_adjustment"],
    "plugin.corrections.quality": ["Quality", "measure_quality"],
    "plugin.corrections.reviews": ["reviewed_precision"],
    "plugin.groundtruth.request": ["AdjustmentJob"],
    "plugin.pictures.figures": [
        "plot_crops",
        "plot_frame",
        "plot_overlaps",
        "plot_track",
    ],
    "plugin.review.annotator_statistics": ["annotator_statistics"],
    "plugin.review.audits": ["audit_dataset"],
    "plugin.review.compared_labels": ["compare_labels"],
    "plugin.review.deciding": ["decide_issues", "note_issue"],
    "plugin.review.reporting": ["report_issue"],
    "plugin.review.linked_tracks": ["link_detections"],
    "plugin.review.review_plan": ["plan_review"],
    "plugin.review.saved_views": ["save_outlier_views"],
    "plugin.sending.backends": ["annotate_frames"],
    "plugin.sending.cvat": ["export_cvat"],
    "plugin.sending.groundtruth": ["export_adjustment", "launch_adjustment"],
    "plugin.sending.groundtruth_jobs": ["adjustment_status", "stop_adjustment"],
    "plugin.sending.groundtruth_plan": ["plan_adjustment"],
    "plugin.sending.mot": ["export_mot"],
}
_PUBLIC = {name: module for module, names in _HOMES.items() for name in names}
__all__ = [
    "AdjustmentJob",
    "Audit",
    "Comparison",
    "Fixed",
    "GroundTruthDataset",
    "MOTChallengeDataset",
    "Quality",
    "Rules",
    "Thresholds",
    "TrackLabelsDataset",
    "__version__",
    "adjustment_status",
    "annotate_frames",
    "annotator_statistics",
    "apply_adjustment",
    "audit_dataset",
    "audit_tracks",
    "box_polylines",
    "compare_labels",
    "compare_tracks",
    "create_dataset",
    "decide_issues",
    "drop_old_labels",
    "export_adjustment",
    "export_cvat",
    "export_mot",
    "fix_issues",
    "interrupt",
    "launch_adjustment",
    "link_detections",
    "link_tracks",
    "load_adjustment",
    "measure_quality",
    "note_issue",
    "plan_adjustment",
    "plan_review",
    "plot_crops",
    "plot_frame",
    "plot_overlaps",
    "plot_track",
    "preview_fixes",
    "propose_rules",
    "read_labels",
    "read_manifest",
    "read_mot",
    "read_predictions",
    "read_seq_label",
    "register",
    "report_issue",
    "reviewed_precision",
    "save_outlier_views",
    "stop_adjustment",
    "undo_adjustment",
    "undo_fixes",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    """Import a public name when it is first used."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_PUBLIC[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, whether or not they were imported yet."""
    return sorted({*globals(), *__all__})


def register(plugin: Any) -> None:  # noqa: ANN401 - FiftyOne's PluginContext
    """Register the operators and panels with FiftyOne.

    Args:
        plugin: the :class:`fiftyone.plugins.context.PluginContext`
    """
    from .plugin.operators import OPERATORS
    from .plugin.panel import PANELS

    for operator in (*OPERATORS, *PANELS):
        plugin.register(operator)
    _register_backend()


def _register_backend() -> None:
    """Make ``annotate(backend="groundtruth")`` known to FiftyOne, if it is loaded.

    FiftyOne loads an annotation run by the name of its class, which exists only where
    the package is installed.
    """
    fiftyone = sys.modules.get("fiftyone")
    config = getattr(fiftyone, "annotation_config", None)
    if config is not None and find_spec("fiftyone_track_audit"):
        name = "fiftyone_track_audit.plugin.annotation.GroundTruthBackendConfig"
        config.backends.setdefault("groundtruth", {"config_cls": name})


_register_backend()
