# SPDX-License-Identifier: Apache-2.0
"""The operators: thin adapters between FiftyOne's App and the plugin."""

from .audits import (
    AuditTracks,
    ComputeEmbeddingOutliers,
    ComputeIoUOutliers,
    ComputeSizeOutliers,
    SaveOutlierViews,
)
from .decisions import DecideIssues, SuggestThresholds
from .imports import ImportSequences
from .jobs import (
    AdjustmentJobStatus,
    ExportAdjustmentJob,
    LaunchAdjustmentJob,
    StopAdjustmentJob,
)
from .mot import ExportMOTSequences
from .plans import PlanReview
from .reviews import ApplyAdjustments, LoadAdjustments, UndoAdjustments

#: In the order of ``fiftyone.yml``.
OPERATORS = (
    ImportSequences,
    AuditTracks,
    ComputeSizeOutliers,
    ComputeIoUOutliers,
    ComputeEmbeddingOutliers,
    SaveOutlierViews,
    PlanReview,
    DecideIssues,
    SuggestThresholds,
    ExportAdjustmentJob,
    LaunchAdjustmentJob,
    AdjustmentJobStatus,
    StopAdjustmentJob,
    ExportMOTSequences,
    LoadAdjustments,
    ApplyAdjustments,
    UndoAdjustments,
)

__all__ = ["OPERATORS"]
