# SPDX-License-Identifier: Apache-2.0
"""The operators: thin adapters between FiftyOne's App and the plugin."""

from .audit import (
    AuditTracks,
    ComputeEmbeddingOutliers,
    ComputeIoUOutliers,
    ComputeSizeOutliers,
)
from .backends import AnnotateFrames
from .comparing import CompareLabels
from .corrections import ApplyAdjustments, LoadAdjustments, UndoAdjustments
from .fixing import FixIssues, UndoFixes
from .importers import ImportSequences
from .interrupting import InterruptOperation
from .jobs import AdjustmentJobStatus, LaunchAdjustmentJob, StopAdjustmentJob
from .linking import LinkDetections
from .quality import MeasureQuality
from .review import DecideIssues, PlanReview, SaveOutlierViews, SuggestThresholds
from .sending import ExportAdjustmentJob, ExportMOTSequences

#: In the order of ``fiftyone.yml``.
OPERATORS = (
    ImportSequences,
    LinkDetections,
    AuditTracks,
    ComputeSizeOutliers,
    ComputeIoUOutliers,
    ComputeEmbeddingOutliers,
    CompareLabels,
    SaveOutlierViews,
    PlanReview,
    DecideIssues,
    FixIssues,
    UndoFixes,
    SuggestThresholds,
    ExportAdjustmentJob,
    LaunchAdjustmentJob,
    AdjustmentJobStatus,
    StopAdjustmentJob,
    ExportMOTSequences,
    AnnotateFrames,
    LoadAdjustments,
    ApplyAdjustments,
    UndoAdjustments,
    MeasureQuality,
    InterruptOperation,
)

__all__ = ["OPERATORS"]
